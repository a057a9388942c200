// SPDX-License-Identifier: Apache-2.0
#include "processors/drift/snapshot_pane.h"

/* ---- Writing -------------------------------------------------------------------------------------- */

struct cells {
    struct otc_buf *out;
    bool sums;
    uint64_t n;
};

static void
count_cell(void *arg, uint32_t cell, uint32_t count, double sum)
{
    struct cells *cells = arg;

    (void)cell;
    (void)count;
    (void)sum;
    cells->n++;
}

static void
write_cell(void *arg, uint32_t cell, uint32_t count, double sum)
{
    struct cells *cells = arg;

    otc_put_u64(cells->out, cell);
    otc_put_u64(cells->out, count);
    if (cells->sums && cell % 2 == 0) {
        otc_put_f64(cells->out, sum);
    }
}

static void
write_values(const struct drift_raw *raw, struct otc_buf *out)
{
    uint32_t n = raw ? raw->n : 0;

    otc_put_u64(out, n);
    otc_put_u64(out, raw ? raw->limit : 0);
    otc_put_u64(out, raw ? raw->next : 0);
    for (uint32_t i = 0; i < n; i++) {
        otc_put_f64(out, raw->values[i]);
    }
}

void
drift_snapshot_write_pane(const void *payload, struct otc_buf *out)
{
    const struct drift_pane *pane = payload;

    otc_put_u64(out, pane->duplicates);
    otc_put_u64(out, pane->apart);
    otc_put_u64(out, pane->binding->n);
    for (size_t i = 0; i < pane->binding->n; i++) {
        const struct drift_counts *counts = &pane->features[i];
        struct drift_shape shape = pane->binding->features[i].shape;
        struct cells cells = {out, shape.points != NULL, 0};

        otc_put_u64(out, counts->values);
        otc_put_u64(out, counts->invalid);
        otc_put_u64(out, counts->overflow);
        otc_put_u64(out, counts->missing);
        otc_put_u64(out, counts->coarser);
        otc_put_bool(out, counts->range_known);
        otc_put_f64(out, counts->min);
        otc_put_f64(out, counts->max);
        write_values(counts->raw, out);
        drift_counts_each(counts, shape, count_cell, &cells);
        otc_put_u64(out, cells.n);
        drift_counts_each(counts, shape, write_cell, &cells);
    }
}

/* ---- Reading -------------------------------------------------------------------------------------- */

/* Values are kept where they were kept: where a pane found no memory for them it has none (limit 0). */
static bool
read_values(struct drift_version *version, struct drift_counts *counts, struct otc_reader *in)
{
    const struct drift_config *config = version->owner->config;
    size_t n = otc_take_u64(in);
    uint64_t limit = otc_take_u64(in), next = otc_take_u64(in);
    uint64_t most = config->compat.index == OTC_COMPAT_NONE ? 0 : (uint64_t)config->limits.compat_values;

    if (in->failed || n > in->rest.len / sizeof(double) || limit > most || n > limit ||
        (n > 0 && next >= n)) {
        return false;
    }
    counts->raw = limit > 0 ? drift_raw_new((uint32_t)limit, &version->owner->budget) : NULL;
    for (size_t i = 0; i < n; i++) {
        drift_raw_add(counts->raw, otc_take_f64(in), 1, &version->owner->budget);
    }
    if (n > 0 && counts->raw && counts->raw->n == n) {
        counts->raw->next = (uint32_t)next;
    }
    return true;
}

static bool
read_counts(struct drift_version *version, struct drift_counts *counts, struct drift_shape shape,
            struct otc_reader *in)
{
    size_t n;

    counts->values = otc_take_u64(in);
    counts->invalid = otc_take_u64(in);
    counts->overflow = otc_take_u64(in);
    counts->missing = otc_take_u64(in);
    counts->coarser = (uint32_t)otc_take_u64(in);
    counts->range_known = otc_take_bool(in);
    counts->min = otc_take_f64(in);
    counts->max = otc_take_f64(in);
    if (!read_values(version, counts, in)) {
        return false;
    }
    n = otc_take_count(in, 2);
    for (size_t i = 0; i < n; i++) {
        uint64_t cell = otc_take_u64(in), count = otc_take_u64(in);
        double sum = shape.points && cell % 2 == 0 ? otc_take_f64(in) : 0;

        if (in->failed || cell >= shape.cells || count == 0 || count > UINT32_MAX ||
            !drift_counts_set(counts, shape, (uint32_t)cell, (uint32_t)count, sum, &version->owner->budget)) {
            return false;
        }
    }
    return !in->failed;
}

bool
drift_snapshot_read_pane(void *owner, void *payload, struct otc_reader *in)
{
    struct drift_version *version = owner;
    struct drift_pane *pane = payload;

    pane->duplicates = otc_take_u64(in);
    pane->apart = otc_take_u64(in);
    if (otc_take_u64(in) != pane->binding->n) {
        return false;
    }
    for (size_t i = 0; i < pane->binding->n; i++) {
        drift_raw_free(pane->features[i].raw, &version->owner->budget);
        pane->features[i].raw = NULL;
    }
    for (size_t i = 0; i < pane->binding->n; i++) {
        if (!read_counts(version, &pane->features[i], pane->binding->features[i].shape, in)) {
            return false;
        }
    }
    return true;
}
