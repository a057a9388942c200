// SPDX-License-Identifier: Apache-2.0
/* TLS with a certificate made on the spot: handshake, ALPN, client certificates, and what is wrong with
 * files. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/net/loop.h"
#include "common/net/server.h"

static char cert_pem[4096];
static char key_pem[4096];

static void
copy_bio(BIO *bio, char out[4096])
{
    const int n = BIO_read(bio, out, 4095);

    assert_true(n > 0);
    out[n] = '\0';
    BIO_free(bio);
}

/** A self-signed certificate for localhost, valid from and until so many seconds from now. */
static void
make_certificate_of(long from, long until)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    BIO *bio = BIO_new(BIO_s_mem());

    assert_non_null(key);
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), from);
    X509_gmtime_adj(X509_getm_notAfter(cert), until);
    X509_set_pubkey(cert, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC, (const uint8_t *)"localhost",
                               -1, -1, 0);
    X509_set_issuer_name(cert, X509_get_subject_name(cert));
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    PEM_write_bio_X509(bio, cert);
    copy_bio(bio, cert_pem);
    bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
    copy_bio(bio, key_pem);
    X509_free(cert);
    EVP_PKEY_free(key);
}

/** One that is valid for an hour. */
static int
make_certificate(void **state)
{
    (void)state;
    make_certificate_of(-60, 3600);
    return 0;
}

/* ---- A server ------------------------------------------------------------------------------------- */

static bool
charge(struct otc_host *host, size_t bytes)
{
    (void)host;
    (void)bytes;
    return true;
}

static void
discharge(struct otc_host *host, size_t bytes)
{
    (void)host;
    (void)bytes;
}

static void
serve(void *arg, struct otc_exchange *exchange)
{
    (void)arg;
    otc_exchange_respond_text(exchange, 200, "text/plain", otc_slice_str("over TLS"));
}

static struct otc_host host = {.charge = charge, .discharge = discharge};

static struct otc_server *
open_server(const struct otc_tls_server *tls)
{
    static const struct otc_page pages[] = {{NULL, serve}};
    const struct otc_server_options options = {.endpoint = "127.0.0.1:0", .tls = tls, .host = &host};
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_server *server;

    if (otc_pages_open(&options, pages, 1, &server, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    return server;
}

/* ---- A client ------------------------------------------------------------------------------------- */

/** Asks for / and returns what came, "" when the handshake or the request failed. */
static const char *
ask(const struct otc_server *server, int version, bool with_cert, const char *protocol)
{
    static char answer[4096];
    const struct timeval bound = {.tv_sec = 10};
    static const char request[] = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(otc_server_port(server))};
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    uint8_t alpn[32];
    size_t have = 0;
    SSL *ssl;
    int n;

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof(bound));
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    SSL_CTX_set_security_level(context, 0);
    SSL_CTX_set_min_proto_version(context, version);
    SSL_CTX_set_max_proto_version(context, version);
    if (with_cert) {
        BIO *bio = BIO_new_mem_buf(cert_pem, -1);
        BIO *key_bio = BIO_new_mem_buf(key_pem, -1);
        X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
        EVP_PKEY *key = PEM_read_bio_PrivateKey(key_bio, NULL, NULL, NULL);

        assert_int_equal(SSL_CTX_use_certificate(context, cert), 1);
        assert_int_equal(SSL_CTX_use_PrivateKey(context, key), 1);
        X509_free(cert);
        EVP_PKEY_free(key);
        BIO_free(bio);
        BIO_free(key_bio);
    }
    alpn[0] = (uint8_t)strlen(protocol);
    memcpy(alpn + 1, protocol, alpn[0]);
    SSL_CTX_set_alpn_protos(context, alpn, alpn[0] + 1u);
    ssl = SSL_new(context);
    SSL_set_fd(ssl, fd);
    if (SSL_connect(ssl) == 1 && SSL_write(ssl, request, sizeof(request) - 1) > 0) {
        while ((n = SSL_read(ssl, answer + have, (int)(sizeof(answer) - 1 - have))) > 0) {
            have += (size_t)n;
        }
    }
    answer[have] = '\0';
    SSL_free(ssl);
    SSL_CTX_free(context);
    close(fd);
    return answer;
}

static void
serves_over_tls(void **state)
{
    const struct otc_tls_server tls = {.cert_pem = cert_pem, .key_pem = {key_pem}};
    struct otc_server *server = open_server(&tls);

    (void)state;
    assert_non_null(strstr(ask(server, TLS1_2_VERSION, false, "http/1.1"), "\r\n\r\nover TLS"));
    assert_non_null(strstr(ask(server, TLS1_3_VERSION, false, "http/1.1"), "\r\n\r\nover TLS"));
    assert_string_equal(ask(server, TLS1_1_VERSION, false, "http/1.1"), "");
    assert_string_equal(ask(server, TLS1_3_VERSION, false, "gopher"), "");
    otc_server_free(server);
}

static void
asks_clients_for_certificates(void **state)
{
    char path[] = "/tmp/otc_tls_test_XXXXXX";
    const int fd = mkstemp(path);
    struct otc_tls_server tls = {
        .cert_pem = cert_pem, .key_pem = {key_pem}, .client_ca_file = path, .min_version = {2}};
    struct otc_server *server;

    (void)state;
    assert_int_equal(write(fd, cert_pem, strlen(cert_pem)), (ssize_t)strlen(cert_pem));
    close(fd);
    server = open_server(&tls);
    assert_non_null(strstr(ask(server, TLS1_3_VERSION, true, "http/1.1"), "\r\n\r\nover TLS"));
    assert_string_equal(ask(server, TLS1_3_VERSION, false, "http/1.1"), "");
    assert_string_equal(ask(server, TLS1_2_VERSION, true, "http/1.1"), "");
    otc_server_free(server);
    tls.include_system_ca_certs_pool = true; /* beside them, not instead */
    server = open_server(&tls);
    assert_non_null(strstr(ask(server, TLS1_3_VERSION, true, "http/1.1"), "\r\n\r\nover TLS"));
    assert_string_equal(ask(server, TLS1_3_VERSION, false, "http/1.1"), "");
    otc_server_free(server);
    unlink(path);
}

/** The certificate's file changes while the server runs: those who connect later see the new one. */
static void
reads_its_files_again(void **state)
{
    char path[] = "/tmp/otc_tls_test_XXXXXX";
    const int fd = mkstemp(path);
    const struct otc_tls_server tls = {.cert_file = path, .key_pem = {key_pem}};
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_tls *context;

    (void)state;
    assert_int_equal(write(fd, cert_pem, strlen(cert_pem)), (ssize_t)strlen(cert_pem));
    assert_int_equal(otc_tls_server_new(&tls, true, true, &context, &err), OTC_OK);
    assert_int_equal(otc_tls_server_reload(context, &tls, &err), OTC_OK);
    assert_int_equal(ftruncate(fd, 10), 0);
    assert_int_equal(otc_tls_server_reload(context, &tls, &err), OTC_FAILED_PRECONDITION);
    assert_non_null(strstr(err.text, path));
    otc_tls_free(context);
    close(fd);
    unlink(path);
}

static void
reloads_by_a_timer(void **state)
{
    char path[] = "/tmp/otc_tls_test_XXXXXX";
    const int fd = mkstemp(path);
    const struct otc_tls_server tls = {.cert_pem = cert_pem,
                                       .key_pem = {key_pem},
                                       .client_ca_file = path,
                                       .reload_interval = {10 * OTC_MILLISECOND}};
    const int64_t until = otc_clock_monotonic_ns() + 10 * OTC_SECOND;
    struct otc_server *server;

    (void)state;
    assert_int_equal(write(fd, cert_pem, strlen(cert_pem)), (ssize_t)strlen(cert_pem));
    server = open_server(&tls);
    assert_non_null(strstr(ask(server, TLS1_3_VERSION, true, "http/1.1"), "over TLS"));
    make_certificate(NULL); /* the client's certificate is a new one, which the file does not hold yet */
    assert_string_equal(ask(server, TLS1_3_VERSION, true, "http/1.1"), "");
    assert_int_equal(pwrite(fd, cert_pem, strlen(cert_pem), 0), (ssize_t)strlen(cert_pem));
    assert_int_equal(ftruncate(fd, (off_t)strlen(cert_pem)), 0);
    while (!*ask(server, TLS1_3_VERSION, true, "http/1.1")) {
        assert_true(otc_clock_monotonic_ns() < until);
    }
    otc_server_free(server);
    close(fd);
    unlink(path);
}

static void
suites_and_curves_are_chosen(void **state)
{
    static char suite[] = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256";
    static char rsa[] = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256";
    static char wrong[] = "RC4-SHA";
    static char curve[] = "P521";
    char *items[] = {suite};
    char *curves[] = {curve};
    struct otc_tls_server tls = {.cert_pem = cert_pem,
                                 .key_pem = {key_pem},
                                 .cipher_suites = {items, 1},
                                 .curve_preferences = {curves, 1}};
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_server *server = open_server(&tls);

    (void)state;
    assert_non_null(strstr(ask(server, TLS1_2_VERSION, false, "http/1.1"), "over TLS"));
    otc_server_free(server);
    items[0] = rsa; /* our key is no RSA key */
    server = open_server(&tls);
    assert_string_equal(ask(server, TLS1_2_VERSION, false, "http/1.1"), "");
    assert_non_null(strstr(ask(server, TLS1_3_VERSION, false, "http/1.1"), "over TLS"));
    otc_server_free(server);
    items[0] = wrong;
    assert_int_equal(otc_tls_server_schema.check(&tls, &err), OTC_INVALID_ARGUMENT);
    assert_string_equal(err.text, "cipher_suites: invalid TLS cipher suite: \"RC4-SHA\"");
}

static void
what_would_weaken_it_is_refused(void **state)
{
    static char file[] = "ca.pem";
    const struct {
        struct otc_tls_server tls;
        const char *text;
    } cases[] = {
        {{.tpm = {.enabled = true}}, "tpm: not supported"},
        {{.include_insecure_cipher_suites = true}, "include_insecure_cipher_suites: not supported"},
        {{.cert_pem = file, .cert_file = file},
         "for auth via TLS, provide either a certificate or the PEM-encoded string, but not both"},
        {{.key_pem = {file}, .key_file = file},
         "for auth via TLS, provide either a key or the PEM-encoded string, but not both"},
        {{.min_version = {2}, .max_version = {1}}, "min_version cannot be greater than max_version"},
    };
    static char oidc[] = "oidc";
    const struct otc_server_auth none = {0};
    const struct otc_server_auth auth = {.authenticator = oidc};
    const struct otc_server_middleware middleware = {.id = oidc};
    struct otc_error err = OTC_ERROR_INIT;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(otc_tls_server_schema.check(&cases[i].tls, &err), OTC_INVALID_ARGUMENT);
        assert_non_null(strstr(err.text, cases[i].text));
    }
    assert_int_equal(otc_server_auth_schema.check(&none, &err), OTC_INVALID_ARGUMENT);
    assert_int_equal(otc_server_auth_schema.check(&auth, &err), OTC_OK);
    assert_int_equal(otc_server_middleware_schema.check(&middleware, &err), OTC_INVALID_ARGUMENT);
    assert_non_null(strstr(err.text, "\"oidc\" is not supported"));
}

static void
bad_files_are_told(void **state)
{
    static char missing[] = "/nonexistent/cert.pem";
    static char noise[] = "no PEM";
    static char folder[] = "/tmp";
    char path[] = "/tmp/otc_tls_test_XXXXXX", in_cert[128], in_key[128];
    const struct {
        struct otc_tls_server tls;
        const char *text;
    } cases[] = {
        {{0}, "for auth via TLS, provide both certificate and key, or neither"},
        {{.cert_pem = cert_pem}, "for auth via TLS, provide both certificate and key, or neither"},
        {{.cert_file = missing, .key_pem = {key_pem}},
         "failed to load TLS cert and key /nonexistent/cert.pem: No such file or directory"},
        {{.cert_file = folder, .key_pem = {key_pem}}, "failed to load TLS cert and key /tmp: Is a directory"},
        {{.cert_file = path, .key_pem = {key_pem}}, in_cert},
        {{.cert_pem = cert_pem, .key_file = path}, in_key},
        {{.cert_pem = cert_pem, .key_file = missing},
         "failed to load TLS cert and key /nonexistent/cert.pem: No such file or directory"},
        {{.cert_pem = cert_pem, .key_pem = {key_pem}, .client_ca_file = path}, in_cert},
        {{.cert_pem = noise, .key_pem = {key_pem}}, "failed to load TLS cert and key"},
        {{.cert_pem = cert_pem, .key_pem = {noise}}, "failed to load TLS cert and key"},
        {{.cert_pem = cert_pem, .key_pem = {key_pem}, .client_ca_file = missing},
         "failed to load client CA CertPool: failed to load cert /nonexistent/cert.pem: No such file"},
    };
    FILE *file = fdopen(mkstemp(path), "w");

    (void)state;
    assert_non_null(file);
    assert_true(fputs("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n", file) > 0);
    assert_int_equal(fclose(file), 0);
    (void)snprintf(in_cert, sizeof(in_cert), ": no PEM certificate in %s", path);
    (void)snprintf(in_key, sizeof(in_key), ": no PEM private key in %s", path);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct otc_error err = OTC_ERROR_INIT;
        struct otc_tls *tls;

        assert_int_equal(otc_tls_server_new(&cases[i].tls, true, true, &tls, &err), OTC_FAILED_PRECONDITION);
        assert_null(tls);
        if (!strstr(err.text, "failed to load TLS config: ") || !strstr(err.text, cases[i].text)) {
            fail_msg("case %zu: %s", i, err.text);
        }
    }
    unlink(path);
}

/** The server's own certificate, valid from and until so many seconds from now. */
static void
check_note(long from, long until, const char *wanted)
{
    const struct otc_tls_server tls = {.cert_pem = cert_pem, .key_pem = {key_pem}};
    struct otc_error err = OTC_ERROR_INIT;
    char note[OTC_TLS_NOTE];
    struct otc_tls *context;

    make_certificate_of(from, until);
    assert_int_equal(otc_tls_server_new(&tls, true, true, &context, &err), OTC_OK);
    assert_int_equal(otc_tls_server_note(context, note), wanted != NULL);
    if (wanted && strncmp(note, wanted, strlen(wanted)) != 0) {
        fail_msg("%s", note);
    }
    otc_tls_free(context);
}

static void
a_certificate_that_nobody_will_accept_is_told(void **state)
{
    long noon = (long)(1706788800 - time(NULL)); /* of 2024-02-01, UTC */

    check_note(-60, 3600, NULL);
    check_note(noon - 86400, noon, "certificate has expired on 2024-02-01");
    check_note(3600, 7200, "certificate is not valid before 20");
    make_certificate(state);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(serves_over_tls),
        cmocka_unit_test(asks_clients_for_certificates),
        cmocka_unit_test(bad_files_are_told),
        cmocka_unit_test(a_certificate_that_nobody_will_accept_is_told),
        cmocka_unit_test(reads_its_files_again),
        cmocka_unit_test(suites_and_curves_are_chosen),
        cmocka_unit_test(what_would_weaken_it_is_refused),
        cmocka_unit_test(reloads_by_a_timer),
    };

    return cmocka_run_group_tests(tests, make_certificate, NULL);
}
