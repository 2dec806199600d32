/* weft.h: messages, also those made of typed buffers. Contexts of the library's own are not for
 * users. */
#include "config.h"

#include "bindings/c/weft.h"

#include "base/heap.h"
#include "task/engine.h"
#include "task/pack.h"

static int usable(const struct weft__engine *e, weft_context_t context)
{
	if (!e)
		return WEFT_ENOTINIT;
	return context.v & WEFT__CONTEXT_INTERNAL ? WEFT_EINVAL : 0;
}

int weft_send(weft_tid_t to, weft_context_t context, int32_t tag, const void *buf, size_t nbytes,
              int timeout_ms)
{
	struct weft__engine *e = weft__here();
	int rc = usable(e, context);
	return weft__ended(rc ? rc : weft__send(e, to, context, tag, buf, nbytes, timeout_ms));
}

int weft_recv(weft_tid_t from, weft_context_t context, int32_t tag, void *buf, size_t size,
              weft_status_t *status, int timeout_ms)
{
	struct weft__engine *e = weft__here();
	int rc = usable(e, context);
	return weft__ended(rc ? rc
	                      : weft__recv(e, from, context, tag, buf, size, status, timeout_ms));
}

int weft_recv_alloc(weft_tid_t from, weft_context_t context, int32_t tag, void **buf,
                    weft_status_t *status, int timeout_ms)
{
	struct weft__engine *e = weft__here();
	int rc = usable(e, context);
	return weft__ended(rc ? rc
	                      : weft__recv_alloc(e, from, context, tag, buf, status, timeout_ms));
}

int weft_sendrecv(weft_tid_t to, int32_t sendtag, const void *sendbuf, size_t sendbytes,
                  weft_tid_t from, int32_t recvtag, void *recvbuf, size_t recvsize,
                  weft_context_t context, weft_status_t *status, int timeout_ms)
{
	struct weft__engine *e = weft__here();
	int rc = usable(e, context);
	return weft__ended(rc ? rc
	                      : weft__sendrecv(e, to, sendtag, sendbuf, sendbytes, from, recvtag,
	                                       recvbuf, recvsize, context, status, timeout_ms));
}

int weft_mcast(const weft_tid_t *to, int n, weft_context_t context, int32_t tag, const void *buf,
               size_t nbytes, int timeout_ms)
{
	struct weft__engine *e = weft__here();
	int rc = usable(e, context);
	return weft__ended(rc ? rc : weft__mcast(e, to, n, context, tag, buf, nbytes, timeout_ms));
}

int weft_isend(weft_tid_t to, weft_context_t context, int32_t tag, const void *buf, size_t nbytes,
               weft_request_t *r)
{
	struct weft__engine *e = weft__here();
	int rc = usable(e, context);
	return weft__ended(rc ? rc : weft__isend(e, to, context, tag, buf, nbytes, r));
}

int weft_irecv(weft_tid_t from, weft_context_t context, int32_t tag, void *buf, size_t size,
               weft_request_t *r)
{
	struct weft__engine *e = weft__here();
	int rc = usable(e, context);
	return weft__ended(rc ? rc : weft__irecv(e, from, context, tag, buf, size, r));
}

int weft_test(weft_request_t *r, weft_status_t *status)
{
	struct weft__engine *e = weft__here();
	return weft__ended(e ? weft__test(e, r, status) : WEFT_ENOTINIT);
}

int weft_wait(weft_request_t *r, weft_status_t *status, int timeout_ms)
{
	struct weft__engine *e = weft__here();
	return weft__ended(e ? weft__wait(e, r, status, timeout_ms) : WEFT_ENOTINIT);
}

int weft_wait_any(weft_request_t *r, int n, int *index, weft_status_t *status, int timeout_ms)
{
	struct weft__engine *e = weft__here();
	return weft__ended(e ? weft__wait_any(e, r, n, index, status, timeout_ms) : WEFT_ENOTINIT);
}

int weft_wait_all(weft_request_t *r, int n, weft_status_t *statuses, int timeout_ms)
{
	struct weft__engine *e = weft__here();
	return weft__ended(e ? weft__wait_all(e, r, n, statuses, timeout_ms) : WEFT_ENOTINIT);
}

int weft_cancel(weft_request_t r)
{
	struct weft__engine *e = weft__here();
	return weft__ended(e ? weft__cancel(e, r) : WEFT_ENOTINIT);
}

int weft_probe(weft_tid_t from, weft_context_t context, int32_t tag, weft_status_t *status,
               int timeout_ms)
{
	struct weft__engine *e = weft__here();
	int rc = usable(e, context);
	return weft__ended(rc ? rc : weft__probe(e, from, context, tag, status, timeout_ms));
}

int weft_context_new(weft_context_t *context)
{
	struct weft__engine *e = weft__here();
	return weft__ended(e ? weft__context_new(e, 1, context) : WEFT_ENOTINIT);
}

int weft_fd(void)
{
	struct weft__engine *e = weft__here();
	return weft__ended(e ? weft__fd(e) : WEFT_ENOTINIT);
}

int weft_progress(void)
{
	struct weft__engine *e = weft__here();
	return weft__ended(e ? weft__progress(e) : WEFT_ENOTINIT);
}

/* --- made of buffers -------------------------------------------------------------------------- */

int weft_buf_send(const weft_buf_t *buf, weft_tid_t to, weft_context_t context, int32_t tag,
                  int timeout_ms)
{
	size_t nbytes;
	if (!buf)
		return weft__ended(WEFT_EINVAL);
	const void *bytes = weft__pack_bytes(buf, &nbytes);
	return weft_send(to, context, tag, bytes, nbytes, timeout_ms);
}

int weft_buf_mcast(const weft_buf_t *buf, const weft_tid_t *to, int n, weft_context_t context,
                   int32_t tag, int timeout_ms)
{
	size_t nbytes;
	if (!buf)
		return weft__ended(WEFT_EINVAL);
	const void *bytes = weft__pack_bytes(buf, &nbytes);
	return weft_mcast(to, n, context, tag, bytes, nbytes, timeout_ms);
}

int weft_buf_recv(weft_buf_t *buf, weft_tid_t from, weft_context_t context, int32_t tag,
                  weft_status_t *status, int timeout_ms)
{
	void *bytes = NULL;
	weft_status_t came;
	if (!buf)
		return weft__ended(WEFT_EINVAL);
	int rc = weft_recv_alloc(from, context, tag, &bytes, &came, timeout_ms);
	if (rc)
		return rc;
	if (status)
		*status = came;
	rc = weft__pack_adopt(buf, &bytes, came.nbytes);
	weft__free(bytes);
	return weft__ended(rc);
}
