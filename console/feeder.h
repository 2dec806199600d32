/* feeder.h - brings our standard input to rank 0 of a job, byte by byte.
 *
 * Only for a rank 0 that cannot have the descriptor itself: on another node, or when it is a terminal, which a
 * process outside our session cannot read. Nothing is read before rank 0 took what was sent before, but for
 * one window of 64 KiB.
 */
#ifndef WEFT_CONSOLE_FEEDER_H
#define WEFT_CONSOLE_FEEDER_H

#include <stdint.h>

#include <uv.h>

#include "console/session.h"

struct feeder;

/* Starts reading descriptor 0 for the job whose rank 0 is on this node. 0, WEFT_ENOMEM, WEFT_EIO. */
int feeder_open(uv_loop_t *loop, struct session *s, uint32_t job, uint32_t node, struct feeder **f);
void feeder_ack(struct feeder *f, const struct weft__msg_stdin_ack *m);
void feeder_close(struct feeder **f);

#endif
