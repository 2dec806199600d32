/* The kernel lists each thread's children in /proc/self/task/<tid>/children (where it was built so); else
 * the parent's number in each /proc/<pid>/stat says the same, only slower.
 */
#include "config.h"

#include "node/children.h"

#include <ctype.h>
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static size_t list_by_scan(pid_t *pids, size_t max)
{
	DIR *proc = opendir("/proc");
	if (!proc)
		return 0;
	size_t n = 0;
	for (struct dirent *entry; n < max && (entry = readdir(proc));) {
		char path[300], stat[1024];
		if (!isdigit((unsigned char)*entry->d_name))
			continue;
		snprintf(path, sizeof path, "/proc/%s/stat", entry->d_name);
		FILE *f = fopen(path, "re");
		if (!f)
			continue;
		size_t length = fread(stat, 1, sizeof stat - 1, f);
		fclose(f);
		stat[length] = '\0';
		const char *after = strrchr(stat, ')'); /* the program's name may hold anything */
		int parent;
		char state;
		if (after && sscanf(after, ") %c %d", &state, &parent) == 2 && parent == getpid())
			pids[n++] = (pid_t)atoi(entry->d_name);
	}
	closedir(proc);
	return n;
}

/* false: this kernel does not say. */
static bool list_of_thread(const char *tid, pid_t *pids, size_t max, size_t *n)
{
	char path[320];
	snprintf(path, sizeof path, "/proc/self/task/%s/children", tid);
	FILE *f = fopen(path, "re");
	int pid;
	while (f && *n < max && fscanf(f, "%d", &pid) == 1)
		pids[(*n)++] = (pid_t)pid;
	if (f)
		fclose(f);
	return f != NULL;
}

size_t children_list(pid_t *pids, size_t max)
{
	DIR *threads = opendir("/proc/self/task");
	size_t n = 0;
	bool said = false;
	for (struct dirent *entry; threads && (entry = readdir(threads));)
		if (isdigit((unsigned char)*entry->d_name))
			said |= list_of_thread(entry->d_name, pids, max, &n);
	if (threads)
		closedir(threads);
	return said ? n : list_by_scan(pids, max);
}
