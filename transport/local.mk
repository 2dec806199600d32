noinst_LTLIBRARIES += transport/libtransport.la
transport_libtransport_la_SOURCES = \
	%D%/barrier.c %D%/barrier.h %D%/copy.h %D%/doorbell.c %D%/inproc.c %D%/region.c %D%/region.h %D%/ring.c %D%/ring.h %D%/shm.c \
	%D%/stream.c %D%/transport.h
