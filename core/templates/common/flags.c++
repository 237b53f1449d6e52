CFLAGS ?= -O2 -g
CXXFLAGS ?= -O2 -g
FAILBACK_CFLAGS := $(shell $(PKG_CONFIG) --cflags failback)
# Members that are left out of a designated initializer are zero, and that is meant: a newer header may have more of them.
COMPILE = $(CXX) -std=c++20 -Wall -Wextra -Werror -Wno-missing-field-initializers $(FAILBACK_CFLAGS) $(CXXFLAGS)
LINK = $(CXX) $(CXXFLAGS)
LIBS =
