#!/bin/sh
# examples.sh - each example with its expected result, on one node and on several.
. "$WEFT_SRCDIR/tests/system/lib.sh"
cd "$tmp" || exit 99

status "hello runs" 0 weft run -n 4 "$examples/hello"
equal "hello: each rank says hello once" "0 1 2 3" "$(sed -n 's/^hello from rank \([0-9]*\) of 4, .*/\1/p' out | sort -n | xargs)"

for nodes in 1 3; do
	status "ring of 5 on $nodes nodes" 0 weft run -n 5 --local-nodes $nodes "$examples/ring"
	equal "its sum on $nodes nodes" 1 "$(grep -c '^ring of 5 tasks, 1000 rounds: sum 10000, expected 10000,' out)"
done

status "heat with 4 tasks on 2 nodes" 0 weft run -n 4 --local-nodes 2 "$examples/heat"
equal "heat is right" 1 "$(grep -c ': right$' out)"
equal "heat shows its progress" 10 "$(grep -c '^heat: step' out)"
mean=$(sed -n 's/.*mean temperature //p' out)
picture=$(sed -n 's/^heat: picture in //p' out)
case $picture in
*.png) equal "the picture is a PNG" "$(printf '\211PNG')" "$(head -c 4 "$picture")" ;;
*) equal "the picture is a PPM" P6 "$(head -c 2 "$picture")" ;;
esac
status "heat with 1 task" 0 weft run -n 1 "$examples/heat" --picture ""
equal "gives the same mean temperature" "$mean" "$(sed -n 's/.*mean temperature //p' out)"
status "heat refuses more tasks than rows" 2 weft run -n 5 "$examples/heat" --size 4
status "heat refuses a size that is no number" 2 weft run -n 2 "$examples/heat" --size many

if [ -x "$examples/heat_f" ]; then
	for nodes in 1 2; do
		status "heat in Fortran, $nodes nodes" 0 weft run -n 4 --local-nodes $nodes "$examples/heat_f"
		equal "heat in Fortran is right" 1 "$(grep -c ': right$' out)"
		equal "and gives the same mean temperature" "$mean" "$(sed -n 's/.*mean temperature *//p' out)"
	done
else
	skip "heat in Fortran" "no Fortran compiler"
fi

text=$WEFT_SRCDIR/docs/protocol.md
words=$(tr -c "A-Za-z0-9'\200-\377" '\n' <"$text" | grep -c .)
for nodes in 1 3; do
	status "wordcount on $nodes nodes" 0 weft run --local-nodes $nodes "$examples/wordcount" "$text"
	equal "it equals the serial count" 1 "$(grep -c 'serial count is equal' out)"
	equal "it equals what tr counts, one worker having died" 1 "$(grep -c "^wordcount: $words words, .* 4 workers, 1 died" out)"
done
status "wordcount without a crash" 0 weft run "$examples/wordcount" --spare --workers 2 "$text"
equal "nobody died" 1 "$(grep -c ' 2 workers, 0 died' out)"
status "wordcount of a file that is not there" 1 weft run "$examples/wordcount" /nonexistent

expect "nothing remains" "$(remains)"
done_testing
