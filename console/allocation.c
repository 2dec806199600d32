/* Each system has its own way to say the same: Slurm two lists in short forms, PBS a file with a line for each
 * slot, Grid Engine a file of hosts with counts, LSF one variable of pairs, Flux answers to questions.
 */
#include "config.h"

#include "console/allocation.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/heap.h"

enum { DIGITS_MAX = 9, COUNT_MAX = 65535 };

/* --- collecting ------------------------------------------------------------------------------------ */

static bool is_host_name(const char *name)
{
	static const char allowed[] =
	        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-:";
	size_t n = strlen(name);
	return n > 0 && n < ALLOCATION_HOST_TEXT && *name != '-' && strspn(name, allowed) == n;
}

static struct allocation_host *find(const struct allocation *a, const char *name)
{
	for (size_t i = a->n; i-- > 0;) /* lines of one host mostly follow each other */
		if (!strcmp(a->hosts[i].name, name))
			return &a->hosts[i];
	return NULL;
}

static int add(struct allocation *a, const char *name, unsigned slots, struct weft_error *e)
{
	if (!is_host_name(name))
		return weft__err_set(e, WEFT_EINVAL, "\"%.60s\" is not a host name", name);
	if (slots < 1 || slots > ALLOCATION_TASKS_MAX - a->nslots)
		return weft__err_set(e, WEFT_ETOOBIG, "more than %d tasks", ALLOCATION_TASKS_MAX);
	struct allocation_host *h = find(a, name);
	if (!h && a->n == ALLOCATION_HOSTS_MAX)
		return weft__err_set(e, WEFT_ETOOBIG, "more than %d hosts", ALLOCATION_HOSTS_MAX);
	if (!h && a->n == a->room) {
		size_t room                  = a->room ? 2 * a->room : 16;
		struct allocation_host *more = weft__realloc(a->hosts, room * sizeof *more);
		if (!more)
			return weft__err_set(e, WEFT_ENOMEM, "out of memory");
		a->hosts = more;
		a->room  = room;
	}
	if (!h) {
		h = &a->hosts[a->n++];
		snprintf(h->name, sizeof h->name, "%s", name);
		h->slots = 0;
	}
	h->slots += slots;
	a->nslots += slots;
	return 0;
}

/* --- lists in Slurm's short form --------------------------------------------------------------------- */

/* A number of at most DIGITS_MAX digits; how many it has, 0: there is none. */
static int number(const char *text, unsigned long *value)
{
	int n  = 0;
	*value = 0;
	while (n < DIGITS_MAX && isdigit((unsigned char)text[n]))
		*value = *value * 10 + (unsigned long)(text[n++] - '0');
	return isdigit((unsigned char)text[n]) ? 0 : n;
}

struct expansion {
	struct allocation *a;
	unsigned slots;
	const char *list; /* for errors */
	struct weft_error *e;
};

static int not_a_list(const struct expansion *x)
{
	return weft__err_set(x->e, WEFT_EINVAL, "\"%.80s\" is not a list of hosts", x->list);
}

static int expand(const struct expansion *x, const char *name, size_t length, const char *rest, const char *end);

/* "0-2,07]": each number is put behind the name, with as many digits as the first of its range has. */
static int expand_numbers(const struct expansion *x, const char *name, size_t length, const char *p,
                          const char *close, const char *end)
{
	char longer[ALLOCATION_HOST_TEXT + 16];
	while (p < close) {
		unsigned long low, high;
		int digits = number(p, &low), more;
		p += digits;
		high = low;
		if (digits && *p == '-') {
			more = number(p + 1, &high);
			p += 1 + more;
			digits = more ? digits : 0;
		}
		if (!digits || high < low || (p != close && *p != ','))
			return not_a_list(x);
		if (high - low >= ALLOCATION_HOSTS_MAX)
			return weft__err_set(x->e, WEFT_ETOOBIG, "\"%.60s\": more than %d hosts", x->list,
			                     ALLOCATION_HOSTS_MAX);
		for (unsigned long i = low; i <= high; i++) {
			int n  = snprintf(longer, sizeof longer, "%.*s%0*lu", (int)length, name, digits, i);
			int rc = expand(x, longer, (size_t)n, close + 1, end);
			if (rc)
				return rc;
		}
		if (p < close && ++p == close) /* a comma at the end */
			return not_a_list(x);
	}
	return 0;
}

/* One item of the list, of which `name` is done and rest..end is not. */
static int expand(const struct expansion *x, const char *name, size_t length, const char *rest, const char *end)
{
	char longer[ALLOCATION_HOST_TEXT];
	const char *open = memchr(rest, '[', (size_t)(end - rest));
	size_t n         = (size_t)((open ? open : end) - rest);
	if (length + n >= sizeof longer)
		return weft__err_set(x->e, WEFT_EINVAL, "a host name in \"%.60s\" is too long", x->list);
	snprintf(longer, sizeof longer, "%.*s%.*s", (int)length, name, (int)n, rest);
	if (!open)
		return add(x->a, longer, x->slots, x->e);
	const char *close = memchr(open, ']', (size_t)(end - open));
	if (!close || close == open + 1)
		return not_a_list(x);
	return expand_numbers(x, longer, length + n, open + 1, close, end);
}

/* Adds what a list like "n[00-02,7],m3" names, each host with so many slots. */
static int add_list(struct allocation *a, const char *list, unsigned slots, struct weft_error *e)
{
	const struct expansion x = {.a = a, .slots = slots, .list = list, .e = e};
	const char *p            = list;
	for (;;) {
		const char *end = p;
		bool within     = false;
		for (; *end && (within || *end != ','); end++)
			within = *end == '[' || (within && *end != ']');
		int rc = end == p ? not_a_list(&x) : expand(&x, "", 0, p, end);
		if (rc || !*end)
			return rc;
		p = end + 1;
	}
}

/* "2(x3),1": counts for the hosts, one after the other; at the end the last one goes on. */
struct counts {
	const char *p;
	unsigned long count, times;
};

static bool next_count(struct counts *c)
{
	int n;
	if (c->times > 0) {
		c->times--;
		return true;
	}
	if (!*c->p)
		return false;
	n = number(c->p, &c->count);
	if (!n || c->count < 1 || c->count > COUNT_MAX)
		return false;
	c->p += n;
	c->times = 1;
	if (c->p[0] == '(' && c->p[1] == 'x') {
		n = number(c->p + 2, &c->times);
		if (!n || c->times < 1 || c->p[2 + n] != ')')
			return false;
		c->p += 2 + n + 1;
	}
	if (*c->p && (*c->p++ != ',' || !*c->p))
		return false;
	c->times--;
	return true;
}

/* Gives each host its count, divided by the CPUs of a task. */
static int set_counts(struct allocation *a, const char *variable, const char *text, unsigned long divisor,
                      struct weft_error *e)
{
	struct counts c = {.p = text};
	a->nslots       = 0;
	for (size_t i = 0; i < a->n; i++) {
		if (!next_count(&c))
			return weft__err_set(e, WEFT_EINVAL, "%s=%.60s does not fit the %zu hosts of SLURM_JOB_NODELIST",
			                     variable, text, a->n);
		a->hosts[i].slots = (unsigned)(c.count > divisor ? c.count / divisor : 1);
		if (a->hosts[i].slots > ALLOCATION_TASKS_MAX - a->nslots)
			return weft__err_set(e, WEFT_ETOOBIG, "%s=%.60s: more than %d tasks", variable, text,
			                     ALLOCATION_TASKS_MAX);
		a->nslots += a->hosts[i].slots;
	}
	if (*c.p || c.times)
		return weft__err_set(e, WEFT_EINVAL, "%s=%.60s does not fit the %zu hosts of SLURM_JOB_NODELIST", variable,
		                     text, a->n);
	return 0;
}

static int read_slurm(weft__batch_env env, struct allocation *a, struct weft_error *e)
{
	const char *tasks = env("SLURM_TASKS_PER_NODE"), *cpus = env("SLURM_JOB_CPUS_PER_NODE");
	const char *each      = env("SLURM_CPUS_PER_TASK");
	unsigned long divisor = 1;
	int rc                = add_list(a, env("SLURM_JOB_NODELIST"), 1, e);
	if (rc)
		return rc;
	if (tasks && *tasks) {
		rc = set_counts(a, "SLURM_TASKS_PER_NODE", tasks, 1, e);
		if (!rc || !env("SLURM_STEP_ID"))
			return rc;
		/* In a step of the job it may be about the step's nodes alone. */
	}
	if (each && (!number(each, &divisor) || divisor < 1))
		divisor = 1;
	if (cpus && *cpus)
		return set_counts(a, "SLURM_JOB_CPUS_PER_NODE", cpus, divisor, e);
	for (size_t i = 0; i < a->n; i++)
		a->hosts[i].slots = 1;
	a->nslots = (unsigned)a->n;
	return 0;
}

/* --- files --------------------------------------------------------------------------------------------- */

static int read_file(const char *path, char **text, struct weft_error *e)
{
	struct stat st;
	int fd    = open(path, O_RDONLY | O_CLOEXEC);
	size_t n  = 0;
	ssize_t m = fd < 0 || fstat(fd, &st) ? -1 : 0;
	*text     = NULL;
	if (m == 0 && !S_ISREG(st.st_mode)) {
		close(fd);
		return weft__err_set(e, WEFT_EINVAL, "%s is not a file", path);
	}
	if (m == 0 && st.st_size <= ALLOCATION_BYTES_MAX && !(*text = weft__malloc((size_t)st.st_size + 1))) {
		close(fd);
		return weft__err_set(e, WEFT_ENOMEM, "out of memory");
	}
	while (*text && n < (size_t)st.st_size && (m = read(fd, *text + n, (size_t)st.st_size - n)) > 0)
		n += (size_t)m;
	int why = errno;
	if (fd >= 0)
		close(fd);
	if (m < 0)
		return weft__err_set(e, WEFT_ENOFILE, "%s: %s", path, strerror(why));
	if (!*text)
		return weft__err_set(e, WEFT_ETOOBIG, "%s is larger than %d bytes", path, ALLOCATION_BYTES_MAX);
	(*text)[n] = '\0';
	return 0;
}

/* A host alone (PBS: one slot), or with a count behind it (Grid Engine); what follows is not for us. */
static int add_line(struct allocation *a, const char *line, bool counted, struct weft_error *e)
{
	char name[ALLOCATION_HOST_TEXT];
	int at              = -1;
	unsigned long slots = 1;
	if (sscanf(line, " %255s%n", name, &at) != 1)
		return 0; /* empty */
	line += at;
	line += strspn(line, " \t");
	if (counted && (!number(line, &slots) || slots < 1 || slots > COUNT_MAX))
		return weft__err_set(e, WEFT_EINVAL, "no number of slots behind %.60s", name);
	return add(a, name, (unsigned)slots, e);
}

static int read_host_file(weft__batch_env env, const char *variable, bool counted, struct allocation *a,
                          struct weft_error *e)
{
	char *text, *line, *rest;
	const char *path = env(variable);
	struct weft_error why = {0};
	unsigned nline = 0;
	int rc         = read_file(path, &text, &why);
	if (rc) {
		weft__free(text);
		return weft__err_set(e, rc, "%s: %.120s", variable, why.text);
	}
	for (rest = text; !rc && (line = strsep(&rest, "\n"));) {
		nline++;
		rc = add_line(a, line, counted, &why);
	}
	weft__free(text);
	if (rc)
		return weft__err_set(e, rc, "%s %.60s, line %u: %.80s", variable, path, nline, why.text);
	if (a->n == 0)
		return weft__err_set(e, WEFT_EINVAL, "%s: %.60s is empty: the job has ended, or got no machine", variable, path);
	return 0;
}

/* "hostA 4 hostB 2" */
static int read_pairs(struct allocation *a, const char *variable, const char *text, struct weft_error *e)
{
	char name[ALLOCATION_HOST_TEXT];
	unsigned long slots;
	int at, rc = 0;
	for (const char *p = text; !rc && sscanf(p, " %255s%n", name, &at) == 1;) {
		p += at;
		p += strspn(p, " ");
		int n = number(p, &slots);
		if (!n || slots < 1 || slots > COUNT_MAX)
			return weft__err_set(e, WEFT_EINVAL, "%s=%.80s: no number of slots behind %.40s", variable, text, name);
		p += n;
		rc = add(a, name, (unsigned)slots, e);
	}
	return rc;
}

/* --- Flux ------------------------------------------------------------------------------------------------ */

/* Flux has its machines in no variable: it must be asked. Two lines come: the hosts, and all their cores. */
static int ask_flux(struct allocation *a, struct weft_error *e)
{
	static const char question[] = "flux getattr hostlist && flux resource list -s all -n -o '{ncores}'";
	char hosts[8192], cores[64];
	unsigned long ncores = 0;
	FILE *f   = popen(question, "re");
	bool read = f && fgets(hosts, sizeof hosts, f) && fgets(cores, sizeof cores, f);
	if ((f && pclose(f)) || !read || !number(cores, &ncores))
		return weft__err_set(e, WEFT_EIO, "Flux does not say which machines it has; try: flux getattr hostlist");
	hosts[strcspn(hosts, "\n")] = '\0';
	int rc = add_list(a, hosts, 1, e);
	for (size_t i = 0; !rc && i < a->n; i++) {
		unsigned long all = ncores < ALLOCATION_TASKS_MAX ? ncores : ALLOCATION_TASKS_MAX;
		unsigned share    = (unsigned)(all / a->n + (i < all % a->n));
		a->nslots += share > 1 ? share - 1 : 0;
		a->hosts[i].slots = share > 1 ? share : 1;
	}
	return rc;
}

/* --- all ------------------------------------------------------------------------------------------------ */

int allocation_read(weft__batch_env env, struct allocation *a, struct weft_error *e)
{
	struct weft_error why = {0};
	int rc                = WEFT_EINTERNAL;
	*a                    = (struct allocation){0};
	if (!weft__batch_job(env, &a->job))
		return WEFT_ENOENT;
	switch (a->job.system) {
	case WEFT__BATCH_SLURM:
		rc = read_slurm(env, a, &why);
		break;
	case WEFT__BATCH_PBS:
		rc = read_host_file(env, "PBS_NODEFILE", false, a, &why);
		break;
	case WEFT__BATCH_SGE:
		rc = read_host_file(env, "PE_HOSTFILE", true, a, &why);
		break;
	case WEFT__BATCH_LSF:
		rc = read_pairs(a, "LSB_MCPU_HOSTS", env("LSB_MCPU_HOSTS"), &why);
		break;
	case WEFT__BATCH_FLUX:
		rc = ask_flux(a, &why);
		break;
	case WEFT__BATCH_NONE:
		break;
	}
	if (!rc && a->n == 0)
		rc = weft__err_set(&why, WEFT_EINVAL, "it has no hosts");
	if (rc)
		weft__err_set(e, rc, "the allocation of %s job %.40s: %.150s; without it: --local-nodes 1", weft__batch_name(a->job.system),
		              a->job.id, why.text);
	return rc;
}

void allocation_fini(struct allocation *a)
{
	weft__free(a->hosts);
	*a = (struct allocation){0};
}

/* Equal, or equal up to the first dot when one of them has no more. */
static bool is_same_host(const char *a, const char *b)
{
	size_t na = strcspn(a, "."), nb = strcspn(b, ".");
	if (!strcasecmp(a, b))
		return true;
	return na == nb && (!a[na] || !b[nb]) && !strncasecmp(a, b, na);
}

const struct allocation_host *allocation_here(weft__batch_env env, const struct allocation *a)
{
	char own[ALLOCATION_HOST_TEXT] = "";
	const char *node = a->job.system == WEFT__BATCH_SLURM ? env("SLURMD_NODENAME") : NULL;
	if (node && *node)
		return find(a, node);
	if (gethostname(own, sizeof own - 1))
		return NULL;
	for (size_t i = 0; i < a->n; i++)
		if (is_same_host(a->hosts[i].name, own) || !strcmp(a->hosts[i].name, "localhost"))
			return &a->hosts[i];
	return NULL;
}
