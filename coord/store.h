/* store.h - the journal's file, and the lock that makes this the only coordinator of a VM's folder.
 *
 * What is written outlives this process, which is all that the journal is for: it needs no fsync. When the machine
 * itself goes down the VM's key is gone with it, which is in no file, and nobody could carry on from a journal.
 */
#ifndef WEFT_COORD_STORE_H
#define WEFT_COORD_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct store {
	int dirfd; /* the VM's folder; the caller's */
	int lock_fd, fd;
	size_t nbytes; /* of the file */
	size_t base;   /* of the file when it was last made anew */
};

/* Locks the folder. WEFT_EEXIST: another coordinator has it (the text names its pid); WEFT_EIO, WEFT_ENOSPC. */
int store_open(struct store *s, int dirfd, struct weft_error *e);
void store_close(struct store *s); /* unlocks; the file stays */

/* Reads the journal and hands each record to `replay`, whose failure ends it. Cuts a torn tail off; makes a
 * journal when there is none. WEFT_EPROTO, WEFT_EVERSION (damage is not mended), WEFT_EIO, WEFT_ENOMEM. */
int store_read(struct store *s, int (*replay)(void *arg, const void *body, size_t nbytes, struct weft_error *e),
               void *arg, size_t *nrecords, size_t *ncut, struct weft_error *e);

/* Adds framed records. After a failure the store is good for nothing: what is written is cut off by the next
 * start. WEFT_ENOSPC, WEFT_EIO. */
int store_append(struct store *s, const void *records, size_t nbytes, struct weft_error *e);

/* A whole new journal takes the place of the old one, at once or not at all. As store_append. */
int store_replace(struct store *s, const void *journal, size_t nbytes, struct weft_error *e);

void store_remove(struct store *s); /* the VM has ended: no journal remains */

#endif
