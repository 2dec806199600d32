#include "config.h"

#include "console/environ.h"

#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/environ.h"
#include "base/err.h"
#include "base/heap.h"

/* What a task is told about itself is wrong for whoever it starts. */
static bool is_own(const char *assignment)
{
	static const char *const pvm[] = {"WEFT_PVM_TARGETS=", "PVMNOPARENT=", "PVMTMASK=", "PVMTRCBUF=", "PVMTRCOPT="};
	for (size_t i = 0; i < sizeof pvm / sizeof *pvm; i++)
		if (!strncmp(assignment, pvm[i], strlen(pvm[i])))
			return true;
	return weft__environ_is_own(assignment);
}

static int push(struct environ_list *l, const char *assignment)
{
	if (l->n + 1 >= l->cap) {
		size_t cap  = l->cap ? 2 * l->cap : 128;
		char **vars = weft__realloc(l->vars, cap * sizeof *vars);
		if (!vars)
			return WEFT_ENOMEM;
		l->vars = vars;
		l->cap  = cap;
	}
	char *copy = weft__strdup(assignment);
	if (!copy)
		return WEFT_ENOMEM;
	l->vars[l->n++] = copy;
	l->vars[l->n]   = NULL;
	return 0;
}

int environ_copy(struct environ_list *l)
{
	*l = (struct environ_list){0};
	for (char **v = environ; v && *v; v++)
		if (strchr(*v, '=') && !is_own(*v) && push(l, *v))
			return WEFT_ENOMEM;
	return 0;
}

int environ_put(struct environ_list *l, const char *assignment)
{
	size_t length = strcspn(assignment, "=") + 1;
	for (size_t i = 0; i < l->n; i++) {
		if (strncmp(l->vars[i], assignment, length))
			continue;
		char *copy = weft__strdup(assignment);
		if (!copy)
			return WEFT_ENOMEM;
		weft__free(l->vars[i]);
		l->vars[i] = copy;
		return 0;
	}
	return push(l, assignment);
}

void environ_fini(struct environ_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		weft__free(l->vars[i]);
	weft__free(l->vars);
	*l = (struct environ_list){0};
}
