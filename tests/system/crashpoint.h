/* crashpoint.h - the page by which a test tells one process, in which crashpoint.c is loaded, when to die. */
#ifndef TESTS_SYSTEM_CRASHPOINT_H
#define TESTS_SYSTEM_CRASHPOINT_H

#include <stdatomic.h>

struct crash_page {
	atomic_int pid;    /* who counts its calls, 0: nobody (any more) */
	atomic_int parent; /* not 0: in its place the next daemon whose parent is this one, but not pid */
	atomic_int at;     /* it dies before this call; 0: never */
	atomic_int count;  /* calls so far */
	atomic_int died;   /* 1: it has */
};

#endif
