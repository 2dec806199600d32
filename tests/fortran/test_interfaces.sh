#!/bin/sh
# Each bind(C) interface of weft.f90 has the arguments of weft.h's function: how many, how wide, by value or not.
set -u
f90=$WEFT_BUILDDIR/bindings/fortran/weft.f90
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
echo 1..2

# Both sides are brought to lines `name result arg arg …`, of: 4 and 8 (bytes of an integer), p (an address),
# v (nothing), or a struct's name.
sed '/^#/d' "$WEFT_SRCDIR/bindings/c/weft.h" | tr '\n' ' ' | sed 's,/\*[^*]*\*\+\([^/*][^*]*\*\+\)*/, ,g' | tr ';' '\n' |
	sed -n 's/.*WEFT_API //p' | tr -s ' \t' ' ' | awk '
	function class(text) {
		if (text ~ /[*\[]/) return "p"
		if (text ~ /^ *(const )?(int|int32_t|uint32_t|weft_type_t|weft_op_t)( |$)/) return "4"
		if (text ~ /^ *(const )?(int64_t|size_t)( |$)/) return "8"
		if (text ~ /^ *void *$/) return "v"
		match(text, /weft_[a-z]+_t/)
		return substr(text, RSTART, RLENGTH)
	}
	{
		open = index($0, "(")
		head = substr($0, 1, open - 1)
		match(head, /weft_[a-z_]+$/)
		name = substr(head, RSTART)
		line = name " " class(substr(head, 1, RSTART - 1) " ")
		args = substr($0, open + 1)
		sub(/\).*/, "", args)
		n = split(args, arg, ",")
		for (i = 1; i <= n; i++)
			if (class(arg[i]) != "v")
				line = line " " class(arg[i])
		print line
	}' | sort >"$work/c"

awk '
	function class(text) {
		if (text !~ /value/) return "p"
		if (text ~ /c_int64_t|c_size_t/) return "8"
		if (text ~ /c_int32_t|c_int\)/) return "4"
		if (text ~ /c_ptr/) return "p"
		match(text, /weft_[a-z]+_t/)
		return substr(text, RSTART, RLENGTH)
	}
	# The logical line: continuations joined.
	{
		joined = joined $0
		if (joined ~ /&[ \t]*$/) { sub(/&[ \t]*$/, "", joined); next }
		line = joined; joined = ""
	}
	line ~ /bind\(C, *name=/ {
		match(line, /name=.[a-z_]+/)
		name = substr(line, RSTART + 6, RLENGTH - 6)
		result = line ~ /subroutine/ ? "v" : class(line " value")
		match(line, /c_[a-z_]+\([^)]*\) *bind/)
		args = substr(line, RSTART, RLENGTH)
		sub(/^[^(]*\(/, "", args); sub(/\).*/, "", args); gsub(/ /, "", args)
		n = args == "" ? 0 : split(args, order, ",")
		inside = 1
		split("", kind)
		next
	}
	inside && line ~ /::/ {
		split(line, part, "::")
		gsub(/\(\*\)| /, "", part[2])
		m = split(part[2], names, ",")
		for (i = 1; i <= m; i++) kind[names[i]] = class(part[1])
	}
	inside && line ~ /end (function|subroutine)/ {
		text = name " " result
		for (i = 1; i <= n; i++) text = text " " kind[order[i]]
		if (name ~ /^weft_/) print text
		inside = 0
	}' "$f90" | sort >"$work/fortran"

# Comparing tids is an operator there.
grep -v '^weft_tid_equal ' "$work/c" >"$work/c.bound"
n=$(wc -l <"$work/c.bound")
if [ "$n" -gt 70 ]; then echo "ok 1 - weft_h_has_functions # $n"; else echo "not ok 1 - weft_h_has_functions # $n"; fi
if diff "$work/c.bound" "$work/fortran" >"$work/diff"; then
	echo 'ok 2 - every_function_has_its_arguments_in_fortran'
else
	sed 's/^/# /' "$work/diff"
	echo 'not ok 2 - every_function_has_its_arguments_in_fortran'
fi
