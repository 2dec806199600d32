#include "config.h"

#include "console/hostfile.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/heap.h"
#include "proto/proto.h"

enum { DIGITS_MAX = 7, GROW = 16, READ_BYTES = 65536 };

/* What there is to know about a value. */
enum value_kind {
	VALUE_NAME,  /* of a user or machine: goes to ssh as an argument */
	VALUE_PATH,  /* may have $NAME in it */
	VALUE_WORD,  /* only printable */
	VALUE_PORTS,
	VALUE_SLOTS,
	VALUE_SPEED,
	VALUE_START,
	VALUE_IGNORED, /* other launchers' that mean nothing here */
};

static const struct key {
	const char *name;
	enum value_kind kind;
	enum hostfile_text text;
} keys[] = {
        {"lo", VALUE_NAME, HOSTFILE_LOGIN},     {"ip", VALUE_NAME, HOSTFILE_ADDRESS},
        {"dx", VALUE_PATH, HOSTFILE_DAEMON},    {"ep", VALUE_PATH, HOSTFILE_PATH},
        {"wd", VALUE_PATH, HOSTFILE_WDIR},      {"bx", VALUE_WORD, HOSTFILE_DEBUGGER},
        {"id", VALUE_WORD, HOSTFILE_VMID},      {"port", VALUE_PORTS, HOSTFILE_PORTS},
        {"sp", VALUE_SPEED, HOSTFILE_NTEXTS},   {"so", VALUE_START, HOSTFILE_NTEXTS},
        {"slots", VALUE_SLOTS, HOSTFILE_NTEXTS}, {"max_slots", VALUE_IGNORED, HOSTFILE_NTEXTS},
        {"max-slots", VALUE_IGNORED, HOSTFILE_NTEXTS},
};

/* What is being read. */
struct reader {
	struct hostfile *file;
	const char *name; /* of the file; NULL: the line is the user's own */
	unsigned line;
	struct hostfile_host defaults;
	struct weft_error *e;
};

static int complain(const struct reader *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int complain(const struct reader *r, const char *format, ...)
{
	char text[160];
	va_list ap;
	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	if (r->name)
		return weft__err_set(r->e, WEFT_EINVAL, "%.60s:%u: %s", r->name, r->line, text);
	return weft__err_set(r->e, WEFT_EINVAL, "%s", text);
}

static int no_memory(const struct reader *r)
{
	return weft__err_set(r->e, WEFT_ENOMEM, "out of memory");
}

/* --- hosts ---------------------------------------------------------------------------------------- */

static void host_fini(struct hostfile_host *h)
{
	weft__free(h->name);
	for (size_t i = 0; i < HOSTFILE_NTEXTS; i++)
		weft__free(h->text[i]);
	*h = (struct hostfile_host){0};
}

/* A copy of what from says, without its name. */
static bool host_copy(struct hostfile_host *h, const struct hostfile_host *from)
{
	*h = *from;
	h->name = NULL;
	memset(h->text, 0, sizeof h->text);
	for (size_t i = 0; i < HOSTFILE_NTEXTS; i++)
		if (from->text[i] && !(h->text[i] = weft__strdup(from->text[i])))
			return false;
	return true;
}

static struct hostfile_host *find(const struct hostfile *f, const char *name)
{
	for (size_t i = 0; i < f->n; i++)
		if (!strcmp(f->hosts[i].name, name))
			return &f->hosts[i];
	return NULL;
}

const struct hostfile_host *hostfile_find(const struct hostfile *f, const char *name)
{
	return find(f, name);
}

void hostfile_fini(struct hostfile *f)
{
	for (size_t i = 0; i < f->n; i++)
		host_fini(&f->hosts[i]);
	weft__free(f->hosts);
	host_fini(&f->others);
	*f = (struct hostfile){0};
}

int hostfile_complete(struct hostfile *f, const struct hostfile *known, struct weft_error *e)
{
	for (size_t i = 0; i < f->n; i++) {
		struct hostfile_host *h = &f->hosts[i];
		const struct hostfile_host *like = find(known, h->name);
		like = like ? like : &known->others;
		h->slots = h->slots ? h->slots : like->slots;
		h->speed = h->speed ? h->speed : like->speed;
		h->start = h->start ? h->start : like->start;
		for (size_t k = 0; k < HOSTFILE_NTEXTS; k++)
			if (!h->text[k] && like->text[k] && !(h->text[k] = weft__strdup(like->text[k])))
				return weft__err_set(e, WEFT_ENOMEM, "out of memory");
	}
	return 0;
}

/* --- values --------------------------------------------------------------------------------------- */

static bool is_name(const char *text)
{
	if (!*text || *text == '-')
		return false;
	for (; *text; text++)
		if ((unsigned char)*text <= ' ' || *text == 0x7f || strchr(",#'\"\\$`;&|<>()*?!~=", *text))
			return false;
	return true;
}

static bool is_printable(const char *text)
{
	if (!*text)
		return false;
	for (; *text; text++)
		if ((unsigned char)*text <= ' ' || *text == 0x7f)
			return false;
	return true;
}

static bool is_count(const char *text, unsigned max, unsigned *value)
{
	size_t n = strlen(text);
	if (n == 0 || n > DIGITS_MAX || strspn(text, "0123456789") != n)
		return false;
	unsigned long number = strtoul(text, NULL, 10);
	if (number == 0 || number > max)
		return false;
	*value = (unsigned)number;
	return true;
}

bool hostfile_is_ports(const char *text)
{
	char first[DIGITS_MAX + 1];
	unsigned a, b;
	const char *dash = strchr(text, '-');
	if (!dash)
		return is_count(text, 65535, &a);
	if ((size_t)(dash - text) >= sizeof first)
		return false;
	snprintf(first, sizeof first, "%.*s", (int)(dash - text), text);
	return is_count(first, 65535, &a) && is_count(dash + 1, 65535, &b) && a <= b;
}

static int take_text(struct reader *r, struct hostfile_host *h, const struct key *key, const char *value)
{
	bool well = key->kind == VALUE_NAME ? is_name(value) : key->kind == VALUE_PORTS ? hostfile_is_ports(value) : is_printable(value);
	if (strlen(value) > HOSTFILE_VALUE_MAX)
		return complain(r, "%s= is longer than %d characters", key->name, HOSTFILE_VALUE_MAX);
	if (!well)
		return complain(r, "%s= can't be \"%.40s\"%s", key->name, value,
		                key->kind == VALUE_PORTS ? ": a port, or a range as 7000-7010" : "");
	char *copy = weft__strdup(value);
	if (!copy)
		return no_memory(r);
	weft__free(h->text[key->text]);
	h->text[key->text] = copy;
	return 0;
}

static int take_option(struct reader *r, struct hostfile_host *h, const char *name, const char *value)
{
	const struct key *key = NULL;
	for (size_t i = 0; i < sizeof keys / sizeof *keys && !key; i++)
		if (!strcasecmp(name, keys[i].name))
			key = &keys[i];
	if (!key)
		return complain(r, "unknown option \"%.40s=\"; there are slots= port= lo= ip= dx= ep= wd= sp= so= bx= id=", name);
	switch (key->kind) {
	case VALUE_SLOTS:
		if (!is_count(value, HOSTFILE_SLOTS_MAX, &h->slots))
			return complain(r, "slots= is a number from 1 to %d, not \"%.40s\"", HOSTFILE_SLOTS_MAX, value);
		return 0;
	case VALUE_SPEED:
		if (!is_count(value, HOSTFILE_SPEED_MAX, &h->speed))
			return complain(r, "sp= is a number from 1 to %d, not \"%.40s\"", HOSTFILE_SPEED_MAX, value);
		return 0;
	case VALUE_START:
		if (strcmp(value, "pw") && strcmp(value, "ms"))
			return complain(r, "so= is pw (ask for a password) or ms (start by hand), not \"%.40s\"", value);
		h->start = *value == 'p' ? HOSTFILE_PASSWORD : HOSTFILE_BY_HAND;
		return 0;
	case VALUE_IGNORED:
		return 0;
	default:
		return take_text(r, h, key, value);
	}
}

/* --- lines ---------------------------------------------------------------------------------------- */

/* Cuts "alice@" off the front and ":4" off the end; an IPv6 address has more colons, or brackets around it. */
static int take_name(struct reader *r, struct hostfile_host *h, char *word)
{
	static const struct key login = {"user@", VALUE_NAME, HOSTFILE_LOGIN};
	char *at = strchr(word, '@'), *colon = strchr(word, ':');
	if (at) {
		*at = '\0';
		int rc = take_text(r, h, &login, word);
		if (rc)
			return rc;
		word = at + 1;
	}
	if (*word == '[') {
		char *end = strchr(++word, ']');
		if (!end || (end[1] && end[1] != ':'))
			return complain(r, "\"[%.40s\" is not an address in brackets", word);
		colon = end[1] ? end + 1 : NULL;
		*end = '\0';
	} else if (colon && strchr(colon + 1, ':')) {
		colon = NULL;
	}
	if (colon) {
		*colon = '\0';
		if (!is_count(colon + 1, HOSTFILE_SLOTS_MAX, &h->slots))
			return complain(r, "behind HOST: comes a number from 1 to %d, not \"%.40s\"", HOSTFILE_SLOTS_MAX, colon + 1);
	}
	if (strlen(word) > HOSTFILE_NAME_MAX || !is_name(word))
		return complain(r, "\"%.60s\" is not a host name", word);
	h->name = weft__strdup(word);
	return h->name ? 0 : no_memory(r);
}

/* Takes h over. A host that was named before gets the slots of this line in addition. */
static int keep(struct reader *r, struct hostfile_host *h)
{
	struct hostfile *f = r->file;
	struct hostfile_host *known = find(f, h->name);
	if (known) {
		known->slots = (known->slots ? known->slots : 1) + (h->slots ? h->slots : 1);
		known->later &= h->later;
		host_fini(h);
		return known->slots <= HOSTFILE_SLOTS_MAX ? 0 : complain(r, "%.60s has too many slots", known->name);
	}
	if (f->n == WEFT__NODE_MAX)
		return complain(r, "more than %d hosts", WEFT__NODE_MAX);
	if (f->n % GROW == 0) {
		struct hostfile_host *grown = weft__realloc(f->hosts, (f->n + GROW) * sizeof *grown);
		if (!grown)
			return no_memory(r);
		f->hosts = grown;
	}
	f->hosts[f->n++] = *h;
	*h = (struct hostfile_host){0};
	return 0;
}

static char *next_word(char **at)
{
	char *word = *at + strspn(*at, " \t\r\v\f");
	if (!*word || *word == '#')
		return NULL;
	*at = word + strcspn(word, " \t\r\v\f");
	if (**at)
		*(*at)++ = '\0';
	return word;
}

static int take_words(struct reader *r, struct hostfile_host *h, char *at, bool named)
{
	int rc = 0;
	for (char *word; !rc && (word = next_word(&at));) {
		char *equals = strchr(word, '=');
		if (!named) {
			rc = take_name(r, h, word);
			named = true;
		} else if (equals) {
			*equals = '\0';
			rc = take_option(r, h, word, equals + 1);
		} else {
			rc = complain(r, "\"%.40s\" is not an option; options are KEY=VALUE, and one host a line", word);
		}
	}
	return rc ? rc : named ? 0 : complain(r, "a host's name is missing");
}

static int take_defaults(struct reader *r, char *at)
{
	struct hostfile_host h = {0};
	int rc = take_words(r, &h, at, true);
	host_fini(&r->defaults);
	r->defaults = h;
	return rc;
}

/* text is cut up. */
static int take_line(struct reader *r, char *text)
{
	struct hostfile_host h;
	bool later = false, overload = false;
	text += strspn(text, " \t\r\v\f");
	if (!*text || *text == '#')
		return 0;
	if (*text == '*')
		return take_defaults(r, text + 1);
	for (; *text == '&' || *text == '$'; text += 1 + strspn(text + 1, " \t")) {
		later |= *text == '&';
		overload |= *text == '$';
	}
	if (!host_copy(&h, &r->defaults)) {
		host_fini(&h);
		return no_memory(r);
	}
	h.line = r->line;
	h.later = later;
	h.overload = overload;
	int rc = take_words(r, &h, text, false);
	if (!rc)
		rc = keep(r, &h);
	host_fini(&h);
	return rc;
}

int hostfile_parse(struct hostfile *f, const char *text, size_t nbytes, const char *name, struct weft_error *e)
{
	struct reader r = {.file = f, .name = name, .e = e};
	char line[HOSTFILE_LINE_MAX + 1];
	const char *end = text + nbytes;
	int rc = 0;
	while (!rc && text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		size_t length = (size_t)((newline ? newline : end) - text);
		r.line++;
		if (length > HOSTFILE_LINE_MAX || memchr(text, '\0', length)) {
			rc = complain(&r, length > HOSTFILE_LINE_MAX ? "the line is too long" : "this is no text file");
			break;
		}
		memcpy(line, text, length);
		line[length] = '\0';
		rc = take_line(&r, line);
		text += length + 1;
	}
	host_fini(&f->others);
	f->others = r.defaults;
	return rc;
}

int hostfile_add(struct hostfile *f, const char *line, struct weft_error *e)
{
	size_t start = strspn(line, " \t");
	if (strchr(line, '\n'))
		return weft__err_set(e, WEFT_EINVAL, "a host is one line");
	if (!line[start] || strchr("#*", line[start]))
		return weft__err_set(e, WEFT_EINVAL, "a host's name is missing");
	return hostfile_parse(f, line, strlen(line), NULL, e);
}

/* --- files ---------------------------------------------------------------------------------------- */

static int read_all(int fd, const char *name, char **text, size_t *n, struct weft_error *e)
{
	size_t size = 0;
	*text = NULL;
	*n = 0;
	for (;;) {
		if (size - *n < READ_BYTES) {
			size += READ_BYTES;
			char *grown = weft__realloc(*text, size);
			if (!grown)
				return weft__err_set(e, WEFT_ENOMEM, "out of memory");
			*text = grown;
		}
		ssize_t got = read(fd, *text + *n, size - *n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return weft__err_set(e, weft__err_from_errno(errno), "%.100s: %s", name, strerror(errno));
		if (got == 0)
			return 0;
		*n += (size_t)got;
		if (*n > HOSTFILE_BYTES_MAX)
			return weft__err_set(e, WEFT_ETOOBIG, "%.100s is no list of hosts: it is larger than %d MiB", name,
			                     HOSTFILE_BYTES_MAX >> 20);
	}
}

int hostfile_read(struct hostfile *f, const char *path, struct weft_error *e)
{
	char *text;
	size_t n;
	bool from_stdin = !strcmp(path, "-");
	const char *name = from_stdin ? "standard input" : path;
	int fd = from_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return weft__err_set(e, weft__err_from_errno(errno), "the list of hosts %.100s: %s", path, strerror(errno));
	int rc = read_all(fd, name, &text, &n, e);
	if (!from_stdin)
		close(fd);
	if (!rc)
		rc = hostfile_parse(f, text, n, name, e);
	weft__free(text);
	return rc;
}

/* --- this machine --------------------------------------------------------------------------------- */

static bool same_address(const struct sockaddr *a, const struct sockaddr *b)
{
	if (!b || a->sa_family != b->sa_family)
		return false;
	if (a->sa_family == AF_INET)
		return ((const struct sockaddr_in *)(const void *)a)->sin_addr.s_addr ==
		       ((const struct sockaddr_in *)(const void *)b)->sin_addr.s_addr;
	if (a->sa_family == AF_INET6)
		return !memcmp(&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr,
		               &((const struct sockaddr_in6 *)(const void *)b)->sin6_addr, sizeof(struct in6_addr));
	return false;
}

static bool is_loopback(const struct sockaddr *a)
{
	if (a->sa_family == AF_INET)
		return ntohl(((const struct sockaddr_in *)(const void *)a)->sin_addr.s_addr) >> 24 == 127;
	return a->sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr);
}

/* A numeric address. */
static bool is_own_address(const char *text)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST}, *a = NULL;
	struct ifaddrs *interfaces = NULL;
	if (getaddrinfo(text, NULL, &hints, &a))
		return false;
	bool own = is_loopback(a->ai_addr);
	if (!own && getifaddrs(&interfaces) == 0) {
		for (const struct ifaddrs *i = interfaces; i && !own; i = i->ifa_next)
			own = same_address(a->ai_addr, i->ifa_addr);
		freeifaddrs(interfaces);
	}
	freeaddrinfo(a);
	return own;
}

/* Is there a line with an address of ours and this name? */
static bool is_in_hosts(const char *name)
{
	char line[1024];
	bool found = false;
	FILE *f = fopen("/etc/hosts", "re");
	while (f && !found && fgets(line, sizeof line, f)) {
		char *rest, *address;
		line[strcspn(line, "#\n")] = '\0';
		address = strtok_r(line, " \t", &rest);
		for (char *word; address && !found && (word = strtok_r(NULL, " \t", &rest));)
			found = !strcasecmp(word, name) && is_own_address(address);
	}
	if (f)
		fclose(f);
	return found;
}

/* Up to the first dot, when one of them has no more than that. */
static bool same_machine(const char *a, const char *b)
{
	size_t na = strcspn(a, "."), nb = strcspn(b, ".");
	return !strcasecmp(a, b) || ((!a[na] || !b[nb]) && na == nb && !strncasecmp(a, b, na) && !isdigit((unsigned char)*a));
}

bool hostfile_is_here(const char *name)
{
	char own[256] = "";
	gethostname(own, sizeof own - 1);
	return same_machine(name, own) || !strcasecmp(name, "localhost") || is_own_address(name) || is_in_hosts(name);
}
