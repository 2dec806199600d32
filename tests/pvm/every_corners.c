/* Odd corners: calls that follow on each other, odd options, and what is left behind; see every.c. */
#include "every.h"

/* --- options -------------------------------------------------------------------------------------- */

/* What an option says before, of itself and after. */
static void set(int what, int value)
{
	int before = pvm_getopt(what), rc = pvm_setopt(what, value);
	printf("option %d set to %d: %d, was %d, is %d\n", what, value, rc, before, pvm_getopt(what));
	fflush(stdout);
}

static void odd_options(void)
{
	static const int values[] = {-1, 0, 1, 2, 3, 4, 100};
	for (int what = 0; what <= 26; what++)
		for (size_t i = 0; i < sizeof values / sizeof *values; i++)
			if (what != PvmAutoErr)
				set(what, values[i]);
}

static void automatic_errors(void)
{
	set(PvmAutoErr, 1);
	set(PvmAutoErr, -7);
	set(PvmAutoErr, 100);
	set(PvmAutoErr, 0);
	pvm_setopt(PvmAutoErr, 2); /* the next one ends us */
	R(pvm_getopt(PvmAutoErr));
	R(pvm_send(-1, -1));
}

static void automatic_abort(void)
{
	pvm_setopt(PvmAutoErr, 3);
	R(pvm_send(-1, -1));
}

/* Its own output and traces. */
static void own_targets(void)
{
	int me = pvm_mytid();
	R(pvm_setopt(PvmSelfOutputTid, me));
	R(pvm_getopt(PvmSelfOutputTid) == me);
	R(pvm_getopt(PvmOutputTid) == me);
	R(pvm_setopt(PvmSelfOutputCode, 31));
	R(pvm_getopt(PvmSelfOutputCode));
	R(pvm_getopt(PvmOutputCode));
	R(pvm_setopt(PvmSelfOutputTid, 0) == me);
	R(pvm_getopt(PvmOutputTid));
	R(pvm_setopt(PvmSelfOutputCode, 32));
	R(pvm_setopt(PvmSelfOutputTid, 12345));
	R(pvm_setopt(PvmSelfOutputTid, 0));
	R(pvm_setopt(PvmSelfOutputTid, -1));
	R(pvm_setopt(PvmSelfOutputTid, 0));
	R(pvm_setopt(PvmSelfTraceCode, 32));
	R(pvm_setopt(PvmSelfTraceTid, me));
	R(pvm_getopt(PvmTraceTid) == me);
	R(pvm_setopt(PvmSelfTraceCode, 33));
	R(pvm_getopt(PvmTraceCode));
	R(pvm_setopt(PvmSelfTraceTid, 0) == me);
	R(pvm_setopt(PvmSelfOutputContext, 1));
	R(pvm_setopt(PvmSelfTraceContext, 1));
	R(pvm_setopt(PvmTraceTid, me));
	R(pvm_setopt(PvmTraceTid, 0) == me);
}

static void options_after_exit(void)
{
	R(pvm_setopt(PvmRoute, PvmRouteDirect));
	R(pvm_setopt(PvmResvTids, 1));
	R(pvm_setopt(PvmOutputTid, pvm_mytid()));
	R(pvm_setopt(PvmFragSize, 5000));
	R(pvm_setopt(PvmShowTids, 0));
	R(pvm_setopt(PvmTraceBuffer, 99));
	ID(pvm_initsend(PvmDataRaw));
	R(pvm_exit());
	R(pvm_mytid() > 0);
	R(pvm_getopt(PvmRoute));
	R(pvm_getopt(PvmResvTids));
	R(pvm_getopt(PvmOutputTid));
	R(pvm_getopt(PvmFragSize));
	R(pvm_getopt(PvmShowTids));
	R(pvm_getopt(PvmTraceBuffer));
	R(pvm_getsbuf() > 0);
}

/* --- notices -------------------------------------------------------------------------------------- */

static void show_notice(int tag)
{
	struct timeval soon = {0, 300000};
	int b = pvm_trecv(-1, tag, &soon), bytes = -1, from = -1;
	if (b > 0)
		pvm_bufinfo(b, &bytes, NULL, &from);
	printf("notice %d: %s, %d bytes, from %s\n", tag, b > 0 ? "came" : "none", bytes,
	       from == (int)0x80000000 ? "a daemon" : from < 0 ? "negative" : "positive");
	fflush(stdout);
}

static void odd_notices(void)
{
	int who[4], none = 0;
	R(pvm_notify(PvmTaskExit, 60, 0, &none));
	R(pvm_notify(PvmTaskExit, 60, -1, &none));
	R(pvm_notify(PvmTaskExit, 60, 0, NULL));
	R(pvm_notify(PvmHostAdd, 61, 0, NULL));
	R(pvm_notify(PvmHostAdd, 61, -1, NULL));
	R(pvm_notify(PvmHostAdd, 61, 5, NULL));
	R(pvm_notify(PvmHostDelete, 62, 0, &none));
	R(pvm_notify(PvmRouteAdd, 63, 0, NULL));
	R(pvm_notify(PvmRouteAdd, 63, -1, NULL));
	R(pvm_notify(PvmRouteDelete, 64, 0, &none));
	R(pvm_notify(0, 65, 1, &none));
	R(pvm_notify(6, 65, 1, &none));
	R(pvm_notify(-1, 65, 1, &none));
	R(pvm_notify(PvmTaskExit, -1, 1, &none));
	none = pvm_tidtohost(pvm_mytid());
	R(pvm_notify(PvmTaskExit, 66, 1, &none));
	show_notice(66);
	none = pvm_mytid();
	R(pvm_notify(PvmHostDelete, 67, 1, &none));
	show_notice(67);
	none = 0x7fc0000;
	R(pvm_notify(PvmHostDelete, 68, 1, &none));
	show_notice(68);
	none = 0;
	R(pvm_notify(PvmTaskExit, 69, 1, &none));
	show_notice(69);
	none = -1;
	R(pvm_notify(PvmTaskExit, 70, 1, &none));
	show_notice(70);
	who[0] = who[1] = dead_tid();
	R(pvm_notify(PvmTaskExit, 71, 2, who));
	show_notice(71);
	show_notice(71);
	show_notice(71);
	who[1] = 0x40000001;
	R(pvm_notify(PvmTaskExit, 72, 2, who));
	show_notice(72);
	show_notice(72);
}

static void notices_twice(void)
{
	int twice[2];
	if (start_tasks(2) != 2)
		return;
	order(tids[0], "answer");
	MUST(reply_int(tids[0]));
	twice[0] = twice[1] = tids[0];
	R(pvm_notify(PvmTaskExit, 55, 2, twice));
	R(pvm_notify(PvmTaskExit, 55, 1, twice));
	R(pvm_notify(PvmTaskExit, 56, 1, twice));
	R(pvm_notify(PvmTaskExit | PvmNotifyCancel, 56, 1, twice));
	show_notice(56);
	show_notice(56);
	R(pvm_notify(PvmTaskExit | PvmNotifyCancel, 99, 1, twice));
	show_notice(99);
	R(pvm_notify(PvmTaskExit | PvmNotifyCancel, 55, 1, tids + 1));
	show_notice(55);
	R(pvm_notify(PvmHostAdd, 57, -1, NULL));
	R(pvm_notify(PvmHostAdd | PvmNotifyCancel, 57, 0, NULL));
	show_notice(57);
	R(pvm_kill(tids[0]));
	show_notice(55);
	show_notice(55);
	show_notice(55);
	show_notice(55);
	end_tasks();
}

/* --- several receivers ------------------------------------------------------------------------------ */

static void odd_casts(void)
{
	int to[4];
	if (start_tasks(1) != 1)
		return;
	pvm_initsend(PvmDataDefault);
	pvm_pkstr("answer");
	to[0] = to[1] = tids[0];
	R(pvm_mcast(to, 2, TAG)); /* once or twice? */
	ID(pvm_recv(tids[0], TAG + 1));
	order(tids[0], "print");
	order(tids[0], "answer");
	ID(pvm_recv(tids[0], TAG + 1));
	R(pvm_nrecv(tids[0], TAG + 1));
	to[0] = pvm_mytid();
	to[1] = tids[0];
	pvm_initsend(PvmDataDefault);
	pvm_pkstr("answer");
	R(pvm_mcast(to, 2, TAG));
	ID(pvm_recv(tids[0], TAG + 1));
	R(pvm_nrecv(pvm_mytid(), TAG) > 0);
	to[0] = 0;
	R(pvm_mcast(to, 1, TAG));
	to[0] = pvm_tidtohost(pvm_mytid());
	R(pvm_mcast(to, 1, TAG));
	to[0] = dead_tid();
	to[1] = dead_tid() + 1;
	R(pvm_mcast(to, 2, TAG));
	R(pvm_setsbuf(0) > 0);
	R(pvm_mcast(to, 2, TAG));
	R(pvm_send(pvm_mytid(), TAG));
	end_tasks();
}

/* --- buffers on their way ---------------------------------------------------------------------------- */

static void show_buffer(int b)
{
	int bytes = -9, tag = -9, from = -9, rc = pvm_bufinfo(b, &bytes, &tag, &from);
	printf("buffer: %d, %d bytes, tag %d, from %s\n", rc, bytes, tag,
	       from == pvm_mytid() ? "me" : from == 0 ? "0" : from < 0 ? "negative" : "positive");
	fflush(stdout);
}

static void forwarding(void)
{
	int me = pvm_mytid(), b, c, v = 0;
	ID(b = pvm_initsend(PvmDataDefault));
	show_buffer(b);
	v = 5;
	R(pvm_pkint(&v, 1, 1));
	show_buffer(b);
	R(pvm_send(me, 40));
	show_buffer(b);
	ID(c = pvm_recv(me, 40));
	show_buffer(c);
	ID(pvm_setsbuf(c));
	R(pvm_getrbuf() == c);
	R(pvm_getsbuf() == c);
	R(pvm_send(me, 41));
	show_buffer(c);
	ID(pvm_recv(me, 41));
	R(next_int());
	R(pvm_bufinfo(c, NULL, NULL, NULL));
	ID(pvm_setsbuf(b));
	ID(pvm_setrbuf(b));
	R(next_int());
	show_buffer(b);
	ID(pvm_setrbuf(0));
	R(pvm_upkint(&v, 1, 1));
	R(pvm_freebuf(b));
	R(pvm_getsbuf());
	R(pvm_bufinfo(b, NULL, NULL, NULL));
	R(pvm_bufinfo(0, NULL, NULL, NULL));
	R(pvm_bufinfo(-1, NULL, NULL, NULL));
}

static void packing_what_came(void)
{
	int me = pvm_mytid(), c, v = 6;
	send_int(me, 42, 5);
	ID(c = pvm_recv(me, 42));
	ID(pvm_setrbuf(0));
	ID(pvm_setsbuf(c));
	R(pvm_pkint(&v, 1, 1));
	show_buffer(c);
	R(pvm_send(me, 43));
	ID(pvm_recv(me, 43));
	R(next_int());
	R(next_int());
	R(pvm_upkint(&v, 1, 1));
}

static void unpacking_what_goes(void)
{
	int b, v = 6;
	ID(b = pvm_mkbuf(PvmDataDefault));
	R(pvm_setsbuf(b));
	R(pvm_pkint(&v, 1, 1));
	R(pvm_setrbuf(b));
	v = 0;
	R(pvm_upkint(&v, 1, 1));
	R(v);
	v = 7;
	R(pvm_pkint(&v, 1, 1));
	R(pvm_upkint(&v, 1, 1));
	R(v);
	R(pvm_upkint(&v, 1, 1));
	R(pvm_setsbuf(9999));
	R(pvm_setrbuf(9999));
	R(pvm_setsbuf(-1));
	R(pvm_setrbuf(-1));
	R(pvm_getsbuf() == b);
	R(pvm_getrbuf() == b);
	R(pvm_freebuf(b));
	R(pvm_getsbuf());
	R(pvm_getrbuf());
	R(pvm_mkbuf(-1));
	R(pvm_mkbuf(3));
	R(pvm_mkbuf(99));
	R(pvm_initsend(-1));
	R(pvm_initsend(3));
	R(pvm_getsbuf());
}

/* What there is comes, though it is less. */
static void unpacking_beyond(void)
{
	int me = pvm_mytid(), v[3] = {1, 2, 3};
	double x[2] = {1.5, 2.5};
	for (int encoding = PvmDataDefault; encoding <= PvmDataRaw; encoding++) {
		int w[8] = {0};
		double y[8] = {0};
		char text[16] = "...............";
		pvm_initsend(encoding);
		pvm_pkint(v, 3, 1);
		MUST(pvm_send(me, 45));
		ID(pvm_recv(me, 45));
		R(pvm_upkint(w, 4, 2));
		printf("%d %d %d %d %d %d %d %d\n", w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7]);
		R(pvm_upkint(w, 1, 1));
		pvm_initsend(encoding);
		pvm_pkdouble(x, 2, 1);
		pvm_pkint(v, 1, 1);
		MUST(pvm_send(me, 45));
		ID(pvm_recv(me, 45));
		R(pvm_upkdouble(y, 8, 1));
		printf("%g %g\n", y[0], y[1]);
		R(pvm_upkint(w, 1, 1));
		pvm_initsend(encoding);
		pvm_pkbyte("abcdefgh", 8, 1);
		MUST(pvm_send(me, 45));
		ID(pvm_recv(me, 45));
		R(pvm_upkbyte(text, 12, 1));
		printf("%.8s\n", text);
		R(pvm_upkbyte(text, 1, 1));
	}
	R(pvm_packf("words are %% not looked at"));
	R(pvm_packf("%+ nor here: %d, %s", PvmDataDefault, 5, "text"));
	MUST(pvm_send(me, 46));
	ID(pvm_recv(me, 46));
	R(next_int());
}

/* Kept ones are not freed by the next receive. */
static void kept(void)
{
	int me = pvm_mytid(), a, b;
	send_int(me, 1, 11);
	send_int(me, 1, 12);
	ID(a = pvm_recv(me, 1));
	R(pvm_setrbuf(0) == a);
	ID(b = pvm_recv(me, 1));
	R(a != b);
	R(pvm_setrbuf(a) == b);
	R(next_int());
	R(pvm_setrbuf(b) == a);
	R(next_int());
	R(pvm_nrecv(me, 1));
	R(pvm_bufinfo(b, NULL, NULL, NULL));
	R(pvm_bufinfo(a, NULL, NULL, NULL));
	R(pvm_freebuf(a));
	R(pvm_freebuf(a));
}

static void show_info(int b)
{
	struct pvmminfo info = {.len = -9, .ctx = -9, .tag = -9, .wid = -9, .enc = -9, .crc = -9};
	int rc = pvm_getminfo(b, &info);
	printf("info: %d, length %d, context %d, tag %d, wait %d, crc %d\n", rc, info.len, info.ctx, info.tag, info.wid, info.crc);
	printf("      encoding %x, from %s, to %s\n", (unsigned)info.enc, info.src == pvm_mytid() ? "me" : info.src ? "some" : "0",
	       info.dst == pvm_mytid() ? "me" : info.dst ? "some" : "0");
	fflush(stdout);
}

static void infos(void)
{
	struct pvmminfo info;
	int me = pvm_mytid(), b, c;
	ID(b = pvm_initsend(PvmDataRaw));
	show_info(b);
	ID(b = pvm_initsend(PvmDataDefault));
	show_info(b);
	pvm_pkint(&b, 1, 1);
	show_info(b);
	memset(&info, 0, sizeof info);
	info.len = 99;
	info.ctx = 7;
	info.tag = 70;
	info.wid = 3;
	info.enc = 1;
	info.src = 77;
	info.dst = 78;
	R(pvm_setminfo(b, &info));
	show_info(b);
	R(pvm_send(me, 44));
	show_info(b);
	ID(c = pvm_recv(me, 44));
	show_info(c);
	R(pvm_setminfo(c, &info));
	show_info(c);
	R(pvm_setminfo(9999, &info));
	R(pvm_getminfo(9999, &info));
	R(pvm_setminfo(0, &info));
	R(pvm_getminfo(0, &info));
	R(pvm_setminfo(-1, &info));
}

/* --- precv, trecv -------------------------------------------------------------------------------------- */

static void other_types(void)
{
	int me = pvm_mytid(), v[4] = {1, 2, 3, 4}, n = -9, tag = -9, from = -9;
	short w[8] = {0};
	double d = 0;
	char text[64] = "";
	R(pvm_psend(me, 50, v, 4, PVM_INT));
	R(pvm_precv(me, 50, w, 8, PVM_SHORT, &from, &tag, &n));
	R(n);
	R(pvm_psend(me, 50, v, 4, PVM_INT));
	R(pvm_precv(me, 50, w, 4, PVM_SHORT, &from, &tag, &n));
	R(n);
	R(pvm_psend(me, 50, v, 1, PVM_INT));
	R(pvm_precv(me, 50, &d, 1, PVM_DOUBLE, &from, &tag, &n));
	R(n);
	R(pvm_psend(me, 50, v, 4, PVM_INT));
	R(pvm_precv(me, 50, text, 15, PVM_BYTE, &from, &tag, &n));
	R(n);
	send_int(me, 50, 0x01020304);
	R(pvm_precv(me, 50, v, 1, PVM_INT, &from, &tag, &n));
	R(n);
	printf("%x\n", (unsigned)v[0]);
	R(pvm_psend(me, 50, v, 2, PVM_INT));
	ID(pvm_recv(me, 50));
	R(next_int() == v[0]);
	R(pvm_getrbuf() > 0);
	R(pvm_psend(me, 50, v, 2, PVM_INT));
	R(pvm_precv(me, 50, v, 2, PVM_INT, NULL, NULL, NULL));
	R(pvm_getrbuf() > 0);
	R(pvm_psend(me, 50, v, 2, PVM_LONG));
	R(pvm_precv(me, 50, text, 2, PVM_LONG, NULL, NULL, &n));
	R(n);
	R(pvm_psend(me, 50, v, 2, PVM_UINT));
	R(pvm_precv(me, 50, text, 2, PVM_USHORT, NULL, NULL, &n));
	R(n);
}

static void timed_out(void)
{
	struct timeval none = {0, 0}, bad = {0, -1}, worse = {-1, 500000}, large = {0, 1000000}, soon = {0, 10000};
	R(pvm_trecv(-1, 1, &bad));
	R(pvm_trecv(-1, 1, &worse));
	send_int(pvm_mytid(), 1, 6);
	ID(pvm_trecv(-1, 1, &large));
	R(next_int());
	R(pvm_trecv(-1, 1, &none));
	R(pvm_getrbuf());
	R(none.tv_sec + none.tv_usec);
	R(pvm_trecv(99, 1, &none));
	R(pvm_trecv(0, 1, &none));
	R(pvm_trecv(dead_tid(), 1, &soon));
	R(soon.tv_usec);
}

/* --- handlers ------------------------------------------------------------------------------------------- */

static int depth, deepest, ncalls;

/* A message that it is for comes while it runs. */
static int nested(int b)
{
	int v = next_int();
	ncalls++;
	if (++depth > deepest)
		deepest = depth;
	if (v == 1)
		say("its buffer", b == pvm_getrbuf() && pvm_getsbuf() == 0);
	if (v < 3) {
		send_int(pvm_mytid(), 80, v + 1);
		usleep(50000);
		pvm_probe(-1, 81);
	}
	depth--;
	return -5;
}

/* What was sent to oneself before has come when this has. */
static void arrive(void)
{
	send_int(pvm_mytid(), 95, 0);
	MUST(pvm_recv(-1, 95));
}

static void handlers_nested(void)
{
	int id, s, r, me = pvm_mytid();
	R((id = pvm_addmhf(-1, 80, 0, nested)) >= 0);
	send_int(me, 81, 4);
	MUST(r = pvm_recv(-1, 81));
	send_int(me, 80, 1);
	s = pvm_getsbuf();
	ID(pvm_probe(-1, 82));
	for (int i = 0; i < 5; i++)
		arrive();
	R(ncalls);
	R(deepest);
	R(pvm_getsbuf() != 0);
	R(pvm_nrecv(-1, 80));
	R(pvm_delmhf(id));
	(void)s;
	(void)r;
}

static int first_handler(int b)
{
	(void)b;
	say("the first handler", 1);
	return 0;
}

static int second_handler(int b)
{
	(void)b;
	say("the second handler", 2);
	return 0;
}

static void handlers_alike(void)
{
	int id, other, me = pvm_mytid();
	R((id = pvm_addmhf(-1, 90, -1, first_handler)) >= 0);
	R(pvm_addmhf(-1, 90, -1, second_handler));
	R((other = pvm_addmhf(me, 90, -1, second_handler)) >= 0);
	R(pvm_addmhf(-1, -1, -1, second_handler) >= 0);
	send_int(me, 90, 1);
	arrive();
	R(pvm_delmhf(other));
	send_int(me, 90, 1);
	arrive();
	R(pvm_delmhf(id));
	send_int(me, 90, 1);
	arrive();
	R(pvm_addmhf(-1, 90, -1, first_handler) == id);
	R(pvm_addmhf(-1, 90, 5, first_handler) >= 0);
	R(pvm_addmhf(me, 96, 0, first_handler) >= 0);
	R(pvm_addmhf(-1, 96, 0, first_handler) >= 0);
	R(pvm_addmhf(me, -1, 0, first_handler) >= 0);
	R(pvm_addmhf(dead_tid(), 96, 0, first_handler) >= 0);
	R(pvm_addmhf(dead_tid(), 97, 0, first_handler) >= 0);
	R(pvm_addmhf(-1, 98, 0, first_handler) >= 0);
	R(pvm_exit());
	me = pvm_mytid();
	send_int(me, 98, 1);
	arrive();
	R(pvm_nrecv(-1, 98) > 0);
}

/* --- groups ----------------------------------------------------------------------------------------------- */

static void names_of_groups(void)
{
	char name[80];
	memset(name, 'g', sizeof name);
	for (int n = 30; n < 66; n += 5) {
		name[n] = '\0';
		printf("%d bytes: ", n);
		R(pvm_joingroup(name));
		R(pvm_gsize(name));
		R(pvm_lvgroup(name));
		name[n] = 'g';
	}
	R(pvm_joingroup("with a space"));
	R(pvm_lvgroup("with a space"));
}

static void roots(void)
{
	int v[2] = {1, 2}, w[8] = {0};
	if (start_tasks(1) != 1)
		return;
	order(tids[0], "join");
	R(reply_int(tids[0]));
	/* not a member oneself */
	R(pvm_reduce(PvmSum, v, 2, PVM_INT, TAG, "every", 0));
	R(pvm_gather(w, v, 2, PVM_INT, TAG, "every", 0));
	R(pvm_scatter(w, v, 2, PVM_INT, TAG, "every", 0));
	R(pvm_barrier("every", 1));
	R(pvm_getinst("every", pvm_mytid()));
	R(pvm_lvgroup("every"));
	R(pvm_bcast("every", TAG));
	pvm_initsend(PvmDataDefault);
	pvm_pkstr("answer");
	R(pvm_bcast("every", TAG)); /* those that are no members may */
	ID(pvm_recv(tids[0], TAG + 1));
	R(pvm_joingroup("every"));
	R(pvm_reduce(PvmSum, v, 0, PVM_INT, TAG, "every", 1));
	R(pvm_gather(w, v, 0, PVM_INT, TAG, "every", 1));
	R(pvm_scatter(w, v, 0, PVM_INT, TAG, "every", 1));
	R(pvm_freezegroup("every", -2));
	end_tasks();
	pvm_lvgroup("every");
}

static void member_twice(void)
{
	R(pvm_joingroup("every"));
	R(pvm_joingroup("every2"));
	R(pvm_exit());
	R(pvm_mytid() > 0);
	R(pvm_gsize("every"));
	R(pvm_gsize("every2"));
	R(pvm_getinst("every", pvm_mytid()));
	R(pvm_joingroup("every"));
	R(pvm_lvgroup("every"));
}

/* --- spawning --------------------------------------------------------------------------------------------- */

static void show_spawn(const char *what, int flags, char *where, int n)
{
	char *args[] = {"task", NULL};
	for (int i = 0; i < NTIDS; i++)
		tids[i] = -99;
	int rc = pvm_spawn(program, args, flags, where, n, tids);
	printf("%s: %d", what, rc);
	for (int i = 0; i < n && i < 2; i++)
		printf(" %d", tids[i] > 0 ? 1 : tids[i]);
	puts("");
	fflush(stdout);
	ntids = rc > 0 ? rc : 0;
	end_tasks();
}

static void flags_of_spawn(void)
{
	char host[256], with_dir[300];
	struct pvmhostinfo *hosts;
	pvm_config(NULL, NULL, &hosts);
	snprintf(host, sizeof host, "%s", hosts[0].hi_name);
	show_spawn("host", PvmTaskHost, host, 1);
	snprintf(with_dir, sizeof with_dir, "%s:/tmp", host);
	show_spawn("host with a folder", PvmTaskHost, with_dir, 1);
	show_spawn("a folder", PvmTaskHost, ":/tmp", 1);
	show_spawn("a folder, by default", PvmTaskDefault, ":/tmp", 1);
	show_spawn("a folder that is not there", PvmTaskHost, ".:/no/such/folder", 1);
	show_spawn("arch with a folder", PvmTaskArch, "LINUX64:/tmp", 1);
	show_spawn("host and arch", PvmTaskHost | PvmTaskArch, host, 1);
	show_spawn("host and arch, the arch", PvmTaskHost | PvmTaskArch, "LINUX64", 1);
	show_spawn("not this host", PvmTaskHost | PvmHostCompl, host, 2);
	show_spawn("not another host", PvmTaskHost | PvmHostCompl, "no.such.host", 1);
	show_spawn("not this arch", PvmTaskArch | PvmHostCompl, "LINUX64", 1);
	show_spawn("not another arch", PvmTaskArch | PvmHostCompl, "SUN4", 1);
	show_spawn("not any", PvmHostCompl, "", 1);
	show_spawn("front", PvmMppFront, "", 1);
	show_spawn("front of a host", PvmMppFront | PvmTaskHost, host, 1);
	show_spawn("host by default is not looked at", PvmTaskDefault, "no.such.host", 1);
	show_spawn("traced", PvmTaskTrace, "", 1);
	show_spawn("flags that are none", 128, "", 1);
	show_spawn("all flags", -1, host, 1);
	show_spawn("arch that is none", PvmTaskArch, "", 1);
}

static void no_parent(void)
{
	char self[16], *args[] = {"parent", self, NULL};
	int tid = 0;
	snprintf(self, sizeof self, "%d", pvm_mytid());
	R(pvm_spawn(program, args, PvmNoSpawnParent, "", 1, &tid));
	ID(pvm_recv(tid, TAG + 1));
	R(next_int());
	R(pvm_spawn(program, args, PvmTaskDefault, "", 1, &tid));
	ID(pvm_recv(tid, TAG + 1));
	R(next_int() == pvm_mytid());
}

/* --- the mailbox -------------------------------------------------------------------------------------------- */

static int letter(int v)
{
	int b = pvm_initsend(PvmDataDefault);
	pvm_pkint(&v, 1, 1);
	return b;
}

static void flags_of_mailbox(void)
{
	int b;
	R(pvm_putinfo("corner.a", letter(1), PvmMboxOverWritable | PvmMboxPersistent));
	R(pvm_putinfo("corner.a", letter(2), PvmMboxOverWritable));
	ID(pvm_recvinfo("corner.a", 0, PvmMboxDefault));
	R(next_int());
	R(pvm_putinfo("corner.a", letter(3), PvmMboxMultiInstance));
	ID(pvm_recvinfo("corner.a", 1, PvmMboxDefault));
	R(next_int());
	R(pvm_delinfo("corner.a", 0, PvmMboxPersistent));
	R(pvm_putinfo("corner.b", letter(4), PvmMboxMultiInstance | PvmMboxOverWritable));
	R(pvm_putinfo("corner.b", letter(5), PvmMboxMultiInstance | PvmMboxOverWritable));
	R(pvm_putinfo("corner.b", letter(6), PvmMboxOverWritable | PvmMboxDirectIndex(1)));
	ID(pvm_recvinfo("corner.b", 1, PvmMboxDefault));
	R(next_int());
	ID(pvm_recvinfo("corner.b", -1, PvmMboxFirstAvail));
	R(next_int());
	ID(pvm_recvinfo("corner.b", 1, PvmMboxFirstAvail | PvmMboxReadAndDelete));
	R(next_int());
	R(pvm_recvinfo("corner.b", 5, PvmMboxFirstAvail));
	R(pvm_recvinfo("corner.b", -2, PvmMboxDefault));
	R(pvm_delinfo("corner.b", 0, PvmMboxFirstAvail));
	R(pvm_delinfo("corner.b", -1, PvmMboxDefault));
	R(pvm_putinfo("corner.c", letter(7), 256));
	R(pvm_putinfo("corner.c", letter(7), -1));
	R(pvm_delinfo("corner.c", 0, PvmMboxDefault));
	R((b = letter(8)) > 0);
	R(pvm_putinfo("corner.d", b, PvmMboxDefault));
	R(pvm_send(pvm_mytid(), 30)); /* the buffer is still there */
	ID(pvm_recv(-1, 30));
	R(next_int());
	R(pvm_putinfo("corner.e", pvm_getrbuf(), PvmMboxDefault)); /* one that came */
	ID(pvm_recvinfo("corner.e", 0, PvmMboxDefault));
	R(next_int());
	show_buffer(pvm_getrbuf());
	R(pvm_putinfo("corner.f", pvm_initsend(PvmDataRaw), PvmMboxDefault)); /* nothing in it */
	ID(pvm_recvinfo("corner.f", 0, PvmMboxDefault));
	show_buffer(pvm_getrbuf());
	R(pvm_delinfo("corner.d", 0, PvmMboxDefault));
	R(pvm_delinfo("corner.e", 0, PvmMboxDefault));
	R(pvm_delinfo("corner.f", 0, PvmMboxDefault));
	R(pvm_putinfo("corner.g", pvm_initsend(PvmDataInPlace), PvmMboxDefault));
	R(pvm_delinfo("corner.g", 0, PvmMboxDefault));
}

/* --- the machine --------------------------------------------------------------------------------------------- */

static void odd_hosts(void)
{
	struct timeval at, ahead;
	char *self[] = {NULL}, *two[2];
	struct pvmhostinfo *hosts;
	int infos[2] = {99, 99}, n = -9, narch = -9;
	pvm_config(NULL, NULL, &hosts);
	R(pvm_hostsync(dead_tid(), &at, &ahead));
	R(pvm_hostsync(99, &at, &ahead));
	R(pvm_hostsync(0x80000000, &at, &ahead));
	R(pvm_hostsync(0x40000001, &at, &ahead));
	ID(pvm_tidtohost(-1));
	R(pvm_tidtohost(0x80000000));
	R(pvm_tidtohost(0x40000001));
	R(pvm_tidtohost(pvm_tidtohost(pvm_mytid())) == pvm_tidtohost(pvm_mytid()));
	self[0] = hosts[0].hi_name;
	R(pvm_delhosts(self, 1, infos));
	R(infos[0]);
	two[0] = two[1] = "no.such.host.invalid";
	R(pvm_delhosts(two, 2, infos));
	printf("%d %d\n", infos[0], infos[1]);
	R(pvm_delhosts(self, 1, NULL));
	R(pvm_config(&n, NULL, NULL));
	R(n);
	R(pvm_config(NULL, &narch, NULL));
	R(narch);
}

static void of_messages(void)
{
	int fds[8] = {0}, *list = NULL, *siblings = NULL;
	R(pvm_getfds(&list) >= 1);
	R(list && list[0] >= 0);
	R(pvm_siblings(&siblings));
	R(siblings && siblings[0] == pvm_mytid());
	R(pvm_tickle(1, fds, NULL, NULL));
	R(pvm_pkmesg(9999));
	R(pvm_pkmesgbody(9999));
	R(pvm_upkmesg() > 0);
	R(pvm_initsend(0) > 0 ? pvm_pkmesg(pvm_getsbuf()) : 0);
	R(pvm_pkmesgbody(pvm_getsbuf()));
}

const struct one_case corner_cases[] = {
        {"odd_options", odd_options},
        {"automatic_errors", automatic_errors},
        {"automatic_abort", automatic_abort},
        {"own_targets", own_targets},
        {"options_after_exit", options_after_exit},
        {"odd_notices", odd_notices},
        {"notices_twice", notices_twice},
        {"odd_casts", odd_casts},
        {"forwarding", forwarding},
        {"packing_what_came", packing_what_came},
        {"unpacking_what_goes", unpacking_what_goes},
        {"unpacking_beyond", unpacking_beyond},
        {"kept", kept},
        {"infos", infos},
        {"other_types", other_types},
        {"timed_out", timed_out},
        {"handlers_nested", handlers_nested},
        {"handlers_alike", handlers_alike},
        {"names_of_groups", names_of_groups},
        {"roots", roots},
        {"member_twice", member_twice},
        {"flags_of_spawn", flags_of_spawn},
        {"no_parent", no_parent},
        {"flags_of_mailbox", flags_of_mailbox},
        {"odd_hosts", odd_hosts},
        {"of_messages", of_messages},
        {NULL, NULL},
};
