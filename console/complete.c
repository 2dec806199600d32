/* complete.c - completion scripts of shells. */
#include "config.h"

#include <string.h>

#include "console/args.h"
#include "console/help.h"

/* What bash's compgen is told for a kind of argument; NULL: there is nothing to offer. */
static const char *bash_action(enum arg_kind kind)
{
	switch (kind) {
	case ARG_FILE:
		return "-f";
	case ARG_FOLDER:
		return "-d";
	case ARG_PROGRAM:
		return "-c";
	case ARG_VARIABLE:
		return "-e";
	case ARG_SIGNAL:
		return "-W \"$signals\"";
	case ARG_HOST:
		return "-W \"$(weft help --ids host 2>/dev/null)\"";
	case ARG_TASK:
		return "-W \"$(weft help --ids task 2>/dev/null)\"";
	case ARG_TARGET:
		return "-W \"$(weft help --ids target 2>/dev/null)\"";
	case ARG_JOB:
		return "-W \"$(weft help --ids job 2>/dev/null)\"";
	case ARG_VM:
		return "-W \"$(weft help --ids vm 2>/dev/null)\"";
	case ARG_COMMAND:
		return "-W \"$commands\"";
	default:
		return NULL;
	}
}

/* "-n|--count": how an option is written, as a pattern of case. */
static void put_pattern(const struct option_def *o, FILE *out)
{
	if (o->id < 256)
		fprintf(out, "-%c|", o->id);
	fprintf(out, "--%s", o->name);
}

static void put_bash_command(const struct command *c, FILE *out)
{
	fprintf(out, "\t%s)\n\t\toptions='", c->name);
	for (const struct option_def *o = c->options; o && o->name; o++)
		if (!o->hidden)
			fprintf(out, "--%s ", o->name);
	fputs("'\n", out);
	bool any = false;
	for (const struct option_def *o = c->options; o && o->name; o++) {
		if (o->hidden || o->kind == ARG_NONE || o->optional_arg)
			continue;
		if (any)
			putc('|', out);
		else
			fputs("\t\twith_value='", out);
		any = true;
		put_pattern(o, out);
	}
	if (any)
		fputs("'\n", out);
	fputs("\t\tcase $previous in\n", out);
	for (const struct option_def *o = c->options; o && o->name; o++) {
		const char *action = bash_action(o->kind);
		if (o->hidden || o->kind == ARG_NONE || o->optional_arg)
			continue;
		fputs("\t\t", out);
		put_pattern(o, out);
		if (action)
			fprintf(out, ") COMPREPLY=($(compgen %s -- \"$current\")); return ;;\n", action);
		else
			fputs(") return ;;\n", out);
	}
	fputs("\t\tesac\n", out);
	const char *action = bash_action(c->operand);
	const char *first  = c->first != ARG_NONE ? bash_action(c->first) : NULL;
	if (c->flags & CMD_PROGRAM)
		fputs("\t\tprogram=1\n", out);
	else if (first) /* as the first argument, or one of the others */
		fprintf(out,
		        "\t\tif [ \"$COMP_CWORD\" = 2 ]; then operands=$(compgen %s -- \"$current\")\n"
		        "\t\telse operands=$(compgen %s -- \"$current\"); fi\n",
		        first, action);
	else if (c->operands && action)
		fprintf(out, "\t\toperands=$(compgen %s -- \"$current\")\n", action);
	fputs("\t\t;;\n", out);
}

void complete_bash(FILE *out)
{
	fputs("# Completion of weft for bash, made by weft help --bash from the option table.\n"
	      "_weft()\n{\n"
	      "\tlocal current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}\n"
	      "\tlocal command=${COMP_WORDS[1]} options= operands= with_value= program= i word\n"
	      "\tlocal commands='",
	      out);
	for (const struct command *const *c = commands; *c; c++)
		if (command_is_for(*c, false))
			fprintf(out, "%s ", (*c)->name);
	fputs("'\n\tlocal signals='", out);
	for (int i = 1; i < 32; i++)
		if (args_signal_name(i))
			fprintf(out, "%s ", args_signal_name(i));
	fputs("'\n\tCOMPREPLY=()\n"
	      "\tif [ \"$COMP_CWORD\" -le 1 ]; then\n"
	      "\t\tCOMPREPLY=($(compgen -W \"$commands --help --version\" -- \"$current\"))\n\t\treturn\n\tfi\n"
	      "\t# bash takes --name=value apart at the equals sign\n"
	      "\tif [ \"$current\" = = ]; then\n\t\tcurrent=\n"
	      "\telif [ \"$previous\" = = ]; then\n\t\tprevious=${COMP_WORDS[COMP_CWORD-2]}\n\tfi\n"
	      "\tcase $command in\n",
	      out);
	for (const struct command *const *c = commands; *c; c++)
		if (command_is_for(*c, false))
			put_bash_command(*c, out);
	fputs("\t*) return ;;\n\tesac\n"
	      "\tif [ -n \"$program\" ]; then\n"
	      "\t\t# after the program come its own arguments, until a \":\"\n"
	      "\t\tprogram=\n"
	      "\t\tfor ((i = 2; i < COMP_CWORD; i++)); do\n"
	      "\t\t\tword=${COMP_WORDS[i]}\n"
	      "\t\t\tif [ \"$word\" = : ]; then program=\n"
	      "\t\t\telif [ -n \"$program\" ]; then :\n"
	      "\t\t\telif [[ \"|$with_value|\" = *\"|$word|\"* ]]; then ((i++))\n"
	      "\t\t\telif [ \"$word\" = = ]; then ((i++))\n"
	      "\t\t\telif [[ $word != -* ]]; then program=$word\n"
	      "\t\t\tfi\n"
	      "\t\tdone\n"
	      "\t\tif [ -n \"$program\" ]; then\n\t\t\tCOMPREPLY=($(compgen -f -- \"$current\"))\n\t\t\treturn\n\t\tfi\n"
	      "\t\toperands=$(compgen -c -- \"$current\"; compgen -f -- \"$current\")\n"
	      "\tfi\n"
	      "\tcase $current in\n"
	      "\t-*) COMPREPLY=($(compgen -W \"$options\" -- \"$current\")) ;;\n"
	      "\t*) COMPREPLY=($operands) ;;\n"
	      "\tesac\n}\ncomplete -o filenames -F _weft weft\n",
	      out);
}

/* --- zsh ----------------------------------------------------------------------------------------- */

static const char *zsh_action(enum arg_kind kind)
{
	switch (kind) {
	case ARG_FILE:
		return "_files";
	case ARG_FOLDER:
		return "_files -/";
	case ARG_PROGRAM:
		return "_normal";
	case ARG_VARIABLE:
		return "_parameters -g \"*export*\"";
	case ARG_SIGNAL:
		return "_signals";
	case ARG_HOST:
		return "_weft_ids host";
	case ARG_TASK:
		return "_weft_ids task";
	case ARG_TARGET:
		return "_weft_ids target";
	case ARG_JOB:
		return "_weft_ids job";
	case ARG_VM:
		return "_weft_ids vm";
	case ARG_COMMAND:
		return "_weft_commands";
	default:
		return " ";
	}
}

/* A text within single quotes and square brackets. */
static void put_zsh_text(const char *text, FILE *out)
{
	for (; *text; text++) {
		if (*text == '\'')
			fputs("'\\''", out);
		else if (strchr("[]:\\", *text))
			fprintf(out, "\\%c", *text);
		else
			putc(*text, out);
	}
}

static void put_zsh_option(const struct option_def *o, FILE *out)
{
	const char *value = o->kind == ARG_NONE ? "" : o->optional_arg ? "=-" : "=";
	fputs(" \\\n\t\t\t", out);
	if (o->id < 256)
		fprintf(out, "'(-%c --%s)'{-%c%s,--%s%s}", o->id, o->name, o->id, *value ? "+" : "", o->name, value);
	else
		fprintf(out, "--%s%s", o->name, value);
	fputs("'[", out);
	put_zsh_text(o->help, out);
	putc(']', out);
	if (*value) {
		fputs(o->optional_arg ? "::" : ":", out);
		put_zsh_text(o->arg, out);
		fprintf(out, ":%s", zsh_action(o->kind));
	}
	putc('\'', out);
}

void complete_zsh(FILE *out)
{
	fputs("#compdef weft\n# Completion of weft for zsh, made by weft help --zsh from the option table.\n\n"
	      "_weft_ids() {\n\tlocal -a ids\n\tids=(${(f)\"$(weft help --ids $1 2>/dev/null)\"})\n"
	      "\tcompadd -a ids\n}\n\n_weft_commands() {\n\tlocal -a commands\n\tcommands=(\n",
	      out);
	for (const struct command *const *c = commands; *c; c++) {
		if (!command_is_for(*c, false))
			continue;
		fprintf(out, "\t\t'%s:", (*c)->name);
		put_zsh_text((*c)->summary, out);
		fputs("'\n", out);
	}
	fputs("\t)\n\t_describe command commands\n}\n\n_weft() {\n\tif (( CURRENT == 2 )); then\n"
	      "\t\t_weft_commands\n\t\treturn\n\tfi\n\tshift words\n\t(( CURRENT-- ))\n\tcase $words[1] in\n",
	      out);
	for (const struct command *const *c = commands; *c; c++) {
		if (!command_is_for(*c, false))
			continue;
		fprintf(out, "\t%s)\n\t\t_arguments -s -S", (*c)->name);
		for (const struct option_def *o = (*c)->options; o && o->name; o++)
			if (!o->hidden)
				put_zsh_option(o, out);
		if ((*c)->flags & CMD_PROGRAM)
			fputs(" \\\n\t\t\t'*::program:_normal'", out);
		else if ((*c)->operands && (*c)->first != ARG_NONE)
			fprintf(out, " \\\n\t\t\t'1:argument:%s' '*:argument:%s'", zsh_action((*c)->first),
			        zsh_action((*c)->operand));
		else if ((*c)->operands)
			fprintf(out, " \\\n\t\t\t'*:argument:%s'", zsh_action((*c)->operand));
		fputs("\n\t\t;;\n", out);
	}
	fputs("\tesac\n}\n\n_weft \"$@\"\n", out);
}
