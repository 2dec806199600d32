/* allocation.h - the machines that a batch system has given to this job, and how many tasks each is for. */
#ifndef WEFT_CONSOLE_ALLOCATION_H
#define WEFT_CONSOLE_ALLOCATION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/batch.h"
#include "base/err.h"

enum {
	ALLOCATION_HOSTS_MAX = 16383,
	ALLOCATION_TASKS_MAX = 65536,
	ALLOCATION_BYTES_MAX = 4 << 20, /* of a file of hosts */
	ALLOCATION_HOST_TEXT = 256,
};

struct allocation_host {
	char name[ALLOCATION_HOST_TEXT];
	unsigned slots; /* tasks, at least 1 */
};

struct allocation {
	struct weft__batch_job job;
	struct allocation_host *hosts; /* each name once, in the system's order */
	size_t n, room;
	unsigned nslots;
};

/* What the variables and the files that they name say. 0; WEFT_ENOENT: this is no job of a batch system (e is not
 * touched); else e says which variable or file is wrong, and how. Due in any case: allocation_fini. */
int allocation_read(weft__batch_env env, struct allocation *a, struct weft_error *e);
void allocation_fini(struct allocation *a);

/* The machine that this process runs on, or NULL: it is none of them. */
const struct allocation_host *allocation_here(weft__batch_env env, const struct allocation *a);

#endif
