/* exchange.h - what task VMs tell each other: each gives bytes, each gets the bytes of all.
 *
 * Those that start an exchange of the same name and members meet; when the last one has given, all get what all
 * gave. The name can be used again for the next round. Bytes go through weftd and the coordinator, which keeps
 * them over a crash of its own; a member gives at most 8 MiB, all together at most 64 MiB.
 */
#ifndef WEFT_NODE_EXCHANGE_H
#define WEFT_NODE_EXCHANGE_H

#include <stddef.h>
#include <stdint.h>

struct taskvm;

/* What one member gave. */
struct exchange_piece {
	uint32_t job, node;
	const void *bytes;
	size_t nbytes;
};

/* code 0: pieces[npieces] in the order of jobs and nodes, valid during the call. Else why there are none: a member
 * has no task any more (WEFT_ENOTASK), too many bytes (WEFT_ETOOBIG). */
typedef void exchange_done_fn(void *arg, int code, const char *text, const struct exchange_piece *pieces, size_t npieces);

/* The number of a task VM as a member. */
static inline uint64_t exchange_member(uint32_t job, uint32_t node)
{
	return (uint64_t)job << 14 | node;
}

/* exchange_start - give bytes, and be told when all have given.
 *
 * Shape    name of 1..255 bytes; members[nmembers], at most 4096, this task VM among them; none: all nodes of its job.
 * Owner    everything stays the caller's; arg lives until done was called.
 * Returns  0: done will be called once, never from within this call; WEFT_ENOMEM, WEFT_ETOOBIG: it will not be.
 */
int exchange_start(struct taskvm *vm, const char *name, const uint64_t *members, size_t nmembers, const void *bytes,
                   size_t nbytes, exchange_done_fn *done, void *arg);

#endif
