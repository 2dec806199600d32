/* start.h - make a virtual machine: its folder, its key, its first daemon. */
#ifndef WEFT_CONSOLE_START_H
#define WEFT_CONSOLE_START_H

#include <stdbool.h>
#include <sys/types.h>

#include <uv.h>

#include "base/err.h"
#include "console/session.h"
#include "console/vmdir.h"

struct start {
	const char *vm;       /* name; NULL: a private VM, which ends with this process */
	unsigned local_nodes; /* at least 1 */
	const char *ports;    /* of the daemon: "7000" or "7000-7010"; NULL: any */
	const char *host;     /* what the first node is called; NULL: as the machine */
	bool batch;           /* it is a batch job's: other machines will join, and SIGTERM announces the job's end */
};

struct start_daemon {
	pid_t pid;
	int log_fd;       /* the daemon's log, also when its file is gone; -1 */
	struct vmdir dir; /* the VM's folder; locked while it is a private one's */
};

/* Starts a VM. A session with it is opened at once: what is asked waits until the VM is there. For a private
 * VM that is all; one with a name has answered when this returns. WEFT_EEXIST: it is up already. */
int start_vm(uv_loop_t *loop, const struct start *how, struct session **s, struct start_daemon *daemon,
             struct weft_error *e);

/* Why a VM that was just started is gone: what its daemon said last. Fills e and returns code. */
int start_explain(const struct start_daemon *daemon, int code, const char *text, struct weft_error *e);

/* After the session was closed: waits until a private VM is gone; what is in its way after timeout_ms is killed. */
void start_finish(struct start_daemon *daemon, int timeout_ms);

#endif
