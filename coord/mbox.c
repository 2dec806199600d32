/* Mailboxes: messages under a name and an index, for the whole VM. A message belongs to the task or tool that
 * put it and goes with it, unless it was put to stay; then it belongs to nobody any more. Only its owner may
 * overwrite or delete it, and everybody if it was put so.
 *
 * A mailbox without messages is there only as long as somebody waits for one. */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "base/heap.h"
#include "coord/state.h"

/* --- mailboxes and their messages ------------------------------------------------------------------ */

struct mbox *mbox_create(struct coord *c, struct weft__str text)
{
	struct mbox *b = coord_alloc(c, sizeof *b);
	char *copy = b ? coord_strndup(c, text.p, text.n) : NULL;
	if (!copy) {
		weft__free(b);
		return NULL;
	}
	b->entry.name = copy;
	weft__list_init(&b->letters);
	weft__list_init(&b->asks);
	weft__list_push(&c->mboxes, &b->all);
	entry_put(c, &c->mbox_map, &b->entry);
	c->nmboxes++;
	return b;
}

void mbox_release(struct coord *c, struct mbox *b)
{
	if (!weft__list_empty(&b->letters) || !weft__list_empty(&b->asks))
		return;
	entry_remove(c, &c->mbox_map, &b->entry);
	weft__list_remove(&b->all);
	c->nmboxes--;
	weft__free(b);
}

static struct mbox *find(const struct coord *c, struct weft__str text)
{
	struct entry *e = entry_find(&c->mbox_map, text);
	return e ? WEFT__CONTAINER(e, struct mbox, entry) : NULL;
}

static struct letter *letter_at(struct mbox *b, struct weft__list *l)
{
	return l == &b->letters ? NULL : WEFT__CONTAINER(l, struct letter, link);
}

/* The first one with this index or a higher one. */
static struct letter *first_from(struct mbox *b, uint64_t index)
{
	struct letter *last = letter_at(b, b->letters.prev);
	if (!last || last->index < index)
		return NULL;
	struct letter *at = letter_at(b, b->letters.next);
	while (at->index < index)
		at = letter_at(b, at->link.next);
	return at;
}

static uint64_t free_index(struct mbox *b, uint64_t index)
{
	for (struct letter *at = first_from(b, index); at && at->index == index; at = letter_at(b, at->link.next))
		index++;
	return index;
}

struct letter *letter_create(struct coord *c, struct mbox *b, uint64_t index, const void *value, size_t nbytes)
{
	struct letter *letter = coord_alloc(c, sizeof *letter);
	void *copy = letter ? coord_alloc(c, nbytes) : NULL;
	if (!copy) {
		weft__free(letter);
		return NULL;
	}
	if (nbytes > 0)
		memcpy(copy, value, nbytes);
	letter->mbox = b;
	letter->index = index;
	letter->value = copy;
	letter->nbytes = nbytes;
	weft__list_init(&letter->at_owner);
	struct letter *after = first_from(b, index);
	weft__list_push(after ? &after->link : &b->letters, &letter->link); /* before it */
	c->nletters++;
	c->name_bytes += nbytes;
	return letter;
}

void letter_own(struct letter *letter, struct task *task, struct client *tool)
{
	weft__list_remove(&letter->at_owner);
	letter->task = task;
	letter->tool = task ? NULL : tool;
	if (task)
		weft__list_push(&task->letters, &letter->at_owner);
	else if (tool)
		weft__list_push(&tool->letters, &letter->at_owner);
}

void letter_destroy(struct coord *c, struct letter *letter)
{
	struct mbox *b = letter->mbox;
	weft__list_remove(&letter->link);
	weft__list_remove(&letter->at_owner);
	c->nletters--;
	c->name_bytes -= letter->nbytes;
	weft__free(letter->value);
	weft__free(letter);
	mbox_release(c, b);
}

void mbox_owner_gone(struct coord *c, struct weft__list *letters)
{
	while (!weft__list_empty(letters)) {
		struct letter *letter = WEFT__CONTAINER(letters->next, struct letter, at_owner);
		if (letter->flags & WEFT__MBOX_PERSISTENT)
			letter_own(letter, NULL, NULL);
		else
			letter_destroy(c, letter);
	}
}

static bool may_change(const struct letter *letter, const struct client *who)
{
	if (letter->flags & WEFT__MBOX_WRITABLE)
		return true;
	return letter->task ? letter->task == client_live_task(who) : letter->tool == who;
}

/* --- getting ------------------------------------------------------------------------------------------ */

static void send_refusal(struct coord *c, struct client *to, uint64_t req, int code)
{
	send_client(c, to, &(struct weft__msg){.code = WEFT__MSG_MBOX_VALUE, .mbox_value = {.req = req, .code = code}});
}

/* In parts when it is long. */
static void send_letter(struct coord *c, struct client *to, uint64_t req, const struct letter *letter)
{
	const char *bytes = letter->value;
	size_t left = letter->nbytes;
	do {
		size_t n = left < COORD_LETTER_PART ? left : COORD_LETTER_PART;
		left -= n;
		struct weft__msg_mbox_value v = {.req = req,
		                                 .index = letter->index,
		                                 .owner = letter->task ? letter->task->tid : 0,
		                                 .value = {bytes, n},
		                                 .left = left};
		send_client(c, to, &(struct weft__msg){.code = WEFT__MSG_MBOX_VALUE, .mbox_value = v});
		bytes += n;
	} while (left);
}

/* A long message fills what is kept for the node: not before that has room. */
static bool has_room(const struct client *to, const struct letter *letter)
{
	return letter->nbytes <= COORD_LETTER_PART || to->node->session.nbytes + letter->nbytes <= COORD_OUTBOX_MAX / 2;
}

/* Answers if there is an answer; the mailbox may be gone afterwards if nobody waits there. */
static bool answer(struct coord *c, struct mbox *b, struct client *to, uint64_t req, uint64_t index, uint64_t flags)
{
	struct letter *letter = first_from(b, index);
	if (!letter || (!(flags & WEFT__MBOX_FIRST) && letter->index != index))
		return false;
	bool takes = flags & WEFT__MBOX_TAKE;
	if (takes && !may_change(letter, to)) {
		send_refusal(c, to, req, WEFT_EDENIED);
	} else if (!has_room(to, letter)) {
		send_refusal(c, to, req, WEFT_EAGAIN);
	} else {
		send_letter(c, to, req, letter);
		if (takes)
			letter_destroy(c, letter);
	}
	return true;
}

static void answer_waiting(struct coord *c, struct mbox *b)
{
	struct weft__list *next;
	for (struct weft__list *l = b->asks.next; l != &b->asks; l = next) {
		struct ask *a = WEFT__CONTAINER(l, struct ask, at_target);
		bool is_last = l->next == &b->asks;
		next = l->next;
		if (answer(c, b, a->client, a->req, a->index, a->flags))
			ask_destroy(c, a); /* with the last one the mailbox goes, if that took what was in it */
		if (is_last)
			return;
	}
}

void mbox_get(struct coord *c, struct client *from, const struct weft__msg *msg)
{
	const struct weft__msg_mbox_get *m = &msg->mbox_get;
	struct mbox *b = find(c, m->name);
	if (b && answer(c, b, from, m->req, m->index, m->flags))
		return;
	int code = 0;
	if (m->name.n == 0)
		code = WEFT_EINVAL;
	else if (!(m->flags & WEFT__MBOX_WAIT))
		code = WEFT_ENOENT;
	else if (from->nasks >= COORD_ASKS_MAX || (!b && c->nmboxes >= COORD_NAMES_MAX))
		code = WEFT_EAGAIN;
	if (code) {
		send_refusal(c, from, m->req, code);
		return;
	}
	if (!b)
		b = mbox_create(c, m->name);
	struct ask *a = b ? ask_new(c, from, m->req, ASK_MBOX) : NULL;
	if (!a)
		return;
	a->mbox = b;
	a->index = m->index;
	a->flags = m->flags;
	weft__list_push(&b->asks, &a->at_target);
}

/* --- parcels: long messages on their way ----------------------------------------------------------------- */

bool parcel_create(struct coord *c, struct client *client, uint64_t req, size_t size)
{
	parcel_drop(c, client);
	void *value = coord_alloc(c, size);
	if (!value)
		return false;
	client->parcel = (struct parcel){.req = req, .value = value, .size = size};
	c->name_bytes += size;
	return true;
}

void parcel_drop(struct coord *c, struct client *client)
{
	c->name_bytes -= client->parcel.size;
	weft__free(client->parcel.value);
	client->parcel = (struct parcel){0};
}

/* A part of a long message. True: it was the last one, and the parcel is whole. What does not fit is answered. */
static bool take_part(struct coord *c, struct client *from, const struct weft__msg_mbox_put *m)
{
	struct parcel *p = &from->parcel;
	bool is_short = m->size <= m->value.n, fits = c->name_bytes - p->size + m->size <= COORD_NAME_BYTES_MAX;
	if (m->offset == 0 && (is_short || !fits)) {
		parcel_drop(c, from);
		send_result(c, from, m->req, is_short ? WEFT_EINVAL : WEFT_ENOSPC, 0, "%s",
		            is_short ? "a message in parts is longer than its first part"
		                     : "the mailboxes of a virtual machine have no more room");
		return false;
	}
	if (m->offset == 0 && !parcel_create(c, from, m->req, m->size))
		return false;
	if (!p->value || p->req != m->req || p->size != m->size || p->nbytes != m->offset || m->value.n > p->size - p->nbytes)
		return false; /* the rest of one that was refused */
	memcpy((char *)p->value + p->nbytes, m->value.p, m->value.n);
	p->nbytes += m->value.n;
	return p->nbytes == p->size;
}

/* --- putting, deleting ----------------------------------------------------------------------------------- */

static int check_put(const struct coord *c, const struct client *from, struct mbox *b, const struct letter *old,
                     const struct weft__msg_mbox_put *m)
{
	if (m->name.n == 0)
		return WEFT_EINVAL;
	if (from->role == WEFT__ROLE_TASK && !client_live_task(from))
		return WEFT_ENOTASK;
	if (old && (m->alone || !may_change(old, from)))
		return WEFT_EDENIED;
	if ((!b && c->nmboxes >= COORD_NAMES_MAX) || (!old && c->nletters >= COORD_LETTERS_MAX) ||
	    c->name_bytes - (old ? old->nbytes : 0) + m->value.n > COORD_NAME_BYTES_MAX)
		return WEFT_ENOSPC;
	return 0;
}

static void put(struct coord *c, struct client *from, const struct weft__msg_mbox_put *m)
{
	struct mbox *b = find(c, m->name);
	uint64_t index = m->flags >> WEFT__MBOX_INDEX_SHIFT & WEFT__MBOX_INDEX_MAX;
	bool multi = m->flags & WEFT__MBOX_MULTI && !m->alone;
	struct letter *old = b && !multi ? first_from(b, index) : NULL;
	if (old && old->index != index)
		old = NULL;
	int code = check_put(c, from, b, old, m);
	if (code) {
		send_result(c, from, m->req, code, 0,
		            code == WEFT_EDENIED ? "the message %" PRIu64 " of mailbox \"%s\" is another's"
		                                 : "the message %" PRIu64 " of mailbox \"%s\" can't be kept",
		            index, m->name.p);
		return;
	}
	if (!b)
		b = mbox_create(c, m->name);
	if (!b)
		return;
	struct letter *fresh = letter_create(c, b, multi ? free_index(b, index) : index, m->value.p, m->value.n);
	if (!fresh)
		return;
	if (old)
		letter_destroy(c, old);
	fresh->flags = m->alone ? m->flags & ((1 << WEFT__MBOX_INDEX_SHIFT) - 1) : m->flags;
	letter_own(fresh, client_live_task(from), from);
	send_result(c, from, m->req, 0, fresh->index, "%s", "");
	answer_waiting(c, b);
}

void mbox_put(struct coord *c, struct client *from, const struct weft__msg *msg)
{
	struct weft__msg_mbox_put whole = msg->mbox_put;
	if (whole.size == 0) {
		put(c, from, &whole);
		return;
	}
	if (!take_part(c, from, &whole))
		return;
	struct parcel parcel = from->parcel;
	c->name_bytes -= parcel.size; /* counted again with the letter */
	from->parcel = (struct parcel){0};
	whole.value = (struct weft__bin){parcel.value, parcel.size};
	put(c, from, &whole);
	weft__free(parcel.value);
}

void mbox_del(struct coord *c, struct client *from, const struct weft__msg *msg)
{
	const struct weft__msg_mbox_del *m = &msg->mbox_del;
	struct mbox *b = find(c, m->name);
	struct letter *letter = b ? first_from(b, m->index) : NULL;
	if (!letter || letter->index != m->index) {
		send_result(c, from, m->req, WEFT_ENOENT, 0, "there is no message %" PRIu64 " in mailbox \"%s\"", m->index,
		            m->name.p);
	} else if (!may_change(letter, from)) {
		send_result(c, from, m->req, WEFT_EDENIED, 0, "the message %" PRIu64 " of mailbox \"%s\" is another's",
		            m->index, m->name.p);
	} else {
		letter_destroy(c, letter);
		send_result(c, from, m->req, 0, m->index, "%s", "");
	}
}

static bool is_meant(const struct letter *letter, const struct weft__msg_mbox_reset *m)
{
	if (m->one && letter->index != m->index)
		return false;
	return !m->stale || (!letter->task && !letter->tool);
}

void mbox_reset(struct coord *c, struct client *from, const struct weft__msg *msg)
{
	const struct weft__msg_mbox_reset *m = &msg->mbox_reset;
	struct mbox *only = m->name.n ? find(c, m->name) : NULL;
	struct weft__list *next;
	uint64_t count = 0;
	for (struct weft__list *l = c->mboxes.next; l != &c->mboxes; l = next) {
		struct mbox *b = WEFT__CONTAINER(l, struct mbox, all);
		struct letter *after;
		next = l->next;
		if (m->name.n && b != only)
			continue;
		for (struct letter *letter = letter_at(b, b->letters.next); letter; letter = after) {
			after = letter_at(b, letter->link.next);
			if (!is_meant(letter, m))
				continue;
			letter_destroy(c, letter);
			count++;
		}
	}
	send_result(c, from, m->req, 0, count, "%s", "");
}

/* --- listing -------------------------------------------------------------------------------------------------- */

void mbox_list(struct coord *c, struct client *from, const struct weft__msg *msg)
{
	uint64_t req = msg->mbox_list.req, count = 0;
	int code = from->node->session.nbytes > COORD_OUTBOX_BUSY ? WEFT_EAGAIN : 0;
	for (struct weft__list *l = c->mboxes.next; l != &c->mboxes && !code; l = l->next) {
		struct mbox *b = WEFT__CONTAINER(l, struct mbox, all);
		for (struct letter *letter = letter_at(b, b->letters.next); letter && !code;
		     letter = letter_at(b, letter->link.next), count++) {
			if (from->node->session.nbytes > COORD_OUTBOX_MAX / 2)
				code = WEFT_EAGAIN;
			send_client(c, from,
			            &(struct weft__msg){.code = WEFT__MSG_MBOX_ROW,
			                                .mbox_row = {.req = req,
			                                             .name = weft__str(b->entry.name),
			                                             .index = letter->index,
			                                             .owner = letter->task ? letter->task->tid : 0,
			                                             .flags = letter->flags}});
		}
	}
	send_client(c, from,
	            &(struct weft__msg){.code = WEFT__MSG_LIST_END, .list_end = {.req = req, .code = code, .count = count}});
}
