#!/bin/sh
# tools.sh - Debian's PVM programs and tools load with our libraries, all their symbols resolved; its tracer gets the traces of a
# program's calls and writes them as it does on PVM.
. "$WEFT_SRCDIR/tests/checks/tap.sh"
. "$WEFT_SRCDIR/tests/pvm/lib.sh"
tmp=$(mktemp -d "${TMPDIR:-/tmp}/weft-pvm.XXXXXX") || exit 99
trap 'rm -rf "$tmp"' EXIT
plan 5
export WEFT_RUNDIR="$tmp"

clients=$(for name in hello.pvm master1 gexample tracer trcsort pvm_gstat pvmgroups pvm NPpvm; do command -v $name; done
	dpkg -L pvm-examples 2>/dev/null | grep /bin/.)
if [ -z "$clients" ]; then
	skip "PVM's programs load" "the packages pvm, pvm-dev and pvm-examples are not installed"
else
	expect "PVM's programs load" "$(for file in $clients; do ldd -r "$file" 2>&1 | grep -i undefined | sed "s|^|$file: |"; done)"
fi

if ! command -v tracer >/dev/null; then
	skip "the tracer connects" "the package pvm-dev is not installed"
	skip "and writes what a program calls" "the package pvm-dev is not installed"
else
	${CC:-cc} -I"$WEFT_SRCDIR/bindings/pvm" -o "$tmp/mailbox" "$WEFT_SRCDIR/tests/pvm/mailbox.c" -L"$lib" -lpvm3
	mkfifo "$tmp/commands"
	cat >"$tmp/run" <<'END'
until_has() { tries=0; until grep -q "$2" "$1" 2>/dev/null || [ $tries -ge 200 ]; do sleep 0.1; tries=$((tries + 1)); done; }
tracer -T "$1/trace" full <"$1/commands" >"$1/said" 2>&1 &
exec 9>"$1/commands"
until_has "$1/said" "Tracer connected"
echo 'mask + *' >&9
until_has "$1/said" '[*] upkint'
"$1/mailbox" >"$1/tap" 2>/dev/null
until_has "$1/trace" '^"endtask'
echo quit >&9
wait
END
	timeout 60 "$WEFT_BUILDDIR/console/weft" run sh "$tmp/run" "$tmp" >"$tmp/out" 2>&1 </dev/null
	expect "the tracer connects" "$(grep -q 'Tracer connected' "$tmp/said" || cat "$tmp/said" "$tmp/out")"
	expect "and writes what a program calls" "$(for event in putinfo spawn send recv upkint exit; do
		grep -q "^\"$event(0.0)\" {" "$tmp/trace" || echo "no $event"
	done; for event in newtask spntask endtask output; do grep -q "^\"$event(0)\" {" "$tmp/trace" || echo "no $event"; done)"
fi

if ! command -v pvm_gstat >/dev/null; then
	skip "pvm_gstat shows groups as on PVM" "the package pvm-dev is not installed"
	skip "pvmgroups prints them" "the package pvm-dev is not installed"
else
	compile groups -w -lgpvm3 -lpvm3
	timeout 60 "$WEFT_BUILDDIR/console/weft" run "$tmp/groups" "$(cat "$WEFT_SRCDIR/tests/pvm/groups.command")" pvmgroups \
		>"$tmp/out" 2>&1 </dev/null
	tids='s/0x[0-9a-f]*/TID/g'
	expect "pvm_gstat shows groups as on PVM" "$(sed -e "$tids" -e '/^2 groups:/,$d' "$tmp/out" | diff "$WEFT_SRCDIR/tests/pvm/recorded/groups" -)"
	equal "pvmgroups prints them" "(0,  TID) (1,  TID) (2,  TID) " "$(sed "$tids" "$tmp/out" | grep '^(0' | head -n 1)"
fi
[ "$tap_failed" = 0 ]
