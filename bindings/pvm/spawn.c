/* pvm_spawn. PVM looks for programs in folders of its own; they come first on the search path that
 * the new tasks get, then the caller's. The new tasks start in $PVM_WD or the home folder, in the
 * caller's context, with the caller's environment. */
#include "config.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/heap.h"
#include "bindings/pvm/calls.h"
#include "bindings/pvm/manager.h"

enum { PATH_BYTES = 16384, HOSTS_BYTES = 32768, NENV = 13 };

/* What a spawn asks for, in the engine's terms. */
struct order {
	const char *program;
	const char **argv;
	char host[HOSTS_BYTES];
	char wdir[PATH_MAX];
	char path[PATH_BYTES], context[32];
	struct Pvmtracer tracer; /* theirs */
	struct weft__bequest bequest;
	struct weft__spawn_how how;
	const char *env[NENV];
	weft_spawn_opts_t opts;
};

static int append(char *to, size_t size, const char *text)
{
	size_t have = strlen(to), n = strlen(text);
	if (have + n >= size)
		return PvmOverflow;
	memcpy(to + have, text, n + 1);
	return PvmOk;
}

static int append_folder(char *path, const char *folder, const char *rest)
{
	int rc = folder && *folder ? append(path, PATH_BYTES, folder) : PvmOk;
	if (rc || !folder || !*folder)
		return rc;
	rc = append(path, PATH_BYTES, rest);
	return rc ? rc : append(path, PATH_BYTES, ":");
}

/* $HOME/pvm3/bin/ARCH, $PVM_ROOT/bin/ARCH, then the usual path; PVM_PATH stands before them all. */
static int set_path(struct order *o)
{
	const char *old = getenv("PATH"), *root = getenv("PVM_ROOT"), *arch = getenv("PVM_ARCH");
	char bin[128];
	snprintf(bin, sizeof bin, "/bin/%.64s", arch && *arch ? arch : "LINUX64");
	char home_bin[160];
	snprintf(home_bin, sizeof home_bin, "/pvm3%s", bin);
	strcpy(o->path, "PATH=");
	size_t start = strlen(o->path);
	int rc = append_folder(o->path, getenv("PVM_PATH"), "");
	if (rc == PvmOk)
		rc = append_folder(o->path, getenv("HOME"), home_bin);
	if (rc == PvmOk)
		rc = append_folder(o->path, root && *root ? root : "/usr/lib/pvm3", bin);
	size_t n = strlen(o->path + start);
	if (old && n && strncmp(old, o->path + start, n) == 0)
		o->path[start] = '\0'; /* a task that spawns has it already */
	return rc ? rc : append(o->path, PATH_BYTES, old && *old ? old : "/usr/bin:/bin");
}

static bool is_folder(const char *path)
{
	struct stat st;
	return path && *path && stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Every node but one, or every one. */
static int all_but(struct order *o, uint32_t node)
{
	weft_node_t *nodes;
	char text[32];
	int n, rc = weft__pvm_list_nodes(&nodes, &n);
	if (rc)
		return rc;
	for (int i = 0; rc == PvmOk && i < n; i++) {
		if (nodes[i].node == node)
			continue;
		snprintf(text, sizeof text, "%s#%u", *o->host ? "," : "", (unsigned)nodes[i].node);
		rc = append(o->host, sizeof o->host, text);
	}
	weft__free(nodes);
	return rc == PvmOk && !*o->host ? PvmNoHost : rc;
}

static int node_named(const char *name, uint32_t *node)
{
	weft_node_t *nodes;
	int n, rc = weft__pvm_list_nodes(&nodes, &n);
	if (rc)
		return rc;
	rc = PvmNoHost;
	for (int i = 0; rc && i < n; i++)
		if (strcmp(nodes[i].host, name) == 0) {
			*node = nodes[i].node;
			rc = PvmOk;
		}
	weft__free(nodes);
	return rc;
}

static bool is_ours(const char *arch)
{
	const char *own = getenv("PVM_ARCH");
	return strcmp(arch, own && *own ? own : "LINUX64") == 0;
}

/* All but a host that is not there are all. */
static int set_host(struct order *o, int flags, const char *name)
{
	uint32_t node = 0;
	if (strcmp(name, ".") == 0)
		node = weft__node(weft__pvm.e);
	else if (node_named(name, &node) && !(flags & PvmHostCompl))
		return PvmNoHost;
	if (flags & PvmHostCompl)
		return all_but(o, node);
	snprintf(o->host, sizeof o->host, "#%u", (unsigned)node);
	return PvmOk;
}

/* where: "host", "host:/folder", ":/folder", "." (here). */
static int set_where(struct order *o, int flags, const char *where)
{
	char name[WEFT_TEXT_MAX] = "";
	const char *colon = where ? strchr(where, ':') : NULL;
	size_t n = colon ? (size_t)(colon - where) : where ? strlen(where) : 0;
	if (flags & (PvmTaskHost | PvmTaskArch) && (!where || !*where))
		return PvmNoHost;
	if (n >= sizeof name || (colon && strlen(colon + 1) >= sizeof o->wdir))
		return PvmOverflow;
	if (n)
		memcpy(name, where, n);
	if (colon)
		strcpy(o->wdir, colon + 1);
	if (flags & PvmTaskHost)
		return set_host(o, flags, name);
	bool all = !(flags & PvmTaskArch) || is_ours(name); /* every node is of our kind */
	return all == !!(flags & PvmHostCompl) ? PvmNoHost : PvmOk;
}

static void set_wdir(struct order *o)
{
	const char *wd = getenv("PVM_WD"), *home = getenv("HOME");
	const char *dir = is_folder(wd) ? wd : is_folder(home) ? home : NULL;
	o->how.usual_wdir = !*o->wdir;
	if (!*o->wdir && dir && strlen(dir) < sizeof o->wdir)
		strcpy(o->wdir, dir);
	o->opts.wdir = *o->wdir ? o->wdir : NULL;
}

/* Under the debugger the program is the debugger's first argument. */
static int set_program(struct order *o, const char *file, char **argv, int flags)
{
	static char debugger[PATH_MAX];
	const char *named = getenv("PVM_DEBUGGER"), *root = getenv("PVM_ROOT");
	size_t n = 0;
	o->program = file;
	while (argv && argv[n])
		n++;
	o->argv = weft__calloc(n + 2, sizeof *o->argv);
	if (!o->argv)
		return PvmNoMem;
	size_t used = 0;
	if (flags & PvmTaskDebug) {
		snprintf(debugger, sizeof debugger, "%s%s", named ? named : root ? root : "/usr/lib/pvm3",
		         named ? "" : "/lib/debugger");
		o->program = debugger;
		o->argv[used++] = file;
	}
	for (size_t i = 0; i < n; i++)
		o->argv[used++] = argv[i];
	return PvmOk;
}

static int set_env(struct order *o, int flags)
{
	size_t n = 0;
	int rc = set_path(o);
	snprintf(o->context, sizeof o->context, "PVMCTX=0x%x", pvmmyctx);
	o->env[n++] = o->path;
	o->env[n++] = o->context;
	o->tracer = pvmctrc;
	if (o->tracer.trctid <= 0)
		weft__trace_registered(&o->tracer);
	weft__pvm_bequeath(&o->tracer, &o->bequest);
	o->env[n++] = o->bequest.targets;
	o->env[n++] = o->bequest.mask;
	o->env[n++] = o->bequest.buffer;
	o->env[n++] = o->bequest.options;
	if (!getenv("PVM_ARCH"))
		o->env[n++] = "PVM_ARCH=LINUX64";
	if (getenv(WEFT__PVM_PARENT))
		o->env[n++] = WEFT__PVM_PARENT "="; /* ours is about us, and so ... */
	o->env[n++] = flags & PvmNoSpawnParent ? "PVMNOPARENT=1" : "PVMNOPARENT="; /* ... is this */
	o->opts.env = o->env;
	return rc;
}

/* Who gets the output, if not those that get this task's. */
static void set_output(struct order *o)
{
	const struct Pvmtracer *c = &o->tracer, *own = &pvmtrc;
	if (c->outtid <= 0 || (c->outtid == own->outtid && c->outctx == own->outctx && c->outtag == own->outtag))
		return;
	o->how.tid = weft__pvm_find(c->outtid);
	o->how.context = (weft_context_t){(uint32_t)c->outctx};
	o->how.tag = c->outtag;
}

static int place_order(struct order *o, int count, int *tids)
{
	weft_tid_t *whole = weft__calloc((size_t)count, sizeof *whole);
	int *errors = weft__calloc((size_t)count, sizeof *errors);
	int rc = PvmNoMem;
	if (whole && errors)
		rc = weft__spawn_for(weft__pvm.e, o->program, o->argv, &o->opts, &o->how, count, whole, errors);
	bool asked = whole && errors;
	for (int i = 0; asked && i < count; i++) {
		int error = weft__pvm_code(errors[i] ? errors[i] : rc < 0 ? rc : WEFT_EINTERNAL);
		weft__pvm_learn(whole[i]);
		errors[i] = whole[i].v ? weft__pvm_slot(whole[i]) : error;
		if (tids)
			tids[i] = errors[i];
	}
	if (asked) {
		weft__pvm_spawned(whole, count);
		weft__trace_spawned(&o->tracer, errors, count);
	}
	weft__free(whole);
	weft__free(errors);
	return !asked ? PvmNoMem : rc > 0 ? rc : rc == WEFT_ENOVM ? PvmSysErr : 0;
}

static int spawn(struct order *o, char *file, char **argv, int flags, char *where, int count,
                 int *tids)
{
	int rc = set_program(o, file, argv, flags);
	if (rc == PvmOk)
		rc = set_where(o, flags, where);
	if (rc == PvmNoHost) { /* not an error of the call's: of each task's */
		for (int i = 0; tids && i < count; i++)
			tids[i] = PvmNoHost;
		return 0;
	}
	if (rc == PvmOk)
		rc = set_env(o, flags);
	if (rc)
		return rc;
	set_wdir(o);
	set_output(o);
	o->opts.host = *o->host ? o->host : NULL;
	return place_order(o, count, tids);
}

int weft__call_spawn(char *file, char **argv, int flags, char *where, int count, int *tids)
{
	int rc = weft__pvm_enrol();
	const char *always = getenv("PVMTASK");
	if (always)
		flags |= (int)strtol(always, NULL, 0);
	if (rc == PvmOk && (!file || count < 1 || count > 65536))
		rc = PvmBadParam;
	if (rc)
		return lpvmerr("pvm_spawn", rc);
	for (int i = 0; !*file && tids && i < count; i++)
		tids[i] = PvmNoFile;
	if (!*file)
		return 0;
	rc = weft__manager() ? weft__manager_spawn(file, argv, flags, where, count, tids) : PvmNoTask;
	if (rc != PvmNoTask)
		return rc < 0 ? lpvmerr("pvm_spawn", rc) : rc;
	struct order *o = weft__calloc(1, sizeof *o);
	if (!o)
		return lpvmerr("pvm_spawn", PvmNoMem);
	rc = spawn(o, file, argv, flags, where, count, tids);
	weft__free(o->argv);
	weft__free(o);
	return rc < 0 ? lpvmerr("pvm_spawn", rc) : rc;
}

/* --- what a resource manager orders ------------------------------------------------------------- */

/* Who its parent is, and what the order says, come before what a task has anyway; of two the first counts. NULL: no memory. */
static const char **exec_env(const struct weft__exec *x, const struct order *o, char parent[static 64])
{
	size_t n = 0, nenv = 0, nown = 0;
	while (x->env[nenv])
		nenv++;
	while (o->env[nown])
		nown++;
	const char **env = weft__calloc(nenv + nown + 2, sizeof *env);
	if (!env)
		return NULL;
	snprintf(parent, 64, WEFT__PVM_PARENT "=%d", x->parent);
	env[n++] = parent;
	for (size_t i = 0; i < nenv; i++)
		env[n++] = x->env[i];
	for (size_t i = 0; i < nown; i++)
		env[n++] = o->env[i];
	return env;
}

static int execute(struct order *o, const struct weft__exec *x, uint32_t node, int *tids)
{
	const int *targets = x->targets;
	char parent[64];
	int rc = set_program(o, x->file, x->argv, x->flags);
	if (rc == PvmOk)
		rc = set_env(o, x->flags);
	if (rc)
		return rc;
	o->tracer.outtid = targets[0];
	o->tracer.outctx = targets[1];
	o->tracer.outtag = targets[2];
	o->tracer.trctid = targets[3];
	o->tracer.trcctx = targets[4];
	o->tracer.trctag = targets[5];
	weft__pvm_bequeath(&o->tracer, &o->bequest);
	set_wdir(o);
	set_output(o);
	snprintf(o->host, sizeof o->host, "#%u", (unsigned)node);
	o->opts.host = o->host;
	o->opts.env = exec_env(x, o, parent);
	rc = o->opts.env ? place_order(o, x->count, tids) : PvmNoMem;
	weft__free((void *)(uintptr_t)o->opts.env);
	return rc < 0 ? rc : PvmOk;
}

int weft__pvm_exec(const struct weft__exec *x, uint32_t node, int *tids)
{
	struct order *o = weft__calloc(1, sizeof *o);
	int rc = o ? execute(o, x, node, tids) : PvmNoMem;
	if (o)
		weft__free(o->argv);
	weft__free(o);
	return rc;
}
