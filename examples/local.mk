# The examples are programs of users: they see weft.h alone. They are linked to the static library, so
# that they run from the build tree as they are.
EXAMPLES_C = %D%/hello %D%/ring %D%/heat %D%/wordcount
noinst_PROGRAMS += $(EXAMPLES_C)

EXAMPLES_CPPFLAGS = -I$(srcdir)/bindings/c -I$(srcdir)/base -I$(builddir)
EXAMPLES_LDADD = bindings/c/libweft.la

%C%_hello_SOURCES = %D%/hello.c
%C%_hello_CPPFLAGS = $(EXAMPLES_CPPFLAGS)
%C%_hello_LDFLAGS = -static
%C%_hello_LDADD = $(EXAMPLES_LDADD)

%C%_ring_SOURCES = %D%/ring.c
%C%_ring_CPPFLAGS = $(EXAMPLES_CPPFLAGS)
%C%_ring_LDFLAGS = -static
%C%_ring_LDADD = $(EXAMPLES_LDADD)

%C%_heat_SOURCES = %D%/heat.c %D%/picture.c %D%/picture.h
%C%_heat_CPPFLAGS = $(EXAMPLES_CPPFLAGS) $(LIBPNG_CFLAGS)
%C%_heat_LDFLAGS = -static
%C%_heat_LDADD = $(EXAMPLES_LDADD) $(LIBPNG_LIBS) -lm

%C%_wordcount_SOURCES = %D%/wordcount.c %D%/words.c %D%/words.h
%C%_wordcount_CPPFLAGS = $(EXAMPLES_CPPFLAGS)
%C%_wordcount_LDFLAGS = -static
%C%_wordcount_LDADD = $(EXAMPLES_LDADD)
