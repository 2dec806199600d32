/* vmdir.h - the folder of a VM: made, locked, found stale, removed.
 *
 * Whoever starts a VM locks the folder itself with flock(2), before the folder has its name: until the home
 * daemon answers, and for a private VM as long as it wants it. The daemon holds the file n1/lock in the folder
 * all its life. So when both are free the folder belongs to a VM that crashed; the kernel lets locks go whatever
 * killed their holder, a reboot too. The file "vm" says who the daemon is: its pid, when that process started,
 * in which boot.
 */
#ifndef WEFT_CONSOLE_VMDIR_H
#define WEFT_CONSOLE_VMDIR_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

enum { VMDIR_ID_BYTES = 16 };

struct vmdir {
	char path[4096];
	int fd;      /* of the folder, locked; -1 */
	int base_fd; /* of the base folder, locked while a VM with a name is started; -1 */
};

/* Makes the folder of a new VM; name NULL: a private one, "run-<pid>-<hex>". What a crashed VM of that name
 * left is removed. WEFT_EEXIST: a VM of that name is up, or its daemon still ends. Other starters of VMs with
 * a name wait until vmdir_unlock or vmdir_abandon. */
int vmdir_create(const char *name, struct vmdir *d, struct weft_error *e);

/* Writes the file "vm". 0 or WEFT_EIO. */
int vmdir_note(const struct vmdir *d, pid_t daemon, struct weft_error *e);

/* A VM with a name has answered, or we have no more use for a private one: our locks are let go. */
void vmdir_unlock(struct vmdir *d);

/* No daemon has it: the folder is removed. */
void vmdir_abandon(struct vmdir *d);

/* Removes the folder of a VM that has ended or crashed; false when its lock is held. */
bool vmdir_remove_stale(const char *path);

/* Removes what crashed private VMs have left, as far as there is something. */
void vmdir_sweep(void);

/* The daemon that the file "vm" in the folder names, if that process still lives; else -1. */
pid_t vmdir_daemon(const char *path);

#endif
