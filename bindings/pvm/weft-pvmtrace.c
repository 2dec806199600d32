/* weft-pvmtrace - the task that receives the traces of `spawn -@` and prints them as the self-describing text that tools
 * for PVM's traces read.
 *
 * Happy path: traced tasks send it messages of trace events; it prints a description of each kind of event once, and
 * each event. On standard input the console says what the tasks write: each line is an event, too. It closes that when the
 * traced job has ended: what has come until then is printed, and it ends.
 *
 * What can go wrong: a message that is none of PVM's traces (the rest of it is left out); nobody reads what is printed
 * (it ends).
 */
#include "config.h"

#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "base/heap.h"
#include "base/map.h"
#include "bindings/pvm/exported.h"
#include "proto/tracer.h"

enum { LINE_MAX_BYTES = 4096, SAID_MAX = 128 << 10 };
enum { FIELDS_MAX = 32, TEXT_ROOM = 65536, KINDS = 4 * (TEV_MAX + 1), LOOK_US = 100000, LOOKS_MAX = 20, HOST_ADD = 1802, OUTPUT = 1808 };

/* The fields of one kind of event. */
struct kind {
	bool known;
	int n;
	int ids[FIELDS_MAX], types[FIELDS_MAX];
};

static struct kind kinds[KINDS];
static bool with_prefix;     /* before each line; not in a file */
static char prefix[64];
static char record[2 * TEXT_ROOM]; /* the one that is being read, as text */
static size_t used;
static int nrunning;         /* traced tasks that have begun and not ended */

/* --- printing ------------------------------------------------------------------------------------ */

static void append(const char *text)
{
	size_t n = strlen(text);
	if (n >= sizeof record - used)
		n = sizeof record - used - 1;
	memcpy(record + used, text, n);
	used += n;
	record[used] = '\0';
}

/* "send(0.0)" where a call begins, "send(1.1)" where it ends, "newtask(0)" for what is no call. */
static void name_of(int event, char *text, size_t size)
{
	int number       = event & ~(TEV_EVENT_ENTRY | TEV_EVENT_EXIT);
	const char *name = number >= 0 && number <= TEV_MAX ? pvmtevinfo[number].name : "unknown";
	snprintf(text, size, "%s(%s)", name, event & TEV_EVENT_ENTRY ? "0.0" : event & TEV_EVENT_EXIT ? "1.1" : "0");
}

static const char *type_name(int type)
{
	return (type & ~TEV_DATA_ARRAY) == TEV_DATA_STRING ? "char" : (type & ~TEV_DATA_ARRAY) == TEV_DATA_LONG ? "long" : "int";
}

/* The number of a kind of record, as PVM's console gives it. */
static int tag_of(int event)
{
	int number = event & ~(TEV_EVENT_ENTRY | TEV_EVENT_EXIT);
	return event & TEV_EVENT_EXIT ? 2001 + 2 * number : 1000 + 2 * number;
}

static void print_fields(int tag, const char *name, const struct kind *k)
{
	printf("%s\n%s#%d: \"%s\"\n%s{\n", prefix, prefix, tag, name, prefix);
	for (int i = 0; i < k->n; i++) {
		const struct Pvmtevdid *field = &pvmtevdidlist[k->ids[i]];
		bool many = k->types[i] & TEV_DATA_ARRAY || k->types[i] == TEV_DATA_STRING;
		printf("%s\t// \"%s\" \"%s\"\n%s\t%s \"%s\"%s;\n", prefix, field->did, field->desc, prefix,
		       type_name(k->types[i]), field->did, many ? "[]" : "");
	}
	printf("%s};;\n%s\n", prefix, prefix);
}

static void print_description(int event, const struct kind *k)
{
	char name[64];
	name_of(event, name, sizeof name);
	print_fields(tag_of(event), name, k);
}

static void print_header(void)
{
	struct timeval now;
	char date[64] = "";
	gettimeofday(&now, NULL);
	struct tm *local = localtime(&now.tv_sec);
	if (local)
		strftime(date, sizeof date, "%a %b %e %H:%M:%S %Y", local);
	printf("%s/*\n%s * \"Creation Date\" \"%s\"\n%s * \"Machine\" \"Weft " PACKAGE_VERSION " (PVM %s)\"\n%s */ ;;\n%s\n", prefix,
	       prefix, date, prefix, pvm_version(), prefix, prefix);
}

static void print_text_field(const char *text)
{
	printf("[%d] { \"%s\" }, ", (int)strlen(text) + 1, text);
}

/* Lines and quotes are the format's own. */
static void make_plain(char *text)
{
	for (char *p = text; *p; p++)
		if ((unsigned char)*p < ' ' || *p == '"')
			*p = '?';
}

/* Which hosts there are, as PVM's console begins a file of traces. */
static void print_hosts(void)
{
	static const char *const fields[][3] = {
	        {"TS", "int", ""},   {"TU", "int", ""},   {"TID", "int", ""}, {"HN", "char", "[]"},
	        {"HNA", "char", "[]"}, {"HA", "char", "[]"}, {"HSP", "int", ""},
	};
	struct pvmhostinfo *hosts;
	struct timeval now;
	int n = 0;
	if (pvm_config(&n, NULL, &hosts) < 0 || n < 1)
		return;
	printf("%s#%d: \"host_add(0)\"\n%s{\n", prefix, HOST_ADD, prefix);
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
		printf("%s\t%s \"%s\"%s;\n", prefix, fields[i][1], fields[i][0], fields[i][2]);
	printf("%s};;\n%s\n", prefix, prefix);
	gettimeofday(&now, NULL);
	for (int i = 0; i < n; i++) {
		printf("%s\"host_add(0)\" { %lld, %lld, %d, ", prefix, (long long)now.tv_sec, (long long)now.tv_usec, hosts[i].hi_tid);
		print_text_field(hosts[i].hi_name);
		print_text_field(hosts[i].hi_name);
		print_text_field(hosts[i].hi_arch);
		printf("%d };;\n", hosts[i].hi_speed);
	}
}

/* --- reading a message; each returns a negative code at its end ----------------------------------- */

static int read_text(void)
{
	static char text[TEXT_ROOM];
	char number[32];
	int n, rc = pvm_upkint(&n, 1, 1);
	if (rc < 0 || n < 1 || n >= TEXT_ROOM)
		return rc < 0 ? rc : PvmBadMsg;
	rc          = pvm_upkbyte(text, n, 1);
	text[n - 1] = '\0';
	make_plain(text);
	snprintf(number, sizeof number, "[%d] { \"", (int)strlen(text) + 1);
	append(number);
	append(text);
	append("\" }");
	return rc;
}

static int read_one(int type)
{
	char text[32];
	int small = 0, rc;
	long large = 0;
	if (type == TEV_DATA_STRING)
		return read_text();
	if (type == TEV_DATA_LONG) {
		rc = pvm_upklong(&large, 1, 1);
	} else {
		rc    = pvm_upkint(&small, 1, 1);
		large = small;
	}
	snprintf(text, sizeof text, "%ld", large);
	append(text);
	return rc;
}

static int read_value(int type)
{
	char text[32];
	int n = 1, rc = 0;
	if (!(type & TEV_DATA_ARRAY))
		return read_one(type);
	rc = pvm_upkint(&n, 1, 1);
	snprintf(text, sizeof text, "[%d] { ", n);
	append(text);
	for (int i = 0; rc >= 0 && i < n; i++) {
		append(i ? ", " : "");
		rc = read_one(type & ~TEV_DATA_ARRAY);
	}
	append(" }");
	return rc;
}

/* The fields with their values, up to the mark that ends them. */
static int read_described(struct kind *k)
{
	int id, type, rc;
	k->n = 0;
	while ((rc = pvm_upkint(&id, 1, 1)) >= 0 && id != TEV_MARK_EVENT_DESC_END) {
		rc = pvm_upkint(&type, 1, 1);
		if (rc >= 0 && (id < 0 || id > TEV_DID_MAX || k->n == FIELDS_MAX))
			rc = PvmBadMsg;
		if (rc < 0)
			return rc;
		append(k->n ? ", " : "");
		k->ids[k->n]     = id;
		k->types[k->n++] = type;
		if ((rc = read_value(type)) < 0)
			return rc;
	}
	return rc;
}

static int read_known(const struct kind *k)
{
	int mark, rc = 0;
	for (int i = 0; i < k->n && rc >= 0; i++) {
		append(i ? ", " : "");
		rc = read_value(k->types[i]);
	}
	return rc < 0 ? rc : pvm_upkint(&mark, 1, 1);
}

static int index_of(int event)
{
	int number = event & ~(TEV_EVENT_ENTRY | TEV_EVENT_EXIT);
	if (number < 0 || number > TEV_MAX)
		return -1;
	return 4 * number + (event & TEV_EVENT_ENTRY ? 1 : event & TEV_EVENT_EXIT ? 2 : 0);
}

static int read_event(bool described)
{
	char name[64], skipped[256];
	int event, length, rc = pvm_upkint(&event, 1, 1), at = rc < 0 ? -1 : index_of(event);
	if (at < 0)
		return PvmBadMsg;
	struct kind *k = &kinds[at], fresh = {.known = true};
	used = 0;
	if (described) {
		rc = pvm_upkint(&length, 1, 1);
		if (rc < 0 || length < 1 || length > (int)sizeof skipped)
			return PvmBadMsg;
		rc = pvm_upkbyte(skipped, length, 1);
		rc = rc < 0 ? rc : read_described(&fresh);
		if (rc >= 0 && !k->known)
			print_description(event, &fresh);
		if (rc >= 0)
			*k = fresh;
	} else {
		rc = k->known ? read_known(k) : PvmBadMsg;
	}
	name_of(event, name, sizeof name);
	nrunning += (event == TEV_NEWTASK) - (event == TEV_ENDTASK);
	if (rc >= 0)
		printf("%s\"%s\" { %s };;\n", prefix, name, record);
	return rc;
}

/* What the fields are called: we know it from our own library. */
static int skip_names(void)
{
	static char text[TEXT_ROOM];
	int id, rc;
	while ((rc = pvm_upkint(&id, 1, 1)) >= 0 && id != TEV_MARK_DATA_ID_END) {
		for (int i = 0; i < 2 && rc >= 0; i++) {
			int n = 0;
			rc    = pvm_upkint(&n, 1, 1);
			rc    = rc < 0 ? rc : n < 1 || n >= TEXT_ROOM ? PvmBadMsg : pvm_upkbyte(text, n, 1);
		}
		if (rc < 0)
			return rc;
	}
	return rc;
}

/* Of whom the next lines are. */
static void set_prefix(int tid)
{
	const char *job = getenv("WEFT_JOB");
	if (with_prefix)
		snprintf(prefix, sizeof prefix, "[T%.20s:t%x] ", job ? job : "0", (unsigned)tid);
}

/* --- what the tasks write ------------------------------------------------------------------------- */

/* A task's line so far. */
struct line {
	size_t n;
	char text[LINE_MAX_BYTES];
};

static struct weft__map lines; /* by the task's slot */

static void print_said(int tid, const char *text)
{
	static const struct kind said = {true,
	                                 4,
	                                 {TEV_DID_TS, TEV_DID_TU, TEV_DID_TID, TEV_DID_OS},
	                                 {TEV_DATA_INT, TEV_DATA_INT, TEV_DATA_INT, TEV_DATA_STRING}};
	static bool described;
	struct timeval now;
	gettimeofday(&now, NULL);
	set_prefix(tid);
	if (!described)
		print_fields(OUTPUT, "output(0)", &said);
	described = true;
	printf("%s\"output(0)\" { %lld, %lld, %d, [%d] { \"%s\" } };;\n", prefix, (long long)now.tv_sec, (long long)now.tv_usec, tid,
	       (int)strlen(text) + 1, text);
}

static void end_line(int tid, struct line *l)
{
	l->text[l->n] = '\0';
	l->n          = 0;
	make_plain(l->text);
	print_said(tid, l->text);
}

/* NULL: no memory. As PVM tells of its output, so that a task is told of before it writes. */
static struct line *line_of(int tid)
{
	struct line *l = weft__map_get(&lines, (uint64_t)tid);
	if (l || !(l = weft__calloc(1, sizeof *l)))
		return l;
	if (weft__map_put(&lines, (uint64_t)tid, l)) {
		weft__free(l);
		return NULL;
	}
	print_said(tid, "CREATION");
	print_said(tid, "GOTSPAWN");
	return l;
}

static void take_said(int tid, const char *bytes, size_t nbytes)
{
	struct line *l = line_of(tid);
	for (size_t i = 0; l && i < nbytes; i++) {
		if (bytes[i] != '\n')
			l->text[l->n++] = bytes[i];
		if (bytes[i] == '\n' || l->n == sizeof l->text - 1)
			end_line(tid, l);
	}
	if (!l || nbytes)
		return;
	if (l->n)
		end_line(tid, l);
	print_said(tid, "GOTEOF");
	weft__free(weft__map_remove(&lines, (uint64_t)tid));
}

/* Of standard input, what has come and is not complete. */
static struct {
	char bytes[SAID_MAX];
	size_t n;
} input;

static void take_input(void)
{
	struct weft__tracer_said head;
	size_t at = 0;
	while (input.n - at >= sizeof head) {
		memcpy(&head, input.bytes + at, sizeof head);
		if (head.nbytes > SAID_MAX - sizeof head) { /* not the console's */
			input.n = 0;
			return;
		}
		if (input.n - at < sizeof head + head.nbytes)
			break;
		take_said((int)head.slot, input.bytes + at + sizeof head, head.nbytes);
		at += sizeof head + head.nbytes;
	}
	input.n -= at;
	memmove(input.bytes, input.bytes + at, input.n);
}

/* All that there is. False at its end. */
static bool read_input(void)
{
	for (;;) {
		struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
		if (poll(&in, 1, 0) <= 0)
			return true;
		ssize_t n = read(STDIN_FILENO, input.bytes + input.n, sizeof input.bytes - input.n);
		if (n <= 0)
			return false;
		input.n += (size_t)n;
		take_input();
	}
}

/* --- messages --------------------------------------------------------------------------------------- */

static void read_message(int id)
{
	int mark, bytes, tag, tid, rc = pvm_bufinfo(id, &bytes, &tag, &tid);
	set_prefix(tid);
	while (rc >= 0 && pvm_upkint(&mark, 1, 1) >= 0) {
		switch (mark) {
		case TEV_MARK_EVENT_BUFFER:
		case TEV_MARK_EVENT_BUFFER_END:
			break;
		case TEV_MARK_DATA_ID:
			rc = skip_names();
			break;
		case TEV_MARK_EVENT_DESC:
		case TEV_MARK_EVENT_RECORD:
			rc = read_event(mark == TEV_MARK_EVENT_DESC);
			break;
		default:
			rc = PvmBadMsg;
			break;
		}
	}
}

int main(int argc, char **argv)
{
	struct timeval look = {.tv_usec = LOOK_US};
	int nlooks          = 0; /* since the end, with nothing that came */
	bool over           = false;
	if (pvm_mytid() < 0)
		return 1;
	pvm_setopt(PvmAutoErr, 0); /* the end of a message is none */
	with_prefix = argc > 1 && !strcmp(argv[1], "-p");
	set_prefix(pvm_mytid());
	print_header();
	print_hosts();
	for (;;) {
		int id = pvm_trecv(-1, -1, &look);
		if (id > 0)
			read_message(id);
		if (id < 0 || fflush(stdout))
			break;
		if (id == 0 && over && (nrunning <= 0 || ++nlooks == LOOKS_MAX)) /* nothing has come for a while since the end */
			break;
		over = over || !read_input();
	}
	pvm_exit();
	return 0;
}
