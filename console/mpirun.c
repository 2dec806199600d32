#include "config.h"

#include "console/mpirun.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/heap.h"
#include "console/suggest.h"

/* How an option of theirs is said in ours. */
enum how {
	PLAIN,   /* ours, without an argument */
	VALUE,   /* ours, with their argument */
	SET,     /* two arguments, NAME VALUE: -x NAME=VALUE */
	LIST,    /* NAME,NAME: -x NAME for each */
	MCA,     /* two arguments, NAME VALUE: -x OMPI_MCA_NAME=VALUE, as Open MPI's programs read it */
	NOTHING, /* so it is with weft run in any case */
	DROP,    /* the same, and it has an argument */
	STDIN,   /* their argument: none, or rank 0 */
	REFUSED, /* ours says why not */
	ASK_HELP,
	ASK_VERSION,
};

/* Theirs without its dashes: one or two of them are the same. */
static const struct translation {
	const char *theirs;
	enum how how;
	const char *ours;
} translations[] = {
        {"n", VALUE, "-n"},
        {"np", VALUE, "-n"},
        {"c", VALUE, "-n"},
        {"N", VALUE, "-N"},
        {"npernode", VALUE, "-N"},
        {"map-by", VALUE, "--map-by"},
        {"ppn", VALUE, "-N"},
        {"perhost", VALUE, "-N"},
        {"pernode", PLAIN, "--ppn=1"},
        {"host", VALUE, "--host"},
        {"H", VALUE, "--host"},
        {"hosts", VALUE, "--host"},
        {"hostfile", VALUE, "--hostfile"},
        {"machinefile", VALUE, "--hostfile"},
        {"default-hostfile", VALUE, "--hostfile"},
        {"f", VALUE, "--hostfile"},
        {"bind-to", VALUE, "--bind-to"},
        {"bind-to-core", PLAIN, "--bind-to=core"},
        {"bind-to-socket", PLAIN, "--bind-to=socket"},
        {"bind-to-none", PLAIN, "--bind-to=none"},
        {"bynode", PLAIN, "--map-by=node"},
        {"byslot", PLAIN, "--map-by=slot"},
        {"bycore", PLAIN, "--map-by=core"},
        {"bysocket", PLAIN, "--map-by=socket"},
        {"rr", PLAIN, "--map-by=node"},
        {"oversubscribe", NOTHING, NULL},
        {"nooversubscribe", PLAIN, "--fit"},
        {"display-map", PLAIN, "--display-map"},
        {"report-bindings", PLAIN, "--display-map"},
        {"print-rank-map", PLAIN, "--display-map"},
        {"tag-output", PLAIN, "-l"},
        {"l", PLAIN, "-l"},
        {"prepend-rank", PLAIN, "-l"},
        {"x", VALUE, "-x"},
        {"genv", SET, NULL},
        {"env", SET, NULL},
        {"genvlist", LIST, NULL},
        {"envlist", LIST, NULL},
        {"genvall", NOTHING, NULL},
        {"envall", NOTHING, NULL},
        {"genvnone", REFUSED, "tasks of Weft inherit the environment; env -i weft mpirun ... empties it"},
        {"envnone", REFUSED, "tasks of Weft inherit the environment; env -i weft mpirun ... empties it"},
        {"mca", MCA, NULL},
        {"gmca", MCA, NULL},
        {"wdir", VALUE, "--wdir"},
        {"wd", VALUE, "--wdir"},
        {"timeout", VALUE, "--timeout"},
        {"output-filename", VALUE, "--output"},
        {"stdin", STDIN, NULL},
        {"s", STDIN, NULL},
        {"mpi", VALUE, "--mpi"},
        {"local-nodes", VALUE, "--local-nodes"},
        {"name", VALUE, "--name"},
        {"q", PLAIN, "-q"},
        {"quiet", PLAIN, "-q"},
        {"v", NOTHING, NULL},
        {"verbose", NOTHING, NULL},
        {"allow-run-as-root", NOTHING, NULL},
        {"use-hwthread-cpus", NOTHING, NULL},
        {"rank-by", DROP, NULL},
        {"launcher", DROP, NULL},
        {"rmk", DROP, NULL},
        {"iface", DROP, NULL},
        {"prefix", DROP, NULL},
        {"hetero-nodes", NOTHING, NULL},
        {"enable-recovery", NOTHING, NULL},
        {"print-all-exitcodes", NOTHING, NULL},
        {"disable-auto-cleanup", NOTHING, NULL},
        {"bootstrap", DROP, NULL},
        {"launcher-exec", DROP, NULL},
        {"bootstrap-exec", DROP, NULL},
        {"usize", DROP, NULL},
        {"cpus-per-rank", REFUSED, "say --map-by slot:PE=N"},
        {"cpus-per-proc", REFUSED, "say --map-by slot:PE=N"},
        {"nolocal", REFUSED, "name the others by --host, or: weft drain '#1'"},
        {"merge-stderr-to-stdout", REFUSED, "write 2>&1 behind the command"},
        {"stderr-to-stdout", REFUSED, "write 2>&1 behind the command"},
        {"display-allocation", REFUSED, "weft conf shows the nodes"},
        {"preload-binary", REFUSED, "programs are not copied: they must be there on each node"},
        {"tune", REFUSED, "parameters of Open MPI's are read from ~/.openmpi/mca-params.conf, or say --mca NAME VALUE"},
        {"am", REFUSED, "parameters of Open MPI's are read from ~/.openmpi/mca-params.conf, or say --mca NAME VALUE"},
        {"outfile-pattern", REFUSED, "see --output-filename"},
        {"errfile-pattern", REFUSED, "see --output-filename"},
        {"prepend-pattern", REFUSED, "-l has the rank in front of lines"},
        {"report-pid", REFUSED, "weft ps shows the processes"},
        {"debug", REFUSED, "start a debugger as the program: weft run -n 1 gdb --args ./program"},
        {"app", REFUSED, "write the programs with ':' between them"},
        {"configfile", REFUSED, "write the programs with ':' between them"},
        {"timestamp-output", REFUSED, "there are no times in front of lines; see also -l"},
        {"h", ASK_HELP, NULL},
        {"help", ASK_HELP, NULL},
        {"V", ASK_VERSION, NULL},
        {"version", ASK_VERSION, NULL},
};

enum { NTRANSLATIONS = sizeof translations / sizeof *translations };

static int push(struct mpirun *m, const char *text, struct weft_error *e)
{
	if (m->argc + 2 > m->cap) {
		int cap     = m->cap ? 2 * m->cap : 32;
		char **argv = weft__realloc(m->argv, (size_t)cap * sizeof *argv);
		if (!argv)
			return weft__err_set(e, WEFT_ENOMEM, "out of memory");
		m->argv = argv;
		m->cap  = cap;
	}
	m->argv[m->argc] = weft__strdup(text);
	if (!m->argv[m->argc])
		return weft__err_set(e, WEFT_ENOMEM, "out of memory");
	m->argv[++m->argc] = NULL;
	return 0;
}

/* -x PREFIXname[=value] */
static int push_variable(struct mpirun *m, const char *prefix, const char *name, const char *value, struct weft_error *e)
{
	size_t size = strlen(prefix) + strlen(name) + (value ? strlen(value) : 0) + 2;
	char *text  = weft__malloc(size);
	if (!text)
		return weft__err_set(e, WEFT_ENOMEM, "out of memory");
	snprintf(text, size, "%s%s%s%s", prefix, name, value ? "=" : "", value ? value : "");
	int rc = push(m, "-x", e);
	rc     = rc ? rc : push(m, text, e);
	weft__free(text);
	return rc;
}

static int push_list(struct mpirun *m, const char *list, struct weft_error *e)
{
	int rc      = 0;
	char *names = weft__strdup(list), *rest = NULL;
	if (!names)
		return weft__err_set(e, WEFT_ENOMEM, "out of memory");
	for (char *name = strtok_r(names, ",", &rest); name && !rc; name = strtok_r(NULL, ",", &rest))
		rc = push_variable(m, "", name, NULL, e);
	weft__free(names);
	return rc;
}

static const struct translation *find(const char *name, size_t length)
{
	for (size_t i = 0; i < NTRANSLATIONS; i++)
		if (strlen(translations[i].theirs) == length && !memcmp(translations[i].theirs, name, length))
			return &translations[i];
	return NULL;
}

static int complain_unknown(const char *option, const char *name, size_t length, struct weft_error *e)
{
	const char *names[NTRANSLATIONS + 1];
	char word[64];
	for (size_t i = 0; i < NTRANSLATIONS; i++)
		names[i] = translations[i].theirs;
	names[NTRANSLATIONS] = NULL;
	snprintf(word, sizeof word, "%.*s", (int)length, name);
	const char *nearest = suggest_nearest(word, names);
	if (nearest)
		return weft__err_set(e, WEFT_EINVAL, "unknown option %.60s; did you mean %s%s?", option,
		                     strlen(nearest) > 1 ? "--" : "-", nearest);
	return weft__err_set(e, WEFT_EINVAL, "unknown option %.60s; see: weft help mpirun", option);
}

static int push_two(struct mpirun *m, const char *first, const char *second, struct weft_error *e)
{
	int rc = push(m, first, e);
	return rc ? rc : push(m, second, e);
}

/* One option with its arguments; how many words it took, or an error. */
static int translate(struct mpirun *m, const struct translation *t, char *const *words, int nwords, const char *attached,
                     struct weft_error *e)
{
	int wanted = t->how == SET || t->how == MCA ? 2 : t->how == VALUE || t->how == LIST || t->how == DROP || t->how == STDIN;
	int rc     = 0;
	if (attached && wanted != 1)
		return weft__err_set(e, WEFT_EINVAL, "%.60s: it takes %s", words[0], wanted ? "two arguments" : "no value");
	const char *value = attached ? attached : wanted ? words[1] : NULL;
	if (!attached && nwords <= wanted)
		return weft__err_set(e, WEFT_EINVAL, "%.60s needs %s", words[0], wanted == 2 ? "two arguments" : "an argument");
	switch (t->how) {
	case PLAIN:
		rc = push(m, t->ours, e);
		break;
	case VALUE:
		m->counted |= !strcmp(t->ours, "-n");
		rc = push_two(m, t->ours, value, e);
		break;
	case SET:
	case MCA:
		rc = push_variable(m, t->how == MCA ? "OMPI_MCA_" : "", words[1], words[2], e);
		break;
	case LIST:
		rc = push_list(m, value, e);
		break;
	case STDIN:
		rc = push(m, strcmp(value, "none") ? "--stdin" : "--stdin=none", e);
		break;
	case REFUSED:
		return weft__err_set(e, WEFT_EINVAL, "%.60s: %s", words[0], t->ours);
	case ASK_HELP:
		m->wanted = MPIRUN_HELP;
		break;
	case ASK_VERSION:
		m->wanted = MPIRUN_VERSION;
		break;
	case NOTHING:
	case DROP:
		break;
	}
	return rc ? rc : 1 + (attached ? 0 : wanted);
}

/* A program, its arguments, and the ":" behind them; how many words. As many tasks as cores, if nobody said how many. */
static int copy_program(struct mpirun *m, char *const *words, int nwords, struct weft_error *e)
{
	int i    = 0;
	m->named = true;
	int rc   = m->counted ? 0 : push(m, "--fill", e);
	while (i < nwords && !rc) {
		rc = push(m, words[i++], e);
		if (!strcmp(words[i - 1], ":"))
			break;
	}
	m->counted = false;
	return rc ? rc : i;
}

int mpirun_translate(int argc, char *const *argv, struct mpirun *m, struct weft_error *e)
{
	*m     = (struct mpirun){0};
	int rc = push_two(m, "run", "--kill-on-bad-exit", e); /* as theirs do */
	for (int i = 1; i < argc && rc >= 0 && m->wanted == MPIRUN_RUN; i += rc) {
		const char *word = argv[i];
		if (*word != '-' || !word[1] || !strcmp(word, "--")) {
			rc = copy_program(m, argv + i, argc - i, e);
			continue;
		}
		const char *name     = word + 1 + (word[1] == '-');
		const char *attached = strchr(name, '=');
		size_t length        = attached ? (size_t)(attached - name) : strlen(name);
		const struct translation *t = find(name, length);
		rc = t ? translate(m, t, argv + i, argc - i, attached ? attached + 1 : NULL, e)
		       : complain_unknown(word, name, length, e);
	}
	if (rc >= 0 && m->wanted == MPIRUN_RUN && !m->named)
		return weft__err_set(e, WEFT_EINVAL, "the program to run is missing; see: weft help mpirun");
	return rc < 0 ? rc : 0;
}

void mpirun_fini(struct mpirun *m)
{
	for (int i = 0; i < m->argc; i++)
		weft__free(m->argv[i]);
	weft__free(m->argv);
	*m = (struct mpirun){0};
}
