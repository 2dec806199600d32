/* pvm_packf, pvm_unpackf: like printf. %[count][.stride][h|l|u...]type; a value, or with count or
 * stride an address; * takes a number from the arguments; "%+" at the start is pvm_initsend. */
#include "config.h"

#include <ctype.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>

#include "bindings/pvm/calls.h"

/* One directive. */
struct item {
	int count, stride;
	bool is_array, h, l, u;
	char type;
};

/* A va_list that functions can share. */
struct args {
	va_list ap;
};

static const char *read_number(const char *p, int *n, struct args *a)
{
	if (*p == '*') {
		*n = va_arg(a->ap, int);
		return p + 1;
	}
	long value = 0;
	while (isdigit((unsigned char)*p) && value <= INT_MAX / 10 - 1)
		value = value * 10 + (*p++ - '0');
	*n = (int)value;
	return p;
}

/* After the %. NULL: it is none. */
static const char *read_item(const char *p, struct item *item, struct args *a)
{
	*item = (struct item){.count = 1, .stride = 1};
	if (isdigit((unsigned char)*p) || *p == '*') {
		p = read_number(p, &item->count, a);
		item->is_array = true;
	}
	if (*p == '.') {
		p = read_number(p + 1, &item->stride, a);
		item->is_array = true;
	}
	for (;; p++) {
		if (*p == 'h')
			item->h = true;
		else if (*p == 'l')
			item->l = true;
		else if (*p == 'u')
			item->u = true;
		else
			break;
	}
	if (!*p || !strchr("cdfxs", *p))
		return NULL;
	item->type = *p;
	return p + 1;
}

static int type_of(const struct item *item)
{
	switch (item->type) {
	case 'c':
		return PVM_BYTE;
	case 'd':
		if (item->h)
			return item->u ? PVM_USHORT : PVM_SHORT;
		if (item->l)
			return item->u ? PVM_ULONG : PVM_LONG;
		return item->u ? PVM_UINT : PVM_INT;
	case 'f':
		return item->l ? PVM_DOUBLE : PVM_FLOAT;
	case 'x':
		return item->l ? PVM_DCPLX : PVM_CPLX;
	default:
		return PVM_STR;
	}
}

static int pack_value(struct weft__pvm_buf *b, int type, struct args *a)
{
	union {
		char c;
		short h;
		int i;
		long l;
		float f;
		double d;
	} v;
	switch (type) {
	case PVM_BYTE:
		v.c = (char)va_arg(a->ap, int);
		break;
	case PVM_SHORT:
	case PVM_USHORT:
		v.h = (short)va_arg(a->ap, int);
		break;
	case PVM_LONG:
	case PVM_ULONG:
		v.l = va_arg(a->ap, long);
		break;
	case PVM_FLOAT:
		v.f = (float)va_arg(a->ap, double);
		break;
	case PVM_DOUBLE:
		v.d = va_arg(a->ap, double);
		break;
	default:
		v.i = va_arg(a->ap, int);
	}
	if (b->encoding == PvmDataInPlace)
		return PvmNotImpl; /* the value is gone when the call returns */
	return weft__pvm_pack(b, type, &v, 1, 1);
}

static int pack_item(const struct item *item, struct args *a)
{
	int type = type_of(item);
	struct weft__pvm_buf *b = weft__pvm_buf(weft__pvm.sbuf);
	if (type == PVM_STR)
		return weft__pvm_pack_text(b, va_arg(a->ap, char *));
	if (!b)
		return PvmNoBuf;
	if (item->is_array || type == PVM_CPLX || type == PVM_DCPLX)
		return weft__pvm_pack(b, type, va_arg(a->ap, void *), item->count, item->stride);
	return pack_value(b, type, a);
}

static int unpack_item(const struct item *item, struct args *a)
{
	int type = type_of(item);
	void *to = va_arg(a->ap, void *);
	struct weft__pvm_buf *b = weft__pvm_buf(weft__pvm.rbuf);
	if (type == PVM_STR)
		return weft__pvm_unpack_text(b, to);
	return b ? weft__pvm_unpack(b, type, to, item->count, item->stride) : PvmNoBuf;
}

static int each_item(const char *p, struct args *a, int (*act)(const struct item *, struct args *))
{
	struct item item;
	while ((p = strchr(p, '%'))) { /* what stands between is not looked at */
		if (!(p = read_item(p + 1, &item, a)))
			return PvmBadParam;
		int rc = act(&item, a);
		if (rc)
			return rc;
	}
	return PvmOk;
}

int pvm_vpackf(const char *format, va_list ap)
{
	struct args a;
	int rc = format ? PvmOk : PvmBadParam;
	va_copy(a.ap, ap);
	if (rc == PvmOk && strncmp(format, "%+", 2) == 0) {
		rc = weft__call_initsend(va_arg(a.ap, int));
		rc = rc < 0 ? rc : PvmOk;
		format += 2;
	}
	if (rc == PvmOk)
		rc = each_item(format, &a, pack_item);
	va_end(a.ap);
	return rc ? lpvmerr("pvm_packf", rc) : PvmOk;
}

int pvm_vunpackf(const char *format, va_list ap)
{
	struct args a;
	va_copy(a.ap, ap);
	int rc = format ? each_item(format, &a, unpack_item) : PvmBadParam;
	va_end(a.ap);
	return rc ? lpvmerr("pvm_unpackf", rc) : PvmOk;
}

int pvm_packf(const char *format, ...)
{
	va_list ap;
	weft__trace_enter(TEV_PACKF, 1, &(struct weft__traced){TEV_DID_PF, 0, weft__text(format)});
	va_start(ap, format);
	int rc = pvm_vpackf(format, ap);
	va_end(ap);
	return weft__trace_leave(TEV_PACKF, TEV_DID_CC, rc);
}

int pvm_unpackf(const char *format, ...)
{
	va_list ap;
	weft__trace_enter(TEV_UNPACKF, 1, &(struct weft__traced){TEV_DID_PF, 0, weft__text(format)});
	va_start(ap, format);
	int rc = pvm_vunpackf(format, ap);
	va_end(ap);
	return weft__trace_leave(TEV_UNPACKF, TEV_DID_CC, rc);
}
