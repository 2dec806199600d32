#include "config.h"

#include "node/loglevel.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

void loglevel_open(const char *tag, bool quiet)
{
	static const struct {
		const char *name;
		enum weft__log_level level;
	} levels[] = {{"debug", WEFT__LOG_DEBUG},
	              {"info", WEFT__LOG_INFO},
	              {"warn", WEFT__LOG_WARN},
	              {"error", WEFT__LOG_ERROR}};
	const char *wanted = getenv("WEFT_LOG");
	enum weft__log_level level = quiet ? WEFT__LOG_WARN : WEFT__LOG_INFO;
	for (size_t i = 0; wanted && i < sizeof levels / sizeof *levels; i++)
		if (!strcmp(wanted, levels[i].name))
			level = levels[i].level;
	weft__log_open(2, level, tag);
}
