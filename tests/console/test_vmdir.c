/* test_vmdir.c - folders of VMs: made, found taken, found stale, removed. */
#include "config.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "console/proc.h"
#include "console/vmdir.h"
#include "tests/base/test.h"

static char base[64];

static int make_base(void **state)
{
	strcpy(base, "/tmp/weft-test-vmdir.XXXXXX");
	if (!mkdtemp(base))
		return -1;
	return setenv("WEFT_RUNDIR", base, 1);
}

static int remove_base(void **state)
{
	return rmdir(base); /* fails when a test left something behind */
}

static bool is_there(const char *path)
{
	struct stat st;
	return lstat(path, &st) == 0;
}

/* The lock that a home daemon holds. */
static int hold_daemon_lock(const char *path)
{
	char name[PATH_MAX];
	snprintf(name, sizeof name, "%s/n1", path);
	assert_int_equal(mkdir(name, 0700), 0);
	strcat(name, "/lock");
	int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	return fd;
}

static void a_folder_is_ours_alone_and_goes_with_abandon(void **state)
{
	struct vmdir d;
	struct weft_error e;
	struct stat st;
	assert_int_equal(vmdir_create("one", &d, &e), 0);
	assert_int_equal(stat(d.path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%s", d.path);
	vmdir_abandon(&d);
	assert_false(is_there(path));
}

static void a_name_is_taken_while_its_daemon_lives(void **state)
{
	struct vmdir d, other;
	struct weft_error e;
	assert_int_equal(vmdir_create("one", &d, &e), 0);
	int lock = hold_daemon_lock(d.path);
	vmdir_unlock(&d);
	assert_int_equal(vmdir_create("one", &other, &e), WEFT_EEXIST);
	assert_true(strstr(e.text, "is up already") != NULL);
	assert_false(vmdir_remove_stale(d.path));
	close(lock); /* the daemon was killed */
	assert_true(vmdir_remove_stale(d.path));
	assert_false(is_there(d.path));
}

static void what_a_crash_left_makes_room_silently(void **state)
{
	struct vmdir d;
	struct weft_error e;
	char path[PATH_MAX + 32];
	assert_int_equal(vmdir_create("one", &d, &e), 0);
	close(hold_daemon_lock(d.path));
	snprintf(path, sizeof path, "%s/n1/log", d.path);
	assert_int_equal(mkdir(path, 0700), 0);
	strcat(path, "/j1.log");
	close(open(path, O_WRONLY | O_CREAT, 0600));
	snprintf(path, sizeof path, "%s/link", d.path);
	assert_int_equal(symlink("/etc", path), 0);
	vmdir_unlock(&d);
	assert_int_equal(vmdir_create("one", &d, &e), 0);
	assert_false(is_there(path));
	assert_true(is_there("/etc/passwd"));
	vmdir_abandon(&d);
}

static void a_sweep_takes_dead_private_folders_and_no_others(void **state)
{
	struct vmdir dead, live, standing;
	struct weft_error e;
	char unborn[PATH_MAX];
	assert_int_equal(vmdir_create(NULL, &dead, &e), 0);
	assert_int_equal(vmdir_create(NULL, &live, &e), 0);
	assert_int_equal(vmdir_create("standing", &standing, &e), 0);
	vmdir_unlock(&dead);
	vmdir_unlock(&standing); /* stale, too, but it has a name: only its name's next user removes it */
	pid_t gone = fork();
	if (gone == 0)
		_exit(0);
	waitpid(gone, NULL, 0);
	snprintf(unborn, sizeof unborn, "%s/.new-%ld-0", base, (long)gone);
	assert_int_equal(mkdir(unborn, 0700), 0);
	vmdir_sweep();
	assert_false(is_there(dead.path));
	assert_false(is_there(unborn));
	assert_true(is_there(live.path));
	assert_true(is_there(standing.path));
	vmdir_abandon(&live);
	assert_true(vmdir_remove_stale(standing.path));
}

static void names_that_are_no_names_are_refused(void **state)
{
	static const char *const names[] = {"../evil", "a/b", ".hidden", "white space"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct vmdir d;
		struct weft_error e;
		assert_int_equal(vmdir_create(names[i], &d, &e), WEFT_EINVAL);
	}
}

static void the_daemon_is_named_while_it_lives(void **state)
{
	struct vmdir d;
	struct weft_error e;
	int fds[2];
	char byte;
	assert_int_equal(pipe(fds), 0);
	pid_t child = fork();
	if (child == 0) {
		close(fds[1]);
		_exit((int)read(fds[0], &byte, 1));
	}
	assert_int_equal(vmdir_create("one", &d, &e), 0);
	assert_int_equal(vmdir_daemon(d.path), -1);
	assert_int_equal(vmdir_note(&d, child, &e), 0);
	assert_int_equal(vmdir_daemon(d.path), child);
	assert_false(proc_wait(child, 20));
	close(fds[1]);
	assert_true(proc_wait(child, 5000));
	assert_int_equal(vmdir_daemon(d.path), -1);
	close(fds[0]);
	vmdir_abandon(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_folder_is_ours_alone_and_goes_with_abandon),
	        cmocka_unit_test(a_name_is_taken_while_its_daemon_lives),
	        cmocka_unit_test(what_a_crash_left_makes_room_silently),
	        cmocka_unit_test(a_sweep_takes_dead_private_folders_and_no_others),
	        cmocka_unit_test(names_that_are_no_names_are_refused),
	        cmocka_unit_test(the_daemon_is_named_while_it_lives),
	};
	return cmocka_run_group_tests_name("console/vmdir", tests, make_base, remove_base);
}
