#include "config.h"

#include "console/exitcode.h"

#include "base/err.h"
#include "proto/proto.h"

int exitcode_of_start(int64_t code)
{
	switch (code) {
	case WEFT_ENOFILE:
		return EXITCODE_NOTFOUND;
	case WEFT_ENOEXEC:
	case WEFT_EDENIED:
		return EXITCODE_NOEXEC;
	default:
		return EXITCODE_FAILURE;
	}
}

int exitcode_of(const struct exitcode_task *t)
{
	if (t->flags & WEFT__EXIT_START)
		return exitcode_of_start(t->code);
	if (t->flags & WEFT__EXIT_LOST)
		return EXITCODE_FAILURE;
	if (t->signo)
		return EXITCODE_SIGNAL + (int)(t->signo & 127);
	if (t->exit_code < 0 || t->exit_code > 255)
		return EXITCODE_FAILURE; /* nobody knows how it ended */
	return (int)t->exit_code;
}
