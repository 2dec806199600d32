#!/bin/sh
# docs.sh - what a page refers to is there, and every decision can be found.
. "$WEFT_SRCDIR/tests/checks/tap.sh"
cd "$WEFT_SRCDIR" || exit 99

pages=$(find README.md bench docs examples -name '*.md' | sort)

# "page target" for each link to a file or a heading.
links() {
	awk '{
		rest = $0
		while (match(rest, /\]\([^)]*\)/)) {
			target = substr(rest, RSTART + 2, RLENGTH - 3)
			rest = substr(rest, RSTART + RLENGTH)
			if (target !~ /^[a-z]*:/) print FILENAME, target
		}
	}' $pages
}
# As the headings of a page are called in links to them.
headings() { sed -n 's/^#\{1,6\} //p' "$1" | tr 'A-Z ' 'a-z-' | tr -d "\`'\"(),.:;/?!"; }
broken_links() {
	links | while read -r page target; do
		file=${target%%#*}
		[ -z "$file" ] && path=$page || path=$(dirname "$page")/$file
		if [ ! -e "$path" ]; then
			echo "$page: there is no $target"
		elif [ "$target" != "$file" ] && ! headings "$path" | grep -q -x -e "${target#*#}"; then
			echo "$page: $path has no heading ${target#*#}"
		fi
	done
}
unlisted() {
	for page in docs/decisions/[0-9]*.md; do
		title=$(sed -n '1s/^# [0-9]*: //p' "$page")
		grep -q -F "](${page##*/}): $title" docs/decisions/README.md || echo "$page: $title"
	done
}

plan 2
expect "every link in a page leads somewhere" "$(broken_links)"
expect "docs/decisions/README.md lists every decision by its title" "$(unlisted)"
[ "$tap_failed" = 0 ]
