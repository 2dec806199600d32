#include "config.h"

#include "console/mux.h"

#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/heap.h"

/* One stream of one task. */
struct mux_source {
	struct weft__list waiting; /* in its device's list while complete lines of it wait */
	struct mux_device *device; /* NULL: nothing has come yet */
	struct weft__buf kept;     /* an unfinished line; while another line is open, lines before it too */
	unsigned stream;
	bool ended;                /* nothing more will come */
	char label[MUX_LABEL_MAX];
};

struct mux_task {
	uint64_t tid;
	struct mux_source sources[2];
	unsigned nopen; /* sources of which something may still come or waits */
};

void mux_init(struct mux *m, void (*emit)(void *device_arg, unsigned stream, const void *bytes, size_t nbytes))
{
	*m = (struct mux){.line_max = MUX_LINE_MAX, .held_max = MUX_HELD_MAX, .emit = emit};
}

static void free_task(struct mux_task *t)
{
	for (size_t i = 0; i < 2; i++)
		weft__buf_fini(&t->sources[i].kept);
	weft__free(t);
}

void mux_fini(struct mux *m)
{
	size_t cursor = 0;
	uint64_t tid;
	void *task;
	while (weft__map_next(&m->tasks, &cursor, &tid, &task))
		free_task(task);
	weft__map_fini(&m->tasks);
}

void mux_device_init(struct mux_device *d, void *arg)
{
	*d = (struct mux_device){.arg = arg};
	weft__list_init(&d->waiting);
}

/* The first bytes of a line. */
static void begin_line(struct mux *m, struct mux_source *s)
{
	struct mux_device *d = s->device;
	if (d->ragged)
		m->emit(d->arg, s->stream, "\n", 1);
	d->ragged = false;
	if (*s->label)
		m->emit(d->arg, s->stream, s->label, strlen(s->label));
}

/* Emits the complete lines at the front of bytes; their length. The device must be free. */
static size_t emit_lines(struct mux *m, struct mux_source *s, const char *bytes, size_t nbytes)
{
	const char *last = nbytes ? memrchr(bytes, '\n', nbytes) : NULL;
	size_t length    = last ? (size_t)(last - bytes) + 1 : 0;
	if (length && !*s->label) {
		begin_line(m, s);
		m->emit(s->device->arg, s->stream, bytes, length);
		return length;
	}
	for (size_t done = 0; done < length;) {
		const char *newline = memchr(bytes + done, '\n', length - done);
		size_t line         = (size_t)(newline - (bytes + done)) + 1;
		begin_line(m, s);
		m->emit(s->device->arg, s->stream, bytes + done, line);
		done += line;
	}
	return length;
}

/* Emits the complete lines that were kept of s. */
static void emit_kept(struct mux *m, struct mux_source *s)
{
	size_t length = emit_lines(m, s, (const char *)s->kept.data, s->kept.len);
	weft__buf_consume(&s->kept, length);
	m->held -= length;
	if (s->kept.len == 0)
		weft__buf_fini(&s->kept); /* thousands of silent tasks should cost little */
}

/* The unfinished line of s goes out in parts from now on. The device must be free. */
static void own_device(struct mux *m, struct mux_source *s)
{
	begin_line(m, s);
	m->emit(s->device->arg, s->stream, s->kept.data, s->kept.len);
	m->held -= s->kept.len;
	weft__buf_fini(&s->kept);
	s->device->owner = s;
}

/* Nothing more comes of s: its last line goes out as it is. The device must be free. May free s. */
static void finish(struct mux *m, struct mux_source *s)
{
	struct mux_task *t = WEFT__CONTAINER(s - (s->stream - 1), struct mux_task, sources);
	if (s->kept.len > 0) {
		own_device(m, s);
		s->device->owner  = NULL;
		s->device->ragged = true;
	}
	if (--t->nopen > 0)
		return;
	weft__map_remove(&m->tasks, t->tid);
	free_task(t);
}

/* Nobody owns the device any more: those that waited have their turn. */
static void release(struct mux *m, struct mux_device *d)
{
	struct weft__list *node;
	d->owner = NULL;
	while ((node = weft__list_pop(&d->waiting))) {
		struct mux_source *s = WEFT__CONTAINER(node, struct mux_source, waiting);
		emit_kept(m, s);
		if (s->ended)
			finish(m, s);
	}
}

void mux_break(struct mux *m, struct mux_device *d)
{
	if (!d->owner && !d->ragged)
		return;
	m->emit(d->arg, d->owner ? d->owner->stream : 1, "\n", 1);
	d->ragged = false;
	release(m, d);
}

static struct mux_source *find_largest(const struct mux *m)
{
	struct mux_source *largest = NULL;
	size_t cursor              = 0;
	uint64_t tid;
	void *value;
	while (weft__map_next(&m->tasks, &cursor, &tid, &value)) {
		struct mux_task *task = value;
		for (size_t i = 0; i < 2; i++)
			if (!largest || task->sources[i].kept.len > largest->kept.len)
				largest = &task->sources[i];
	}
	return largest;
}

/* Too much is kept: cut the line that others wait for, or write the longest unfinished one in parts. */
static void relieve(struct mux *m)
{
	while (m->held > m->held_max) {
		struct mux_source *s = find_largest(m);
		if (s->device->owner)
			mux_break(m, s->device);
		else
			own_device(m, s);
	}
}

/* Bytes of s, whose device is free. */
static int push_free(struct mux *m, struct mux_source *s, const char *bytes, size_t nbytes)
{
	size_t done = 0;
	if (s->kept.len == 0)
		done = emit_lines(m, s, bytes, nbytes);
	if (weft__buf_append(&s->kept, bytes + done, nbytes - done))
		return WEFT_ENOMEM;
	m->held += nbytes - done;
	if (done == 0 && memchr(bytes, '\n', nbytes))
		emit_kept(m, s);
	if (s->kept.len > m->line_max)
		own_device(m, s);
	return 0;
}

/* Bytes of s, whose line is open: until its end they go straight out. */
static int push_owner(struct mux *m, struct mux_source *s, const char *bytes, size_t nbytes)
{
	const char *newline = memchr(bytes, '\n', nbytes);
	size_t length       = newline ? (size_t)(newline - bytes) + 1 : nbytes;
	m->emit(s->device->arg, s->stream, bytes, length);
	if (!newline)
		return 0;
	release(m, s->device);
	return length < nbytes ? push_free(m, s, bytes + length, nbytes - length) : 0;
}

/* Bytes of s while another's line is open. */
static int push_waiting(struct mux *m, struct mux_source *s, const char *bytes, size_t nbytes)
{
	if (weft__buf_append(&s->kept, bytes, nbytes))
		return WEFT_ENOMEM;
	m->held += nbytes;
	if (weft__list_empty(&s->waiting) && memchr(bytes, '\n', nbytes))
		weft__list_push(&s->device->waiting, &s->waiting);
	return 0;
}

static struct mux_task *find_task(struct mux *m, uint64_t tid)
{
	struct mux_task *t = weft__map_get(&m->tasks, tid);
	if (t)
		return t;
	t = weft__calloc(1, sizeof *t);
	if (!t)
		return NULL;
	t->tid   = tid;
	t->nopen = 2;
	for (unsigned i = 0; i < 2; i++) {
		weft__list_init(&t->sources[i].waiting);
		t->sources[i].stream = i + 1;
	}
	if (weft__map_put(&m->tasks, tid, t)) {
		weft__free(t);
		return NULL;
	}
	return t;
}

int mux_push(struct mux *m, uint64_t tid, unsigned stream, struct mux_device *d, const char *label,
             const void *bytes, size_t nbytes)
{
	if (nbytes == 0)
		return 0;
	struct mux_task *t = find_task(m, tid);
	if (!t)
		return WEFT_ENOMEM;
	struct mux_source *s = &t->sources[stream == 2];
	if (!s->device) {
		s->device = d;
		strncpy(s->label, label, sizeof s->label - 1);
	}
	int rc;
	if (!s->device->owner)
		rc = push_free(m, s, bytes, nbytes);
	else if (s->device->owner == s)
		rc = push_owner(m, s, bytes, nbytes);
	else
		rc = push_waiting(m, s, bytes, nbytes);
	relieve(m);
	return rc;
}

struct mux_device *mux_device_of(const struct mux *m, uint64_t tid, unsigned stream)
{
	const struct mux_task *t = weft__map_get(&m->tasks, tid);
	return t ? t->sources[stream == 2].device : NULL;
}

/* Nothing more comes of s, whose device may be another's. May free s. */
static void end_source(struct mux *m, struct mux_source *s)
{
	struct mux_device *d = s->device;
	if (s->ended)
		return;
	s->ended = true;
	if (d && d->owner && d->owner != s && s->kept.len > 0) {
		if (weft__list_empty(&s->waiting))
			weft__list_push(&d->waiting, &s->waiting);
		return;
	}
	if (d && d->owner == s) {
		d->ragged = true;
		release(m, d);
	}
	finish(m, s);
}

void mux_end_lines(struct mux *m, uint64_t tid)
{
	struct mux_task *t = weft__map_get(&m->tasks, tid);
	for (unsigned i = 0; t && i < 2; i++) {
		const struct mux_source *s = &t->sources[i];
		bool open                  = s->device && s->device->owner == s;
		if (open || (s->kept.len > 0 && s->kept.data[s->kept.len - 1] != '\n'))
			mux_push(m, tid, i + 1, s->device, "", "\n", 1);
	}
}

void mux_end(struct mux *m, uint64_t tid)
{
	struct mux_task *t = weft__map_get(&m->tasks, tid);
	if (!t)
		return;
	struct mux_source *out = &t->sources[0], *err = &t->sources[1];
	end_source(m, out); /* frees neither: the other one is open */
	end_source(m, err);
}
