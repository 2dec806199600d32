/* The tasks' control sockets: one end is a task's WEFT_FD, the other weftd's, which serves it as a client.
 *
 * A task that says something there (HELLO is the first) is known to weftd from then on: it gets a copy of its end, and
 * we keep one for a weftd that comes back. Most programs that are no tasks of ours (hostname, a script, one of another
 * MPI) never do, and cost weftd nothing.
 *
 * What can go wrong: the task ends at once after it has spoken: weftd gets its end before it hears of the task's. weftd is
 * gone: it gets it when it is back. A task closes its end without a word: nobody needs to know.
 */
#include "config.h"

#include "node/taskvm.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS_MAX = 64 };

int taskvm_control_watch(struct taskvm *vm, struct taskvm_task *t)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = t};
	return epoll_ctl(vm->controls, EPOLL_CTL_ADD, t->control, &event) ? errno : 0;
}

void taskvm_control_give(struct taskvm *vm, const struct taskvm_task *t)
{
	struct weft__msg m = {.code = WEFT__MSG_TASK_SPEAKS, .task_speaks = {.tid = t->tid}};
	if (t->speaks && t->control >= 0)
		taskvm_conn_send(vm, &m, t->control);
}

/* An end of file is readable, too. */
static bool has_words(const struct taskvm_task *t)
{
	char byte;
	return recv(t->control, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

void taskvm_control_ready(struct taskvm *vm)
{
	struct epoll_event events[EVENTS_MAX];
	int n = epoll_wait(vm->controls, events, EVENTS_MAX, 0);
	for (int i = 0; i < n; i++) {
		struct taskvm_task *t = events[i].data.ptr;
		epoll_ctl(vm->controls, EPOLL_CTL_DEL, t->control, NULL); /* also when it was the end: once is enough */
		t->speaks = has_words(t);
		taskvm_control_give(vm, t);
	}
}

void taskvm_control_close(struct taskvm *vm, struct taskvm_task *t)
{
	if (t->control < 0)
		return;
	epoll_ctl(vm->controls, EPOLL_CTL_DEL, t->control, NULL); /* weftd's copy would keep it in there */
	if (!t->speaks && has_words(t)) {
		t->speaks = true;
		taskvm_control_give(vm, t);
	}
	close(t->control);
	t->control = -1;
}
