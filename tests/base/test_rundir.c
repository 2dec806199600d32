#include "config.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/rundir.h"
#include "tests/base/scratch.h"
#include "tests/base/test.h"

enum { STRANGER = 65534 };

static char *top; /* the folder of the running test */

static int setup(void **state)
{
	umask(077);
	unsetenv("WEFT_RUNDIR");
	unsetenv("XDG_RUNTIME_DIR");
	unsetenv("WEFT_VM");
	unsetenv("WEFT_DIR");
	top = scratch_make();
	return 0;
}

static int teardown(void **state)
{
	scratch_remove(top);
	return 0;
}

/* A path below the test's folder; valid until the fourth call after this one. */
static const char *below(const char *name)
{
	static char paths[4][PATH_MAX];
	static unsigned next;
	char *path = paths[next++ % 4];
	snprintf(path, PATH_MAX, "%s/%s", top, name);
	return path;
}

static void make_folder(const char *path)
{
	if (mkdir(path, 0700))
		fail_msg("cannot make %s", path);
}

/* A socket that listens as `sock` in an existing folder, as uid `owner`. */
static int listen_in(const char *folder, uid_t owner)
{
	int cwd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "sock"};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_int_equal(chdir(folder), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	uid_t we = geteuid();
	if (owner != we)
		assert_int_equal(seteuid(owner), 0);
	assert_int_equal(listen(fd, 4), 0); /* here the kernel notes who serves */
	if (owner != we)
		assert_int_equal(seteuid(we), 0);
	assert_int_equal(fchdir(cwd), 0);
	close(cwd);
	return fd;
}

static int listen_below_a_long_path(char *path, size_t size, size_t length)
{
	snprintf(path, size, "%s", top);
	while (strlen(path) + 101 < length) {
		size_t n = strlen(path);
		snprintf(path + n, size - n, "/%0100d", 0);
		make_folder(path);
	}
	return listen_in(path, geteuid());
}

static void the_base_is_the_first_that_the_environment_names(void **state)
{
	char path[PATH_MAX];
	setenv("XDG_RUNTIME_DIR", top, 1);
	assert_int_equal(weft__rundir_base(path, sizeof path, NULL), 0);
	assert_string_equal(path, below("weft"));
	setenv("WEFT_RUNDIR", below("own"), 1);
	assert_int_equal(weft__rundir_base(path, sizeof path, NULL), 0);
	assert_string_equal(path, below("own"));
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
}

static void a_runtime_folder_that_is_missing_is_passed_over(void **state)
{
	char path[PATH_MAX], expected[64];
	struct weft_error e;
	snprintf(expected, sizeof expected, "/tmp/weft-%lu", (unsigned long)geteuid());
	bool was_there = access(expected, F_OK) == 0;
	setenv("XDG_RUNTIME_DIR", below("missing"), 1);
	assert_int_equal(weft__rundir_base(path, sizeof path, &e), 0);
	assert_string_equal(path, expected);
	if (!was_there)
		rmdir(expected);
}

static void a_base_that_cannot_be_made_says_why(void **state)
{
	char path[PATH_MAX] = "untouched";
	struct weft_error e;
	setenv("WEFT_RUNDIR", below("missing/base"), 1);
	assert_int_equal(weft__rundir_base(path, sizeof path, &e), WEFT_EIO);
	assert_non_null(strstr(e.text, "cannot make"));
	setenv("WEFT_RUNDIR", "relative", 1);
	assert_int_equal(weft__rundir_base(path, sizeof path, &e), WEFT_EDENIED);
	setenv("WEFT_RUNDIR", below("base"), 1);
	assert_int_equal(weft__rundir_base(path, 5, &e), WEFT_ETOOBIG);
	assert_string_equal(path, "untouched");
}

static void a_vm_is_named_by_argument_then_environment_then_default(void **state)
{
	char path[PATH_MAX];
	setenv("WEFT_RUNDIR", top, 1);
	assert_int_equal(weft__rundir_vm(NULL, path, sizeof path, NULL), 0);
	assert_string_equal(path, below("default"));
	setenv("WEFT_VM", "from-env", 1);
	assert_int_equal(weft__rundir_vm(NULL, path, sizeof path, NULL), 0);
	assert_string_equal(path, below("from-env"));
	assert_int_equal(weft__rundir_vm("Mine_1.x", path, sizeof path, NULL), 0);
	assert_string_equal(path, below("Mine_1.x"));
	assert_int_equal(access(path, F_OK), -1);
}

static void names_that_could_leave_the_folder_are_refused(void **state)
{
	static const char *const wrong[] = {
	        ".",
	        "..",
	        ".hidden",
	        "a/b",
	        "/",
	        "../x",
	        "a b",
	        "a\n",
	        "a\\b",
	        "é",
	        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" /* 65 */,
	};
	char path[PATH_MAX] = "untouched";
	struct weft_error e;
	setenv("WEFT_RUNDIR", top, 1);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		if (weft__rundir_vm(wrong[i], path, sizeof path, &e) != WEFT_EINVAL)
			fail_msg("accepted: '%s'", wrong[i]);
	setenv("WEFT_VM", "../x", 1);
	assert_int_equal(weft__rundir_vm(NULL, path, sizeof path, &e), WEFT_EINVAL);
	assert_string_equal(path, "untouched");
	assert_int_equal(weft__rundir_vm(wrong[10] + 1, path, sizeof path, &e), 0); /* 64 */
}

static void a_folder_is_made_private_and_opened_again(void **state)
{
	struct stat st;
	struct weft_error e;
	assert_int_equal(weft__rundir_open(below("d"), 0, &e), WEFT_ENOFILE);
	int fd = weft__rundir_open(below("d"), 1, &e);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
	fd = weft__rundir_open(below("d///"), 1, &e);
	assert_true(fd >= 0);
	close(fd);
}

static void a_symbolic_link_is_not_followed_not_even_with_a_slash(void **state)
{
	struct weft_error e;
	make_folder(below("real"));
	assert_int_equal(symlink(below("real"), below("link")), 0);
	assert_int_equal(symlink(below("nowhere"), below("dangling")), 0);
	assert_int_equal(weft__rundir_open(below("link"), 0, &e), WEFT_EDENIED);
	assert_int_equal(weft__rundir_open(below("link"), 1, &e), WEFT_EDENIED);
	assert_int_equal(weft__rundir_open(below("link/"), 1, &e), WEFT_EDENIED);
	assert_non_null(strstr(e.text, "symbolic link"));
	assert_int_equal(weft__rundir_open(below("dangling"), 1, &e), WEFT_EDENIED);
	assert_int_equal(access(below("nowhere"), F_OK), -1);
}

static void a_file_is_no_folder(void **state)
{
	struct weft_error e;
	close(open(below("file"), O_WRONLY | O_CREAT, 0700));
	assert_int_equal(weft__rundir_open(below("file"), 1, &e), WEFT_EDENIED);
}

static void a_folder_open_to_others_is_refused_with_the_command_that_mends_it(void **state)
{
	static const mode_t wrong[] = {0755, 0750, 0770, 0701, 0777, 0500, 0600};
	struct weft_error e;
	make_folder(below("d"));
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		assert_int_equal(chmod(below("d"), wrong[i]), 0);
		assert_int_equal(weft__rundir_open(below("d"), 1, &e), WEFT_EDENIED);
		if (wrong[i] & 0400)
			assert_non_null(strstr(e.text, "chmod 700 '/"));
	}
	assert_int_equal(chmod(below("d"), 0700), 0);
	int fd = weft__rundir_open(below("d"), 1, &e);
	assert_true(fd >= 0);
	close(fd);
}

static void a_folder_of_another_user_is_refused(void **state)
{
	struct weft_error e;
	if (geteuid() != 0)
		skip_because("only root can give a folder to another user");
	make_folder(below("d"));
	assert_int_equal(chown(below("d"), STRANGER, STRANGER), 0);
	assert_int_equal(weft__rundir_open(below("d"), 1, &e), WEFT_EDENIED);
	assert_non_null(strstr(e.text, "belongs to uid 65534"));
	assert_int_equal(weft__rundir_connect(below("d"), "sock", &e), WEFT_EDENIED);
}

static void connect_reaches_who_listens(void **state)
{
	struct weft_error e;
	char byte = 0;
	make_folder(below("n1"));
	int listener = listen_in(below("n1"), geteuid());
	int fd = weft__rundir_connect(below("n1"), "sock", &e);
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	int accepted = accept(listener, NULL, NULL);
	assert_int_equal(send(fd, "x", 1, 0), 1);
	assert_int_equal(recv(accepted, &byte, 1, 0), 1);
	assert_int_equal(byte, 'x');
	close(accepted);
	close(fd);
	close(listener);
}

static void a_socket_that_nobody_listens_to_is_no_vm(void **state)
{
	struct weft_error e;
	assert_int_equal(weft__rundir_connect(below("n1"), "sock", &e), WEFT_ENOVM);
	make_folder(below("n1"));
	assert_int_equal(weft__rundir_connect(below("n1"), "sock", &e), WEFT_ENOVM);
	close(listen_in(below("n1"), geteuid()));
	assert_int_equal(weft__rundir_connect(below("n1"), "sock", &e), WEFT_ENOVM);
	assert_non_null(strstr(e.text, "nobody listens"));
}

static void a_path_longer_than_a_socket_address_connects(void **state)
{
	char path[PATH_MAX];
	struct weft_error e;
	int listener = listen_below_a_long_path(path, sizeof path, 1500);
	assert_true(strlen(path) > 1000);
	int fd = weft__rundir_connect(path, "sock", &e);
	assert_true(fd >= 0);
	close(fd);
	close(listener);
}

static void a_server_of_another_user_is_refused(void **state)
{
	struct weft_error e;
	if (geteuid() != 0)
		skip_because("only root can listen as another user");
	make_folder(below("n1"));
	int listener = listen_in(below("n1"), STRANGER);
	assert_int_equal(weft__rundir_connect(below("n1"), "sock", &e), WEFT_EDENIED);
	assert_non_null(strstr(e.text, "uid 65534"));
	close(listener);
}

static void attach_takes_the_lowest_node_that_answers(void **state)
{
	char nodedir[PATH_MAX] = "untouched";
	struct weft_error e;
	setenv("WEFT_RUNDIR", top, 1);
	assert_int_equal(weft__rundir_attach(NULL, nodedir, sizeof nodedir, &e), WEFT_ENOVM);
	assert_non_null(strstr(e.text, "weft up"));
	make_folder(below("default"));
	assert_int_equal(weft__rundir_attach(NULL, nodedir, sizeof nodedir, &e), WEFT_ENOVM);
	assert_non_null(strstr(e.text, "weft up"));

	static const char *const silent[] = {"n2", "n01", "n", "n99999", "x1", "n1x"};
	for (size_t i = 0; i < sizeof silent / sizeof *silent; i++) {
		char name[32];
		snprintf(name, sizeof name, "default/%s", silent[i]);
		make_folder(below(name));
	}
	close(listen_in(below("default/n2"), geteuid())); /* killed: its socket is still there */
	int stray = listen_in(below("default/n01"), geteuid());
	assert_int_equal(weft__rundir_attach(NULL, nodedir, sizeof nodedir, &e), WEFT_ENOVM);
	assert_string_equal(nodedir, "untouched");

	make_folder(below("default/n10"));
	make_folder(below("default/n9"));
	int tenth = listen_in(below("default/n10"), geteuid());
	int ninth = listen_in(below("default/n9"), geteuid());
	int fd = weft__rundir_attach(NULL, nodedir, sizeof nodedir, &e);
	assert_true(fd >= 0);
	assert_string_equal(nodedir, below("default/n9"));
	assert_int_equal(weft__rundir_attach(NULL, nodedir, 10, &e), WEFT_ETOOBIG);
	close(fd);
	close(stray);
	close(tenth);
	close(ninth);
}

static void a_task_attaches_to_its_own_node_or_none(void **state)
{
	char nodedir[PATH_MAX] = "untouched";
	struct weft_error e;
	setenv("WEFT_RUNDIR", top, 1);
	make_folder(below("default"));
	make_folder(below("default/n1"));
	make_folder(below("default/n2"));
	int first = listen_in(below("default/n1"), geteuid());
	setenv("WEFT_DIR", below("default/n2"), 1);
	assert_int_equal(weft__rundir_attach(NULL, nodedir, sizeof nodedir, &e), WEFT_ENOVM);
	assert_string_equal(nodedir, "untouched");
	int second = listen_in(below("default/n2"), geteuid());
	int fd = weft__rundir_attach(NULL, nodedir, sizeof nodedir, &e);
	assert_true(fd >= 0);
	assert_string_equal(nodedir, below("default/n2"));
	close(fd);
	fd = weft__rundir_attach("default", nodedir, sizeof nodedir,
	                         &e); /* whoever names a VM means it */
	assert_true(fd >= 0);
	assert_string_equal(nodedir, below("default/n1"));
	close(fd);
	close(first);
	close(second);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	        TEST(the_base_is_the_first_that_the_environment_names),
	        TEST(a_runtime_folder_that_is_missing_is_passed_over),
	        TEST(a_base_that_cannot_be_made_says_why),
	        TEST(a_vm_is_named_by_argument_then_environment_then_default),
	        TEST(names_that_could_leave_the_folder_are_refused),
	        TEST(a_folder_is_made_private_and_opened_again),
	        TEST(a_symbolic_link_is_not_followed_not_even_with_a_slash),
	        TEST(a_file_is_no_folder),
	        TEST(a_folder_open_to_others_is_refused_with_the_command_that_mends_it),
	        TEST(a_folder_of_another_user_is_refused),
	        TEST(connect_reaches_who_listens),
	        TEST(a_socket_that_nobody_listens_to_is_no_vm),
	        TEST(a_path_longer_than_a_socket_address_connects),
	        TEST(a_server_of_another_user_is_refused),
	        TEST(attach_takes_the_lowest_node_that_answers),
	        TEST(a_task_attaches_to_its_own_node_or_none),
	};
	return cmocka_run_group_tests_name("rundir", tests, NULL, NULL);
}
