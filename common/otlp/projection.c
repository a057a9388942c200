// SPDX-License-Identifier: Apache-2.0
#include "common/otlp/walk_impl.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the wire format is read in place");

static uint32_t
bucket_of(size_t len)
{
    return len < OTC_KEY_BUCKETS - 1 ? (uint32_t)len : OTC_KEY_BUCKETS - 1;
}

static uint64_t
tail_of(const uint8_t *text, size_t len)
{
    uint64_t tail = 0;

    memcpy(&tail, len < 8 ? text : text + len - 8, len < 8 ? len : 8);
    return tail;
}

static bool
at_level(const struct otc_wanted *wanted, enum otc_attribute_level level)
{
    return !wanted->prefix && (wanted->level == level || wanted->level == OTC_AT_ANY);
}

/** Fills the table of one level: keys in the order of their bucket. */
static void
fill_table(struct otc_key_table *table, const struct otc_wanted_key *all, const struct otc_wanted *wanted,
           size_t n, enum otc_attribute_level level)
{
    uint16_t used = 0;

    for (uint32_t bucket = 0; bucket < OTC_KEY_BUCKETS; bucket++) {
        table->first[bucket] = used;
        for (size_t i = 0; i < n; i++) {
            if (at_level(&wanted[i], level) && bucket_of(all[i].len) == bucket) {
                table->keys[used++] = all[i];
                table->lengths |= UINT64_C(1) << bucket;
            }
        }
    }
    table->first[OTC_KEY_BUCKETS] = used;
}

static void
note_initial(struct otc_projection *projection, const uint8_t *text, size_t len)
{
    if (len == 0) {
        memset(projection->initials, 0xff, sizeof(projection->initials));
    } else {
        projection->initials[text[0] / 64] |= UINT64_C(1) << (text[0] % 64);
    }
}

otc_status
otc_projection_new(const struct otc_wanted *wanted, size_t n, struct otc_projection **out,
                   struct otc_error *err)
{
    struct otc_wanted_key all[OTC_PROJECTION_MAX];
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
        all[i] = (struct otc_wanted_key){tail_of(text, len), text, (uint32_t)len, (uint32_t)i};
        if (wanted[i].prefix) {
            projection->prefixes[projection->n_prefixes++] = all[i];
            note_initial(projection, text, len);
        }
    }
    fill_table(&projection->record, all, wanted, n, OTC_AT_RECORD);
    fill_table(&projection->scope, all, wanted, n, OTC_AT_SCOPE);
    fill_table(&projection->resource, all, wanted, n, OTC_AT_RESOURCE);
    projection->reads_records = projection->record.lengths != 0 || projection->n_prefixes > 0;
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
