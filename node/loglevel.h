/* loglevel.h - the log of the node's programs: standard error, from the level that $WEFT_LOG names. */
#ifndef WEFT_NODE_LOGLEVEL_H
#define WEFT_NODE_LOGLEVEL_H

#include <stdbool.h>

/* $WEFT_LOG: debug, info (default), warn (default when quiet), error. */
void loglevel_open(const char *tag, bool quiet);

#endif
