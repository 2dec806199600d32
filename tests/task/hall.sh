#!/bin/sh
# hall.sh - teams that meet in shared memory, as jobs: values are right, a member's death is told to all others wherever
# it dies, and nothing remains.
. "$WEFT_SRCDIR/tests/system/lib.sh"
hall=$build/tests/task/hall
told=$(sed -n 's/.*X(ENOTASK, *-*[0-9]*, *"\(.*\)").*/\1/p' "$WEFT_SRCDIR/base/weft_base.h")

# lines "name" wanted: what the tasks printed, each line once with how often it came
lines() { equal "$1" "$2" "$(sort "$tmp/out" | uniq -c | sed 's/^ *//')"; }

for n in 3 5 16; do
	status "$n tasks go through 300 rounds" 0 weft run -q -n $n "$hall" 300
	lines "all values are right, in a hall" "$n right, in a hall"
done
status "17 are too many for one" 0 weft run -q -n 17 "$hall" 50
lines "and go on by messages" "17 right, by messages"
status "so do tasks of two nodes" 0 weft run -q -n 4 --local-nodes 2 "$hall" 50
lines "whose values are right" "4 right, by messages"

# At its time the timer finds the victim anywhere: at its own work, waiting for the others, asleep, or waking them.
while read -r n victim ms; do
	status "rank $victim of $n dies after $ms ms" 142 weft run -q -n "$n" "$hall" die "$victim" "$ms"
	lines "the others are told" "$((n - 1)) $told, in a hall"
done <<-END
	3 0 20
	3 2 37
	4 1 51
	5 4 23
	8 3 44
	16 0 60
	16 15 75
END
expect "nothing remains" "$(remains)"
done_testing
