/* The journal's file: lock, torn ends, damage, a full disk. */
#include "config.h"

#include "coord/store.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "coord/journal.h"

struct place {
	char path[64];
	int dirfd;
	char log[256]; /* the bodies read, each with a comma */
};

static int set_up(void **state)
{
	static struct place p;
	p = (struct place){0};
	snprintf(p.path, sizeof p.path, "%s/weft-store-XXXXXX",
	        getenv("TMPDIR") && strlen(getenv("TMPDIR")) < 30 ? getenv("TMPDIR") : "/tmp");
	assert_non_null(mkdtemp(p.path));
	p.dirfd = open(p.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = &p;
	return p.dirfd < 0;
}

static int tear_down(void **state)
{
	struct place *p = *state;
	static const char *const names[] = {"journal", "journal.new", "coord.lock"};
	for (size_t i = 0; i < 3; i++)
		unlinkat(p->dirfd, names[i], 0);
	close(p->dirfd);
	return rmdir(p->path);
}

static int note(void *arg, const void *body, size_t nbytes, struct weft_error *e)
{
	struct place *p = arg;
	size_t n = strlen(p->log);
	snprintf(p->log + n, sizeof p->log - n, "%.*s,", (int)nbytes, (const char *)body);
	return 0;
}

static int read_store(struct place *p, struct store *s, size_t *ncut, struct weft_error *e)
{
	size_t nrecords;
	*p->log = '\0';
	assert_int_equal(store_open(s, p->dirfd, e), 0);
	return store_read(s, note, p, &nrecords, ncut, e);
}

static int append(struct store *s, const char *text, struct weft_error *e)
{
	struct weft__buf b = {0};
	journal_append(&b, text, strlen(text));
	int rc = store_append(s, b.data, b.len, e);
	weft__buf_fini(&b);
	return rc;
}

static void records_are_there_after_a_restart(void **state)
{
	struct place *p = *state;
	struct store s;
	struct weft_error e;
	size_t ncut;
	assert_int_equal(read_store(p, &s, &ncut, &e), 0);
	assert_int_equal(append(&s, "one", &e), 0);
	assert_int_equal(append(&s, "two", &e), 0);
	store_close(&s);
	assert_int_equal(read_store(p, &s, &ncut, &e), 0);
	assert_string_equal(p->log, "one,two,");
	assert_int_equal(ncut, 0);
	assert_int_equal(append(&s, "three", &e), 0);
	store_close(&s);
	read_store(p, &s, &ncut, &e);
	assert_string_equal(p->log, "one,two,three,");
	store_close(&s);
}

static void a_torn_end_is_cut_off_for_good(void **state)
{
	struct place *p = *state;
	struct store s;
	struct weft_error e;
	size_t ncut;
	read_store(p, &s, &ncut, &e);
	append(&s, "one", &e);
	append(&s, "two", &e);
	assert_int_equal(ftruncate(s.fd, (off_t)s.nbytes - 1), 0);
	store_close(&s);
	assert_int_equal(read_store(p, &s, &ncut, &e), 0);
	assert_string_equal(p->log, "one,");
	assert_int_equal(ncut, JOURNAL_FRAME + 2);
	append(&s, "three", &e);
	store_close(&s);
	assert_int_equal(read_store(p, &s, &ncut, &e), 0);
	assert_string_equal(p->log, "one,three,");
	store_close(&s);
}

static void damage_is_refused_and_left_as_it_is(void **state)
{
	struct place *p = *state;
	struct store s;
	struct weft_error e;
	struct stat before, after;
	size_t ncut;
	read_store(p, &s, &ncut, &e);
	append(&s, "one", &e);
	append(&s, "two", &e);
	store_close(&s);
	int fd = openat(p->dirfd, "journal", O_RDWR);
	assert_int_equal(pwrite(fd, "x", 1, JOURNAL_HEAD + JOURNAL_FRAME), 1);
	fstat(fd, &before);
	close(fd);
	assert_int_equal(read_store(p, &s, &ncut, &e), WEFT_EPROTO);
	assert_non_null(strstr(e.text, "damaged"));
	fstat(s.fd, &after);
	assert_int_equal(before.st_size, after.st_size);
	store_close(&s);
}

static void a_new_journal_takes_the_place_of_the_old_one(void **state)
{
	struct place *p = *state;
	struct store s;
	struct weft_error e;
	struct weft__buf b = {0};
	size_t ncut;
	read_store(p, &s, &ncut, &e);
	for (int i = 0; i < 100; i++)
		append(&s, "old", &e);
	journal_append_head(&b);
	journal_append(&b, "snapshot", 8);
	assert_int_equal(store_replace(&s, b.data, b.len, &e), 0);
	assert_int_equal(s.nbytes, b.len);
	weft__buf_fini(&b);
	append(&s, "after", &e);
	store_close(&s);
	read_store(p, &s, &ncut, &e);
	assert_string_equal(p->log, "snapshot,after,");
	store_remove(&s);
	assert_int_equal(faccessat(p->dirfd, "journal", F_OK, 0), -1);
	assert_int_equal(faccessat(p->dirfd, "coord.lock", F_OK, 0), -1);
}

/* In a child, as a descriptor of the lock that fork copied would share it. */
static void a_second_coordinator_is_refused_by_the_name_of_the_first(void **state)
{
	struct place *p = *state;
	struct store s;
	struct weft_error e;
	char pid[32];
	int status;
	assert_int_equal(store_open(&s, p->dirfd, &e), 0);
	snprintf(pid, sizeof pid, "pid %ld", (long)getpid());
	pid_t child = fork();
	if (child == 0) {
		struct store other;
		int rc = store_open(&other, p->dirfd, &e);
		_exit(rc == WEFT_EEXIST && strstr(e.text, pid) ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	store_close(&s);
	assert_int_equal(store_open(&s, p->dirfd, &e), 0);
	store_close(&s);
}

static void a_lock_that_is_a_link_is_not_followed(void **state)
{
	struct place *p = *state;
	struct store s;
	struct weft_error e;
	assert_int_equal(symlinkat("/tmp/elsewhere", p->dirfd, "coord.lock"), 0);
	assert_true(store_open(&s, p->dirfd, &e) < 0);
	assert_int_equal(access("/tmp/elsewhere", F_OK), -1);
}

static void a_full_disk_is_an_error_and_what_was_synced_is_read_again(void **state)
{
	struct place *p = *state;
	struct store s;
	struct weft_error e = {0};
	struct rlimit old, small;
	size_t ncut;
	int rc = 0;
	read_store(p, &s, &ncut, &e);
	append(&s, "one", &e);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	small = (struct rlimit){JOURNAL_HEAD + 2 * JOURNAL_FRAME + 8, old.rlim_max};
	setrlimit(RLIMIT_FSIZE, &small);
	rc = append(&s, "this one is too long", &e);
	setrlimit(RLIMIT_FSIZE, &old);
	assert_true(rc < 0);
	assert_non_null(strstr(e.text, "journal"));
	store_close(&s);
	assert_int_equal(read_store(p, &s, &ncut, &e), 0);
	assert_string_equal(p->log, "one,");
	assert_true(ncut > 0);
	store_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(records_are_there_after_a_restart, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(a_torn_end_is_cut_off_for_good, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(damage_is_refused_and_left_as_it_is, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(a_new_journal_takes_the_place_of_the_old_one, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(a_second_coordinator_is_refused_by_the_name_of_the_first, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(a_lock_that_is_a_link_is_not_followed, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(a_full_disk_is_an_error_and_what_was_synced_is_read_again, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
