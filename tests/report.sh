#!/bin/sh
# report.sh - what a run of the tests tells whoever sees only its end, from the logs below the working folder that are
# newer than the file MARK.
#
#   report.sh failed MARK    each failed test with what it said, 20 lines of it at most
#   report.sh slowest MARK   the ten tests that took longest
LINES_PER_TEST=20
LINES_MAX=400

newer_logs() { # mark [pattern of a result]
	find . -name '*.trs' -newer "$1" | sort | while read -r results; do
		if [ $# = 1 ] || grep -q -E "^:test-result: ($2)" "$results"; then echo "${results%.trs}.log"; fi
	done
}

# A test's words stand before its result (what it printed) and after it (the diagnostics of TAP). The driver's own line
# about each result is left out; of a program that ended badly its last words count, or a sanitizer's first.
failures() { # log
	awk -v max=$LINES_PER_TEST -v name="${1#./}" '
		function show(line) { print "    " substr(line, 1, 300) }
		function result(failed) {
			if (failed) {
				print name ": " $0
				for (i = nwords > max / 2 ? nwords - int(max / 2) : 0; i < nwords; i++) show(words[i])
			}
			left = failed ? max - (nwords > max / 2 ? int(max / 2) : nwords) : 0
			nwords = 0
			after = failed
		}
		/^not ok / && !/# (SKIP|TODO)/ { result(1); next }
		/^(not )?ok( |$)/ { result(0); next }
		/^(PASS|FAIL|SKIP|XFAIL|XPASS): / { next }
		/^ERROR: .* - / { errors[nerrors++] = $0; next }
		/^# took [0-9]+ s$/ { next }
		/ERROR: [A-Za-z]*Sanitizer|runtime error: / && !sanitized { sanitized = nall + 1 }
		{
			all[nall++] = $0
			if (!after) words[nwords++] = $0
			else if (left-- > 0) show($0)
		}
		END {
			for (i = 0; i < nerrors; i++) print name ": " errors[i]
			first = sanitized ? sanitized - 1 : nall > max ? nall - max : 0
			for (i = first; nerrors && i < nall && i < first + max; i++) show(all[i])
		}' "$1"
}

case $1 in
failed)
	newer_logs "$2" 'FAIL|ERROR|XPASS' | while read -r log; do failures "$log"; done |
		awk -v max=$LINES_MAX 'NR <= max { print } END { if (NR > max) print "… and " NR - max " lines more" }'
	;;
slowest)
	newer_logs "$2" | while read -r log; do
		sed -n "s|^# took \([0-9]*\) s\$|\1 s  ${log#./}|p" "$log" | tail -n 1
	done | sort -rn | head -n 10
	;;
*)
	echo "report.sh: failed MARK or slowest MARK" >&2
	exit 64
	;;
esac
