#!/bin/sh
# faults.sh - kill -9 of each kind of process: what is promised holds, and nothing remains.
. "$WEFT_SRCDIR/tests/system/lib.sh"
WEFT_RUNDIR=$rundir
export WEFT_RUNDIR

pids_of() { left | awk -v name="$1" '$2 == name { print $1 }'; }
some() { [ -n "$(pids_of "$1")" ]; }
none() { [ -z "$(pids_of "$1")" ]; }
# The shell itself has WEFT_RUNDIR now, but not in the environment that it was started with: left does not see it.

"$build/console/weft" run -n 3 --local-nodes 2 sleep 100 2>/dev/null &
launcher=$!
if until_true 10 some sleep; then ok "tasks run"; else not_ok "tasks run"; fi
kill -9 $launcher
wait $launcher 2>/dev/null
expect "weft run killed: nothing remains" "$(remains 10)"

status "up" 0 weft up --local-nodes 2
status "spawn" 0 weft spawn -n 2 sleep 100
until_true 5 some sleep
coord=$(pids_of weft-coord)
kill -9 $coord
new_coord() { now=$(pids_of weft-coord); [ -n "$now" ] && [ "$now" != "$coord" ]; }
if until_true 10 new_coord; then ok "a killed coordinator is started again"; else not_ok "a killed coordinator is started again" "$(left)"; fi
two_tasks() { [ "$(weft ps --json 2>/dev/null | grep -o '"tid"' | wc -l)" = 2 ]; }
if until_true 10 two_tasks; then ok "it knows the two tasks"; else not_ok "it knows the two tasks" "$(weft ps 2>&1)"; fi
old=$(weft ps --json | grep -o '"tid": *"[^"]*"' | sort)
status "spawn goes on" 0 weft spawn -n 2 sleep 100
new=$(weft ps --json | grep -o '"tid": *"[^"]*"' | sort)
equal "no id is given twice" 4 "$(printf '%s\n' "$new" | sort -u | wc -l)"
equal "the old ids are still there" "$old" "$(printf '%s\n%s\n' "$old" "$new" | sort | uniq -d)"
status "messages go on" 0 weft run -n 4 "$examples/ring"

before=$(pids_of weft-taskvm | wc -l)
task=$(pids_of sleep | head -n 1)
kill -9 "$(awk '{ print $4 }' "/proc/$task/stat")" # its task VM; a node has an idle one, too
fewer() { [ "$(pids_of sleep | wc -l)" -lt 4 ]; }
if until_true 10 fewer; then ok "a task VM's death takes its tasks along"; else not_ok "a task VM's death takes its tasks along" "$(left)"; fi

node2=$(weft conf --json | tr '{' '\n' | grep '"node": *2' | grep -o '"pid": *[0-9]*' | grep -o '[0-9]*$')
# Of a node that is really dead nobody starts another daemon: its keeper, the daemon's parent, goes first.
kill_node() {
	victims="$(awk '{ print $4 }' "/proc/$1/stat") $1"
	kill -9 $victims
	until_true 5 gone $victims
}
gone() { for p; do ! kill -0 "$p" 2>/dev/null || return 1; done; }
kill_node "$node2"
lost() { [ "$(weft conf --json 2>/dev/null | grep -o '"node"' | wc -l)" = 1 ]; }
if until_true 10 lost; then ok "a killed node is lost"; else not_ok "a killed node is lost" "$(weft conf)"; fi
status "the rest of the VM works" 0 weft run -n 2 "$examples/ring"
status "down" 0 weft down
expect "nothing remains, also of the lost node" "$(remains)"

# Without its home daemon a VM can be taken down, and replaced: its folder is removed, and what lives sees that.
for replace in down up; do
	status "up with two nodes ($replace)" 0 weft up --local-nodes 2
	status "spawn ($replace)" 0 weft spawn -n 4 sleep 100
	until_true 5 some sleep
	old=$(left | awk '{ print $1 }')
	kill_node "$(weft conf --json | tr '{' '\n' | grep '"node": *1,' | grep -o '"pid": *[0-9]*' | grep -o '[0-9]*$')"
	status "$replace without the home daemon" 0 weft $replace
	old_gone() { for p in $old; do ! kill -0 "$p" 2>/dev/null || return 1; done; }
	if until_true 20 old_gone; then ok "all of it ends soon ($replace)"; else not_ok "all of it ends soon ($replace)" "$(left)"; fi
	weft down >/dev/null 2>&1
	expect "nothing remains ($replace)" "$(remains)"
done

# A crashed VM's folder is healed silently.
status "up again" 0 weft up
for p in $(left | awk '{ print $1 }'); do kill -9 "$p" 2>/dev/null; done
until_true 5 nothing_runs
status "up over a crashed VM" 0 weft up
expect "says nothing about it" "$(grep -i -E 'stale|remove|crash' "$tmp/out" "$tmp/err")"
status "down" 0 weft down
expect "nothing remains" "$(remains)"
done_testing
