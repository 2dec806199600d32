/* console.h - weft without a command: a prompt, or commands from a file. */
#ifndef WEFT_CONSOLE_CONSOLE_H
#define WEFT_CONSOLE_CONSOLE_H

#include <stdbool.h>

struct context;

struct console_start {
	const char *host;     /* what this machine is called, when a VM is started; or NULL */
	bool attach;          /* to the VM that is up: none is started */
	const char *hostfile; /* hosts to be added at the beginning, or NULL */
};

/* Reads and runs commands until quit, halt or the end of the input. Returns the last one's exit status when
 * they come from a file, else 0; 125 when there is no virtual machine and none can be started. */
int console_run(struct context *c, const struct console_start *how);

#endif
