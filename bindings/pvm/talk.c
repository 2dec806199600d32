/* Messages between PVM's library, daemons and services: see manager.h. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "base/heap.h"
#include "bindings/pvm/manager.h"

void weft__talk_begin(struct weft__talk *t)
{
	*t = (struct weft__talk){0};
	t->id = weft__pvm_buf_new(PvmDataDefault, &t->b);
	t->rc = t->id < 0 ? t->id : PvmOk;
}

void weft__talk_put_ints(struct weft__talk *t, const int *values, int n)
{
	if (t->rc == PvmOk)
		t->rc = weft__pvm_pack(t->b, PVM_INT, values, n, 1);
}

void weft__talk_put_int(struct weft__talk *t, int value)
{
	weft__talk_put_ints(t, &value, 1);
}

void weft__talk_put_text(struct weft__talk *t, const char *text)
{
	if (t->rc == PvmOk)
		t->rc = text ? weft__pvm_pack_text(t->b, text) : PvmBadParam;
}

void weft__talk_put_texts(struct weft__talk *t, char *const *texts, int n)
{
	weft__talk_put_int(t, n);
	for (int i = 0; i < n; i++)
		weft__talk_put_text(t, texts[i]);
}

int weft__talk_get_int(struct weft__talk *t)
{
	int value = 0;
	if (t->rc == PvmOk)
		t->rc = weft__pvm_unpack(t->b, PVM_INT, &value, 1, 1);
	return value;
}

/* A copy; NULL: there is none. */
static char *get_copy(struct weft__talk *t)
{
	int count = weft__talk_get_int(t);
	char *text = t->rc == PvmOk && count > 0 ? weft__malloc((size_t)count) : NULL;
	if (t->rc == PvmOk && !text)
		t->rc = PvmBadMsg;
	if (t->rc == PvmOk)
		t->rc = weft__pvm_unpack(t->b, PVM_BYTE, text, count, 1);
	if (t->rc == PvmOk) {
		text[count - 1] = '\0';
		return text;
	}
	weft__free(text);
	return NULL;
}

void weft__talk_get_text(struct weft__talk *t, char *to, size_t size)
{
	char *text = get_copy(t);
	snprintf(to, size, "%s", text ? text : "");
	weft__free(text);
}

char **weft__talk_get_texts(struct weft__talk *t, int *n)
{
	*n = weft__talk_get_int(t);
	if (t->rc == PvmOk && (*n < 0 || (size_t)*n > weft__pvm_buf_bytes(t->b)))
		t->rc = PvmBadMsg;
	char **texts = t->rc ? NULL : weft__calloc((size_t)*n + 1, sizeof *texts);
	if (t->rc == PvmOk && !texts)
		t->rc = PvmNoMem;
	for (int i = 0; texts && t->rc == PvmOk && i < *n; i++)
		texts[i] = get_copy(t);
	if (t->rc == PvmOk)
		return texts;
	weft__talk_free_texts(texts);
	return NULL;
}

void weft__talk_free_texts(char **texts)
{
	for (size_t i = 0; texts && texts[i]; i++)
		weft__free(texts[i]);
	weft__free(texts);
}

void weft__talk_end(struct weft__talk *t)
{
	if (t->id > 0)
		weft__pvm_buf_drop(t->id);
	t->id = 0;
	t->b = NULL;
}
