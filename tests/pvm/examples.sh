#!/bin/sh
# examples.sh - the binaries of Debian's pvm-examples, as they are, print on Weft what they print on PVM and end as they do
# there, on one node and on three. Of the tasks that they spawn PVM shows nothing, Weft does: so every line that PVM prints
# is looked for. docs/pvm-compatibility.md is the table that is made here.
. "$WEFT_SRCDIR/tests/system/lib.sh"
. "$WEFT_SRCDIR/tests/pvm/normal.sh"
. "$WEFT_SRCDIR/tests/pvm/pairs.sh"
. "$WEFT_SRCDIR/tests/pvm/lib.sh"
[ -x /usr/bin/hello.pvm ] && [ -x /usr/bin/fmaster1 ] || skip_all "the package pvm-examples is not installed"
cd "$tmp" || exit 99
PVM_PATH=/usr/bin
export PVM_PATH

run() { # name arguments…; standard input is the program's
	rc=0
	limit=30 weft run --local-nodes "$nodes" "$@" >out 2>&1 || rc=$?
	normal "$1" <out >here
	echo "exit $rc" >>here
	sizes=cat
	[ "$nodes" = 1 ] || sizes="by_hosts $1"
	LC_ALL=C sort here | $sizes >sorted
	LC_ALL=C sort "$WEFT_SRCDIR/tests/pvm/recorded/$1" | $sizes | LC_ALL=C comm -23 - sorted >missing
	[ ! -s missing ] || sed 's/^/missing: /' missing >"failed.$nodes.$1"
	echo done >"ran.$nodes.$1"
}
for nodes in 1 3; do
	each_example run
	for name in $(sed -n '/^#/d; s/|.*//p' "$examples"); do
		[ -e "ran.$nodes.$name" ] || echo "it did not run" >"failed.$nodes.$name"
		expect "$name on $nodes node(s) is as on PVM" "$(cat "failed.$nodes.$name" 2>/dev/null)"
	done
done
for nodes in 1 3; do
	weft up --local-nodes $nodes >/dev/null
	WEFT_RUNDIR=$rundir run_pairs "pairs.$nodes"
	weft down >/dev/null
	for name in $(ls "$WEFT_SRCDIR/tests/pvm/recorded/pairs"); do
		diff "$WEFT_SRCDIR/tests/pvm/recorded/pairs/$name" "pairs.$nodes/$name" >"differs.$nodes.$name" 2>&1 && rm "differs.$nodes.$name"
		expect "$name on $nodes node(s) is as on PVM" "$(cat "differs.$nodes.$name" 2>/dev/null)"
	done
done

# The table: how PVM ends each program, and whether Weft does and prints the same.
result() { [ -e "failed.$1.$2" ] || [ -e "differs.$1.$2" ] && echo "**differs**" || echo "the same"; }
status_of() { sed -n 's/^exit //p' "$1" | sort -u | xargs | sed 's/124/goes on until it is killed/; s/^\([0-9]\)/exit status \1/'; }
{
	sed -n '/^|/q; p' "$WEFT_SRCDIR/docs/pvm-compatibility.md"
	echo "| program | on PVM 3.4.6 | on Weft, one node | on Weft, three nodes |"
	echo "|---|---|---|---|"
	{
		for name in $(sed -n '/^#/d; s/|.*//p' "$examples"); do
			echo "| $name | $(status_of "$WEFT_SRCDIR/tests/pvm/recorded/$name") | $(result 1 "$name") | $(result 3 "$name") |"
		done
		for name in $(ls "$WEFT_SRCDIR/tests/pvm/recorded/pairs"); do
			echo "| $name | $(status_of "$WEFT_SRCDIR/tests/pvm/recorded/pairs/$name") | $(result 1 "$name") | $(result 3 "$name") |"
		done
		grep -v '^#' "$WEFT_SRCDIR/tests/pvm/examples.parts" | while IFS='|' read -r name by; do
			case $by in
			nobody:*) echo "| $name | goes on until it is killed | the same | the same |" ;;
			*) echo "| $name | started by $by | as $by | as $by |" ;;
			esac
		done
	} | LC_ALL=C sort
} >table.md
cp table.md "$build/tests/pvm/compatibility.md"
expect "docs/pvm-compatibility.md says so (else: cp tests/pvm/compatibility.md docs/pvm-compatibility.md)" \
	"$(diff "$WEFT_SRCDIR/docs/pvm-compatibility.md" table.md)"
missing=$(dpkg -L pvm-examples 2>/dev/null | sed -n 's,^/usr/bin/,,p' | while read -r name; do grep -q "^| $name |" table.md || echo "$name"; done)
expect "every program of the package is in it" "$missing"
expect "nothing remains" "$(remains)"
done_testing
