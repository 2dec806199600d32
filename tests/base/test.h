/* test.h - cmocka, with what it wants to be included before it. */
#ifndef WEFT_TESTS_BASE_TEST_H
#define WEFT_TESTS_BASE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* skip_because - end a test that can't run here; tests/cmocka.sh puts the reason into the result. */
static inline void skip_because(const char *reason)
{
	print_message("# SKIP %s\n", reason);
	skip();
}

#endif
