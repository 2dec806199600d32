#include "config.h"

#include "console/mapping.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "base/heap.h"
#include "base/ids.h"

struct mapping {
	FILE *f;
	size_t next, cap; /* ranks below next have been printed */
	char **lines;     /* by rank */
};

struct mapping *mapping_create(FILE *f)
{
	struct mapping *m = weft__calloc(1, sizeof *m);
	if (m)
		m->f = f;
	return m;
}

static bool make_room(struct mapping *m, size_t rank)
{
	if (rank < m->cap)
		return true;
	size_t cap   = rank < 32 ? 64 : 2 * rank;
	char **lines = weft__realloc(m->lines, cap * sizeof *lines);
	if (!lines)
		return false;
	memset(lines + m->cap, 0, (cap - m->cap) * sizeof *lines);
	m->lines = lines;
	m->cap   = cap;
	return true;
}

void mapping_add(struct mapping *m, const struct weft__msg_job_event *event)
{
	char line[700], tid[WEFT__TID_TEXT];
	if (!make_room(m, (size_t)event->rank) || m->lines[event->rank])
		return;
	weft__tid_format((weft_tid_t){event->tid}, tid);
	if (event->state == WEFT__JOB_EVENT_STARTED)
		snprintf(line, sizeof line, "rank %" PRIu64 "  %s  %s (#%" PRIu64 ")  pid %" PRIu64 "  processors %s",
		         event->rank, tid, event->host.p, event->node, event->pid, event->cpus.n ? event->cpus.p : "any");
	else
		snprintf(line, sizeof line, "rank %" PRIu64 "  %s  could not be started", event->rank, tid);
	m->lines[event->rank] = weft__strdup(line);
	while (m->next < m->cap && m->lines[m->next])
		fprintf(m->f, "%s\n", m->lines[m->next++]);
	fflush(m->f);
}

void mapping_destroy(struct mapping **m)
{
	if (!*m)
		return;
	for (size_t i = 0; i < (*m)->cap; i++)
		weft__free((*m)->lines[i]);
	weft__free((*m)->lines);
	weft__free(*m);
	*m = NULL;
}
