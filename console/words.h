/* words.h - the states of nodes, tasks and jobs, and ids, as people and JSON read them. */
#ifndef WEFT_CONSOLE_WORDS_H
#define WEFT_CONSOLE_WORDS_H

#include <stdint.h>

#include "base/ids.h"

const char *words_node_state(uint64_t state);
const char *words_task_state(uint64_t state);
const char *words_job_state(uint64_t state);

/* "t20001"; "-" for none. Returns text. */
char *words_tid(uint64_t tid, char text[static WEFT__TID_TEXT]);

/* What a command is to act on: "t20001", or a job as "3", "j3" or "job3". 0 or WEFT_EINVAL; the other one
 * is 0. */
int words_target(const char *text, uint64_t *tid, uint32_t *job);
int words_job(const char *text, uint32_t *job);

/* Of a task, as PVM's console has them: f, it was spawned; c, it is connected. */
const char *words_pvm_flags(uint64_t flags);

/* An error in the words of PVM's console. */
const char *words_pvm_error(int code);

#endif
