/* save.h - the whole state to and from a snapshot. */
#ifndef WEFT_COORD_SAVE_H
#define WEFT_COORD_SAVE_H

#include "coord/io.h"
#include "coord/state.h"

void save_io(struct coord *c, struct io *io); /* writes c, or reads into a new one */
void save_clear(struct coord *c);             /* frees all records; nothing is sent */

#endif
