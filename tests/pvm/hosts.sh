#!/bin/sh
# hosts.sh - pvm_addhosts takes the options of a hostfile, adds its hosts at the same time, and tells of each what became of it.
. "$WEFT_SRCDIR/tests/system/lib.sh"
. "$WEFT_SRCDIR/tests/pvm/lib.sh"

# In place of ssh: notes whom it is to reach and as whom, and runs the command here. Nobody answers at dead1 and dead2.
cat >"$tmp/reach" <<'END'
#!/bin/sh
login=
while :; do
	case $1 in
	-l) login=$2; shift 2 ;;
	-*) shift ;;
	*) break ;;
	esac
done
echo "$1 as ${login:-oneself}" >>"$REACHED"
case $1 in
dead*)
	until [ "$(grep -c '^dead' "$REACHED")" = 2 ]; do sleep 0.05; done # none alone
	exit 255 ;;
esac
shift
exec sh -c "$*"
END
chmod +x "$tmp/reach"
REACHED=$tmp/reached WEFT_SSH=$tmp/reach
export REACHED WEFT_SSH
cd "$tmp" || exit 99
expect "it compiles" "$(compile hosts -w -lpvm3)"
weft up >/dev/null
WEFT_RUNDIR=$rundir timeout 60 ./hosts "one lo=anna wd=/ ep=/opt/x:\$HOME sp=2000 so=pw bx=x id=9" "two ip=127.0.0.1 dx=/usr/lib/pvm3/lib/pvmd" \
	dead1 dead2 "three foo=1" "four sp=fast" "one sp=1" "" >told 2>errors
# PvmCantStart -29, PvmBadParam -2, PvmDupHost -28
equal "each is told what became of it" "2: 1 1 -29 -29 -2 -2 -28 -2" "$(head -n 1 told)"
equal "they have their speeds" "one 2000 two 1000" "$(sed 1d told | paste -sd ' ')"
equal "they are reached as they say" "127.0.0.1 as oneself dead1 as oneself dead2 as oneself one as anna" "$(sort reached | paste -sd ' ')"
pvm() { WEFT_RUNDIR=$rundir HOME=$tmp PVM_WD= timeout 60 "$tmp/pvm"; }
ln -s "$build/console/weft" "$tmp/pvm"
folders() { pvm 2>errors | sed -n 's/^.*t[0-9a-f]*\] \(\/.*\)/\1/p' | LC_ALL=C sort | paste -sd ' '; }
equal "tasks start in their host's folder" "/ /tmp $tmp" "$(printf '%s\n' 'spawn -one -> pwd' 'spawn -two -> pwd' 'spawn -one:/tmp -> pwd' | folders)"
printf '& five lo=bob\n* lo=carl\n' >list
printf 'add five\nadd six\n' | WEFT_RUNDIR=$rundir HOME=$tmp timeout 60 "$tmp/pvm" list >/dev/null 2>errors
equal "a hostfile holds for hosts that the console adds later" "five as bob six as carl" "$(grep -e five -e six reached | paste -sd ' ')"
weft down >/dev/null
expect "nothing remains" "$(remains)"
done_testing
