/* cmd_doctor.c - what keeps Weft from working here; a check is a function that says one line. */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <sched.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/exe.h"
#include "base/rundir.h"
#include "console/context.h"
#include "console/doctor_net.h"
#include "console/environ.h"
#include "console/exitcode.h"
#include "console/json.h"
#include "console/start.h"
#include "console/vmdir.h"

enum verdict { FINE, DOUBT, WRONG };

enum {
	FREE_MIN_MIB    = 4,
	DESCRIPTORS_MIN = 256,
	SHM_BYTES       = 1 << 20,
};

/* What a check found. */
struct finding {
	enum verdict verdict;
	char text[400];
	char fix[400]; /* the command that mends it, or "" */
};

struct doctor {
	struct context *context;
	const struct args *args;
};

static void find(struct finding *f, enum verdict verdict, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

static void find(struct finding *f, enum verdict verdict, const char *format, ...)
{
	va_list ap;
	f->verdict = verdict;
	va_start(ap, format);
	vsnprintf(f->text, sizeof f->text, format, ap);
	va_end(ap);
}

static void check_folder(const struct doctor *d, struct finding *f)
{
	char base[PATH_MAX], probe[PATH_MAX + 32];
	struct weft_error e;
	struct statvfs st;
	if (weft__rundir_base(base, sizeof base, &e)) {
		find(f, WRONG, "no folder for sockets: %s", e.text);
		snprintf(f->fix, sizeof f->fix, "export WEFT_RUNDIR=$HOME/.weft-run");
		return;
	}
	snprintf(probe, sizeof probe, "%s/.probe-%ld", base, (long)getpid());
	int fd = open(probe, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0) {
		find(f, WRONG, "cannot make files in %s: %s", base, strerror(errno));
		snprintf(f->fix, sizeof f->fix, "export WEFT_RUNDIR=$HOME/.weft-run");
		return;
	}
	close(fd);
	unlink(probe);
	if (statvfs(base, &st) == 0 && st.f_blocks > 0 &&
	    (unsigned long long)st.f_bavail * st.f_frsize >> 20 < FREE_MIN_MIB) {
		find(f, WRONG, "%s is full", base);
		snprintf(f->fix, sizeof f->fix, "df %.300s", base);
		return;
	}
	find(f, FINE, "folder for sockets: %s", base);
}

static void check_leftovers(const struct doctor *d, struct finding *f)
{
	vmdir_sweep();
	find(f, FINE, "what crashed private virtual machines left is removed");
}

static void check_memory(const struct doctor *d, struct finding *f)
{
	int fd   = memfd_create("weft-doctor", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	bool ok  = fd >= 0 && posix_fallocate(fd, 0, SHM_BYTES) == 0 &&
	          fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) == 0;
	void *at = ok ? mmap(NULL, SHM_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;
	if (at == MAP_FAILED) {
		find(f, WRONG, "no shared memory between tasks: %s", strerror(errno));
		snprintf(f->fix, sizeof f->fix, "cat /proc/meminfo /sys/fs/cgroup/memory.max");
	} else {
		munmap(at, SHM_BYTES);
		find(f, FINE, "shared memory (sealed memfd)");
	}
	if (fd >= 0)
		close(fd);
}

/* The quota of our control group in hundredths of a core; 0: there is none, or it cannot be read. */
static unsigned long read_quota(void)
{
	char group[PATH_MAX], path[PATH_MAX + 64];
	unsigned long quota = 0, period = 0;
	FILE *f = fopen("/proc/self/cgroup", "re");
	int n   = f ? fscanf(f, "0::%4000[^\n]", group) : 0;
	if (f)
		fclose(f);
	snprintf(path, sizeof path, "/sys/fs/cgroup%s/cpu.max", n == 1 ? group : "");
	f = fopen(path, "re");
	if (!f)
		f = fopen("/sys/fs/cgroup/cpu.max", "re");
	n = f ? fscanf(f, "%lu %lu", &quota, &period) : 0;
	if (f)
		fclose(f);
	return n == 2 && period > 0 ? quota * 100 / period : 0;
}

static void check_cores(const struct doctor *d, struct finding *f)
{
	cpu_set_t set;
	long online         = sysconf(_SC_NPROCESSORS_ONLN);
	int usable          = sched_getaffinity(0, sizeof set, &set) ? (int)online : CPU_COUNT(&set);
	unsigned long quota = read_quota();
	if (quota > 0 && quota < (unsigned long)usable * 100)
		find(f, DOUBT, "%d of %ld cores usable, but the control group allows %lu.%02lu", usable, online,
		     quota / 100, quota % 100);
	else
		find(f, FINE, "%d of %ld cores usable", usable, online);
}

static void check_descriptors(const struct doctor *d, struct finding *f)
{
	struct rlimit files;
	if (getrlimit(RLIMIT_NOFILE, &files) || files.rlim_cur >= DESCRIPTORS_MIN) {
		find(f, FINE, "open files: %llu, at most %llu", (unsigned long long)files.rlim_cur,
		     (unsigned long long)files.rlim_max);
		return;
	}
	find(f, WRONG, "only %llu files may be open at once", (unsigned long long)files.rlim_cur);
	snprintf(f->fix, sizeof f->fix, "ulimit -n 1024");
}

static void check_hostname(const struct doctor *d, struct finding *f)
{
	char name[256] = "", address[64] = "";
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *found = NULL;
	gethostname(name, sizeof name - 1);
	int rc = getaddrinfo(name, NULL, &hints, &found);
	if (rc) {
		find(f, DOUBT, "the host name '%s' has no address (%s): fine on one machine, not for others", name,
		     gai_strerror(rc));
		snprintf(f->fix, sizeof f->fix, "echo '127.0.1.1 %s' | sudo tee -a /etc/hosts", name);
		return;
	}
	getnameinfo(found->ai_addr, found->ai_addrlen, address, sizeof address, NULL, 0, NI_NUMERICHOST);
	freeaddrinfo(found);
	find(f, FINE, "host name '%s' is %s%s", name, address,
	     !strncmp(address, "127.", 4) || !strcmp(address, "::1") ? " (on this machine only)" : "");
}

/* What the program says to --version, into text[size]. */
static bool ask_version(const char *path, char *text, size_t size)
{
	int fds[2];
	pid_t pid;
	posix_spawn_file_actions_t files;
	char *argv[] = {(char *)path, (char *)"--version", NULL};
	if (pipe2(fds, O_CLOEXEC))
		return false;
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&files, fds[1], 1);
	int rc = posix_spawn(&pid, path, &files, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	close(fds[1]);
	ssize_t n = rc ? -1 : read(fds[0], text, size - 1);
	close(fds[0]);
	if (!rc)
		waitpid(pid, NULL, 0);
	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return n > 0;
}

static void check_programs(const struct doctor *d, struct finding *f)
{
	static const struct {
		const char *room, *name;
	} programs[] = {{"node", "weftd"}, {"node", "weft-taskvm"}, {"coord", "weft-coord"}};
	char path[PATH_MAX], version[128];
	struct weft_error e;
	for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
		if (weft__exe_find(programs[i].room, programs[i].name, path, sizeof path, &e)) {
			find(f, WRONG, "%s", e.text);
			snprintf(f->fix, sizeof f->fix, "make install");
			return;
		}
		if (!ask_version(path, version, sizeof version) || !strstr(version, PACKAGE_VERSION)) {
			find(f, WRONG, "%s is of another release ('%s', this is %s)", path, version, PACKAGE_VERSION);
			snprintf(f->fix, sizeof f->fix, "make install");
			return;
		}
	}
	path[strrchr(path, '/') - path] = '\0';
	find(f, FINE, "daemons: weftd, weft-taskvm, weft-coord %s", PACKAGE_VERSION);
}

static void check_trial(const struct doctor *d, struct finding *f)
{
	struct start how = {.local_nodes = 1};
	struct start_daemon daemon;
	struct weft_error e;
	struct session *s = NULL;
	uint64_t began    = weft__clock_ns();
	int rc            = start_vm(d->context->loop, &how, &s, &daemon, &e);
	if (!rc && (rc = session_welcome(s, &e)) != 0)
		rc = start_explain(&daemon, rc, e.text, &e);
	uint64_t took_us = (weft__clock_ns() - began) / 1000;
	session_close(&s);
	uv_run(d->context->loop, UV_RUN_DEFAULT);
	if (daemon.pid > 0)
		start_finish(&daemon, 5000);
	if (rc) {
		find(f, WRONG, "%s", e.text);
		snprintf(f->fix, sizeof f->fix, "WEFT_LOG=debug weft run true");
		return;
	}
	find(f, FINE, "a private virtual machine comes up in %llu.%llu ms", (unsigned long long)took_us / 1000,
	     (unsigned long long)took_us % 1000 / 100);
}

static void check_standing(const struct doctor *d, struct finding *f)
{
	struct context *c = d->context;
	struct weft_error e;
	char dir[PATH_MAX];
	const char *vm = args_text(d->args, OPT_VM);
	uint64_t began = weft__clock_ns();
	int rc         = c->session ? 0 : session_attach(c->loop, vm, &c->session, &e);
	if (!rc)
		rc = session_welcome(c->session, &e);
	if (!rc) {
		find(f, FINE, "the virtual machine '%s' answers in %llu µs", session_name(c->session),
		     (unsigned long long)(weft__clock_ns() - began) / 1000);
		return;
	}
	if (rc == WEFT_ENOVM && weft__rundir_vm(vm, dir, sizeof dir, NULL) == 0 && vmdir_remove_stale(dir)) {
		find(f, FINE, "no virtual machine stands (weft up starts one; weft run needs none)");
		return;
	}
	find(f, WRONG, "the virtual machine is there but does not answer: %s", e.text);
	if (rc == WEFT_ENOVM && vmdir_daemon(dir) > 0)
		snprintf(f->fix, sizeof f->fix, "kill -9 %ld", (long)vmdir_daemon(dir));
}

static const struct check {
	const char *name;
	void (*look)(const struct doctor *d, struct finding *f);
} checks[] = {
        {"folder", check_folder},     {"leftovers", check_leftovers},     {"memory", check_memory},
        {"cores", check_cores},       {"descriptors", check_descriptors}, {"hostname", check_hostname},
        {"programs", check_programs}, {"trial", check_trial},             {"standing", check_standing},
};

static void print_finding(const struct finding *f)
{
	static const char *const marks[]   = {"✔", "!", "✘"};
	static const char *const colours[] = {"\033[32m", "\033[33m", "\033[31m"};
	bool colour                        = context_colour(1);
	printf(" %s%s%s %s\n", colour ? colours[f->verdict] : "", marks[f->verdict], colour ? "\033[0m" : "",
	       f->text);
	if (*f->fix)
		printf("     mend it with: %s\n", f->fix);
	fflush(stdout);
}

static int exec_doctor(struct context *c, const struct args *a)
{
	static const char *const states[] = {"ok", "warning", "error"};
	const struct doctor d             = {.context = c, .args = a};
	enum verdict worst                = FINE;
	if (a->noperands > 0 && !strcmp(a->operands[0], "net"))
		return doctor_net(c, a);
	if (a->noperands > 0) {
		context_error(c, "\"%s\" is nothing to look at; there is: net", a->operands[0]);
		return EXITCODE_FAILURE;
	}
	struct json j;
	bool as_json = args_has(a, OPT_JSON);
	json_init(&j, stdout);
	if (as_json) {
		json_open(&j, NULL);
		json_number(&j, "schema", 1);
		json_open_array(&j, "checks");
	}
	for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
		struct finding f = {0};
		checks[i].look(&d, &f);
		worst = f.verdict > worst ? f.verdict : worst;
		if (!as_json) {
			print_finding(&f);
			continue;
		}
		json_open(&j, NULL);
		json_text(&j, "name", checks[i].name);
		json_text(&j, "state", states[f.verdict]);
		json_text(&j, "text", f.text);
		json_text(&j, "fix", *f.fix ? f.fix : NULL);
		json_close(&j);
	}
	if (as_json) {
		json_close(&j);
		json_bool(&j, "ok", worst != WRONG);
		json_close(&j);
	}
	context_detach(c);
	return worst == WRONG;
}

static const struct option_def options[] = {OPTION_JSON, OPTION_VM, OPTION_HELP, OPTION_END};

static const struct exit_def exits[] = {{"1", "something is wrong"}, {NULL, NULL}};

const struct command cmd_doctor = {
        .name          = "doctor",
        .summary       = "find what keeps Weft from working here",
        .options       = options,
        .exits         = exits,
        .operands      = "[net]",
        .operand       = ARG_TEXT,
        .noperands_max = 1,
        .man           = "Looks at the folder for sockets, shared memory, cores, limits, the host name, the daemons' "
                         "programs, starts a virtual machine for a trial, and asks the one that is up, if one is. "
                         "Each line begins with ✔ (fine), ! (worth knowing) or ✘ (wrong), and names the command that "
                         "mends it.\n\n"
                         "With `--json`: an object with `schema` (1), `checks`, an array of objects with `name`, "
                         "`state` (`ok`, `warning`, `error`), `text` and `fix` (null: none), and `ok`.\n\n"
                         "`weft doctor net` looks at the network of the virtual machine that is up: each node dials all others at "
                         "all their addresses and proves itself. It shows the nodes with port and addresses, the pairs "
                         "with the address that answers fastest and the time there and back, and for those that do not "
                         "reach each other why, with the line that opens the firewall. It is enough when one of two nodes "
                         "can dial the other. With `--json`: `schema` (1), `nodes` (`node`, `host`, `port`, `addresses`, "
                         "`firewall`, `error`), `paths` (`from`, `to`, `address`, `port`, `ok`, `rtt_us`, `text`) and `ok`.",
        .examples      = "weft doctor\nweft doctor net\n",
        .exec          = exec_doctor,
};
