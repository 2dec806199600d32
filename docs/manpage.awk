# manpage.awk - the manual page weft(3), from the comments of weft.h and the error list of weft_base.h.
# usage: awk -f manpage.awk weft_base.h weft.h >weft.3

function escape(s)
{
	gsub(/\\/, "\\e", s)
	gsub(/…/, "...", s)
	gsub(/×/, "x", s)
	sub(/^[.']/, "\\\\\\&&", s)
	return s
}

# Prints text in lines of at most 78 bytes, a new one after each sentence, as mdoc wants it.
function emit(text,    n, word, i, line)
{
	n = split(text, word, / +/)
	line = ""
	for (i = 1; i <= n; i++) {
		if (line != "" && length(line) + 1 + length(word[i]) > 78) {
			print escape(line)
			line = ""
		}
		line = line == "" ? word[i] : line " " word[i]
		if (word[i] ~ /[.:]$/ && word[i] !~ /\.\.$/) {
			print escape(line)
			line = ""
		}
	}
	if (line != "") print escape(line)
}

function open_section(title)
{
	close_list()
	printf ".Ss %s\n", title
}

function close_list()
{
	if (listed) print ".El"
	listed = 0
}

# A declaration with the comment above it (and, on one line, the comment behind it).
function function_entry(decl, text,    n, lines, i, label)
{
	if (!listed) print ".Bl -tag -width Ds"
	listed = 1
	gsub(/[ \t]+/, " ", decl)
	sub(/^WEFT_API /, "", decl)
	sub(/;$/, "", decl)
	printf ".It Li \"%s\"\n", escape(decl)
	n = split(text, lines, "\n")
	for (i = 1; i <= n; i++) {
		if (lines[i] == "") {
			if (i < n) print ".Pp"
			continue
		}
		if (match(lines[i], /^(Shape|Units|Owner|Returns|Order|Context|Source)  +/)) {
			label = lines[i]
			sub(/ .*/, "", label)
			sub(/^[A-Z][a-z]*  +/, "", lines[i])
			printf ".br\n.Em %s :\n", label
		}
		emit(lines[i])
	}
}

BEGIN {
	print ".\\\" Made by docs/manpage.awk from weft.h."
	print ".Dd November 20, 2026\n.Dt WEFT 3\n.Os\n.Sh NAME\n.Nm weft\n.Nd programs for the Weft virtual machine"
	print ".Sh LIBRARY\nlibweft (-lweft)\n.Sh SYNOPSIS\n.In weft.h\n.Sh DESCRIPTION"
}

# The error list.
FNR == NR {
	if (match($0, /X\([A-Z]+, -[0-9]+, ".*"\)/)) {
		line = substr($0, RSTART + 2, RLENGTH - 3)
		split(line, part, /, /)
		text = line
		sub(/^[^"]*"/, "", text)
		sub(/"[^"]*$/, "", text)
		errors = errors sprintf(".It Dv WEFT_%s Pq %s\n%s\n", part[1], part[2], escape(text))
	}
	next
}

/^\/\* weft\.h - / { intro = 1; next }
intro && /\*\// { intro = 0; next }
intro { sub(/^ \* ?/, ""); if ($0 != "") { emit($0); said = 1 } else if (said) print ".Pp"; next }

/^\/\* --- / {
	title = $0
	sub(/^\/\* --- /, "", title)
	sub(/ -*-* \*\/$/, "", title)
	pending_title = title
	comment = ""
	next
}
/^\/\* / {
	comment = $0
	sub(/^\/\* /, "", comment)
	sub(/^weft_[a-z_]*(, weft_[a-z_]*)* - /, "", comment)
	inside = comment !~ /\*\/$/
	sub(/ *\*\/$/, "", comment)
	next
}
inside {
	line = $0
	inside = line !~ /\*\/$/
	sub(/^ \* ?/, "", line)
	sub(/ *\*\/$/, "", line)
	sub(/^ +/, "", line)
	if (line != "" && line != "/") comment = comment "\n" line
	next
}
/^WEFT_API / { decl = ""; declaring = 1 }
declaring {
	decl = decl " " $0
	if ($0 ~ /;/) {
		declaring = 0
		behind = ""
		if (match(decl, /\/\*.*\*\//)) {
			behind = substr(decl, RSTART + 3, RLENGTH - 6)
			decl = substr(decl, 1, RSTART - 1)
		}
		sub(/^ +/, "", decl)
		sub(/ +$/, "", decl)
		if (pending_title != "") open_section(pending_title)
		pending_title = ""
		function_entry(decl, comment != "" && behind != "" ? behind : comment behind)
		if (behind == "") comment = ""
	}
	next
}
/^$/ { comment = "" }

END {
	close_list()
	print ".Sh ERRORS\nEvery function that can fail returns 0 or one of these.\n.Bl -tag -width Ds"
	printf "%s", errors
	print ".El\n.Sh SEE ALSO\n.Xr weft 1 ,\n.Xr weftcc 1"
}
