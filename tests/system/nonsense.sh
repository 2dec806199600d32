#!/bin/sh
# nonsense.sh - clients that talk nonsense to the VM, well-formed but of random content, do no harm to its daemons.
. "$WEFT_SRCDIR/tests/system/lib.sh"
WEFT_RUNDIR=$rundir
export WEFT_RUNDIR
nonsense=$build/tests/system/nonsense
seed=${NONSENSE_SEED-$(date +%s)}
messages=${NONSENSE_MESSAGES-20000}
echo "# again with: NONSENSE_SEED=$seed NONSENSE_MESSAGES=$messages"

daemons() { left | grep -e ' weftd$' -e ' weft-coord$' | sort; }

status "up" 0 weft up --local-nodes 2
ln -s "$(command -v sleep)" "$tmp/sleeper"
status "spawn" 0 weft spawn -n 4 "$tmp/sleeper" 1000
before=$(daemons)
nodedir=$(find "$rundir" -type d -name n1)
timeout 120 "$nonsense" tool "$seed" "$messages" "$nodedir" >"$tmp/tool" 2>&1 </dev/null &
tool=$!
timeout 120 "$nonsense" outside $((seed + 1)) "$messages" "$nodedir" >"$tmp/outside" 2>&1 </dev/null &
outside=$!
timeout 120 "$build/console/weft" run -q -n 2 --host '#1,#2' sh -c 'exec "$0" spawned $(($1 + WEFT_RANK)) "$2"' \
	"$nonsense" $((seed + 2)) "$messages" >"$tmp/spawned" 2>&1 </dev/null &
spawned=$!
for who in tool outside spawned; do
	rc=0
	eval "wait \$$who" || rc=$?
	equal "$who: all is said" "0" "$rc$(head -n 3 "$tmp/$who")"
done
equal "the daemons are the same" "$before" "$(daemons)"
status "and serve" 0 weft run -n 2 true
equal "the tasks of others are there" 4 "$(weft ps | grep -c 'sleeper')"
status "down" 0 weft down
expect "nothing remains" "$(remains)"
done_testing
