// OpenSSL 3, opened at its first use: see CLoader.h. What of it is a macro, and so cannot be seen by Swift, is here as functions of the same
// name with the prefix "c". A function of OpenSSL that is called for the first time goes into the list in functions.c.
#ifndef COPENSSL_H
#define COPENSSL_H

#include <stdbool.h>

#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

/// Opens the library. Returns NULL, or the reason why it cannot be used: then none of its functions may be called.
const char *openOpenSSL(void);

static inline int cSSL_CTX_set_min_proto_version(SSL_CTX *context, int version) {
    return (int)SSL_CTX_set_min_proto_version(context, version);
}

static inline long cSSL_CTX_set_mode(SSL_CTX *context, long mode) { return SSL_CTX_set_mode(context, mode); }

static inline void cSSL_CTX_set_read_ahead(SSL_CTX *context, int yes) { (void)SSL_CTX_set_read_ahead(context, yes); }

static inline long cSSL_CTX_set_session_cache_mode(SSL_CTX *context, long mode) {
    return SSL_CTX_set_session_cache_mode(context, mode);
}

static inline int cSSL_CTX_set1_groups_list(SSL_CTX *context, const char *list) {
    return (int)SSL_CTX_set1_groups_list(context, list);
}

static inline int cSSL_CTX_set_dh_auto(SSL_CTX *context, int yes) { return (int)SSL_CTX_set_dh_auto(context, yes); }

static inline int cSSL_set_tlsext_host_name(SSL *session, const char *name) {
    return (int)SSL_set_tlsext_host_name(session, name);
}

static inline int cSSL_set_tlsext_status_type(SSL *session, int type) {
    return (int)SSL_set_tlsext_status_type(session, type);
}

static inline long cSSL_get_tlsext_status_ocsp_resp(SSL *session, const unsigned char **bytes) {
    return SSL_get_tlsext_status_ocsp_resp(session, bytes);
}

static inline const char *cSSL_get_cipher_name(const SSL *session) { return SSL_get_cipher_name(session); }

static inline int cERR_GET_REASON(unsigned long error) { return ERR_GET_REASON(error); }

static inline int cERR_GET_LIB(unsigned long error) { return ERR_GET_LIB(error); }

static inline long cBIO_get_mem_data(BIO *bio, const char **bytes) { return BIO_get_mem_data(bio, (char **)bytes); }

static inline int cBIO_flush(BIO *bio) { return (int)BIO_flush(bio); }

static inline bool cBIO_should_retry(BIO *bio) { return BIO_should_retry(bio); }

static inline int cBIO_set_write_buffer_size(BIO *bio, long length) { return (int)BIO_set_write_buffer_size(bio, length); }

static inline int cSSL_CTX_add0_chain_cert(SSL_CTX *context, X509 *certificate) {
    return (int)SSL_CTX_add0_chain_cert(context, certificate);
}

/// Adds the certificates and revocation lists of a PEM file to a store. Returns how many; -1 for a failure.
static inline int cX509_STORE_add_all(X509_STORE *store, const STACK_OF(X509_INFO) *found) {
    int count = 0;
    for (int index = 0; index < sk_X509_INFO_num(found); index++) {
        const X509_INFO *item = sk_X509_INFO_value(found, index);
        if (item->x509 != NULL) {
            if (X509_STORE_add_cert(store, item->x509) != 1) return -1;
            count++;
        }
        if (item->crl != NULL) {
            if (X509_STORE_add_crl(store, item->crl) != 1) return -1;
            count++;
        }
    }
    return count;
}

static inline void cX509_INFO_free_all(STACK_OF(X509_INFO) *found) { sk_X509_INFO_pop_free(found, X509_INFO_free); }

static inline void cX509_free_all(STACK_OF(X509) *certificates) { sk_X509_pop_free(certificates, X509_free); }

static inline EVP_PKEY *cEVP_EC_gen(const char *curve) { return EVP_EC_gen(curve); }

static const int cMBSTRING_ASC = MBSTRING_ASC;

static const unsigned long cXN_FLAG_RFC2253 = XN_FLAG_RFC2253;

// Options are built by a macro with an argument.
static const uint64_t cSSL_OP_NO_RENEGOTIATION = SSL_OP_NO_RENEGOTIATION;
static const uint64_t cSSL_OP_NO_COMPRESSION = SSL_OP_NO_COMPRESSION;
static const uint64_t cSSL_OP_NO_TICKET = SSL_OP_NO_TICKET;
static const uint64_t cSSL_OP_CIPHER_SERVER_PREFERENCE = SSL_OP_CIPHER_SERVER_PREFERENCE;
static const uint64_t cSSL_OP_IGNORE_UNEXPECTED_EOF = SSL_OP_IGNORE_UNEXPECTED_EOF;

#endif
