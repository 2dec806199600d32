#include "config.h"

#include "tests/base/scratch.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

char *scratch_make(void)
{
	const char *parent = getenv("TMPDIR");
	char *path = NULL;
	if (asprintf(&path, "%s/weft-test-XXXXXX", parent && *parent ? parent : "/tmp") < 0 ||
	    !mkdtemp(path)) {
		perror("Bail out! no folder for the test's files");
		exit(99);
	}
	return path;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *walk)
{
	return remove(path);
}

void scratch_remove(char *path)
{
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(path);
}
