/* list.h - intrusive doubly linked list. A head and an unlinked node point at themselves. */
#ifndef WEFT_BASE_LIST_H
#define WEFT_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct weft__list {
	struct weft__list *next, *prev;
};

#define WEFT__CONTAINER(p, type, member) ((type *)(void *)((char *)(p) - offsetof(type, member)))

static inline void weft__list_init(struct weft__list *l)
{
	l->next = l->prev = l;
}

static inline bool weft__list_empty(const struct weft__list *l)
{
	return l->next == l;
}

static inline void weft__list_push(struct weft__list *head, struct weft__list *n) /* at the tail */
{
	n->prev = head->prev;
	n->next = head;
	head->prev->next = n;
	head->prev = n;
}

static inline void weft__list_remove(struct weft__list *n)
{
	n->prev->next = n->next;
	n->next->prev = n->prev;
	weft__list_init(n);
}

static inline struct weft__list *weft__list_pop(struct weft__list *head) /* from the front, or NULL */
{
	struct weft__list *n = head->next;
	if (n == head)
		return NULL;
	weft__list_remove(n);
	return n;
}

#endif
