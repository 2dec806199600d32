/* layout.h - where the tasks of a program go and what they are bound to, as the options say it. */
#ifndef WEFT_CONSOLE_LAYOUT_H
#define WEFT_CONSOLE_LAYOUT_H

#include "base/err.h"
#include "console/args.h"
#include "proto/proto.h"

/* The options that belong to it; a part of PLAN_OPTIONS. */
#define LAYOUT_OPTIONS                                                                             \
	{.id   = 'N',                                                                              \
	 .name = "ppn",                                                                            \
	 .kind = ARG_COUNT,                                                                        \
	 .arg  = "N",                                                                              \
	 .help = "start at most N tasks on a node",                                                \
	 .min  = 1,                                                                                \
	 .max  = 65535},                                                                           \
	{.id   = OPT_MAP_BY,                                                                       \
	 .name = "map-by",                                                                         \
	 .kind = ARG_TEXT,                                                                         \
	 .arg  = "HOW",                                                                            \
	 .help = "where they go: by slot, node, ppr:N:node, core, numa, socket",                   \
	 .man  = "`slot` fills node after node, `node` goes over the nodes in turn, `ppr:N:node` puts " \
	         "N tasks on each. `hwthread`, `core`, `l3cache`, `numa` and `socket` fill node after " \
	         "node, and neighbours in rank on a node go to different ones of these, to which they " \
	         "are bound. After a further colon: `pe=N` gives each task N cores, `nooversubscribe` " \
	         "is `--fit`. Without this option tasks go where cores are free."},                \
	{.id   = OPT_BIND_TO,                                                                      \
	 .name = "bind-to",                                                                        \
	 .kind = ARG_TEXT,                                                                         \
	 .arg  = "WHAT",                                                                           \
	 .help = "what each is bound to: none, hwthread, core, l3cache, numa or socket",           \
	 .man  = "Without it, and without `--map-by core` or the like, a job that is alone on its node and " \
	         "has at most as many tasks there as there are processors gets equal shares of them; other " \
	         "tasks are not bound. More tasks than cores start with the first core again."},   \
	{.id   = OPT_FILL,                                                                         \
	 .name = "fill",                                                                           \
	 .help = "start a task for each free core, or as many as --ppn says on each node"},        \
	{.id   = OPT_FIT, .name = "fit", .help = "start no more tasks on a node than it has cores, or none at all"}

/* Fills in map, ppn, bind, deal, width and flags. WEFT_EINVAL: the text names what there is. */
int layout_read(const struct args *a, struct weft__msg_spawn *m, struct weft_error *e);

#endif
