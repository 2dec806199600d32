#include "config.h"

#include "task/op.h"

#include <stdint.h>

#include "bindings/c/weft.h"
#include "task/types.h"

/* At -O2 gcc vectorises next to nothing unless told; clang does. Fused multiply-adds would make a complex product
 * depend on how each task's library was compiled. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("tree-vectorize", "vect-cost-model=dynamic", "fp-contract=off")
#elif defined(__clang__)
#pragma clang fp contract(off)
#endif

#define T       int8_t
#define U       uint8_t
#define OF(op)  op##_i8
#define INTEGER 1
#include "task/op_loops.inc"

#define T       uint8_t
#define U       uint8_t
#define OF(op)  op##_u8
#define INTEGER 1
#include "task/op_loops.inc"

#define T       int16_t
#define U       uint16_t
#define OF(op)  op##_i16
#define INTEGER 1
#include "task/op_loops.inc"

#define T       uint16_t
#define U       uint16_t
#define OF(op)  op##_u16
#define INTEGER 1
#include "task/op_loops.inc"

#define T       int32_t
#define U       uint32_t
#define OF(op)  op##_i32
#define INTEGER 1
#include "task/op_loops.inc"

#define T       uint32_t
#define U       uint32_t
#define OF(op)  op##_u32
#define INTEGER 1
#include "task/op_loops.inc"

#define T       int64_t
#define U       uint64_t
#define OF(op)  op##_i64
#define INTEGER 1
#include "task/op_loops.inc"

#define T       uint64_t
#define U       uint64_t
#define OF(op)  op##_u64
#define INTEGER 1
#include "task/op_loops.inc"

#define T       float
#define U       float
#define OF(op)  op##_f
#define INTEGER 0
#include "task/op_loops.inc"

#define T       double
#define U       double
#define OF(op)  op##_d
#define INTEGER 0
#include "task/op_loops.inc"

/* Complex numbers by parts: a sum is that of twice as many reals, and the product is written out because
 * C's own also mends infinities, value by value. */

static void sum_c(void *acc, const void *in, size_t n)
{
	sum_f(acc, in, 2 * n);
}

static void sum_z(void *acc, const void *in, size_t n)
{
	sum_d(acc, in, 2 * n);
}

static void prod_c(void *acc, const void *in, size_t n)
{
	float *restrict a = acc;
	const float *restrict b = in;
	for (size_t i = 0; i < 2 * n; i += 2) {
		float re = a[i] * b[i] - a[i + 1] * b[i + 1];
		a[i + 1] = a[i] * b[i + 1] + a[i + 1] * b[i];
		a[i] = re;
	}
}

static void prod_z(void *acc, const void *in, size_t n)
{
	double *restrict a = acc;
	const double *restrict b = in;
	for (size_t i = 0; i < 2 * n; i += 2) {
		double re = a[i] * b[i] - a[i + 1] * b[i + 1];
		a[i + 1] = a[i] * b[i + 1] + a[i + 1] * b[i];
		a[i] = re;
	}
}

typedef void loop_fn(void *acc, const void *in, size_t n);

/* One row an operation, one column a type. */
#define INTEGERS(op)                                                                               \
	[WEFT_BYTE] = op##_u8, [WEFT_INT8] = op##_i8, [WEFT_UINT8] = op##_u8,                      \
	[WEFT_INT16] = op##_i16, [WEFT_UINT16] = op##_u16, [WEFT_INT32] = op##_i32,                \
	[WEFT_UINT32] = op##_u32, [WEFT_INT64] = op##_i64, [WEFT_UINT64] = op##_u64
#define REALS(op)     [WEFT_FLOAT] = op##_f, [WEFT_DOUBLE] = op##_d
#define COMPLEXES(op) [WEFT_COMPLEX] = op##_c, [WEFT_DCOMPLEX] = op##_z

static loop_fn *const loops[WEFT_BXOR + 1][WEFT__TYPE_MAX + 1] = {
        [WEFT_SUM] = {INTEGERS(sum), REALS(sum), COMPLEXES(sum)},
        [WEFT_PROD] = {INTEGERS(prod), REALS(prod), COMPLEXES(prod)},
        [WEFT_MIN] = {INTEGERS(min), REALS(min)},
        [WEFT_MAX] = {INTEGERS(max), REALS(max)},
        [WEFT_LAND] = {INTEGERS(land)},
        [WEFT_LOR] = {INTEGERS(lor)},
        [WEFT_LXOR] = {INTEGERS(lxor)},
        [WEFT_BAND] = {INTEGERS(band)},
        [WEFT_BOR] = {INTEGERS(bor)},
        [WEFT_BXOR] = {INTEGERS(bxor)},
};

bool weft__op_valid(int op, int type)
{
	return op >= WEFT_SUM && op <= WEFT_BXOR && type >= 1 && type <= WEFT__TYPE_MAX && loops[op][type];
}

void weft__op_apply(int op, int type, void *acc, const void *in, size_t count)
{
	loops[op][type](acc, in, count);
}
