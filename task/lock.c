/* One lock for the whole engine. A process that never started a thread takes none: most tasks are
 * such, and a lock would be a good part of what a short message costs. */
#include "config.h"

#include "task/quick.h"

#include <sched.h>

void weft__lock_mutex(struct weft__engine *e)
{
	if (pthread_mutex_trylock(&e->mutex)) {
		atomic_fetch_add(&e->nwanting, 1);
		pthread_mutex_lock(&e->mutex);
		atomic_fetch_sub(&e->nwanting, 1);
	}
	e->locked = true;
}

void weft__unlock_mutex(struct weft__engine *e)
{
	e->locked = false;
	pthread_mutex_unlock(&e->mutex);
}

void weft__yield(struct weft__engine *e)
{
	if (!e->locked || !atomic_load(&e->nwanting))
		return;
	weft__unlock(e);
	for (int i = 0; i < 1000 && atomic_load(&e->nwanting); i++)
		sched_yield();
	weft__lock(e);
}

void weft__rouse(struct weft__engine *e)
{
	if (!e->asleep || e->rung)
		return;
	e->rung = true;
	weft__doorbell_ring(e->doorbell);
}

void weft__tell_changed(struct weft__engine *e)
{
	if (e->nwaiters)
		pthread_cond_broadcast(&e->changed);
	weft__rouse(e);
}
