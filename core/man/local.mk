# manual pages of the programs and files
