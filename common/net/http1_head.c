// SPDX-License-Identifier: Apache-2.0
#include "common/net/conn.h"

#include <strings.h>

#include "common/base/number.h"

/*
 * http-parser accepts a space before a colon, bare line feeds, folded lines and repeated lengths. Where two
 * servers read the same bytes differently, a request can be smuggled past the first: such heads are refused
 * here, before http-parser sees them (RFC 9112 sections 2.2, 5.1, 5.2, 6.1, 6.3).
 */

static const char bad_line_end[] = "bare CR or LF in the request head";

const char *
otc_http1_find_head(struct otc_slice data, size_t *scanned, size_t *end)
{
    size_t i;

    *end = 0;
    for (i = *scanned; i < data.len; i++) {
        const uint8_t byte = data.data[i];

        if (byte == '\n' && (i == 0 || data.data[i - 1] != '\r')) {
            return bad_line_end;
        }
        if (byte != '\n' && i > 0 && data.data[i - 1] == '\r') {
            return bad_line_end;
        }
        if ((byte < 0x20 && byte != '\r' && byte != '\n' && byte != '\t') || byte == 0x7f) {
            return "control character in the request head";
        }
        if (byte == '\n' && i >= 3 && data.data[i - 2] == '\n') {
            *end = i + 1;
            break;
        }
    }
    *scanned = i;
    return NULL;
}

static bool
is_token_byte(uint8_t byte)
{
    return (byte >= '0' && byte <= '9') || ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z') ||
           (byte && strchr("!#$%&'*+-.^_`|~", byte));
}

struct seen {
    int lengths, encodings, hosts;
    bool chunked;
    int64_t length;
};

static bool
is_named(struct otc_slice name, const char *wanted)
{
    return name.len == strlen(wanted) && strncasecmp((const char *)name.data, wanted, name.len) == 0;
}

static const char *
check_length(struct otc_slice value, struct seen *seen)
{
    for (size_t i = 0; i < value.len; i++) {
        if (value.data[i] < '0' || value.data[i] > '9') {
            return "ambiguous length: Content-Length is not a number";
        }
    }
    if (value.len == 0 || !otc_parse_int64(value, &seen->length)) {
        return "ambiguous length: Content-Length is not a number";
    }
    return ++seen->lengths > 1 ? "ambiguous length: two Content-Length headers" : NULL;
}

static const char *
check_line(struct otc_slice line, struct seen *seen)
{
    struct otc_slice name = {line.data, 0};
    struct otc_slice value;

    if (line.len > 0 && (*line.data == ' ' || *line.data == '\t')) {
        return "folded header line";
    }
    while (name.len < line.len && is_token_byte(line.data[name.len])) {
        name.len++;
    }
    if (name.len == 0 || name.len == line.len || line.data[name.len] != ':') {
        return "malformed header line";
    }
    value = otc_slice_trim(otc_slice_skip(line, name.len + 1));
    if (is_named(name, "content-length")) {
        return check_length(value, seen);
    }
    if (is_named(name, "transfer-encoding")) {
        seen->chunked = is_named(value, "chunked");
        return ++seen->encodings > 1 || !seen->chunked
                   ? "ambiguous length: only Transfer-Encoding: chunked is known"
                   : NULL;
    }
    if (is_named(name, "host") && ++seen->hosts > 1) {
        return "two Host headers";
    }
    return NULL;
}

static struct otc_slice
next_line(struct otc_slice *rest)
{
    const uint8_t *end = memchr(rest->data, '\r', rest->len);
    const struct otc_slice line = {rest->data, end ? (size_t)(end - rest->data) : rest->len};

    *rest = otc_slice_skip(*rest, line.len + 2);
    return line;
}

/** METHOD SP target SP HTTP/1.x, and no white space beyond that (RFC 9112 section 3). */
static bool
is_request_line(struct otc_slice line)
{
    size_t spaces = 0;

    for (size_t i = 0; i < line.len; i++) {
        spaces += line.data[i] == ' ';
        if (line.data[i] == '\t') {
            return false;
        }
    }
    return spaces == 2;
}

const char *
otc_http1_check_head(struct otc_slice head, bool *chunked, int64_t *length)
{
    struct seen seen = {.length = -1};
    struct otc_slice rest = head;
    const struct otc_slice request = next_line(&rest);
    /* A later minor version means 1.1 (RFC 9110 section 2.5). */
    const bool is_1_1 = request.len <= 8 || memcmp(request.data + request.len - 8, "HTTP/1.0", 8) != 0;

    if (!is_request_line(request)) {
        return "malformed request line";
    }
    while (rest.len > 2) {
        const char *fault = check_line(next_line(&rest), &seen);

        if (fault) {
            return fault;
        }
    }
    if (seen.chunked && (seen.lengths || !is_1_1)) {
        return "ambiguous length: Transfer-Encoding with Content-Length or before HTTP/1.1";
    }
    if (is_1_1 && !seen.hosts) {
        return "missing Host header";
    }
    *chunked = seen.chunked;
    *length = seen.length;
    return NULL;
}
