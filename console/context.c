#include "config.h"

#include "console/context.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool context_colour(int fd)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
	return (!no || !*no) && term && strcmp(term, "dumb") != 0 && isatty(fd);
}

/* One line in one write: another process's line must not land within it. */
__attribute__((format(printf, 3, 0))) static void say(const struct context *c, const char *colour,
                                                      const char *format, va_list ap)
{
	char text[1024], place[300] = "", line[1500];
	bool coloured = context_colour(2);
	vsnprintf(text, sizeof text, format, ap);
	for (char *p = text; *p; p++)
		if (((unsigned char)*p < 0x20 && *p != '\n') || *p == 0x7f)
			*p = '?';
	const char *name = c->command && !c->interactive ? c->command->name : NULL;
	if (c->file)
		snprintf(place, sizeof place, " %.250s:%u:", c->file, c->line);
	snprintf(line, sizeof line, "%s%s%s%s:%s%s %s\n", coloured ? colour : "",
	         c->dialect == DIALECT_PVM ? "pvm" : "weft", name ? " " : "", name ? name : "",
	         coloured ? "\033[0m" : "", place, text);
	fflush(stdout);
	if (c->before)
		c->before(c->terminal);
	fputs(line, stderr);
	fflush(stderr);
	if (c->after)
		c->after(c->terminal);
}

void context_error(const struct context *c, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	say(c, "\033[1;31m", format, ap);
	va_end(ap);
}

void context_note(const struct context *c, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	say(c, "\033[1m", format, ap);
	va_end(ap);
}

int context_attach(struct context *c, const struct args *a)
{
	struct weft_error e;
	if (c->session && session_is_open(c->session))
		return 0;
	if (c->interactive) {
		context_error(c, "the virtual machine is down");
		return WEFT_ENOVM;
	}
	session_close(&c->session);
	int rc = session_attach(c->loop, args_text(a, OPT_VM), &c->session, &e);
	if (!rc && (rc = session_welcome(c->session, &e)) != 0)
		session_close(&c->session);
	if (rc)
		context_error(c, "%s", e.text);
	return rc;
}

void context_detach(struct context *c)
{
	if (!c->interactive)
		session_close(&c->session);
}
