// SPDX-License-Identifier: Apache-2.0
#include "common/net/http_transfer.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <strings.h>

#include "common/net/loop.h"
#include "common/net/tls_session.h"

/* As Go's dialer. */
#define CONNECT_TIMEOUT_MS 30000L
/* Go's client gives up at the tenth request. */
#define MAX_REDIRECTS 9L
/* What is read and thrown away of a reply that is too long, so that its connection can be used again. */
#define MAX_DROPPED ((size_t)64 * 1024)
#define MAX_RETRY_AFTER_SECONDS 86400
/* Headers that an authenticator may add to a request. */
#define MAX_CREDENTIALS 16

/* ---- What requests share ------------------------------------------------------------------------ */

static bool
is_set(const char *text)
{
    return text && *text;
}

/* False out of memory. */
static bool
copy_text(const char *text, char **out)
{
    *out = text ? strdup(text) : NULL;
    return *out || !text;
}

static bool
copy_environment(struct otc_http_setup *setup)
{
    struct otc_proxy_env env = otc_proxy_env_get();

    return copy_text(env.http_proxy, (char **)(uintptr_t)&setup->proxy.http_proxy) &&
           copy_text(env.https_proxy, (char **)(uintptr_t)&setup->proxy.https_proxy) &&
           copy_text(env.no_proxy, (char **)(uintptr_t)&setup->proxy.no_proxy) &&
           /* Where Go's programs look for the system's authorities. */
           copy_text(getenv("SSL_CERT_FILE"), &setup->ca_file) &&
           copy_text(getenv("SSL_CERT_DIR"), &setup->ca_path);
}

otc_status
otc_http_setup_init(struct otc_http_setup *setup, const struct otc_http_client_config *config,
                    struct otc_host *host, const char *component_id, const char *user_agent,
                    struct otc_error *err)
{
    otc_status status = otc_tls_client_load(&config->tls, &setup->pems, err);

    setup->config = config;
    setup->host = host;
    setup->component_id = component_id;
    setup->pems_read_ns = otc_clock_monotonic_ns();
    if (status == OTC_OK) {
        status = otc_tls_cipher_names(&config->tls.cipher_suites, setup->ciphers, err);
    }
    if (status == OTC_OK && config->auth) {
        status = otc_authenticator_find(host, config->auth->authenticator, OTC_OFFERS_CLIENT_AUTH,
                                        &setup->authenticator, err);
    }
    if (status != OTC_OK) {
        return status;
    }
    (void)otc_tls_curve_names(&config->tls.curve_preferences, setup->curves);
    if (config->cookies) {
        setup->cookies = otc_curl.share_init();
    }
    if (!copy_text(user_agent, &setup->user_agent) || !copy_environment(setup) ||
        (config->cookies &&
         (!setup->cookies ||
          otc_curl.share_setopt(setup->cookies, CURLSHOPT_SHARE, CURL_LOCK_DATA_COOKIE) != CURLSHE_OK))) {
        return otc_fail(err, OTC_UNAVAILABLE, "out of memory");
    }
    return OTC_OK;
}

void
otc_http_setup_release(struct otc_http_setup *setup)
{
    otc_tls_client_release(&setup->pems);
    if (setup->cookies) {
        otc_curl.share_cleanup(setup->cookies);
    }
    free(setup->user_agent);
    free((void *)(uintptr_t)setup->proxy.http_proxy);
    free((void *)(uintptr_t)setup->proxy.https_proxy);
    free((void *)(uintptr_t)setup->proxy.no_proxy);
    free(setup->ca_file);
    free(setup->ca_path);
}

/* Reads the certificates again when it is time. Those that cannot be read leave the old ones in use. */
static void
refresh(struct otc_http_setup *setup)
{
    int64_t interval = setup->config->tls.reload_interval.ns, now = otc_clock_monotonic_ns();
    struct otc_tls_client_pems pems;
    struct otc_error err = OTC_ERROR_INIT;

    if (interval == 0 || now - setup->pems_read_ns < interval) {
        return;
    }
    setup->pems_read_ns = now;
    if (otc_tls_client_load(&setup->config->tls, &pems, &err) == OTC_OK) {
        otc_tls_client_release(&setup->pems);
        setup->pems = pems;
    } else {
        otc_log(setup->host->logger, OTC_LOG_WARN, setup->component_id,
                "Certificates cannot be read again; the former ones stay in use",
                OTC_FIELD_TEXT("error", err.text));
    }
}

/* ---- A request ---------------------------------------------------------------------------------- */

static bool
named(const struct otc_header *headers, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (strcasecmp(headers[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static bool
add_line(struct curl_slist **list, const char *name, const char *value)
{
    size_t len = strlen(name) + (value ? strlen(value) : 0) + 3;
    char *line = malloc(len);
    struct curl_slist *longer = NULL;

    if (line) {
        /* A semicolon is libcurl's spelling of a header without a value. */
        snprintf(line, len, "%s%s%s", name, is_set(value) ? ": " : ";", is_set(value) ? value : "");
        longer = otc_curl.slist_append(*list, line);
        free(line);
    }
    if (longer) {
        *list = longer;
    }
    return longer != NULL;
}

/* The headers of an authenticator, copied; their values are secret. */
struct credentials {
    struct otc_auth_sink sink;
    struct otc_header items[MAX_CREDENTIALS];
    size_t n;
    bool failed;
};

static void
keep(struct otc_auth_sink *self, struct otc_slice name, struct otc_slice value)
{
    struct credentials *credentials = OTC_CONTAINER(self, credentials, sink);
    struct otc_header *header = &credentials->items[credentials->n];

    if (credentials->n == MAX_CREDENTIALS) {
        credentials->failed = true;
        return;
    }
    header->name = strndup((const char *)name.data, name.len);
    header->value = strndup(value.len ? (const char *)value.data : "", value.len);
    credentials->n++;
    credentials->failed = credentials->failed || !header->name || !header->value;
}

static void
forget(struct credentials *credentials)
{
    for (size_t i = 0; i < credentials->n; i++) {
        free(credentials->items[i].name);
        free(credentials->items[i].value);
    }
}

/* Whose header of a name counts: the request's where it is fixed, the authenticator's, the configuration's,
 * the request's, what it forwards. */
static bool
add_headers(struct curl_slist **list, const struct otc_http_setup *setup,
            const struct otc_http_request *request, const struct credentials *credentials)
{
    const struct {
        const struct otc_header *items;
        size_t n;
    } sources[] = {{request->headers, request->fixed ? request->n_headers : 0},
                   {credentials->items, credentials->n},
                   {setup->config->headers.items, setup->config->headers.n},
                   {request->headers, request->fixed ? 0 : request->n_headers},
                   {request->forwarded, request->n_forwarded}};
    bool ok = true;

    for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
        for (size_t k = 0; k < sources[i].n && ok; k++) {
            const struct otc_header *header = &sources[i].items[k];
            bool taken = false;

            for (size_t above = 0; above < i && !taken; above++) {
                taken = named(sources[above].items, sources[above].n, header->name);
            }
            ok = taken || add_line(list, header->name, header->value);
        }
    }
    return ok;
}

/* What libcurl would add of its own accord. */
static bool
drop_defaults(struct curl_slist **list, const struct otc_http_setup *setup)
{
    static const char *const unwanted[] = {"Expect:", "Accept:"};

    for (size_t i = 0; i < sizeof(unwanted) / sizeof(unwanted[0]); i++) {
        struct curl_slist *longer = otc_curl.slist_append(*list, unwanted[i]);

        if (!longer) {
            return false;
        }
        *list = longer;
    }
    return !setup->config->disable_keep_alives || add_line(list, "Connection", "close");
}

otc_status
otc_http_transfer_init(struct otc_http_transfer *transfer, const struct otc_http_setup *setup,
                       const struct otc_http_request *request, struct otc_error *err)
{
    struct credentials credentials = {.sink = {OTC_ABI_OF(otc_auth_sink), keep}};
    otc_status status = OTC_OK;
    bool ok;

    otc_buf_init(&transfer->reply, request->max_reply ? request->max_reply : OTC_HTTP_REPLY_MAX);
    transfer->body = request->body;
    transfer->method = strdup(request->method);
    transfer->url = strdup(request->url);
    if (setup->authenticator) {
        status = setup->authenticator->headers(setup->authenticator, &credentials.sink, err);
    }
    ok = transfer->method && transfer->url && !credentials.failed &&
         add_headers(&transfer->headers, setup, request, &credentials) &&
         drop_defaults(&transfer->headers, setup);
    forget(&credentials);
    return status != OTC_OK ? status : ok ? OTC_OK : otc_fail(err, OTC_UNAVAILABLE, "out of memory");
}

void
otc_http_transfer_release(struct otc_http_transfer *transfer)
{
    otc_curl.slist_free_all(transfer->headers);
    otc_buf_release(&transfer->reply);
    free(transfer->method);
    free(transfer->url);
}

/* ---- Options ------------------------------------------------------------------------------------ */

/* Keeps what the limit lets in, drops a little more, and then ends the transfer. */
static size_t
on_body(char *data, size_t size, size_t n, void *arg)
{
    struct otc_http_transfer *transfer = arg;
    size_t len = size * n, room = transfer->reply.limit - transfer->reply.len, kept = len < room ? len : room;

    if (!otc_buf_append(&transfer->reply, data, kept)) {
        return 0;
    }
    transfer->dropped += len - kept;
    return transfer->dropped <= MAX_DROPPED ? len : 0;
}

/* Puts the wanted name where libcurl put the URL's, before the handshake begins. */
static void
name_server(const SSL *ssl, int where, int result)
{
    char *name = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), 0);

    (void)result;
    if ((where & SSL_CB_HANDSHAKE_START) && name) {
        SSL_set_tlsext_host_name((SSL *)(uintptr_t)ssl, name);
    }
}

static CURLcode
on_context(CURL *easy, void *context, void *arg)
{
    struct otc_http_setup *setup = arg;
    char *name = setup->config->tls.server_name_override;
    X509_VERIFY_PARAM *param = SSL_CTX_get0_param(context);
    struct in6_addr address;

    (void)easy;
    if (inet_pton(AF_INET, name, &address) == 1 || inet_pton(AF_INET6, name, &address) == 1) {
        return X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1 ? CURLE_OK : CURLE_OUT_OF_MEMORY;
    }
    if (X509_VERIFY_PARAM_set1_host(param, name, 0) != 1 || SSL_CTX_set_ex_data(context, 0, name) != 1) {
        return CURLE_OUT_OF_MEMORY;
    }
    SSL_CTX_set_info_callback(context, name_server);
    return CURLE_OK;
}

#define SET(option, value) (ok = ok && otc_curl.easy_setopt(easy, (option), (value)) == CURLE_OK)

static bool
set_blob(CURL *easy, CURLoption option, const struct otc_buf *buf)
{
    struct curl_blob blob = {.data = buf->data, .len = buf->len, .flags = CURL_BLOB_COPY};

    return buf->len == 0 || otc_curl.easy_setopt(easy, option, &blob) == CURLE_OK;
}

static bool
set_authorities(const struct otc_http_setup *setup, CURL *easy)
{
    bool ok = true;

    if (setup->pems.ca.len == 0 || setup->config->tls.include_system_ca_certs_pool) {
        if (is_set(setup->ca_file)) {
            SET(CURLOPT_CAINFO, setup->ca_file);
        }
        if (is_set(setup->ca_path)) {
            SET(CURLOPT_CAPATH, setup->ca_path);
        }
    } else {
        SET(CURLOPT_CAINFO, NULL);
        SET(CURLOPT_CAPATH, NULL);
    }
    return ok && set_blob(easy, CURLOPT_CAINFO_BLOB, &setup->pems.ca);
}

static bool
set_tls(struct otc_http_setup *setup, CURL *easy)
{
    const struct otc_tls_client *tls = &setup->config->tls;
    bool verify = !tls->insecure_skip_verify, renamed = is_set(tls->server_name_override), ok = true;

    refresh(setup);
    SET(CURLOPT_SSLVERSION,
        (long)(tls->min_version.index == 2 ? CURL_SSLVERSION_TLSv1_3 : CURL_SSLVERSION_TLSv1_2) |
            (long)(tls->max_version.index == 1 ? CURL_SSLVERSION_MAX_TLSv1_2 : CURL_SSLVERSION_MAX_DEFAULT));
    SET(CURLOPT_SSL_VERIFYPEER, verify ? 1L : 0L);
    /* Under another name OpenSSL compares it (on_context). */
    SET(CURLOPT_SSL_VERIFYHOST, verify && !renamed ? 2L : 0L);
    if (renamed) {
        SET(CURLOPT_SSL_CTX_FUNCTION, on_context);
        SET(CURLOPT_SSL_CTX_DATA, setup);
    }
    if (setup->ciphers[0]) {
        SET(CURLOPT_SSL_CIPHER_LIST, setup->ciphers);
    }
    if (setup->curves[0]) {
        SET(CURLOPT_SSL_EC_CURVES, setup->curves);
    }
    return ok && set_authorities(setup, easy) && set_blob(easy, CURLOPT_SSLCERT_BLOB, &setup->pems.cert) &&
           set_blob(easy, CURLOPT_SSLKEY_BLOB, &setup->pems.key);
}

static long
milliseconds(int64_t ns)
{
    int64_t ms = (ns + OTC_MILLISECOND - 1) / OTC_MILLISECOND;

    return ms > INT32_MAX ? INT32_MAX : (long)ms;
}

static bool
set_connection(const struct otc_http_transfer *transfer, struct otc_http_setup *setup, CURL *easy)
{
    const struct otc_http_client_config *config = setup->config;
    bool https = strncasecmp(transfer->url, "https://", 8) == 0, ok = true;
    const char *proxy =
        is_set(config->proxy_url) ? config->proxy_url : otc_proxy_for(&setup->proxy, transfer->url);

    SET(CURLOPT_PROXY, proxy ? proxy : ""); /* the empty word: not even what libcurl finds by itself */
    SET(CURLOPT_NOPROXY, "");
    SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    SET(CURLOPT_TCP_KEEPALIVE, 1L);
    SET(CURLOPT_TIMEOUT_MS, milliseconds(config->timeout.ns));
    SET(CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
    SET(CURLOPT_MAXAGE_CONN, config->idle_conn_timeout.ns > 0
                                 ? milliseconds(config->idle_conn_timeout.ns) / 1000 + 1
                                 : (long)INT32_MAX);
    SET(CURLOPT_FORBID_REUSE, config->disable_keep_alives ? 1L : 0L);
    SET(CURLOPT_HTTP_VERSION,
        (long)(config->force_attempt_http2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
    SET(CURLOPT_PIPEWAIT, https && config->force_attempt_http2 ? 1L : 0L);
    SET(CURLOPT_FRESH_CONNECT, setup->fresh ? 1L : 0L);
    setup->fresh = false;
    return ok && set_tls(setup, easy);
}

bool
otc_http_transfer_set_up(struct otc_http_transfer *transfer, struct otc_http_setup *setup, CURL *easy)
{
    bool ok = true;

    SET(CURLOPT_NOSIGNAL, 1L);
    /* A name that nobody answers for must not hold up the loop when its request has timed out. */
    SET(CURLOPT_QUICK_EXIT, 1L);
    SET(CURLOPT_ERRORBUFFER, transfer->error);
    SET(CURLOPT_URL, transfer->url);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 1L);
    SET(CURLOPT_MAXREDIRS, MAX_REDIRECTS);
    SET(CURLOPT_HTTPHEADER, transfer->headers);
    SET(CURLOPT_ACCEPT_ENCODING, "gzip");
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, transfer);
    if (setup->user_agent) {
        SET(CURLOPT_USERAGENT, setup->user_agent);
    }
    if (setup->cookies) {
        SET(CURLOPT_SHARE, setup->cookies);
        SET(CURLOPT_COOKIEFILE, "");
    }
    if (strcmp(transfer->method, "POST") == 0) {
        SET(CURLOPT_POST, 1L);
        SET(CURLOPT_POSTFIELDS, transfer->body.len > 0 ? (const char *)transfer->body.data : "");
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)transfer->body.len);
    } else if (strcmp(transfer->method, "GET") != 0) {
        SET(CURLOPT_CUSTOMREQUEST, transfer->method);
    }
    return ok && set_connection(transfer, setup, easy);
}

/* ---- Replies ------------------------------------------------------------------------------------ */

void
otc_http_show_url(const char *url, char out[512])
{
    const char *start = strstr(url, "://");
    size_t authority = start ? strcspn(start + 3, "/?#") : 0;
    const char *at = authority ? memrchr(start + 3, '@', authority) : NULL;
    const char *colon = at ? memchr(start + 3, ':', (size_t)(at - start) - 3) : NULL;

    if (colon) {
        snprintf(out, 512, "%.*s:xxxxx%s", (int)(colon - url), url, at);
    } else {
        snprintf(out, 512, "%s", url);
    }
}

void
otc_http_transfer_error(const struct otc_http_transfer *transfer, otc_status status, const char *text,
                        struct otc_error *out)
{
    char method[16], url[512];
    size_t n = 0;

    for (const char *p = transfer->method; *p && n + 1 < sizeof(method); p++, n++) {
        method[n] = (char)(n > 0 ? tolower((unsigned char)*p) : *p);
    }
    method[n] = '\0';
    otc_http_show_url(transfer->url, url);
    *out = OTC_ERROR_INIT;
    (void)otc_fail(out, status, "%s \"%s\": %s", method, url, text);
}

/* As Go's client says it, where it is one of the usual things. */
static void
explain(const struct otc_http_transfer *transfer, CURL *easy, CURLcode result, char out[512])
{
    const char *own = transfer->error[0] ? transfer->error : otc_curl.easy_strerror(result);
    char *host = NULL, *port = NULL;
    CURLU *url = otc_curl.url();
    long reason = 0;

    otc_curl.easy_getinfo(easy, CURLINFO_OS_ERRNO, &reason);
    if (url && otc_curl.url_set(url, CURLUPART_URL, transfer->url, 0) == CURLUE_OK) {
        otc_curl.url_get(url, CURLUPART_HOST, &host, 0);
        otc_curl.url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT);
    }
    if (result == CURLE_OPERATION_TIMEDOUT) {
        snprintf(out, 512, "context deadline exceeded (Client.Timeout exceeded while awaiting headers)");
    } else if (result == CURLE_COULDNT_CONNECT && reason == ECONNREFUSED && host && port) {
        snprintf(out, 512, "dial tcp %s:%s: connect: connection refused", host, port);
    } else if (result == CURLE_COULDNT_RESOLVE_HOST && host) {
        snprintf(out, 512, "dial tcp: lookup %s: no such host", host);
    } else if (result == CURLE_PEER_FAILED_VERIFICATION) {
        snprintf(out, 512, "tls: failed to verify certificate: %s", own);
    } else if (result == CURLE_TOO_MANY_REDIRECTS) {
        snprintf(out, 512, "stopped after 10 redirects");
    } else if (result == CURLE_GOT_NOTHING) {
        snprintf(out, 512, "EOF");
    } else {
        snprintf(out, 512, "%s", own);
    }
    otc_curl.free(host);
    otc_curl.free(port);
    otc_curl.url_cleanup(url);
}

static uint32_t
retry_after(CURL *easy)
{
    curl_off_t seconds = 0;

    otc_curl.easy_getinfo(easy, CURLINFO_RETRY_AFTER, &seconds);
    if (seconds <= 0) {
        return 0;
    }
    return (uint32_t)(seconds > MAX_RETRY_AFTER_SECONDS ? MAX_RETRY_AFTER_SECONDS : seconds) * 1000;
}

void
otc_http_transfer_reply(struct otc_http_transfer *transfer, struct otc_http_setup *setup, CURL *easy,
                        CURLcode result, struct otc_http_reply *out)
{
    char *content_type = NULL;
    long status = 0;

    *out = (struct otc_http_reply){.content_type = "", .error = OTC_ERROR_INIT};
    otc_curl.easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    /* A reply that was longer than anybody reads is a reply. */
    if (result != CURLE_OK && !(result == CURLE_WRITE_ERROR && transfer->dropped > 0)) {
        char text[512];

        explain(transfer, easy, result, text);
        otc_http_transfer_error(transfer,
                                result == CURLE_OPERATION_TIMEDOUT ? OTC_DEADLINE_EXCEEDED : OTC_UNAVAILABLE,
                                text, &out->error);
        setup->fresh = result == CURLE_OPERATION_TIMEDOUT;
        return;
    }
    otc_curl.easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &content_type);
    out->status = (int)status;
    out->body = otc_buf_slice(&transfer->reply);
    out->truncated = transfer->dropped > 0;
    out->content_type = content_type ? content_type : "";
    out->retry_after_ms = retry_after(easy);
    out->transfer = easy;
}
