#define OPENSSL_ITSELF
#include "config.h"

#include "link/openssl.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/log.h"

#define TEXT_OF(number) #number
#define TEXT(number) TEXT_OF(number)

struct openssl openssl;

static const struct {
	const char *name;
	size_t at; /* in struct openssl */
} functions[] = {
#define X(name) {#name, offsetof(struct openssl, name##_)},
        OPENSSL_FUNCTIONS(X)
#undef X
};

static int failed(void)
{
	const char *why = dlerror();
	weft__log(WEFT__LOG_ERROR, "WEFT-LINK-OPENSSL", "no encryption: %s", why ? why : "?");
	return WEFT_EINTERNAL;
}

int openssl_load(void)
{
	static bool loaded;
	if (loaded)
		return 0;
	/* The release that we were compiled for; it brings libcrypto. */
	void *library = dlopen("libssl.so." TEXT(OPENSSL_SHLIB_VERSION), RTLD_NOW | RTLD_LOCAL);
	if (!library)
		return failed();
	for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
		void *function = dlsym(library, functions[i].name);
		if (!function) {
			int rc = failed();
			dlclose(library);
			return rc;
		}
		memcpy((char *)&openssl + functions[i].at, &function, sizeof function);
	}
	loaded = true;
	return 0;
}
