# weft.f90 is made of its templates and the C headers; it is installed as source, and compiled with the Fortran
# compiler at hand into an archive and a module. A Fortran program of this tree has
#     prog_LDADD = $(FORTRAN_LIBS)     and     prog.o: $(FORTRAN_MODULE)
FORTRAN_TEMPLATES = %D%/weft.f90.in %D%/interfaces.f90.in %D%/vm.f90.in %D%/messages.f90.in %D%/collectives.f90.in
FORTRAN_LIBS = bindings/fortran/libweft_fortran.la bindings/c/libweft.la
FORTRAN_MODULE = bindings/fortran/weft.stamp
AM_FCFLAGS = -Ibindings/fortran

%D%/weft.f90: $(FORTRAN_TEMPLATES) %D%/generate.awk base/weft_base.h bindings/c/weft.h
	$(AM_V_GEN)$(MKDIR_P) %D% && LC_ALL=C $(AWK) -v dir=$(srcdir)/%D% -f $(srcdir)/%D%/generate.awk \
		$(srcdir)/base/weft_base.h $(srcdir)/bindings/c/weft.h $(srcdir)/%D%/weft.f90.in >$@.tmp && mv $@.tmp $@

fortransrcdir = $(datadir)/weft/fortran
nodist_fortransrc_DATA = %D%/weft.f90
CLEANFILES += %D%/weft.f90

# The compiler's own name for itself: a module file is good for just this one.
FC_ID = `test -z "$(FC)" || $(FC) --version 2>/dev/null | sed -n '/./{s/[&|]/./g;p;q;}'`
fill_fortran = sed -e 's|@VERSION[@]|$(VERSION)|g' -e 's|@FC[@]|$(FC)|g' -e "s|@FC_ID[@]|$(FC_ID)|g" \
	-e 's|@prefix[@]|$(prefix)|g' -e 's|@exec_prefix[@]|$(exec_prefix)|g' -e 's|@libdir[@]|$(libdir)|g' \
	-e 's|@fortranmoddir[@]|$(fortranmoddir)|g' -e 's|@fortransrcdir[@]|$(fortransrcdir)|g'

bin_SCRIPTS += %D%/weftfort
%D%/weftfort: %D%/weftfort.in Makefile
	$(AM_V_GEN)$(MKDIR_P) %D% && $(fill_fortran) $(srcdir)/%D%/weftfort.in >$@.tmp && chmod +x $@.tmp && mv $@.tmp $@
fortranmoddir = $(libdir)/weft/fortran
CLEANFILES += %D%/weftfort
EXTRA_DIST += $(FORTRAN_TEMPLATES) %D%/generate.awk %D%/weftfort.in %D%/weft-fortran.pc.in

if HAVE_FORTRAN
lib_LTLIBRARIES += %D%/libweft_fortran.la
nodist_bindings_fortran_libweft_fortran_la_SOURCES = %D%/weft.f90
bindings_fortran_libweft_fortran_la_FCFLAGS = $(AM_FCFLAGS) $(FC_MODOUT)%D%
bindings_fortran_libweft_fortran_la_LDFLAGS = -static

# The compiler writes the module beside the object.
$(FORTRAN_MODULE): %D%/libweft_fortran.la
	@test -f %D%/weft.$(FC_MODEXT) && touch $@
nodist_fortranmod_DATA = %D%/weft.$(FC_MODEXT)
%D%/weft.$(FC_MODEXT): $(FORTRAN_MODULE)
CLEANFILES += $(FORTRAN_MODULE) %D%/weft.$(FC_MODEXT)

pkgconfig_DATA += %D%/weft-fortran.pc
%D%/weft-fortran.pc: %D%/weft-fortran.pc.in Makefile
	$(AM_V_GEN)$(MKDIR_P) %D% && $(fill_fortran) $(srcdir)/%D%/weft-fortran.pc.in >$@.tmp && mv $@.tmp $@
CLEANFILES += %D%/weft-fortran.pc
endif
