#include "config.h"

#include "console/help.h"

#include <string.h>

enum { TEXT_WIDTH = 79, OPTION_WIDTH = 28, HELP_AT = 2 + OPTION_WIDTH + 2, EXIT_AT = 12 };

/* PVM's way to write an option: "-#" for a number, "->[FILE]", "-WHERE". */
static void print_glued(const struct option_def *o, char *text, size_t size)
{
	*text = '\0';
	if (o->glued && strchr(o->glued, '#'))
		snprintf(text, size, "%s, ", o->glued);
	else if (o->glued)
		snprintf(text, size, "%s%s%s%s, ", o->glued, o->optional_arg ? "[" : "", o->arg ? o->arg : "",
		         o->optional_arg ? "]" : "");
}

/* "-n, --count N" into text[size]. */
static void print_option(const struct command *c, const struct option_def *o, enum dialect dialect, char *text,
                         size_t size)
{
	char letter[8] = "    ", argument[64] = "", glued[80], own = option_letter(c, o, dialect);
	print_glued(o, glued, sizeof glued);
	if (own && !(*glued && dialect == DIALECT_PVM))
		snprintf(letter, sizeof letter, "-%c, ", own);
	if (o->arg)
		snprintf(argument, sizeof argument, o->optional_arg ? "[=%s]" : " %s", o->arg);
	snprintf(text, size, "%s%s--%s%s", *glued && *letter == ' ' ? "" : letter, glued, o->name, argument);
}

/* A paragraph in lines that fit, without the backquotes; the first one has begun, at this column, as all do. */
static void print_paragraph(const char *text, size_t length, size_t indent, FILE *out)
{
	size_t column = 0;
	for (size_t i = 0; i < length;) {
		size_t n = strcspn(text + i, " \n"), shown = 0;
		if (n > length - i)
			n = length - i;
		for (size_t k = 0; k < n; k++)
			shown += text[i + k] != '`';
		if (column > 0 && indent + column + 1 + shown > TEXT_WIDTH) {
			fprintf(out, "\n%*s", (int)indent, "");
			column = 0;
		} else if (column > 0) {
			putc(' ', out);
			column++;
		}
		for (size_t k = 0; k < n; k++)
			if (text[i + k] != '`')
				putc(text[i + k], out);
		column += shown;
		i += n + 1;
	}
	putc('\n', out);
}

static void print_text(const char *text, FILE *out)
{
	while (*text) {
		const char *end = strstr(text, "\n\n");
		size_t length   = end ? (size_t)(end - text) : strlen(text);
		putc('\n', out);
		print_paragraph(text, length, 0, out);
		text = end ? end + 2 : text + length;
	}
}

static void print_options(const struct command *c, FILE *out, enum dialect dialect)
{
	char text[192];
	bool any = false;
	for (const struct option_def *o = c->options; o && o->name; o++) {
		if (o->hidden)
			continue;
		print_option(c, o, dialect, text, sizeof text);
		if (!any)
			putc('\n', out);
		any = true;
		if (strlen(text) > OPTION_WIDTH)
			fprintf(out, "  %s\n%*s", text, HELP_AT, "");
		else
			fprintf(out, "  %-*s  ", OPTION_WIDTH, text);
		print_paragraph(o->help, strlen(o->help), HELP_AT, out);
	}
}

void help_command(const struct command *c, FILE *out, bool interactive, enum dialect dialect)
{
	const char *weft = interactive ? "" : "weft ";
	fprintf(out, "%s%s - %s\n\nusage: %s%s%s%s%s\n", weft, c->name, c->summary, weft, c->name,
	        c->options && c->options->name ? " [OPTION ...]" : "", c->operands ? " " : "",
	        c->operands ? c->operands : "");
	print_options(c, out, dialect);
	print_text(c->man, out);
	if (c->exits) {
		fprintf(out, "\nExit status:\n\n  0         success\n");
		for (const struct exit_def *e = c->exits; e->status; e++) {
			fprintf(out, "  %-*s", EXIT_AT - 2, e->status);
			print_paragraph(e->meaning, strlen(e->meaning), EXIT_AT, out);
		}
		fprintf(out, "  125       Weft itself failed, or was used wrongly\n");
	}
	if (c->examples && !interactive) {
		fputs("\nExamples:\n\n", out);
		for (const char *line = c->examples; *line;) {
			size_t n = strcspn(line, "\n");
			fprintf(out, "  %.*s\n", (int)n, line);
			line += n + (line[n] == '\n');
		}
	}
}

void help_list(FILE *out, bool interactive)
{
	if (!interactive)
		fputs("usage: weft COMMAND [OPTION ...] [ARGUMENT ...]\n"
		      "       weft                 the console\n\n",
		      out);
	for (const struct command *const *c = commands; *c; c++)
		if (command_is_for(*c, interactive))
			fprintf(out, "  %-10s %s\n", (*c)->name, (*c)->summary);
	fprintf(out, "\nMore about one: %shelp COMMAND\n", interactive ? "" : "weft ");
	if (!interactive)
		fputs("To begin with:   weft run -n 4 hostname\n", out);
}
