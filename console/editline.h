/* editline.h - libedit, loaded when a line is to be edited: most calls of weft edit none, and it brings three more
 * libraries.
 *
 * A file that includes this one calls libedit by its own names; what it calls must be in the list, and editline_load
 * must have succeeded before.
 */
#ifndef WEFT_CONSOLE_EDITLINE_H
#define WEFT_CONSOLE_EDITLINE_H

#include <histedit.h>
#include <stdbool.h>

#define EDITLINE_FUNCTIONS(X) \
	X(el_cursor) X(el_deletestr) X(el_end) X(el_get) X(el_gets) X(el_init) X(el_insertstr) X(el_line) X(el_resize) \
	X(el_set) X(el_source) X(el_wset) X(history) X(history_end) X(history_init)

struct editline {
#define X(name) __typeof__(name) *name##_;
	EDITLINE_FUNCTIONS(X)
#undef X
};
extern struct editline editline;

/* Once, then at no cost. NULL, or why it can't be. */
const char *editline_load(void);

#ifndef EDITLINE_ITSELF
#define el_cursor editline.el_cursor_
#define el_deletestr editline.el_deletestr_
#define el_end editline.el_end_
#define el_get editline.el_get_
#define el_gets editline.el_gets_
#define el_init editline.el_init_
#define el_insertstr editline.el_insertstr_
#define el_line editline.el_line_
#define el_resize editline.el_resize_
#define el_set editline.el_set_
#define el_source editline.el_source_
#define el_wset editline.el_wset_
#define history(...) editline.history_(__VA_ARGS__)
#define history_end editline.history_end_
#define history_init editline.history_init_
#endif

#endif
