/* openssl.h - OpenSSL, loaded when the first TLS link or key is made.
 *
 * Loading it takes longer than all else that a daemon does to start, and most virtual machines have one node and need
 * none. A file that includes this one calls OpenSSL by its own names; what it calls must be in the list, and
 * openssl_load must have succeeded before.
 */
#ifndef WEFT_LINK_OPENSSL_H
#define WEFT_LINK_OPENSSL_H

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/ssl.h>

#include "base/err.h"

#define OPENSSL_FUNCTIONS(X) \
	X(BIO_clear_flags) X(BIO_free) X(BIO_get_data) X(BIO_get_new_index) X(BIO_meth_new) \
	X(BIO_meth_set_create) X(BIO_meth_set_ctrl) X(BIO_meth_set_read) X(BIO_meth_set_write) X(BIO_new) \
	X(BIO_set_data) X(BIO_set_flags) X(BIO_set_init) X(ERR_clear_error) X(ERR_peek_error) \
	X(ERR_reason_error_string) X(EVP_KDF_CTX_free) X(EVP_KDF_CTX_new) X(EVP_KDF_derive) X(EVP_KDF_fetch) \
	X(EVP_KDF_free) X(EVP_PKEY_CTX_free) X(EVP_PKEY_CTX_new_from_pkey) X(EVP_PKEY_Q_keygen) X(EVP_PKEY_derive) \
	X(EVP_PKEY_derive_init) X(EVP_PKEY_derive_set_peer) X(EVP_PKEY_free) X(EVP_PKEY_get_raw_private_key) \
	X(EVP_PKEY_get_raw_public_key) X(EVP_PKEY_new_raw_private_key_ex) X(EVP_PKEY_new_raw_public_key_ex) \
	X(OSSL_PARAM_construct_octet_string) X(OSSL_PARAM_construct_utf8_string) \
	X(SSL_CIPHER_find) X(SSL_CTX_ctrl) X(SSL_CTX_free) X(SSL_CTX_new) X(SSL_CTX_set_ciphersuites) \
	X(SSL_CTX_set_num_tickets) X(SSL_CTX_set_options) X(SSL_CTX_set_psk_find_session_callback) \
	X(SSL_CTX_set_psk_use_session_callback) X(SSL_SESSION_free) X(SSL_SESSION_new) \
	X(SSL_SESSION_set1_master_key) X(SSL_SESSION_set_cipher) X(SSL_SESSION_set_protocol_version) \
	X(SSL_do_handshake) X(SSL_free) X(SSL_get_error) X(SSL_get_ex_data) X(SSL_new) X(SSL_pending) \
	X(SSL_read) X(SSL_session_reused) X(SSL_set_accept_state) X(SSL_set_bio) X(SSL_set_connect_state) \
	X(SSL_set_ex_data) X(SSL_set_verify) X(SSL_shutdown) X(SSL_write) X(TLS_method)

struct openssl {
#define X(name) __typeof__(name) *name##_;
	OPENSSL_FUNCTIONS(X)
#undef X
};
extern struct openssl openssl;

/* Once, then at no cost. WEFT_EINTERNAL: it is not installed, or another one; said in the log. */
int openssl_load(void);

#ifndef OPENSSL_ITSELF
#define BIO_clear_flags openssl.BIO_clear_flags_
#define BIO_free openssl.BIO_free_
#define BIO_get_data openssl.BIO_get_data_
#define BIO_get_new_index openssl.BIO_get_new_index_
#define BIO_meth_new openssl.BIO_meth_new_
#define BIO_meth_set_create openssl.BIO_meth_set_create_
#define BIO_meth_set_ctrl openssl.BIO_meth_set_ctrl_
#define BIO_meth_set_read openssl.BIO_meth_set_read_
#define BIO_meth_set_write openssl.BIO_meth_set_write_
#define BIO_new openssl.BIO_new_
#define BIO_set_data openssl.BIO_set_data_
#define BIO_set_flags openssl.BIO_set_flags_
#define BIO_set_init openssl.BIO_set_init_
#define ERR_clear_error openssl.ERR_clear_error_
#define ERR_peek_error openssl.ERR_peek_error_
#define ERR_reason_error_string openssl.ERR_reason_error_string_
#define EVP_KDF_CTX_free openssl.EVP_KDF_CTX_free_
#define EVP_KDF_CTX_new openssl.EVP_KDF_CTX_new_
#define EVP_KDF_derive openssl.EVP_KDF_derive_
#define EVP_KDF_fetch openssl.EVP_KDF_fetch_
#define EVP_KDF_free openssl.EVP_KDF_free_
#define EVP_PKEY_CTX_free openssl.EVP_PKEY_CTX_free_
#define EVP_PKEY_CTX_new_from_pkey openssl.EVP_PKEY_CTX_new_from_pkey_
#define EVP_PKEY_Q_keygen openssl.EVP_PKEY_Q_keygen_
#define EVP_PKEY_derive openssl.EVP_PKEY_derive_
#define EVP_PKEY_derive_init openssl.EVP_PKEY_derive_init_
#define EVP_PKEY_derive_set_peer openssl.EVP_PKEY_derive_set_peer_
#define EVP_PKEY_free openssl.EVP_PKEY_free_
#define EVP_PKEY_get_raw_private_key openssl.EVP_PKEY_get_raw_private_key_
#define EVP_PKEY_get_raw_public_key openssl.EVP_PKEY_get_raw_public_key_
#define EVP_PKEY_new_raw_private_key_ex openssl.EVP_PKEY_new_raw_private_key_ex_
#define EVP_PKEY_new_raw_public_key_ex openssl.EVP_PKEY_new_raw_public_key_ex_
#define OSSL_PARAM_construct_octet_string openssl.OSSL_PARAM_construct_octet_string_
#define OSSL_PARAM_construct_utf8_string openssl.OSSL_PARAM_construct_utf8_string_
#define SSL_CIPHER_find openssl.SSL_CIPHER_find_
#define SSL_CTX_ctrl openssl.SSL_CTX_ctrl_
#define SSL_CTX_free openssl.SSL_CTX_free_
#define SSL_CTX_new openssl.SSL_CTX_new_
#define SSL_CTX_set_ciphersuites openssl.SSL_CTX_set_ciphersuites_
#define SSL_CTX_set_num_tickets openssl.SSL_CTX_set_num_tickets_
#define SSL_CTX_set_options openssl.SSL_CTX_set_options_
#define SSL_CTX_set_psk_find_session_callback openssl.SSL_CTX_set_psk_find_session_callback_
#define SSL_CTX_set_psk_use_session_callback openssl.SSL_CTX_set_psk_use_session_callback_
#define SSL_SESSION_free openssl.SSL_SESSION_free_
#define SSL_SESSION_new openssl.SSL_SESSION_new_
#define SSL_SESSION_set1_master_key openssl.SSL_SESSION_set1_master_key_
#define SSL_SESSION_set_cipher openssl.SSL_SESSION_set_cipher_
#define SSL_SESSION_set_protocol_version openssl.SSL_SESSION_set_protocol_version_
#define SSL_do_handshake openssl.SSL_do_handshake_
#define SSL_free openssl.SSL_free_
#define SSL_get_error openssl.SSL_get_error_
#define SSL_get_ex_data openssl.SSL_get_ex_data_
#define SSL_new openssl.SSL_new_
#define SSL_pending openssl.SSL_pending_
#define SSL_read openssl.SSL_read_
#define SSL_session_reused openssl.SSL_session_reused_
#define SSL_set_accept_state openssl.SSL_set_accept_state_
#define SSL_set_bio openssl.SSL_set_bio_
#define SSL_set_connect_state openssl.SSL_set_connect_state_
#define SSL_set_ex_data openssl.SSL_set_ex_data_
#define SSL_set_verify openssl.SSL_set_verify_
#define SSL_shutdown openssl.SSL_shutdown_
#define SSL_write openssl.SSL_write_
#define TLS_method openssl.TLS_method_
#endif

#endif
