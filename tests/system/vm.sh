#!/bin/sh
# vm.sh - a standing virtual machine: up, conf, spawn, ps, kill, run into it, down.
. "$WEFT_SRCDIR/tests/system/lib.sh"

ntasks_are() { [ "$(weft ps --json 2>/dev/null | grep -o '"tid"' | wc -l)" = "$1" ]; }

status "no VM: ps says so" 125 weft ps
says "and which command mends it" 'weft up'
status "up with three local nodes" 0 weft up --local-nodes 3
status "conf" 0 weft conf --json
equal "conf shows three nodes" 3 "$(grep -o '"node"' "$tmp/out" | wc -l)"
status "a second up leaves it as it is" 0 weft up --local-nodes 3
status "spawn 6 tasks" 0 weft spawn -n 6 sleep 100
if until_true 5 ntasks_are 6; then ok "ps shows 6 tasks"; else not_ok "ps shows 6 tasks" "$(weft ps 2>&1)"; fi
weft ps --json >"$tmp/ps"
equal "they are spread over the three nodes" 3 "$(grep -o '"node": *[0-9]*' "$tmp/ps" | sort -u | wc -l)"
tid=$(grep -o '"tid": *"t[0-9a-f.]*"' "$tmp/ps" | head -n 1 | grep -o 't[0-9a-f.]*"$' | tr -d '"')
status "kill one" 0 weft kill "$tid"
if until_true 5 ntasks_are 5; then ok "5 are left"; else not_ok "5 are left" "$(weft ps 2>&1)"; fi
status "killing it again is an error" 125 weft kill "$tid"
status "run into the standing VM" 0 weft run -n 4 "$examples/ring"
status "a job on one named node" 0 weft run -n 2 --host '#2' sh -c 'echo $WEFT_NODE'
equal "runs there" "2 2" "$(xargs <"$tmp/out")"
status "spawn without a tool to show the output" 0 weft spawn -n 2 sh -c 'echo logged by $WEFT_RANK'
job=$(weft jobs --json | grep -o '"job": *"*j*[0-9]*' | grep -o '[0-9]*$' | sort -n | tail -n 1)
logged() { [ "$(weft logs "j$job" 2>/dev/null | grep -c 'logged by')" = 2 ]; }
if until_true 5 logged; then ok "logs shows it"; else not_ok "logs shows it" "$(weft logs "j$job" 2>&1)"; fi
status "add a node" 0 weft add --local
status "conf again" 0 weft conf --json
equal "now four nodes" 4 "$(grep -o '"node"' "$tmp/out" | wc -l)"
status "remove it" 0 weft delete '#4'
status "down" 0 weft down
expect "nothing remains" "$(remains)"
status "down again" 125 weft down

# Two of them at once
status "a VM with a name" 0 weft up --name one
status "another" 0 weft up --name two
status "a task in one" 0 weft spawn --name one sleep 100
equal "is not seen in two" 0 "$(weft ps --name two --json | grep -c '"tid"')"
weft down --name one && weft down --name two
expect "nothing remains of both" "$(remains)"

# Where the user named no folder the one that is made for all VMs goes, too, however many come and go at once.
mkdir -m 700 "$tmp/xdg"
own_folder() { env -u WEFT_RUNDIR XDG_RUNTIME_DIR="$tmp/xdg" timeout -k 5 60 "$build/console/weft" "$@"; }
status "ps where nothing is" 125 own_folder ps
expect "makes no folder" "$(find "$tmp/xdg" -mindepth 1)"
for i in 1 2 3 4 5 6 7 8; do
	(for j in 1 2 3 4 5; do own_folder run -q true || echo "run $i $j: exit $?"; done) >"$tmp/many.$i" 2>&1 &
	[ $i -gt 3 ] || (for j in 1 2 3; do own_folder up --name "vm$i" && own_folder down --name "vm$i" || echo "up $i $j"; done) \
		>"$tmp/up.$i" 2>&1 &
done
wait
expect "many at once do not disturb each other" "$(cat "$tmp"/many.* "$tmp"/up.* | grep -v "^the virtual machine 'vm[1-3]' is")"
gone() { [ -z "$(find "$tmp/xdg" -mindepth 1)" ]; }
if until_true 5 gone; then ok "the folder for all is gone"; else not_ok "the folder for all is gone" "$(find "$tmp/xdg")"; fi
done_testing
