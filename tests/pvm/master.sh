#!/bin/sh
# master.sh - a PVM master that uses pvm_notify gets its work done while workers and whole nodes are killed.
. "$WEFT_SRCDIR/tests/system/lib.sh"
. "$WEFT_SRCDIR/tests/pvm/lib.sh"
cd "$tmp" || exit 99
expect "it compiles" "$(compile master -Wall -Wextra -Werror -lpvm3)"

weft up --local-nodes 3 >/dev/null
weft run --host '#1' "$tmp/master" "$tmp/killed" >out 2>err &
run=$!
has_done() { grep -q "^done $1$" out; }
workers() { weft ps | awk -v node="$1" '$2 ~ node && /master/ { print $1 }'; }

until_true 20 has_done 50
weft ps >ps
victim=$(weft ps --json | tr -d ' \n' | sed 's/},{/}\n{/g' | grep '"node":3' | sed -n 's/.*"pid":\([0-9]*\).*/\1/p' | head -1)
[ -n "$victim" ] && kill -9 "$victim"
until_true 20 has_done 150
# A whole node: its daemon, its task VMs and what they host, at once.
pids=$(left | awk '{ print $1 }' | while read -r p; do
	tr '\0' ' ' 2>/dev/null <"/proc/$p/cmdline" | grep -q -E -- "(--node 2 |/n2 )" && echo "$p"
done)
children=$(for p in $pids; do cat "/proc/$p/task/$p/children" 2>/dev/null; done)
kill -9 $pids $children 2>/dev/null
: >killed
expect "node 2 had processes" "$([ "$(echo $pids | wc -w)" -ge 2 ] || echo "only: $pids")"
wait $run
rc=$?
equal "the master ends well" 0 "$rc"
equal "with the right sum" "sum 71820100" "$(sed -n 's/\(sum [0-9]*\),.*/\1/p' out)"
lost=$(sed -n 's/.*lost //p' out)
expect "though it lost workers, of which it was told" "$([ "${lost:-0}" -ge 2 ] || cat out err ps)"
equal "the dead node is gone" 0 "$(weft conf | grep -c local2)"
weft down >/dev/null
expect "nothing remains" "$(remains)"
done_testing
