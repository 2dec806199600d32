# The examples are programs of users: they see weft.h alone. They are linked to the static library, so
# that they run from the build tree as they are.
example_programs = %D%/hello %D%/ring %D%/heat %D%/wordcount
noinst_PROGRAMS += $(example_programs)

example_includes = -I$(srcdir)/bindings/c -I$(srcdir)/base -I$(builddir)
example_weft = bindings/c/libweft.la

%C%_hello_SOURCES = %D%/hello.c
%C%_hello_CPPFLAGS = $(example_includes)
%C%_hello_LDFLAGS = -static
%C%_hello_LDADD = $(example_weft)

%C%_ring_SOURCES = %D%/ring.c
%C%_ring_CPPFLAGS = $(example_includes)
%C%_ring_LDFLAGS = -static
%C%_ring_LDADD = $(example_weft)

%C%_heat_SOURCES = %D%/heat.c %D%/picture.c %D%/picture.h
%C%_heat_CPPFLAGS = $(example_includes) $(LIBPNG_CFLAGS)
%C%_heat_LDFLAGS = -static
%C%_heat_LDADD = $(example_weft) $(LIBPNG_LIBS) -lm

%C%_wordcount_SOURCES = %D%/wordcount.c %D%/words.c %D%/words.h
%C%_wordcount_CPPFLAGS = $(example_includes)
%C%_wordcount_LDFLAGS = -static
%C%_wordcount_LDADD = $(example_weft)

if HAVE_FORTRAN
noinst_PROGRAMS += %D%/heat_f
%C%_heat_f_SOURCES = %D%/heat_f.f90
%C%_heat_f_FCFLAGS = -Ibindings/fortran
%C%_heat_f_LDFLAGS = -static
%C%_heat_f_LDADD = $(FORTRAN_LIBS)
%D%/heat_f-heat_f.$(OBJEXT): $(FORTRAN_MODULE)
endif

# Two programs of Open MPI and a task of Weft: the halves are made by Open MPI's compiler, from the same static library.
if HAVE_OPENMPI
noinst_PROGRAMS += %D%/bridge
%C%_bridge_SOURCES = %D%/bridge.c %D%/bridge.h
%C%_bridge_CPPFLAGS = $(example_includes)
%C%_bridge_LDFLAGS = -static
%C%_bridge_LDADD = $(example_weft) -lm

nodist_noinst_DATA += %D%/bridge_half
CLEANFILES += %D%/bridge_half %D%/bridge_half.$(OBJEXT)
%D%/bridge_half: %D%/bridge_half.c %D%/bridge.h $(example_weft)
	@$(MKDIR_P) %D%
	$(AM_V_CC)OMPI_CC='$(CC)' $(OPENMPI_CC) $(example_includes) -std=gnu11 $(CFLAGS) -c -o $@.$(OBJEXT) $(srcdir)/%D%/bridge_half.c
	$(AM_V_CCLD)OMPI_CC='$(CC)' $(LIBTOOL) $(AM_V_lt) --tag=CC --mode=link $(OPENMPI_CC) $(CFLAGS) $(LDFLAGS) -static -o $@ \
		$@.$(OBJEXT) $(example_weft)
endif
EXTRA_DIST += %D%/bridge.c %D%/bridge.h %D%/bridge_half.c

# Job scripts, ready to be submitted.
EXTRA_DIST += %D%/batch/flux.sh %D%/batch/pbs.sh %D%/batch/sge.sh %D%/batch/slurm.sh %D%/batch/vm.sh
