#include "config.h"

#include "node/shmclean.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

static const char folder[] = "/dev/shm";

enum { CANDIDATES_MAX = 256, NAME_ROOM = 256 };

struct candidate {
	char name[NAME_ROOM];
	dev_t dev;
	ino_t ino;
	bool used;
};

void shmclean_begin(struct shmclean *s)
{
	clock_gettime(CLOCK_REALTIME_COARSE, &s->since); /* the clock of files' times */
}

static bool begins(const char *name, const char *const *beginnings)
{
	for (; *beginnings; beginnings++)
		if (!strncmp(name, *beginnings, strlen(*beginnings)))
			return strlen(name) < NAME_ROOM;
	return false;
}

static bool is_new(const struct shmclean *s, const struct stat *st)
{
	const struct timespec *t = &st->st_ctim;
	return t->tv_sec > s->since.tv_sec || (t->tv_sec == s->since.tv_sec && t->tv_nsec >= s->since.tv_nsec);
}

static size_t find(const struct shmclean *s, DIR *dir, const char *const *beginnings, struct candidate *found)
{
	size_t n = 0;
	for (struct dirent *entry; n < CANDIDATES_MAX && (entry = readdir(dir));) {
		struct stat st;
		if (!begins(entry->d_name, beginnings) || fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) ||
		    !S_ISREG(st.st_mode) || st.st_uid != geteuid() || !is_new(s, &st))
			continue;
		snprintf(found[n].name, sizeof found[n].name, "%s", entry->d_name);
		found[n].dev = st.st_dev;
		found[n].ino = st.st_ino;
		found[n++].used = false;
	}
	return n;
}

static void mark_mapped(const char *pid, struct candidate *found, size_t n)
{
	char path[300], *line = NULL;
	size_t room = 0;
	snprintf(path, sizeof path, "/proc/%s/maps", pid);
	FILE *f = fopen(path, "re");
	while (f && getline(&line, &room, f) > 0) {
		const char *name = strstr(line, folder);
		for (size_t i = 0; name && i < n; i++) {
			size_t length = strlen(found[i].name);
			const char *own = name + sizeof folder;
			found[i].used |= !strncmp(own, found[i].name, length) && (own[length] == '\n' || own[length] == ' ');
		}
	}
	free(line);
	if (f)
		fclose(f);
}

static void mark_open(const char *pid, struct candidate *found, size_t n)
{
	char path[300];
	snprintf(path, sizeof path, "/proc/%s/fd", pid);
	DIR *dir = opendir(path);
	for (struct dirent *entry; dir && (entry = readdir(dir));) {
		struct stat st;
		if (!isdigit((unsigned char)*entry->d_name) || fstatat(dirfd(dir), entry->d_name, &st, 0))
			continue;
		for (size_t i = 0; i < n; i++)
			found[i].used |= found[i].dev == st.st_dev && found[i].ino == st.st_ino;
	}
	if (dir)
		closedir(dir);
}

static void mark_used(struct candidate *found, size_t n)
{
	DIR *dir = opendir("/proc");
	for (struct dirent *entry; dir && (entry = readdir(dir));) {
		if (!isdigit((unsigned char)*entry->d_name))
			continue;
		mark_mapped(entry->d_name, found, n);
		mark_open(entry->d_name, found, n);
	}
	if (dir)
		closedir(dir);
}

unsigned shmclean_end(const struct shmclean *s, const char *const *beginnings)
{
	struct candidate found[CANDIDATES_MAX];
	unsigned removed = 0;
	DIR *dir = opendir(folder);
	size_t n = dir ? find(s, dir, beginnings, found) : 0;
	if (n > 0)
		mark_used(found, n);
	for (size_t i = 0; i < n; i++)
		if (!found[i].used && !unlinkat(dirfd(dir), found[i].name, 0)) {
			weft__log(WEFT__LOG_INFO, "WEFT-SHM-CLEAN", "%s/%s", folder, found[i].name);
			removed++;
		}
	if (dir)
		closedir(dir);
	return removed;
}
