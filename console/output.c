/* Happy path: pieces go into the multiplexer, whole lines come out of it into a sink's queue, which is written
 * once in each turn of the loop.
 *
 * What can go wrong: nobody takes our output (the queue grows to its bound, output_full makes the tasks wait);
 * the reader is gone (output_error says EPIPE, its owner ends the run); standard error is closed (swallowed);
 * a file cannot be made or the disk is full (output_push and output_error say so). When standard output and
 * error are the same terminal or file they are one device: a line of one never lands within a line of the other.
 */
#include "config.h"

#include "console/output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/heap.h"
#include "base/ids.h"
#include "base/list.h"
#include "console/mux.h"
#include "console/sink.h"

enum {
	QUEUE_MAX        = 1024 * 1024,
	FLUSH_AT         = 64 * 1024, /* queued bytes that do not wait for the turn's end */
	FILES_OPEN_MAX   = 64,
	CONSOLE_LINE_MAX = 16 * 1024, /* a prompt must not wait behind a long line */
};

/* No task has these tids: their numbers of nodes are too high. */
#define TID_OURS  UINT64_MAX
#define TID_LINES (UINT64_MAX - 1)

/* A file of the template; several streams may share it. */
struct file {
	struct weft__list link; /* in output.files; the one used last is at the end */
	struct mux_device device;
	struct output *output;
	int fd;    /* -1: closed, it had been longest without use */
	bool made; /* it has been emptied */
	char path[];
};

struct output {
	struct output_config config;
	uv_prepare_t *prepare;
	struct mux mux;
	struct sink sinks[2];
	struct mux_device devices[2];
	size_t nsinks; /* 0: all goes to files; 1: both streams are one */
	bool dirty;    /* something is queued that no sink_flush has seen */
	bool was_full;
	struct weft__list files;
	size_t nopen;
	int error;
	struct weft_error file_error;
	char file[PATH_MAX]; /* the template, complete */
};

/* --- standard output and error ------------------------------------------------------------------- */

static void tell(struct output *o)
{
	o->was_full = output_full(o);
	if (o->nsinks && o->sinks[0].error && !o->error)
		o->error = o->sinks[0].error;
	if (o->config.changed)
		o->config.changed(o->config.arg);
}

void output_flush(struct output *o)
{
	if (!o->dirty)
		return;
	if (o->config.before)
		o->config.before(o->config.arg);
	for (size_t i = 0; i < o->nsinks; i++) {
		if (o->config.after)
			mux_break(&o->mux, &o->devices[i]); /* the prompt needs a line of its own */
		sink_flush(&o->sinks[i]);
	}
	o->dirty = false;
	if (o->config.after && output_idle(o))
		o->config.after(o->config.arg);
	if (o->sinks[0].error || output_full(o) != o->was_full)
		tell(o);
}

static void on_prepare(uv_prepare_t *prepare)
{
	output_flush(prepare->data);
}

static void on_sink(void *arg, struct sink *s)
{
	struct output *o = arg;
	if (o->config.after && output_idle(o))
		o->config.after(o->config.arg);
	tell(o);
}

static void emit_sink(void *arg, unsigned stream, const void *bytes, size_t nbytes)
{
	struct sink *s   = arg;
	struct output *o = s->arg;
	if (sink_write(s, bytes, nbytes) && !o->error)
		o->error = ENOMEM;
	o->dirty = true;
	if (sink_queued(s) >= FLUSH_AT && !o->config.before)
		sink_flush(s);
}

static bool is_same_file(int a, int b)
{
	struct stat x, y;
	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static int open_sinks(struct output *o, uv_loop_t *loop)
{
	o->nsinks = is_same_file(1, 2) ? 1 : 2;
	for (size_t i = 0; i < o->nsinks; i++) {
		int rc = sink_open(&o->sinks[i], loop, (int)i + 1, on_sink, o);
		if (rc)
			return rc;
		mux_device_init(&o->devices[i], &o->sinks[i]);
	}
	return 0;
}

/* --- files --------------------------------------------------------------------------------------- */

static void close_oldest(struct output *o)
{
	for (struct weft__list *l = o->files.next; l != &o->files; l = l->next) {
		struct file *f = WEFT__CONTAINER(l, struct file, link);
		if (f->fd < 0)
			continue;
		close(f->fd);
		f->fd = -1;
		o->nopen--;
		return;
	}
}

static int open_file(struct file *f)
{
	struct output *o = f->output;
	if (f->fd >= 0)
		return 0;
	if (o->nopen >= FILES_OPEN_MAX)
		close_oldest(o);
	int flags = O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY | O_CLOEXEC | (f->made ? 0 : O_TRUNC);
	f->fd     = open(f->path, flags, 0666);
	if (f->fd < 0)
		return weft__err_set(&o->file_error, WEFT_EIO, "cannot write %s: %s", f->path, strerror(errno));
	f->made = true;
	o->nopen++;
	return 0;
}

static void emit_file(void *arg, unsigned stream, const void *bytes, size_t nbytes)
{
	struct file *f    = arg;
	struct output *o  = f->output;
	const uint8_t *at = bytes;
	weft__list_remove(&f->link);
	weft__list_push(&o->files, &f->link);
	if (open_file(f))
		return;
	while (nbytes > 0 && o->file_error.code == 0) {
		ssize_t n = write(f->fd, at, nbytes);
		if (n >= 0) {
			at += n;
			nbytes -= (size_t)n;
		} else if (errno != EINTR) {
			weft__err_set(&o->file_error, WEFT_EIO, "cannot write %s: %s", f->path, strerror(errno));
		}
	}
}

/* The template filled in for a task; false when it is too long. */
static bool expand(const char *format, const struct output_task *t, unsigned stream, char *path, size_t size)
{
	size_t n = 0;
	for (const char *p = format; *p && n < size; p++) {
		if (*p != '%') {
			path[n++] = *p;
			continue;
		}
		char *at   = path + n;
		size_t left = size - n;
		int length = 0;
		switch (*++p) {
		case 'r':
			length = snprintf(at, left, "%u", t->rank);
			break;
		case 'j':
			length = snprintf(at, left, "%u", t->job);
			break;
		case 'h':
			length = snprintf(at, left, "%s", t->host);
			break;
		case 's':
			length = snprintf(at, left, "%s", stream == 2 ? "err" : "out");
			break;
		default: /* check_template let nothing else through */
			length = snprintf(at, left, "%%");
			break;
		}
		n += (size_t)length;
	}
	if (n >= size)
		return false;
	path[n] = '\0';
	return true;
}

/* The device of the file that this stream goes to; NULL: o->file_error says why there is none. */
static struct mux_device *find_file(struct output *o, const struct output_task *t, unsigned stream)
{
	char path[PATH_MAX];
	if (!expand(o->file, t, stream, path, sizeof path)) {
		weft__err_set(&o->file_error, WEFT_EIO, "--output makes too long a name: %.80s", o->file);
		return NULL;
	}
	for (struct weft__list *l = o->files.next; l != &o->files; l = l->next) {
		struct file *f = WEFT__CONTAINER(l, struct file, link);
		if (!strcmp(f->path, path))
			return &f->device;
	}
	struct file *f = weft__calloc(1, sizeof *f + strlen(path) + 1);
	if (!f) {
		weft__err_set(&o->file_error, WEFT_ENOMEM, "out of memory");
		return NULL;
	}
	f->output = o;
	f->fd     = -1;
	f->made   = o->config.append;
	strcpy(f->path, path);
	mux_device_init(&f->device, f);
	weft__list_push(&o->files, &f->link);
	return &f->device;
}

static int check_template(struct output *o, const char *file, struct weft_error *e)
{
	struct stat st;
	size_t n      = strlen(file);
	bool folder   = n && file[n - 1] == '/';
	int length    = snprintf(o->file, sizeof o->file, "%s", file);
	for (const char *p = strchr(file, '%'); p; p = strchr(p + 2, '%'))
		if (!p[1] || !strchr("rjhs%", p[1]))
			return weft__err_set(e, WEFT_EINVAL,
			                     "--output %.60s: after %% only r, j, h, s or %% may stand", file);
	if (!folder && stat(file, &st) == 0 && S_ISDIR(st.st_mode))
		folder = true;
	if (folder && mkdir(file, 0777) && errno != EEXIST)
		return weft__err_set(e, WEFT_EIO, "cannot make %.80s: %s", file, strerror(errno));
	if (folder)
		length = snprintf(o->file, sizeof o->file, "%s%s%%j.%%r.%%s", file, file[n - 1] == '/' ? "" : "/");
	if (length < 0 || (size_t)length >= sizeof o->file)
		return weft__err_set(e, WEFT_EINVAL, "--output: the name is too long");
	return 0;
}

/* --- both ---------------------------------------------------------------------------------------- */

int output_open(uv_loop_t *loop, const struct output_config *config, struct output **o, struct weft_error *e)
{
	struct output *new = weft__calloc(1, sizeof *new);
	int rc             = new ? 0 : WEFT_ENOMEM;
	if (rc)
		return weft__err_set(e, rc, "out of memory");
	new->config = *config;
	weft__list_init(&new->files);
	mux_init(&new->mux, config->file ? emit_file : emit_sink);
	if (config->after)
		new->mux.line_max = CONSOLE_LINE_MAX;
	new->prepare = weft__calloc(1, sizeof *new->prepare);
	if (!new->prepare)
		rc = weft__err_set(e, WEFT_ENOMEM, "out of memory");
	else if (config->file)
		rc = check_template(new, config->file, e);
	else if (open_sinks(new, loop))
		rc = weft__err_set(e, WEFT_ENOMEM, "out of memory");
	if (new->prepare) {
		uv_prepare_init(loop, new->prepare);
		new->prepare->data = new;
		uv_prepare_start(new->prepare, on_prepare);
		uv_unref((uv_handle_t *)new->prepare);
	}
	if (rc)
		output_close(&new);
	else
		*o = new;
	return rc;
}

int output_push(struct output *o, const struct output_task *t, unsigned stream, const void *bytes,
                size_t nbytes, struct weft_error *e)
{
	char label[MUX_LABEL_MAX] = "";
	struct mux_device *d      = mux_device_of(&o->mux, t->tid, stream);
	if (!d) {
		d = o->nsinks ? &o->devices[stream == 2 && o->nsinks == 2 && t->style != OUTPUT_PVM] : find_file(o, t, stream);
		if (t->style == OUTPUT_PVM)
			snprintf(label, sizeof label, "[%u:t%x] ", t->job,
			         (unsigned)weft__tid_slot((weft_tid_t){t->tid}));
		else if (t->style == OUTPUT_PLAIN)
			*label = '\0';
		else if (o->config.label && t->descendant)
			snprintf(label, sizeof label, "[%u.%u] ", t->job, t->rank);
		else if (o->config.label)
			snprintf(label, sizeof label, "[%u] ", t->rank);
	}
	if (d && mux_push(&o->mux, t->tid, stream, d, label, bytes, nbytes))
		return weft__err_set(e, WEFT_ENOMEM, "out of memory");
	if (o->file_error.code && e)
		*e = o->file_error;
	return o->file_error.code;
}

void output_end(struct output *o, const struct output_task *t)
{
	if (t->style == OUTPUT_PVM) {
		mux_end_lines(&o->mux, t->tid);
		output_push(o, t, 1, "EOF\n", 4, NULL);
	}
	mux_end(&o->mux, t->tid);
}

int output_line(struct output *o, const char *text)
{
	static const struct output_task nobody = {.tid = TID_LINES, .host = ""};
	struct mux_device *d                   = o->nsinks ? &o->devices[0] : find_file(o, &nobody, 1);
	int rc                                 = d ? mux_push(&o->mux, nobody.tid, 1, d, "", text, strlen(text)) : 0;
	mux_end(&o->mux, nobody.tid);
	return rc;
}

int output_print(struct output *o, const void *bytes, size_t nbytes)
{
	return o->nsinks ? mux_push(&o->mux, TID_OURS, 1, &o->devices[0], "", bytes, nbytes) : 0;
}

void output_drain(struct output *o)
{
	for (size_t i = 0; i < o->nsinks; i++)
		sink_drain(&o->sinks[i]);
	o->dirty = false;
}

bool output_full(const struct output *o)
{
	size_t queued = 0;
	for (size_t i = 0; i < o->nsinks; i++)
		queued += sink_queued(&o->sinks[i]);
	return queued > QUEUE_MAX;
}

bool output_idle(const struct output *o)
{
	for (size_t i = 0; i < o->nsinks; i++)
		if (sink_queued(&o->sinks[i]) > 0)
			return false;
	return true;
}

int output_error(const struct output *o, struct weft_error *e)
{
	if (o->file_error.code)
		return weft__err_set(e, o->file_error.code, "%s", o->file_error.text);
	if (o->error == EPIPE || o->error == ECONNRESET)
		return weft__err_set(e, WEFT_ECLOSED, "nobody reads standard output");
	if (o->error)
		return weft__err_set(e, o->error == ENOMEM ? WEFT_ENOMEM : WEFT_EIO,
		                     "cannot write to standard output: %s", strerror(o->error));
	return 0;
}

static void free_handle(uv_handle_t *handle)
{
	weft__free(handle);
}

void output_close(struct output **o)
{
	struct output *old = *o;
	struct weft__list *l;
	*o = NULL;
	if (!old)
		return;
	mux_fini(&old->mux);
	for (size_t i = 0; i < old->nsinks; i++)
		sink_close(&old->sinks[i]);
	while ((l = weft__list_pop(&old->files))) {
		struct file *f = WEFT__CONTAINER(l, struct file, link);
		if (f->fd >= 0)
			close(f->fd);
		weft__free(f);
	}
	if (old->prepare)
		uv_close((uv_handle_t *)old->prepare, free_handle);
	weft__free(old);
}
