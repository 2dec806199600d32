#!/bin/sh
# protocol_document.sh - docs/protocol.md and proto/releases say what the table of messages says.
. "$WEFT_SRCDIR/tests/checks/tap.sh"
printed=$WEFT_BUILDDIR/proto/print_protocol
plan 3

differs() {
	"$printed" | diff "$WEFT_SRCDIR/docs/protocol.md" - || echo 'docs/protocol.md is older than proto/msgs.def: make update-protocol'
}
expect "the document is what the table prints" "$(differs)"

# The last line of proto/releases is that of the version in proto/proto.h.
read -r version release sum <<-END
	$(tail -n 1 "$WEFT_SRCDIR/proto/releases")
END
equal "the version is the last of proto/releases" "version $version" "$("$printed" --table | head -n 1)"
now=$("$printed" --table | cksum | cut -d ' ' -f 1)
this=$(sed -n 's/^#define PACKAGE_VERSION "\(.*\)"/\1/p' "$WEFT_BUILDDIR/config.h")
case $sum in
open)
	[ "$release" = "$this" ] && why= || why="Weft $this comes after $release: write the sum of that release's table into proto/releases"
	expect "a version is open only until its release" "$why"
	;;
*)
	[ "$sum" = "$now" ] && why= || why="the table has changed since $release: raise WEFT__PROTO_VERSION, and add a line to proto/releases"
	expect "a version's table stays as it was released" "$why"
	;;
esac
[ "$tap_failed" = 0 ]
