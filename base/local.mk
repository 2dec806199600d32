noinst_LTLIBRARIES += base/libbase.la
base_libbase_la_SOURCES = \
	%D%/batch.c %D%/batch.h %D%/buf.c %D%/buf.h %D%/bytes.h %D%/clock.c %D%/clock.h %D%/crc.c %D%/crc.h \
	%D%/environ.c %D%/environ.h %D%/err.c %D%/err.h %D%/exe.c %D%/exe.h \
	%D%/hash.h %D%/heap.c %D%/heap.h %D%/ids.c %D%/ids.h %D%/list.h %D%/log.c %D%/log.h %D%/map.c %D%/map.h \
	%D%/rng.c %D%/rng.h %D%/rundir.c %D%/rundir.h %D%/weft_base.h
include_HEADERS += %D%/weft_base.h
