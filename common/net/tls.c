// SPDX-License-Identifier: Apache-2.0
#include "common/net/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "common/net/tls_session.h"

struct otc_tls {
    SSL_CTX *context;
    bool http1;
    bool http2;
};

static const char *const versions[] = {"", "1.2", "1.3", NULL};

const char *const otc_tls_curves[] = {"X25519", "P256", "P384", "P521", NULL};
/** client_ca_file_reload alone means: soon after the file changed. */
#define CA_RELOAD_NS (10 * OTC_SECOND)

static const struct otc_field tpm_fields[] = {
    OTC_FIELD(otc_tls_tpm, enabled, .def = "false", .doc = "Refused when true: keys are read from files."),
    OTC_FIELD(otc_tls_tpm, path, .inert = true, .doc = "Of the device."),
    OTC_FIELD(otc_tls_tpm, auth, .inert = true, .doc = "Of the key."),
    OTC_FIELD(otc_tls_tpm, owner_auth, .inert = true, .doc = "Of the device's owner."),
    OTC_FIELD_END,
};
const struct otc_schema otc_tls_tpm_schema = OTC_SCHEMA(otc_tls_tpm, tpm_fields, "Keys in a TPM.");

static const struct otc_field tls_fields[] = {
    OTC_FIELD(otc_tls_server, cert_file, .doc = "Certificate chain (PEM file)."),
    OTC_FIELD(otc_tls_server, cert_pem, .secret = true,
              .doc = "Certificate chain (PEM text) instead of `cert_file`."),
    OTC_FIELD(otc_tls_server, key_file, .doc = "Private key (PEM file)."),
    OTC_FIELD(otc_tls_server, key_pem, .doc = "Private key (PEM text) instead of `key_file`."),
    OTC_FIELD(otc_tls_server, client_ca_file,
              .doc = "Authorities of client certificates; set, clients must present one (mTLS)."),
    OTC_FIELD(otc_tls_server, ca_file, .inert = true, .doc = "Of use to clients only."),
    OTC_FIELD(otc_tls_server, min_version, .def = "1.2", .choices = versions,
              .doc = "Oldest TLS version accepted."),
    OTC_FIELD(otc_tls_server, max_version, .def = "", .choices = versions,
              .doc = "Newest TLS version accepted; empty: the newest there is."),
    OTC_FIELD(otc_tls_server, cipher_suites,
              .doc = "Suites of TLS 1.2 that may be used, by their IANA names; empty: OpenSSL's choice."),
    OTC_FIELD(otc_tls_server, curve_preferences, .choices = otc_tls_curves,
              .doc = "Curves that may be used, best first; empty: OpenSSL's choice."),
    OTC_FIELD(otc_tls_server, reload_interval, .def = "0s", .min = "0s",
              .doc = "The files are read again this often, for connections to come; 0: at a reload of the "
                     "configuration only."),
    OTC_FIELD(otc_tls_server, client_ca_file_reload, .def = "false",
              .doc = "Read `client_ca_file`, and the rest, again every 10 s unless `reload_interval` says "
                     "otherwise."),
    OTC_FIELD(otc_tls_server, include_system_ca_certs_pool, .def = "false",
              .doc = "Clients may also show a certificate that the system's authorities signed."),
    OTC_FIELD(otc_tls_server, include_insecure_cipher_suites, .def = "false",
              .doc = "Refused when true: insecure suites are not built in."),
    OTC_FIELD(otc_tls_server, ca_pem, .secret = true, .inert = true, .doc = "Of use to clients only."),
    OTC_FIELD_STRUCT(otc_tls_server, tpm, otc_tls_tpm_schema, .doc = "Keys in a TPM."),
    OTC_FIELD_END,
};

static bool
is_set(const char *text)
{
    return text && *text;
}

otc_status
otc_tls_cipher_names(const otc_strings *suites, char out[OTC_TLS_NAMES_MAX], struct otc_error *err)
{
    size_t len = 0;

    out[0] = '\0';
    for (size_t i = 0; i < suites->n; i++) {
        const char *name = suites->items[i];
        const char *ours = strncmp(name, "TLS_", 4) == 0 ? OPENSSL_cipher_name(name) : "(NONE)";

        if (strcmp(ours, "(NONE)") == 0 || len + strlen(ours) + 2 > OTC_TLS_NAMES_MAX) {
            return otc_fail(err, OTC_INVALID_ARGUMENT, "cipher_suites: invalid TLS cipher suite: \"%s\"",
                            name);
        }
        if (strncmp(ours, "TLS_", 4) != 0) {
            len += (size_t)snprintf(out + len, OTC_TLS_NAMES_MAX - len, "%s%s", len ? ":" : "", ours);
        }
    }
    return OTC_OK;
}

/** What would make the server trust or offer something else than the words say. */
static otc_status
check_unsupported(const struct otc_tls_server *config, struct otc_error *err)
{
    char names[OTC_TLS_NAMES_MAX];

    if (config->tpm.enabled) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "tpm: not supported: give the key with key_file or key_pem");
    }
    if (config->include_insecure_cipher_suites) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "include_insecure_cipher_suites: not supported: insecure suites are never offered");
    }
    return otc_tls_cipher_names(&config->cipher_suites, names, err);
}

static otc_status
tls_check(const void *value, struct otc_error *err)
{
    const struct otc_tls_server *config = value;

    if (is_set(config->cert_file) && is_set(config->cert_pem)) {
        return otc_fail(
            err, OTC_INVALID_ARGUMENT,
            "for auth via TLS, provide either a certificate or the PEM-encoded string, but not both");
    }
    if (is_set(config->key_file) && is_set(config->key_pem.text)) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "for auth via TLS, provide either a key or the PEM-encoded string, but not both");
    }
    if (config->max_version.index != 0 && config->max_version.index < config->min_version.index) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "invalid TLS configuration: min_version cannot be greater than max_version");
    }
    return check_unsupported(config, err);
}

int64_t
otc_tls_reload_interval(const struct otc_tls_server *config)
{
    return config->reload_interval.ns      ? config->reload_interval.ns
           : config->client_ca_file_reload ? CA_RELOAD_NS
                                           : 0;
}

const struct otc_schema otc_tls_server_schema =
    OTC_SCHEMA(otc_tls_server, tls_fields, "TLS of a server.", .check = tls_check);

/** What OpenSSL says went wrong last; empties its queue. */
static const char *
openssl_error(char text[256])
{
    const unsigned long code = ERR_peek_last_error();

    ERR_error_string_n(code, text, 256);
    ERR_clear_error();
    return text;
}

static otc_status
fail_tls(struct otc_error *err, const char *what, const char *where)
{
    char text[256];

    return otc_fail(err, OTC_FAILED_PRECONDITION, "failed to load TLS config: %s%s%s: %s", what,
                    where ? " " : "", where ? where : "", openssl_error(text));
}

/** Lines of files that are looked at. */
#define MAX_PEM_LINE 256

/** Where PEM comes from: a file, NULL or empty for text of the configuration. `block` is how its BEGIN line
 * ends. */
struct pem_source {
    const char *path;
    const char *block;
    const char *noun;
};
#define CERTIFICATE_BLOCK "CERTIFICATE-----"
#define KEY_BLOCK "PRIVATE KEY-----"

/** Whether a file has a block of that kind. On an error of the file errno is set and `*read` false. */
static bool
has_block(const char *path, const char *block, bool *read)
{
    FILE *file = fopen(path, "re");
    char line[MAX_PEM_LINE];
    bool found = false;

    *read = file != NULL;
    if (!file) {
        return false;
    }
    while (!found && fgets(line, sizeof(line), file)) {
        found = strncmp(line, "-----BEGIN ", 11) == 0 && strstr(line, block);
    }
    *read = ferror(file) == 0;
    if (*read) {
        (void)fclose(file);
    } else {
        int reason = errno;

        (void)fclose(file);
        errno = reason;
    }
    return found;
}

/** Says why PEM could not be used: the file, then what is in it, then what OpenSSL says of that. */
static otc_status
fail_pem(struct otc_error *err, const char *what, const struct pem_source *source)
{
    bool read = true;
    bool found = is_set(source->path) ? has_block(source->path, source->block, &read) : true;
    int reason = errno;

    if (!read) {
        ERR_clear_error();
        return otc_fail(err, OTC_FAILED_PRECONDITION, "failed to load TLS config: %s %s: %s", what,
                        source->path, strerrordesc_np(reason));
    }
    if (!found) {
        ERR_clear_error();
        return otc_fail(err, OTC_FAILED_PRECONDITION, "failed to load TLS config: %s: no PEM %s in %s", what,
                        source->noun, source->path);
    }
    return fail_tls(err, what, source->path);
}

static bool
use_cert_pem(SSL_CTX *context, const char *pem)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    X509 *cert = bio ? PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL) : NULL;
    bool ok = cert && SSL_CTX_use_certificate(context, cert) == 1;

    X509_free(cert);
    while (ok && (cert = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
        ok = SSL_CTX_add0_chain_cert(context, cert) == 1;
    }
    BIO_free(bio);
    if (ok) {
        ERR_clear_error(); /* "no start line" at the end of the chain */
    }
    return ok;
}

static bool
use_key_pem(SSL_CTX *context, const char *pem)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
    const bool ok = key && SSL_CTX_use_PrivateKey(context, key) == 1;

    EVP_PKEY_free(key);
    BIO_free(bio);
    return ok;
}

static otc_status
load_pair(SSL_CTX *context, const struct otc_tls_server *config, struct otc_error *err)
{
    const bool cert = is_set(config->cert_file) || is_set(config->cert_pem);
    const bool key = is_set(config->key_file) || is_set(config->key_pem.text);

    if (!cert || !key) {
        return otc_fail(
            err, OTC_FAILED_PRECONDITION,
            "failed to load TLS config: for auth via TLS, provide both certificate and key, or neither");
    }
    if (is_set(config->cert_file) ? SSL_CTX_use_certificate_chain_file(context, config->cert_file) != 1
                                  : !use_cert_pem(context, config->cert_pem)) {
        return fail_pem(err, "failed to load TLS cert and key",
                        &(struct pem_source){config->cert_file, CERTIFICATE_BLOCK, "certificate"});
    }
    if (is_set(config->key_file)
            ? SSL_CTX_use_PrivateKey_file(context, config->key_file, SSL_FILETYPE_PEM) != 1
            : !use_key_pem(context, config->key_pem.text)) {
        return fail_pem(err, "failed to load TLS cert and key",
                        &(struct pem_source){config->key_file, KEY_BLOCK, "private key"});
    }
    if (SSL_CTX_check_private_key(context) != 1) {
        return fail_tls(err, "the certificate and the key do not belong together", NULL);
    }
    return OTC_OK;
}

static otc_status
load_client_ca(SSL_CTX *context, const struct otc_tls_server *config, struct otc_error *err)
{
    const char *file = config->client_ca_file;
    STACK_OF(X509_NAME) * names;

    if (!is_set(file)) {
        return OTC_OK;
    }
    names = SSL_load_client_CA_file(file);
    if (!names || SSL_CTX_load_verify_locations(context, file, NULL) != 1 ||
        (config->include_system_ca_certs_pool && SSL_CTX_set_default_verify_paths(context) != 1)) {
        sk_X509_NAME_pop_free(names, X509_NAME_free);
        return fail_pem(err, "failed to load client CA CertPool: failed to load cert",
                        &(struct pem_source){file, CERTIFICATE_BLOCK, "certificate"});
    }
    SSL_CTX_set_client_CA_list(context, names);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    return OTC_OK;
}

static int
choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in,
                unsigned in_len, void *arg)
{
    static const unsigned char ours[] = "\x02h2\x08http/1.1";
    const struct otc_tls *tls = arg;
    const unsigned char *from = tls->http2 ? ours : ours + 3;
    const unsigned len = (tls->http2 ? 3u : 0u) + (tls->http1 ? 9u : 0u);

    (void)ssl;
    return SSL_select_next_proto((unsigned char **)(uintptr_t)out, out_len, from, len, in, in_len) ==
                   OPENSSL_NPN_NEGOTIATED
               ? SSL_TLSEXT_ERR_OK
               : SSL_TLSEXT_ERR_ALERT_FATAL;
}

size_t
otc_tls_curve_names(const otc_strings *names, char out[OTC_TLS_CURVES_MAX])
{
    static const char *const ours[] = {"X25519", "P-256", "P-384", "P-521"};
    size_t len = 0;

    out[0] = '\0';
    for (size_t i = 0; i < names->n; i++) {
        for (size_t k = 0; otc_tls_curves[k]; k++) {
            if (strcmp(otc_tls_curves[k], names->items[i]) == 0 && len + 8 < OTC_TLS_CURVES_MAX) {
                len += (size_t)snprintf(out + len, OTC_TLS_CURVES_MAX - len, "%s%s", len ? ":" : "", ours[k]);
            }
        }
    }
    return len;
}

static bool
set_curves(SSL_CTX *context, const otc_strings *names)
{
    char list[OTC_TLS_CURVES_MAX];

    return otc_tls_curve_names(names, list) == 0 || SSL_CTX_set1_groups_list(context, list) == 1;
}

static otc_status
set_up(SSL_CTX *context, const struct otc_tls_server *config, struct otc_error *err)
{
    char ciphers[OTC_TLS_NAMES_MAX];
    otc_status status = otc_tls_cipher_names(&config->cipher_suites, ciphers, err);

    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                     SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_min_proto_version(context, config->min_version.index < 2 ? TLS1_2_VERSION : TLS1_3_VERSION);
    SSL_CTX_set_max_proto_version(context, config->max_version.index == 1 ? TLS1_2_VERSION : 0);
    SSL_CTX_set_session_id_context(context, (const unsigned char *)"otlp", 4);
    if (status != OTC_OK) {
        return status;
    }
    if (ciphers[0] && SSL_CTX_set_cipher_list(context, ciphers) != 1) {
        return fail_tls(err, "cipher_suites", ciphers);
    }
    if (!set_curves(context, &config->curve_preferences)) {
        return fail_tls(err, "curve_preferences", NULL);
    }
    status = load_pair(context, config, err);
    return status == OTC_OK ? load_client_ca(context, config, err) : status;
}

otc_status
otc_tls_server_reload(struct otc_tls *tls, const struct otc_tls_server *config, struct otc_error *err)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    otc_status status;

    if (!context) {
        return otc_fail(err, OTC_INTERNAL, "failed to load TLS config: out of memory");
    }
    SSL_CTX_set_alpn_select_cb(context, choose_protocol, tls);
    status = set_up(context, config, err);
    if (status != OTC_OK) {
        SSL_CTX_free(context);
        return status;
    }
    SSL_CTX_free(tls->context); /* open sessions hold it for as long as they need it */
    tls->context = context;
    return OTC_OK;
}

otc_status
otc_tls_server_new(const struct otc_tls_server *config, bool http1, bool http2, struct otc_tls **out,
                   struct otc_error *err)
{
    struct otc_tls *tls = calloc(1, sizeof(*tls));
    otc_status status;

    *out = NULL;
    if (!tls) {
        return otc_fail(err, OTC_INTERNAL, "failed to load TLS config: out of memory");
    }
    tls->http1 = http1;
    tls->http2 = http2;
    status = otc_tls_server_reload(tls, config, err);
    if (status != OTC_OK) {
        otc_tls_free(tls);
        return status;
    }
    *out = tls;
    return OTC_OK;
}

bool
otc_tls_server_note(const struct otc_tls *tls, char out[OTC_TLS_NOTE])
{
    const X509 *cert = SSL_CTX_get0_certificate(tls->context);
    struct tm time;
    bool expired;

    if (!cert) {
        return false;
    }
    expired = X509_cmp_current_time(X509_get0_notAfter(cert)) < 0;
    if (!expired && X509_cmp_current_time(X509_get0_notBefore(cert)) < 0) {
        return false;
    }
    if (ASN1_TIME_to_tm(expired ? X509_get0_notAfter(cert) : X509_get0_notBefore(cert), &time) != 1) {
        return false;
    }
    (void)snprintf(out, OTC_TLS_NOTE, "certificate %s %04d-%02d-%02d",
                   expired ? "has expired on" : "is not valid before", time.tm_year + 1900, time.tm_mon + 1,
                   time.tm_mday);
    return true;
}

void
otc_tls_free(struct otc_tls *tls)
{
    if (tls) {
        SSL_CTX_free(tls->context);
        free(tls);
    }
}

/* ---- Sessions ----------------------------------------------------------------------------------- */

struct ssl_st *
otc_tls_session_new(const struct otc_tls *tls, int fd)
{
    SSL *ssl = SSL_new(tls->context);

    if (ssl && SSL_set_fd(ssl, fd) != 1) {
        SSL_free(ssl);
        return NULL;
    }
    if (ssl) {
        SSL_set_accept_state(ssl);
    }
    return ssl;
}

void
otc_tls_session_free(struct ssl_st *session)
{
    SSL_free(session);
}

static ssize_t
result_of(SSL *ssl, int result, enum otc_tls_want *want)
{
    *want = OTC_TLS_NOTHING;
    if (result > 0) {
        return result;
    }
    switch (SSL_get_error(ssl, result)) {
    case SSL_ERROR_WANT_READ:
        *want = OTC_TLS_READ;
        return -1;
    case SSL_ERROR_WANT_WRITE:
        *want = OTC_TLS_WRITE;
        return -1;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    default:
        ERR_clear_error();
        return -1;
    }
}

ssize_t
otc_tls_read(struct ssl_st *session, void *data, size_t len, enum otc_tls_want *want)
{
    return result_of(session, SSL_read(session, data, (int)len), want);
}

ssize_t
otc_tls_write(struct ssl_st *session, const void *data, size_t len, enum otc_tls_want *want)
{
    return result_of(session, SSL_write(session, data, (int)len), want);
}

bool
otc_tls_established(const struct ssl_st *session)
{
    return SSL_is_init_finished(session);
}

bool
otc_tls_is_http2(const struct ssl_st *session)
{
    const unsigned char *name;
    unsigned len;

    SSL_get0_alpn_selected(session, &name, &len);
    return len == 2 && memcmp(name, "h2", 2) == 0;
}

void
otc_tls_close(struct ssl_st *session)
{
    if (SSL_is_init_finished(session)) {
        SSL_shutdown(session); /* one attempt: the socket is closed next */
        ERR_clear_error();
    }
}
