/* mpi_shm.h - the folder in /dev/shm of one task VM, where an MPI that it hosts keeps its shared memory.
 *
 * The folder belongs to the task VM. Its weftd removes it as well, for a task VM that was killed.
 */
#ifndef WEFT_NODE_MPI_SHM_H
#define WEFT_NODE_MPI_SHM_H

#include <stdint.h>

enum { MPI_SHM_PATH = 160 };

void mpi_shm_path(const char *vm, uint32_t node, uint32_t job, char path[MPI_SHM_PATH]);
int mpi_shm_create(const char *path); /* empty, for us alone; 0 or an error */
void mpi_shm_remove(const char *path);

#endif
