#!/bin/sh
# layering.sh - who includes whom: the table of docs/architecture.md, checked.
. "$WEFT_SRCDIR/tests/checks/tap.sh"
cd "$WEFT_SRCDIR" || exit 99

# room, the rooms whose headers it may include, the library headers that it must not.
rules='base|base|uv.h openssl msgpack histedit
proto|base proto|uv.h openssl histedit
link|base proto link|histedit
transport|base proto transport|uv.h openssl histedit
task|base proto transport task bindings/c|uv.h openssl histedit
coord|base proto link coord|histedit
node|base proto link transport node|histedit
console|base proto link console|
bindings/c|base proto transport task bindings/c|uv.h openssl histedit
bindings/pvm|base proto transport task bindings/c bindings/pvm|uv.h openssl histedit
examples|examples|uv.h openssl msgpack histedit'

# The files of a room that make its core: no loop, no system.
coord_core() { git_or_find coord | grep -v -E 'coord/(main|shell|store)[^/]*$'; }
git_or_find() { find "$1" -maxdepth 1 -name '*.[ch]' | sort; }

bad_includes() { # room allowed-rooms
	for f in $(git_or_find "$1"); do
		sed -n 's/^#[ \t]*include "\([^"]*\)".*/\1/p' "$f" | while read -r header; do
			case $header in
			*/*) room=${header%/*} ;;
			config.h | weft_base.h) continue ;;
			weft.h) room=bindings/c; [ "$1" = examples ] && continue ;;
			*) room=$1 ;;
			esac
			case " $2 " in *" $room "*) ;; *) echo "$f includes \"$header\"" ;; esac
		done
	done
}

bad_libraries() { # room forbidden-prefixes
	for f in $(git_or_find "$1"); do
		for library in $2; do
			grep -H -n "^#[ \t]*include <$library" "$f"
		done
	done
}

plan $(($(printf '%s\n' "$rules" | wc -l) * 2 + 2))
printf '%s\n' "$rules" >"${TMPDIR:-/tmp}/weft-rules.$$"
while IFS='|' read -r room allowed forbidden; do
	expect "$room includes only: $allowed" "$(bad_includes "$room" "$allowed")"
	expect "$room does without: ${forbidden:-nothing}" "$(bad_libraries "$room" "$forbidden")"
done <"${TMPDIR:-/tmp}/weft-rules.$$"
rm -f "${TMPDIR:-/tmp}/weft-rules.$$"

expect "the coordinator's core has no loop and no system calls" \
	"$(coord_core | xargs grep -n -E '#[ \t]*include (<(uv\.h|unistd|fcntl|poll|sys/(socket|epoll|stat|time)|time)|"link/)' 2>/dev/null)"
expect "the library neither prints nor exits" \
	"$(find base proto transport task bindings/c -maxdepth 1 -name '*.c' ! -name 'print_*' ! -path 'base/log.c' |
		xargs grep -n -E '(^|[^a-zA-Z_>.])(printf|fprintf|puts|perror|exit|_exit|sigaction|signal) ?\(' | grep -v -E '^[^:]*:[0-9]+:[ \t]*(/?\*|//)')"
[ "$tap_failed" = 0 ]
