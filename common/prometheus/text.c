// SPDX-License-Identifier: Apache-2.0
#include "common/prometheus/text.h"

#include "common/base/number.h"
#include "common/base/utf8.h"

#include <inttypes.h>
#include <math.h>

/** From here on Go writes an exponent. */
#define EXPONENT_FROM 1e6

/** Rewrites plain decimal text of a number of at least 1e6 ("1234567.5") as "1.2345675e+06". */
static void
put_exponent(struct otc_buf *out, const char *text, size_t len)
{
    char digits[OTC_DOUBLE_TEXT_MAX] = "0";
    size_t n = 0;
    size_t whole = 0;
    bool fraction = false;

    if (*text == '-') {
        otc_buf_append_byte(out, '-');
        text++;
        len--;
    }
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '.') {
            fraction = true;
        } else {
            digits[n++] = text[i];
            whole += fraction ? 0 : 1;
        }
    }
    while (n > 1 && digits[n - 1] == '0') {
        n--;
    }
    otc_buf_append_byte(out, (uint8_t)digits[0]);
    if (n > 1) {
        otc_buf_append_byte(out, '.');
        otc_buf_append(out, digits + 1, n - 1);
    }
    otc_buf_printf(out, "e+%02zu", whole - 1);
}

void
otc_prom_put_number(struct otc_buf *out, double value, bool point)
{
    char text[OTC_DOUBLE_TEXT_MAX];
    size_t len = otc_format_double(value, text);

    if (isfinite(value) && fabs(value) >= EXPONENT_FROM && !memchr(text, 'e', len)) {
        put_exponent(out, text, len);
        return;
    }
    otc_buf_append(out, text, len);
    if (point && isfinite(value) && !memchr(text, 'e', len) && !memchr(text, '.', len)) {
        otc_buf_append_str(out, ".0");
    }
}

void
otc_prom_put_seconds(struct otc_buf *out, uint64_t ns)
{
    uint64_t fraction = ns % 1000000000u;
    int digits = 9;

    otc_buf_printf(out, "%" PRIu64, ns / 1000000000u);
    if (fraction == 0) {
        return;
    }
    while (fraction % 10 == 0) {
        fraction /= 10;
        digits--;
    }
    otc_buf_printf(out, ".%0*" PRIu64, digits, fraction);
}

/** Bytes of `text` that are ASCII for sure, from its begin: all but the last few, mostly. */
static size_t
ascii_length(struct otc_slice text)
{
    size_t sound = 0;
    uint64_t word;

    for (; text.len - sound >= sizeof(word); sound += sizeof(word)) {
        memcpy(&word, text.data + sound, sizeof(word));
        if (word & UINT64_C(0x8080808080808080)) {
            break;
        }
    }
    return sound;
}

void
otc_prom_put_utf8(struct otc_buf *out, struct otc_slice text)
{
    while (text.len > 0) {
        size_t sound = ascii_length(text);
        size_t step;

        while (sound < text.len && (step = otc_utf8_length(text.data + sound, text.len - sound)) > 0) {
            sound += step;
        }
        otc_buf_append(out, text.data, sound);
        text = otc_slice_skip(text, sound);
        if (text.len > 0) {
            otc_buf_append_str(out, "\xef\xbf\xbd");
            text = otc_slice_skip(text, 1);
        }
    }
}

void
otc_prom_put_escaped(struct otc_buf *out, struct otc_slice text, bool quotes)
{
    size_t start = 0;

    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];

        if (c != '\\' && c != '\n' && (c != '"' || !quotes)) {
            continue;
        }
        otc_buf_append(out, text.data + start, i - start);
        otc_buf_append_byte(out, '\\');
        otc_buf_append_byte(out, c == '\n' ? 'n' : c);
        start = i + 1;
    }
    otc_buf_append_slice(out, otc_slice_skip(text, start));
}

static bool
is_classic_byte(uint8_t c, bool first, bool label)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c == ':' && !label) ||
           (c >= '0' && c <= '9' && !first);
}

bool
otc_prom_is_classic(struct otc_slice name, bool label)
{
    for (size_t i = 0; i < name.len; i++) {
        if (!is_classic_byte(name.data[i], i == 0, label)) {
            return false;
        }
    }
    return name.len > 0;
}

static uint8_t
classic_byte(struct otc_slice name, size_t i, bool label)
{
    return is_classic_byte(name.data[i], i == 0, label) ? name.data[i] : '_';
}

void
otc_prom_put_classic(struct otc_buf *out, struct otc_slice name, bool label)
{
    for (size_t i = 0; i < name.len; i++) {
        otc_buf_append_byte(out, classic_byte(name, i, label));
    }
}

bool
otc_prom_is_same_classic(struct otc_slice a, struct otc_slice b)
{
    for (size_t i = 0; a.len == b.len && i < a.len; i++) {
        if (classic_byte(a, i, true) != classic_byte(b, i, true)) {
            return false;
        }
    }
    return a.len == b.len;
}

size_t
otc_prom_utf8_cut(struct otc_slice text, size_t max)
{
    size_t len = text.len < max ? text.len : max;

    while (len > 0 && len < text.len && (text.data[len] & 0xc0) == 0x80) {
        len--;
    }
    return len;
}
