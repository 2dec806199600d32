/* weft_base.h - the error list and the ids: what every room and every user shares.
 *
 * Installed beside weft.h, which includes it; users include weft.h alone.
 */
#ifndef WEFT_BASE_H
#define WEFT_BASE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Every error there is, once: X(name, number, text). The enum, weft_strerror, the Fortran
 * parameters and the man page come from it. Numbers are never reused. */
#define WEFT_ERRS(X)                                                                               \
	X(EINVAL, -1, "invalid argument")                                                          \
	X(ENOMEM, -2, "out of memory")                                                             \
	X(ENOTASK, -3, "no such task: it is dead or never was")                                    \
	X(ENONODE, -4, "no such node")                                                             \
	X(ENOVM, -5, "no virtual machine is up, or its daemon is gone")                            \
	X(EAGAIN, -6, "not now: nothing is there yet, or a queue is full")                         \
	X(ETIMEDOUT, -7, "timed out")                                                              \
	X(ECANCELED, -8, "canceled")                                                               \
	X(ETOOBIG, -9, "larger than the limit")                                                    \
	X(ETRUNC, -10, "message is longer than the buffer")                                        \
	X(ETYPE, -11, "the packed item is of another type")                                        \
	X(EEND, -12, "nothing more to unpack")                                                     \
	X(EEXIST, -13, "exists already")                                                           \
	X(ENOENT, -14, "no such name")                                                             \
	X(EDENIED, -15, "not permitted")                                                           \
	X(EPROTO, -16, "malformed or unexpected bytes from the peer")                              \
	X(EVERSION, -17, "the peer speaks another version")                                        \
	X(ENOSPC, -18, "a system limit is reached (descriptors, processes, shared memory, disk)")  \
	X(EIO, -19, "a system call failed")                                                        \
	X(ENOEXEC, -20, "program is not executable")                                               \
	X(ENOFILE, -21, "no such file or directory")                                               \
	X(ENOGROUP, -22, "no such group")                                                          \
	X(ENOTMEMBER, -23, "not a member")                                                         \
	X(EALREADY, -24, "already done or in progress")                                            \
	X(ENOTINIT, -25, "weft_init has not been called")                                          \
	X(EUNSUP, -26, "not supported here")                                                       \
	X(EINTERNAL, -27, "internal error")                                                        \
	X(ENOPARENT, -28, "the task has no parent")                                                \
	X(ECLOSED, -29, "the connection is closed")                                                \
	X(EFENCED, -30, "refused: a newer coordinator or incarnation is in charge")

enum weft_err {
	WEFT_OK = 0,
#define X(name, number, text) WEFT_##name = number,
	WEFT_ERRS(X)
#undef X
};

/* A task's id: a slot of 14 bits node and 17 bits local, and a 33-bit generation above it.
 * {0} is no task. */
typedef struct {
	uint64_t v;
} weft_tid_t;

#define WEFT_NO_TID ((weft_tid_t){0})

#ifdef __cplusplus
}
#endif
#endif
