// SPDX-License-Identifier: Apache-2.0
/** @file Where the plain characters of a string end, which are read and written as they are. For this folder.
 */
#ifndef OTC_JSON_PLAIN_H
#define OTC_JSON_PLAIN_H

#include <stdint.h>
#include <string.h>

/* Each byte of a word. */
#define OTC__JSON_ALL(byte) ((byte)*UINT64_C(0x0101010101010101))
/* The top bit of the bytes that are zero; behind the first of them, and where the top bit was set, of others.
 */
#define OTC__JSON_ZEROS(word) ((word)-OTC__JSON_ALL(1))

/** The first byte from `p` on that is no plain character of a string: a quote, a backslash, a control
 * character (below 0x20, and 0x7f), not ASCII, or the end. Eight at a time. */
static inline const uint8_t *
otc__json_plain(const uint8_t *p, const uint8_t *end)
{
    while (end - p >= 8) {
        uint64_t word, found;

        memcpy(&word, p, sizeof(word));
        found = word | (word - OTC__JSON_ALL(0x20)) | OTC__JSON_ZEROS(word ^ OTC__JSON_ALL('"')) |
                OTC__JSON_ZEROS(word ^ OTC__JSON_ALL('\\')) | OTC__JSON_ZEROS(word ^ OTC__JSON_ALL(0x7f));
        found &= OTC__JSON_ALL(0x80);
        if (found) {
            return p + __builtin_ctzll(found) / 8;
        }
        p += 8;
    }
    while (p < end && *p >= 0x20 && *p < 0x7f && *p != '"' && *p != '\\') {
        p++;
    }
    return p;
}

#endif
