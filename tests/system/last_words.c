/* last_words.c - what a task sent arrives, although it ended with messages in its socket that it had not read.
 * last_words.sh says how it is used.
 *
 * usage: last_words FOLDER killed|left|returned   FOLDER has two FIFOs, go and alive
 *
 * The first task spawns the second on another node, sends it messages that it does not read, and reads nothing itself
 * until the second has ended. That one sends more than a receiver's kernel holds, and ends as it is told.
 */
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bindings/c/weft.h"

enum { HELLO = 1, UNREAD, WORDS, NOTICE, NUNREAD = 20, NWORDS = 60, WORDS_BYTES = 4096, WAIT_MS = 30000 };

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			printf("%s:%d: %s: %s\n", __FILE__, __LINE__, #condition, weft_last_error()); \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

static const weft_context_t context = {0};

static int open_fifo(const char *folder, const char *name, int flags)
{
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	int fd = open(path, flags | O_CLOEXEC);
	CHECK(fd >= 0);
	return fd;
}

static void fill(uint8_t *words, int n)
{
	for (int i = 0; i < WORDS_BYTES; i++)
		words[i] = (uint8_t)(i * 7 + n);
}

static int speak(const char *folder, const char *how)
{
	uint8_t words[WORDS_BYTES], byte;
	int alive = open_fifo(folder, "alive", O_WRONLY);
	CHECK(weft_send(weft_parent(), context, HELLO, NULL, 0, WAIT_MS) == 0);
	CHECK(read(open_fifo(folder, "go", O_RDONLY), &byte, 1) == 1);
	for (int n = 0; n < NWORDS; n++) {
		fill(words, n);
		CHECK(weft_send(weft_parent(), context, WORDS, words, sizeof words, WAIT_MS) == 0);
	}
	if (strcmp(how, "killed") == 0)
		raise(SIGKILL);
	if (strcmp(how, "left") == 0)
		CHECK(weft_fini() == 0);
	CHECK(alive >= 0); /* it is closed by our end */
	return 0;
}

static weft_tid_t spawn_speaker(const char *program, const char *folder, const char *how)
{
	const char *argv[] = {folder, how, NULL};
	weft_spawn_opts_t opts = {.host = "#2"};
	weft_tid_t tid;
	int error;
	CHECK(weft_spawn(program, argv, &opts, 1, &tid, &error) == 1);
	return tid;
}

int main(int argc, char **argv)
{
	uint8_t words[WORDS_BYTES], due[WORDS_BYTES], byte = 0;
	weft_status_t status;
	weft_notice_t notice;

	CHECK(argc == 3 && weft_init() == 0);
	if (weft_parent().v != 0)
		return speak(argv[1], argv[2]);
	weft_tid_t speaker = spawn_speaker(argv[0], argv[1], argv[2]);
	int alive = open_fifo(argv[1], "alive", O_RDONLY);
	CHECK(weft_recv(speaker, context, HELLO, NULL, 0, NULL, WAIT_MS) == 0);
	CHECK(weft_notify(WEFT_NOTIFY_EXIT, context, NOTICE, &speaker.v, 1) == 0);
	for (int n = 0; n < NUNREAD; n++)
		CHECK(weft_send(speaker, context, UNREAD, words, 100, WAIT_MS) == 0);
	CHECK(write(open_fifo(argv[1], "go", O_WRONLY), &byte, 1) == 1);
	CHECK(read(alive, &byte, 1) == 0); /* it has ended */

	int rc = weft_send(speaker, context, UNREAD, words, 100, 0);
	CHECK(rc == 0 || rc == WEFT_ENOTASK || rc == WEFT_ETIMEDOUT);
	for (int n = 0; n < NWORDS; n++) {
		fill(due, n);
		CHECK(weft_recv(WEFT_ANY_TASK, context, WEFT_ANY_TAG, words, sizeof words, &status, WAIT_MS) == 0);
		CHECK(status.tag == WORDS && status.nbytes == sizeof words && memcmp(words, due, sizeof words) == 0);
	}
	CHECK(weft_recv(WEFT_ANY_TASK, context, WEFT_ANY_TAG, &notice, sizeof notice, &status, WAIT_MS) == 0);
	CHECK(status.tag == NOTICE && weft_tid_equal(status.source, speaker));
	CHECK((notice.how.signo == SIGKILL) == (strcmp(argv[2], "killed") == 0));
	CHECK(weft_recv(speaker, context, WORDS, words, sizeof words, NULL, WAIT_MS) == WEFT_ENOTASK);
	CHECK(weft_fini() == 0);
	puts("all of it");
	return 0;
}
