#!/bin/sh
# console.sh - the console in a real terminal: prompt and output, history, completion, Ctrl-C, quit and halt.
. "$WEFT_SRCDIR/tests/system/lib.sh"
cd "$tmp" || exit 99
command -v tmux >/dev/null 2>&1 || skip_all "tmux is not installed"
LC_ALL=C.UTF-8 HOME=$tmp WEFT_RUNDIR=$rundir
export LC_ALL HOME WEFT_RUNDIR
unset XDG_STATE_HOME TMUX
pane() { tmux -S "$tmp/tmux" -f /dev/null "$@" 2>/dev/null; }
keys() { pane send-keys "$@"; }
type_line() { keys -l "$1"; keys Enter; }
screen() { pane capture-pane -p | sed '/^ *$/d'; }
shows() { screen | grep -q -E -e "$1"; }
# seen "name" pattern: it is on the screen within a few seconds
seen() { if until_true 8 shows "$2"; then ok "$1"; else not_ok "$1" "$(screen)"; fi; }
last_is() { [ "$(screen | tail -n 1 | sed 's/ *$//')" = "$1" ]; }
last() { if until_true 8 last_is "$2"; then ok "$1"; else not_ok "$1" "$(screen)"; fi; }

if ! pane new-session -d -x 90 -y 40 "exec '$build/console/weft'"; then
	skip_all "tmux cannot make a terminal here"
fi
pane set-option -g remain-on-exit on
seen "it greets" "virtual machine 'default'"
last "and prompts" "weft>"
type_line "spawn -a -n 2 sh -c 'while [ ! -e $tmp/go ]; do sleep 0.05; done; echo one line; exit 3'"
seen "spawn tells the job" '^job 1: t'
keys -l "conf half-typed"
last "a line is being typed" "weft> conf half-typed"
: >"$tmp/go"
seen "the tasks' output appears" '^\[1\.0\] one line$'
seen "of both" '^\[1\.1\] one line$'
seen "and their end" '^weft: job 1 has ended with 3: rank'
last "and the line is as it was" "weft> conf half-typed"
equal "nowhere twice" 1 "$(screen | grep -c 'half-typed')"
keys -l " more"
last "typing goes on" "weft> conf half-typed more"
keys C-c
last "Ctrl-C drops the line" "weft>"
keys -l "ver"
keys Tab
last "a command is completed" "weft> version"
keys Enter
seen "and runs" '^weft [0-9.]+ \(protocol'
keys Up
last "the arrow brings it back" "weft> version"
keys C-c
last "and Ctrl-C drops it, too" "weft>"
keys -l "h"
keys Tab
seen "several candidates are shown" '^halt +help'
last "below them the line" "weft> h"
keys C-c
last "which goes" "weft>"
type_line "spawn sleep 100"
seen "a task to complete" '^job 2: t'
last "prompt" "weft>"
keys -l "kill t"
last "half an id" "weft> kill t"
keys Tab
tid=$(weft ps | awk '$2 == 2 { print $1 }')
last "a task's id is completed" "weft> kill $tid"
keys Enter
last "prompt again" "weft>"
type_line "delete no"
seen "an unknown host is an error" 'no: no such node'
type_line "cnof"
seen "an unknown command names the nearest" "did you mean: conf\?"
type_line "weft mstat nohost"
seen "a command may be written as in a shell" '^nohost +no such node'
type_line "run -q sleep 100"
it_runs() { weft ps 2>/dev/null | grep -q '^t[0-9a-f]*  *3  .*running.* sleep'; }
if until_true 8 it_runs; then ok "a run"; else not_ok "a run" "$(weft ps 2>&1)"; fi
keys C-c
last "Ctrl-C ends a run" "weft>"
seen "having said so" 'Ctrl-C again to kill'
pane resize-window -x 30 -y 40
keys -l "help aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
type_line ""
seen "a line longer than the screen" "there is no command"
pane resize-window -x 90 -y 40
type_line "quit"
seen "quit says that the machine stays" 'stays up'
dead() { [ "$(pane list-panes -F '#{pane_dead}')" = 1 ]; }
if until_true 8 dead; then ok "and ends"; else not_ok "and ends" "$(screen)"; fi
status "the machine does" 0 weft conf
equal "the history is kept" 1 "$(grep -c '^version' "$tmp/.local/state/weft/history")"
equal "for our eyes only" "-rw-------" "$(ls -l "$tmp/.local/state/weft/history" | cut -c 1-10)"
pane kill-server

# Without a terminal: lines are commands.
printf 'conf\n# a comment\nspawn -a sh -c "sleep 0.3; echo attached"\nno-such-command\n' >"$tmp/commands"
rc=0
weft <"$tmp/commands" >"$tmp/out" 2>"$tmp/err" || rc=$?
equal "commands from a file: the last one's status" 125 $rc
equal "they all run" 2 "$(grep -c -E '^NODE|attached$' "$tmp/out")"
printf 'spawn -a -n 3 echo said\nspawn -a -n 3 echo said\n' | weft >"$tmp/out" 2>"$tmp/err"
equal "a job is told before its tasks' lines, which name it" 6 \
	"$(awk -F '[][ :.]+' '$1 == "job" { told[$2] = 1 } / said$/ && told[$2] { n++ } END { print n + 0 }' "$tmp/out")"
mkdir -p "$tmp/.config/weft"
printf 'alias greet echo hello\nno-such\n' >"$tmp/.config/weft/rc"
printf 'greet you\nspawn -2 -> echo as in PVM\nspawn -n 1 --wdir /usr -> pwd\n' | weft >"$tmp/out" 2>"$tmp/err"
equal "a file of one's own is run first" "hello you" "$(head -n 1 "$tmp/out")"
says "its mistakes are named with their lines" 'weft/rc:2: unknown command'
equal "PVM's options are understood here, too" 2 "$(grep -c -E '^\[[0-9]+:t[0-9a-f]+\] as in PVM$' "$tmp/out")"
equal "beside Weft's" 1 "$(grep -c '\] /usr$' "$tmp/out")"
rm "$tmp/.config/weft/rc"
printf 'halt\n' | weft >"$tmp/out"
equal "halt takes it down" 1 "$(grep -c 'is down' "$tmp/out")"
expect "nothing remains" "$(remains)"
done_testing
