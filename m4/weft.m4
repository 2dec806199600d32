# WEFT_TRY_CFLAG(FLAG): append FLAG to WEFT_CFLAGS where the compiler knows it.
AC_DEFUN([WEFT_TRY_CFLAG], [
  AC_MSG_CHECKING([whether $CC accepts $1])
  weft_saved_CFLAGS=$CFLAGS
  CFLAGS="$CFLAGS -Werror $1"
  AC_COMPILE_IFELSE([AC_LANG_PROGRAM()],
    [AC_MSG_RESULT([yes]); WEFT_CFLAGS="$WEFT_CFLAGS $1"],
    [AC_MSG_RESULT([no])])
  CFLAGS=$weft_saved_CFLAGS
])
