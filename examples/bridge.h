/* bridge.h - what bridge and its two halves agree on. */
#ifndef BRIDGE_H
#define BRIDGE_H

#define BRIDGE_NAME "bridge" /* in the VM's name store: the tid of the bridge */

enum {
	CELLS = 24,  /* of one half of the rod */
	STEPS = 400,
};

enum { TAG_JOIN = 1, TAG_EDGE = 2, TAG_PART = 3 };
enum side { LEFT, RIGHT };

/* TAG_JOIN: a rank of a half says who it is. Only the one at the bridge sends and gets edges. */
struct join {
	int side, rank, size, at_bridge;
};

/* TAG_PART: the final temperatures of one rank's cells. */
struct part {
	int side, first, count;
	double cells[CELLS];
};

/* One explicit step of the heat equation for a cell. */
static inline double conducted(double before, double here, double after)
{
	return here + 0.25 * (before - 2 * here + after);
}

#endif
