#include "config.h"

#include "console/aliases.h"

#include <string.h>

#include "base/heap.h"

void aliases_init(struct aliases *a)
{
	*a = (struct aliases){0};
	weft__list_init(&a->all);
}

static void forget(struct aliases *a, struct alias *one)
{
	weft__list_remove(&one->link);
	line_fini(&one->words);
	weft__free(one);
	a->n--;
}

void aliases_fini(struct aliases *a)
{
	while (!weft__list_empty(&a->all))
		forget(a, WEFT__CONTAINER(a->all.next, struct alias, link));
}

const struct alias *aliases_next(const struct aliases *a, const struct alias *after)
{
	const struct weft__list *next = after ? after->link.next : a->all.next;
	return next == &a->all ? NULL : WEFT__CONTAINER(next, struct alias, link);
}

static struct alias *find(const struct aliases *a, const char *name)
{
	for (struct weft__list *l = a->all.next; l != &a->all; l = l->next) {
		struct alias *one = WEFT__CONTAINER(l, struct alias, link);
		if (!strcmp(one->name, name))
			return one;
	}
	return NULL;
}

const struct alias *aliases_find(const struct aliases *a, const char *name)
{
	return find(a, name);
}

/* Before the first one whose name is greater. */
static void insert(struct aliases *a, struct alias *one)
{
	struct weft__list *before = a->all.next;
	while (before != &a->all && strcmp(WEFT__CONTAINER(before, struct alias, link)->name, one->name) < 0)
		before = before->next;
	weft__list_push(before, &one->link); /* pushing at the end of a list is putting before its head */
	a->n++;
}

int aliases_put(struct aliases *a, const char *name, char *const *words, size_t n, struct weft_error *e)
{
	struct alias *old = find(a, name);
	if (!*name || strlen(name) > ALIAS_NAME_MAX)
		return weft__err_set(e, WEFT_EINVAL, "the name of an alias has 1 to %d bytes", ALIAS_NAME_MAX);
	if (!old && a->n >= ALIASES_MAX)
		return weft__err_set(e, WEFT_ENOSPC, "there are %d aliases already; unalias one", ALIASES_MAX);
	struct alias *one = weft__calloc(1, sizeof *one);
	if (!one || line_of_words(words, n, &one->words)) {
		weft__free(one);
		return weft__err_set(e, WEFT_ENOMEM, "out of memory");
	}
	strcpy(one->name, name);
	one->kept = a->keeping;
	a->changed |= one->kept || (old && old->kept);
	if (old)
		forget(a, old);
	insert(a, one);
	return 0;
}

bool aliases_remove(struct aliases *a, const char *name)
{
	struct alias *one = find(a, name);
	if (!one)
		return false;
	a->changed |= one->kept;
	forget(a, one);
	return true;
}

int aliases_expand(const struct aliases *a, struct line *l)
{
	const struct alias *used[ALIASES_MAX];
	size_t nused = 0;
	for (;;) {
		const struct alias *one = l->nwords ? aliases_find(a, l->words[0]) : NULL;
		for (size_t i = 0; i < nused; i++)
			if (used[i] == one)
				one = NULL;
		if (!one)
			return 0;
		used[nused++] = one;
		struct line longer;
		if (line_join(&one->words, l, 1, &longer))
			return WEFT_ENOMEM;
		line_fini(l);
		*l = longer;
	}
}

void aliases_print(const struct alias *one, FILE *out)
{
	fputs("alias ", out);
	line_print_word(one->name, out);
	for (size_t i = 0; i < one->words.nwords; i++) {
		putc(' ', out);
		line_print_word(one->words.words[i], out);
	}
	putc('\n', out);
}
