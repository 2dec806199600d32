#!/bin/sh
# A Fortran program as 5 tasks on 2 nodes: messages, collectives, names, groups, spawn. It prints the results itself.
set -u
program=$WEFT_BUILDDIR/tests/fortran/crew
if [ ! -x "$program" ]; then
	echo '1..0 # SKIP built without Fortran'
	exit 0
fi
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
WEFT_RUNDIR=$work timeout -k 5 100 "$WEFT_BUILDDIR/console/weft" run -q -n 5 --local-nodes 2 "$program" </dev/null
