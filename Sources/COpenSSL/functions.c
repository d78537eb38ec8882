#include <pthread.h>

#include "CLoader.h"

const char *openOpenSSL(void);

// The functions that the sources call, and those behind the macros that they use: the linker names one that is missing here. libssl brings
// libcrypto with it.
#define FUNCTIONS(F)                                                                                                    \
    F(ASN1_INTEGER_set) F(ASN1_TIME_diff) F(ASN1_TIME_to_tm) F(BIO_ctrl) F(BIO_f_buffer) F(BIO_free) F(BIO_int_ctrl)    \
    F(BIO_new) F(BIO_new_file) F(BIO_new_mem_buf) F(BIO_new_socket) F(BIO_push) F(BIO_s_mem) F(BIO_test_flags)          \
    F(BIO_write) F(ERR_clear_error) F(ERR_error_string_n) F(ERR_peek_error) F(ERR_peek_last_error)                      \
    F(ERR_reason_error_string) F(EVP_DigestFinal_ex) F(EVP_DigestInit_ex) F(EVP_DigestUpdate) F(EVP_MD_CTX_free)        \
    F(EVP_MD_CTX_new) F(EVP_PKEY_Q_keygen) F(EVP_PKEY_free) F(EVP_sha256) F(OCSP_BASICRESP_free) F(OCSP_CERTID_free)    \
    F(OCSP_RESPONSE_free) F(OCSP_basic_verify) F(OCSP_cert_to_id) F(OCSP_check_validity) F(OCSP_resp_find_status)       \
    F(OCSP_response_get1_basic) F(OCSP_response_status) F(OPENSSL_init_crypto) F(OPENSSL_sk_num)                        \
    F(OPENSSL_sk_pop_free) F(OPENSSL_sk_value) F(PEM_X509_INFO_read_bio) F(PEM_read_bio_PrivateKey)                     \
    F(PEM_read_bio_X509) F(PEM_read_bio_X509_AUX) F(PEM_read_bio_X509_CRL) F(PEM_write_bio_PrivateKey)                  \
    F(PEM_write_bio_X509) F(SSL_CIPHER_get_name) F(SSL_CTX_check_private_key) F(SSL_CTX_ctrl) F(SSL_CTX_free)           \
    F(SSL_CTX_get0_certificate) F(SSL_CTX_get0_param) F(SSL_CTX_get_cert_store) F(SSL_CTX_get_ex_data)                  \
    F(SSL_CTX_load_verify_dir) F(SSL_CTX_new) F(SSL_CTX_sess_set_get_cb) F(SSL_CTX_sess_set_new_cb)                     \
    F(SSL_CTX_set_cert_verify_callback) F(SSL_CTX_set_cipher_list) F(SSL_CTX_set_default_read_buffer_len)               \
    F(SSL_CTX_set_ex_data) F(SSL_CTX_set_keylog_callback) F(SSL_CTX_set_num_tickets) F(SSL_CTX_set_options)             \
    F(SSL_CTX_set_session_id_context) F(SSL_CTX_set_verify) F(SSL_CTX_use_PrivateKey) F(SSL_CTX_use_certificate)        \
    F(SSL_SESSION_free) F(SSL_SESSION_get0_peer) F(SSL_SESSION_get_id) F(SSL_SESSION_is_resumable)                      \
    F(SSL_SESSION_up_ref) F(SSL_alert_desc_string_long) F(SSL_ctrl) F(SSL_do_handshake) F(SSL_free) F(SSL_get0_param)   \
    F(SSL_get0_peer_certificate) F(SSL_get0_verified_chain) F(SSL_get_SSL_CTX) F(SSL_get_current_cipher)                \
    F(SSL_get_error) F(SSL_get_ex_data) F(SSL_get_ex_data_X509_STORE_CTX_idx) F(SSL_get_peer_cert_chain)                \
    F(SSL_get_security_level) F(SSL_get_shutdown) F(SSL_get_version) F(SSL_has_pending) F(SSL_is_init_finished)         \
    F(SSL_is_server) F(SSL_new) F(SSL_read_ex) F(SSL_session_reused) F(SSL_set0_wbio) F(SSL_set_accept_state)           \
    F(SSL_set_cert_cb) F(SSL_set_connect_state) F(SSL_set_ex_data) F(SSL_set_fd) F(SSL_set_session) F(SSL_shutdown)     \
    F(SSL_write_ex) F(TLS_client_method) F(TLS_server_method) F(X509V3_EXT_conf_nid) F(X509V3_EXT_print)                \
    F(X509_CRL_free) F(X509_EXTENSION_free) F(X509_INFO_free) F(X509_LOOKUP_ctrl) F(X509_LOOKUP_file)                   \
    F(X509_LOOKUP_get_method_data) F(X509_LOOKUP_get_store) F(X509_LOOKUP_hash_dir) F(X509_LOOKUP_meth_new)             \
    F(X509_LOOKUP_meth_set_get_by_subject) F(X509_LOOKUP_set_method_data) F(X509_NAME_add_entry_by_txt)                 \
    F(X509_NAME_print_ex) F(X509_OBJECT_get0_X509) F(X509_OBJECT_retrieve_by_subject) F(X509_OBJECT_set1_X509)          \
    F(X509_STORE_CTX_free) F(X509_STORE_CTX_get0_cert) F(X509_STORE_CTX_get0_param) F(X509_STORE_CTX_get_current_cert)  \
    F(X509_STORE_CTX_get_error) F(X509_STORE_CTX_get_ex_data) F(X509_STORE_CTX_init) F(X509_STORE_CTX_new)              \
    F(X509_STORE_CTX_set_default) F(X509_STORE_CTX_set_error) F(X509_STORE_CTX_set_verify_cb) F(X509_STORE_add_cert)    \
    F(X509_STORE_add_crl) F(X509_STORE_add_lookup) F(X509_STORE_get0_objects) F(X509_STORE_lock) F(X509_STORE_unlock)   \
    F(X509_VERIFY_PARAM_set1) F(X509_VERIFY_PARAM_set1_host) F(X509_VERIFY_PARAM_set1_ip_asc)                           \
    F(X509_VERIFY_PARAM_set_auth_level) F(X509_VERIFY_PARAM_set_flags) F(X509_VERIFY_PARAM_set_hostflags)               \
    F(X509_add_ext) F(X509_chain_up_ref) F(X509_cmp_current_time) F(X509_digest) F(X509_free) F(X509_get0_notAfter)     \
    F(X509_get0_notBefore) F(X509_get_default_cert_dir) F(X509_get_default_cert_dir_env) F(X509_get_default_cert_file)  \
    F(X509_get_default_cert_file_env) F(X509_get_ext) F(X509_get_ext_by_NID) F(X509_get_issuer_name)                    \
    F(X509_get_serialNumber) F(X509_get_subject_name) F(X509_getm_notAfter) F(X509_getm_notBefore) F(X509_gmtime_adj)   \
    F(X509_new) F(X509_set_issuer_name) F(X509_set_pubkey) F(X509_set_version) F(X509_sign) F(X509_verify_cert)         \
    F(X509_verify_cert_error_string) F(d2i_OCSP_RESPONSE)

CLOADER_LIBRARY(openOpenSSL, "libssl.so.3", FUNCTIONS)
