/* sys.h - what bench/measure.c asks of the system that it measures; one file a system implements it.
 *
 * A failing call ends the program: a benchmark has nothing to mend.
 */
#ifndef WEFT_BENCH_SYS_H
#define WEFT_BENCH_SYS_H

#include <stddef.h>

enum { SYS_WINDOW = 64 }; /* largest number of requests under way */

void sys_init(int *argc, char ***argv);
void sys_fini(void);
int sys_rank(void);
int sys_size(void);

/* Why this system can't take a figure, "barrier" or "spawn" say; NULL: it can. */
const char *sys_lacks(const char *figure);

void sys_send(int to, int tag, const void *buf, size_t nbytes);
void sys_recv(int from, int tag, void *buf, size_t nbytes);

/* Non-blocking ones use slots 0..n-1 in turn; sys_wait ends all n. */
void sys_isend(int slot, int to, int tag, const void *buf, size_t nbytes);
void sys_irecv(int slot, int from, int tag, void *buf, size_t nbytes);
void sys_wait(int n);

/* count receives that stay unmatched (their tags are 1000 + i), and their end. */
void sys_post_many(int from, int count);
void sys_cancel_many(int count);

void sys_barrier(void);
void sys_bcast(double *values, int count);
void sys_reduce(const double *in, double *out, int count); /* sum, at rank 0 */
void sys_allreduce(const double *in, double *out, int count);
void sys_gather(const double *in, double *out, int count); /* at rank 0 */
void sys_allgather(const double *in, double *out, int count);
void sys_alltoall(const double *in, double *out, int count);

/* Start count processes of a program that knows nothing of the system, and see all of them end. */
void sys_spawn(const char *program, int count);

#endif
