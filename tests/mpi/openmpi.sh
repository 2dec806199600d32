#!/bin/sh
# openmpi.sh - programs that are linked with Open MPI run as tasks of Weft, with the results that mpirun gives.
. "$WEFT_SRCDIR/tests/system/lib.sh"
. "$WEFT_SRCDIR/tests/mpi/openmpi_lib.sh"

for p in hello coll ring names spawn world; do compile $p.c || exit 99; done

# same "name" nodes ranks program…: sorted lines as from mpirun
same() {
	same_name=$1 nodes=$2 ranks=$3
	shift 3
	own_launcher -n "$ranks" "$@" </dev/null 2>/dev/null | sort >"$tmp/expected"
	weft run -q -n "$ranks" --local-nodes "$nodes" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
	rc=$?
	[ $rc = 0 ] && [ -s "$tmp/expected" ] || { not_ok "$same_name" "exit status $rc, $(wc -l <"$tmp/expected") lines expected
$(head -n 10 "$tmp/err")"; return; }
	expect "$same_name" "$(sort "$tmp/out" | diff "$tmp/expected" -)"
}

same "hello, four ranks on one node" 1 4 "$tmp/hello" shared
same "hello, six ranks on three nodes" 3 6 "$tmp/hello"
same "every collective operation on one node" 1 4 "$tmp/coll"
same "every collective operation on three nodes" 3 6 "$tmp/coll"
same "a ring of messages on one node" 1 3 "$tmp/ring"
same "a ring of messages on three nodes" 3 3 "$tmp/ring"
same "names are published, found and taken back on one node" 1 2 "$tmp/names"
same "names are published, found and taken back on three nodes" 3 3 "$tmp/names"
if compile hello.f90; then
	same "a Fortran program with use mpi" 3 3 "$tmp/hello_f90"
else
	skip "a Fortran program with use mpi" "mpifort.openmpi or its modules are missing"
fi
if compile hello_f77.f; then
	same "a Fortran program with mpif.h" 3 3 "$tmp/hello_f77"
else
	skip "a Fortran program with mpif.h" "mpifort.openmpi is missing"
fi

status "two ranks on each of three nodes" 0 weft run -q -n 6 --local-nodes 3 "$tmp/hello" shared
equal "they know that they share their node" 6 "$(grep -c 'of 6, 2 on its node' "$tmp/out")"

# children "name" nodes parents: they and the parents met
children() {
	status "$1" 0 weft run -q -n "$3" --local-nodes "$2" "$tmp/spawn" 3
	equal "$1: all of them met" "$3 parent(s), 3 children, 0 failed, sum $3
child 0 of 3 with $3 parent(s): hello, $3
child 1 of 3 with $3 parent(s): hello, $3
child 2 of 3 with $3 parent(s): hello, $3" "$(sort "$tmp/out")"
}
children "MPI_Comm_spawn on one node" 1 2
children "MPI_Comm_spawn on three nodes" 3 2

# Beside other programs: a world of their own, with the numbers of their programs.
mkfifo "$tmp/held"
all_met() { [ "$(grep -c '5 met' "$tmp/out")" = 5 ]; }
for nodes in 1 3; do
	weft run -q --local-nodes $nodes sh -c "read line <$tmp/held" : -n 3 "$tmp/world" a : true : -n 2 "$tmp/world" b >"$tmp/out" 2>"$tmp/err" &
	job=$!
	until_true 20 all_met && why= || why=$(cat "$tmp/out" "$tmp/err")
	echo >"$tmp/held"
	wait $job || why="$why; status $?"
	expect "ranks beside plain programs meet on $nodes node(s)" "$why"
	equal "and know which program they are on $nodes node(s)" "a: rank 0 of 5, 5 met, program 1
a: rank 1 of 5, 5 met, program 1
a: rank 2 of 5, 5 met, program 1
b: rank 3 of 5, 5 met, program 3
b: rank 4 of 5, 5 met, program 3" "$(sort "$tmp/out")"
	status "they spawn on $nodes node(s)" 0 weft run -q --local-nodes $nodes true : -n 2 "$tmp/spawn" 2
done
if command -v mpicc.mpich >/dev/null && mpicc.mpich -o "$tmp/world.mpich" "$WEFT_SRCDIR/tests/mpi/world.c" 2>/dev/null; then
	status "programs of two MPIs are two worlds" 0 weft run -q --local-nodes 3 -n 2 "$tmp/world.mpich" m : -n 3 "$tmp/world" o
	equal "each complete" "2 3" "$(grep -c '^m: .* of 2, 2 met' "$tmp/out") $(grep -c '^o: .* of 3, 3 met' "$tmp/out")"
else
	skip "programs of two MPIs are two worlds" "mpicc.mpich is missing: apt-get install libmpich-dev"
fi

# What is asked for one by one, when it is not exchanged at the start.
OMPI_MCA_pmix_base_async_modex=1 OMPI_MCA_async_mpi_init=1 weft run -q -n 3 --local-nodes 3 "$tmp/coll" >"$tmp/out" 2>"$tmp/err"
equal "peers are asked for their addresses when they are needed" "collectives of 3: 0 wrong" "$(cat "$tmp/out")"

SLURM_JOBID=17 SLURM_NODELIST=here weft run -q -n 2 "$tmp/hello" >"$tmp/out" 2>"$tmp/err"
equal "the variables of a batch job do not make singletons of them" "rank 0 of 2
rank 1 of 2" "$(sort "$tmp/out")"

own_launcher -n 1 env WEFT_RUNDIR="$rundir" "$build/console/weft" run -q -n 2 "$tmp/hello" >"$tmp/out" 2>"$tmp/err"
equal "nor do those of an mpirun around them" "rank 0 of 2
rank 1 of 2" "$(sort "$tmp/out")"

printf '#!/bin/sh\ncd "%s" && exec ./hello\n' "$tmp" >"$tmp/script"
chmod +x "$tmp/script"
equal "a script is looked through" "rank 0 of 2
rank 1 of 2" "$(weft run -q -n 2 "$tmp/script" 2>&1 | sort)"
if /usr/bin/python3 -c 'import mpi4py' 2>/dev/null; then
	printf 'from mpi4py import MPI\nw = MPI.COMM_WORLD\nprint("rank", w.rank, "of", w.size)\n' >"$tmp/ranks.py"
	equal "a program in Python by what its mpi4py is linked with" "rank 0 of 2
rank 1 of 2" "$(weft run -q -n 2 /usr/bin/python3 "$tmp/ranks.py" 2>&1 | sort)"
else
	skip "a program in Python by what its mpi4py is linked with" "mpi4py is missing: apt-get install python3-mpi4py"
fi

# What the user has chosen, by a variable or in a file, stays.
mkdir -p "$tmp/home/.openmpi"
echo 'btl = self' >"$tmp/home/.openmpi/mca-params.conf"
echo ' pml =cm' >>"$tmp/home/.openmpi/mca-params.conf"
HOME=$tmp/home OMPI_MCA_osc_sm_backing_directory=/mine weft run -q --mpi=openmpi env >"$tmp/out" 2>"$tmp/err"
equal "what the user has set of Open MPI's parameters stays" "0 1 1" \
	"$(grep -c '^OMPI_MCA_pml=' "$tmp/out") $(grep -c '^OMPI_MCA_osc_sm_backing_directory=/mine' "$tmp/out") $(grep -c '^OMPI_MCA_ess=pmi' "$tmp/out")"

# In a VM that stands, and visible there.
weft up --local-nodes 2 >/dev/null 2>"$tmp/err" || exit 99
status "a spawning job in a VM that stands" 0 weft run -q -n 1 "$tmp/spawn" 2
equal "what it spawned was a job of the VM" 2 "$(weft jobs 2>/dev/null | grep -c spawn)"
weft down >/dev/null 2>&1
expect "nothing is left" "$(remains)"
done_testing
