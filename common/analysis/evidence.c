// SPDX-License-Identifier: Apache-2.0
#include "common/analysis/evidence.h"

#include "common/analysis/evaluate.h"

#include <math.h>

/* Copies a name; what does not fit is cut where a UTF-8 character begins. */
static void
set_name(struct otc_moved *moved, struct otc_slice name)
{
    static const char ellipsis[] = "…";
    size_t len = name.len;

    if (len >= OTC_MOVED_NAME_BYTES) {
        len = OTC_MOVED_NAME_BYTES - sizeof(ellipsis);
        while (len > 0 && ((unsigned char)name.data[len] & 0xc0) == 0x80) {
            len--;
        }
        memcpy(moved->name + len, ellipsis, sizeof(ellipsis));
    } else {
        moved->name[len] = '\0';
    }
    memcpy(moved->name, name.data, len);
}

static void
name_numeric(const struct otc_reference_feature *reference, size_t bin, struct otc_moved *moved)
{
    char lower[32], upper[32];

    if (bin > 0) {
        lower[otc_canonical_number(reference->edges[bin - 1], lower)] = '\0';
    }
    if (bin < reference->n_edges) {
        upper[otc_canonical_number(reference->edges[bin], upper)] = '\0';
    }
    if (reference->value_bins) {
        set_name(moved, otc_slice_str(bin < reference->n_edges ? upper : "other"));
    } else if (bin == 0) {
        (void)snprintf(moved->name, sizeof(moved->name), "(-inf, %s)", upper);
    } else {
        (void)snprintf(moved->name, sizeof(moved->name), bin < reference->n_edges ? "[%s, %s)" : "[%s, inf)",
                       lower, upper);
    }
}

static void
name_category(const struct otc_feature_window *window, size_t bin, size_t bins, struct otc_moved *moved)
{
    const struct otc_reference_feature *reference = window->reference;
    size_t unseen = bin - reference->n_categories;
    const struct otc_category_counts *counts = &window->categories;

    if (bin < reference->n_categories && reference->categories[bin].name.len) {
        set_name(moved, reference->categories[bin].name);
    } else if (bin < reference->n_categories || (reference->other > 0 && bin + 1 == bins)) {
        set_name(moved, otc_slice_str("other"));
    } else if (counts->unseen_categories && unseen < counts->n_unseen_categories &&
               counts->unseen_categories[unseen].name.len) {
        set_name(moved, counts->unseen_categories[unseen].name);
    } else {
        set_name(moved, otc_slice_str("unseen"));
    }
}

static double
total_of(const uint64_t *counts, size_t bins)
{
    double total = 0;

    for (size_t i = 0; i < bins; i++) {
        total += (double)counts[i];
    }
    return total;
}

size_t
otc_evidence_moved(const struct otc_feature_window *window, const uint64_t *reference,
                   const uint64_t *current, size_t bins, struct otc_moved out[OTC_MOVED_MAX])
{
    double n = total_of(reference, bins), m = total_of(current, bins);
    size_t place[OTC_MOVED_MAX];
    size_t told = 0;

    for (size_t i = 0; n > 0 && m > 0 && i < bins; i++) {
        struct otc_moved moved = {.reference_share = (double)reference[i] / n,
                                  .current_share = (double)current[i] / m};
        double by = fabs(moved.current_share - moved.reference_share);
        size_t at = told;

        while (at > 0 && by > fabs(out[at - 1].current_share - out[at - 1].reference_share)) {
            at--;
        }
        if (!(by > 0) || at == OTC_MOVED_MAX) {
            continue;
        }
        told += told < OTC_MOVED_MAX;
        for (size_t j = told - 1; j > at; j--) {
            out[j] = out[j - 1];
            place[j] = place[j - 1];
        }
        out[at] = moved;
        place[at] = i;
    }
    for (size_t i = 0; i < told; i++) {
        if (window->reference->type == OTC_NUMERIC) {
            name_numeric(window->reference, place[i], &out[i]);
        } else {
            name_category(window, place[i], bins, &out[i]);
        }
    }
    return told;
}

size_t
otc_evidence_text(const struct otc_moved *moved, size_t n, char *out, size_t size)
{
    size_t len = 0;

    out[0] = '\0';
    for (size_t i = 0; i < n && len < size; i++) {
        int more = snprintf(out + len, size - len, "%s%s %.1f %% -> %.1f %%", i ? ", " : "", moved[i].name,
                            100 * moved[i].reference_share, 100 * moved[i].current_share);

        len += more > 0 ? (size_t)more : 0;
    }
    return len < size ? len : size - 1;
}
