/* weft.h: enrolment, errors, memory. */
#include "config.h"

#include "bindings/c/weft.h"

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/err.h"
#include "base/heap.h"
#include "base/ids.h"
#include "task/engine.h"
#include "task/region.h"

int weft_init(void)
{
	return weft__ended(weft__here_init());
}

int weft_fini(void)
{
	return weft__ended(weft__here_fini());
}

weft_tid_t weft_self(void)
{
	struct weft__engine *e = weft__here();
	return e ? weft__self(e) : WEFT_NO_TID;
}

weft_tid_t weft_parent(void)
{
	struct weft__engine *e = weft__here();
	return e ? weft__parent(e) : WEFT_NO_TID;
}

int weft_rank(void)
{
	struct weft__engine *e = weft__here();
	return weft__ended(e ? (int)weft__rank(e) : WEFT_ENOTINIT);
}

int weft_size(void)
{
	struct weft__engine *e = weft__here();
	return weft__ended(e ? (int)weft__size(e) : WEFT_ENOTINIT);
}

int weft_node(void)
{
	struct weft__engine *e = weft__here();
	return weft__ended(e ? (int)weft__node(e) : WEFT_ENOTINIT);
}

int weft_set_name(const char *name)
{
	struct weft__engine *e = weft__here();
	return weft__ended(e ? weft__set_name(e, name) : WEFT_ENOTINIT);
}

const char *weft_strerror(int code)
{
	return weft__err_text(code);
}

const char *weft_version(void)
{
	return WEFT_VERSION;
}

const char *weft_last_error(void)
{
	return weft__last_error();
}

char *weft_tid_text(weft_tid_t tid, char *text, size_t size)
{
	char whole[WEFT__TID_TEXT];
	snprintf(text, size, "%s", weft__tid_format(tid, whole));
	return text;
}

int weft_tid_equal(weft_tid_t a, weft_tid_t b)
{
	return weft__tid_equal(a, b);
}

void *weft_alloc(size_t nbytes)
{
	void *p = weft__here() ? weft__region_alloc(nbytes) : NULL;
	return p ? p : weft__aligned_alloc((size_t)sysconf(_SC_PAGESIZE), nbytes);
}

void weft_free(void *p)
{
	if (!weft__region_free(weft__here(), p))
		weft__free(p);
}
