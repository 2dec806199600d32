# One source measures all systems. Those of the peers are compiled by bench/compare, where they are installed.
BENCH_MEASURE = %D%/handover.c %D%/handover.h %D%/measure.c %D%/measure.h %D%/measure_pair.c \
	%D%/measure_process.c %D%/measure_team.c %D%/sys.h

noinst_PROGRAMS += bench/measure-bare bench/measure-weft
bench_measure_bare_SOURCES = $(BENCH_MEASURE) %D%/sys_bare.c
bench_measure_weft_SOURCES = $(BENCH_MEASURE) %D%/sys_weft.c
bench_measure_weft_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/bindings/c -I$(srcdir)/base
bench_measure_weft_LDADD = bindings/c/libweft.la
# The program itself, not libtool's script, whose search path every program that it starts would walk, too.
bench_measure_weft_LDFLAGS = -no-install

EXTRA_DIST += %D%/README.md %D%/compare %D%/processes.py %D%/report.py %D%/samples.py %D%/suites.py \
	%D%/sys_mpi.c %D%/sys_pvm.c %D%/systems.py
CLEANFILES += bench/peers/*
