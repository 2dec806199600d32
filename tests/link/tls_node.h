/* tls_node.h - the node's side in the tests of TLS links: a listener that accepts links, one at a
 * time. */
#ifndef WEFT_TESTS_LINK_TLS_NODE_H
#define WEFT_TESTS_LINK_TLS_NODE_H

#include "party.h"

struct node {
	struct link_listener *ll;
	struct party p;
	unsigned naccepted, nasked;
	enum link_purpose purpose;
	char from[LINK_ADDRESS_TEXT];
	uv_loop_t *loop;
};

extern const uint8_t key[LINK_KEY_BYTES]; /* of "node 3 7", the one identity that it knows */
extern const uint8_t other_key[LINK_KEY_BYTES];

int find_key(void *arg, const char *identity, uint8_t out[static LINK_KEY_BYTES]);
void open_node(struct stage *s, struct node *n);
void close_node(struct node *n);

/* Dials the node on 127.0.0.1. */
void dial(struct node *n, struct party *p, const char *identity, const uint8_t *k);

/* A node and a party that are linked. */
void open_pair(struct stage *s, struct node *n, struct party *p);

/* OpenSSL opens files and keeps memory from its first use on: to be called before descriptors are
 * counted. */
void warm_openssl_up(void);

#endif
