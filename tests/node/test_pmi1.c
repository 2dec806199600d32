/* The server of PMI-1, without any I/O: lines go in, and what it wants of its owner is written down. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/rng.h"
#include "node/keys.h"
#include "node/pmi1.h"

enum { RANKS = 3, LOG = 256 * 1024 };

/* "0<cmd=…" a reply to local rank 0; "fence:…", "name…", "spawn…", "abort…", "bad…". */
static char told[LOG];
static size_t ntold;

static void tell(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void tell(const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	int n = vsnprintf(told + ntold, sizeof told - ntold, format, ap);
	va_end(ap);
	if (n > 0 && ntold + (size_t)n < sizeof told)
		ntold += (size_t)n;
}

static void on_reply(void *arg, uint32_t local, const char *line, size_t n)
{
	assert_true(n > 1 && n <= PMI1_LINE_MAX);
	assert_int_equal(line[n - 1], '\n');
	assert_null(memchr(line, '\n', n - 1));
	tell("%u<%.*s", local, (int)n, line);
}

static void on_fence(void *arg, const void *bytes, size_t n)
{
	tell("fence:%.*s.\n", (int)n, n ? (const char *)bytes : "");
}

static void on_name(void *arg, uint32_t local, enum pmi1_name op, const char *service, const char *port)
{
	tell("name %u %d %s %s\n", local, (int)op, service, port);
}

static void on_spawn(void *arg, uint32_t local, const struct pmi1_spawn *s)
{
	tell("spawn %u of %u:", local, s->count);
	for (size_t i = 0; i < s->nprograms; i++) {
		const struct pmi1_program *p = &s->programs[i];
		tell(" %u", p->count);
		for (size_t k = 0; p->argv[k]; k++)
			tell("|%s", p->argv[k]);
		tell(" host=%s wdir=%s;", p->host ? p->host : "-", p->wdir ? p->wdir : "-");
	}
	tell(" %.*s\n", (int)s->npreput, s->preput);
}

static void on_abort(void *arg, uint32_t local, int exit_code)
{
	tell("abort %u %d\n", local, exit_code);
}

static void on_bad(void *arg, uint32_t local, const char *why)
{
	tell("bad %u %s\n", local, why);
}

static const struct pmi1_ops ops = {on_reply, on_fence, on_name, on_spawn, on_abort, on_bad};

static int setup(void **state)
{
	struct pmi1_job job = {.name = "weft_job_7", .nlocal = RANKS, .universe = 8};
	struct pmi1 *s = NULL;
	assert_int_equal(pmi1_create(&job, &ops, NULL, &s), 0);
	ntold = 0;
	*told = '\0';
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct pmi1 *s = *state;
	pmi1_destroy(&s);
	return 0;
}

static void say(struct pmi1 *s, uint32_t local, const char *text)
{
	pmi1_input(s, local, text, strlen(text));
}

/* What was told since the last time. */
static void expect(const char *wanted)
{
	assert_string_equal(told, wanted);
	ntold = 0;
	*told = '\0';
}

static void open_all(struct pmi1 *s)
{
	for (uint32_t i = 0; i < RANKS; i++)
		say(s, i, "cmd=init pmi_version=1 pmi_subversion=1\n");
	ntold = 0;
	*told = '\0';
}

static void a_rank_learns_what_it_asks(void **state)
{
	struct pmi1 *s = *state;
	pmi1_set_program(s, 1, 4);
	say(s, 1, "cmd=init pmi_version=1 pmi_subversion=1\n");
	expect("1<cmd=response_to_init pmi_version=1 pmi_subversion=1 rc=0\n");
	say(s, 1, "cmd=get_maxes\ncmd=get_appnum\n");
	expect("1<cmd=maxes kvsname_max=256 keylen_max=64 vallen_max=1024 rc=0\n1<cmd=appnum appnum=4 rc=0\n");
	say(s, 1, "cmd=get_my_kv");
	say(s, 1, "sname\ncmd=get_universe_size\n");
	expect("1<cmd=my_kvsname kvsname=weft_job_7 rc=0\n1<cmd=universe_size size=8 rc=0\n");
	assert_int_equal(pmi1_state(s, 1), PMI1_OPEN);
	say(s, 1, "cmd=finalize\n");
	expect("1<cmd=finalize_ack rc=0\n");
	assert_int_equal(pmi1_state(s, 1), PMI1_FINAL);
	assert_int_equal(pmi1_state(s, 0), PMI1_NEW);
}

static void keys_are_there_for_all_of_the_node_at_once_and_for_others_after_the_fence(void **state)
{
	struct pmi1 *s = *state;
	open_all(s);
	say(s, 0, "cmd=put kvsname=weft_job_7 key=a value=$1=2#\n");
	expect("0<cmd=put_result rc=0 msg=success\n");
	say(s, 1, "cmd=get kvsname=weft_job_7 key=a\n");
	expect("1<cmd=get_result rc=0 msg=success value=$1=2#\n");
	say(s, 1, "cmd=put key=a value=x\n");
	expect("1<cmd=put_result rc=-1 msg=duplicate_key\n");
	say(s, 1, "cmd=get key=b\n");
	expect("1<cmd=get_result rc=-1 msg=key_not_found value=unknown\n");
	say(s, 0, "cmd=barrier_in\n");
	say(s, 2, "cmd=barrier_in\n");
	expect("");
	assert_int_equal(pmi1_waiting(s), 2);
	say(s, 1, "cmd=barrier_in\n");
	expect("fence:a $1=2#\n.\n");
	assert_true(pmi1_fence_add(s, "b 3\nc 4\n", 8));
	pmi1_fence_end(s);
	expect("0<cmd=barrier_out rc=0\n1<cmd=barrier_out rc=0\n2<cmd=barrier_out rc=0\n");
	say(s, 1, "cmd=get key=b\ncmd=get key=c\n");
	expect("1<cmd=get_result rc=0 msg=success value=3\n1<cmd=get_result rc=0 msg=success value=4\n");
	say(s, 0, "cmd=getbyidx kvsname=weft_job_7 idx=1\n");
	expect("0<cmd=getbyidx_results rc=0 nextidx=2 key=b val=3\n");
	say(s, 0, "cmd=getbyidx idx=3\n");
	expect("0<cmd=getbyidx_results rc=-1 reason=no_more_keyvals\n");
	for (uint32_t i = 0; i < RANKS; i++)
		say(s, i, "cmd=barrier_in\n");
	expect("fence:.\n"); /* only what is new */
}

static void names_are_the_owners_business(void **state)
{
	struct pmi1 *s = *state;
	open_all(s);
	say(s, 2, "cmd=publish_name service=ocean port=tag#0$x\n");
	expect("name 2 1 ocean tag#0$x\n");
	pmi1_name_done(s, 2, 0, NULL);
	expect("2<cmd=publish_result rc=0 info=ok msg=success\n");
	say(s, 0, "cmd=lookup_name service=ocean\n");
	expect("name 0 3 ocean \n");
	pmi1_name_done(s, 0, 0, "tag#0$x");
	expect("0<cmd=lookup_result rc=0 info=ok msg=success port=tag#0$x\n");
	say(s, 0, "cmd=unpublish_name service=ocean\n");
	pmi1_name_done(s, 0, WEFT_ENOENT, NULL);
	expect("name 0 2 ocean \n0<cmd=unpublish_result rc=-1 info=failed msg=service_not_found\n");
	pmi1_name_done(s, 0, 0, NULL); /* nobody asked */
	expect("");
}

static void a_spawn_is_described_in_lines(void **state)
{
	struct pmi1 *s = *state;
	open_all(s);
	say(s, 0, "mcmd=spawn\nnprocs=2\nexecname=./child\ntotspawns=2\nspawnssofar=1\narg1=a b\narg2=-x=1\nargcnt=2\n"
	          "preput_num=1\npreput_key_0=PARENT\npreput_val_0=port 1\ninfo_num=3\ninfo_key_0=wdir\ninfo_val_0=/tmp\n"
	          "info_key_1=host\ninfo_val_1=n1,n2\ninfo_key_2=arch\ninfo_val_2=x\nendcmd\n");
	expect("");
	say(s, 0, "mcmd=spawn\nnprocs=1\nexecname=other\ntotspawns=2\nspawnssofar=2\nargcnt=0\npreput_num=1\n"
	          "preput_key_0=PARENT\npreput_val_0=port 1\ninfo_num=0\nendcmd\n");
	expect("spawn 0 of 3: 2|./child|a b|-x=1 host=n1,n2 wdir=/tmp; 1|other host=- wdir=-; PARENT port 1\n\n");
	const uint64_t errors[3] = {0, 21, 0};
	pmi1_spawn_done(s, 0, 0, errors, 3);
	expect("0<cmd=spawn_result rc=0 errcodes=0,1,0\n");
	say(s, 0, "cmd=get key=x\n");
	expect("0<cmd=get_result rc=-1 msg=key_not_found value=unknown\n");
	say(s, 1, "mcmd=spawn\nnprocs=1\nexecname=x\nendcmd\n");
	pmi1_spawn_done(s, 1, WEFT_ENOFILE, NULL, 0);
	expect("spawn 1 of 1: 1|x host=- wdir=-; \n1<cmd=spawn_result rc=-1 msg=spawn_failed\n");
}

static void keys_from_the_parents_are_there_from_the_beginning(void **state)
{
	struct pmi1 *s = *state;
	pmi1_preput_lines(s, "PARENT port 1\nX 2\n", 18);
	assert_int_equal(pmi1_preput(s, "PMI_process_mapping", "(vector,(0,1,3))"), 0);
	open_all(s);
	say(s, 0, "cmd=get key=PARENT\n");
	expect("0<cmd=get_result rc=0 msg=success value=port 1\n");
	say(s, 0, "cmd=get key=PMI_process_mapping\n");
	expect("0<cmd=get_result rc=0 msg=success value=(vector,(0,1,3))\n");
}

static void an_abort_is_told_and_then_nothing_is_heard(void **state)
{
	struct pmi1 *s = *state;
	open_all(s);
	say(s, 1, "cmd=abort exitcode=7\ncmd=get key=a\n");
	expect("abort 1 7\n");
	assert_int_equal(pmi1_state(s, 1), PMI1_BAD);
}

/* What a rank may say, and the beginning of what is told of it. */
static void check_bad(struct pmi1 *s, uint32_t local, const char *text, size_t n, const char *wanted)
{
	pmi1_input(s, local, text, n);
	char full[200];
	snprintf(full, sizeof full, "bad %u %s", local, wanted);
	if (strncmp(told, full, strlen(full)) != 0)
		fail_msg("\"%.60s\": told \"%s\", not \"%s\"", text, told, full);
	assert_int_equal(pmi1_state(s, local), PMI1_BAD);
	ntold = 0;
	*told = '\0';
	say(s, local, "cmd=get key=a\n");
	expect(""); /* it is not heard any more */
}

static void nonsense_is_named_once_and_ends_the_listening(void **state)
{
	static const struct {
		const char *text, *wanted;
		bool open;
	} cases[] = {
	        {"GET / HTTP/1.0\r\n", "it says \"GET / HTTP/1.0?\", which is nothing that PMI-1 knows", true},
	        {"cmd=frobnicate\n", "it says \"cmd=frobnicate\"", true},
	        {"\n", "it says \"\"", true},
	        {"cmd=put kvsname=other key=a value=b\n", "it names a key-value space", true},
	        {"cmd=get kvsname=weft_job_70 key=a\n", "it names a key-value space", true},
	        {"cmd=put key=a\n", "it puts something without", true},
	        {"cmd=put value=a\n", "it puts something without", true},
	        {"cmd=put key= value=a\n", "it puts something without", true},
	        {"cmd=init pmi_version=1 pmi_subversion=1\n", "a second program", true},
	        {"cmd=finalize\ncmd=finalize\n", NULL, true},
	        {"cmd=get key=a\n", "its first word is not init", false},
	        {"mcmd=spawn\n", "its first word is not init", false},
	        {"cmd=init pmi_version=2\n", "it speaks another version", false},
	        {"cmd=fullinit;pmi_version=2;\n", "it says", false},
	        {"cmd=barrier_in\ncmd=barrier_in\n", "it asks again before", true},
	        {"mcmd=spawn\nmcmd=spawn\n", "it describes a spawn within a spawn", true},
	        {"mcmd=spawn\nendcmd\n", "it describes a spawn without", true},
	        {"mcmd=spawn\ncmd\n", "it does not describe a spawn", true},
	        {"mcmd=spawn\nnprocs=0\n", "it spawns no task", true},
	        {"mcmd=spawn\nnprocs=65537\n", "it spawns no task, or more", true},
	        {"mcmd=spawn\nnprocs=-1\n", "it spawns no task, or more", true},
	        {"mcmd=spawn\ntotspawns=65\n", "it spawns no program, or more", true},
	        {"mcmd=spawn\npreput_val_0=x\n", "it gives the children a key without", true},
	        {"cmd=publish_name service=x\n", "it names a service without", true},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		void *one = NULL;
		setup(&one);
		if (cases[i].open)
			open_all(one);
		if (cases[i].wanted)
			check_bad(one, 1, cases[i].text, strlen(cases[i].text), cases[i].wanted);
		else
			say(one, 1, cases[i].text);
		teardown(&one);
	}
}

static void after_finalize_nothing_more_is_expected(void **state)
{
	struct pmi1 *s = *state;
	open_all(s);
	say(s, 0, "cmd=finalize\n");
	ntold = 0;
	check_bad(s, 0, "cmd=barrier_in\n", 15, "it goes on after finalize");
	say(s, 1, "cmd=finalize\n");
	ntold = 0;
	check_bad(s, 1, "cmd=init pmi_version=1\n", 23, "it begins a second time");
}

static void bytes_that_are_no_text_and_endless_lines_are_bad(void **state)
{
	struct pmi1 *s = *state;
	char line[PMI1_LINE_MAX + 1];
	open_all(s);
	check_bad(s, 0, "cmd=get\0key=a\n", 14, "it sends bytes that are no text");
	memset(line, 'x', sizeof line);
	check_bad(s, 1, line, sizeof line, "it sends a line that is too long");
	for (int i = 0; i < 41; i++) /* the same in pieces */
		pmi1_input(s, 2, line, 100);
	assert_int_equal(pmi1_state(s, 2), PMI1_BAD);
}

static void long_keys_are_refused_and_too_many_end_it(void **state)
{
	struct pmi1 *s = *state;
	char line[PMI1_LINE_MAX], value[KEYS_VALUE_MAX + 1];
	open_all(s);
	memset(value, 'v', sizeof value - 1);
	value[KEYS_VALUE_MAX] = '\0';
	snprintf(line, sizeof line, "cmd=put key=long value=%s\n", value);
	say(s, 0, line);
	expect("0<cmd=put_result rc=-1 msg=key_or_value_too_long\n");
	value[KEYS_VALUE_MAX - 1] = '\0';
	int i = 0;
	for (; i < 20000 && pmi1_state(s, 0) == PMI1_OPEN; i++) {
		snprintf(line, sizeof line, "cmd=put key=k%d value=%s\n", i, value);
		ntold = 0;
		say(s, 0, line);
	}
	assert_in_range(i, 7000, 9000);
	assert_int_equal(strncmp(told, "bad 0 it puts more than 8 MiB", 29), 0);
}

static void too_long_a_description_of_a_spawn_is_bad(void **state)
{
	struct pmi1 *s = *state;
	char line[3000];
	open_all(s);
	say(s, 0, "mcmd=spawn\nnprocs=1\nexecname=x\n");
	memset(line, 'a', sizeof line - 1);
	memcpy(line, "arg1=", 5);
	line[sizeof line - 2] = '\n';
	line[sizeof line - 1] = '\0';
	for (int i = 0; i < 100; i++)
		say(s, 0, line);
	assert_int_equal(strncmp(told, "bad 0 it describes a spawn of more than 128 KiB", 47), 0);
}

static void other_nodes_that_send_nonsense_are_noticed(void **state)
{
	struct pmi1 *s = *state;
	assert_false(pmi1_fence_add(s, "novalue\n", 8));
	assert_false(pmi1_fence_add(s, "a b", 3));
	assert_false(pmi1_fence_add(s, " b\n", 3));
	assert_false(pmi1_fence_add(s, "a\0b c\n", 6));
	assert_true(pmi1_fence_add(s, "", 0));
	assert_true(pmi1_fence_add(s, "a 1\na 2\n", 8)); /* put on two nodes: one of them counts */
}

/* Random changes of a good conversation do no harm. */
static void mutated_conversations_do_no_harm(void **state)
{
	static const char good[] =
	        "cmd=init pmi_version=1 pmi_subversion=1\ncmd=get_maxes\ncmd=get_appnum\ncmd=get_my_kvsname\n"
	        "cmd=put kvsname=weft_job_7 key=a value=b\ncmd=get kvsname=weft_job_7 key=a\ncmd=getbyidx idx=0\n"
	        "mcmd=spawn\nnprocs=2\nexecname=./child\ntotspawns=1\nspawnssofar=1\narg1=a b\nargcnt=1\npreput_num=1\n"
	        "preput_key_0=P\npreput_val_0=v\ninfo_num=1\ninfo_key_0=wdir\ninfo_val_0=/tmp\nendcmd\ncmd=finalize\n";
	struct weft__rng r;
	weft__rng_init(&r, 11);
	for (int round = 0; round < 20000; round++) {
		char text[sizeof good];
		void *one = NULL;
		setup(&one);
		memcpy(text, good, sizeof good);
		for (uint64_t i = weft__rng_below(&r, 6); i > 0; i--)
			text[weft__rng_below(&r, sizeof good - 1)] = (char)weft__rng_below(&r, 256);
		size_t half = (size_t)weft__rng_below(&r, sizeof good - 1);
		pmi1_input(one, 0, text, half);
		pmi1_input(one, 0, text + half, sizeof good - 1 - half);
		pmi1_spawn_done(one, 0, 0, NULL, 2);
		assert_in_range(pmi1_state(one, 0), PMI1_NEW, PMI1_BAD);
		teardown(&one);
	}
}

static void check_mapping(const uint32_t *node_of, uint32_t n, const char *wanted)
{
	char text[KEYS_VALUE_MAX];
	assert_true(pmi1_mapping(node_of, n, text, sizeof text));
	assert_string_equal(text, wanted);
}

static void any_map_of_ranks_is_written_as_blocks(void **state)
{
	static const uint32_t one[] = {0, 0, 0}, even[] = {0, 0, 1, 1, 2, 2}, rest[] = {0, 0, 1, 1, 2}, turns[] = {0, 1, 2, 0, 1, 2},
	                      mixed[] = {2, 0, 0, 1, 1, 1, 0}, growing[] = {0, 1, 1};
	check_mapping(one, 3, "(vector,(0,1,3))");
	check_mapping(even, 6, "(vector,(0,3,2))");
	check_mapping(rest, 5, "(vector,(0,2,2),(2,1,1))");
	check_mapping(turns, 6, "(vector,(0,3,1),(0,3,1))");
	check_mapping(mixed, 7, "(vector,(2,1,1),(0,1,2),(1,1,3),(0,1,1))");
	check_mapping(growing, 3, "(vector,(0,1,1),(1,1,2))");
	uint32_t wild[1000];
	char text[KEYS_VALUE_MAX];
	for (uint32_t i = 0; i < 1000; i++)
		wild[i] = i * 7 % 5;
	assert_false(pmi1_mapping(wild, 1000, text, sizeof text)); /* MPICH does without */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(a_rank_learns_what_it_asks, setup, teardown),
	        cmocka_unit_test_setup_teardown(keys_are_there_for_all_of_the_node_at_once_and_for_others_after_the_fence, setup, teardown),
	        cmocka_unit_test_setup_teardown(names_are_the_owners_business, setup, teardown),
	        cmocka_unit_test_setup_teardown(a_spawn_is_described_in_lines, setup, teardown),
	        cmocka_unit_test_setup_teardown(keys_from_the_parents_are_there_from_the_beginning, setup, teardown),
	        cmocka_unit_test_setup_teardown(an_abort_is_told_and_then_nothing_is_heard, setup, teardown),
	        cmocka_unit_test(nonsense_is_named_once_and_ends_the_listening),
	        cmocka_unit_test_setup_teardown(after_finalize_nothing_more_is_expected, setup, teardown),
	        cmocka_unit_test_setup_teardown(bytes_that_are_no_text_and_endless_lines_are_bad, setup, teardown),
	        cmocka_unit_test_setup_teardown(long_keys_are_refused_and_too_many_end_it, setup, teardown),
	        cmocka_unit_test_setup_teardown(too_long_a_description_of_a_spawn_is_bad, setup, teardown),
	        cmocka_unit_test_setup_teardown(other_nodes_that_send_nonsense_are_noticed, setup, teardown),
	        cmocka_unit_test(mutated_conversations_do_no_harm),
	        cmocka_unit_test(any_map_of_ranks_is_written_as_blocks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
