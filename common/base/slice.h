// SPDX-License-Identifier: Apache-2.0
/** @file Borrowed bytes: a pointer and a length, never NUL-terminated by promise. */
#ifndef OTC_BASE_SLICE_H
#define OTC_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/** Bytes that somebody else owns. `data` may be NULL when `len` is 0. A value type. */
struct otc_slice {
    const uint8_t *data;
    size_t len;
};

#define OTC_SLICE_NONE ((struct otc_slice){NULL, 0})
/** A slice of a string literal, usable in initialisers. */
#define OTC_SLICE_LIT(literal)                                                                               \
    {                                                                                                        \
        (const uint8_t *)(literal), sizeof(literal) - 1                                                      \
    }

/** For printf's "%.*s". */
#define OTC_SLICE_ARG(slice) (int)(slice).len, (const char *)(slice).data

static inline struct otc_slice
otc_slice_of(const void *data, size_t len)
{
    return (struct otc_slice){data, len};
}

static inline struct otc_slice
otc_slice_str(const char *text)
{
    return (struct otc_slice){(const uint8_t *)text, text ? strlen(text) : 0};
}

static inline bool
otc_slice_equal(struct otc_slice a, struct otc_slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/** Copies a slice to `*at`, where there is room for it, and moves that on; returns the copy. */
static inline struct otc_slice
otc_slice_place(uint8_t **at, struct otc_slice slice)
{
    struct otc_slice copy = otc_slice_of(*at, slice.len);

    if (slice.len > 0) {
        memcpy(*at, slice.data, slice.len);
    }
    *at += slice.len;
    return copy;
}

static inline bool
otc_slice_equal_str(struct otc_slice a, const char *b)
{
    return otc_slice_equal(a, otc_slice_str(b));
}

static inline bool
otc_slice_starts(struct otc_slice a, struct otc_slice prefix)
{
    return a.len >= prefix.len && (prefix.len == 0 || memcmp(a.data, prefix.data, prefix.len) == 0);
}

static inline struct otc_slice
otc_slice_skip(struct otc_slice a, size_t n)
{
    if (n >= a.len) {
        return (struct otc_slice){a.len ? a.data + a.len : a.data, 0}; /* NULL + 0 is undefined */
    }
    return (struct otc_slice){a.data + n, a.len - n};
}

/** What a hexadecimal digit is worth; -1: it is none. */
static inline int
otc_hex_digit(uint8_t c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/** Without the blanks and tabs around it. */
static inline struct otc_slice
otc_slice_trim(struct otc_slice a)
{
    while (a.len > 0 && (a.data[0] == ' ' || a.data[0] == '\t')) {
        a = otc_slice_skip(a, 1);
    }
    while (a.len > 0 && (a.data[a.len - 1] == ' ' || a.data[a.len - 1] == '\t')) {
        a.len--;
    }
    return a;
}

/** The part before the next `separator`, all of it without one; `*rest` is what stands behind. */
static inline struct otc_slice
otc_slice_take(struct otc_slice *rest, char separator)
{
    const uint8_t *at = rest->len > 0 ? (const uint8_t *)memchr(rest->data, separator, rest->len) : NULL;
    struct otc_slice part = otc_slice_of(rest->data, at ? (size_t)(at - rest->data) : rest->len);

    *rest = otc_slice_skip(*rest, part.len + (at != NULL));
    return part;
}

/** memcmp order, the shorter first on a tie: <0, 0, >0. */
static inline int
otc_slice_compare(struct otc_slice a, struct otc_slice b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int order = n == 0 ? 0 : memcmp(a.data, b.data, n);

    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

#endif
