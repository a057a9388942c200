// SPDX-License-Identifier: Apache-2.0
#include "common/otlp/walk_impl.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the wire format is read in place");

/** The first (`last`: last) eight bytes of a text, or all of a shorter one. */
static uint64_t
word_of(const uint8_t *text, size_t len, bool last)
{
    uint64_t word = 0;

    memcpy(&word, last && len > 8 ? text + len - 8 : text, len < 8 ? len : 8);
    return word;
}

static bool
at_level(const struct otc_wanted *wanted, enum otc_attribute_level level)
{
    return !wanted->prefix && (wanted->level == level || wanted->level == OTC_AT_ANY);
}

static void
add_key(struct otc_key_table *table, struct otc_slice text, size_t index)
{
    uint64_t tail = word_of(text.data, text.len, true);
    uint16_t *slot = &table->slots[otc_key_slot(tail, text.len)];

    table->keys[table->n] =
        (struct otc_wanted_key){tail, text.data, (uint32_t)text.len, (uint16_t)index, *slot};
    *slot = (uint16_t)++table->n;
}

static void
add_prefix(struct otc_projection *projection, struct otc_slice text, size_t index)
{
    projection->prefixes[projection->n_prefixes++] =
        (struct otc_wanted_prefix){word_of(text.data, text.len, false),
                                   text.len < 8 ? (UINT64_C(1) << 8 * text.len) - 1 : ~UINT64_C(0),
                                   word_of(text.data, text.len, true),
                                   text.data,
                                   (uint32_t)text.len,
                                   (uint32_t)index};
    projection->eighths |= text.len >= 8 ? UINT64_C(1) << (text.data[7] % 64) : ~UINT64_C(0);
    projection->initials |= text.len ? UINT64_C(1) << (text.data[0] % 64) : ~UINT64_C(0);
}

static void
add_wanted(struct otc_projection *projection, const struct otc_wanted *wanted, struct otc_slice text,
           size_t index)
{
    if (wanted->prefix) {
        add_prefix(projection, text, index);
    }
    if (at_level(wanted, OTC_AT_RECORD)) {
        add_key(&projection->record, text, index);
        if (text.len < OTC_PLAIN_MAX) {
            projection->last_bytes[text.len] |=
                text.len ? UINT64_C(1) << (text.data[text.len - 1] % 64) : ~UINT64_C(0);
        }
    }
    if (at_level(wanted, OTC_AT_SCOPE)) {
        add_key(&projection->scope, text, index);
    }
    if (at_level(wanted, OTC_AT_RESOURCE)) {
        add_key(&projection->resource, text, index);
    }
}

otc_status
otc_projection_new(const struct otc_wanted *wanted, size_t n, struct otc_projection **out,
                   struct otc_error *err)
{
    struct otc_projection *projection;
    size_t bytes = 1, at = 0;

    if (n > OTC_PROJECTION_MAX) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "%zu attributes are wanted (at most %d)", n,
                        OTC_PROJECTION_MAX);
    }
    for (size_t i = 0; i < n; i++) {
        bytes += strlen(wanted[i].key);
    }
    projection = calloc(1, sizeof(*projection));
    if (!projection || !(projection->text = malloc(bytes))) {
        free(projection);
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    projection->n = n;
    for (size_t i = 0; i < n; i++) {
        size_t len = strlen(wanted[i].key);
        uint8_t *text = (uint8_t *)projection->text + at;

        memcpy(text, wanted[i].key, len);
        at += len;
        add_wanted(projection, &wanted[i], otc_slice_of(text, len), i);
    }
    projection->reads_records = projection->record.n > 0 || projection->n_prefixes > 0;
    *out = projection;
    return OTC_OK;
}

void
otc_projection_free(struct otc_projection *projection)
{
    if (projection) {
        free(projection->text);
        free(projection);
    }
}
