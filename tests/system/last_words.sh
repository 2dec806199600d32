#!/bin/sh
# last_words.sh - a task that ends, in whatever way, with unread bytes in its socket: what it sent arrives, then the notice
# of its end.
. "$WEFT_SRCDIR/tests/system/lib.sh"

mkfifo "$tmp/go" "$tmp/alive"
for how in killed left returned; do
	status "a task that is $how has said all" 0 \
		weft run -n 1 --local-nodes 2 "$build/tests/system/last_words" "$tmp" $how
	equal "its partner has heard it ($how)" "all of it" "$(tail -n 1 "$tmp/out")"
done
expect "nothing remains" "$(remains)"

# The daemons let go of what they keep for that.
status "a machine that stands" 0 weft up --local-nodes 2
daemon() { weft conf --json | tr '{' '\n' | grep "\"node\": *$1" | grep -o '"pid": *[0-9]*' | grep -o '[0-9]*$'; }
sockets() { find "/proc/$1/fd" -lname 'socket:*' 2>/dev/null | wc -l; }
first=$(daemon 1) second=$(daemon 2)
status "a job" 0 weft run -n 1 "$build/tests/system/last_words" "$tmp" killed
as_before() { [ "$(sockets "$first")" -le "$at_first" ] && [ "$(sockets "$second")" -le "$at_second" ]; }
until_true 10 idle 2
at_first=$(sockets "$first") at_second=$(sockets "$second")
for i in 1 2 3 4; do
	status "another one" 0 weft run -n 1 "$build/tests/system/last_words" "$tmp" killed
done
if until_true 10 as_before; then ok "no socket stays"; else not_ok "no socket stays" "$at_first $at_second: $(sockets "$first") $(sockets "$second")"; fi
status "down" 0 weft down
expect "nothing remains of it" "$(remains)"
done_testing
