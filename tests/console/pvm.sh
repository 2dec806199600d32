#!/bin/sh
# pvm.sh - the console called as pvm: PVM's commands, options and lists, from a file of commands and in a terminal.
. "$WEFT_SRCDIR/tests/system/lib.sh"
cd "$tmp" || exit 99
LC_ALL=C.UTF-8 HOME=$tmp WEFT_RUNDIR=$rundir
export LC_ALL HOME WEFT_RUNDIR
unset XDG_STATE_HOME XDG_CONFIG_HOME TMUX PVM_ROOT PVM_PATH PVM_WD PVM_EXPORT PVM_ARCH
ln -s "$build/console/weft" "$tmp/pvm"
# pvm ARGUMENTS…: what is in the file commands, run; its output in out and err
pvm() { timeout -k 5 "${limit:-60}" "$tmp/pvm" "$@" <"$tmp/commands" >"$tmp/out" 2>"$tmp/err"; }
commands() { printf '%s\n' "$@" >"$tmp/commands"; }
# runs "name" status command…: these commands, one a line
runs() {
	runs_name=$1 runs_wanted=$2
	shift 2
	commands "$@"
	rc=0
	pvm || rc=$?
	if [ $rc = "$runs_wanted" ]; then ok "$runs_name"; else not_ok "$runs_name" "status $rc: $(cat "$tmp/out" "$tmp/err")"; fi
}
# prints "name" pattern; line N of the output is TEXT
prints() { if grep -q -E -e "$2" "$tmp/out"; then ok "$1"; else not_ok "$1" "no /$2/ in: $(head -n 20 "$tmp/out")"; fi; }
line_is() { equal "$1" "$3" "$(sed -n "$2p" "$tmp/out")"; }
host=$(hostname)

# The lists have PVM's columns.
runs "conf" 0 conf quit
line_is "counts hosts" 1 "1 host, 1 data format"
line_is "has PVM's heading" 2 "                    HOST     DTID     ARCH   SPEED       DSIG"
line_is "and columns" 3 "$(printf '%24s %8s %8s %7s %10s' "$host" 20000 LINUX64 1000 0x00408c41)"
status "quit leaves the machine up" 0 weft conf
runs "spawn" 0 "spawn -2 /bin/sleep 100" "ps -l" quit
line_is "says how many" 1 "2 successful"
line_is "and which" 2 t20001
line_is "each" 3 t20002
line_is "ps -l has PVM's heading" 4 "                    HOST      TID     PTID    PID   FLAG 0x COMMAND"
prints "and a task without a parent" "^ *$host    20001 ffffffdd +[0-9]+       2/f /bin/sleep$"
runs "ps -ax" 0 "ps -ax" quit
line_is "has a short heading" 1 "                    HOST      TID   FLAG 0x COMMAND"
prints "and the console" "\(cons\)       4/c -$"
runs "ps of one host" 0 "ps -n$host" "ps -h20000" "ps -ht80020000" quit
equal "by name and by tid" 6 "$(grep -c '/bin/sleep$' out)"
runs "ps of a host that is none" 125 "ps -nnowhere" "ps -hzz"
says "by name" 'nowhere: no such node'
says "by tid" "not the tid of a host: 'zz'"
runs "mstat" 1 "mstat $host nowhere"
line_is "knows a host" 1 "$(printf '%24s  ok' "$host")"
line_is "and that there is none" 2 "                 nowhere  No such host"
runs "pstat" 1 "pstat 20001 t20002 2ffff"
line_is "knows a task" 1 "t   20001  run"
line_is "and that there is none" 3 "t   2ffff  No such task"
runs "kill takes a tid without its t" 0 "kill 20001"
gone() { ! weft ps | grep -q "$1"; }
if until_true 5 gone t20001; then ok "and kills it"; else not_ok "and kills it" "$(weft ps)"; fi
runs "sig takes a number and names" 0 "sig 10 t20002"
if until_true 5 gone t20002; then ok "and sends it"; else not_ok "and sends it" "$(weft ps)"; fi
runs "reset" 0 "spawn -3 sleep 100" "reset" "ps -a"
equal "leaves no task" 0 "$(grep -c sleep out)"
runs "delete of what is not there" 125 "delete nowhere"
line_is "counts" 1 "0 successful"
line_is "and says why" 3 "                 nowhere  No such host"
runs "version" 0 version
line_is "is PVM's, whose place we take" 1 3.4.6

# Output that is redirected is complete and in order.
runs "spawn ->" 0 "spawn -3 -> sh -c 'echo out; echo err >&2; printf tail'" quit
job=$(sed -n 's/^\[\([0-9]*\)\]$/\1/p' out)
equal "each line has its job and task" 9 "$(grep -c -E "^\[$job:t[0-9a-f]+\] (out|err|tail)$" out)"
equal "each task ends with EOF" 3 "$(grep -c -E "^\[$job:t[0-9a-f]+\] EOF$" out)"
line_is "and the job is finished last" '$' "[$job] finished"
last_of_each() { grep -E '^\[[0-9]+:' out | sed 's/^\([^ ]*\) .*/\1/' | sort -u | while read -r t; do grep -F "$t" out | tail -n 1; done; }
equal "nothing of a task comes after its EOF" 3 "$(last_of_each | grep -c EOF)"
libpvm=$build/bindings/pvm/.libs/libpvm3.so.3
if [ ! -e "$libpvm" ] || nm -D "$libpvm" | grep -q -E ' U __(asan|ubsan|tsan)'; then
	skip "a program of PVM, as it is" "libpvm3 is not there, or was built with a sanitizer"
elif [ -x /usr/bin/hello.pvm ]; then
	runs "a program of PVM, as it is" 0 "spawn -> /usr/bin/hello.pvm" quit
	job=$(sed -n 's/^\[\([0-9]*\)\]$/\1/p' out)
	prints "finds our library, and spawns" "^\[$job:t[0-9a-f]+\] from t[0-9a-f]+: hello, world"
	equal "its child is part of the job" 2 "$(grep -c -E "^\[$job:t[0-9a-f]+\] EOF$" out)"
	line_is "the end comes after both" '$' "[$job] finished"
	printf '#include <pvm3.h>\n#include <stdio.h>\nint main(int c, char **v)\n{\n\tint t, p = pvm_parent();\n\tprintf("parent %%d\\n", p < 0 ? p : 1);\n\tif (c == 1)\n\t\tpvm_spawn(v[0], (char *[]){"x", 0}, 0, "", 1, &t);\n\treturn pvm_exit();\n}\n' >family.c
	if ${CC:-cc} -I"$WEFT_SRCDIR/bindings/pvm" family.c "$libpvm" -o family 2>err; then
		runs "who spawned a task" 0 "spawn -> $tmp/family" quit
		equal "is known to it, and that it was the console" "parent -35 parent 1" "$(sed -n 's/.*\(parent .*\)/\1/p' out | sort | xargs)"
	else
		not_ok "a program of PVM compiles" "$(cat err)"
	fi
	runs "spawn -@ shows traces" 0 "spawn -@ -> /usr/bin/hello.pvm" quit
	equal "each kind described once, by PVM's number" 1 "$(grep -c '#1152: "endtask(0)"' out)"
	equal "calls by two, where they begin and end" "1094 2095" "$(sed -n 's/.*#\([0-9]*\): "send(.*/\1/p' out | sort | xargs)"
	equal "a task of the console's is told as PVM does" 1 "$(grep -c '"newtask(0)" { .*, -35, 64, .*hello.pvm" } };;$' out)"
	prints "and the hosts come first" "\"host_add\(0\)\" \{ [0-9]+, [0-9]+, 131072, \[[0-9]+\] \{ \"$host\" \}, .*, 1000 \};;\$"
	equal "each event with its task" 2 "$(grep -c -E '^\[T[0-9]+:t[0-9a-f]+\] "endtask\(0\)" \{ [0-9]+, ' out)"
	equal "what tasks write is an event, too" "2 CREATION 2 GOTEOF 2 GOTSPAWN 1 i" \
		"$(sed -n "s/.*\"output(0)\" {.* { \"\([A-Za-z]*\).*\" } };;\$/\1/p" out | grep -v from | LC_ALL=C sort | uniq -c | xargs)"
	runs "spawn -@file writes them" 0 "trace - *" "spawn -@$tmp/traces -> /usr/bin/hello.pvm" quit
	equal "without anything in front" 2 "$(grep -c '^"endtask(0)" { ' traces)"
	equal "beginning with their origin" '/*' "$(head -n 1 traces)"
	equal "and nothing to the terminal" 0 "$(grep -c endtask out)"
else
	skip "a program of PVM, as it is" "pvm-examples is not installed"
fi
runs "spawn ->file" 0 "spawn ->$tmp/a%r.txt echo to a file" "quit"
equal "is in the file, whose name is as it stands" "to a file EOF finished" "$(cut -d ' ' -f 2- 'a%r.txt' | xargs)"
runs "spawn ->>file" 0 "spawn ->>$tmp/a%r.txt echo more" "quit"
equal "is behind it" "to a file EOF finished more EOF finished" "$(cut -d ' ' -f 2- 'a%r.txt' | xargs)"
runs "a file that cannot be written" 125 "spawn ->$tmp/no/such echo x"
says "is named" 'no/such: No such file'
runs "a large output" 0 "spawn -2 -> sh -c 'i=0; while [ \$i -lt 20000 ]; do echo line \$i; i=\$((i + 1)); done'"
equal "is complete" 40000 "$(grep -c -E '\] line [0-9]+$' out)"
for t in $(sed -n 's/^\[[0-9]*:\(t[0-9a-f]*\)\] EOF$/\1/p' out); do
	equal "and $t's in order" 20000 "$(grep -F ":$t] line" out | awk '$3 == n + 0 { n++ } END { print n }')"
done

# Where and how.
runs "a folder" 0 "spawn -:/usr -> pwd"
prints "is the tasks'" '\] /usr$'
runs "a host and a folder" 0 "spawn -$host:/usr -> pwd" "spawn --host=$host:/usr -> pwd" "spawn -LINUX64:/usr -> pwd"
equal "in three ways" 3 "$(grep -c '\] /usr$' out)"
runs "a host that is not there" 125 "spawn -nowhere /bin/true"
line_is "starts nothing" 1 "0 successful"
line_is "in PVM's words" 2 "No such host"
says "and which" '^pvm: nowhere: no such node'
runs "a program that is not there" 127 "spawn /no/such"
line_is "starts nothing" 1 "0 successful"
line_is "for that reason" 2 "No such file"
runs "no program" 125 "spawn -4"
says "is said" 'the program to run is missing'
runs "a count that is none" 125 "spawn -4x true"
says "is named" "not '4x'"
runs "-? without a debugger" 125 "spawn -? true"
says "says how to name one" 'setenv PVM_DEBUGGER'
printf '#!/bin/sh\necho debugging "$@"\n' >debugger
chmod +x debugger
runs "-? with one" 0 "setenv PVM_DEBUGGER $tmp/debugger" "spawn -? -> prog one"
prints "runs it" '\] debugging prog one$'

# Variables reach the tasks.
runs "setenv" 0 "setenv FRUIT apple" "setenv FRUIT" "spawn -> sh -c 'echo I have \$FRUIT'"
line_is "shows" 1 apple
prints "and reaches the task" 'I have apple$'
runs "export" 0 "export HOME FRUIT" "export" "unexport HOME" "export"
line_is "lists" 1 "PVM_EXPORT=HOME:FRUIT"
line_is "what is left" 2 "PVM_EXPORT=FRUIT"
says "and notes what is not set" 'FRUIT is not set'
mkdir -p pvm3/bin/LINUX64
printf '#!/bin/sh\necho from the folder of PVM\n' >pvm3/bin/LINUX64/mine
chmod +x pvm3/bin/LINUX64/mine
runs "programs are looked for in PVM's folders" 0 "spawn -> mine"
prints "and found" 'from the folder of PVM$'

# Options, the mask of traces, mailboxes, jobs.
runs "getopt" 0 "getopt PvmRoute" "setopt PvmRoute 3" "setopt PvmTraceTid t20001" "getopt route"
line_is "shows" 1 "PvmRoute Currently Set to 1"
line_is "setopt changes" 2 "PvmRoute Changed from 1 to 3"
line_is "also a tid" 3 "PvmTraceTid Changed from 0 to 131073"
line_is "for this console" 4 "PvmRoute Currently Set to 3"
runs "setopt of what is none" 125 "setopt PvmRoot 1"
says "suggests one" 'PVM Option "PvmRoot" Unknown. Did you mean PvmRoute\?'
runs "setopt out of range" 125 "setopt PvmRoute 9"
says "names the range" 'from 1 to 3'
runs "getopt of all" 0 getopt
equal "has as many as PVM's" 23 "$(grep -c 'Currently Set to' out)"
runs "trace" 0 trace
equal "lists the events in columns" 26 "$(wc -l <out)"
equal "with the usual ones on" 23 "$(grep -o '\* [a-z]' out | wc -l)"
runs "trace of some" 0 "trace - *" "trace + pvm_send recv" trace
equal "sets these" "recv send" "$(grep -o '\* [a-z_]*' out | cut -c 3- | xargs)"
runs "trace of what is none" 125 "trace sned"
says "suggests one" 'no such event "sned"; did you mean send\?'
runs "trace opt and buf" 0 "trace opt count" "trace opt" "trace buf 100" "trace buf"
equal "are kept" 2 "$(grep -c -E 'set to ("count"|100 bytes)$' out)"
runs "put and names" 0 "put fruit 0 apple" "put fruit 2 pear" "put tree 0" "names ^fr" quit
line_is "lists the mailbox" 1 "<fruit>:"
line_is "and what is in it" 2 "$(printf '\tindex=0 owner=0x0/0 flags=0x0')"
equal "and no other" 0 "$(grep -c tree out)"
runs "what a console put goes with it" 0 names
expect "unless it is to stay" "$(cat out)"
runs "a persistent one" 0 "put stays 1 here" quit
runs "is there for the next one" 0 names "reset info stays" names
equal "until it is cleared" 1 "$(grep -c '^<stays>:$' out)"
runs "put with wrong flags" 125 "put x 99"
says "says which there are" '1 persistent, 2 one of several'
status "weft put stays" 0 weft put shell 0 text
status "names --json" 0 weft names --json
equal "has it" 1 "$(grep -c '"name": "shell"' out)"
runs "reset with a wrong argument" 125 "reset bogus"
says "says what there is" 'reset \[info'
runs "jobs" 0 "spawn -2 sleep 100" jobs reset
prints "have their tasks" '^ ?[0-9]+: t[0-9a-f]+ t[0-9a-f]+$'
runs "jobs -l" 0 "spawn -2 sleep 100" "jobs -l" reset "jobs -l"
line_is "has the heading of ps" 4 "                    HOST      TID   FLAG 0x COMMAND"
equal "and a row for each task" 2 "$(sed -n '/^ *[0-9]*:$/,$p' out | grep -c -E '^ +[^ ]+ +[0-9a-f]+ +2/f .*sleep$')"
equal "also when there is none" 2 "$(grep -c HOST out)"
runs "tickle" 0 "tickle 6 9" "tickle 5" "tickle 0" "tickle 1" "tickle 2" "put in.box 1 x" "tickle 4" "reset info in.box"
equal "answers in brackets" "( ) ( 9 ) ( ) ( ) ( ) ( )" "$(grep '^(' out | paste -sd ' ')"
equal "and shows hosts, tasks and mailboxes" "1 2 1" "$(grep -c '1 host' out) $(grep -c HOST out) $(grep -c '^<in.box>:$' out)"
runs "tickle of a word" 125 "tickle x"
says "wants numbers" "numbers are needed"
runs "idump" 0 idump
bytes='[1-9][0-9]*'
nm -D "$build/console/weft" 2>/dev/null | grep -q __asan_init && bytes=[0-9]+ # its own malloc counts elsewhere
prints "counts bytes" "^i_dump\\(\\) $bytes bytes total\$"
runs "add of a host that is none" 125 "add no-such-host.invalid"
line_is "counts" 1 "0 successful"
line_is "has PVM's heading" 2 "                    HOST     DTID"
prints "and says which failed" "no-such-host.invalid Can't start pvmd$"
says "and why, in Weft's words" 'mend it with'
printf '# hosts\n%s\n* sp=500\n& later.invalid\n' "$host" >hostfile
commands conf
rc=0
timeout 60 "$tmp/pvm" hostfile <commands >out 2>err || rc=$?
equal "a list of hosts" 0 $rc
prints "is read" '1 host, 1 data format'
timeout 60 "$tmp/pvm" no-such-file <commands >out 2>err
says "one that is not there is named" 'no-such-file'

# Lines, aliases and the file of one's own.
runs "alias" 0 "alias ll ps -l" "alias" "ll -a" "unalias ll" "alias"
line_is "lists" 1 "$(printf 'll\tps -l')"
line_is "and runs" 2 "                    HOST      TID     PTID    PID   FLAG 0x COMMAND"
equal "until it is taken back" 2 "$(wc -l <out)"
runs "an alias of itself" 0 "alias echo echo again" "echo x"
line_is "ends" 1 "again x"
runs "unalias of none" 125 "unalias nope"
says "is said" "there is no alias 'nope'"
runs "echo" 0 "echo -n -> --help 'a b'"
line_is "prints all that it is given" 1 "-n -> --help a b"
runs "a line goes on after a backslash" 0 'echo one \' '  two'
line_is "as one" 1 "one two"
runs "a quote that stays open" 125 'echo "one'
says "is an error" 'unmatched "'
runs "an unknown command" 125 "cnof"
says "suggests the nearest" 'did you mean: conf\?'
runs "a name that is too long" 125 "alias $(head -c 300 /dev/zero | tr '\0' a) ps"
says "is refused" 'the name of an alias has'
runs "a bad tid" 125 "kill t99999999999" "kill bogus"
says "is no task" "neither a task .* 'bogus'"
commands "conf"
rc=0
timeout 60 "$tmp/pvm" <commands >/dev/full 2>err || rc=$?
equal "output that cannot be written is no success" 125 "$rc"
{ head -c 3000000 /dev/zero | tr '\0' a; printf '\necho after\n'; } >commands
rc=0
pvm || rc=$?
line_is "a huge line is left out, the next one runs" 1 after
equal "and said to be so, once" 1 "$(grep -c 'longer than' err)"
printf 'echo a\0b\necho after\n' >commands
pvm
line_is "so is one with a NUL byte" 1 after
printf 'alias ? help\nno-such-command\nsetenv FROM_RC yes\n"open\n' >.pvmrc
runs "~/.pvmrc is read" 0 "setenv FROM_RC"
line_is "first" 1 yes
says "and its mistakes are named with their lines" '/\.pvmrc:2: unknown command'
says "each" '/\.pvmrc:4: unmatched'
commands "? id"
pvm
prints "an alias may be a question mark" '^id - '
rm .pvmrc
mkdir .pvmrc
runs "a file of one's own that is a folder" 0 "echo on"
says "is said" 'cannot read'
rmdir .pvmrc

# halt: status 0, all output written, also into a pipe.
commands "spawn -> echo last words" "conf" "halt"
rc=$({ timeout 60 "$tmp/pvm" <commands; echo $? >rc; } 2>err | cat >out; cat rc)
equal "halt ends the console with status 0" 0 "$rc"
prints "and what was printed is there" '^1 host, 1 data format$'
expect "nothing remains" "$(remains)"
commands "echo up again"
mkdir -m 700 "$rundir/default" "$rundir/default/n1"
runs "what a dead machine left behind is no obstacle" 0 "conf" "halt"
expect "and goes with it" "$(remains)"

# Options of the program itself.
status "pvm --version" 0 "$tmp/pvm" --version
status "an option that is none" 125 "$tmp/pvm" -z
says "shows how it is called" 'usage: pvm'
status "-d wants a number" 125 "$tmp/pvm" -dx
commands "conf" "halt"
pvm -d0x0 -nbigiron
prints "-n names the host" '^ *bigiron    20000'

command -v tmux >/dev/null 2>&1 || { ok "the terminal # SKIP tmux is not installed"; done_testing; }
server=first
pane() { tmux -S "$tmp/tmux.$server" -f /dev/null "$@" 2>/dev/null; }
keys() { pane send-keys "$@"; }
type_line() { keys -l "$1"; keys Enter; }
screen() { pane capture-pane -p | sed '/^ *$/d'; }
shows() { screen | grep -q -E -e "$1"; }
seen() { if until_true 8 shows "$2"; then ok "$1"; else not_ok "$1" "$(screen)"; fi; }
last_is() { [ "$(screen | tail -n 1 | sed 's/ *$//')" = "$1" ]; }
last() { if until_true 8 last_is "$2"; then ok "$1"; else not_ok "$1" "$(screen)"; fi; }
pane new-session -d -x 90 -y 40 "exec '$tmp/pvm'"
pane set-option -g remain-on-exit on
last "in a terminal it prompts as PVM does" "pvm>"
type_line "alias ll ps -l"
type_line "spawn -> sh -c 'while [ ! -e $tmp/go ]; do sleep 0.05; done; echo one line'"
seen "spawn tells the task" '^t20001$'
keys -l "ps -a"
last "a line is being typed" "pvm> ps -a"
: >go
seen "output appears above it" '^\[1:t20001\] one line$'
seen "to its end" '^\[1\] finished$'
last "and the line is as it was" "pvm> ps -a"
keys -l ' \'
keys Enter
last "a line goes on" ">"
type_line " -l"
seen "and is run as one" 'PTID'
keys -l "l"
keys Tab
seen "an alias is completed" '^ll +logs|^logs +ll'
keys C-c
last "Ctrl-C drops the line" "pvm>"
type_line "spawn -> sh -c 'while [ ! -e $tmp/gone ]; do sleep 0.05; done; echo after the console'"
seen "one that outlives the console" '^t20002$'
type_line "quit"
seen "quit says that the daemon stays" '^pvmd still running\.$'
dead() { [ "$(pane list-panes -F '#{pane_dead}')" = 1 ]; }
until_true 8 dead
equal "a redirected job goes on" 1 "$(weft ps | grep -c '^t20002 ')"
: >gone
logged() { weft logs 2 2>/dev/null | grep -q 'after the console'; }
if until_true 8 logged; then ok "what it writes then is kept"; else not_ok "what it writes then is kept" "$(weft logs 2)"; fi
equal "the alias is kept" "alias ll ps -l" "$(cat .local/state/weft/pvm-aliases)"
pane kill-server
server=second
# Its status goes through a file: tmux at times loses that of a program whose terminal closed first.
pane new-session -d -x 90 -y 40 "'$tmp/pvm'; echo \$? >'$tmp/halted'"
pane set-option -g remain-on-exit on
seen "it says that the machine was there" 'pvmd already running'
type_line "ll"
seen "the alias is there again" 'PTID'
type_line "halt"
if until_true 8 dead; then ok "halt ends it"; else not_ok "halt ends it" "$(screen)"; fi
equal "with status 0" 0 "$(cat halted)"
pane kill-server
expect "nothing remains" "$(remains)"
done_testing
