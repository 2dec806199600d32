# tap.sh - TAP for shell tests; source it. plan N; ok "name"; not_ok "name" "why"; skip "name" "why".
tap_count=0
tap_failed=0
plan() { printf '1..%s\n' "$1"; }
ok() { tap_count=$((tap_count + 1)); printf 'ok %s - %s\n' "$tap_count" "$1"; }
not_ok() {
	tap_count=$((tap_count + 1))
	tap_failed=$((tap_failed + 1))
	printf 'not ok %s - %s\n' "$tap_count" "$1"
	[ -z "${2-}" ] || printf '%s\n' "$2" | sed 's/^/# /'
}
skip() { tap_count=$((tap_count + 1)); printf 'ok %s - %s # SKIP %s\n' "$tap_count" "$1" "$2"; }
skip_all() { printf '1..0 # SKIP %s\n' "$1"; exit 0; }
# expect "name" "the complaint, empty when all is well"
expect() { if [ -z "$2" ]; then ok "$1"; else not_ok "$1" "$2"; fi; }
# equal "name" expected got
equal() { if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "expected: $2
got: $3"; fi; }
# done_testing: the plan when it was not said before
done_testing() { printf '1..%s\n' "$tap_count"; [ "$tap_failed" = 0 ]; }
