/* shmclean.h - files that killed programs of an MPI leave in /dev/shm. */
#ifndef WEFT_NODE_SHMCLEAN_H
#define WEFT_NODE_SHMCLEAN_H

#include <time.h>

struct shmclean {
	struct timespec since;
};

/* Files are looked at that appear from now on. */
void shmclean_begin(struct shmclean *s);

/* Remove those of ours whose names begin with one of these (the list ends with NULL), and that no process has open or
 * mapped. How many were removed. */
unsigned shmclean_end(const struct shmclean *s, const char *const *beginnings);

#endif
