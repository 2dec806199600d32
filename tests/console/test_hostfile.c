/* test_hostfile.c - what is read from lists of hosts, and what is refused. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "console/hostfile.h"
#include "tests/base/test.h"

static struct hostfile file;
static struct weft_error error;

static int parse(const char *text)
{
	hostfile_fini(&file);
	error = (struct weft_error){0};
	return hostfile_parse(&file, text, strlen(text), "hosts", &error);
}

static void expect_error(const char *text, const char *message)
{
	assert_int_equal(parse(text), WEFT_EINVAL);
	assert_string_equal(error.text, message);
	hostfile_fini(&file);
}

static void plain_lines_are_hosts_and_comments_are_not(void **state)
{
	assert_int_equal(parse("# the machines\n\n  node1\t\r\nnode2 # the fast one\n\t#node3\nnode4"), 0);
	assert_int_equal(file.n, 3);
	assert_string_equal(file.hosts[0].name, "node1");
	assert_string_equal(file.hosts[1].name, "node2");
	assert_string_equal(file.hosts[2].name, "node4");
	assert_int_equal(file.hosts[2].line, 6);
	assert_int_equal(file.hosts[0].slots, 0);
	assert_false(file.hosts[0].later);
	assert_null(hostfile_find(&file, "node3"));
	hostfile_fini(&file);
}

static void slots_are_said_in_three_ways(void **state)
{
	assert_int_equal(parse("a slots=4 max_slots=8\nb:2\nc\nc\nc\nd slots=2\nd slots=3\n[fe80::1]:3\nfe80::2\n"), 0);
	assert_int_equal(file.n, 6);
	assert_int_equal(hostfile_find(&file, "a")->slots, 4);
	assert_int_equal(hostfile_find(&file, "b")->slots, 2);
	assert_int_equal(hostfile_find(&file, "c")->slots, 3);
	assert_int_equal(hostfile_find(&file, "d")->slots, 5);
	assert_int_equal(hostfile_find(&file, "fe80::1")->slots, 3);
	assert_int_equal(hostfile_find(&file, "fe80::2")->slots, 0);
	hostfile_fini(&file);
}

static void all_of_pvms_options_are_known(void **state)
{
	assert_int_equal(parse("thud.example lo=anna so=pw dx=$HOME/pvm3/lib/pvmd ep=$HOME/bin:/opt/bin wd=/tmp/$USER "
	                       "sp=2500 bx=/opt/debug ip=10.0.0.7 id=3 port=7000-7010\n"),
	                 0);
	const struct hostfile_host *h = &file.hosts[0];
	static const char *const texts[HOSTFILE_NTEXTS] = {
	        [HOSTFILE_LOGIN] = "anna",          [HOSTFILE_ADDRESS] = "10.0.0.7",
	        [HOSTFILE_WDIR] = "/tmp/$USER",     [HOSTFILE_DAEMON] = "$HOME/pvm3/lib/pvmd",
	        [HOSTFILE_DEBUGGER] = "/opt/debug", [HOSTFILE_PATH] = "$HOME/bin:/opt/bin",
	        [HOSTFILE_VMID] = "3",              [HOSTFILE_PORTS] = "7000-7010"};
	for (size_t i = 0; i < HOSTFILE_NTEXTS; i++)
		assert_string_equal(h->text[i], texts[i]);
	assert_int_equal(h->speed, 2500);
	assert_int_equal(h->start, HOSTFILE_PASSWORD);
	hostfile_fini(&file);
}

static void defaults_hold_from_their_line_on_and_do_not_add_up(void **state)
{
	assert_int_equal(parse("a\n* lo=anna sp=500\nb\nc lo=carl\n* ep=/opt/bin so=ms\nd\n*\ne\n"), 0);
	assert_int_equal(file.n, 5);
	assert_null(file.hosts[0].text[HOSTFILE_LOGIN]);
	assert_string_equal(file.hosts[1].text[HOSTFILE_LOGIN], "anna");
	assert_int_equal(file.hosts[1].speed, 500);
	assert_string_equal(file.hosts[2].text[HOSTFILE_LOGIN], "carl");
	assert_int_equal(file.hosts[2].speed, 500);
	assert_null(file.hosts[3].text[HOSTFILE_LOGIN]);
	assert_int_equal(file.hosts[3].speed, 0);
	assert_string_equal(file.hosts[3].text[HOSTFILE_PATH], "/opt/bin");
	assert_int_equal(file.hosts[3].start, HOSTFILE_BY_HAND);
	assert_null(file.hosts[4].text[HOSTFILE_PATH]);
	hostfile_fini(&file);
}

static void signs_before_a_name_say_later_and_overload(void **state)
{
	assert_int_equal(parse("& late sp=10\n&later\n$ busy\n$& both lo=x\n"), 0);
	assert_true(hostfile_find(&file, "late")->later);
	assert_int_equal(hostfile_find(&file, "late")->speed, 10);
	assert_true(hostfile_find(&file, "later")->later);
	assert_true(hostfile_find(&file, "busy")->overload);
	assert_false(hostfile_find(&file, "busy")->later);
	assert_true(hostfile_find(&file, "both")->overload && hostfile_find(&file, "both")->later);
	hostfile_fini(&file);
}

static void the_user_may_be_part_of_the_name(void **state)
{
	assert_int_equal(parse("* lo=anna\ncarl@node1:2\nnode2\n"), 0);
	assert_string_equal(hostfile_find(&file, "node1")->text[HOSTFILE_LOGIN], "carl");
	assert_int_equal(hostfile_find(&file, "node1")->slots, 2);
	assert_string_equal(hostfile_find(&file, "node2")->text[HOSTFILE_LOGIN], "anna");
	hostfile_fini(&file);
}

static void errors_name_file_line_and_word(void **state)
{
	expect_error("a\nb slot=4\n",
	             "hosts:2: unknown option \"slot=\"; there are slots= port= lo= ip= dx= ep= wd= sp= so= bx= id=");
	expect_error("a b\n", "hosts:1: \"b\" is not an option; options are KEY=VALUE, and one host a line");
	expect_error("\n\na slots=0\n", "hosts:3: slots= is a number from 1 to 65535, not \"0\"");
	expect_error("a slots=99999999999\n", "hosts:1: slots= is a number from 1 to 65535, not \"99999999999\"");
	expect_error("a:x\n", "hosts:1: behind HOST: comes a number from 1 to 65535, not \"x\"");
	expect_error("a sp=-1\n", "hosts:1: sp= is a number from 1 to 1000000, not \"-1\"");
	expect_error("a so=rsh\n", "hosts:1: so= is pw (ask for a password) or ms (start by hand), not \"rsh\"");
	expect_error("-oProxyCommand=x\n", "hosts:1: \"-oProxyCommand=x\" is not a host name");
	expect_error("a lo=-x\n", "hosts:1: lo= can't be \"-x\"");
	expect_error("a ip=;reboot\n", "hosts:1: ip= can't be \";reboot\"");
	expect_error("a ep=\n", "hosts:1: ep= can't be \"\"");
	expect_error("a port=9-8\n", "hosts:1: port= can't be \"9-8\": a port, or a range as 7000-7010");
	expect_error("&\n", "hosts:1: a host's name is missing");
	expect_error("[::1\n", "hosts:1: \"[::1\" is not an address in brackets");
}

static void what_is_no_list_is_refused(void **state)
{
	static char text[2 * HOSTFILE_LINE_MAX];
	memset(text, 'a', HOSTFILE_LINE_MAX + 1);
	expect_error(text, "hosts:1: the line is too long");
	text[HOSTFILE_NAME_MAX + 1] = '\0';
	assert_int_equal(parse(text), WEFT_EINVAL);
	text[HOSTFILE_NAME_MAX] = '\0';
	assert_int_equal(parse(text), 0);
	memcpy(text, "a wd=/", 6);
	memset(text + 6, 'b', HOSTFILE_VALUE_MAX);
	text[6 + HOSTFILE_VALUE_MAX] = '\0';
	expect_error(text, "hosts:1: wd= is longer than 1023 characters");
	assert_int_equal(hostfile_parse(&file, "a\0b\n", 4, "hosts", &error), WEFT_EINVAL);
	assert_string_equal(error.text, "hosts:1: this is no text file");
	hostfile_fini(&file);
}

static void one_line_is_one_host(void **state)
{
	hostfile_fini(&file);
	assert_int_equal(hostfile_add(&file, " node1 lo=anna wd=/tmp", &error), 0);
	assert_int_equal(hostfile_add(&file, "node2", &error), 0);
	assert_int_equal(file.n, 2);
	assert_string_equal(file.hosts[0].text[HOSTFILE_WDIR], "/tmp");
	assert_int_equal(hostfile_add(&file, "", &error), WEFT_EINVAL);
	assert_string_equal(error.text, "a host's name is missing");
	assert_int_equal(hostfile_add(&file, "* lo=x", &error), WEFT_EINVAL);
	assert_int_equal(hostfile_add(&file, "a\nb", &error), WEFT_EINVAL);
	assert_int_equal(hostfile_add(&file, "node3 xy=1", &error), WEFT_EINVAL);
	assert_int_equal(file.n, 2);
	hostfile_fini(&file);
}

static void files_are_read_and_missing_ones_named(void **state)
{
	char path[] = "/tmp/weft-hostfile-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	for (int i = 0; i < 5000; i++)
		assert_true(dprintf(fd, "node%d sp=%d\n", i, i + 1) > 0);
	close(fd);
	hostfile_fini(&file);
	assert_int_equal(hostfile_read(&file, path, &error), 0);
	assert_int_equal(file.n, 5000);
	assert_int_equal(hostfile_find(&file, "node4999")->speed, 5000);
	hostfile_fini(&file);
	unlink(path);
	assert_int_equal(hostfile_read(&file, path, &error), WEFT_ENOFILE);
	assert_non_null(strstr(error.text, path));
}

static void a_list_completes_hosts_that_are_named_later(void **state)
{
	struct hostfile known = {0};
	const char text[] = "* lo=eve\n& node1 lo=anna sp=300 wd=/one\n* lo=carl sp=500\n";
	hostfile_fini(&file);
	assert_int_equal(hostfile_parse(&known, text, strlen(text), "hosts", &error), 0);
	assert_int_equal(hostfile_add(&file, "node1 wd=/two", &error), 0);
	assert_int_equal(hostfile_add(&file, "node2 sp=7", &error), 0);
	assert_int_equal(hostfile_complete(&file, &known, &error), 0);
	assert_string_equal(file.hosts[0].text[HOSTFILE_LOGIN], "anna");
	assert_string_equal(file.hosts[0].text[HOSTFILE_WDIR], "/two");
	assert_int_equal(file.hosts[0].speed, 300);
	assert_string_equal(file.hosts[1].text[HOSTFILE_LOGIN], "carl");
	assert_int_equal(file.hosts[1].speed, 7);
	hostfile_fini(&known);
	hostfile_fini(&file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(plain_lines_are_hosts_and_comments_are_not),
	        cmocka_unit_test(slots_are_said_in_three_ways),
	        cmocka_unit_test(all_of_pvms_options_are_known),
	        cmocka_unit_test(defaults_hold_from_their_line_on_and_do_not_add_up),
	        cmocka_unit_test(signs_before_a_name_say_later_and_overload),
	        cmocka_unit_test(the_user_may_be_part_of_the_name),
	        cmocka_unit_test(errors_name_file_line_and_word),
	        cmocka_unit_test(what_is_no_list_is_refused),
	        cmocka_unit_test(one_line_is_one_host),
	        cmocka_unit_test(files_are_read_and_missing_ones_named),
	        cmocka_unit_test(a_list_completes_hosts_that_are_named_later),
	};
	return cmocka_run_group_tests_name("console/hostfile", tests, NULL, NULL);
}
