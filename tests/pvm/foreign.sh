#!/bin/sh
# foreign.sh - a PVM program understands a message from a machine of the other byte order.
. "$WEFT_SRCDIR/tests/checks/tap.sh"
pvm=$WEFT_BUILDDIR/bindings/pvm c=$WEFT_BUILDDIR/bindings/c
[ -e "$pvm/.libs/libpvm3.so" ] && [ -e "$c/.libs/libweft.so" ] || skip_all "the libraries were not built (shared libraries are off)"
tmp=$(mktemp -d "${TMPDIR:-/tmp}/weft-pvm.XXXXXX") || exit 99
trap 'rm -rf "$tmp"' EXIT
nm -D "$pvm/.libs/libpvm3.so" | grep -q -E ' U __(asan|ubsan|tsan)' && skip_all "the libraries were built with a sanitizer"
plan 2
expect "both programs compile" "$(${CC:-cc} -Wall -Wextra -Werror -I"$WEFT_SRCDIR/bindings/c" -I"$WEFT_SRCDIR/base" -I"$WEFT_SRCDIR" \
	-o "$tmp/foreign" "$WEFT_SRCDIR/tests/pvm/foreign.c" -L"$c/.libs" -lweft 2>&1
	${CC:-cc} -Wall -Wextra -Werror -I"$WEFT_SRCDIR/bindings/pvm" -o "$tmp/reads" "$WEFT_SRCDIR/tests/pvm/reads.c" -L"$pvm/.libs" -lpvm3 2>&1)"
LD_LIBRARY_PATH=$pvm/.libs:$c/.libs${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH WEFT_RUNDIR="$tmp"
rc=0
timeout 60 "$WEFT_BUILDDIR/console/weft" run "$tmp/foreign" "$tmp/reads" >"$tmp/out" 2>&1 </dev/null || rc=$?
expect "what the one sends the other reads" "$([ $rc = 0 ] || { echo "exit status $rc"; cat "$tmp/out"; })"
[ "$tap_failed" = 0 ]
