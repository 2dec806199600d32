#include "config.h"

#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

struct err {
	int code;
	const char *name, *text;
};

/* clang-format off */
static const struct err errs[] = {
        {0, "OK", "no error"},
#define X(name, number, text) {number, #name, text},
        WEFT_ERRS(X)
#undef X
};
/* clang-format on */

/* The errno values that say more than "a system call failed". */
static const struct {
	int errnum, code;
} from_errno[] = {
        {0, 0},
        {EINVAL, WEFT_EINVAL},
        {ENOMEM, WEFT_ENOMEM},
        {EAGAIN, WEFT_EAGAIN},
        {EINPROGRESS, WEFT_EAGAIN},
        {ETIMEDOUT, WEFT_ETIMEDOUT},
        {ECANCELED, WEFT_ECANCELED},
        {EMSGSIZE, WEFT_ETOOBIG},
        {E2BIG, WEFT_ETOOBIG},
        {ENAMETOOLONG, WEFT_ETOOBIG},
        {EEXIST, WEFT_EEXIST},
        {EACCES, WEFT_EDENIED},
        {EPERM, WEFT_EDENIED},
        {ELOOP, WEFT_EDENIED},
        {EPROTO, WEFT_EPROTO},
        {EMFILE, WEFT_ENOSPC},
        {ENFILE, WEFT_ENOSPC},
        {ENOSPC, WEFT_ENOSPC},
        {EDQUOT, WEFT_ENOSPC},
        {ENOBUFS, WEFT_ENOSPC},
        {ENOEXEC, WEFT_ENOEXEC},
        {ENOENT, WEFT_ENOFILE},
        {ENOTDIR, WEFT_ENOFILE},
        {EALREADY, WEFT_EALREADY},
        {ENOSYS, WEFT_EUNSUP},
        {EOPNOTSUPP, WEFT_EUNSUP},
        {EPIPE, WEFT_ECLOSED},
        {ECONNRESET, WEFT_ECLOSED},
        {ENOTCONN, WEFT_ECLOSED},
};

static const struct err *find(int code)
{
	for (size_t i = 0; i < sizeof errs / sizeof *errs; i++)
		if (errs[i].code == code)
			return &errs[i];
	return NULL;
}

const char *weft__err_text(int code)
{
	const struct err *found = find(code);
	return found ? found->text : "unknown error";
}

const char *weft__err_name(int code)
{
	const struct err *found = find(code);
	return found ? found->name : "unknown error";
}

int weft__err_set(struct weft_error *e, int code, const char *format, ...)
{
	if (!e)
		return code;
	va_list ap;
	va_start(ap, format);
	vsnprintf(e->text, sizeof e->text, format, ap);
	va_end(ap);
	e->code = code;
	return code;
}

int weft__err_from_errno(int errnum)
{
	for (size_t i = 0; i < sizeof from_errno / sizeof *from_errno; i++)
		if (from_errno[i].errnum == errnum)
			return from_errno[i].code;
	return WEFT_EIO;
}
