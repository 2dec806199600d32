/* Shared memory as the node makes it and the tasks open it: sealed, small, and refused when it is
 * not ours. */
#include "config.h"

#include "tests/transport/pair.h"
#include "transport/ring.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <linux/filter.h>
#include <linux/seccomp.h>

#if defined(__SANITIZE_ADDRESS__)
#define ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ASAN 1
#endif
#endif

static const struct kind *shm_kind(void)
{
	for (size_t i = 0; i < nkinds; i++)
		if (strcmp(kinds[i].name, "shm") == 0)
			return &kinds[i];
	fail();
	return NULL;
}

static size_t resident(int memfd)
{
	struct stat st;
	assert_int_equal(fstat(memfd, &st), 0);
	return (size_t)st.st_blocks * 512;
}

static void file_cannot_be_cut_short_grown_or_unsealed(void **state)
{
	int fd;
	struct stat st;
	assert_int_equal(weft__shm_create(&fd), 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(ftruncate(fd, st.st_size * 2), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
	close(fd);
}

static void pair_that_talked_little_costs_at_most_32_kib(void **state)
{
	struct pair p;
	struct inbox in;
	pair_prepare(&p, shm_kind());
	int fd = dup(p.memfds[0]);
	inbox_init(&in);
	pair_open_end(&p, 0);
	pair_open_end(&p, 1);
	for (uint32_t n = 0; n < 2000; n++)
		send_message(&p, 0, n, n % 1000, &in);
	receive_until(&p, 1, &in, 2000);
	if (sysconf(_SC_PAGESIZE) == 4096)
		assert_true(resident(fd) <= 32 * 1024);
	in.next = 0;
	send_message(&p, 0, 0, 3000, &in);
	receive_until(&p, 1, &in, 1);
	assert_true(resident(fd) < 200 * 1024); /* a window gets its memory bit by bit */
	close(fd);
	inbox_fini(&in);
	pair_close(&p);
}

static void windows_memory_is_given_back_and_comes_back(void **state)
{
	struct pair p;
	struct inbox in;
	pair_prepare(&p, shm_kind());
	int fd = dup(p.memfds[0]);
	inbox_init(&in);
	pair_open_end(&p, 0);
	pair_open_end(&p, 1);
	for (uint32_t n = 0; n < 4; n++) {
		struct weft__channel *from = p.ends[n % 2];
		in.next = n;
		send_message(&p, n % 2, n, 1000000 + n, &in);
		receive_until(&p, !(n % 2), &in, n + 1);
		assert_true(resident(fd) > 200 * 1024);
		assert_false(p.ends[!(n % 2)]->ops->arm(p.ends[!(n % 2)], false));
		p.ends[!(n % 2)]->ops->disarm(p.ends[!(n % 2)]);
		assert_true(from->ops->trim(from, false));
		assert_false(from->ops->trim(from, true));
		if (sysconf(_SC_PAGESIZE) == 4096)
			assert_true(resident(fd) <= 32 * 1024);
	}
	close(fd);
	inbox_fini(&in);
	pair_close(&p);
}

static void what_is_not_such_a_file_is_refused(void **state)
{
	int before = count_fds();
	int pipes[2], fds[5];
	assert_int_equal(pipe(pipes), 0);
	close(pipes[1]);
	fds[0] = pipes[0];
	fds[1] = memfd_create("t", MFD_CLOEXEC); /* not sealed */
	assert_int_equal(ftruncate(fds[1], 1 << 20), 0);
	fds[2] = memfd_create("t", MFD_CLOEXEC | MFD_ALLOW_SEALING); /* too short */
	assert_int_equal(ftruncate(fds[2], 4096), 0);
	assert_int_equal(fcntl(fds[2], F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL), 0);
	fds[3] = open("/dev/null", O_RDWR | O_CLOEXEC);
	assert_int_equal(weft__shm_create(&fds[4]), 0); /* right, but the side is not */
	for (int i = 0; i < 5; i++) {
		struct weft__channel *c = NULL;
		int bell = dup(0);
		assert_int_equal(weft__shm_open(&fds[i], &bell, i == 4 ? 2 : 0, &c), WEFT_EPROTO);
		assert_null(c);
		assert_int_equal(fds[i], -1);
		assert_int_equal(bell, -1);
	}
	assert_int_equal(count_fds(), before);
}

/* In a child process, for limits cannot be taken back: what weft__shm_create says under a limit. */
static int create_under(int resource, rlim_t limit)
{
	int status;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		int fd = -7;
		struct rlimit r = {limit, limit};
		if (setrlimit(resource, &r) < 0)
			_exit(1);
		int rc = weft__shm_create(&fd);
		_exit(rc != 0 && fd != -7 ? 2 : -rc);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return -WEXITSTATUS(status);
}

static void no_room_is_said_and_no_signal_comes(void **state)
{
	/* A tmpfs that is full can't be had here: memfds lie on the kernel's own, which has no
	 * limit. */
	assert_int_equal(create_under(RLIMIT_FSIZE, 4096), WEFT_ENOSPC);
	assert_int_equal(create_under(RLIMIT_NOFILE, 3), WEFT_ENOSPC);
}

static void mapping_without_address_space_fails(void **state)
{
	int status;
#ifdef ASAN
	skip_because("a sanitizer needs the address space itself");
#endif
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		int fd, bell = dup(0);
		struct weft__channel *c = NULL;
		if (weft__shm_create(&fd) != 0)
			_exit(1);
		struct rlimit r = {4096, 4096};
		if (setrlimit(RLIMIT_AS, &r) < 0)
			_exit(2);
		int rc = weft__shm_open(&fd, &bell, 0, &c);
		_exit(rc == WEFT_ENOSPC && !c && fd == -1 && bell == -1 ? 0 : 3);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* From now on this process is on a kernel without MADV_POPULATE_WRITE and membarrier(2). */
static bool go_back_in_time(void)
{
	struct sock_filter rules[] = {
	        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_membarrier, 3, 0),
	        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_madvise, 0, 3),
	        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
	        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 23, 0, 1), /* MADV_POPULATE_WRITE */
	        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
	        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof rules / sizeof *rules, rules};
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static void old_kernel_is_good_enough(void **state)
{
	int status;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct pair p;
		struct inbox in;
		if (!go_back_in_time())
			_exit(77);
		int before = count_fds();
		pair_open(&p, shm_kind());
		if (count_fds() !=
		    before + 6) /* two doorbells; for each end the far one's and the memory */
			_exit(1);
		inbox_init(&in);
		for (uint32_t n = 0; n < 3000; n++)
			send_message(&p, 0, n, mixed_len(n), &in);
		receive_until(&p, 1, &in, 3000);
		if (pair_sleep(&p, 1, false, 0))
			_exit(2);
		send_message(&p, 0, 3000, 1, &in);
		if (!pair_sleep(&p, 1, false, 0))
			_exit(3);
		pair_close(&p);
		inbox_fini(&in);
		_exit(count_fds() == before ? 0 : 4);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip_because("seccomp(2) is not allowed here");
	assert_int_equal(status, 0);
}

static void doorbell_counts_as_one_ring_however_often(void **state)
{
	struct pair p;
	struct inbox in;
	pair_open(&p, shm_kind());
	inbox_init(&in);
	for (int i = 0; i < 3; i++)
		weft__doorbell_ring(p.bells[0]);
	assert_true(pair_sleep(&p, 0, false, 0));
	assert_false(pair_sleep(&p, 0, false, 0));
	weft__doorbell_clear(p.bells[0]); /* does not block */
	weft__doorbell_ring(-1);
	weft__doorbell_clear(-1);
	inbox_fini(&in);
	pair_close(&p);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(file_cannot_be_cut_short_grown_or_unsealed),
	        cmocka_unit_test(pair_that_talked_little_costs_at_most_32_kib),
	        cmocka_unit_test(windows_memory_is_given_back_and_comes_back),
	        cmocka_unit_test(what_is_not_such_a_file_is_refused),
	        cmocka_unit_test(no_room_is_said_and_no_signal_comes),
	        cmocka_unit_test(mapping_without_address_space_fails),
	        cmocka_unit_test(old_kernel_is_good_enough),
	        cmocka_unit_test(doorbell_counts_as_one_ring_however_often),
	};
	return cmocka_run_group_tests_name("shared memory", tests, NULL, NULL);
}
