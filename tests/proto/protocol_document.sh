# docs/protocol.md says what the table says: it is the output of proto/print_protocol.
set -u
name=the_protocol_document_is_what_the_table_prints
echo 1..1
if difference=$("$WEFT_BUILDDIR"/proto/print_protocol | diff "$WEFT_SRCDIR"/docs/protocol.md -); then
	echo "ok 1 - $name"
else
	printf '%s\n' "$difference" | sed 's/^/# /'
	echo '# docs/protocol.md is older than proto/msgs.def; mend it with: make update-protocol'
	echo "not ok 1 - $name"
fi
