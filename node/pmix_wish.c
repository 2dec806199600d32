/* What tasks want of their PMIx server: libpmix's callbacks, each made a request to the task VM, and the answers.
 *
 * Happy path: a callback copies what libpmix lends, hands the copy over and returns; the task VM answers from its own
 * thread when it can, and libpmix's callback takes the answer to the task.
 *
 * What can go wrong: no memory, or a wish that makes no sense (the task gets the error at once, nothing is handed over).
 * A published value is packed by libpmix, together with who published it: nobody else looks into it.
 */
#include "config.h"

#include "node/pmix_part.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/weft_base.h"

static pmix_status_t status_of(int code)
{
	switch (code) {
	case 0:
		return PMIX_SUCCESS;
	case WEFT_ENOENT:
		return PMIX_ERR_NOT_FOUND;
	case WEFT_EEXIST:
		return PMIX_ERR_DUPLICATE_KEY;
	case WEFT_ETIMEDOUT:
		return PMIX_ERR_TIMEOUT;
	case WEFT_ENOMEM:
		return PMIX_ERR_NOMEM;
	case WEFT_EINVAL:
		return PMIX_ERR_BAD_PARAM;
	case WEFT_ENOTASK:
	case WEFT_ENONODE:
		return PMIX_ERR_UNREACH;
	default:
		return PMIX_ERROR;
	}
}

/* --- making a request --------------------------------------------------------------------------------- */

static char *copy(const char *text)
{
	return strdup(text ? text : "");
}

static char **copies(char *const *texts)
{
	size_t n = 0;
	while (texts && texts[n])
		n++;
	char **all = calloc(n + 1, sizeof *all);
	for (size_t i = 0; all && i < n; i++)
		all[i] = copy(texts[i]);
	return all;
}

static void proc_copy(struct mpi_proc *to, const pmix_proc_t *from)
{
	size_t n = strnlen(from->nspace, MPI_SPACE_MAX);
	memcpy(to->space, from->nspace, n);
	to->space[n] = '\0';
	to->rank = from->rank == PMIX_RANK_WILDCARD ? MPI_RANK_ALL : from->rank;
}

static struct mpi_request *make(enum mpi_wish wish, const pmix_proc_t *from, void (*done)(void), void *done_arg)
{
	struct mpi_request *r = calloc(1, sizeof *r);
	if (!r)
		return NULL;
	r->wish = wish;
	r->done = done;
	r->done_arg = done_arg;
	if (from)
		proc_copy(&r->from, from);
	return r;
}

static bool take_procs(struct mpi_request *r, const pmix_proc_t *procs, size_t n)
{
	r->procs = calloc(n + 1, sizeof *r->procs);
	for (size_t i = 0; r->procs && i < n; i++)
		proc_copy(&r->procs[r->nprocs++], &procs[i]);
	return r->procs != NULL;
}

static bool take_data(struct mpi_request *r, const char *data, size_t n)
{
	r->data.p = malloc(n + 1);
	if (r->data.p && n)
		memcpy(r->data.p, data, n);
	r->data.n = n;
	return r->data.p != NULL;
}

static void free_texts(char **texts)
{
	for (size_t i = 0; texts && texts[i]; i++)
		free(texts[i]);
	free(texts);
}

static void request_free(struct mpi_request *r)
{
	for (size_t i = 0; i < r->nnames; i++) {
		free(r->names[i].key);
		free(r->names[i].value.p);
	}
	for (size_t i = 0; i < r->napps; i++) {
		free_texts(r->apps[i].argv);
		free_texts(r->apps[i].env);
		free(r->apps[i].wdir);
		free(r->apps[i].host);
	}
	free(r->procs);
	free(r->data.p);
	free(r->names);
	free(r->apps);
	free(r->text);
	free(r);
}

/* Hands it over, when it is all there. */
static pmix_status_t hand_over(struct mpi_request *r, bool whole)
{
	if (r && !whole) {
		request_free(r);
		r = NULL;
	}
	if (!r)
		return PMIX_ERR_NOMEM;
	pmix_host->request(pmix_host->arg, r);
	return PMIX_SUCCESS;
}

/* --- collectives and data of other tasks ---------------------------------------------------------------- */

static pmix_status_t fence(const pmix_proc_t procs[], size_t nprocs, const pmix_info_t info[], size_t ninfo, char *data,
                           size_t ndata, pmix_modex_cbfunc_t done, void *arg)
{
	struct mpi_request *r = make(MPI_WISH_FENCE, NULL, (void (*)(void))done, arg);
	return hand_over(r, r && take_procs(r, procs, nprocs) && take_data(r, data, ndata));
}

static pmix_status_t modex(const pmix_proc_t *proc, const pmix_info_t info[], size_t ninfo, pmix_modex_cbfunc_t done,
                           void *arg)
{
	struct mpi_request *r = make(MPI_WISH_MODEX, NULL, (void (*)(void))done, arg);
	return hand_over(r, r && take_procs(r, proc, 1));
}

static pmix_status_t meet(enum mpi_wish wish, const pmix_proc_t procs[], size_t nprocs, pmix_op_cbfunc_t done, void *arg)
{
	struct mpi_request *r = make(wish, NULL, (void (*)(void))done, arg);
	return hand_over(r, r && take_procs(r, procs, nprocs));
}

static pmix_status_t connect_procs(const pmix_proc_t procs[], size_t nprocs, const pmix_info_t info[], size_t ninfo,
                                   pmix_op_cbfunc_t done, void *arg)
{
	return meet(MPI_WISH_CONNECT, procs, nprocs, done, arg);
}

static pmix_status_t disconnect_procs(const pmix_proc_t procs[], size_t nprocs, const pmix_info_t info[], size_t ninfo,
                                      pmix_op_cbfunc_t done, void *arg)
{
	return meet(MPI_WISH_DISCONNECT, procs, nprocs, done, arg);
}

/* --- news of one task ------------------------------------------------------------------------------------ */

static pmix_status_t tell(enum mpi_wish wish, const pmix_proc_t *proc)
{
	pmix_status_t status = hand_over(make(wish, proc, NULL, NULL), true);
	return status == PMIX_SUCCESS ? PMIX_OPERATION_SUCCEEDED : status;
}

static pmix_status_t connected(const pmix_proc_t *proc, void *object, pmix_info_t info[], size_t ninfo,
                               pmix_op_cbfunc_t done, void *arg)
{
	return tell(MPI_WISH_BEGIN, proc);
}

static pmix_status_t finalized(const pmix_proc_t *proc, void *object, pmix_op_cbfunc_t done, void *arg)
{
	return tell(MPI_WISH_FINISHED, proc);
}

static pmix_status_t abort_job(const pmix_proc_t *proc, void *object, int status, const char text[], pmix_proc_t procs[],
                               size_t nprocs, pmix_op_cbfunc_t done, void *arg)
{
	struct mpi_request *r = make(MPI_WISH_ABORT, proc, (void (*)(void))done, arg);
	if (r) {
		r->code = status;
		r->text = copy(text);
	}
	return hand_over(r, r && r->text);
}

/* --- names ----------------------------------------------------------------------------------------------- */

/* Whoever published it, and the value. */
static bool pack(const pmix_proc_t *proc, pmix_value_t *value, struct mpi_bytes *bytes)
{
	pmix_data_buffer_t buffer = {0};
	pmix_byte_object_t object = {0};
	pmix_proc_t who = *proc;
	bool good = PMIx_Data_pack(NULL, &buffer, &who, 1, PMIX_PROC) == PMIX_SUCCESS &&
	            PMIx_Data_pack(NULL, &buffer, value, 1, PMIX_VALUE) == PMIX_SUCCESS &&
	            PMIx_Data_unload(&buffer, &object) == PMIX_SUCCESS;
	if (good)
		*bytes = (struct mpi_bytes){object.bytes, object.size};
	PMIX_DATA_BUFFER_DESTRUCT(&buffer);
	return good;
}

static bool unpack(const struct mpi_name *from, pmix_pdata_t *to)
{
	pmix_data_buffer_t buffer = {0};
	char *bytes = malloc(from->value.n + 1);
	if (!bytes)
		return false;
	memcpy(bytes, from->value.p, from->value.n);
	pmix_byte_object_t object = {.bytes = bytes, .size = from->value.n};
	int32_t one = 1;
	bool good = PMIx_Data_load(&buffer, &object) == PMIX_SUCCESS &&
	            PMIx_Data_unpack(NULL, &buffer, &to->proc, &one, PMIX_PROC) == PMIX_SUCCESS &&
	            PMIx_Data_unpack(NULL, &buffer, &to->value, &one, PMIX_VALUE) == PMIX_SUCCESS;
	if (object.bytes) /* it was not taken over */
		free(object.bytes);
	PMIX_DATA_BUFFER_DESTRUCT(&buffer);
	PMIX_LOAD_KEY(to->key, from->key);
	return good;
}

static bool is_directive(const pmix_info_t *i)
{
	static const char *const all[] = {PMIX_RANGE, PMIX_PERSISTENCE, PMIX_USERID, PMIX_GRPID, PMIX_TIMEOUT,
	                                  PMIX_WAIT,  PMIX_ACCESS_PERMISSIONS};
	for (size_t k = 0; k < sizeof all / sizeof *all; k++)
		if (!strncmp(i->key, all[k], PMIX_MAX_KEYLEN))
			return true;
	return false;
}

static bool take_keys(struct mpi_request *r, char **keys)
{
	size_t n = 0;
	while (keys && keys[n])
		n++;
	r->names = calloc(n + 1, sizeof *r->names);
	for (size_t i = 0; r->names && i < n; i++) {
		r->names[r->nnames].key = copy(keys[i]);
		if (!r->names[r->nnames++].key)
			return false;
	}
	return r->names != NULL;
}

static bool read_once(const pmix_info_t info[], size_t ninfo)
{
	for (size_t i = 0; i < ninfo; i++)
		if (!strncmp(info[i].key, PMIX_PERSISTENCE, PMIX_MAX_KEYLEN))
			return info[i].value.type == PMIX_PERSIST && info[i].value.data.persist == PMIX_PERSIST_FIRST_READ;
	return false;
}

static bool take_values(struct mpi_request *r, const pmix_proc_t *proc, const pmix_info_t info[], size_t ninfo)
{
	r->names = calloc(ninfo + 1, sizeof *r->names);
	for (size_t i = 0; r->names && i < ninfo; i++) {
		if (is_directive(&info[i]))
			continue;
		struct mpi_name *n = &r->names[r->nnames++];
		pmix_value_t value = info[i].value;
		n->key = strndup(info[i].key, PMIX_MAX_KEYLEN);
		n->read_once = read_once(info, ninfo);
		if (!n->key || !pack(proc, &value, &n->value))
			return false;
	}
	return r->names != NULL;
}

static pmix_status_t publish(const pmix_proc_t *proc, const pmix_info_t info[], size_t ninfo, pmix_op_cbfunc_t done,
                             void *arg)
{
	struct mpi_request *r = make(MPI_WISH_PUBLISH, proc, (void (*)(void))done, arg);
	return hand_over(r, r && take_values(r, proc, info, ninfo));
}

/* A directive's number, whatever type it has; a flag is 1. */
static uint32_t number(const pmix_info_t *i)
{
	switch (i->value.type) {
	case PMIX_INT:
		return i->value.data.integer > 0 ? (uint32_t)i->value.data.integer : 0;
	case PMIX_UINT32:
		return i->value.data.uint32;
	case PMIX_INT32:
		return i->value.data.int32 > 0 ? (uint32_t)i->value.data.int32 : 0;
	case PMIX_SIZE:
		return i->value.data.size < UINT32_MAX ? (uint32_t)i->value.data.size : UINT32_MAX;
	case PMIX_BOOL:
		return i->value.data.flag;
	default:
		return 1;
	}
}

static pmix_status_t lookup(const pmix_proc_t *proc, char **keys, const pmix_info_t info[], size_t ninfo,
                            pmix_lookup_cbfunc_t done, void *arg)
{
	struct mpi_request *r = make(MPI_WISH_LOOKUP, proc, (void (*)(void))done, arg);
	for (size_t i = 0; r && i < ninfo; i++) {
		if (!strncmp(info[i].key, PMIX_WAIT, PMIX_MAX_KEYLEN)) /* 0 stands for all */
			r->wait = info[i].value.type != PMIX_BOOL || info[i].value.data.flag;
		if (!strncmp(info[i].key, PMIX_TIMEOUT, PMIX_MAX_KEYLEN))
			r->timeout_s = number(&info[i]);
	}
	return hand_over(r, r && take_keys(r, keys));
}

static pmix_status_t unpublish(const pmix_proc_t *proc, char **keys, const pmix_info_t info[], size_t ninfo,
                               pmix_op_cbfunc_t done, void *arg)
{
	struct mpi_request *r = make(MPI_WISH_UNPUBLISH, proc, (void (*)(void))done, arg);
	return hand_over(r, r && take_keys(r, keys));
}

/* --- more tasks ------------------------------------------------------------------------------------------- */

static const char *text_of(const pmix_info_t info[], size_t ninfo, const char *key)
{
	for (size_t i = 0; i < ninfo; i++)
		if (!strncmp(info[i].key, key, PMIX_MAX_KEYLEN) && info[i].value.type == PMIX_STRING &&
		    info[i].value.data.string)
			return info[i].value.data.string;
	return NULL;
}

/* argv has the program in front, or lacks it: Open MPI does both. */
static char **take_argv(const pmix_app_t *app)
{
	char *none[] = {NULL}, **argv = app->argv ? app->argv : none;
	if (!argv[0] && app->cmd) {
		char *alone[] = {app->cmd, NULL};
		return copies(alone);
	}
	return copies(argv);
}

static bool take_app(struct mpi_app *to, const pmix_app_t *app, const pmix_info_t info[], size_t ninfo)
{
	const char *wdir = app->cwd ? app->cwd : text_of(app->info, app->ninfo, PMIX_WDIR);
	const char *host = text_of(app->info, app->ninfo, PMIX_HOST);
	to->argv = take_argv(app);
	to->env = copies(app->env);
	to->wdir = copy(wdir ? wdir : text_of(info, ninfo, PMIX_WDIR));
	to->host = copy(host ? host : text_of(info, ninfo, PMIX_HOST));
	to->ntasks = app->maxprocs > 0 ? (uint32_t)app->maxprocs : 0;
	return to->argv && to->env && to->wdir && to->host;
}

static pmix_status_t spawn(const pmix_proc_t *proc, const pmix_info_t info[], size_t ninfo, const pmix_app_t apps[],
                           size_t napps, pmix_spawn_cbfunc_t done, void *arg)
{
	struct mpi_request *r = make(MPI_WISH_SPAWN, proc, (void (*)(void))done, arg);
	if (!r)
		return PMIX_ERR_NOMEM;
	r->apps = calloc(napps + 1, sizeof *r->apps);
	bool whole = r->apps != NULL;
	for (size_t i = 0; whole && i < napps; i++)
		whole = take_app(&r->apps[r->napps++], &apps[i], info, ninfo);
	return hand_over(r, whole);
}

/* --- answers ---------------------------------------------------------------------------------------------- */

static void give_data(struct mpi_request *r, const struct mpi_answer *a)
{
	pmix_modex_cbfunc_t done = (pmix_modex_cbfunc_t)r->done;
	char *data = a->data.n ? malloc(a->data.n) : NULL;
	pmix_status_t status = a->data.n && !data ? PMIX_ERR_NOMEM : status_of(a->code);
	if (data)
		memcpy(data, a->data.p, a->data.n);
	done(status, data, data ? a->data.n : 0, r->done_arg, data ? free : NULL, data);
}

static void give_names(struct mpi_request *r, const struct mpi_answer *a)
{
	pmix_lookup_cbfunc_t done = (pmix_lookup_cbfunc_t)r->done;
	pmix_pdata_t *found = calloc(a->nnames + 1, sizeof *found);
	size_t n = 0;
	for (size_t i = 0; found && i < a->nnames; i++)
		if (a->names[i].value.p && unpack(&a->names[i], &found[n]))
			n++;
	pmix_status_t status = status_of(a->code);
	if (status == PMIX_SUCCESS && n == 0)
		status = PMIX_ERR_NOT_FOUND;
	done(status, n ? found : NULL, n, r->done_arg); /* it copies them */
	for (size_t i = 0; i < n; i++)
		PMIX_PDATA_DESTRUCT(&found[i]);
	free(found);
}

static void give_space(struct mpi_request *r, const struct mpi_answer *a)
{
	pmix_nspace_t space = {0};
	if (a->space)
		PMIX_LOAD_NSPACE(space, a->space);
	((pmix_spawn_cbfunc_t)r->done)(a->code ? PMIX_ERR_JOB_FAILED_TO_LAUNCH : PMIX_SUCCESS, space, r->done_arg);
}

void pmix_answer(struct mpi_request *r, const struct mpi_answer *a)
{
	switch (r->wish) {
	case MPI_WISH_FENCE:
	case MPI_WISH_MODEX:
		give_data(r, a);
		break;
	case MPI_WISH_LOOKUP:
		give_names(r, a);
		break;
	case MPI_WISH_SPAWN:
		give_space(r, a);
		break;
	case MPI_WISH_PUT:
	case MPI_WISH_BEGIN:
	case MPI_WISH_FINISHED:
		break;
	default:
		if (r->done)
			((pmix_op_cbfunc_t)r->done)(status_of(a->code), r->done_arg);
	}
	request_free(r);
}

/* --- for other task VMs ------------------------------------------------------------------------------------- */

static void on_fetched(pmix_status_t status, char *data, size_t n, void *arg)
{
	struct mpi_request *r = arg;
	r->code = pmix_error(status);
	if (!r->code && !take_data(r, data, n))
		r->code = WEFT_ENOMEM;
	pmix_host->request(pmix_host->arg, r);
}

int pmix_fetch(const struct mpi_proc *who, uint64_t token)
{
	pmix_proc_t proc;
	struct mpi_request *r = make(MPI_WISH_PUT, NULL, NULL, NULL);
	if (!r)
		return WEFT_ENOMEM;
	r->token = token;
	PMIX_LOAD_PROCID(&proc, who->space, who->rank);
	pmix_status_t status = PMIx_server_dmodex_request(&proc, on_fetched, r);
	if (status != PMIX_SUCCESS)
		request_free(r);
	return pmix_error(status);
}

pmix_server_module_t pmix_wishes = {.client_connected2 = connected,
                                    .client_finalized = finalized,
                                    .abort = abort_job,
                                    .fence_nb = fence,
                                    .direct_modex = modex,
                                    .publish = publish,
                                    .lookup = lookup,
                                    .unpublish = unpublish,
                                    .spawn = spawn,
                                    .connect = connect_procs,
                                    .disconnect = disconnect_procs};
