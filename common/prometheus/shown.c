// SPDX-License-Identifier: Apache-2.0
#include "common/prometheus/shown.h"

#include "common/base/hash.h"
#include "common/prometheus/text.h"

bool
otc_prom_is_reserved(enum otc_prom_type type, struct otc_slice label)
{
    return otc_slice_equal_str(label, "__name__") ||
           (type == OTC_PROM_HISTOGRAM && otc_slice_equal_str(label, "le")) ||
           (type == OTC_PROM_SUMMARY && otc_slice_equal_str(label, "quantile"));
}

/** True when label `i` may have this name: no other label has it, or may come to have it. */
static bool
is_free(const struct otc_prom_shown *shown, const struct otc_prom_series *series, size_t i,
        struct otc_slice name)
{
    for (size_t k = 0; k < series->n_labels; k++) {
        if ((k < i && otc_slice_equal(otc_prom_shown_name(shown, series, k), name)) ||
            (k != i && otc_prom_is_same_classic(otc_prom_series_label(series, k).name, name))) {
            return false;
        }
    }
    return !otc_prom_is_reserved(series->type, name);
}

static void
put_name(struct otc_prom_shown *shown, const struct otc_prom_series *series, size_t i)
{
    struct otc_slice name = otc_prom_series_label(series, i).name;
    size_t start = shown->text.len;
    uint64_t hash = otc_hash_fnv1a(name);

    otc_prom_put_classic(&shown->text, name, true);
    /* A label may be called like another one's hash, but the labels are fewer than the hashes to try. */
    while (!shown->text.failed && !otc_prom_is_classic(name, true) &&
           !is_free(shown, series, i, otc_slice_skip(otc_buf_slice(&shown->text), start))) {
        shown->text.len = start;
        otc_prom_put_classic(&shown->text, name, true);
        otc_buf_printf(&shown->text, "_%016llx", (unsigned long long)hash++);
    }
    shown->ends[i] = shown->text.len;
}

bool
otc_prom_shown_read(struct otc_prom_shown *shown, const struct otc_prom_series *series, bool utf8_names)
{
    shown->as_is = true;
    for (size_t i = 0; !utf8_names && shown->as_is && i < series->n_labels; i++) {
        shown->as_is = otc_prom_is_classic(otc_prom_series_label(series, i).name, true);
    }
    otc_buf_clear(&shown->text);
    for (size_t i = 0; !shown->as_is && i < series->n_labels; i++) {
        put_name(shown, series, i);
    }
    return !shown->text.failed;
}

struct otc_slice
otc_prom_shown_name(const struct otc_prom_shown *shown, const struct otc_prom_series *series, size_t i)
{
    size_t start = i > 0 ? shown->ends[i - 1] : 0;

    return shown->as_is ? otc_prom_series_label(series, i).name
                        : otc_slice_of(shown->text.data + start, shown->ends[i] - start);
}

void
otc_prom_shown_key(const struct otc_prom_shown *shown, struct otc_slice family,
                   const struct otc_prom_series *series, struct otc_buf *out)
{
    size_t order[OTC_PROM_LABELS_MAX];

    otc_buf_append_slice(out, family);
    if (shown->as_is) {
        otc_buf_append_slice(out, otc_slice_skip(series->key, series->name.len));
        return;
    }
    for (size_t i = 0; i < series->n_labels; i++) {
        struct otc_slice name = otc_prom_shown_name(shown, series, i);
        size_t k = i;

        for (; k > 0 && otc_slice_compare(otc_prom_shown_name(shown, series, order[k - 1]), name) > 0; k--) {
            order[k] = order[k - 1];
        }
        order[k] = i;
    }
    for (size_t i = 0; i < series->n_labels; i++) {
        otc_buf_append_byte(out, OTC_PROM_KEY_BREAK);
        otc_buf_append_slice(out, otc_prom_shown_name(shown, series, order[i]));
        otc_buf_append_byte(out, OTC_PROM_KEY_BREAK);
        otc_buf_append_slice(out, otc_prom_series_label(series, order[i]).value);
    }
}
