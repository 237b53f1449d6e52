# SPDX-License-Identifier: Apache-2.0
# FB_TRY_CFLAG(VARIABLE, FLAG), FB_TRY_LDFLAG(VARIABLE, FLAG): append FLAG to VARIABLE when the compiler takes it.
AC_DEFUN([FB_TRY_CFLAG], [
AC_MSG_CHECKING([whether $CC takes $2])
fb_saved=$CFLAGS; CFLAGS="$CFLAGS -Werror $2"
AC_COMPILE_IFELSE([AC_LANG_PROGRAM([], [])], [AC_MSG_RESULT([yes]); $1="$$1 $2"], [AC_MSG_RESULT([no])])
CFLAGS=$fb_saved])

AC_DEFUN([FB_TRY_LDFLAG], [
AC_MSG_CHECKING([whether the linker takes $2])
fb_saved=$LDFLAGS; LDFLAGS="$LDFLAGS $2"
AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])], [AC_MSG_RESULT([yes]); $1="$$1 $2"], [AC_MSG_RESULT([no])])
LDFLAGS=$fb_saved])

AC_DEFUN([FB_ARG_SANITIZERS], [
AC_ARG_ENABLE([sanitizers], [AS_HELP_STRING([--enable-sanitizers], [build with AddressSanitizer and UndefinedBehaviorSanitizer])],
              [fb_sanitizers=$enableval], [fb_sanitizers=no])
AM_CONDITIONAL([SANITIZERS], [test "x$fb_sanitizers" = xyes])])

AC_DEFUN([FB_ARG_WERROR], [
AC_ARG_ENABLE([werror], [AS_HELP_STRING([--enable-werror], [treat warnings as errors])], [fb_werror=$enableval], [fb_werror=no])
AS_IF([test "x$fb_werror" = xyes], [fb_werror_text="errors"], [fb_werror_text="shown"])])

# FB_FLAGS: sets FB_CFLAGS, FB_LDFLAGS and FB_PLUGIN_LDFLAGS
AC_DEFUN([FB_FLAGS], [
FB_CFLAGS="-std=gnu11"; FB_LDFLAGS=; FB_PLUGIN_LDFLAGS=
FB_TRY_CFLAG([FB_CFLAGS], [-Wall])
FB_TRY_CFLAG([FB_CFLAGS], [-Wextra])
FB_TRY_CFLAG([FB_CFLAGS], [-Wshadow])
FB_TRY_CFLAG([FB_CFLAGS], [-Wstrict-prototypes])
FB_TRY_CFLAG([FB_CFLAGS], [-Wmissing-prototypes])
FB_TRY_CFLAG([FB_CFLAGS], [-Wpointer-arith])
FB_TRY_CFLAG([FB_CFLAGS], [-Wvla])
FB_TRY_CFLAG([FB_CFLAGS], [-Wformat=2])
FB_TRY_CFLAG([FB_CFLAGS], [-Wundef])
FB_TRY_CFLAG([FB_CFLAGS], [-fvisibility=hidden])
FB_TRY_CFLAG([FB_CFLAGS], [-fno-common])
FB_TRY_CFLAG([FB_CFLAGS], [-fstack-protector-strong])
FB_TRY_CFLAG([FB_CFLAGS], [-fstack-clash-protection])
FB_TRY_CFLAG([FB_CFLAGS], [-fcf-protection])
FB_TRY_LDFLAG([FB_LDFLAGS], [-Wl,-z,relro])
FB_TRY_LDFLAG([FB_LDFLAGS], [-Wl,-z,now])
FB_TRY_LDFLAG([FB_LDFLAGS], [-Wl,--as-needed])
AS_IF([test "x$fb_werror" = xyes], [FB_CFLAGS="$FB_CFLAGS -Werror"])
AS_IF([test "x$fb_sanitizers" = xyes], [
  FB_CFLAGS="$FB_CFLAGS -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer"
  FB_LDFLAGS="$FB_LDFLAGS -fsanitize=address,undefined"
], [
  FB_CFLAGS="$FB_CFLAGS -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2"
  FB_TRY_LDFLAG([FB_PLUGIN_LDFLAGS], [-Wl,-z,defs])
])
FB_TRY_CFLAG([FB_PIE_CFLAGS], [-fPIE])
FB_TRY_LDFLAG([FB_PIE_LDFLAGS], [-pie])
AC_SUBST([FB_CFLAGS])
AC_SUBST([FB_LDFLAGS])
AC_SUBST([FB_PLUGIN_LDFLAGS])
AC_SUBST([FB_PIE_CFLAGS])
AC_SUBST([FB_PIE_LDFLAGS])])
