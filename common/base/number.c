// SPDX-License-Identifier: Apache-2.0
#include "common/base/number.h"

#include "common/base/shortest.h"

#include <errno.h>
#include <float.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_DIGITS 17
/** Longest number text that is looked at; longer ones are not numbers that anybody wrote. */
#define MAX_TEXT 400

/* A decimal: 0.d1d2d3... times 10^point. */
struct decimal {
    char digits[MAX_DIGITS + 1];
    int n;
    int point;
};

static pthread_once_t locale_once = PTHREAD_ONCE_INIT;
static locale_t c_locale;

static void
make_locale(void)
{
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

/* strtod with a '.' whatever setlocale() was told. */
static double
c_strtod(const char *text, char **end)
{
    pthread_once(&locale_once, make_locale);
    return c_locale ? strtod_l(text, end, c_locale) : strtod(text, end);
}

/* Rounds |value| to `n` significant digits. The radix character of the locale is skipped, so it may be any.
 */
static void
round_to(double value, int n, struct decimal *out)
{
    char text[48];
    const char *p = text;

    snprintf(text, sizeof(text), "%.*e", n - 1, value);
    out->n = 0;
    for (; *p && *p != 'e'; p++) {
        if (*p >= '0' && *p <= '9' && out->n < MAX_DIGITS) {
            out->digits[out->n++] = *p;
        }
    }
    out->point = *p ? (int)strtol(p + 1, NULL, 10) + 1 : 1;
}

/* Adds one unit in the last digit. */
static void
step_up(struct decimal *d)
{
    int i = d->n - 1;

    while (i >= 0 && d->digits[i] == '9') {
        d->digits[i--] = '0';
    }
    if (i >= 0) {
        d->digits[i]++;
    } else {
        d->digits[0] = '1';
        d->point++;
    }
}

static bool
reads_back(const struct decimal *d, double value)
{
    char text[48];

    snprintf(text, sizeof(text), "%.*se%d", d->n, d->digits, d->point - d->n);
    return c_strtod(text, NULL) == value;
}

/*
 * The fewest digits that read back. A normal double needs at least the digits that 15-digit rounding leaves,
 * so the search starts there. At a power of two the interval below is half as wide as above, so that the
 * rounded text can miss it while the next one up reads back.
 */
static void
shortest(double value, struct decimal *d)
{
    for (int n = value < DBL_MIN ? 1 : DBL_DIG; n <= MAX_DIGITS; n++) {
        round_to(value, n, d);
        if (reads_back(d, value)) {
            break;
        }
        step_up(d);
        if (n < MAX_DIGITS && reads_back(d, value)) {
            break;
        }
    }
    while (d->n > 1 && d->digits[d->n - 1] == '0') {
        d->n--;
    }
}

/* How numbers are written that are no usual ones. */
struct form {
    int least, most;     /* powers of ten of the first digit that need no exponent */
    int exponent_digits; /* at least */
    const char *infinity, *minus_infinity;
};

/* d.ddde+XX */
static size_t
write_exponent(const struct decimal *d, const char *sign, int exponent_digits, char *out)
{
    int exponent = d->point - 1;

    return (size_t)snprintf(out, OTC_DOUBLE_TEXT_MAX, "%s%c%s%.*se%c%0*d", sign, d->digits[0],
                            d->n > 1 ? "." : "", d->n - 1, d->digits + 1, exponent < 0 ? '-' : '+',
                            exponent_digits, abs(exponent));
}

static size_t
write_plain(const struct decimal *d, const char *sign, char *out)
{
    char *p = out;

    if (*sign) {
        *p++ = *sign;
    }
    for (int i = d->point < 1 ? d->point - 1 : 0; i < d->n || i < d->point; i++) {
        if (i == d->point) {
            *p++ = '.';
        }
        *p++ = (char)(i >= 0 && i < d->n ? d->digits[i] : '0');
    }
    *p = '\0';
    return (size_t)(p - out);
}

/* `out` has room for all that `form` allows. */
static size_t
format(double value, const struct form *form, char *out)
{
    const char *sign = signbit(value) ? "-" : "";
    struct decimal d;
    size_t n;

    if (isnan(value)) {
        return (size_t)snprintf(out, OTC_DOUBLE_TEXT_MAX, "NaN");
    }
    if (isinf(value)) {
        return (size_t)snprintf(out, OTC_DOUBLE_TEXT_MAX, "%s",
                                value < 0 ? form->minus_infinity : form->infinity);
    }
    if (value == 0) {
        return (size_t)snprintf(out, OTC_DOUBLE_TEXT_MAX, "%s0", sign);
    }
    if (fabs(value) < 1e15 && value == (double)(int64_t)value) {
        n = otc_format_int64((int64_t)value, out);
        out[n] = '\0';
        return n;
    }
    if (fabs(value) >= OTC_SHORTEST_FROM && fabs(value) < OTC_SHORTEST_BELOW) {
        out[0] = '-';
        return (value < 0) + otc_format_shortest(fabs(value), out + (value < 0));
    }
    shortest(fabs(value), &d);
    if (d.point - 1 < form->least || d.point - 1 > form->most) {
        return write_exponent(&d, sign, form->exponent_digits, out);
    }
    return write_plain(&d, sign, out);
}

size_t
otc_format_double(double value, char out[OTC_DOUBLE_TEXT_MAX])
{
    static const struct form form = {-4, 20, 2, "+Inf", "-Inf"};

    return format(value, &form, out);
}

size_t
otc_format_json_double(double value, char out[OTC_DOUBLE_TEXT_MAX])
{
    static const struct form form = {-6, 20, 1, "Infinity", "-Infinity"};

    return format(value, &form, out);
}

size_t
otc_format_jsoniter_double(double value, char out[OTC_DOUBLE_TEXT_MAX])
{
    static const struct form form = {-6, 20, 2, "Infinity", "-Infinity"};

    return format(value, &form, out);
}

size_t
otc_format_plain_double(double value, char out[OTC_PLAIN_DOUBLE_TEXT_MAX])
{
    static const struct form form = {-400, 400, 0, "+Inf", "-Inf"};

    return format(value, &form, out);
}

/* What a plain decimal says when its digits fit into 53 bits and its power of ten is exact: then one
 * multiplication or division rounds as strtod does (Clinger 1990). False: ask strtod. */
static bool
plain_decimal(struct otc_slice text, double *out)
{
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    size_t i = text.len > 0 && text.data[0] == '-';
    uint64_t digits = 0;
    size_t n = 0, decimals = 0;
    bool point = false;

    for (; i < text.len; i++) {
        uint8_t byte = text.data[i];

        if (byte == '.' && !point) {
            point = true;
        } else if (byte >= '0' && byte <= '9' && n < MAX_DIGITS + 1) {
            digits = digits * 10 + (byte - '0');
            n++;
            decimals += point;
        } else {
            return false;
        }
    }
    if (n == 0 || digits > UINT64_C(1) << 53) {
        return false;
    }
    *out = (double)digits / powers[decimals];
    *out = text.data[0] == '-' ? -*out : *out;
    return true;
}

/* strtod of a text that has to be a number as a whole; `text[len]` is NUL. */
static bool
read_whole(const char *text, size_t len, double *out)
{
    char *end;
    double value = c_strtod(text, &end);

    if (len == 0 || end != text + len) {
        return false;
    }
    *out = value;
    return true;
}

bool
otc_parse_double(struct otc_slice text, double *out)
{
    char copy[MAX_TEXT + 1];

    if (plain_decimal(text, out)) {
        return true;
    }
    if (text.len == 0 || text.len > MAX_TEXT || strchr(" \t\n\v\f\r", text.data[0])) {
        return false;
    }
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    return !strpbrk(copy, "xXpP(") && read_whole(copy, text.len, out);
}

/* Copies a text without its underscores, which must stand between digits, or after "0x". False: one does not,
 * or the text is too long. */
static bool
without_underscores(struct otc_slice text, bool hex, char copy[MAX_TEXT + 1], size_t *len)
{
    bool after_digit = false;

    *len = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = text.data[i];
        bool digit =
            (byte >= '0' && byte <= '9') || (hex && (otc_hex_digit(byte) >= 0 || (byte | 0x20) == 'x'));

        if (byte == '_') {
            if (!after_digit || i + 1 == text.len) {
                return false;
            }
        } else if ((!digit && i > 0 && text.data[i - 1] == '_') || *len == MAX_TEXT) {
            return false;
        } else {
            copy[(*len)++] = (char)byte;
        }
        after_digit = digit;
    }
    copy[*len] = '\0';
    return true;
}

bool
otc_parse_go_double(struct otc_slice text, double *out)
{
    size_t sign = text.len > 0 && (text.data[0] == '-' || text.data[0] == '+');
    bool hex = text.len > sign + 1 && text.data[sign] == '0' && (text.data[sign + 1] | 0x20) == 'x';
    char copy[MAX_TEXT + 1];
    double value;
    size_t len;

    if (!without_underscores(text, hex, copy, &len) || strpbrk(copy, " \t\n\v\f\r(") ||
        (strpbrk(copy, "pP") != NULL) != hex || !read_whole(copy, len, &value)) {
        return false;
    }
    /* No sign before NaN; infinity only by its name. */
    if ((isnan(value) && sign) || (isinf(value) && strpbrk(copy, "0123456789"))) {
        return false;
    }
    *out = value;
    return true;
}

bool
otc_parse_int64(struct otc_slice text, int64_t *out)
{
    bool negative = text.len > 0 && text.data[0] == '-';
    size_t i = negative || (text.len > 0 && text.data[0] == '+');
    int64_t value = 0;

    if (i == text.len) {
        return false;
    }
    for (; i < text.len; i++) {
        int digit = text.data[i] - '0';

        if (digit < 0 || digit > 9 || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, digit, &value)) {
            return false;
        }
    }
    /* Gathered below zero, where there is room for one more. */
    if (!negative && __builtin_sub_overflow(INT64_C(0), value, &value)) {
        return false;
    }
    *out = value;
    return true;
}

size_t
otc_format_int64(int64_t value, char out[OTC_INT64_TEXT_MAX])
{
    static const char pairs[] =
        "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
        "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
        "8081828384858687888990919293949596979899";
    char digits[OTC_INT64_TEXT_MAX];
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    size_t at = sizeof(digits);

    while (rest >= 10) {
        at -= 2;
        memcpy(digits + at, pairs + rest % 100 * 2, 2);
        rest /= 100;
    }
    if (rest > 0 || at == sizeof(digits)) {
        digits[--at] = (char)('0' + rest);
    }
    if (value < 0) {
        digits[--at] = '-';
    }
    memcpy(out, digits + at, sizeof(digits) - at);
    return sizeof(digits) - at;
}
