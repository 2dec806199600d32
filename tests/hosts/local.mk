# Machines of the test's own: network namespaces with real ssh servers.
check_PROGRAMS += tests/hosts/oldweftd tests/hosts/watcher tests/hosts/pvmwatcher
tests_hosts_oldweftd_SOURCES = %D%/oldweftd.c
tests_hosts_watcher_SOURCES = %D%/watcher.c
tests_hosts_watcher_CPPFLAGS = $(example_includes)
tests_hosts_watcher_LDFLAGS = -static
tests_hosts_watcher_LDADD = bindings/c/libweft.la
tests_hosts_pvmwatcher_SOURCES = %D%/pvmwatcher.c
tests_hosts_pvmwatcher_CPPFLAGS = -I$(srcdir)/bindings/pvm
tests_hosts_pvmwatcher_LDFLAGS = -static
tests_hosts_pvmwatcher_LDADD = bindings/pvm/libpvm3.la

hosts_tests = %D%/add.sh %D%/addresses.sh %D%/hostfile.sh %D%/net.sh %D%/password.sh
dist_check_SCRIPTS += $(hosts_tests)
TESTS += $(hosts_tests)
EXTRA_DIST += %D%/lib.sh
