#include "config.h"

#include "tls_node.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

const uint8_t key[LINK_KEY_BYTES] = "a key of exactly 32 bytes, yes!!";
const uint8_t other_key[LINK_KEY_BYTES] = "another key of exactly 32 bytes!";

int find_key(void *arg, const char *identity, uint8_t out[static LINK_KEY_BYTES])
{
	struct node *n = arg;
	n->nasked++;
	if (strcmp(identity, "node 3 7") != 0)
		return WEFT_ENOENT;
	memcpy(out, key, LINK_KEY_BYTES);
	return 0;
}

static void on_accepted(void *arg, int fd, enum link_purpose purpose, const char *from)
{
	struct node *n = arg;
	n->naccepted++;
	n->purpose = purpose;
	snprintf(n->from, sizeof n->from, "%s", from);
	if (n->p.l) {
		close(fd);
		return;
	}
	if (link_accept(n->loop, &fd, find_key, n, &party_handler, &n->p, &n->p.l) < 0)
		n->p.l = NULL;
	assert_int_equal(fd, -1);
}

void open_node(struct stage *s, struct node *n)
{
	struct weft_error e = {0};
	*n = (struct node){.loop = &s->loop};
	if (link_listen_tcp(&s->loop, "127.0.0.1", 0, 0, on_accepted, n, &n->ll, &e) < 0)
		fail_msg("%s", e.text);
	assert_true(link_listener_port(n->ll) > 0);
}

void close_node(struct node *n)
{
	party_fini(&n->p);
	link_listener_close(&n->ll);
}

void dial(struct node *n, struct party *p, const char *identity, const uint8_t *k)
{
	assert_int_equal(link_dial(n->loop, "127.0.0.1", link_listener_port(n->ll), LINK_TO_PEER,
	                           identity, k, &party_handler, p, &p->l),
	                 0);
}

void open_pair(struct stage *s, struct node *n, struct party *p)
{
	open_node(s, n);
	*p = (struct party){0};
	dial(n, p, "node 3 7", key);
	assert_true(run_until(&s->loop, &p->nopened, 1));
	assert_true(run_until(&s->loop, &n->p.nopened, 1));
}

void warm_openssl_up(void)
{
	uint8_t derived[LINK_KEY_BYTES];
	assert_int_equal(link_key_derive(key, "warm", derived), 0);
}
