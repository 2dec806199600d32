#!/bin/sh
# hoster.sh - a PVM program that registered as hoster starts the daemons of other machines, as it was on PVM
# (recorded/hoster), by commands that have no standard input to get a key by.
. "$WEFT_SRCDIR/tests/system/lib.sh"
. "$WEFT_SRCDIR/tests/pvm/lib.sh"
cd "$tmp" || exit 99
# Without a hoster the machines are not there.
printf '#!/bin/sh\nexit 255\n' >reach
chmod +x reach
WEFT_SSH=$tmp/reach
export WEFT_SSH
expect "it compiles" "$(compile hoster -w -lpvm3)"
weft up >/dev/null
WEFT_RUNDIR=$rundir timeout 60 ./hoster "$tmp/hoster" "$tmp/asked" >here 2>errors
{ cat here && LC_ALL=C sort asked; } >both
expect "all is as on PVM" "$(diff "$WEFT_SRCDIR/tests/pvm/recorded/hoster" both)"
weft down >/dev/null
expect "nothing remains" "$(remains)"
done_testing
