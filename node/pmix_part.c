/* weft-pmix.so: the part of a task VM that serves PMIx, by libpmix 4.
 *
 * Happy path: start opens libpmix's server, which listens on a loopback port of its own; space makes a job known by
 * two maps, from which libpmix derives all that Open MPI asks; client makes one task known and gives the variables
 * by which its MPI_Init finds the server. What tasks then want comes in pmix_wish.c.
 *
 * What can go wrong: libpmix can't listen or write its files (start says so); a client that sends garbage or dies is
 * libpmix's business. Whatever happens to libpmix happens to this one task VM.
 */
#include "config.h"

#include "node/pmix_part.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/weft_base.h"

enum { INFOS_MAX = 12 };

const struct mpi_host *pmix_host;
static struct mpi_host host_copy;

/* A growing list of what libpmix is told. */
struct infos {
	pmix_info_t *all;
	size_t n, size;
};

static void add(struct infos *i, const char *key, const void *value, pmix_data_type_t type)
{
	if (i->n < i->size && PMIx_Info_load(&i->all[i->n], key, value, type) == PMIX_SUCCESS)
		i->n++;
}

static void drop_infos(struct infos *i)
{
	for (size_t k = 0; k < i->n; k++)
		PMIX_INFO_DESTRUCT(&i->all[k]);
	free(i->all);
	*i = (struct infos){0};
}

/* --- waiting for libpmix's thread --------------------------------------------------------------------- */

struct wait {
	pthread_mutex_t lock;
	pthread_cond_t change;
	bool over;
	pmix_status_t status;
};

static void wait_init(struct wait *w)
{
	*w = (struct wait){.status = PMIX_SUCCESS};
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->change, NULL);
}

static void on_done(pmix_status_t status, void *arg)
{
	struct wait *w = arg;
	pthread_mutex_lock(&w->lock);
	w->status = status;
	w->over = true;
	pthread_cond_signal(&w->change);
	pthread_mutex_unlock(&w->lock);
}

/* What an operation that began with `status` came to. */
static pmix_status_t wait_end(struct wait *w, pmix_status_t status)
{
	pthread_mutex_lock(&w->lock);
	while (status == PMIX_SUCCESS && !w->over)
		pthread_cond_wait(&w->change, &w->lock);
	if (status == PMIX_SUCCESS)
		status = w->status;
	pthread_mutex_unlock(&w->lock);
	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->change);
	return status == PMIX_OPERATION_SUCCEEDED ? PMIX_SUCCESS : status;
}

/* --- what the task VM calls --------------------------------------------------------------------------- */

int pmix_error(pmix_status_t status)
{
	switch (status) {
	case PMIX_SUCCESS:
	case PMIX_OPERATION_SUCCEEDED:
		return 0;
	case PMIX_ERR_NOT_FOUND:
		return WEFT_ENOENT;
	case PMIX_ERR_NOMEM:
		return WEFT_ENOMEM;
	case PMIX_ERR_TIMEOUT:
		return WEFT_ETIMEDOUT;
	default:
		return WEFT_EIO;
	}
}

static int start(const struct mpi_host *host, char *text, size_t size)
{
	/* No tools, no sessions, nothing but the loopback interface: what is not open needs no guarding. */
	bool no = false;
	pmix_rank_t rank = 0;
	char space[PMIX_MAX_NSLEN + 1];
	struct infos i = {.all = calloc(INFOS_MAX, sizeof *i.all), .size = INFOS_MAX};
	if (!i.all) {
		snprintf(text, size, "out of memory");
		return WEFT_ENOMEM;
	}
	host_copy = *host;
	pmix_host = &host_copy;
	snprintf(space, sizeof space, "%.200s.server.%ld", host->space, (long)getpid());
	add(&i, PMIX_SERVER_TMPDIR, host->folder, PMIX_STRING);
	add(&i, PMIX_SYSTEM_TMPDIR, host->folder, PMIX_STRING);
	add(&i, PMIX_SERVER_NSPACE, space, PMIX_STRING);
	add(&i, PMIX_SERVER_RANK, &rank, PMIX_PROC_RANK);
	add(&i, PMIX_HOSTNAME, host->node, PMIX_STRING);
	add(&i, PMIX_SERVER_TOOL_SUPPORT, &no, PMIX_BOOL);
	pmix_status_t status = PMIx_server_init(&pmix_wishes, i.all, i.n);
	drop_infos(&i);
	if (status == PMIX_SUCCESS)
		return 0;
	snprintf(text, size, "libpmix does not start: %s", PMIx_Error_string(status));
	return WEFT_EIO;
}

/* What libpmix does not derive from the maps. It needs the ranks along with it. */
static bool add_local(struct infos *i, const struct mpi_local *l)
{
	enum { NKEYS = 4 };
	const uint16_t local_rank = (uint16_t)l->local_rank;
	pmix_info_t *all;
	PMIX_INFO_CREATE(all, NKEYS);
	pmix_data_array_t array = {.type = PMIX_INFO, .size = NKEYS, .array = all};
	bool good = all && PMIx_Info_load(&all[0], PMIX_RANK, &l->rank, PMIX_PROC_RANK) == PMIX_SUCCESS &&
	            PMIx_Info_load(&all[1], PMIX_LOCAL_RANK, &local_rank, PMIX_UINT16) == PMIX_SUCCESS &&
	            PMIx_Info_load(&all[2], PMIX_NODE_RANK, &local_rank, PMIX_UINT16) == PMIX_SUCCESS &&
	            PMIx_Info_load(&all[3], PMIX_APPNUM, &l->program, PMIX_UINT32) == PMIX_SUCCESS;
	if (good)
		add(i, PMIX_PROC_DATA, &array, PMIX_DATA_ARRAY);
	PMIX_INFO_FREE(all, NKEYS);
	return good;
}

static int space(const struct mpi_space *s)
{
	char *nodes = NULL, *ranks = NULL;
	pmix_status_t status = PMIx_generate_regex(s->nodes, &nodes);
	if (status == PMIX_SUCCESS)
		status = PMIx_generate_ppn(s->ranks, &ranks);
	if (status != PMIX_SUCCESS) {
		free(nodes);
		return pmix_error(status);
	}
	bool yes = true;
	struct infos i = {.n = 0, .size = INFOS_MAX + (s->locals ? s->nlocal : 0)};
	pmix_proc_t parent;
	if (!(i.all = calloc(i.size, sizeof *i.all))) {
		free(nodes);
		free(ranks);
		return WEFT_ENOMEM;
	}
	add(&i, PMIX_NODE_MAP, nodes, PMIX_REGEX);
	add(&i, PMIX_PROC_MAP, ranks, PMIX_REGEX);
	add(&i, PMIX_UNIV_SIZE, &s->universe, PMIX_UINT32);
	if (s->scratch) {
		add(&i, PMIX_TMPDIR, s->scratch, PMIX_STRING);
		add(&i, PMIX_NSDIR, s->scratch, PMIX_STRING);
		add(&i, PMIX_TDIR_RMCLEAN, &yes, PMIX_BOOL);
	}
	if (s->parent) {
		PMIX_LOAD_PROCID(&parent, s->parent->space, s->parent->rank);
		add(&i, PMIX_SPAWNED, &yes, PMIX_BOOL);
		add(&i, PMIX_PARENT_ID, &parent, PMIX_PROC);
	}
	for (uint32_t k = 0; s->locals && k < s->nlocal; k++)
		if (!add_local(&i, &s->locals[k]))
			status = PMIX_ERR_NOMEM;
	struct wait w;
	wait_init(&w);
	if (status == PMIX_SUCCESS)
		status = PMIx_server_register_nspace(s->name, (int)s->nlocal, i.all, i.n, on_done, &w);
	status = wait_end(&w, status);
	drop_infos(&i);
	free(nodes);
	free(ranks);
	return pmix_error(status);
}

static int client(uint32_t rank, char ***env)
{
	pmix_proc_t proc;
	struct wait w;
	char **got = NULL;
	PMIX_LOAD_PROCID(&proc, pmix_host->space, rank);
	wait_init(&w);
	pmix_status_t status = PMIx_server_register_client(&proc, geteuid(), getegid(), NULL, on_done, &w);
	status = wait_end(&w, status);
	if (status == PMIX_SUCCESS)
		status = PMIx_server_setup_fork(&proc, &got);
	if (status == PMIX_SUCCESS)
		*env = got;
	return pmix_error(status);
}

static void drop(char **env)
{
	for (size_t i = 0; env && env[i]; i++)
		free(env[i]);
	free(env);
}

static const struct mpi_part part = {.version = MPI_PART_VERSION,
                                     .start = start,
                                     .space = space,
                                     .client = client,
                                     .drop = drop,
                                     .answer = pmix_answer,
                                     .fetch = pmix_fetch};

__attribute__((visibility("default"))) const struct mpi_part *weft_mpi_part(void)
{
	return &part;
}
