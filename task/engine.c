/* An engine's beginning and end, and the texts of errors. */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/heap.h"
#include "base/ids.h"
#include "task/quick.h"

static const struct weft__settings usual = {
        .eager_max = 64 << 10,
        .segment_bytes = 512 << 10,
        .ahead_bytes = 320 << 10,
        .share_min = SIZE_MAX,
        .credit_bytes = 16 << 20,
        .spin_ns = 50000,
};

int weft__engine_new(struct weft__engine **out, const struct weft__settings *settings)
{
	struct weft__engine *e = weft__calloc(1, sizeof *e);
	if (!e)
		return WEFT_ENOMEM;
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&e->changed, &attr);
	pthread_condattr_destroy(&attr);
	pthread_mutex_init(&e->mutex, NULL);
	e->settings = settings ? *settings : usual;
	if (e->settings.eager_max >
	    e->settings.credit_bytes / 4) /* else a message could never have the credit */
		e->settings.eager_max = e->settings.credit_bytes / 4;
	e->spin_ns = e->settings.spin_ns;
	e->trim_ms = WEFT__TRIM_MS;
	weft__match_init(&e->match);
	weft__stock_init(&e->stock);
	weft__list_init(&e->ready);
	weft__list_init(&e->control.asks);
	weft__list_init(&e->exits);
	weft__list_init(&e->halls);
	weft__list_init(&e->pages);
	e->control.fd = -1;
	e->doorbell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	e->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (e->doorbell < 0 || e->epoll < 0 || weft__engine_watch_doorbell(e)) {
		weft__engine_destroy(&e);
		return weft__fail(WEFT_ENOSPC, "no descriptors are left (see ulimit -n)");
	}
	*out = e;
	return 0;
}

int weft__engine_watch_doorbell(struct weft__engine *e)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = e->doorbell};
	return epoll_ctl(e->epoll, EPOLL_CTL_ADD, e->doorbell, &event);
}

static void free_kept(struct weft__engine *e)
{
	while (!weft__list_empty(&e->match.kept)) {
		struct weft__kept *k = WEFT__CONTAINER(e->match.kept.next, struct weft__kept, all);
		weft__match_take(&e->match, k);
		weft__message_free(e, WEFT__CONTAINER(k, struct weft__message, kept));
	}
}

void weft__engine_destroy(struct weft__engine **engine)
{
	struct weft__engine *e = *engine;
	*engine = NULL;
	if (!e)
		return;
	if (e->job_team.team)
		e->job_team.destroy(&e->job_team.team);
	weft__peers_fini(e);
	weft__control_close(e);
	weft__notices_lost(e);
	weft__exits_fini(e);
	weft__halls_fini(e);
	weft__pages_fini(e);
	weft__outputs_fini(e);
	free_kept(e);
	weft__stock_fini(&e->stock);
	weft__match_fini(&e->match);
	weft__requests_fini(e);
	weft__free(e->tids);
	if (e->doorbell >= 0)
		close(e->doorbell);
	if (e->epoll >= 0)
		close(e->epoll);
	pthread_cond_destroy(&e->changed);
	pthread_mutex_destroy(&e->mutex);
	weft__free(e);
}

void weft__engine_abandon(struct weft__engine *e)
{
	for (uint32_t i = 0; i < e->nactive; i++) {
		const struct weft__channel *c = e->active[i]->channel;
		short events;
		int fd = c->ops->pollfd(c, &events);
		if (fd >= 0)
			close(fd);
	}
	if (e->control.fd >= 0)
		close(e->control.fd);
	close(e->doorbell);
	close(e->epoll);
}

/* --- who one is ------------------------------------------------------------------------------- */

weft_tid_t weft__self(const struct weft__engine *e)
{
	return e->self;
}

weft_tid_t weft__parent(const struct weft__engine *e)
{
	return e->parent;
}

uint32_t weft__rank(const struct weft__engine *e)
{
	return e->rank;
}

uint32_t weft__size(const struct weft__engine *e)
{
	return e->size;
}

uint32_t weft__node(const struct weft__engine *e)
{
	return e->node;
}

const weft_tid_t *weft__job_tids(const struct weft__engine *e)
{
	return e->tids;
}

struct weft__job_team *weft__engine_job_team(struct weft__engine *e)
{
	return &e->job_team;
}

/* --- engines without a daemon ----------------------------------------------------------------- */

int weft__engine_create(struct weft__engine **out, const weft_tid_t *tids, uint32_t size,
                        uint32_t rank, const struct weft__settings *settings)
{
	struct weft__engine *e;
	int rc = weft__engine_new(&e, settings);
	if (rc)
		return rc;
	e->tids = weft__malloc(size * sizeof *tids);
	if (!e->tids) {
		weft__engine_destroy(&e);
		return WEFT_ENOMEM;
	}
	memcpy(e->tids, tids, size * sizeof *tids);
	e->self = tids[rank];
	e->size = e->ntids = size;
	e->rank = rank;
	*out = e;
	return 0;
}

int weft__engine_doorbell(const struct weft__engine *e)
{
	return e->doorbell;
}

int weft__engine_plug(struct weft__engine *e, weft_tid_t tid, struct weft__channel **c)
{
	weft__lock(e);
	struct weft__peer *p = weft__peer_get(e, tid);
	int rc = p ? weft__peer_open(e, p, c) : WEFT_ENOMEM;
	if (*c)
		(*c)->ops->close(c);
	weft__unlock(e);
	return rc;
}

void weft__engine_unplug(struct weft__engine *e, weft_tid_t tid, bool lost)
{
	weft__lock(e);
	struct weft__msg_task_gone gone = {.tid = tid.v, .lost = lost};
	weft__on_task_gone(e, &gone);
	weft__unlock(e);
}

/* --- errors, for people ----------------------------------------------------------------------- */

/* Small, and so worth the fast model, which needs no call to find them. */
#define FAST_THREAD_LOCAL _Thread_local __attribute__((tls_model("initial-exec")))

static FAST_THREAD_LOCAL struct weft_error last;
static FAST_THREAD_LOCAL bool last_is_new; /* said in the call that is under way */

int weft__fail(int code, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	vsnprintf(last.text, sizeof last.text, format, ap);
	va_end(ap);
	last.code = code;
	last_is_new = true;
	return code;
}

int weft__no_task(weft_tid_t tid)
{
	char text[WEFT__TID_TEXT];
	return weft__fail(WEFT_ENOTASK, "task %s is dead or never was",
	                  weft__tid_format(tid, text));
}

int weft__ended(int rc)
{
	if (rc < 0 && !(last_is_new && last.code == rc))
		weft__fail(rc, "%s", weft__err_text(rc));
	last_is_new = false;
	return rc;
}

const char *weft__last_error(void)
{
	return last.text;
}
