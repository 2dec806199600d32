/* party.h - the owner of a link in the tests: counts and keeps what it is told. */
#ifndef WEFT_TESTS_LINK_PARTY_H
#define WEFT_TESTS_LINK_PARTY_H

#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>

#include "base/buf.h"
#include "link/link.h"
#include "tests/base/test.h"

struct party {
	struct link *l;
	unsigned nopened, nclosed, nframes;
	unsigned nfds;         /* descriptors that came, in all */
	uint64_t nbytes;       /* of all bodies */
	struct weft__buf last; /* the last body */
	int fds[LINK_FDS_MAX]; /* the descriptors of the last frame, closed when the next comes */
	size_t nlast_fds;
	int code; /* closed's */
	char text[160];
	char identity[128];

	/* Called after the party has noted it down; NULL: nothing more. */
	void (*then)(struct party *p, const char *what);
	void *with;
};

extern const struct link_handler party_handler;

void party_fini(struct party *p); /* closes the link too */

/* For `then`: each frame begins with its number, from 0 on. */
void party_check_number(struct party *p, const char *what);

/* Each test has a loop, and leaves behind neither handles nor descriptors. */
struct stage {
	uv_loop_t loop;
	int nfds; /* open when the test began */
};
int stage_open(void **state);
int stage_close(void **state);
#define STAGED(test) cmocka_unit_test_setup_teardown(test, stage_open, stage_close)

/* Turns the loop until *counter >= least; false after 10 s. */
bool run_until(uv_loop_t *loop, const unsigned *counter, unsigned least);
void run_for(uv_loop_t *loop, unsigned ms);
uint64_t now_ms(void);
int count_fds(void);

/* A pair of connected SEQPACKET sockets. */
void seqpacket_pair(int fds[2]);

/* Bare TCP on 127.0.0.1: a connection that is on its way, and a listening socket. */
int connect_raw(uint16_t port);
int listen_raw(int backlog, uint16_t *port);

/* Turns the loop until the other side hangs up on fd; what came before is thrown away. Closes fd.
 */
void expect_eof(uv_loop_t *loop, int fd);

/* nbytes that differ with the seed, appended to what b holds. */
void fill(struct weft__buf *b, size_t nbytes, unsigned seed);

/* Sends them as a frame; the last frame that came must be them. */
void send_bytes(struct link *l, size_t nbytes, unsigned seed);
void assert_last(const struct party *p, size_t nbytes, unsigned seed);

#endif
