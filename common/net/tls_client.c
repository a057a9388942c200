// SPDX-License-Identifier: Apache-2.0
#include "common/net/tls_client.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <unistd.h>

#include "common/net/tls_session.h"

#define MAX_PEM ((size_t)4 << 20)

static const char *const versions[] = {"", "1.2", "1.3", NULL};

static bool
is_set(const char *text)
{
    return text && *text;
}

/* Two ways to give the same thing. */
static otc_status
check_sources(const struct otc_tls_client *tls, struct otc_error *err)
{
    bool cert = is_set(tls->cert_file) || is_set(tls->cert_pem);
    bool key = is_set(tls->key_file) || is_set(tls->key_pem.text);

    if (cert != key) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "for auth via TLS, provide both certificate and key, or neither");
    }
    if ((is_set(tls->cert_file) && is_set(tls->cert_pem)) ||
        (is_set(tls->key_file) && is_set(tls->key_pem.text))) {
        return otc_fail(
            err, OTC_INVALID_ARGUMENT,
            "for auth via TLS, provide either a certificate (key) or the PEM-encoded string, but not both");
    }
    if (is_set(tls->ca_file) && is_set(tls->ca_pem)) {
        return otc_fail(
            err, OTC_INVALID_ARGUMENT,
            "failed to load CA CertPool: provide either a CA file or the PEM-encoded string, but not both");
    }
    return OTC_OK;
}

static otc_status
check_tls(const void *value, struct otc_error *err)
{
    const struct otc_tls_client *tls = value;
    char ciphers[OTC_TLS_NAMES_MAX];
    otc_status status = check_sources(tls, err);

    if (status != OTC_OK) {
        return status;
    }
    if (tls->max_version.index > 0 && tls->max_version.index < tls->min_version.index) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "invalid TLS configuration: min_version cannot be greater than max_version");
    }
    if (tls->tpm.enabled) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "tpm: not supported: give the key with key_file or key_pem");
    }
    if (tls->include_insecure_cipher_suites) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "include_insecure_cipher_suites: not supported: insecure suites are never offered");
    }
    return otc_tls_cipher_names(&tls->cipher_suites, ciphers, err);
}

static const struct otc_field tls_fields[] = {
    OTC_FIELD(otc_tls_client, insecure, .def = "false",
              .doc = "Sends in plain text where the endpoint has no scheme that says otherwise."),
    OTC_FIELD(otc_tls_client, insecure_skip_verify, .def = "false",
              .doc = "Encrypts, but trusts any server."),
    OTC_FIELD(otc_tls_client, ca_file,
              .doc = "Certificates of the authorities that may sign the server's; by default the system's."),
    OTC_FIELD(otc_tls_client, ca_pem, .secret = true, .doc = "The same as text."),
    OTC_FIELD(otc_tls_client, cert_file, .doc = "Certificate (chain) to show to the server."),
    OTC_FIELD(otc_tls_client, cert_pem, .secret = true, .doc = "The same as text."),
    OTC_FIELD(otc_tls_client, key_file, .doc = "Private key of the certificate."),
    OTC_FIELD(otc_tls_client, key_pem, .doc = "The same as text."),
    OTC_FIELD(otc_tls_client, include_system_ca_certs_pool, .def = "false",
              .doc = "Trusts the system's authorities beside `ca_file` (without that it does anyway)."),
    OTC_FIELD(otc_tls_client, min_version, .def = "1.2", .choices = versions, .doc = "Lowest TLS version."),
    OTC_FIELD(otc_tls_client, max_version, .def = "", .choices = versions,
              .doc = "Highest TLS version; empty: the highest there is."),
    OTC_FIELD(otc_tls_client, cipher_suites,
              .doc = "Suites of TLS 1.2 to offer, by their IANA names; empty: OpenSSL's choice."),
    OTC_FIELD(otc_tls_client, curve_preferences, .choices = otc_tls_curves,
              .doc = "Curves to offer, best first; empty: OpenSSL's choice."),
    OTC_FIELD(otc_tls_client, include_insecure_cipher_suites, .def = "false",
              .doc = "Refused when true: insecure suites are not built in."),
    OTC_FIELD(otc_tls_client, reload_interval, .def = "0s", .min = "0s",
              .doc = "The files are read again this often, for connections to come; 0: at a reload of the "
                     "configuration only."),
    OTC_FIELD(otc_tls_client, server_name_override, .doc = "Name expected in the server's certificate."),
    OTC_FIELD_STRUCT(otc_tls_client, tpm, otc_tls_tpm_schema, .doc = "Keys in a TPM."),
    OTC_FIELD_END,
};
const struct otc_schema otc_tls_client_schema = {
    .size = sizeof(struct otc_tls_client),
    .fields = tls_fields,
    .doc = "TLS of the client.",
    .check = check_tls,
};

/* ---- Files -------------------------------------------------------------------------------------- */

/* One of the three: what it is called in errors, and where it comes from. */
struct source {
    const char *key;
    const char *what;
    const char *path;
    const char *text;
};

static const char *
where(const struct source *source)
{
    return is_set(source->path) ? source->path : "of the configuration";
}

static otc_status
read_file(const struct source *source, struct otc_buf *out, struct otc_error *err)
{
    FILE *file = fopen(source->path, "rb");
    char chunk[4096];
    bool ok = file != NULL;
    size_t n;

    if (!file) {
        return otc_fail(err, OTC_FAILED_PRECONDITION,
                        "%s: failed to load TLS config: failed to load %s %s: %s", source->key, source->what,
                        source->path,
                        strerror(errno)); // NOLINT(concurrency-mt-unsafe)
    }
    while (ok && (n = fread(chunk, 1, sizeof(chunk), file)) > 0) {
        ok = otc_buf_append(out, chunk, n);
    }
    ok = ok && !ferror(file);
    fclose(file);
    return ok ? OTC_OK
              : otc_fail(
                    err, OTC_FAILED_PRECONDITION,
                    "%s: failed to load TLS config: failed to load %s %s: cannot be read, or beyond 4 MiB",
                    source->key, source->what, source->path);
}

static otc_status
read_pem(const struct source *source, struct otc_buf *out, struct otc_error *err)
{
    otc_status status = OTC_OK;

    otc_buf_init(out, MAX_PEM);
    if (is_set(source->path)) {
        status = read_file(source, out, err);
    } else if (is_set(source->text) && !otc_buf_append_str(out, source->text)) {
        status = otc_fail(err, OTC_FAILED_PRECONDITION, "%s: failed to load TLS config: longer than 4 MiB",
                          source->key);
    } else if (!is_set(source->text)) {
        return OTC_OK;
    }
    if (status == OTC_OK && !(out->len > 0 && memmem(out->data, out->len, "-----BEGIN ", 11))) {
        status = otc_fail(err, OTC_FAILED_PRECONDITION,
                          "%s: failed to load TLS config: failed to load %s %s: not a PEM file", source->key,
                          source->what, where(source));
    }
    return status;
}

/* For keys with a pass phrase: nobody is asked for it. */
static int
no_phrase(char *buf, int size, int writing, void *arg)
{
    (void)buf;
    (void)size;
    (void)writing;
    (void)arg;
    return 0;
}

static X509 *
read_certificate(const struct otc_buf *pem)
{
    BIO *bio = BIO_new_mem_buf(pem->data, (int)pem->len);
    X509 *certificate = bio ? PEM_read_bio_X509_AUX(bio, NULL, no_phrase, NULL) : NULL;

    BIO_free(bio);
    return certificate;
}

static EVP_PKEY *
read_key(const struct otc_buf *pem)
{
    BIO *bio = BIO_new_mem_buf(pem->data, (int)pem->len);
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_phrase, NULL) : NULL;

    BIO_free(bio);
    return key;
}

/* Whether OpenSSL can read them; its own words stay out of it: they may quote what they read. */
static otc_status
check_pems(const struct otc_tls_client_pems *pems, const struct source sources[3], struct otc_error *err)
{
    X509 *ca = pems->ca.len ? read_certificate(&pems->ca) : NULL;
    X509 *cert = pems->cert.len ? read_certificate(&pems->cert) : NULL;
    EVP_PKEY *key = pems->key.len ? read_key(&pems->key) : NULL;
    const struct source *bad = pems->ca.len && !ca       ? &sources[0]
                               : pems->cert.len && !cert ? &sources[1]
                               : pems->key.len && !key   ? &sources[2]
                                                         : NULL;
    otc_status status = OTC_OK;

    if (bad) {
        status = otc_fail(err, OTC_FAILED_PRECONDITION,
                          "%s: failed to load TLS config: failed to load %s %s: not a %s in PEM", bad->key,
                          bad->what, where(bad),
                          bad == &sources[2] ? "private key without a pass phrase" : "certificate");
    } else if (cert && key && X509_check_private_key(cert, key) != 1) {
        status = otc_fail(err, OTC_FAILED_PRECONDITION,
                          "%s: failed to load TLS config: private key does not match public key of %s %s",
                          sources[2].key, sources[1].what, where(&sources[1]));
    }
    X509_free(ca);
    X509_free(cert);
    EVP_PKEY_free(key);
    ERR_clear_error();
    return status;
}

otc_status
otc_tls_client_load(const struct otc_tls_client *config, struct otc_tls_client_pems *out,
                    struct otc_error *err)
{
    const struct source sources[3] = {
        {is_set(config->ca_file) ? "ca_file" : "ca_pem", "CA CertPool file", config->ca_file, config->ca_pem},
        {is_set(config->cert_file) ? "cert_file" : "cert_pem", "TLS cert", config->cert_file,
         config->cert_pem},
        {is_set(config->key_file) ? "key_file" : "key_pem", "TLS key", config->key_file,
         config->key_pem.text}};
    otc_status status;

    *out = (struct otc_tls_client_pems){0};
    if ((status = read_pem(&sources[0], &out->ca, err)) != OTC_OK ||
        (status = read_pem(&sources[1], &out->cert, err)) != OTC_OK ||
        (status = read_pem(&sources[2], &out->key, err)) != OTC_OK ||
        (status = check_pems(out, sources, err)) != OTC_OK) {
        otc_tls_client_release(out);
    }
    return status;
}

otc_status
otc_tls_client_check(const struct otc_tls_client *config, struct otc_error *err)
{
    struct otc_tls_client_pems pems;
    otc_status status = otc_tls_client_load(config, &pems, err);
    char text[OTC_ERROR_TEXT_MAX];

    otc_tls_client_release(&pems);
    if (status != OTC_OK && err) { /* "tls::ca_file: …": the key path goes on */
        snprintf(text, sizeof(text), "tls::%.1000s", err->text);
        memcpy(err->text, text, sizeof(text));
    }
    return status;
}

otc_status
otc_tls_system_authorities(struct otc_buf *out, struct otc_error *err)
{
    /* Where distributions keep them; Go and gRPC look at the same places. */
    static const char *const paths[] = {"/etc/ssl/certs/ca-certificates.crt",
                                        "/etc/pki/tls/certs/ca-bundle.crt",
                                        "/etc/ssl/ca-bundle.pem",
                                        "/etc/pki/tls/cacert.pem",
                                        "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
                                        "/etc/ssl/cert.pem"};

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        const struct source source = {"include_system_ca_certs_pool", "CA CertPool file", paths[i], NULL};

        if (access(paths[i], R_OK) == 0) {
            return otc_buf_append_byte(out, '\n') ? read_file(&source, out, err)
                                                  : otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
        }
    }
    return otc_fail(err, OTC_FAILED_PRECONDITION,
                    "include_system_ca_certs_pool: failed to load TLS config: this system has no bundle of "
                    "authorities");
}

void
otc_tls_client_release(struct otc_tls_client_pems *pems)
{
    if (pems) {
        if (pems->key.data) {
            OPENSSL_cleanse(pems->key.data, pems->key.len);
        }
        otc_buf_release(&pems->ca);
        otc_buf_release(&pems->cert);
        otc_buf_release(&pems->key);
    }
}
