/* Where tasks go and what they are bound to: weft run's options, and mpirun's in the words of weft run. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "console/layout.h"
#include "console/mpirun.h"

static int read_words(struct weft__msg_spawn *m, struct weft_error *e, const char *first, const char *second)
{
	char words[4][64] = {"run"}, *argv[5] = {words[0]};
	const char *given[] = {first, second ? second : "true", second ? "true" : NULL};
	int argc = 1;
	struct args a;
	*m = (struct weft__msg_spawn){.count = 1};
	for (size_t i = 0; i < 3 && given[i]; i++, argc++)
		argv[argc] = strcpy(words[argc], given[i]);
	assert_int_equal(args_parse(&cmd_run, DIALECT_WEFT, argc, argv, &a, e), 0);
	int rc = layout_read(&a, m, e);
	args_fini(&a);
	return rc;
}

static struct weft__msg_spawn read_well(const char *first, const char *second)
{
	struct weft__msg_spawn m;
	struct weft_error e = {0};
	assert_int_equal(read_words(&m, &e, first, second), 0);
	return m;
}

static void tasks_are_mapped_as_asked(void **state)
{
	assert_int_equal(read_well("-q", NULL).map, WEFT__MAP_FREE);
	assert_int_equal(read_well("--map-by=slot", NULL).map, WEFT__MAP_FILL);
	assert_int_equal(read_well("--map-by=node", NULL).map, WEFT__MAP_TURN);
	assert_int_equal(read_well("--map-by=ppr:3:node", NULL).ppn, 3);
	assert_int_equal(read_well("--map-by=:nooversubscribe", NULL).flags, WEFT__SPAWN_FIT);
	assert_int_equal(read_well("-N", "5").ppn, 5);
	assert_int_equal(read_well("--fit", NULL).flags, WEFT__SPAWN_FIT);
	assert_int_equal(read_well("--fill", NULL).count, 0);
}

static void tasks_are_bound_as_asked(void **state)
{
	struct weft__msg_spawn m = read_well("--map-by=socket", "--bind-to=core:overload-allowed");
	assert_int_equal(m.deal, WEFT__BIND_PACKAGE);
	assert_int_equal(m.bind, WEFT__BIND_CORE);
	m = read_well("--map-by=NUMA", NULL);
	assert_int_equal(m.deal, WEFT__BIND_NUMA);
	assert_int_equal(m.bind, WEFT__BIND_NUMA);
	m = read_well("--map-by=slot:PE=4,oversubscribe", NULL);
	assert_int_equal(m.bind, WEFT__BIND_CORE);
	assert_int_equal(m.width, 4);
	assert_int_equal(read_well("--bind-to=none", NULL).bind, WEFT__BIND_NONE);
}

static void what_is_not_known_is_refused_with_what_there_is(void **state)
{
	static const char *const bad[] = {"--map-by=nodes",        "--map-by=ppr:0:node", "--map-by=ppr:2:core", "--map-by=ppr:2",
	                                  "--map-by=slot:pe=0",    "--map-by=slot:pe=x",  "--map-by=core:span2", "--bind-to=cores",
	                                  "--bind-to=none:really?"};
	for (size_t i = 0; i + 1 < sizeof bad / sizeof *bad; i++) {
		struct weft__msg_spawn m;
		struct weft_error e = {0};
		assert_int_equal(read_words(&m, &e, bad[i], NULL), WEFT_EINVAL);
		assert_true(strstr(e.text, "known are: ") || strstr(e.text, "is needed"));
	}
	struct weft__msg_spawn m;
	struct weft_error e = {0};
	assert_int_equal(read_words(&m, &e, "--map-by=slot:pe=2", "--bind-to=none"), WEFT_EINVAL);
	assert_int_equal(read_words(&m, &e, "--fill", "-n3"), WEFT_EINVAL);
}

/* The words of a line, translated, in a line. */
static int translate(const char *line, char *out, size_t size, struct weft_error *e)
{
	char text[256], *argv[32] = {"mpirun"}, *rest = NULL;
	int argc = 1;
	struct mpirun m;
	strcpy(text, line);
	for (char *w = strtok_r(text, " ", &rest); w; w = strtok_r(NULL, " ", &rest))
		argv[argc++] = w;
	int rc = mpirun_translate(argc, argv, &m, e);
	*out = '\0';
	for (int i = 2; i < m.argc; i++) /* behind "run --kill-on-bad-exit" */
		snprintf(out + strlen(out), size - strlen(out), "%s%s", i > 2 ? " " : "", m.argv[i]);
	mpirun_fini(&m);
	return rc;
}

static void assert_translated(const char *theirs, const char *ours)
{
	char text[512];
	struct weft_error e = {0};
	assert_int_equal(translate(theirs, text, sizeof text, &e), 0);
	assert_string_equal(text, ours);
}

static void what_people_type_after_mpirun_is_understood(void **state)
{
	assert_translated("-np 4 ./a -np 9", "-n 4 ./a -np 9");
	assert_translated("--np 4 -N 2 --map-by node ./a", "-n 4 -N 2 --map-by node ./a");
	assert_translated("-n=4 ./a", "-n 4 ./a");
	assert_translated("-n 4 -- ./a -x", "-n 4 -- ./a -x");
	assert_translated("--hostfile f --host a,b -n 1 a", "--hostfile f --host a,b -n 1 a");
	assert_translated("--oversubscribe --allow-run-as-root -n 1 a", "-n 1 a");
	assert_translated("-tag-output -x A=1 -wdir /x -n 1 a", "-l -x A=1 --wdir /x -n 1 a");
}

static void what_people_type_after_mpiexec_is_understood(void **state)
{
	assert_translated("-n 1 -l -ppn 2 -f hosts a", "-n 1 -l -N 2 --hostfile hosts a");
	assert_translated("-genv A b -genvlist C,D -n 1 a", "-x A=b -x C -x D -n 1 a");
	assert_translated("-n 1 a : -n 2 -env X y b", "-n 1 a : -n 2 -x X=y b");
	assert_translated("-stdin none -n 1 a", "--stdin=none -n 1 a");
	assert_translated("--mca btl self,tcp -n 1 a", "-x OMPI_MCA_btl=self,tcp -n 1 a");
}

static void without_a_number_there_are_as_many_as_cores(void **state)
{
	assert_translated("./a", "--fill ./a");
	assert_translated("-n 1 a : b", "-n 1 a : --fill b");
}

static void what_mpirun_does_not_know_is_refused(void **state)
{
	char text[512];
	struct weft_error e = {0};
	assert_int_equal(translate("--hostflie x a", text, sizeof text, &e), WEFT_EINVAL);
	assert_non_null(strstr(e.text, "did you mean --hostfile?"));
	assert_int_equal(translate("-np", text, sizeof text, &e), WEFT_EINVAL);
	assert_non_null(strstr(e.text, "needs an argument"));
	assert_int_equal(translate("-genv A", text, sizeof text, &e), WEFT_EINVAL);
	assert_int_equal(translate("--oversubscribe=1 a", text, sizeof text, &e), WEFT_EINVAL);
	assert_int_equal(translate("--app f", text, sizeof text, &e), WEFT_EINVAL);
	assert_int_equal(translate("--zzzzzzzzzzzzz", text, sizeof text, &e), WEFT_EINVAL);
}

static void mpirun_without_a_program_is_told_how_mpirun_is_used(void **state)
{
	char text[512];
	struct weft_error e = {0};
	assert_int_equal(translate("-np 4", text, sizeof text, &e), WEFT_EINVAL);
	assert_non_null(strstr(e.text, "see: weft help mpirun"));
	assert_int_equal(translate("--version", text, sizeof text, &e), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(tasks_are_mapped_as_asked),
	        cmocka_unit_test(tasks_are_bound_as_asked),
	        cmocka_unit_test(what_is_not_known_is_refused_with_what_there_is),
	        cmocka_unit_test(what_people_type_after_mpirun_is_understood),
	        cmocka_unit_test(what_people_type_after_mpiexec_is_understood),
	        cmocka_unit_test(without_a_number_there_are_as_many_as_cores),
	        cmocka_unit_test(what_mpirun_does_not_know_is_refused),
	        cmocka_unit_test(mpirun_without_a_program_is_told_how_mpirun_is_used),
	};
	return cmocka_run_group_tests_name("layout", tests, NULL, NULL);
}
