#!/bin/sh
# report.sh - the end of a test run tells what failed and why, and what took long.
. "$WEFT_SRCDIR/tests/checks/tap.sh"
folder=$(mktemp -d "${TMPDIR:-/tmp}/weft-report-XXXXXX") || exit 99
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 99
touch -d '2 seconds ago' mark

log() { # name results…; the log's lines on standard input
	cat >"$1.log"
	name=$1
	shift
	for result in "$@"; do printf ':test-result: %s\n' "$result"; done >"$name.trs"
}
report() { sh "$WEFT_SRCDIR/tests/report.sh" "$@"; }

log good PASS <<'END'
ok 1 - it works
# took 3 s
END
log bad PASS FAIL PASS <<'END'
ok 1 - it works
PASS: bad 1 - it works
a word before
not ok 2 - it fails
FAIL: bad 2 - it fails
# expected: 1
# got: 2
ok 3 - it works again
PASS: bad 3 - it works again
# took 12 s
END
{
	seq 1 40 | sed 's/^/word /'
	echo 'not ok 1 - it says much'
	seq 41 80 | sed 's/^/word /'
} | log wordy FAIL
{
	echo '==1==ERROR: AddressSanitizer: heap-use-after-free'
	seq 1 40 | sed 's/^/frame /'
	echo 'ERROR: crashed - exited with status 1'
} | log crashed ERROR
echo 'not ok 1 - it failed yesterday' | log old FAIL
touch -d '10 seconds ago' old.trs

plan 5
equal "a failed test is shown with what it said before and after" 'bad.log: not ok 2 - it fails
    a word before
    # expected: 1
    # got: 2' "$(report failed mark | grep -A 3 '^bad')"
equal "of a test that says much 20 lines are shown, those beside its result" \
	"wordy.log: not ok 1 - it says much $(seq 31 50 | sed 's/^/word /' | tr '\n' ' ')" \
	"$(report failed mark | sed -n '/^wordy/,$p' | tr -s ' \n' ' ')"
equal "of a crash the sanitizer's first words are shown" \
	"crashed.log: ERROR: crashed - exited with status 1 ==1==ERROR: AddressSanitizer: heap-use-after-free $(seq 1 19 |
		sed 's/^/frame /' | tr '\n' ' ')" \
	"$(report failed mark | sed -n '/^crashed/,/^wordy/p' | grep -v '^wordy' | tr -s ' \n' ' ')"
equal "what passed and what an older run left is not shown" "" "$(report failed mark | grep -E '^(good|old)')"
equal "those that took long come first" '12 s  bad.log
3 s  good.log' "$(report slowest mark)"
[ "$tap_failed" = 0 ]
