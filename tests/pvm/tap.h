/* tap.h - what the PVM programs in this folder say: TAP. Included once by each. */
#ifndef WEFT_TESTS_PVM_TAP_H
#define WEFT_TESTS_PVM_TAP_H

#include <stdio.h>

static int ntests, nfailed;

static void check(int good, const char *what)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++ntests, what);
	nfailed += !good;
}

static void equal(long expected, long got, const char *what)
{
	check(expected == got, what);
	if (expected != got)
		printf("# expected %ld, got %ld\n", expected, got);
}

#endif
