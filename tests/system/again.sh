#!/bin/sh
# again.sh - a node's daemon is killed by kill -9, again and again: another one takes its place, and nobody notices.
. "$WEFT_SRCDIR/tests/system/lib.sh"
WEFT_RUNDIR=$rundir
export WEFT_RUNDIR
again=$build/tests/system/again

pids_of() { left | awk -v name="$1" '$2 == name { print $1 }'; }
# What is wrong with the lines of a run of N ranks and so many rounds: each once, each rank's in order.
wrong_lines() {
	rank=0
	while [ "$rank" -lt "$2" ]; do
		awk -v rank="$rank" -v rounds="$3" '
			$1 == rank { if ($2 != n + 0) { print "rank " rank ": " $2 " in place of " n + 0; exit } n++ }
			END { if (n + 0 != rounds) print "rank " rank ": " n + 0 " lines of " rounds }' "$1"
		rank=$((rank + 1))
	done
}
lines() { [ "$(wc -l <"$1")" -ge "$2" ]; }

status "up" 0 weft up --local-nodes 2
status "spawn" 0 weft spawn -n 4 sleep 1000
tasks=$(weft ps --json)
for node in 2 1 2; do
	expect "idle: another daemon of node $node comes" "$(kill_daemon $node || weft conf 2>&1)"
	equal "its tasks are as they were" "$tasks" "$(weft ps --json)"
done
victim=$(daemon 1)
kill -9 "$victim"
status "ps at once" 0 weft ps
equal "knows all tasks" 4 "$(grep -c sleep "$tmp/out")"

status "down" 0 weft down

# A job that does a bit of everything, and a daemon killed twice while it does.
for node in 2 1; do
	status "up for node $node" 0 weft up --local-nodes 2
	: >"$tmp/lines"
	timeout 60 "$build/console/weft" run -q -n 4 "$again" 150 >"$tmp/lines" 2>"$tmp/lines.err" </dev/null &
	run=$!
	until_true 20 lines "$tmp/lines" 40
	if kill_daemon $node; then ok "running: another daemon of node $node"; else not_ok "running: another daemon of node $node"; fi
	until_true 20 lines "$tmp/lines" 200
	kill_daemon $node
	rc=0
	wait $run || rc=$?
	equal "node $node: each status comes" 3 "$rc"
	expect "node $node: each line comes, once and in order" "$(wrong_lines "$tmp/lines" 4 150; grep '^again' "$tmp/lines.err")"
	status "down after node $node" 0 weft down
done

status "up once more" 0 weft up --local-nodes 2
# Ends that happen while no daemon is there: it is killed when the tasks are about to end.
for node in 2 1; do
	timeout 60 "$build/console/weft" run -q -n 8 sh -c 'echo up; sleep 0.3; echo $WEFT_RANK; exit 5' \
		>"$tmp/lines" 2>"$tmp/lines.err" </dev/null &
	run=$!
	until_true 20 lines "$tmp/lines" 8
	sleep 0.28
	kill_daemon $node
	rc=0
	wait $run || rc=$?
	equal "ending: the status is right" 5 "$rc"
	equal "ending: each task's last line comes" "0 1 2 3 4 5 6 7 " "$(grep -v up "$tmp/lines" | sort | tr '\n' ' ')"
done

# Spawns under way: each happens once.
: >"$tmp/spawned"
cat >"$tmp/spawner" <<EOF
for i in 1 2 3 4 5 6 7 8 9 10; do
	"$build/console/weft" run -q -n 2 sh -c "echo \$i >>'$tmp/spawned'" || exit
done
EOF
timeout 60 "$build/console/weft" run -q -n 1 sh "$tmp/spawner" >"$tmp/lines" 2>&1 </dev/null &
run=$!
for node in 2 1 2; do
	until_true 20 lines "$tmp/spawned" 2
	kill_daemon $node
done
rc=0
wait $run || rc=$?
equal "spawning: all runs end well" 0 "$rc"
expect "spawning: each task ran once" "$(sort -n "$tmp/spawned" | uniq -c | awk '$1 != 2')$(head -n 3 "$tmp/lines")"

status "down" 0 weft down

# Standard input that is on its way.
status "up once more" 0 weft up --local-nodes 2
seq 200000 >"$tmp/in"
(
	cat "$tmp/in"
	until_true 10 test -e "$tmp/killed"
	cat "$tmp/in"
) | timeout 60 "$build/console/weft" run -q -n 2 --host '#2,#1' sh -c 'if [ $WEFT_RANK = 0 ]; then cat; fi' \
	>"$tmp/out2" 2>"$tmp/lines.err" &
run=$!
kill_daemon 2
kill_daemon 1
: >"$tmp/killed"
rc=0
wait $run || rc=$?
equal "reading: the run ends well" 0 "$rc"
cat "$tmp/in" "$tmp/in" >"$tmp/in2"
expect "reading: each byte comes, once" "$(cmp "$tmp/in2" "$tmp/out2" 2>&1)"

status "down" 0 weft down
expect "nothing remains" "$(remains)"

# Programs that were started by hand, and have no eye for anything while daemons come and go.
status "up once more" 0 weft up
mkfifo "$tmp/go1" "$tmp/go2"
WEFT_RUNDIR=$rundir timeout 60 "$again" outside <"$tmp/go1" >"$tmp/outside" 2>"$tmp/outside.err" &
outside=$!
exec 8>"$tmp/go1"
WEFT_RUNDIR=$rundir "$again" outside <"$tmp/go2" >"$tmp/other" 2>&1 8>&- &
other=$!
exec 9>"$tmp/go2"
until_true 20 lines "$tmp/outside" 1
until_true 20 lines "$tmp/other" 1
timeout 60 "$build/console/weft" run -q "$again" partner "$(cat "$tmp/outside")" >"$tmp/lines" 2>"$tmp/lines.err" </dev/null 8>&- 9>&- &
run=$!
until_true 20 lines "$tmp/lines" 1
expect "outside: another daemon comes" "$(kill_daemon 1 || weft conf 2>&1)"
sleep 6 # longer than a daemon waits for tools
equal "outside: they are still there" 3 "$(weft ps --json | grep -o '"tid"' | wc -l)"
kill -9 $other
one_less() { [ "$(weft ps --json | grep -o '"tid"' | wc -l)" = 2 ]; }
expect "outside: the end of one that never looked is noticed" "$(until_true 10 one_less || weft ps)"
expect "outside: yet another daemon comes" "$(kill_daemon 1 || weft conf 2>&1)"
exec 8>&-
rc=0
wait $run || rc=$?
equal "outside: its partner gets an answer" "0 sent" "$rc $(cat "$tmp/lines" "$tmp/lines.err")"
rc=0
wait $outside || rc=$?
equal "outside: it goes on where it was" "0" "$rc$(cat "$tmp/outside.err")"
exec 9>&-
status "down" 0 weft down
expect "nothing remains" "$(remains)"

# Jobs of other MPIs: their hosts, the task VMs, go on with what they had asked for.
cat >"$tmp/world.c" <<'EOF'
#include <mpi.h>
#include <stdio.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	int rank, sum = 0;
	MPI_Init(&argc, &argv);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	for (int i = 0; i < 20; i++) {
		MPI_Allreduce(&rank, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
		usleep(20000);
	}
	printf("%d\n", sum);
	return MPI_Finalize();
}
EOF
for mpi in mpich openmpi; do
	if ! command -v mpicc.$mpi >/dev/null || ! mpicc.$mpi -o "$tmp/world" "$tmp/world.c" 2>/dev/null; then
		skip "$mpi: outlives its daemons" "there is no mpicc.$mpi"
		continue
	fi
	status "up for $mpi" 0 weft up --local-nodes 2
	timeout 60 "$build/console/weft" run -q -n 4 "$tmp/world" >"$tmp/lines" 2>"$tmp/lines.err" </dev/null &
	run=$!
	kill_daemon 2
	kill_daemon 1
	kill_daemon 2
	rc=0
	wait $run || rc=$?
	equal "$mpi: outlives its daemons" "0 6 6 6 6" "$rc $(xargs <"$tmp/lines")"
	status "down after $mpi" 0 weft down
done

# A machine of one's own: its daemon belongs to the tool.
timeout 60 "$build/console/weft" run -q -n 2 "$again" 100 >"$tmp/lines" 2>"$tmp/lines.err" </dev/null &
run=$!
until_true 20 lines "$tmp/lines" 20
victim=$(pids_of weftd | head -n 1)
kill -9 "$victim"
rc=0
wait $run || rc=$?
equal "private: each status comes" 1 "$rc"
expect "private: each line comes" "$(wrong_lines "$tmp/lines" 2 100; grep '^again' "$tmp/lines.err")"
expect "nothing remains" "$(remains)"

# Again and again: it is given up, and all ends.
status "up once more" 0 weft up
status "spawn once more" 0 weft spawn -n 2 sleep 1000
crash() {
	for p in $(pids_of weftd); do kill -9 "$p" 2>/dev/null; done
	none_left
}
none_left() { [ -z "$(left)" ]; }
expect "after five crashes within a minute the node is given up" "$(until_true 20 crash || left)"
expect "nothing remains" "$(remains 10)"
done_testing
