/* test.h - cmocka, with what it wants to be included before it. */
#ifndef WEFT_TESTS_BASE_TEST_H
#define WEFT_TESTS_BASE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
