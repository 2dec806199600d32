#!/bin/sh
# record.sh - run the examples on Debian's own PVM and keep what they print, for examples.sh. By hand, where the packages
# pvm and pvm-examples are installed and no PVM runs: WEFT_SRCDIR=. sh tests/pvm/record.sh
. "$WEFT_SRCDIR/tests/pvm/normal.sh"
tmp=$(mktemp -d "${TMPDIR:-/tmp}/weft-pvm.XXXXXX") || exit 99
PVM_TMP=$tmp PVM_ROOT=/usr/lib/pvm3 PVM_PATH=/usr/bin PVM_ALLOW_ROOT=1
export PVM_TMP PVM_ROOT PVM_PATH PVM_ALLOW_ROOT
/usr/bin/pvmd >/dev/null 2>&1 &
daemon=$!
trap 'kill $daemon; rm -rf "$tmp"' EXIT
while ! ls "$tmp"/pvmd.* >/dev/null 2>&1; do sleep 0.1; done

record() {
	timeout 60 "$@" >"$tmp/out" 2>&1
	rc=$?
	{
		normal "$1" <"$tmp/out"
		echo "exit $rc"
	} >"$WEFT_SRCDIR/tests/pvm/recorded/$1"
}
each_example record
