#!/bin/sh
# openmpi_bridge.sh - jobs of Open MPI meet each other, and tasks of Weft; Debian's own binaries run.
. "$WEFT_SRCDIR/tests/system/lib.sh"
. "$WEFT_SRCDIR/tests/mpi/openmpi_lib.sh"
compile meet.c || exit 99

right() { grep -c 'the halves and the whole rod differ by 0: right' "$1"; }

if [ -x "$examples/bridge_half" ]; then
	for nodes in 1 3; do
		status "a task of Weft couples two jobs of Open MPI on $nodes node(s)" 0 \
			weft run -q -n 1 --local-nodes $nodes "$examples/bridge" 2
		equal "with the right result on $nodes node(s)" 1 "$(right "$tmp/out")"
	done
	weft up --local-nodes 2 >/dev/null || exit 99
	weft run -q -n 1 "$examples/bridge" --wait >"$tmp/bridge" 2>&1 </dev/null &
	bridge=$!
	WEFT_RUNDIR=$rundir own_launcher -n 2 "$examples/bridge_half" left >"$tmp/left" 2>&1 </dev/null &
	left=$!
	status "one half under Weft" 0 weft run -q -n 3 "$examples/bridge_half" right
	wait $left
	equal "the other one under mpirun" 0 $?
	wait $bridge
	equal "and the bridge between them" 1 "$(right "$tmp/bridge")"
	weft down >/dev/null
else
	skip "a task of Weft couples two jobs of Open MPI" "examples/bridge was not built"
fi

weft up --local-nodes 3 >/dev/null || exit 99
weft run -q -n 3 "$tmp/meet" accept : true >"$tmp/accept" 2>&1 </dev/null &
accept=$!
status "a job connects to the port of another one" 0 weft run -q true : -n 2 "$tmp/meet" connect
equal "which it has found by its name" "connected: 2 here, 3 there, 5 in all" "$(cat "$tmp/out")"
wait $accept
equal "and which has accepted it" "accepted: 3 here, 2 there, 5 in all" "$(cat "$tmp/accept")"
weft down >/dev/null

if command -v NPopenmpi >/dev/null; then
	cd "$tmp" || exit 99
	for nodes in 1 2; do
		status "NetPIPE as Debian has it, on $nodes node(s)" 0 \
			weft run -q -n 2 --local-nodes $nodes "$(command -v NPopenmpi)" -u 4096 -n 5 -o np.$nodes
		equal "its measurements on $nodes node(s)" 1 "$([ "$(wc -l <"np.$nodes")" -gt 20 ] && echo 1)"
	done
else
	skip "NetPIPE as Debian has it" "NPopenmpi is missing: apt-get install netpipe-openmpi"
fi
expect "nothing is left" "$(remains)"
done_testing
