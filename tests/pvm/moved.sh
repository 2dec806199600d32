#!/bin/sh
# moved.sh - a task that has its output come to another one (PvmSelfOutputCode) loses none of it when the daemons of both are
# killed, and others take their places.
. "$WEFT_SRCDIR/tests/system/lib.sh"
. "$WEFT_SRCDIR/tests/pvm/lib.sh"
WEFT_RUNDIR=$rundir
export WEFT_RUNDIR
cd "$tmp" || exit 99
expect "it compiles" "$(compile moved -Wall -Wextra -Werror -lpvm3)"
weft up --local-nodes 2 >/dev/null
timeout 60 "$build/console/weft" run --host '#1' "$tmp/moved" local2 >out 2>err &
run=$!
has_some() { grep -q '^has 50$' out; }
expect "output comes" "$(until_true 20 has_some || cat out err)"
expect "another daemon of its node comes" "$(kill_daemon 2 || weft conf 2>&1)"
expect "and another of ours" "$(kill_daemon 1 || weft conf 2>&1)"
wait $run
equal "all that is printed comes once and in order" "400 numbers, 0 wrong, begun 2, ended 1" "$(tail -n 1 out)"
weft down >/dev/null
expect "nothing remains" "$(remains)"
done_testing
