/* complaint.h - how often a misbehaving address may cost a log line. */
#ifndef WEFT_LINK_COMPLAINT_H
#define WEFT_LINK_COMPLAINT_H

#include <stdbool.h>
#include <stdint.h>

/* As link_complain, at the given moment. */
bool complaint_due(const char *from, uint64_t now_ns);

#endif
