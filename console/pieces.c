#include "config.h"

#include "console/pieces.h"

#include <string.h>

#include "base/err.h"
#include "base/heap.h"

void pieces_init(struct pieces *p)
{
	*p = (struct pieces){0};
	weft__list_init(&p->all);
}

void pieces_fini(struct pieces *p)
{
	struct piece *piece;
	while ((piece = pieces_pop(p, 0)))
		weft__free(piece);
}

static bool is_output(const struct weft__msg *m)
{
	return m->code == WEFT__MSG_OUTPUT;
}

int pieces_push(struct pieces *p, const struct weft__msg *m)
{
	size_t nbytes       = is_output(m) ? m->output.bytes.n : 0;
	struct piece *piece = weft__calloc(1, sizeof *piece + nbytes);
	if (!piece)
		return WEFT_ENOMEM;
	piece->m = *m;
	if (is_output(m)) {
		piece->m.output.bytes.p = (const uint8_t *)(piece + 1);
		if (nbytes)
			memcpy(piece + 1, m->output.bytes.p, nbytes);
	}
	weft__list_push(&p->all, &piece->link);
	p->nbytes += nbytes;
	return 0;
}

struct piece *pieces_pop(struct pieces *p, uint64_t job)
{
	for (struct weft__list *l = p->all.next; l != &p->all; l = l->next) {
		struct piece *piece = WEFT__CONTAINER(l, struct piece, link);
		if (job && (is_output(&piece->m) ? piece->m.output.job : piece->m.output_end.job) != job)
			continue;
		weft__list_remove(&piece->link);
		if (is_output(&piece->m))
			p->nbytes -= piece->m.output.bytes.n;
		return piece;
	}
	return NULL;
}
