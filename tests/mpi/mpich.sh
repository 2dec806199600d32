#!/bin/sh
# mpich.sh - programs that were compiled with MPICH do under Weft what they do under its own launcher, on one node and on
# three; what goes wrong is told, in time, and leaves nothing behind.
. "$WEFT_SRCDIR/tests/system/lib.sh"
for tool in mpicc.mpich mpiexec.hydra; do
	command -v $tool >/dev/null || skip_all "$tool is not installed (packages mpich and libmpich-dev)"
done
sources=$WEFT_SRCDIR/tests/mpi
cd "$tmp" || exit 99
for program in hello ring coll names ends world; do
	mpicc.mpich -O1 -o $program "$sources/$program.c" 2>why || skip_all "mpicc.mpich can't compile: $(head -n 1 why)"
done
programs='hello ring coll names'
if command -v mpifort.mpich >/dev/null && mpifort.mpich -o module "$sources/hello.f90" 2>/dev/null &&
	mpifort.mpich -o include "$sources/hello_f77.f" 2>/dev/null; then
	programs="$programs module include"
fi
cp "$sources/pmi.sh" . && chmod +x pmi.sh
leftovers() { ls /dev/shm | grep -E '^(mpich_|ucx_)' | LC_ALL=C sort; }
leftovers >before
limit=30

# --- the same as under its own launcher ---------------------------------------------------------------------------

for program in $programs; do
	timeout -k 5 60 mpiexec.hydra -n 4 "./$program" 2>/dev/null | LC_ALL=C sort >wanted
	for nodes in 1 3; do
		rc=0
		weft run -q --local-nodes $nodes -n 4 "./$program" >out 2>err || rc=$?
		LC_ALL=C sort out | cmp -s - wanted && [ $rc = 0 ] && [ -s wanted ] && why= || why="status $rc; $(head -n 9 out err wanted)"
		expect "$program is the same on $nodes node(s)" "$why"
	done
done
equal "ranks of one node share it" "rank 0 of 3, 3 on its node" "$(weft run -q -n 3 ./hello x | grep '^rank 0')"
equal "ranks of three nodes do not" 6 "$(weft run -q --local-nodes 3 -n 6 ./hello x | grep -c ' 2 on its node')"
equal "a program behind a program is seen" 2 "$(weft run -q -n 2 env ./hello | grep -c 'of 2')"
equal "so is one that a script starts" 2 "$(printf '#!/bin/sh\nexec "$(dirname "$0")/hello"\n' >script; chmod +x script; weft run -q -n 2 ./script | grep -c 'of 2')"
mpicc.mpich -O1 -o rounds "$sources/rounds.c"
weft run -q -n 2 sh -c 'eval "$(echo ./rou)nds over"' >out 2>err </dev/null &
until_true 20 grep -q 'its own' err
: >over
wait $!
equal "one that nothing shows runs alone" 0 $?
says "but not in silence" 'rank 0 .* runs an MPI .libmpich.so.* that nobody hosts: each of the 2 tasks is a world of its own; --mpi=mpich'
status "unless it is said that it shall" 0 weft run -q --mpi=none -n 2 ./rounds over
equal "then nobody is told" "" "$(cat err)"
equal "what is seen can be left alone" 2 "$(weft run -q --mpi=none -n 2 ./hello | grep -c 'of 1')"
equal "scripts find their rank and place as under mpiexec" "0 4 0 2;1 4 1 2;2 4 0 2;3 4 1 2;" "$(weft run -q --local-nodes 2 \
	-n 4 --mpi=mpich sh -c 'echo "$PMI_RANK $PMI_SIZE $MPI_LOCALRANKID $MPI_LOCALNRANKS;"' | LC_ALL=C sort | tr -d '\n')"
equal "hundreds of kilobytes of keys come through" "rank 0 has them rank 1 has them rank 2 has them " \
	"$(weft run -q --local-nodes 3 -n 3 --mpi=mpich ./pmi.sh many 2>&1 | LC_ALL=C sort | tr '\n' ' ')"
equal "programs of one job have their numbers" "rank 0: 0 rc=0 rank 1: 1 rc=0 " \
	"$(weft run -q --mpi=mpich ./pmi.sh program : --mpi=mpich ./pmi.sh program | LC_ALL=C sort | tr '\n' ' ')"
status "an unknown MPI is refused" 125 weft run --mpi=lam ./hello
says "and those that there are are named" 'auto, none, openmpi, mpich'

# --- beside other programs ----------------------------------------------------------------------------------------------

mkfifo held
for nodes in 1 3; do
	# The plain one lives as long as the ranks do, on whatever node: nobody waits for it.
	weft run -q --local-nodes $nodes sh -c 'read line <held' : -n 3 ./world a : true : -n 2 ./world b >out 2>err &
	job=$!
	all_met() { [ "$(grep -c '5 met' out)" = 5 ]; }
	until_true 20 all_met && why= || why=$(cat out err)
	echo >held
	wait $job || why="$why; status $?"
	expect "ranks beside plain programs are a world of their own on $nodes node(s)" "$why"
	equal "with the numbers of their programs" "a: rank 0 of 5, 5 met, program 1
a: rank 1 of 5, 5 met, program 1
a: rank 2 of 5, 5 met, program 1
b: rank 3 of 5, 5 met, program 3
b: rank 4 of 5, 5 met, program 3" "$(LC_ALL=C sort out)"
	status "a plain program that fails does not end them on $nodes node(s)" 3 weft run -q --local-nodes $nodes sh -c 'exit 3' : -n 2 ./world a
	equal "they come through" 2 "$(grep -c '2 met' out)"
	status "one that is missing does, on $nodes node(s)" 127 weft run -q --local-nodes $nodes -n 3 ./world a : ./missing
done

# --- jobs that end badly ---------------------------------------------------------------------------------------------

status "MPI_Abort ends the job with its code" 7 weft run -q -n 3 ./ends abort 1 7
says "and it is told who called it" 'rank 1 \(t[0-9]+, pid [0-9]+\) on [^ ]+ called MPI_Abort with code 7; the job was ended'
status "on three nodes, too" 7 weft run -q --local-nodes 3 -n 3 ./ends abort 1 7
says "with the node's name" 'rank 1 .* on local2 called MPI_Abort'
status "a rank that is killed ends the job" 137 weft run -q -n 3 ./ends kill 1 9
says "and its signal is told" 'rank 1 .* was killed by signal 9 .* without MPI_Finalize'
status "a rank that exits ends the job" 3 weft run -q -n 3 ./ends exit 2 3
says "and its code is told" 'rank 2 .* ended with exit code 3 without MPI_Finalize'
status "even with code 0" 1 weft run -q -n 3 ./ends exit 1 0
says "as it has not finalized" 'ended with exit code 0 without MPI_Finalize'
status "after MPI_Finalize an exit code is its own" 4 weft run -q -n 3 ./ends late 1 4
status "a rank that fails before MPI_Init ends the job" 5 weft run -q -n 3 ./ends early 1 5
says "and that is told" 'ended with exit code 5 before MPI_Init'
status "one that never comes is not waited for" 1 weft run -q -n 3 ./ends early 1 0
says "by its node" 'rank 1 .* has ended, and the other ranks wait for it'
status "nor by other nodes" 1 weft run -q --local-nodes 3 -n 3 ./ends early 1 0
says "who learn where nobody is left" 'a barrier of MPI that will never end: job .* has no task on node 2'

# --- MPIs that can't be hosted ----------------------------------------------------------------------------------------

if command -v "${CC:-cc}" >/dev/null; then
	echo 'int MPI_Init(void *a, void *b) { return a == b; }' >other.c
	echo 'int MPI_Init(void *, void *); int main(void) { return MPI_Init(0, 0); }' >main.c
	"${CC:-cc}" -shared -fPIC -Wl,-soname,libmpi.so.1 -o libmpi.so.1 other.c &&
		"${CC:-cc}" -o other main.c ./libmpi.so.1 -Wl,-rpath,"$tmp"
	status "an MPI that can't be hosted is refused" 125 weft run -n 2 ./other
	says "by its library's name, with what to do" 'linked with libmpi.so.1, an MPI that Weft can.t host; --mpi=none'
	status "unless it is to run alone" 1 weft run -q --mpi=none -n 1 ./other
fi

# --- spawning, by hand: Debian's MPICH has no ports to connect by ---------------------------------------------------

for nodes in 1 3; do
	weft run -q --local-nodes $nodes --mpi=mpich ./pmi.sh spawn 3 >out 2>err
	equal "spawned tasks find their parents' keys on $nodes node(s)" "child 0 of 3, spawned 1, finds a port
child 1 of 3, spawned 1, finds a port
child 2 of 3, spawned 1, finds a port
cmd=spawn_result rc=0 errcodes=0,0,0" "$(sed 's/^[^ ]*| //' out | LC_ALL=C sort)$(cat err)"
done
equal "a spawn that fails is an error for the rank" "cmd=spawn_result rc=-1 msg=spawn_failed" \
	"$(weft run -q --mpi=mpich ./pmi.sh fails 2>&1)"

# --- a standing VM, and what does not hurt it --------------------------------------------------------------------------

status "a machine of three nodes is up" 0 weft up --local-nodes 3
weft run -q --mpi=mpich ./pmi.sh spawn 2 "$tmp/go" >spawned 2>&1 &
parents=$!
children() { [ "$(weft ps | grep -c 'pmi.sh')" = "$1" ]; }
until_true 10 children 2 && why= || why=$(weft ps)
expect "spawned tasks are tasks: weft ps shows them" "$why"
: >go
wait $parents
equal "and they end" 2 "$(grep -c 'finds a port' spawned)"

limit=20
for fault in garbage long nul foreign twice; do
	weft run -q --mpi=mpich -n 2 ./pmi.sh $fault >out 2>err
	case $fault in
	garbage) what='says "GET / HTTP/1.0", which is nothing that PMI-1 knows' ;;
	long) what='sends a line that is too long' ;;
	nul) what='sends bytes that are no text' ;;
	foreign) what='names a key-value space' ;;
	twice) what='a second program of the same task begins' ;;
	esac
	says "a rank that is wrong ($fault) is told so" "rank [01] .* can.t be hosted .*(it $what|: $what)"
done
status "one that never listens waits alone" 124 weft run -q --timeout 2 --mpi=mpich ./pmi.sh deaf
status "a rank that dies in a barrier ends the job" 137 weft run -q --mpi=mpich -n 6 ./pmi.sh dies
says "by its signal" 'rank 1 .* was killed by signal 9'
status "so does one that leaves before it" 1 weft run -q --mpi=mpich -n 2 --host '#1' ./pmi.sh leaves
says "in these words" 'rank 1 .* has ended, and the other ranks wait'

rm -f free free.waits
weft run -q --mpi=mpich -n 6 ./pmi.sh exchange "$tmp/free" >out 2>err &
job=$!
until_true 10 test -e free.waits
coord=$(left | sed -n 's/ weft-coord$//p')
kill -9 "$coord"
restarted() { new=$(left | sed -n 's/ weft-coord$//p'); [ -n "$new" ] && [ "$new" != "$coord" ]; }
until_true 10 restarted
: >free
wait $job && why= || why="status $?: $(cat out err)"
[ "$(grep -c 'sees v0 v1 v2 v3 v4 v5' out)" = 6 ] || why=$(cat out err)
expect "an exchange outlives the coordinator" "$why"

status "a job without a tool" 0 weft spawn -n 2 "$tmp/ends" abort 1 7
job=$(sed -n 's/^job \([0-9]*\).*/\1/p' out)
logged() { weft logs "$job" | grep -q 'called MPI_Abort with code 7; the job was ended'; }
until_true 10 logged && why= || why=$(cat out; weft logs "$job"; weft jobs)
expect "has in its log why it was ended" "$why"

descriptors() { for p in $(left | sed -n 's/ weft\(d\|-coord\)$//p'); do ls "/proc/$p/fd" | wc -l; done | LC_ALL=C sort | tr '\n' ' '; }
weft run -q -n 4 ./hello >/dev/null 2>&1
until_true 5 idle 3
had=$(descriptors)
i=0
while [ $i -lt 20 ]; do
	weft run -q -n 4 ./hello >/dev/null 2>err || break
	i=$((i + 1))
done
equal "twenty jobs one after the other" 20 $i
total() { echo "$1" | tr ' ' '\n' | awk '{ n += $1 } END { print n + 0 }'; }
no_more_descriptors() { [ "$(total "$(descriptors)")" -le "$(total "$had")" ]; }
until_true 5 no_more_descriptors && why= || why="had $had, has $(descriptors)"
expect "leave no descriptors behind" "$why"
status "the machine goes down" 0 weft down
leftovers >after
expect "nothing of MPICH remains in /dev/shm" "$(LC_ALL=C comm -13 before after)"
expect "nothing remains" "$(remains)"
done_testing
