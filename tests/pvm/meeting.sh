#!/bin/sh
# meeting.sh - a group's barriers are right while its members meet by themselves, compute, leave, come and die.
. "$WEFT_SRCDIR/tests/checks/tap.sh"
. "$WEFT_SRCDIR/tests/pvm/lib.sh"
tmp=$(mktemp -d "${TMPDIR:-/tmp}/weft-pvm.XXXXXX") || exit 99
trap 'rm -rf "$tmp"' EXIT
plan 3
export WEFT_RUNDIR="$tmp"

run() { # nodes
	rm -f "$tmp/come"
	timeout 60 "$WEFT_BUILDDIR/console/weft" run --local-nodes "$1" "$tmp/meeting" "$tmp/come" >"$tmp/out" 2>"$tmp/err" </dev/null
	rc=$?
	grep -q '^right' "$tmp/out" || echo "exit status $rc: $(tail -n 3 "$tmp/out" "$tmp/err")"
}
expect "meeting compiles without a warning" "$(compile meeting -Wall -Wextra -Werror -lgpvm3 -lpvm3)"
expect "nobody passes a barrier before all have come on one node" "$(run 1)"
expect "nor on two" "$(run 2)"
[ "$tap_failed" = 0 ]
