// SPDX-License-Identifier: Apache-2.0
#include "common/json/read.h"

#include "common/base/number.h"
#include "common/base/utf8.h"
#include "common/json/plain.h"
#include "common/json/read_impl.h"

#include <math.h>

/* ---- Strings ------------------------------------------------------------------------------------ */

int32_t
otc__json_unit(const uint8_t *p, const uint8_t *end)
{
    int32_t unit = 0;

    if (end - p < OTC_JSON_UNIT_BYTES || p[0] != '\\' || p[1] != 'u') {
        return -1;
    }
    for (int i = 2; i < OTC_JSON_UNIT_BYTES; i++) {
        int digit = otc_hex_digit(p[i]);

        if (digit < 0) {
            return -1;
        }
        unit = unit * 16 + digit;
    }
    return unit;
}

bool
otc__json_pair(int32_t high, int32_t low)
{
    return high >= 0xd800 && high <= 0xdbff && low >= 0xdc00 && low <= 0xdfff;
}

/* The escape whose backslash is at `p`: its code point, a lone surrogate's as it is, and the position after
 * it; NULL: bad. */
static const uint8_t *
read_escape(const uint8_t *p, const uint8_t *end, uint32_t *code)
{
    static const char letters[] = "\"\\/bfnrt", meaning[] = "\"\\/\b\f\n\r\t";
    const char *letter = end - p > 1 && p[1] ? strchr(letters, p[1]) : NULL;
    int32_t unit, next;

    if (letter) {
        *code = (uint8_t)meaning[letter - letters];
        return p + 2;
    }
    unit = otc__json_unit(p, end);
    if (unit < 0) {
        return NULL;
    }
    p += OTC_JSON_UNIT_BYTES;
    *code = (uint32_t)unit;
    if (!OTC_JSON_IS_SURROGATE(unit)) {
        return p;
    }
    next = otc__json_unit(p, end);
    if (!otc__json_pair(unit, next)) {
        return p;
    }
    *code = 0x10000 + (((uint32_t)unit - 0xd800) << 10) + ((uint32_t)next - 0xdc00);
    return p + OTC_JSON_UNIT_BYTES;
}

static bool
fault(struct otc_json_reader *in, const uint8_t *at, const char *what)
{
    in->p = at;
    in->fault = what;
    return false;
}

bool
otc__json_string(struct otc_json_reader *in, struct otc_json_view *out, bool *nul)
{
    const uint8_t *p = in->p + 1, *begin = p;
    uint32_t code;
    size_t len;

    out->type = OTC_JSON_STRING;
    out->escaped = false;
    *nul = false;
    while ((p = otc__json_plain(p, in->end)) < in->end && *p != '"') {
        if (*p < 0x20) {
            return fault(in, p, "control character in a string");
        }
        if (*p == '\\') {
            const uint8_t *after = read_escape(p, in->end, &code);

            if (!after) {
                return fault(in, p, "bad escape in a string");
            }
            out->escaped = true;
            *nul = *nul || code == 0;
            p = after;
        } else if ((len = otc_utf8_length(p, (size_t)(in->end - p)))) {
            p += len;
        } else {
            return fault(in, p, "bad UTF-8 in a string");
        }
    }
    if (p == in->end) {
        return fault(in, p, "the text ends in a string");
    }
    out->text = otc_slice_of(begin, (size_t)(p - begin));
    in->p = p + 1;
    return true;
}

/* Writes a code point of read_escape(); U+FFFD for a lone surrogate. */
static size_t
put_code(uint32_t code, uint8_t *out)
{
    return otc_utf8_put(OTC_JSON_IS_SURROGATE(code) ? 0xfffd : code, out);
}

static size_t
unescape(const struct otc_json_view *view, bool by_twos, uint8_t *out)
{
    const uint8_t *p = view->text.data, *end = p + view->text.len;
    size_t len = 0;

    while (p < end) {
        const uint8_t *slash = memchr(p, '\\', (size_t)(end - p));
        size_t plain = (size_t)((slash ? slash : end) - p);
        uint32_t code = 0;

        memcpy(out + len, p, plain);
        len += plain;
        p += plain;
        if (slash) {
            int32_t second;

            p = read_escape(p, end, &code);
            if (!p) {
                return len; /* no scan found this */
            }
            len += put_code(code, out + len);
            if (by_twos && OTC_JSON_IS_SURROGATE(code) && (second = otc__json_unit(p, end)) >= 0) {
                len += put_code((uint32_t)second, out + len);
                p += OTC_JSON_UNIT_BYTES;
            }
        }
    }
    return len;
}

size_t
otc_json_unescape(const struct otc_json_view *view, uint8_t *out)
{
    return unescape(view, false, out);
}

size_t
otc_json_unescape_by_twos(const struct otc_json_view *view, uint8_t *out)
{
    return unescape(view, true, out);
}

/* ---- Other scalars ------------------------------------------------------------------------------ */

static const uint8_t *
skip_digits(const uint8_t *p, const uint8_t *end)
{
    while (p < end && *p >= '0' && *p <= '9') {
        p++;
    }
    return p;
}

/* The end of the number at `p`; NULL: it is none. */
static const uint8_t *
end_of_number(const uint8_t *p, const uint8_t *end, bool *whole)
{
    const uint8_t *digits = p + (p < end && *p == '-');

    *whole = true;
    p = skip_digits(digits, end);
    if (p == digits || (*digits == '0' && p - digits > 1)) {
        return NULL;
    }
    if (p < end && *p == '.') {
        digits = ++p;
        p = skip_digits(p, end);
        *whole = false;
        if (p == digits) {
            return NULL;
        }
    }
    if (p < end && (*p | 0x20) == 'e') {
        p++;
        p += p < end && (*p == '+' || *p == '-');
        digits = p;
        p = skip_digits(p, end);
        *whole = false;
        if (p == digits) {
            return NULL;
        }
    }
    return p;
}

static bool
read_number(struct otc_json_reader *in, struct otc_json_view *out)
{
    bool whole;
    const uint8_t *end = end_of_number(in->p, in->end, &whole);

    if (!end) {
        return fault(in, in->p, "expected a value");
    }
    out->text = otc_slice_of(in->p, (size_t)(end - in->p));
    if (whole && otc_parse_int64(out->text, &out->integer)) {
        out->type = OTC_JSON_INT;
        out->real = (double)out->integer;
    } else if (otc_parse_double(out->text, &out->real) && !isinf(out->real)) {
        out->type = OTC_JSON_REAL;
    } else {
        return fault(in, in->p, "a number too large or too long");
    }
    in->p = end;
    return true;
}

static bool
read_word(struct otc_json_reader *in, const char *word)
{
    size_t len = strlen(word);

    if ((size_t)(in->end - in->p) < len || memcmp(in->p, word, len) != 0) {
        return fault(in, in->p, "expected a value");
    }
    in->p += len;
    return true;
}

bool
otc__json_scalar(struct otc_json_reader *in, struct otc_json_view *out)
{
    bool nul;

    switch (*in->p) {
    case '"':
        return otc__json_string(in, out, &nul);
    case 't':
        out->type = OTC_JSON_BOOL;
        out->truth = true;
        return read_word(in, "true");
    case 'f':
        out->type = OTC_JSON_BOOL;
        out->truth = false;
        return read_word(in, "false");
    case 'n':
        out->type = OTC_JSON_NULL;
        return read_word(in, "null");
    default:
        return read_number(in, out);
    }
}

/* ---- Values ------------------------------------------------------------------------------------- */

bool
otc_json_read_value(struct otc_json_reader *in, struct otc_json_view *out)
{
    otc__json_blanks(in);
    if (in->p == in->end) {
        return fault(in, in->p, "the text ends where a value is expected");
    }
    if (*in->p != '{' && *in->p != '[') {
        return otc__json_scalar(in, out);
    }
    out->type = *in->p == '{' ? OTC_JSON_OBJECT : OTC_JSON_ARRAY;
    out->text = OTC_SLICE_NONE;
    in->p++;
    return true;
}

/* What comes before a value of an array or object: nothing before the first, else a comma. False at the end,
 * and for a fault. */
static bool
another(struct otc_json_reader *in, bool *first, uint8_t closing)
{
    bool was_first = *first;

    *first = false;
    otc__json_blanks(in);
    if (in->p == in->end) {
        return fault(in, in->p, closing == '}' ? "the text ends in an object" : "the text ends in an array");
    }
    if (*in->p == closing) {
        in->p++;
        return false;
    }
    if (was_first) {
        return true;
    }
    if (*in->p != ',') {
        return fault(in, in->p, closing == '}' ? "expected ',' or '}'" : "expected ',' or ']'");
    }
    in->p++;
    return true;
}

bool
otc_json_read_element(struct otc_json_reader *in, bool *first)
{
    return another(in, first, ']');
}

bool
otc_json_read_member(struct otc_json_reader *in, bool *first, struct otc_json_view *key)
{
    bool nul;

    if (!another(in, first, '}')) {
        return false;
    }
    otc__json_blanks(in);
    if (in->p == in->end || *in->p != '"') {
        return fault(in, in->p, "expected a key in quotes");
    }
    if (!otc__json_string(in, key, &nul)) {
        return false;
    }
    if (nul) {
        return fault(in, key->text.data, "NUL in a key");
    }
    otc__json_blanks(in);
    if (in->p == in->end || *in->p != ':') {
        return fault(in, in->p, "expected ':'");
    }
    in->p++;
    return true;
}

bool
otc_json_skip_value(struct otc_json_reader *in, const struct otc_json_view *view, uint32_t max_depth,
                    bool *too_deep)
{
    bool objects[OTC_JSON_SKIP_DEPTH], first = true;
    struct otc_json_view inner = {.type = view->type}, key;
    uint32_t depth = 0;

    *too_deep = false;
    do {
        if (inner.type == OTC_JSON_ARRAY || inner.type == OTC_JSON_OBJECT) {
            if (depth >= max_depth || depth == OTC_JSON_SKIP_DEPTH) {
                *too_deep = true;
                return false;
            }
            objects[depth++] = inner.type == OTC_JSON_OBJECT;
            first = true;
        }
        while (depth > 0 && !(objects[depth - 1] ? otc_json_read_member(in, &first, &key)
                                                 : otc_json_read_element(in, &first))) {
            if (in->fault) {
                return false;
            }
            depth--;
        }
    } while (depth > 0 && otc_json_read_value(in, &inner));
    return !in->fault;
}

bool
otc_json_read_end(struct otc_json_reader *in)
{
    otc__json_blanks(in);
    return in->p == in->end || fault(in, in->p, "something follows the value");
}

void
otc_json_where(const struct otc_json_reader *in, struct otc_slice text, size_t *line, size_t *column)
{
    *line = *column = 1;
    for (const uint8_t *p = text.data; p < in->p; p++) {
        *column = *p == '\n' ? 1 : *column + 1;
        *line += *p == '\n';
    }
}
