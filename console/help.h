/* help.h - help and manual pages, made of the option table. */
#ifndef WEFT_CONSOLE_HELP_H
#define WEFT_CONSOLE_HELP_H

#include <stdbool.h>
#include <stdio.h>

#include "console/command.h"

/* All commands; one command. For the console: without "weft" in front. */
void help_list(FILE *out, bool interactive);
void help_command(const struct command *c, FILE *out, bool interactive, enum dialect dialect);

/* The manual page weft-NAME(1) of a command, or weft(1) (c NULL), as mdoc. */
void mdoc_page(const struct command *c, FILE *out);
void mdoc_pvm_page(FILE *out); /* weft-pvm(1): the console in PVM's dialect */

/* Completion of the command line for bash and zsh. */
void complete_bash(FILE *out);
void complete_zsh(FILE *out);

#endif
