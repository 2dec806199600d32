#!/bin/sh
# compare.sh - bench/compare's rows are well-formed and its sums right. How fast anything is, is no test.
. "$WEFT_SRCDIR/tests/checks/tap.sh"
command -v python3 >/dev/null 2>&1 || skip_all "python3 is not installed"
python3 -c 'import sys; sys.exit(sys.version_info < (3, 9))' || skip_all "python3 is older than 3.9"
tmp=$(mktemp -d "${TMPDIR:-/tmp}/weft-bench-test.XXXXXX") || exit 99
trap 'rm -rf "$tmp"' EXIT

plan 4
compare() { timeout 100 "$WEFT_SRCDIR/bench/compare" "$@"; }
export XDG_CACHE_HOME="$tmp"

# check "name" python-condition: on the rows of $tmp/out.
check() {
	expect "$1" "$(python3 -c "
import json, sys
rows = json.load(open('$tmp/out'))
by = {(r['figure'], r['size']): r for r in rows}
if not ($2): print(json.dumps(rows)[:2000])" 2>&1)"
}

compare --json --quick --turns 1 --only weft latency >"$tmp/out" 2>"$tmp/err"
equal "a quick run succeeds" "0 " "$? $(head -n 3 "$tmp/err")"
check "there is a row for each size, with what Weft and the bare machine reach" "
	len(rows) == 14 and all(r['unit'] == 'us' and r['better'] == 'lower' for r in rows) and
	all(r['weft']['best'] > 0 and r['weft']['median'] >= r['weft']['best'] for r in rows if 'weft' not in r['missing']) and
	any(r['weft'] for r in rows) and any(r['limit'] for r in rows)"
compare --json --quick --turns 1 --only weft --builddir "$tmp" latency >"$tmp/out" 2>"$tmp/err"
check "a system that can't be used is missing, with the reason" "
	rows and all(r['weft'] is None and 'not built' in r['missing']['weft'] and
	             r['advantage'] is None and r['of_limit'] is None for r in rows)"

expect "samples of another regime do not count, and gains are above 1 when Weft is ahead" "$(
	cd "$WEFT_SRCDIR/bench" && python3 -B -c "
from samples import Sample, Taken, rows
def taken(*pairs): return Taken([Sample('f', 8, unit, v, h, h) for v, h in pairs])
for unit, good, bad in (('us', 1.0, 2.0), ('GB/s', 2.0, 1.0)):
    r, = rows({'weft': taken((good, 60), (good, 58), (0.1 if unit == 'us' else 99.0, 23)), 'a': taken((bad, 61)),
               'b': taken((bad * 1.0, 57)), 'c': taken((7.0, 270)), 'bare': taken((good, 59))}, 'f')
    assert (r.advantage('best'), r.advantage('median'), r.of_limit('best')) == (2.0, 2.0, 1.0), (unit, r)
    assert r.values['weft'].samples == 2 and 'c' in r.missing and 'c' not in r.values, r
" 2>&1)"
[ "$tap_failed" = 0 ]
