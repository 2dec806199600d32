#define EDITLINE_ITSELF
#include "config.h"

#include "console/editline.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

struct editline editline;

static const struct {
	const char *name;
	size_t at; /* in struct editline */
} functions[] = {
#define X(name) {#name, offsetof(struct editline, name##_)},
        EDITLINE_FUNCTIONS(X)
#undef X
};

/* Debian's name, and everybody else's. */
static const char *const names[] = {"libedit.so.2", "libedit.so.0"};

static const char *failed(void)
{
	const char *why = dlerror();
	return why ? why : "libedit can't be loaded";
}

const char *editline_load(void)
{
	static bool loaded;
	void *library = NULL;
	if (loaded)
		return NULL;
	for (size_t i = 0; !library && i < sizeof names / sizeof *names; i++)
		library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
	if (!library)
		return failed();
	for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
		void *function = dlsym(library, functions[i].name);
		if (!function)
			return failed();
		memcpy((char *)&editline + functions[i].at, &function, sizeof function);
	}
	loaded = true;
	return NULL;
}
