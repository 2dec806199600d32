#include "config.h"

#include <stdio.h>

#include "console/adder.h"
#include "console/context.h"
#include "console/exitcode.h"
#include "console/nodes.h"

/* Each operand is a host, with its options when it is quoted; --hostfile has more. */
static int read_hosts(const struct context *c, const struct args *args, struct hostfile *f, struct weft_error *e)
{
	struct hostfile known = {0};
	const char *path = args_text(args, OPT_HOSTFILE);
	int rc = path ? hostfile_read(f, path, e) : 0;
	for (int i = 0; i < args->noperands && !rc; i++)
		rc = hostfile_add(f, args->operands[i], e);
	if (!rc && !path && c->hostfile) {
		rc = hostfile_read(&known, c->hostfile, e);
		rc = rc ? rc : hostfile_complete(f, &known, e);
	}
	hostfile_fini(&known);
	return rc;
}

/* As PVM's console shows them; what became of each has been told in Weft's words. */
static void show_pvm(struct context *c, const struct hostfile *f, const struct adder_result *result)
{
	struct weft_error e;
	printf("%u successful\n%24s %8s\n", result->up, "HOST", "DTID");
	for (size_t i = 0; i < f->n; i++) {
		uint64_t node;
		if (nodes_find(c->session, f->hosts[i].name, &node, &e) == 0)
			printf("%24s %8llx\n", f->hosts[i].name, (unsigned long long)nodes_dtid(node));
		else
			printf("%24s %s\n", f->hosts[i].name, "Can't start pvmd");
	}
	fflush(stdout);
}

static int add(struct context *c, const struct args *args, const struct hostfile *f, long local)
{
	bool pvm = c->dialect == DIALECT_PVM && !args_has(args, OPT_JSON);
	struct adder_result result;
	const struct adder_options o = {.ports = args_text(args, OPT_PORTS),
	                                .local = local,
	                                .later = args->noperands > 0, /* they were called by their names */
	                                .here_too = args_has(args, OPT_HOSTFILE),
	                                .there_too = args_has(args, OPT_HOSTFILE),
	                                .json = args_has(args, OPT_JSON),
	                                .out = pvm ? stderr : stdout};
	if (context_attach(c, args))
		return EXITCODE_FAILURE;
	int rc = adder_run(c, c->session, f, &o, &result);
	if (!rc && pvm)
		show_pvm(c, f, &result);
	context_detach(c);
	return rc || result.failed ? EXITCODE_FAILURE : 0;
}

static int exec_add(struct context *c, const struct args *args)
{
	struct hostfile f = {0};
	struct weft_error e;
	long local = args_has(args, OPT_LOCAL) ? args_count(args, 'n', 1) : 0;
	int status = EXITCODE_FAILURE;
	if (read_hosts(c, args, &f, &e))
		context_error(c, "%s", e.text);
	else if (local == 0 && f.n == 0)
		context_error(c, "which host? usage: weft add HOST ..., or weft add --local");
	else
		status = add(c, args, &f, local);
	hostfile_fini(&f);
	return status;
}

static const struct option_def options[] = {
        OPTION_HOSTFILE("add the hosts of this list as well", "weft-up(1) has its form."),
        OPTION_PORTS("the daemons there listen on PORT, or on a free one of a range A-B"),
        {.id = OPT_LOCAL, .name = "local", .help = "add a pretend node on the home machine"},
        {.id   = 'n',
         .name = "count",
         .kind = ARG_COUNT,
         .arg  = "N",
         .help = "with --local: add N of them (default: 1)",
         .min  = 1,
         .max  = 1024},
        OPTION_JSON,
        OPTION_VM,
        OPTION_HELP,
        OPTION_END,
};

const struct command cmd_add = {
        .name          = "add",
        .summary       = "add nodes to the virtual machine",
        .operands      = "[HOST ...]",
        .operand       = ARG_TEXT,
        .noperands_max = -1,
        .options       = options,
        .man           = "Starts a daemon on each host by ssh, all at once, and says what became of each within ten "
                         "seconds: one that fails does not keep the others back. Where one fails, that is the cause, "
                         "what ssh said, and the command that mends it. Weft must be installed there, and ssh must not "
                         "ask for a password, unless `so=pw` behind the host lets it. The key of the virtual machine "
                         "goes through ssh's standard input.\n\n"
                         "A host may come with options, as in a list of hosts: `weft add 'node2 lo=anna sp=2000'`; "
                         "`weft-up(1)` has the form of such lists. `WEFT_SSH` is the command that is run in the "
                         "place of ssh, with its options.\n\n"
                         "The daemon finds its way back by the address from which ssh came and by all others of "
                         "this machine, those of bridges and tunnels last: the first that proves itself by the key is "
                         "taken. One TCP port has to be open on each node; `weft doctor net` shows which are.\n\n"
                         "With `--json`: an object with `schema` (1), `hosts`, an array of objects with `host`, `ok`, "
                         "`node`, `ms`, `error`, `text`, `said` and `fix`, and `ok`.",
        .examples      = "weft add node2 node3\nweft add 'node4 lo=anna port=7000'\nweft add --hostfile hosts\nweft add --local -n 2\n",
        .exec          = exec_add,
};
