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

for WEFT_SHARE_BYTES in 131072 0; do
	export WEFT_SHARE_BYTES
	for n in 2 5; do
		status "$n tasks and shared buffers, from $WEFT_SHARE_BYTES bytes on" 0 \
			weft run -n $n -x WEFT_SHARE_BYTES "$build/tests/task/calls" shared
	done
done
unset WEFT_SHARE_BYTES

status "a machine for many" 0 weft up --local-nodes 3
for i in 1 2 3; do
	status "40 tasks that ask for each other and go" 0 weft run -q -n 40 "$build/tests/task/calls" ask_and_go
	status "40 tasks that meet each other at once" 0 weft run -q -n 40 "$build/tests/task/calls" meet
done
status "its nodes are there still" 0 weft conf --json
equal "all three" 3 "$(grep -o '"node"' "$tmp/out" | wc -l)"
status "down" 0 weft down
expect "nothing remains of it" "$(remains)"
done_testing
