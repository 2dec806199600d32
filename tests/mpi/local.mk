# Small programs for any MPI: the tests compile them with what is installed.
EXTRA_DIST += %D%/coll.c %D%/ends.c %D%/hello.c %D%/hello.f90 %D%/hello_f77.f %D%/names.c %D%/ring.c %D%/spawn.c
EXTRA_DIST += %D%/meet.c %D%/openmpi_lib.sh %D%/pmi.sh %D%/rounds.c %D%/world.c
mpi_checks = %D%/mpich.sh %D%/openmpi.sh %D%/openmpi_bridge.sh %D%/openmpi_faults.sh
dist_check_SCRIPTS += $(mpi_checks)
TESTS += $(mpi_checks)
