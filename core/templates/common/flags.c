CFLAGS ?= -O2 -g
FAILBACK_CFLAGS := $(shell $(PKG_CONFIG) --cflags failback)
COMPILE = $(CC) -std=gnu11 -Wall -Wextra -Werror $(FAILBACK_CFLAGS) $(CFLAGS)
LINK = $(CC) $(CFLAGS)
LIBS =
