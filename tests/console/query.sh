#!/bin/sh
# query.sh - JSON, the doctor, two VMs started at once, a crashed one, help and completion.
. "$WEFT_SRCDIR/tests/system/lib.sh"
cd "$tmp" || exit 99

if command -v python3 >/dev/null 2>&1; then
	is_json() { python3 -c 'import json, sys; d = json.load(sys.stdin); sys.exit(0 if d["schema"] == 1 else 1)' <"$tmp/out"; }
else
	is_json() { [ "$(tr -d -c '{' <"$tmp/out" | wc -c)" = "$(tr -d -c '}' <"$tmp/out" | wc -c)" ] && grep -q '"schema": 1' "$tmp/out"; }
fi
json() { # name command…
	json_name=$1
	shift
	rc=0
	weft "$@" >"$tmp/out" 2>"$tmp/err" </dev/null || rc=$?
	if [ $rc = 0 ] && is_json; then ok "$json_name"; else not_ok "$json_name" "$(cat "$tmp/out" "$tmp/err")"; fi
}

json "version --json" version --json
json "doctor --json" doctor --json
equal "the doctor finds all well" "true" "$(sed -n 's/.*"ok": \([a-z]*\).*/\1/p' "$tmp/out")"
status "doctor" 0 weft doctor
equal "has no complaint" 0 "$(grep -c '✘' "$tmp/out")"
rc=0
WEFT_LIBEXECDIR=$tmp weft doctor >"$tmp/out" 2>"$tmp/err" || rc=$?
equal "the doctor without daemons: 1" 1 $rc
equal "says what mends it" 1 "$(grep -m 1 -A 1 '✘.*weftd' "$tmp/out" | grep -c 'mend it with')"

# Two at once: one starts it, the other says that it is up; both are content.
weft up >one 2>&1 &
first=$!
rc2=0
weft up >two 2>&1 || rc2=$?
rc1=0
wait $first || rc1=$?
equal "two weft up at once both succeed" "0 0" "$rc1 $rc2"
equal "one of them found it up" 1 "$(cat one two | grep -c 'is up already')"
equal "one of them brought it up" 1 "$(cat one two | grep -c 'is up: 1 node')"
json "conf --json" conf --json
json "jobs --json" jobs --json
json "spawn --json" spawn --json -n 2 sleep 100
json "ps --json" ps --json
equal "with two tasks" 2 "$(grep -c '"tid"' "$tmp/out")"
status "ps of a job" 0 weft ps 1
equal "has a heading and two rows" 3 "$(wc -l <"$tmp/out")"
status "ps of what is no job" 125 weft ps x
status "ps of a job that never was" 125 weft ps 77
says "is said" 'no job 77'
status "sig" 0 weft sig TERM 1
ended() { weft jobs | grep -q 'ended.*143'; }
if until_true 5 ended; then ok "jobs shows the end"; else not_ok "jobs shows the end" "$(weft jobs)"; fi
status "logs of a job that wrote nothing" 0 weft logs 1
expect "are empty" "$(cat "$tmp/out")"
says "and it is told why that may be" 'nothing is kept of job 1'
status "no machine of that name" 125 weft conf --name other
says "and what starts one" 'start one: weft up --name other'
status "logs of no job" 125 weft logs 99
status "spawn that writes" 0 weft spawn sh -c 'echo first; sleep 0.5; echo last'
equal "logs -f follows to the end" "first last" "$(weft logs -f 2 | xargs)"
status "a job that outlives the next one" 0 weft spawn sleep 100
weft spawn true >"$tmp/out"
all_four() { [ "$(weft jobs | grep -c -E '^ *[1-4] .*(ended|running)')" = 4 ] && weft jobs | grep -q '^ *4 .*ended'; }
until_true 5 all_four
equal "jobs are shown in their order" "1 2 3 4" "$(weft jobs | awk 'NR > 1 { print $1 }' | xargs)"
weft spawn no-such-program >/dev/null 2>&1
equal "a job of which nothing could start has a shell's status" 127 "$(weft jobs | awk '$NF == "no-such-program" { print $5 }')"
equal "logs --json" '"text": "first\nlast\n"' "$(weft logs --json 2 | grep -o '"text": ".*"')"
status "logs --json and --follow" 125 weft logs --json -f 2
status "the daemon's log" 0 weft logs
equal "is there" 1 "$(grep -c -m 1 'WEFT-NODE-UP' "$tmp/out")"
{ rc=0; weft logs 2>"$tmp/err" || rc=$?; echo $rc >rc; } | true
case $(cat rc) in 0 | 141) ok "logs into a closed pipe" ;; *) not_ok "logs into a closed pipe" "$(cat rc)" ;; esac
expect "is quiet" "$(cat "$tmp/err")"
status "spawn of a missing program" 127 weft spawn no-such-program
status "down" 0 weft down
expect "nothing remains" "$(remains)"

# Help and completion come from the table.
status "help" 0 weft help
for command in run up down conf ps jobs spawn kill sig logs add delete doctor version; do
	grep -q "^  $command " "$tmp/out" || not_ok "help lists $command"
done
status "--help" 0 weft --help
status "help of a command" 0 weft help run
equal "names its options" 1 "$(grep -c -e '  --local-nodes N ' "$tmp/out")"
cp "$tmp/out" help
status "run --help is the same" 0 weft run --help
if cmp -s help "$tmp/out"; then ok "to the letter"; else not_ok "to the letter"; fi
for command in run spawn up add ps kill; do
	equal "no two options of $command look alike" "" "$(weft help $command | sed -n 's/^  \(-[^ ].*\)--[a-z].*/\1/p' |
		tr -d ' ' | tr ',' '\n' | grep . | sort | uniq -d)"
done
for command in run spawn up add ps drain mpirun doctor; do
	equal "help of $command fits a terminal" "" "$(weft help $command | sed '/^usage:/d; /^Examples:/,$d' | grep -E '.{81}')"
done
status "help of nothing" 125 weft help hlep
status "an option before the command" 125 weft -n 4 true
status "a limit for no waiting" 125 weft drain --timeout 1s here
says "is told what it is for" '--timeout says how long --wait waits'

if command -v bash >/dev/null 2>&1; then
	weft help --bash >completion
	complete() { # words…: the candidates for the last one
		bash -c '. ./completion; weft() { echo; }; COMP_WORDS=(weft "$@"); COMP_CWORD=$#; _weft; echo "${COMPREPLY[*]}"' bash "$@"
	}
	equal "bash completes commands" "doctor" "$(complete doc)"
	equal "options" "--local-nodes" "$(complete run --loc)"
	equal "signals" "USR1 USR2" "$(complete sig USR | xargs)"
	touch some-file
	equal "files for the program's own arguments" "some-file" "$(complete run -n 2 cat some-)"
	equal "options again after a colon" "--wdir" "$(complete run cat x : --wd)"
else
	skip "bash completes" "there is no bash"
fi
weft help --zsh >_weft
if command -v zsh >/dev/null 2>&1; then
	if zsh -n _weft 2>err; then ok "zsh takes its completion"; else not_ok "zsh takes its completion" "$(cat err)"; fi
else
	skip "zsh takes its completion" "there is no zsh"
fi
done_testing
