// SPDX-License-Identifier: Apache-2.0
/* The HTTP client against the server of common/net, plain and over TLS with certificates made on the spot. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include "common/net/http_client.h"
#include "common/net/loop.h"
#include "tests/harness/config.h"
#include "tests/harness/http_peer.h"
#include "tests/harness/vhost.h"

/* ---- A client of YAML ----------------------------------------------------------------------------- */

struct wrapped {
    struct otc_http_client_config http;
};
static const struct otc_field fields[] = {
    OTC_HTTP_CLIENT_FIELDS(wrapped, http, "5s", "gzip"),
    OTC_FIELD_END,
};
static const struct otc_schema schema = OTC_SCHEMA(wrapped, fields, "A client.");

struct fixture {
    struct otc_vhost *vhost;
    struct otc_http_peer *peer;
    struct otc_config *config;
    struct otc_http_client *client;
    struct otc_error err;
};

/* What came back, as a copy. */
struct result {
    pthread_mutex_t lock;
    pthread_cond_t told;
    bool done;
    int released;
    struct otc_http_reply reply;
    char body[8192];
    char header[256];
};

static void
on_done(void *arg, const struct otc_http_reply *reply)
{
    struct result *result = arg;
    const char *header = otc_http_reply_header(reply, "X-Answer");

    pthread_mutex_lock(&result->lock);
    result->reply = *reply;
    snprintf(result->body, sizeof(result->body), "%.*s", (int)reply->body.len,
             reply->body.len ? (const char *)reply->body.data : "");
    snprintf(result->header, sizeof(result->header), "%s", header ? header : "");
    assert_false(result->done);
    result->done = true;
    pthread_cond_signal(&result->told);
    pthread_mutex_unlock(&result->lock);
}

static void
on_release(void *arg)
{
    struct result *result = arg;

    pthread_mutex_lock(&result->lock);
    result->released++;
    pthread_cond_signal(&result->told);
    pthread_mutex_unlock(&result->lock);
}

static int
setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    f->vhost = otc_vhost_new();
    f->err = OTC_ERROR_INIT;
    *state = f;
    return 0;
}

static void
open_client(struct fixture *f, const char *yaml)
{
    const struct wrapped *config;

    assert_int_equal(otc_test_decode(&schema, yaml, &f->config, &f->err), OTC_OK);
    config = otc_config_value(f->config);
    if (otc_http_client_check(&config->http, &f->err) != OTC_OK ||
        otc_http_client_new(&config->http, otc_vhost_host(f->vhost), "test", "tester/1", &f->client,
                            &f->err) != OTC_OK) {
        fail_msg("%s", f->err.text);
    }
}

static void
close_client(struct fixture *f)
{
    otc_http_client_free(f->client);
    otc_config_free(f->config);
    f->client = NULL;
    f->config = NULL;
}

static int
teardown(void **state)
{
    struct fixture *f = *state;

    close_client(f);
    if (f->peer) {
        otc_http_peer_free(f->peer);
    }
    otc_vhost_free(f->vhost);
    free(f);
    return 0;
}

static void
send_to(struct fixture *f, struct result *result, const char *url, const struct otc_http_request *like)
{
    struct otc_http_request request = like ? *like : (struct otc_http_request){.method = "POST"};

    memset(result, 0, sizeof(*result));
    pthread_mutex_init(&result->lock, NULL);
    pthread_cond_init(&result->told, NULL);
    request.url = url;
    if (request.body.len == 0) {
        request.body = otc_slice_str("telemetry");
    }
    request.release = on_release;
    request.release_arg = result;
    request.done = on_done;
    request.arg = result;
    assert_int_equal(otc_http_send(f->client, &request, &f->err), OTC_OK);
}

static void
wait_for(struct result *result)
{
    pthread_mutex_lock(&result->lock);
    while (!result->done || result->released == 0) {
        pthread_cond_wait(&result->told, &result->lock);
    }
    pthread_mutex_unlock(&result->lock);
    assert_int_equal(result->released, 1);
}

static struct result *
ask(struct fixture *f, const char *scheme, const char *path, const struct otc_http_request *like)
{
    static struct result result;
    char url[256];

    snprintf(url, sizeof(url), "%s:%d%s", scheme, otc_http_peer_port(f->peer), path);
    send_to(f, &result, url, like);
    wait_for(&result);
    return &result;
}

/* ---- HTTP/1.1 ------------------------------------------------------------------------------------- */

static void
a_request_arrives_as_it_was(void **state)
{
    static const struct otc_header headers[] = {
        {(char *)(uintptr_t) "Content-Type", (char *)(uintptr_t) "a/b"},
        {(char *)(uintptr_t) "X-Tenant", (char *)(uintptr_t) "red"}};
    static const struct otc_http_answer answer = {
        .status = 202, .headers = "x-answer: yes\ncontent-type: text/plain", .body = OTC_SLICE_LIT("thanks")};
    struct otc_http_request request = {.method = "POST", .headers = headers, .n_headers = 2};
    struct fixture *f = *state;
    const struct otc_http_seen *seen;
    struct result *result;

    f->peer = otc_http_peer_new(NULL);
    otc_http_peer_answer(f->peer, &answer, 1);
    open_client(f, "headers: {x-tenant: blue, Empty: '', Authorization: Bearer x}");
    result = ask(f, "http://127.0.0.1", "/v1/traces", &request);
    assert_int_equal(result->reply.status, 202);
    assert_string_equal(result->body, "thanks");
    assert_string_equal(result->header, "yes");
    seen = otc_http_peer_request(f->peer, -1);
    assert_string_equal(seen->method, "POST");
    assert_string_equal(seen->path, "/v1/traces");
    assert_string_equal((const char *)otc_buf_cstr((struct otc_buf *)(uintptr_t)&seen->body), "telemetry");
    assert_string_equal(otc_http_seen_header(seen, "content-type"), "a/b");
    assert_string_equal(otc_http_seen_header(seen, "x-tenant"), "blue");
    assert_string_equal(otc_http_seen_header(seen, "authorization"), "Bearer x");
    assert_string_equal(otc_http_seen_header(seen, "user-agent"), "tester/1");
    assert_string_equal(otc_http_seen_header(seen, "accept-encoding"), "gzip");
    assert_string_equal(otc_http_seen_header(seen, "content-length"), "9");
    assert_string_equal(otc_http_seen_header(seen, "expect"), "");
    assert_non_null(strstr(otc_buf_cstr((struct otc_buf *)(uintptr_t)&seen->headers), "empty: \n"));
    request.fixed = true;
    (void)ask(f, "http://127.0.0.1", "/v1/traces", &request);
    assert_string_equal(otc_http_seen_header(otc_http_peer_request(f->peer, -1), "x-tenant"), "red");
}

/* ---- An authenticator ----------------------------------------------------------------------------- */

static int asked;

static otc_status
give_headers(struct otc_authenticator *self, struct otc_auth_sink *headers, struct otc_error *err)
{
    char value[32];

    (void)self;
    if (++asked == 3) {
        return otc_fail(err, OTC_UNAVAILABLE, "no token yet");
    }
    snprintf(value, sizeof(value), "Bearer %d", asked);
    headers->put(headers, otc_slice_str("authorization"), otc_slice_str(value));
    return OTC_OK;
}

static struct otc_authenticator *
give_authenticator(struct otc_component *self)
{
    static struct otc_authenticator authenticator = {.abi = OTC_ABI_OF(otc_authenticator),
                                                     .headers = give_headers};

    (void)self;
    return &authenticator;
}

/* Asked for each request, and stronger than the configuration's header. */
static void
an_authenticator_gives_headers(void **state)
{
    static const struct otc_component_ops ops = {.abi = OTC_ABI_OF(otc_component_ops),
                                                 .authenticator = give_authenticator};
    static struct otc_component extension = {OTC_ABI_OF(otc_component), &ops};
    struct fixture *f = *state;
    struct otc_http_request request = {.method = "POST", .url = "http://127.0.0.1:1"};

    f->peer = otc_http_peer_new(NULL);
    otc_vhost_add_extension(f->vhost, "bearer", &extension);
    open_client(f, "auth: {authenticator: bearer}\nheaders: {Authorization: none, X-Other: x}");
    (void)ask(f, "http://127.0.0.1", "/", NULL);
    assert_string_equal(otc_http_seen_header(otc_http_peer_request(f->peer, -1), "authorization"),
                        "Bearer 1");
    (void)ask(f, "http://127.0.0.1", "/", NULL);
    assert_string_equal(otc_http_seen_header(otc_http_peer_request(f->peer, -1), "authorization"),
                        "Bearer 2");
    assert_string_equal(otc_http_seen_header(otc_http_peer_request(f->peer, -1), "x-other"), "x");
    assert_int_equal(otc_http_send(f->client, &request, &f->err), OTC_UNAVAILABLE);
    assert_string_equal(f->err.text, "no token yet");
}

static void
connections_are_used_again(void **state)
{
    struct fixture *f = *state;
    char first[64];

    f->peer = otc_http_peer_new(NULL);
    open_client(f, "");
    (void)ask(f, "http://127.0.0.1", "/", NULL);
    snprintf(first, sizeof(first), "%s", otc_http_peer_request(f->peer, -1)->peer);
    (void)ask(f, "http://127.0.0.1", "/", NULL);
    assert_string_equal(otc_http_peer_request(f->peer, -1)->peer, first);
    close_client(f);
    open_client(f, "disable_keep_alives: true");
    (void)ask(f, "http://127.0.0.1", "/", NULL);
    snprintf(first, sizeof(first), "%s", otc_http_peer_request(f->peer, -1)->peer);
    (void)ask(f, "http://127.0.0.1", "/", NULL);
    assert_string_not_equal(otc_http_peer_request(f->peer, -1)->peer, first);
    assert_string_equal(otc_http_seen_header(otc_http_peer_request(f->peer, -1), "connection"), "close");
}

/* Go's client: 307 and 308 send everything again, the others become a GET; it gives up at the tenth. */
static void
redirects_are_followed_as_go_does(void **state)
{
    static const struct otc_http_answer again[] = {{.status = 307, .headers = "location: /moved"},
                                                   {.status = 200}};
    static const struct otc_http_answer see[] = {{.status = 303, .headers = "location: /other"},
                                                 {.status = 200}};
    static const struct otc_http_answer loop = {.status = 308, .headers = "location: /"};
    struct fixture *f = *state;
    const struct otc_http_seen *seen;
    struct result *result;

    f->peer = otc_http_peer_new(NULL);
    open_client(f, "");
    otc_http_peer_answer(f->peer, again, 2);
    assert_int_equal(ask(f, "http://127.0.0.1", "/", NULL)->reply.status, 200);
    seen = otc_http_peer_request(f->peer, -1);
    assert_string_equal(seen->method, "POST");
    assert_string_equal(seen->path, "/moved");
    assert_int_equal(seen->body.len, 9);
    otc_http_peer_answer(f->peer, see, 2);
    assert_int_equal(ask(f, "http://127.0.0.1", "/", NULL)->reply.status, 200);
    seen = otc_http_peer_request(f->peer, -1);
    assert_string_equal(seen->method, "GET");
    assert_int_equal(seen->body.len, 0);
    otc_http_peer_answer(f->peer, &loop, 1);
    result = ask(f, "http://127.0.0.1", "/", NULL);
    assert_int_equal(result->reply.status, 0);
    assert_non_null(strstr(result->reply.error.text, "stopped after 10 redirects"));
    assert_int_equal(otc_http_peer_requests(f->peer), 2 + 2 + 10);
}

static void
retry_after_is_seconds_or_a_date(void **state)
{
    char dated[128];
    time_t soon = time(NULL) + 90;
    struct tm parts;
    struct otc_http_answer answers[] = {{.status = 429, .headers = "retry-after: 13"},
                                        {.status = 503, .headers = dated},
                                        {.status = 503, .headers = "retry-after: soon"},
                                        {.status = 503, .headers = "retry-after: 99999999999"},
                                        {.status = 503}};
    struct fixture *f = *state;
    struct result *result;

    gmtime_r(&soon, &parts);
    strftime(dated, sizeof(dated), "retry-after: %a, %d %b %Y %H:%M:%S GMT", &parts);
    f->peer = otc_http_peer_new(NULL);
    open_client(f, "");
    otc_http_peer_answer(f->peer, answers, 5);
    assert_int_equal(ask(f, "http://127.0.0.1", "/", NULL)->reply.retry_after_ms, 13000);
    result = ask(f, "http://127.0.0.1", "/", NULL);
    assert_int_equal(result->reply.status, 503);
    assert_in_range(result->reply.retry_after_ms, 60000, 90000);
    assert_int_equal(ask(f, "http://127.0.0.1", "/", NULL)->reply.retry_after_ms, 0);
    assert_int_equal(ask(f, "http://127.0.0.1", "/", NULL)->reply.retry_after_ms, 86400000);
    assert_int_equal(ask(f, "http://127.0.0.1", "/", NULL)->reply.retry_after_ms, 0);
}

static void
replies_have_a_limit(void **state)
{
    static char big[1 << 20];
    struct otc_http_answer answers[] = {{.status = 200, .body = {(const uint8_t *)big, 100000}},
                                        {.status = 400, .body = {(const uint8_t *)big, sizeof(big)}}};
    struct fixture *f = *state;
    struct result *result;

    memset(big, 'x', sizeof(big));
    f->peer = otc_http_peer_new(NULL);
    otc_http_peer_answer(f->peer, answers, 2);
    open_client(f, "");
    result = ask(f, "http://127.0.0.1", "/", NULL);
    assert_int_equal(result->reply.status, 200);
    assert_int_equal(result->reply.body.len, OTC_HTTP_REPLY_MAX);
    assert_true(result->reply.truncated);
    result = ask(f, "http://127.0.0.1", "/", NULL); /* more than anybody reads: the connection ends */
    assert_int_equal(result->reply.status, 400);
    assert_true(result->reply.truncated);
}

static void
what_fails_says_so_as_go_does(void **state)
{
    static const struct otc_http_answer silent = {.silent = true};
    struct fixture *f = *state;
    struct result result;
    char expected[256];

    f->peer = otc_http_peer_new(NULL);
    otc_http_peer_answer(f->peer, &silent, 1);
    open_client(f, "timeout: 50ms");
    send_to(f, &result, "http://user:secret@127.0.0.1:1/v1/logs", NULL);
    wait_for(&result);
    assert_int_equal(result.reply.status, 0);
    assert_int_equal(result.reply.error.status, OTC_UNAVAILABLE);
    assert_string_equal(result.reply.error.text, "Post \"http://user:xxxxx@127.0.0.1:1/v1/logs\": dial tcp "
                                                 "127.0.0.1:1: connect: connection refused");
    snprintf(
        expected, sizeof(expected),
        "Post \"http://127.0.0.1:%d/\": context deadline exceeded (Client.Timeout exceeded while awaiting "
        "headers)",
        otc_http_peer_port(f->peer));
    assert_int_equal(ask(f, "http://127.0.0.1", "/", NULL)->reply.error.status, OTC_DEADLINE_EXCEEDED);
    assert_string_equal(ask(f, "http://127.0.0.1", "/", NULL)->reply.error.text, expected);
}

static void
freeing_cancels(void **state)
{
    static const struct otc_http_answer silent = {.silent = true};
    struct fixture *f = *state;
    struct result results[20];
    char url[64];

    f->peer = otc_http_peer_new(NULL);
    otc_http_peer_answer(f->peer, &silent, 1);
    open_client(f, "timeout: 0s");
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/", otc_http_peer_port(f->peer));
    for (size_t i = 0; i < 20; i++) {
        send_to(f, &results[i], url, NULL);
    }
    otc_http_client_free(f->client);
    f->client = NULL;
    for (size_t i = 0; i < 20; i++) {
        assert_true(results[i].done);
        assert_int_equal(results[i].released, 1);
        assert_int_equal(results[i].reply.error.status, OTC_CANCELLED);
    }
}

static void
cookies_are_kept_when_wanted(void **state)
{
    static const struct otc_http_answer answers[] = {{.status = 200, .headers = "set-cookie: lb=7; Path=/"},
                                                     {.status = 200}};
    struct fixture *f = *state;

    f->peer = otc_http_peer_new(NULL);
    for (int wanted = 0; wanted < 2; wanted++) {
        open_client(f, wanted ? "cookies: {enabled: true}" : "");
        otc_http_peer_answer(f->peer, answers, 2);
        (void)ask(f, "http://127.0.0.1", "/", NULL);
        (void)ask(f, "http://127.0.0.1", "/", NULL);
        assert_string_equal(otc_http_seen_header(otc_http_peer_request(f->peer, -1), "cookie"),
                            wanted ? "lb=7" : "");
        close_client(f);
    }
}

static void
a_proxy_gets_the_requests(void **state)
{
    struct fixture *f = *state;
    const struct otc_http_seen *seen;
    char yaml[128];
    struct result result;

    f->peer = otc_http_peer_new(NULL);
    snprintf(yaml, sizeof(yaml), "proxy_url: http://me:pw@127.0.0.1:%d", otc_http_peer_port(f->peer));
    open_client(f, yaml);
    send_to(f, &result, "http://collector.invalid/v1/traces", NULL);
    wait_for(&result);
    assert_int_equal(result.reply.status, 200);
    seen = otc_http_peer_request(f->peer, -1);
    assert_string_equal(otc_http_seen_header(seen, "host"), "collector.invalid");
    assert_string_equal(otc_http_seen_header(seen, "proxy-authorization"), "Basic bWU6cHc=");
}

/* ---- TLS ------------------------------------------------------------------------------------------ */

static char ca_pem[4096], cert_pem[4096], key_pem[4096], other_pem[4096], expired_pem[4096];
static EVP_PKEY *ca_key;
static X509 *ca;

static void
copy_bio(BIO *bio, char out[4096])
{
    int n = BIO_read(bio, out, 4095);

    out[n > 0 ? n : 0] = '\0';
    BIO_free(bio);
}

/* A certificate for `name` (DNS), signed by the authority, or an authority itself when there is none yet. */
static X509 *
make_certificate(const char *name, EVP_PKEY *key, long valid_s)
{
    X509 *cert = X509_new();
    char alternative[128];
    X509_EXTENSION *extension;

    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), random() % 100000 + 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -60);
    X509_gmtime_adj(X509_getm_notAfter(cert), valid_s);
    X509_set_pubkey(cert, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC, (const uint8_t *)name, -1, -1,
                               0);
    X509_set_issuer_name(cert, X509_get_subject_name(ca ? ca : cert));
    snprintf(alternative, sizeof(alternative), "DNS:%s", name);
    extension = X509V3_EXT_conf_nid(NULL, NULL, ca ? NID_subject_alt_name : NID_basic_constraints,
                                    ca ? alternative : "critical,CA:TRUE");
    X509_add_ext(cert, extension, -1);
    X509_EXTENSION_free(extension);
    X509_sign(cert, ca_key, EVP_sha256());
    return cert;
}

static void
write_pem(X509 *cert, char out[4096])
{
    BIO *bio = BIO_new(BIO_s_mem());

    PEM_write_bio_X509(bio, cert);
    copy_bio(bio, out);
}

static int
make_authority(void **state)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert;
    BIO *bio;

    (void)state;
    ca_key = EVP_EC_gen("P-256");
    ca = make_certificate("authority", ca_key, 3600);
    write_pem(ca, ca_pem);
    cert = make_certificate("backend.example", key, 3600);
    write_pem(cert, cert_pem);
    X509_free(cert);
    cert = make_certificate("other.example", key, 3600);
    write_pem(cert, other_pem);
    X509_free(cert);
    cert = make_certificate("backend.example", key, -30);
    write_pem(cert, expired_pem);
    X509_free(cert);
    bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
    copy_bio(bio, key_pem);
    EVP_PKEY_free(key);
    return 0;
}

static int
free_authority(void **state)
{
    (void)state;
    X509_free(ca);
    EVP_PKEY_free(ca_key);
    return 0;
}

/* PEM texts as YAML. */
static const char *
tls_yaml(const char *more, const char *pem_key, const char *pem)
{
    static char yaml[16384];
    size_t n = (size_t)snprintf(yaml, sizeof(yaml), "%stls:\n  %s: |\n", more, pem_key);

    while (*pem) {
        size_t len = strcspn(pem, "\n");

        n += (size_t)snprintf(yaml + n, sizeof(yaml) - n, "    %.*s\n", (int)len, pem);
        pem += len + (pem[len] != '\0');
    }
    return yaml;
}

static const char *
with_key(const char *yaml, const char *more)
{
    static char out[32768];

    snprintf(out, sizeof(out), "%s%s", yaml, more);
    return out;
}

static void
a_server_is_verified(void **state)
{
    const struct otc_tls_server tls = {.cert_pem = cert_pem, .key_pem = {key_pem}};
    struct fixture *f = *state;
    struct result *result;

    f->peer = otc_http_peer_new(&tls);
    open_client(f, with_key(tls_yaml("", "ca_pem", ca_pem), "  server_name_override: backend.example\n"));
    result = ask(f, "https://127.0.0.1", "/", NULL);
    assert_string_equal(result->reply.error.text, "");
    assert_int_equal(result->reply.status, 200);
    assert_true(otc_http_peer_request(f->peer, -1)->http2);
    close_client(f);
    /* The right authority, the wrong name; then nobody's authority; then no look at all. */
    open_client(f, tls_yaml("force_attempt_http2: false\n", "ca_pem", ca_pem));
    result = ask(f, "https://localhost", "/", NULL);
    assert_int_equal(result->reply.status, 0);
    assert_non_null(strstr(result->reply.error.text, "tls: failed to verify certificate: "));
    assert_non_null(strstr(result->reply.error.text, "matches target host name 'localhost'"));
    close_client(f);
    open_client(f, "tls: {server_name_override: backend.example}");
    result = ask(f, "https://127.0.0.1", "/", NULL);
    assert_int_equal(result->reply.status, 0);
    assert_non_null(strstr(result->reply.error.text, "tls: failed to verify certificate: "));
    assert_non_null(strstr(result->reply.error.text, "unable to get local issuer certificate"));
    close_client(f);
    open_client(f, with_key(tls_yaml("", "ca_pem", ca_pem), "  server_name_override: wrong.example\n"));
    result = ask(f, "https://127.0.0.1", "/", NULL);
    assert_int_equal(result->reply.status, 0);
    close_client(f);
    open_client(f, "{force_attempt_http2: false, tls: {insecure_skip_verify: true}}");
    assert_int_equal(ask(f, "https://127.0.0.1", "/", NULL)->reply.status, 200);
    assert_false(otc_http_peer_request(f->peer, -1)->http2);
    assert_int_equal(otc_http_peer_requests(f->peer), 2);
}

/* HTTP/2: requests that go out together share one connection. */
static void
requests_share_a_connection(void **state)
{
    const struct otc_tls_server tls = {.cert_pem = cert_pem, .key_pem = {key_pem}};
    struct fixture *f = *state;
    struct result results[50];
    char url[64], peer[64];

    f->peer = otc_http_peer_new(&tls);
    open_client(f, "tls: {insecure_skip_verify: true}");
    snprintf(url, sizeof(url), "https://127.0.0.1:%d/", otc_http_peer_port(f->peer));
    for (size_t i = 0; i < 50; i++) {
        send_to(f, &results[i], url, NULL);
    }
    for (size_t i = 0; i < 50; i++) {
        wait_for(&results[i]);
        assert_int_equal(results[i].reply.status, 200);
    }
    snprintf(peer, sizeof(peer), "%s", otc_http_peer_request(f->peer, 0)->peer);
    for (int i = 1; i < 50; i++) {
        assert_string_equal(otc_http_peer_request(f->peer, i)->peer, peer);
    }
}

/* HTTP/1.1: no more connections than allowed; what is beyond waits. */
static void
connections_have_a_limit(void **state)
{
    struct fixture *f = *state;
    struct result results[20];
    char url[64], peers[2][64] = {"", ""};

    f->peer = otc_http_peer_new(NULL);
    open_client(f, "max_conns_per_host: 2");
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/", otc_http_peer_port(f->peer));
    for (size_t i = 0; i < 20; i++) {
        send_to(f, &results[i], url, NULL);
    }
    for (size_t i = 0; i < 20; i++) {
        wait_for(&results[i]);
        assert_int_equal(results[i].reply.status, 200);
    }
    for (int i = 0; i < 20; i++) {
        const char *peer = otc_http_peer_request(f->peer, i)->peer;
        size_t k = 0;

        while (k < 2 && peers[k][0] && strcmp(peers[k], peer) != 0) {
            k++;
        }
        assert_true(k < 2);
        snprintf(peers[k], sizeof(peers[k]), "%s", peer);
    }
}

static void
an_expired_certificate_is_none(void **state)
{
    const struct otc_tls_server tls = {.cert_pem = expired_pem, .key_pem = {key_pem}};
    struct fixture *f = *state;
    struct result *result;

    f->peer = otc_http_peer_new(&tls);
    open_client(f, with_key(tls_yaml("", "ca_pem", ca_pem), "  server_name_override: backend.example\n"));
    result = ask(f, "https://127.0.0.1", "/", NULL);
    assert_int_equal(result->reply.status, 0);
    assert_non_null(strstr(result->reply.error.text, "certificate has expired"));
    assert_int_equal(otc_http_peer_requests(f->peer), 0);
}

static void
versions_are_kept_to(void **state)
{
    const struct otc_tls_server tls = {.cert_pem = cert_pem, .key_pem = {key_pem}, .max_version = {1}};
    struct fixture *f = *state;

    f->peer = otc_http_peer_new(&tls); /* TLS 1.2 alone */
    open_client(f, "tls: {insecure_skip_verify: true, min_version: '1.3'}");
    assert_int_equal(ask(f, "https://127.0.0.1", "/", NULL)->reply.status, 0);
    close_client(f);
    open_client(f, "tls: {insecure_skip_verify: true, max_version: '1.2', cipher_suites: "
                   "[TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256], curve_preferences: [P256]}");
    assert_int_equal(ask(f, "https://127.0.0.1", "/", NULL)->reply.status, 200);
    close_client(f);
    open_client(f, "tls: {insecure_skip_verify: true, max_version: '1.2', cipher_suites: "
                   "[TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]}");
    assert_int_equal(ask(f, "https://127.0.0.1", "/", NULL)->reply.status, 0);
}

static void
write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* mTLS; and the client's certificate is read again from its file. */
static void
a_client_shows_its_certificate(void **state)
{
    char ca_path[] = "/tmp/otc_http_ca_XXXXXX", cert_path[] = "/tmp/otc_http_cert_XXXXXX",
         key_path[] = "/tmp/otc_http_key_XXXXXX", yaml[1024];
    struct otc_tls_server tls = {.cert_pem = cert_pem, .key_pem = {key_pem}, .client_ca_file = ca_path};
    struct fixture *f = *state;

    close(mkstemp(ca_path));
    close(mkstemp(cert_path));
    close(mkstemp(key_path));
    write_file(ca_path, ca_pem);
    write_file(cert_path, other_pem);
    write_file(key_path, key_pem);
    f->peer = otc_http_peer_new(&tls);
    open_client(f, "tls: {insecure_skip_verify: true}");
    assert_int_equal(ask(f, "https://127.0.0.1", "/", NULL)->reply.status, 0);
    close_client(f);
    snprintf(yaml, sizeof(yaml),
             "disable_keep_alives: true\ntls: {insecure_skip_verify: true, cert_file: %s, key_file: %s, "
             "reload_interval: 1ns}",
             cert_path, key_path);
    open_client(f, yaml);
    assert_int_equal(ask(f, "https://127.0.0.1", "/", NULL)->reply.status, 200);
    write_file(cert_path, "no certificate"); /* the former one stays in use, and the log says so */
    assert_int_equal(ask(f, "https://127.0.0.1", "/", NULL)->reply.status, 200);
    assert_true(otc_vhost_logged(f->vhost, "Certificates cannot be read again") > 0);
    write_file(cert_path, cert_pem);
    assert_int_equal(ask(f, "https://127.0.0.1", "/", NULL)->reply.status, 200);
    unlink(ca_path);
    unlink(cert_path);
    unlink(key_path);
}

/* ---- Settings ------------------------------------------------------------------------------------- */

static void
bad_settings_are_named(void **state)
{
    static const struct {
        const char *yaml;
        const char *error;
    } cases[] = {
        {"proxy_url: ftp://proxy", "proxy_url: must be a URL with one of the schemes"},
        {"headers: {'a:b': c}", "headers::a:b: net/http: invalid header field name"},
        {"headers: {a: \"b\\nc\"}", "headers::a: net/http: invalid header field value"},
        {"compression: lz4\ncompression_params: {level: 1}", "compression_params::level"},
        {"compression_params: {level: 99}", "compression_params::level"},
        {"tls: {ca_file: /nonexistent}",
         "tls::ca_file: failed to load TLS config: failed to load CA CertPool file "
         "/nonexistent: No such file or directory"},
        {"tls: {cert_pem: x, key_pem: y}", "tls::cert_pem: failed to load TLS config"},
        {"tls: {cert_pem: x}", "for auth via TLS, provide both certificate and key, or neither"},
        {"tls: {ca_pem: x, ca_file: y}", "provide either a CA file or the PEM-encoded string, but not both"},
        {"tls: {min_version: '1.3', max_version: '1.2'}", "min_version cannot be greater than max_version"},
        {"tls: {cipher_suites: [RC4]}", "invalid TLS cipher suite: \"RC4\""},
        {"tls: {tpm: {enabled: true}}", "tpm: not supported"},
        {"auth: {}", "authenticator: must name an extension"},
        {"middlewares: [{id: x}]", "middlewares are not supported"},
        {"timeout: -1s", "timeout"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct otc_error err = OTC_ERROR_INIT;
        struct otc_config *config = NULL;
        otc_status status = otc_test_decode(&schema, cases[i].yaml, &config, &err);

        if (status == OTC_OK) {
            status = otc_http_client_check(&((const struct wrapped *)otc_config_value(config))->http, &err);
        }
        otc_config_free(config);
        if (status == OTC_OK || !strstr(err.text, cases[i].error)) {
            fail_msg("%s: %s", cases[i].yaml, err.text);
        }
    }
}

static void
urls_are_checked(void **state)
{
    static const struct {
        const char *url;
        const char *error;
    } cases[] = {
        {"http://localhost:4318", NULL},
        {"https://u:p@[::1]:4318/otlp?x=y", NULL},
        {"localhost:4318", "must be an http or https URL"},
        {"ftp://x", "unsupported protocol scheme \"ftp\""},
        {"http://", "no Host in request URL"},
        {"http://x:port", "invalid port"},
        {"http://x:99999", "invalid port"},
        {"/v1/traces", "must be an http or https URL"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct otc_error err = OTC_ERROR_INIT;
        otc_status status = otc_http_url_check("endpoint", cases[i].url, &err);

        if (cases[i].error ? status != OTC_INVALID_ARGUMENT || !strstr(err.text, cases[i].error)
                           : status != OTC_OK) {
            fail_msg("%s: %s", cases[i].url, err.text);
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_request_arrives_as_it_was),
        TEST(an_authenticator_gives_headers),
        TEST(connections_are_used_again),
        TEST(redirects_are_followed_as_go_does),
        TEST(retry_after_is_seconds_or_a_date),
        TEST(replies_have_a_limit),
        TEST(what_fails_says_so_as_go_does),
        TEST(freeing_cancels),
        TEST(cookies_are_kept_when_wanted),
        TEST(a_proxy_gets_the_requests),
        TEST(a_server_is_verified),
        TEST(requests_share_a_connection),
        TEST(connections_have_a_limit),
        TEST(an_expired_certificate_is_none),
        TEST(versions_are_kept_to),
        TEST(a_client_shows_its_certificate),
        cmocka_unit_test(bad_settings_are_named),
        cmocka_unit_test(urls_are_checked),
    };

    return cmocka_run_group_tests(tests, make_authority, free_authority);
}
