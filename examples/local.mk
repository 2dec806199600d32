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
