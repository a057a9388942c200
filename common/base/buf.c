// SPDX-License-Identifier: Apache-2.0
#include "common/base/buf.h"

#include <stdarg.h>

#define MIN_CAPACITY 64

void
otc_buf_init(struct otc_buf *buf, size_t limit)
{
    *buf = (struct otc_buf){.limit = limit};
}

void
otc_buf_release(struct otc_buf *buf)
{
    if (buf) {
        free(buf->data);
        otc_buf_init(buf, buf->limit);
    }
}

void
otc_buf_clear(struct otc_buf *buf)
{
    buf->len = 0;
    buf->failed = false;
}

void
otc_buf_clear_large(struct otc_buf *buf, size_t most)
{
    if (buf->capacity > most) {
        otc_buf_release(buf);
    } else {
        otc_buf_clear(buf);
    }
}

static bool
give_up(struct otc_buf *buf)
{
    buf->failed = true;
    return false;
}

/* Grows by doubling; `need` may pass the limit by the one byte of otc_buf_cstr's NUL. */
static bool
grow(struct otc_buf *buf, size_t need)
{
    size_t capacity = buf->capacity < MIN_CAPACITY ? MIN_CAPACITY : buf->capacity;
    uint8_t *data;

    while (capacity < need) {
        capacity = capacity > SIZE_MAX / 2 ? need : capacity * 2;
    }
    if (capacity > buf->limit && need <= buf->limit) {
        capacity = buf->limit;
    }
    data = realloc(buf->data, capacity);
    if (!data) {
        return give_up(buf);
    }
    buf->data = data;
    buf->capacity = capacity;
    return true;
}

bool
otc_buf_reserve(struct otc_buf *buf, size_t extra)
{
    if (buf->failed || extra > buf->limit || buf->len > buf->limit - extra) {
        return give_up(buf);
    }
    return buf->len + extra <= buf->capacity || grow(buf, buf->len + extra);
}

bool
otc_buf_append(struct otc_buf *buf, const void *data, size_t len)
{
    if (!otc_buf_reserve(buf, len)) {
        return false;
    }
    if (len > 0) {
        memcpy(buf->data + buf->len, data, len);
        buf->len += len;
    }
    return true;
}

bool
otc_buf_append_slice(struct otc_buf *buf, struct otc_slice slice)
{
    return otc_buf_append(buf, slice.data, slice.len);
}

bool
otc_buf_append_str(struct otc_buf *buf, const char *text)
{
    return otc_buf_append(buf, text, strlen(text));
}

bool
otc_buf_append_byte(struct otc_buf *buf, uint8_t byte)
{
    return otc_buf_append(buf, &byte, 1);
}

bool
otc_buf_printf(struct otc_buf *buf, const char *format, ...)
{
    char small[256];
    va_list args, again;
    char *text = small;
    bool ok;
    int n;

    va_start(args, format);
    va_copy(again, args);
    n = vsnprintf(small, sizeof(small), format, args);
    va_end(args);
    if (n >= (int)sizeof(small) && (size_t)n <= buf->limit) {
        text = malloc((size_t)n + 1);
        if (text) {
            vsnprintf(text, (size_t)n + 1, format, again);
        }
    }
    va_end(again);
    ok = n >= 0 && text &&
         otc_buf_append(buf, text, (size_t)n < sizeof(small) || text != small ? (size_t)n : SIZE_MAX);
    if (text != small) {
        free(text);
    }
    return ok || give_up(buf);
}

const char *
otc_buf_cstr(struct otc_buf *buf)
{
    if (buf->failed || (buf->len == buf->capacity && !grow(buf, buf->len + 1))) {
        return NULL;
    }
    buf->data[buf->len] = '\0';
    return (const char *)buf->data;
}

uint8_t *
otc_buf_take(struct otc_buf *buf, size_t *len)
{
    uint8_t *data = buf->data;

    if (len) {
        *len = buf->len;
    }
    otc_buf_init(buf, buf->limit);
    return data;
}
