#!/bin/sh
# every.sh - every call of PVM's library, with right and wrong arguments, returns and does what it does on Debian's PVM
# (recorded/every, made by record.sh), but for what every.differs lists with the reason.
. "$WEFT_SRCDIR/tests/system/lib.sh"
. "$WEFT_SRCDIR/tests/pvm/lib.sh"
cd "$tmp" || exit 99
tests=$WEFT_SRCDIR/tests/pvm
expect "it compiles" "$(${CC:-cc} -w -I"$WEFT_SRCDIR/bindings/pvm" -o every "$tests"/every*.c -L"$lib" -lgpvm3 -lpvm3 2>&1)"
WEFT_RUNDIR=$rundir
export WEFT_RUNDIR

# The lines of one case, with what the shell saw of its end.
lines() { # file case
	awk -v case="$2" '/^== /{ on = $2 == case; next } on' "$1"
}
weft up >/dev/null
for case in $(./every); do
	echo "== $case"
	timeout 20 ./every "$case" 2>/dev/null
	echo "exit $?"
done >here
for case in $(./every); do
	lines here "$case" >ours
	lines "$tests/recorded/every" "$case" >theirs
	grep "^$case|" "$tests/every.differs" | cut -d '|' -f 2 >differs
	diff theirs ours | sed -n 's/^> //p' >got
	expect "$case" "$(diff differs got | sed -e 's/^</listed, but not so:/' -e 's/^>/not as on PVM:/' -e '/^[0-9]/d')"
done
expect "none of PVM's cases is missing" "$(grep '^== ' "$tests/recorded/every" | sort >theirs; grep '^== ' here | sort | diff theirs -)"

# The same for Fortran, where there is a compiler and the binding was built.
if command -v gfortran >/dev/null 2>&1 && [ -e "$lib/libfpvm3.so" ]; then
	expect "Fortran: it compiles" "$(gfortran -std=legacy -w -I"$WEFT_SRCDIR/bindings/pvm" -o everyf "$tests/every_f.f" -L"$lib" \
		-lfpvm3 -lgpvm3 -lpvm3 2>&1)"
	timeout 20 ./everyf >here 2>/dev/null
	echo "exit $?" >>here
	expect "Fortran: every call is as on PVM" "$(diff "$tests/recorded/every_f" here)"
else
	skip "Fortran: it compiles" "gfortran or libfpvm3 is not there"
	skip "Fortran: every call is as on PVM" "gfortran or libfpvm3 is not there"
fi
for compiler in gcc clang; do
	if command -v $compiler >/dev/null 2>&1; then
		expect "$compiler takes pvm3.h with all warnings on" "$($compiler -std=c99 -pedantic -Wall -Wextra -Werror -Wstrict-prototypes -fsyntax-only \
			-x c -include "$WEFT_SRCDIR/bindings/pvm/pvm3.h" /dev/null 2>&1)"
	else
		skip "$compiler takes pvm3.h with all warnings on" "$compiler is not installed"
	fi
done
weft down >/dev/null
expect "nothing remains" "$(remains)"
done_testing
