/* mdoc.c - manual pages. */
#include "config.h"

#include "console/help.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

/* Of the release: pages must not differ from one build to the next. */
#define PAGE_DATE "November 20, 2026"

enum { LINE_MAX_COLUMNS = 78 };

struct entry {
	const char *name, *text;
};

static const struct entry environment[] = {
        {"WEFT_VM", "the name of the virtual machine to use; when it is not set, `default`, and in a batch job "
                    "`slurm-JOBID`, `pbs-JOBID` and so on"},
        {"WEFT_RUNDIR", "the folder for the folders of virtual machines, in place of `$XDG_RUNTIME_DIR/weft` or "
                        "`/tmp/weft-UID`"},
        {"WEFT_SSH", "the command that reaches another host, in place of `ssh -o BatchMode=yes -o "
                     "ConnectTimeout=5 -o ControlMaster=no`"},
        {"WEFT_LIBEXECDIR", "the folder of the daemons' programs, in place of the installed one"},
        {"WEFT_LOG", "how much the daemons log: `error`, `warn`, `info` or `debug`; see `weft logs`"},
        {"NO_COLOR", "when set and not empty, nothing is coloured"},
        {NULL, NULL},
};

static const struct entry task_environment[] = {
        {"WEFT_RANK", "its rank in the job, from 0 on"},
        {"WEFT_SIZE", "the number of tasks of the job"},
        {"WEFT_TID", "its id"},
        {"WEFT_JOB", "the number of the job"},
        {"WEFT_NODE", "the index of its node"},
        {"WEFT_VM", "the name of its virtual machine, which commands of weft that it starts use as well"},
        {"WEFT_CPUS", "the processors that it is bound to; only when it is: see `--bind-to` of weft-run(1)"},
        {NULL, NULL},
};

/* One character of a text; newline tells whether a line starts here. */
static void put_char(char ch, bool starts_line, FILE *out)
{
	if (ch == '\\')
		fputs("\\e", out);
	else if ((ch == '.' || ch == '\'') && starts_line)
		fprintf(out, "\\&%c", ch);
	else if (ch == '-')
		fputs("\\-", out);
	else
		putc(ch, out);
}

/* Columns of a word as it will stand in the page; a bold one keeps its blanks. */
static size_t word_width(const char *text, size_t length)
{
	size_t n  = 0;
	bool bold = false;
	for (size_t i = 0; i < length && (bold || !strchr(" \n", text[i])); i++) {
		bold ^= text[i] == '`';
		n += text[i] == '`' ? 3 : (text[i] & 0xc0) == 0x80 ? 0 : text[i] == '-' || text[i] == ' ' ? 2 : 1;
	}
	return n;
}

/* Does a sentence end before text[i]? */
static bool ends_sentence(const char *text, size_t i)
{
	return i > 0 && strchr(".:?", text[i - 1]) && !(i > 1 && text[i - 2] == '.');
}

/* Running text in lines that mandoc finds short enough. A sentence ends its line, as mdoc wants it. */
static void put_text(const char *text, size_t length, FILE *out)
{
	size_t column = 0;
	bool bold     = false;
	for (size_t i = 0; i < length; i++) {
		if (text[i] == '`') {
			fputs(bold ? "\\fR" : "\\fB", out);
			bold = !bold;
			column += 3;
		} else if (bold && text[i] == ' ') {
			fputs("\\ ", out);
			column += 2;
		} else if (text[i] == ' ' || text[i] == '\n') {
			size_t next = word_width(text + i + 1, length - i - 1);
			bool breaks = ends_sentence(text, i) || column + 1 + next > LINE_MAX_COLUMNS;
			putc(breaks ? '\n' : ' ', out);
			column = breaks ? 0 : column + 1;
		} else {
			put_char(text[i], column == 0, out);
			column += (text[i] & 0xc0) == 0x80 ? 0 : text[i] == '-' ? 2 : 1;
		}
	}
	putc('\n', out);
}

static void put_paragraphs(const char *text, FILE *out)
{
	for (bool first = true; *text; first = false) {
		const char *end = strstr(text, "\n\n");
		size_t length   = end ? (size_t)(end - text) : strlen(text);
		if (!first)
			fputs(".Pp\n", out);
		put_text(text, length, out);
		text = end ? end + 2 : text + length;
	}
}

static void put_literal(const char *text, FILE *out)
{
	fputs(".Bd -literal -offset indent\n", out);
	bool starts = true;
	for (; *text; text++) {
		put_char(*text, starts, out);
		starts = *text == '\n';
	}
	fputs(".Ed\n", out);
}

static void put_entries(const struct entry *e, FILE *out)
{
	fputs(".Bl -tag -width Ds\n", out);
	for (; e->name; e++) {
		fprintf(out, ".It Ev %s\n", e->name);
		put_text(e->text, strlen(e->text), out);
	}
	fputs(".El\n", out);
}

static void put_option_arg(const struct option_def *o, FILE *out)
{
	if (!o->arg)
		return;
	if (o->optional_arg)
		fprintf(out, " Ns Op Ns = Ns Ar %s", o->arg);
	else
		fprintf(out, " Ar %s", o->arg);
}

/* PVM's way to write an option, its value right behind. */
static void put_glued(const struct option_def *o, FILE *out)
{
	if (!o->glued)
		return;
	fputs(" Fl", out);
	if (o->glued[1])
		fprintf(out, " \\&%s", o->glued + 1);
	if (o->arg && o->optional_arg)
		fprintf(out, " Ns Oo Ar %s Oc", o->arg);
	else if (o->arg && !strchr(o->glued, '#')) /* which stands for the number itself */
		fprintf(out, " Ns Ar %s", o->arg);
	fputs(" ,", out);
}

/* Its letter in a page of that dialect; -h is help's everywhere and needs no line in PVM's. */
static char letter_of(const struct command *c, const struct option_def *o, enum dialect dialect)
{
	return o->id == 'h' && dialect == DIALECT_PVM ? '\0' : option_letter(c, o, dialect);
}

/* Is it in a page of that dialect? What is only written in full is in the other pages. */
static bool is_shown(const struct command *c, const struct option_def *o, enum dialect dialect)
{
	return !o->hidden && (dialect == DIALECT_WEFT || letter_of(c, o, dialect) || o->glued);
}

static void put_options(const struct command *c, enum dialect dialect, FILE *out)
{
	bool any = false;
	for (const struct option_def *o = c->options; o && o->name; o++)
		any |= is_shown(c, o, dialect);
	if (!any)
		return;
	fputs(dialect == DIALECT_PVM ? ".Bl -tag -width Ds\n" : ".Pp\nThe options are:\n.Bl -tag -width Ds\n", out);
	for (const struct option_def *o = c->options; o->name; o++) {
		char letter = letter_of(c, o, dialect);
		if (!is_shown(c, o, dialect))
			continue;
		fputs(".It", out);
		if (letter && !(dialect == DIALECT_PVM && o->glued)) {
			fprintf(out, " Fl %c", letter);
			put_option_arg(o, out);
			fputs(" ,", out);
		}
		put_glued(o, out);
		fprintf(out, " Fl Fl %s", o->name);
		put_option_arg(o, out);
		fputs("\n", out);
		/* One line of help becomes a sentence. */
		putc(toupper((unsigned char)o->help[0]), out);
		for (const char *p = o->help + 1; *p; p++)
			put_char(*p, false, out);
		fputs(".\n", out);
		if (o->man)
			put_text(o->man, strlen(o->man), out);
	}
	fputs(".El\n", out);
}

static void put_exits(const struct exit_def *e, FILE *out)
{
	fputs(".Sh EXIT STATUS\n.Bl -tag -width Ds\n.It 0\nSuccess.\n", out);
	for (; e && e->status; e++) {
		fprintf(out, ".It %s\n", e->status);
		putc(toupper((unsigned char)e->meaning[0]), out);
		put_text(e->meaning + 1, strlen(e->meaning + 1), out);
	}
	fputs(".It 125\nWeft itself failed, or was used wrongly.\n.El\n", out);
}

/* Operands as a synopsis: words in capitals are arguments, brackets are macros. */
static void put_operands(const char *operands, FILE *out)
{
	for (const char *p = operands; *p;) {
		size_t n = strcspn(p, " ");
		char word[64];
		snprintf(word, sizeof word, "%.*s", (int)n, p);
		p += n + (p[n] == ' ');
		for (; *word == '['; memmove(word, word + 1, strlen(word)))
			fputs(".Oo\n", out);
		size_t nclosed = 0;
		for (; *word && word[strlen(word) - 1] == ']'; nclosed++)
			word[strlen(word) - 1] = '\0';
		if (isupper((unsigned char)*word) || *word == '#' || !strcmp(word, "...")) {
			fprintf(out, ".Ar %s\n", word);
		} else if (*word) {
			fprintf(out, ".Cm %s%s\n", ispunct((unsigned char)*word) ? "\\&" : "", word);
		}
		while (nclosed-- > 0)
			fputs(".Oc\n", out);
	}
}

static void put_see_also(const struct command *self, FILE *out)
{
	const char *names[64];
	size_t n = 0;
	fputs(".Sh SEE ALSO\n", out);
	if (self) {
		fputs(".Xr weft 1\n", out);
		return;
	}
	names[n++] = "pvm";
	for (const struct command *const *c = commands; *c; c++)
		if (command_is_for(*c, false) && *c != self)
			names[n++] = (*c)->name;
	for (size_t i = 1; i < n; i++)
		for (size_t k = i; k > 0 && strcmp(names[k - 1], names[k]) > 0; k--) {
			const char *swap = names[k];
			names[k]         = names[k - 1];
			names[k - 1]     = swap;
		}
	for (size_t i = 0; i < n; i++)
		fprintf(out, ".Xr weft-%s 1%s\n", names[i], i + 1 < n ? " ," : "");
}

static void put_command_page(const struct command *c, FILE *out)
{
	fprintf(out, ".Sh NAME\n.Nm weft-%s\n.Nd %s\n.Sh SYNOPSIS\n.Nm weft %s\n", c->name, c->summary, c->name);
	if (c->options && c->options->name)
		fputs(".Op Ar option ...\n", out);
	if (c->operands)
		put_operands(c->operands, out);
	fputs(".Sh DESCRIPTION\n", out);
	put_paragraphs(c->man, out);
	put_options(c, DIALECT_WEFT, out);
	put_exits(c->exits, out);
	if (c->examples) {
		fputs(".Sh EXAMPLES\n", out);
		put_literal(c->examples, out);
	}
	put_see_also(c, out);
}

static void put_command_list(bool interactive, FILE *out)
{
	fputs(".Bl -tag -width Ds\n", out);
	for (const struct command *const *c = commands; *c; c++) {
		if (interactive ? !((*c)->flags & CMD_CONSOLE) : !command_is_for(*c, false))
			continue;
		fprintf(out, ".It Cm %s\n%c%s.\n", (*c)->name, toupper((unsigned char)(*c)->summary[0]),
		        (*c)->summary + 1);
		if (!interactive)
			fprintf(out, "See\n.Xr weft-%s 1 .\n", (*c)->name);
	}
	fputs(".El\n", out);
}

static void put_main_page(FILE *out)
{
	static const char console[] =
	        "Without a command it is a console: the same commands, with a history, and completion of commands, "
	        "options, tasks, jobs and hosts by the tabulator key. Output of tasks that were spawned with `-a` "
	        "appears above the prompt. The console starts a virtual machine when none is up, and leaves it up. It "
	        "reads commands from its standard input when that is no terminal. A line that ends in a backslash goes on with the "
	        "next one; `#` begins a comment. The commands in the file `rc` are run first. Called as `pvm` it is the console "
	        "that PVM's users know: see weft-pvm(1). In the console only there are:";
	static const char json[] =
	        "Each query prints JSON when it is given `--json`. It is one object whose `schema` is the number of its "
	        "form; fields may be added to a form, none is taken away or changes its meaning without a new number. "
	        "The commands' own pages describe the fields.";
	fputs(".Sh NAME\n.Nm weft\n.Nd run and steer a virtual machine made of your machines\n"
	      ".Sh SYNOPSIS\n.Nm weft\n.Ar command\n.Op Ar option ...\n.Op Ar argument ...\n.Nm weft\n"
	      ".Sh DESCRIPTION\nMakes one virtual machine of several, runs parallel programs in it,\n"
	      "and shows and steers it.\nOne machine needs no setting up:\n.Bd -literal -offset indent\n"
	      "weft run \\-n 4 ./program\n.Ed\n.Pp\nThe commands are:\n",
	      out);
	put_command_list(false, out);
	fputs(".Pp\n", out);
	put_text(console, strlen(console), out);
	put_command_list(true, out);
	fputs(".Ss JSON\n", out);
	put_text(json, strlen(json), out);
	fputs(".Sh ENVIRONMENT\n", out);
	put_entries(environment, out);
	fputs(".Pp\nA task finds in its environment:\n", out);
	put_entries(task_environment, out);
	fputs(".Sh FILES\n.Bl -tag -width Ds\n.It Pa $XDG_RUNTIME_DIR/weft/NAME\n"
	      "What the virtual machine NAME keeps while it is up:\nsockets, the log of its daemon, its journal.\n"
	      ".It Pa $XDG_CONFIG_HOME/weft/rc\nCommands that the console runs first, in\n.Pa ~/.config\nwhen the variable is "
	      "not set.\n.It Pa $XDG_STATE_HOME/weft/aliases\nAliases that were defined at a prompt, as commands.\n"
	      ".It Pa $XDG_STATE_HOME/weft/history\nThe history of the console, in\n.Pa ~/.local/state\nwhen the "
	      "variable is not set.\n.El\n",
	      out);
	put_exits(NULL, out);
	fputs(".Sh EXAMPLES\n.Bd -literal -offset indent\nweft run \\-n 4 \\-l hostname\nweft up \\-\\-local\\-nodes 3\n"
	      "weft spawn \\-n 6 ./worker\nweft ps\nweft down\n.Ed\n",
	      out);
	put_see_also(NULL, out);
}

/* --- weft-pvm(1) ---------------------------------------------------------------------------------- */

static const struct entry pvm_environment[] = {
        {"PVM_PATH", "folders where programs are looked for first, with colons between them; then come "
                     "`~/pvm3/bin/$PVM_ARCH`, `$PVM_ROOT/bin/$PVM_ARCH` and `$PATH`"},
        {"PVM_ROOT", "in place of `/usr/lib/pvm3`"},
        {"PVM_ARCH", "in place of `LINUX64`"},
        {"PVM_WD", "where tasks start, in place of the home folder"},
        {"PVM_EXPORT", "what `export` and `unexport` change"},
        {"PVM_DEBUGGER", "the script of `spawn -?`"},
        {NULL, NULL},
};

/* Commands that PVM's console has, too. */
static bool is_of_pvm(const struct command *c)
{
	static const char *const names[] = {"add",   "conf",  "delete", "help",  "jobs",  "kill",    "mstat",   "names",
	                                    "ps",    "pstat", "put",    "reset", "sig",   "spawn",   "version", "halt",
	                                    "alias", "echo",  "export", "id",    "quit",  "setenv",  "setopt",  "getopt",
	                                    "trace", "unalias", "unexport"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (!strcmp(c->name, names[i]))
			return true;
	return false;
}

static void put_pvm_commands(FILE *out)
{
	for (const struct command *const *c = commands; *c; c++) {
		if (!command_is_for(*c, true) || !is_of_pvm(*c))
			continue;
		fprintf(out, ".Ss %s\n.Cm %s\n", (*c)->name, (*c)->name);
		if ((*c)->operands)
			put_operands((*c)->operands, out);
		fprintf(out, ".Pp\n%c%s.\n", toupper((unsigned char)(*c)->summary[0]), (*c)->summary + 1);
		put_options(*c, DIALECT_PVM, out);
	}
}

static void put_pvm_page(FILE *out)
{
	static const char what[] =
	        "The console of weft, called as `pvm`, speaks as PVM's does: its prompt, its commands, the letters of their "
	        "options and the form of its lists. It connects to the virtual machine that is up, or starts one, and leaves it "
	        "up at `quit` and at the end of the input. `halt` ends the virtual machine, and the console with status 0. The "
	        "tasks that it spawns find Weft's libraries in the place of PVM's, so that programs that were compiled for "
	        "PVM run as they are.\n\n"
	        "`-d` with a mask that is not 0 makes the daemons log what they do, `-n` names this machine, both when it starts "
	        "a virtual machine. Hosts that are named in `hostfile`, in PVM's form, are added. What it says of hosts with `&`, and "
	        "of all others in its last `*` line, holds when they are added later. Errors go to standard error. "
	        "Options that are written in full are the same as in `weft`, and its other commands are there, too: `help` lists "
	        "them all, `help COMMAND` shows one.";
	fputs(".Sh NAME\n.Nm weft-pvm\n.Nd the console in the dialect of PVM\n.Sh SYNOPSIS\n.Nm pvm\n"
	      ".Op Fl d Ns Ar debugmask\n.Op Fl n Ns Ar hostname\n.Op Ar hostfile\n.Sh DESCRIPTION\n",
	      out);
	put_paragraphs(what, out);
	fputs(".Sh COMMANDS\n", out);
	put_pvm_commands(out);
	fputs(".Sh ENVIRONMENT\n", out);
	put_entries(pvm_environment, out);
	fputs(".Sh FILES\n.Bl -tag -width Ds\n.It Pa ~/.pvmrc\nCommands that are run first.\n"
	      ".It Pa $XDG_STATE_HOME/weft/pvm-aliases\nAliases that were defined at a prompt.\n"
	      ".It Pa $XDG_STATE_HOME/weft/pvm-history\nThe history.\n.El\n",
	      out);
	put_exits(NULL, out);
	fputs(".Sh EXAMPLES\n.Bd -literal -offset indent\npvm> add node2 'node3 lo=anna'\npvm> spawn \\-4 \\-> worker\n"
	      "pvm> ps \\-al\npvm> halt\n.Ed\n.Sh SEE ALSO\n.Xr weft 1\n",
	      out);
}

void mdoc_pvm_page(FILE *out)
{
	fprintf(out, ".\\\" Made by weft help --mdoc from the option table; do not edit.\n.Dd %s\n.Dt WEFT-PVM 1\n.Os\n",
	        PAGE_DATE);
	put_pvm_page(out);
}

void mdoc_page(const struct command *c, FILE *out)
{
	char title[64] = "WEFT";
	if (c)
		snprintf(title, sizeof title, "WEFT-%s", c->name);
	for (char *p = title; *p; p++)
		*p = (char)toupper((unsigned char)*p);
	fprintf(out, ".\\\" Made by weft help --mdoc from the option table; do not edit.\n.Dd %s\n.Dt %s 1\n.Os\n",
	        PAGE_DATE, title);
	if (c)
		put_command_page(c, out);
	else
		put_main_page(out);
}
