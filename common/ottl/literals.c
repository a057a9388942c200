// SPDX-License-Identifier: Apache-2.0
#include "common/ottl/literals.h"

#include "common/base/number.h"
#include "common/otlp/build_attributes.h"
#include "common/otlp/wire.h"
#include "common/ottl/condition_impl.h"

#include <ctype.h>

static otc_status
expected(size_t at, const char *what, struct otc_error *err)
{
    return otc_fail(err, OTC_INVALID_ARGUMENT, "character %zu: expected %s", at + 1, what);
}

static otc_status
out_of_memory(struct otc_error *err)
{
    return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
}

/* ---- Texts -------------------------------------------------------------------------------------- */

/* Digits of a base, exactly `n`; false: there are not so many. */
static bool
take_digits(struct otc_slice text, size_t *at, size_t n, uint32_t base, uint32_t *out)
{
    for (*out = 0; n > 0; n--) {
        int digit = *at < text.len ? otc_hex_digit(text.data[*at]) : -1;

        if (digit < 0 || (uint32_t)digit >= base) {
            return false;
        }
        *out = *out * base + (uint32_t)digit;
        (*at)++;
    }
    return true;
}

/* What stands behind a backslash, as Go reads it; false: nothing that it knows. */
static bool
take_escape(struct otc_slice text, size_t *at, struct otc_buf *out)
{
    static const char names[] = "abfnrtv\\\"", meanings[] = "\a\b\f\n\r\t\v\\\"";
    uint8_t c = *at < text.len ? text.data[*at] : 0;
    const char *name = c ? strchr(names, c) : NULL;
    uint32_t number = 0;
    bool known;

    if (name) {
        (*at)++;
        return otc_buf_append_byte(out, (uint8_t)meanings[name - names]);
    }
    if (c >= '0' && c <= '7') {
        known = take_digits(text, at, 3, 8, &number) && number < 256;
    } else {
        *at += c != 0;
        known = c == 'x'   ? take_digits(text, at, 2, 16, &number)
                : c == 'u' ? take_digits(text, at, 4, 16, &number)
                : c == 'U' ? take_digits(text, at, 8, 16, &number)
                           : false;
    }
    if (!known || number > 0x10FFFF || (number >= 0xD800 && number < 0xE000)) {
        return false;
    }
    otc_ottl_put_character(out, number);
    return true;
}

/* Bytes up to the closing quote, or to the end. */
static size_t
quoted_bytes(struct otc_slice text, size_t at)
{
    size_t end = at;

    while (end < text.len && text.data[end] != '"') {
        end += text.data[end] == '\\' ? 2 : 1;
    }
    return (end < text.len ? end : text.len) - at;
}

otc_status
otc_ottl_read_text(struct otc_slice text, size_t *at, struct otc_arena *texts, struct otc_slice *out,
                   struct otc_error *err)
{
    size_t most = quoted_bytes(text, *at + 1) + 1; /* an escape is longer than its text */
    uint8_t *copy = otc_arena_alloc(texts, most);
    struct otc_buf made = {.data = copy, .capacity = most, .limit = most};

    if (!copy) {
        return out_of_memory(err);
    }
    (*at)++;
    while (*at < text.len && text.data[*at] != '"') {
        uint8_t c = text.data[(*at)++];

        if (c != '\\') {
            (void)otc_buf_append_byte(&made, c);
        } else if (!take_escape(text, at, &made)) {
            return expected(*at, "an escape such as \\\\, \\\", \\n or \\u00e4", err);
        }
    }
    if (*at == text.len) {
        return expected(*at, "the closing double quote", err);
    }
    (*at)++;
    *out = otc_slice_of(copy, made.len);
    return OTC_OK;
}

/* ---- Bytes and numbers -------------------------------------------------------------------------- */

static bool
is_word(uint8_t c)
{
    return isalnum(c) || c == '_';
}

otc_status
otc_ottl_read_bytes(struct otc_slice text, size_t *at, struct otc_arena *texts, struct otc_value *out,
                    struct otc_error *err)
{
    size_t begin = *at + 2, end = begin;
    uint8_t *copy;

    while (end < text.len && otc_hex_digit(text.data[end]) >= 0) {
        end++;
    }
    *at = end;
    if (end == begin || (end - begin) % 2 != 0 || (end < text.len && is_word(text.data[end]))) {
        return expected(end - (end - begin) % 2, "two hexadecimal digits a byte", err);
    }
    copy = otc_arena_alloc(texts, (end - begin) / 2);
    if (!copy) {
        return out_of_memory(err);
    }
    for (size_t i = 0; i < (end - begin) / 2; i++) {
        copy[i] = (uint8_t)(16 * otc_hex_digit(text.data[begin + 2 * i]) +
                            otc_hex_digit(text.data[begin + 2 * i + 1]));
    }
    *out = (struct otc_value){OTC_VALUE_BYTES, {.slice = {copy, (end - begin) / 2}}};
    return OTC_OK;
}

/* Digits behind a 0: false: another one, or more than an integer holds. */
static bool
parse_octal(struct otc_slice digits, int64_t *out)
{
    uint64_t number = 0;

    for (size_t i = 0; i < digits.len; i++) {
        if (digits.data[i] > '7' || number > (uint64_t)INT64_MAX >> 3) {
            return false;
        }
        number = number << 3 | (digits.data[i] - '0');
    }
    *out = (int64_t)number;
    return true;
}

otc_status
otc_ottl_read_number(struct otc_slice text, size_t *at, struct otc_value *out, struct otc_error *err)
{
    size_t end = *at, digits = 0;
    struct otc_slice number;

    while (end < text.len &&
           (is_word(text.data[end]) || text.data[end] == '.' ||
            (strchr("+-", text.data[end]) && end > *at && strchr("eE", text.data[end - 1])))) {
        digits += isdigit(text.data[end]) != 0;
        end++;
    }
    number = otc_slice_of(text.data + *at, end - *at);
    if (digits == number.len && digits > 1 && number.data[0] == '0') {
        if (!parse_octal(number, &out->as.integer)) {
            return expected(*at, "a number, in octal where it begins with 0", err);
        }
        out->type = OTC_VALUE_INT;
    } else if (otc_parse_int64(number, &out->as.integer)) {
        out->type = OTC_VALUE_INT;
    } else if (otc_parse_double(number, &out->as.real)) {
        out->type = OTC_VALUE_DOUBLE;
    } else {
        return expected(*at, "a number", err);
    }
    *at = end;
    return OTC_OK;
}

/* ---- Lists -------------------------------------------------------------------------------------- */

void
otc_ottl_put_element(struct otc_buf *out, const struct otc_value *value)
{
    size_t element = otc_wire_begin(out, 1);

    otc_wire_put_value(out, value);
    otc_wire_end(out, element);
}
