#!/bin/sh
# calls.sh - all of weft.h against real daemons: calls.c says what it checks.
. "$WEFT_SRCDIR/tests/system/lib.sh"

limit=100
status "every call does what weft.h says" 0 weft run -n 1 --local-nodes 2 "$build/tests/task/calls"
for part in itself spawn 'messages on one node' 'messages between nodes' 'ends on one node' \
	'ends between nodes' groups names nodes leaving; do
	if grep -q -x -F "$part" "$tmp/out"; then ok "$part"; else not_ok "$part" "$(tail -n 1 "$tmp/out")"; fi
done
expect "nothing remains" "$(remains)"
done_testing
