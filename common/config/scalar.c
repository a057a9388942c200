// SPDX-License-Identifier: Apache-2.0
/* What a plain scalar means: the resolution of yaml.v3, which the Collector uses (YAML 1.2 with octal 0123).
 */
#include "common/base/number.h"
#include "common/config/document.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>

struct word {
    const char *text;
    enum otc_node_kind kind;
    double number;
};

static const struct word words[] = {
    {"", OTC_NODE_NULL, 0},
    {"~", OTC_NODE_NULL, 0},
    {"null", OTC_NODE_NULL, 0},
    {"Null", OTC_NODE_NULL, 0},
    {"NULL", OTC_NODE_NULL, 0},
    {"true", OTC_NODE_BOOL, 1},
    {"True", OTC_NODE_BOOL, 1},
    {"TRUE", OTC_NODE_BOOL, 1},
    {"false", OTC_NODE_BOOL, 0},
    {"False", OTC_NODE_BOOL, 0},
    {"FALSE", OTC_NODE_BOOL, 0},
    {".nan", OTC_NODE_DOUBLE, NAN},
    {".NaN", OTC_NODE_DOUBLE, NAN},
    {".NAN", OTC_NODE_DOUBLE, NAN},
    {".inf", OTC_NODE_DOUBLE, INFINITY},
    {".Inf", OTC_NODE_DOUBLE, INFINITY},
    {".INF", OTC_NODE_DOUBLE, INFINITY},
    {"+.inf", OTC_NODE_DOUBLE, INFINITY},
    {"+.Inf", OTC_NODE_DOUBLE, INFINITY},
    {"+.INF", OTC_NODE_DOUBLE, INFINITY},
    {"-.inf", OTC_NODE_DOUBLE, -INFINITY},
    {"-.Inf", OTC_NODE_DOUBLE, -INFINITY},
    {"-.INF", OTC_NODE_DOUBLE, -INFINITY},
};

static bool
resolve_word(struct otc_node *node)
{
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (!otc_slice_equal_str(node->text, words[i].text)) {
            continue;
        }
        node->kind = words[i].kind;
        if (node->kind == OTC_NODE_BOOL) {
            node->boolean = words[i].number > 0;
        } else if (node->kind == OTC_NODE_DOUBLE) {
            node->number = words[i].number;
        }
        return true;
    }
    return false;
}

/* Go's prefixes: 0x, 0o, 0b and a bare leading zero for octal. */
static int
take_base(const char **digits)
{
    const char *s = *digits;

    if (s[0] != '0' || s[1] == '\0') {
        return 10;
    }
    switch (s[1]) {
    case 'x':
    case 'X':
        *digits = s + 2;
        return 16;
    case 'o':
    case 'O':
        *digits = s + 2;
        return 8;
    case 'b':
    case 'B':
        *digits = s + 2;
        return 2;
    default:
        *digits = s + 1;
        return 8;
    }
}

static bool
resolve_int(struct otc_node *node, const char *plain)
{
    bool negative = *plain == '-';
    const char *digits = plain + (*plain == '-' || *plain == '+');
    int base = take_base(&digits);
    char *end;
    uintmax_t magnitude;

    /* strtoumax would take blanks, signs and a second prefix. */
    if (!((*digits >= '0' && *digits <= '9') || (base == 16 && strchr("abcdefABCDEF", *digits))) ||
        *digits == '\0' || (base == 16 && (digits[1] == 'x' || digits[1] == 'X'))) {
        return false;
    }
    errno = 0;
    magnitude = strtoumax(digits, &end, base);
    if (*end != '\0' || errno != 0 || magnitude > (uintmax_t)INT64_MAX + (negative ? 1 : 0)) {
        return false;
    }
    node->kind = OTC_NODE_INT;
    node->integer = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return true;
}

static size_t
skip_digits(const char **s)
{
    size_t n = 0;

    while (**s >= '0' && **s <= '9') {
        (*s)++;
        n++;
    }
    return n;
}

/* [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)? */
static bool
looks_like_float(const char *s)
{
    size_t whole;

    s += *s == '-' || *s == '+';
    whole = skip_digits(&s);
    if (*s == '.') {
        s++;
        if (skip_digits(&s) == 0 && whole == 0) {
            return false;
        }
    } else if (whole == 0) {
        return false;
    }
    if (*s == 'e' || *s == 'E') {
        s++;
        s += *s == '-' || *s == '+';
        if (skip_digits(&s) == 0) {
            return false;
        }
    }
    return *s == '\0';
}

void
otc_scalar_resolve(struct otc_node *node)
{
    char plain[400];
    size_t n = 0;
    const struct otc_slice text = node->text;

    node->kind = OTC_NODE_STRING;
    if (resolve_word(node) || text.len >= sizeof(plain) || !strchr("+-.0123456789", text.data[0])) {
        return;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '\0') {
            return;
        }
        if (text.data[i] != '_') {
            plain[n++] = (char)text.data[i];
        }
    }
    plain[n] = '\0';
    if (text.data[0] != '.' && resolve_int(node, plain)) {
        return;
    }
    if (looks_like_float(plain) && otc_parse_double(otc_slice_of(plain, n), &node->number)) {
        node->kind = OTC_NODE_DOUBLE;
    }
}
