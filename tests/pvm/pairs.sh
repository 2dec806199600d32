# pairs.sh - PVM's examples that need a partner, an argument or an end from outside, in a machine that stands; source it.
# run_pairs FOLDER: a file for each program, with what it printed (numbers as N, a line once, sorted) and its exit status.
pair_partners="dbwtest ibwtest pbwtest rbwtest" # two copies of the same
pair_servers="mhf_server mtile srm.pvm"         # go on until they are killed: 124 after two seconds

keep() { # file program arguments…
	kept=$1
	shift
	timeout "${pair_limit:-20}" "$@" </dev/null >"$kept.raw" 2>/dev/null
	echo "exit $?" >>"$kept.raw"
	LC_ALL=C sed -E -e 's/t[0-9a-f]{5}/TID/g' -e '/^exit/!s/[0-9.]+/N/g' -e 's/N(N|[a-f]+N?)+/N/g' -e 's/\((inf|-?nan) /(N /' -e 's/<[^<>]*>/<>/g' "$kept.raw" |
		LC_ALL=C sort -u >"$kept"
	rm "$kept.raw"
}

run_pairs() {
	mkdir -p "$1"
	keep "$1/gmbi" gmbi
	keep "$1/lmbi" lmbi 2 d e
	keep "$1/joinleave" joinleave 2
	for program in $pair_partners; do
		keep "$1/$program.first" "$program" &
		first=$!
		sleep 0.5 # the first one is the master
		keep "$1/$program.second" "$program"
		wait $first
		cat "$1/$program.first" "$1/$program.second" >"$1/$program"
		rm "$1/$program".*
	done
	keep "$1/task0" task0 weft.service d &
	first=$!
	for try in 1 2 3 4 5 6 7 8 9 10; do
		gmbi 2>/dev/null | grep -q weft.service && break
		sleep 0.2
	done
	keep "$1/task1" task1 weft.service 0 d
	keep "$1/rme" rme weft.service 0
	keep "$1/task_end" task_end weft.service 0
	wait $first
	for program in $pair_servers; do
		pair_limit=2 keep "$1/$program" "$program"
		grep '^exit' "$1/$program" >"$1/$program.end" && mv "$1/$program.end" "$1/$program"
	done
	keep "$1/xep" env -u DISPLAY xep
}
