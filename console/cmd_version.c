#include "config.h"

#include <stdio.h>

#include "console/context.h"
#include "console/json.h"
#include "proto/proto.h"

static int exec_version(struct context *c, const struct args *a)
{
	if (args_has(a, OPT_JSON)) {
		struct json j;
		json_init(&j, stdout);
		json_open(&j, NULL);
		json_number(&j, "schema", 1);
		json_text(&j, "release", PACKAGE_VERSION);
		json_number(&j, "protocol", WEFT__PROTO_VERSION);
		json_close(&j);
	} else {
		if (c->dialect == DIALECT_PVM)
			puts("3.4.6"); /* the one whose place we take */
		printf("weft %s (protocol %d)\n", PACKAGE_VERSION, WEFT__PROTO_VERSION);
	}
	return 0;
}

static const struct option_def options[] = {OPTION_JSON, OPTION_HELP, OPTION_END};

const struct command cmd_version = {
        .name          = "version",
        .summary       = "show the version",
        .options       = options,
        .noperands_max = 0,
        .man           = "Prints the release and the version of the protocol that the parts of Weft speak with each "
                         "other. Parts that speak different versions refuse each other.\n\n"
                         "With `--json`: an object with `schema` (1), `release` and `protocol`.",
        .exec          = exec_version,
};
