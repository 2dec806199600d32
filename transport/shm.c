/* Channels through shared memory: two rings (ring.h) and their bulk windows in one sealed memfd.
 *
 * The happy path: the node creates the memfd, both tasks map it; from then on only doorbells are
 * rung. The rings have memory from the start. A window gets memory the first time that its producer
 * comes so far, and loses it when the producer has slept for long (trim).
 *
 * A window starts half a page off. Large buffers of programs lie at a page's start, or a few bytes
 * behind: were the window's pieces there, too, then each line that is written would look to the
 * processor like one that is about to be read (it compares the lowest 12 bits first), and a copy
 * would take up to half as long again.
 *
 * What goes wrong: no memory for a window is no error, the rings carry everything. The file cannot
 * be cut short under us (seals). A far end that is killed is not seen here: poll returns 0 for ever
 * once the rest is taken, and the owner of the channel, told by its node, closes it.
 */
#include "config.h"

#include "transport/transport.h"

#include "base/heap.h"
#include "transport/ring.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum {
	WINDOWS_AT = 64 * 1024, /* where the windows start; a multiple of any page size there is */
	SKEW = 2048,            /* what a window starts behind its region of the file */
	REGION_BYTES = WEFT__BULK_BYTES + 64 * 1024,
	FILE_BYTES = WINDOWS_AT + 2 * REGION_BYTES,
	GROW_BYTES = 64 * 1024, /* a region gets memory in such steps */
	SOON_MAX = 64 * 1024,   /* a single message so long had better arrive in small pieces */
	SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL,
};

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8U /* Linux 6.3 */
#endif

struct shm {
	struct weft__channel channel;
	struct weft__ring_tx tx;
	struct weft__ring_rx rx;
	uint8_t *map;     /* FILE_BYTES */
	size_t region_at; /* that of our window in it, where we send */
	int memfd;        /* -1 unless windows can't get memory without it */
	int doorbell;     /* the far end's */
	bool want;        /* armed for room */
};

static size_t round_up(size_t n, size_t step)
{
	return (n + step - 1) / step * step;
}

/* Memory for our window, as the ring's `grow`. Never by touching it, which could end in SIGBUS. */
static uint32_t window_grow(void *arg, uint32_t ready, uint32_t units)
{
	const struct shm *s = arg;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t from = ready ? SKEW + (size_t)ready * WEFT__CELL_BYTES : 0;
	size_t to = round_up(SKEW + (size_t)units * WEFT__CELL_BYTES, GROW_BYTES);
	if (to > WEFT__BULK_BYTES)
		to = round_up(SKEW + WEFT__BULK_BYTES, page);
	int rc = s->memfd < 0
	                 ? madvise(s->map + s->region_at + from, to - from, MADV_POPULATE_WRITE)
	                 : fallocate(s->memfd, 0, (off_t)(s->region_at + from), (off_t)(to - from));
	return rc == 0 ? (uint32_t)((to - SKEW) / WEFT__CELL_BYTES) : ready;
}

static bool window_shrink(void *arg)
{
	const struct shm *s = arg;
	int rc = s->memfd < 0 ? madvise(s->map + s->region_at, REGION_BYTES, MADV_REMOVE)
	                      : fallocate(s->memfd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
	                                  (off_t)s->region_at, REGION_BYTES);
	return rc == 0;
}

static int shm_send(struct weft__channel *c, const struct weft__hdr *hdr, const void *payload,
                    size_t *taken)
{
	struct shm *s = (struct shm *)c;
	if (s->rx.closed)
		return s->rx.closed;
	bool first = !s->rx.awaits; /* since something came: it may be a dialogue */
	s->rx.awaits = true;
	if (*taken == 0)
		s->tx.piece =
		        first && hdr->len <= SOON_MAX ? WEFT__BULK_PIECE_SOON : WEFT__BULK_PIECE;
	int rc = weft__ring_send(&s->tx, hdr, payload, taken);
	if (first && rc == 0)
		weft__ring_own(&s->tx, hdr->len);
	return rc;
}

static int shm_poll(struct weft__channel *c, const struct weft__sink *sink)
{
	return weft__ring_poll(&((struct shm *)c)->rx, sink);
}

static bool shm_arm(struct weft__channel *c, bool want_send)
{
	struct shm *s = (struct shm *)c;
	bool something = weft__ring_rx_arm(&s->rx);
	s->want = want_send;
	if (want_send && weft__ring_tx_arm(&s->tx))
		something = true;
	return something;
}

static void shm_disarm(struct weft__channel *c)
{
	struct shm *s = (struct shm *)c;
	weft__ring_rx_disarm(&s->rx);
	if (s->want)
		weft__ring_tx_disarm(&s->tx);
	s->want = false;
}

static bool shm_trim(struct weft__channel *c, bool now)
{
	return weft__ring_trim(&((struct shm *)c)->tx, now);
}

static int shm_pollfd(const struct weft__channel *c, short *events)
{
	*events = 0;
	return -1;
}

static void destroy(struct shm *s)
{
	if (s->map != MAP_FAILED)
		munmap(s->map, FILE_BYTES);
	if (s->memfd >= 0)
		close(s->memfd);
	if (s->doorbell >= 0)
		close(s->doorbell);
	weft__free(s);
}

static void shm_close(struct weft__channel **c)
{
	struct shm *s = (struct shm *)*c;
	*c = NULL;
	shm_disarm(&s->channel);
	weft__ring_fin(&s->tx);
	destroy(s);
}

static const struct weft__channel_ops shm_ops = {
        .name = "shm",
        .send = shm_send,
        .poll = shm_poll,
        .arm = shm_arm,
        .disarm = shm_disarm,
        .trim = shm_trim,
        .pollfd = shm_pollfd,
        .close = shm_close,
};

/* Is it what weft__shm_create makes? Anything else could be cut short while we read. */
static bool sound(int memfd)
{
	struct stat st;
	int seals = fcntl(memfd, F_GET_SEALS);
	return seals >= 0 && (seals & SEALS) == SEALS && fstat(memfd, &st) == 0 &&
	       st.st_size == FILE_BYTES;
}

int weft__shm_create(int *memfd)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur < FILE_BYTES)
		return WEFT_ENOSPC; /* growing the file would be answered with SIGXFSZ */
	int fd = memfd_create("weft-channel", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("weft-channel", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return errno == EMFILE || errno == ENFILE || errno == ENOMEM ? WEFT_ENOSPC
		                                                             : WEFT_EIO;
	if (ftruncate(fd, FILE_BYTES) < 0 ||
	    fallocate(fd, 0, 0, 2 * sizeof(struct weft__ring)) < 0 ||
	    fcntl(fd, F_ADD_SEALS, SEALS) < 0) {
		bool space = errno == ENOSPC || errno == ENOMEM || errno == EFBIG;
		close(fd);
		return space ? WEFT_ENOSPC : WEFT_EIO;
	}
	*memfd = fd;
	return 0;
}

int weft__shm_open(int *memfd, int *peer_doorbell, int side, struct weft__channel **c)
{
	int fd = *memfd, doorbell = *peer_doorbell, rc = 0;
	*memfd = *peer_doorbell = -1;
	struct shm *s = weft__malloc(sizeof *s);
	if (!s) {
		close(fd);
		if (doorbell >= 0)
			close(doorbell);
		return WEFT_ENOMEM;
	}
	*s = (struct shm){
	        .channel.ops = &shm_ops, .map = MAP_FAILED, .memfd = fd, .doorbell = doorbell};
	if (!sound(fd) || side < 0 || side > 1) {
		rc = WEFT_EPROTO;
		goto fail;
	}
	s->map = mmap(NULL, FILE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (s->map == MAP_FAILED) {
		rc = WEFT_ENOSPC;
		goto fail;
	}
	struct weft__ring *rings = (struct weft__ring *)s->map;
	uint8_t *regions[2] = {s->map + WINDOWS_AT, s->map + WINDOWS_AT + REGION_BYTES};
	s->region_at = (size_t)(regions[side] - s->map);
	weft__ring_tx_init(&s->tx, &rings[side], regions[side] + SKEW, doorbell);
	weft__ring_rx_init(&s->rx, &rings[!side], regions[!side] + SKEW, doorbell);
	s->tx.uready = 0;
	s->tx.grow = window_grow;
	s->tx.shrink = window_shrink;
	s->tx.arg = s;
	if (madvise(s->map, 2 * sizeof(struct weft__ring), MADV_POPULATE_WRITE) == 0) {
		close(s->memfd); /* windows get memory through the mapping */
		s->memfd = -1;
	}
	*c = &s->channel;
	return 0;
fail:
	destroy(s);
	return rc;
}
