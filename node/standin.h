/* standin.h - what the task VM and the process that stands for a task agree on. */
#ifndef WEFT_NODE_STANDIN_H
#define WEFT_NODE_STANDIN_H

#include <signal.h>

/* Kill the task, then yourself: SIGKILL itself could not be passed on. */
#define STANDIN_KILL (SIGRTMIN + 9)

#endif
