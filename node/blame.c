#include "config.h"

#include "node/blame.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "link/link.h"
#include "node/launch.h"
#include "proto/proto.h"

/* What goes behind the command that mends it: what was dialled, the host alone where no user belongs, or nothing. */
enum object { TARGET, HOST, NOTHING };

/* What ssh or srun says when it does not get through. */
static const struct reason {
	const char *sign; /* in what it said */
	int code;
	const char *text, *fix;
	enum object object;
} reasons[] = {
        {"could not resolve hostname", WEFT_ENONODE, "its name does not resolve", "getent hosts ", HOST},
        {"identification has changed", WEFT_EDENIED,
         "its host key is another than the known one: it was installed anew, or somebody answers in its place", "ssh-keygen -R ", HOST},
        {"has changed and you have requested strict checking", WEFT_EDENIED,
         "its host key is another than the known one: it was installed anew, or somebody answers in its place", "ssh-keygen -R ", HOST},
        {"host key verification failed", WEFT_EDENIED, "its host key is not known here", "ssh ", TARGET},
        {"host key is known for", WEFT_EDENIED, "its host key is not known here", "ssh ", TARGET},
        {"too many authentication failures", WEFT_EDENIED, "it was offered too many keys before the right one",
         "ssh -o IdentitiesOnly=yes ", TARGET},
        {"permission denied", WEFT_EDENIED,
         "it wants a password (so=pw behind its name asks you for it), or does not know your key", "ssh-copy-id ", TARGET},
        {"connection refused", WEFT_ENONODE, "no ssh server listens there", "sudo systemctl enable --now ssh   # on ", HOST},
        {"no route to host", WEFT_ENONODE, "there is no way to it: it is down, or in another network", "ip route get ", HOST},
        {"network is unreachable", WEFT_ENONODE, "there is no way to it: it is down, or in another network", "ip route get ", HOST},
        {"timed out", WEFT_ETIMEDOUT, "it does not answer: it is down, or a firewall drops what is sent to it", "ping -c 1 ", HOST},
        {"kex_exchange_identification", WEFT_ENONODE,
         "its ssh server hangs up before the login: it is busy, or does not let this machine in", "ssh -v ", TARGET},
        {"connection reset", WEFT_ENONODE, "its ssh server hung up", "ssh -v ", TARGET},
        {"connection closed", WEFT_ENONODE, "its ssh server hung up", "ssh -v ", TARGET},
        {"invalid job id", WEFT_ENOVM, "Slurm knows no such job any more: it has ended, or these are the variables of another one",
         "squeue --me", NOTHING},
        {"job/step already complet", WEFT_ENOVM, "the job ends, or has ended", "squeue --me", NOTHING},
        {"contact slurm controller", WEFT_ETIMEDOUT, "Slurm's controller does not answer", "scontrol ping", NOTHING},
        {"configuration source", WEFT_ENONODE, "this machine has no configuration of Slurm", "scontrol show config", NOTHING},
        {"node configuration is not available", WEFT_ENONODE, "the job has no such machine", "echo $SLURM_JOB_NODELIST   # beside ", HOST},
        {"unable to create step", WEFT_ENONODE, "Slurm starts no further step there within 9 s", "scontrol show node ", HOST},
};

static void set(struct blame *b, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

static void set(struct blame *b, int code, const char *format, ...)
{
	va_list ap;
	b->code = code;
	va_start(ap, format);
	vsnprintf(b->text, sizeof b->text, format, ap);
	va_end(ap);
}

/* How to see for oneself whether a launcher gets through. */
static const struct {
	const char *launcher, *words;
} trials[] = {
        {"ssh", "ssh -v"},
        {"srun", "srun --overlap --nodes=1 --nodelist"},
        {"qrsh", "qrsh -inherit"},
        {"flux exec", "flux exec --rank"},
};

static void try_it(const struct blame_case *c, struct blame *b, const char *before)
{
	for (size_t i = 0; i < sizeof trials / sizeof *trials; i++)
		if (!strcmp(c->launcher, trials[i].launcher))
			snprintf(b->fix, sizeof b->fix, "%s%s %.120s true", before, trials[i].words, c->target);
}

static void launcher_failed(const struct blame_case *c, struct blame *b)
{
	for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
		if (!strcasestr(c->said, reasons[i].sign))
			continue;
		set(b, reasons[i].code, "%s", reasons[i].text);
		const char *user_end = reasons[i].object == HOST ? strrchr(c->target, '@') : NULL;
		const char *object = reasons[i].object == NOTHING ? "" : user_end ? user_end + 1 : c->target;
		snprintf(b->fix, sizeof b->fix, "%s%.120s", reasons[i].fix, object);
		return;
	}
	set(b, WEFT_ENONODE, "%s does not get through", c->launcher);
	try_it(c, b, "");
}

/* It ran, so the way there is fine: it is the way back, or the daemon itself. */
static void daemon_failed(const struct blame_case *c, struct blame *b)
{
	switch (c->status) {
	case LAUNCH_VERSION:
		set(b, WEFT_EVERSION, "the Weft there and this one, %s, do not speak the same protocol", PACKAGE_VERSION);
		snprintf(b->fix, sizeof b->fix, "ssh %.120s weft version", c->target);
		break;
	case LAUNCH_KEY:
		set(b, WEFT_EDENIED, "the key that came there is not the one that was sent: does a start-up file of your "
		                     "shell there read standard input?");
		snprintf(b->fix, sizeof b->fix, "echo key | ssh %.120s cat", c->target);
		break;
	case LAUNCH_UNREACHED:
		set(b, WEFT_ENONODE, "its daemon can't reach this machine, port %u: a firewall here, most likely", c->port);
		link_firewall_line(c->port, b->fix, sizeof b->fix);
		break;
	case LAUNCH_FOLDER:
		set(b, WEFT_ENOSPC, "there is no folder for its daemon's socket: the disk is full, or it is not yours");
		snprintf(b->fix, sizeof b->fix, "ssh %.120s 'df -h /tmp; ls -ld /tmp/weft-* $XDG_RUNTIME_DIR'", c->target);
		break;
	default:
		if (strstr(c->said, "is up already")) {
			set(b, WEFT_EEXIST, "another virtual machine of this name, or this one's last, has a node there");
			snprintf(b->fix, sizeof b->fix, "weft up --name another");
			break;
		}
		set(b, WEFT_ENONODE, "its daemon ended with status %d", c->status);
		snprintf(b->fix, sizeof b->fix, "weft logs");
	}
}

static void too_slow(const struct blame_case *c, struct blame *b)
{
	if (*c->release) {
		set(b, WEFT_ETIMEDOUT, "its daemon runs, but has not found its way back to one of %.200s within %u s", c->addresses,
		    c->limit_s);
		link_firewall_line(c->port, b->fix, sizeof b->fix);
	} else {
		set(b, WEFT_ETIMEDOUT, "%s has not got through within %u s: a slow login, or a question that nobody answers",
		    c->launcher, c->limit_s);
		try_it(c, b, "time ");
	}
}

void blame_find(const struct blame_case *c, struct blame *b)
{
	*b = (struct blame){0};
	bool other = c->protocol ? c->protocol != WEFT__PROTO_VERSION : strcmp(c->release, PACKAGE_VERSION) != 0;
	if (*c->release && other) {
		set(b, WEFT_EVERSION, "it has Weft %.40s (protocol %u), this is Weft %s (protocol %d): they must be the same",
		    c->release, c->protocol, PACKAGE_VERSION, WEFT__PROTO_VERSION);
		snprintf(b->fix, sizeof b->fix, "ssh %.120s weft version; weft version", c->target);
	} else if (c->status < 0) {
		too_slow(c, b);
	} else if (*c->release) {
		daemon_failed(c, b);
	} else if (c->status == LAUNCH_NOT_FOUND) {
		set(b, WEFT_ENOFILE, "Weft is not installed there, or not where this machine has it; this is Weft %s", PACKAGE_VERSION);
		snprintf(b->fix, sizeof b->fix, "weft add '%.80s dx=/where/it/is/weftd'", c->host);
	} else if (c->status == 126) {
		set(b, WEFT_ENOEXEC, "its weftd can't be run");
		snprintf(b->fix, sizeof b->fix, "ssh %.120s weftd --version", c->target);
	} else {
		launcher_failed(c, b);
	}
}

void blame_missing(const char *launcher, const char *program, const char *why, struct blame *b)
{
	*b = (struct blame){0};
	set(b, WEFT_ENOFILE, "the program that starts daemons elsewhere can't be run: %.100s: %.60s", program, why);
	if (!strcmp(launcher, "ssh"))
		snprintf(b->fix, sizeof b->fix, "sudo apt install openssh-client   # or: export WEFT_SSH='another command'");
}
