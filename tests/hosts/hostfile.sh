#!/bin/sh
# Lists of hosts: a standing virtual machine and runs of their own; then hosts leave in order.
. "$WEFT_SRCDIR/tests/hosts/lib.sh"

host_make alpha
host_make beta
host_make gamma
mkdir "$tmp/bin" "$tmp/work"
printf '#!/bin/sh\necho special on $(hostname) in $(pwd)\n' >"$tmp/bin/special"
chmod +x "$tmp/bin/special"
export SPECIAL=$tmp
cat >"$tmp/list" <<END
# the machines of this test
$(hostname) slots=1
alpha slots=2 ep=$tmp/nothing:$tmp/bin wd=$tmp/work
* port=7200-7209
beta:1 sp=2000
& gamma
END
status "weft up brings the hosts of a list along" 0 weft up --ports 7100-7109 --hostfile "$tmp/list"
must
cp "$tmp/out" "$tmp/up"
expect "each with a line of its own" "$(grep -c '✔ .* is node' "$tmp/up" | grep -qx 2 || cat "$tmp/up" "$tmp/err")"
expect "ports are those of the list, or else of the virtual machine" "$(weft conf | grep -q 'alpha .*:710[0-9]' && weft conf | grep -q 'beta .*:720[0-9]' || weft conf)"
expect "a host that is for later is not there" "$(weft conf | grep gamma)"
status "slots say how many tasks a host gets" 0 weft run -n 4 hostname
expect "and the home node's count, too" "$(sort "$tmp/out" | uniq -c | tr -s ' \n' ' ' | grep -qx " 2 alpha 1 beta 1 $(hostname) " || cat "$tmp/out")"
status "programs are found where the list says" 0 weft run --host alpha --wdir / special
equal "and run there" "special on alpha in /" "$(cat "$tmp/out")"
status "elsewhere they are not" 127 weft run --host beta special
status "the list once more changes nothing" 0 weft add --hostfile "$tmp/list"
expect "and says so" "$(grep -c 'is a node already' "$tmp/out" | grep -qx 2 || cat "$tmp/out")"
status "a host that was for later comes when it is named" 0 weft add gamma
weft delete gamma >/dev/null

status "a drained host" 0 weft drain beta
status "gets no new tasks" 0 weft run -n 6 hostname
expect "none at all" "$(grep beta "$tmp/out")"
status "not even when it is named" 125 weft run --host beta hostname
says "which is said with the way back" "beta.* takes no new tasks; .*weft drain --undo beta"
status "which works" 0 weft drain --undo beta
status "then it gets tasks" 0 weft run --host beta hostname

mkfifo "$tmp/gate"
weft spawn --host beta sh -c "cat '$tmp/gate'" >/dev/null
until_true 10 sh -c "WEFT_RUNDIR='$rundir' '$build/console/weft' ps | grep -q beta"
(weft drain --wait beta >"$tmp/drained" 2>&1; echo $? >>"$tmp/drained") &
waiter=$!
until_true 10 sh -c "WEFT_RUNDIR='$rundir' '$build/console/weft' conf --json | grep '\"host\": *\"beta\"' | grep -q '\"drained\": *true'"
status "with a limit it waits no longer than that" 125 weft drain --wait --timeout 0.2s beta
says "and it is told what ends the tasks" 'beta: tasks still run there .* weft delete beta ends them'
expect "draining waits for tasks that run" "$([ ! -s "$tmp/drained" ] || cat "$tmp/drained")"
timeout 10 sh -c "echo >'$tmp/gate'"
wait $waiter
expect "until the last has ended" "$(grep -q 'has no tasks left' "$tmp/drained" && tail -n 1 "$tmp/drained" | grep -qx 0 || cat "$tmp/drained")"
status "then it can leave" 0 weft delete beta
status "a task is told of hosts that come" 0 sh -c "
	WEFT_RUNDIR='$rundir' timeout 30 '$build/console/weft' run --host '#1' '$build/tests/hosts/watcher' >'$tmp/watched' &
	run=\$!
	i=0; while ! grep -q watching '$tmp/watched' && [ \$i -lt 200 ]; do sleep 0.05; i=\$((i + 1)); done
	WEFT_RUNDIR='$rundir' timeout 30 '$build/console/weft' add beta && wait \$run"
expect "by name" "$(grep -qx 'added beta' "$tmp/watched" || cat "$tmp/watched")"
status "and a PVM program by PvmHostAdd" 0 sh -c "
	WEFT_RUNDIR='$rundir' timeout 30 '$build/console/weft' run --host '#1' '$build/tests/hosts/pvmwatcher' >'$tmp/watched' &
	run=\$!
	i=0; while ! grep -q watching '$tmp/watched' && [ \$i -lt 200 ]; do sleep 0.05; i=\$((i + 1)); done
	WEFT_RUNDIR='$rundir' timeout 30 '$build/console/weft' add gamma && wait \$run"
expect "with the host's tid" "$(grep -qx 'added gamma' "$tmp/watched" || cat "$tmp/watched")"
weft delete gamma >/dev/null
if command -v script >/dev/null; then
	WEFT_RUNDIR=$rundir TERM=xterm timeout 30 script -qec "'$build/console/weft' add gamma nix" /dev/null </dev/null >"$tmp/tty"
	expect "on a terminal each host has a line that moves until it is decided" "$(grep -q '[⠋⠙⠸⠴⠦⠇] gamma  [0-9]' "$tmp/tty" && grep -q '✔.* gamma is node' "$tmp/tty" && grep -q '✘.* nix: ' "$tmp/tty" || cat -v "$tmp/tty")"
else
	skip "on a terminal each host has a line that moves until it is decided" "there is no script"
fi
weft down >/dev/null

status "a run of its own brings hosts along and takes them away" 0 weft run --hostfile "$tmp/list" -n 4 hostname
expect "slots count there, too" "$(sort "$tmp/out" | uniq -c | tr -s ' \n' ' ' | grep -qx " 2 alpha 1 beta 1 $(hostname) " || cat "$tmp/out" "$tmp/err")"
printf 'alpha\nbeta\n' | sed 's/$/ slots=2/' >"$tmp/two"
status "a list without this machine" 0 weft run --hostfile "$tmp/two" -n 4 hostname
expect "gives it no tasks" "$(sort "$tmp/out" | uniq -c | tr -s ' \n' ' ' | grep -qx ' 2 alpha 2 beta ' || cat "$tmp/out" "$tmp/err")"
status "tasks of such a run reach each other" 0 weft run --hostfile "$tmp/two" -n 4 "$examples/ring"
printf 'alpha\nnix\n' >"$tmp/bad"
status "one host that does not come" 125 weft run --hostfile "$tmp/bad" -n 2 hostname
says "ends the run before it begins" "1 of 2 hosts did not come; nothing was started"
expect "and is named with its cause" "$(grep -q 'nix: its name does not resolve' "$tmp/err" || cat "$tmp/err")"
printf 'alpha\nbeta slot=2\n' >"$tmp/bad"
status "a list with an error" 125 weft up --hostfile "$tmp/bad"
says "is refused with its line" "bad:2: unknown option \"slot=\""
status "a list that is not there" 125 weft run --hostfile "$tmp/none" hostname
says "is named" "$tmp/none: No such file"
: >"$tmp/empty"
status "an empty one" 125 weft run --hostfile "$tmp/empty" hostname
says "is no list" "names none"
expect "nothing is left anywhere" "$(remains_elsewhere)"
done_testing
