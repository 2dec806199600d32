#!/bin/sh
# manager.sh - a PVM program that registered as resource manager is asked for hosts and tasks, and told of ends, as it was on PVM
# (recorded/manager: first what the asking task gets, then what the manager is asked, sorted).
. "$WEFT_SRCDIR/tests/system/lib.sh"
. "$WEFT_SRCDIR/tests/pvm/lib.sh"
cd "$tmp" || exit 99
expect "it compiles" "$(compile manager -w -lpvm3)"
weft up >/dev/null
WEFT_RUNDIR=$rundir WEFT_SSH=false timeout 60 ./manager "$tmp/manager" "$tmp/asked" >here 2>errors
idle() { [ -z "$(weft ps --json | grep '"tid"')" ]; }
until_true 10 idle
LC_ALL=C sort asked >>here
expect "all is as on PVM" "$(diff "$WEFT_SRCDIR/tests/pvm/recorded/manager" here)"
expect "nothing is said on standard error" "$(cat errors)"

expect "it compiles" "$(compile handoff -w -lpvm3)"
WEFT_RUNDIR=$rundir timeout 30 "$tmp/handoff" >here 2>errors
equal "one hands over to another" "registers: 0 the first one is asked the second one is asked" "$(paste -sd ' ' here)"
until_true 10 idle

# Debian's own example of one.
if command -v srm.pvm >/dev/null; then
	weft spawn srm.pvm >/dev/null
	registered() { weft names | grep -q PVM_RM; }
	until_true 10 registered
	WEFT_RUNDIR=$rundir timeout 30 ./manager hosts >said 2>/dev/null
	equal "PVM's own manager is asked, too" "pvm_config: 0, 1 hosts" "$(sed 's/, the last.*//' said)"
else
	skip "PVM's own manager is asked, too" "the package pvm-examples is not installed"
fi
weft down >/dev/null
expect "nothing remains" "$(remains)"
done_testing
