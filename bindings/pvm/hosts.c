/* The hosts of the virtual machine: which there are, adding and deleting them. */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/heap.h"
#include "bindings/pvm/calls.h"
#include "bindings/pvm/manager.h"
#include "proto/proto.h"

enum { SPEED = 1000, HOST_TEXT = 256 };

/* PVM's name of this kind of machine. */
static char *arch(void)
{
	char *set = getenv("PVM_ARCH");
	return set && *set ? set : (char *)(sizeof(long) == 8 ? "LINUX64" : "LINUX");
}

/* --- what there is ---------------------------------------------------------------------------- */

/* The speeds are behind the rows. */
static int list_nodes(weft_node_t **nodes, uint32_t **speeds, int *n)
{
	int max = 64;
	for (;;) {
		weft_node_t *rows = weft__malloc((size_t)max * (sizeof *rows + sizeof **speeds));
		if (!rows)
			return PvmNoMem;
		*speeds = (uint32_t *)&rows[max];
		int rc = weft__nodes_speeds(weft__pvm.e, rows, *speeds, max, n);
		if (rc == 0 && *n <= max) {
			*nodes = rows;
			return PvmOk;
		}
		weft__free(rows);
		if (rc)
			return weft__pvm_code(rc);
		max = *n + 64;
	}
}

int weft__pvm_list_nodes(weft_node_t **nodes, int *n)
{
	uint32_t *speeds;
	return list_nodes(nodes, &speeds, n);
}

/* What pvm_config gave out the last time, in one piece. */
static struct pvmhostinfo *make_hosts(const weft_node_t *nodes, const uint32_t *speeds, int n)
{
	size_t size = (size_t)n * (sizeof(struct pvmhostinfo) + WEFT_TEXT_MAX);
	struct pvmhostinfo *hosts = weft__malloc(size ? size : 1);
	if (!hosts)
		return NULL;
	char *text = (char *)&hosts[n];
	for (int i = 0; i < n; i++, text += WEFT_TEXT_MAX) {
		memcpy(text, nodes[i].host, WEFT_TEXT_MAX);
		hosts[i] = (struct pvmhostinfo){.hi_tid = weft__pvm_host_of(nodes[i].node),
		                                .hi_name = text,
		                                .hi_arch = arch(),
		                                .hi_speed = speeds[i] ? (int)speeds[i] : SPEED,
		                                .hi_dsig = WEFT__PVM_DSIG};
	}
	return hosts;
}

int weft__call_config(int *nhost, int *narch, struct pvmhostinfo **hostp)
{
	static struct pvmhostinfo *hosts;
	weft_node_t *nodes;
	uint32_t *speeds;
	int n, rc = weft__pvm_enrol();
	if (rc == PvmOk && weft__manager()) {
		rc = weft__manager_config(nhost, narch, hostp);
		if (rc != PvmNoTask)
			return rc ? lpvmerr("pvm_config", rc) : PvmOk;
		rc = PvmOk;
	}
	if (rc == PvmOk)
		rc = list_nodes(&nodes, &speeds, &n);
	if (rc)
		return lpvmerr("pvm_config", rc);
	struct pvmhostinfo *fresh = make_hosts(nodes, speeds, n);
	weft__free(nodes);
	if (!fresh)
		return lpvmerr("pvm_config", PvmNoMem);
	weft__free(hosts);
	hosts = fresh;
	if (nhost)
		*nhost = n;
	if (narch)
		*narch = 1;
	if (hostp)
		*hostp = hosts;
	return PvmOk;
}

int weft__call_archcode(char *name)
{
	if (!name)
		return lpvmerr("pvm_archcode", PvmBadParam);
	return strcmp(name, arch()) == 0 ? WEFT__PVM_DSIG : lpvmerr("pvm_archcode", PvmNotFound);
}

/* The first word of a line of a hostfile. */
static bool host_name(const char *line, char name[static HOST_TEXT])
{
	if (!line)
		return false;
	line += strspn(line, " \t");
	size_t n = strcspn(line, " \t\n");
	if (n == 0 || n >= HOST_TEXT)
		return false;
	memcpy(name, line, n);
	name[n] = '\0';
	return true;
}

/* The node of that name; 0: there is none; or an error. */
static int node_named(const char *name)
{
	weft_node_t *nodes;
	int n, found = 0, rc = weft__pvm_list_nodes(&nodes, &n);
	if (rc)
		return rc;
	for (int i = 0; i < n && !found; i++)
		if (strcmp(nodes[i].host, name) == 0)
			found = (int)nodes[i].node;
	weft__free(nodes);
	return found;
}

/* --- adding and deleting ---------------------------------------------------------------------- */

static const char *after(const char *word, const char *key)
{
	size_t n = strlen(key);
	return strncasecmp(word, key, n) == 0 ? word + n : NULL;
}

static bool take_number(const char *text, uint32_t max, uint32_t *value)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || number > max)
		return false;
	*value = (uint32_t)number;
	return true;
}

/* Of PVM's options, and of those that Weft has besides. The path of PVM's own daemon does not help; so= is for a
 * hoster; bx= (of a debugger) and id= (of PVM's machine) mean nothing. */
static bool take_option(struct weft__new_host *h, const char *word)
{
	const struct {
		const char *key;
		const char **to;
	} texts[] = {{"lo=", &h->login}, {"ip=", &h->address}, {"dx=", &h->daemon}, {"ep=", &h->path},
	             {"wd=", &h->wdir},  {"port=", &h->ports}, {"so=", &h->start},  {"bx=", NULL},
	             {"id=", NULL}};
	const char *value;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		if (!(value = after(word, texts[i].key)))
			continue;
		const char *name = strrchr(value, '/');
		if (texts[i].to == &h->daemon && strncmp(name ? name + 1 : value, "pvmd", 4) == 0)
			return true;
		if (texts[i].to)
			*texts[i].to = *value ? value : NULL;
		return true;
	}
	if ((value = after(word, "sp=")))
		return take_number(value, 1000000, &h->speed);
	if ((value = after(word, "slots=")))
		return take_number(value, 65535, &h->slots);
	return false;
}

/* "name option=value ..." in a copy, which is cut up. */
static bool take_words(struct weft__new_host *h, char *line)
{
	char *rest;
	h->host = strtok_r(line, " \t\n", &rest);
	for (const char *word; h->host && (word = strtok_r(NULL, " \t\n", &rest));)
		if (!take_option(h, word))
			return false;
	return h->host != NULL;
}

static int added(const struct weft__new_host *h)
{
	switch (h->code) {
	case 0:
		return weft__pvm_host_of(h->node);
	case WEFT_EEXIST:
		return PvmDupHost;
	case WEFT_ENONODE:
	case WEFT_ETIMEDOUT:
		return PvmCantStart;
	default:
		return weft__pvm_code(h->code);
	}
}

/* Those of which the line is one, all at a time; infos as the caller of pvm_addhosts gets them. */
static int add_lines(char **lines, int n, int *infos)
{
	struct weft__new_host *hosts = weft__calloc((size_t)n, sizeof *hosts);
	int *whose = weft__calloc((size_t)n, sizeof *whose), nhosts = 0;
	for (int i = 0; hosts && whose && i < n; i++) {
		struct weft__new_host h = {0};
		infos[i] = lines[i] && take_words(&h, lines[i]) ? PvmOk : PvmBadParam;
		int there = infos[i] ? infos[i] : node_named(h.host);
		if (infos[i] == PvmOk && there)
			infos[i] = there > 0 ? PvmDupHost : there;
		if (infos[i])
			continue;
		whose[nhosts] = i;
		hosts[nhosts++] = h;
	}
	bool well = hosts && whose;
	if (nhosts)
		weft__add_hosts(weft__pvm.e, hosts, nhosts);
	for (int i = 0; i < nhosts; i++)
		infos[whose[i]] = added(&hosts[i]);
	weft__free(hosts);
	weft__free(whose);
	return well ? PvmOk : PvmNoMem;
}

static int add_hosts(char **names, int n, int *infos)
{
	char **lines = weft__calloc((size_t)n, sizeof *lines);
	int rc = lines ? PvmOk : PvmNoMem;
	for (int i = 0; lines && i < n; i++)
		if (names[i] && !(lines[i] = weft__strdup(names[i])))
			rc = PvmNoMem;
	if (rc == PvmOk)
		rc = add_lines(lines, n, infos);
	for (int i = 0; lines && i < n; i++)
		weft__free(lines[i]);
	weft__free(lines);
	return rc;
}

static int delete_host(const char *line)
{
	char name[HOST_TEXT];
	if (!host_name(line, name))
		return PvmBadParam;
	int node = node_named(name);
	if (node <= 0)
		return node ? node : PvmNoHost;
	int rc = weft__remove_node(weft__pvm.e, (uint32_t)node);
	return rc == WEFT_EDENIED ? PvmBadParam : weft__pvm_code(rc);
}

static int delete_hosts(char **names, int n, int *infos)
{
	for (int i = 0; i < n; i++)
		infos[i] = delete_host(names[i]);
	return PvmOk;
}

typedef int host_act(char **names, int n, int *infos);

/* How many it went well for. A resource manager is asked before the coordinator is. */
static int all_hosts(const char *function, host_act *act, host_act *manager, char **names, int n, int *infos)
{
	int done = 0, rc = weft__pvm_enrol();
	if (rc || n < 1 || n > WEFT__NODE_MAX || !names)
		return lpvmerr(function, rc ? rc : PvmBadParam);
	int *own = weft__calloc((size_t)n, sizeof *own);
	rc = !own ? PvmNoMem : weft__manager() ? manager(names, n, own) : PvmNoTask;
	if (rc == PvmNoTask)
		rc = act(names, n, own);
	rc = rc > 0 ? PvmOk : rc;
	for (int i = 0; rc == PvmOk && i < n; i++) {
		done += own[i] >= 0;
		if (infos)
			infos[i] = own[i];
	}
	weft__free(own);
	return rc ? lpvmerr(function, rc) : done;
}

int weft__call_addhosts(char **names, int n, int *infos)
{
	return all_hosts("pvm_addhosts", add_hosts, weft__manager_addhosts, names, n, infos);
}

int weft__call_delhosts(char **names, int n, int *infos)
{
	return all_hosts("pvm_delhosts", delete_hosts, weft__manager_delhosts, names, n, infos);
}

int weft__call_mstat(char *host)
{
	char name[HOST_TEXT];
	int rc = weft__pvm_enrol();
	if (rc || !host_name(host, name))
		return lpvmerr("pvm_mstat", rc ? rc : PvmBadParam);
	int node = node_named(name);
	return node > 0 ? PvmOk : weft__pvm_silent(node ? node : PvmNoHost);
}

