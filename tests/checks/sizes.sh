#!/bin/sh
# sizes.sh - a function fits on a screen, also in its width, a file in a sitting.
. "$WEFT_SRCDIR/tests/checks/tap.sh"
cd "$WEFT_SRCDIR" || exit 99

FUNCTION_MAX=70
FILE_MAX=900
WIDTH_MAX=140
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

# A tabulator stands for eight columns. What a shell test expects may be a long line.
wide_lines() {
	awk -v max=$WIDTH_MAX '
		{
			width = 0
			n = split($0, parts, "\t")
			for (i = 1; i <= n; i++) {
				width += length(parts[i])
				if (i < n) width += 8 - width % 8
			}
			if (width > max) printf "%s:%d: %d columns\n", FILENAME, FNR, width
		}' proto/msgs.def $(files | grep -v '\.sh$')
}

plan 3
expect "no function is longer than $FUNCTION_MAX lines" "$(long_functions)"
expect "no file is longer than $FILE_MAX lines" \
	"$(files | xargs wc -l | awk -v max=$FILE_MAX '$2 != "total" && $1 > max { print $2 ": " $1 " lines" }')"
expect "no line is wider than $WIDTH_MAX columns" "$(wide_lines)"
[ "$tap_failed" = 0 ]
