/* command.h - what a command is: data and an exec.
 *
 * The data is the one option table of Weft's command line: parsing, help, completion and manual pages come
 * from it. A text called man is plain English: paragraphs are kept apart by an empty line, lines that start
 * with two spaces are shown as they are, and `words` between backquotes are set in bold.
 */
#ifndef WEFT_CONSOLE_COMMAND_H
#define WEFT_CONSOLE_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

struct args;
struct context;

/* What an argument is; its check and its completion go by this. */
enum arg_kind {
	ARG_NONE,
	ARG_COUNT,    /* a number from min to max */
	ARG_DURATION, /* 90, 90s, 5m, 1h30m */
	ARG_TEXT,
	ARG_FILE,
	ARG_FOLDER,
	ARG_PROGRAM,
	ARG_VARIABLE, /* NAME or NAME=VALUE of the environment */
	ARG_SIGNAL,
	ARG_HOST,
	ARG_TASK,     /* a task id, t20001 */
	ARG_TARGET,   /* a task id or a job number */
	ARG_JOB,
	ARG_VM,
	ARG_COMMAND,
	ARG_PORTS,    /* 7000 or 7000-7010 */
};

/* Whose words the user speaks. In both each long option is understood; a letter may mean one thing here, another there. */
enum dialect {
	DIALECT_WEFT,
	DIALECT_PVM, /* called as pvm: PVM's letters, PVM's prompt, PVM's form of lists */
};

struct option_def {
	int id;            /* the letter of its short form, or a number from 256 on when it has none */
	const char *name;  /* long form; NULL ends a list */
	enum arg_kind kind;
	const char *arg;   /* what help calls its argument */
	const char *help;  /* one line */
	const char *man;   /* what more there is to say, or NULL */
	long min, max;     /* ARG_COUNT */
	bool optional_arg; /* the argument may be left out: --name or --name=ARG */
	bool hidden;       /* neither help nor completion shows it */
	char pvm;          /* its letter in PVM's dialect, when that is another one; 0: the same */
	const char *glued; /* PVM's way to write it: a word that begins so, its value right behind; '#' stands for the
	                    * first digit of a number. NULL: none. The first of a command's options that fits is meant. */
};

struct exit_def {
	const char *status;
	const char *meaning;
};

enum command_flags {
	CMD_PROGRAM = 1, /* the first operand ends the options: the rest belongs to a program */
	CMD_CONSOLE = 2, /* in the console only */
	CMD_SHELL   = 4, /* on the command line only */
	CMD_RAW     = 8, /* its words are not read by the option table: all are operands */
};

struct command {
	const char *name;
	const char *alias;        /* another name, or NULL */
	const char *summary;      /* one line, no full stop */
	const char *operands;     /* as in a synopsis, or NULL: there are none */
	enum arg_kind operand;    /* kind of the operands */
	enum arg_kind first;      /* of the first one, when it differs; else ARG_NONE */
	int noperands_min, noperands_max; /* max < 0: any number */
	unsigned flags;
	const struct option_def *options; /* in the order of help; NULL: none */
	const struct exit_def *exits;     /* beyond 0 and 125; ends with status NULL; or NULL */
	const char *man;
	const char *examples;     /* lines of a shell, with what they do above them as "# ..." */
	int (*exec)(struct context *c, const struct args *a); /* returns the exit status */
};

/* Ids of options without a short form; those that several commands share come first. */
enum option_id {
	OPT_VM = 256,
	OPT_JSON,
	OPT_HOST,
	OPT_LOCAL_NODES,
	OPT_WDIR,
	OPT_OUTPUT,
	OPT_TIMEOUT,
	OPT_GRACE,
	OPT_STDIN,
	OPT_LOCAL,
	OPT_KILL_ON_BAD_EXIT,
	OPT_MAP_BY,
	OPT_BIND_TO,
	OPT_FIT,
	OPT_FILL,
	OPT_DISPLAY_MAP,
	OPT_MPI,
	OPT_MDOC,
	OPT_BASH,
	OPT_ZSH,
	OPT_IDS,
	OPT_HELP,
	OPT_WHERE,
	OPT_REDIRECT,
	OPT_TRACE,
	OPT_DEBUG,
	OPT_HOST_TID,
	OPT_CHILDREN,
	OPT_HOSTFILE,
	OPT_PORTS,
	OPT_WAIT,
	OPT_UNDO,
};

#define OPTION_VM                                                                                  \
	{.id   = OPT_VM,                                                                           \
	 .name = "name",                                                                           \
	 .kind = ARG_VM,                                                                           \
	 .arg  = "NAME",                                                                           \
	 .help = "the virtual machine to use (default: $WEFT_VM, else the batch job's, else \"default\")"}
#define OPTION_JSON                                                                                \
	{.id = OPT_JSON, .name = "json", .help = "print JSON, in the form that weft(1) describes"}
#define OPTION_HOSTFILE(text, more)                                                                \
	{.id = OPT_HOSTFILE, .name = "hostfile", .kind = ARG_FILE, .arg = "FILE", .help = text, .man = more}
#define OPTION_LOCAL_NODES(text, more)                                                             \
	{.id   = OPT_LOCAL_NODES,                                                                  \
	 .name = "local-nodes",                                                                    \
	 .kind = ARG_COUNT,                                                                        \
	 .arg  = "N",                                                                              \
	 .help = text,                                                                             \
	 .man  = more,                                                                             \
	 .min  = 1,                                                                                \
	 .max  = 1024}
#define OPTION_PORTS(text)                                                                         \
	{.id = OPT_PORTS, .name = "ports", .kind = ARG_PORTS, .arg = "PORT[-PORT]", .help = text}
#define OPTION_HELP                                                                                \
	{.id = 'h', .name = "help", .help = "show this help and end"}
/* Exits of what starts programs. */
#define EXIT_NOT_EXECUTABLE {"126", "a program is not executable"}
#define EXIT_NOT_FOUND      {"127", "a program was not found"}
#define OPTION_END                                                                                 \
	{                                                                                          \
		.name = NULL                                                                       \
	}

/* All commands, in the order in which help lists them; ends with NULL. */
extern const struct command *const commands[];

extern const struct command cmd_run, cmd_up, cmd_attach, cmd_down, cmd_conf, cmd_ps, cmd_jobs, cmd_spawn, cmd_kill,
        cmd_sig, cmd_logs, cmd_add, cmd_delete, cmd_drain, cmd_doctor, cmd_version, cmd_help, cmd_mpirun, cmd_halt,
        cmd_quit, cmd_alias, cmd_unalias, cmd_setenv, cmd_export, cmd_unexport, cmd_echo, cmd_id, cmd_mstat, cmd_pstat,
        cmd_reset, cmd_names, cmd_put, cmd_getopt, cmd_setopt, cmd_trace, cmd_tickle, cmd_idump;

/* The letter of an option's short form, 0: it has none; -h is help's where no other option claims it. */
char option_letter(const struct command *c, const struct option_def *o, enum dialect dialect);

/* Is it there in the console (or else: on the command line)? */
bool command_is_for(const struct command *c, bool interactive);

/* By name or alias; NULL: there is none. */
const struct command *command_find(const char *name, bool interactive);

/* What was most probably meant by an unknown name, or NULL. */
const char *command_nearest(const char *name, bool interactive);

/* Runs the command argv[0] with its arguments; complains itself. Returns the exit status. */
int command_run(struct context *c, int argc, char **argv);

#endif
