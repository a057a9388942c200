// SPDX-License-Identifier: Apache-2.0
/** @file The check of an HTTP/1.1 head and the decoder of chunked bodies: the same answer in whatever pieces
 * the bytes come, and nothing let through that could be read in two ways. */
#include "common/net/conn.h"
#include "tests/fuzz/fuzz.h"

/** Looks for the end of the head as a connection does, `step` bytes more each time. */
static const char *
find_in_pieces(struct otc_slice data, size_t step, size_t *end)
{
    size_t scanned = 0;
    const char *fault = NULL;

    *end = 0;
    for (size_t have = 0; have < data.len && !fault && *end == 0;) {
        have = have + step < data.len ? have + step : data.len;
        fault = otc_http1_find_head(otc_slice_of(data.data, have), &scanned, end);
    }
    return fault;
}

static void
check_head(struct otc_slice data, size_t step)
{
    size_t scanned = 0, end = 0, end_in_pieces = 0;
    bool chunked = false;
    int64_t length = -1;
    const char *fault = otc_http1_find_head(data, &scanned, &end);

    if (fault != find_in_pieces(data, step, &end_in_pieces) || end != end_in_pieces || end > data.len) {
        abort();
    }
    if (fault || end == 0 || otc_http1_check_head(otc_slice_of(data.data, end), &chunked, &length)) {
        return;
    }
    if ((chunked && length >= 0) || length < -1 || memcmp(data.data + end - 4, "\r\n\r\n", 4) != 0) {
        abort();
    }
}

struct decoded {
    size_t len, hash;
    bool done, failed;
};

static struct decoded
decode(struct otc_slice data, size_t step)
{
    struct otc_chunked chunked = {0};
    struct decoded out = {0, 0, false, false};

    for (size_t at = 0; at < data.len && !out.done && !out.failed;) {
        struct otc_slice rest = {data.data + at, at + step < data.len ? step : data.len - at};

        at += rest.len;
        while (rest.len > 0 && !out.done && !out.failed) {
            struct otc_slice piece;

            out.failed = !otc_chunked_next(&chunked, &rest, &piece, &out.done);
            for (size_t i = 0; !out.failed && i < piece.len; i++) {
                out.hash = out.hash * 31 + piece.data[i];
                out.len++;
            }
        }
    }
    return out;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct decoded whole, pieces;
    struct otc_slice rest;
    size_t step;

    if (size < 2) {
        return 0;
    }
    step = 1 + data[0] % 16;
    rest = otc_slice_of(data + 2, size - 2);
    if (data[1] % 2) {
        check_head(rest, step);
        return 0;
    }
    whole = decode(rest, size);
    pieces = decode(rest, step);
    if (whole.len != pieces.len || whole.hash != pieces.hash || whole.done != pieces.done ||
        whole.failed != pieces.failed || whole.len > size) {
        abort();
    }
    return 0;
}
