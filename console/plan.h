/* plan.h - what is to be started: programs with their counts, hosts, environments. */
#ifndef WEFT_CONSOLE_PLAN_H
#define WEFT_CONSOLE_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "console/args.h"
#include "console/layout.h"
#include "console/session.h"

enum {
	PLAN_PROGRAMS_MAX = 64,
	PLAN_TASKS_MAX    = 65536,
};

struct pvmopts;

struct plan_program {
	struct args args; /* its options and, as operands, its arguments */
};

struct plan {
	struct plan_program programs[PLAN_PROGRAMS_MAX];
	size_t nprograms;
	long ntasks;           /* of all programs */
	const char *hosts;     /* for programs that name none, or NULL */
	long usual_count;      /* of a program for which none is said; 0: 1 */
	const struct pvmopts *pvm; /* of a console: where traces of PVM's calls go, and which; or NULL */
	uint32_t tracer;           /* with it: the tid that gets them; 0: as it says */
	bool kill_on_bad_exit; /* the first task that fails takes the others with it */
};

/* The options that every command has that starts programs. */
#define PLAN_OPTIONS                                                                               \
	{.id   = 'n',                                                                              \
	 .name = "count",                                                                          \
	 .glued = "-#",                                                                            \
	 .kind = ARG_COUNT,                                                                        \
	 .arg  = "N",                                                                              \
	 .help = "start N tasks of the program (default: 1, in a batch job as many as it is for)", \
	 .min  = 1,                                                                                \
	 .max  = PLAN_TASKS_MAX},                                                                  \
	{.id   = OPT_HOST,                                                                         \
	 .name = "host",                                                                           \
	 .kind = ARG_HOST,                                                                         \
	 .arg  = "HOST[:SLOTS][,HOST...]",                                                         \
	 .help = "start them there: names of nodes, or #INDEX; each may have :SLOTS",              \
	 .man  = "Several are used in turn; `alpha:4,beta:2` gives alpha two for each of beta's. " \
	         "`localhost` is this machine. Without it tasks go where cores are free."},        \
	{.id   = 'x',                                                                              \
	 .name = "export",                                                                         \
	 .kind = ARG_VARIABLE,                                                                     \
	 .arg  = "NAME[=VALUE]",                                                                   \
	 .help = "set a variable of the tasks' environment",                                       \
	 .man  = "The tasks inherit the whole environment in any case; `-x NAME` checks that the " \
	         "variable is there. May be given several times."},                                \
	LAYOUT_OPTIONS,                                                                            \
	{.id   = OPT_WDIR,                                                                         \
	 .name = "wdir",                                                                           \
	 .glued = "-:",                                                                            \
	 .kind = ARG_FOLDER,                                                                       \
	 .arg  = "DIR",                                                                            \
	 .help = "the tasks' working directory (default: the current one)"},                       \
	{.id   = OPT_MPI,                                                                          \
	 .name = "mpi",                                                                            \
	 .kind = ARG_TEXT,                                                                         \
	 .arg  = "auto|none|openmpi|mpich",                                                        \
	 .help = "which MPI's programs they are (default: auto)",                                  \
	 .man  = "`auto` looks at the libraries that the program is linked with, at the programs that a shell script names, and at " \
	         "Python's mpi4py. A program that loads its MPI later shows none: say which one it is."}

/* Reads the programs of a command line, kept apart by ":"; first has been parsed from the whole of it. 0,
 * WEFT_EINVAL. Whatever it returns, plan_fini is due. */
int plan_parse(const struct args *first, struct plan *p, struct weft_error *e);
void plan_fini(struct plan *p);

/* An option in any of the programs' parts: the last one, or NULL. */
const char *plan_text(const struct plan *p, int id);
int plan_has(const struct plan *p, int id);
/* How many tasks the only program has when that is not said, and where they shall be is not either. */
void plan_set_usual_count(struct plan *p, long count);

int64_t plan_duration_ms(const struct plan *p, int id);

/* Sends the SPAWN messages; answer gets SPAWNED. The req, or an error. flags: WEFT__SPAWN_*. */
int64_t plan_send(const struct plan *p, struct session *s, unsigned flags, session_answer_fn answer, void *arg,
                  struct weft_error *e);

#endif
