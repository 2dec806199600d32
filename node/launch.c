#include "config.h"

#include "node/launch.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/rundir.h"

/* %h stands for the host (or the address given for it). Where it is missing both are appended.
 * joins: the last argument is for a shell there, as ssh does it; else the words are a command themselves. */
static const struct launcher {
	uint64_t kind;
	const char *name, *variable, *words, *login;
	bool joins;
} launchers[] = {
        /* No master connection is left behind: it would be our child at last, and end with us. */
        {WEFT__ADD_SSH, "ssh", "WEFT_SSH", "ssh -o BatchMode=yes -o ConnectTimeout=5 -o ControlMaster=no", "-l", true},
        /* A step beside those of the script, with all that the job has on the node. What the job was submitted with would
         * bound it to the share of one task. */
        {WEFT__ADD_SRUN, "srun", "WEFT_SRUN",
         "env -u SLURM_CPUS_PER_TASK -u SRUN_CPUS_PER_TASK -u SLURM_NTASKS_PER_NODE -u SLURM_EXACT -u SLURM_GPUS_PER_TASK "
         "-u SLURM_TRES_PER_TASK -u SLURM_DISTRIBUTION srun --mpi=none --nodes=1 --ntasks=1 --overlap --mem=0 --cpu-bind=none "
         "--kill-on-bad-exit=0 --immediate=9 --quiet --nodelist=%h",
         NULL, false},
        {WEFT__ADD_QRSH, "qrsh", "WEFT_QRSH", "qrsh -inherit -V %h", NULL, true},
        {WEFT__ADD_FLUX, "flux exec", "WEFT_FLUX", "flux exec --rank %h", NULL, false}, /* the address is the broker's rank */
};

static const struct launcher *find(uint64_t kind)
{
	for (size_t i = 0; i < sizeof launchers / sizeof *launchers; i++)
		if (launchers[i].kind == kind)
			return &launchers[i];
	return NULL;
}

const char *launch_name(uint64_t kind)
{
	const struct launcher *l = find(kind);
	return l ? l->name : NULL;
}

/* --- the script ----------------------------------------------------------------------------------- */

/* A text that grows; full: the rest is left out. */
struct text {
	char *at;
	size_t left;
	bool full;
};

static void put(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(struct text *t, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	int n = vsnprintf(t->at, t->left, format, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= t->left) {
		t->full = true;
		return;
	}
	t->at += n;
	t->left -= (size_t)n;
}

static void put_char(struct text *t, bool escaped, const char *escape, char c)
{
	put(t, "%s%c", escaped ? escape : "", c);
}

/* For a shell, as it is. */
static void put_quoted(struct text *t, const char *value)
{
	put(t, "'");
	for (; *value; value++)
		put_char(t, *value == '\'', "'\\'", *value);
	put(t, "'");
}

/* For a shell that is to expand $NAME and ${NAME} in it, and nothing else. */
static void put_expanded(struct text *t, const char *value)
{
	put(t, "\"");
	for (; *value; value++) {
		bool variable = *value == '$' && (isalpha((unsigned char)value[1]) || value[1] == '_');
		bool braces = *value == '$' && value[1] == '{' && (isalpha((unsigned char)value[2]) || value[2] == '_');
		size_t name = braces ? 2 + strspn(value + 2, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789") : 0;
		bool plain = variable || (braces && value[name] == '}') || !strchr("\"\\$`", *value);
		put_char(t, !plain, "\\", *value);
	}
	put(t, "\"");
}

/* It first says what it is, so that another version is known by its name; then it becomes the daemon, which finds
 * the way back by the address from which its connection came, where one says so, or else by one of ours. */
static void write_script(struct text *t, const struct weft__msg_node_start *m, const struct launch_home *home)
{
	put(t, "PATH=$PATH:");
	put_quoted(t, home->folder);
	put(t, ":/usr/local/libexec/weft:/usr/libexec/weft; export PATH; d=");
	put_expanded(t, m->daemon.n ? m->daemon.p : "weftd");
	put(t, "; ");
	if (!home->half)
		put(t, "\"$d\" --version || exit; ");
	put(t, "set -- ${SSH_CONNECTION:-$SLURM_LAUNCH_NODE_IPADDR}; ");
	put(t, "exec \"$d\" --join \"${1:+[$1]:%u,}%s\" --node %llu --incarnation %llu --orphan-ms %llu --vm ", home->port,
	    home->addresses, (unsigned long long)m->node, (unsigned long long)m->incarnation,
	    (unsigned long long)home->orphan_ms);
	put_quoted(t, home->vm);
	put(t, " --host ");
	put_quoted(t, m->host.p);
	if (m->ports.n) {
		put(t, " --ports ");
		put_quoted(t, m->ports.p);
	}
	if (m->path.n) {
		put(t, " --path ");
		put_expanded(t, m->path.p);
	}
	if (m->wdir.n) {
		put(t, " --wdir ");
		put_expanded(t, m->wdir.p);
	}
	if (home->half)
		put(t, " --half %s", home->half);
}

/* The user's shell there may be any: it gets one word to hand to a plain one. */
static void put_for_any_shell(struct text *t, const char *script)
{
	put(t, "exec /bin/sh -c ");
	put_quoted(t, script);
}

int launch_command(char *command, size_t size, const struct weft__msg_node_start *m, const struct launch_home *home,
                   struct weft_error *e)
{
	static char plain[LAUNCH_TEXT_MAX / 2]; /* one thread, and gone with the next call */
	struct text script = {plain, sizeof plain, false}, whole = {command, size, false};
	write_script(&script, m, home);
	put_for_any_shell(&whole, plain);
	return script.full || whole.full ? weft__err_set(e, WEFT_ETOOBIG, "the command to start it is too long") : 0;
}

/* --- the words ------------------------------------------------------------------------------------ */

/* A word with host in the place of each %h. */
static void put_word(struct text *t, const char *word, size_t n, const char *host, bool *named)
{
	for (size_t i = 0; i < n; i++) {
		if (word[i] == '%' && i + 1 < n && word[i + 1] == 'h') {
			put(t, "%s", host);
			*named = true;
			i++;
		} else {
			put(t, "%c", word[i]);
		}
	}
}

/* A connection that the user has opened for us, by a password. */
static bool find_master(const struct weft__msg_node_start *m, const struct launch_home *home, const char *program, char *option,
                        size_t size)
{
	size_t n = (size_t)snprintf(option, size, "ControlPath=");
	const char *host = m->address.n ? m->address.p : m->host.p;
	return m->kind == WEFT__ADD_SSH && weft__rundir_is_ssh(program) && home->dir &&
	       weft__rundir_ssh_socket(home->dir, m->login.n ? m->login.p : "", host, option + n, size - n) &&
	       access(option + n, F_OK) == 0;
}

int launch_make(struct launch *l, const struct weft__msg_node_start *m, const struct launch_home *home,
                struct weft_error *e)
{
	static char plain[LAUNCH_TEXT_MAX / 2]; /* one thread, and gone with the next call */
	const struct launcher *how = find(m->kind);
	const char *host = m->address.n ? m->address.p : m->host.p;
	struct text script = {plain, sizeof plain, false}, words = {l->words, sizeof l->words, false};
	bool named = false;
	size_t n = 0;
	if (!how)
		return weft__err_set(e, WEFT_EUNSUP, "nodes of kind %llu can't be started by this release",
		                     (unsigned long long)m->kind);
	const char *given = getenv(how->variable), *from = given && *given ? given : how->words;
	for (from += strspn(from, " \t"); *from && n < LAUNCH_WORDS_MAX - 6; from += strspn(from, " \t")) {
		size_t length = strcspn(from, " \t");
		l->argv[n++] = words.at;
		put_word(&words, from, length, host, &named);
		put(&words, "%c", '\0');
		from += length;
		if (n == 1 && find_master(m, home, l->argv[0], l->master, sizeof l->master)) {
			l->argv[n++] = "-o"; /* before other ones: the first value counts */
			l->argv[n++] = l->master;
		}
	}
	if (how->login && m->login.n) {
		l->argv[n++] = how->login;
		l->argv[n++] = m->login.p;
	}
	if (!named)
		l->argv[n++] = host;
	write_script(&script, m, home);
	script = (struct text){l->script, sizeof l->script, script.full};
	if (how->joins) {
		put_for_any_shell(&script, plain);
	} else {
		put(&script, "%s", plain);
		l->argv[n++] = "/bin/sh";
		l->argv[n++] = "-c";
	}
	l->argv[n++] = l->script;
	l->argv[n] = NULL;
	return script.full || words.full ? weft__err_set(e, WEFT_ETOOBIG, "the command to start it is too long") : 0;
}
