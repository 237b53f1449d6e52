# unit: one module each, cmocka. chain: the real binary with real servers. abi: frozen headers, hostile plugins. fuzz, bench.
include tests/fake/local.mk
include tests/unit/local.mk
include tests/chain/local.mk
include tests/abi/local.mk
include tests/fuzz/local.mk
include tests/bench/local.mk
include tests/packages/local.mk
