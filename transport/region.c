#include "config.h"

#include "transport/region.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/weft_base.h"

enum { SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL };

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010 /* Linux 5.1 */
#endif

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8U /* Linux 6.3 */
#endif

static int make_file(void)
{
	int fd = memfd_create("weft-buffer", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
	return fd < 0 && errno == EINVAL ? memfd_create("weft-buffer", MFD_CLOEXEC | MFD_ALLOW_SEALING) : fd;
}

int weft__region_create(size_t nbytes, bool writable, int *file, void **at)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur < nbytes)
		return WEFT_ENOSPC; /* growing the file would be answered with SIGXFSZ */
	int fd = make_file();
	if (fd < 0)
		return WEFT_ENOSPC;
	void *map = MAP_FAILED;
	if (ftruncate(fd, (off_t)nbytes) == 0 && fallocate(fd, 0, 0, (off_t)nbytes) == 0)
		map = mmap(NULL, nbytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED) {
		close(fd);
		return WEFT_ENOSPC;
	}
	/* Ours is mapped: from now on nobody maps it for writing. An older kernel lets them: they are the same user. */
	if (!writable)
		fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE);
	if (fcntl(fd, F_ADD_SEALS, SEALS)) {
		munmap(map, nbytes);
		close(fd);
		return WEFT_EIO;
	}
	*file = fd;
	*at = map;
	return 0;
}

bool weft__region_sound(int fd, uint64_t nbytes)
{
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS); /* only a memfd has any */
	return nbytes > 0 && seals >= 0 && (seals & SEALS) == SEALS && fstat(fd, &st) == 0 && st.st_size > 0 &&
	       (uint64_t)st.st_size == nbytes;
}

void *weft__region_map(int fd, size_t nbytes, bool writable)
{
	void *map = mmap(NULL, nbytes, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);
	return map == MAP_FAILED ? NULL : map;
}
