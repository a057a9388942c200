// SPDX-License-Identifier: Apache-2.0
/** @file Characters as UTF-8. */
#ifndef OTC_BASE_UTF8_H
#define OTC_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/** Writes a character below 0x110000 to `out`, which has room for 4 bytes; returns how many there are. */
size_t otc_utf8_put(uint32_t code, uint8_t *out);
/** Length of the character that the `n` bytes at `p` begin with, at least 1 of them; 0: none (no overlong
 * form, no surrogate, nothing above U+10FFFF is one). */
size_t otc_utf8_length(const uint8_t *p, size_t n);

#endif
