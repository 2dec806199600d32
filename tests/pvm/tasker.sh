#!/bin/sh
# tasker.sh - a PVM program that registered as tasker starts the tasks of its node: for PVM's programs, as it was on PVM
# (recorded/tasker), and for Weft's.
. "$WEFT_SRCDIR/tests/system/lib.sh"
. "$WEFT_SRCDIR/tests/pvm/lib.sh"
cd "$tmp" || exit 99
expect "it compiles" "$(compile tasker -w -lpvm3)"
weft up >/dev/null
WEFT_RUNDIR=$rundir timeout 60 ./tasker "$tmp/tasker" >here 2>&1
expect "all is as on PVM" "$(diff "$WEFT_SRCDIR/tests/pvm/recorded/tasker" here)"

mkfifo go
WEFT_RUNDIR=$rundir timeout 60 ./tasker "$tmp/tasker" waits >said 2>&1 <go &
user=$!
exec 9>go
is_ready() { grep -q '^ready' said; }
until_true 20 is_ready
# Its standard output is the tasker's: a file tells what it was.
run() { status "$1" "$2" weft run sh -c "$3"; }
run "other programs are started by it, too" 0 "echo \$STARTED_BY \$WEFT_RANK >$tmp/by"
equal "and know who they are" "tasker 0" "$(cat by)"
run "their exit status is known" 7 "exit 7"
run "and the signal that ended one" 139 'kill -SEGV $$'

came() { [ -s "$tmp/idle" ]; }
for how in TERM KILL; do
	limit=30 weft run "$tmp/tasker" idle "$tmp/idle" >out 2>&1 &
	idler=$!
	until_true 10 came
	read -r pid tid <idle
	rm idle
	weft sig $how "$tid"
	wait $idler
	gone() { ! kill -0 "$pid" 2>/dev/null; }
	expect "SIG$how reaches a program that it started" "$(until_true 5 gone || ps -p "$pid")"
done

# Another daemon in the place of one that crashed knows of the tasker, and of what it had started.
limit=30 weft run "$tmp/tasker" idle "$tmp/idle" >out 2>&1 &
idler=$!
until_true 10 came
expect "the daemon crashes" "$(kill_daemon 1 || weft conf 2>&1)"
run "it starts programs for the next daemon" 0 "echo \$STARTED_BY \$WEFT_RANK >$tmp/by"
equal "as before" "tasker 0" "$(cat by)"
read -r pid tid <idle
weft sig TERM "$tid"
rc=0
wait $idler || rc=$?
equal "the end of one that it started before is known" 143 $rc
echo >&9
wait $user
equal "it goes, and the node starts its tasks again" 0 $?
expect "as on PVM" "$(grep -v -e '^ready' said | diff "$WEFT_SRCDIR/tests/pvm/recorded/tasker" -)"
weft down >/dev/null
expect "nothing remains" "$(remains)"
done_testing
