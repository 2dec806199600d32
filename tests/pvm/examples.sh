#!/bin/sh
# examples.sh - the binaries of Debian's pvm-examples, as they are, print on Weft what they print on PVM and end as they do
# there, on one node and on three. Of the tasks that they spawn PVM shows nothing, Weft does: so every line that PVM prints
# is looked for.
. "$WEFT_SRCDIR/tests/system/lib.sh"
. "$WEFT_SRCDIR/tests/pvm/normal.sh"
lib=$build/bindings/pvm/.libs
[ -e "$lib/libpvm3.so.3" ] || skip_all "libpvm3.so.3 was not built (shared libraries are off)"
[ -x /usr/bin/hello.pvm ] && [ -x /usr/bin/fmaster1 ] || skip_all "the package pvm-examples is not installed"
nm -D "$lib/libpvm3.so.3" | grep -q -E ' U __(asan|ubsan|tsan)' && skip_all "the libraries were built with a sanitizer"
cd "$tmp" || exit 99
LD_LIBRARY_PATH=$lib PVM_PATH=/usr/bin
export LD_LIBRARY_PATH PVM_PATH

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
expect "nothing remains" "$(remains)"
done_testing
