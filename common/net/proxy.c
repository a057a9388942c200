// SPDX-License-Identifier: Apache-2.0
#include "common/net/proxy.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <strings.h>

/* The parts of a URL that decide. */
struct target {
    bool https;
    char host[256]; /* without brackets */
    struct otc_slice port;
};

static const char *
variable(const char *upper, const char *lower)
{
    const char *value = getenv(upper);

    if (!value || !*value) {
        value = getenv(lower);
    }
    return value && *value ? value : NULL;
}

struct otc_proxy_env
otc_proxy_env_get(void)
{
    return (struct otc_proxy_env){variable("HTTP_PROXY", "http_proxy"),
                                  variable("HTTPS_PROXY", "https_proxy"), variable("NO_PROXY", "no_proxy")};
}

/* Splits "host:port", "[::1]:port", "host", "::1". */
static void
split_host(struct otc_slice text, struct otc_slice *host, struct otc_slice *port)
{
    const uint8_t *colon = text.len ? memrchr(text.data, ':', text.len) : NULL;
    const uint8_t *bracket = text.len ? memrchr(text.data, ']', text.len) : NULL;

    *host = text;
    *port = OTC_SLICE_NONE;
    if (colon && (bracket ? colon > bracket : memchr(text.data, ':', text.len) == colon)) {
        host->len = (size_t)(colon - text.data);
        *port = otc_slice_skip(text, host->len + 1);
    }
    if (host->len >= 2 && host->data[0] == '[' && host->data[host->len - 1] == ']') {
        *host = otc_slice_of(host->data + 1, host->len - 2);
    }
}

static bool
parse_target(const char *url, struct target *out)
{
    const char *scheme_end = strstr(url, "://"), *start, *at;
    struct otc_slice authority, host;

    if (!scheme_end) {
        return false;
    }
    out->https = strncasecmp(url, "https://", 8) == 0;
    start = scheme_end + 3;
    authority = otc_slice_of(start, strcspn(start, "/?#"));
    at = authority.len ? memrchr(authority.data, '@', authority.len) : NULL;
    if (at) {
        authority = otc_slice_skip(authority, (size_t)(at - start) + 1);
    }
    split_host(authority, &host, &out->port);
    if (host.len == 0 || host.len >= sizeof(out->host)) {
        return false;
    }
    for (size_t i = 0; i < host.len; i++) {
        uint8_t c = host.data[i];

        out->host[i] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
    out->host[host.len] = '\0';
    if (out->port.len == 0) {
        out->port = otc_slice_str(out->https ? "443" : "80");
    }
    return true;
}

/* An address as 16 bytes; IPv4 as ::ffff:a.b.c.d. */
static bool
parse_address(const char *text, uint8_t out[16])
{
    memset(out, 0, 16);
    if (inet_pton(AF_INET, text, out + 12) == 1) {
        out[10] = out[11] = 0xff;
        return true;
    }
    return inet_pton(AF_INET6, text, out) == 1;
}

static bool
is_loopback(const uint8_t address[16])
{
    static const uint8_t v6[16] = {[15] = 1}, v4[12] = {[10] = 0xff, [11] = 0xff};

    return memcmp(address, v6, 16) == 0 || (memcmp(address, v4, 12) == 0 && address[12] == 127);
}

/* "10.0.0.0/8". */
static bool
in_network(const char *network, const uint8_t address[16])
{
    const char *slash = strchr(network, '/');
    char base[64], *end;
    uint8_t first[16];
    size_t len = slash ? (size_t)(slash - network) : 0;
    long bits;

    if (!slash || len == 0 || len >= sizeof(base)) {
        return false;
    }
    memcpy(base, network, len);
    base[len] = '\0';
    bits = strtol(slash + 1, &end, 10);
    if (*end || end == slash + 1 || bits < 0 || !parse_address(base, first)) {
        return false;
    }
    bits += strchr(base, ':') ? 0 : 96;
    for (long i = 0; i < bits && i < 128; i++) {
        uint8_t mask = (uint8_t)(0x80 >> (i % 8));

        if ((first[i / 8] & mask) != (address[i / 8] & mask)) {
            return false;
        }
    }
    return bits <= 128;
}

static bool
is_number(struct otc_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
    }
    return text.len > 0;
}

static bool
same_name(const char *a, struct otc_slice b)
{
    return strlen(a) == b.len && strncasecmp(a, (const char *)b.data, b.len) == 0;
}

/* Whether a host is `name` or ends in ".name"; with `only_below`, the latter. */
static bool
is_below(const char *host, struct otc_slice name, bool only_below)
{
    size_t len = strlen(host);

    if (name.len == 0) {
        return false;
    }
    if (len > name.len + 1 && host[len - name.len - 1] == '.') {
        return same_name(host + len - name.len, name);
    }
    return !only_below && same_name(host, name);
}

static bool
matches(const struct target *target, const uint8_t *address, struct otc_slice entry)
{
    struct otc_slice host, port;
    char text[256];
    uint8_t other[16];
    bool only_below = false;

    if (entry.len == 0 || entry.len >= sizeof(text)) {
        return false;
    }
    memcpy(text, entry.data, entry.len);
    text[entry.len] = '\0';
    if (strchr(text, '/')) {
        return address && in_network(text, address);
    }
    split_host(entry, &host, &port);
    if (port.len > 0 && (!is_number(port) || !otc_slice_equal(port, target->port))) {
        return false;
    }
    if (host.len == 0 || host.len >= sizeof(text)) {
        return false;
    }
    memmove(text, host.data, host.len);
    text[host.len] = '\0';
    if (parse_address(text, other)) {
        return address && memcmp(address, other, 16) == 0;
    }
    if (host.len > 1 && host.data[0] == '*' && host.data[1] == '.') {
        host = otc_slice_skip(host, 1);
    }
    if (host.data[0] == '.') {
        host = otc_slice_skip(host, 1);
        only_below = true;
    }
    return is_below(target->host, host, only_below);
}

static bool
is_excluded(const struct target *target, const char *no_proxy)
{
    uint8_t bytes[16];
    const uint8_t *address = parse_address(target->host, bytes) ? bytes : NULL;

    if (strcmp(target->host, "localhost") == 0 || (address && is_loopback(address))) {
        return true;
    }
    while (no_proxy && *no_proxy) {
        struct otc_slice entry = otc_slice_of(no_proxy, strcspn(no_proxy, ","));

        no_proxy += entry.len + (no_proxy[entry.len] != '\0');
        while (entry.len && (entry.data[0] == ' ' || entry.data[0] == '\t')) {
            entry = otc_slice_skip(entry, 1);
        }
        while (entry.len && (entry.data[entry.len - 1] == ' ' || entry.data[entry.len - 1] == '\t')) {
            entry.len--;
        }
        if (otc_slice_equal_str(entry, "*") || matches(target, address, entry)) {
            return true;
        }
    }
    return false;
}

const char *
otc_proxy_for(const struct otc_proxy_env *env, const char *url)
{
    struct target target;
    const char *proxy;

    if (!parse_target(url, &target)) {
        return NULL;
    }
    proxy = target.https ? env->https_proxy : env->http_proxy;
    return proxy && *proxy && !is_excluded(&target, env->no_proxy) ? proxy : NULL;
}
