include plugins/strategies/blue-green/local.mk
