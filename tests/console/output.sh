#!/bin/sh
# output.sh - lines of tasks are never mixed or torn, however long and however they were written.
. "$WEFT_SRCDIR/tests/system/lib.sh"
cd "$tmp" || exit 99

# Each task writes lines of 70000 bytes of its own digit.
cat >long.sh <<'END'
awk -v d="$WEFT_RANK" 'BEGIN { s = d; while (length(s) < 70000) s = s s; s = substr(s, 1, 70000); for (i = 0; i < 20; i++) print s }'
END
status "long lines of four tasks" 0 weft run -q -n 4 sh long.sh
cat "$tmp/out" >long.out
equal "80 lines came" 80 "$(wc -l <long.out)"
equal "all of them whole" "" "$(awk 'length($0) != 70000 || $0 !~ /^(0+|1+|2+|3+)$/ { print NR ": " length($0) " bytes" }' long.out)"
weft run -q -n 4 -l sh long.sh 2>err | cat >long.out
equal "with labels and into a pipe as well" "20 20 20 20" \
	"$(awk 'length($0) == 70004 { n[substr($0, 1, 4)]++ } END { print n["[0] "], n["[1] "], n["[2] "], n["[3] "] }' long.out)"

# A line that is written in pieces waits for its end.
cat >pieces.sh <<'END'
for i in 1 2 3 4 5; do
	printf 'part1 of %s ' "$WEFT_RANK"
	sleep 0.01
	printf 'part2 of %s\n' "$WEFT_RANK"
done
END
status "lines in pieces" 0 weft run -q -n 3 -l sh pieces.sh
equal "come out whole" 15 "$(grep -c -E '^\[([0-2])\] part1 of \1 part2 of \1$' "$tmp/out")"

status "lines longer than what is kept" 0 weft run -q -n 3 -l sh -c \
	'head -c 3000000 /dev/zero | tr "\0" "$WEFT_RANK"; echo; echo short'
equal "are whole, too" "3000004 3000004 3000004" \
	"$(awk 'length($0) > 100 { printf "%s%s", sep, length($0); sep = " " }' "$tmp/out")"
equal "and short ones are where they belong" 3 "$(grep -c -E '^\[[0-2]\] short$' "$tmp/out")"

status "a last line without its end" 0 weft run -q printf 'a\nb'
equal "is not changed by a byte" "610a62" "$(od -An -tx1 "$tmp/out" | tr -d ' \n')"
status "several of them" 0 weft run -q -n 3 printf x
equal "do not run together" "x x x" "$(xargs <"$tmp/out")"

status "the two streams stay apart" 0 weft run -q -n 2 sh -c 'echo out; echo err >&2'
equal "standard output" "out out" "$(xargs <"$tmp/out")"
equal "standard error" "err err" "$(xargs <"$tmp/err")"
weft run -q -n 2 sh -c 'printf "half "; echo err >&2; echo line' >both 2>&1
equal "also when they are one file" "err err half line half line" "$(sort both | xargs)"
status "bytes that are no text" 0 weft run sh -c 'head -c 65536 /dev/urandom | tee copy'
if cmp -s "$tmp/out" copy; then ok "come through unchanged"; else not_ok "come through unchanged"; fi

# 20 MB of lines through a slow reader: nothing is lost, nothing grows without bound.
weft run -q -n 2 sh -c 'yes 0123456789abcdef | head -n 600000' 2>err | { sleep 0.5; wc -l; } >count
equal "a slow reader loses nothing" 1200000 "$(tr -d ' ' <count)"

# An endless line, and lines that wait for it: memory stays where it is.
mkfifo endless
WEFT_RUNDIR=$rundir "$build/console/weft" run -q cat /dev/zero : yes >endless 2>err &
run=$!
peak=$({ head -c 500000000 >/dev/null; awk '$1 == "VmHWM:" { print $2 }' /proc/$run/status; } <endless)
rc=0
wait $run || rc=$?
equal "an endless line ends with its reader" 141 $rc
if [ "${peak:-0}" -gt 0 ] && [ "$peak" -lt 300000 ]; then ok "and takes little memory"; else not_ok "and takes little memory" "$peak KiB"; fi

# Nobody reads any more.
{ rc=0; weft run -q -n 2 yes 2>err || rc=$?; echo $rc >rc; } | head -n 1 >/dev/null
equal "a closed pipe ends the run with 141" 141 "$(cat rc)"
expect "quietly" "$(cat err)"
{ rc=0; weft run sh -c 'trap "" TERM; yes' 2>err || rc=$?; echo $rc >rc; } | head -n 1 >/dev/null
equal "also when the task does not want to end" 141 "$(cat rc)"
rc=0
weft run echo x >/dev/full 2>err || rc=$?
equal "a full disk is a failure" 125 $rc
rc=0
weft run echo x >&- 2>err || rc=$?
equal "a closed standard output is none" 0 $rc
expect "nothing remains" "$(remains)"
done_testing
