#include "config.h"

#include "console/pvmenv.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/exe.h"
#include "console/nodes.h"

static const char *environ_get(const struct environ_list *env, const char *name)
{
	size_t n = strlen(name);
	for (size_t i = 0; i < env->n; i++)
		if (!strncmp(env->vars[i], name, n) && env->vars[i][n] == '=')
			return env->vars[i] + n + 1;
	return NULL;
}

/* NAME=front:old, unless old begins with front already. */
static int put_before(struct environ_list *env, const char *name, const char *front, const char *otherwise)
{
	const char *old        = environ_get(env, name);
	struct weft__buf value = {0};
	size_t n               = strlen(front);
	if (!old || !*old)
		old = otherwise;
	bool there = !strncmp(old, front, n) && (old[n] == ':' || !old[n]);
	int rc     = weft__buf_printf(&value, "%s=%s%s%s", name, there ? "" : front, there || !*old ? "" : ":", old);
	if (!rc)
		rc = weft__buf_append(&value, "", 1);
	if (!rc)
		rc = environ_put(env, (const char *)value.data);
	weft__buf_fini(&value);
	return rc;
}

/* $PVM_PATH, $HOME/pvm3/bin/ARCH, $PVM_ROOT/bin/ARCH: PVM's own path, as in pvm_spawn. */
static int put_path(struct environ_list *env)
{
	const char *first = environ_get(env, "PVM_PATH"), *home = environ_get(env, "HOME");
	const char *root = environ_get(env, "PVM_ROOT");
	char front[3 * PATH_MAX];
	int n = snprintf(front, sizeof front, "%s%s%s/pvm3/bin/%s:%s/bin/%s", first ? first : "", first && *first ? ":" : "",
	                 home ? home : "", nodes_arch(), root && *root ? root : "/usr/lib/pvm3", nodes_arch());
	return n < 0 || (size_t)n >= sizeof front ? WEFT_ETOOBIG : put_before(env, "PATH", front, "/usr/bin:/bin");
}

/* The folder of Weft's libpvm3: beside the running program when it is installed, or built, elsewhere. */
static bool find_libraries(char *folder, size_t size)
{
	static const char *const places[] = {"../lib/weft/pvm3/lib", "../bindings/pvm/.libs", "../lib"};
	char own[PATH_MAX], path[PATH_MAX + 64], tried[PATH_MAX + 32];
	bool known = weft__exe_folder(own, sizeof own, NULL) == 0;
	for (size_t i = 0; i < sizeof places / sizeof *places + 1; i++) {
		if (i < sizeof places / sizeof *places && known)
			snprintf(tried, sizeof tried, "%s/%s", own, places[i]);
		else
			snprintf(tried, sizeof tried, "%s", WEFT_PVM3LIBDIR);
		snprintf(path, sizeof path, "%s/libpvm3.so.3", tried);
		char *real = access(path, R_OK) == 0 ? realpath(tried, NULL) : NULL;
		if (!real)
			continue;
		bool fits = strlen(real) < size;
		if (fits)
			strcpy(folder, real);
		free(real);
		return fits;
	}
	return false;
}

int pvmenv_put(struct environ_list *env, struct weft_error *e)
{
	char arch[64], folder[PATH_MAX];
	int rc = put_path(env);
	snprintf(arch, sizeof arch, "PVM_ARCH=%.50s", nodes_arch());
	if (!rc)
		rc = environ_put(env, arch);
	if (!rc)
		rc = environ_put(env, "PVMNOPARENT=1"); /* pvm_parent says so of what the console started */
	if (!rc && find_libraries(folder, sizeof folder))
		rc = put_before(env, "LD_LIBRARY_PATH", folder, "");
	return rc ? weft__err_set(e, rc, rc == WEFT_ETOOBIG ? "the paths of PVM are too long" : "out of memory") : 0;
}

int pvmenv_debugger(char *path, size_t size, struct weft_error *e)
{
	const char *named = getenv("PVM_DEBUGGER"), *root = getenv("PVM_ROOT");
	int n = named && *named ? snprintf(path, size, "%s", named)
	                        : snprintf(path, size, "%s/lib/debugger", root && *root ? root : "/usr/lib/pvm3");
	if (n > 0 && (size_t)n < size && access(path, X_OK) == 0)
		return 0;
	return weft__err_set(e, WEFT_ENOFILE,
	                     "there is no script %.80s that starts a debugger; name one: setenv PVM_DEBUGGER /path/to/script",
	                     path);
}
