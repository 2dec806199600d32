#include "config.h"

#include "console/layout.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>


static const struct {
	const char *name;
	unsigned part;
} parts[] = {
        {"hwthread", WEFT__BIND_THREAD}, {"core", WEFT__BIND_CORE},       {"l3cache", WEFT__BIND_L3},
        {"numa", WEFT__BIND_NUMA},       {"socket", WEFT__BIND_PACKAGE},  {"package", WEFT__BIND_PACKAGE},
        {"l3", WEFT__BIND_L3},           {"thread", WEFT__BIND_THREAD},
};

/* WEFT__BIND_*, or 0: there is no part of this name. */
static unsigned find_part(const char *name)
{
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		if (!strcasecmp(parts[i].name, name))
			return parts[i].part;
	return 0;
}

/* What may stand behind a colon: pe=2,nooversubscribe. */
static int read_modifiers(char *list, struct weft__msg_spawn *m, struct weft_error *e)
{
	char *rest = NULL;
	for (char *word = strtok_r(list, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
		long width;
		if (!strncasecmp(word, "pe=", 3)) {
			if (args_parse_count(word + 3, 1, 1024, &width))
				return weft__err_set(e, WEFT_EINVAL, "--map-by: \"%.40s\": a number from 1 to 1024 is needed", word);
			m->width = (uint64_t)width;
			m->bind  = WEFT__BIND_CORE;
		} else if (!strcasecmp(word, "nooversubscribe")) {
			m->flags |= WEFT__SPAWN_FIT;
		} else if (strcasecmp(word, "oversubscribe")) {
			return weft__err_set(e, WEFT_EINVAL, "--map-by: \"%.40s\" is not known; known are: pe=N, "
			                                     "nooversubscribe, oversubscribe", word);
		}
	}
	return 0;
}

/* "ppr:N:node": the text behind it, or NULL. */
static char *read_ppr(char *text, struct weft__msg_spawn *m)
{
	long n;
	char *what = strchr(text + 4, ':');
	if (!what)
		return NULL;
	*what++    = '\0';
	size_t len = strcspn(what, ":");
	if (len != 4 || strncasecmp(what, "node", 4) || args_parse_count(text + 4, 1, 65535, &n))
		return NULL;
	m->ppn = (uint64_t)n;
	m->map = WEFT__MAP_FILL;
	return what + len;
}

static int unknown(const char *option, const char *value, const char *known, struct weft_error *e)
{
	return weft__err_set(e, WEFT_EINVAL, "%s %.60s is not known; known are: %s", option, value, known);
}

static int read_map(const char *value, struct weft__msg_spawn *m, struct weft_error *e)
{
	static const char known[] = "slot, node, ppr:N:node, hwthread, core, l3cache, numa, socket";
	char text[128], *modifiers;
	if (strlen(value) >= sizeof text)
		return unknown("--map-by", value, known, e);
	strcpy(text, value);
	if (!strncasecmp(text, "ppr:", 4)) {
		modifiers = read_ppr(text, m);
		if (!modifiers)
			return unknown("--map-by", value, known, e);
	} else {
		size_t len   = strcspn(text, ":");
		bool more    = text[len] == ':';
		text[len]    = '\0';
		modifiers    = text + len + more;
		m->deal      = find_part(text);
		bool in_turn = !strcasecmp(text, "node");
		if (len > 0 && strcasecmp(text, "slot") && !in_turn && !m->deal)
			return unknown("--map-by", value, known, e);
		m->map = in_turn ? WEFT__MAP_TURN : WEFT__MAP_FILL;
		if (m->deal)
			m->bind = m->deal;
	}
	return read_modifiers(modifiers + (*modifiers == ':'), m, e);
}

/* The words behind a colon (overload-allowed, if-supported) change nothing: more tasks than cores may share them. */
static int read_bind(const char *value, struct weft__msg_spawn *m, struct weft_error *e)
{
	char name[32];
	snprintf(name, sizeof name, "%.*s", (int)strcspn(value, ":"), value);
	m->bind = strcasecmp(name, "none") ? find_part(name) : WEFT__BIND_NONE;
	if (!m->bind)
		return unknown("--bind-to", value, "none, hwthread, core, l3cache, numa, socket", e);
	if (m->bind == WEFT__BIND_NONE && m->width)
		return weft__err_set(e, WEFT_EINVAL, "pe=N binds tasks to cores, and --bind-to none says no");
	return 0;
}

int layout_read(const struct args *a, struct weft__msg_spawn *m, struct weft_error *e)
{
	const char *map = args_text(a, OPT_MAP_BY), *bind = args_text(a, OPT_BIND_TO);
	int rc = map ? read_map(map, m, e) : 0;
	if (!rc && bind)
		rc = read_bind(bind, m, e);
	if (args_has(a, 'N'))
		m->ppn = (uint64_t)args_count(a, 'N', 0);
	if (args_has(a, OPT_FILL) && args_has(a, 'n'))
		return weft__err_set(e, WEFT_EINVAL, "-n says how many tasks, and --fill says as many as there are cores: which?");
	if (args_has(a, OPT_FILL)) {
		m->flags |= WEFT__SPAWN_FILL;
		m->count = 0;
	}
	if (args_has(a, OPT_FIT))
		m->flags |= WEFT__SPAWN_FIT;
	return rc;
}
