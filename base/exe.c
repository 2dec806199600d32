#include "config.h"

#include "base/exe.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int weft__exe_folder(char *path, size_t size, struct weft_error *e)
{
	ssize_t n = readlink("/proc/self/exe", path, size - 1);
	if (n < 0)
		return weft__err_set(e, WEFT_EIO, "cannot read /proc/self/exe; is /proc mounted?");
	path[n] = '\0';
	char *slash = strrchr(path, '/');
	if (slash)
		*slash = '\0';
	slash = strrchr(path, '/');
	if (slash && !strcmp(slash, "/.libs"))
		*slash = '\0';
	return 0;
}

static bool is_program(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

int weft__exe_find(const char *room, const char *name, char *path, size_t size, struct weft_error *e)
{
	const char *only = getenv("WEFT_LIBEXECDIR");
	char own[PATH_MAX], tried[5][PATH_MAX + 64];
	size_t ntried = 0;
	if (only && *only) {
		snprintf(tried[ntried++], sizeof tried[0], "%s/%s", only, name);
	} else {
		int rc = weft__exe_folder(own, sizeof own, e);
		if (rc)
			return rc;
		snprintf(tried[ntried++], sizeof tried[0], "%s/%s", own, name);
		snprintf(tried[ntried++], sizeof tried[0], "%s/../libexec/weft/%s", own, name);
		snprintf(tried[ntried++], sizeof tried[0], "%s/../%s/%s", own, room, name);
		snprintf(tried[ntried++], sizeof tried[0], "%s/../../%s/%s", own, room, name);
		snprintf(tried[ntried++], sizeof tried[0], "%s/%s", WEFT_PKGLIBEXECDIR, name);
	}
	for (size_t i = 0; i < ntried; i++) {
		if (!is_program(tried[i]))
			continue;
		if (strlen(tried[i]) >= size)
			return weft__err_set(e, WEFT_ETOOBIG, "path is too long: %s", tried[i]);
		strcpy(path, tried[i]);
		return 0;
	}
	if (only && *only)
		return weft__err_set(e, WEFT_ENOFILE, "%s is not in $WEFT_LIBEXECDIR (%s)", name, only);
	return weft__err_set(e, WEFT_ENOFILE, "%s is neither beside this program (%s) nor in %s", name, own,
	                     WEFT_PKGLIBEXECDIR);
}
