/* output.h - what tasks write reaches the one who shows it once and in order, whatever daemons are between them.
 *
 * A task VM counts what it sends: the bytes of OUTPUT, and 1 for each OUTPUT_BEGIN and OUTPUT_END. Each of these says
 * how much was before it (offset), and is kept until an OUTPUT_ACK says that all before some offset has been written out. A
 * daemon or a link in between may lose any of them: OUTPUT_AGAIN asks the task VM for all that is not acknowledged.
 * Who shows it drops what has come already, and what comes ahead of something that was lost: that comes
 * again after it. Acknowledgements say how much in all, so that one that is lost, late or said twice does no harm.
 *
 * A task may want its output elsewhere (OUTPUT_WANT): then its task VM ends it where it went before, as if the task had ended, and
 * what comes goes to a sink of its own, whose messages it counts by themselves and which say where they are to go.
 *
 * In place of a task VM that died its node says OUTPUT_END, with node 0: that one has no place in the order.
 */
#ifndef WEFT_PROTO_OUTPUT_H
#define WEFT_PROTO_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/map.h"
#include "proto/proto.h"

/* Which part of a task VM's output a message is. */
struct weft__output_span {
	uint64_t job, node; /* node 0: none */
	uint64_t from, to;  /* of what it has sent in all to this sink */
	uint64_t sink;      /* 0: the job's */
	uint64_t sink_node, sink_client; /* of another one */
};

/* False: the message is no output. */
bool weft__output_span(const struct weft__msg *m, struct weft__output_span *s);

/* Of which task VM and sink it is, and back, as far as acknowledgements say it. */
uint64_t weft__output_key(const struct weft__output_span *s);
struct weft__output_span weft__output_of_key(uint64_t key);

/* For who shows it: how much has come from each task VM, and how much of that was written out. All zeros is empty and valid. */
struct weft__output_counts {
	struct weft__map come, taken;
};

enum weft__output_turn {
	WEFT__OUTPUT_NEXT,  /* it was counted: take it */
	WEFT__OUTPUT_EARLY, /* drop it: what was lost before it comes once more, and so does it */
	WEFT__OUTPUT_TWICE, /* drop it, and acknowledge */
};

void weft__output_counts_fini(struct weft__output_counts *c);
enum weft__output_turn weft__output_came(struct weft__output_counts *c, const struct weft__output_span *s);
/* So much more was written out, 0: nothing. The acknowledgement for it: how much in all. */
struct weft__msg weft__output_taken(struct weft__output_counts *c, const struct weft__output_span *s, uint64_t more);

#endif
