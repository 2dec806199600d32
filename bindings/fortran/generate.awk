# generate.awk - weft.f90 from weft.f90.in and the two C headers.
#
#     awk -v dir=bindings/fortran -f generate.awk weft_base.h weft.h weft.f90.in > weft.f90
#
# In a template, a line
#     !@constants        becomes the C headers' errors, enums and small #defines as parameters,
#     !@include FILE     becomes that file (of dir),
#     !@for LIST … !@end is repeated for each type of the list, with ${N} (name), ${T} (declaration),
#                        ${C} (weft_type_t) and ${X} (times how many values, for character: its length).
# The lists: value, what has a weft_type_t and can be packed and reduced; data, those and character.

BEGIN {
	if (!dir)
		dir = "."
	add("int8", "integer(c_int8_t)", "WEFT_INT8")
	add("int16", "integer(c_int16_t)", "WEFT_INT16")
	add("int32", "integer(c_int32_t)", "WEFT_INT32")
	add("int64", "integer(c_int64_t)", "WEFT_INT64")
	add("real32", "real(c_float)", "WEFT_FLOAT")
	add("real64", "real(c_double)", "WEFT_DOUBLE")
	add("complex32", "complex(c_float)", "WEFT_COMPLEX")
	add("complex64", "complex(c_double)", "WEFT_DCOMPLEX")
	add("logical", "logical", "WEFT_INT32")
	nvalue = ntypes
	add("character", "character(len=*)", "WEFT_BYTE")
}

function add(name, decl, code)
{
	ntypes++
	N[ntypes] = name
	T[ntypes] = decl
	C[ntypes] = code
}

function constant(name, value)
{
	constants[++nconstants] = "integer(c_int), parameter, public :: " name " = " value
}

# --- the headers: X(NAME, number, "text"), enum members, #define NAME number ---

FILENAME ~ /\.h$/ {
	line = $0
	if (line ~ /^[ \t]*X\(E[A-Z]+, -[0-9]+,/) {
		sub(/^[ \t]*X\(/, "", line)
		split(line, part, /, */)
		constant("WEFT_" part[1], part[2])
	} else if (line ~ /^typedef enum/) {
		in_enum = 1
		next_value = 0
	} else if (in_enum && line ~ /^}/) {
		in_enum = 0
	} else if (in_enum && line ~ /^[ \t]*WEFT_[A-Z0-9_]+/) {
		sub(/\/\*.*/, "", line)
		gsub(/[ \t,]/, "", line)
		n = split(line, part, "=")
		if (n == 2)
			next_value = part[2] + 0
		constant(part[1], next_value++)
	} else if (line ~ /^#define WEFT_[A-Z_]+_MAX +[0-9]+( |$)/) {
		split(line, part, / +/)
		constant(part[2], part[3])
	}
	next
}

# --- the templates ---

function emit_constants(indent,    i)
{
	print indent "integer(c_int), parameter, public :: WEFT_OK = 0"
	for (i = 1; i <= nconstants; i++)
		print indent constants[i]
}

function emit_block(list,    i, k, last, line)
{
	last = list == "value" ? nvalue : ntypes
	for (i = 1; i <= last; i++)
		for (k = 1; k <= nblock; k++) {
			line = block[k]
			gsub(/\$\{N\}/, N[i], line)
			gsub(/\$\{T\}/, T[i], line)
			gsub(/\$\{C\}/, C[i], line)
			gsub(/\$\{X\}/, N[i] == "character" ? "*len(values, kind=c_int64_t)" : "", line)
			print line
		}
}

function emit_file(name,    line, path)
{
	path = dir "/" name
	while ((getline line < path) > 0)
		template(line)
	close(path)
}

function template(line,    word)
{
	word = line
	sub(/^[ \t]+/, "", word)
	if (word == "!@constants") {
		emit_constants("    ")
	} else if (word ~ /^!@include /) {
		emit_file(substr(word, 11))
	} else if (word ~ /^!@for /) {
		list = substr(word, 7)
		nblock = 0
	} else if (word == "!@end") {
		emit_block(list)
		list = ""
	} else if (list != "") {
		block[++nblock] = line
	} else {
		print line
	}
}

{
	template($0)
}
