// SPDX-License-Identifier: Apache-2.0
#include "common/net/gunzip.h"

#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

/* zlib's largest window, and a gzip header. */
#define WINDOW_BITS (15 + 16)

struct otc_gunzip {
    z_stream stream;
    bool boundary; /* the next byte begins a member */
    bool bad;
};

struct otc_gunzip *
otc_gunzip_new(void)
{
    struct otc_gunzip *gunzip = calloc(1, sizeof(*gunzip));

    if (gunzip && inflateInit2(&gunzip->stream, WINDOW_BITS) != Z_OK) {
        free(gunzip);
        return NULL;
    }
    return gunzip;
}

void
otc_gunzip_free(struct otc_gunzip *gunzip)
{
    if (gunzip) {
        (void)inflateEnd(&gunzip->stream);
        free(gunzip);
    }
}

/* One call of zlib's. False: nothing more can come of it now. */
static bool
step(struct otc_gunzip *gunzip)
{
    z_stream *stream = &gunzip->stream;
    int result;

    if (gunzip->boundary) {
        if (stream->avail_in == 0) {
            return false;
        }
        gunzip->bad = inflateReset(stream) != Z_OK;
        gunzip->boundary = false;
    }
    result = gunzip->bad ? Z_DATA_ERROR : inflate(stream, Z_NO_FLUSH);
    gunzip->boundary = result == Z_STREAM_END;
    gunzip->bad = result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR;
    return !gunzip->bad && result != Z_BUF_ERROR;
}

enum otc_gunzip_state
otc_gunzip_read(struct otc_gunzip *gunzip, struct otc_slice *in, uint8_t *out, size_t room, size_t *written)
{
    static uint8_t none[1];
    z_stream *stream = &gunzip->stream;
    uInt most = room > UINT_MAX ? UINT_MAX : (uInt)room;
    uInt given = in->len > UINT_MAX ? UINT_MAX : (uInt)in->len;

    stream->next_in = given > 0 ? (Bytef *)(uintptr_t)in->data : none;
    stream->avail_in = given;
    stream->next_out = out;
    stream->avail_out = most;
    while (stream->avail_out > 0 && step(gunzip)) {
        continue;
    }
    *written = most - stream->avail_out;
    *in = otc_slice_skip(*in, given - stream->avail_in);
    return gunzip->bad ? OTC_GUNZIP_BAD : gunzip->boundary ? OTC_GUNZIP_BOUNDARY : OTC_GUNZIP_MORE;
}
