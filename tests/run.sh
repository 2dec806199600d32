#!/bin/sh
# run.sh - runs one test: no signal is ignored, whoever started make (nohup and many job runners ignore some, and a
# shell can't take that back), and a test that hangs is an error instead of the end of all. Its log ends with its time.
begin=$(date +%s)
env --default-signal timeout -k 10 "${WEFT_TEST_SECONDS:-600}" "$@"
status=$?
echo "# took $(($(date +%s) - begin)) s"
exit $status
