/* The process' own engine: weft_init makes it, weft_fini ends it, a fork leaves it to the parent.
 *
 * A child that goes on without exec would share the parent's channels and daemon; it is not
 * enrolled: its descriptors of them are closed, and weft_init makes it a task of its own. A process
 * that ends without weft_fini closes its channels at exit: the kernel, left to do it, would discard
 * what is on its way on a connection that has unread bytes. */
#include "config.h"

#include <pthread.h>
#include <unistd.h>

#include "task/region.h"
#include "task/state.h"

static struct weft__engine *_Atomic here;
static pthread_mutex_t here_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t here_once = PTHREAD_ONCE_INIT;

struct weft__engine *weft__here(void)
{
	return atomic_load_explicit(&here, memory_order_acquire);
}

/* Only the descriptors: what is mapped or allocated is the child's copy, and its locks may be held
 * by threads that it does not have. */
static void forget_in_child(void)
{
	struct weft__engine *e = here;
	here = NULL;
	pthread_mutex_init(&here_lock, NULL);
	weft__regions_forked();
	if (e)
		weft__engine_abandon(e);
}

static void at_first(void)
{
	pthread_atfork(NULL, NULL, forget_in_child);
}

int weft__here_init(void)
{
	pthread_once(&here_once, at_first);
	pthread_mutex_lock(&here_lock);
	struct weft__engine *e = here;
	int rc = e ? 0 : weft__enrol(&e);
	here = e;
	pthread_mutex_unlock(&here_lock);
	return rc;
}

int weft__here_fini(void)
{
	pthread_mutex_lock(&here_lock);
	struct weft__engine *e = here;
	here = NULL;
	pthread_mutex_unlock(&here_lock);
	if (!e)
		return WEFT_ENOTINIT;
	weft__leave(&e);
	return 0;
}

__attribute__((destructor)) static void at_exit(void)
{
	if (here)
		weft__leave_behind(here);
}
