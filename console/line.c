#include "config.h"

#include "console/line.h"

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/heap.h"
#include "console/aliases.h"
#include "console/args.h"
#include "console/command.h"

/* --- words --------------------------------------------------------------------------------------- */

/* Copies the word at *text to *out, without its quotes; *text is behind it afterwards. A quote that is still open, or
 * 0. */
static char take_word(const char **text, char **out)
{
	char quote = '\0';
	for (; **text && (quote || !strchr(" \t\n", **text)); (*text)++) {
		char ch = **text;
		if (quote && ch == quote)
			quote = '\0';
		else if (!quote && (ch == '\'' || ch == '"'))
			quote = ch;
		else if (ch == '\\' && quote != '\'' && (*text)[1])
			*(*out)++ = *++*text;
		else
			*(*out)++ = ch;
	}
	*(*out)++ = '\0';
	return quote;
}

int line_split(const char *text, struct line *l)
{
	size_t length = strlen(text);
	*l            = (struct line){.word_at = length};
	l->bytes      = weft__malloc(length + 2);
	l->words      = weft__calloc(length / 2 + 2, sizeof *l->words);
	if (!l->bytes || !l->words) {
		line_fini(l);
		return WEFT_ENOMEM;
	}
	char *out = l->bytes;
	for (const char *p = text;;) {
		p += strspn(p, " \t\n");
		if (!*p || *p == '#')
			break;
		l->words[l->nwords++] = out;
		size_t at             = (size_t)(p - text);
		l->quote              = take_word(&p, &out);
		l->open_word = *p == '\0';
		l->word_at   = l->open_word ? at : length;
	}
	return 0;
}

void line_fini(struct line *l)
{
	weft__free(l->bytes);
	weft__free(l->words);
	*l = (struct line){0};
}

int line_of_words(char *const *words, size_t n, struct line *l)
{
	size_t nbytes = 0;
	*l            = (struct line){0};
	for (size_t i = 0; i < n; i++)
		nbytes += strlen(words[i]) + 1;
	l->bytes = weft__malloc(nbytes + 1);
	l->words = weft__calloc(n + 1, sizeof *l->words);
	if (!l->bytes || !l->words) {
		line_fini(l);
		return WEFT_ENOMEM;
	}
	char *at = l->bytes;
	for (size_t i = 0; i < n; i++) {
		l->words[l->nwords++] = strcpy(at, words[i]);
		at += strlen(words[i]) + 1;
	}
	return 0;
}

int line_join(const struct line *first, const struct line *rest, size_t from, struct line *l)
{
	char **words = weft__calloc(first->nwords + rest->nwords + 1, sizeof *words);
	size_t n     = 0;
	if (!words)
		return WEFT_ENOMEM;
	for (size_t i = 0; i < first->nwords; i++)
		words[n++] = first->words[i];
	for (size_t i = from; i < rest->nwords; i++)
		words[n++] = rest->words[i];
	int rc = line_of_words(words, n, l);
	weft__free(words);
	return rc;
}

void line_print_word(const char *word, FILE *out)
{
	if (*word && !strpbrk(word, " \t\n'\"\\#")) {
		fputs(word, out);
		return;
	}
	putc('\'', out);
	for (; *word; word++) {
		if (*word == '\'')
			fputs("'\\''", out);
		else
			putc(*word, out);
	}
	putc('\'', out);
}

/* --- candidates ---------------------------------------------------------------------------------- */

struct list {
	char **items;
	size_t n, cap;
	const char *prefix;
	bool failed;
};

static void offer(struct list *l, const char *item)
{
	if (strncmp(item, l->prefix, strlen(l->prefix)))
		return;
	if (l->n + 1 >= l->cap) {
		size_t cap   = l->cap ? 2 * l->cap : 32;
		char **items = weft__realloc(l->items, cap * sizeof *items);
		if (!items) {
			l->failed = true;
			return;
		}
		l->items = items;
		l->cap   = cap;
	}
	char *copy = weft__strdup(item);
	if (!copy) {
		l->failed = true;
		return;
	}
	l->items[l->n++] = copy;
	l->items[l->n]   = NULL;
}

static void offer_all(struct list *l, const char *const *items)
{
	for (; items && *items; items++)
		offer(l, *items);
}

static void offer_commands(struct list *l, const struct line_live *live)
{
	for (const struct alias *one = NULL; live->aliases && (one = aliases_next(live->aliases, one));)
		offer(l, one->name);
	for (const struct command *const *c = commands; *c; c++)
		if (command_is_for(*c, true))
			offer(l, (*c)->name);
}

static void offer_options(struct list *l, const struct command *c)
{
	char text[64];
	for (const struct option_def *o = c->options; o && o->name; o++) {
		snprintf(text, sizeof text, "--%s", o->name);
		if (!o->hidden)
			offer(l, text);
	}
}

static void offer_signals(struct list *l)
{
	for (int i = 1; i < 32; i++)
		if (args_signal_name(i))
			offer(l, args_signal_name(i));
}

/* Files whose names begin with the prefix; folders end in "/". */
static void offer_files(struct list *l)
{
	const char *slash = strrchr(l->prefix, '/');
	size_t at         = slash ? (size_t)(slash - l->prefix) + 1 : 0;
	char folder[4096], path[4096 + 300];
	struct stat st;
	if (at >= sizeof folder)
		return;
	memcpy(folder, l->prefix, at);
	folder[at] = '\0';
	DIR *dir   = opendir(at ? folder : ".");
	for (struct dirent *entry; dir && (entry = readdir(dir));) {
		if (*entry->d_name == '.' && l->prefix[at] != '.')
			continue;
		snprintf(path, sizeof path, "%s%s", folder, entry->d_name);
		if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
			strcat(path, "/");
		offer(l, path);
	}
	if (dir)
		closedir(dir);
}

static void offer_kind(struct list *l, enum arg_kind kind, const struct line_live *live)
{
	switch (kind) {
	case ARG_COMMAND:
		offer_commands(l, live);
		break;
	case ARG_HOST:
		offer_all(l, live->hosts);
		break;
	case ARG_TASK:
		offer_all(l, live->tasks);
		break;
	case ARG_JOB:
		offer_all(l, live->jobs);
		break;
	case ARG_TARGET:
		offer_all(l, live->tasks);
		offer_all(l, live->jobs);
		break;
	case ARG_SIGNAL:
		offer_signals(l);
		break;
	case ARG_FILE:
	case ARG_FOLDER:
	case ARG_PROGRAM:
		offer_files(l);
		break;
	default:
		break;
	}
}

/* The option that this word is and that wants a value after it, or NULL. */
static const struct option_def *option_with_value(const struct command *c, enum dialect dialect, const char *word)
{
	for (const struct option_def *o = c->options; o && o->name; o++) {
		if (o->kind == ARG_NONE || o->optional_arg)
			continue;
		if ((word[0] == '-' && word[1] == '-' && !strcmp(word + 2, o->name)) ||
		    (word[0] == '-' && word[1] && word[1] == option_letter(c, o, dialect) && !word[2]))
			return o;
	}
	return NULL;
}

/* Where the word with index `at` stands in a command's arguments. */
static void offer_argument(struct list *l, const struct line *line, size_t at, const struct line_live *live)
{
	const struct command *c        = command_find(line->words[0], true);
	const struct option_def *value = NULL; /* the word at hand is the value of this option */
	size_t noperands               = 0;
	if (!c)
		return;
	for (size_t i = 1; i < at; i++) {
		if (value)
			value = NULL;
		else if ((c->flags & CMD_PROGRAM) && !strcmp(line->words[i], ":"))
			noperands = 0;
		else if (line->words[i][0] != '-')
			noperands++;
		else if (!(c->flags & CMD_PROGRAM) || noperands == 0)
			value = option_with_value(c, live->dialect, line->words[i]);
	}
	if (value)
		offer_kind(l, value->kind, live);
	else if ((c->flags & CMD_PROGRAM) && noperands > 0)
		offer_files(l); /* the program's own arguments */
	else if (*l->prefix == '-')
		offer_options(l, c);
	else if (c->first != ARG_NONE && noperands == 0)
		offer_kind(l, c->first, live);
	else
		offer_kind(l, c->operand, live);
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char **line_candidates(const struct line *line, const struct line_live *live)
{
	size_t at     = line->open_word ? line->nwords - 1 : line->nwords;
	struct list l = {.prefix = line->open_word ? line->words[at] : ""};
	l.items       = weft__calloc(1, sizeof *l.items);
	if (!l.items)
		return NULL;
	if (at == 0)
		offer_commands(&l, live);
	else
		offer_argument(&l, line, at, live);
	if (l.n > 1)
		qsort(l.items, l.n, sizeof *l.items, compare);
	return l.items;
}

size_t line_common(char *const *candidates)
{
	size_t n = *candidates ? strlen(*candidates) : 0;
	for (char *const *c = candidates; *c; c++) {
		size_t k = 0;
		while (k < n && (*c)[k] == (*candidates)[k])
			k++;
		n = k;
	}
	return n;
}
