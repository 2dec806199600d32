#include "config.h"

#include "console/words.h"

#include <string.h>

#include "base/err.h"
#include "console/args.h"
#include "proto/proto.h"

const char *words_node_state(uint64_t state)
{
	switch (state) {
	case WEFT__NODE_STARTING:
		return "starting";
	case WEFT__NODE_UP:
		return "up";
	case WEFT__NODE_SUSPECT:
		return "suspect";
	case WEFT__NODE_LEAVING:
		return "leaving";
	default:
		return "unknown";
	}
}

const char *words_task_state(uint64_t state)
{
	switch (state) {
	case WEFT__TASK_STARTING:
		return "starting";
	case WEFT__TASK_RUNNING:
		return "running";
	case WEFT__TASK_ENDED:
		return "ended";
	default:
		return "unknown";
	}
}

const char *words_job_state(uint64_t state)
{
	switch (state) {
	case WEFT__JOB_STARTING:
		return "starting";
	case WEFT__JOB_RUNNING:
		return "running";
	case WEFT__JOB_ENDED:
		return "ended";
	default:
		return "unknown";
	}
}

char *words_tid(uint64_t tid, char text[static WEFT__TID_TEXT])
{
	if (tid == 0)
		return strcpy(text, "-");
	return weft__tid_format((weft_tid_t){tid}, text);
}

int words_job(const char *text, uint32_t *job)
{
	long number;
	if (!strncmp(text, "job", 3))
		text += 3;
	else if (*text == 'j')
		text++;
	if (args_parse_count(text, 1, UINT32_MAX, &number))
		return WEFT_EINVAL;
	*job = (uint32_t)number;
	return 0;
}

int words_target(const char *text, uint64_t *tid, uint32_t *job)
{
	weft_tid_t parsed;
	*tid = 0;
	*job = 0;
	if (*text != 't')
		return words_job(text, job);
	if (weft__tid_parse(text, &parsed) || parsed.v == 0)
		return WEFT_EINVAL;
	*tid = parsed.v;
	return 0;
}

const char *words_pvm_flags(uint64_t flags)
{
	return flags & WEFT__TASK_ENROLLED ? "4/c" : flags & WEFT__TASK_CONNECTED ? "6/c,f" : "2/f";
}

const char *words_pvm_error(int code)
{
	static const struct {
		int code;
		const char *text;
	} errors[] = {
	        {WEFT_EINVAL, "Bad parameter"},    {WEFT_ENONODE, "No such host"},    {WEFT_ENOFILE, "No such file"},
	        {WEFT_ENOEXEC, "No such file"},    {WEFT_EDENIED, "Permission denied"}, {WEFT_ENOMEM, "Malloc failed"},
	        {WEFT_ENOVM, "Can't contact local daemon"}, {WEFT_ENOTASK, "No such task"}, {WEFT_ENOENT, "Not found"},
	        {WEFT_EEXIST, "Already exists"},   {WEFT_ENOSPC, "Out of resources"}, {WEFT_EALREADY, "Already in progress"},
	};
	for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
		if (errors[i].code == code)
			return errors[i].text;
	return weft__err_text(code);
}
