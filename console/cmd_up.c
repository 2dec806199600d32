#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/rundir.h"
#include "console/adder.h"
#include "console/context.h"
#include "console/exitcode.h"
#include "console/machines.h"
#include "console/start.h"

enum {
	NODES_MS = 15000, /* all nodes are up, or have failed, within this */
	DYING_MS = 5000,  /* a killed VM lets go of its sockets and locks within this */
	LOOK_MS  = 20,
};

struct nodes {
	unsigned up, starting, ncores;
};

static void on_row(void *arg, const struct weft__msg *m)
{
	struct nodes *n = arg;
	if (m->code != WEFT__MSG_NODE_ROW)
		return;
	n->up += m->node_row.state == WEFT__NODE_UP;
	n->starting += m->node_row.state == WEFT__NODE_STARTING;
	if (m->node_row.node == 1)
		n->ncores = (unsigned)m->node_row.ncores;
}

/* Until no node is starting any more. */
static int await_nodes(struct context *c, unsigned wanted, struct nodes *n, struct weft_error *e)
{
	uint64_t deadline = weft__deadline(NODES_MS);
	bool never        = false;
	for (;;) {
		*n     = (struct nodes){0};
		int rc = session_list(c->session, WEFT__LIST_NODES, 0, 0, on_row, n, e);
		if (rc)
			return rc;
		if (n->up >= wanted)
			return 0;
		if (weft__deadline_left_ms(deadline) == 0)
			return weft__err_set(e, WEFT_ETIMEDOUT,
			                     "only %u of %u nodes came up; weft logs says why, weft down takes "
			                     "them down",
			                     n->up, wanted);
		rc = session_wait(c->session, &never, LOOK_MS, e);
		if (rc != WEFT_ETIMEDOUT)
			return rc;
	}
}

static const char *plural(unsigned n)
{
	return n == 1 ? "" : "s";
}

/* It is there already: that is what was wanted. WEFT_ECLOSED and WEFT_ENOVM: it is just about to be gone. */
static int tell_up(struct context *c, const char *vm, long wanted, struct weft_error *e)
{
	struct nodes n = {0};
	int rc         = session_attach(c->loop, vm, &c->session, e);
	if (!rc)
		rc = session_welcome(c->session, e);
	if (!rc)
		rc = session_list(c->session, WEFT__LIST_NODES, 0, 0, on_row, &n, e);
	if (rc) {
		char why[sizeof e->text];
		snprintf(why, sizeof why, "%s", e->text);
		return weft__err_set(e, rc, "the virtual machine '%s' is there but does not answer: %.90s", vm,
		                     why);
	}
	printf("the virtual machine '%s' is up already, with %u node%s\n", vm, n.up, plural(n.up));
	if (wanted > 0 && (unsigned)wanted != n.up)
		context_note(c, "it was not asked how many nodes it should have; add some with: weft add --local -n N");
	return 0;
}

/* Makes it, or finds it there. One that was just killed may hold its name for a moment: then we try again. */
static int make_or_find(struct context *c, const char *vm, unsigned nodes, const char *ports, bool batch, bool *found,
                        struct weft_error *e)
{
	struct start how  = {.vm = vm, .local_nodes = nodes, .ports = ports, .batch = batch};
	uint64_t deadline = weft__deadline(DYING_MS);
	for (;;) {
		struct start_daemon daemon;
		int rc = start_vm(c->loop, &how, &c->session, &daemon, e);
		*found     = rc == WEFT_EEXIST;
		if (!*found)
			return rc;
		rc = tell_up(c, vm, nodes > 1 ? (long)nodes : 0, e);
		if ((rc != WEFT_ECLOSED && rc != WEFT_ENOVM) || weft__deadline_left_ms(deadline) == 0)
			return rc;
		session_close(&c->session);
		uv_sleep(LOOK_MS);
	}
}

static int bring_up(struct context *c, const char *vm, unsigned nodes, const char *ports)
{
	struct weft_error e;
	struct nodes n;
	bool found;
	int rc = make_or_find(c, vm, nodes, ports, false, &found, &e);
	if (!rc && !found)
		rc = await_nodes(c, nodes, &n, &e);
	if (rc) {
		context_error(c, "%s", e.text);
		return EXITCODE_FAILURE;
	}
	if (!found)
		printf("the virtual machine '%s' is up: %u node%s, %u core%s\n", session_name(c->session), n.up,
		       plural(n.up), n.ncores, plural(n.ncores));
	return 0;
}

/* The hosts of the list. The VM stands also when one of them does not come. */
static int add_hosts(struct context *c, const struct hostfile *f, const char *ports)
{
	const struct adder_options o = {.ports = ports, .here_too = true, .there_too = true, .out = stdout};
	struct adder_result result;
	if (adder_run(c, c->session, f, &o, &result))
		return EXITCODE_FAILURE;
	if (result.failed)
		context_note(c, "%u of %u hosts did not come; the others are up. When that is mended: weft add --hostfile FILE",
		             result.failed, result.failed + result.up);
	return result.failed ? EXITCODE_FAILURE : 0;
}

/* On all machines of a batch job, or not at all. */
static int bring_up_job(struct context *c, const char *vm, const struct allocation *a, const char *ports)
{
	struct weft__msg halt = {.code = WEFT__MSG_HALT};
	struct weft_error e;
	char text[MACHINES_TEXT];
	bool found;
	if (make_or_find(c, vm, 1, ports, true, &found, &e)) {
		context_error(c, "%s", e.text);
		return EXITCODE_FAILURE;
	}
	if (found)
		return 0;
	if (machines_join(c->session, a, text)) {
		context_error(c, "%s", text);
		session_request(c->session, &halt, DYING_MS, &e);
		return EXITCODE_FAILURE;
	}
	printf("the virtual machine '%s' is up: %zu machine%s for %u task%s\n", session_name(c->session), a->n,
	       plural((unsigned)a->n), a->nslots, plural(a->nslots));
	return 0;
}

static int exec_up(struct context *c, const struct args *a)
{
	char own[WEFT__BATCH_VM_TEXT];
	bool own_vm    = !args_has(a, OPT_VM) && !args_has(a, OPT_LOCAL_NODES) && !args_has(a, OPT_HOSTFILE);
	const char *vm = args_has(a, OPT_VM) ? args_text(a, OPT_VM) : weft__rundir_vm_name(own);
	const char *ports     = args_text(a, OPT_PORTS);
	struct hostfile f     = {0};
	struct allocation job = {0};
	struct weft_error e;
	int status = EXITCODE_FAILURE;
	int rc     = own_vm ? machines_find(&job, &e) : 0;
	if (!rc && args_has(a, OPT_HOSTFILE))
		rc = hostfile_read(&f, args_text(a, OPT_HOSTFILE), &e);
	if (rc)
		context_error(c, "%s", e.text);
	else if (job.n > 0)
		status = bring_up_job(c, vm, &job, ports);
	else
		status = bring_up(c, vm, (unsigned)args_count(a, OPT_LOCAL_NODES, 1), ports);
	if (!status && f.n > 0)
		status = add_hosts(c, &f, ports);
	allocation_fini(&job);
	context_detach(c);
	hostfile_fini(&f);
	return status;
}

static const struct option_def options[] = {
        OPTION_LOCAL_NODES("have N nodes, all on this machine (default: 1)",
                           "Between them everything goes over TCP, as between real ones: for tests, teaching and laptops. "
                           "The pretended ones are called `local2`, `local3` and so on."),
        OPTION_HOSTFILE("add the hosts of this list (- is standard input)",
                        "One host a line, as `node2`; `node2 slots=4` or `node2:4` says how many tasks fit. Comments begin "
                        "with `#`. PVM's options are understood: `lo=` the user there, `ip=` an address to dial, `dx=` the path "
                        "of weftd, `ep=` folders of programs, `wd=` where tasks start, `sp=` the speed (1000 is "
                        "usual); `so=pw` lets ssh ask you for a password, one host after the other; and `port=`. "
                        "A line that begins with `*` has options for all hosts after it, in the "
                        "place of the last such line; `&` before a host means that it is not added now. An entry "
                        "for this machine is the home node's."),
        OPTION_PORTS("the daemons listen on PORT, or on a free one of a range A-B"),
        {.id   = OPT_VM,
         .name = "name",
         .kind = ARG_VM,
         .arg  = "NAME",
         .help = "its name (default: $WEFT_VM, else the batch job's, else \"default\")"},
        OPTION_HELP,
        OPTION_END,
};

const struct command cmd_up = {
        .name          = "up",
        .summary       = "bring a virtual machine up and leave it standing",
        .options       = options,
        .noperands_max = 0,
        .flags         = CMD_SHELL,
        .man           = "Starts a virtual machine with one node, this machine, and returns when it answers. It stays "
                         "until `weft down`. When it is up already, that is said, and nothing happens. What a "
                         "virtual machine of that name left behind when it crashed is removed.\n\n"
                         "In a job of a batch system (Slurm, PBS, Grid Engine, LSF, Flux) it gets a node on each of "
                         "the job's machines, and later steps of the script use it. All of it, or nothing, comes up; "
                         "it ends with the job. From elsewhere `weft attach` leads to it.",
        .examples      = "weft up\n# with the hosts of a list, through one open port each\n"
                         "weft up --ports 7000-7010 --hostfile hosts\n# three pretend nodes\nweft up --local-nodes 3\n"
                         "# a second virtual machine beside the first\nweft up --name test\nWEFT_VM=test weft conf\n",
        .exec          = exec_up,
};
