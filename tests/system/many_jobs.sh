#!/bin/sh
# many_jobs.sh - a thousand jobs, one after the other, into a virtual machine that stands: it keeps no descriptor, process or file
# of them, and of memory only the records of how they ended.
. "$WEFT_SRCDIR/tests/system/lib.sh"
cd "$tmp" || exit 99
sanitized=
nm -D "$build/node/weftd" 2>/dev/null | grep -q -E '__(asan|tsan)_init' && sanitized=1
jobs=1000
[ -z "$sanitized" ] || jobs=200

daemons() { left | awk '$2 == "weftd" || $2 == "weft-coord" { print $1 }' | sort -n; }
descriptors() { for p in $(daemons); do ls "/proc/$p/fd"; done | wc -l; }
resident() { for p in $(daemons); do sed -n 's/^VmRSS: *\([0-9]*\).*/\1/p' "/proc/$p/status"; done | awk '{ s += $1 } END { print s }'; }
files() { find "$rundir" /dev/shm -mindepth 1 2>/dev/null | grep -v '/log' | sed 's/[0-9]*$//' | sort | uniq -c | awk '{ print $1 }' | xargs; }
run_jobs() { i=0; while [ $i -lt "$1" ]; do "$build/console/weft" run -q $2 true || echo "job $i failed"; i=$((i + 1)); done; }
as_before() { [ "$(descriptors)" -le "$before" ]; }
same_files() { [ "$(files)" = "$kept" ]; }

WEFT_RUNDIR=$rundir
export WEFT_RUNDIR
weft up --local-nodes 2 >/dev/null
expect "the first jobs end well" "$(run_jobs 50 "-n 4")"
until_true 5 idle 2
before=$(descriptors) memory=$(resident) others=$(left | wc -l) kept=$(files)
expect "$jobs jobs end well" "$(run_jobs $jobs "-n 2")"
until_true 5 idle 2
if until_true 5 as_before; then ok "no descriptor is kept"; else not_ok "no descriptor is kept" "$before, then $(descriptors)"; fi
no_more() { [ "$(left | wc -l)" -le "$others" ]; }
if until_true 5 no_more; then ok "no process"; else not_ok "no process" "$others, then $(left)"; fi
if until_true 5 same_files; then ok "no file"; else not_ok "no file" "$kept, then $(files)"; fi
grown=$(($(resident) - memory))
if [ -n "$sanitized" ]; then
	skip "and little memory" "a sanitizer keeps what was freed"
else
	expect "and little memory" "$([ "$grown" -lt 4096 ] || echo "$grown KiB more")"
fi
weft down >/dev/null
expect "nothing remains" "$(remains)"
done_testing
