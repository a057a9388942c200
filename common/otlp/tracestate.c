// SPDX-License-Identifier: Apache-2.0
#include "common/otlp/tracestate.h"

/* Limits of W3C trace context and of the specification's `ot` value. */
#define STATE_MAX 1024
#define MEMBERS_MAX 32
#define KEY_MAX 256
#define TENANT_MAX 241
#define SYSTEM_MAX 14
#define VALUE_MAX 256
#define THRESHOLD_DIGITS 14
/* Greatest exponent of `p`; 63 was a probability of 0. */
#define P_MAX 62

static bool
is_lower(uint8_t c)
{
    return c >= 'a' && c <= 'z';
}

static bool
is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool
key_characters(struct otc_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];

        if (!is_lower(c) && !is_digit(c) && c != '_' && c != '-' && c != '*' && c != '/') {
            return false;
        }
    }
    return true;
}

/* simple-key, or tenant@system */
static bool
valid_key(struct otc_slice key)
{
    struct otc_slice vendor = key;
    struct otc_slice tenant = otc_slice_take(&vendor, '@');

    if (key.len == 0 || key.len > KEY_MAX || tenant.len == 0 || !key_characters(tenant)) {
        return false;
    }
    if (tenant.len == key.len) {
        return is_lower(key.data[0]);
    }
    return tenant.len <= TENANT_MAX && vendor.len > 0 && vendor.len <= SYSTEM_MAX &&
           (is_lower(tenant.data[0]) || is_digit(tenant.data[0])) && is_lower(vendor.data[0]) &&
           key_characters(vendor);
}

static bool
valid_value(struct otc_slice value)
{
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = value.data[i];

        if (c < 0x20 || c > 0x7E || c == ',' || c == '=') {
            return false;
        }
    }
    return value.len > 0 && value.len <= VALUE_MAX && value.data[value.len - 1] != ' ';
}

bool
otc_sampling_read_threshold(struct otc_slice text, uint64_t *out)
{
    uint64_t value = 0;

    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i] | 0x20;
        int digit = is_digit(text.data[i]) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;

        if (digit < 0 || i >= THRESHOLD_DIGITS) {
            return false;
        }
        value = value << 4 | (uint64_t)digit;
    }
    *out = value << (4 * (THRESHOLD_DIGITS - text.len));
    return text.len > 0;
}

bool
otc_sampling_read_randomness(struct otc_slice text, uint64_t *out)
{
    return text.len == THRESHOLD_DIGITS && otc_sampling_read_threshold(text, out);
}

static bool
valid_field(struct otc_slice key, struct otc_slice value)
{
    if (key.len == 0 || !is_lower(key.data[0])) {
        return false;
    }
    for (size_t i = 0; i < key.len; i++) {
        if (!is_lower(key.data[i]) && !is_digit(key.data[i])) {
            return false;
        }
    }
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = value.data[i];

        if (!is_lower(c | 0x20) && !is_digit(c) && c != '.' && c != '_' && c != '-') {
            return false;
        }
    }
    return true;
}

static void
read_p(struct otc_slice text, struct otc_sampling *out)
{
    unsigned value = 0;

    for (size_t i = 0; i < text.len; i++) {
        if (!is_digit(text.data[i]) || i >= 2) {
            return;
        }
        value = value * 10 + (text.data[i] - '0');
    }
    out->has_p = text.len > 0 && value <= P_MAX;
    out->p = out->has_p ? value : 0;
}

/* The fields of `ot`: key:value, separated by semicolons. False: not valid. */
static bool
read_ot(struct otc_slice value, struct otc_sampling *out)
{
    *out = (struct otc_sampling){.has_threshold = false}; /* of several `ot` the last counts */
    if (value.len == 0 || value.data[value.len - 1] == ';') {
        return false;
    }
    while (value.len > 0) {
        struct otc_slice field = otc_slice_take(&value, ';');
        struct otc_slice rest = field;
        struct otc_slice key = otc_slice_take(&rest, ':');

        if (key.len == field.len || !valid_field(key, rest)) {
            return false;
        }
        if (otc_slice_equal_str(key, "th")) {
            out->has_threshold = otc_sampling_read_threshold(rest, &out->threshold);
            out->threshold_text = rest;
            if (!out->has_threshold) {
                return false;
            }
        }
        if (otc_slice_equal_str(key, "p")) {
            read_p(rest, out);
        }
        if (otc_slice_equal_str(key, "rv")) {
            out->has_randomness = otc_sampling_read_randomness(rest, &out->randomness);
            out->randomness_text = rest;
            if (!out->has_randomness) {
                return false;
            }
        }
    }
    return true;
}

static bool
read_members(struct otc_slice trace_state, struct otc_sampling *out)
{
    size_t members = 0;

    if (trace_state.len > STATE_MAX) {
        return false;
    }
    while (trace_state.len > 0) {
        struct otc_slice member = otc_slice_trim(otc_slice_take(&trace_state, ','));
        struct otc_slice value = member;
        struct otc_slice key = otc_slice_take(&value, '=');

        if (++members > MEMBERS_MAX) {
            return false;
        }
        if (member.len == 0) {
            continue;
        }
        if (key.len == member.len || !valid_key(key) || !valid_value(value) ||
            (otc_slice_equal_str(key, "ot") && !read_ot(value, out))) {
            return false;
        }
    }
    return true;
}

bool
otc_tracestate_read(struct otc_slice trace_state, struct otc_sampling *out)
{
    bool valid;

    *out = (struct otc_sampling){.has_threshold = false};
    valid = read_members(trace_state, out);
    if (!valid) {
        *out = (struct otc_sampling){.has_threshold = false};
    }
    return valid;
}

bool
otc_tracestate_threshold(struct otc_slice trace_state, uint64_t *threshold)
{
    struct otc_sampling sampling;

    (void)otc_tracestate_read(trace_state, &sampling);
    *threshold = sampling.threshold;
    return sampling.has_threshold;
}

/* ---- Writing ------------------------------------------------------------------------------------ */

/* Appends `<separator>key<equals>value`, the separator unless it is the first since `mark`. */
static void
put_member(struct otc_buf *out, size_t mark, const char *separator, struct otc_slice key, const char *equals,
           struct otc_slice value)
{
    if (out->len > mark) {
        otc_buf_append_str(out, separator);
    }
    otc_buf_append_slice(out, key);
    otc_buf_append_str(out, equals);
    otc_buf_append_slice(out, value);
}

/* False: there is nothing in it. */
static bool
put_ot(struct otc_buf *out, struct otc_slice ot, const struct otc_sampling *sampling)
{
    size_t mark = out->len;

    if (sampling->randomness_text.len > 0) {
        put_member(out, mark, ";", otc_slice_str("rv"), ":", sampling->randomness_text);
    }
    if (sampling->threshold_text.len > 0) {
        put_member(out, mark, ";", otc_slice_str("th"), ":", sampling->threshold_text);
    }
    while (ot.len > 0) {
        struct otc_slice value = otc_slice_take(&ot, ';');
        struct otc_slice key = otc_slice_take(&value, ':');

        if (!otc_slice_equal_str(key, "rv") && !otc_slice_equal_str(key, "th")) {
            put_member(out, mark, ";", key, ":", value);
        }
    }
    return out->len > mark;
}

bool
otc_tracestate_write(struct otc_slice trace_state, const struct otc_sampling *sampling, struct otc_buf *out)
{
    struct otc_slice rest = trace_state, ot = OTC_SLICE_NONE;
    size_t mark = out->len;

    while (rest.len > 0) {
        struct otc_slice value = otc_slice_trim(otc_slice_take(&rest, ','));

        if (otc_slice_equal_str(otc_slice_take(&value, '='), "ot")) {
            ot = value;
        }
    }
    otc_buf_append_str(out, "ot=");
    if (!put_ot(out, ot, sampling)) {
        out->len = mark;
    }
    while (trace_state.len > 0) {
        struct otc_slice value = otc_slice_trim(otc_slice_take(&trace_state, ','));
        struct otc_slice key = otc_slice_take(&value, '=');

        if (key.len > 0 && !otc_slice_equal_str(key, "ot")) {
            put_member(out, mark, ",", key, "=", value);
        }
    }
    return !out->failed;
}
