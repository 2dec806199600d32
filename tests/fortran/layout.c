/* layout.c - fills weft.h's structs with known values, for the Fortran test to read. */
#include "config.h"

#include <string.h>

#include "bindings/c/weft.h"

size_t weft_test_fill(weft_status_t *status, weft_exit_t *how, weft_node_t *node, weft_task_t *task,
                      weft_notice_t *notice);

/* Returns the sum of their sizes. */
size_t weft_test_fill(weft_status_t *status, weft_exit_t *how, weft_node_t *node, weft_task_t *task,
                      weft_notice_t *notice)
{
	*status = (weft_status_t){.source = {11}, .tag = 12, .code = -13, .nbytes = 14};
	*how = (weft_exit_t){.tid = {21}, .code = 22, .signo = 23, .core_dumped = 24, .lost = 25, .utime_us = 26,
	                     .stime_us = 27, .maxrss_kib = 28};
	*node = (weft_node_t){.node = 31, .ncores = 32, .ntasks = 33, .host = "a-host"};
	*task = (weft_task_t){.tid = {41}, .parent = {42}, .job = 43, .rank = 44, .node = 45, .pid = 46,
	                      .program = "a-program", .name = "a-name"};
	memset(task->name + 6, 'x', sizeof task->name - 6); /* no NUL: the name is as long as can be */
	*notice = (weft_notice_t){.what = 51, .node = 52, .how = *how};
	return sizeof *status + sizeof *how + sizeof *node + sizeof *task + sizeof *notice;
}
