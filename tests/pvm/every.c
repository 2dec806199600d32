/* Every call of PVM's library with right and wrong arguments: what it returns and what it does, a line each, alike in every run.
 * The same source is compiled against PVM and against Weft: record.sh keeps what PVM prints, every.sh compares.
 *
 * Each case runs in a process of its own, so that one that kills the original costs no other: `every` lists them, `every NAME`
 * runs one. Tids, buffer ids and addresses are printed as what they are; a task that a case needs is this program with the
 * argument "task".
 */
#include "every.h"

int tids[NTIDS], ntids;

void say(const char *what, long value)
{
	printf("%s = %ld\n", what, value);
	fflush(stdout);
}

void say_text(const char *what, const char *text)
{
	printf("%s = \"%s\"\n", what, text ? text : "(null)");
	fflush(stdout);
}

/* Ids differ from run to run; that they are ids, and whose, does not. */
void say_id(const char *what, long value)
{
	const char *kind = value > 0 ? "an id" : value == 0 ? "0" : NULL;
	if (value == pvm_mytid())
		kind = "my tid";
	for (int i = 0; i < ntids; i++)
		if (value == tids[i])
			kind = "a task's tid";
	if (kind)
		printf("%s = %s\n", what, kind);
	else
		printf("%s = %ld\n", what, value);
	fflush(stdout);
}

void must(const char *what, long value)
{
	if (value < 0)
		say(what, value);
}

/* A tid that no task of our host has. */
int dead_tid(void)
{
	return pvm_mytid() + 3333;
}

char program[4096];

/* So many tasks that do what they are told by messages, and their tids in tids[]. */
int start_tasks(int n)
{
	char *args[] = {"task", NULL};
	ntids = n;
	int started = pvm_spawn(program, args, PvmTaskDefault, "", n, tids);
	if (started != n)
		printf("spawn of %d tasks = %d (%d)\n", n, started, tids[0]);
	return started;
}

void order(int tid, const char *what)
{
	pvm_initsend(PvmDataDefault);
	pvm_pkstr((char *)what);
	MUST(pvm_send(tid, TAG));
}

void end_tasks(void)
{
	for (int i = 0; i < ntids; i++)
		order(tids[i], "end");
	ntids = 0;
}

/* A task that was spawned: it does what it is told. */
static int serve(void)
{
	char what[256];
	int parent = pvm_parent();
	for (;;) {
		if (pvm_recv(parent, TAG) < 0 || pvm_upkstr(what) < 0)
			break;
		if (!strcmp(what, "end"))
			break;
		if (!strcmp(what, "answer")) {
			pvm_initsend(PvmDataDefault);
			pvm_pkstr("answer");
			pvm_send(parent, TAG + 1);
		} else if (!strcmp(what, "join")) {
			int instance = pvm_joingroup("every");
			pvm_initsend(PvmDataDefault);
			pvm_pkint(&instance, 1, 1);
			pvm_send(parent, TAG + 1);
		} else if (!strcmp(what, "leave")) {
			int rc = pvm_lvgroup("every");
			pvm_initsend(PvmDataDefault);
			pvm_pkint(&rc, 1, 1);
			pvm_send(parent, TAG + 1);
		} else if (!strcmp(what, "barrier")) {
			pvm_barrier("every", 2);
		} else if (!strcmp(what, "bcast")) {
			pvm_initsend(PvmDataDefault);
			pvm_pkint(&parent, 1, 1);
			pvm_bcast("every", TAG + 2);
		} else if (!strcmp(what, "reduce")) {
			int v[2] = {10, 20};
			pvm_reduce(PvmSum, v, 2, PVM_INT, TAG + 3, "every", 0);
		} else if (!strcmp(what, "gather")) {
			int v[2] = {30, 40};
			pvm_gather(NULL, v, 2, PVM_INT, TAG + 4, "every", 0);
		} else if (!strcmp(what, "scatter")) {
			int v[2] = {0, 0};
			pvm_scatter(v, NULL, 2, PVM_INT, TAG + 5, "every", 0);
			pvm_initsend(PvmDataDefault);
			pvm_pkint(v, 2, 1);
			pvm_send(parent, TAG + 1);
		} else if (!strcmp(what, "print")) {
			printf("printed by the task\n");
			fflush(stdout);
		}
	}
	pvm_exit();
	return 0;
}

int reply_int(int tid)
{
	int value = -999;
	pvm_recv(tid, TAG + 1);
	pvm_upkint(&value, 1, 1);
	return value;
}

void send_int(int tid, int tag, int v)
{
	pvm_initsend(PvmDataDefault);
	pvm_pkint(&v, 1, 1);
	MUST(pvm_send(tid, tag));
}

int next_int(void)
{
	int v = -1;
	pvm_upkint(&v, 1, 1);
	return v;
}

/* Says who its parent is. */
static int tell_parent(int to)
{
	send_int(to, TAG + 1, pvm_parent());
	pvm_exit();
	return 0;
}

int main(int argc, char **argv)
{
	static const struct one_case *const all[] = {buffer_cases,  message_cases, group_cases,
	                                              corner_cases, danger_cases,  service_cases};
	ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
	program[n > 0 ? n : 0] = 0;
	if (argc > 1 && !strcmp(argv[1], "task"))
		return serve();
	if (argc > 2 && !strcmp(argv[1], "parent"))
		return tell_parent(atoi(argv[2]));
	for (size_t f = 0; f < sizeof all / sizeof *all; f++)
		for (const struct one_case *c = all[f]; c->name; c++) {
			if (argc < 2)
				puts(c->name);
			if (argc < 2 || strcmp(argv[1], c->name))
				continue;
			pvm_mytid();
			pvm_setopt(PvmAutoErr, 0);
			c->run();
			pvm_exit();
		}
	return 0;
}
