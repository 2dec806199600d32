/* test_hosts.c - a machine's addresses, the command that starts a daemon elsewhere, and why one did not come. */
#include "config.h"

#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "node/addresses.h"
#include "node/blame.h"
#include "node/launch.h"
#include "tests/base/test.h"

/* --- addresses ------------------------------------------------------------------------------------- */

static void bridges_and_tunnels_are_odd_and_what_is_down_is_none(void **state)
{
	static const struct {
		const char *interface;
		unsigned flags;
		enum address_rank rank;
	} cases[] = {
	        {"eth0", IFF_UP | IFF_RUNNING, ADDRESS_USUAL},
	        {"enp3s0", IFF_UP | IFF_RUNNING, ADDRESS_USUAL},
	        {"br0", IFF_UP | IFF_RUNNING, ADDRESS_USUAL}, /* a server's own bridge */
	        {"docker0", IFF_UP | IFF_RUNNING, ADDRESS_ODD},
	        {"br-4af3c0de", IFF_UP | IFF_RUNNING, ADDRESS_ODD},
	        {"virbr0", IFF_UP | IFF_RUNNING, ADDRESS_ODD},
	        {"tun0", IFF_UP | IFF_RUNNING | IFF_POINTOPOINT, ADDRESS_ODD},
	        {"corp", IFF_UP | IFF_RUNNING | IFF_POINTOPOINT, ADDRESS_ODD},
	        {"wg0", IFF_UP | IFF_RUNNING, ADDRESS_ODD},
	        {"lo", IFF_UP | IFF_RUNNING | IFF_LOOPBACK, ADDRESS_NONE},
	        {"eth1", IFF_UP, ADDRESS_NONE},
	        {"eth2", 0, ADDRESS_NONE},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(addresses_rank(cases[i].interface, cases[i].flags), cases[i].rank);
}

static void own_addresses_are_never_those_of_loopback(void **state)
{
	struct address found[ADDRESSES_MAX];
	size_t n = addresses_own(found, "127.0.0.1");
	for (size_t i = 0; i < n; i++) {
		assert_int_not_equal(strncmp(found[i].text, "127.", 4), 0);
		assert_string_not_equal(found[i].text, "::1");
		assert_true(i == 0 || found[i - 1].rank <= found[i].rank);
	}
}

static void lists_of_addresses_are_cut_into_their_parts(void **state)
{
	const char *list = "10.0.0.1:7000,[fd00::1]:7001,fd00::2,node7,[::1";
	static const char *const texts[] = {"10.0.0.1", "fd00::1", "fd00::2", "node7"};
	static const unsigned short ports[] = {7000, 7001, 99, 99};
	char address[LINK_ADDRESS_TEXT];
	for (size_t i = 0; i < 4; i++) {
		unsigned short port = 99;
		assert_true(addresses_next(&list, address, &port));
		assert_string_equal(address, texts[i]);
		assert_int_equal(port, ports[i]);
	}
	unsigned short port = 0;
	assert_false(addresses_next(&list, address, &port));
	static const char *const bad[] = {"", ":1", "a:0", "a:65536", "a:x", "[]:1"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		list = bad[i];
		assert_false(addresses_next(&list, address, &port));
	}
}

/* --- the command ----------------------------------------------------------------------------------- */

static struct launch launch;

static void make(const struct weft__msg_node_start *m)
{
	static const struct launch_home home = {
	        .vm = "default", .addresses = "10.0.0.1:7000,[fd00::1]:7000", .port = 7000, .orphan_ms = 60000, .folder = "/opt/it's"};
	struct weft_error e = {0};
	assert_int_equal(launch_make(&launch, m, &home, &e), 0);
}

static void ssh_gets_one_word_for_a_plain_shell(void **state)
{
	struct weft__msg_node_start m = {
	        .node = 2, .incarnation = 5, .kind = WEFT__ADD_SSH, .host = weft__str("alpha"), .login = weft__str("anna"),
	        .address = weft__str("10.0.0.2")};
	unsetenv("WEFT_SSH");
	make(&m);
	assert_string_equal(launch.argv[0], "ssh");
	size_t n = 0;
	while (launch.argv[n])
		n++;
	assert_string_equal(launch.argv[n - 4], "-l");
	assert_string_equal(launch.argv[n - 3], "anna");
	assert_string_equal(launch.argv[n - 2], "10.0.0.2");
	assert_int_equal(strncmp(launch.argv[n - 1], "exec /bin/sh -c '", 17), 0);
	assert_non_null(strstr(launch.argv[n - 1], "--node 2 --incarnation 5"));
	setenv("WEFT_SSH", "ssh -F my.conf", 1);
	make(&m);
	assert_string_equal(launch.argv[1], "-F");
	assert_string_equal(launch.argv[2], "my.conf");
	unsetenv("WEFT_SSH");
}

static void other_launchers_get_a_command(void **state)
{
	struct weft__msg_node_start m = {.node = 2, .incarnation = 5, .kind = WEFT__ADD_SRUN, .host = weft__str("n7")};
	struct weft_error e = {0};
	setenv("WEFT_SRUN", "srun -w %h -N1", 1);
	make(&m);
	assert_string_equal(launch.argv[2], "n7");
	assert_string_equal(launch.argv[3], "-N1");
	assert_string_equal(launch.argv[4], "/bin/sh");
	assert_string_equal(launch.argv[5], "-c");
	assert_null(launch.argv[7]);
	unsetenv("WEFT_SRUN");
	m.kind = 15;
	assert_int_equal(launch_make(&launch, &m, &(struct launch_home){0}, &e), WEFT_EUNSUP);
}

/* What the shell on the other side makes of it; weftd is a script that prints its arguments. */
static void the_script_means_what_was_said(void **state)
{
	char folder[] = "/tmp/weft-launch-XXXXXX", script[128], command[64], line[512];
	assert_non_null(mkdtemp(folder));
	snprintf(script, sizeof script, "%s/we ftd", folder);
	FILE *f = fopen(script, "w");
	fputs("#!/bin/sh\ncase $1 in --version) echo weftd 1;; *) for a; do echo \"<$a>\"; done;; esac\n", f);
	fclose(f);
	chmod(script, 0700);
	setenv("SPOT", folder, 1);
	setenv("SSH_CONNECTION", "10.9.9.9 1 10.0.0.2 22", 1);
	struct weft__msg_node_start m = {.node = 3, .incarnation = 4, .kind = WEFT__ADD_SRUN, .host = weft__str("n7"),
	                                 .daemon = weft__str("$SPOT/we ftd"), .path = weft__str("${SPOT}/bin:$(id):`id`:\"x\\"),
	                                 .wdir = weft__str("/tmp/$"), .ports = weft__str("7000-7009")};
	make(&m);
	snprintf(command, sizeof command, "%s/run", folder);
	f = fopen(command, "w");
	fputs(launch.script, f);
	fclose(f);
	snprintf(script, sizeof script, "sh %s", command);
	f = popen(script, "r");
	static const char *const start[] = {"weftd 1", "<--join>", "<[10.9.9.9]:7000,10.0.0.1:7000,[fd00::1]:7000>", "<--node>",
	                                    "<3>", "<--incarnation>", "<4>", "<--orphan-ms>", "<60000>", "<--vm>", "<default>",
	                                    "<--host>", "<n7>", "<--ports>", "<7000-7009>", "<--path>"};
	for (size_t i = 0; i < sizeof start / sizeof *start; i++) {
		assert_non_null(fgets(line, sizeof line, f));
		line[strcspn(line, "\n")] = '\0';
		assert_string_equal(line, start[i]);
	}
	char expected[128];
	snprintf(expected, sizeof expected, "<%s/bin:$(id):`id`:\"x\\>\n", folder);
	assert_string_equal(fgets(line, sizeof line, f), expected);
	assert_string_equal(fgets(line, sizeof line, f), "<--wdir>\n");
	assert_string_equal(fgets(line, sizeof line, f), "</tmp/$>\n");
	pclose(f);
	unsetenv("SSH_CONNECTION");
	snprintf(script, sizeof script, "rm -r %s", folder);
	assert_int_equal(system(script), 0);
}

/* --- blame ------------------------------------------------------------------------------------------ */

static void each_cause_has_its_own_words_and_its_own_command(void **state)
{
	static const struct {
		int status;
		const char *said, *release;
		unsigned protocol;
		int code;
		const char *text, *fix;
	} cases[] = {
	        {255, "ssh: Could not resolve hostname nix: Name or service not known", "", 0, WEFT_ENONODE,
	                "does not resolve", "getent hosts n7"},
	        {255, "ssh: connect to host n7 port 22: Connection refused", "", 0, WEFT_ENONODE, "no ssh server", "# on n7"},
	        {255, "ssh: connect to host n7 port 22: No route to host", "", 0, WEFT_ENONODE, "no way to it", "ip route get n7"},
	        {255, "ssh: connect to host n7 port 22: Connection timed out", "", 0, WEFT_ETIMEDOUT, "does not answer", "ping -c 1 n7"},
	        {255, "No ED25519 host key is known for n7 and you have requested strict checking.\nHost key verification failed.", "", 0,
	         WEFT_EDENIED, "not known here", "ssh "},
	        {255, "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.", "", 0, WEFT_EDENIED,
	         "another than the known one", "ssh-keygen -R n7"},
	        {255, "anna@n7: Permission denied (publickey,password).", "", 0, WEFT_EDENIED, "password", "ssh-copy-id anna@n7"},
	        {255, "kex_exchange_identification: Connection closed by remote host", "", 0, WEFT_ENONODE, "before the login", "ssh -v"},
	        {255, "", "", 0, WEFT_ENONODE, "does not get through", "ssh -v"},
	        {127, "sh: 1: weftd: not found", "", 0, WEFT_ENOFILE, "not installed", "dx="},
	        {126, "Permission denied", "", 0, WEFT_ENOEXEC, "can't be run", "--version"},
	        {2, "usage", "9.9", 0, WEFT_EVERSION, "Weft 9.9", "weft version"},
	        {LAUNCH_UNREACHED, "", "9.9", 77, WEFT_EVERSION, "protocol 77", "weft version"},
	        {LAUNCH_UNREACHED, "", PACKAGE_VERSION, WEFT__PROTO_VERSION, WEFT_ENONODE, "firewall", "7000"},
	        {LAUNCH_KEY, "", PACKAGE_VERSION, WEFT__PROTO_VERSION, WEFT_EDENIED, "key", "cat"},
	        {LAUNCH_FOLDER, "", PACKAGE_VERSION, WEFT__PROTO_VERSION, WEFT_ENOSPC, "disk is full", "df"},
	        {1, "node 2 of x is up already: another", PACKAGE_VERSION, WEFT__PROTO_VERSION, WEFT_EEXIST,
	                "another virtual machine", "--name"},
	        {1, "", PACKAGE_VERSION, WEFT__PROTO_VERSION, WEFT_ENONODE, "status 1", "logs"},
	        {-1, "", "", 0, WEFT_ETIMEDOUT, "within 9 s", "time ssh"},
	        {-1, "", PACKAGE_VERSION, WEFT__PROTO_VERSION, WEFT_ETIMEDOUT, "way back to one of 10.0.0.1:7000", "7000"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct blame_case c = {.launcher = "ssh", .host = "n7", .target = "anna@n7", .status = cases[i].status,
		                             .said = cases[i].said, .release = cases[i].release, .protocol = cases[i].protocol,
		                             .addresses = "10.0.0.1:7000", .port = 7000, .limit_s = 9};
		struct blame b;
		blame_find(&c, &b);
		assert_int_equal(b.code, cases[i].code);
		if (!strstr(b.text, cases[i].text) || !strstr(b.fix, cases[i].fix))
			fail_msg("case %zu: %s / %s", i, b.text, b.fix);
	}
	struct blame b;
	blame_missing("ssh", "ssh", "no such file or directory", &b);
	assert_non_null(strstr(b.fix, "openssh-client"));
}

static void other_launchers_have_causes_of_their_own(void **state)
{
	static const struct {
		const char *launcher, *said;
		int code;
		const char *text, *fix;
	} cases[] = {
	        {"srun", "srun: error: Unable to confirm allocation for job 3: Invalid job id specified", WEFT_ENOVM,
	         "no such job", "squeue --me"},
	        {"srun", "srun: error: Unable to create step for job 3: Job/step already completing or completed", WEFT_ENOVM,
	         "the job ends", "squeue --me"},
	        {"srun", "srun: error: Unable to create step for job 3: Requested node configuration is not available", WEFT_ENONODE,
	         "no such machine", "NODELIST"},
	        {"srun", "", WEFT_ENONODE, "srun does not get through", "srun --overlap --nodes=1 --nodelist n7 true"},
	        {"flux exec", "", WEFT_ENONODE, "flux exec does not get through", "flux exec --rank n7 true"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct blame_case c = {.launcher = cases[i].launcher, .host = "n7", .target = "n7", .status = 1,
		                             .said = cases[i].said, .release = "", .addresses = "", .limit_s = 9};
		struct blame b;
		blame_find(&c, &b);
		assert_int_equal(b.code, cases[i].code);
		if (!strstr(b.text, cases[i].text) || !strstr(b.fix, cases[i].fix))
			fail_msg("case %zu: %s / %s", i, b.text, b.fix);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(bridges_and_tunnels_are_odd_and_what_is_down_is_none),
	        cmocka_unit_test(own_addresses_are_never_those_of_loopback),
	        cmocka_unit_test(lists_of_addresses_are_cut_into_their_parts),
	        cmocka_unit_test(ssh_gets_one_word_for_a_plain_shell),
	        cmocka_unit_test(other_launchers_get_a_command),
	        cmocka_unit_test(the_script_means_what_was_said),
	        cmocka_unit_test(each_cause_has_its_own_words_and_its_own_command),
	        cmocka_unit_test(other_launchers_have_causes_of_their_own),
	};
	return cmocka_run_group_tests_name("node/hosts", tests, NULL, NULL);
}
