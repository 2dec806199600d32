# normal.sh - what is the same in every run of PVM's examples; source it.
examples=$WEFT_SRCDIR/tests/pvm/examples.list

# normal NAME <output: tids, host names and contexts go, of programs that measure all numbers; each line once, sorted.
normal() {
	LC_ALL=C sed -E -e '/^weft run: rank/d' -e '/^waiting on kids/d' -e 's/\r//g' \
		-e 's/(0x|\bt)[2-9a-f]00[0-9a-f]{2}\b/TID/g' -e 's/\b(131|262|393)[0-9]{3}\b/TID/g' \
		-e 's/context [0-9]+/context N/' -e 's/context TID/context N/' -e 's/<[^>]*>/<HOST>/' -e 's/world from .*/world from HOST/' \
		-e 's/[0-9]+ +(hosts detected|machines)/N \1/' -e 's/[ \t]+/ /g' -e 's/^ //' -e 's/ $//' |
		case $1 in
		hitc | timing) sed -E 's/[0-9]+/N/g' ;;
		*) cat ;;
		esac | LC_ALL=C sort -u
}

# each_example COMMAND: runs it with name and arguments, standard input set
each_example() {
	grep -v '^#' "$examples" | while IFS='|' read -r name arguments input; do
		printf "$input" | $1 "$name" $arguments
	done
}

# by_hosts NAME <lines: of programs that start more tasks where there are more hosts, numbers go; what was got must still be
# what was expected
by_hosts() {
	case $1 in
	master1 | fmaster1 | fgexample)
		sed -E -e 's/I got ([0-9.]+) from [0-9]+(.* )\1/I got what was expected \2/' -e 's/[0-9][0-9.E+]*/N/g'
		;;
	*) cat ;;
	esac | LC_ALL=C sort -u
}
