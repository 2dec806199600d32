/* target.h - tasks and jobs as people name them, in either dialect. */
#ifndef WEFT_CONSOLE_TARGET_H
#define WEFT_CONSOLE_TARGET_H

#include <stdint.h>

#include "console/context.h"

/* Room for a printed tid. */
enum { TARGET_TEXT = 32 };

/* "t20001", "t20001.7", a job as "3", "j3" or "job3"; in PVM's dialect digits alone are a tid, too: "20001". Of a tid
 * without its generation the task that has it now is meant; where there is none, the first that ever had it. 0; an
 * error, which has been complained about. The other one is 0. */
int target_find(struct context *c, const char *text, uint64_t *tid, uint32_t *job);

/* As PVM writes it: "20001", without generation and t; "ffffffdd" (-35, the parent was never said) for none. */
const char *target_pvm(uint64_t tid, char text[static TARGET_TEXT]);

#endif
