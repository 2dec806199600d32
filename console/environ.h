/* environ.h - an environment for others: ours, without what Weft told us as a task, and with changes. */
#ifndef WEFT_CONSOLE_ENVIRON_H
#define WEFT_CONSOLE_ENVIRON_H

#include <stddef.h>

struct environ_list {
	char **vars; /* ends with NULL */
	size_t n, cap;
};

/* 0 or WEFT_ENOMEM; environ_fini is due in both cases. */
int environ_copy(struct environ_list *l);
int environ_put(struct environ_list *l, const char *assignment); /* NAME=value; replaces */
void environ_fini(struct environ_list *l);

#endif
