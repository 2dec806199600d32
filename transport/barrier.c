#include "config.h"

#include "transport/barrier.h"

#include <unistd.h>

#include <linux/membarrier.h>
#include <sys/syscall.h>

static bool membarrier(int command)
{
	return syscall(SYS_membarrier, command, 0, 0) == 0;
}

bool weft__barrier_register(void)
{
	return membarrier(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED);
}

bool weft__barrier_works(void)
{
	long commands = syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0);
	return commands > 0 && (commands & MEMBARRIER_CMD_GLOBAL_EXPEDITED);
}

bool weft__barrier(void)
{
	return membarrier(MEMBARRIER_CMD_GLOBAL_EXPEDITED);
}
