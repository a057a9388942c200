// SPDX-License-Identifier: Apache-2.0
#include "common/base/clock.h"

#include "common/base/number.h"

#include <stdio.h>

/* ---- Durations ------------------------------------------------------------------------------------------
 */

static const struct unit {
    struct otc_slice name;
    int64_t ns;
} units[] = {
    {OTC_SLICE_LIT("ns"), 1},
    {OTC_SLICE_LIT("us"), OTC_MICROSECOND},
    {OTC_SLICE_LIT("\xc2\xb5s"), OTC_MICROSECOND}, /* U+00B5 micro sign */
    {OTC_SLICE_LIT("\xce\xbcs"), OTC_MICROSECOND}, /* U+03BC Greek mu */
    {OTC_SLICE_LIT("ms"), OTC_MILLISECOND},
    {OTC_SLICE_LIT("s"), OTC_SECOND},
    {OTC_SLICE_LIT("m"), OTC_MINUTE},
    {OTC_SLICE_LIT("h"), OTC_HOUR},
    {OTC_SLICE_LIT("d"), OTC_DAY},
};

static bool
is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* One "1.5h" of a duration: digits, fraction, unit. */
struct term {
    int64_t whole;
    double fraction;
    struct otc_slice unit;
};

/* False when no number or an overflow. The unit is what stands before the next digit or point. */
static bool
take_term(struct otc_slice *rest, struct term *term)
{
    double scale = 0.1;
    bool any = false;
    size_t n = 0;

    *term = (struct term){0};
    for (; rest->len > 0 && is_digit(rest->data[0]); *rest = otc_slice_skip(*rest, 1), any = true) {
        if (__builtin_mul_overflow(term->whole, 10, &term->whole) ||
            __builtin_add_overflow(term->whole, rest->data[0] - '0', &term->whole)) {
            return false;
        }
    }
    if (rest->len > 0 && rest->data[0] == '.') {
        *rest = otc_slice_skip(*rest, 1);
        for (; rest->len > 0 && is_digit(rest->data[0]); *rest = otc_slice_skip(*rest, 1), any = true) {
            term->fraction += scale * (rest->data[0] - '0');
            scale /= 10;
        }
    }
    while (n < rest->len && !is_digit(rest->data[n]) && rest->data[n] != '.') {
        n++;
    }
    term->unit = otc_slice_of(rest->data, n);
    *rest = otc_slice_skip(*rest, n);
    return any;
}

static int64_t
unit_ns(struct otc_slice name)
{
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (otc_slice_equal(units[i].name, name)) {
            return units[i].ns;
        }
    }
    return 0;
}

otc_status
otc_duration_parse(struct otc_slice text, otc_duration *out, struct otc_error *err)
{
    struct otc_slice rest = text;
    bool negative = text.len > 0 && text.data[0] == '-';
    int64_t total = 0;

    if (negative || (text.len > 0 && text.data[0] == '+')) {
        rest = otc_slice_skip(rest, 1);
    }
    if (otc_slice_equal_str(rest, "0")) {
        out->ns = 0;
        return OTC_OK;
    }
    if (rest.len == 0) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "time: invalid duration \"%.*s\"", OTC_SLICE_ARG(text));
    }
    while (rest.len > 0) {
        struct term term;
        int64_t unit, ns;

        if (!take_term(&rest, &term)) {
            return otc_fail(err, OTC_INVALID_ARGUMENT, "time: invalid duration \"%.*s\"",
                            OTC_SLICE_ARG(text));
        }
        if (term.unit.len == 0) {
            return otc_fail(err, OTC_INVALID_ARGUMENT, "time: missing unit in duration \"%.*s\"",
                            OTC_SLICE_ARG(text));
        }
        unit = unit_ns(term.unit);
        if (unit == 0) {
            return otc_fail(err, OTC_INVALID_ARGUMENT,
                            "time: unknown unit \"%.*s\" in duration \"%.*s\" (ns, us, ms, s, m, h, d)",
                            OTC_SLICE_ARG(term.unit), OTC_SLICE_ARG(text));
        }
        /* Half a nanosecond makes 0.3 of a unit come out as it does in decimal. */
        if (__builtin_mul_overflow(term.whole, unit, &ns) ||
            __builtin_add_overflow(ns, (int64_t)(term.fraction * (double)unit + 1e-3), &ns) ||
            __builtin_add_overflow(total, ns, &total)) {
            return otc_fail(err, OTC_INVALID_ARGUMENT, "time: invalid duration \"%.*s\"",
                            OTC_SLICE_ARG(text));
        }
    }
    out->ns = negative ? -total : total;
    return OTC_OK;
}

/* value / unit with up to nine decimals, without trailing zeros. */
static void
format_fraction(uint64_t value, uint64_t unit, const char *name, const char *head, char out[32])
{
    char fraction[16];
    uint64_t rest = value % unit;
    int n = 0;

    fraction[0] = '\0';
    if (rest > 0) {
        fraction[n++] = '.';
        for (uint64_t digit = unit / 10; digit > 0 && rest > 0; digit /= 10) {
            fraction[n++] = (char)('0' + rest / digit);
            rest %= digit;
        }
        fraction[n] = '\0';
    }
    snprintf(out, 32, "%s%llu%s%s", head, (unsigned long long)(value / unit), fraction, name);
}

void
otc_duration_format(otc_duration duration, char out[32])
{
    uint64_t ns = duration.ns < 0 ? -(uint64_t)duration.ns : (uint64_t)duration.ns;
    const char *sign = duration.ns < 0 ? "-" : "";
    char head[16]; /* "-2562047h59m" at the longest */

    if (ns == 0) {
        snprintf(out, 32, "0s");
    } else if (ns < OTC_MICROSECOND) {
        format_fraction(ns, 1, "ns", sign, out);
    } else if (ns < OTC_MILLISECOND) {
        format_fraction(ns, OTC_MICROSECOND, "\xc2\xb5s", sign, out);
    } else if (ns < OTC_SECOND) {
        format_fraction(ns, OTC_MILLISECOND, "ms", sign, out);
    } else {
        uint64_t hours = ns / OTC_HOUR, minutes = ns / OTC_MINUTE % 60;

        if (hours > 0) {
            snprintf(head, sizeof(head), "%s%lluh%llum", sign, (unsigned long long)hours,
                     (unsigned long long)minutes);
        } else if (minutes > 0) {
            snprintf(head, sizeof(head), "%s%llum", sign, (unsigned long long)minutes);
        } else {
            snprintf(head, sizeof(head), "%s", sign);
        }
        format_fraction(ns % OTC_MINUTE, OTC_SECOND, "s", head, out);
    }
}

/* ---- Calendar --------------------------------------------------------------------------------------------
 */

/* Counted in 400-year eras of 146097 days. */
int64_t
otc_days_from_date(int64_t year, unsigned month, unsigned day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t of_era = y - era * 400;
    int64_t of_year = (153 * (int64_t)(month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

void
otc_date_from_days(int64_t days, int64_t *year, unsigned *month, unsigned *day)
{
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t of_era = z - era * 146097;
    int64_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * y + y / 4 - y / 100);
    int64_t m = (5 * of_year + 2) / 153;

    *day = (unsigned)(of_year - (153 * m + 2) / 5 + 1);
    *month = (unsigned)(m < 10 ? m + 3 : m - 9);
    *year = y + era * 400 + (*month <= 2);
}

void
otc_time_format(int64_t unix_ns, char out[32])
{
    int64_t days = unix_ns / OTC_DAY - (unix_ns % OTC_DAY < 0);
    uint64_t ms = (uint64_t)(unix_ns - days * OTC_DAY) / OTC_MILLISECOND;
    unsigned month, day;
    int64_t year;

    otc_date_from_days(days, &year, &month, &day);
    snprintf(out, 32, "%04d-%02u-%02uT%02u:%02u:%02u.%03uZ", (int)year, month, day, (unsigned)(ms / 3600000),
             (unsigned)(ms / 60000 % 60), (unsigned)(ms / 1000 % 60), (unsigned)(ms % 1000));
}

/* Exactly `n` digits. */
static bool
take_number(struct otc_slice *rest, size_t n, unsigned *out)
{
    unsigned value = 0;

    if (rest->len < n) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (!is_digit(rest->data[i])) {
            return false;
        }
        value = value * 10 + (rest->data[i] - '0');
    }
    *out = value;
    *rest = otc_slice_skip(*rest, n);
    return true;
}

static bool
take_char(struct otc_slice *rest, const char *any_of)
{
    if (rest->len == 0 || rest->data[0] == '\0' || !strchr(any_of, rest->data[0])) {
        return false;
    }
    *rest = otc_slice_skip(*rest, 1);
    return true;
}

/* Digits after the point; those beyond nine are dropped. */
static bool
take_fraction(struct otc_slice *rest, int64_t *ns)
{
    int64_t unit = OTC_SECOND / 10;
    size_t n = 0;

    for (*ns = 0; rest->len > 0 && is_digit(rest->data[0]); *rest = otc_slice_skip(*rest, 1), n++) {
        *ns += unit * (rest->data[0] - '0');
        unit /= 10;
    }
    return n > 0;
}

/* Nothing, Z, or an offset. */
static bool
take_zone(struct otc_slice *rest, int64_t *offset_s)
{
    unsigned hours, minutes = 0;
    bool negative;

    *offset_s = 0;
    take_char(rest, " ");
    if (rest->len == 0 || take_char(rest, "Zz")) {
        return true;
    }
    negative = rest->data[0] == '-';
    if (!take_char(rest, "+-") || !take_number(rest, 2, &hours)) {
        return false;
    }
    take_char(rest, ":");
    if (rest->len > 0 && !take_number(rest, 2, &minutes)) {
        return false;
    }
    *offset_s = (int64_t)(hours * 3600 + minutes * 60) * (negative ? -1 : 1);
    return hours < 24 && minutes < 60;
}

static bool
take_clock(struct otc_slice *rest, int64_t *seconds, int64_t *ns)
{
    unsigned hour, minute, second = 0;

    if (!take_number(rest, 2, &hour) || !take_char(rest, ":") || !take_number(rest, 2, &minute)) {
        return false;
    }
    if (take_char(rest, ":")) {
        if (!take_number(rest, 2, &second) || (take_char(rest, ".,") && !take_fraction(rest, ns))) {
            return false;
        }
    }
    *seconds = hour * 3600 + minute * 60 + second;
    return hour < 24 && minute < 60 && second <= 60;
}

static bool
valid_date(unsigned year, unsigned month, unsigned day)
{
    static const uint8_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return month >= 1 && month <= 12 && day >= 1 &&
           day <= lengths[month - 1] + (unsigned)(month == 2 && leap);
}

static bool
parse_calendar(struct otc_slice rest, int64_t *out)
{
    int64_t seconds = 0, ns = 0, offset = 0;
    unsigned year, month, day;

    if (!take_number(&rest, 4, &year) || !take_char(&rest, "-") || !take_number(&rest, 2, &month) ||
        !take_char(&rest, "-") || !take_number(&rest, 2, &day) || !valid_date(year, month, day)) {
        return false;
    }
    if (rest.len > 0) {
        if (!take_char(&rest, "Tt ") || !take_clock(&rest, &seconds, &ns) || !take_zone(&rest, &offset)) {
            return false;
        }
    }
    seconds += otc_days_from_date(year, month, day) * 86400 - offset;
    return rest.len == 0 && !__builtin_mul_overflow(seconds, OTC_SECOND, out) &&
           !__builtin_add_overflow(*out, ns, out);
}

/* Digits: the unit follows from the magnitude, as today's stamps differ by a factor of 1000 a unit. */
static bool
parse_unix(struct otc_slice text, int64_t *out)
{
    static const struct {
        int64_t below;
        int64_t unit;
    } scales[] = {{INT64_C(100000000000), OTC_SECOND},
                  {INT64_C(100000000000000), OTC_MILLISECOND},
                  {INT64_C(100000000000000000), OTC_MICROSECOND}};
    const uint8_t *point = text.len > 0 ? memchr(text.data, '.', text.len) : NULL;
    struct otc_slice whole = point ? otc_slice_of(text.data, (size_t)(point - text.data)) : text;
    struct otc_slice rest = otc_slice_skip(text, whole.len + 1);
    int64_t value, fraction = 0, unit = 1;

    if (!otc_parse_int64(whole, &value) || value < 0 ||
        (point && (!take_fraction(&rest, &fraction) || rest.len > 0))) {
        return false;
    }
    for (size_t i = 0; i < 3 && unit == 1; i++) {
        unit = value < scales[i].below ? scales[i].unit : 1;
    }
    return !__builtin_mul_overflow(value, unit, out) &&
           !__builtin_add_overflow(*out, fraction / (OTC_SECOND / unit), out);
}

otc_status
otc_time_parse(struct otc_slice text, int64_t *unix_ns, struct otc_error *err)
{
    if (parse_calendar(text, unix_ns) || parse_unix(text, unix_ns)) {
        return OTC_OK;
    }
    return otc_fail(
        err, OTC_INVALID_ARGUMENT,
        "time: cannot read \"%.*s\" (allowed: RFC 3339, \"YYYY-MM-DD[ HH:MM[:SS[.fraction]]]\", unix time)",
        (int)(text.len < 64 ? text.len : 64), (const char *)text.data);
}
