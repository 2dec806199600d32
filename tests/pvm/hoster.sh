#!/bin/sh
# hoster.sh - a PVM program that registered as hoster starts the daemons of other machines, as it was on PVM
# (recorded/hoster), by commands that have no standard input to get a key by.
. "$WEFT_SRCDIR/tests/system/lib.sh"
lib=$build/bindings/pvm/.libs
[ -e "$lib/libpvm3.so" ] || skip_all "libpvm3.so was not built (shared libraries are off)"
nm -D "$lib/libpvm3.so" | grep -q -E ' U __(asan|ubsan|tsan)' && skip_all "the libraries were built with a sanitizer"
cd "$tmp" || exit 99
# Without a hoster the machines are not there.
printf '#!/bin/sh\nexit 255\n' >reach
chmod +x reach
LD_LIBRARY_PATH=$lib WEFT_SSH=$tmp/reach
export LD_LIBRARY_PATH WEFT_SSH
expect "it compiles" "$(${CC:-cc} -w -I"$WEFT_SRCDIR/bindings/pvm" -o hoster "$WEFT_SRCDIR/tests/pvm/hoster.c" -L"$lib" -lpvm3 2>&1)"
weft up >/dev/null
WEFT_RUNDIR=$rundir timeout 60 ./hoster "$tmp/hoster" "$tmp/asked" >here 2>errors
{ cat here && LC_ALL=C sort asked; } >both
expect "all is as on PVM" "$(diff "$WEFT_SRCDIR/tests/pvm/recorded/hoster" both)"
weft down >/dev/null
expect "nothing remains" "$(remains)"
done_testing
