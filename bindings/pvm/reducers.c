/* PvmMax, PvmMin, PvmSum, PvmProduct: x becomes x op y, item by item. Of complex numbers max and min
 * take the one with the larger or smaller modulus. Bytes have no sum and no product. */
#include "config.h"

#include <string.h>

#include "bindings/pvm/exported.h"

enum op { MAX, MIN, SUM, PRODUCT };

/* An item, in the widest of its kind. */
struct number {
	enum { SIGNED, UNSIGNED, REAL, COMPLEX } kind;
	int64_t i;
	uint64_t u; /* of integers: the same bits */
	double re, im;
};

static int64_t load_signed(int type, const void *p)
{
	union {
		signed char c;
		short h;
		int i;
		long l;
	} v;
	memcpy(&v, p, pvm_weft_type_size(type));
	return type == PVM_BYTE ? v.c : type == PVM_SHORT ? v.h : type == PVM_INT ? v.i : v.l;
}

static uint64_t load_unsigned(int type, const void *p)
{
	union {
		unsigned short h;
		unsigned int i;
		unsigned long l;
	} v;
	memcpy(&v, p, pvm_weft_type_size(type));
	return type == PVM_USHORT ? v.h : type == PVM_UINT ? v.i : v.l;
}

static struct number load(int type, const void *p)
{
	struct number n = {.kind = REAL};
	float f[2] = {0, 0};
	double d[2] = {0, 0};
	switch (type) {
	case PVM_FLOAT:
	case PVM_CPLX:
		memcpy(f, p, pvm_weft_type_size(type));
		n.re = (double)f[0];
		n.im = (double)f[1];
		break;
	case PVM_DOUBLE:
	case PVM_DCPLX:
		memcpy(d, p, pvm_weft_type_size(type));
		n.re = d[0];
		n.im = d[1];
		break;
	case PVM_USHORT:
	case PVM_UINT:
	case PVM_ULONG:
		n.kind = UNSIGNED;
		n.u = load_unsigned(type, p);
		break;
	default:
		n.kind = SIGNED;
		n.i = load_signed(type, p);
		n.u = (uint64_t)n.i;
	}
	if (type == PVM_CPLX || type == PVM_DCPLX)
		n.kind = COMPLEX;
	return n;
}

static void store(int type, const struct number *n, void *p)
{
	float f[2] = {(float)n->re, (float)n->im};
	double d[2] = {n->re, n->im};
	unsigned char c = (unsigned char)n->u;
	uint16_t h = (uint16_t)n->u;
	uint32_t i = (uint32_t)n->u;
	unsigned long l = (unsigned long)n->u;
	const void *from = type == PVM_FLOAT || type == PVM_CPLX      ? (const void *)f
	                   : type == PVM_DOUBLE || type == PVM_DCPLX  ? (const void *)d
	                   : type == PVM_BYTE                         ? (const void *)&c
	                   : type == PVM_SHORT || type == PVM_USHORT  ? (const void *)&h
	                   : type == PVM_INT || type == PVM_UINT      ? (const void *)&i
	                                                              : (const void *)&l;
	memcpy(p, from, pvm_weft_type_size(type));
}

static int is_less(const struct number *a, const struct number *b)
{
	switch (a->kind) {
	case SIGNED:
		return a->i < b->i;
	case UNSIGNED:
		return a->u < b->u;
	case REAL:
		return a->re < b->re;
	default:
		return a->re * a->re + a->im * a->im < b->re * b->re + b->im * b->im;
	}
}

static struct number combine(enum op op, const struct number *a, const struct number *b)
{
	struct number n = *a;
	switch (op) {
	case MAX:
		return is_less(a, b) ? *b : *a;
	case MIN:
		return is_less(b, a) ? *b : *a;
	case SUM:
		n.u = a->u + b->u;
		n.re = a->re + b->re;
		n.im = a->im + b->im;
		return n;
	default:
		n.u = a->u * b->u;
		n.re = a->re * b->re - a->im * b->im;
		n.im = a->re * b->im + a->im * b->re;
		return n;
	}
}

static void reduce(enum op op, int *type, void *x, const void *y, int *count, int *info)
{
	int given = type ? *type : -1, rc = PvmOk;
	size_t size = pvm_weft_type_size(given);
	if (!size || !x || !y || !count || (given == PVM_BYTE && op >= SUM))
		rc = PvmBadParam;
	for (int i = 0; rc == PvmOk && i < *count; i++) {
		char *to = (char *)x + (size_t)i * size;
		struct number a = load(given, to), b = load(given, (const char *)y + (size_t)i * size);
		struct number n = combine(op, &a, &b);
		store(given, &n, to);
	}
	if (info)
		*info = rc;
}

void PvmMax(int *type, void *x, void *y, int *count, int *info)
{
	reduce(MAX, type, x, y, count, info);
}

void PvmMin(int *type, void *x, void *y, int *count, int *info)
{
	reduce(MIN, type, x, y, count, info);
}

void PvmSum(int *type, void *x, void *y, int *count, int *info)
{
	reduce(SUM, type, x, y, count, info);
}

void PvmProduct(int *type, void *x, void *y, int *count, int *info)
{
	reduce(PRODUCT, type, x, y, count, info);
}
