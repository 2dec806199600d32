/* wordcount - count the words of a text with workers that come and go.
 *
 * The master spawns workers, asks to be told when one dies, and hands each a chunk of the text at a time.
 * Half-way one worker is made to crash in the middle of its chunk (unless --spare is given): the notice arrives, the
 * chunk goes back on the pile, and a new worker takes the dead one's place. At the end the master counts alone and
 * compares.
 *
 * usage: wordcount [--workers N] [--top N] [--spare] TEXT
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "weft.h"
#include "words.h"

enum { TAG_CHUNK = 1, TAG_COUNTS = 2, TAG_STOP = 3, TAG_EXIT = 4 };
enum { WORKERS_MAX = 256, CHUNKS_AIMED_AT = 48, CHUNK_MIN = 256 };

struct chunk {
	size_t begin, end;
	int done;
};

/* What a chunk's text follows in its message. */
struct order {
	int64_t chunk;
	int64_t crash; /* 1: die by SIGKILL when half of it is counted */
};

struct worker {
	weft_tid_t tid;
	int chunk; /* the one that it has, -1: none */
};

struct master {
	const char *program;
	char *text;
	size_t nbytes;
	struct chunk *chunks;
	int nchunks, ndone;
	struct worker workers[WORKERS_MAX];
	int nworkers, ndied;
	int crash_wanted; /* one worker is still to crash */
	struct words total;
};

static void must(int rc, const char *what)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "wordcount: %s: %s: %s\n", what, weft_strerror(rc), weft_last_error());
	exit(EXIT_FAILURE);
}

/* --- the worker ------------------------------------------------------------------------------------ */

static void answer(const char *message, size_t nbytes)
{
	struct words words = {0};
	struct order order;
	weft_buf_t *buf;

	memcpy(&order, message, sizeof order);
	nbytes -= sizeof order;
	words_count(&words, message + sizeof order, order.crash ? nbytes / 2 : nbytes);
	if (order.crash)
		raise(SIGKILL);
	must(weft_buf_create(&buf), "buffer");
	int64_t head[2] = {order.chunk, (int64_t)words.ndistinct};
	must(weft_pack(buf, WEFT_INT64, head, 2, 1), "pack");
	for (size_t i = 0; i < words.nslots; i++) {
		if (words.slots[i].count == 0)
			continue;
		must(weft_pack_string(buf, words.slots[i].word), "pack");
		must(weft_pack(buf, WEFT_UINT64, &words.slots[i].count, 1, 1), "pack");
	}
	must(weft_buf_send(buf, weft_parent(), WEFT_CONTEXT, TAG_COUNTS, -1), "send counts");
	weft_buf_destroy(&buf);
	words_fini(&words);
}

static int worker(void)
{
	for (;;) {
		weft_status_t status;
		void *message;
		int rc = weft_recv_alloc(weft_parent(), WEFT_CONTEXT, WEFT_ANY_TAG, &message, &status, -1);
		if (rc == WEFT_ENOTASK)
			return EXIT_FAILURE; /* the master is gone, nobody wants the counts */
		must(rc, "receive chunk");
		if (status.tag == TAG_STOP) {
			weft_free(message);
			return EXIT_SUCCESS;
		}
		answer(message, status.nbytes);
		weft_free(message);
	}
}

/* --- the master ------------------------------------------------------------------------------------ */

static void read_text(struct master *m, const char *file)
{
	FILE *f = fopen(file, "rb");
	size_t room = 0, got;

	if (f == NULL) {
		perror(file);
		exit(EXIT_FAILURE);
	}
	do {
		room = room == 0 ? 65536 : room * 2;
		m->text = realloc(m->text, room);
		if (m->text == NULL)
			must(WEFT_ENOMEM, file);
		got = fread(m->text + m->nbytes, 1, room - m->nbytes, f);
		m->nbytes += got;
	} while (m->nbytes == room);
	if (ferror(f)) {
		perror(file);
		exit(EXIT_FAILURE);
	}
	fclose(f);
}

/* Chunks of about equal size that end where a word ends. */
static void cut(struct master *m)
{
	size_t step = m->nbytes / CHUNKS_AIMED_AT + 1;

	if (step < CHUNK_MIN)
		step = CHUNK_MIN;
	m->chunks = calloc(m->nbytes / step + 1, sizeof *m->chunks);
	if (m->chunks == NULL)
		must(WEFT_ENOMEM, "chunks");
	for (size_t begin = 0; begin < m->nbytes;) {
		size_t end = begin + step < m->nbytes ? begin + step : m->nbytes;
		while (end < m->nbytes && words_letter(m->text[end]))
			end++;
		m->chunks[m->nchunks++] = (struct chunk){begin, end, 0};
		begin = end;
	}
}

static int free_chunk(const struct master *m)
{
	for (int c = 0; c < m->nchunks; c++) {
		int taken = m->chunks[c].done;
		for (int w = 0; w < m->nworkers && !taken; w++)
			taken = m->workers[w].chunk == c;
		if (!taken)
			return c;
	}
	return -1;
}

static void hand_out(struct master *m, struct worker *w)
{
	int c = free_chunk(m);

	w->chunk = c;
	if (c < 0)
		return;
	struct order order = {.chunk = c, .crash = m->crash_wanted && m->ndone >= m->nchunks / 2};
	if (order.crash)
		m->crash_wanted = 0;
	size_t nbytes = m->chunks[c].end - m->chunks[c].begin;
	char *message = malloc(sizeof order + nbytes);
	if (message == NULL)
		must(WEFT_ENOMEM, "chunk");
	memcpy(message, &order, sizeof order);
	memcpy(message + sizeof order, m->text + m->chunks[c].begin, nbytes);
	int rc = weft_send(w->tid, WEFT_CONTEXT, TAG_CHUNK, message, sizeof order + nbytes, -1);
	free(message);
	if (rc != WEFT_ENOTASK) /* if it died its notice comes, and the chunk is free again */
		must(rc, "send chunk");
}

static void start_worker(struct master *m, struct worker *w)
{
	const char *argv[] = {"--worker", NULL};
	int error = 0;

	must(weft_spawn(m->program, argv, NULL, 1, &w->tid, &error), "spawn");
	must(weft_notify(WEFT_NOTIFY_EXIT, WEFT_CONTEXT, TAG_EXIT, &w->tid.v, 1), "notify");
	hand_out(m, w);
}

static struct worker *find_worker(struct master *m, weft_tid_t tid)
{
	for (int w = 0; w < m->nworkers; w++)
		if (weft_tid_equal(m->workers[w].tid, tid))
			return &m->workers[w];
	return NULL;
}

static void take_counts(struct master *m, struct worker *w, weft_buf_t *buf)
{
	int64_t head[2];

	must(weft_unpack(buf, WEFT_INT64, head, 2, 1), "unpack");
	if (head[0] < 0 || head[0] >= m->nchunks || m->chunks[head[0]].done)
		return;
	for (int64_t i = 0; i < head[1]; i++) {
		char word[WORD_MAX + 1];
		uint64_t count;
		must(weft_unpack_string(buf, word, sizeof word, NULL), "unpack");
		must(weft_unpack(buf, WEFT_UINT64, &count, 1, 1), "unpack");
		words_add(&m->total, word, strlen(word), count);
	}
	m->chunks[head[0]].done = 1;
	m->ndone++;
	hand_out(m, w);
}

static void one_died(struct master *m, weft_tid_t tid)
{
	struct worker *w = find_worker(m, tid);
	char text[32];

	if (w == NULL)
		return;
	m->ndied++;
	printf("wordcount: worker %s died with chunk %d half done; a new one takes its place\n",
	       weft_tid_text(tid, text, sizeof text), w->chunk);
	w->chunk = -1;
	start_worker(m, w);
}

static void count_in_parallel(struct master *m)
{
	weft_buf_t *buf;

	must(weft_buf_create(&buf), "buffer");
	for (int w = 0; w < m->nworkers; w++)
		m->workers[w].chunk = -1;
	for (int w = 0; w < m->nworkers; w++)
		start_worker(m, &m->workers[w]);
	while (m->ndone < m->nchunks) {
		weft_status_t status;
		must(weft_probe(WEFT_ANY_TASK, WEFT_CONTEXT, WEFT_ANY_TAG, &status, -1), "probe");
		if (status.tag == TAG_EXIT) {
			weft_notice_t notice;
			must(weft_recv(status.source, WEFT_CONTEXT, TAG_EXIT, &notice, sizeof notice, NULL, -1), "notice");
			one_died(m, notice.how.tid);
			continue;
		}
		must(weft_buf_recv(buf, status.source, WEFT_CONTEXT, TAG_COUNTS, NULL, -1), "receive counts");
		struct worker *w = find_worker(m, status.source);
		if (w != NULL)
			take_counts(m, w, buf);
	}
	for (int w = 0; w < m->nworkers; w++)
		weft_send(m->workers[w].tid, WEFT_CONTEXT, TAG_STOP, NULL, 0, 1000);
	weft_buf_destroy(&buf);
}

static int report(const struct master *m, int top)
{
	struct words alone = {0};

	words_count(&alone, m->text, m->nbytes);
	words_print_top(&m->total, top);
	printf("wordcount: %llu words, %zu distinct, %d chunks, %d workers, %d died\n",
	       (unsigned long long)m->total.nwords, m->total.ndistinct, m->nchunks, m->nworkers, m->ndied);
	int equal = words_equal(&m->total, &alone);
	printf("wordcount: the serial count is %s\n", equal ? "equal" : "DIFFERENT");
	words_fini(&alone);
	return equal ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int usage(void)
{
	fprintf(stderr, "usage: wordcount [--workers N] [--top N] [--spare] TEXT\n");
	return 2;
}

int main(int argc, char **argv)
{
	struct master m = {.program = argv[0], .nworkers = 4, .crash_wanted = 1};
	const char *file = NULL;
	int top = 10;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--worker") == 0) {
			must(weft_init(), "weft_init");
			int rc = worker();
			weft_fini();
			return rc;
		}
		if (strcmp(argv[i], "--spare") == 0)
			m.crash_wanted = 0;
		else if (strcmp(argv[i], "--workers") == 0 && i + 1 < argc)
			m.nworkers = atoi(argv[++i]);
		else if (strcmp(argv[i], "--top") == 0 && i + 1 < argc)
			top = atoi(argv[++i]);
		else if (argv[i][0] == '-' || file != NULL)
			return usage();
		else
			file = argv[i];
	}
	if (file == NULL || m.nworkers < 1 || m.nworkers > WORKERS_MAX)
		return usage();
	read_text(&m, file);
	cut(&m);
	must(weft_init(), "weft_init");
	if (weft_rank() != 0) {
		fprintf(stderr, "wordcount: start one task; it spawns its workers itself\n");
		return 2;
	}
	count_in_parallel(&m);
	int rc = report(&m, top);
	must(weft_fini(), "weft_fini");
	words_fini(&m.total);
	free(m.chunks);
	free(m.text);
	return rc;
}
