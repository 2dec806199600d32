#include "config.h"

#include "console/plan.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/heap.h"
#include "console/environ.h"
#include "console/place.h"
#include "console/pvmenv.h"
#include "console/pvmopts.h"

/* --- reading ------------------------------------------------------------------------------------- */

/* Cuts the operands of a at the first ":"; what follows it, or NULL. */
static char **cut(struct args *a)
{
	for (int i = 0; i < a->noperands; i++) {
		if (strcmp(a->operands[i], ":"))
			continue;
		char **rest  = a->operands + i + 1;
		a->noperands = i;
		return rest;
	}
	return NULL;
}

static int copy_args(const struct args *from, struct args *to)
{
	*to      = *from;
	to->list = weft__calloc(from->n + 1, sizeof *to->list);
	if (!to->list)
		return WEFT_ENOMEM;
	if (from->n)
		memcpy(to->list, from->list, from->n * sizeof *to->list);
	return 0;
}

int plan_parse(const struct args *first, struct plan *p, struct weft_error *e)
{
	*p = (struct plan){0};
	if (copy_args(first, &p->programs[0].args))
		return weft__err_set(e, WEFT_ENOMEM, "out of memory");
	char **end = first->operands + first->noperands;
	for (;;) {
		struct args *a = &p->programs[p->nprograms++].args;
		char **rest    = cut(a);
		if (a->noperands == 0)
			return weft__err_set(e, WEFT_EINVAL, "a program is missing beside ':'");
		p->ntasks += args_count(a, 'n', 1);
		p->kill_on_bad_exit |= args_has(a, OPT_KILL_ON_BAD_EXIT);
		if (!rest)
			break;
		if (p->nprograms == PLAN_PROGRAMS_MAX)
			return weft__err_set(e, WEFT_EINVAL, "more than %d programs", PLAN_PROGRAMS_MAX);
		/* rest[-1] is the ":": it stands where a command's name does. */
		int rc = args_parse(first->command, first->dialect, (int)(end - rest) + 1, rest - 1,
		                    &p->programs[p->nprograms].args, e);
		if (rc) {
			p->nprograms++;
			return rc;
		}
	}
	if (p->ntasks > PLAN_TASKS_MAX)
		return weft__err_set(e, WEFT_EINVAL, "%ld tasks are too many for one job; at most %d", p->ntasks,
		                     PLAN_TASKS_MAX);
	return 0;
}

void plan_fini(struct plan *p)
{
	for (size_t i = 0; i < p->nprograms; i++)
		args_fini(&p->programs[i].args);
	p->nprograms = 0;
}

const char *plan_text(const struct plan *p, int id)
{
	const char *text = NULL;
	for (size_t i = 0; i < p->nprograms; i++)
		if (args_has(&p->programs[i].args, id))
			text = args_text(&p->programs[i].args, id);
	return text;
}

int plan_has(const struct plan *p, int id)
{
	for (size_t i = 0; i < p->nprograms; i++)
		if (args_has(&p->programs[i].args, id))
			return 1;
	return 0;
}

void plan_set_usual_count(struct plan *p, long count)
{
	if (p->nprograms != 1 || plan_has(p, 'n') || plan_has(p, OPT_HOST))
		return;
	if (count > 0)
		p->usual_count = p->ntasks = count;
}

int64_t plan_duration_ms(const struct plan *p, int id)
{
	int64_t ms = -1;
	for (size_t i = 0; i < p->nprograms; i++)
		if (args_has(&p->programs[i].args, id))
			ms = args_duration_ms(&p->programs[i].args, id);
	return ms;
}

/* --- sending ------------------------------------------------------------------------------------- */

/* The environment of one program's tasks: ours with what -x says. */
static int make_environ(const struct plan *p, const struct args *a, struct environ_list *env, struct weft_error *e)
{
	int rc = environ_copy(env);
	if (!rc && p->pvm)
		rc = pvmopts_put(p->pvm, p->tracer, env);
	if (!rc && a->dialect == DIALECT_PVM && (rc = pvmenv_put(env, e)) != 0)
		return rc;
	for (size_t i = 0; i < a->n && !rc; i++) {
		const char *value = a->list[i].value;
		if (a->list[i].option->id != 'x')
			continue;
		if (strchr(value, '='))
			rc = environ_put(env, value);
		else if (!getenv(value))
			return weft__err_set(e, WEFT_EINVAL,
			                     "-x %.60s: there is no such variable here; to set it: -x %.60s=VALUE",
			                     value, value);
	}
	return rc ? weft__err_set(e, rc, "out of memory") : 0;
}

static struct weft__strs make_strs(char **texts, size_t n, struct weft__str *room)
{
	for (size_t i = 0; i < n; i++)
		room[i] = weft__str(texts[i]);
	return (struct weft__strs){room, n};
}

/* The program and its arguments; the debugger, when there is one, in front of them. */
static struct weft__strs make_argv(const struct args *a, const char *debugger, struct weft__str *room)
{
	size_t n = 0;
	if (debugger)
		room[n++] = weft__str(debugger);
	make_strs(a->operands, (size_t)a->noperands, room + n);
	return (struct weft__strs){room, n + (size_t)a->noperands};
}

/* Arguments or variables that are too many or too long, in words that say what to do about it. */
static int check_size(const struct weft__msg_spawn *m, struct weft_error *e)
{
	size_t args = weft__strs_bytes(&m->argv), vars = weft__strs_bytes(&m->env), largest = 0;
	if (m->argv.n > WEFT__ARGS_MAX)
		return weft__err_set(e, WEFT_ETOOBIG, "%zu arguments are too many, %d fit; give them in a file, or to several runs by "
		                     "xargs", m->argv.n - 1, WEFT__ARGS_MAX - 1);
	if (m->env.n > WEFT__ARGS_MAX)
		return weft__err_set(e, WEFT_ETOOBIG, "the environment has %zu variables, %d fit; env -i weft ... has none",
		                     m->env.n, WEFT__ARGS_MAX);
	if (m->wdir.n + args + vars <= WEFT__ARGS_BYTES)
		return 0;
	if (args > vars)
		return weft__err_set(e, WEFT_ETOOBIG, "the arguments take %zu KiB, with the environment %d fit; give them in a file, or to "
		                     "several runs by xargs", args / 1024, WEFT__ARGS_BYTES / 1024);
	for (size_t i = 0; i < m->env.n; i++)
		if (m->env.p[i].n > m->env.p[largest].n)
			largest = i;
	const char *name = m->env.p[largest].p;
	return weft__err_set(e, WEFT_ETOOBIG, "the environment takes %zu KiB, with arguments %d fit; without its largest variable: "
	                     "env -u %.*s weft ...", vars / 1024, WEFT__ARGS_BYTES / 1024, (int)strcspn(name, "="), name);
}

/* Sends a SPAWN that is complete; s NULL: only looks whether it can be sent. */
static int64_t send_message(struct session *s, struct weft__msg *m, session_answer_fn answer, void *arg,
                            struct weft_error *e)
{
	struct weft__buf trial = {0};
	int64_t rc             = check_size(&m->spawn, e);
	if (rc)
		return rc;
	if (!s)
		rc = weft__msg_encode(&trial, m, NULL);
	else if (m->spawn.req)
		rc = session_send(s, m);
	else
		rc = session_ask(s, m, answer, arg);
	weft__buf_fini(&trial);
	if (rc < 0)
		weft__err_set(e, (int)rc, "%s", weft__err_text((int)rc));
	return rc < 0 ? rc : (int64_t)m->spawn.req;
}

static int read_mpi(const struct args *a, struct weft__msg_spawn *m, struct weft_error *e)
{
	static const char *const names[] = {[WEFT__MPI_AUTO]    = "auto",
	                                    [WEFT__MPI_NONE]    = "none",
	                                    [WEFT__MPI_OPENMPI] = "openmpi",
	                                    [WEFT__MPI_MPICH]   = "mpich"};
	const char *wanted = args_text(a, OPT_MPI);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (wanted && strcasecmp(wanted, names[i]))
			continue;
		m->mpi = i;
		return 0;
	}
	return weft__err_set(e, WEFT_EINVAL, "--mpi: \"%.40s\" is not known; known are: auto, none, openmpi, mpich", wanted);
}

/* One program's SPAWN; req 0 gets a new one. Returns the req. */
static int64_t send_program(const struct plan *p, const struct args *a, struct session *s, struct weft__msg *m,
                            session_answer_fn answer, void *arg, struct weft_error *e)
{
	struct place place;
	char debugger[PATH_MAX] = "";
	struct environ_list env = {0};
	struct weft__str *room  = NULL;
	int64_t rc              = make_environ(p, a, &env, e);
	if (!rc)
		rc = place_find(a, s, &place, e);
	if (!rc && args_has(a, OPT_DEBUG))
		rc = pvmenv_debugger(debugger, sizeof debugger, e);
	if (!rc && !(room = weft__calloc((size_t)a->noperands + env.n + 2, sizeof *room)))
		rc = weft__err_set(e, WEFT_ENOMEM, "out of memory");
	if (!rc) {
		m->spawn.count = (uint64_t)args_count(a, 'n', p->usual_count ? p->usual_count : 1);
		m->spawn.host  = weft__str(*place.host || !p->hosts ? place.host : p->hosts);
		m->spawn.wdir  = weft__str(place.wdir);
		m->spawn.flags |= place.usual ? WEFT__SPAWN_USUAL : 0;
		m->spawn.argv  = make_argv(a, *debugger ? debugger : NULL, room);
		m->spawn.env   = make_strs(env.vars, env.n, room + m->spawn.argv.n);
		rc             = layout_read(a, &m->spawn, e);
		rc             = rc ? rc : read_mpi(a, &m->spawn, e);
	}
	if (!rc)
		rc = send_message(s, m, answer, arg, e);
	weft__free(room);
	environ_fini(&env);
	return rc;
}

int64_t plan_send(const struct plan *p, struct session *s, unsigned flags, session_answer_fn answer, void *arg,
                  struct weft_error *e)
{
	int64_t req = 0;
	/* Of several programs none is sent unless all can be. */
	for (size_t turn = p->nprograms > 1 ? 0 : 1; turn < 2; turn++) {
		for (size_t i = 0; i < p->nprograms; i++) {
			struct weft__msg m = {.code  = WEFT__MSG_SPAWN,
			                      .spawn = {.req   = (uint64_t)req,
			                                .more  = i + 1 < p->nprograms,
			                                .flags = flags}};
			int64_t rc         = send_program(p, &p->programs[i].args, turn ? s : NULL, &m, answer, arg, e);
			if (rc < 0 && turn && req > 0)
				session_forget(s, req);
			if (rc < 0)
				return rc;
			req = rc;
		}
	}
	return req;
}
