/* PVM's calls about buffers and messages: traced, then done. */
#include "config.h"

#include "bindings/pvm/calls.h"

/* --- buffers ---------------------------------------------------------------------------------- */

int pvm_mkbuf(int encoding)
{
	const struct weft__traced fields[] = {{TEV_DID_ME, encoding, NULL}};
	weft__trace_enter(TEV_MKBUF, 1, fields);
	return weft__trace_leave(TEV_MKBUF, TEV_DID_MB, weft__call_mkbuf(encoding));
}

int pvm_initsend(int encoding)
{
	const struct weft__traced fields[] = {{TEV_DID_ME, encoding, NULL}};
	weft__trace_enter(TEV_INITSEND, 1, fields);
	return weft__trace_leave(TEV_INITSEND, TEV_DID_MSB, weft__call_initsend(encoding));
}

int pvm_freebuf(int bufid)
{
	const struct weft__traced fields[] = {{TEV_DID_MB, bufid, NULL}};
	weft__trace_enter(TEV_FREEBUF, 1, fields);
	return weft__trace_leave(TEV_FREEBUF, TEV_DID_CC, weft__call_freebuf(bufid));
}

int pvm_getsbuf(void)
{
	weft__trace_enter(TEV_GETSBUF, 0, NULL);
	return weft__trace_leave(TEV_GETSBUF, TEV_DID_MSB, weft__call_getsbuf());
}

int pvm_getrbuf(void)
{
	weft__trace_enter(TEV_GETRBUF, 0, NULL);
	return weft__trace_leave(TEV_GETRBUF, TEV_DID_MRB, weft__call_getrbuf());
}

int pvm_setsbuf(int bufid)
{
	const struct weft__traced fields[] = {{TEV_DID_MB, bufid, NULL}};
	weft__trace_enter(TEV_SETSBUF, 1, fields);
	return weft__trace_leave(TEV_SETSBUF, TEV_DID_MSB, weft__call_setsbuf(bufid));
}

int pvm_setrbuf(int bufid)
{
	const struct weft__traced fields[] = {{TEV_DID_MB, bufid, NULL}};
	weft__trace_enter(TEV_SETRBUF, 1, fields);
	return weft__trace_leave(TEV_SETRBUF, TEV_DID_MRB, weft__call_setrbuf(bufid));
}

int pvm_bufinfo(int bufid, int *nbytes, int *tag, int *tid)
{
	const struct weft__traced fields[] = {{TEV_DID_MB, bufid, NULL}};
	weft__trace_enter(TEV_BUFINFO, 1, fields);
	int n = 0, code = 0, source = 0, rc = weft__call_bufinfo(bufid, &n, &code, &source);
	if (nbytes && rc == PvmOk)
		*nbytes = n;
	if (tag && rc == PvmOk)
		*tag = code;
	if (tid && rc == PvmOk)
		*tid = source;
	const struct weft__traced result[] = {{TEV_DID_CC, rc, NULL},
	                                      {TEV_DID_INB, n, NULL},
	                                      {TEV_DID_IMC, code, NULL},
	                                      {TEV_DID_IST, source, NULL}};
	return weft__trace_is_on() ? weft__trace_result(TEV_BUFINFO, 4, result) : rc;
}

int pvm_getminfo(int bufid, struct pvmminfo *info)
{
	const struct weft__traced fields[] = {{TEV_DID_MB, bufid, NULL}};
	weft__trace_enter(TEV_GETMINFO, 1, fields);
	return weft__trace_leave(TEV_GETMINFO, TEV_DID_CC, weft__call_getminfo(bufid, info));
}

int pvm_setminfo(int bufid, struct pvmminfo *info)
{
	const struct weft__traced fields[] = {{TEV_DID_MB, bufid, NULL}};
	weft__trace_enter(TEV_SETMINFO, 1, fields);
	return weft__trace_leave(TEV_SETMINFO, TEV_DID_CC, weft__call_setminfo(bufid, info));
}

/* --- messages --------------------------------------------------------------------------------- */

/* Bytes of the message that is to be sent. */
static int to_send(void)
{
	const struct weft__pvm_buf *b = weft__trace_is_on() ? weft__pvm_buf(weft__pvm.sbuf) : NULL;
	return b ? (int)weft__pvm_buf_bytes(b) : 0;
}

/* What a receive has brought: bufid, or an error. */
static int received(int event, int bufid)
{
	if (!weft__trace_is_on())
		return bufid;
	const struct weft__pvm_buf *b = weft__pvm_buf(bufid);
	const struct weft__traced result[] = {{TEV_DID_MB, bufid, NULL},
	                                      {TEV_DID_MNB, b ? (int)weft__pvm_buf_bytes(b) : -1, NULL},
	                                      {TEV_DID_MC, b ? b->tag : -1, NULL},
	                                      {TEV_DID_MCX, b ? b->context : -1, NULL},
	                                      {TEV_DID_SRC, b ? b->src : -1, NULL}};
	return weft__trace_result(event, 5, result);
}

int pvm_send(int tid, int tag)
{
	const struct weft__traced fields[] = {{TEV_DID_MNB, to_send(), NULL},
	                                      {TEV_DID_DST, tid, NULL},
	                                      {TEV_DID_MC, tag, NULL},
	                                      {TEV_DID_MCX, pvmmyctx, NULL}};
	weft__trace_enter(TEV_SEND, 4, fields);
	return weft__trace_leave(TEV_SEND, TEV_DID_CC, weft__call_send(tid, tag));
}

int pvm_mcast(int *tids, int count, int tag)
{
	if (weft__trace_is_on() && weft__trace_begin(TEV_MCAST | TEV_EVENT_ENTRY)) {
		weft__trace_int(TEV_DID_MNB, to_send());
		weft__trace_int(TEV_DID_MC, tag);
		weft__trace_int(TEV_DID_MCX, pvmmyctx);
		weft__trace_ints(TEV_DID_MDL, tids, count);
		weft__trace_end();
	}
	return weft__trace_leave(TEV_MCAST, TEV_DID_CC, weft__call_mcast(tids, count, tag));
}

int pvm_psend(int tid, int tag, void *buf, int count, int type)
{
	if (weft__trace_is_on() && weft__trace_begin(TEV_PSEND | TEV_EVENT_ENTRY)) {
		weft__trace_int(TEV_DID_DST, tid);
		weft__trace_int(TEV_DID_MC, tag);
		weft__trace_int(TEV_DID_MCX, pvmmyctx);
		weft__trace_address(TEV_DID_PDA, buf);
		weft__trace_int(TEV_DID_PC, count);
		weft__trace_int(TEV_DID_PDT, type);
		weft__trace_end();
	}
	return weft__trace_leave(TEV_PSEND, TEV_DID_CC, weft__call_psend(tid, tag, buf, count, type));
}

int pvm_recv(int tid, int tag)
{
	const struct weft__traced fields[] = {{TEV_DID_RST, tid, NULL},
	                                      {TEV_DID_RMC, tag, NULL},
	                                      {TEV_DID_RCX, pvmmyctx, NULL}};
	weft__trace_enter(TEV_RECV, 3, fields);
	return received(TEV_RECV, weft__call_recv(tid, tag));
}

int pvm_nrecv(int tid, int tag)
{
	const struct weft__traced fields[] = {{TEV_DID_RST, tid, NULL},
	                                      {TEV_DID_RMC, tag, NULL},
	                                      {TEV_DID_RCX, pvmmyctx, NULL}};
	weft__trace_enter(TEV_NRECV, 3, fields);
	return received(TEV_NRECV, weft__call_nrecv(tid, tag));
}

int pvm_trecv(int tid, int tag, struct timeval *limit)
{
	const struct weft__traced fields[] = {{TEV_DID_RST, tid, NULL},
	                                      {TEV_DID_RMC, tag, NULL},
	                                      {TEV_DID_RCX, pvmmyctx, NULL},
	                                      {TEV_DID_MTS, limit ? (int)limit->tv_sec : -1, NULL},
	                                      {TEV_DID_MTU, limit ? (int)limit->tv_usec : -1, NULL}};
	weft__trace_enter(TEV_TRECV, 5, fields);
	return received(TEV_TRECV, weft__call_trecv(tid, tag, limit));
}

int pvm_probe(int tid, int tag)
{
	const struct weft__traced fields[] = {{TEV_DID_RST, tid, NULL},
	                                      {TEV_DID_RMC, tag, NULL},
	                                      {TEV_DID_RCX, pvmmyctx, NULL}};
	weft__trace_enter(TEV_PROBE, 3, fields);
	return weft__trace_leave(TEV_PROBE, TEV_DID_CC, weft__call_probe(tid, tag));
}

int pvm_precv(int tid, int tag, void *buf, int count, int type, int *atid, int *atag, int *alen)
{
	int source = -1, code = -1, length = -1;
	if (weft__trace_is_on() && weft__trace_begin(TEV_PRECV | TEV_EVENT_ENTRY)) {
		weft__trace_int(TEV_DID_RST, tid);
		weft__trace_int(TEV_DID_RMC, tag);
		weft__trace_int(TEV_DID_RCX, pvmmyctx);
		weft__trace_address(TEV_DID_PDA, buf);
		weft__trace_int(TEV_DID_PC, count);
		weft__trace_int(TEV_DID_PDT, type);
		weft__trace_end();
	}
	int rc = weft__call_precv(tid, tag, buf, count, type, &source, &code, &length);
	if (atid && rc == PvmOk)
		*atid = source;
	if (atag && rc == PvmOk)
		*atag = code;
	if (alen && rc == PvmOk)
		*alen = length;
	const struct weft__traced result[] = {{TEV_DID_CC, rc, NULL},
	                                      {TEV_DID_MNB, length, NULL},
	                                      {TEV_DID_MC, code, NULL},
	                                      {TEV_DID_MCX, pvmmyctx, NULL},
	                                      {TEV_DID_SRC, source, NULL}};
	return weft__trace_is_on() ? weft__trace_result(TEV_PRECV, 5, result) : rc;
}

int pvm_addmhf(int src, int tag, int context, int (*function)(int bufid))
{
	const struct weft__traced fields[] = {{TEV_DID_RST, src, NULL},
	                                      {TEV_DID_RMC, tag, NULL},
	                                      {TEV_DID_RCX, context, NULL}};
	weft__trace_enter(TEV_ADDMHF, 3, fields);
	return weft__trace_leave(TEV_ADDMHF, TEV_DID_MHI, weft__call_addmhf(src, tag, context, function));
}

int pvm_delmhf(int id)
{
	const struct weft__traced fields[] = {{TEV_DID_MHI, id, NULL}};
	weft__trace_enter(TEV_DELMHF, 1, fields);
	return weft__trace_leave(TEV_DELMHF, TEV_DID_CC, weft__call_delmhf(id));
}
