/* Happy path: libedit edits a line, a key at a time, called when the loop says that there is one; when the line
 * is complete the terminal is as usual again and the command runs, the loop within it; then the next prompt.
 *
 * Tasks may write at any moment. Before their lines go out the prompt is wiped from the screen, afterwards it is
 * drawn anew, with what was typed so far.
 *
 * What can go wrong: Ctrl-C drops the line, or ends the wait of the command that runs; the VM goes down: that is
 * said, and it is the end; SIGTERM or SIGHUP: the terminal is restored first. Without a terminal there is no
 * prompt, no history and no editing: lines are commands. Before the first prompt the user's file of commands is read;
 * one that fails is told with its line, and the next one runs.
 */
#include "config.h"

#include "console/console.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wchar.h>

#include "base/heap.h"
#include "base/rundir.h"
#include "console/aliases.h"
#include "console/context.h"
#include "console/editline.h"
#include "console/exitcode.h"
#include "console/line.h"
#include "console/lines.h"
#include "console/live.h"
#include "console/machines.h"
#include "console/pvmopts.h"
#include "console/runner.h"
#include "console/start.h"

enum { HISTORY_LINES = 1000, CONTROL_D = 4 };

enum console_signal { ON_INT, ON_TERM, ON_HUP, ON_WINCH, ON_CONT, NSIGNALS };
static const int signal_numbers[NSIGNALS] = {SIGINT, SIGTERM, SIGHUP, SIGWINCH, SIGCONT};

struct console {
	struct context *context;
	EditLine *edit;          /* NULL: no terminal */
	History *history;
	char history_path[PATH_MAX], aliases_path[PATH_MAX]; /* "": they are not kept */
	struct aliases aliases;
	struct pvmopts pvm;
	uv_poll_t input;
	uv_signal_t signals[NSIGNALS];
	struct session_listener listener;
	struct live *live;
	bool prompting; /* a line is being edited */
	bool wiped;     /* and is not on the screen at the moment */
	bool complete;  /* the line is */
	bool end;       /* of input */
	bool continued; /* the line at hand goes on from one that ended in a backslash */
	bool found;     /* the virtual machine was there before us */
	int ended_by;   /* a signal, or 0 */
	char *line;
	FILE *stdout_before; /* without a terminal: the usual one, while ours is in its place */
};

/* --- the prompt ---------------------------------------------------------------------------------- */

static struct console *console_of(EditLine *edit)
{
	void *c = NULL;
	el_get(edit, EL_CLIENTDATA, &c);
	return c;
}

static char *prompt(EditLine *edit)
{
	static char weft[] = "weft> ", pvm[] = "pvm> ", more[] = "> ";
	const struct console *c = console_of(edit);
	return c->continued ? more : c->context->dialect == DIALECT_PVM ? pvm : weft;
}

static size_t count_characters(const char *text, size_t nbytes)
{
	size_t n = 0;
	for (size_t i = 0; i < nbytes; i++)
		n += (text[i] & 0xc0) != 0x80;
	return n;
}

/* Takes the edited line from the screen. */
static void wipe(void *arg)
{
	struct console *c = arg;
	struct winsize size;
	if (!c->prompting || c->wiped)
		return;
	c->wiped             = true;
	const LineInfo *info = el_line(c->edit);
	size_t column        = strlen(prompt(c->edit)) +
	                count_characters(info->buffer, (size_t)(info->cursor - info->buffer));
	size_t width = ioctl(1, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
	if (column >= width)
		printf("\033[%zuA", column / width);
	fputs("\r\033[J", stdout);
	fflush(stdout);
}

/* And brings it back. */
static void draw(void *arg)
{
	struct console *c = arg;
	if (!c->prompting || !c->wiped)
		return;
	c->wiped = false;
	el_set(c->edit, EL_REFRESH);
}

static void start_prompt(struct console *c)
{
	c->complete  = false;
	c->prompting = true;
	c->wiped     = false;
	live_refresh(c->live, c->context->session);
	el_set(c->edit, EL_UNBUFFERED, 1); /* shows the prompt */
}

static void stop_prompt(struct console *c)
{
	if (!c->prompting)
		return;
	c->prompting = false;
	el_set(c->edit, EL_UNBUFFERED, 0);
}

/* --- keys ---------------------------------------------------------------------------------------- */

/* Ctrl-D: the end on an empty line, else it deletes a character. */
static unsigned char on_end_key(EditLine *edit, int ch)
{
	const LineInfo *info = el_line(edit);
	if (info->buffer == info->lastchar) {
		console_of(edit)->end = true;
		return CC_EOF;
	}
	if (info->cursor == info->lastchar)
		return CC_REFRESH_BEEP;
	el_cursor(edit, 1);
	el_deletestr(edit, 1);
	return CC_REFRESH;
}

/* Candidates in columns, below the line that is being edited. */
static void show_candidates(struct console *c, char *const *candidates)
{
	struct winsize size;
	size_t width = ioctl(1, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80, widest = 0;
	for (char *const *p = candidates; *p; p++)
		if (strlen(*p) > widest)
			widest = strlen(*p);
	size_t columns = width / (widest + 2) ? width / (widest + 2) : 1;
	putchar('\n');
	for (size_t i = 0; candidates[i]; i++)
		printf("%-*s%s", (int)widest + 2, candidates[i],
		       (i + 1) % columns == 0 || !candidates[i + 1] ? "\n" : "");
	fflush(stdout);
}

static unsigned char complete_word(struct console *c, const char *text, char *const *candidates,
                                   const struct line *l)
{
	const char *typed = l->open_word ? l->words[l->nwords - 1] : "";
	size_t length = strlen(typed), common = line_common(candidates);
	char tail[PATH_MAX];
	if (!candidates[0])
		return CC_REFRESH_BEEP;
	if (common > length) {
		bool whole = !candidates[1] && (common == 0 || candidates[0][common - 1] != '/');
		snprintf(tail, sizeof tail, "%.*s%s", (int)(common - length), candidates[0] + length,
		         whole ? " " : "");
		el_insertstr(c->edit, tail);
		return CC_REFRESH;
	}
	if (!candidates[1]) {
		el_insertstr(c->edit, " ");
		return CC_REFRESH;
	}
	show_candidates(c, candidates);
	return CC_REDISPLAY;
}

/* The tabulator key. */
static unsigned char on_complete_key(EditLine *edit, int ch)
{
	struct console *c    = console_of(edit);
	const LineInfo *info = el_line(edit);
	unsigned char result = CC_ERROR;
	struct line l;
	struct line_live live = {.aliases = &c->aliases, .dialect = c->context->dialect};
	char *text = weft__strndup(info->buffer, (size_t)(info->cursor - info->buffer));
	if (text && line_split(text, &l) == 0) {
		live_get(c->live, &live);
		char **candidates = line_candidates(&l, &live);
		if (candidates) {
			result = complete_word(c, text, candidates, &l);
			for (char **p = candidates; *p; p++)
				weft__free(*p);
			weft__free(candidates);
		}
		line_fini(&l);
	}
	weft__free(text);
	live_refresh(c->live, c->context->session); /* for the next time */
	return result;
}

static void on_input(uv_poll_t *poll, int status, int events)
{
	struct console *c = poll->data;
	int count         = 0;
	if (c->wiped)
		draw(c);
	const char *text = el_gets(c->edit, &count);
	if (text && count > 0 && (text[count - 1] == '\n' || text[count - 1] == '\r')) {
		c->line     = weft__strndup(text, (size_t)count);
		c->complete = true;
	} else if (count < 0 || (events & UV_DISCONNECT)) {
		c->end = true;
	}
	if (c->complete || c->end)
		uv_stop(c->context->loop);
}

/* --- what happens meanwhile ---------------------------------------------------------------------- */

static void on_signal(uv_signal_t *handle, int signo)
{
	struct console *c = handle->data;
	switch (signo) {
	case SIGINT:
		if (c->prompting) {
			stop_prompt(c);
			fputs("^C\n", stdout);
			fflush(stdout);
			start_prompt(c);
		} else if (c->context->session) {
			session_interrupt(c->context->session);
		}
		return;
	case SIGWINCH:
		if (c->edit)
			el_resize(c->edit);
		return;
	case SIGCONT:
		if (c->prompting) {
			el_set(c->edit, EL_PREP_TERM, 1);
			el_set(c->edit, EL_REFRESH);
		}
		return;
	default:
		c->ended_by = signo;
		if (c->context->session)
			session_interrupt(c->context->session);
		uv_stop(c->context->loop);
	}
}

static void ignore_event(void *arg, const struct weft__msg *m)
{
}

static void on_closed(void *arg, int code, const char *text)
{
	struct console *c = arg;
	if (c->context->leave)
		return;
	wipe(c);
	stop_prompt(c);
	context_note(c->context, "%s", text);
	c->end = true;
}

/* --- setting up ---------------------------------------------------------------------------------- */

/* $VARIABLE/weft/NAME, or that below `otherwise` in the home folder; "" when there is no such place. Folders are made
 * when make is set. */
static void find_file(const char *variable, const char *otherwise, const char *name, bool make, char *path, size_t size)
{
	const char *set = getenv(variable), *home = getenv("HOME");
	char base[PATH_MAX / 2], folder[PATH_MAX / 2 + 16];
	*path = '\0';
	if (set && *set == '/')
		snprintf(base, sizeof base, "%s", set);
	else if (home && *home == '/')
		snprintf(base, sizeof base, "%s/%s", home, otherwise);
	else
		return;
	for (char *slash = base; make && (slash = strchr(slash + 1, '/'));) {
		*slash = '\0';
		mkdir(base, 0755);
		*slash = '/';
	}
	if (make)
		mkdir(base, 0755);
	snprintf(folder, sizeof folder, "%s/weft", base);
	if (!make || mkdir(folder, 0700) == 0 || errno == EEXIST)
		snprintf(path, size, "%s/%s", folder, name);
}

/* What is kept from one time to the next. */
static void find_state(const struct console *c, const char *name, char *path, size_t size)
{
	char own[64];
	snprintf(own, sizeof own, "%s%s", c->context->dialect == DIALECT_PVM ? "pvm-" : "", name);
	find_file("XDG_STATE_HOME", ".local/state", own, true, path, size);
}

static int open_editor(struct console *c)
{
	HistEvent event;
	setlocale(LC_CTYPE, "");
	c->edit    = el_init("weft", stdin, stdout, stderr);
	c->history = history_init();
	if (!c->edit || !c->history)
		return WEFT_ENOMEM;
	history(c->history, &event, H_SETSIZE, HISTORY_LINES);
	history(c->history, &event, H_SETUNIQUE, 1);
	find_state(c, "history", c->history_path, sizeof c->history_path);
	find_state(c, "aliases", c->aliases_path, sizeof c->aliases_path);
	if (*c->history_path)
		history(c->history, &event, H_LOAD, c->history_path);
	el_set(c->edit, EL_CLIENTDATA, c);
	el_set(c->edit, EL_PROMPT, prompt);
	el_set(c->edit, EL_EDITOR, "emacs");
	el_set(c->edit, EL_SIGNAL, 0);
	el_set(c->edit, EL_HIST, editline.history_, c->history);
	/* The wide form keeps these texts, the other one copies them and loses the copies. */
	el_wset(c->edit, EL_ADDFN, L"weft-complete", L"complete a word", on_complete_key);
	el_wset(c->edit, EL_ADDFN, L"weft-end", L"end of input", on_end_key);
	el_set(c->edit, EL_BIND, "^I", "weft-complete", NULL);
	el_set(c->edit, EL_BIND, "^D", "weft-end", NULL);
	el_set(c->edit, EL_BIND, "^R", "em-inc-search-prev", NULL);
	el_source(c->edit, NULL);
	return 0;
}

static void save_history(struct console *c)
{
	HistEvent event;
	mode_t mask = umask(077);
	history(c->history, &event, H_SAVE, c->history_path);
	umask(mask);
}

/* Those that were defined at a prompt, as commands. */
static void save_aliases(struct console *c)
{
	char path[PATH_MAX + 8];
	snprintf(path, sizeof path, "%s.new", c->aliases_path);
	mode_t mask = umask(077);
	FILE *out   = fopen(path, "we");
	umask(mask);
	if (!out) {
		context_note(c->context, "the aliases are not kept: %s: %s", path, strerror(errno));
		return;
	}
	for (const struct alias *one = NULL; (one = aliases_next(&c->aliases, one));)
		if (one->kept)
			aliases_print(one, out);
	if (fclose(out) || rename(path, c->aliases_path))
		context_note(c->context, "the aliases are not kept: %s: %s", c->aliases_path, strerror(errno));
}

static void close_editor(struct console *c)
{
	stop_prompt(c);
	if (c->history && *c->history_path)
		save_history(c);
	if (*c->aliases_path && c->aliases.changed)
		save_aliases(c);
	if (c->history)
		history_end(c->history);
	if (c->edit)
		el_end(c->edit);
}

/* The VM that is up, or a new one that stays. */
static int open_vm(struct console *c, const struct console_start *how)
{
	struct context *x = c->context;
	struct weft_error e;
	struct start_daemon daemon;
	char own[WEFT__BATCH_VM_TEXT], text[MACHINES_TEXT];
	int rc   = session_attach(x->loop, NULL, &x->session, &e);
	c->found = rc == 0;
	if (rc == WEFT_ENOVM && !how->attach) {
		struct allocation job;
		rc                 = machines_find(&job, &e);
		struct start start = {.vm = weft__rundir_vm_name(own), .local_nodes = 1, .host = how->host, .batch = job.n > 0};
		if (!rc)
			rc = start_vm(x->loop, &start, &x->session, &daemon, &e);
		if (!rc && job.n > 0 && machines_join(x->session, &job, text)) /* it can do with those that came */
			context_error(x, "%s", text);
		allocation_fini(&job);
	}
	if (!rc)
		rc = session_welcome(x->session, &e);
	if (rc)
		context_error(x, "%s", e.text);
	return rc;
}

static void greet(const struct console *c)
{
	if (c->context->dialect != DIALECT_PVM)
		printf("weft %s, virtual machine '%s'; help lists the commands\n", PACKAGE_VERSION,
		       session_name(c->context->session));
	else if (c->found)
		puts("pvmd already running.");
}

/* --- without a terminal: what commands print goes the way of the tasks' output, in whole lines ---- */

static ssize_t print(void *arg, const char *bytes, size_t nbytes)
{
	struct console *c = arg;
	int rc            = runner_print(c->context->runner, bytes, nbytes);
	if (!rc)
		return (ssize_t)nbytes;
	errno = rc == WEFT_ECLOSED ? EPIPE : rc == WEFT_ENOMEM ? ENOMEM : EIO;
	return 0;
}

static void drain(void *arg)
{
	struct console *c = arg;
	if (c->context->runner)
		runner_drain(c->context->runner);
}

static void take_stdout(struct console *c)
{
	static const cookie_io_functions_t functions = {.write = print};
	FILE *ours                                   = fopencookie(c, "w", functions);
	if (!ours)
		return;
	c->stdout_before     = stdout;
	stdout               = ours;
	c->context->before   = drain; /* standard error may be the same pipe */
	c->context->terminal = c;
}

static void give_stdout_back(struct console *c)
{
	if (!c->stdout_before)
		return;
	fclose(stdout);
	stdout             = c->stdout_before;
	c->stdout_before   = NULL;
	c->context->before = NULL;
}

static int set_up(struct console *c, const struct console_start *how)
{
	struct context *x = c->context;
	struct weft_error e;
	struct output_config config = {.label = true, .label_jobs = true, .arg = c};
	bool terminal               = isatty(0) && isatty(1);
	const char *lack            = terminal ? editline_load() : NULL;
	int rc                      = open_vm(c, how);
	if (rc)
		return rc;
	if (lack) {
		fprintf(stderr, "weft: lines can't be edited (%s); install libedit\n", lack);
		terminal = false;
	}
	x->interactive = true;
	if (terminal) {
		config.before = x->before = wipe;
		config.after = x->after = draw;
		x->terminal             = c;
	}
	rc = runner_create(x->loop, x->session, &config, &x->runner, &e);
	if (!rc && ((terminal && open_editor(c)) || !(c->live = live_create())))
		rc = weft__err_set(&e, WEFT_ENOMEM, "out of memory");
	if (rc) {
		context_error(x, "%s", e.text);
		return rc;
	}
	c->listener = (struct session_listener){.event = ignore_event, .closed = on_closed, .arg = c};
	session_listen(x->session, &c->listener);
	if (terminal)
		greet(c);
	else
		take_stdout(c);
	return 0;
}

static void start_handles(struct console *c)
{
	uv_loop_t *loop = c->context->loop;
	for (size_t i = 0; i < NSIGNALS; i++) {
		uv_signal_init(loop, &c->signals[i]);
		c->signals[i].data = c;
		uv_signal_start(&c->signals[i], on_signal, signal_numbers[i]);
		uv_unref((uv_handle_t *)&c->signals[i]);
	}
	if (c->edit && uv_poll_init(loop, &c->input, 0) == 0) {
		int flags = fcntl(0, F_GETFL);
		if (flags >= 0) /* others read the terminal, too, and libedit wants to wait for a key's bytes */
			fcntl(0, F_SETFL, flags & ~O_NONBLOCK);
		c->input.data = c;
	}
}

static void stop_handles(struct console *c)
{
	for (size_t i = 0; i < NSIGNALS; i++)
		uv_close((uv_handle_t *)&c->signals[i], NULL);
	if (c->edit)
		uv_close((uv_handle_t *)&c->input, NULL);
}

/* --- lines --------------------------------------------------------------------------------------- */

static int run_line(struct console *c, const char *text)
{
	struct line l;
	int status = EXITCODE_FAILURE;
	if (line_split(text, &l)) {
		context_error(c->context, "out of memory");
		return status;
	}
	if (l.quote)
		context_error(c->context, "unmatched %c: the line has not been run", l.quote);
	else if (aliases_expand(&c->aliases, &l))
		context_error(c->context, "out of memory");
	else
		status = l.nwords ? command_run(c->context, (int)l.nwords, l.words) : 0;
	line_fini(&l);
	return status;
}

static bool is_over(const struct console *c)
{
	return c->context->leave || c->end || c->ended_by;
}

/* What is printed must not pile up. */
static void await_room(struct console *c)
{
	while (runner_full(c->context->runner) && !c->ended_by)
		uv_run(c->context->loop, UV_RUN_ONCE);
}

/* The commands of a stream until its end, or that of the console; wait is called before each read that may take long.
 * status becomes that of the last one. */
static void run_stream(struct console *c, int fd, void (*wait)(struct console *c), int *status)
{
	struct weft_error e;
	struct lines lines;
	const char *text = "";
	lines_init(&lines, fd);
	while (text && !is_over(c)) {
		int rc           = lines_next(&lines, &text, &e);
		c->context->line = lines.number;
		if (rc == WEFT_EAGAIN) {
			if (wait)
				wait(c);
			rc   = is_over(c) ? 0 : lines_fill(&lines, &e);
			text = "";
		} else if (!rc && text) {
			*status = run_line(c, text);
			await_room(c);
		}
		if (!rc)
			continue;
		context_error(c->context, "%s", e.text);
		*status = EXITCODE_FAILURE;
		text    = rc == WEFT_ENOMEM ? NULL : "";
	}
	lines_fini(&lines);
}

/* A file that need not be there. */
static void run_file(struct console *c, const char *path)
{
	int fd = *path ? open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY) : -1;
	if (fd < 0) {
		if (*path && errno != ENOENT && errno != ENOTDIR)
			context_error(c->context, "%s: %s", path, strerror(errno));
		return;
	}
	int status       = 0;
	c->context->file = path;
	run_stream(c, fd, NULL, &status);
	c->context->file = NULL;
	close(fd);
}

/* Aliases of the last time, then the user's own commands: ~/.pvmrc, or $XDG_CONFIG_HOME/weft/rc. */
static void run_files(struct console *c)
{
	char path[PATH_MAX];
	const char *home = getenv("HOME");
	if (c->edit) {
		c->aliases.keeping = true;
		run_file(c, c->aliases_path);
		c->aliases.keeping = c->aliases.changed = false;
	}
	if (c->context->dialect == DIALECT_WEFT)
		find_file("XDG_CONFIG_HOME", ".config", "rc", false, path, sizeof path);
	else
		snprintf(path, sizeof path, "%s%s", home ? home : "", home ? "/.pvmrc" : "");
	run_file(c, path);
	c->aliases.keeping = c->edit != NULL;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	uv_poll_stop(poll);
	uv_stop(poll->loop);
	*(bool *)poll->data = true;
}

static void free_handle(uv_handle_t *handle)
{
	weft__free(handle);
}

/* Until standard input has something: meanwhile the loop runs, and what tasks write appears. A file has something
 * always. */
static void await_input(struct console *c)
{
	bool readable   = false;
	int flags       = fcntl(0, F_GETFL);
	uv_poll_t *poll = weft__calloc(1, sizeof *poll);
	int own         = poll ? fcntl(0, F_DUPFD_CLOEXEC, 3) : -1;
	if (own < 0 || uv_poll_init(c->context->loop, poll, own)) {
		weft__free(poll);
		if (own >= 0)
			close(own);
		return;
	}
	if (flags >= 0) /* the descriptor is not ours alone */
		fcntl(0, F_SETFL, flags);
	poll->data = &readable;
	uv_poll_start(poll, UV_READABLE | UV_DISCONNECT, on_readable);
	while (!readable && !c->ended_by && !c->end)
		uv_run(c->context->loop, UV_RUN_DEFAULT);
	uv_close((uv_handle_t *)poll, free_handle);
	close(own);
}

/* An edited line into c->line; false at the end. */
static bool read_line(struct console *c)
{
	c->line = NULL;
	start_prompt(c);
	uv_poll_start(&c->input, UV_READABLE | UV_DISCONNECT, on_input);
	while (!c->complete && !c->end && !c->ended_by)
		uv_run(c->context->loop, UV_RUN_DEFAULT);
	uv_poll_stop(&c->input);
	stop_prompt(c);
	if (!c->complete && !c->ended_by && session_is_open(c->context->session))
		putchar('\n');
	return c->complete;
}

/* Edited lines until there is one that does not end in a backslash, as one command; NULL at the end. */
static char *read_command(struct console *c)
{
	struct weft__buf text = {0};
	c->continued          = false;
	while (read_line(c)) {
		size_t n   = strcspn(c->line, "\r\n");
		bool goes_on = n > 0 && c->line[n - 1] == '\\' && (n < 2 || c->line[n - 2] != '\\');
		int rc     = weft__buf_append(&text, c->line, goes_on ? n - 1 : n);
		weft__free(c->line);
		if (rc)
			break;
		c->continued = goes_on;
		if (!goes_on && weft__buf_append(&text, "", 1) == 0)
			return (char *)text.data;
	}
	c->continued = false;
	weft__buf_fini(&text);
	return NULL;
}

static void run_prompts(struct console *c)
{
	HistEvent event;
	char *text;
	while (!is_over(c) && (text = read_command(c))) {
		if (text[strspn(text, " \t")])
			history(c->history, &event, H_ENTER, text);
		run_line(c, text);
		weft__free(text);
	}
}

/* A file of commands ends when what they attached has ended. */
static void await_jobs(struct console *c)
{
	struct context *x = c->context;
	while (x->session && session_is_open(x->session) && runner_next(x->runner, NULL) && !c->ended_by)
		uv_run(x->loop, UV_RUN_ONCE);
}

/* What came and is not written yet, as long as somebody reads it. */
static void flush_output(struct console *c)
{
	while (c->context->runner && !runner_flush(c->context->runner) && !c->ended_by)
		uv_run(c->context->loop, UV_RUN_ONCE);
}

static int run_commands(struct console *c, const struct console_start *how)
{
	struct context *x = c->context;
	struct weft_error e;
	int status = 0;
	start_handles(c);
	x->hostfile = how->hostfile && access(how->hostfile, R_OK) == 0 ? how->hostfile : NULL;
	if (how->hostfile)
		status = command_run(x, 3, (char *[]){"add", "--hostfile", (char *)how->hostfile, NULL});
	run_files(c);
	if (c->edit)
		run_prompts(c);
	else if (!is_over(c))
		run_stream(c, 0, await_input, &status);
	if (!c->edit && session_is_open(x->session))
		await_jobs(c);
	give_stdout_back(c);
	flush_output(c);
	int rc = runner_error(x->runner, &e);
	if (rc && rc != WEFT_ECLOSED && status == 0) {
		context_error(x, "%s", e.text);
		status = EXITCODE_FAILURE;
	}
	stop_handles(c);
	return x->session && !session_is_open(x->session) && !x->leave ? EXITCODE_FAILURE : status;
}

int console_run(struct context *x, const struct console_start *how)
{
	static struct console c;
	c = (struct console){.context = x};
	aliases_init(&c.aliases);
	pvmopts_init(&c.pvm);
	x->aliases = &c.aliases;
	x->pvm     = &c.pvm;
	int status = set_up(&c, how) ? EXITCODE_FAILURE : run_commands(&c, how);
	close_editor(&c);
	aliases_fini(&c.aliases);
	live_destroy(&c.live, x->session);
	runner_destroy(&x->runner);
	session_close(&x->session);
	uv_run(x->loop, UV_RUN_DEFAULT);
	return c.ended_by ? EXITCODE_SIGNAL + c.ended_by : status;
}

/* --- quit ---------------------------------------------------------------------------------------- */

static int exec_quit(struct context *c, const struct args *a)
{
	if (isatty(0) && c->dialect == DIALECT_PVM)
		puts("pvmd still running.");
	else if (isatty(0))
		printf("the virtual machine '%s' stays up (weft down takes it down)\n", session_name(c->session));
	c->leave = true;
	return 0;
}

static const struct option_def quit_options[] = {OPTION_HELP, OPTION_END};

const struct command cmd_quit = {
        .name          = "quit",
        .alias         = "exit",
        .summary       = "leave the console; the virtual machine stays up",
        .options       = quit_options,
        .noperands_max = 0,
        .flags         = CMD_CONSOLE,
        .man           = "Jobs that were spawned with --attach end with the console. Other jobs go on, redirected ones, too: what "
                         "these write from then on is in `logs`. When commands come from a file the console waits for both.",
        .exec          = exec_quit,
};
