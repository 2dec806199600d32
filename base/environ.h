/* environ.h - the variables by which Weft tells a process who it is. They are wrong for whatever that one starts. */
#ifndef WEFT_BASE_ENVIRON_H
#define WEFT_BASE_ENVIRON_H

#include <stdbool.h>

extern const char *const weft__environ_own[]; /* names; ends with NULL */

/* Is "NAME=value" one of them? */
bool weft__environ_is_own(const char *assignment);

#endif
