/* adder.c - asking for nodes, and telling what becomes of them.
 *
 * Happy path: the first hosts are asked for, and with each answer the next one; on a terminal those that are under
 * way are a block of lines at the bottom, drawn anew ten times a second, and each that is decided is written above
 * for good. Elsewhere only the decided ones are written.
 *
 * What can go wrong: a host does not come: a line with the cause, what the launcher said, and what mends it; the
 * others go on. No answer at all within ADDER_HOST_MS: that host has failed. The session ends: all that is open fails.
 */
#include "config.h"

#include "console/adder.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/heap.h"
#include "console/json.h"
#include "console/sshmaster.h"

enum { DRAW_MS = 100, SHOWN_MAX = 12, NAME_WIDTH = 40 };

enum entry_state { ENTRY_WAITING, ENTRY_ASKED, ENTRY_UP, ENTRY_FAILED };

struct adder;

struct entry {
	struct adder *adder;
	const struct hostfile_host *host; /* NULL: local ones */
	enum entry_state state;
	int64_t req;
	uint64_t began_ns, took_ms;
};

/* What is kept of an answer for JSON. */
struct outcome {
	char *name, *text, *said, *fix;
	int code;
	uint64_t node, took_ms;
};

struct adder {
	struct context *context;
	struct session *session;
	const struct adder_options *options;
	struct adder_result *result;
	struct entry *entries;
	size_t n, nasked, nopen; /* nopen: asked and not decided */
	struct outcome *outcomes;
	size_t noutcomes, room;
	bool live;      /* draws */
	unsigned ndrawn; /* lines of the block below */
	unsigned turn;
	bool done;
};

/* --- what is shown --------------------------------------------------------------------------------- */

static const char *name_of(const struct entry *e)
{
	return e->host ? e->host->name : "local";
}

static const char *paint(const struct adder *a, const char *colour)
{
	return context_colour(fileno(a->options->out)) ? colour : "";
}

static void wipe(struct adder *a)
{
	if (a->ndrawn)
		fprintf(a->options->out, "\033[%uA\r\033[J", a->ndrawn);
	a->ndrawn = 0;
}

static void draw(struct adder *a)
{
	static const char *const marks[] = {"⠋", "⠙", "⠸", "⠴", "⠦", "⠇"};
	uint64_t now = weft__clock_ns();
	size_t shown = 0, open = 0;
	if (!a->live)
		return;
	wipe(a);
	for (size_t i = 0; i < a->n; i++) {
		const struct entry *e = &a->entries[i];
		if (e->state > ENTRY_ASKED)
			continue;
		open++;
		if (e->state != ENTRY_ASKED || shown == SHOWN_MAX)
			continue;
		uint64_t ms = (now - e->began_ns) / 1000000;
		fprintf(a->options->out, "%s %.*s  %llu.%llu s\n", marks[a->turn % 6], NAME_WIDTH, name_of(e),
		        (unsigned long long)ms / 1000, (unsigned long long)ms % 1000 / 100);
		shown++;
	}
	a->ndrawn = (unsigned)shown;
	if (open > shown) {
		fprintf(a->options->out, "  and %zu more\n", open - shown);
		a->ndrawn++;
	}
	fflush(a->options->out);
}

/* What ssh said may be several lines. */
static void write_said(const struct adder *a, const char *said)
{
	while (*said) {
		size_t n = strcspn(said, "\n");
		size_t shown = n;
		while (shown > 0 && strchr(" \t\r", said[shown - 1]))
			shown--;
		if (shown > 0)
			fprintf(a->options->out, "    | %.*s\n", (int)shown, said);
		said += n + (said[n] == '\n');
	}
}

static void write_up(const struct adder *a, const char *name, uint64_t node, uint64_t took_ms)
{
	if (!node) {
		fprintf(a->options->out, "%s✔%s %s is a node already\n", paint(a, "\033[32m"), paint(a, "\033[0m"), name);
		return;
	}
	fprintf(a->options->out, "%s✔%s %s is node %llu  (%llu.%llu s)\n", paint(a, "\033[32m"), paint(a, "\033[0m"), name,
	        (unsigned long long)node, (unsigned long long)took_ms / 1000, (unsigned long long)took_ms % 1000 / 100);
}

static void write_failed(const struct adder *a, const char *name, int code, const char *text, const char *said,
                         const char *fix)
{
	fprintf(a->options->out, "%s✘%s %s: %s\n", paint(a, "\033[31m"), paint(a, "\033[0m"), name,
	        *text ? text : weft__err_text(code));
	write_said(a, said);
	if (*fix)
		fprintf(a->options->out, "    mend it with: %s\n", fix);
}

static void keep(struct adder *a, const struct outcome *o)
{
	if (a->noutcomes == a->room) {
		size_t room = a->room ? 2 * a->room : 16;
		struct outcome *grown = weft__realloc(a->outcomes, room * sizeof *grown);
		if (!grown)
			return;
		a->outcomes = grown;
		a->room = room;
	}
	struct outcome *k = &a->outcomes[a->noutcomes++];
	*k = *o;
	k->name = weft__strdup(o->name);
	k->text = weft__strdup(o->text);
	k->said = weft__strdup(o->said);
	k->fix = weft__strdup(o->fix);
}

/* One node is decided. */
static void tell(struct adder *a, const struct outcome *o)
{
	*(o->code ? &a->result->failed : &a->result->up) += 1;
	if (a->options->json) {
		keep(a, o);
		return;
	}
	wipe(a);
	if (o->code)
		write_failed(a, o->name, o->code, o->text, o->said, o->fix);
	else if (!a->options->quiet)
		write_up(a, o->name, o->node, o->took_ms);
	fflush(a->options->out);
	draw(a);
}

static void write_json(struct adder *a)
{
	struct json j;
	json_init(&j, a->options->out);
	json_open(&j, NULL);
	json_number(&j, "schema", 1);
	json_open_array(&j, "hosts");
	for (size_t i = 0; i < a->noutcomes; i++) {
		const struct outcome *o = &a->outcomes[i];
		json_open(&j, NULL);
		json_text(&j, "host", o->name);
		json_bool(&j, "ok", o->code == 0);
		json_number(&j, "node", (int64_t)o->node);
		json_number(&j, "ms", (int64_t)o->took_ms);
		json_text(&j, "error", o->code ? weft__err_name(o->code) : NULL);
		json_text(&j, "text", o->code ? o->text : NULL);
		json_text(&j, "said", o->said && *o->said ? o->said : NULL);
		json_text(&j, "fix", o->fix && *o->fix ? o->fix : NULL);
		json_close(&j);
	}
	json_close(&j);
	json_bool(&j, "ok", a->result->failed == 0);
	json_close(&j);
}

/* --- asking ---------------------------------------------------------------------------------------- */

static void ask_next(struct adder *a);

static void settle(struct entry *e, bool well)
{
	struct adder *a = e->adder;
	e->state = well ? ENTRY_UP : ENTRY_FAILED;
	a->nopen--;
}

static bool on_answer(void *arg, const struct weft__msg *m)
{
	struct entry *e = arg;
	struct adder *a = e->adder;
	struct outcome o = {.took_ms = (weft__clock_ns() - e->began_ns) / 1000000};
	bool last = true;
	if (m->code == WEFT__MSG_NODE_ADDED) {
		const struct weft__msg_node_added *n = &m->node_added;
		o.name = (char *)(n->host.n ? n->host.p : name_of(e));
		o.code = (int)n->code;
		o.node = n->node;
		o.text = (char *)n->text.p;
		o.said = (char *)n->said.p;
		o.fix = (char *)n->fix.p;
		last = n->left == 0;
		if (o.code == WEFT_EEXIST && a->options->there_too && strstr(o.text, "is a node already"))
			o.code = 0;
		else if (o.code == WEFT_EEXIST && !*o.fix)
			o.fix = (char *)"weft conf";
	} else {
		o.name = (char *)name_of(e);
		o.code = (int)m->result.code;
		o.text = (char *)m->result.text.p;
		o.said = o.fix = (char *)"";
	}
	if (last)
		settle(e, o.code == 0);
	tell(a, &o);
	if (last) {
		ask_next(a);
		a->done = a->nopen == 0;
	}
	return last;
}

static void fail(struct entry *e, int code, const char *text, const char *fix)
{
	struct outcome o = {.name = (char *)name_of(e), .code = code, .text = (char *)text, .said = (char *)"", .fix = (char *)fix,
	                    .took_ms = (weft__clock_ns() - e->began_ns) / 1000000};
	settle(e, false);
	tell(e->adder, &o);
}

/* Of PVM's lists the path of its own daemon does not help us. */
static const char *daemon_of(const struct hostfile_host *h)
{
	const char *path = h->text[HOSTFILE_DAEMON];
	const char *name = path ? strrchr(path, '/') : NULL;
	name = name ? name + 1 : path;
	return name && strncmp(name, "pvmd", 4) ? path : "";
}

static struct weft__str text_of(const struct hostfile_host *h, enum hostfile_text which)
{
	return weft__str(h->text[which] ? h->text[which] : "");
}

/* PVM's so= */
static const char *const start_names[] = {[HOSTFILE_USUAL] = "", [HOSTFILE_PASSWORD] = "pw", [HOSTFILE_BY_HAND] = "ms"};

static int ask(struct adder *a, struct entry *e)
{
	const struct hostfile_host *h = e->host;
	struct weft__msg m = {.code = WEFT__MSG_NODE_ADD,
	                      .node_add = {.kind = WEFT__ADD_LOCAL, .count = (uint64_t)a->options->local}};
	if (h) {
		m.node_add = (struct weft__msg_node_add){.kind = a->options->kind ? a->options->kind : WEFT__ADD_SSH,
		                                         .host = weft__str(h->name),
		                                         .count = 1,
		                                         .login = text_of(h, HOSTFILE_LOGIN),
		                                         .address = text_of(h, HOSTFILE_ADDRESS),
		                                         .daemon = weft__str(daemon_of(h)),
		                                         .path = text_of(h, HOSTFILE_PATH),
		                                         .wdir = text_of(h, HOSTFILE_WDIR),
		                                         .ports = text_of(h, HOSTFILE_PORTS),
		                                         .start = weft__str(start_names[h->start]),
		                                         .slots = h->slots,
		                                         .speed = h->speed};
		if (!m.node_add.ports.n && a->options->ports)
			m.node_add.ports = weft__str(a->options->ports);
	}
	e->began_ns = weft__clock_ns();
	e->state = ENTRY_ASKED;
	a->nopen++;
	e->req = session_ask(a->session, &m, on_answer, e);
	return e->req < 0 ? (int)e->req : 0;
}

static bool asks_user(const struct entry *e)
{
	return e->host && e->host->start == HOSTFILE_PASSWORD;
}

/* Lets ssh talk to the user, one host after the other; 0, or the entry has failed. */
static int open_master(struct adder *a, struct entry *e)
{
	const struct hostfile_host *h = e->host;
	struct weft_error why;
	const char *address = h->text[HOSTFILE_ADDRESS] ? h->text[HOSTFILE_ADDRESS] : h->name;
	int rc = session_node(a->session) ? 0 : session_welcome(a->session, &why);
	if (!rc && session_node(a->session) != 1)
		rc = weft__err_set(&why, WEFT_EUNSUP, "so=pw works on the machine where the virtual machine was begun");
	wipe(a);
	fflush(a->options->out);
	e->began_ns = weft__clock_ns();
	if (!rc)
		rc = sshmaster_open(session_dir(a->session), h->text[HOSTFILE_LOGIN] ? h->text[HOSTFILE_LOGIN] : "", address, &why);
	if (!rc)
		return 0;
	char fix[300] = "";
	if (rc == WEFT_EDENIED)
		snprintf(fix, sizeof fix, "ssh -v %.200s true", address);
	a->nopen++;
	fail(e, rc, why.text, fix);
	return rc;
}

/* Those of which ssh may ask the user something come last, each when all others are decided: while it asks we hear
 * of none. */
static void ask_next(struct adder *a)
{
	while (a->nopen < ADDER_AT_ONCE && a->nasked < a->n && (a->nopen == 0 || !asks_user(&a->entries[a->nasked]))) {
		struct entry *e = &a->entries[a->nasked++];
		if (asks_user(e) && open_master(a, e))
			continue;
		int rc = ask(a, e);
		if (rc)
			fail(e, rc, weft__err_text(rc), "weft logs");
	}
}

/* Those that nobody says anything about. */
static void expire(struct adder *a)
{
	uint64_t now = weft__clock_ns();
	for (size_t i = 0; i < a->nasked; i++) {
		struct entry *e = &a->entries[i];
		if (e->state != ENTRY_ASKED || now - e->began_ns < ADDER_HOST_MS * UINT64_C(1000000))
			continue;
		session_forget(a->session, e->req);
		fail(e, WEFT_ETIMEDOUT, "the virtual machine does not say what became of it", "weft logs");
	}
	ask_next(a);
	a->done = a->nopen == 0;
}

/* The home node stands for this machine. */
static void set_home(struct adder *a, const struct hostfile_host *h)
{
	struct weft_error e;
	struct weft__msg m = {.code = WEFT__MSG_NODE_SET,
	                      .node_set = {.node = 1, .slots = h->slots, .speed = h->speed}};
	a->result->here = true;
	if ((h->slots || h->speed) && session_request(a->session, &m, SESSION_TIMEOUT_MS, &e))
		context_note(a->context, "%s: %s", h->name, e.text);
}

static int make_entries(struct adder *a, const struct hostfile *f)
{
	a->entries = weft__calloc(f->n + 1, sizeof *a->entries);
	if (!a->entries)
		return WEFT_ENOMEM;
	if (a->options->local > 0)
		a->entries[a->n++] = (struct entry){.adder = a};
	for (size_t i = 0; i < 2 * f->n; i++) {
		const struct hostfile_host *h = &f->hosts[i % f->n];
		if ((h->start == HOSTFILE_PASSWORD) != (i >= f->n) || (h->later && !a->options->later))
			continue;
		if (h->start == HOSTFILE_BY_HAND)
			context_note(a->context, "%s: so=ms: Weft starts no daemon by hand, as its key would have to be typed; "
			             "ssh is tried", h->name);
		if (a->options->here_too && hostfile_is_here(h->name))
			set_home(a, h);
		else
			a->entries[a->n++] = (struct entry){.adder = a, .host = h};
	}
	return 0;
}

static void adder_fini(struct adder *a)
{
	for (size_t i = 0; i < a->nasked; i++) /* answers that come later must not find us */
		if (a->entries[i].state == ENTRY_ASKED && a->entries[i].req > 0)
			session_forget(a->session, a->entries[i].req);
	for (size_t i = 0; i < a->noutcomes; i++) {
		weft__free(a->outcomes[i].name);
		weft__free(a->outcomes[i].text);
		weft__free(a->outcomes[i].said);
		weft__free(a->outcomes[i].fix);
	}
	weft__free(a->outcomes);
	weft__free(a->entries);
}

int adder_run(struct context *c, struct session *s, const struct hostfile *f, const struct adder_options *o,
              struct adder_result *result)
{
	struct adder a = {.context = c, .session = s, .options = o, .result = result};
	struct weft_error e = {0};
	*result = (struct adder_result){0};
	const char *term = getenv("TERM");
	a.live = !o->json && !o->quiet && isatty(fileno(o->out)) && term && strcmp(term, "dumb");
	int rc = make_entries(&a, f);
	if (rc)
		weft__err_set(&e, rc, "out of memory");
	ask_next(&a);
	a.done = a.nopen == 0;
	while (!rc && !a.done) {
		a.turn++;
		draw(&a);
		rc = session_wait(s, &a.done, DRAW_MS, &e);
		if (rc == WEFT_ETIMEDOUT) {
			rc = 0;
			expire(&a);
		}
	}
	wipe(&a);
	if (rc)
		context_error(c, "%s", e.text);
	else if (o->json)
		write_json(&a);
	fflush(o->out);
	adder_fini(&a);
	return rc;
}
