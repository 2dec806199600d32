/* A task VM that hosts Open MPI: it loads weft-pmix.so and is the PMIx server of its tasks.
 *
 * Happy path: the first LAUNCH of a program that is linked with Open MPI loads the part, makes its folders and tells
 * it the job; each task gets the variables by which its MPI_Init finds the server. Requests of the tasks come from
 * libpmix's threads into a queue, whose eventfd wakes the loop; taskvm_pmix_wish.c serves them. With the task VM go
 * its folder and what Open MPI left in /dev/shm.
 *
 * What can go wrong: the part or libpmix is not installed, or does not start (no task of the job starts, and the text
 * says what to install: without a server each task would run alone and take itself for a job of one); libpmix
 * crashes (this job's tasks here are lost, nothing else).
 *
 * Open MPI 4 knows a launcher by its marks, and starts a daemon of its own for each task when it sees none. The
 * variables in `hints` keep it from looking; one that the user has set stays as it is.
 */
#include "config.h"

#include "node/taskvm_pmix.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/exe.h"
#include "base/heap.h"
#include "base/log.h"
#include "node/folder.h"
#include "node/taskvm_mpi.h"
#include "node/topology.h"

extern char **environ;

/* --- the part ----------------------------------------------------------------------------------------- */

/* What a launcher around us has set would lead libpmix astray. */
static void forget_launchers(void)
{
	for (size_t i = 0; environ[i];) {
		char name[128];
		size_t n = strcspn(environ[i], "=");
		bool other = strncmp(environ[i], "PMIX_", 5) != 0 || !strncmp(environ[i], "PMIX_MCA_", 9) || n >= sizeof name;
		snprintf(name, sizeof name, "%.*s", (int)(n < sizeof name ? n : 0), environ[i]);
		if (other || unsetenv(name))
			i++;
	}
}

static int load(struct taskvm_pmix *p, struct weft_error *e)
{
	char path[PATH_MAX];
	if (weft__exe_find("node", "weft-pmix.so", path, sizeof path, NULL))
		return weft__err_set(e, WEFT_EUNSUP, "it is linked with Open MPI, and this Weft was built without libpmix: "
		                                     "apt-get install libpmix-dev, build again");
	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!handle) {
		weft__log(WEFT__LOG_ERROR, "WEFT-PMIX-LOAD", "%s", dlerror());
		return weft__err_set(e, WEFT_EUNSUP, "it is linked with Open MPI, and libpmix is missing: apt-get install libpmix2");
	}
	void *symbol = dlsym(handle, MPI_PART_SYMBOL);
	const struct mpi_part *(*part)(void);
	memcpy(&part, &symbol, sizeof part);
	p->part = symbol ? part() : NULL;
	if (!p->part || p->part->version != MPI_PART_VERSION)
		return weft__err_set(e, WEFT_EUNSUP, "%.90s is of another Weft: make install again", path);
	return 0;
}

/* From a thread of libpmix. */
static void on_request(void *arg, struct mpi_request *r)
{
	struct taskvm_pmix *p = arg;
	pthread_mutex_lock(&p->lock);
	r->next = NULL;
	*p->last = r;
	p->last = &r->next;
	pthread_mutex_unlock(&p->lock);
	uint64_t one = 1;
	if (write(p->wake, &one, sizeof one) < 0)
		return; /* it is awake */
}

static int make_folders(struct taskvm *vm, struct taskvm_pmix *p, struct weft_error *e)
{
	char name[32];
	snprintf(name, sizeof name, "pmix.%u", vm->job);
	int n = snprintf(p->folder, sizeof p->folder, "%s/%s", vm->dir, name);
	if ((size_t)n >= sizeof p->folder || mkdirat(vm->dirfd, name, 0700))
		return weft__err_set(e, WEFT_EIO, "no folder for its PMIx server below %.60s: %s", vm->dir, strerror(errno));
	mpi_shm_path(vm->vm, vm->node, vm->job, p->shm);
	if (mpi_shm_create(p->shm)) /* then Open MPI chooses a place itself */
		*p->shm = '\0';
	return 0;
}

static void remove_folders(struct taskvm *vm, const struct taskvm_pmix *p)
{
	char name[32];
	snprintf(name, sizeof name, "pmix.%u", vm->job);
	int fd = openat(vm->dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0) {
		folder_empty(fd, NULL);
		close(fd);
		unlinkat(vm->dirfd, name, AT_REMOVEDIR);
	}
	if (*p->shm)
		mpi_shm_remove(p->shm);
}

/* --- the job ------------------------------------------------------------------------------------------ */

void pmix_space_name(const struct taskvm *vm, uint32_t job, const uint8_t secret[PMIX_SECRET_BYTES],
                     char name[MPI_SPACE_MAX + 1])
{
	int n = snprintf(name, MPI_SPACE_MAX + 1, "weft-%.100s-%u-", vm->vm, job);
	for (size_t i = 0; i < PMIX_SECRET_BYTES; i++)
		n += snprintf(name + n, MPI_SPACE_MAX + 1 - (size_t)n, "%02x", secret[i]);
}

int pmix_secret_make(uint8_t secret[PMIX_SECRET_BYTES])
{
	return getrandom(secret, PMIX_SECRET_BYTES, 0) == PMIX_SECRET_BYTES ? 0 : WEFT_EIO;
}

/* What the task VM of the task that spawned this job by MPI_Comm_spawn has sent; false: none did. */
static bool read_hosting(const struct taskvm *vm, struct pmix_hosting *h)
{
	if (vm->nhosting != sizeof *h)
		return false;
	memcpy(h, vm->hosting, sizeof *h);
	h->space[MPI_SPACE_MAX] = '\0';
	return h->mark == PMIX_HOSTING_MARK;
}

/* libpmix believes a client who it is that knows its space's name; so nobody else must guess that. */
static int name_own_space(struct taskvm *vm, struct taskvm_pmix *p)
{
	static const uint8_t none[sizeof vm->secret];
	struct pmix_hosting h;
	int rc = 0;
	if (read_hosting(vm, &h))
		memcpy(vm->secret, h.secret, sizeof vm->secret);
	else if (!memcmp(vm->secret, none, sizeof none)) /* all of the job is here */
		rc = pmix_secret_make(vm->secret);
	pmix_space_name(vm, vm->job, vm->secret, p->space);
	const struct world *w = taskvm_world(vm, FAMILY_OPENMPI);
	size_t n = strlen(p->space);
	if (w->size == vm->size || rc)
		return rc;
	n += (size_t)snprintf(p->space + n, sizeof p->space - n, "%s", PMIX_PART_SIGN);
	return world_print(w, vm->size, p->space + n, sizeof p->space - n) ? 0 : WEFT_ETOOBIG;
}

bool taskvm_pmix_spawned(const struct taskvm *vm)
{
	struct pmix_hosting h;
	return read_hosting(vm, &h);
}

/* Names of the nodes, and the ranks of each. */
static int print_map(const struct jobmap *map, struct weft__buf *nodes, struct weft__buf *ranks)
{
	char text[32];
	int rc = 0;
	for (uint32_t i = 0; i < map->nnodes && !rc; i++) {
		snprintf(text, sizeof text, "%sn%u", i ? "," : "", map->nodes[i]);
		rc = weft__buf_append(nodes, text, strlen(text));
		const char *before = i ? ";" : "";
		for (uint32_t rank = 0; rank < map->size && !rc; rank++) {
			if (map->node_of[rank] != i)
				continue;
			snprintf(text, sizeof text, "%s%u", before, rank);
			before = ",";
			rc = weft__buf_append(ranks, text, strlen(text));
		}
	}
	if (!rc)
		rc = weft__buf_append(nodes, "", 1);
	return rc ? rc : weft__buf_append(ranks, "", 1);
}

static size_t cores(void)
{
	static struct cpus all;
	return topology_allowed(&all) ? cpus_count(&all) : 1;
}

/* The ranks here and their programs' numbers, the caller's to weft__free; NULL: nobody needs to know them. */
static struct mpi_local *print_locals(const struct taskvm *vm, const struct world *w, uint32_t nlocal)
{
	struct mpi_local *all = vm->families ? weft__calloc((size_t)nlocal + 1, sizeof *all) : NULL;
	uint32_t n = 0;
	for (const struct weft__list *i = vm->tasks.next; all && i != &vm->tasks; i = i->next) {
		const struct taskvm_task *t = WEFT__CONTAINER(i, struct taskvm_task, link);
		uint32_t rank = world_rank(w, t->rank);
		if (rank < w->size && n < nlocal)
			all[n++] = (struct mpi_local){rank, w->map.local_rank[rank], t->program};
	}
	if (n == nlocal)
		return all;
	weft__free(all);
	return NULL;
}

int pmix_tell_space(struct taskvm *vm, const struct world *w, const char *name)
{
	const struct taskvm_pmix *p = vm->pmix;
	const struct jobmap *map = &w->map;
	struct weft__buf nodes = {0}, ranks = {0};
	struct pmix_hosting h;
	struct mpi_proc parent;
	bool own = !strcmp(name, p->space), spawned = own && read_hosting(vm, &h);
	uint32_t here = jobmap_position(map, vm->node);
	if (spawned) {
		memcpy(parent.space, h.space, sizeof parent.space);
		parent.rank = h.rank;
	}
	int rc = print_map(map, &nodes, &ranks);
	struct mpi_space s = {.name = name,
	                      .universe = vm->universe > map->size ? vm->universe : map->size,
	                      .nlocal = own && here < map->nnodes ? map->ntasks[here] : 0,
	                      .nodes = (const char *)nodes.data,
	                      .ranks = (const char *)ranks.data,
	                      .scratch = own ? p->folder : NULL,
	                      .parent = spawned ? &parent : NULL};
	struct mpi_local *locals = own ? print_locals(vm, w, s.nlocal) : NULL;
	s.locals = locals;
	if (!rc)
		rc = p->part->space(&s);
	weft__free(locals);
	weft__buf_fini(&nodes);
	weft__buf_fini(&ranks);
	return rc;
}

static int start_part(struct taskvm *vm, struct taskvm_pmix *p, struct weft_error *e)
{
	const struct world *w = taskvm_world(vm, FAMILY_OPENMPI);
	snprintf(p->node, sizeof p->node, "n%u", vm->node);
	p->host = (struct mpi_host){p, on_request, p->folder, p->node, p->space};
	char text[TASKVM_TEXT] = "out of memory";
	forget_launchers();
	int rc = w ? name_own_space(vm, p) : WEFT_ENOMEM;
	if (rc == WEFT_ETOOBIG)
		return weft__err_set(e, rc, "too many programs of other kinds stand between those of Open MPI");
	if (!rc)
		rc = p->part->start(&p->host, text, sizeof text);
	if (rc)
		return weft__err_set(e, rc, "%s", text);
	rc = pmix_tell_space(vm, w, p->space);
	return rc ? weft__err_set(e, rc, "libpmix does not take the job: %s", weft__err_text(rc)) : 0;
}

static int open_queue(struct taskvm *vm, struct taskvm_pmix *p)
{
	weft__list_init(&p->spaces);
	weft__list_init(&p->lookups);
	weft__list_init(&p->fetches);
	pthread_mutex_init(&p->lock, NULL);
	p->last = &p->first;
	p->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	struct epoll_event event = {.events = EPOLLIN};
	return p->wake < 0 || epoll_ctl(vm->mpi_fds, EPOLL_CTL_ADD, p->wake, &event) ? WEFT_ENOSPC : 0;
}

/* Copies at the end of all[n]; how many there are then. */
static size_t append(char **all, size_t n, char *const *more)
{
	for (size_t i = 0; more[i]; i++)
		if ((all[n] = weft__strdup(more[i])))
			n++;
	return n;
}

static size_t count(char *const *strings)
{
	size_t n = 0;
	while (strings[n])
		n++;
	return n;
}

static char **strings_copy(char *const *from)
{
	char **copy = weft__calloc(count(from) + 1, sizeof *copy);
	if (copy)
		append(copy, 0, from);
	return copy;
}

static bool has_name(const char *variable, const char *name)
{
	size_t n = strlen(name);
	return !strncmp(variable, name, n) && variable[n] == '=';
}

/* Left by a launcher around us, or by the MPI of the task that spawned this one. */
static bool is_stale(const char *variable, bool spawned)
{
	static const char *const prefixes[] = {
	        "PMIX_",         "PMI_",           "OMPI_COMM_WORLD_", "OMPI_UNIVERSE_SIZE=", "OMPI_APP_CTX_NUM_PROCS=",
	        "OMPI_NUM_APP_CTX=", "OMPI_FIRST_RANKS=", "OMPI_FILE_LOCATION=", "OMPI_ARGV=", "OMPI_COMMAND=",
	        "OMPI_MCA_ess=", "OMPI_MCA_ess_base_", "OMPI_MCA_orte_hnp_uri=",
	        "OMPI_MCA_orte_local_daemon_uri=", "OMPI_MCA_orte_jobid=", "OMPI_MCA_orte_ess_", "OMPI_MCA_orte_num_nodes=",
	        "OMPI_MCA_orte_launch=", "OMPI_MCA_orte_node_regex=", "OMPI_MCA_orte_app_num=",
	        "OMPI_MCA_orte_top_session_dir=", "OMPI_MCA_orte_jobfam_session_dir=", "OMPI_MCA_orte_bound_at_launch=",
	        "OMPI_MCA_initial_wdir=", "OMPI_MCA_pmix="};
	if (!strncmp(variable, "PMIX_MCA_", 9))
		return false;
	if (strstr(variable, "_backing_directory=/dev/shm/weft-"))
		return true;
	if (!spawned && has_name(variable, "OMPI_PARENT_PORT"))
		return true;
	for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
		if (!strncmp(variable, prefixes[i], strlen(prefixes[i])))
			return true;
	return false;
}

/* Takes them out of a LAUNCH's environment. */
static void drop_stale(const struct taskvm *vm, struct taskvm_launch *l)
{
	size_t n = 0;
	for (size_t i = 0; l->env[i]; i++) {
		if (is_stale(l->env[i], vm->nhosting > 0))
			weft__free(l->env[i]);
		else
			l->env[n++] = l->env[i];
	}
	l->env[n] = NULL;
}

static int start(struct taskvm *vm, const struct taskvm_launch *l, struct weft_error *e)
{
	struct taskvm_pmix *p = weft__calloc(1, sizeof *p);
	vm->pmix = p;
	if (!p || open_queue(vm, p) || !(p->env = strings_copy(l->env)))
		return weft__err_set(e, WEFT_ENOMEM, "no memory, or no descriptors left; see ulimit -n");
	snprintf(p->interface, sizeof p->interface, "%s", l->interface);
	int rc = load(p, e);
	if (!rc)
		rc = make_folders(vm, p, e);
	if (!rc)
		rc = start_part(vm, p, e);
	if (!rc)
		return 0;
	remove_folders(vm, p);
	p->part = NULL;
	weft__log(WEFT__LOG_ERROR, "WEFT-PMIX-START", "job=%u %s", vm->job, e->text);
	return rc;
}

int taskvm_pmix_prepare(struct taskvm *vm, struct taskvm_launch *l, struct weft_error *e)
{
	int rc = vm->pmix ? 0 : start(vm, l, e);
	if (!rc && !vm->pmix->part)
		return weft__err_set(e, WEFT_EUNSUP, "its PMIx server did not start for an earlier program of the job");
	if (!rc)
		drop_stale(vm, l);
	return rc;
}

void taskvm_pmix_clean(struct taskvm *vm)
{
	remove_folders(vm, vm->pmix);
}

/* --- a task's environment --------------------------------------------------------------------------------- */

static bool is_set(char *const *env, const char *name)
{
	for (size_t i = 0; env[i]; i++)
		if (has_name(env[i], name))
			return true;
	return false;
}

/* More tasks than cores would spin at each other's cost. Nodes that are reached over loopback share one machine. */
static bool is_crowded(struct taskvm *vm)
{
	const struct jobmap *map = &taskvm_world(vm, FAMILY_OPENMPI)->map;
	uint32_t here = jobmap_position(map, vm->node);
	if (here == map->nnodes)
		return false;
	return (strcmp(vm->pmix->interface, "lo") ? map->ntasks[here] : map->size) > cores();
}

/* Without the hardware for another one, Open MPI comes to the same choice, after it has loaded and asked all of them:
 * two thirds of a start. */
static bool has_fabric(void)
{
	static const char *const signs[] = {"/sys/class/infiniband", "/sys/class/cxi", "/dev/hfi1_0", "/dev/ipath", "/dev/kgni0"};
	for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
		if (access(signs[i], F_OK) == 0)
			return true;
	return false;
}

/* Whether a file of Open MPI's parameters speaks against this choice: "pml = ucx". One that only excludes others, as
 * Debian's "pml = ^ucx", does not. */
static bool is_in_file(const char *path, const char *parameter, const char *value)
{
	char line[512];
	size_t n = strlen(parameter);
	bool found = false;
	FILE *f = fopen(path, "re");
	while (f && !found && fgets(line, sizeof line, f)) {
		const char *at = line + strspn(line, " \t");
		if (strncmp(at, parameter, n) != 0)
			continue;
		at += n + strspn(at + n, " \t");
		if (*at++ != '=')
			continue;
		at += strspn(at, " \t");
		found = *at != '^' || strstr(at, value);
	}
	if (f)
		fclose(f);
	return found;
}

/* By the user, or for the machine: Open MPI takes a variable before both files. */
static bool is_in_files(char *const *env, const char *parameter, const char *value)
{
	char path[PATH_MAX];
	for (size_t i = 0; env[i]; i++) {
		if (!has_name(env[i], "HOME"))
			continue;
		int n = snprintf(path, sizeof path, "%s/.openmpi/mca-params.conf", env[i] + 5);
		if ((size_t)n < sizeof path && is_in_file(path, parameter, value))
			return true;
	}
	return is_in_file("/etc/openmpi/openmpi-mca-params.conf", parameter, value);
}

/* A variable of ours, unless it is set already. */
static bool hint(struct taskvm_task *t, char *const *env, const char *name, const char *value)
{
	const char *parameter = name + strlen("OMPI_MCA_");
	if (!*value || is_set(env, name) || is_in_files(env, parameter, value))
		return true;
	return taskvm_mpi_variable(t, "%s=%s", name, value);
}

static bool hints(struct taskvm *vm, struct taskvm_task *t, char *const *env)
{
	const struct taskvm_pmix *p = vm->pmix;
	bool good = hint(t, env, "OMPI_MCA_ess", "pmi") && hint(t, env, "OMPI_MCA_schizo", "^orte,slurm") &&
	            hint(t, env, "OMPI_MCA_btl_vader_backing_directory", p->shm) &&
	            hint(t, env, "OMPI_MCA_osc_sm_backing_directory", p->shm) &&
	            hint(t, env, "OMPI_MCA_osc_rdma_backing_directory", p->shm) &&
	            hint(t, env, "OMPI_MCA_mpi_yield_when_idle", is_crowded(vm) ? "1" : "") &&
	            hint(t, env, "OMPI_MCA_pml", has_fabric() ? "" : "ob1");
	return good && (is_set(env, "OMPI_MCA_btl_tcp_if_exclude") || hint(t, env, "OMPI_MCA_btl_tcp_if_include", p->interface));
}

int taskvm_pmix_open(struct taskvm *vm, struct taskvm_launch *l, struct taskvm_task *t)
{
	char **own = NULL;
	if (vm->pmix->part->client(t->mpi_rank, &own))
		return ENOMEM;
	bool good = hints(vm, t, l->env);
	for (size_t i = 0; own[i] && good; i++)
		good = taskvm_mpi_variable(t, "%s", own[i]);
	vm->pmix->part->drop(own);
	return good ? 0 : ENOMEM;
}

/* --- the queue ---------------------------------------------------------------------------------------------- */

void taskvm_pmix_read(struct taskvm *vm)
{
	struct taskvm_pmix *p = vm->pmix;
	uint64_t count;
	if (read(p->wake, &count, sizeof count) < 0)
		return;
	pthread_mutex_lock(&p->lock);
	struct mpi_request *r = p->first;
	p->first = NULL;
	p->last = &p->first;
	pthread_mutex_unlock(&p->lock);
	for (struct mpi_request *next; r; r = next) {
		next = r->next;
		pmix_wish(vm, r);
	}
}

void pmix_answer_to(struct taskvm *vm, struct mpi_request **r, int code)
{
	struct mpi_answer a = {.code = code};
	vm->pmix->part->answer(*r, &a);
	*r = NULL;
}
