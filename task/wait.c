/* Progress, and how a task waits.
 *
 * A call that must wait polls the channels: a few microseconds without rest, since most answers
 * have come by then; a little longer with the processor given away in between, since whoever is to
 * answer may be waiting for it; with more tasks than cores on the node in this way from the start.
 * Without a channel there is nothing to poll. Then it arms every channel, so that whatever comes
 * rings the doorbell or makes a socket ready, and sleeps in epoll_wait. How long it polls adapts: a
 * sleep that was over soon makes the next time longer, a long one makes it shorter.
 *
 * Of several threads that wait one polls; the others wait on a condition variable and look at their
 * own condition after each change. When the polling one has what it wanted, another takes over. A
 * thread that changes something while the polling one sleeps rings the doorbell.
 *
 * A sleep of a tenth of a second is the time to give back memory that only traffic needs. What
 * others are not done with then is tried again, ever more seldom.
 *
 * A channel that is broken, or a task that ends, is seen by the poll of its channel (peer.c); a
 * daemon that is gone by control.c. Neither ends the wait: the conditions do.
 */
#include "config.h"

#include <errno.h>
#include <sched.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "task/quick.h"

enum {
	ROUNDS_PER_CLOCK = 16,    /* rounds between two looks at the clock */
	ROUNDS_PER_LOOK = 1024,   /* rounds between two looks at the control connection */
	LOOK_INTERVAL_NS = 20000, /* ... of calls that do not wait */
	RESTLESS_NS = 5000,       /* polls without rest for so long, and in all at least so long */
	LOOK_INTERVAL_MS = 20,    /* in a sleep, when not everything that matters can wake it */
	TRIM_MAX_MS = 60000, /* memory of channels is given back at least so often, if it can be */
	LEISURE_NS = 1000,     /* for each message that a call lacks, but the last: none comes faster by a socket */
	LEISURE_MAX_NS = 10000,
	PROGRESS_ROUNDS = 64,
	NEVENTS = 16,
};

uint64_t weft__until(int timeout_ms)
{
	return timeout_ms == 0 ? 0 : weft__deadline(timeout_ms);
}

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

/* When no other thread waits for anything. */
static uint32_t leisure(const struct weft__engine *e)
{
	uint64_t nlacking = e->due > e->nchanges && !e->nwaiters ? e->due - e->nchanges : 0;
	return nlacking < LEISURE_MAX_NS / LEISURE_NS ? (uint32_t)nlacking * LEISURE_NS : LEISURE_MAX_NS;
}

int weft__step(struct weft__engine *e)
{
	int n = 0;
	uint64_t npushed = e->npushed;
	e->sated = false;
	e->leisure_ns = leisure(e);
	for (uint32_t i = 0; i < e->nactive;) {
		struct weft__peer *p = e->active[i];
		n += weft__peer_poll(e, p);
		if (i < e->nactive && e->active[i] == p)
			i++; /* else it has ended and the last one took its place */
	}
	weft__queue_flush(e);
	if (e->control_countdown-- == 0) {
		e->control_countdown = ROUNDS_PER_LOOK;
		weft__control_poll(e);
	}
	return e->npushed != npushed ? n + 1 : n;
}

/* --- sleeping --------------------------------------------------------------------------------- */

/* Have the epoll set wait for what the channel waits for. */
static void watch(struct weft__engine *e, struct weft__peer *p)
{
	short events = 0;
	int fd = p->channel->ops->pollfd(p->channel, &events);
	if (fd < 0 || (fd == p->fd && events == p->events))
		return;
	struct epoll_event event = {.events = (uint32_t)events, .data.fd = fd};
	if (epoll_ctl(e->epoll, fd == p->fd ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event)) {
		e->unwatched = true;
		return;
	}
	p->fd = fd;
	p->events = events;
}

static void watch_control(struct weft__engine *e)
{
	struct weft__control *c = &e->control;
	uint32_t events = EPOLLIN | (c->outbox.len ? (uint32_t)EPOLLOUT : 0);
	if (c->fd < 0 || events == c->epoll_events)
		return;
	struct epoll_event event = {.events = events, .data.fd = c->fd};
	if (epoll_ctl(e->epoll, c->epoll_events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, c->fd, &event) ==
	    0)
		c->epoll_events = events;
}

void weft__wait_forget_fd(struct weft__engine *e, int fd)
{
	if (fd >= 0)
		epoll_ctl(e->epoll, EPOLL_CTL_DEL, fd, NULL);
}

static void disarm(struct weft__engine *e)
{
	for (uint32_t i = 0; i < e->nactive; i++)
		e->active[i]->channel->ops->disarm(e->active[i]->channel);
}

/* Memory that the channels need for traffic only. */
static void trim(struct weft__engine *e)
{
	for (uint32_t i = 0; i < e->nactive; i++) {
		struct weft__channel *c = e->active[i]->channel;
		if (c->ops->trim)
			c->ops->trim(c, true);
	}
	e->trim_ms = e->trim_ms * 2 < TRIM_MAX_MS ? e->trim_ms * 2 : TRIM_MAX_MS;
}

/* false: something is there already; nothing is armed then. */
static bool arm(struct weft__engine *e)
{
	bool ready = false;
	e->unwatched = e->spare = false;
	for (uint32_t i = 0; i < e->nactive; i++) {
		struct weft__peer *p = e->active[i];
		if (p->channel->ops->arm(p->channel, p->blocked)) {
			ready = true;
			break;
		}
		watch(e, p);
		e->spare |= p->channel->ops->trim && p->channel->ops->trim(p->channel, false);
	}
	if (ready)
		disarm(e);
	else
		watch_control(e);
	return !ready;
}

static int timeout_of(const struct weft__engine *e, uint64_t deadline)
{
	int ms = weft__deadline_left_ms(deadline);
	int most = e->ndraining || e->unwatched ? LOOK_INTERVAL_MS : e->spare ? e->trim_ms : -1;
	return most >= 0 && (ms < 0 || ms > most) ? most : ms;
}

/* In the kernel until something happens; the lock is free meanwhile. */
static void sleep_until(struct weft__engine *e, uint64_t deadline)
{
	if (!arm(e))
		return;
	struct epoll_event events[NEVENTS];
	int timeout_ms = timeout_of(e, deadline);
	e->asleep = true;
	e->rung = false;
	weft__unlock(e);
	int n = epoll_wait(e->epoll, events, NEVENTS, timeout_ms);
	weft__lock(e);
	e->asleep = false;
	disarm(e);
	if (n != 0)
		e->trim_ms = WEFT__TRIM_MS;
	else if (e->spare && timeout_ms == e->trim_ms)
		trim(e);
	for (int i = 0; i < n; i++) {
		if (events[i].data.fd == e->doorbell)
			weft__doorbell_clear(e->doorbell);
		else if (events[i].data.fd == e->control.fd)
			weft__control_poll(e);
	}
	if (e->fd_given) /* the caller's own poll must not miss what came meanwhile */
		weft__doorbell_ring(e->doorbell);
}

/* --- waiting ---------------------------------------------------------------------------------- */

static void adapt_spin(struct weft__engine *e, uint64_t waited_ns)
{
	uint64_t max = e->settings.spin_ns;
	if (waited_ns < max)
		e->spin_ns =
		        e->spin_ns * 2 + RESTLESS_NS < max ? e->spin_ns * 2 + RESTLESS_NS : max;
	else
		e->spin_ns = e->spin_ns / 2 > RESTLESS_NS ? e->spin_ns / 2 : RESTLESS_NS;
	if (e->spin_ns > max)
		e->spin_ns = max;
}

/* A call that does not wait: the control connection is looked at now and then. */
static void look(struct weft__engine *e)
{
	uint64_t now = weft__clock_ns();
	if (now - e->control_at_ns < LOOK_INTERVAL_NS)
		return;
	e->control_at_ns = now;
	weft__control_poll(e);
	weft__step(e);
}

/* Between two rounds. Threads that want the lock get it; with little hope others get the processor.
 */
static void rest(struct weft__engine *e, bool little)
{
	if (little) {
		relax();
		weft__yield(e);
	} else {
		weft__unlock(e);
		sched_yield();
		weft__lock(e);
	}
}

/* The thread in charge of progress. */
static int poll_until(struct weft__engine *e, weft__condition holds, void *arg, uint64_t deadline)
{
	uint64_t seen = e->nchanges, idle_since = 0;
	bool restless = !e->crowded;
	if (holds(arg))
		return 0;
	for (unsigned round = 0;; round++) {
		bool moved = weft__step(e) != 0;
		if (deadline == 0)
			look(e);
		if (seen != e->nchanges) {
			seen = e->nchanges;
			moved = true;
			if (holds(arg))
				return 0;
		}
		if (deadline == 0)
			return WEFT_ETIMEDOUT;
		if (moved) {
			idle_since = 0;
			restless = !e->crowded;
		}
		bool deaf = !moved && e->nactive == 0; /* what comes now comes from the daemon, and wakes */
		if (!deaf)
			rest(e, moved || restless);
		if (round % ROUNDS_PER_CLOCK && (moved || restless) && !deaf)
			continue;
		uint64_t now = weft__clock_ns();
		if (now >= deadline)
			return WEFT_ETIMEDOUT;
		if (moved)
			continue;
		if (deaf) {
			sleep_until(e, deadline);
			continue;
		}
		if (!idle_since)
			idle_since = now;
		restless = !e->crowded && now - idle_since < RESTLESS_NS;
		if (now - idle_since < e->spin_ns)
			continue;
		sleep_until(e, deadline);
		adapt_spin(e, weft__clock_ns() - idle_since);
		idle_since = 0;
	}
}

/* Another thread is in charge: wait for it to change something. */
static int wait_changed(struct weft__engine *e, uint64_t deadline)
{
	int rc;
	e->nwaiters++;
	e->locked = false;
	if (deadline == WEFT__NEVER) {
		rc = pthread_cond_wait(&e->changed, &e->mutex);
	} else {
		struct timespec at = {.tv_sec = (time_t)(deadline / 1000000000u),
		                      .tv_nsec = (long)(deadline % 1000000000u)};
		rc = pthread_cond_timedwait(&e->changed, &e->mutex, &at);
	}
	e->locked = true;
	e->nwaiters--;
	return rc == ETIMEDOUT ? WEFT_ETIMEDOUT : 0;
}

int weft__await(struct weft__engine *e, weft__condition holds, void *arg, uint64_t deadline)
{
	while (e->polling) {
		if (holds(arg))
			return 0;
		if (deadline == 0) {
			weft__step(e);
			return holds(arg) ? 0 : WEFT_ETIMEDOUT;
		}
		if (wait_changed(e, deadline))
			return holds(arg) ? 0 : WEFT_ETIMEDOUT;
	}
	e->polling = true;
	e->awaited = arg;
	int rc = poll_until(e, holds, arg, deadline);
	e->awaited = NULL;
	e->polling = false;
	if (e->nwaiters)
		pthread_cond_broadcast(&e->changed);
	return rc;
}

/* --- the program's own event loop ------------------------------------------------------------- */

int weft__fd(struct weft__engine *e)
{
	weft__lock(e);
	if (!e->fd_given) {
		e->fd_given = true;
		weft__doorbell_ring(
		        e->doorbell); /* readable at once: the first weft_progress arms it */
	}
	weft__unlock(e);
	return e->epoll;
}

int weft__progress(struct weft__engine *e)
{
	weft__lock(e);
	if (e->fd_given && !e->asleep) {
		disarm(e);
		weft__doorbell_clear(e->doorbell);
	}
	weft__control_poll(e);
	int round = 0;
	while (weft__step(e) && round < PROGRESS_ROUNDS)
		round++;
	/* A sleeping thread has armed everything for itself, and leaves the doorbell ringing. */
	if (e->fd_given && !e->asleep && (round == PROGRESS_ROUNDS || !arm(e)))
		weft__doorbell_ring(e->doorbell);
	weft__unlock(e);
	return 0;
}
