#!/bin/sh
# bad_input.sh - what a person mistypes gets one clear line, and leaves nothing behind.
. "$WEFT_SRCDIR/tests/system/lib.sh"
cd "$tmp" || exit 99
echo 'echo not executable' >script
mkdir folder

status "a program that is not there" 127 weft run -n 2 /nonexistent/program
says "is named" '/nonexistent/program'
status "a command that is not on the path" 127 weft run no-such-command-anywhere
says "is named, too" 'no-such-command-anywhere'
status "a file that is not executable" 126 weft run ./script
says "the reason is given" 'not executable'
status "a folder" 126 weft run ./folder
for n in 0 -1 99999999 many 1.5 ''; do
	status "-n '$n'" 125 weft run -n "$n" true
	says "names -n and what it takes" '-n'
done
status "an unknown host" 125 weft run --host nosuchhost.invalid true
says "is named" 'nosuchhost.invalid'
status "an unknown option" 125 weft run --lable true
says "gets the nearest match" '--label'
status "an unknown command" 125 weft rnu true
says "gets the nearest match, too" 'run'
status "no program" 125 weft run -n 2
status "a folder to run in that is not there" 125 weft run --wdir /nonexistent true
says "is named" '/nonexistent'
status "too many local nodes" 125 weft run --local-nodes 100000 true
status "zero local nodes" 125 weft run --local-nodes 0 true
status "a time-out that is no time" 125 weft run --timeout soon true
status "a VM's name with a slash" 125 weft up --name ../evil

expect "nothing remains" "$(remains)"

# A run folder that is not ours alone is refused.
mkdir -m 777 "$tmp/open"
chmod 777 "$tmp/open"
rc=0
WEFT_RUNDIR=$tmp/open timeout 20 "$build/console/weft" run true >out 2>err || rc=$?
equal "a run folder that others can write to is refused" 125 $rc
ln -s /tmp "$tmp/link"
rc=0
WEFT_RUNDIR=$tmp/link timeout 20 "$build/console/weft" run true >out 2>err || rc=$?
equal "a run folder that is a symbolic link is refused" 125 $rc

# Few descriptors: a clear error, nothing hangs.
rc=0
(ulimit -n 12; limit=20 weft run -n 8 true) >out 2>err </dev/null || rc=$?
if [ $rc = 0 ] || { [ $rc != 124 ] && [ $rc != 137 ] && [ -s err ]; }; then
	ok "with 12 descriptors: works or says why"
else
	not_ok "with 12 descriptors: works or says why" "exit $rc: $(cat err)"
fi
# However few: never a crash, always a reason.
for n in 6 8 11 14 16 18 20 22; do
	rc=0
	(ulimit -n $n; limit=20 weft run true) >out 2>err </dev/null || rc=$?
	if [ $rc = 0 ] || { [ $rc = 125 ] && grep -q -i 'descriptors\|open files' err; }; then
		ok "with $n descriptors: works or names them"
	else
		not_ok "with $n descriptors: works or names them" "exit $rc: $(cat err)"
	fi
done
rc=0
(ulimit -f 0; limit=20 weft run true) >/dev/null 2>&1 </dev/null || rc=$?
if [ $rc = 0 ] || [ $rc = 125 ]; then ok "where no file may be written: no crash"; else not_ok "where no file may be written: no crash" "exit $rc"; fi
# A journal that cannot grow: the VM ends, and says why.
(ulimit -f 32; weft up) >/dev/null 2>&1
tries=0
while [ $tries -lt 60 ] && weft spawn -n 300 true >out 2>err; do tries=$((tries + 1)); done
equal "a journal that cannot be written is named" 1 "$(grep -c 'journal' err)"
expect "nothing remains of that VM" "$(remains)"
if [ -c /dev/full ]; then
	rc=0
	weft help >/dev/full 2>err || rc=$?
	equal "what cannot be written is an error" 125 $rc
	contains=$(grep -c 'standard output' err)
	equal "and is said once" 1 "$contains"
fi
expect "nothing remains, then" "$(remains)"
done_testing
