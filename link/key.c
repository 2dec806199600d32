#include "config.h"

#include "link/link.h"

#include <string.h>

#include "link/openssl.h"

int link_key_derive(const uint8_t vm_key[static LINK_KEY_BYTES], const char *label,
                    uint8_t key[static LINK_KEY_BYTES])
{
	static char digest[] = "SHA256";
	uint8_t derived[LINK_KEY_BYTES];
	int rc = openssl_load();
	if (rc)
		return rc;
	EVP_KDF *hkdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *c = hkdf ? EVP_KDF_CTX_new(hkdf) : NULL;
	OSSL_PARAM params[] = {
	        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
	        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)vm_key,
	                                          LINK_KEY_BYTES),
	        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)label,
	                                          strlen(label)),
	        OSSL_PARAM_END,
	};
	rc = WEFT_EINTERNAL;
	if (c && EVP_KDF_derive(c, derived, sizeof derived, params) == 1) {
		memcpy(key, derived, sizeof derived);
		rc = 0;
	}
	explicit_bzero(derived, sizeof derived);
	EVP_KDF_CTX_free(c);
	EVP_KDF_free(hkdf);
	ERR_clear_error();
	return rc;
}
