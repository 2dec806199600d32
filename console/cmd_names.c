/* cmd_names.c - names and put: PVM's mailboxes. */
#include "config.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "console/context.h"
#include "console/exitcode.h"
#include "console/json.h"
#include "console/mailbox.h"
#include "console/target.h"
#include "console/words.h"

enum { FLAGS_MAX = 63, HEADER = 16, TEXT_MAX = 65536 };

struct listing {
	regex_t *pattern; /* NULL: all */
	struct json *json;
	char name[256];   /* of the mailbox that was begun */
};

static void show_letter(struct listing *l, const struct weft__msg_mbox_row *row)
{
	char tid[WEFT__TID_TEXT];
	if (l->json) {
		json_open(l->json, NULL);
		json_text(l->json, "name", row->name.p);
		json_number(l->json, "index", (int64_t)row->index);
		json_text(l->json, "owner", row->owner ? words_tid(row->owner, tid) : NULL);
		json_number(l->json, "flags", (int64_t)row->flags);
		json_close(l->json);
		return;
	}
	if (strcmp(l->name, row->name.p))
		printf("%s<%s>:\n", *l->name ? "\n" : "", row->name.p);
	uint32_t owner = weft__tid_slot((weft_tid_t){row->owner});
	printf("\tindex=%llu owner=0x%x/%u flags=0x%llx\n", (unsigned long long)row->index, owner, owner,
	       (unsigned long long)row->flags);
}

static void on_row(void *arg, const struct weft__msg_mbox_row *row)
{
	struct listing *l = arg;
	if (l->pattern && regexec(l->pattern, row->name.p, 0, NULL, 0))
		return;
	show_letter(l, row);
	snprintf(l->name, sizeof l->name, "%s", row->name.p);
}

static int show(struct context *c, struct listing *l)
{
	struct weft_error e;
	if (l->json) {
		json_init(l->json, stdout);
		json_open(l->json, NULL);
		json_number(l->json, "schema", 1);
		json_text(l->json, "vm", session_name(c->session));
		json_open_array(l->json, "names");
	}
	int rc = mailbox_list(c->session, on_row, l, &e);
	if (l->json) {
		json_close(l->json);
		json_close(l->json);
	} else if (*l->name) {
		putchar('\n');
	}
	if (rc)
		context_error(c, "%s", e.text);
	return rc;
}

static int exec_names(struct context *c, const struct args *a)
{
	struct json json;
	struct listing l = {.json = args_has(a, OPT_JSON) ? &json : NULL};
	regex_t pattern;
	if (a->noperands > 0 && regcomp(&pattern, a->operands[0], REG_EXTENDED | REG_NOSUB)) {
		context_error(c, "not a regular expression: '%.60s'", a->operands[0]);
		return EXITCODE_FAILURE;
	}
	l.pattern  = a->noperands > 0 ? &pattern : NULL;
	int status = EXITCODE_FAILURE;
	if (context_attach(c, a) == 0) {
		status = show(c, &l) ? EXITCODE_FAILURE : 0;
		context_detach(c);
	}
	if (l.pattern)
		regfree(&pattern);
	return status;
}

/* --- put ----------------------------------------------------------------------------------------- */

static void put_big_endian(uint8_t *to, size_t value)
{
	for (int i = 0; i < 4; i++)
		to[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* A message of PVM's library with one string in it, in the default encoding. */
static int make_letter(const char *text, struct weft__buf *letter)
{
	uint8_t header[HEADER + 4]   = {'P', 'V', 1};
	static const uint8_t none[4] = {0};
	size_t nbytes                = strlen(text) + 1;
	put_big_endian(header + HEADER, nbytes);
	int rc = weft__buf_append(letter, header, sizeof header);
	if (!rc)
		rc = weft__buf_append(letter, text, nbytes);
	return rc ? rc : weft__buf_append(letter, none, -nbytes % 4);
}

static int put(struct context *c, const char *name, unsigned flags, const char *text, struct weft_error *e)
{
	struct weft__buf letter = {0};
	struct weft__msg m      = {.code = WEFT__MSG_MBOX_PUT, .mbox_put = {.name = weft__str(name), .flags = flags}};
	int rc                  = make_letter(text, &letter);
	m.mbox_put.value        = (struct weft__bin){letter.data, letter.len};
	rc = rc ? weft__err_set(e, rc, "out of memory") : session_request(c->session, &m, SESSION_TIMEOUT_MS, e);
	weft__buf_fini(&letter);
	return rc;
}

static int exec_put(struct context *c, const struct args *a)
{
	const char *name = a->operands[0], *text = a->noperands > 2 ? a->operands[2] : "";
	char *end;
	struct weft_error e;
	unsigned long flags = a->noperands > 1 ? strtoul(a->operands[1], &end, 0) : 0;
	if (!*name || strlen(name) > 255 || strlen(text) > TEXT_MAX) {
		context_error(c, "a name has 1 to 255 bytes, a text %d at most", TEXT_MAX);
		return EXITCODE_FAILURE;
	}
	if (a->noperands > 1 && (end == a->operands[1] || *end || *a->operands[1] == '-' || flags > FLAGS_MAX)) {
		context_error(c, "the flags are a sum of 1 persistent, 2 one of several, 4 others may overwrite it; not '%.40s'",
		              a->operands[1]);
		return EXITCODE_FAILURE;
	}
	if (context_attach(c, a))
		return EXITCODE_FAILURE;
	if (!c->interactive)
		flags |= WEFT__MBOX_PERSISTENT; /* we are gone in a moment */
	int rc = put(c, name, (unsigned)flags, text, &e);
	if (rc)
		context_error(c, "%s: %s", name, e.text);
	context_detach(c);
	return rc ? EXITCODE_FAILURE : 0;
}

static const struct option_def names_options[] = {OPTION_JSON, OPTION_VM, OPTION_HELP, OPTION_END};
static const struct option_def put_options[]   = {OPTION_VM, OPTION_HELP, OPTION_END};

const struct command cmd_names = {
        .name          = "names",
        .summary       = "list the mailboxes of PVM programs",
        .operands      = "[PATTERN]",
        .operand       = ARG_TEXT,
        .noperands_max = 1,
        .options       = names_options,
        .man           = "Shows what is in the mailboxes whose names match the regular expression, each message with its index, "
                         "its owner and its flags; the owner is 0 when that has ended or was a console.\n\n"
                         "With `--json`: an object with `schema` (1), `vm` and `names`, an array of objects with `name`, "
                         "`index`, `owner` (null: none) and `flags`.",
        .examples      = "weft names\nweft names '^work'\n",
        .exec          = exec_names,
};

const struct command cmd_put = {
        .name          = "put",
        .summary       = "put a text into a mailbox of PVM programs",
        .operands      = "NAME [FLAGS [TEXT]]",
        .operand       = ARG_TEXT,
        .noperands_min = 1,
        .noperands_max = 3,
        .flags         = CMD_PROGRAM,
        .options       = put_options,
        .man           = "The text is a message with one string, as by `pvm_pkstr`. The flags are a sum: 1 it stays when its owner "
                         "ends, 2 beside others of that name, 4 others may overwrite it. What is put in the console goes "
                         "with it unless 1 is set; what is put from a shell stays.",
        .examples      = "weft put answer 4 42\n",
        .exec          = exec_put,
};
