#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "console/context.h"
#include "console/exitcode.h"
#include "console/json.h"
#include "console/words.h"

enum { LOOK_MS = 200 }; /* -f: how often there is a look for more */

struct reading {
	uint64_t offset;
	bool done;
	int code;
	int error;              /* errno: our standard output takes no more */
	struct weft__buf *kept; /* for --json: all of it; NULL: it is printed as it comes */
};

static void take(struct reading *r, const struct weft__bin *bytes)
{
	if (r->kept) {
		if (weft__buf_append(r->kept, bytes->p, bytes->n))
			r->code = WEFT_ENOMEM;
	} else if (fwrite(bytes->p, 1, bytes->n, stdout) != bytes->n) {
		r->error = errno;
	}
}

static bool on_bytes(void *arg, const struct weft__msg *m)
{
	struct reading *r = arg;
	if (m->code != WEFT__MSG_LOG_BYTES) {
		r->code = m->code == WEFT__MSG_RESULT && m->result.code ? (int)m->result.code : WEFT_EPROTO;
		r->done = true;
		return true;
	}
	r->code = (int)m->log_bytes.code;
	if (m->log_bytes.bytes.n > 0) {
		take(r, &m->log_bytes.bytes);
		r->offset = m->log_bytes.offset + m->log_bytes.bytes.n;
	}
	r->done = r->code != 0 || m->log_bytes.bytes.n == 0; /* the last piece is empty */
	return r->done;
}

static void find_job(void *arg, const struct weft__msg *m)
{
	struct weft__msg_job_row *row = arg;
	if (m->code == WEFT__MSG_JOB_ROW && m->job_row.job == row->job)
		*row = m->job_row;
}

/* The job's state, 0 when there is none. */
static uint64_t job_state(struct context *c, uint32_t job)
{
	struct weft__msg_job_row row = {.job = job};
	if (job && session_list(c->session, WEFT__LIST_JOBS, 0, 0, find_job, &row, NULL))
		return 0;
	return row.state;
}

/* All that there is from r->offset on. */
static int read_rest(struct context *c, uint32_t job, struct reading *r, struct weft_error *e)
{
	struct weft__msg m = {.code = WEFT__MSG_LOG_READ, .log_read = {.job = job, .offset = r->offset}};
	r->done            = false;
	int64_t req        = session_ask(c->session, &m, on_bytes, r);
	if (req < 0)
		return weft__err_set(e, (int)req, "%s", weft__err_text((int)req));
	int rc = session_wait(c->session, &r->done, SESSION_TIMEOUT_MS, e);
	session_forget(c->session, req);
	if (rc)
		return rc;
	if (r->code == WEFT_ENOENT && job && job_state(c, job))
		return 0; /* it has not written anything, or a tool showed what it wrote */
	if (r->code == WEFT_ENOENT && job)
		return weft__err_set(e, r->code, "there is no job %u; see: weft jobs", job);
	return r->code ? weft__err_set(e, r->code, "%s", weft__err_text(r->code)) : 0;
}

/* Goes on until the job has ended, or Ctrl-C. */
static int follow(struct context *c, uint32_t job, struct reading *r, struct weft_error *e)
{
	bool never = false;
	int rc     = 0;
	while (!rc && !r->error) {
		bool ended = job && job_state(c, job) == WEFT__JOB_ENDED; /* before the look: what came until then is still read */
		rc         = read_rest(c, job, r, e);
		if (fflush(stdout))
			r->error = errno;
		if (rc || ended)
			break;
		rc = session_wait(c->session, &never, LOOK_MS, e);
		if (rc == WEFT_ETIMEDOUT)
			rc = 0;
	}
	return rc;
}

static void print_json(const struct reading *r, uint32_t job)
{
	struct json j;
	json_init(&j, stdout);
	json_open(&j, NULL);
	json_number(&j, "schema", 1);
	if (job)
		json_number(&j, "job", (int64_t)job);
	else
		json_null(&j, "job");
	json_number(&j, "bytes", (int64_t)r->kept->len);
	json_text_n(&j, "text", r->kept->len ? (const char *)r->kept->data : "", r->kept->len);
	json_close(&j);
}

static int exec_logs(struct context *c, const struct args *a)
{
	struct weft_error e   = {0};
	struct weft__buf kept = {0};
	struct reading r      = {.kept = args_has(a, OPT_JSON) ? &kept : NULL};
	uint32_t job          = 0;
	if (r.kept && args_has(a, 'f')) {
		context_error(c, "--json shows what there is; it does not go with --follow");
		return EXITCODE_FAILURE;
	}
	if (a->noperands > 0 && words_job(a->operands[0], &job)) {
		context_error(c, "not a job: '%s'; see: weft jobs", a->operands[0]);
		return EXITCODE_FAILURE;
	}
	if (context_attach(c, a))
		return EXITCODE_FAILURE;
	int rc = args_has(a, 'f') ? follow(c, job, &r, &e) : read_rest(c, job, &r, &e);
	if (!rc && r.kept)
		print_json(&r, job);
	else if (!rc && job && r.offset == 0)
		context_note(c, "nothing is kept of job %u: it has written nothing, or weft run or the console showed it", job);
	weft__buf_fini(&kept);
	bool unread = false; /* nobody reads what we print, as in weft logs | head */
	if (fflush(stdout) && !r.error)
		r.error = errno;
	if (r.error) {
		unread = r.error == EPIPE;
		rc     = weft__err_set(&e, WEFT_EIO, "cannot write to standard output: %s", strerror(r.error));
	}
	if (rc && rc != WEFT_ECANCELED && !unread)
		context_error(c, "%s", e.text);
	context_detach(c);
	return unread ? EXITCODE_SIGNAL + SIGPIPE : rc ? EXITCODE_FAILURE : 0;
}

static const struct option_def options[] = {
        {.id = 'f', .name = "follow", .help = "go on as more comes, until the job has ended"},
        OPTION_JSON,
        OPTION_VM,
        OPTION_HELP,
        OPTION_END,
};

const struct command cmd_logs = {
        .name          = "logs",
        .summary       = "show the output of a job, or the daemon's log",
        .operands      = "[JOB]",
        .operand       = ARG_JOB,
        .noperands_max = 1,
        .options       = options,
        .man           = "Prints what the tasks of a job wrote whose output nobody was shown (`weft spawn`), or, "
                         "without a job, the log of the home node's daemon. Of each job the first 16 MiB are kept.\n\n"
                         "With `--json`: an object with `schema` (1), `job` (null for the daemon's log), `bytes`, and `text`.",
        .examples      = "weft spawn -n 4 ./solver\nweft logs -f 1\n",
        .exec          = exec_logs,
};
