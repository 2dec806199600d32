#include "config.h"

#include "link/link.h"

#include <string.h>

#include "link/openssl.h"

int link_pair_make(struct link_pair *p)
{
	struct link_pair made;
	size_t nsecret = sizeof made.secret, nshown = sizeof made.shown;
	int rc = openssl_load();
	if (rc)
		return rc;
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
	bool well = key && EVP_PKEY_get_raw_private_key(key, made.secret, &nsecret) == 1 && nsecret == sizeof made.secret &&
	            EVP_PKEY_get_raw_public_key(key, made.shown, &nshown) == 1 && nshown == sizeof made.shown;
	if (well)
		*p = made;
	explicit_bzero(&made, sizeof made);
	EVP_PKEY_free(key);
	ERR_clear_error();
	return well ? 0 : WEFT_EINTERNAL;
}

int link_pair_agree(const struct link_pair *own, const uint8_t other[static LINK_KEY_BYTES], const char *label,
                    uint8_t key[static LINK_KEY_BYTES])
{
	uint8_t shared[LINK_KEY_BYTES];
	size_t n = sizeof shared;
	int rc = openssl_load();
	if (rc)
		return rc;
	EVP_PKEY *mine = EVP_PKEY_new_raw_private_key_ex(NULL, "X25519", NULL, own->secret, sizeof own->secret);
	EVP_PKEY *theirs = EVP_PKEY_new_raw_public_key_ex(NULL, "X25519", NULL, other, LINK_KEY_BYTES);
	EVP_PKEY_CTX *c = mine && theirs ? EVP_PKEY_CTX_new_from_pkey(NULL, mine, NULL) : NULL;
	rc = WEFT_EDENIED; /* OpenSSL refuses points that would give nothing away but zeros */
	if (c && EVP_PKEY_derive_init(c) == 1 && EVP_PKEY_derive_set_peer(c, theirs) == 1 && EVP_PKEY_derive(c, shared, &n) == 1 &&
	    n == sizeof shared)
		rc = link_key_derive(shared, label, key);
	explicit_bzero(shared, sizeof shared);
	EVP_PKEY_CTX_free(c);
	EVP_PKEY_free(theirs);
	EVP_PKEY_free(mine);
	ERR_clear_error();
	return rc;
}
