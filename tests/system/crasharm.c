/* crasharm.c - says who is to die when (crashpoint.h), or what has come of it.
 *
 *     crasharm PAGE                    how many calls it made, and whether it has died; it counts no more
 *     crasharm PAGE PID N              that process, before its N-th call from now on; 0: never
 *     crasharm PAGE PID N PARENT       not that one, but the next child of that parent
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/system/crashpoint.h"

int main(int argc, char **argv)
{
	int fd = argc > 1 ? open(argv[1], O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
	if (fd < 0 || ftruncate(fd, sizeof(struct crash_page)))
		return 1;
	struct crash_page *page = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		return 1;
	page->pid = 0;
	if (argc < 4) {
		printf("%d %d\n", page->count, page->died);
		return 0;
	}
	page->count = page->died = 0;
	page->at = atoi(argv[3]);
	page->parent = argc > 4 ? atoi(argv[4]) : 0;
	page->pid = atoi(argv[2]);
	return 0;
}
