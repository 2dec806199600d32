/* test_allocation.c - what variables and files of batch systems say about the machines of a job. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/heap.h"
#include "console/allocation.h"
#include "tests/base/test.h"

/* The environment of a test: NAME, value, NAME, value, …, NULL. */
static const char *const *variables;
static char hosts_path[] = "/tmp/weft-test-allocation.XXXXXX";

static const char *look_up(const char *name)
{
	for (const char *const *v = variables; *v; v += 2)
		if (!strcmp(v[0], name))
			return v[1];
	return NULL;
}

static void write_hosts(const char *text)
{
	FILE *f = fopen(hosts_path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* "n0:2 n1:2" of what is read; of an error its text. */
static const char *hosts_of(const char *const *env)
{
	static char text[4096];
	struct allocation a;
	struct weft_error e = {0};
	variables           = env;
	int rc              = allocation_read(look_up, &a, &e);
	size_t n            = 0;
	*text               = '\0';
	if (rc)
		snprintf(text, sizeof text, "%s", rc == WEFT_ENOENT ? "no job" : e.text);
	unsigned sum = 0;
	for (size_t i = 0; !rc && i < a.n && n < sizeof text - 300; i++) {
		n += (size_t)snprintf(text + n, sizeof text - n, "%s%s:%u", i ? " " : "", a.hosts[i].name, a.hosts[i].slots);
		sum += a.hosts[i].slots;
	}
	if (!rc)
		assert_int_equal(sum, a.nslots);
	allocation_fini(&a);
	return text;
}

#define HOSTS_OF(...) hosts_of((const char *const[]){__VA_ARGS__, NULL})
#define SLURM(nodes, tasks) \
	HOSTS_OF("SLURM_JOB_ID", "7", "SLURM_JOB_NODELIST", nodes, "SLURM_TASKS_PER_NODE", tasks)

static void outside_of_a_job_there_is_no_allocation(void **state)
{
	assert_string_equal(HOSTS_OF("HOME", "/"), "no job");
	assert_string_equal(HOSTS_OF("SLURM_JOB_ID", "7"), "no job");
	assert_string_equal(HOSTS_OF("JOB_ID", "7", "SLURM_JOB_ID", ""), "no job");
}

static void slurm_lists_are_expanded(void **state)
{
	assert_string_equal(SLURM("n0", "1"), "n0:1");
	assert_string_equal(SLURM("n[0-2]", "2(x3)"), "n0:2 n1:2 n2:2");
	assert_string_equal(SLURM("n[0-2,5],m3", "2(x2),1,4(x2)"), "n0:2 n1:2 n2:1 n5:4 m3:4");
	assert_string_equal(SLURM("n[08-11]", "1(x4)"), "n08:1 n09:1 n10:1 n11:1");
	assert_string_equal(SLURM("r[1-2]c[0-1]-ib,x", "1(x5)"), "r1c0-ib:1 r1c1-ib:1 r2c0-ib:1 r2c1-ib:1 x:1");
	assert_string_equal(SLURM("a,b,c", "1(x2),9"), "a:1 b:1 c:9");
}

static void slurm_tasks_follow_from_cpus_when_they_are_not_said(void **state)
{
	assert_string_equal(HOSTS_OF("SLURM_JOB_ID", "7", "SLURM_JOB_NODELIST", "n[0-1]"), "n0:1 n1:1");
	assert_string_equal(HOSTS_OF("SLURM_JOB_ID", "7", "SLURM_JOB_NODELIST", "n[0-1]", "SLURM_JOB_CPUS_PER_NODE", "8,3",
	                             "SLURM_CPUS_PER_TASK", "4"),
	                    "n0:2 n1:1");
}

static void counts_of_a_step_do_not_matter_for_the_job(void **state)
{
	assert_string_equal(HOSTS_OF("SLURM_JOB_ID", "7", "SLURM_JOB_NODELIST", "n[0-2]", "SLURM_TASKS_PER_NODE", "1",
	                             "SLURM_STEP_ID", "3", "SLURM_JOB_CPUS_PER_NODE", "2(x3)"),
	                    "n0:2 n1:2 n2:2");
	assert_string_equal(HOSTS_OF("SLURM_JOB_ID", "7", "SLURM_JOB_NODELIST", "n[0-2]", "SLURM_TASKS_PER_NODE", "1",
	                             "SLURM_STEP_ID", "3"),
	                    "n0:1 n1:1 n2:1");
}

static void bad_slurm_lists_are_refused(void **state)
{
	static const char *const lists[] = {"n[",      "n[]",    "n[0-",   "n[0-2",  "n[a]",  "n[2-1]", "n[0,]",
	                                    "n[0--1]", ",n1",    "n1,",    "n1,,n2", "n[1]]", "-n1",    "n;rm",
	                                    "n 1",     "n[0-2x]", "n[1234567890123]", "[", "n[[0]]"};
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
		const char *said = SLURM(lists[i], "1");
		if (!strstr(said, "the allocation of slurm job 7: "))
			fail_msg("%s gives %s", lists[i], said);
	}
}

static void counts_that_do_not_fit_are_refused(void **state)
{
	static const char *const counts[] = {"2(x2)", "2(x4)", "2", "2,2,2,2", "0(x3)", "2(x3", "2(x0),2(x3)", "x",
	                                     "99999999(x3)", "2(x3),", "2(y3)", "1,,1"};
	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
		const char *said = SLURM("n[0-2]", counts[i]);
		if (!strstr(said, "SLURM_TASKS_PER_NODE"))
			fail_msg("%s gives %s", counts[i], said);
	}
}

static void huge_lists_end_soon(void **state)
{
	assert_non_null(strstr(SLURM("n[0-999999999]", "1"), "more than 16383 hosts"));
	assert_non_null(strstr(SLURM("n[0-9999]m[0-9999]o[0-9999]", "1"), "more than 16383 hosts"));
	assert_non_null(strstr(SLURM("n[0-9]", "65535(x10)"), "more than 65536 tasks"));
	char name[400];
	memset(name, 'n', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	assert_non_null(strstr(SLURM(name, "1"), "too long"));
}

static void a_pbs_file_has_a_line_for_each_slot(void **state)
{
	write_hosts("alpha\nalpha\n beta \n\nalpha\nbeta.site.org");
	assert_string_equal(HOSTS_OF("PBS_JOBID", "12.server", "PBS_NODEFILE", hosts_path),
	                    "alpha:3 beta:1 beta.site.org:1");
}

static void bad_pbs_files_are_named(void **state)
{
	write_hosts("");
	assert_non_null(strstr(HOSTS_OF("PBS_JOBID", "1", "PBS_NODEFILE", hosts_path), "is empty"));
	write_hosts("\n \n");
	assert_non_null(strstr(HOSTS_OF("PBS_JOBID", "1", "PBS_NODEFILE", hosts_path), "is empty"));
	write_hosts("good\n$(rm -r .)\n");
	assert_non_null(strstr(HOSTS_OF("PBS_JOBID", "1", "PBS_NODEFILE", hosts_path), "line 2"));
	assert_non_null(strstr(HOSTS_OF("PBS_JOBID", "1", "PBS_NODEFILE", "/nowhere/hosts"), "No such file"));
	assert_non_null(strstr(HOSTS_OF("PBS_JOBID", "1", "PBS_NODEFILE", "/dev/zero"), "not a file"));
	assert_int_equal(truncate(hosts_path, 1L << 32), 0);
	assert_non_null(strstr(HOSTS_OF("PBS_JOBID", "1", "PBS_NODEFILE", hosts_path), "larger than"));
}

static void a_grid_engine_file_has_counts(void **state)
{
	write_hosts("alpha 4 all.q@alpha UNDEFINED\nbeta 2 all.q@beta <NULL>\nalpha 1 big.q@alpha UNDEFINED\n");
	assert_string_equal(HOSTS_OF("JOB_ID", "3", "PE_HOSTFILE", hosts_path), "alpha:5 beta:2");
	write_hosts("alpha\n");
	assert_non_null(strstr(HOSTS_OF("JOB_ID", "3", "PE_HOSTFILE", hosts_path), "no number of slots"));
	write_hosts("alpha 0 q\n");
	assert_non_null(strstr(HOSTS_OF("JOB_ID", "3", "PE_HOSTFILE", hosts_path), "no number of slots"));
}

static void lsf_has_pairs(void **state)
{
	assert_string_equal(HOSTS_OF("LSB_JOBID", "3", "LSB_MCPU_HOSTS", "alpha 4 beta 2 "), "alpha:4 beta:2");
	assert_non_null(strstr(HOSTS_OF("LSB_JOBID", "3", "LSB_MCPU_HOSTS", "alpha 4 beta"), "LSB_MCPU_HOSTS"));
}

static void a_job_has_a_vm_of_its_own(void **state)
{
	struct weft__batch_job job;
	char name[WEFT__BATCH_VM_TEXT];
	variables = (const char *const[]){"PBS_JOBID", "12[3].server/..", "PBS_NODEFILE", "x", NULL};
	assert_true(weft__batch_job(look_up, &job));
	weft__batch_vm(&job, name);
	assert_string_equal(name, "pbs-12_3_.server_..");
}

static void the_copies_of_a_step_are_counted(void **state)
{
	variables = (const char *const[]){"SLURM_PROCID", "0", "SLURM_NTASKS", "6", NULL}; /* a batch script */
	assert_int_equal(weft__batch_copies(look_up), 1);
	variables = (const char *const[]){"SLURM_PROCID", "0", "SLURM_STEP_NUM_TASKS", "6", NULL};
	assert_int_equal(weft__batch_copies(look_up), 6);
	variables = (const char *const[]){"SLURM_PROCID", "0", "SLURM_STEP_NUM_TASKS", "6", "PMI_FD", "5", NULL};
	assert_int_equal(weft__batch_copies(look_up), 1);
	variables = (const char *const[]){"FLUX_TASK_RANK", "1", "FLUX_JOB_SIZE", "2", NULL};
	assert_int_equal(weft__batch_copies(look_up), 2);
}

static void this_machine_is_found_among_the_hosts(void **state)
{
	char own[256] = "";
	struct allocation a;
	struct weft_error e;
	gethostname(own, sizeof own - 1);
	const char *env[] = {"SLURM_JOB_ID", "7", "SLURM_JOB_NODELIST", "n[0-2]", "SLURMD_NODENAME", "n1", NULL};
	variables         = env;
	assert_int_equal(allocation_read(look_up, &a, &e), 0);
	assert_ptr_equal(allocation_here(look_up, &a), &a.hosts[1]);
	env[5] = "login";
	assert_null(allocation_here(look_up, &a));
	allocation_fini(&a);
	env[3] = own;
	env[4] = NULL;
	assert_int_equal(allocation_read(look_up, &a, &e), 0);
	assert_ptr_equal(allocation_here(look_up, &a), &a.hosts[0]);
	allocation_fini(&a);
}

static int make_file(void **state)
{
	int fd = mkstemp(hosts_path);
	return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
	return unlink(hosts_path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(outside_of_a_job_there_is_no_allocation),
	        cmocka_unit_test(slurm_lists_are_expanded),
	        cmocka_unit_test(slurm_tasks_follow_from_cpus_when_they_are_not_said),
	        cmocka_unit_test(counts_of_a_step_do_not_matter_for_the_job),
	        cmocka_unit_test(bad_slurm_lists_are_refused),
	        cmocka_unit_test(counts_that_do_not_fit_are_refused),
	        cmocka_unit_test(huge_lists_end_soon),
	        cmocka_unit_test(a_pbs_file_has_a_line_for_each_slot),
	        cmocka_unit_test(bad_pbs_files_are_named),
	        cmocka_unit_test(a_grid_engine_file_has_counts),
	        cmocka_unit_test(lsf_has_pairs),
	        cmocka_unit_test(a_job_has_a_vm_of_its_own),
	        cmocka_unit_test(the_copies_of_a_step_are_counted),
	        cmocka_unit_test(this_machine_is_found_among_the_hosts),
	};
	return cmocka_run_group_tests(tests, make_file, remove_file);
}
