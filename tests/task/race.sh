#!/bin/sh
# race.sh - threads that meet in a hall, and whose members die there, under ThreadSanitizer.
here=${WEFT_BUILDDIR:-.}/tests/task
# Older sanitizer libraries need a process without address space randomisation.
run=
setarch -R true 2>/dev/null && run='setarch -R'
echo 1..2
n=0
for what in 'race_coll *_hall*' 'race_team *for_everyone'; do
	n=$((n + 1))
	program=${what%% *}
	out=$(CMOCKA_MESSAGE_OUTPUT=TAP timeout 100 $run "$here/$program" "${what#* }" 2>&1)
	status=$?
	case $out in
	*'unexpected memory mapping'*) echo "ok $n - $what # SKIP this ThreadSanitizer does not run on this kernel" ;;
	*)
		if [ $status = 0 ] && printf '%s\n' "$out" | grep -q '^ok '; then
			echo "ok $n - $what"
		else
			echo "not ok $n - $what: status $status"
		fi
		printf '%s\n' "$out" | sed 's/^/# /' | head -n 100
		;;
	esac
done
