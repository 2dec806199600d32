#!/bin/sh
# exit_status.sh - what weft run exits with, and the one line that names the first failure.
. "$WEFT_SRCDIR/tests/system/lib.sh"
cd "$tmp" || exit 99

one_line() { [ "$(wc -l <"$tmp/err")" = 1 ]; }
says_one_line() { if one_line && grep -q -E -e "$2" "$tmp/err"; then ok "$1"; else not_ok "$1" "$(cat "$tmp/err")"; fi; }

status "all is well" 0 weft run -n 2 true
expect "then nothing is said" "$(cat "$tmp/err")"
status "the largest code counts" 2 weft run -q -n 3 sh -c 'exit $WEFT_RANK'
says_one_line "the first one that failed is named, with host and process" \
	"^weft run: rank [12] \(t[0-9a-f]+\) on [^ ]+, pid [0-9]+, exited with code [12] after .*; 2 of 3 tasks failed\$"
status "a signal counts 128 more" 137 weft run -n 2 sh -c 'kill -9 $$'
says_one_line "the signal is named" 'killed by signal 9 \(Killed\)'
status "signals count more than codes" 143 weft run -n 2 sh -c 'if [ $WEFT_RANK = 0 ]; then exit 100; else kill -15 $$; fi'
status "255 stays 255" 255 weft run sh -c 'exit 255'
status "a program that is not there: 127, though others run" 127 weft run -q -n 2 sleep 60 : no-such-program
says_one_line "it is named" 'no-such-program'
mkdir -m 0 closed
plain= # without root's right to look into closed folders
[ "$(id -u)" != 0 ] || plain='setpriv --bounding-set=-all --inh-caps=-all'
WEFT_RUNDIR=$rundir PATH=$tmp/closed:$PATH status "a closed folder in PATH has no programs" 127 $plain "$build/console/weft" run no-such-program
status "a time limit: 124" 124 weft run --timeout 0.2 sleep 60
says_one_line "it is said" 'time limit .--timeout 0.2. is over'
status "a task that ignores SIGTERM is killed at the limit" 124 weft run --timeout 0.2 sh -c 'trap "" TERM; sleep 60; sleep 60'
status "many tasks on few cores" 0 weft run -n 64 true
says_one_line "is one note" "note: 64 tasks on [0-9]+ cores?;"
status "the note can be left out" 0 weft run -q -n 64 true
expect "then nothing is said, either" "$(cat "$tmp/err")"
status "ranks count through all programs" 0 weft run -q sh -c 'echo a$WEFT_RANK' : -n 2 sh -c 'echo b$WEFT_RANK'
equal "each program has its ranks" "a0 b1 b2" "$(sort "$tmp/out" | xargs)"
status "-x sets a variable for one program" 0 weft run -q -x WORD=one sh -c 'echo $WORD' : -x WORD=two sh -c 'echo $WORD'
equal "and the other has its own" "one two" "$(sort "$tmp/out" | xargs)"
status "-x of a variable that is not there is a mistake" 125 weft run -x NOT_THERE_AT_ALL true
says_one_line "how to set it is said" '-x NOT_THERE_AT_ALL=VALUE'
mkdir folder
status "--wdir" 0 weft run --wdir folder pwd
equal "is where the task runs" "$tmp/folder" "$(cat "$tmp/out")"
status "a task of a task does not count" 0 weft run sh -c "'$build/console/weft' run sh -c 'exit 3'; true"

# The first failure ends all, when it is asked for.
status "a failed task alone does not end the others" 3 weft run -q -n 2 sh -c '[ $WEFT_RANK = 1 ] && exit 3; sleep 0.2; echo on'
equal "they go on" on "$(cat "$tmp/out")"
status "--kill-on-bad-exit ends them" 3 weft run -q -n 3 --kill-on-bad-exit sh -c '[ $WEFT_RANK = 1 ] && exit 3; exec sleep 60'
says_one_line "the culprit is named" 'rank 1 .* exited with code 3 .*; ending the others'
status "a signal is a bad exit, too" 139 weft run -q -n 2 --kill-on-bad-exit sh -c '[ $WEFT_RANK = 1 ] && kill -SEGV $$; exec sleep 60'
status "one that is deaf to SIGTERM is killed" 3 weft run -q -n 2 --kill-on-bad-exit sh -c '[ $WEFT_RANK = 1 ] && exit 3; trap "" TERM; sleep 60; sleep 60'
status "without a failure nothing happens" 0 weft run -q -n 3 --kill-on-bad-exit true

# A name in --output for each task; all in one file; a folder.
status "--output with %r" 0 weft run -q -n 2 --output 'f.%r' sh -c 'echo out $WEFT_RANK; echo err $WEFT_RANK >&2'
equal "makes a file for each rank" "out 1 err 1" "$(sort -r f.1 | xargs)"
expect "and prints nothing" "$(cat "$tmp/out")"
status "--output into one file" 0 weft run -q -n 3 -l --output all sh -c 'echo line of $WEFT_RANK'
equal "with whole lines" "[0] line of 0 [1] line of 1 [2] line of 2" "$(sort all | xargs)"
status "--output into a folder" 0 weft run -q -n 2 --output new/ sh -c 'echo $WEFT_RANK; echo e >&2'
equal "makes files for tasks and streams" "1.0.err 1.0.out 1.1.err 1.1.out" "$(ls new | xargs)"
status "--output that cannot be written" 125 weft run --output /dev/full echo x
status "--output with an unknown sign" 125 weft run --output 'f.%z' true

# A large environment is refused in words.
big=$(head -c 100000 /dev/zero | tr '\0' x)
rc=0
BIG1=$big BIG2=$big weft run true >"$tmp/out" 2>"$tmp/err" || rc=$?
equal "an environment that is too large" 125 $rc
says_one_line "is said to be that, with what makes it smaller" 'env -u BIG[12] weft'
status "too many arguments" 125 weft run true $(seq 5000)
says_one_line "are counted" '5000 arguments are too many, 4095 fit'
status "too long ones" 125 weft run true "$big" "$big"
says_one_line "are told apart from the environment" 'the arguments take 19[0-9] KiB'
expect "nothing remains" "$(remains)"
done_testing
