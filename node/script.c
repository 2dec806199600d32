#include "config.h"

#include "node/script.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { WORD_MAX = 1024, WORDS_BYTES = 4096, VARIABLES_MAX = 32, NAME_ROOM = 64, VALUE_ROOM = 512 };

struct scan {
	const char *at, *end, *path;
	const struct script_ops *ops;
	void *arg;
	bool enough;
	bool begun, unknown; /* the word: it has begun; a part of it is not known */
	bool file;           /* it is one of < or >, no word of the command */
	size_t nword;
	char word[WORD_MAX];
	size_t nwords, nbytes; /* of the command */
	char *words[SCRIPT_WORDS_MAX + 1], bytes[WORDS_BYTES];
	char folder[PATH_MAX];
	size_t nvariables;
	struct {
		char name[NAME_ROOM], value[VALUE_ROOM];
	} variables[VARIABLES_MAX];
};

/* --- variables ------------------------------------------------------------------------------------------ */

/* Length of the name that text begins with; 0: none. */
static size_t name_length(const char *text, const char *end)
{
	size_t n = 0;
	while (text + n < end && (isalpha((unsigned char)text[n]) || text[n] == '_' || (n > 0 && isdigit((unsigned char)text[n]))))
		n++;
	return n < NAME_ROOM ? n : 0;
}

static const char *value_of(const struct scan *s, const char *name)
{
	for (size_t i = s->nvariables; i > 0; i--) /* the last one counts */
		if (!strcmp(s->variables[i - 1].name, name))
			return s->variables[i - 1].value;
	return s->ops->variable(s->arg, name);
}

/* True: the word sets a variable. */
static bool assign(struct scan *s)
{
	size_t n = name_length(s->word, s->word + s->nword);
	if (n == 0 || s->word[n] != '=')
		return false;
	if (s->nvariables == VARIABLES_MAX || s->nword - n > VALUE_ROOM)
		return true;
	size_t i = s->nvariables++;
	snprintf(s->variables[i].name, NAME_ROOM, "%.*s", (int)n, s->word);
	snprintf(s->variables[i].value, VALUE_ROOM, "%s", s->unknown ? "" : s->word + n + 1);
	return true;
}

/* --- words ---------------------------------------------------------------------------------------------- */

static void put(struct scan *s, const char *text, size_t n)
{
	s->begun = true;
	if (s->nword + n >= WORD_MAX) {
		s->unknown = true;
		return;
	}
	memcpy(s->word + s->nword, text, n);
	s->nword += n;
}

static void put_folder(struct scan *s)
{
	const char *slash = strrchr(s->path, '/');
	if (!slash)
		put(s, ".", 1);
	else
		put(s, s->path, slash > s->path ? (size_t)(slash - s->path) : 1);
}

static void go_to(struct scan *s, const char *folder)
{
	size_t n = *folder == '/' ? 0 : strlen(s->folder);
	if (n + strlen(folder) + 2 > sizeof s->folder)
		return;
	if (n > 0)
		s->folder[n++] = '/';
	strcpy(s->folder + n, folder);
}

static bool is_before_command(const char *word)
{
	static const char *const before[] = {"then", "do",   "else", "elif",    "if",     "while",  "until",
	                                     "!",    "exec", "eval", "command", "export", "builtin"};
	for (size_t i = 0; i < sizeof before / sizeof *before; i++)
		if (!strcmp(word, before[i]))
			return true;
	return false;
}

static void word_end(struct scan *s)
{
	bool is_word = s->begun && !s->file;
	s->word[s->nword] = '\0';
	s->file &= !s->begun;
	s->begun = false;
	if (is_word && !(s->nwords == 0 && (assign(s) || is_before_command(s->word))) && s->nwords < SCRIPT_WORDS_MAX &&
	    s->nbytes + s->nword < WORDS_BYTES) {
		s->words[s->nwords++] = s->bytes + s->nbytes;
		strcpy(s->bytes + s->nbytes, s->unknown ? "" : s->word);
		s->nbytes += s->nword + 1;
	}
	s->unknown = false;
	s->nword = 0;
}

static void command_end(struct scan *s)
{
	word_end(s);
	s->words[s->nwords] = NULL;
	const char *name = s->nwords ? s->words[0] : "";
	if ((!strcmp(name, "cd") || !strcmp(name, "pushd")) && s->nwords > 1)
		go_to(s, s->words[1]);
	else if (*name)
		s->enough = !s->ops->command(s->arg, s->folder, s->words);
	s->nwords = s->nbytes = 0;
	s->file = false;
}

/* --- what has a meaning in it ------------------------------------------------------------------------------ */

static bool begins(const struct scan *s, const char *text)
{
	size_t n = strlen(text);
	return (size_t)(s->end - s->at) >= n && !memcmp(s->at, text, n);
}

/* "$(dirname ...)": of the script, whatever stands there; true: it was that. */
static bool dirname_of_script(struct scan *s)
{
	static const char *const signs[] = {"$(dirname ", "`dirname ", "${0%/*}", "${BASH_SOURCE%/*}"};
	for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
		if (!begins(s, signs[i]))
			continue;
		s->at += strlen(signs[i]);
		const char *close = i == 0 ? ")" : "`";
		const char *end = i < 2 ? memchr(s->at, *close, (size_t)(s->end - s->at)) : s->at - 1;
		s->at = end ? end + 1 : s->end;
		put_folder(s);
		return true;
	}
	return false;
}

/* At a '$'. */
static void substitute(struct scan *s)
{
	char name[NAME_ROOM];
	if (begins(s, "$(")) {
		s->at += 2;
		command_end(s);
		return;
	}
	bool braces = begins(s, "${");
	s->at += braces ? 2 : 1;
	size_t n = name_length(s->at, s->end);
	bool script = n == 0 && s->at < s->end && *s->at == '0';
	snprintf(name, sizeof name, "%.*s", (int)n, s->at);
	s->at += n ? n : s->at < s->end;
	const char *value = script ? s->path : n ? value_of(s, name) : NULL;
	s->begun = true;
	if (braces) {
		s->unknown |= s->at < s->end && *s->at != '}';
		const char *close = memchr(s->at, '}', (size_t)(s->end - s->at));
		s->at = close ? close + 1 : s->end;
	}
	if (value)
		put(s, value, strlen(value));
	else
		s->unknown = true;
}

static void skip_line(struct scan *s)
{
	const char *line = memchr(s->at, '\n', (size_t)(s->end - s->at));
	s->at = line ? line : s->end;
}

static void step(struct scan *s)
{
	char c = *s->at;
	if (dirname_of_script(s))
		return;
	if (c == '$') {
		substitute(s);
		return;
	}
	s->at++;
	if (c == '#' && !s->begun)
		skip_line(s);
	else if (c == '\\')
		s->at += s->at < s->end; /* the end of a line that goes on, or a letter that means nothing else */
	else if (strchr("\n;|&(){}`", c))
		command_end(s);
	else if (c == ' ' || c == '\t' || c == '\r')
		word_end(s);
	else if (c == '<' || c == '>') {
		word_end(s);
		s->file = true;
	} else if (c == '"' || c == '\'')
		s->begun = true;
	else
		put(s, &c, 1);
}

void script_scan(const char *text, size_t n, const char *path, const struct script_ops *ops, void *arg)
{
	struct scan s = {.at = text, .end = text + n, .path = path, .ops = ops, .arg = arg};
	while (s.at < s.end && !s.enough)
		step(&s);
	if (!s.enough)
		command_end(&s);
}
