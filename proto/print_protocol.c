/* Prints docs/protocol.md: the frames in words, then every message from the table. The file in the
 * tree is the output of this program (make update-protocol); a test compares the two. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "proto/proto.h"

/* clang-format off */
static const char intro[] =
        "# The control protocol\n"
        "\n"
        "Printed from `proto/msgs.def` by `proto/print_protocol`; change the table, then run\n"
        "`make update-protocol`. This is what tasks, task VMs, tools, nodes and the coordinator say to each\n"
        "other to run the virtual machine. The messages that tasks send each other go through channels of\n"
        "their own and are not described here.\n"
        "\n"
        "## Frames\n"
        "\n"
        "| bytes | |\n"
        "|---|---|\n"
        "| 0, 1 | `W` `F` |\n"
        "| 2 | version of the protocol: %d |\n"
        "| 3 | 0 |\n"
        "| 4 to 7 | length of the body in bytes, little-endian: 1 to %d |\n"
        "| 8 on | the body |\n"
        "\n"
        "On a Unix socket (`SOCK_SEQPACKET`) a frame is a packet, and descriptors may come along with it; on\n"
        "a TLS connection frames follow each other. Bytes that are no frame, or a frame of another version,\n"
        "close the connection; the refusal names both versions.\n"
        "\n"
        "## Bodies\n"
        "\n"
        "A body is one MessagePack array `[code, fields...]`, with the fields that the table has for this\n"
        "code: all of them, in this order, and nothing after them.\n"
        "\n"
        "| kind | MessagePack | maximum |\n"
        "|---|---|---|\n"
        "| U64 | integer, not negative | the value |\n"
        "| I64 | integer that fits into 64 bits with a sign | |\n"
        "| STR | str, no NUL inside | bytes |\n"
        "| BIN | bin | bytes |\n"
        "| U64S | array of U64 | number of elements |\n"
        "| STRS | array of STR | number of elements, and bytes of each |\n"
        "\n"
        "Integers and lengths may be written wider than they need. Every value, length and count is held\n"
        "against its maximum and against the bytes of the frame before a decoder allocates or reads on.\n"
        "\n"
        "A body has at most %d bytes, so that UP, DOWN, PEER_UP and PEER_DOWN can carry it; theirs has at\n"
        "most %d.\n"
        "\n"
        "## Who may say what\n"
        "\n"
        "Who a message is from is known from its connection, never from a field. After the code, and before\n"
        "any field, a receiver checks that this peer may send this message to it. A peer that breaks this or\n"
        "any other rule here loses its connection, with one line in the log.\n"
        "\n"
        "## Opening a connection\n"
        "\n"
        "Unix sockets lie in folders of mode 0700, and the uid at the other end is checked at each accept.\n"
        "The client's first message is HELLO. The answer is WELCOME, or REFUSED and the end of the\n"
        "connection. A node goes on with JOIN to the coordinator, which answers JOINED.\n"
        "\n"
        "A node elsewhere reaches the coordinator, and nodes each other, over TCP with TLS 1.3 and a\n"
        "pre-shared key; the key's identity says which node it is. To the coordinator the first message is\n"
        "then JOIN; between nodes there is none to begin with.\n"
        "\n"
        "## Evolution\n"
        "\n"
        "Codes are never reused and fields are only appended. The version in the frame's header counts the\n"
        "releases of Weft whose messages differ: the first change of a code, a field or a maximum after a\n"
        "release raises it, and so does one of what tasks share (rings, streams, halls). A test holds the\n"
        "table to `proto/releases`, where the sum of each release's stands. Peers of different versions refuse\n"
        "each other, in words that name both. Version 1 is that of 0.1.0; until this is released two states of\n"
        "the source may differ and both say 1.\n"
        "\n"
        "## Conventions\n"
        "\n"
        "`req` is the asker's number for a question and comes back in the answer. `code` in an answer is 0 or\n"
        "an error of `weft_base.h`. A tid stands as its 64 bits. Names like `WEFT__SPAWN_*` are in\n"
        "`proto/proto.h`.\n"
        "\n"
        "## Messages\n"
        "\n";
/* clang-format on */

static const struct {
	unsigned role;
	const char *name;
} roles[] = {
        {WEFT__ROLE_TASK, "task"}, {WEFT__ROLE_TASKVM, "task VM"},    {WEFT__ROLE_TOOL, "tool"},
        {WEFT__ROLE_NODE, "node"}, {WEFT__ROLE_COORD, "coordinator"},
};

static const char *const kind_names[] = {
        [WEFT__FIELD_U64] = "U64", [WEFT__FIELD_I64] = "I64",   [WEFT__FIELD_STR] = "STR",
        [WEFT__FIELD_BIN] = "BIN", [WEFT__FIELD_U64S] = "U64S", [WEFT__FIELD_STRS] = "STRS",
};

static void print_roles(unsigned set)
{
	const char *separator = "";
	for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
		if (!(set & roles[i].role))
			continue;
		printf("%s%s", separator, roles[i].name);
		separator = ", ";
	}
}

/* Text that Markdown leaves alone. */
static void print_text(const char *text)
{
	for (; *text; text++) {
		if (*text == '|' || *text == '*' || *text == '<')
			putchar('\\');
		putchar(*text);
	}
}

static void print_max(const struct weft__field *f)
{
	if (f->kind == WEFT__FIELD_I64)
		return;
	if (f->max == UINT64_MAX)
		printf("2^64 - 1");
	else if (f->max == UINT32_MAX)
		printf("2^32 - 1");
	else if (f->max == INT32_MAX)
		printf("2^31 - 1");
	else
		printf("%" PRIu64, f->max);
	if (f->kind == WEFT__FIELD_STRS)
		printf(" of %" PRIu64, f->each);
}

static void print_message(const struct weft__msg_type *type)
{
	printf("\n### %d %s\n\n", (int)type->code, type->name);
	print_roles(type->from);
	printf(" → ");
	print_roles(type->to);
	printf(": ");
	print_text(type->doc);
	printf(".\n\n| field | kind | maximum | |\n|---|---|---|---|\n");
	for (size_t i = 0; i < type->nfields; i++) {
		const struct weft__field *f = &type->fields[i];
		printf("| `%s` | %s | ", f->name, kind_names[f->kind]);
		print_max(f);
		printf(" | ");
		print_text(f->doc);
		printf(" |\n");
	}
}

/* What peers must agree on: no words for people. */
static void print_table(void)
{
	printf("version %d\n", WEFT__PROTO_VERSION);
	for (size_t i = 0; i < weft__msg_ntypes; i++) {
		const struct weft__msg_type *type = &weft__msg_types[i];
		printf("%d %s %u %u\n", (int)type->code, type->name, type->from, type->to);
		for (size_t k = 0; k < type->nfields; k++)
			printf("\t%s %s %" PRIu64 " %" PRIu64 "\n", type->fields[k].name, kind_names[type->fields[k].kind],
			       type->fields[k].max, type->fields[k].each);
	}
}

static void print_document(void)
{
	printf(intro, WEFT__PROTO_VERSION, WEFT__FRAME_MAX, WEFT__CARRIED_MAX, WEFT__FRAME_MAX);
	for (size_t i = 0; i < weft__msg_ntypes; i++) {
		const struct weft__msg_type *type = &weft__msg_types[i];
		printf("%s[%s](#%d-", i ? ", " : "", type->name, (int)type->code);
		for (const char *c = type->name; *c; c++)
			putchar(*c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c);
		printf(")");
	}
	printf("\n");
	for (size_t i = 0; i < weft__msg_ntypes; i++)
		print_message(&weft__msg_types[i]);
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "--table"))
		print_table();
	else
		print_document();
	return ferror(stdout) || fflush(stdout) ? 1 : 0;
}
