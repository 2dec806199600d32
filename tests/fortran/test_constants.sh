#!/bin/sh
# Every constant of the C headers is in weft.f90 with the C compiler's value, and none is there that C has not.
set -u
f90=$WEFT_BUILDDIR/bindings/fortran/weft.f90
cc=${CC:-cc}
echo 1..3
command -v "$cc" >/dev/null 2>&1 || {
	for i in 1 2 3; do echo "ok $i # SKIP no C compiler: $cc"; done
	exit 0
}
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT

# The names that C has: errors from the preprocessor's output of the enum, the rest as they are written.
printf '#include "weft.h"\n' >"$work/all.c"
"$cc" -E -P -I"$WEFT_SRCDIR/bindings/c" -I"$WEFT_SRCDIR/base" "$work/all.c" >"$work/all.i"
{
	grep -o 'WEFT_[A-Z0-9_]* *=' "$work/all.i" | tr -d ' ='
	grep -o '^[[:space:]]*WEFT_[A-Z0-9_]*,\{0,1\}$' "$work/all.i" | tr -d ' \t,'
	sed -n 's/^#define \(WEFT_[A-Z]*_MAX\) .*/\1/p' "$WEFT_SRCDIR/bindings/c/weft.h"
	echo WEFT_ANY_TAG
} | sort -u >"$work/names"

{
	echo '#include <stdio.h>'
	echo '#include "weft.h"'
	echo 'int main(void) {'
	awk '{ printf "printf(\"%s %%lld\\n\", (long long)%s);\n", $1, $1 }' "$work/names"
	echo 'return 0; }'
} >"$work/values.c"
if "$cc" -I"$WEFT_SRCDIR/bindings/c" -I"$WEFT_SRCDIR/base" "$work/values.c" -o "$work/values" 2>"$work/log"; then
	"$work/values" | sort >"$work/c"
else
	sed 's/^/# /;20q' "$work/log"
	echo 'Bail out! the list of constants does not compile'
	exit 1
fi

# The same of weft.f90; the two that are expressions there are worked out here.
sed -n 's/^ *integer(c_[a-z0-9_]*), parameter, public :: \(WEFT_[A-Z0-9_]*\) = /\1 /p' "$f90" |
	sed -e 's/ 2_c_int64_t\*\*40$/ 1099511627776/' -e 's/ ibset(0_c_int32_t, 31)$/ -2147483648/' |
	sort >"$work/fortran"

n=$(wc -l <"$work/c")
if [ "$n" -gt 60 ]; then echo "ok 1 - the_c_headers_have_constants # $n"; else echo "not ok 1 - the_c_headers_have_constants # $n"; fi
if diff "$work/c" "$work/fortran" >"$work/diff"; then
	echo 'ok 2 - every_constant_is_the_same_in_fortran'
else
	sed 's/^/# /' "$work/diff"
	echo 'not ok 2 - every_constant_is_the_same_in_fortran'
fi
if [ "$(cut -d' ' -f1 "$work/fortran" | sort | uniq -d | wc -l)" -eq 0 ]; then
	echo 'ok 3 - no_constant_is_there_twice'
else
	echo 'not ok 3 - no_constant_is_there_twice'
fi
