/* script.h - the commands in a shell script. Pure.
 *
 * No shell: a script is read word by word, and what stands where a command stands is one. Assignments, cd, quotes
 * and $(dirname "$0") are followed as far as the text alone tells. It is for guesses that are right for the scripts
 * that people write around one program.
 */
#ifndef WEFT_NODE_SCRIPT_H
#define WEFT_NODE_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>

enum { SCRIPT_WORDS_MAX = 16 }; /* of a command; more are left out */

struct script_ops {
	/* A variable that the script has not set itself; NULL: there is none. */
	const char *(*variable)(void *arg, const char *name);

	/* A command: argv ends with NULL, words that the text does not tell are ""; folder: where the script has gone to by
	 * cd, "" for where it began. False: that is enough. */
	bool (*command)(void *arg, const char *folder, char *const *argv);
};

/* script_scan - tell ops of the commands in text[n]; path: what $0 is, "" for the text of -c. */
void script_scan(const char *text, size_t n, const char *path, const struct script_ops *ops, void *arg);

#endif
