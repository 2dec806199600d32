/* context.h - what a command runs in: a shell's command line, or the console. */
#ifndef WEFT_CONSOLE_CONTEXT_H
#define WEFT_CONSOLE_CONTEXT_H

#include <stdbool.h>

#include <uv.h>

#include "base/err.h"
#include "console/args.h"
#include "console/session.h"

struct aliases;
struct pvmopts;
struct runner;

struct context {
	uv_loop_t *loop;
	enum dialect dialect;          /* weft, or called as pvm */
	const char *file;              /* the commands come from it; errors name it with the line. NULL: none */
	unsigned line;                 /* of the file */
	struct session *session;       /* the console's; on the command line that of the command */
	struct runner *runner;         /* the console's attached jobs, NULL on the command line */
	const char *hostfile;          /* of the console: what it says holds for hosts that are added later. NULL: none */
	struct aliases *aliases;       /* the console's, NULL on the command line */
	struct pvmopts *pvm;           /* so are these */
	const struct command *command; /* that runs */
	bool interactive;              /* in the console */
	bool leave;                    /* the console ends after this command */
	void (*before)(void *arg);     /* something is about to be written to the terminal, or NULL */
	void (*after)(void *arg);      /* it has been written */
	void *terminal;                /* arg of both */
};

/* A session for a command: the console's, or a new one with the VM that --vm names. Complains itself:
 * 0 or an error. context_detach closes it on the command line. */
int context_attach(struct context *c, const struct args *a);
void context_detach(struct context *c);

/* "weft run: ..." on standard error: an error, and a note. */
void context_error(const struct context *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
void context_note(const struct context *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* May this descriptor be given colours? A terminal, without NO_COLOR and TERM=dumb. */
bool context_colour(int fd);

#endif
