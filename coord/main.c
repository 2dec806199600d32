/* weft-coord: the coordinator of one virtual machine. This file is its command line; shell.c its life. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "coord/shell.h"

enum {
	EXIT_USAGE     = 64,
	EXIT_STORE     = 74, /* the journal can't be written */
	EXIT_TAKEN     = 75, /* another coordinator serves the folder */
	ORPHAN_MS      = 60000,
	ORPHAN_MS_MAX  = 3600000,
	NODES_MAX      = 1024,
};

static const char usage[] = "usage: weft-coord --dir VMDIR --vm NAME [--local-nodes N] [--private] [--orphan-ms MS] [--batch]\n"
                            "It is started by weftd; the virtual machine's key comes on standard input.\n";

enum { DIR_ = 1, VM, LOCAL_NODES, PRIVATE, ORPHAN, BATCH };

static const struct option long_options[] = {{"dir", required_argument, NULL, DIR_},
                                             {"vm", required_argument, NULL, VM},
                                             {"local-nodes", required_argument, NULL, LOCAL_NODES},
                                             {"private", no_argument, NULL, PRIVATE},
                                             {"orphan-ms", required_argument, NULL, ORPHAN},
                                             {"batch", no_argument, NULL, BATCH},
                                             {NULL, 0, NULL, 0}};

/* The home node's daemon passes one end of a socket; -1: it did not. */
static int take_home(void)
{
	const char *number = getenv("WEFT_COORD_FD");
	int fd = number && *number ? fcntl(atoi(number), F_DUPFD_CLOEXEC, 3) : -1;
	if (fd >= 0)
		close(atoi(number));
	unsetenv("WEFT_COORD_FD");
	return fd;
}

static bool read_number(const char *name, const char *text, uint64_t max, uint64_t *number)
{
	char *end;
	errno = 0;
	unsigned long long n = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || n > max) {
		fprintf(stderr, "weft-coord: --%s is a number up to %llu, not \"%s\"\n", name, (unsigned long long)max, text);
		return false;
	}
	*number = n;
	return true;
}

static bool read_options(int argc, char **argv, struct shell_options *o)
{
	int c;
	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		switch (c) {
		case DIR_:
			o->dir = optarg;
			break;
		case VM:
			o->core.vm = optarg;
			break;
		case BATCH:
			o->batch = true;
			break;
		case PRIVATE:
			o->core.private_vm = 1;
			break;
		case LOCAL_NODES:
			if (!read_number("local-nodes", optarg, NODES_MAX, &o->core.local_nodes))
				return false;
			break;
		case ORPHAN:
			if (!read_number("orphan-ms", optarg, ORPHAN_MS_MAX, &o->core.orphan_ms))
				return false;
			break;
		default:
			return false;
		}
	}
	return optind == argc && o->dir && o->core.vm && *o->core.vm && strlen(o->core.vm) <= 64;
}

/* The key, and nothing after it. */
static bool read_key(uint8_t key[static LINK_KEY_BYTES])
{
	uint8_t bytes[LINK_KEY_BYTES + 1];
	size_t n = 0;
	while (n < sizeof bytes) {
		ssize_t got = read(0, bytes + n, sizeof bytes - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		n += (size_t)got;
	}
	if (n == LINK_KEY_BYTES)
		memcpy(key, bytes, LINK_KEY_BYTES);
	explicit_bzero(bytes, sizeof bytes);
	return n == LINK_KEY_BYTES;
}

/* A link for each node takes a descriptor. */
static void raise_descriptors(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

int main(int argc, char **argv)
{
	static struct shell_options options = {.core = {.orphan_ms = ORPHAN_MS}};
	struct weft_error e = {0};
	if (argc == 2 && !strcmp(argv[1], "--version")) { /* weft doctor compares */
		puts("weft-coord " PACKAGE_VERSION);
		return 0;
	}
	if (!read_options(argc, argv, &options)) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	weft__log_start("weft-coord", options.core.private_vm);
	if (!read_key(options.key)) {
		fprintf(stderr, "weft-coord: standard input must hold a key of %d bytes\n", LINK_KEY_BYTES);
		return EXIT_USAGE;
	}
	options.home_fd = take_home();
	umask(077);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, SIG_IGN); /* the terminal's: it concerns the tool, which says what it wants */
	signal(SIGHUP, SIG_IGN);
	if (options.batch)
		signal(SIGTERM, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a file size limit is a full disk: the write says so */
	raise_descriptors();
	int rc = shell_run(&options, &e);
	explicit_bzero(options.key, sizeof options.key);
	if (rc == WEFT_EEXIST)
		weft__log(WEFT__LOG_ERROR, "WEFT-COORD-TAKEN", "%s: %s", options.dir, e.text);
	else if (rc)
		weft__log(WEFT__LOG_ERROR, "WEFT-COORD-END", "%s: %s", options.dir, e.text);
	else
		weft__log(WEFT__LOG_INFO, "WEFT-COORD-END", "the virtual machine has ended");
	if (rc == WEFT_EIO || rc == WEFT_ENOSPC)
		return EXIT_STORE;
	return rc == WEFT_EEXIST ? EXIT_TAKEN : rc ? EXIT_FAILURE : EXIT_SUCCESS;
}
