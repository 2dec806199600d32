#!/bin/sh
# manpages.sh - the manual pages are clean mdoc, and every function and every command has an entry.
. "$WEFT_SRCDIR/tests/checks/tap.sh"
command -v mandoc >/dev/null 2>&1 || skip_all "mandoc is not installed"
cd "$WEFT_BUILDDIR" || exit 99

pages=$(find docs console bindings -name '*.[1357]' ! -path '*/.libs/*' 2>/dev/null | sort)
for f in $(find "$WEFT_SRCDIR/docs" "$WEFT_SRCDIR/console" "$WEFT_SRCDIR/bindings" -name '*.[1357]' ! -path '*/.libs/*'); do
	case " $pages " in *"${f#"$WEFT_SRCDIR"/}"*) ;; *) pages="$pages $f" ;; esac
done
for page in $pages; do
	expect "${page##*/} is clean mdoc" "$(mandoc -T lint -W warning "$page" 2>&1 | grep -v 'referenced manual not found')"
done
missing=
for name in $(sed -n 's/^WEFT_API .*[ *]\(weft_[a-z0-9_]*\)(.*/\1/p' "$WEFT_SRCDIR/bindings/c/weft.h"); do
	grep -q "[ *]$name(" docs/weft.3 || missing="$missing $name"
done
expect "weft.3 has every function" "$missing"
done_testing
