#!/bin/sh
# fortran.sh - a Fortran program compiled against our fpvm3.h runs; libfpvm3 has the calls that fortran.h declares.
. "$WEFT_SRCDIR/tests/checks/tap.sh"
lib=$WEFT_BUILDDIR/bindings/pvm/.libs
[ -e "$lib/libfpvm3.so" ] || skip_all "libfpvm3.so was not built (shared libraries are off)"
tmp=$(mktemp -d "${TMPDIR:-/tmp}/weft-pvm.XXXXXX") || exit 99
trap 'rm -rf "$tmp"' EXIT
plan 4

sed -n 's/^void \(pvm[a-z]*_\)(.*/\1/p' "$WEFT_SRCDIR/bindings/pvm/fortran.h" | LC_ALL=C sort >"$tmp/declared"
nm -D --defined-only "$lib/libfpvm3.so" | awk '$3 ~ /^pvm/ { print $3 }' | LC_ALL=C sort >"$tmp/exported"
expect "libfpvm3 exports what fortran.h declares" "$(diff "$tmp/declared" "$tmp/exported")"
# Each constant has C's value; PvmDupEntry alone has two, in PVM, too.
sed -n 's/^ *parameter (\([A-Z0-9]*\) = \([-0-9]*\))/\1 \2/p' "$WEFT_SRCDIR/bindings/pvm/fpvm3.h" | grep '^PVM' | sort >"$tmp/fortran"
sed -n 's/^#define \(Pvm[A-Za-z]*\) *(*\(-*[0-9][0-9]*\).*/\1 \2/p' "$WEFT_SRCDIR/bindings/pvm/pvm3.h" |
	tr '[:lower:]' '[:upper:]' | sort >"$tmp/c"
expect "constants that C has, too, have its values" "$(join "$tmp/fortran" "$tmp/c" | awk '$2 != $3')"

FC=$(sed -n 's/^FC = //p' "$WEFT_BUILDDIR/Makefile")
why=
if [ -z "$FC" ] || ! $FC --version >/dev/null 2>&1; then
	why="no Fortran compiler"
elif nm -D "$lib/libpvm3.so" | grep -q -E ' U __(asan|ubsan|tsan)'; then
	why="the libraries were built with a sanitizer"
fi
if [ -n "$why" ]; then
	skip "a Fortran program compiles" "$why"
	skip "and runs" "$why"
else
	$FC --version | grep -q GNU && relaxed="-std=legacy -fallow-argument-mismatch -w"
	expect "a Fortran program compiles" "$($FC $relaxed -I"$WEFT_SRCDIR/bindings/pvm" -o "$tmp/calls" \
		"$WEFT_SRCDIR/tests/pvm/calls.f" -L"$lib" -lfpvm3 -lgpvm3 -lpvm3 2>&1)"
	equal "and runs" OK "$(LD_LIBRARY_PATH=$lib WEFT_RUNDIR=$tmp timeout 60 "$WEFT_BUILDDIR/console/weft" run "$tmp/calls" 2>"$tmp/err")"
	sed "s/^/# /" "$tmp/err"
fi
[ "$tap_failed" = 0 ]
