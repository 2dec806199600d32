/* What weft_alloc hands out for long messages. It falls back to ordinary memory when the process is
 * no task, when there are many regions already, or when it would take much of the memory that is
 * free: a region has all its memory at once, since a reader elsewhere must never meet a hole.
 */
#include "config.h"

#include "task/region.h"

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "task/state.h"
#include "transport/region.h"

enum {
	REGION_MIN = 128 << 10, /* what is sent from less goes as it is, or nearly */
	FREE_SHARE = 4,         /* a region may take that part of the free memory */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct weft__region regions[WEFT__REGIONS_MAX];
static uint32_t last_id;
static atomic_uint nregions; /* looked at without the lock, to spare those who have none */

void weft__regions_forked(void)
{
	pthread_mutex_init(&lock, NULL);
}

static bool fits(size_t nbytes)
{
	long pages = sysconf(_SC_AVPHYS_PAGES), page = sysconf(_SC_PAGESIZE);
	return pages > 0 && nbytes / (size_t)page < (size_t)pages / FREE_SHARE;
}

static struct weft__region *vacancy(void)
{
	for (unsigned i = 0; i < WEFT__REGIONS_MAX && last_id < WEFT__HALL_FIRST - 1; i++) {
		regions[i].place = i;
		if (!regions[i].at)
			return &regions[i];
	}
	return NULL;
}

void *weft__region_alloc(size_t nbytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	if (nbytes < REGION_MIN || !fits(nbytes))
		return NULL;
	nbytes = (nbytes + page - 1) / page * page;
	void *at = NULL;
	pthread_mutex_lock(&lock);
	struct weft__region *r = vacancy();
	if (r && weft__region_create(nbytes, false, &r->fd, &at) == 0) {
		r->at = at;
		r->nbytes = nbytes;
		r->id = ++last_id;
		atomic_fetch_add(&nregions, 1);
	}
	pthread_mutex_unlock(&lock);
	return at;
}

/* Takes it out of the list. */
static bool take(const void *p, struct weft__region *r)
{
	bool found = false;
	pthread_mutex_lock(&lock);
	for (unsigned i = 0; i < WEFT__REGIONS_MAX && !found; i++) {
		if (regions[i].at != p)
			continue;
		*r = regions[i];
		regions[i].at = NULL;
		atomic_fetch_sub(&nregions, 1);
		found = true;
	}
	pthread_mutex_unlock(&lock);
	return found;
}

bool weft__region_free(struct weft__engine *e, void *p)
{
	struct weft__region r;
	if (!p || !atomic_load(&nregions) || !take(p, &r))
		return false;
	if (e)
		weft__share_revoke(e, &r);
	munmap(r.at, r.nbytes);
	close(r.fd);
	return true;
}

bool weft__region_find(const void *bytes, size_t nbytes, struct weft__region *r)
{
	uintptr_t from = (uintptr_t)bytes;
	bool found = false;
	if (!atomic_load_explicit(&nregions, memory_order_relaxed))
		return false;
	pthread_mutex_lock(&lock);
	for (unsigned i = 0; i < WEFT__REGIONS_MAX && !found; i++) {
		uintptr_t at = (uintptr_t)regions[i].at;
		found = at && from >= at && from - at <= regions[i].nbytes &&
		        nbytes <= regions[i].nbytes - (from - at);
		if (found)
			*r = regions[i];
	}
	pthread_mutex_unlock(&lock);
	return found;
}
