/* copy.h - memcpy for payloads that cross between processors. */
#ifndef WEFT_TRANSPORT_COPY_H
#define WEFT_TRANSPORT_COPY_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* A string move writes whole cache lines without fetching them from the other processor first,
 * where that is fast for short lengths too (FSRM); the C library begins with it at 2 KiB only.
 * Sanitizers do not see into it, so they get memcpy. */
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#if defined(__has_feature)
#if !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)
#define WEFT__COPY_BY_STRING 1
#endif
#else
#define WEFT__COPY_BY_STRING 1
#endif
#endif

#ifdef WEFT__COPY_BY_STRING
#include <cpuid.h>
enum { WEFT__COPY_STRING_MIN = 900 };

/* Does this processor have fast short string moves? */
static inline bool weft__copy_probe(void)
{
	unsigned a, b, c, d;
	return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d >> 4 & 1);
}
#else
static inline bool weft__copy_probe(void)
{
	return false;
}
#endif

/* strings: what weft__copy_probe said. */
static inline void weft__copy(void *to, const void *from, size_t nbytes, bool strings)
{
#ifdef WEFT__COPY_BY_STRING
	if (strings && nbytes >= WEFT__COPY_STRING_MIN) {
		__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(nbytes) : : "memory");
		return;
	}
#endif
	memcpy(to, from, nbytes);
}

#endif
