#!/bin/sh
# signals.sh - Ctrl-C, its second time, SIGTERM, SIGHUP, Ctrl-Z and kill -9 of weft run.
. "$WEFT_SRCDIR/tests/system/lib.sh"
cd "$tmp" || exit 99
WEFT_RUNDIR=$rundir
export WEFT_RUNDIR

# start PROGRAM…: weft run in the background as $run, its tasks are known to run.
start() {
	rm -f up.*
	# A shell starts a background command with SIGINT ignored; env gives it back.
	env --default-signal=INT "$build/console/weft" run -q -n 2 "$@" >out 2>err &
	run=$!
	until_true 10 both_up || not_ok "the tasks come up" "$(cat err)"
}
both_up() { [ -e up.0 ] && [ -e up.1 ]; }
finish_run() { rc=0; wait "$run" || rc=$?; }
asked() { grep -q 'Ctrl-C again' err; }

start sh -c 'trap "echo told; exit 0" INT; : >up.$WEFT_RANK; while :; do sleep 0.05; done'
kill -INT $run
finish_run
equal "Ctrl-C: 130, also when the tasks end well" 130 $rc
equal "the tasks were asked" "told told" "$(xargs <out)"
equal "and the user is told what a second one does" 1 "$(grep -c 'Ctrl-C again to kill' err)"

start sh -c 'trap "" INT; : >up.$WEFT_RANK; while :; do sleep 0.05; done'
kill -INT $run
if until_true 5 asked; then ok "a task may stay after the first"; else not_ok "a task may stay after the first" "$(cat err)"; fi
sleep 0.1
if kill -0 $run 2>/dev/null; then ok "then the run goes on"; else not_ok "then the run goes on"; fi
kill -INT $run
finish_run
equal "the second kills" 130 $rc

for signal in TERM HUP; do
	number=$(kill -l $signal 2>/dev/null || case $signal in TERM) echo 15 ;; HUP) echo 1 ;; esac)
	start sh -c "trap 'echo told; exit 0' $signal; : >up.\$WEFT_RANK; while :; do sleep 0.05; done"
	kill -$signal $run
	finish_run
	equal "SIG$signal: 128 + $number" $((128 + number)) $rc
	equal "it is passed on to the tasks" "told told" "$(xargs <out)"
done
start sh -c 'trap "" TERM; : >up.$WEFT_RANK; while :; do sleep 0.05; done'
kill -TERM $run
finish_run
equal "a task that ignores SIGTERM is killed after the grace" 143 $rc
expect "nothing remains" "$(remains)"

# Ctrl-Z: the tasks stop and go on with us.
start sh -c ': >up.$WEFT_RANK; exec sleep 1000'
tasks=$(left | awk '$2 == "sleep" { print $1 }')
state_is() { [ "$(cut -d ' ' -f 3 </proc/"$2"/stat 2>/dev/null)" = "$1" ]; }
all_are() { for p in $tasks; do state_is "$1" "$p" || return 1; done; }
equal "two tasks run" 2 "$(echo $tasks | wc -w)"
kill -TSTP $run
if until_true 5 state_is T $run; then ok "Ctrl-Z stops weft run"; else not_ok "Ctrl-Z stops weft run"; fi
if until_true 5 all_are T; then ok "and its tasks"; else not_ok "and its tasks"; fi
kill -CONT $run
if until_true 5 all_are S; then ok "fg lets all go on"; else not_ok "fg lets all go on"; fi
kill -9 $run
finish_run
expect "kill -9 of weft run: nothing remains" "$(remains)"

# The same in a VM that stands: the job ends, the VM stays.
weft up >/dev/null
start sh -c ': >up.$WEFT_RANK; exec sleep 1000'
kill -9 $run
finish_run
no_tasks() { [ -z "$(left | awk '$2 == "sleep"')" ]; }
if until_true 10 no_tasks; then ok "kill -9 in a standing VM ends the job"; else not_ok "kill -9 in a standing VM ends the job" "$(left)"; fi
status "and the VM works" 0 weft run true
weft down >/dev/null
expect "nothing remains of it" "$(remains)"
done_testing
