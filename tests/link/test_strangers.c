/* Links over TLS with strangers and with peers gone mad. */
#include "config.h"

#include "tls_node.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "base/heap.h"
#include "base/log.h"

/* --- strangers ---------------------------------------------------------------------------- */

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

static void handshakes_beyond_64_push_the_oldest_out(void **state)
{
	enum { N = 66 };
	struct stage *s = *state;
	struct node n;
	struct party p = {0};
	static struct party half_open[N];
	int fds[N];
	open_node(s, &n);
	memset(half_open, 0, sizeof half_open);
	for (int i = 0; i < N; i++) {
		int pair[2];
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
		fds[i] = pair[1];
		assert_int_equal(link_accept(&s->loop, &pair[0], find_key, &n, &party_handler,
		                             &half_open[i], &half_open[i].l),
		                 0);
		assert_int_equal(half_open[0].nclosed, 0); /* nothing is told from inside a call */
	}
	assert_true(run_until(&s->loop, &half_open[1].nclosed, 1));
	assert_int_equal(half_open[0].nclosed, 1);
	assert_int_equal(half_open[0].code, WEFT_ENOSPC);
	assert_int_equal(half_open[2].nclosed, 0);
	dial(&n, &p, "node 3 7", key);
	assert_true(run_until(&s->loop, &p.nopened, 1));
	assert_int_equal(half_open[2].nclosed, 1);
	assert_int_equal(half_open[3].nclosed, 0);
	for (int i = 0; i < N; i++) {
		close(fds[i]);
		party_fini(&half_open[i]);
	}
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

/* --- frames that are none ----------------------------------------------------------------- */

static const char *impostor_identity = "node 3 7";

static int on_use_session(SSL *ssl, const EVP_MD *md, const unsigned char **id, size_t *id_len,
                          SSL_SESSION **session)
{
	static const unsigned char suite[] = {0x13, 0x01};
	*session = SSL_SESSION_new();
	SSL_SESSION_set1_master_key(*session, key, sizeof key);
	SSL_SESSION_set_cipher(*session, SSL_CIPHER_find(ssl, suite));
	SSL_SESSION_set_protocol_version(*session, TLS1_3_VERSION);
	*id = (const unsigned char *)impostor_identity;
	*id_len = strlen(impostor_identity);
	return 1;
}

/* A proper TLS client with the key, made of OpenSSL alone. */
struct impostor {
	SSL_CTX *context;
	SSL *ssl;
	int fd;
};

/* Shakes hands as far as it goes: until the node's link has opened or closed. */
static void impostor_open(struct stage *s, struct node *n, struct impostor *i)
{
	uint8_t answer[16];
	i->fd = connect_raw(link_listener_port(n->ll));
	run_for(&s->loop, 5);
	assert_int_equal(send(i->fd, good_preamble, 16, MSG_NOSIGNAL), 16);
	run_for(&s->loop, 10);
	assert_int_equal(recv(i->fd, answer, 16, 0), 16);
	assert_memory_equal(answer, "WEFT", 4);
	i->context = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_psk_use_session_callback(i->context, on_use_session);
	i->ssl = SSL_new(i->context);
	SSL_set_fd(i->ssl, i->fd);
	for (int turn = 0; turn < 200 && n->p.nopened + n->p.nclosed == 0; turn++) {
		SSL_connect(i->ssl);
		run_for(&s->loop, 5);
	}
}

static void impostor_close(struct impostor *i)
{
	SSL_free(i->ssl);
	SSL_CTX_free(i->context);
	close(i->fd);
}

/* It sends these bytes as its frames, and goes, with or without goodbye. */
static void expect_refused(struct stage *s, const void *bytes, size_t nbytes, bool goodbye,
                           int code)
{
	struct node n;
	struct impostor i;
	open_node(s, &n);
	impostor_open(s, &n, &i);
	assert_int_equal(n.p.nopened, 1);
	if (nbytes > 0)
		assert_int_equal(SSL_write(i.ssl, bytes, (int)nbytes), nbytes);
	if (goodbye)
		SSL_shutdown(i.ssl);
	shutdown(i.fd, SHUT_WR);
	assert_true(run_until(&s->loop, &n.p.nclosed, 1));
	assert_int_equal(n.p.code, code);
	assert_int_equal(n.p.nframes, 0);
	impostor_close(&i);
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

static void an_identity_with_unprintable_characters_is_refused(void **state)
{
	struct stage *s = *state;
	struct node n;
	struct impostor i;
	open_node(s, &n);
	impostor_identity = "node\x1b[2J";
	impostor_open(s, &n, &i);
	impostor_identity = "node 3 7";
	assert_int_equal(n.p.nclosed, 1);
	assert_int_equal(n.p.code, WEFT_EDENIED);
	assert_int_equal(n.nasked, 0);
	assert_null(strchr(n.p.text, '\x1b'));
	impostor_close(&i);
	close_node(&n);
}

static void a_connection_that_is_reset_closes_the_link_once(void **state)
{
	struct stage *s = *state;
	struct node n;
	struct impostor i;
	const struct linger at_once = {.l_onoff = 1};
	static uint8_t body[30000];
	open_node(s, &n);
	impostor_open(s, &n, &i);
	assert_int_equal(n.p.nopened, 1);
	for (int k = 0; k < 500; k++) /* more than the sockets hold */
		assert_int_equal(link_send_body(n.p.l, body, sizeof body), 0);
	assert_int_equal(setsockopt(i.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
	impostor_close(&i);
	assert_true(run_until(&s->loop, &n.p.nclosed, 1));
	assert_int_equal(n.p.code, WEFT_EIO);
	close_node(&n);
}

int main(void)
{
	warm_openssl_up();
	weft__log_open(2, WEFT__LOG_ERROR, "test");
	const struct CMUnitTest tests[] = {
	        STAGED(a_wrong_key_is_refused_on_both_sides),
	        STAGED(an_unknown_identity_is_refused_on_both_sides),
	        STAGED(an_identity_that_is_none_is_refused_at_once),
	        STAGED(garbage_after_the_preamble_closes_the_link),
	        STAGED(a_stranger_may_send_4_kib_and_no_more),
	        STAGED(a_stranger_that_is_silent_is_dropped_after_five_seconds),
	        STAGED(strangers_beyond_64_push_the_oldest_out_and_keys_still_get_in),
	        STAGED(handshakes_beyond_64_push_the_oldest_out),
	        STAGED(a_server_without_the_key_is_refused_whatever_certificate_it_has),
	        STAGED(bytes_that_are_no_frames_close_the_link),
	        STAGED(an_identity_with_unprintable_characters_is_refused),
	        STAGED(a_connection_that_is_reset_closes_the_link_once),
	};
	return cmocka_run_group_tests_name("strangers", tests, NULL, NULL);
}
