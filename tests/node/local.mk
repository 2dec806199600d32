if HAVE_CMOCKA
node_tests = tests/node/test_bind tests/node/test_family tests/node/test_keeper tests/node/test_modex tests/node/test_pmi1 \
	tests/node/test_taskvm \
	tests/node/test_weftd tests/node/test_clients tests/node/test_takeover \
	tests/node/test_peers tests/node/test_vm tests/node/test_hosts
check_PROGRAMS += $(node_tests)
TESTS += $(node_tests)
node_test_libs = transport/libtransport.la proto/libproto.la base/libbase.la $(MSGPACK_LIBS) $(CMOCKA_LIBS)

tests_node_test_family_SOURCES = %D%/test_family.c node/behind.c node/behind.h node/family.c node/family.h node/jobmap.c node/jobmap.h \
	node/script.c node/script.h node/world.c node/world.h
tests_node_test_family_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_node_test_family_LDADD = $(node_test_libs)

tests_node_test_keeper_SOURCES = %D%/test_keeper.c node/children.c node/children.h node/keeper.c node/keeper.h
tests_node_test_keeper_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_node_test_keeper_LDADD = $(node_test_libs)

tests_node_test_modex_SOURCES = %D%/test_modex.c node/modex.c node/node.h
tests_node_test_modex_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(UV_CFLAGS)
tests_node_test_modex_LDADD = $(node_test_libs)

tests_node_test_pmi1_SOURCES = %D%/test_pmi1.c node/keys.c node/keys.h node/pmi1.c node/pmi1.h node/pmi1_spawn.c \
	node/pmi1_spawn.h
tests_node_test_pmi1_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_node_test_pmi1_LDADD = $(node_test_libs)

tests_node_test_bind_SOURCES = %D%/test_bind.c node/bind.c node/bind.h node/cpus.c node/cpus.h node/topology.c \
	node/topology.h
tests_node_test_bind_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_node_test_bind_LDADD = $(node_test_libs) $(DL_LIBS)

tests_node_test_taskvm_SOURCES = %D%/test_taskvm.c %D%/fake.c %D%/fake.h node/children.c node/children.h
tests_node_test_taskvm_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_node_test_taskvm_LDADD = $(node_test_libs)

tests_node_test_weftd_SOURCES = %D%/test_weftd.c %D%/rig.c %D%/rig.h %D%/fake.c %D%/fake.h node/children.c \
	node/children.h node/folder.c node/folder.h
tests_node_test_weftd_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_node_test_weftd_LDADD = $(node_test_libs)

tests_node_test_clients_SOURCES = %D%/test_clients.c %D%/actor.c %D%/actor.h %D%/rig.c %D%/rig.h %D%/fake.c %D%/fake.h node/children.c \
	node/children.h node/folder.c node/folder.h
tests_node_test_clients_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_node_test_clients_LDADD = $(node_test_libs)

tests_node_test_takeover_SOURCES = %D%/test_takeover.c %D%/rig.c %D%/rig.h %D%/fake.c %D%/fake.h node/children.c \
	node/children.h node/folder.c node/folder.h
tests_node_test_takeover_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_node_test_takeover_LDADD = $(node_test_libs)

tests_node_test_peers_SOURCES = %D%/test_peers.c %D%/actor.c %D%/actor.h %D%/rig.c %D%/rig.h %D%/fake.c \
	%D%/fake.h node/children.c node/children.h node/folder.c node/folder.h
tests_node_test_peers_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(UV_CFLAGS)
tests_node_test_peers_LDADD = link/liblink.la $(node_test_libs) $(UV_LIBS) $(OPENSSL_LIBS) $(DL_LIBS)

tests_node_test_hosts_SOURCES = %D%/test_hosts.c node/addresses.c node/addresses.h node/blame.c node/blame.h \
	node/launch.c node/launch.h
tests_node_test_hosts_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(UV_CFLAGS)
tests_node_test_hosts_LDADD = link/liblink.la $(node_test_libs) $(UV_LIBS) $(OPENSSL_LIBS) $(DL_LIBS)

# It is its own tasks, too: those find libweft by themselves.
tests_node_test_vm_SOURCES = %D%/test_vm.c %D%/rig.c %D%/rig.h %D%/fake.c %D%/fake.h node/children.c \
	node/children.h node/folder.c node/folder.h
tests_node_test_vm_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_node_test_vm_LDADD = bindings/c/libweft.la $(node_test_libs)
tests_node_test_vm_LDFLAGS = -no-install
endif

# The server of PMI-1 under libFuzzer, for FUZZ_SECONDS; needs clang.
EXTRA_DIST += %D%/fuzz_pmi1.c %D%/pmi1.dict
CLEANFILES += tests/node/fuzz_pmi1
FUZZ_PMI1_FILES = $(addprefix $(srcdir)/,tests/node/fuzz_pmi1.c node/pmi1.c node/pmi1_spawn.c node/keys.c base/buf.c \
	base/err.c base/heap.c base/map.c)
fuzz-pmi1:
	$(MKDIR_P) tests/node/corpus
	$(FUZZ_CC) $(FUZZ_CFLAGS) -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
		-o tests/node/fuzz_pmi1 $(FUZZ_PMI1_FILES)
	tests/node/fuzz_pmi1 -max_total_time=$(FUZZ_SECONDS) -max_len=4096 -dict=$(srcdir)/tests/node/pmi1.dict \
		-artifact_prefix=tests/node/ tests/node/corpus
.PHONY: fuzz-pmi1
