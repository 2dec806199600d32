/* tls.c - links over TCP with TLS 1.3 and an external pre-shared key; no certificates anywhere.
 *
 * Happy path: dial.c or the owner's listener brings a connected socket past its preamble; OpenSSL
 * shakes hands over a BIO of ours, with the key of the identity that the dialer names and a fresh
 * Diffie-Hellman exchange; then frames are cut out of the byte stream as they come, and written 16
 * KiB a record.
 *
 * Failure modes:
 * - The stranger is silent (the timer), sends more than LINK_STRANGER_MAX before it has proved
 * itself, is one too many, has no key or a wrong one, or speaks no TLS: the link fails with words;
 * OpenSSL sends its alert.
 * - Somebody between us answers with a certificate instead of the key: refused, there is nobody we
 * would believe.
 * - The peer vanishes without a goodbye: WEFT_EIO, so that a cut cable and an orderly end differ.
 * - The other side of the world does not read: the queue grows, and link_queued says so.
 *
 * OpenSSL is loaded and set up when the first TLS link is made: a program without any pays nothing. SIGPIPE never comes,
 * because the BIO sends with MSG_NOSIGNAL.
 */
#include "config.h"

#include "link/inner.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/heap.h"
#include "link/address.h"
#include "link/dial.h"
#include "link/openssl.h"
#include "link/strangers.h"

enum {
	RECORD = 16 * 1024,
	TURN_BYTES = 256 * 1024, /* read in one turn of the loop, then others have theirs */
	IN_KEEP = 64 * 1024,     /* an empty input buffer keeps this much at most */
	DRAIN_MAX = 64,          /* reads thrown away before a close */

	/* The daemons' heartbeats notice a dead peer long before; these are for connections without
	   any. */
	IDLE_S = 10,
	PROBE_S = 5,
	PROBES = 3,
	USER_TIMEOUT_MS = 25000,
};

struct tls {
	SSL *ssl;
	bool server;
	bool proven;  /* the handshake succeeded */
	bool goodbye; /* our close_notify has gone */
	bool eof;     /* the socket has ended */
	int errnum;   /* the socket's last error */
	size_t nread; /* bytes read before it was proven */
	struct weft__buf
	        in; /* what was read and not handed on: a part of a frame, or frames while paused */
	size_t taken; /* of in, that was handed on */

	uint64_t deadline_ms; /* of dial and handshake, on the loop's clock */
	link_key_fn find_key; /* server */
	void *key_arg;
	bool unknown;                /* server: find_key refused the identity */
	uint8_t key[LINK_KEY_BYTES]; /* client */
	char identity[LINK_IDENTITY_MAX + 1];
	struct stranger stranger; /* server, while shaking */
	struct link *link;
};

/* --- OpenSSL's way to the socket ---------------------------------------------------------- */

static int bio_read(BIO *bio, char *bytes, int nbytes)
{
	struct link *l = BIO_get_data(bio);
	struct tls *t = l->tls;
	size_t size = nbytes > 0 ? (size_t)nbytes : 0;
	BIO_clear_retry_flags(bio);
	if (!t->proven && size > LINK_STRANGER_MAX - t->nread)
		size = LINK_STRANGER_MAX - t->nread;
	if (size == 0) {
		t->errnum = EMSGSIZE;
		return -1;
	}
	ssize_t n = recv(l->fd, bytes, size, MSG_DONTWAIT);
	if (n > 0) {
		if (!t->proven)
			t->nread += (size_t)n;
		return (int)n;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		BIO_set_retry_read(bio);
	else if (n < 0)
		t->errnum = errno;
	else
		t->eof = true;
	return (int)n;
}

static int bio_write(BIO *bio, const char *bytes, int nbytes)
{
	struct link *l = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	ssize_t n =
	        send(l->fd, bytes, nbytes > 0 ? (size_t)nbytes : 0, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		BIO_set_retry_write(bio);
	else if (n < 0)
		l->tls->errnum = errno;
	return (int)n;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
	return command == BIO_CTRL_FLUSH || command == BIO_CTRL_DUP;
}

static int bio_create(BIO *bio)
{
	BIO_set_init(bio, 1);
	return 1;
}

static BIO *make_bio(struct link *l)
{
	static BIO_METHOD *method;
	if (!method) {
		BIO_METHOD *new =
		        BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "weft link");
		if (!new)
			return NULL;
		BIO_meth_set_read(new, bio_read);
		BIO_meth_set_write(new, bio_write);
		BIO_meth_set_ctrl(new, bio_ctrl);
		BIO_meth_set_create(new, bio_create);
		method = new;
	}
	BIO *bio = BIO_new(method);
	if (bio)
		BIO_set_data(bio, l);
	return bio;
}

/* --- keys --------------------------------------------------------------------------------- */

static SSL_SESSION *session_from_key(SSL *ssl, const uint8_t key[static LINK_KEY_BYTES])
{
	static const unsigned char suite[] = {0x13, 0x01}; /* TLS_AES_128_GCM_SHA256 */
	const SSL_CIPHER *cipher = SSL_CIPHER_find(ssl, suite);
	SSL_SESSION *session = SSL_SESSION_new();
	if (session && cipher && SSL_SESSION_set1_master_key(session, key, LINK_KEY_BYTES) == 1 &&
	    SSL_SESSION_set_cipher(session, cipher) == 1 &&
	    SSL_SESSION_set_protocol_version(session, TLS1_3_VERSION) == 1)
		return session;
	SSL_SESSION_free(session);
	return NULL;
}

/* The dialer: which key, and under what name? */
static int on_use_session(SSL *ssl, const EVP_MD *md, const unsigned char **id, size_t *id_len,
                          SSL_SESSION **session)
{
	struct tls *t = SSL_get_app_data(ssl);
	*session = session_from_key(ssl, t->key);
	*id = (const unsigned char *)t->identity;
	*id_len = strlen(t->identity);
	return *session != NULL;
}

static bool is_identity(const unsigned char *id, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (id[i] < ' ' || id[i] > '~')
			return false;
	return n > 0 && n <= LINK_IDENTITY_MAX;
}

/* The other side: the dialer says this name. Success without a session lets the handshake go on
 * without a key, and it then ends in an alert, as there is nothing else to agree on. */
static int on_find_session(SSL *ssl, const unsigned char *id, size_t id_len, SSL_SESSION **session)
{
	struct tls *t = SSL_get_app_data(ssl);
	uint8_t key[LINK_KEY_BYTES];
	*session = NULL;
	t->unknown = true;
	if (!is_identity(id, id_len))
		return 1;
	memcpy(t->identity, id, id_len);
	t->identity[id_len] = '\0';
	if (t->find_key(t->key_arg, t->identity, key) != 0)
		return 1;
	t->unknown = false;
	*session = session_from_key(ssl, key);
	explicit_bzero(key, sizeof key);
	return *session != NULL;
}

static SSL_CTX *make_context(void)
{
	SSL_CTX *c = SSL_CTX_new(TLS_method());
	if (c && SSL_CTX_set_min_proto_version(c, TLS1_3_VERSION) == 1 &&
	    SSL_CTX_set_max_proto_version(c, TLS1_3_VERSION) == 1 &&
	    SSL_CTX_set_ciphersuites(c, "TLS_AES_128_GCM_SHA256") == 1 &&
	    SSL_CTX_set_num_tickets(c, 0) == 1) {
		SSL_CTX_set_options(c, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
		SSL_CTX_set_mode(c, SSL_MODE_ENABLE_PARTIAL_WRITE |
		                            SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
		                            SSL_MODE_RELEASE_BUFFERS);
		SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
		SSL_CTX_set_psk_use_session_callback(c, on_use_session);
		SSL_CTX_set_psk_find_session_callback(c, on_find_session);
		return c;
	}
	SSL_CTX_free(c);
	return NULL;
}

/* --- failures in words -------------------------------------------------------------------- */

/* Why OpenSSL's last operation on the link failed; returns the code. */
static int explain(const struct tls *t, struct weft_error *e)
{
	unsigned long first = ERR_peek_error();
	int reason = ERR_GET_LIB(first) == ERR_LIB_SSL ? ERR_GET_REASON(first) : 0;
	const char *words = reason ? ERR_reason_error_string(first) : NULL;
	ERR_clear_error();
	if (t->unknown)
		return weft__err_set(e, WEFT_EDENIED, "unknown identity \"%s\"", t->identity);
	if (reason == SSL_R_BINDER_DOES_NOT_VERIFY)
		return weft__err_set(e, WEFT_EDENIED, "wrong key for \"%s\"", t->identity);
	if (reason > SSL_AD_REASON_OFFSET && !t->proven)
		return weft__err_set(
		        e, WEFT_EDENIED,
		        "the peer refused our key or identity \"%s\" (%s): is it of this VM?",
		        t->identity, words ? words : "alert");
	if (t->errnum == EMSGSIZE && !t->proven)
		return weft__err_set(e, WEFT_EPROTO, "more than %d bytes before it proved itself",
		                     LINK_STRANGER_MAX);
	if (t->errnum) {
		int code = weft__err_from_errno(t->errnum);
		if (code == WEFT_ECLOSED && t->proven)
			code = WEFT_EIO; /* a reset is no orderly end */
		return weft__err_set(e, code, "%s", strerror(t->errnum));
	}
	if (t->eof)
		return weft__err_set(e, t->proven ? WEFT_EIO : WEFT_ECLOSED,
		                     "the connection broke off");
	return weft__err_set(e, WEFT_EPROTO, "TLS: %s", words ? words : "unknown error");
}

static void fail(struct link *l)
{
	struct weft_error e = {0};
	explain(l->tls, &e);
	link_fail(l, e.code, "%s: %s", l->peer, e.text);
}

/* --- reading ------------------------------------------------------------------------------ */

/* Hands on the complete frames of the input buffer, then moves what is left to its front. */
static void deliver(struct link *l)
{
	struct tls *t = l->tls;
	while (link_may_read(l) && t->in.len - t->taken >= WEFT__FRAME_HEADER) {
		struct weft_error e = {0};
		const uint8_t *frame = t->in.data + t->taken;
		int length = weft__frame_length(frame, &e);
		if (length < 0) {
			link_fail(l, length, "%s: %s", l->peer, e.text);
			return;
		}
		size_t nbytes = WEFT__FRAME_HEADER + (size_t)length;
		if (t->in.len - t->taken < nbytes)
			break;
		t->taken += nbytes;
		l->handler->frame(l, l->arg, frame + WEFT__FRAME_HEADER, (size_t)length, NULL, 0);
	}
	weft__buf_consume(&t->in, t->taken);
	t->taken = 0;
	if (t->in.len == 0 && t->in.cap > IN_KEEP)
		weft__buf_fini(&t->in);
}

/* One SSL_read into the input buffer; false when there is nothing more for now or for ever. */
static bool read_record(struct link *l)
{
	struct tls *t = l->tls;
	if (weft__buf_reserve(&t->in, RECORD) < 0) {
		link_fail(l, WEFT_ENOMEM, "no memory for what %s sends", l->peer);
		return false;
	}
	ERR_clear_error();
	int n = SSL_read(t->ssl, t->in.data + t->in.len, RECORD);
	if (n > 0) {
		t->in.len += (size_t)n;
		return true;
	}
	switch (SSL_get_error(t->ssl, n)) {
	case SSL_ERROR_WANT_READ:
		break;
	case SSL_ERROR_WANT_WRITE:
		l->read_wants_write = true;
		break;
	case SSL_ERROR_ZERO_RETURN:
		if (t->in.len > 0)
			link_fail(l, WEFT_EPROTO, "%s: the connection ended inside a frame",
			          l->peer);
		else
			link_fail(l, WEFT_ECLOSED, "%s closed the connection", l->peer);
		break;
	default:
		fail(l);
	}
	return false;
}

/* Reads and hands on, up to budget bytes from the kernel and all that OpenSSL holds: poll would not
 * tell of that. */
static void read_up_to(struct link *l, size_t budget)
{
	struct tls *t = l->tls;
	size_t nread = 0;
	l->read_wants_write = false;
	deliver(l);
	while (link_may_read(l) && (nread < budget || SSL_pending(t->ssl) > 0)) {
		size_t before = t->in.len;
		if (!read_record(l))
			return;
		nread += t->in.len - before;
		deliver(l);
	}
}

static void read_tls(struct link *l)
{
	read_up_to(l, TURN_BYTES);
}

static void resume_tls(struct link *l)
{
	read_up_to(l, 0);
}

/* --- writing and leaving ------------------------------------------------------------------ */

static int write_tls(struct link *l, struct weft_error *e)
{
	struct tls *t = l->tls;
	while (link_queued(l) > 0) {
		size_t nbytes = link_queued(l) < RECORD ? link_queued(l) : RECORD;
		ERR_clear_error();
		int n = SSL_write(t->ssl, l->out.data + l->out_sent, (int)nbytes);
		if (n <= 0) {
			int why = SSL_get_error(t->ssl, n);
			if (why == SSL_ERROR_WANT_WRITE || why == SSL_ERROR_WANT_READ)
				return 0;
			return explain(t, e);
		}
		l->out_sent += (size_t)n;
	}
	return 0;
}

/* Says goodbye, then waits for the peer's end: a close while bytes of his are unread would be a
 * reset, which may overtake our last ones. */
static bool leave_tls(struct link *l)
{
	struct tls *t = l->tls;
	uint8_t rest[4096];
	l->read_wants_write = false;
	if (!t->goodbye) {
		ERR_clear_error();
		int rc = SSL_shutdown(t->ssl);
		if (rc < 0 && SSL_get_error(t->ssl, rc) == SSL_ERROR_WANT_WRITE) {
			l->read_wants_write = true;
			return true;
		}
		t->goodbye = true;
		shutdown(l->fd, SHUT_WR);
	}
	for (int i = 0; i < DRAIN_MAX; i++) {
		ssize_t n = recv(l->fd, rest, sizeof rest, MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			return false;
		if (n < 0)
			break;
	}
	return true;
}

/* A link that ends without goodbyes: what it sent last, an alert perhaps, must not be overtaken by
 * a reset. */
static void hang_up(struct link *l)
{
	uint8_t rest[4096];
	shutdown(l->fd, SHUT_WR);
	for (int i = 0; i < DRAIN_MAX; i++)
		if (recv(l->fd, rest, sizeof rest, MSG_DONTWAIT) <= 0)
			return;
}

static void fini_tls(struct link *l)
{
	struct tls *t = l->tls;
	strangers_leave(&t->stranger);
	if (t->ssl)
		SSL_free(t->ssl);
	weft__buf_fini(&t->in);
	explicit_bzero(t, sizeof *t);
	weft__free(t);
}

/* --- the handshake ------------------------------------------------------------------------ */

static void shake(struct link *l)
{
	struct tls *t = l->tls;
	l->read_wants_write = false;
	ERR_clear_error();
	int rc = SSL_do_handshake(t->ssl);
	if (rc != 1) {
		int why = SSL_get_error(t->ssl, rc);
		if (why == SSL_ERROR_WANT_WRITE)
			l->read_wants_write = true;
		else if (why != SSL_ERROR_WANT_READ)
			fail(l);
		return;
	}
	strangers_leave(&t->stranger);
	explicit_bzero(t->key, sizeof t->key);
	if (!SSL_session_reused(t->ssl)) { /* that is: the key was not what it was made of */
		link_fail(l, WEFT_EDENIED, "%s did not use the key", l->peer);
		return;
	}
	t->proven = true;
	link_opened(l, t->server ? t->identity : NULL);
}

const struct link_kind link_tls_kind = {
        .read = read_tls,
        .write = write_tls,
        .resume = resume_tls,
        .shake = shake,
        .leave = leave_tls,
        .hang_up = hang_up,
        .fini = fini_tls,
};

uint64_t link_rtt_us(const struct link *l)
{
	struct tcp_info info = {0};
	socklen_t size = sizeof info;
	return l->fd >= 0 && getsockopt(l->fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 ? info.tcpi_rtt : 0;
}

static void set_options(int fd)
{
	const struct {
		int level, name, value;
	} options[] = {
	        {IPPROTO_TCP, TCP_NODELAY, 1},
	        {SOL_SOCKET, SO_KEEPALIVE, 1},
	        {IPPROTO_TCP, TCP_KEEPIDLE, IDLE_S},
	        {IPPROTO_TCP, TCP_KEEPINTVL, PROBE_S},
	        {IPPROTO_TCP, TCP_KEEPCNT, PROBES},
	        {IPPROTO_TCP, TCP_USER_TIMEOUT, USER_TIMEOUT_MS},
	};
	for (size_t i = 0; i < sizeof options / sizeof *options; i++)
		setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof(int));
}

/* The link has its socket: OpenSSL gets to work. The handshake's first step is due when the socket
 * says so. */
static int start_tls(struct link *l)
{
	static SSL_CTX *context;
	struct tls *t = l->tls;
	int rc = openssl_load();
	if (rc)
		return rc;
	if (!context)
		context = make_context();
	BIO *bio = context ? make_bio(l) : NULL;
	t->ssl = bio ? SSL_new(context) : NULL;
	ERR_clear_error();
	if (!t->ssl) {
		BIO_free(bio);
		return WEFT_EINTERNAL;
	}
	SSL_set_bio(t->ssl, bio, bio);
	SSL_set_app_data(t->ssl, t);
	if (t->server)
		SSL_set_accept_state(t->ssl);
	else {
		SSL_set_connect_state(t->ssl);
		/* Whoever has no key but a certificate: none is good, as none is known. */
		SSL_set_verify(t->ssl, SSL_VERIFY_PEER, NULL);
	}
	address_print_peer(l->fd, true, l->peer);
	address_print_peer(l->fd, false, l->peer_host);
	set_options(l->fd);
	return 0;
}

/* A link with its struct tls, without a socket. */
static int make_link(uv_loop_t *loop, enum link_state state, const struct link_handler *handler,
                     void *arg, struct link **l)
{
	struct tls *t = weft__calloc(1, sizeof *t);
	if (!t)
		return WEFT_ENOMEM;
	struct link *new;
	int rc = link_create(loop, &link_tls_kind, state, handler, arg, &new);
	if (rc < 0) {
		weft__free(t);
		return rc;
	}
	t->link = new;
	new->tls = t;
	*l = new;
	return 0;
}

static void evict(struct stranger *s)
{
	struct tls *t = WEFT__CONTAINER(s, struct tls, stranger);
	link_fail(t->link, WEFT_ENOSPC, "%s: too many connections that prove nothing",
	          t->link->peer);
}

int link_accept(uv_loop_t *loop, int *fd, link_key_fn find_key, void *key_arg,
                const struct link_handler *handler, void *arg, struct link **l)
{
	static struct strangers strangers;
	struct link *new;
	int rc = make_link(loop, LINK_SHAKING, handler, arg, &new);
	if (rc < 0) {
		close(*fd);
		*fd = -1;
		return rc;
	}
	new->tls->server = true;
	new->tls->find_key = find_key;
	new->tls->key_arg = key_arg;
	rc = link_attach(new, fd);
	if (rc == 0)
		rc = start_tls(new);
	if (rc < 0) {
		link_destroy(new);
		return rc;
	}
	strangers_enter(&strangers, &new->tls->stranger, evict);
	link_timer(new, LINK_HANDSHAKE_MS);
	link_watch(new);
	*l = new;
	return 0;
}

static void on_dialled(void *arg, int fd, const struct weft_error *e)
{
	struct link *l = arg;
	l->dial = NULL;
	if (fd < 0) {
		link_fail(l, e->code, "%s", e->text);
		return;
	}
	int rc = link_attach(l, &fd);
	if (rc == 0)
		rc = start_tls(l);
	if (rc < 0) {
		link_fail(l, rc, "%s: cannot set TLS up: %s", l->peer, weft__err_text(rc));
		return;
	}
	uint64_t now = uv_now(l->loop);
	link_become(l, LINK_SHAKING);
	link_timer(l, now < l->tls->deadline_ms ? l->tls->deadline_ms - now : 0);
	shake(l);
	link_watch(l);
}

int link_dial(uv_loop_t *loop, const char *address, uint16_t port, enum link_purpose purpose,
              const char *identity, const uint8_t key[static LINK_KEY_BYTES],
              const struct link_handler *handler, void *arg, struct link **l)
{
	struct link *new;
	if (!is_identity((const unsigned char *)identity, strlen(identity)))
		return WEFT_EINVAL;
	int rc = make_link(loop, LINK_DIALLING, handler, arg, &new);
	if (rc < 0)
		return rc;
	memcpy(new->tls->key, key, LINK_KEY_BYTES);
	snprintf(new->tls->identity, sizeof new->tls->identity, "%s", identity);
	snprintf(new->peer, sizeof new->peer, "%.48s:%u", address, port);
	rc = dial_start(loop, address, port, purpose, on_dialled, new, &new->dial);
	if (rc < 0) {
		link_destroy(new);
		return rc;
	}
	new->tls->deadline_ms = uv_now(loop) + LINK_HANDSHAKE_MS;
	*l = new;
	return 0;
}
