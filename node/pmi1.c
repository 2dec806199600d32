#include "config.h"

#include "node/pmi1.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/heap.h"
#include "node/keys.h"
#include "node/pmi1_spawn.h"

/* What a rank waits for. */
enum waits { NOTHING, BARRIER, NAME, SPAWN };

struct rank {
	enum pmi1_state state;
	enum waits waits;
	enum pmi1_name name; /* NAME: which question */
	uint32_t program;
	char line[PMI1_LINE_MAX]; /* what has come of the next one */
	size_t nline;
	struct pmi1_spawning *spawning; /* between mcmd=spawn and the last endcmd; NULL */
};

struct pmi1 {
	char *name;
	uint32_t nlocal, universe, narrived;
	const struct pmi1_ops *ops;
	void *arg;
	struct keys keys;
	struct weft__buf fresh; /* "KEY VALUE\n" put since the last barrier */
	struct rank *ranks;
};

int pmi1_create(const struct pmi1_job *job, const struct pmi1_ops *ops, void *arg, struct pmi1 **out)
{
	struct pmi1 *s = weft__calloc(1, sizeof *s);
	if (!s)
		return WEFT_ENOMEM;
	s->name = weft__strdup(job->name);
	s->ranks = weft__calloc(job->nlocal + 1u, sizeof *s->ranks);
	s->nlocal = job->nlocal;
	s->universe = job->universe;
	s->ops = ops;
	s->arg = arg;
	if (!s->name || !s->ranks) {
		s->nlocal = 0;
		pmi1_destroy(&s);
		return WEFT_ENOMEM;
	}
	*out = s;
	return 0;
}

void pmi1_destroy(struct pmi1 **sp)
{
	struct pmi1 *s = *sp;
	if (!s)
		return;
	for (uint32_t i = 0; i < s->nlocal; i++)
		pmi1_spawning_destroy(&s->ranks[i].spawning);
	keys_fini(&s->keys);
	weft__buf_fini(&s->fresh);
	weft__free(s->ranks);
	weft__free(s->name);
	weft__free(s);
	*sp = NULL;
}

enum pmi1_state pmi1_state(const struct pmi1 *s, uint32_t local)
{
	return s->ranks[local].state;
}

uint32_t pmi1_waiting(const struct pmi1 *s)
{
	return s->narrived;
}

void pmi1_set_program(struct pmi1 *s, uint32_t local, uint32_t program)
{
	s->ranks[local].program = program;
}

int pmi1_preput(struct pmi1 *s, const char *key, const char *value)
{
	return keys_put(&s->keys, key, strlen(key), value, strlen(value));
}

/* "KEY VALUE\n": the length of the line without its newline, and where its value begins; 0: it is none. */
static size_t key_line(const char *at, size_t n, size_t *value)
{
	const char *end = memchr(at, '\n', n), *space = end ? memchr(at, ' ', (size_t)(end - at)) : NULL;
	if (!space || space == at || memchr(at, '\0', (size_t)(end - at)))
		return 0;
	*value = (size_t)(space - at) + 1;
	return (size_t)(end - at);
}

static bool add_lines(struct pmi1 *s, const char *at, size_t n)
{
	while (n > 0) {
		size_t value, line = key_line(at, n, &value);
		if (line == 0)
			return false;
		int rc = keys_put(&s->keys, at, value - 1, at + value, line - value);
		if (rc && rc != WEFT_EEXIST)
			return false;
		at += line + 1;
		n -= line + 1;
	}
	return true;
}

void pmi1_preput_lines(struct pmi1 *s, const char *lines, size_t n)
{
	add_lines(s, lines, n);
}

/* --- lines ---------------------------------------------------------------------------------------- */

static void bad(struct pmi1 *s, uint32_t local, const char *why)
{
	s->ranks[local].state = PMI1_BAD;
	pmi1_spawning_destroy(&s->ranks[local].spawning);
	s->ops->bad(s->arg, local, why);
}

static void reply(struct pmi1 *s, uint32_t local, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void reply(struct pmi1 *s, uint32_t local, const char *format, ...)
{
	char line[PMI1_LINE_MAX];
	va_list ap;
	va_start(ap, format);
	int n = vsnprintf(line, sizeof line - 1, format, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof line - 1) {
		bad(s, local, "an answer would be too long");
		return;
	}
	line[n] = '\n';
	s->ops->reply(s->arg, local, line, (size_t)n + 1);
}

/* The value of NAME=VALUE in a line of such words, or NULL; *n is its length. */
static const char *field(const char *line, const char *name, size_t *n)
{
	size_t length = strlen(name);
	for (const char *at = line + strspn(line, " \t"); *at; at += strspn(at, " \t")) {
		size_t word = strcspn(at, " \t");
		if (word > length && at[length] == '=' && !strncmp(at, name, length)) {
			*n = word - length - 1;
			return at + length + 1;
		}
		at += word;
	}
	return NULL;
}

static bool is_own_space(const struct pmi1 *s, const char *line)
{
	size_t n;
	const char *name = field(line, "kvsname", &n);
	return !name || (n == strlen(s->name) && !strncmp(name, s->name, n));
}

/* --- commands -------------------------------------------------------------------------------------- */

static void init(struct pmi1 *s, uint32_t local, const char *line)
{
	size_t n;
	const char *version = field(line, "pmi_version", &n);
	struct rank *r = &s->ranks[local];
	if (r->state != PMI1_NEW) {
		bad(s, local, r->state == PMI1_FINAL ? "it begins a second time; only one MPI program can run in each task"
		                                     : "a second program of the same task begins; start each as a task of its own");
		return;
	}
	if (!version || n != 1 || *version != '1') {
		bad(s, local, "it speaks another version of PMI than 1; Weft can't host it");
		return;
	}
	r->state = PMI1_OPEN;
	reply(s, local, "cmd=response_to_init pmi_version=1 pmi_subversion=1 rc=0");
}

static void get_maxes(struct pmi1 *s, uint32_t local, const char *line)
{
	reply(s, local, "cmd=maxes kvsname_max=256 keylen_max=%d vallen_max=%d rc=0", KEYS_KEY_MAX, KEYS_VALUE_MAX);
}

static void get_appnum(struct pmi1 *s, uint32_t local, const char *line)
{
	reply(s, local, "cmd=appnum appnum=%u rc=0", s->ranks[local].program);
}

static void get_kvsname(struct pmi1 *s, uint32_t local, const char *line)
{
	reply(s, local, "cmd=my_kvsname kvsname=%s rc=0", s->name);
}

static void get_universe(struct pmi1 *s, uint32_t local, const char *line)
{
	reply(s, local, "cmd=universe_size size=%u rc=0", s->universe);
}

static void put(struct pmi1 *s, uint32_t local, const char *line)
{
	size_t nkey, nvalue;
	const char *key = field(line, "key", &nkey), *value = field(line, "value", &nvalue);
	if (!key || !value || nkey == 0) {
		bad(s, local, "it puts something without a key or a value");
		return;
	}
	if (s->fresh.len + nkey + nvalue + 2 > PMI1_FENCE_MAX) {
		bad(s, local, "it puts more than 8 MiB of keys between two barriers");
		return;
	}
	int rc = keys_put(&s->keys, key, nkey, value, nvalue);
	if (!rc && (weft__buf_append(&s->fresh, key, nkey) || weft__buf_append(&s->fresh, " ", 1) ||
	            weft__buf_append(&s->fresh, value, nvalue) || weft__buf_append(&s->fresh, "\n", 1)))
		rc = WEFT_ENOMEM;
	if (rc == WEFT_ENOSPC || rc == WEFT_ENOMEM)
		bad(s, local, "there is no memory for more keys");
	else if (rc)
		reply(s, local, "cmd=put_result rc=-1 msg=%s", rc == WEFT_EEXIST ? "duplicate_key" : "key_or_value_too_long");
	else
		reply(s, local, "cmd=put_result rc=0 msg=success");
}

static void get(struct pmi1 *s, uint32_t local, const char *line)
{
	size_t n;
	const char *key = field(line, "key", &n), *value = key ? keys_get(&s->keys, key, n) : NULL;
	if (value)
		reply(s, local, "cmd=get_result rc=0 msg=success value=%s", value);
	else
		reply(s, local, "cmd=get_result rc=-1 msg=key_not_found value=unknown");
}

static void get_by_index(struct pmi1 *s, uint32_t local, const char *line)
{
	size_t n;
	const char *text = field(line, "idx", &n);
	unsigned long at = text ? strtoul(text, NULL, 10) : 0;
	if (at < s->keys.n)
		reply(s, local, "cmd=getbyidx_results rc=0 nextidx=%lu key=%s val=%s", at + 1, s->keys.items[at]->name,
		      s->keys.items[at]->value);
	else
		reply(s, local, "cmd=getbyidx_results rc=-1 reason=no_more_keyvals");
}

static void barrier_in(struct pmi1 *s, uint32_t local, const char *line)
{
	s->ranks[local].waits = BARRIER;
	if (++s->narrived == s->nlocal)
		s->ops->fence(s->arg, s->fresh.data, s->fresh.len);
}

static void finalize(struct pmi1 *s, uint32_t local, const char *line)
{
	s->ranks[local].state = PMI1_FINAL;
	reply(s, local, "cmd=finalize_ack rc=0");
}

static void abort_job(struct pmi1 *s, uint32_t local, const char *line)
{
	size_t n;
	const char *text = field(line, "exitcode", &n);
	long code = text ? strtol(text, NULL, 10) : 1;
	s->ranks[local].state = PMI1_BAD;
	s->ops->abort(s->arg, local, (int)(code & 0xff));
}

static void create_kvs(struct pmi1 *s, uint32_t local, const char *line)
{
	reply(s, local, "cmd=newkvs rc=-1 msg=not_supported"); /* no MPI does it */
}

/* --- names and spawns -------------------------------------------------------------------------------- */

static const struct {
	const char *result, *failure;
} name_words[] = {
        [PMI1_PUBLISH]   = {"publish_result", "key_already_present"},
        [PMI1_UNPUBLISH] = {"unpublish_result", "service_not_found"},
        [PMI1_LOOKUP]    = {"lookup_result", "service_not_found"},
};

static void ask_name(struct pmi1 *s, uint32_t local, const char *line, enum pmi1_name op)
{
	size_t nservice, nport = 0;
	char service[PMI1_LINE_MAX], port[PMI1_LINE_MAX];
	const char *from = field(line, "service", &nservice), *text = field(line, "port", &nport);
	if (!from || nservice == 0 || (op == PMI1_PUBLISH && !text)) {
		bad(s, local, "it names a service without a name, or without a port");
		return;
	}
	snprintf(service, sizeof service, "%.*s", (int)nservice, from);
	snprintf(port, sizeof port, "%.*s", text ? (int)nport : 0, text ? text : "");
	s->ranks[local].waits = NAME;
	s->ranks[local].name = op;
	s->ops->name(s->arg, local, op, service, port);
}

static void publish(struct pmi1 *s, uint32_t local, const char *line)
{
	ask_name(s, local, line, PMI1_PUBLISH);
}

static void unpublish(struct pmi1 *s, uint32_t local, const char *line)
{
	ask_name(s, local, line, PMI1_UNPUBLISH);
}

static void lookup(struct pmi1 *s, uint32_t local, const char *line)
{
	ask_name(s, local, line, PMI1_LOOKUP);
}

void pmi1_name_done(struct pmi1 *s, uint32_t local, int code, const char *port)
{
	struct rank *r = &s->ranks[local];
	if (r->state != PMI1_OPEN || r->waits != NAME)
		return;
	const char *result = name_words[r->name].result;
	r->waits = NOTHING;
	if (code)
		reply(s, local, "cmd=%s rc=-1 info=failed msg=%s", result, name_words[r->name].failure);
	else if (r->name == PMI1_LOOKUP)
		reply(s, local, "cmd=%s rc=0 info=ok msg=success port=%s", result, port);
	else
		reply(s, local, "cmd=%s rc=0 info=ok msg=success", result);
}

/* A line of a spawn's description, "mcmd=spawn" the first. */
static void spawn_line(struct pmi1 *s, uint32_t local, const char *line)
{
	struct rank *r = &s->ranks[local];
	const char *why = "out of memory";
	if (!r->spawning && !(r->spawning = pmi1_spawning_create())) {
		bad(s, local, why);
		return;
	}
	int rc = pmi1_spawning_line(r->spawning, line, &why);
	if (rc < 0) {
		bad(s, local, why);
	} else if (rc > 0) {
		struct pmi1_spawn all;
		r->waits = SPAWN;
		pmi1_spawning_get(r->spawning, &all);
		s->ops->spawn(s->arg, local, &all);
		pmi1_spawning_destroy(&r->spawning);
	}
}

void pmi1_spawn_done(struct pmi1 *s, uint32_t local, int code, const uint64_t *errors, uint32_t count)
{
	struct rank *r = &s->ranks[local];
	char list[2048] = "";
	size_t n = 0, most = sizeof list - 4;
	if (r->state != PMI1_OPEN || r->waits != SPAWN)
		return;
	r->waits = NOTHING;
	for (uint32_t i = 0; i < count && n < most; i++) /* the client takes missing ones for 0 */
		n += (size_t)snprintf(list + n, sizeof list - n, "%s%d", i ? "," : "", errors && errors[i] ? 1 : 0);
	if (code)
		reply(s, local, "cmd=spawn_result rc=-1 msg=spawn_failed");
	else
		reply(s, local, "cmd=spawn_result rc=0 errcodes=%s", list);
}

/* --- the fence ---------------------------------------------------------------------------------------- */

bool pmi1_fence_add(struct pmi1 *s, const void *bytes, size_t n)
{
	return add_lines(s, bytes, n);
}

void pmi1_fence_end(struct pmi1 *s)
{
	s->fresh.len = 0;
	s->narrived = 0;
	for (uint32_t i = 0; i < s->nlocal; i++) {
		struct rank *r = &s->ranks[i];
		if (r->waits != BARRIER)
			continue;
		r->waits = NOTHING;
		if (r->state == PMI1_OPEN)
			reply(s, i, "cmd=barrier_out rc=0");
	}
}

/* --- input --------------------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	void (*act)(struct pmi1 *s, uint32_t local, const char *line);
} commands[] = {
        {"get", get},
        {"put", put},
        {"barrier_in", barrier_in},
        {"init", init},
        {"get_maxes", get_maxes},
        {"get_appnum", get_appnum},
        {"get_my_kvsname", get_kvsname},
        {"get_universe_size", get_universe},
        {"getbyidx", get_by_index},
        {"finalize", finalize},
        {"abort", abort_job},
        {"publish_name", publish},
        {"unpublish_name", unpublish},
        {"lookup_name", lookup},
        {"create_kvs", create_kvs},
};

/* What forbids this command now; NULL: nothing. */
static const char *objection(const struct pmi1 *s, const struct rank *r, const char *name, const char *line)
{
	bool begins = !strcmp(name, "init");
	if (r->waits != NOTHING)
		return "it asks again before its last question was answered";
	if (!begins && strcmp(name, "abort") != 0 && r->state != PMI1_OPEN)
		return r->state == PMI1_NEW ? "its first word is not init" : "it goes on after finalize";
	if (!is_own_space(s, line))
		return "it names a key-value space that is not its job's";
	return NULL;
}

static void take_line(struct pmi1 *s, uint32_t local, const char *line)
{
	struct rank *r = &s->ranks[local];
	size_t n, i = 0, count = sizeof commands / sizeof *commands;
	char why[160];
	if (r->spawning || !strncmp(line, "mcmd=spawn", 10)) {
		const char *no = r->spawning ? NULL : objection(s, r, "mcmd", line);
		if (no)
			bad(s, local, no);
		else
			spawn_line(s, local, line);
		return;
	}
	const char *name = field(line, "cmd", &n);
	while (name && i < count && (strlen(commands[i].name) != n || strncmp(commands[i].name, name, n) != 0))
		i++;
	if (!name || i == count) {
		snprintf(why, sizeof why, "it says \"%.60s\", which is nothing that PMI-1 knows", line);
		for (char *c = why; *c; c++)
			*c = *c < ' ' || *c > '~' ? '?' : *c;
		bad(s, local, why);
		return;
	}
	const char *no = objection(s, r, commands[i].name, line);
	if (no)
		bad(s, local, no);
	else
		commands[i].act(s, local, line);
}

void pmi1_input(struct pmi1 *s, uint32_t local, const void *bytes, size_t nbytes)
{
	struct rank *r = &s->ranks[local];
	const char *at = bytes;
	while (nbytes > 0 && r->state != PMI1_BAD) {
		const char *end = memchr(at, '\n', nbytes);
		size_t n = end ? (size_t)(end - at) : nbytes;
		if (r->nline + n >= sizeof r->line) {
			bad(s, local, "it sends a line that is too long");
			return;
		}
		memcpy(r->line + r->nline, at, n);
		r->nline += n;
		at += n + (end != NULL);
		nbytes -= n + (end != NULL);
		if (!end)
			return;
		r->line[r->nline] = '\0';
		bool whole = strlen(r->line) == r->nline;
		r->nline = 0;
		if (whole)
			take_line(s, local, r->line);
		else
			bad(s, local, "it sends bytes that are no text");
	}
}

/* --- the map of processes --------------------------------------------------------------------------------- */

bool pmi1_mapping(const uint32_t *node_of, uint32_t size, char *text, size_t room)
{
	size_t n = (size_t)snprintf(text, room, "(vector");
	for (uint32_t rank = 0; rank < size;) {
		uint32_t first = node_of[rank], each = 1, nodes = 1;
		while (rank + each < size && node_of[rank + each] == first)
			each++;
		for (;; nodes++) { /* as many of the next nodes, with as many ranks each, as follow */
			uint32_t next = rank + nodes * each, k = 0;
			while (k < each && next + k < size && node_of[next + k] == first + nodes)
				k++;
			if (k < each || (next + each < size && node_of[next + each] == first + nodes))
				break;
		}
		if (n < room)
			n += (size_t)snprintf(text + n, room - n, ",(%u,%u,%u)", first, nodes, each);
		rank += nodes * each;
	}
	if (n < room)
		n += (size_t)snprintf(text + n, room - n, ")");
	return n < room;
}
