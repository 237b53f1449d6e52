# SPDX-License-Identifier: Apache-2.0
# FB_PROTECT_CORE_FOLDER
# configure cleans up with `rm -f core conftest...`, meaning a core dump. Here core/ is a folder of sources, on which rm fails,
# leaving confdefs.h behind. This shell function drops that one operand from that one form of the call.
AC_DEFUN([FB_PROTECT_CORE_FOLDER], [
m4_divert_text([INIT_PREPARE], [
rm ()
{
  if test "x$[]1" = x-f && test "x$[]2" = xcore; then
    shift; shift
    command rm -f "$[]@"
  else
    command rm "$[]@"
  fi
}
])])
