#!/bin/sh
# Runs the ring's two ends as threads under ThreadSanitizer, where the build has it.
why=
case $WEFT_TSAN in
yes) ;;
*) why='the compiler links nothing with -fsanitize=thread, or another sanitizer is in use' ;;
esac
# Older sanitizer libraries need a process without address space randomisation.
run=
setarch -R true 2>/dev/null && run='setarch -R'
out=$(timeout 280 $run "${WEFT_BUILDDIR:-.}/tests/transport/test_race" 2>&1)
status=$?
case $out in
*'unexpected memory mapping'*)
	echo '1..1'
	echo 'ok 1 - race # SKIP this ThreadSanitizer does not run on this kernel'
	exit 0
	;;
esac
echo "$out" | sed '/^1\.\./b; /^ok/b; /^not ok/b; s/^/# /'
[ -z "$why" ] || echo "# plain threads: $why"
[ $status -eq 0 ] || echo "not ok - race ended with status $status"
exit $status
