#include "config.h"

#include "node/pmi1_spawn.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/heap.h"

enum {
	PROGRAMS_MAX  = 64,
	ARGUMENTS_MAX = 1024,
	TASKS_MAX     = 65536,
	PREPUT_MAX    = 12 * 1024, /* travels with the job's LAUNCH */
};

struct pmi1_spawning {
	struct pmi1_program programs[PROGRAMS_MAX];
	size_t nprograms, nargs, nbytes; /* nargs: of the program under way, without the program */
	unsigned long wanted;            /* totspawns */
	bool inside;                     /* between mcmd=spawn and endcmd */
	char *key;                       /* of an info or a preput whose value comes next */
	struct weft__buf preput;
	char *texts[2 * PROGRAMS_MAX + PROGRAMS_MAX * 4]; /* execname, host, wdir of each */
	size_t ntexts;
	uint32_t count;
};

struct pmi1_spawning *pmi1_spawning_create(void)
{
	return weft__calloc(1, sizeof(struct pmi1_spawning));
}

void pmi1_spawning_destroy(struct pmi1_spawning **sp)
{
	struct pmi1_spawning *s = *sp;
	if (!s)
		return;
	for (size_t i = 0; i < PROGRAMS_MAX; i++) {
		for (size_t k = 1; s->programs[i].argv && k <= ARGUMENTS_MAX && s->programs[i].argv[k]; k++)
			weft__free((void *)(uintptr_t)s->programs[i].argv[k]);
		weft__free(s->programs[i].argv);
	}
	for (size_t i = 0; i < s->ntexts; i++)
		weft__free(s->texts[i]);
	weft__free(s->key);
	weft__buf_fini(&s->preput);
	weft__free(s);
	*sp = NULL;
}

/* A copy that lives as long as s; NULL: no memory, or too many. */
static const char *keep(struct pmi1_spawning *s, const char *text)
{
	if (s->ntexts == sizeof s->texts / sizeof *s->texts)
		return NULL;
	char *copy = weft__strdup(text);
	if (copy)
		s->texts[s->ntexts++] = copy;
	return copy;
}

/* A number after `=` of at most max, or max + 1. */
static unsigned long number(const char *value, unsigned long max)
{
	char *end;
	unsigned long n = strtoul(value, &end, 10);
	return *value < '0' || *value > '9' || *end || n > max ? max + 1 : n;
}

static int fail(const char **why, int code, const char *text)
{
	*why = text;
	return code;
}

static int begin(struct pmi1_spawning *s, const char **why)
{
	if (s->inside || s->nprograms == PROGRAMS_MAX)
		return fail(why, WEFT_EPROTO, "it describes a spawn within a spawn, or one of more than 64 programs");
	struct pmi1_program *p = &s->programs[s->nprograms];
	p->argv = weft__calloc(ARGUMENTS_MAX + 2, sizeof(char *));
	if (!p->argv)
		return fail(why, WEFT_ENOMEM, "out of memory");
	s->inside = true;
	s->nargs = 0;
	return 0;
}

static int end(struct pmi1_spawning *s, const char **why)
{
	const struct pmi1_program *p = &s->programs[s->nprograms];
	if (!p->argv[0] || p->count == 0)
		return fail(why, WEFT_EPROTO, "it describes a spawn without a program or without tasks");
	if (p->count > TASKS_MAX - s->count)
		return fail(why, WEFT_ETOOBIG, "it spawns more than 65536 tasks");
	s->count += p->count;
	s->inside = false;
	s->nprograms++;
	return s->nprograms >= (s->wanted ? s->wanted : 1);
}

static int argument(struct pmi1_spawning *s, const char *value, const char **why)
{
	if (s->nargs == ARGUMENTS_MAX)
		return fail(why, WEFT_ETOOBIG, "it spawns with more than 1024 arguments");
	char *copy = weft__strdup(value);
	if (!copy)
		return fail(why, WEFT_ENOMEM, "out of memory");
	s->programs[s->nprograms].argv[1 + s->nargs++] = copy;
	return 0;
}

static int next_key(struct pmi1_spawning *s, const char *value, const char **why)
{
	weft__free(s->key);
	s->key = weft__strdup(value);
	return s->key ? 0 : fail(why, WEFT_ENOMEM, "out of memory");
}

static int info(struct pmi1_spawning *s, const char *value, const char **why)
{
	struct pmi1_program *p = &s->programs[s->nprograms];
	bool host = s->key && (!strcmp(s->key, "host") || !strcmp(s->key, "hosts"));
	bool wdir = s->key && (!strcmp(s->key, "wdir") || !strcmp(s->key, "wd"));
	const char **place = host ? &p->host : wdir ? &p->wdir : NULL;
	if (!place || *place)
		return 0; /* nothing that we know */
	*place = keep(s, value);
	return *place ? 0 : fail(why, WEFT_ENOMEM, "out of memory");
}

/* Each block repeats the same ones. */
static int preput(struct pmi1_spawning *s, const char *value, const char **why)
{
	size_t n = s->key ? strlen(s->key) : 0, nvalue = strlen(value);
	if (n == 0 || strpbrk(s->key, " \t"))
		return fail(why, WEFT_EPROTO, "it gives the children a key without a name");
	if (s->nprograms > 0)
		return 0;
	if (s->preput.len + n + nvalue + 2 > PREPUT_MAX)
		return fail(why, WEFT_ETOOBIG, "it gives the children more than 12 KiB of keys");
	if (weft__buf_append(&s->preput, s->key, n) || weft__buf_append(&s->preput, " ", 1) ||
	    weft__buf_append(&s->preput, value, nvalue) || weft__buf_append(&s->preput, "\n", 1))
		return fail(why, WEFT_ENOMEM, "out of memory");
	return 0;
}

static int execname(struct pmi1_spawning *s, const char *value, const char **why)
{
	struct pmi1_program *p = &s->programs[s->nprograms];
	if (p->argv[0] || !*value)
		return fail(why, WEFT_EPROTO, "it describes a spawn without a program, or with two");
	p->argv[0] = keep(s, value);
	return p->argv[0] ? 0 : fail(why, WEFT_ENOMEM, "out of memory");
}

static int numbers(struct pmi1_spawning *s, const char *line, const char *value, const char **why)
{
	if (!strncmp(line, "nprocs=", 7)) {
		unsigned long n = number(value, TASKS_MAX);
		if (n == 0 || n > TASKS_MAX)
			return fail(why, WEFT_EPROTO, "it spawns no task, or more than 65536");
		s->programs[s->nprograms].count = (uint32_t)n;
	} else if (!strncmp(line, "totspawns=", 10)) {
		s->wanted = number(value, PROGRAMS_MAX);
		if (s->wanted == 0 || s->wanted > PROGRAMS_MAX)
			return fail(why, WEFT_ETOOBIG, "it spawns no program, or more than 64");
	}
	return 0; /* argcnt, preput_num, info_num, spawnssofar: what they say is seen without them */
}

static bool is_argument(const char *line)
{
	size_t digits = !strncmp(line, "arg", 3) ? strspn(line + 3, "0123456789") : 0;
	return digits > 0 && line[3 + digits] == '=';
}

int pmi1_spawning_line(struct pmi1_spawning *s, const char *line, const char **why)
{
	const char *value = strchr(line, '=');
	s->nbytes += strlen(line) + 1;
	if (s->nbytes > PMI1_SPAWN_MAX)
		return fail(why, WEFT_ETOOBIG, "it describes a spawn of more than 128 KiB");
	if (!strcmp(line, "mcmd=spawn"))
		return begin(s, why);
	if (!s->inside || (!value && strcmp(line, "endcmd") != 0))
		return fail(why, WEFT_EPROTO, "it does not describe a spawn as PMI-1 wants it");
	if (!value)
		return end(s, why);
	value++;
	if (is_argument(line))
		return argument(s, value, why);
	if (!strncmp(line, "execname=", 9))
		return execname(s, value, why);
	if (!strncmp(line, "info_key_", 9) || !strncmp(line, "preput_key_", 11))
		return next_key(s, value, why);
	if (!strncmp(line, "info_val_", 9))
		return info(s, value, why);
	if (!strncmp(line, "preput_val_", 11))
		return preput(s, value, why);
	return numbers(s, line, value, why);
}

void pmi1_spawning_get(struct pmi1_spawning *s, struct pmi1_spawn *all)
{
	*all = (struct pmi1_spawn){.programs = s->programs,
	                           .nprograms = s->nprograms,
	                           .preput = s->preput.len ? (const char *)s->preput.data : "",
	                           .npreput = s->preput.len,
	                           .count = s->count};
}
