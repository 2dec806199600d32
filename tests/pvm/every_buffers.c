/* The task, its options, buffers and packing: see every.c. */
#include "every.h"

/* --- the task ------------------------------------------------------------------------------------- */

static void enrolment(void)
{
	int *list = NULL;
	ID(pvm_mytid());
	R(pvm_parent());
	R(pvm_siblings(&list));
	R(pvm_exit());
	R(pvm_exit());
	ID(pvm_mytid());
	R(pvm_exit());
}

static void texts(void)
{
	TEXT(pvm_version());
	R(pvm_archcode("LINUX64"));
	R(pvm_archcode("LINUX"));
	R(pvm_archcode("SUN4"));
	R(pvm_archcode("RS6K"));
	R(pvm_archcode("NOSUCH"));
	R(pvm_archcode(""));
	R(pvm_perror("here"));
	R(pvm_perror(NULL));
	R(pvm_tidtohost(99));
	TEXT(pvm_strerror());
	R(pvm_freebuf(-1));
	TEXT(pvm_strerror());
	R(pvm_getrbuf());
	TEXT(pvm_strerror());
}

static void options(void)
{
	for (int what = 0; what <= 26; what++) {
		printf("option %d: ", what);
		R(pvm_getopt(what));
	}
	R(pvm_getopt(-1));
	R(pvm_getopt(1000));
	R(pvm_setopt(PvmRoute, PvmRouteDirect));
	R(pvm_getopt(PvmRoute));
	R(pvm_setopt(PvmRoute, PvmDontRoute));
	R(pvm_setopt(PvmRoute, 0));
	R(pvm_setopt(PvmRoute, 4));
	R(pvm_setopt(PvmRoute, -1));
	R(pvm_getopt(PvmRoute));
	R(pvm_setopt(PvmDebugMask, 0));
	R(pvm_setopt(PvmAutoErr, 9));
	R(pvm_getopt(PvmAutoErr));
	R(pvm_setopt(PvmAutoErr, -1));
	R(pvm_setopt(PvmAutoErr, 0));
	R(pvm_setopt(PvmFragSize, 8192));
	R(pvm_getopt(PvmFragSize));
	R(pvm_setopt(PvmFragSize, 1));
	R(pvm_setopt(PvmFragSize, -5));
	R(pvm_setopt(PvmFragSize, 1 << 30));
	R(pvm_setopt(PvmResvTids, 1));
	R(pvm_setopt(PvmResvTids, 7));
	R(pvm_getopt(PvmResvTids));
	R(pvm_setopt(PvmResvTids, 0));
	R(pvm_setopt(PvmShowTids, 0));
	R(pvm_setopt(PvmShowTids, 1));
	R(pvm_setopt(PvmPollType, PvmPollConstant));
	R(pvm_setopt(PvmPollTime, 0));
	R(pvm_setopt(PvmNoReset, 1));
	R(pvm_getopt(PvmNoReset));
	R(pvm_setopt(PvmNoReset, 0));
	R(pvm_setopt(0, 1));
	R(pvm_setopt(99, 1));
	R(pvm_setopt(-1, 1));
}

static void output_options(void)
{
	R(pvm_setopt(PvmOutputTid, 0));
	R(pvm_setopt(PvmOutputTid, pvm_mytid()));
	ID(pvm_getopt(PvmOutputTid));
	R(pvm_setopt(PvmOutputTid, 12345));
	R(pvm_setopt(PvmOutputTid, -1));
	R(pvm_setopt(PvmOutputCode, 55));
	R(pvm_getopt(PvmOutputCode));
	R(pvm_setopt(PvmOutputCode, -55));
	R(pvm_setopt(PvmTraceTid, 0));
	R(pvm_setopt(PvmTraceTid, 12345));
	R(pvm_setopt(PvmTraceCode, 66));
	R(pvm_setopt(PvmTraceCode, -66));
	R(pvm_setopt(PvmTraceBuffer, 1000));
	R(pvm_getopt(PvmTraceBuffer));
	R(pvm_setopt(PvmTraceBuffer, -1));
	R(pvm_setopt(PvmTraceOptions, PvmTraceFull));
	R(pvm_setopt(PvmTraceOptions, PvmTraceTime));
	R(pvm_setopt(PvmTraceOptions, PvmTraceCount));
	R(pvm_getopt(PvmTraceOptions));
	R(pvm_setopt(PvmTraceOptions, 9));
	R(pvm_setopt(PvmSelfOutputCode, 3));
	R(pvm_setopt(PvmSelfTraceCode, 3));
	R(pvm_setopt(PvmOutputContext, 5));
	R(pvm_getopt(PvmOutputContext));
	R(pvm_setopt(PvmTraceContext, 5));
	R(pvm_setopt(PvmOutputContext, -5));
}

static void trace_masks(void)
{
	char mask[512];
	memset(mask, '@', sizeof mask);
	R(pvm_gettmask(0, mask));
	R(pvm_gettmask(1, mask));
	R(pvm_gettmask(2, mask));
	R(pvm_gettmask(1000, mask));
	R(pvm_settmask(1, mask));
	R(pvm_settmask(0, mask));
	R(pvm_settmask(1000, mask));
}

static void descriptors(void)
{
	int *fds = NULL, n = pvm_getfds(&fds);
	printf("pvm_getfds gives %s, %s\n", n >= 1 ? "at least one" : "none", fds && fds[0] >= 0 ? "the first is open" : "no list");
}

/* --- buffers -------------------------------------------------------------------------------------- */

static void buffers(void)
{
	int b, c, bytes = -7, tag = -7, from = -7;
	ID(b = pvm_mkbuf(PvmDataRaw));
	ID(c = pvm_mkbuf(PvmDataDefault));
	R(b != c);
	ID(pvm_mkbuf(PvmDataInPlace));
	R(pvm_mkbuf(3));
	ID(pvm_mkbuf(4));
	R(pvm_mkbuf(-1));
	R(pvm_mkbuf(77));
	R(pvm_freebuf(b));
	R(pvm_freebuf(b));
	R(pvm_freebuf(0));
	R(pvm_freebuf(-3));
	R(pvm_freebuf(9999));
	R(pvm_getsbuf());
	R(pvm_getrbuf());
	R(pvm_setsbuf(c));
	R(pvm_setsbuf(0) == c);
	R(pvm_setsbuf(9999));
	R(pvm_setsbuf(-1));
	R(pvm_setrbuf(9999));
	R(pvm_setrbuf(-1));
	R(pvm_setrbuf(c));
	R(pvm_setrbuf(0) == c);
	R(pvm_bufinfo(c, &bytes, &tag, &from));
	printf("an empty buffer: %d bytes, tag %d\n", bytes, tag);
	ID(from);
	R(pvm_bufinfo(c, NULL, NULL, NULL));
	R(pvm_bufinfo(0, &bytes, &tag, &from));
	R(pvm_bufinfo(-1, &bytes, &tag, &from));
	R(pvm_bufinfo(9999, &bytes, &tag, &from));
	ID(pvm_initsend(PvmDataDefault));
	R(pvm_getsbuf() == pvm_initsend(PvmDataRaw));
	R(pvm_initsend(99));
	R(pvm_initsend(-99));
	ID(pvm_getsbuf());
	for (int i = 0; i < 200; i++)
		if (pvm_mkbuf(PvmDataRaw) <= 0)
			puts("there are no more than 200 buffers");
}

static void header(void)
{
	struct pvmminfo info;
	int b = pvm_initsend(PvmDataRaw), v = 5;
	memset(&info, 0, sizeof info);
	pvm_pkint(&v, 1, 1);
	R(pvm_getminfo(b, &info));
	printf("len %d ctx %d tag %d wid %d enc %x crc %d dst %d\n", info.len, info.ctx, info.tag, info.wid, info.enc, info.crc,
	       info.dst);
	ID(info.src);
	info.tag = 31;
	info.wid = 77;
	info.src = 4711;
	R(pvm_setminfo(b, &info));
	memset(&info, 0, sizeof info);
	R(pvm_getminfo(b, &info));
	printf("tag %d wid %d src %d\n", info.tag, info.wid, info.src);
	R(pvm_getminfo(0, &info));
	R(pvm_getminfo(-1, &info));
	R(pvm_getminfo(9999, &info));
	R(pvm_setminfo(9999, &info));
}

static void no_buffer(void)
{
	int v = 0;
	char text[10];
	R(pvm_setsbuf(0) >= 0);
	R(pvm_pkint(&v, 1, 1));
	R(pvm_pkstr("x"));
	R(pvm_packf("%d", 1));
	R(pvm_send(pvm_mytid(), TAG));
	R(pvm_upkint(&v, 1, 1));
	R(pvm_upkstr(text));
	R(pvm_unpackf("%d", &v));
}

/* --- packing -------------------------------------------------------------------------------------- */

#define TYPES(X) X(byte, char) X(short, short) X(ushort, unsigned short) X(int, int) X(uint, unsigned) X(long, long) \
	X(ulong, unsigned long) X(float, float) X(double, double)

#define PACKS(name, type)                                                    \
	static void pack_##name(int encoding)                                \
	{                                                                    \
		type v[8] = {1, 2, 3, 4, 5, 6, 7, 8}, w[8] = {0};            \
		pvm_initsend(encoding);                                      \
		R(pvm_pk##name(v, 4, 1));                                    \
		R(pvm_pk##name(v, 2, 3));                                    \
		R(pvm_pk##name(v, 0, 1));                                    \
		R(pvm_pk##name(v, -1, 1));                                   \
		R(pvm_pk##name(v, 1, 0));                                    \
		MUST(pvm_send(pvm_mytid(), TAG));                            \
		MUST(pvm_recv(-1, TAG));                                     \
		R(pvm_upk##name(w, 4, 1));                                   \
		printf("%d %d\n", (int)w[0], (int)w[3]);                     \
		R(pvm_upk##name(w, 2, 4));                                   \
		printf("%d %d\n", (int)w[0], (int)w[4]);                     \
		R(pvm_upk##name(w, 0, 1));                                   \
		R(pvm_upk##name(w, -1, 1));                                  \
		R(pvm_upk##name(w, 1, 1));                                   \
		printf("%d\n", (int)w[0]);                                   \
		R(pvm_upk##name(w, 1, 1));                                   \
	}
TYPES(PACKS)

static void packing(int encoding)
{
	float z[4] = {1, 2, 3, 4}, z2[4] = {0};
	double dz[4] = {1, 2, 3, 4}, dz2[4] = {0};
#define PACK(name, type) pack_##name(encoding);
	TYPES(PACK)
	pvm_initsend(encoding);
	R(pvm_pkcplx(z, 2, 1));
	R(pvm_pkdcplx(dz, 1, 1));
	R(pvm_pkcplx(z, -2, 1));
	MUST(pvm_send(pvm_mytid(), TAG));
	MUST(pvm_recv(-1, TAG));
	R(pvm_upkcplx(z2, 2, 1));
	R(pvm_upkdcplx(dz2, 1, 1));
	printf("%g %g %g %g\n", z2[0], z2[3], dz2[0], dz2[1]);
}

static void packing_default(void)
{
	packing(PvmDataDefault);
}

static void packing_raw(void)
{
	packing(PvmDataRaw);
}

static void packing_in_place(void)
{
	int v[4] = {1, 2, 3, 4}, w[4] = {0};
	pvm_initsend(PvmDataInPlace);
	R(pvm_pkint(v, 2, 2));
	v[2] = 33;
	R(pvm_pkstr("x"));
	R(pvm_send(pvm_mytid(), TAG));
	MUST(pvm_recv(-1, TAG));
	R(pvm_upkint(w, 2, 1));
	printf("%d %d\n", w[0], w[1]);
	R(pvm_upkint(w, 1, 1));
}

static void strings(void)
{
	char text[64] = "before", big[3000];
	memset(big, 'b', sizeof big);
	big[sizeof big - 1] = 0;
	pvm_initsend(PvmDataDefault);
	R(pvm_pkstr(""));
	R(pvm_pkstr("one"));
	R(pvm_pkstr(big));
	MUST(pvm_send(pvm_mytid(), TAG));
	MUST(pvm_recv(-1, TAG));
	R(pvm_upkstr(text));
	TEXT(text);
	R(pvm_upkstr(text));
	TEXT(text);
	memset(big, 0, sizeof big);
	R(pvm_upkstr(big));
	R(strlen(big));
	R(pvm_upkstr(text));
}

static void lengths(void)
{
	int b, bytes, v = 1;
	char c[3] = "ab";
	for (int encoding = PvmDataDefault; encoding <= PvmDataRaw; encoding++) {
		b = pvm_initsend(encoding);
		pvm_pkbyte(c, 3, 1);
		pvm_pkint(&v, 1, 1);
		pvm_pkstr("hello");
		pvm_bufinfo(b, &bytes, NULL, NULL);
		printf("encoding %d: ", encoding);
		R(bytes);
	}
}

static void formats(void)
{
	int v[3] = {1, 2, 3}, w[3] = {0}, i = 0;
	double d = 0;
	float f = 0;
	short h = 0;
	long l = 0;
	char text[16] = "", bytes[4] = "";
	R(pvm_packf("%+ %d", PvmDataDefault, 42));
	R(pvm_packf("%*d %2d", 3, v, v));
	R(pvm_packf("%hd %ld %f %lf", (short)5, 6L, 1.5, 2.5));
	R(pvm_packf("%s", "text"));
	R(pvm_packf("%4c", "abcd"));
	R(pvm_packf("%q", 1));
	R(pvm_packf(""));
	MUST(pvm_send(pvm_mytid(), TAG));
	MUST(pvm_recv(-1, TAG));
	R(pvm_unpackf("%d", &i));
	R(i);
	R(pvm_unpackf("%*d %2d", 3, w, w));
	printf("%d %d %d\n", w[0], w[1], w[2]);
	R(pvm_unpackf("%hd %ld %f %lf", &h, &l, &f, &d));
	printf("%d %ld %g %g\n", h, l, f, d);
	R(pvm_unpackf("%s", text));
	TEXT(text);
	R(pvm_unpackf("%4c", bytes));
	printf("%.4s\n", bytes);
	R(pvm_unpackf("%d", &i));
	R(pvm_unpackf("%q", &i));
}

/* Of type, which has its number behind it when it is many; the types are pvmtev.h's. */
static void event_value(int type)
{
	int n = 1, ints[4];
	char bytes[8] = "";
	double doubles[4] = {0};
	R(type);
	if (type & 0x80)
		R((pvm_upkint(&n, 1, 1), n));
	if ((type & 0x7f) == 1) {
		MUST(pvm_upkbyte(bytes, n, 1));
		TEXT(bytes);
	} else if ((type & 0x7f) == 3 || (type & 0x7f) == 4) {
		MUST(pvm_upkdouble(doubles, (type & 0x7f) == 3 ? 2 * n : n, 1));
		R(doubles[0] * 10 + doubles[1]);
	} else {
		MUST(pvm_upkint(ints, (type & 0x7f) == 2 ? 2 * n : n, 1));
		R(ints[0]);
	}
}

/* What is packed with PvmDataTrace, but for the time. */
static void user_event(void)
{
	static char bytes[8] = "abcdefg";
	static int ints[] = {1, 2, 3, 4};
	static short shorts[] = {7, 8};
	static unsigned int uints[] = {5, 6};
	static unsigned short ushorts[] = {9, 10};
	static float floats[] = {1, 2, 3, 4};
	static double doubles[] = {1, 2, 3, 4};
	struct pvmminfo info = {0};
	char name[16];
	int n = 0, head[3];
	pvm_setopt(PvmAutoErr, 0);
	MUST(pvm_initsend(PvmDataTrace));
	R(pvm_pkint(ints, 1, 1));
	R(pvm_pkint(ints, 0, 1));
	R(pvm_pkint(ints, 2, 2));
	R(pvm_pkbyte(bytes, 1, 1));
	R(pvm_pkbyte(bytes, 5, 1));
	R(pvm_pkstr(""));
	R(pvm_pkstr("a"));
	R(pvm_pkstr("abcd"));
	R(pvm_pkuint(uints, 2, 1));
	R(pvm_pkshort(shorts, 2, 1));
	R(pvm_pkushort(ushorts, 1, 1));
	R(pvm_pkfloat(floats, 2, 1));
	R(pvm_pkdouble(doubles, 2, 1));
	R(pvm_pkcplx(floats, 1, 1));
	R(pvm_pkdcplx(doubles, 1, 1));
	R(pvm_packf("%d %s", 3, "x"));
	R(pvm_send(pvm_mytid(), TAG));
	MUST(pvm_recv(-1, TAG));
	R(pvm_bufinfo(pvm_getrbuf(), &n, NULL, NULL));
	R(pvm_getminfo(pvm_getrbuf(), &info));
	R(info.enc);
	R(n);
	R((pvm_upkint(head, 3, 1), head[0]));
	R(head[1]);
	R(head[2]);
	MUST(pvm_upkbyte(name, head[2], 1));
	TEXT(name);
	MUST(pvm_upkint(head, 2, 1)); /* the time */
	while (pvm_upkint(head, 1, 1) == PvmOk)
		event_value(head[0]);
}

static void messages_in_messages(void)
{
	int inner = pvm_mkbuf(PvmDataDefault), v = 99, got = 0, b;
	pvm_setsbuf(inner);
	pvm_pkint(&v, 1, 1);
	pvm_initsend(PvmDataDefault);
	R(pvm_pkmesg(inner));
	R(pvm_pkmesgbody(inner));
	R(pvm_pkmesg(0));
	R(pvm_pkmesg(-1));
	R(pvm_pkmesg(9999));
	R(pvm_pkmesgbody(9999));
	MUST(pvm_send(pvm_mytid(), TAG));
	MUST(pvm_recv(-1, TAG));
	ID(b = pvm_upkmesg());
	int outer = pvm_setrbuf(b);
	R(pvm_upkint(&got, 1, 1));
	R(got);
	pvm_setrbuf(outer);
	R(pvm_upkint(&got, 1, 1));
	R(got);
}

const struct one_case buffer_cases[] = {
        {"enrolment", enrolment},
        {"texts", texts},
        {"options", options},
        {"output_options", output_options},
        {"trace_masks", trace_masks},
        {"descriptors", descriptors},
        {"buffers", buffers},
        {"header", header},
        {"no_buffer", no_buffer},
        {"packing_default", packing_default},
        {"packing_raw", packing_raw},
        {"packing_in_place", packing_in_place},
        {"strings", strings},
        {"lengths", lengths},
        {"formats", formats},
        {"user_event", user_event},
        {"messages_in_messages", messages_in_messages},
        {NULL, NULL},
};
