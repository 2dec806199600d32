#!/bin/sh
# layout.sh - where tasks really run, and on which processors: --map-by, --ppn, --fit, --fill, --bind-to, weft mpirun.
. "$WEFT_SRCDIR/tests/system/lib.sh"
cd "$tmp" || exit 99
allowed='sed -n s/^Cpus_allowed_list:.//p /proc/self/status'
here=$($allowed)

nodes() { weft run -q "$@" sh -c 'echo $WEFT_RANK $WEFT_NODE' | sort -n | awk '{ printf "%s", $2 }'; }
equal "in turn over the nodes" 12312 "$(nodes -n 5 --local-nodes 3 --map-by node)"
equal "node after node, as far as there are cores" 1 "$(nodes -n 1 --local-nodes 3 --map-by slot)"
equal "two on each node" 1122 "$(nodes -n 4 --local-nodes 2 --map-by ppr:2:node)"
equal "as many as --ppn says on each" 112233 "$(nodes --fill --ppn 2 --local-nodes 3)"
weft run -q -n 3 --local-nodes 2 --ppn 1 true 2>err; rc=$?
equal "more than --ppn allows is an error" 125 $rc
equal "that counts" 1 "$(grep -c '3 tasks were asked for, at most 1 on a node; 2 nodes take 2' err)"
weft run -q -n 100000 --fit true 2>err
equal "too many tasks are refused by their number" 1 "$(grep -c 'from 1 to 65536' err)"
cores=$(weft run -q --fill sh -c 'echo x' | wc -l)
weft run -q -n $((cores + 1)) --fit true 2>err; rc=$?
equal "--fit: no more tasks than cores" 125 $rc
equal "and says how many there are" 1 "$(grep -c "$cores of $cores cores (or slots) are free" err)"

# Binding, as the kernel says it and as --display-map says it.
weft run -q -n 2 --bind-to hwthread --display-map $allowed 2>map >out
equal "each task has one processor" 2 "$(grep -c '^[0-9]*$' out)"
equal "and the map says which" "$(sort out | xargs)" "$(sed 's/.*processors //' map | sort | xargs)"
equal "the map is in the order of ranks" "0 1" "$(awk '{ print $2 }' map | xargs)"
equal "--bind-to none binds nothing" "$here $here" "$(weft run -q -n 2 --bind-to none $allowed | xargs)"
equal "a bound task is told, as it must not take the others' processors for missing" "$(sed 's/.*processors //' map | sort | xargs)" \
	"$(weft run -q -n 2 --bind-to hwthread sh -c 'echo $WEFT_CPUS' | sort | xargs)"
weft up >/dev/null
equal "one task is not bound" "$here" "$(weft run -q $allowed)"
if [ "$cores" -ge 2 ]; then
	equal "a job that is alone has its processors to itself" 2 "$(weft run -q -n 2 $allowed | sort -u | wc -l)"
	weft spawn sleep 100 >/dev/null
	equal "one that is not alone is not bound" "$here $here" "$(weft run -q -n 2 $allowed | xargs)"
else
	skip "a job that is alone has its processors to itself" "there is one processor"
	skip "one that is not alone is not bound" "there is one processor"
fi
weft down >/dev/null

equal "weft mpirun: their words, our run" "[0] v [1] v" "$(weft mpirun -np 2 --oversubscribe --tag-output -genv A v sh -c 'echo $A' 2>/dev/null | sort | xargs)"
weft mpirun -np 2 sh -c '[ $WEFT_RANK = 1 ] && exit 3; exec sleep 100' 2>err; rc=$?
equal "weft mpirun: the first task that fails ends the others" 3 $rc
equal "weft mpirun: as many as slots behind a host's name" "0 1 2" "$(weft mpirun -q --host localhost:3 sh -c 'echo $WEFT_RANK' | sort | xargs)"
equal "--host NAME:SLOTS weighs hosts, localhost is this one" "1 1 2 2 2 2" \
	"$(weft run -q --local-nodes 2 -n 6 --host localhost:1,local2:2 sh -c 'echo $WEFT_NODE' | sort | xargs)"
weft mpirun --bind-too core true 2>err; rc=$?
equal "weft mpirun: an unknown option" 125 $rc
equal "gets the nearest one" 1 "$(grep -c 'did you mean --bind-to?' err)"
expect "nothing remains" "$(remains)"
done_testing
