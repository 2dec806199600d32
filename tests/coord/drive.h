/* drive.h - the core driven by hand: nodes join, clients ask, and what comes out is looked at. Links never break
 * unless told to; a node's link has the number of its index. */
#ifndef TESTS_COORD_DRIVE_H
#define TESTS_COORD_DRIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "coord/coord.h"

struct got {
	struct weft__list all;
	uint32_t node, client; /* client 0: for the node itself */
	struct weft__msg m;
	struct weft__arena arena, inner;
	uint8_t *body;
};

struct drive {
	struct coord *c;
	struct coord_actions out;
	struct weft__buf journal; /* what coord_step gave, framed */
	struct weft__list got, taken;
	uint64_t now_ms;
	bool stopped;
	uint32_t closed;         /* links closed by the core */
	uint64_t seen[64];       /* numbered messages that came, by node */
	char log[256];   /* the last line's id and text */
	int rc;          /* of the last step */
};

struct drive *drive_create(uint64_t local_nodes);
void drive_destroy(struct drive *d);

/* A whole little VM: home ("home") and local2.., n nodes of `ncores` cores, all joined, and a tool 1 on home. */
struct drive *drive_vm(uint32_t n, uint64_t ncores);

void drive_event(struct drive *d, struct coord_event *ev); /* fills in the time, collects what comes out */
void drive_send(struct drive *d, uint32_t node, const struct weft__msg *m);
void drive_join(struct drive *d, uint32_t node, const char *host, uint64_t ncores, uint64_t epoch, uint64_t seen);
void drive_open(struct drive *d, uint32_t node, uint32_t client, enum weft__role role, uint64_t tid);
void drive_ask(struct drive *d, uint32_t node, uint32_t client, const struct weft__msg *m);
void drive_pass(struct drive *d, uint64_t ms); /* time goes by, in ticks; all joined nodes stay alive */
void drive_silence(struct drive *d, uint64_t ms); /* the same, and nobody says anything */

/* The first message of this code for this receiver that was not taken so far; it lives until drive_destroy. */
const struct weft__msg *drive_take(struct drive *d, uint32_t node, uint32_t client, enum weft__msg_code code);
bool drive_has(struct drive *d, uint32_t node, uint32_t client, enum weft__msg_code code);
void drive_forget(struct drive *d); /* all that has come out so far */

/* Ask and take the RESULT; returns its code. */
int drive_result(struct drive *d, uint32_t node, uint32_t client, const struct weft__msg *m, uint64_t *value);

/* Spawn and take the LAUNCHes: per rank the tid and the node. Returns the job, 0: it was refused with *code. */
uint32_t drive_spawn(struct drive *d, uint32_t node, uint32_t client, const char *host, uint64_t count, uint64_t *tids,
                     uint32_t *nodes, int *code);
/* The same with all that a SPAWN can say but its program. */
uint32_t drive_spawn_as(struct drive *d, uint32_t node, uint32_t client, struct weft__msg_spawn how, uint64_t *tids,
                        uint32_t *nodes, int *code);
void drive_started(struct drive *d, uint64_t tid);
void drive_exited(struct drive *d, uint64_t tid, int64_t code, uint64_t signo);

#endif
