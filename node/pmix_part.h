/* pmix_part.h - what the two files of weft-pmix.so share. */
#ifndef WEFT_NODE_PMIX_PART_H
#define WEFT_NODE_PMIX_PART_H

#include <pmix.h>
#include <pmix_server.h>

#include "node/mpi_part.h"

extern const struct mpi_host *pmix_host;  /* after start */
extern pmix_server_module_t pmix_wishes;  /* what libpmix calls */

int pmix_error(pmix_status_t status); /* as an error of weft_base.h */
void pmix_answer(struct mpi_request *r, const struct mpi_answer *a);
int pmix_fetch(const struct mpi_proc *who, uint64_t token);

#endif
