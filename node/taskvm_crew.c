/* Threads that start tasks, as many at a time as there are processors, while the loop serves those that run.
 *
 * Starting a process is work for one processor, mostly the kernel's, and the thread that asks for it waits: one after the
 * other would leave the others idle. When a launch has several tasks to start the loop's thread makes orders, the crew
 * carries them out, and the loop ends them (taskvm_launch_done). While the crew has enough to do the loop waits for it: it
 * is woken when orders are few, and what has come from the tasks meanwhile is told in one go. A crew that has nothing to
 * do goes; for few tasks there is none, and the loop starts them itself.
 *
 * Where there are few processors each has a thread of its own, which stays there, and so does a new process until it is about
 * to become the program. Else the kernel starts the process on another processor than the thread that waits for it, behind the
 * programs that run there, while the thread's own processor has nothing to do.
 *
 * What can go wrong: no thread can be made: the loop starts the tasks. A task ends before its order has come back, perhaps
 * long before, for tasks that run already take the processors: the order is told, and goes on. All descriptors of ours close
 * with an exec, so that no task gets what another thread has just opened.
 */
#include "config.h"

#include "node/taskvm_order.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/heap.h"
#include "node/descriptors.h"

enum {
	THREADS_MAX = 4,   /* more would wait for the kernel's locks, and for the tasks that run already */
	WORTH       = 4,   /* so many tasks to start pay for the threads */
	ORDERS_MAX  = 32,  /* that are not ended: enough to do until the loop runs again */
	ORDERS_FEW  = 16,  /* that nobody carries out so far: time for more */
	OF_TASK     = 4,   /* descriptors that a task which runs may need ... */
	OF_ORDER    = 9,   /* ... and an order, at most; */
	OF_OTHERS   = 64,  /* all others */
	STACK_BYTES = 256 * 1024,
};

struct taskvm_crew {
	pthread_mutex_t lock;
	pthread_cond_t wanted, carried; /* an order has come, or the end; one was carried out */
	struct weft__list orders, done;
	size_t norders; /* in orders */
	bool over;
	int wake; /* eventfd: some are done, and orders are few */
	pthread_t threads[THREADS_MAX];
	size_t nthreads;
	uint64_t mask[TASKVM_MASK_BYTES / sizeof(uint64_t)]; /* the processors that we may use, */
	size_t nprocessors;                                  /* so many */
	const struct taskvm *vm;
};

static struct taskvm_order *pop(struct weft__list *orders)
{
	struct taskvm_order *o = WEFT__CONTAINER(orders->next, struct taskvm_order, link);
	weft__list_remove(&o->link);
	return o;
}

static void *work(void *arg)
{
	struct taskvm_crew *c = arg;
	pthread_mutex_lock(&c->lock);
	for (;;) {
		while (weft__list_empty(&c->orders) && !c->over)
			pthread_cond_wait(&c->wanted, &c->lock);
		if (weft__list_empty(&c->orders))
			break;
		struct taskvm_order *o = pop(&c->orders);
		c->norders--;
		pthread_mutex_unlock(&c->lock);
		taskvm_exec(c->vm, o);
		pthread_mutex_lock(&c->lock);
		weft__list_push(&c->done, &o->link);
		if (c->norders <= ORDERS_FEW)
			eventfd_write(c->wake, 1);
		pthread_cond_signal(&c->carried);
	}
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

/* To the processor that is this thread's. */
static void pin(const struct taskvm_crew *c, size_t thread, pthread_attr_t *attributes)
{
	uint64_t own[TASKVM_MASK_BYTES / sizeof(uint64_t)] = {0};
	size_t cpu = 0;
	for (size_t seen = 0; cpu < CPUS_MAX; cpu++)
		if (CPU_ISSET_S(cpu, TASKVM_MASK_BYTES, (const cpu_set_t *)c->mask) && seen++ == thread)
			break;
	CPU_SET_S(cpu, TASKVM_MASK_BYTES, (cpu_set_t *)own);
	pthread_attr_setaffinity_np(attributes, sizeof own, (const cpu_set_t *)own);
}

static bool is_pinned(const struct taskvm_crew *c)
{
	return c->nprocessors <= THREADS_MAX;
}

/* Without signals: those are for the loop. */
static void hire(struct taskvm_crew *c)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	sigfillset(&all);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	for (size_t i = 0; i < c->nprocessors && i < THREADS_MAX; i++) {
		if (is_pinned(c))
			pin(c, i, &attributes);
		if (pthread_create(&c->threads[i], &attributes, work, c))
			break;
		c->nthreads++;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
}

static void crew_free(struct taskvm_crew *c)
{
	pthread_mutex_destroy(&c->lock);
	pthread_cond_destroy(&c->wanted);
	pthread_cond_destroy(&c->carried);
	if (c->wake >= 0)
		close(c->wake);
	weft__free(c);
}

static struct taskvm_crew *crew_make(const struct taskvm *vm)
{
	struct taskvm_crew *c = weft__calloc(1, sizeof *c);
	if (c && !sched_getaffinity(0, sizeof c->mask, (cpu_set_t *)c->mask))
		c->nprocessors = (size_t)CPU_COUNT_S(sizeof c->mask, (cpu_set_t *)c->mask);
	if (!c || c->nprocessors < 2) {
		weft__free(c);
		return NULL;
	}
	c->vm = vm;
	weft__list_init(&c->orders);
	weft__list_init(&c->done);
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->wanted, NULL);
	pthread_cond_init(&c->carried, NULL);
	c->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	descriptors_make_room(vm->signals, OF_TASK * (vm->nrunning + vm->nwaiting) + OF_ORDER * ORDERS_MAX + OF_OTHERS);
	if (c->wake >= 0)
		hire(c);
	if (c->nthreads)
		return c;
	crew_free(c);
	return NULL;
}

bool taskvm_crew_room(const struct taskvm *vm)
{
	return vm->nstarting < ORDERS_MAX;
}

int taskvm_crew_fd(const struct taskvm *vm)
{
	return vm->crew ? vm->crew->wake : -1;
}

bool taskvm_crew_busy(const struct taskvm *vm)
{
	return vm->crew && vm->nwaiting && !taskvm_crew_room(vm);
}

bool taskvm_crew_take(struct taskvm *vm, struct taskvm_order *o)
{
	if (!vm->crew && vm->nwaiting + vm->nstarting >= WORTH)
		vm->crew = crew_make(vm);
	struct taskvm_crew *c = vm->crew;
	if (!c)
		return false;
	if (!o->bound && is_pinned(c)) {
		memcpy(o->mask, c->mask, sizeof o->mask);
		o->bound = true;
	}
	pthread_mutex_lock(&c->lock);
	weft__list_push(&c->orders, &o->link);
	c->norders++;
	pthread_cond_signal(&c->wanted);
	pthread_mutex_unlock(&c->lock);
	return true;
}

void taskvm_crew_collect(struct taskvm *vm)
{
	struct taskvm_crew *c = vm->crew;
	struct weft__list done;
	eventfd_t count;
	if (!c)
		return;
	eventfd_read(c->wake, &count);
	weft__list_init(&done);
	pthread_mutex_lock(&c->lock);
	while (!weft__list_empty(&c->done)) {
		struct taskvm_order *o = pop(&c->done);
		weft__list_push(&done, &o->link);
	}
	pthread_mutex_unlock(&c->lock);
	while (!weft__list_empty(&done))
		taskvm_launch_done(vm, pop(&done));
}

bool taskvm_crew_wait(struct taskvm *vm)
{
	struct taskvm_crew *c = vm->crew;
	if (!c || vm->nstarting == 0)
		return false;
	pthread_mutex_lock(&c->lock);
	while (weft__list_empty(&c->done))
		pthread_cond_wait(&c->carried, &c->lock);
	pthread_mutex_unlock(&c->lock);
	taskvm_crew_collect(vm);
	return true;
}

void taskvm_crew_settle(struct taskvm *vm)
{
	while (taskvm_crew_wait(vm))
		;
}

void taskvm_crew_dismiss(struct taskvm *vm)
{
	struct taskvm_crew *c = vm->crew;
	if (!c || vm->nstarting > 0)
		return;
	vm->crew = NULL;
	pthread_mutex_lock(&c->lock);
	c->over = true;
	pthread_cond_broadcast(&c->wanted);
	pthread_mutex_unlock(&c->lock);
	for (size_t i = 0; i < c->nthreads; i++)
		pthread_join(c->threads[i], NULL);
	crew_free(c);
}
