#!/bin/sh
# symbols.sh - libpvm3 and libgpvm3 export what their lists say, as the original does, and pvm3.h declares no more.
. "$WEFT_SRCDIR/tests/checks/tap.sh"
lib=$WEFT_BUILDDIR/bindings/pvm/.libs
[ -e "$lib/libpvm3.so" ] || skip_all "libpvm3.so was not built (shared libraries are off)"
tmp=$(mktemp -d "${TMPDIR:-/tmp}/weft-pvm.XXXXXX") || exit 99
trap 'rm -rf "$tmp"' EXIT
plan 9

needs() { readelf -d "$lib/$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'; }
soname() { readelf -d "$lib/$1" | sed -n 's/.*(SONAME).*\[\(.*\)\]/\1/p'; }
# A sanitizer adds names of its own to a library.
exported() { nm -D --defined-only "$lib/$1" | awk '{ print $3 }' | grep -E '^(pvm|lpvm|weft|Pvm|gs_|i_dump)' | LC_ALL=C sort; }
listed() { sed -n 's/^[ \t]*\([A-Za-z0-9_]*\);.*/\1/p' "$WEFT_SRCDIR/bindings/pvm/$1" | LC_ALL=C sort; }

for name in pvm3 gpvm3; do
	exported "lib$name.so" >"$tmp/exported"
	listed "$name.map" >"$tmp/listed"
	expect "lib$name exports what $name.map lists, without versions" "$(diff "$tmp/listed" "$tmp/exported")"
	equal "lib$name has the original's soname" "lib$name.so.3" "$(soname "lib$name.so")"
	if nm -D "$lib/lib$name.so" | grep -q -E ' U __(asan|ubsan|tsan)'; then
		skip "lib$name needs libc and MessagePack-C alone" "built with a sanitizer"
	else
		expect "lib$name needs libc and MessagePack-C alone" \
			"$(needs "lib$name.so" | grep -v -E '^(libc|libpthread|libpvm3|ld-linux[^/]*|libmsgpackc?(-c)?)\.so')"
	fi
done
sed -n 's/^[a-z].*[ *(]\([Pp]vm[A-Za-z0-9_]*\)(.*/\1/p' "$WEFT_SRCDIR/bindings/pvm/pvm3.h" | LC_ALL=C sort -u >"$tmp/declared"
cat "$WEFT_SRCDIR/bindings/pvm/pvm3.map" "$WEFT_SRCDIR/bindings/pvm/gpvm3.map" >"$tmp/both.map"
sed -n 's/^[ \t]*\([A-Za-z0-9_]*\);.*/\1/p' "$tmp/both.map" | LC_ALL=C sort >"$tmp/listed"
[ -s "$tmp/declared" ] || echo empty >"$tmp/declared"
expect "what pvm3.h declares is exported" "$(LC_ALL=C comm -23 "$tmp/declared" "$tmp/listed")"
alone() { # compiler
	printf '#include "pvm3.h"\nextern int empty;\n' | $1 -I"$WEFT_SRCDIR/bindings/pvm" -fsyntax-only - 2>&1 | head -n 5
}
expect "pvm3.h is C99, and C++ where that is to be had" "$(alone "${CC:-cc} -std=gnu99 -pedantic -Wall -Wextra -Werror -x c"
	command -v c++ >/dev/null && alone 'c++ -Wall -Wextra -Werror -x c++')"
expect "the layouts are the original's" "$(cat >"$tmp/layout.c" <<'END'
#include <stddef.h>
#include "pvm3.h"
#define SIZE(s, n) _Static_assert(sizeof(void *) != 8 || sizeof(struct s) == (n), #s)
#define AT(s, m, n) _Static_assert(sizeof(void *) != 8 || offsetof(struct s, m) == (n), #m)
SIZE(pvmhostinfo, 32);
SIZE(pvmtaskinfo, 32);
SIZE(pvmminfo, 32);
SIZE(pvmmboxinfo, 40);
AT(pvmhostinfo, hi_speed, 24);
AT(pvmtaskinfo, ti_a_out, 16);
AT(pvmtaskinfo, ti_pid, 24);
END
${CC:-cc} -I"$WEFT_SRCDIR/bindings/pvm" -fsyntax-only "$tmp/layout.c" 2>&1)"
[ "$tap_failed" = 0 ]
