# manual pages of the programs and files
dist_man_MANS += core/man/failback.1
dist_man_MANS += core/man/failback.conf.5
dist_man_MANS += core/man/failback-store.8
dist_man_MANS += core/man/failback-plugin.3
dist_man_MANS += core/man/failback-signatures.5
