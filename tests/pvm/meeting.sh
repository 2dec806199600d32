#!/bin/sh
# meeting.sh - a group's barriers are right while its members meet by themselves, compute, leave, come and die.
. "$WEFT_SRCDIR/tests/checks/tap.sh"
lib=$WEFT_BUILDDIR/bindings/pvm/.libs
[ -e "$lib/libpvm3.so" ] || skip_all "libpvm3.so was not built (shared libraries are off)"
tmp=$(mktemp -d "${TMPDIR:-/tmp}/weft-pvm.XXXXXX") || exit 99
trap 'rm -rf "$tmp"' EXIT
nm -D "$lib/libpvm3.so" | grep -q -E ' U __(asan|ubsan|tsan)' && skip_all "the libraries were built with a sanitizer"
plan 3
LD_LIBRARY_PATH=$lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH WEFT_RUNDIR="$tmp"

run() { # nodes
	rm -f "$tmp/come"
	timeout 60 "$WEFT_BUILDDIR/console/weft" run --local-nodes "$1" "$tmp/meeting" "$tmp/come" >"$tmp/out" 2>"$tmp/err" </dev/null
	rc=$?
	grep -q '^right' "$tmp/out" || echo "exit status $rc: $(tail -n 3 "$tmp/out" "$tmp/err")"
}
expect "meeting compiles without a warning" "$(${CC:-cc} -Wall -Wextra -Werror -I"$WEFT_SRCDIR/bindings/pvm" -o "$tmp/meeting" \
	"$WEFT_SRCDIR/tests/pvm/meeting.c" -L"$lib" -lgpvm3 -lpvm3 2>&1)"
expect "nobody passes a barrier before all have come on one node" "$(run 1)"
expect "nor on two" "$(run 2)"
[ "$tap_failed" = 0 ]
