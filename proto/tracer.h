/* tracer.h - what the console tells weft-pvmtrace on its standard input: what the traced tasks write. */
#ifndef WEFT_PROTO_TRACER_H
#define WEFT_PROTO_TRACER_H

#include <stdint.h>

/* So many bytes of this task follow; 0: it writes no more. Both are on one machine. */
struct weft__tracer_said {
	uint32_t slot, nbytes;
};

#endif
