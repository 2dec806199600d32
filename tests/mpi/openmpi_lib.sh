# openmpi_lib.sh - what the tests with Open MPI share; source it after tests/system/lib.sh.
command -v mpicc.openmpi >/dev/null || skip_all "mpicc.openmpi is missing: apt-get install openmpi-bin libopenmpi-dev"
[ -e "$build/node/weft-pmix.so" ] || skip_all "built without libpmix: apt-get install libpmix-dev"

# compile FILE: into $tmp, without its suffix; a Fortran one with it
compile() {
	case $1 in
	*.c) mpicc.openmpi -O1 -o "$tmp/${1%.c}" "$WEFT_SRCDIR/tests/mpi/$1" ;;
	*.f90) mpifort.openmpi -O1 -J "$tmp" -o "$tmp/${1%.f90}_f90" "$WEFT_SRCDIR/tests/mpi/$1" 2>/dev/null ;;
	*.f) mpifort.openmpi -O1 -o "$tmp/${1%.f}" "$WEFT_SRCDIR/tests/mpi/$1" 2>/dev/null ;;
	esac
}

# own_launcher ARGUMENTS…: mpirun, which refuses root and few cores unless it is told not to. It names its folder by its pid:
# a test in another PID namespace may have the same.
own_launcher() {
	TMPDIR=$tmp OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 \
		timeout -k 5 60 mpirun.openmpi --oversubscribe "$@"
}
