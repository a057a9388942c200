// SPDX-License-Identifier: Apache-2.0
/** @file A growable byte buffer with a ceiling. */
#ifndef OTC_BASE_BUF_H
#define OTC_BASE_BUF_H

#include "common/base/slice.h"
#include "common/base/status.h"

/**
 * Owned by one thread. Zero-initialised with a limit it is empty and usable:
 * `struct otc_buf b = {.limit = 4096};`. Once an append failed, `failed` stays true and further
 * appends are no-ops, so that a writer may check once at its end.
 */
struct otc_buf {
    uint8_t *data;
    size_t len;
    size_t capacity;
    size_t limit;
    bool failed;
};

/** An empty buffer that never holds more than `limit` bytes. Allocates nothing. */
OTC_API void otc_buf_init(struct otc_buf *buf, size_t limit);
/** Frees the contents; the buffer is empty and usable again with the same limit. NULL is allowed. */
OTC_API void otc_buf_release(struct otc_buf *buf);
/** Keeps the memory, forgets the contents and the failure. */
OTC_API void otc_buf_clear(struct otc_buf *buf);
/** The same, but of more than `most` bytes of memory none is kept: one large piece of work is not held for
 * ever. */
OTC_API void otc_buf_clear_large(struct otc_buf *buf, size_t most);
/** Makes room for `extra` more bytes. False (and `failed`) at the limit or out of memory. */
OTC_API bool otc_buf_reserve(struct otc_buf *buf, size_t extra);
OTC_API bool otc_buf_append(struct otc_buf *buf, const void *data, size_t len);
OTC_API bool otc_buf_append_slice(struct otc_buf *buf, struct otc_slice slice);
OTC_API bool otc_buf_append_str(struct otc_buf *buf, const char *text);
OTC_API bool otc_buf_append_byte(struct otc_buf *buf, uint8_t byte);
/** printf into the buffer. */
OTC_API bool otc_buf_printf(struct otc_buf *buf, const char *format, ...) OTC_PRINTF(2, 3);
/** The contents, borrowed until the buffer changes. */
static inline struct otc_slice
otc_buf_slice(const struct otc_buf *buf)
{
    return otc_slice_of(buf->data, buf->len);
}
/** NUL-terminates (not counted in `len`) and returns the text, or NULL when that failed. Borrowed. */
OTC_API const char *otc_buf_cstr(struct otc_buf *buf);
/** Moves the memory to the caller, who frees it with free(). `*len` may be NULL. The buffer is empty. */
OTC_API uint8_t *otc_buf_take(struct otc_buf *buf, size_t *len);

#define OTC_AUTO_BUF __attribute__((cleanup(otc_buf_release)))

#endif
