#!/bin/sh
# headers.sh - each header compiles alone; the public ones also as strict C99 and as C++.
. "$WEFT_SRCDIR/tests/checks/tap.sh"
cd "$WEFT_SRCDIR" || exit 99
CC=${CC:-cc}
pmix=$(pkg-config --cflags 'pmix >= 4 pmix < 5' 2>/dev/null | sed 's/-I/-isystem /g')
flags="$pmix -I. -I$WEFT_BUILDDIR -Ibindings/c -Ibase $(pkg-config --cflags msgpack 2>/dev/null || pkg-config --cflags msgpack-c) $(pkg-config --cflags libuv openssl libedit)"

alone() { # compiler-and-flags
	for h in $headers; do
		printf '#include "%s"\nextern int weft_empty;\n' "$h" | $1 $flags -fsyntax-only - 2>&1 |
			sed "s|^|$h: |" | head -n 5
	done
}

plan 4
headers=$(find base proto link transport task coord node console bindings examples -name '*.h' \
	! -name msgs_only.h ! -name msgs_undef.h ! -name fpvm3.h | { [ -n "$pmix" ] && cat || grep -v pmix_part; } | sort)
expect "each header compiles alone" "$(alone "$CC -std=gnu11 -Wall -Werror -x c")"
headers='bindings/c/weft.h'
expect "weft.h is strict C99" "$(alone "$CC -std=c99 -pedantic -Wall -Wextra -Werror -x c")"
if command -v c++ >/dev/null 2>&1; then
	expect "weft.h is C++" "$(alone "c++ -std=c++11 -Wall -Wextra -Werror -x c++")"
	expect "and so are its constants" "$(printf '%s\n' '#include "bindings/c/weft.h"' 'int f(void);' 'int f(void)' \
		'{ weft_request_t r = WEFT_NO_REQUEST; return weft_irecv(WEFT_ANY_TASK, WEFT_CONTEXT, WEFT_ANY_TAG, nullptr, 0, &r); }' |
		c++ -std=c++11 -pedantic -Wall -Wextra -Werror -I . -I base -fsyntax-only -x c++ - 2>&1)"
else
	skip "weft.h is C++" "no C++ compiler"
	skip "and so are its constants" "no C++ compiler"
fi
[ "$tap_failed" = 0 ]
