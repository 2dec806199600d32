/* pmi1_spawn.h - the lines by which a rank describes a spawn: blocks from mcmd=spawn to endcmd, a line a field. */
#ifndef WEFT_NODE_PMI1_SPAWN_H
#define WEFT_NODE_PMI1_SPAWN_H

#include "node/pmi1.h"

struct pmi1_spawning;

struct pmi1_spawning *pmi1_spawning_create(void); /* NULL: no memory */
void pmi1_spawning_destroy(struct pmi1_spawning **s);

/* 1: that was the last line of the last block; 0: more comes; WEFT_EPROTO, WEFT_ETOOBIG, WEFT_ENOMEM: *why. */
int pmi1_spawning_line(struct pmi1_spawning *s, const char *line, const char **why);

/* What it came to; lives as long as s. */
void pmi1_spawning_get(struct pmi1_spawning *s, struct pmi1_spawn *all);

#endif
