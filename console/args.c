#include "config.h"

#include "console/args.h"

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

enum {
	OPTIONS_MAX = 32,
	SPELLING    = 48, /* room for "--name" */
	YEARS_MAX_S = 10 * 366 * 24 * 3600,
};

/* What getopt_long wants, made of a command's table. */
struct getopt_table {
	char letters[3 * OPTIONS_MAX + 3];
	struct option longs[OPTIONS_MAX + 1];
};

static void build_table(const struct command *command, struct getopt_table *t)
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
		t->longs[n++] = (struct option){.name = o->name, .has_arg = has_arg, .val = o->id};
		if (o->id >= 256)
			continue;
		*letter++ = (char)o->id;
		if (has_arg != no_argument)
			*letter++ = ':';
		if (has_arg == optional_argument)
			*letter++ = ':';
	}
	t->longs[n] = (struct option){0};
	*letter     = '\0';
}

static const struct option_def *find_option(const struct command *command, int id)
{
	for (const struct option_def *o = command->options; o && o->name; o++)
		if (o->id == id)
			return o;
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
	default:
		if (!*value)
			return weft__err_set(e, WEFT_EINVAL, "%s must not be empty", name);
		return 0;
	}
}

/* An unknown option, as it stands on the command line. */
static int complain_unknown(const struct command *command, const char *given, int letter,
                            struct weft_error *e)
{
	const char *names[OPTIONS_MAX + 1];
	size_t n = 0;
	char text[48];
	if (letter)
		return weft__err_set(e, WEFT_EINVAL, "unknown option -%c; see: weft help %s", letter,
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
	return weft__err_set(e, WEFT_EINVAL, "unknown option --%s; see: weft help %s", text, command->name);
}

static int complain(const struct command *command, int what, const char *given, int id, struct weft_error *e)
{
	char name[SPELLING];
	if (what == ':') {
		const struct option_def *o = find_option(command, id);
		if (!o)
			return weft__err_set(e, WEFT_EINVAL, "option %s needs a value", given);
		spell(o, name);
		return weft__err_set(e, WEFT_EINVAL, "%s needs a value: %s %s", name, name, o->arg);
	}
	const struct option_def *o = id ? find_option(command, id) : NULL;
	if (o) /* getopt knows it: a value was given where none is due */
		return weft__err_set(e, WEFT_EINVAL, "--%s takes no value", o->name);
	return complain_unknown(command, given, id > 0 && id < 256 ? id : 0, e);
}

static int check_operands(const struct args *a, struct weft_error *e)
{
	const struct command *c = a->command;
	if (a->noperands < c->noperands_min)
		return weft__err_set(e, WEFT_EINVAL, "%s is missing; usage: weft %s %s",
		                     c->operand == ARG_PROGRAM ? "the program to run" : "an argument", c->name,
		                     c->operands);
	if (c->noperands_max >= 0 && a->noperands > c->noperands_max)
		return weft__err_set(e, WEFT_EINVAL, "unexpected argument '%.40s'; see: weft help %s",
		                     a->operands[c->noperands_max], c->name);
	return 0;
}

int args_parse(const struct command *command, int argc, char **argv, struct args *a, struct weft_error *e)
{
	struct getopt_table table;
	*a      = (struct args){.command = command};
	a->list = weft__calloc((size_t)argc + 1, sizeof *a->list);
	if (!a->list)
		return weft__err_set(e, WEFT_ENOMEM, "out of memory");
	build_table(command, &table);
	opterr = 0;
	optind = 0;
	for (;;) {
		int before = optind ? optind : 1;
		int index  = -1;
		int got    = getopt_long(argc, argv, table.letters, table.longs, &index);
		if (got == -1)
			break;
		if (got == '?' || got == ':') {
			const char *given = argv[optind > before ? optind - 1 : before];
			return complain(command, got, given, optopt, e);
		}
		const struct option_def *o = find_option(command, got);
		if (optarg) {
			int rc = check_value(o, optarg, e);
			if (rc)
				return rc;
		}
		a->list[a->n++] = (struct arg){o, optarg};
	}
	a->operands  = argv + optind;
	a->noperands = argc - optind;
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
