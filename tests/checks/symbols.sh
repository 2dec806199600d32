#!/bin/sh
# symbols.sh - the shared library exports what weft.h declares, nothing else, and needs little.
. "$WEFT_SRCDIR/tests/checks/tap.sh"
lib=$WEFT_BUILDDIR/bindings/c/.libs/libweft.so
[ -e "$lib" ] || skip_all "libweft.so was not built (shared libraries are off)"
tmp=$(mktemp -d "${TMPDIR:-/tmp}/weft-symbols.XXXXXX") || exit 99
trap 'rm -rf "$tmp"' EXIT

sed -n 's/^WEFT_API .*[ *]\(weft_[a-z0-9_]*\)(.*/\1/p' "$WEFT_SRCDIR/bindings/c/weft.h" | sort >"$tmp/declared"
nm -D --defined-only "$lib" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort >"$tmp/exported"
sed -n 's/^[ \t]*\(weft_[a-z0-9_]*\);.*/\1/p' "$WEFT_SRCDIR/bindings/c/weft.map" | sort >"$tmp/mapped"
# A sanitizer adds names of its own to a library.
grep '^weft' "$tmp/exported" >"$tmp/ours"

plan 4
expect "exported symbols are those that weft.h declares" "$(diff "$tmp/declared" "$tmp/ours")"
expect "the version script lists the same" "$(diff "$tmp/declared" "$tmp/mapped")"
expect "fewer than 100 functions" "$(awk 'END { if (NR >= 100) print NR " functions" }' "$tmp/declared")"
if grep -q -E '__(asan|ubsan|tsan)' "$tmp/exported" || nm -D "$lib" | grep -q -E ' U __(asan|ubsan|tsan)'; then
	skip "the library needs libc and MessagePack-C alone" "built with a sanitizer"
else
	expect "the library needs libc and MessagePack-C alone" \
		"$(readelf -d "$lib" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | grep -v -E '^(libc|libpthread|ld-linux[^/]*|libmsgpackc?(-c)?)\.so')"
fi
[ "$tap_failed" = 0 ]
