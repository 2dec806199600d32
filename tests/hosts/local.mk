# Machines of the test's own: network namespaces with real ssh servers.
check_PROGRAMS += tests/hosts/oldweftd
tests_hosts_oldweftd_SOURCES = %D%/oldweftd.c

hosts_tests = %D%/add.sh %D%/addresses.sh
dist_check_SCRIPTS += $(hosts_tests)
TESTS += $(hosts_tests)
EXTRA_DIST += %D%/lib.sh
