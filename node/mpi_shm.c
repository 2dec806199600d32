#include "config.h"

#include "node/mpi_shm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "node/folder.h"

void mpi_shm_path(const char *vm, uint32_t node, uint32_t job, char path[MPI_SHM_PATH])
{
	snprintf(path, MPI_SHM_PATH, "/dev/shm/weft-%lu.%.80s.%u.%u", (unsigned long)geteuid(), vm, node, job);
}

/* The folder, when it is one and ours; -1. */
static int open_own(const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && (fstat(fd, &st) || st.st_uid != geteuid())) {
		close(fd);
		errno = EPERM;
		return -1;
	}
	return fd;
}

int mpi_shm_create(const char *path)
{
	if (mkdir(path, 0700) && errno != EEXIST)
		return weft__err_from_errno(errno);
	int fd = open_own(path);
	if (fd < 0)
		return weft__err_from_errno(errno);
	fchmod(fd, 0700);
	folder_empty(fd, NULL); /* of a VM of the same name, which was killed */
	close(fd);
	return 0;
}

void mpi_shm_remove(const char *path)
{
	int fd = open_own(path);
	if (fd < 0)
		return;
	folder_empty(fd, NULL);
	close(fd);
	rmdir(path);
}
