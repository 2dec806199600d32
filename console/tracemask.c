#include "config.h"

#include "console/tracemask.h"

#include <string.h>

#include "console/suggest.h"

enum { ALWAYS = 1, /* there is no choice about it */ USUAL = 2 /* what XPVM shows */ };

/* PVM's events with their numbers, by name. */
static const struct event {
	const char *name;
	unsigned char number, flags;
} events[] = {
        {"addhosts", 0, 0}, {"addmhf", 103, 0}, {"archcode", 78, 0}, {"barrier", 1, USUAL},
        {"bcast", 2, USUAL}, {"bufinfo", 3, 0}, {"catchout", 79, 0}, {"config", 4, 0}, {"delete", 5, 0},
        {"delhosts", 6, 0}, {"delinfo", 94, 0}, {"delmhf", 104, USUAL}, {"endtask", 76, ALWAYS},
        {"exit", 7, USUAL}, {"freebuf", 8, 0}, {"freecontext", 97, 0}, {"gather", 90, 0},
        {"getcontext", 99, 0}, {"getfds", 9, 0}, {"getinfo", 93, 0}, {"getinst", 10, 0},
        {"getmboxinfo", 95, 0}, {"getminfo", 101, 0}, {"getmwid", 80, 0}, {"getopt", 11, 0},
        {"getrbuf", 12, 0}, {"getsbuf", 13, 0}, {"gettid", 14, 0}, {"gettmask", 81, 0}, {"gsize", 15, 0},
        {"halt", 16, 0}, {"hostsync", 82, 0}, {"initsend", 17, 0}, {"insert", 18, 0},
        {"joingroup", 19, USUAL}, {"kill", 20, USUAL}, {"lookup", 21, 0}, {"lvgroup", 22, USUAL},
        {"mcast", 23, USUAL}, {"mhf_invoke", 105, USUAL}, {"mkbuf", 24, 0}, {"mstat", 25, 0},
        {"mytid", 26, USUAL}, {"newcontext", 96, 0}, {"newtask", 75, ALWAYS}, {"notify", 27, 0},
        {"nrecv", 28, USUAL}, {"packf", 83, 0}, {"parent", 29, USUAL}, {"perror", 30, 0}, {"pkbyte", 31, 0},
        {"pkcplx", 32, 0}, {"pkdcplx", 33, 0}, {"pkdouble", 34, 0}, {"pkfloat", 35, 0}, {"pkint", 36, 0},
        {"pklong", 38, 0}, {"pkshort", 40, 0}, {"pkstr", 42, 0}, {"pkuint", 37, 0}, {"pkulong", 39, 0},
        {"pkushort", 41, 0}, {"precv", 84, USUAL}, {"probe", 43, USUAL}, {"profiling", 107, ALWAYS},
        {"psend", 85, USUAL}, {"pstat", 44, 0}, {"putinfo", 92, 0}, {"recv", 45, USUAL},
        {"recvf", 46, USUAL}, {"reduce", 86, 0}, {"reg_hoster", 71, 0}, {"reg_rm", 72, 0},
        {"reg_tasker", 73, 0}, {"reg_tracer", 74, 0}, {"scatter", 91, 0}, {"send", 47, USUAL},
        {"sendsig", 48, USUAL}, {"setcontext", 98, 0}, {"setminfo", 102, 0}, {"setmwid", 87, 0},
        {"setopt", 49, 0}, {"setrbuf", 50, 0}, {"setsbuf", 51, 0}, {"settmask", 88, 0},
        {"siblings", 100, USUAL}, {"spawn", 52, USUAL}, {"spntask", 77, ALWAYS}, {"start_pvmd", 53, 0},
        {"tasks", 54, 0}, {"tickle", 55, 0}, {"tidtohost", 56, 0}, {"timing", 106, ALWAYS},
        {"trecv", 57, USUAL}, {"unpackf", 89, 0}, {"upkbyte", 58, 0}, {"upkcplx", 59, 0},
        {"upkdcplx", 60, 0}, {"upkdouble", 61, 0}, {"upkfloat", 62, 0}, {"upkint", 63, 0},
        {"upklong", 65, 0}, {"upkshort", 67, 0}, {"upkstr", 69, 0}, {"upkuint", 64, 0}, {"upkulong", 66, 0},
        {"upkushort", 68, 0}, {"user_defined", 108, USUAL}, {"version", 70, 0},
};

enum { NEVENTS = sizeof events / sizeof *events, PREFIX = 4 /* "pvm_" may stand before a name */ };

static void set(struct tracemask *m, unsigned number, bool on)
{
	char bit         = (char)(1 << number % 4);
	m->text[number / 4] = (char)(on ? m->text[number / 4] | bit : m->text[number / 4] & ~bit);
}

void tracemask_init(struct tracemask *m)
{
	memset(m->text, '@', TRACEMASK_CHARS);
	m->text[TRACEMASK_CHARS] = '\0';
	tracemask_usual(m);
}

void tracemask_usual(struct tracemask *m)
{
	for (size_t i = 0; i < NEVENTS; i++)
		set(m, events[i].number, events[i].flags != 0);
}

void tracemask_all(struct tracemask *m, bool on)
{
	for (size_t i = 0; i < NEVENTS; i++)
		set(m, events[i].number, on || events[i].flags & ALWAYS);
}

static const struct event *find(const char *name)
{
	if (!strncmp(name, "pvm_", PREFIX))
		name += PREFIX;
	for (size_t i = 0; i < NEVENTS; i++)
		if (!strcmp(events[i].name, name) && !(events[i].flags & ALWAYS))
			return &events[i];
	return NULL;
}

bool tracemask_set(struct tracemask *m, const char *name, bool on)
{
	const struct event *e = find(name);
	if (e)
		set(m, e->number, on);
	return e != NULL;
}

const char *tracemask_nearest(const char *name)
{
	const char *names[NEVENTS + 1];
	size_t n = 0;
	for (size_t i = 0; i < NEVENTS; i++)
		if (!(events[i].flags & ALWAYS))
			names[n++] = events[i].name;
	names[n] = NULL;
	return suggest_nearest(!strncmp(name, "pvm_", PREFIX) ? name + PREFIX : name, names);
}

const char *tracemask_next(const struct tracemask *m, size_t *cursor, bool *on)
{
	while (*cursor < NEVENTS && events[*cursor].flags & ALWAYS)
		++*cursor;
	if (*cursor == NEVENTS)
		return NULL;
	const struct event *e = &events[(*cursor)++];
	*on                   = m->text[e->number / 4] & 1 << e->number % 4;
	return e->name;
}
