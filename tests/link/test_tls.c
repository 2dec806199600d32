/* Links over TLS: a listener, links that it accepts, and links that dial it, all on one loop. */
#include "config.h"

#include "party.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "base/heap.h"
#include "base/log.h"

static const uint8_t key[LINK_KEY_BYTES] = "a key of exactly 32 bytes, yes!!";
static const uint8_t other_key[LINK_KEY_BYTES] = "another key of exactly 32 bytes!";

/* The node's side: a listener that accepts links, one at a time. */
struct node {
	struct link_listener *ll;
	struct party p;
	unsigned naccepted, nasked;
	enum link_purpose purpose;
	char from[LINK_ADDRESS_TEXT];
	uv_loop_t *loop;
};

static int find_key(void *arg, const char *identity, uint8_t out[static LINK_KEY_BYTES])
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

static void open_node(struct stage *s, struct node *n)
{
	struct weft_error e = {0};
	*n = (struct node){.loop = &s->loop};
	if (link_listen_tcp(&s->loop, "127.0.0.1", 0, 0, on_accepted, n, &n->ll, &e) < 0)
		fail_msg("%s", e.text);
	assert_true(link_listener_port(n->ll) > 0);
}

static void close_node(struct node *n)
{
	party_fini(&n->p);
	link_listener_close(&n->ll);
}

static void dial(struct node *n, struct party *p, const char *identity, const uint8_t *k)
{
	assert_int_equal(link_dial(n->loop, "127.0.0.1", link_listener_port(n->ll), LINK_TO_PEER,
	                           identity, k, &party_handler, p, &p->l),
	                 0);
}

static void open_pair(struct stage *s, struct node *n, struct party *p)
{
	open_node(s, n);
	*p = (struct party){0};
	dial(n, p, "node 3 7", key);
	assert_true(run_until(&s->loop, &p->nopened, 1));
	assert_true(run_until(&s->loop, &n->p.nopened, 1));
}

static void send_bytes(struct link *l, size_t nbytes, unsigned seed)
{
	struct weft__buf b = {0};
	fill(&b, nbytes, seed);
	assert_int_equal(link_send_body(l, b.data, nbytes), 0);
	weft__buf_fini(&b);
}

static void assert_last(const struct party *p, size_t nbytes, unsigned seed)
{
	struct weft__buf b = {0};
	fill(&b, nbytes, seed);
	assert_int_equal(p->last.len, nbytes);
	assert_memory_equal(p->last.data, b.data, nbytes);
	weft__buf_fini(&b);
}

/* --- frames -------------------------------------------------------------------------------------
 */

static void both_sides_know_each_other_after_the_handshake(void **state)
{
	struct stage *s = *state;
	struct node n;
	struct party p;
	open_pair(s, &n, &p);
	assert_int_equal(n.purpose, LINK_TO_PEER);
	assert_string_equal(n.p.identity, "node 3 7");
	assert_string_equal(p.identity, "");
	assert_string_equal(link_peer(n.p.l), n.from);
	assert_string_equal(link_peer_host(n.p.l), "127.0.0.1");
	assert_string_equal(link_peer_host(p.l), "127.0.0.1");
	assert_int_equal(link_peer_pid(p.l), -1);
	assert_int_equal(link_listener_refused(n.ll), 0);
	party_fini(&p);
	close_node(&n);
}

static void frames_of_every_size_arrive_both_ways(void **state)
{
	static const size_t sizes[] = {1,
	                               2,
	                               7,
	                               8,
	                               9,
	                               1000,
	                               16375,
	                               16376,
	                               16377,
	                               65536,
	                               WEFT__FRAME_MAX - 1,
	                               WEFT__FRAME_MAX};
	struct stage *s = *state;
	struct node n;
	struct party p;
	open_pair(s, &n, &p);
	for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		send_bytes(p.l, sizes[i], i);
		send_bytes(n.p.l, sizes[i], i + 100);
		assert_true(run_until(&s->loop, &n.p.nframes, i + 1));
		assert_true(run_until(&s->loop, &p.nframes, i + 1));
		assert_last(&n.p, sizes[i], i);
		assert_last(&p, sizes[i], i + 100);
	}
	party_fini(&p);
	close_node(&n);
}

static void frames_sent_before_the_handshake_arrive_after_it(void **state)
{
	struct stage *s = *state;
	struct node n;
	struct party p = {0};
	open_node(s, &n);
	dial(&n, &p, "node 3 7", key);
	for (unsigned i = 0; i < 3; i++)
		send_bytes(p.l, 100, i);
	assert_true(link_queued(p.l) > 0);
	assert_true(run_until(&s->loop, &n.p.nframes, 3));
	assert_last(&n.p, 100, 2);
	party_fini(&p);
	close_node(&n);
}

static void check_number(struct party *p, const char *what)
{
	if (*what != 'f')
		return;
	uint32_t number;
	assert_true(p->last.len >= sizeof number);
	memcpy(&number, p->last.data, sizeof number);
	assert_int_equal(number, p->nframes - 1);
}

static void a_paused_reader_loses_nothing_and_holds_the_sender_back(void **state)
{
	enum { N = 3000 };
	struct stage *s = *state;
	struct node n;
	struct party p;
	static uint8_t body[20000];
	open_pair(s, &n, &p);
	n.p.then = check_number;
	link_pause(n.p.l, true);
	uint64_t nbytes = 0;
	for (uint32_t i = 0; i < N; i++) {
		size_t size = sizeof i + i * 31 % (sizeof body - sizeof i);
		memcpy(body, &i, sizeof i);
		assert_int_equal(link_send_body(p.l, body, size), 0);
		nbytes += size;
	}
	run_for(&s->loop, 100);
	assert_int_equal(n.p.nframes, 0);
	assert_true(link_queued(p.l) > 1000000); /* it is the sender's to keep */
	link_pause(n.p.l, false);
	assert_true(run_until(&s->loop, &n.p.nframes, N));
	assert_int_equal(n.p.nbytes, nbytes);
	assert_int_equal(link_queued(p.l), 0);
	party_fini(&p);
	close_node(&n);
}

static void pause_itself(struct party *p, const char *what)
{
	if (*what == 'f')
		link_pause(p->l, true);
}

static void frames_read_already_wait_for_the_end_of_a_pause(void **state)
{
	struct stage *s = *state;
	struct node n;
	struct party p;
	open_pair(s, &n, &p);
	n.p.then = pause_itself;
	for (unsigned i = 0; i < 40; i++)
		send_bytes(p.l, 500, i);
	for (unsigned i = 1; i <= 40; i++) {
		assert_true(run_until(&s->loop, &n.p.nframes, i));
		run_for(&s->loop, 2);
		assert_int_equal(n.p.nframes, i);
		assert_last(&n.p, 500, i - 1);
		link_pause(n.p.l, false);
	}
	party_fini(&p);
	close_node(&n);
}

/* --- strangers -----------------------------------------------------------------------------------
 */

static void a_wrong_key_is_refused_on_both_sides(void **state)
{
	struct stage *s = *state;
	struct node n;
	struct party p = {0};
	open_node(s, &n);
	dial(&n, &p, "node 3 7", other_key);
	assert_true(run_until(&s->loop, &p.nclosed, 1));
	assert_true(run_until(&s->loop, &n.p.nclosed, 1));
	assert_int_equal(p.code, WEFT_EDENIED);
	assert_int_equal(n.p.code, WEFT_EDENIED);
	assert_non_null(strstr(n.p.text, "wrong key for \"node 3 7\""));
	assert_non_null(strstr(p.text, "refused our key"));
	assert_int_equal(p.nopened + n.p.nopened, 0);
	party_fini(&p);
	close_node(&n);
}

static void an_unknown_identity_is_refused_on_both_sides(void **state)
{
	struct stage *s = *state;
	struct node n;
	struct party p = {0};
	open_node(s, &n);
	dial(&n, &p, "node 4 1", key);
	assert_true(run_until(&s->loop, &p.nclosed, 1));
	assert_true(run_until(&s->loop, &n.p.nclosed, 1));
	assert_int_equal(n.nasked, 1);
	assert_int_equal(p.code, WEFT_EDENIED);
	assert_int_equal(n.p.code, WEFT_EDENIED);
	assert_non_null(strstr(n.p.text, "unknown identity \"node 4 1\""));
	assert_int_equal(p.nopened + n.p.nopened, 0);
	party_fini(&p);
	close_node(&n);
}

static void an_identity_that_is_none_is_refused_at_once(void **state)
{
	struct stage *s = *state;
	struct link *l = NULL;
	char longer[LINK_IDENTITY_MAX + 2];
	memset(longer, 'x', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	const char *const bad[] = {"", "a\nb", longer};
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(link_dial(&s->loop, "127.0.0.1", 1, LINK_TO_PEER, bad[i], key,
		                           &party_handler, NULL, &l),
		                 WEFT_EINVAL);
	assert_int_equal(
	        link_dial(&s->loop, "", 1, LINK_TO_PEER, "x", key, &party_handler, NULL, &l),
	        WEFT_EINVAL);
	assert_int_equal(link_dial(&s->loop, "127.0.0.1", 0, LINK_TO_PEER, "x", key, &party_handler,
	                           NULL, &l),
	                 WEFT_EINVAL);
	assert_null(l);
}

static const uint8_t good_preamble[16] = {'W', 'E', 'F', 'T', WEFT__PROTO_VERSION, LINK_TO_PEER};

static void garbage_after_the_preamble_closes_the_link(void **state)
{
	struct stage *s = *state;
	struct node n;
	open_node(s, &n);
	int fd = connect_raw(link_listener_port(n.ll));
	uint8_t garbage[6000];
	memset(garbage, 'g', sizeof garbage);
	run_for(&s->loop, 5);
	assert_int_equal(send(fd, good_preamble, 16, MSG_NOSIGNAL), 16);
	assert_int_equal(send(fd, garbage, sizeof garbage, MSG_NOSIGNAL), sizeof garbage);
	assert_true(run_until(&s->loop, &n.p.nclosed, 1));
	assert_int_equal(n.p.code, WEFT_EPROTO);
	expect_eof(&s->loop, fd);
	close_node(&n);
}

/* A hello of TLS 1.3 whose records go on and on: never more than LINK_STRANGER_MAX of it is read.
 */
static void a_stranger_may_send_4_kib_and_no_more(void **state)
{
	struct stage *s = *state;
	struct node n;
	open_node(s, &n);
	int fd = connect_raw(link_listener_port(n.ll));
	/* One handshake message of 16,000 bytes, announced as a ClientHello. */
	uint8_t hello[16 + 5 + 16000] = {0};
	memcpy(hello, good_preamble, 16);
	const uint8_t head[] = {
	        22, 3, 1, 16000 >> 8, 16000 & 255, 1, 0, (16000 - 4) >> 8, (16000 - 4) & 255, 3, 3};
	memcpy(hello + 16, head, sizeof head);
	run_for(&s->loop, 5);
	assert_int_equal(send(fd, hello, sizeof hello, MSG_NOSIGNAL), sizeof hello);
	assert_true(run_until(&s->loop, &n.p.nclosed, 1));
	assert_int_equal(n.p.code, WEFT_EPROTO);
	assert_non_null(strstr(n.p.text, "4096 bytes"));
	expect_eof(&s->loop, fd);
	close_node(&n);
}

static void a_stranger_that_is_silent_is_dropped_after_five_seconds(void **state)
{
	struct stage *s = *state;
	struct node n;
	open_node(s, &n);
	int silent = connect_raw(link_listener_port(n.ll)),
	    halfway = connect_raw(link_listener_port(n.ll));
	run_for(&s->loop, 5);
	assert_int_equal(send(halfway, good_preamble, 16, MSG_NOSIGNAL), 16);
	uint64_t start = now_ms();
	assert_true(run_until(&s->loop, &n.p.nclosed, 1));
	assert_in_range(now_ms() - start, 4500, 7000);
	assert_int_equal(n.p.code, WEFT_ETIMEDOUT);
	expect_eof(&s->loop, halfway);
	expect_eof(&s->loop, silent);
	assert_int_equal(link_listener_refused(n.ll), 1);
	close_node(&n);
}

static void strangers_beyond_64_push_the_oldest_out_and_keys_still_get_in(void **state)
{
	enum { N = 70 };
	struct stage *s = *state;
	struct node n;
	struct party p = {0};
	int fds[N];
	open_node(s, &n);
	for (int i = 0; i < N; i++) {
		fds[i] = connect_raw(link_listener_port(n.ll));
		run_for(&s->loop, 1);
	}
	run_for(&s->loop, 20);
	assert_int_equal(link_listener_refused(n.ll), N - 64);
	dial(&n, &p, "node 3 7", key);
	assert_true(run_until(&s->loop, &p.nopened, 1));
	assert_int_equal(link_listener_refused(n.ll), N - 64 + 1);
	for (int i = 0; i < N; i++)
		close(fds[i]);
	party_fini(&p);
	close_node(&n);
}

/* Somebody in between who has a certificate but no key. */
static void a_server_without_the_key_is_refused_whatever_certificate_it_has(void **state)
{
	struct stage *s = *state;
	struct party p = {0};
	uint16_t port;
	int listener = listen_raw(1, &port);

	EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	X509 *cert = X509_new();
	X509_gmtime_adj(X509_getm_notBefore(cert), -60);
	X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	X509_set_pubkey(cert, pkey);
	assert_true(X509_sign(cert, pkey, EVP_sha256()) > 0);
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	assert_int_equal(SSL_CTX_use_certificate(context, cert), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(context, pkey), 1);

	assert_int_equal(link_dial(&s->loop, "127.0.0.1", port, LINK_TO_PEER, "node 3 7", key,
	                           &party_handler, &p, &p.l),
	                 0);
	run_for(&s->loop, 5);
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	assert_true(fd >= 0);
	uint8_t answer[16] = {'W', 'E', 'F', 'T', WEFT__PROTO_VERSION, LINK_TO_PEER, 1},
	        preamble[16];
	run_for(&s->loop, 20);
	assert_int_equal(recv(fd, preamble, 16, 0), 16);
	assert_int_equal(send(fd, answer, 16, MSG_NOSIGNAL), 16);
	SSL *ssl = SSL_new(context);
	SSL_set_fd(ssl, fd);
	for (int i = 0; i < 200 && p.nclosed == 0; i++) {
		SSL_accept(ssl);
		run_for(&s->loop, 5);
	}
	assert_int_equal(p.nclosed, 1);
	assert_int_equal(p.nopened, 0);
	assert_true(p.code == WEFT_EDENIED || p.code == WEFT_EPROTO);
	SSL_free(ssl);
	SSL_CTX_free(context);
	X509_free(cert);
	EVP_PKEY_free(pkey);
	close(fd);
	close(listener);
	party_fini(&p);
}

/* --- frames that are none
 * ------------------------------------------------------------------------- */

static int on_use_session(SSL *ssl, const EVP_MD *md, const unsigned char **id, size_t *id_len,
                          SSL_SESSION **session)
{
	static const unsigned char suite[] = {0x13, 0x01};
	*session = SSL_SESSION_new();
	SSL_SESSION_set1_master_key(*session, key, sizeof key);
	SSL_SESSION_set_cipher(*session, SSL_CIPHER_find(ssl, suite));
	SSL_SESSION_set_protocol_version(*session, TLS1_3_VERSION);
	*id = (const unsigned char *)"node 3 7";
	*id_len = 8;
	return 1;
}

/* A proper TLS client with the key that then sends these bytes as its frames, and goes. */
static void expect_refused(struct stage *s, const void *bytes, size_t nbytes, bool goodbye,
                           int code)
{
	struct node n;
	open_node(s, &n);
	int fd = connect_raw(link_listener_port(n.ll));
	run_for(&s->loop, 5);
	assert_int_equal(send(fd, good_preamble, 16, MSG_NOSIGNAL), 16);
	uint8_t answer[16];
	run_for(&s->loop, 10);
	assert_int_equal(recv(fd, answer, 16, 0), 16);
	assert_memory_equal(answer, "WEFT", 4);
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_psk_use_session_callback(context, on_use_session);
	SSL *ssl = SSL_new(context);
	SSL_set_fd(ssl, fd);
	for (int i = 0; i < 200 && SSL_connect(ssl) != 1; i++)
		run_for(&s->loop, 5);
	assert_true(run_until(&s->loop, &n.p.nopened, 1));
	if (nbytes > 0)
		assert_int_equal(SSL_write(ssl, bytes, (int)nbytes), nbytes);
	if (goodbye)
		SSL_shutdown(ssl);
	shutdown(fd, SHUT_WR);
	assert_true(run_until(&s->loop, &n.p.nclosed, 1));
	assert_int_equal(n.p.code, code);
	assert_int_equal(n.p.nframes, 0);
	SSL_free(ssl);
	SSL_CTX_free(context);
	close(fd);
	close_node(&n);
}

static void bytes_that_are_no_frames_close_the_link(void **state)
{
	struct stage *s = *state;
	uint8_t frame[16] = {0};
	expect_refused(s, NULL, 0, true, WEFT_ECLOSED);
	expect_refused(s, NULL, 0, false, WEFT_EIO);
	expect_refused(s, "GET / HTTP/1.1\r\n", 16, true, WEFT_EPROTO);
	weft__frame_header(frame, 100);
	expect_refused(s, frame, sizeof frame, true, WEFT_EPROTO); /* ends inside a frame */
	expect_refused(s, frame, 5, true, WEFT_EPROTO);            /* and inside a header */
	weft__frame_header(frame, 0);
	expect_refused(s, frame, 8, true, WEFT_EPROTO);
	weft__frame_header(frame, WEFT__FRAME_MAX);
	frame[7] = 1; /* 16 MiB more */
	expect_refused(s, frame, 8, true, WEFT_EPROTO);
	weft__frame_header(frame, 8);
	frame[2] = WEFT__PROTO_VERSION + 1;
	expect_refused(s, frame, sizeof frame, true, WEFT_EVERSION);
}

/* --- the end
 * --------------------------------------------------------------------------------------- */

static void link_close_sends_what_is_queued(void **state)
{
	enum { N = 300 };
	struct stage *s = *state;
	struct node n;
	struct party p;
	static uint8_t body[30000];
	open_pair(s, &n, &p);
	send_bytes(n.p.l, 100, 1); /* unread at the closing side: it must not become a reset */
	for (unsigned i = 0; i < N; i++)
		assert_int_equal(link_send_body(p.l, body, sizeof body), 0);
	assert_true(link_queued(p.l) > 0);
	link_close(&p.l);
	assert_true(run_until(&s->loop, &n.p.nclosed, 1));
	assert_int_equal(n.p.nframes, N);
	assert_int_equal(n.p.code, WEFT_ECLOSED);
	assert_int_equal(p.nclosed, 0);
	party_fini(&p);
	close_node(&n);
}

static void link_close_waits_one_second_for_a_peer_that_takes_nothing(void **state)
{
	enum { N = 500 };
	struct stage *s = *state;
	struct node n;
	struct party p;
	static uint8_t body[30000];
	open_pair(s, &n, &p);
	link_pause(n.p.l, true);
	for (unsigned i = 0; i < N; i++)
		assert_int_equal(link_send_body(p.l, body, sizeof body), 0);
	link_close(&p.l);
	run_for(&s->loop, 1300);
	link_pause(n.p.l, false);
	assert_true(run_until(&s->loop, &n.p.nclosed, 1));
	assert_int_equal(n.p.code, WEFT_EIO); /* no goodbye */
	assert_true(n.p.nframes < N);
	party_fini(&p);
	close_node(&n);
}

static void close_itself(struct party *p, const char *what)
{
	if (strcmp(what, p->with) == 0)
		link_close(&p->l);
}

static void a_handler_may_close_its_own_link(void **state)
{
	static char *const whens[] = {"opened", "frame", "closed"};
	struct stage *s = *state;
	for (unsigned i = 0; i < 3; i++) {
		struct node n;
		struct party p = {.then = close_itself, .with = whens[i]};
		open_node(s, &n);
		dial(&n, &p, "node 3 7", i == 2 ? other_key : key);
		assert_true(run_until(&s->loop, i == 2 ? &n.p.nclosed : &n.p.nopened, 1));
		if (n.p.l) {
			send_bytes(n.p.l, 10, 0);
			send_bytes(n.p.l, 10, 0);
		}
		assert_true(run_until(&s->loop, &n.p.nclosed, 1));
		run_for(&s->loop, 10);
		assert_null(p.l);
		assert_int_equal(p.nopened, i < 2);
		assert_int_equal(p.nframes, i == 1);
		assert_int_equal(p.nclosed, i == 2);
		party_fini(&p);
		close_node(&n);
	}
}

static void a_link_that_is_being_dialled_can_be_closed_at_any_moment(void **state)
{
	struct stage *s = *state;
	for (unsigned ms = 0; ms < 12; ms++) {
		struct node n;
		struct party p = {0};
		open_node(s, &n);
		dial(&n, &p, "node 3 7", key);
		for (unsigned turn = 0; turn < ms; turn++)
			uv_run(&s->loop, UV_RUN_NOWAIT);
		party_fini(&p);
		assert_int_equal(p.nclosed, 0);
		run_for(&s->loop, 5);
		close_node(&n);
	}
	struct party p = {0}; /* while a name is looked up */
	assert_int_equal(link_dial(&s->loop, "no-such-host.invalid", 9, LINK_TO_PEER, "x", key,
	                           &party_handler, &p, &p.l),
	                 0);
	party_fini(&p);
}

static void the_peer_may_hang_up_at_any_moment_of_the_handshake(void **state)
{
	struct stage *s = *state;
	for (unsigned turns = 0; turns < 12; turns++) {
		struct node n;
		struct party p = {0};
		open_node(s, &n);
		dial(&n, &p, "node 3 7", key);
		for (unsigned turn = 0; turn < turns; turn++)
			uv_run(&s->loop, UV_RUN_NOWAIT);
		close_node(&n);
		assert_true(run_until(&s->loop, &p.nclosed, 1));
		party_fini(&p);
	}
}

/* --- dialling
 * -------------------------------------------------------------------------------------- */

static void expect_no_connection(struct stage *s, const char *address, uint16_t port, int code,
                                 const char *word)
{
	struct party p = {0};
	assert_int_equal(link_dial(&s->loop, address, port, LINK_TO_PEER, "x", key, &party_handler,
	                           &p, &p.l),
	                 0);
	assert_int_equal(p.nclosed, 0);
	assert_true(run_until(&s->loop, &p.nclosed, 1));
	if (p.code != code || !strstr(p.text, word))
		fail_msg("%s:%u gave %d, %s", address, port, p.code, p.text);
	party_fini(&p);
}

static void a_refused_connection_is_told_in_words(void **state)
{
	struct stage *s = *state;
	struct node n;
	open_node(s, &n);
	uint16_t port = link_listener_port(n.ll);
	close_node(&n);
	expect_no_connection(s, "127.0.0.1", port, weft__err_from_errno(ECONNREFUSED),
	                     "127.0.0.1:");
	expect_no_connection(s, "::1", port, weft__err_from_errno(ECONNREFUSED), "[::1]:");
}

static void a_name_is_looked_up(void **state)
{
	struct stage *s = *state;
	struct node n;
	struct party p = {0};
	open_node(s, &n);
	assert_int_equal(link_dial(&s->loop, "localhost", link_listener_port(n.ll), LINK_TO_COORD,
	                           "node 3 7", key, &party_handler, &p, &p.l),
	                 0);
	assert_true(run_until(&s->loop, &p.nopened, 1));
	assert_int_equal(n.purpose, LINK_TO_COORD);
	party_fini(&p);
	close_node(&n);
	expect_no_connection(s, "no-such-host.invalid", 9, WEFT_ENONODE, "no-such-host.invalid:9");
}

/* A listener whose queue is full swallows a connection without an answer, as a firewall does. */
static void a_hole_is_given_up_after_five_seconds(void **state)
{
	struct stage *s = *state;
	uint16_t port;
	int fillers[4], listener = listen_raw(0, &port);
	for (int i = 0; i < 4; i++)
		fillers[i] = connect_raw(port);
	run_for(&s->loop, 50);
	uint64_t start = now_ms();
	expect_no_connection(s, "127.0.0.1", port, WEFT_ETIMEDOUT, "127.0.0.1:");
	assert_in_range(now_ms() - start, 4000, 7000);
	for (int i = 0; i < 4; i++)
		close(fillers[i]);
	close(listener);
}

/* --- no memory
 * ------------------------------------------------------------------------------------- */

static void every_allocation_of_a_connection_may_fail(void **state)
{
	struct stage *s = *state;
	for (unsigned long i = 1; i < 100; i++) {
		struct node n;
		struct party p = {0};
		open_node(s, &n);
		weft__heap_fail_at(i);
		int rc = link_dial(&s->loop, "127.0.0.1", link_listener_port(n.ll), LINK_TO_PEER,
		                   "node 3 7", key, &party_handler, &p, &p.l);
		if (rc == 0)
			for (int turn = 0; turn < 200 && p.nclosed == 0 && n.p.nopened == 0; turn++)
				run_for(&s->loop, 5);
		weft__heap_fail_at(0);
		assert_true(rc == 0 || rc == WEFT_ENOMEM);
		if (rc < 0)
			assert_null(p.l);
		else
			assert_true(p.nopened + p.nclosed > 0);
		bool all_well = p.nopened == 1 && n.p.nopened == 1 && p.nclosed == 0;
		party_fini(&p);
		run_for(&s->loop, 5);
		close_node(&n);
		if (all_well) {
			assert_true(i > 5);
			return;
		}
	}
	fail_msg("the allocations never end");
}

/* --- keys
 * ------------------------------------------------------------------------------------------- */

static void keys_differ_with_their_labels_and_are_hkdf(void **state)
{
	/* HKDF-SHA256 without salt, checked with another implementation. */
	static const uint8_t expected[LINK_KEY_BYTES] = {
	        0xb0, 0x9c, 0xaa, 0x75, 0x53, 0x04, 0x74, 0xdc, 0xa7, 0xbf, 0xec,
	        0x52, 0x17, 0xb5, 0x09, 0xa0, 0x89, 0x2d, 0xe1, 0x74, 0x8a, 0x6c,
	        0x39, 0x03, 0xc8, 0x5b, 0xfe, 0x60, 0xc9, 0x36, 0x58, 0xb3};
	uint8_t a[LINK_KEY_BYTES], b[LINK_KEY_BYTES];
	assert_int_equal(link_key_derive(key, "node 3 7", a), 0);
	assert_memory_equal(a, expected, sizeof a);
	assert_int_equal(link_key_derive(key, "node 3 8", b), 0);
	assert_memory_not_equal(a, b, sizeof a);
	assert_int_equal(link_key_derive(other_key, "node 3 7", b), 0);
	assert_memory_not_equal(a, b, sizeof a);
}

int main(void)
{
	/* OpenSSL opens files and keeps memory from its first use on: before descriptors are
	 * counted. */
	uint8_t derived[LINK_KEY_BYTES];
	link_key_derive(key, "warm", derived);
	weft__log_open(2, getenv("DEBUG_LINK") ? WEFT__LOG_DEBUG : WEFT__LOG_ERROR, "test");
#define STAGED(test) cmocka_unit_test_setup_teardown(test, stage_open, stage_close)
	const struct CMUnitTest tests[] = {
	        STAGED(both_sides_know_each_other_after_the_handshake),
	        STAGED(frames_of_every_size_arrive_both_ways),
	        STAGED(frames_sent_before_the_handshake_arrive_after_it),
	        STAGED(a_paused_reader_loses_nothing_and_holds_the_sender_back),
	        STAGED(frames_read_already_wait_for_the_end_of_a_pause),
	        STAGED(a_wrong_key_is_refused_on_both_sides),
	        STAGED(an_unknown_identity_is_refused_on_both_sides),
	        STAGED(an_identity_that_is_none_is_refused_at_once),
	        STAGED(garbage_after_the_preamble_closes_the_link),
	        STAGED(a_stranger_may_send_4_kib_and_no_more),
	        STAGED(a_stranger_that_is_silent_is_dropped_after_five_seconds),
	        STAGED(strangers_beyond_64_push_the_oldest_out_and_keys_still_get_in),
	        STAGED(a_server_without_the_key_is_refused_whatever_certificate_it_has),
	        STAGED(bytes_that_are_no_frames_close_the_link),
	        STAGED(link_close_sends_what_is_queued),
	        STAGED(link_close_waits_one_second_for_a_peer_that_takes_nothing),
	        STAGED(a_handler_may_close_its_own_link),
	        STAGED(a_link_that_is_being_dialled_can_be_closed_at_any_moment),
	        STAGED(the_peer_may_hang_up_at_any_moment_of_the_handshake),
	        STAGED(a_refused_connection_is_told_in_words),
	        STAGED(a_name_is_looked_up),
	        STAGED(a_hole_is_given_up_after_five_seconds),
	        STAGED(every_allocation_of_a_connection_may_fail),
	        STAGED(keys_differ_with_their_labels_and_are_hkdf),
	};
	return cmocka_run_group_tests_name("tls links", tests, NULL, NULL);
}
