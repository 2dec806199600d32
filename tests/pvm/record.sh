#!/bin/sh
# record.sh - run the examples, and every call, on Debian's own PVM and keep what they print, for examples.sh and every.sh.
# By hand, where the packages pvm, pvm-dev and pvm-examples are installed and no PVM runs:
# WEFT_SRCDIR=. sh tests/pvm/record.sh
. "$WEFT_SRCDIR/tests/pvm/normal.sh"
. "$WEFT_SRCDIR/tests/pvm/pairs.sh"
tmp=$(mktemp -d "${TMPDIR:-/tmp}/weft-pvm.XXXXXX") || exit 99
PVM_TMP=$tmp PVM_ROOT=/usr/lib/pvm3 PVM_PATH=/usr/bin PVM_ALLOW_ROOT=1
export PVM_TMP PVM_ROOT PVM_PATH PVM_ALLOW_ROOT
/usr/bin/pvmd >/dev/null 2>&1 &
daemon=$!
trap 'kill $daemon; rm -rf "$tmp"' EXIT
while ! ls "$tmp"/pvmd.* >/dev/null 2>&1; do sleep 0.1; done

run_pairs "$WEFT_SRCDIR/tests/pvm/recorded/pairs" # before the group server is there, which gmbi would show
record() {
	timeout 60 "$@" >"$tmp/out" 2>&1
	rc=$?
	{
		normal "$1" <"$tmp/out"
		echo "exit $rc"
	} >"$WEFT_SRCDIR/tests/pvm/recorded/$1"
}
each_example record

${CC:-cc} -w -o "$tmp/every" "$WEFT_SRCDIR"/tests/pvm/every*.c -lgpvm3 -lpvm3 || exit 1
for case in $("$tmp/every"); do
	echo "== $case"
	timeout 5 "$tmp/every" "$case" 2>/dev/null
	echo "exit $?"
done >"$WEFT_SRCDIR/tests/pvm/recorded/every"

${CC:-cc} -w -o "$tmp/tasker" "$WEFT_SRCDIR/tests/pvm/tasker.c" -lpvm3 || exit 1
timeout 30 "$tmp/tasker" "$tmp/tasker" >"$WEFT_SRCDIR/tests/pvm/recorded/tasker" 2>&1

${CC:-cc} -w -o "$tmp/manager" "$WEFT_SRCDIR/tests/pvm/manager.c" -lpvm3 || exit 1
timeout 30 "$tmp/manager" "$tmp/manager" "$tmp/asked" >"$WEFT_SRCDIR/tests/pvm/recorded/manager" 2>/dev/null
sleep 1 # the ends that it is told of last
LC_ALL=C sort "$tmp/asked" >>"$WEFT_SRCDIR/tests/pvm/recorded/manager"

# A hoster is asked for hosts that have addresses: they have them in a network of its own.
${CC:-cc} -w -o "$tmp/hoster" "$WEFT_SRCDIR/tests/pvm/hoster.c" -lpvm3 || exit 1
cat >"$tmp/hosts.sh" <<'END'
ip link set lo up
for i in 1 2 3 4; do ip addr add 10.77.1.$i/24 dev lo; done
printf '10.77.1.%s\n' "1 $(hostname)" '2 first' '3 second' '4 third' >"$PVM_TMP/hosts"
mount --bind "$PVM_TMP/hosts" /etc/hosts
mkdir "$PVM_TMP/home" "$PVM_TMP/there"
HOSTER_TMP=$PVM_TMP/there PVM_RSH=/bin/false
PVM_TMP=$PVM_TMP/home
export HOSTER_TMP PVM_RSH
/usr/bin/pvmd >/dev/null 2>&1 &
while ! ls "$PVM_TMP"/pvmd.* >/dev/null 2>&1; do sleep 0.1; done
timeout 30 "$1" "$1" "$PVM_TMP/asked" 2>/dev/null
LC_ALL=C sort "$PVM_TMP/asked"
END
unshare -n -m -p --fork --mount-proc --kill-child sh "$tmp/hosts.sh" "$tmp/hoster" >"$WEFT_SRCDIR/tests/pvm/recorded/hoster"

${CC:-cc} -w -o "$tmp/groups" "$WEFT_SRCDIR/tests/pvm/groups.c" -lgpvm3 -lpvm3 || exit 1
timeout 30 "$tmp/groups" "$(cat "$WEFT_SRCDIR/tests/pvm/groups.command")" | sed 's/0x[0-9a-f]*/TID/g' >"$WEFT_SRCDIR/tests/pvm/recorded/groups"

gfortran -std=legacy -w -o "$tmp/every_f" "$WEFT_SRCDIR/tests/pvm/every_f.f" -lfpvm3 -lgpvm3 -lpvm3 || exit 1
{ timeout 20 "$tmp/every_f" 2>/dev/null; echo "exit $?"; } >"$WEFT_SRCDIR/tests/pvm/recorded/every_f"
