if HAVE_CMOCKA
base_tests = %D%/test_buf %D%/test_clock %D%/test_crc %D%/test_err %D%/test_heap %D%/test_ids \
	%D%/test_list %D%/test_log %D%/test_map %D%/test_rng %D%/test_rundir
check_PROGRAMS += $(base_tests)
TESTS += $(base_tests)
base_test_libs = base/libbase.la $(CMOCKA_LIBS)

tests_base_test_buf_SOURCES = %D%/test_buf.c %D%/test.h
tests_base_test_buf_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_base_test_buf_LDADD = $(base_test_libs)
tests_base_test_clock_SOURCES = %D%/test_clock.c %D%/test.h
tests_base_test_clock_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_base_test_clock_LDADD = $(base_test_libs)
tests_base_test_crc_SOURCES = %D%/test_crc.c %D%/test.h
tests_base_test_crc_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_base_test_crc_LDADD = $(base_test_libs)
tests_base_test_err_SOURCES = %D%/test_err.c %D%/test.h
tests_base_test_err_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_base_test_err_LDADD = $(base_test_libs)
tests_base_test_heap_SOURCES = %D%/test_heap.c %D%/test.h
tests_base_test_heap_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_base_test_heap_LDADD = $(base_test_libs)
tests_base_test_ids_SOURCES = %D%/test_ids.c %D%/test.h
tests_base_test_ids_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_base_test_ids_LDADD = $(base_test_libs)
tests_base_test_list_SOURCES = %D%/test_list.c %D%/test.h
tests_base_test_list_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_base_test_list_LDADD = $(base_test_libs)
tests_base_test_log_SOURCES = %D%/test_log.c %D%/test.h
tests_base_test_log_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_base_test_log_LDADD = $(base_test_libs)
tests_base_test_map_SOURCES = %D%/test_map.c %D%/test.h
tests_base_test_map_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_base_test_map_LDADD = $(base_test_libs)
tests_base_test_rng_SOURCES = %D%/test_rng.c %D%/test.h
tests_base_test_rng_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_base_test_rng_LDADD = $(base_test_libs)
tests_base_test_rundir_SOURCES = %D%/test_rundir.c %D%/test.h %D%/scratch.c %D%/scratch.h
tests_base_test_rundir_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_base_test_rundir_LDADD = $(base_test_libs)
endif
