#!/bin/sh
# source.sh - a PVM program compiled against our pvm3.h does what PVM's manual says, on one node and on three.
. "$WEFT_SRCDIR/tests/checks/tap.sh"
lib=$WEFT_BUILDDIR/bindings/pvm/.libs
[ -e "$lib/libpvm3.so" ] || skip_all "libpvm3.so was not built (shared libraries are off)"
tmp=$(mktemp -d "${TMPDIR:-/tmp}/weft-pvm.XXXXXX") || exit 99
trap 'rm -rf "$tmp"' EXIT
nm -D "$lib/libpvm3.so" | grep -q -E ' U __(asan|ubsan|tsan)' && skip_all "the libraries were built with a sanitizer"
plan 5

expect "it compiles without a warning" "$(${CC:-cc} -Wall -Wextra -Werror -I"$WEFT_SRCDIR/bindings/pvm" -o "$tmp/calls" \
	"$WEFT_SRCDIR/tests/pvm/calls.c" -L"$lib" -lgpvm3 -lpvm3 2>&1)"
LD_LIBRARY_PATH=$lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH WEFT_RUNDIR="$tmp"

calls() { # nodes
	NHOSTS=$1 timeout 60 "$WEFT_BUILDDIR/console/weft" run --local-nodes "$1" "$tmp/calls" >"$tmp/out" 2>"$tmp/err" </dev/null
	rc=$?
	grep -A1 '^not ok' "$tmp/out"
	[ $rc = 0 ] || echo "exit status $rc: $(tail -n 3 "$tmp/out" "$tmp/err")"
}
expect "every call does what the manual says on one node" "$(calls 1)"
expect "nothing is said on standard error" "$(cat "$tmp/err")"
expect "every call does what the manual says on three nodes" "$(calls 3)"
expect "nothing is said on standard error there" "$(cat "$tmp/err")"
[ "$tap_failed" = 0 ]
