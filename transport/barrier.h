/* barrier.h - memory barriers: our own, and one that other processes execute for us
 * (membarrier(2)). */
#ifndef WEFT_TRANSPORT_BARRIER_H
#define WEFT_TRANSPORT_BARRIER_H

#include <stdatomic.h>
#include <stdbool.h>

/* ThreadSanitizer knows no fences; a read-modify-write of a variable that nobody reads does as
 * well. */
#if defined(__SANITIZE_THREAD__)
#define WEFT__FENCE_BY_RMW 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WEFT__FENCE_BY_RMW 1
#endif
#endif

/* All of our stores are seen before any of our later loads is done. */
static inline void weft__fence(void)
{
#ifdef WEFT__FENCE_BY_RMW
	static _Atomic int nobody;
	atomic_fetch_add_explicit(&nobody, 1, memory_order_seq_cst);
#else
	atomic_thread_fence(memory_order_seq_cst);
#endif
}

/* From now on weft__barrier in other processes reaches this one. false: it doesn't. */
bool weft__barrier_register(void);

/* Does weft__barrier work in this process? */
bool weft__barrier_works(void);

/* Every running thread of every registered process executes a full barrier before this returns. */
bool weft__barrier(void);

#endif
