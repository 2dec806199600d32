#!/bin/sh
# source.sh - PVM programs compiled against our pvm3.h do what PVM's manual says, on one node and on three.
. "$WEFT_SRCDIR/tests/checks/tap.sh"
. "$WEFT_SRCDIR/tests/pvm/lib.sh"
tmp=$(mktemp -d "${TMPDIR:-/tmp}/weft-pvm.XXXXXX") || exit 99
trap 'rm -rf "$tmp"' EXIT
programs="calls mailbox output trace large handed"
set -- $programs
plan $((5 * $#))

export WEFT_RUNDIR="$tmp"

run() { # nodes program
	NHOSTS=$1 timeout 60 "$WEFT_BUILDDIR/console/weft" run --local-nodes "$1" "$tmp/$2" >"$tmp/out" 2>"$tmp/err" </dev/null
	rc=$?
	grep -A1 '^not ok' "$tmp/out"
	[ $rc = 0 ] || echo "exit status $rc: $(tail -n 3 "$tmp/out" "$tmp/err")"
}
for p in $programs; do
	expect "$p compiles without a warning" "$(${CC:-cc} -Wall -Wextra -Werror -I"$WEFT_SRCDIR/bindings/pvm" -o "$tmp/$p" \
		"$WEFT_SRCDIR/tests/pvm/$p.c" -L"$lib" -lgpvm3 -lpvm3 2>&1)"
	expect "$p: every call does what it should on one node" "$(run 1 "$p")"
	expect "$p: nothing is said on standard error" "$(cat "$tmp/err")"
	expect "$p: every call does what it should on three nodes" "$(run 3 "$p")"
	expect "$p: nothing is said on standard error there" "$(cat "$tmp/err")"
done
[ "$tap_failed" = 0 ]
