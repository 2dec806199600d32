#!/bin/sh
# sizes.sh - a function fits on a screen, a file in a sitting.
. "$WEFT_SRCDIR/tests/checks/tap.sh"
cd "$WEFT_SRCDIR" || exit 99

FUNCTION_MAX=70
FILE_MAX=900
rooms='base proto link transport task coord node console bindings examples tests bench'

# What is made of a template has its length from there.
files() {
	find $rooms \( -name '*.c' -o -name '*.h' -o -name '*.f90' -o -name '*.sh' -o -name '*.f90.in' \) | sort |
		while read -r file; do [ -f "$file.in" ] || echo "$file"; done
}

# In this style a function's body begins and ends with a brace in the first column.
long_functions() {
	awk -v max=$FUNCTION_MAX '
		FNR == 1 { inside = 0 }
		/^\{/ { inside = 1; start = FNR; name = previous; next }
		/^\}/ && inside {
			inside = 0
			if (FNR - start + 1 > max) printf "%s:%d: %d lines: %s\n", FILENAME, start, FNR - start + 1, name
		}
		/^[A-Za-z_]/ { previous = $0 }' $(files | grep '\.c$')
}

plan 2
expect "no function is longer than $FUNCTION_MAX lines" "$(long_functions)"
expect "no file is longer than $FILE_MAX lines" \
	"$(files | xargs wc -l | awk -v max=$FILE_MAX '$2 != "total" && $1 > max { print $2 ": " $1 " lines" }')"
[ "$tap_failed" = 0 ]
