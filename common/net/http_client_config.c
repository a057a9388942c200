// SPDX-License-Identifier: Apache-2.0
#include "common/net/http_client_config.h"

#include <strings.h>

#include "common/net/curl_api.h"

static const struct otc_field params_fields[] = {
    OTC_FIELD(otc_compression_params, level, .def = "0",
              .doc =
                  "gzip, zlib, deflate: 1 to 9; zstd: any, the nearest of 1 to 11 is taken; 0: the fastest."),
    OTC_FIELD_END,
};
const struct otc_schema otc_compression_params_schema =
    OTC_SCHEMA(otc_compression_params, params_fields, "Parameters of the compression.");

static const struct otc_field cookies_fields[] = {
    OTC_FIELD_END,
};
const struct otc_schema otc_http_cookies_schema =
    OTC_SCHEMA(otc_http_cookies, cookies_fields, "Cookies of the server are kept and sent back.");

static const struct otc_field middleware_fields[] = {
    OTC_FIELD(otc_client_middleware, id, .doc = "Refused: there are none here."),
    OTC_FIELD_END,
};

static otc_status
refuse_middleware(const void *value, struct otc_error *err)
{
    (void)value;
    return otc_fail(err, OTC_UNIMPLEMENTED, "middlewares are not supported: remove them");
}
const struct otc_schema otc_client_middleware_schema = OTC_SCHEMA(
    otc_client_middleware, middleware_fields, "What requests pass through.", .check = refuse_middleware);

/* ---- URLs --------------------------------------------------------------------------------------- */

static otc_status
url_check(const char *key, const char *url, struct otc_error *err)
{
    CURLU *parsed = otc_curl.url();
    char *scheme = NULL, *host = NULL;
    CURLUcode code = parsed ? otc_curl.url_set(parsed, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME)
                            : CURLUE_OUT_OF_MEMORY;
    otc_status status = OTC_OK;

    if (code == CURLUE_OK) {
        code = otc_curl.url_get(parsed, CURLUPART_SCHEME, &scheme, 0);
    }
    if (code == CURLUE_OK) {
        code = otc_curl.url_get(parsed, CURLUPART_HOST, &host, 0);
    }
    /* The URL may hold a password: it is not repeated. */
    if (code == CURLUE_OUT_OF_MEMORY) {
        status = otc_fail(err, OTC_UNAVAILABLE, "out of memory");
    } else if (code == CURLUE_BAD_PORT_NUMBER) {
        status =
            otc_fail(err, OTC_INVALID_ARGUMENT, "%s: invalid port after host (allowed: 0 to 65535)", key);
    } else if (code == CURLUE_NO_HOST || (code == CURLUE_OK && !*host)) {
        status = otc_fail(err, OTC_INVALID_ARGUMENT, "%s: no Host in request URL", key);
    } else if (code == CURLUE_OK && strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0) {
        status = otc_fail(err, OTC_INVALID_ARGUMENT,
                          "%s: unsupported protocol scheme \"%s\" (allowed: http, https)", key, scheme);
    } else if (code != CURLUE_OK) {
        status = otc_fail(err, OTC_INVALID_ARGUMENT,
                          "%s: must be an http or https URL (http://host:port/path)", key);
    }
    otc_curl.free(scheme);
    otc_curl.free(host);
    otc_curl.url_cleanup(parsed);
    return status;
}

otc_status
otc_http_url_check(const char *key, const char *url, struct otc_error *err)
{
    otc_status status = otc_curl_load(err);

    return status == OTC_OK ? url_check(key, url, err) : status;
}

static otc_status
check_proxy(const char *url, struct otc_error *err)
{
    static const char *const schemes[] = {"http://", "https://", "socks5://", "socks5h://"};

    if (!url || !*url) {
        return OTC_OK;
    }
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        size_t len = strlen(schemes[i]);

        if (strncasecmp(url, schemes[i], len) == 0 && url[len] && url[len] != '/') {
            return OTC_OK;
        }
    }
    return otc_fail(err, OTC_INVALID_ARGUMENT,
                    "proxy_url: must be a URL with one of the schemes http, https, socks5, socks5h");
}

/* ---- Headers ------------------------------------------------------------------------------------ */

/* What a line of a head can carry; names with blanks and the like are the server's to refuse, as with Go. */
static bool
is_sendable(const char *text, bool name)
{
    for (const char *p = text; *p; p++) {
        if (((unsigned char)*p < ' ' && (name || *p != '\t')) || *p == 127 || (name && *p == ':')) {
            return false;
        }
    }
    return *text != '\0' || !name;
}

static otc_status
check_headers(const otc_headers *headers, struct otc_error *err)
{
    for (size_t i = 0; i < headers->n; i++) {
        const struct otc_header *header = &headers->items[i];

        if (!is_sendable(header->name, true)) {
            return otc_fail(
                err, OTC_INVALID_ARGUMENT,
                "headers::%s: net/http: invalid header field name (no control characters, no ':')",
                header->name);
        }
        if (!is_sendable(header->value ? header->value : "", false)) {
            return otc_fail(err, OTC_INVALID_ARGUMENT,
                            "headers::%s: net/http: invalid header field value (no control characters)",
                            header->name);
        }
    }
    return OTC_OK;
}

otc_status
otc_http_client_check(const struct otc_http_client_config *config, struct otc_error *err)
{
    struct otc_compressor *compressor;
    otc_status status = check_proxy(config->proxy_url, err);

    if (status == OTC_OK) {
        status = check_headers(&config->headers, err);
    }
    if (status == OTC_OK) {
        status = otc_compressor_new((enum otc_compression)config->compression.index,
                                    config->compression_params.level, &compressor, err);
    }
    if (status != OTC_OK) {
        return status;
    }
    otc_compressor_free(compressor);
    return otc_tls_client_check(&config->tls, err);
}
