/* Groups, the mailbox, services: see every.c. */
#include "every.h"

/* --- groups --------------------------------------------------------------------------------------- */

static void groups(void)
{
	int inst;
	R(inst = pvm_joingroup("every"));
	R(pvm_joingroup("every"));
	R(pvm_gsize("every"));
	R(pvm_getinst("every", pvm_mytid()));
	ID(pvm_gettid("every", 0));
	R(pvm_gettid("every", 1));
	R(pvm_gettid("every", -1));
	R(pvm_getinst("every", 99));
	R(pvm_gsize("nobody's"));
	R(pvm_gettid("nobody's", 0));
	R(pvm_getinst("nobody's", pvm_mytid()));
	R(pvm_barrier("every", 1));
	R(pvm_barrier("every", -1));
	R(pvm_barrier("every", 0));
	R(pvm_barrier("every", -2));
	R(pvm_barrier("nobody's", 1));
	R(pvm_lvgroup("every"));
	R(pvm_lvgroup("every"));
	R(pvm_lvgroup("nobody's"));
	R(pvm_gsize("every"));
	R(pvm_joingroup(""));
	R(pvm_gsize(""));
}

static void no_group(void)
{
	R(pvm_joingroup(NULL));
	R(pvm_lvgroup(NULL));
	R(pvm_gsize(NULL));
	R(pvm_gettid(NULL, 0));
	R(pvm_getinst(NULL, 1));
	R(pvm_barrier(NULL, 1));
	R(pvm_bcast(NULL, 1));
}

static void several_members(void)
{
	R(pvm_joingroup("every"));
	if (start_tasks(2) != 2)
		return;
	for (int i = 0; i < 2; i++) {
		order(tids[i], "join");
		R(reply_int(tids[i]));
	}
	R(pvm_gsize("every"));
	ID(pvm_gettid("every", 2));
	R(pvm_getinst("every", tids[1]));
	order(tids[0], "leave");
	R(reply_int(tids[0]));
	R(pvm_gsize("every"));
	R(pvm_gettid("every", 1));
	order(tids[0], "join");
	R(reply_int(tids[0]));
	order(tids[0], "barrier");
	R(pvm_barrier("every", 2));
	order(tids[1], "bcast");
	ID(pvm_recv(-1, TAG + 2));
	order(tids[1], "leave");
	R(reply_int(tids[1]));
	int v[2] = {1, 2}, sum[4] = {0};
	order(tids[0], "reduce");
	R(pvm_reduce(PvmSum, v, 2, PVM_INT, TAG + 3, "every", 0));
	printf("%d %d\n", v[0], v[1]);
	order(tids[0], "gather");
	R(pvm_gather(sum, v, 2, PVM_INT, TAG + 4, "every", 0));
	printf("%d %d %d %d\n", sum[0], sum[1], sum[2], sum[3]);
	int all[4] = {5, 6, 7, 8}, mine[2] = {0};
	order(tids[0], "scatter");
	R(pvm_scatter(mine, all, 2, PVM_INT, TAG + 5, "every", 0));
	printf("%d %d\n", mine[0], mine[1]);
	R(reply_int(tids[0]));
	R(next_int());
	end_tasks();
	pvm_lvgroup("every");
}

static void bad_collectives(void)
{
	int v[2] = {1, 2}, w[2];
	pvm_initsend(PvmDataDefault);
	R(pvm_bcast("nobody's", TAG));
	R(pvm_reduce(PvmSum, v, 2, PVM_INT, TAG, "nobody's", 0));
	R(pvm_gather(w, v, 2, PVM_INT, TAG, "nobody's", 0));
	R(pvm_scatter(w, v, 2, PVM_INT, TAG, "nobody's", 0));
	pvm_joingroup("every");
	R(pvm_bcast("every", TAG));
	R(pvm_bcast("every", -TAG));
	R(pvm_reduce(PvmSum, v, 2, PVM_INT, TAG, "every", 5));
	R(pvm_reduce(PvmSum, v, -2, PVM_INT, TAG, "every", 0));
	R(pvm_reduce(PvmSum, v, 2, 99, TAG, "every", 0));
	R(pvm_reduce(PvmSum, v, 2, PVM_INT, TAG, "every", -1));
	R(pvm_gather(w, v, 2, PVM_INT, TAG, "every", 5));
	R(pvm_gather(w, v, -2, PVM_INT, TAG, "every", 0));
	R(pvm_gather(w, v, 2, 99, TAG, "every", 0));
	R(pvm_scatter(w, v, 2, PVM_INT, TAG, "every", 5));
	R(pvm_reduce(PvmMax, v, 2, PVM_INT, TAG, "every", 0));
	R(pvm_gather(w, v, 2, PVM_INT, TAG, "every", 0));
	R(pvm_freezegroup("every", 1));
	R(pvm_freezegroup("nobody's", 1));
	pvm_lvgroup("every");
}

static void reducers(void)
{
	int type = PVM_INT, n = 3, info = 9, a[3] = {1, 5, -3}, b[3] = {4, 2, -7};
	double x[2] = {1.5, 2}, y[2] = {0.5, 3};
	PvmMax(&type, a, b, &n, &info);
	printf("max %d %d %d info %d\n", a[0], a[1], a[2], info);
	PvmMin(&type, a, b, &n, &info);
	printf("min %d %d %d info %d\n", a[0], a[1], a[2], info);
	PvmSum(&type, a, b, &n, &info);
	printf("sum %d %d %d info %d\n", a[0], a[1], a[2], info);
	PvmProduct(&type, a, b, &n, &info);
	printf("product %d %d %d info %d\n", a[0], a[1], a[2], info);
	type = PVM_DOUBLE;
	n = 2;
	PvmSum(&type, x, y, &n, &info);
	printf("sum %g %g info %d\n", x[0], x[1], info);
	type = 99;
	PvmSum(&type, x, y, &n, &info);
	printf("info %d\n", info);
	type = PVM_STR;
	PvmMax(&type, x, y, &n, &info);
	printf("info %d\n", info);
}

/* --- the mailbox ---------------------------------------------------------------------------------- */

static int letter(int v)
{
	int b = pvm_initsend(PvmDataDefault);
	pvm_pkint(&v, 1, 1);
	return b;
}

static void mailbox(void)
{
	struct pvmmboxinfo *classes = NULL;
	int n = -1;
	R(pvm_putinfo("every.a", letter(1), PvmMboxDefault));
	R(pvm_putinfo("every.a", letter(2), PvmMboxDefault));
	ID(pvm_recvinfo("every.a", 0, PvmMboxDefault));
	R(next_int());
	R(pvm_recvinfo("every.a", 1, PvmMboxDefault));
	R(pvm_recvinfo("every.none", 0, PvmMboxDefault));
	R(pvm_delinfo("every.a", 5, PvmMboxDefault));
	R(pvm_delinfo("every.none", 0, PvmMboxDefault));
	R(pvm_delinfo("every.a", 0, PvmMboxDefault));
	R(pvm_recvinfo("every.a", 0, PvmMboxDefault));
	R(pvm_putinfo("every.m", letter(10), PvmMboxMultiInstance));
	R(pvm_putinfo("every.m", letter(11), PvmMboxMultiInstance));
	R(pvm_putinfo("every.m", letter(12), PvmMboxDefault));
	ID(pvm_recvinfo("every.m", 1, PvmMboxDefault));
	R(next_int());
	ID(pvm_recvinfo("every.m", 0, PvmMboxFirstAvail));
	R(next_int());
	R(pvm_getmboxinfo("every.m", &n, &classes));
	R(n);
	if (n == 1 && classes) {
		TEXT(classes[0].mi_name);
		R(classes[0].mi_nentries);
		R(classes[0].mi_indices[0]);
		R(classes[0].mi_indices[1]);
		ID(classes[0].mi_owners[0]);
		R(classes[0].mi_flags[0]);
	}
	R(pvm_getmboxinfo("*", &n, &classes));
	R(n >= 1);
	R(pvm_getmboxinfo("every.none", &n, &classes));
	R(n);
	ID(pvm_recvinfo("every.m", 0, PvmMboxReadAndDelete));
	R(next_int());
	R(pvm_recvinfo("every.m", 0, PvmMboxDefault));
	R(pvm_delinfo("every.m", 1, PvmMboxDefault));
	R(pvm_putinfo("every.o", letter(20), PvmMboxOverWritable));
	R(pvm_putinfo("every.o", letter(21), PvmMboxOverWritable));
	ID(pvm_recvinfo("every.o", 0, PvmMboxDefault));
	R(next_int());
	R(pvm_putinfo("every.o", letter(22), PvmMboxDefault));
	R(pvm_delinfo("every.o", 0, PvmMboxDefault));
	R(pvm_putinfo("every.p", letter(30), PvmMboxPersistent));
	R(pvm_delinfo("every.p", 0, PvmMboxDefault));
	R(pvm_putinfo("", letter(1), PvmMboxDefault));
	R(pvm_delinfo("", 0, PvmMboxDefault));
	R(pvm_putinfo("every.d", letter(40), PvmMboxDefault | PvmMboxDirectIndex(7)));
	R(pvm_putinfo("every.d", letter(41), PvmMboxMultiInstance | PvmMboxDirectIndex(7)));
	ID(pvm_recvinfo("every.d", 7, PvmMboxDefault));
	R(pvm_delinfo("every.d", 7, PvmMboxDefault));
	R(pvm_delinfo("every.d", 0, PvmMboxDefault));
}

/* n numbers, and whether they come back. */
static void large_letter(int n, int flags)
{
	int *v = malloc((size_t)n * sizeof *v), wrong = 0;
	for (int i = 0; i < n; i++)
		v[i] = i * 7;
	MUST(pvm_initsend(PvmDataDefault));
	MUST(pvm_pkint(v, n, 1));
	R(pvm_putinfo("every.large", pvm_getsbuf(), flags));
	memset(v, 0, (size_t)n * sizeof *v);
	ID(pvm_recvinfo("every.large", 0, PvmMboxDefault));
	R(pvm_upkint(v, n, 1));
	for (int i = 0; i < n; i++)
		wrong += v[i] != i * 7;
	R(wrong);
	free(v);
}

static void mailbox_large(void)
{
	large_letter(32767, PvmMboxDefault);
	large_letter(32768, PvmMboxOverWritable);
	large_letter(65536, PvmMboxOverWritable);
	large_letter(1 << 20, PvmMboxOverWritable);
	large_letter(3, PvmMboxOverWritable);
	R(pvm_delinfo("every.large", 0, PvmMboxDefault));
}

static void no_name(void)
{
	R(pvm_putinfo(NULL, letter(1), PvmMboxDefault));
	R(pvm_recvinfo(NULL, 0, PvmMboxDefault));
	R(pvm_delinfo(NULL, 0, PvmMboxDefault));
}

static void owners(void)
{
	R(pvm_putinfo("every.gone", letter(1), PvmMboxDefault));
	R(pvm_putinfo("every.stays", letter(2), PvmMboxPersistent));
	pvm_exit();
	ID(pvm_mytid());
	R(pvm_recvinfo("every.gone", 0, PvmMboxDefault));
	ID(pvm_recvinfo("every.stays", 0, PvmMboxDefault));
	R(next_int());
	R(pvm_delinfo("every.stays", 0, PvmMboxDefault));
}

static void old_names(void)
{
	int v = -1;
	R(pvm_insert("every.old", 3, 77));
	R(pvm_insert("every.old", 3, 78));
	R(pvm_insert("every.old", -1, 79));
	R(pvm_lookup("every.old", 3, &v));
	R(v);
	R(pvm_lookup("every.old", -1, &v));
	R(v);
	R(pvm_lookup("every.old", 9, &v));
	R(pvm_lookup("every.none", 0, &v));
	R(pvm_delete("every.old", 3));
	R(pvm_delete("every.old", 3));
	R(pvm_delete("every.none", 0));
	R(pvm_insert("every.old", -2, 1));
}

/* --- services ------------------------------------------------------------------------------------- */

static void services(void)
{
	struct pvmhostinfo *list = NULL;
	R(pvm_reg_hoster());
	R(pvm_reg_hoster());
	R(pvm_reg_tasker());
	R(pvm_reg_tasker());
	R(pvm_reg_rm(&list));
}

static void output_caught(void)
{
	FILE *f = tmpfile();
	char line[200] = "", last[200] = "";
	R(pvm_catchout(f));
	if (start_tasks(1) != 1)
		return;
	order(tids[0], "print");
	order(tids[0], "end");
	R(pvm_catchout(NULL));
	rewind(f);
	while (fgets(line, sizeof line, f))
		if (strstr(line, "printed"))
			strcpy(last, strchr(line, ']') ? strchr(line, ']') : line);
	last[strcspn(last, "\n")] = 0;
	TEXT(last);
}

static void exports(void)
{
	R(pvm_export("EVERY_A"));
	R(pvm_export("EVERY_B"));
	TEXT(getenv("PVM_EXPORT"));
	R(pvm_unexport("EVERY_A"));
	TEXT(getenv("PVM_EXPORT"));
	R(pvm_unexport("EVERY_NONE"));
	R(pvm_unexport("EVERY_B"));
}

const struct one_case group_cases[] = {
        {"groups", groups},
        {"no_group", no_group},
        {"several_members", several_members},
        {"bad_collectives", bad_collectives},
        {"reducers", reducers},
        {"mailbox", mailbox},
        {"mailbox_large", mailbox_large},
        {"no_name", no_name},
        {"owners", owners},
        {"old_names", old_names},
        {"output_caught", output_caught},
        {"exports", exports},
        {NULL, NULL},
};

/* The last: from there on PVM's daemon asks services that are gone, and many calls don't return. */
const struct one_case service_cases[] = {
        {"services", services},
        {NULL, NULL},
};
