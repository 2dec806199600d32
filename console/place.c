#include "config.h"

#include "console/place.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "console/nodes.h"

/* "host:folder" apart; a folder that is not said is NULL. */
static int split(const char *text, char *host, size_t size, const char **folder, struct weft_error *e)
{
	size_t n = strcspn(text, ":");
	if (n >= size)
		return weft__err_set(e, WEFT_ETOOBIG, "the name of a host has at most %zu bytes", size - 1);
	memcpy(host, text, n);
	host[n] = '\0';
	*folder = text[n] ? text + n + 1 : NULL;
	return 0;
}

/* A name or an address of a node becomes its number. */
static int look_up(struct session *s, char *host, size_t size, struct weft_error *e)
{
	struct weft_error why;
	uint64_t node;
	if (!*host || !s)
		return 0;
	int rc = nodes_find(s, host, &node, &why);
	if (rc == 0)
		snprintf(host, size, "#%llu", (unsigned long long)node);
	else if (rc == WEFT_ENONODE && !strcmp(host, nodes_arch()))
		*host = '\0'; /* all nodes are of this kind */
	else
		return weft__err_set(e, rc, "%.60s: %s", host, why.text);
	return 0;
}

static bool is_folder(const char *path)
{
	struct stat st;
	return path && *path == '/' && stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Where tasks start that were told nothing: here; PVM's in $PVM_WD or the home folder. */
static const char *usual_folder(const struct args *a, char *here, size_t size)
{
	const char *wd = getenv("PVM_WD"), *home = getenv("HOME");
	if (a->dialect == DIALECT_PVM && is_folder(wd))
		return wd;
	if (a->dialect == DIALECT_PVM && is_folder(home))
		return home;
	return getcwd(here, size);
}

static int find_folder(const struct args *a, const char *wanted, struct place *p, struct weft_error *e)
{
	char here[PATH_MAX];
	const char *base = wanted && *wanted == '/' ? "" : usual_folder(a, here, sizeof here);
	if (!base)
		return weft__err_set(e, WEFT_EIO, "cannot find the current folder: %s; use --wdir", strerror(errno));
	int n = snprintf(p->wdir, sizeof p->wdir, "%s%s%s", base, *base && wanted ? "/" : "", wanted ? wanted : "");
	p->usual = !wanted && a->dialect == DIALECT_PVM;
	if (n < 0 || (size_t)n >= sizeof p->wdir)
		return weft__err_set(e, WEFT_ETOOBIG, "the name of the working directory is too long");
	return 0;
}

void place_cut_slots(char *name)
{
	char *colon = strchr(name, ':');
	if (colon && colon > name && colon[1] && strspn(colon + 1, "0123456789") == strlen(colon + 1))
		*colon = '\0';
}

/* What is no name of a node, as each machine has it. */
static bool is_loopback(const char *name)
{
	return !strcasecmp(name, "localhost") || !strcmp(name, "127.0.0.1");
}

/* "localhost:2,alpha" as it is sent: what means this machine is called by its node's number. */
static int name_hosts(const char *hosts, struct session *s, struct place *p, struct weft_error *e)
{
	size_t at = 0;
	int rc = 0;
	for (size_t length; *hosts && at < sizeof p->host; hosts += length + (hosts[length] == ',')) {
		char name[256];
		length = strcspn(hosts, ",");
		snprintf(name, sizeof name, "%.*s", (int)(length < sizeof name ? length : 0), hosts);
		place_cut_slots(name);
		size_t known = strlen(name);
		bool here = s && is_loopback(name);
		if (here && !session_node(s) && (rc = session_welcome(s, e)) != 0)
			return rc;
		if (here)
			snprintf(name, sizeof name, "#%lld", (long long)session_node(s));
		at += (size_t)snprintf(p->host + at, sizeof p->host - at, "%s%s%.*s", at ? "," : "", here ? name : "",
		                       (int)(here ? length - known : length), here ? hosts + known : hosts);
		if (hosts[length] == ',' && !hosts[length + 1] && at < sizeof p->host)
			at += (size_t)snprintf(p->host + at, sizeof p->host - at, ","); /* an empty name, which is refused */
	}
	return at < sizeof p->host ? 0 : weft__err_set(e, WEFT_ETOOBIG, "--host has at most %zu bytes", sizeof p->host - 1);
}

int place_find(const struct args *a, struct session *s, struct place *p, struct weft_error *e)
{
	const char *where = args_text(a, OPT_WHERE), *host = args_text(a, OPT_HOST);
	const char *folder = NULL, *wdir = args_text(a, OPT_WDIR);
	bool searched      = where || (host && a->dialect == DIALECT_PVM); /* there it is --host=ADDRESS:FOLDER */
	int rc             = 0;
	*p                 = (struct place){.host = ""};
	if (searched)
		rc = split(where ? where : host, p->host, sizeof p->host, &folder, e);
	else if (host)
		rc = name_hosts(host, s, p, e);
	if (!rc && searched && !strchr(p->host, ','))
		rc = look_up(s, p->host, sizeof p->host, e);
	return rc ? rc : find_folder(a, folder && *folder ? folder : wdir, p, e);
}
