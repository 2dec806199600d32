/* weftd: the node's daemon. This file is its command line; node.c its life. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/batch.h"
#include "base/environ.h"
#include "base/log.h"
#include "base/rundir.h"
#include "node/addresses.h"
#include "node/descriptors.h"
#include "node/launch.h"
#include "node/hosting.h"
#include "node/node.h"

enum { OWN_FDS_FIRST = 4, ORPHAN_MS = 60000, ORPHAN_PRIVATE_MS = 2000, ORPHAN_BATCH_MS = 10000 };

static const char usage[] =
        "usage: weftd --home --dir VMDIR [--private] [--local-nodes N] [options]\n"
        "       weftd --join ADDRESS:PORT --node I --incarnation K [--dir VMDIR] [options]\n"
        "options: --vm NAME  --host NAME  --listen ADDRESS  --ports FIRST[-LAST]  --orphan-ms MS\n"
        "         --path FOLDER:FOLDER  --wdir FOLDER  --batch LEADER  --half HEX\n"
        "ADDRESS:PORT may be a list with commas: the first that answers as it should is taken.\n"
        "It is started by weft and by other daemons; its key comes on standard input, or by --half.\n";

enum { HOME = 1, DIR_, JOIN, NODE, INCARNATION, PRIVATE, LOCAL_NODES, VM, HOST, LISTEN, PORTS, ORPHAN, PATH, WDIR, BATCH, HALF };

static const struct option options[] = {{"home", no_argument, NULL, HOME},
                                        {"dir", required_argument, NULL, DIR_},
                                        {"join", required_argument, NULL, JOIN},
                                        {"node", required_argument, NULL, NODE},
                                        {"incarnation", required_argument, NULL, INCARNATION},
                                        {"private", no_argument, NULL, PRIVATE},
                                        {"local-nodes", required_argument, NULL, LOCAL_NODES},
                                        {"vm", required_argument, NULL, VM},
                                        {"host", required_argument, NULL, HOST},
                                        {"listen", required_argument, NULL, LISTEN},
                                        {"ports", required_argument, NULL, PORTS},
                                        {"orphan-ms", required_argument, NULL, ORPHAN},
                                        {"path", required_argument, NULL, PATH},
                                        {"wdir", required_argument, NULL, WDIR},
                                        {"batch", required_argument, NULL, BATCH},
                                        {"half", required_argument, NULL, HALF},
                                        {NULL, 0, NULL, 0}};

/* What a daemon that a task has started is told in the place of its key: node/hosting.h. */
static uint8_t half[LINK_KEY_BYTES];
static bool by_half;

static bool number(const char *text, unsigned long max, unsigned long *value)
{
	char *end;
	errno = 0;
	*value = strtoul(text, &end, 10);
	return *text >= '0' && *text <= '9' && !*end && !errno && *value <= max;
}

static bool text(const char *from, char *to, size_t size)
{
	return (size_t)snprintf(to, size, "%s", from) < size;
}

/* Until one of them has answered the first one stands for home. */
static bool join_address(struct node *n, const char *from)
{
	const char *list = from;
	unsigned short port = 0;
	bool well = text(from, n->join_list, sizeof n->join_list) && addresses_next(&list, n->join_address, &port) && port;
	n->join_port = port;
	return well;
}

static bool ports(struct node *n, const char *from)
{
	unsigned first, last;
	char end;
	int count = sscanf(from, "%u-%u%c", &first, &last, &end);
	if (count == 1)
		last = first;
	if (count < 1 || count > 2 || last > 65535 || first > last)
		return false;
	n->port_first = (uint16_t)first;
	n->port_last = (uint16_t)last;
	return true;
}

static bool take(struct node *n, int option, const char *argument)
{
	unsigned long value = 0;
	bool well = true;
	switch (option) {
	case HOME:
		n->home = true;
		break;
	case DIR_:
		well = *argument == '/' && text(argument, n->dir, sizeof n->dir);
		break;
	case JOIN:
		well = join_address(n, argument);
		break;
	case NODE:
		well = number(argument, WEFT__NODE_MAX, &value);
		n->index = (uint32_t)value;
		break;
	case INCARNATION:
		well = number(argument, UINT32_MAX, &value);
		n->incarnation = (uint32_t)value;
		break;
	case PRIVATE:
		n->private_vm = true;
		break;
	case LOCAL_NODES:
		well = number(argument, 1024, &value);
		n->local_nodes = (unsigned)value;
		break;
	case VM:
		well = text(argument, n->vm, sizeof n->vm);
		break;
	case HOST:
		well = text(argument, n->host, sizeof n->host);
		break;
	case LISTEN:
		well = text(argument, n->listen_address, sizeof n->listen_address);
		break;
	case PORTS:
		well = ports(n, argument);
		break;
	case PATH:
		well = setenv("WEFT_EXEC_PATH", argument, 1) == 0; /* for the task VMs */
		break;
	case WDIR:
		well = chdir(argument) == 0 && getcwd(n->wdir, sizeof n->wdir); /* tasks without a folder of their own start here */
		break;
	case BATCH:
		well = number(argument, INT32_MAX, &value);
		n->batch = true;
		n->leader = (pid_t)value;
		break;
	case HALF:
		well = by_half = hosting_read_half(argument, half);
		break;
	case ORPHAN:
		well = number(argument, 3600000, &value);
		n->orphan_ms = value;
		break;
	default:
		return false;
	}
	if (!well)
		fprintf(stderr, "weftd: --%s can't be \"%s\"\n", options[option - 1].name, argument);
	return well;
}

/* What was not said follows from the rest. */
static int complete(struct node *n, struct weft_error *e)
{
	if (n->home == (n->join_port != 0))
		return weft__err_set(e, WEFT_EINVAL, "one of --home and --join is needed");
	if (n->home)
		n->index = n->incarnation = NODE_HOME;
	if (n->home && by_half)
		return weft__err_set(e, WEFT_EINVAL, "--half is for --join");
	if (!n->index || !n->incarnation)
		return weft__err_set(e, WEFT_EINVAL, "--join needs --node and --incarnation");
	if (!*n->dir) {
		int rc = weft__rundir_base(n->dir, sizeof n->dir, e);
		if (!rc)
			rc = weft__rundir_vm(*n->vm ? n->vm : NULL, n->dir, sizeof n->dir, e);
		if (rc)
			return rc;
	}
	while (strlen(n->dir) > 1 && n->dir[strlen(n->dir) - 1] == '/')
		n->dir[strlen(n->dir) - 1] = '\0';
	const char *last = strrchr(n->dir, '/') + 1;
	if (!*n->vm && !text(last, n->vm, sizeof n->vm))
		return weft__err_set(e, WEFT_EINVAL, "the VM's name is too long: %s", last);
	if (!*n->host && (gethostname(n->host, sizeof n->host - 1) || !*n->host))
		strcpy(n->host, "localhost");
	struct weft__batch_job job;
	bool in_job = weft__batch_job(weft__batch_getenv, &job);
	n->batch |= in_job && !n->home;
	n->slurm = in_job && job.system == WEFT__BATCH_SLURM;
	if (!n->orphan_ms)
		n->orphan_ms = n->private_vm ? ORPHAN_PRIVATE_MS : n->batch ? ORPHAN_BATCH_MS : ORPHAN_MS;
	if (n->private_vm && !n->batch && !*n->listen_address)
		strcpy(n->listen_address, "127.0.0.1");
	return 0;
}

static bool read_key(struct node *n)
{
	size_t came = 0;
	while (came < sizeof n->key) {
		ssize_t count = read(0, n->key + came, sizeof n->key - came);
		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			return false;
		came += (size_t)count;
	}
	return true;
}

/* Standard input held the key and is not needed any more; 0 to 3 are taken, so that no descriptor of ours
 * has a number that a child's shall have. */
static int descriptors_take(struct node *n)
{
	const char *owner = getenv("WEFTD_OWNER_FD");
	n->ownerfd = -1;
	if (owner && *owner && n->home) {
		n->ownerfd = fcntl(atoi(owner), F_DUPFD_CLOEXEC, OWN_FDS_FIRST);
		if (n->ownerfd < 0)
			return WEFT_EINVAL;
	}
	unsetenv("WEFTD_OWNER_FD");
	descriptors_close(3, n->ownerfd);
	close(0);
	int fd;
	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd < OWN_FDS_FIRST - 1);
	if (fd >= OWN_FDS_FIRST)
		close(fd);
	return fd < 0 ? WEFT_EIO : 0;
}

static void limits_set(struct node *n)
{
	getrlimit(RLIMIT_NOFILE, &n->nofile);
	getrlimit(RLIMIT_CORE, &n->core);
	struct rlimit all = {n->nofile.rlim_max, n->nofile.rlim_max}, no_core = {0, n->core.rlim_max};
	setrlimit(RLIMIT_NOFILE, &all);
	setrlimit(RLIMIT_CORE, &no_core);
}

/* Nothing that belongs to the VM survives in the environment of what we start. */
static void environment_clean(void)
{
	for (const char *const *name = weft__environ_own; *name; name++)
		unsetenv(*name);
}

static int run(void *arg)
{
	struct node *n = arg;
	uv_loop_t loop;
	if (uv_loop_init(&loop)) {
		fprintf(stderr, "weftd: can't make an event loop: %s\n", strerror(errno));
		return 1;
	}
	n->loop = &loop;
	n->again = n->keeper.notes->crashes > 0;
	struct weft_error e = {0};
	int rc = node_start(n, &e);
	if (rc) {
		weft__log(WEFT__LOG_ERROR, "WEFT-NODE-START", "node=%u %s", n->index, e.text);
		fprintf(stderr, "weftd: %s\n", e.text);
		if (n->locked) /* and with it what has been made so far */
			node_halt(n, "it can't start");
		else
			node_abandon(n);
	}
	uv_run(&loop, UV_RUN_DEFAULT);
	node_fini(n);
	n->keeper.notes->ended = true;
	bool folder = !n->home && (rc == WEFT_EIO || rc == WEFT_ENOSPC || rc == WEFT_EDENIED);
	return folder ? LAUNCH_FOLDER : rc ? 1 : n->exit_status;
}

int main(int argc, char **argv)
{
	static struct node n;
	struct weft_error e = {0};
	if (argc == 2 && !strcmp(argv[1], "--version")) { /* weft doctor compares */
		printf("weftd %s (protocol %d)\n", PACKAGE_VERSION, WEFT__PROTO_VERSION);
		return 0;
	}
	unsetenv("WEFT_EXEC_PATH");
	for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (!take(&n, option, optarg)) {
			fputs(usage, stderr);
			return 2;
		}
	}
	int rc = optind < argc ? WEFT_EINVAL : complete(&n, &e);
	if (rc == WEFT_EINVAL)
		fprintf(stderr, "weftd: %s\n%s", e.text, usage);
	else if (rc)
		fprintf(stderr, "weftd: %s\n", e.text);
	if (rc)
		return rc == WEFT_EINVAL || n.home ? 2 : LAUNCH_FOLDER;
	char tag[32];
	snprintf(tag, sizeof tag, "weftd n%u", n.index);
	weft__log_start(tag, n.private_vm);
	if (by_half && (rc = hosted_begin(&n, half)) != 0)
		return rc;
	setsid(); /* away from the terminal's signals; fails where we lead a session already */
	if (!by_half && !read_key(&n)) {
		fprintf(stderr, "weftd: its key does not come on standard input\n");
		return LAUNCH_KEY;
	}
	if (descriptors_take(&n)) {
		fprintf(stderr, "weftd: no descriptors, or WEFTD_OWNER_FD is none: %s\n", strerror(errno));
		return 1;
	}
	limits_set(&n);
	environment_clean();
	return keeper_run(&n.keeper, run, node_clean, &n);
}
