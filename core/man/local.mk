# manual pages of the programs and files
dist_man_MANS += core/man/failback.conf.5
