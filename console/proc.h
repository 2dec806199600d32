/* proc.h - waiting for a process to be gone, also for one that is not our child. */
#ifndef WEFT_CONSOLE_PROC_H
#define WEFT_CONSOLE_PROC_H

#include <stdbool.h>
#include <sys/types.h>

/* Waits at most timeout_ms until the process has ended, and reaps it if it is our child. */
bool proc_wait(pid_t pid, int timeout_ms);

#endif
