/* The mailbox. The coordinator keeps the messages, under a name and an index; here they become buffers. The
 * calls of PVM 3.3, which keep one number under a name, and the tasks that a reset spares are on top of it.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/heap.h"
#include "bindings/pvm/calls.h"
#include "proto/proto.h"

/* What PVM's own tools look for. */
#define NO_RESETS "###_PVM_NO_RESET_###"

/* pvm_insert's entries: several of a name, which stay. */
#define NUMBERED (PvmMboxPersistent | PvmMboxMultiInstance)

static int check_name(const char *name)
{
	int rc = weft__pvm_enrol();
	return rc ? rc : name && *name ? PvmOk : PvmBadParam;
}

/* --- putting, getting, deleting --------------------------------------------------------------- */

static int put(const char *name, int bufid, int flags, bool alone)
{
	struct weft__pvm_buf *b = weft__pvm_buf(bufid);
	uint32_t index;
	int rc = check_name(name);
	if (rc == PvmOk && !b)
		rc = bufid <= 0 ? PvmBadParam : PvmNoSuchBuf;
	if (rc)
		return rc;
	struct weft__pvm_blob *blob = weft__pvm_buf_seal(b);
	if (!blob)
		return PvmNoMem;
	rc = weft__mbox_put(weft__pvm.e, name, (uint32_t)flags, alone, blob->bytes, blob->size,
	                    &index);
	weft__pvm_blob_drop(blob);
	return rc ? weft__pvm_code(rc) : (int)index;
}

int weft__call_putinfo(char *name, int bufid, int flags)
{
	int index = put(name, bufid, flags, false);
	return index < 0 ? lpvmerr("pvm_putinfo", index) : index;
}

/* The buffer with the message; its index in *index. */
static int get(const char *name, int index, int flags, int *found)
{
	struct weft__letter letter = {0};
	struct weft__pvm_buf *b;
	int rc = check_name(name);
	if (rc || index < 0)
		return rc ? rc : PvmBadParam;
	rc = weft__mbox_get(weft__pvm.e, name, (uint32_t)index, (uint32_t)flags, &letter);
	if (rc)
		return weft__pvm_code(rc);
	int bufid = weft__pvm_buf_adopt(&letter.bytes, letter.nbytes, &b);
	weft__free(letter.bytes);
	if (bufid < 0)
		return bufid;
	b->src = letter.owner.v ? weft__pvm_slot(letter.owner) : 0;
	b->tag = 0;
	*found = (int)letter.index;
	return bufid;
}

/* That there is no such entry, or that it is another's, is an answer: PVM prints nothing. */
static int failed(const char *name, int code)
{
	return code == PvmNotFound || code == PvmDenied ? weft__pvm_silent(code) : lpvmerr(name, code);
}

int weft__call_recvinfo(char *name, int index, int flags)
{
	int found, bufid = get(name, index, flags, &found);
	return bufid < 0 ? failed("pvm_recvinfo", bufid) : weft__pvm_become_current(bufid);
}

static int delete(const char *name, int index)
{
	int rc = check_name(name);
	if (rc == PvmOk && index < 0)
		rc = PvmBadParam;
	if (rc == PvmOk)
		rc = weft__pvm_code(weft__mbox_delete(weft__pvm.e, name, (uint32_t)index));
	return rc;
}

int weft__call_delinfo(char *name, int index, int flags)
{
	int rc = delete(name, index);
	(void)flags; /* there are none */
	return rc ? failed("pvm_delinfo", rc) : index;
}

/* --- listing ---------------------------------------------------------------------------------- */

/* Whether text begins with what a pattern without stars has; *n: how much of the pattern that is. */
static bool starts(const char *text, const char *pattern, size_t *n)
{
	size_t i = 0;
	for (; pattern[i] && pattern[i] != '*'; i++, text++) {
		if (pattern[i] == '\\' && pattern[i + 1] == '*')
			i++;
		if (*text != pattern[i])
			return false;
	}
	*n = i;
	return true;
}

/* The pattern may be anywhere in the text; a star stands for anything, "\*" for a star. */
int pvmmatchstring(char *text, char *pattern)
{
	const char *p = pattern ? pattern : "", *t = text ? text : "";
	while (*p) {
		size_t n = 0;
		if (*p == '*') {
			p++;
			continue;
		}
		while (*t && !starts(t, p, &n))
			t++;
		if (!*t)
			return 0;
		for (size_t i = 0; i < n; i++)
			t += !(p[i] == '\\' && p[i + 1] == '*');
		p += n;
	}
	return 1;
}

/* What pvm_getmboxinfo gave out the last time. */
static struct {
	struct pvmmboxinfo *classes;
	struct weft__letter_row *rows; /* where the names are */
	int *numbers;                  /* of all classes: indexes, owners, flags */
} given;

static void give_rows(struct pvmmboxinfo *class, const struct weft__letter_row *rows, int n, int **numbers)
{
	class->mi_name = (char *)rows->name;
	class->mi_nentries = n;
	class->mi_indices = *numbers;
	class->mi_owners = *numbers + n;
	class->mi_flags = *numbers + 2 * n;
	for (int i = 0; i < n; i++) {
		class->mi_indices[i] = (int)rows[i].index;
		class->mi_owners[i] = rows[i].owner.v ? weft__pvm_slot(rows[i].owner) : 0;
		class->mi_flags[i] = (int)rows[i].flags;
	}
	*numbers += 3 * n;
}

/* Rows of one name come one after the other. */
static int make_classes(char *pattern, const struct weft__letter_row *rows, size_t nrows,
                        struct pvmmboxinfo *classes, int *numbers)
{
	int n = 0;
	for (size_t i = 0, end; i < nrows; i = end) {
		for (end = i + 1; end < nrows && strcmp(rows[end].name, rows[i].name) == 0; end++)
			continue;
		if (pvmmatchstring((char *)rows[i].name, pattern))
			give_rows(&classes[n++], &rows[i], (int)(end - i), &numbers);
	}
	return n;
}

int weft__call_getmboxinfo(char *pattern, int *nclasses, struct pvmmboxinfo **classes)
{
	struct weft__letter_row *rows = NULL;
	size_t n = 0;
	int rc = weft__pvm_enrol();
	if (rc == PvmOk)
		rc = weft__pvm_code(weft__mbox_list(weft__pvm.e, &rows, &n));
	if (rc)
		return lpvmerr("pvm_getmboxinfo", rc);
	struct pvmmboxinfo *fresh = weft__calloc(n + 1, sizeof *fresh);
	int *numbers = weft__calloc(3 * n + 1, sizeof *numbers);
	if (!fresh || !numbers) {
		weft__free(fresh);
		weft__free(numbers);
		weft__free(rows);
		return lpvmerr("pvm_getmboxinfo", PvmNoMem);
	}
	int count = make_classes(pattern, rows, n, fresh, numbers);
	weft__free(given.classes);
	weft__free(given.numbers);
	weft__free(given.rows);
	given.classes = fresh;
	given.numbers = numbers;
	given.rows = rows;
	if (nclasses)
		*nclasses = count;
	if (classes)
		*classes = fresh;
	return PvmOk;
}

/* --- numbers, as PVM 3.3 had them ------------------------------------------------------------- */

int weft__call_insert(char *name, int index, int number)
{
	struct weft__pvm_buf *b;
	int id = check_name(name) || index < -1 ? PvmBadParam : weft__pvm_buf_new(PvmDataDefault, &b);
	if (id < 0)
		return weft__pvm_silent(id);
	int at = index < 0 ? 0 : index;
	int rc = at > WEFT__MBOX_INDEX_MAX ? PvmBadParam : weft__pvm_pack(b, PVM_INT, &number, 1, 1);
	if (rc == PvmOk)
		rc = put(name, id, NUMBERED | (int)((unsigned)at << WEFT__MBOX_INDEX_SHIFT), index >= 0);
	weft__pvm_buf_drop(id);
	return rc < 0 ? weft__pvm_silent(rc) : rc;
}

int weft__call_lookup(char *name, int index, int *number)
{
	int found, value = 0;
	int id = get(name, index < 0 ? 0 : index, index < 0 ? PvmMboxFirstAvail : PvmMboxDefault, &found);
	if (id < 0)
		return weft__pvm_silent(id);
	int rc = weft__pvm_unpack(weft__pvm_buf(id), PVM_INT, &value, 1, 1);
	weft__pvm_buf_drop(id);
	if (rc)
		return weft__pvm_silent(rc);
	if (number)
		*number = value;
	return found;
}

int weft__call_delete(char *name, int index)
{
	int rc = delete(name, index);
	return rc ? weft__pvm_silent(rc) : index;
}

/* --- tasks that a reset spares ---------------------------------------------------------------- */

int weft__pvm_spare(bool spare)
{
	static int index = -1;
	struct weft__pvm_buf *b;
	if (!spare) {
		int before = index;
		index = -1;
		return before < 0 ? PvmOk : delete(NO_RESETS, before);
	}
	int id = weft__pvm_buf_new(PvmDataDefault, &b);
	if (id < 0)
		return id;
	int rc = weft__pvm_pack(b, PVM_INT, &weft__pvm.tid, 1, 1);
	if (rc == PvmOk)
		rc = index = put(NO_RESETS, id, PvmMboxMultiInstance, false);
	weft__pvm_buf_drop(id);
	return rc < 0 ? rc : PvmOk;
}

int pvm_getnoresets(int **tids, int *n)
{
	static int *list;
	struct weft__letter_row *rows = NULL;
	size_t nrows = 0;
	int count = 0, rc = weft__pvm_enrol();
	if (rc == PvmOk)
		rc = weft__pvm_code(weft__mbox_list(weft__pvm.e, &rows, &nrows));
	int *fresh = rc ? NULL : malloc((nrows + 1) * sizeof *fresh);
	if (!fresh) {
		weft__free(rows);
		return lpvmerr("pvm_getnoresets", rc ? rc : PvmNoMem);
	}
	for (size_t i = 0; i < nrows; i++)
		if (strcmp(rows[i].name, NO_RESETS) == 0 && rows[i].owner.v)
			fresh[count++] = weft__pvm_slot(rows[i].owner);
	weft__free(rows);
	free(list);
	list = fresh;
	if (tids)
		*tids = list;
	if (n)
		*n = count;
	return PvmOk;
}
