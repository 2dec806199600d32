if HAVE_CMOCKA
check_LTLIBRARIES += tests/transport/libpair.la
tests_transport_libpair_la_SOURCES = %D%/pair.c %D%/pair.h
tests_transport_libpair_la_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_transport_libpair_la_LIBADD = transport/libtransport.la base/libbase.la $(CMOCKA_LIBS)

TRANSPORT_TESTS = tests/transport/test_conformance tests/transport/test_wake tests/transport/test_kill \
	tests/transport/test_hostile tests/transport/test_ring tests/transport/test_shm
check_PROGRAMS += $(TRANSPORT_TESTS)
TESTS += $(TRANSPORT_TESTS)

tests_transport_test_conformance_SOURCES = %D%/test_conformance.c
tests_transport_test_conformance_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_transport_test_conformance_LDADD = tests/transport/libpair.la

tests_transport_test_wake_SOURCES = %D%/test_wake.c
tests_transport_test_wake_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_transport_test_wake_LDADD = tests/transport/libpair.la

tests_transport_test_kill_SOURCES = %D%/test_kill.c
tests_transport_test_kill_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_transport_test_kill_LDADD = tests/transport/libpair.la

tests_transport_test_hostile_SOURCES = %D%/test_hostile.c
tests_transport_test_hostile_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_transport_test_hostile_LDADD = tests/transport/libpair.la

tests_transport_test_ring_SOURCES = %D%/test_ring.c
tests_transport_test_ring_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_transport_test_ring_LDADD = tests/transport/libpair.la

tests_transport_test_shm_SOURCES = %D%/test_shm.c
tests_transport_test_shm_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_transport_test_shm_LDADD = tests/transport/libpair.la
endif

# The ring once more, by itself and under ThreadSanitizer.
check_PROGRAMS += tests/transport/test_race
tests_transport_test_race_SOURCES = %D%/test_race.c transport/ring.c transport/barrier.c transport/doorbell.c base/rng.c
tests_transport_test_race_CFLAGS = $(AM_CFLAGS)
dist_check_SCRIPTS += %D%/race.sh
TESTS += tests/transport/race.sh
if HAVE_TSAN
tests_transport_test_race_CFLAGS += -fsanitize=thread
tests_transport_test_race_LDFLAGS = -fsanitize=thread
AM_TESTS_ENVIRONMENT += WEFT_TSAN=yes; export WEFT_TSAN;
endif
