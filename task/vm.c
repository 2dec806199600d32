/* Questions to the coordinator, through the node. Each is one message and its answer, or answers.
 */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/environ.h"
#include "base/heap.h"
#include "task/quick.h"

enum {
	NAME_MAX_BYTES = 255,
	COUNT_MAX = 65536,
	HOSTS_AT_ONCE = 16,
};

extern char **environ;

static void set_text(char *to, size_t size, const struct weft__str *from)
{
	size_t n = from->n < size ? from->n : size - 1;
	if (n)
		memcpy(to, from->p, n);
	to[n] = '\0';
}

int weft__ask_result(struct weft__engine *e, struct weft__msg *m, uint64_t *value, int timeout_ms)
{
	struct weft__ask ask = {.answer = weft__answer_result};
	weft__lock(e);
	int rc = weft__ask(e, &ask, m, timeout_ms);
	weft__unlock(e);
	if (rc == 0 && value)
		*value = ask.value;
	return rc;
}

static int check_name(const char *name, size_t max)
{
	if (!name || !*name)
		return WEFT_EINVAL;
	return strnlen(name, max + 1) > max ? WEFT_ETOOBIG : 0;
}

/* --- simple ones ------------------------------------------------------------------------------ */

int weft__set_name(struct weft__engine *e, const char *name)
{
	if (!name)
		return WEFT_EINVAL;
	if (strnlen(name, WEFT_NAME_MAX + 1) > WEFT_NAME_MAX)
		return WEFT_ETOOBIG;
	struct weft__msg m = {.code = WEFT__MSG_TASK_NAME, .task_name = {.name = weft__str(name)}};
	return weft__ask_result(e, &m, NULL, -1);
}

int weft__context_new(struct weft__engine *e, uint32_t count, weft_context_t *first)
{
	if (count < 1 || count > COUNT_MAX || !first)
		return WEFT_EINVAL;
	struct weft__msg m = {.code = WEFT__MSG_CONTEXT_NEW, .context_new = {.count = count}};
	uint64_t value;
	int rc = weft__ask_result(e, &m, &value, -1);
	if (rc == 0 && value + count > WEFT__CONTEXT_INTERNAL)
		rc = WEFT_ENOSPC;
	if (rc == 0)
		first->v = (uint32_t)value;
	return rc;
}

int weft__remove_node(struct weft__engine *e, uint32_t node)
{
	if (node < 1 || node > WEFT__NODE_MAX)
		return WEFT_ENONODE;
	struct weft__msg m = {.code = WEFT__MSG_NODE_DEL, .node_del = {.node = node}};
	return weft__ask_result(e, &m, NULL, -1);
}

int weft__signal(struct weft__engine *e, weft_tid_t tid, int signo)
{
	if (signo < 1 || signo > 64)
		return WEFT_EINVAL;
	if (tid.v == 0)
		return WEFT_ENOTASK;
	struct weft__msg m = {.code = WEFT__MSG_SIGNAL,
	                      .signal = {.tid = tid.v, .signo = (uint64_t)signo}};
	return weft__ask_result(e, &m, NULL, -1);
}

/* --- lists ------------------------------------------------------------------------------------ */

struct rows {
	weft_node_t *nodes;
	uint32_t *speeds; /* or NULL; and so flags */
	weft_task_t *tasks;
	uint32_t *flags;
	int max, n;
};

static void take_node(struct rows *rows, const struct weft__msg_node_row *m)
{
	if (rows->nodes && rows->n < rows->max) {
		weft_node_t *node = &rows->nodes[rows->n];
		node->node = (uint32_t)m->node;
		node->ncores = (uint32_t)m->ncores;
		node->ntasks = (uint32_t)m->ntasks;
		set_text(node->host, sizeof node->host, &m->host);
		if (rows->speeds)
			rows->speeds[rows->n] = (uint32_t)m->speed;
	}
	rows->n++;
}

static void take_task(struct rows *rows, const struct weft__msg_task_row *m)
{
	if (rows->tasks && rows->n < rows->max) {
		weft_task_t *task = &rows->tasks[rows->n];
		task->tid.v = m->tid;
		task->parent.v = m->parent;
		task->job = (uint32_t)m->job;
		task->rank = (uint32_t)m->rank;
		task->node = (uint32_t)m->node;
		task->pid = (int32_t)m->pid;
		set_text(task->program, sizeof task->program, &m->program);
		set_text(task->name, sizeof task->name, &m->name);
		if (rows->flags)
			rows->flags[rows->n] = (uint32_t)m->flags;
	}
	rows->n++;
}

static bool answer_list(struct weft__ask *ask, const struct weft__msg *m)
{
	if (m->code == WEFT__MSG_NODE_ROW)
		take_node(ask->arg, &m->node_row);
	if (m->code == WEFT__MSG_TASK_ROW)
		take_task(ask->arg, &m->task_row);
	if (m->code == WEFT__MSG_RESULT)
		return weft__answer_result(ask, m);
	if (m->code != WEFT__MSG_LIST_END)
		return false;
	ask->code = (int)m->list_end.code;
	return true;
}

static int list(struct weft__engine *e, struct weft__msg_list what, struct rows *rows, int *n)
{
	if (rows->max < 0 || !n)
		return WEFT_EINVAL;
	struct weft__msg m = {.code = WEFT__MSG_LIST, .list = what};
	struct weft__ask ask = {.answer = answer_list, .arg = rows};
	weft__lock(e);
	int rc = weft__ask(e, &ask, &m, -1);
	weft__unlock(e);
	if (rc == 0)
		*n = rows->n;
	return rc;
}

int weft__nodes_speeds(struct weft__engine *e, weft_node_t *nodes, uint32_t *speeds, int max, int *n)
{
	struct rows rows = {.nodes = nodes, .speeds = speeds, .max = max};
	return list(e, (struct weft__msg_list){.kind = WEFT__LIST_NODES}, &rows, n);
}

int weft__nodes(struct weft__engine *e, weft_node_t *nodes, int max, int *n)
{
	return weft__nodes_speeds(e, nodes, NULL, max, n);
}

int weft__tasks(struct weft__engine *e, uint32_t job, uint32_t node, weft_task_t *tasks, int max,
                int *n)
{
	struct rows rows = {.tasks = tasks, .max = max};
	if (node > WEFT__NODE_MAX)
		return WEFT_ENONODE;
	return list(e, (struct weft__msg_list){.kind = WEFT__LIST_TASKS, .job = job, .node = node},
	            &rows, n);
}

int weft__tasks_flags(struct weft__engine *e, uint32_t node, weft_task_t *tasks, uint32_t *flags, int max, int *n)
{
	struct rows rows = {.tasks = tasks, .flags = flags, .max = max};
	return list(e, (struct weft__msg_list){.kind = WEFT__LIST_TASKS, .node = node}, &rows, n);
}

/* --- nodes ------------------------------------------------------------------------------------ */

static bool answer_node(struct weft__ask *ask, const struct weft__msg *m)
{
	if (m->code == WEFT__MSG_RESULT)
		return weft__answer_result(ask, m);
	if (m->code != WEFT__MSG_NODE_ADDED)
		return false;
	ask->code = (int)m->node_added.code;
	ask->value = m->node_added.node;
	if (m->node_added.text.n)
		weft__err_set(&ask->detail, ask->code, "%s", m->node_added.text.p);
	return true;
}

static int check_host(const struct weft__new_host *h)
{
	const struct {
		const char *text;
		size_t max;
	} texts[] = {{h->host, NAME_MAX_BYTES},  {h->login, NAME_MAX_BYTES}, {h->address, NAME_MAX_BYTES},
	             {h->daemon, 1023},          {h->path, 1023},            {h->wdir, 1023},
	             {h->ports, 15},             {h->start, NAME_MAX_BYTES}};
	if (h->host && !*h->host)
		return WEFT_EINVAL;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (texts[i].text && strnlen(texts[i].text, texts[i].max + 1) > texts[i].max)
			return WEFT_ETOOBIG;
	return 0;
}

static int ask_host(struct weft__engine *e, struct weft__ask *ask, const struct weft__new_host *h)
{
	struct weft__msg m = {.code = WEFT__MSG_NODE_ADD,
	                      .node_add = {.kind = h->host ? WEFT__ADD_SSH : WEFT__ADD_LOCAL,
	                                   .host = weft__str(h->host),
	                                   .count = 1,
	                                   .login = weft__str(h->login),
	                                   .address = weft__str(h->address),
	                                   .daemon = weft__str(h->daemon),
	                                   .path = weft__str(h->path),
	                                   .wdir = weft__str(h->wdir),
	                                   .ports = weft__str(h->ports),
	                                   .start = weft__str(h->start),
	                                   .slots = h->slots,
	                                   .speed = h->speed}};
	*ask = (struct weft__ask){.answer = answer_node};
	weft__list_init(&ask->link);
	int rc = check_host(h);
	if (rc == 0)
		rc = weft__ask_add(e, ask, &m);
	return rc ? rc : weft__ask_send(e, ask);
}

static void add_some(struct weft__engine *e, struct weft__new_host *hosts, int n)
{
	struct weft__ask asks[HOSTS_AT_ONCE];
	for (int i = 0; i < n; i++)
		hosts[i].code = ask_host(e, &asks[i], &hosts[i]);
	for (int i = 0; i < n; i++) {
		if (hosts[i].code == 0)
			hosts[i].code = weft__await(e, weft__ask_answered, &asks[i], weft__until(-1));
		weft__list_remove(&asks[i].link);
		weft__buf_fini(&asks[i].frames);
		if (hosts[i].code)
			continue;
		hosts[i].code = asks[i].code;
		hosts[i].node = (uint32_t)asks[i].value;
		if (asks[i].code && *asks[i].detail.text)
			weft__fail(asks[i].code, "%s", asks[i].detail.text);
	}
}

int weft__add_hosts(struct weft__engine *e, struct weft__new_host *hosts, int n)
{
	if (n < 1 || !hosts)
		return WEFT_EINVAL;
	weft__lock(e);
	for (int i = 0; i < n; i += HOSTS_AT_ONCE)
		add_some(e, hosts + i, n - i < HOSTS_AT_ONCE ? n - i : HOSTS_AT_ONCE);
	weft__unlock(e);
	return 0;
}

int weft__add_node(struct weft__engine *e, const char *host, uint32_t *node)
{
	struct weft__new_host h = {.host = host};
	int rc = weft__add_hosts(e, &h, 1);
	if (rc == 0)
		rc = h.code;
	if (rc == 0 && node)
		*node = h.node;
	return rc;
}

/* --- spawn ------------------------------------------------------------------------------------ */

struct births {
	weft_tid_t *tids;
	int *errors;
	int count, seen, nrunning;
};

static void take_births(struct births *births, const struct weft__msg_spawned *m)
{
	for (size_t i = 0; i < m->tids.n && m->first + i < (uint64_t)births->count; i++) {
		size_t rank = m->first + i;
		int error = i < m->errors.n ? -(int)m->errors.p[i] : 0;
		if (births->tids)
			births->tids[rank].v = error ? 0 : m->tids.p[i];
		if (births->errors)
			births->errors[rank] = error;
		births->nrunning += !error;
		births->seen++;
	}
}

static bool answer_spawn(struct weft__ask *ask, const struct weft__msg *m)
{
	struct births *births = ask->arg;
	if (m->code == WEFT__MSG_RESULT)
		return weft__answer_result(ask, m);
	if (m->code != WEFT__MSG_SPAWNED)
		return false;
	if (m->spawned.text.n)
		weft__err_set(&ask->detail, (int)m->spawned.code, "%s", m->spawned.text.p);
	ask->code = (int)m->spawned.code;
	take_births(births, &m->spawned);
	return births->seen >= births->count || m->spawned.tids.n == 0;
}

static bool is_replaced(const char *variable, const char *const *more)
{
	const char *equals = strchr(variable, '=');
	size_t n = equals ? (size_t)(equals - variable) + 1 : strlen(variable);
	for (; more && *more; more++)
		if (strncmp(*more, variable, n) == 0)
			return true;
	return false;
}

static size_t count_of(const char *const *list)
{
	size_t n = 0;
	while (list && list[n])
		n++;
	return n;
}

/* program, then argv; NULL when there is no memory. */
static struct weft__str *make_argv(const char *program, const char *const *argv, size_t *n)
{
	size_t count = count_of(argv);
	struct weft__str *out = weft__calloc(count + 1, sizeof *out);
	if (!out)
		return NULL;
	out[0] = weft__str(program);
	for (size_t i = 0; i < count; i++)
		out[i + 1] = weft__str(argv[i]);
	*n = count + 1;
	return out;
}

/* The caller's environment, with `more` in place of its namesakes. */
static struct weft__str *make_env(const char *const *more, size_t *n)
{
	const char *const *own = (const char *const *)environ;
	struct weft__str *out = weft__calloc(count_of(own) + count_of(more) + 1, sizeof *out);
	if (!out)
		return NULL;
	*n = 0;
	for (; own && *own; own++)
		if (!weft__environ_is_own(*own) && !is_replaced(*own, more))
			out[(*n)++] = weft__str(*own);
	for (; more && *more; more++)
		out[(*n)++] = weft__str(*more);
	return out;
}

static int spawn(struct weft__engine *e, struct weft__msg *m, struct births *births)
{
	struct weft__ask ask = {.answer = answer_spawn, .arg = births};
	weft__lock(e);
	int rc = weft__ask(e, &ask, m, -1);
	weft__unlock(e);
	return births->nrunning ? births->nrunning : rc ? rc : WEFT_EINTERNAL;
}

int weft__spawn(struct weft__engine *e, const char *program, const char *const *argv,
                const weft_spawn_opts_t *opts, int count, weft_tid_t *tids, int *errors)
{
	return weft__spawn_for(e, program, argv, opts, NULL, count, tids, errors);
}

int weft__spawn_for(struct weft__engine *e, const char *program, const char *const *argv,
                    const weft_spawn_opts_t *opts, const struct weft__spawn_how *how, int count,
                    weft_tid_t *tids, int *errors)
{
	static const weft_spawn_opts_t none;
	char cwd[PATH_MAX];
	if (!opts)
		opts = &none;
	if (!program || !*program || count < 1)
		return WEFT_EINVAL;
	if (count > COUNT_MAX)
		return weft__fail(WEFT_ETOOBIG, "at most %d tasks can be spawned at once",
		                  COUNT_MAX);
	const char *wdir = opts->wdir ? opts->wdir : getcwd(cwd, sizeof cwd);
	struct births births = {.tids = tids, .errors = errors, .count = count};
	struct weft__msg m = {.code = WEFT__MSG_SPAWN,
	                      .spawn = {.count = (uint64_t)count,
	                                .host = weft__str(opts->host),
	                                .wdir = weft__str(wdir)}};
	if (how) {
		m.spawn.sink_tid = how->tid.v;
		m.spawn.sink_context = how->context.v;
		m.spawn.sink_tag = how->tag;
		m.spawn.flags = how->usual_wdir ? WEFT__SPAWN_USUAL : 0;
	}
	struct weft__str *args = make_argv(program, argv, &m.spawn.argv.n);
	struct weft__str *env = make_env(opts->env, &m.spawn.env.n);
	m.spawn.argv.p = args;
	m.spawn.env.p = env;
	int rc = args && env ? spawn(e, &m, &births) : WEFT_ENOMEM;
	weft__free(args);
	weft__free(env);
	return rc;
}

/* --- ends of tasks ---------------------------------------------------------------------------- */

/* A WAIT that is out. It stays when its caller's time is over: the next caller for this task takes
 * its answer, so that a program may look now and then (timeout_ms 0) and misses nothing. */
struct waiting {
	struct weft__list link;
	struct weft__ask ask;
	uint64_t tid;
	weft_exit_t how;
	bool claimed; /* a thread waits for it */
};

static bool answer_exit(struct weft__ask *ask, const struct weft__msg *m)
{
	struct waiting *w = ask->arg;
	if (m->code == WEFT__MSG_RESULT)
		return weft__answer_result(ask, m);
	if (m->code != WEFT__MSG_STATUS)
		return false;
	ask->code = (int)m->status.code;
	weft__exit_of(&w->how, w->tid, m->status.exit_code, m->status.signo, m->status.flags);
	w->how.utime_us = (int64_t)m->status.utime_us;
	w->how.stime_us = (int64_t)m->status.stime_us;
	w->how.maxrss_kib = (int64_t)m->status.maxrss_kib;
	return true;
}

static struct waiting *waiting_of(struct weft__engine *e, weft_tid_t tid)
{
	for (struct weft__list *l = e->exits.next; l != &e->exits; l = l->next) {
		struct waiting *w = WEFT__CONTAINER(l, struct waiting, link);
		if (w->tid == tid.v && !w->claimed)
			return w;
	}
	struct waiting *w = weft__calloc(1, sizeof *w);
	if (!w)
		return NULL;
	struct weft__msg m = {.code = WEFT__MSG_WAIT, .wait = {.tid = tid.v}};
	w->tid = tid.v;
	w->ask = (struct weft__ask){.answer = answer_exit, .arg = w};
	weft__list_init(&w->link);
	if (weft__ask_add(e, &w->ask, &m) || weft__ask_send(e, &w->ask)) {
		weft__buf_fini(&w->ask.frames);
		weft__free(w);
		return NULL;
	}
	weft__list_push(&e->exits, &w->link);
	return w;
}

static void waiting_free(struct waiting *w)
{
	weft__list_remove(&w->ask.link);
	weft__list_remove(&w->link);
	weft__buf_fini(&w->ask.frames);
	weft__free(w);
}

int weft__wait_exit(struct weft__engine *e, weft_tid_t tid, weft_exit_t *how, int timeout_ms)
{
	if (tid.v == 0)
		return WEFT_ENOTASK;
	weft__lock(e);
	int rc = e->control.fd < 0 ? WEFT_ENOVM : WEFT_ENOMEM;
	struct waiting *w = waiting_of(e, tid);
	if (w) {
		w->claimed = true;
		rc = weft__await(e, weft__ask_answered, &w->ask, weft__until(timeout_ms));
		w->claimed = false;
		if (rc == 0) {
			rc = w->ask.code;
			if (rc == 0 && how)
				*how = w->how;
			waiting_free(w);
		}
	}
	weft__unlock(e);
	return rc;
}

void weft__exits_fini(struct weft__engine *e)
{
	while (!weft__list_empty(&e->exits))
		waiting_free(WEFT__CONTAINER(e->exits.next, struct waiting, link));
}

/* --- names ------------------------------------------------------------------------------------ */

int weft__name_put(struct weft__engine *e, const char *name, const void *value, size_t nbytes,
                   bool replace)
{
	int rc = check_name(name, NAME_MAX_BYTES);
	if (rc)
		return rc;
	if (!value && nbytes)
		return WEFT_EINVAL;
	if (nbytes > WEFT_VALUE_MAX)
		return WEFT_ETOOBIG;
	struct weft__msg m = {.code = WEFT__MSG_NAME_PUT,
	                      .name_put = {.replace = replace,
	                                   .name = weft__str(name),
	                                   .value = {value, nbytes}}};
	return weft__ask_result(e, &m, NULL, -1);
}

int weft__name_delete(struct weft__engine *e, const char *name)
{
	int rc = check_name(name, NAME_MAX_BYTES);
	if (rc)
		return rc;
	struct weft__msg m = {.code = WEFT__MSG_NAME_DEL, .name_del = {.name = weft__str(name)}};
	return weft__ask_result(e, &m, NULL, -1);
}

struct value {
	void *to;
	size_t size, n;
};

static bool answer_value(struct weft__ask *ask, const struct weft__msg *m)
{
	struct value *value = ask->arg;
	if (m->code == WEFT__MSG_RESULT)
		return weft__answer_result(ask, m);
	if (m->code != WEFT__MSG_NAME_VALUE)
		return false;
	ask->code = (int)m->name_value.code;
	value->n = m->name_value.value.n;
	if (ask->code == 0 && value->n <= value->size && value->n)
		memcpy(value->to, m->name_value.value.p, value->n);
	return true;
}

int weft__name_get(struct weft__engine *e, const char *name, void *to, size_t size, size_t *nbytes,
                   int timeout_ms)
{
	int rc = check_name(name, NAME_MAX_BYTES);
	if (rc)
		return rc;
	if (!to && size)
		return WEFT_EINVAL;
	struct value value = {.to = to, .size = size};
	struct weft__msg m = {.code = WEFT__MSG_NAME_GET,
	                      .name_get = {.wait = timeout_ms != 0, .name = weft__str(name)}};
	struct weft__ask ask = {.answer = answer_value, .arg = &value};
	weft__lock(e);
	rc = weft__ask(e, &ask, &m, timeout_ms ? timeout_ms : -1);
	weft__unlock(e);
	if (rc)
		return rc;
	if (nbytes)
		*nbytes = value.n;
	return value.n > size ? WEFT_ETRUNC : 0;
}
