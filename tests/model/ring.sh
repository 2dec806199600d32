#!/bin/sh
# Checks the model of the ring with Spin: the ring holds, and each mutant of it is caught.
mutants='NO_FENCE NO_BARRIER NO_STALE EARLY NO_SECOND_LOOK NO_GUARD NO_TOLD_FENCE'
set -- ring $mutants
echo "1..$#"

skip_all() {
	n=0
	for name do
		n=$((n + 1))
		echo "ok $n - $name # SKIP $why"
	done
	exit 0
}
why='spin is not installed (package spin)'
command -v spin >/dev/null 2>&1 || skip_all "$@"
why='no C compiler for what spin generates'
command -v "${CC:=cc}" >/dev/null 2>&1 || skip_all "$@"

model=$(cd "${WEFT_SRCDIR:-.}" && pwd)/tests/model/ring.pml
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 99

# Says what the verifier found: "holds", "fails", or "unsure".
check() {
	spin -a $1 "$model" >spin.log 2>&1 && $CC -O2 -DSAFETY -DCOLLAPSE -w -o pan pan.c >>spin.log 2>&1 || {
		echo unsure
		return
	}
	timeout 300 ./pan -m200000 >pan.log 2>&1
	if grep -q 'errors: 0' pan.log && ! grep -q 'search depth too small\|out of memory' pan.log; then
		echo holds
	elif grep -q 'errors: [1-9]' pan.log; then
		echo fails
	else
		echo unsure
	fi
}

failed=0
n=1
found=$(check '')
[ "$found" = holds ] && echo "ok 1 - the ring holds whoever is killed" || {
	echo "not ok 1 - the ring holds whoever is killed ($found)"
	sed 's/^/# /' spin.log pan.log 2>/dev/null | head -40
	failed=1
}
sed -n 's/^ *\([0-9]* states, stored\).*/# \1/p' pan.log
for mutant in $mutants; do
	n=$((n + 1))
	found=$(check "-D$mutant")
	[ "$found" = fails ] && echo "ok $n - mutant $mutant is caught" || {
		echo "not ok $n - mutant $mutant is caught ($found)"
		failed=1
	}
done
exit $failed
