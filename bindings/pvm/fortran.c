/* libfpvm3: PVM's calls for Fortran, as the manual pages have them. Every argument is a reference, the
 * result is the last one, and the lengths of character arguments follow by value, in their order. A name
 * ends where its trailing blanks begin. */
#include "config.h"

#include <string.h>

#include "bindings/pvm/fortran.h"

enum { NAME_BYTES = 1024 };

/* --- characters ------------------------------------------------------------------------------- */

/* A name of Fortran's as one of C's; what is longer than the room is cut. */
static char *name_of(const char *from, size_t n, char to[static NAME_BYTES])
{
	const char *nul = memchr(from, '\0', n);
	if (nul)
		n = (size_t)(nul - from);
	while (n && from[n - 1] == ' ')
		n--;
	if (n >= NAME_BYTES)
		n = NAME_BYTES - 1;
	memcpy(to, from, n);
	to[n] = '\0';
	return to;
}

static void give_name(const char *from, char *to, size_t n)
{
	size_t have = strlen(from);
	memset(to, ' ', n);
	memcpy(to, from, have < n ? have : n);
}

/* --- the task --------------------------------------------------------------------------------- */

void pvmfmytid_(int *tid)
{
	*tid = pvm_mytid();
}

void pvmfexit_(int *info)
{
	*info = pvm_exit();
}

void pvmfparent_(int *tid)
{
	*tid = pvm_parent();
}

void pvmfsiblings_(int *n, const int *index, int *tid)
{
	int *tids;
	*n = pvm_siblings(&tids);
	*tid = *n < 0 ? *n : *index >= 0 && *index < *n ? tids[*index] : PvmBadParam;
}

void pvmftidtohost_(const int *tid, int *host)
{
	*host = pvm_tidtohost(*tid);
}

void pvmfperror_(const char *text, int *info, size_t n)
{
	char name[NAME_BYTES];
	*info = pvm_perror(name_of(text, n, name));
}

void pvmfsetopt_(const int *what, const int *value, int *before)
{
	*before = pvm_setopt(*what, *value);
}

void pvmfgetopt_(const int *what, int *value)
{
	*value = pvm_getopt(*what);
}

void pvmfarchcode_(const char *arch, int *code, size_t n)
{
	char name[NAME_BYTES];
	*code = pvm_archcode(name_of(arch, n, name));
}

void pvmfnewcontext_(int *context)
{
	*context = pvm_newcontext();
}

void pvmfsetcontext_(const int *context, int *before)
{
	*before = pvm_setcontext(*context);
}

void pvmfgetcontext_(int *context)
{
	*context = pvm_getcontext();
}

void pvmffreecontext_(const int *context, int *info)
{
	*info = pvm_freecontext(*context);
}

/* --- the virtual machine ---------------------------------------------------------------------- */

/* One host a call; after the last one it begins again. */
void pvmfconfig_(int *nhost, int *narch, int *tid, char *name, char *arch, int *speed, int *info,
                 size_t nname, size_t narchname)
{
	static struct pvmhostinfo *hosts;
	static int n, narchs, next;
	if (next >= n) {
		next = n = 0;
		*info = pvm_config(&n, &narchs, &hosts);
		if (*info < 0)
			return;
	}
	const struct pvmhostinfo *h = &hosts[next++];
	*nhost = n;
	*narch = narchs;
	*tid = h->hi_tid;
	give_name(h->hi_name, name, nname);
	give_name(h->hi_arch, arch, narchname);
	*speed = h->hi_speed;
	*info = 1; /* an entry was given */
}

/* One task a call; after the last one it begins again. */
void pvmftasks_(const int *where, int *ntask, int *tid, int *parent, int *host, int *flag, char *aout,
                int *info, size_t naout)
{
	static struct pvmtaskinfo *tasks;
	static int n, next;
	if (next >= n) {
		next = n = 0;
		*info = pvm_tasks(*where, &n, &tasks);
		*ntask = n;
		if (*info < 0 || n == 0)
			return;
	}
	const struct pvmtaskinfo *t = &tasks[next++];
	*ntask = n;
	*tid = t->ti_tid;
	*parent = t->ti_ptid;
	*host = t->ti_host;
	*flag = t->ti_flag;
	give_name(t->ti_a_out, aout, naout);
	*info = 1;
}

void pvmfaddhost_(const char *host, int *info, size_t n)
{
	char name[NAME_BYTES], *names[] = {name_of(host, n, name)};
	int rc = pvm_addhosts(names, 1, info);
	if (rc < 0)
		*info = rc;
}

void pvmfdelhost_(const char *host, int *info, size_t n)
{
	char name[NAME_BYTES], *names[] = {name_of(host, n, name)};
	int rc = pvm_delhosts(names, 1, info);
	if (rc < 0)
		*info = rc;
}

void pvmfmstat_(const char *host, int *info, size_t n)
{
	char name[NAME_BYTES];
	*info = pvm_mstat(name_of(host, n, name));
}

void pvmfstartpvmd_(const char *arguments, const int *block, int *info, size_t n)
{
	char text[NAME_BYTES], *argv[] = {name_of(arguments, n, text)};
	*info = pvm_start_pvmd(*argv[0] ? 1 : 0, argv, *block);
}

void pvmfhalt_(int *info)
{
	*info = pvm_halt();
}

void pvmfspawn_(const char *task, const int *flags, const char *where, const int *count, int *tids,
                int *started, size_t ntask, size_t nwhere)
{
	char file[NAME_BYTES], place[NAME_BYTES];
	name_of(task, ntask, file);
	name_of(where, nwhere, place);
	*started = pvm_spawn(file, NULL, *flags, strcmp(place, "*") == 0 ? NULL : place, *count, tids);
}

void pvmfkill_(const int *tid, int *info)
{
	*info = pvm_kill(*tid);
}

void pvmfsendsig_(const int *tid, const int *signo, int *info)
{
	*info = pvm_sendsig(*tid, *signo);
}

void pvmfpstat_(const int *tid, int *info)
{
	*info = pvm_pstat(*tid);
}

void pvmfnotify_(const int *what, const int *tag, const int *count, int *tids, int *info)
{
	*info = pvm_notify(*what, *tag, *count, tids);
}

/* On means to standard output. */
void pvmfcatchout_(const int *on, int *info)
{
	*info = pvm_catchout(*on ? stdout : NULL);
}

void pvmfhostsync_(const int *host, int *clksec, int *clkusec, int *deltasec, int *deltausec, int *info)
{
	struct timeval clock = {0}, delta = {0};
	*info = pvm_hostsync(*host, &clock, &delta);
	*clksec = (int)clock.tv_sec;
	*clkusec = (int)clock.tv_usec;
	*deltasec = (int)delta.tv_sec;
	*deltausec = (int)delta.tv_usec;
}

/* Benchmarks wait so. */
void pvmfsleep_(const int *seconds)
{
	pvmsleep(*seconds);
}

/* --- buffers ---------------------------------------------------------------------------------- */

void pvmfinitsend_(const int *encoding, int *bufid)
{
	*bufid = pvm_initsend(*encoding);
}

void pvmfmkbuf_(const int *encoding, int *bufid)
{
	*bufid = pvm_mkbuf(*encoding);
}

void pvmffreebuf_(const int *bufid, int *info)
{
	*info = pvm_freebuf(*bufid);
}

void pvmfgetsbuf_(int *bufid)
{
	*bufid = pvm_getsbuf();
}

void pvmfgetrbuf_(int *bufid)
{
	*bufid = pvm_getrbuf();
}

void pvmfsetsbuf_(const int *bufid, int *before)
{
	*before = pvm_setsbuf(*bufid);
}

void pvmfsetrbuf_(const int *bufid, int *before)
{
	*before = pvm_setrbuf(*bufid);
}

void pvmfbufinfo_(const int *bufid, int *nbytes, int *tag, int *tid, int *info)
{
	*info = pvm_bufinfo(*bufid, nbytes, tag, tid);
}

/* By PVM's own calls, so that programs linked with this run on any libpvm3. */
static int pack(int what, void *p, int count, int stride)
{
	switch (what) {
	case PVM_STR: /* characters, count of them: C's pvm_pkstr is another thing */
	case PVM_BYTE:
		return pvm_pkbyte(p, count, stride);
	case PVM_SHORT:
		return pvm_pkshort(p, count, stride);
	case PVM_INT:
		return pvm_pkint(p, count, stride);
	case PVM_FLOAT:
		return pvm_pkfloat(p, count, stride);
	case PVM_CPLX:
		return pvm_pkcplx(p, count, stride);
	case PVM_DOUBLE:
		return pvm_pkdouble(p, count, stride);
	case PVM_DCPLX:
		return pvm_pkdcplx(p, count, stride);
	case PVM_LONG:
		return pvm_pklong(p, count, stride);
	default:
		return PvmBadParam;
	}
}

static int unpack(int what, void *p, int count, int stride)
{
	switch (what) {
	case PVM_STR:
	case PVM_BYTE:
		return pvm_upkbyte(p, count, stride);
	case PVM_SHORT:
		return pvm_upkshort(p, count, stride);
	case PVM_INT:
		return pvm_upkint(p, count, stride);
	case PVM_FLOAT:
		return pvm_upkfloat(p, count, stride);
	case PVM_CPLX:
		return pvm_upkcplx(p, count, stride);
	case PVM_DOUBLE:
		return pvm_upkdouble(p, count, stride);
	case PVM_DCPLX:
		return pvm_upkdcplx(p, count, stride);
	case PVM_LONG:
		return pvm_upklong(p, count, stride);
	default:
		return PvmBadParam;
	}
}

void pvmfpack_(const int *what, void *p, const int *count, const int *stride, int *info)
{
	*info = pack(*what, p, *count, *stride);
}

void pvmfunpack_(const int *what, void *p, const int *count, const int *stride, int *info)
{
	*info = unpack(*what, p, *count, *stride);
}

/* --- messages --------------------------------------------------------------------------------- */

void pvmfsend_(const int *tid, const int *tag, int *info)
{
	*info = pvm_send(*tid, *tag);
}

void pvmfmcast_(const int *count, int *tids, const int *tag, int *info)
{
	*info = pvm_mcast(tids, *count, *tag);
}

void pvmfpsend_(const int *tid, const int *tag, void *buf, const int *count, const int *type, int *info)
{
	*info = pvm_psend(*tid, *tag, buf, *count, *type);
}

void pvmfrecv_(const int *tid, const int *tag, int *bufid)
{
	*bufid = pvm_recv(*tid, *tag);
}

void pvmfnrecv_(const int *tid, const int *tag, int *bufid)
{
	*bufid = pvm_nrecv(*tid, *tag);
}

void pvmftrecv_(const int *tid, const int *tag, const int *seconds, const int *microseconds, int *bufid)
{
	struct timeval limit = {.tv_sec = *seconds, .tv_usec = *microseconds};
	*bufid = pvm_trecv(*tid, *tag, &limit);
}

void pvmfprobe_(const int *tid, const int *tag, int *bufid)
{
	*bufid = pvm_probe(*tid, *tag);
}

void pvmfprecv_(const int *tid, const int *tag, void *buf, const int *count, const int *type, int *atid,
                int *atag, int *alen, int *info)
{
	*info = pvm_precv(*tid, *tag, buf, *count, *type, atid, atag, alen);
}

/* --- message handlers ------------------------------------------------------------------------- */

enum { HANDLERS_MAX = 256 };

/* Handlers in Fortran, which want references: by what they are for. */
static struct handler {
	int id, src, tag, context;
	pvm_fortran_handler function; /* NULL: the place is free */
} handlers[HANDLERS_MAX];

static int call_handler(int bufid)
{
	struct pvmminfo m;
	if (pvm_getminfo(bufid, &m) < 0)
		return 0;
	for (int i = 0; i < HANDLERS_MAX; i++) {
		const struct handler *h = &handlers[i];
		if (h->function && (h->src == -1 || h->src == m.src) && (h->tag == -1 || h->tag == m.tag) &&
		    (h->context == -1 || h->context == m.ctx))
			return h->function(&bufid);
	}
	return 0;
}

/* The original has six arguments, too, and no use for the fourth. */
void pvmfaddmhf_(const int *src, const int *tag, const int *context, const void *unused,
                 pvm_fortran_handler function, int *id)
{
	int at = 0;
	(void)unused;
	while (at < HANDLERS_MAX && handlers[at].function)
		at++;
	*id = at == HANDLERS_MAX ? PvmOutOfRes : pvm_addmhf(*src, *tag, *context, call_handler);
	if (*id >= 0)
		handlers[at] = (struct handler){*id, *src, *tag, *context, function};
}

void pvmfdelmhf_(const int *id, int *info)
{
	*info = pvm_delmhf(*id);
	for (int i = 0; *info >= 0 && i < HANDLERS_MAX; i++)
		if (handlers[i].function && handlers[i].id == *id)
			handlers[i].function = NULL;
}

/* --- mailboxes -------------------------------------------------------------------------------- */

void pvmfputinfo_(const char *name, const int *bufid, const int *flags, int *index, size_t n)
{
	char text[NAME_BYTES];
	*index = pvm_putinfo(name_of(name, n, text), *bufid, *flags);
}

void pvmfrecvinfo_(const char *name, const int *index, const int *flags, int *bufid, size_t n)
{
	char text[NAME_BYTES];
	*bufid = pvm_recvinfo(name_of(name, n, text), *index, *flags);
}

void pvmfdelinfo_(const char *name, const int *index, const int *flags, int *info, size_t n)
{
	char text[NAME_BYTES];
	*info = pvm_delinfo(name_of(name, n, text), *index, *flags);
}

/* One message a call; after the last one PvmNotFound. -1 in info before the call begins again. */
void pvmfgetmboxinfo_(const char *pattern, char *name, int *nclasses, int *nentries, int *index, int *owner,
                      int *flags, int *info, size_t npattern, size_t nname)
{
	static struct pvmmboxinfo *classes;
	static int n = -1, class, entry;
	char text[NAME_BYTES];
	if (n < 0 || *info == -1) {
		class = entry = 0;
		n = -1;
		*info = pvm_getmboxinfo(name_of(pattern, npattern, text), &n, &classes);
		if (*info < 0)
			return;
	}
	*nclasses = n;
	if (class == n) {
		n = -1;
		*info = PvmNotFound;
		return;
	}
	const struct pvmmboxinfo *c = &classes[class];
	give_name(c->mi_name, name, nname);
	*nentries = c->mi_nentries;
	*index = c->mi_indices[entry];
	*owner = c->mi_owners[entry];
	*flags = c->mi_flags[entry];
	*info = PvmOk;
	if (++entry == c->mi_nentries) {
		class ++;
		entry = 0;
	}
}

/* --- groups ----------------------------------------------------------------------------------- */

void pvmfjoingroup_(const char *group, int *instance, size_t n)
{
	char name[NAME_BYTES];
	*instance = pvm_joingroup(name_of(group, n, name));
}

void pvmflvgroup_(const char *group, int *info, size_t n)
{
	char name[NAME_BYTES];
	*info = pvm_lvgroup(name_of(group, n, name));
}

void pvmfbarrier_(const char *group, const int *count, int *info, size_t n)
{
	char name[NAME_BYTES];
	*info = pvm_barrier(name_of(group, n, name), *count);
}

void pvmfbcast_(const char *group, const int *tag, int *info, size_t n)
{
	char name[NAME_BYTES];
	*info = pvm_bcast(name_of(group, n, name), *tag);
}

void pvmfgetinst_(const char *group, const int *tid, int *instance, size_t n)
{
	char name[NAME_BYTES];
	*instance = pvm_getinst(name_of(group, n, name), *tid);
}

void pvmfgettid_(const char *group, const int *instance, int *tid, size_t n)
{
	char name[NAME_BYTES];
	*tid = pvm_gettid(name_of(group, n, name), *instance);
}

void pvmfgsize_(const char *group, int *size, size_t n)
{
	char name[NAME_BYTES];
	*size = pvm_gsize(name_of(group, n, name));
}

void pvmffreezegroup_(const char *group, const int *size, int *info, size_t n)
{
	char name[NAME_BYTES];
	*info = pvm_freezegroup(name_of(group, n, name), *size);
}

void pvmfgather_(void *result, void *data, const int *count, const int *type, const int *tag,
                 const char *group, const int *root, int *info, size_t n)
{
	char name[NAME_BYTES];
	*info = pvm_gather(result, data, *count, *type, *tag, name_of(group, n, name), *root);
}

void pvmfscatter_(void *result, void *data, const int *count, const int *type, const int *tag,
                  const char *group, const int *root, int *info, size_t n)
{
	char name[NAME_BYTES];
	*info = pvm_scatter(result, data, *count, *type, *tag, name_of(group, n, name), *root);
}

void pvmfreduce_(pvm_reducer func, void *data, const int *count, const int *type, const int *tag,
                 const char *group, const int *root, int *info, size_t n)
{
	char name[NAME_BYTES];
	*info = pvm_reduce(func, data, *count, *type, *tag, name_of(group, n, name), *root);
}

void pvmmax_(int *type, void *x, void *y, int *count, int *info)
{
	PvmMax(type, x, y, count, info);
}

void pvmmin_(int *type, void *x, void *y, int *count, int *info)
{
	PvmMin(type, x, y, count, info);
}

void pvmsum_(int *type, void *x, void *y, int *count, int *info)
{
	PvmSum(type, x, y, count, info);
}

void pvmproduct_(int *type, void *x, void *y, int *count, int *info)
{
	PvmProduct(type, x, y, count, info);
}
