/* What kills or blocks a careless library, each by itself: see every.c. */
#include "every.h"

static char long_name[6000];

static void danger_getfds(void)
{
	R(pvm_getfds(NULL) >= 0);
}

static void danger_getminfo(void)
{
	R(pvm_getminfo(pvm_initsend(0), NULL));
}

static void danger_recv_source(void)
{
	R(pvm_recv(-2, -1));
}

static void danger_recv_tag(void)
{
	R(pvm_recv(-1, -2));
}

static void danger_precv_source(void)
{
	R(pvm_precv(-2, 9, tids, 1, PVM_INT, NULL, NULL, NULL));
}

static void danger_precv_tag(void)
{
	R(pvm_precv(-1, -2, tids, 1, PVM_INT, NULL, NULL, NULL));
}

static void danger_psend(void)
{
	R(pvm_psend(pvm_mytid(), 4, NULL, 1, PVM_INT));
}

static void danger_precv(void)
{
	R(pvm_psend(pvm_mytid(), 4, tids, 1, PVM_INT) + pvm_precv(-1, 4, NULL, 1, PVM_INT, NULL, NULL, NULL));
}

static void danger_addhosts(void)
{
	R(pvm_addhosts(NULL, 1, tids));
}

static void danger_delhosts(void)
{
	R(pvm_delhosts(NULL, 1, tids));
}

static void danger_spawn(void)
{
	R(pvm_spawn(NULL, NULL, PvmTaskDefault, "", 1, tids));
}

static void danger_spawn_tids(void)
{
	R(pvm_spawn(program, (char *[]){"task", NULL}, PvmTaskDefault, "", 1, NULL));
}

static void danger_notify(void)
{
	R(pvm_notify(PvmTaskExit, 55, 2, NULL));
}

static void danger_putinfo_buffer(void)
{
	R(pvm_putinfo("every.x", 0, PvmMboxDefault));
}

static void danger_putinfo_freed(void)
{
	R(pvm_putinfo("every.x", 9999, PvmMboxDefault));
}

static void danger_putinfo_negative(void)
{
	R(pvm_putinfo("every.x", -1, PvmMboxDefault));
}

static void danger_recvinfo_index(void)
{
	R(pvm_recvinfo("every.x", -1, PvmMboxDefault));
}

static void danger_pkint(void)
{
	R(pvm_initsend(0) > 0 ? pvm_pkint(NULL, 1, 1) : 0);
}

static void danger_pkint_none(void)
{
	R(pvm_initsend(0) > 0 ? pvm_pkint(NULL, 0, 1) : 0);
}

static void danger_pkstr(void)
{
	R(pvm_initsend(0) > 0 ? pvm_pkstr(NULL) : 0);
}

static void danger_upkint(void)
{
	R((send_int(pvm_mytid(), 1, 1), pvm_recv(-1, 1), pvm_upkint(NULL, 1, 1)));
}

static void danger_upkstr(void)
{
	R((send_int(pvm_mytid(), 1, 1), pvm_recv(-1, 1), pvm_upkstr(NULL)));
}

static void danger_mcast(void)
{
	R(pvm_initsend(0) > 0 ? pvm_mcast(NULL, 1, 1) : 0);
}

static void danger_archcode(void)
{
	R(pvm_archcode(NULL));
}

static void danger_mstat(void)
{
	R(pvm_mstat(NULL));
}

static void danger_huge_count(void)
{
	R(pvm_initsend(0) > 0 ? pvm_pkint(tids, 0x7fffffff, 1) : 0);
}

static void danger_huge_stride(void)
{
	R(pvm_initsend(0) > 0 ? pvm_pkint(tids, 2, 0x7fffffff) : 0);
}

static void danger_setminfo(void)
{
	R(pvm_setminfo(pvm_initsend(0), NULL));
}

static void danger_packf(void)
{
	R(pvm_packf(NULL));
}

static void danger_getmboxinfo(void)
{
	R(pvm_getmboxinfo(NULL, NULL, NULL));
}

static void danger_lookup(void)
{
	R(pvm_lookup("every.none", 0, NULL));
}

static void danger_export(void)
{
	R(pvm_export(NULL));
}

static void danger_freecontext_0(void)
{
	R(pvm_freecontext(0));
}

static void danger_group_long(void)
{
	memset(long_name, 'n', sizeof long_name - 1);
	R(pvm_joingroup(long_name));
}

static void danger_mailbox_long(void)
{
	memset(long_name, 'n', sizeof long_name - 1);
	R(pvm_putinfo(long_name, pvm_initsend(0), PvmMboxDefault));
}

static void danger_reduce(void)
{
	R(pvm_joingroup("every") + pvm_reduce(NULL, tids, 1, PVM_INT, 1, "every", 0));
}

static void danger_gather(void)
{
	R(pvm_joingroup("every") + pvm_gather(NULL, tids, 1, PVM_INT, 1, "every", 0));
}

static void danger_scatter(void)
{
	R(pvm_joingroup("every") + pvm_scatter(NULL, tids, 1, PVM_INT, 1, "every", 0));
}

static void danger_settmask(void)
{
	R(pvm_settmask(0, NULL));
}

static void danger_trecv_tag(void)
{
	R(pvm_trecv(-1, -2, &(struct timeval){0, 0}));
}

const struct one_case danger_cases[] = {
        {"danger_getfds", danger_getfds},
        {"danger_getminfo", danger_getminfo},
        {"danger_recv_source", danger_recv_source},
        {"danger_recv_tag", danger_recv_tag},
        {"danger_precv_source", danger_precv_source},
        {"danger_precv_tag", danger_precv_tag},
        {"danger_psend", danger_psend},
        {"danger_precv", danger_precv},
        {"danger_addhosts", danger_addhosts},
        {"danger_delhosts", danger_delhosts},
        {"danger_spawn", danger_spawn},
        {"danger_spawn_tids", danger_spawn_tids},
        {"danger_notify", danger_notify},
        {"danger_putinfo_buffer", danger_putinfo_buffer},
        {"danger_putinfo_freed", danger_putinfo_freed},
        {"danger_putinfo_negative", danger_putinfo_negative},
        {"danger_recvinfo_index", danger_recvinfo_index},
        {"danger_pkint", danger_pkint},
        {"danger_pkint_none", danger_pkint_none},
        {"danger_pkstr", danger_pkstr},
        {"danger_upkint", danger_upkint},
        {"danger_upkstr", danger_upkstr},
        {"danger_mcast", danger_mcast},
        {"danger_archcode", danger_archcode},
        {"danger_mstat", danger_mstat},
        {"danger_huge_count", danger_huge_count},
        {"danger_huge_stride", danger_huge_stride},
        {"danger_setminfo", danger_setminfo},
        {"danger_packf", danger_packf},
        {"danger_getmboxinfo", danger_getmboxinfo},
        {"danger_lookup", danger_lookup},
        {"danger_export", danger_export},
        {"danger_freecontext_0", danger_freecontext_0},
        {"danger_group_long", danger_group_long},
        {"danger_mailbox_long", danger_mailbox_long},
        {"danger_reduce", danger_reduce},
        {"danger_gather", danger_gather},
        {"danger_scatter", danger_scatter},
        {"danger_settmask", danger_settmask},
        {"danger_trecv_tag", danger_trecv_tag},
        {NULL, NULL},
};
