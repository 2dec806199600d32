#include "config.h"

#include "console/args.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/heap.h"
#include "console/suggest.h"
#include "console/hostfile.h"

enum {
	OPTIONS_MAX = 32, /* of a command */
	LIST_STEP   = 16,
	SPELLING    = 48, /* room for "--name" */
	YEARS_MAX_S = 10 * 366 * 24 * 3600,
};

/* What getopt_long wants, made of a command's table. */
struct getopt_table {
	char letters[3 * OPTIONS_MAX + 3];
	struct option longs[OPTIONS_MAX + 1];
};

char option_letter(const struct command *c, const struct option_def *o, enum dialect dialect)
{
	if (dialect == DIALECT_PVM && o->pvm)
		return o->pvm;
	if (o->id >= 256)
		return '\0';
	for (const struct option_def *other = c->options; dialect == DIALECT_PVM && other->name; other++)
		if (other->pvm == o->id || (other->glued && !strcmp(other->glued, "-"))) /* the latter takes every word */
			return '\0';
	return (char)o->id;
}

static void build_table(const struct command *command, enum dialect dialect, struct getopt_table *t)
{
	char *letter = t->letters;
	size_t n     = 0;
	if (command->flags & CMD_PROGRAM)
		*letter++ = '+';
	*letter++ = ':';
	for (const struct option_def *o = command->options; o && o->name; o++) {
		int has_arg = o->kind == ARG_NONE ? no_argument
		              : o->optional_arg   ? optional_argument
		                                  : required_argument;
		assert(n < OPTIONS_MAX);
		t->longs[n++] = (struct option){.name = o->name, .has_arg = has_arg, .val = o->id};
		char own = option_letter(command, o, dialect);
		if (!own)
			continue;
		*letter++ = own;
		if (has_arg != no_argument)
			*letter++ = ':';
		if (has_arg == optional_argument)
			*letter++ = ':';
	}
	t->longs[n] = (struct option){0};
	*letter     = '\0';
}

/* By its letter or, from 256 on, its id; NULL: there is none. */
static const struct option_def *find_option(const struct args *a, int which)
{
	for (const struct option_def *o = a->command->options; o && o->name; o++)
		if (which < 256 ? option_letter(a->command, o, a->dialect) == which : o->id == which)
			return o;
	return NULL;
}

/* The option that this word is in PVM's way to write it, and where its value begins; NULL: none. Where Weft's letters
 * are spoken, one of them comes before a name. */
static const struct option_def *find_glued(const struct args *a, char *word, char **value)
{
	for (const struct option_def *o = a->command->options; o && o->name; o++) {
		size_t n = o->glued ? strcspn(o->glued, "#") : 0;
		if (n == 0 || strncmp(word, o->glued, n))
			continue;
		if (o->glued[n] == '#' ? !isdigit((unsigned char)word[n]) : o->kind == ARG_NONE && word[n])
			continue;
		if (!strcmp(o->glued, "-")) { /* any name, but no option written in full and no end of options */
			if (!word[n] || word[n] == '-')
				continue;
			if (a->dialect == DIALECT_WEFT && find_option(a, word[n]))
				continue;
		}
		*value = word[n] || o->kind == ARG_NONE ? word + n : NULL;
		return *value || o->optional_arg ? o : NULL;
	}
	return NULL;
}

int args_parse_count(const char *text, long min, long max, long *value)
{
	char *end;
	errno    = 0;
	long got = strtol(text, &end, 10);
	if (end == text || *end || errno || got < min || got > max || isspace((unsigned char)*text))
		return WEFT_EINVAL;
	*value = got;
	return 0;
}

int args_parse_duration(const char *text, int64_t *ms)
{
	static const struct {
		char unit;
		int seconds;
	} units[] = {{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}, {'\0', 1}};
	double seconds = 0;
	size_t next    = 0; /* units come in descending order, each once */
	if (!*text)
		return WEFT_EINVAL;
	while (*text) {
		char number[32], *end;
		size_t length = strspn(text, "0123456789."), i = next;
		if (length == 0 || length >= sizeof number)
			return WEFT_EINVAL;
		memcpy(number, text, length);
		number[length] = '\0';
		double value   = strtod(number, &end);
		while (i < sizeof units / sizeof *units && units[i].unit != text[length])
			i++;
		if (*end || end == number || i == sizeof units / sizeof *units)
			return WEFT_EINVAL;
		seconds += value * units[i].seconds;
		next = i + 1;
		text += length + (text[length] != '\0');
	}
	if (!(seconds >= 0.001 && seconds <= YEARS_MAX_S))
		return WEFT_EINVAL;
	*ms = (int64_t)(seconds * 1000 + 0.5);
	return 0;
}

int args_parse_signal(const char *text, int *signo)
{
	long number;
	if (args_parse_count(text, 1, 64, &number) == 0) {
		*signo = (int)number;
		return 0;
	}
	if (!strncasecmp(text, "SIG", 3))
		text += 3;
	for (int i = 1; i < NSIG; i++) {
		const char *name = sigabbrev_np(i);
		if (name && !strcasecmp(name, text)) {
			*signo = i;
			return 0;
		}
	}
	return WEFT_EINVAL;
}

const char *args_signal_name(int signo)
{
	return sigabbrev_np(signo);
}

/* "-n", or "--host" when it has no letter: as most people write it. */
static const char *spell(const struct option_def *o, char text[static SPELLING])
{
	if (o->id < 256)
		snprintf(text, SPELLING, "-%c", o->id);
	else
		snprintf(text, SPELLING, "--%s", o->name);
	return text;
}

/* Is this value one of its kind? */
static int check_value(const struct option_def *o, const char *value, struct weft_error *e)
{
	char name[SPELLING];
	spell(o, name);
	long number;
	int64_t ms;
	int signo;
	switch (o->kind) {
	case ARG_COUNT:
		if (args_parse_count(value, o->min, o->max, &number))
			return weft__err_set(e, WEFT_EINVAL, "%s must be a number from %ld to %ld, not '%.40s'",
			                     name, o->min, o->max, value);
		return 0;
	case ARG_DURATION:
		if (args_parse_duration(value, &ms))
			return weft__err_set(e, WEFT_EINVAL,
			                     "%s must be a time such as 90, 90s, 5m or 1h30m, not '%.40s'",
			                     name, value);
		return 0;
	case ARG_SIGNAL:
		if (args_parse_signal(value, &signo))
			return weft__err_set(e, WEFT_EINVAL,
			                     "%s must be a signal such as 15, TERM or SIGTERM, not '%.40s'",
			                     name, value);
		return 0;
	case ARG_VARIABLE:
		if (!*value || *value == '=')
			return weft__err_set(e, WEFT_EINVAL,
			                     "%s must be NAME or NAME=VALUE, not '%.40s'", name, value);
		return 0;
	case ARG_PORTS:
		if (!hostfile_is_ports(value))
			return weft__err_set(e, WEFT_EINVAL, "%s must be a port, or a range such as 7000-7010, not '%.40s'",
			                     name, value);
		return 0;
	default:
		if (!*value)
			return weft__err_set(e, WEFT_EINVAL, "%s must not be empty", name);
		return 0;
	}
}

/* How one calls our commands. */
static const char *self(const struct args *a)
{
	return a->dialect == DIALECT_PVM ? "" : "weft ";
}

/* An unknown option, as it stands on the command line. */
static int complain_unknown(const struct args *a, const char *given, int letter, struct weft_error *e)
{
	const struct command *command = a->command;
	const char *names[OPTIONS_MAX + 1];
	size_t n = 0;
	char text[48];
	if (letter)
		return weft__err_set(e, WEFT_EINVAL, "unknown option -%c; see: %shelp %s", letter, self(a),
		                     command->name);
	for (const struct option_def *o = command->options; o && o->name; o++)
		if (!o->hidden)
			names[n++] = o->name;
	names[n] = NULL;
	given += strspn(given, "-");
	size_t length = strcspn(given, "=");
	memcpy(text, given, length < sizeof text ? length : sizeof text - 1);
	text[length < sizeof text ? length : sizeof text - 1] = '\0';
	const char *nearest = suggest_nearest(text, names);
	if (nearest)
		return weft__err_set(e, WEFT_EINVAL, "unknown option --%s; did you mean --%s?", text, nearest);
	return weft__err_set(e, WEFT_EINVAL, "unknown option --%s; see: %shelp %s", text, self(a),
	                     command->name);
}

static int complain(const struct args *a, int what, const char *given, int id, struct weft_error *e)
{
	char name[SPELLING];
	if (what == ':') {
		const struct option_def *o = find_option(a, id);
		if (!o)
			return weft__err_set(e, WEFT_EINVAL, "option %s needs a value", given);
		spell(o, name);
		return weft__err_set(e, WEFT_EINVAL, "%s needs a value: %s %s", name, name, o->arg);
	}
	const struct option_def *o = id ? find_option(a, id) : NULL;
	if (o) /* getopt knows it: a value was given where none is due */
		return weft__err_set(e, WEFT_EINVAL, "--%s takes no value", o->name);
	return complain_unknown(a, given, id > 0 && id < 256 ? id : 0, e);
}

static int check_operands(const struct args *a, struct weft_error *e)
{
	const struct command *c = a->command;
	if (a->noperands < c->noperands_min)
		return weft__err_set(e, WEFT_EINVAL, "%s is missing; usage: %s%s %s",
		                     c->operand == ARG_PROGRAM ? "the program to run" : "an argument", self(a),
		                     c->name, c->operands);
	if (c->noperands_max >= 0 && a->noperands > c->noperands_max)
		return weft__err_set(e, WEFT_EINVAL, "unexpected argument '%.40s'; see: %shelp %s",
		                     a->operands[c->noperands_max], self(a), c->name);
	return 0;
}

static int take_option(struct args *a, const struct option_def *o, const char *value, struct weft_error *e)
{
	if (a->n % LIST_STEP == 0) {
		struct arg *list = weft__realloc(a->list, (a->n + LIST_STEP) * sizeof *list);
		if (!list)
			return weft__err_set(e, WEFT_ENOMEM, "out of memory");
		a->list = list;
	}
	if (o->kind == ARG_NONE)
		value = NULL;
	a->list[a->n++] = (struct arg){o, value};
	return value ? check_value(o, value, e) : 0;
}

/* Options up to the first operand; where that is no end of options, getopt brings the operands to the end. */
static int take_options(struct args *a, int argc, char **argv, struct weft_error *e)
{
	struct getopt_table table;
	int rc = 0, within = 0; /* a word with letters has not been read to its end */
	build_table(a->command, a->dialect, &table);
	opterr = 0;
	optind = 0; /* getopt may have been left within a word; of no words it reads none */
	getopt_long(1, argv, table.letters, table.longs, NULL);
	while (!rc) {
		int before = optind, index = -1;
		char *value;
		const struct option_def *o = within || before >= argc ? NULL : find_glued(a, argv[before], &value);
		if (o) {
			rc = take_option(a, o, value, e);
			optind++;
			continue;
		}
		int got = getopt_long(argc, argv, table.letters, table.longs, &index);
		if (got == -1)
			break;
		if (got == '?' || got == ':')
			return complain(a, got, argv[optind > before ? optind - 1 : before], optopt, e);
		within = optind == before;
		rc     = take_option(a, index >= 0 ? &a->command->options[index] : find_option(a, got), optarg, e);
	}
	return rc;
}

int args_parse(const struct command *command, enum dialect dialect, int argc, char **argv, struct args *a,
               struct weft_error *e)
{
	*a        = (struct args){.command = command, .dialect = dialect};
	bool raw  = (command->flags & CMD_RAW) != 0;
	int rc    = raw ? 0 : take_options(a, argc, argv, e);
	int first = raw ? 1 : optind;
	if (rc)
		return rc;
	a->operands  = argv + first;
	a->noperands = argc - first;
	return args_has(a, 'h') ? 0 : check_operands(a, e);
}

void args_fini(struct args *a)
{
	weft__free(a->list);
	*a = (struct args){0};
}

static const struct arg *find_last(const struct args *a, int id)
{
	for (size_t i = a->n; i-- > 0;)
		if (a->list[i].option->id == id)
			return &a->list[i];
	return NULL;
}

bool args_has(const struct args *a, int id)
{
	return find_last(a, id) != NULL;
}

const char *args_text(const struct args *a, int id)
{
	const struct arg *last = find_last(a, id);
	return last ? last->value : NULL;
}

long args_count(const struct args *a, int id, long otherwise)
{
	const struct arg *last = find_last(a, id);
	if (last && last->value)
		args_parse_count(last->value, last->option->min, last->option->max, &otherwise);
	return otherwise;
}

int64_t args_duration_ms(const struct args *a, int id)
{
	const struct arg *last = find_last(a, id);
	int64_t ms             = -1;
	if (last && last->value)
		args_parse_duration(last->value, &ms);
	return ms;
}
