#!/bin/sh
# stdin.sh - standard input goes to rank 0 alone, and nothing is taken that nobody wants.
. "$WEFT_SRCDIR/tests/system/lib.sh"
cd "$tmp" || exit 99
printf 'one\ntwo\nthree\n' >lines

while read -r word; do
	weft run -q -n 2 true || echo failed
	echo "$word"
done <lines >got
equal "a loop over a file is not eaten" "one two three" "$(xargs <got)"
cat lines | while read -r word; do
	weft run -q true || echo failed
	echo "$word"
done >got
equal "nor one over a pipe" "one two three" "$(xargs <got)"
while read -r word; do
	weft run -q sh -c 'read -r next; echo "task: $next"'
	echo "$word"
done <lines >got
equal "a task takes what it reads and no more" "task: two one task: three" "$(xargs <got)"

equal "rank 0 gets a pipe" "[0] one [0] two [0] three" "$(weft run -q -n 3 -l cat <lines | xargs)"
equal "the others get nothing" "0 0" "$(weft run -q -n 3 sh -c 'if [ $WEFT_RANK -gt 0 ]; then wc -c; fi' <lines | xargs)"
equal "--stdin=none: nobody does" "" "$(weft run -q --stdin=none cat <lines)"
rc=0
weft run --stdin=all cat <lines >out 2>err || rc=$?
equal "--stdin=something else is a mistake" 125 $rc
equal "a closed one is none" "" "$(weft run -q cat <&-)"

# Rank 0 on another node: the bytes are sent there.
weft up --local-nodes 2 >/dev/null
equal "to another node" "one two three" "$(weft run -q --host '#2' cat <lines | xargs)"
head -c 3000000 /dev/urandom >bytes
weft run -q --host '#2' cat <bytes >copy
if cmp -s bytes copy; then ok "3 MB come through unchanged"; else not_ok "3 MB come through unchanged" "$(wc -c <copy)"; fi
cat bytes | weft run -q --host '#2' sh -c 'sleep 0.3; cat' >copy
if cmp -s bytes copy; then ok "also to a task that reads late"; else not_ok "also to a task that reads late" "$(wc -c <copy)"; fi
equal "a task that does not read does not hang it" "done" "$(weft run -q --host '#2' echo done <bytes)"
equal "an endless input ends with the task" "y" "$(yes | weft run -q --host '#2' head -n 1)"
weft down >/dev/null
expect "nothing remains" "$(remains)"
done_testing
