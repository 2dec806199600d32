#!/bin/sh
# crashpoints.sh - a node's daemon is killed before each single thing that it does: another one takes its place, and nobody
# notices. Where again.sh kills at some moments, this counts them. WEFT_CRASH_STEP=1 tries all of them, which takes minutes.
. "$WEFT_SRCDIR/tests/system/lib.sh"
WEFT_RUNDIR=$rundir
export WEFT_RUNDIR
again=$build/tests/system/again
arm=$build/tests/system/crasharm
library=$build/tests/system/.libs/crashpoint.so
page=$tmp/page
limit=60

[ -e "$library" ] || skip_all "there are no shared libraries in this build"

# --- what is done meanwhile; each prints what is wrong -------------------------------------------------------------------

unlike() { [ "$1" = "$2" ] || printf 'expected "%s", got "%s"\n%s\n' "$1" "$2" "$(head -n 3 "$tmp/err")"; }

a_run() {
	rc=0
	weft run -q -n 2 sh -c 'echo $WEFT_RANK; exit 3' >"$tmp/out" 2>"$tmp/err" </dev/null || rc=$?
	unlike "3 0 1" "$rc $(sort "$tmp/out" | xargs)"
}
an_input() {
	rc=0
	weft run -q -n 2 sh -c '[ $WEFT_RANK = 1 ] || cat' <"$tmp/in" >"$tmp/out" 2>"$tmp/err" || rc=$?
	unlike "0 $(cksum <"$tmp/in")" "$rc $(cksum <"$tmp/out")"
}
a_far_input() {
	rc=0
	weft run -q -n 2 --host '#2,#1' sh -c '[ $WEFT_RANK = 1 ] || cat' <"$tmp/in" >"$tmp/out" 2>"$tmp/err" || rc=$?
	unlike "0 $(cksum <"$tmp/in")" "$rc $(cksum <"$tmp/out")"
}
a_run_in_a_run() {
	rc=0
	weft run -q -n 2 sh -c "'$build/console/weft' run -q -n 2 sh -c 'echo \$WEFT_RANK; exit 4'; echo rc\$?" \
		>"$tmp/out" 2>"$tmp/err" </dev/null || rc=$?
	unlike "0 0 0 1 1 rc4 rc4" "$rc $(sort "$tmp/out" | xargs)"
}
some_tools() {
	: >"$tmp/once"
	status=0
	weft spawn -n 2 sh -c 'echo once >>"$0"; exec sleep 1000' "$tmp/once" >"$tmp/out" 2>"$tmp/err" || status=$?
	unlike "0" "$status"
	until_true 10 twice_once
	unlike 2 "$(weft ps --json 2>"$tmp/err" | grep -o '"tid"' | wc -l)"
	for tid in $(weft ps --json | grep -o '"tid": *"[^"]*"' | cut -d'"' -f4); do
		weft kill "$tid" >"$tmp/out" 2>"$tmp/err" || unlike "$tid killed" "$?"
	done
	until_true 10 nothing_left || unlike "no task" "$(weft ps)"
	unlike 2 "$(wc -l <"$tmp/once")"
}
a_task_from_outside() {
	rc=0
	timeout "$limit" "$again" alone >"$tmp/out" 2>"$tmp/err" </dev/null || rc=$?
	unlike 0 "$rc"
}
a_busy_job() { # whose daemon is killed, and then the one in its place
	rc=0
	weft run -q -n 4 "$again" 40 >"$tmp/out" 2>"$tmp/err" </dev/null &
	run=$!
	until_true 20 has_lines 40
	kill -9 "$victim"
	wait $run || rc=$?
	unlike "3 160" "$rc $(sort -u "$tmp/out" | wc -l)"
}
twice_once() { [ "$(wc -l <"$tmp/once")" -ge 2 ]; }
has_lines() { [ "$(wc -l <"$tmp/out")" -ge "$1" ]; }
nothing_left() { [ "$(weft ps --json 2>/dev/null | grep -o '"tid"' | wc -l)" = 0 ]; }

# --- the points ----------------------------------------------------------------------------------------------------------

# up: with the library in all daemons.
up() {
	"$arm" "$page" >/dev/null
	LD_PRELOAD=$library WEFT_CRASH_PAGE=$page ASAN_OPTIONS="${ASAN_OPTIONS-}:verify_asan_link_order=0" \
		"$build/console/weft" up --local-nodes 2 >"$tmp/out" 2>"$tmp/err" </dev/null
}
pid_of_coordinator() { left | awk '$2 == "weft-coord" { print $1; exit }'; }

# try WHAT VICTIM N: what went wrong when it died before its N-th call; $died, and the calls in $count.
try() {
	: >"$tmp/out" && : >"$tmp/err"
	up || { cat "$tmp/err"; return; }
	case $2 in
	coord) victim=$(pid_of_coordinator) ;;
	*) victim=$(daemon "${2#next}") ;;
	esac
	case $2 in
	next*) "$arm" "$page" "$victim" "$3" "$(awk '$1 == "PPid:" { print $2 }' "/proc/$victim/status")" ;;
	*) "$arm" "$page" "$victim" "$3" ;;
	esac
	$1
	until_true 10 nothing_left || weft ps 2>&1
	unlike 2 "$(weft conf --json 2>"$tmp/err" | grep -o '"pid"' | wc -l)"
	weft down >"$tmp/out" 2>&1 || cat "$tmp/out"
	remains
}

# points "name" WHAT VICTIM STEP MAX: before each STEP-th call up to MAX, or until it makes no more.
points() {
	wrong='' npoints=0 n=1 died=1
	while [ "$died" = 1 ] && [ "$n" -le "$5" ] && [ -z "$wrong" ]; do
		try "$2" "$3" "$n" >"$tmp/wrong"
		died=$("$arm" "$page" | cut -d' ' -f2)
		[ ! -s "$tmp/wrong" ] || wrong="before call $n of $3: $(cat "$tmp/wrong")"
		npoints=$((npoints + died))
		n=$((n + ${WEFT_CRASH_STEP:-$4}))
	done
	[ -z "$wrong" ] || weft down >/dev/null 2>&1
	[ -n "$wrong" ] || [ "$npoints" -gt 3 ] || wrong="it died at $npoints points only"
	expect "$1" "$wrong"
}

seq 20000 >"$tmp/in"
try a_run 1 0 >"$tmp/wrong"
expect "without a crash all is well" "$(cat "$tmp/wrong")"
if [ "$("$arm" "$page" | cut -d' ' -f1)" = 0 ]; then
	skip "the daemons are killed" "a sanitizer takes their calls before this can"
	done_testing
	exit
fi

points "a run outlives the home daemon" a_run 1 5 1000
points "a run outlives the other daemon" a_run 2 7 1000
points "a run outlives the coordinator" a_run coord 5 1000
points "standard input comes all the same" an_input 1 9 1000
points "standard input for another node comes all the same" a_far_input 2 11 1000
points "a run in a run outlives the home daemon" a_run_in_a_run 1 17 1000
points "spawn, ps, kill outlive the home daemon" some_tools 1 23 1000
points "a task from outside outlives its daemon" a_task_from_outside 1 11 1000
points "a job outlives the daemon in its daemon's place" a_busy_job next1 13 110
done_testing
