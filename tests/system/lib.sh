# lib.sh - for tests with real daemons; source it first. Each test has run folders of its own, and, when root may make
# them, a PID namespace, so that a failing test takes its processes along, and a /dev/shm of its own.
if [ -z "${WEFT_TEST_NAMESPACE-}" ] && [ "$(id -u)" = 0 ] && unshare -p -f --mount-proc true 2>/dev/null; then
	WEFT_TEST_NAMESPACE=1 exec unshare -p -f --mount-proc --kill-child sh -c \
		'mount -t tmpfs -o mode=1777 shm /dev/shm 2>/dev/null; exec sh "$0" "$@"' "$0" "$@"
fi
. "$WEFT_SRCDIR/tests/checks/tap.sh"

tmp=$(mktemp -d "${TMPDIR:-/tmp}/weft-test.XXXXXX") || exit 99
rundir=$tmp/run
mkdir -m 700 "$rundir"
build=$WEFT_BUILDDIR
examples=$build/examples
unset WEFT_VM WEFT_DIR WEFT_FD WEFT_RUNDIR

# weft ARGUMENTS…: the command under test, with a limit on its time.
weft() { WEFT_RUNDIR=$rundir timeout -k 5 "${limit:-60}" "$build/console/weft" "$@"; }

# The processes that Weft started here and that still run: pid and name.
left() {
	for p in /proc/[0-9]*; do
		tr '\0' '\n' 2>/dev/null <"$p/environ" | grep -q -x -F "WEFT_RUNDIR=$rundir" || continue
		printf '%s %s\n' "${p#/proc/}" "$(cat "$p/comm" 2>/dev/null)"
	done
}

# until_true SECONDS COMMAND…: wait for a condition, not for a time. A machine that has much else to do, or a build with
# sanitizers, may take four times as long as is usual.
until_true() {
	ticks=$(($1 * 80))
	shift
	while [ "$ticks" -gt 0 ]; do
		if "$@"; then return 0; fi
		sleep 0.05
		ticks=$((ticks - 1))
	done
	return 1
}

# idle NODES: all jobs are over, and each node keeps a task VM for the next one.
idle() { [ "$(left | grep -c ' weft-taskvm$')" = "$1" ]; }
# daemon NODE: the process id that the coordinator knows.
daemon() { weft conf --json 2>/dev/null | tr '{' '\n' | grep "\"node\": *$1[,}]" | grep -o '"pid": *[0-9]*' | grep -o '[0-9]*$'; }
# kill_daemon NODE: and wait until another one is in its place.
kill_daemon() {
	victim=$(daemon "$1")
	[ -n "$victim" ] && kill -9 "$victim" || return 1
	another() { now=$(daemon "$1"); [ -n "$now" ] && [ "$now" != "$victim" ]; }
	until_true 10 another "$1"
}

nothing_runs() { [ -z "$(left)" ]; }

# What is left behind: processes after a moment, files in the run folder, shared memory. Empty when all is clean.
remains() {
	until_true "${1:-5}" nothing_runs || left
	find "$rundir" -mindepth 1 2>/dev/null
	find /dev/shm -mindepth 1 -maxdepth 1 -name '*weft*' -user "$(id -u)" 2>/dev/null
}

finish() {
	rc=$?
	trap - EXIT
	weft down >/dev/null 2>&1
	rm -rf "$tmp"
	[ "$tap_failed" = 0 ] || exit 1
	exit $rc
}
trap finish EXIT

# status "name" expected-exit-status command…: output in $tmp/out and $tmp/err
status() {
	status_name=$1 status_wanted=$2
	shift 2
	rc=0
	"$@" >"$tmp/out" 2>"$tmp/err" </dev/null || rc=$?
	if [ $rc = "$status_wanted" ]; then
		ok "$status_name"
	else
		not_ok "$status_name" "exit status $rc, expected $status_wanted
$(head -n 20 "$tmp/out")
$(head -n 20 "$tmp/err")"
	fi
}

# says "name" pattern: the last command's standard error matches
says() {
	if grep -q -E -e "$2" "$tmp/err"; then ok "$1"; else not_ok "$1" "no /$2/ in: $(head -n 5 "$tmp/err")"; fi
}
