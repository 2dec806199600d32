/* scratch.h - a folder for a test's files. */
#ifndef WEFT_TESTS_BASE_SCRATCH_H
#define WEFT_TESTS_BASE_SCRATCH_H

/* A new folder, mode 0700; exits with a message when there can be none. The caller frees the path.
 */
char *scratch_make(void);

/* Removes the folder with all that is in it, and frees its path. */
void scratch_remove(char *path);

#endif
