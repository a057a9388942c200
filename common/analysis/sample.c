// SPDX-License-Identifier: Apache-2.0
#include "common/analysis/sample.h"

#include "common/analysis/reference_points.h"
#include "common/base/map.h"
#include "common/base/sort.h"
#include "common/stats/descriptive.h"
#include "common/stats/ranks.h"
#include "common/stats/two_sample.h"

#include <math.h>

/** Rows of a reference that are written out for the distances that need them. */
#define MAX_ROWS 100000000
/** Unseen categories told apart; further ones are counted together. */
#define MAX_UNSEEN 100000

struct otc_sample {
    struct otc_feature_window window;
    /** Values, or the place of the category (n_categories: not listed), with their times. */
    struct otc__sample *values;
    size_t n, capacity;
    bool order_known;
    struct otc_map *index; /* category -> place + 1, then unseen ones */
    uint64_t *known;
    struct otc_category *unseen; /* names malloced */
    size_t n_unseen, unseen_capacity;
};

/** Places of the reference's categories by name. */
static bool
index_categories(struct otc_sample *sample)
{
    const struct otc_reference_feature *ref = sample->window.reference;

    sample->index = otc_map_new(ref->n_categories + MAX_UNSEEN);
    for (size_t i = 0; sample->index && i < ref->n_categories; i++) {
        if (!otc_map_put(sample->index, ref->categories[i].name, (void *)(uintptr_t)(i + 1))) {
            return false;
        }
    }
    return sample->index != NULL;
}

struct otc_sample *
otc_sample_new(const struct otc_reference_feature *feature)
{
    struct otc_sample *sample = calloc(1, sizeof(*sample));
    struct otc_cell_counts *cells = sample ? &sample->window.cells : NULL;

    if (!sample) {
        return NULL;
    }
    sample->order_known = true;
    sample->window.reference = feature;
    sample->window.design_effect = 1;
    cells->eq = calloc(feature->cells.n + 1, sizeof(*cells->eq));
    cells->gap = calloc(feature->cells.n + 1, sizeof(*cells->gap));
    cells->gap_sum = calloc(feature->cells.n + 1, sizeof(*cells->gap_sum));
    sample->known = calloc(feature->n_categories + 1, sizeof(*sample->known));
    sample->window.categories.known = sample->known;
    if (!cells->eq || !cells->gap || !cells->gap_sum || !sample->known ||
        (feature->type == OTC_CATEGORICAL && !index_categories(sample))) {
        otc_sample_free(sample);
        return NULL;
    }
    return sample;
}

void
otc_sample_free(struct otc_sample *sample)
{
    if (!sample) {
        return;
    }
    for (size_t i = 0; i < sample->n_unseen; i++) {
        free((void *)(uintptr_t)sample->unseen[i].name.data);
    }
    otc_map_free(sample->index, NULL);
    free(sample->unseen);
    free(sample->known);
    free(sample->values);
    free(sample->window.cells.eq);
    free(sample->window.cells.gap);
    free(sample->window.cells.gap_sum);
    free(sample);
}

void
otc_sample_reset(struct otc_sample *sample)
{
    struct otc_feature_window *window = &sample->window;
    const struct otc_reference_feature *ref = window->reference;
    size_t cells = ref->cells.n + 1;

    memset(window->cells.eq, 0, cells * sizeof(*window->cells.eq));
    memset(window->cells.gap, 0, cells * sizeof(*window->cells.gap));
    memset(window->cells.gap_sum, 0, cells * sizeof(*window->cells.gap_sum));
    memset(sample->known, 0, ref->n_categories * sizeof(*sample->known));
    for (size_t i = 0; i < sample->n_unseen; i++) {
        (void)otc_map_remove(sample->index, sample->unseen[i].name);
        free((void *)(uintptr_t)sample->unseen[i].name.data);
    }
    *window = (struct otc_feature_window){
        .reference = ref,
        .cells = {.eq = window->cells.eq, .gap = window->cells.gap, .gap_sum = window->cells.gap_sum},
        .categories = {.known = sample->known},
        .design_effect = 1};
    sample->n_unseen = 0;
    sample->n = 0;
    sample->order_known = true;
}

static bool
keep(struct otc_sample *sample, double value, int64_t time_ns)
{
    if (sample->n == sample->capacity) {
        size_t capacity = sample->capacity ? sample->capacity * 2 : 1024;
        struct otc__sample *values = realloc(sample->values, capacity * sizeof(*values));

        if (!values) {
            return false;
        }
        sample->values = values;
        sample->capacity = capacity;
    }
    sample->order_known = sample->order_known && time_ns != INT64_MIN;
    sample->values[sample->n++] = (struct otc__sample){value, time_ns};
    sample->window.observations++;
    return true;
}

static void
count_number(struct otc_cell_counts *counts, const struct otc_cells *cells, double value)
{
    size_t cell = otc_cells_find(cells, value);

    if (cell % 2) {
        counts->eq[cell / 2]++;
    } else {
        counts->gap[cell / 2]++;
        counts->gap_sum[cell / 2] += cells->n ? value - otc_cells_gap_origin(cells->points, cell / 2) : 0;
    }
    counts->total++;
}

/** Remembers a category that the reference does not list; false out of memory. */
static bool
add_unseen(struct otc_sample *sample, struct otc_slice text)
{
    size_t known = sample->window.reference->n_categories;
    char *name;

    sample->window.categories.unseen++;
    if (sample->n_unseen >= MAX_UNSEEN) {
        return true;
    }
    if (sample->n_unseen == sample->unseen_capacity) {
        size_t capacity = sample->unseen_capacity ? sample->unseen_capacity * 2 : 16;
        struct otc_category *more = realloc(sample->unseen, capacity * sizeof(*more));

        if (!more) {
            return false;
        }
        sample->unseen = more;
        sample->unseen_capacity = capacity;
    }
    name = strndup((const char *)text.data, text.len);
    if (!name) {
        return false;
    }
    sample->unseen[sample->n_unseen++] = (struct otc_category){otc_slice_of(name, text.len), 1};
    sample->window.categories.unseen_categories = sample->unseen;
    sample->window.categories.n_unseen_categories = sample->n_unseen;
    return otc_map_put(sample->index, text, (void *)(uintptr_t)(known + sample->n_unseen));
}

static bool
add_text(struct otc_sample *sample, struct otc_slice text, int64_t time_ns)
{
    size_t known = sample->window.reference->n_categories;
    size_t place = (uintptr_t)otc_map_get(sample->index, text);
    bool done = true;

    if (place == 0) {
        done = add_unseen(sample, text);
    } else if (place <= known) {
        sample->known[place - 1]++;
    } else {
        sample->unseen[place - known - 1].count++;
        sample->window.categories.unseen++;
    }
    place = place == 0 || place > known ? known : place - 1;
    return done && keep(sample, (double)place, time_ns);
}

static void
add_to_range(struct otc_feature_window *window, double value)
{
    window->min = window->range_known ? fmin(window->min, value) : value;
    window->max = window->range_known ? fmax(window->max, value) : value;
    window->range_known = true;
}

bool
otc_sample_add(struct otc_sample *sample, const struct otc_use *use, int64_t time_ns)
{
    double value = use->number + 0.0; /* -0 becomes 0 */

    switch (use->use) {
    case OTC_USE_MISSING:
        sample->window.missing++;
        return true;
    case OTC_USE_INVALID:
        sample->window.invalid++;
        return true;
    case OTC_USE_NUMBER:
        add_to_range(&sample->window, value);
        count_number(&sample->window.cells, &sample->window.reference->cells, value);
        return keep(sample, value, time_ns);
    case OTC_USE_TEXT:
        return add_text(sample, use->text, time_ns);
    }
    return true;
}

uint64_t
otc_sample_observations(const struct otc_sample *sample)
{
    return sample->window.observations;
}

uint64_t
otc_sample_unseen(const struct otc_sample *sample)
{
    return sample->window.categories.unseen;
}

const struct otc_feature_window *
otc_sample_window(const struct otc_sample *sample)
{
    return &sample->window;
}

size_t
otc_sample_pick(const struct otc_sample *sample, double *out, size_t max)
{
    size_t n = sample->n < max ? sample->n : max;

    for (size_t i = 0; i < n; i++) {
        out[i] = sample->values[(size_t)((double)sample->n / (double)n * (double)i)].value;
    }
    otc_sort_doubles(out, n);
    return n;
}

void
otc_sample_histogram(const struct otc_sample *sample, const double *edges, size_t n, uint64_t *out)
{
    memset(out, 0, (n - 1) * sizeof(*out));
    for (size_t i = 0; i < sample->n; i++) {
        double value = sample->values[i].value;
        size_t low = 0;
        size_t high = n;

        while (low < high) { /* the first edge above the value */
            size_t middle = low + (high - low) / 2;

            if (edges[middle] <= value) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        if (low > 0 && low < n) {
            out[low - 1]++;
        }
    }
}

/** The reference's values in ascending order when its cells are exact; NULL when they are not, or out of
 * memory. */
static double *
reference_rows(const struct otc_cells *cells)
{
    double *rows = cells->total <= MAX_ROWS ? malloc((cells->total + 1) * sizeof(*rows)) : NULL;
    size_t n = 0;

    for (size_t i = 0; rows && i < cells->n; i++) {
        for (uint64_t k = 0; k < cells->eq[i]; k++) {
            rows[n++] = cells->points[i];
        }
    }
    if (rows && n != cells->total) {
        free(rows);
        return NULL;
    }
    return rows;
}

/** Standard deviation, divided by n, of n >= 1 values. */
static double
deviation(const double *values, size_t n)
{
    struct otc_moments moments = otc_moments_of(values, n, values[0]);

    return sqrt(otc_moments_variance(&moments));
}

/** Tests of ranks: what the cells gave does not know which current values are equal in a gap. */
static void
measure_ranks(const double *rows, size_t n, const double *values, size_t m, struct otc_feature_result *out)
{
    struct otc_mann_whitney ranks = otc_samples_mann_whitney(rows, n, values, m);

    out->auc = ranks.auc;
    out->mann_whitney = ranks.u;
    out->mann_whitney_p = otc_mann_whitney_p_value(&ranks, OTC_TWO_SIDED, OTC_P_AUTO);
    out->cramer_von_mises = otc_samples_cramer_von_mises(rows, n, values, m);
    out->cramer_von_mises_p = otc_cramer_von_mises_p_value(out->cramer_von_mises, n, m, OTC_P_AUTO);
}

/** Distances that need the rows of both sides. */
static bool
measure_rows(const struct otc_sample *sample, struct otc_feature_result *out)
{
    const struct otc_reference_feature *ref = sample->window.reference;
    double *rows = reference_rows(&ref->cells);
    double *values;

    if (!rows) {
        return true; /* a capped reference: what the cells say stands */
    }
    values = malloc((sample->n + 1) * sizeof(*values));
    for (size_t i = 0; values && i < sample->n; i++) {
        values[i] = sample->values[i].value;
    }
    if (values) {
        otc_sort_doubles(values, sample->n);
        out->wasserstein = otc_samples_wasserstein(rows, ref->cells.total, values, sample->n);
        out->wasserstein_error = 0;
        out->wasserstein_normalized =
            ref->standard_deviation > 0 ? out->wasserstein / ref->standard_deviation : NAN;
        measure_ranks(rows, ref->cells.total, values, sample->n, out);
        out->spread_ratio = sample->n > 0 && ref->standard_deviation > 0
                                ? deviation(values, sample->n) / ref->standard_deviation
                                : NAN;
    }
    free(rows);
    free(values);
    return values != NULL;
}

/** Design effect of numbers: their mid-ranks in the reference over the blocks. */
static bool
rank_design_effect(struct otc_sample *sample, const size_t *ends, size_t blocks)
{
    const struct otc_cells *cells = &sample->window.reference->cells;
    double *ranks = malloc((2 * cells->n + 1) * sizeof(*ranks));
    struct otc_moments all = {0};
    double means[OTC__TIME_BLOCKS];
    uint64_t counts[OTC__TIME_BLOCKS];

    if (!ranks) {
        return false;
    }
    otc_mid_ranks(cells, ranks);
    for (size_t b = 0, i = 0; b < blocks; b++) {
        struct otc_moments moments = {0};

        for (; i < ends[b]; i++) {
            otc_moments_add(&moments, ranks[otc_cells_find(cells, sample->values[i].value)]);
        }
        means[b] = moments.mean;
        counts[b] = moments.n;
        otc_moments_merge(&all, &moments);
    }
    free(ranks);
    sample->window.design_effect =
        otc_design_effect(means, counts, blocks, otc_moments_sample_variance(&all));
    return true;
}

static bool
category_design_effect(struct otc_sample *sample, const size_t *ends, size_t blocks)
{
    size_t width = sample->window.reference->n_categories + 1;
    uint64_t *counts = calloc(blocks * width + 1, sizeof(*counts));

    if (!counts) {
        return false;
    }
    for (size_t b = 0, i = 0; b < blocks; b++) {
        for (; i < ends[b]; i++) {
            counts[b * width + (size_t)sample->values[i].value]++;
        }
    }
    sample->window.design_effect = otc_design_effect_categorical(counts, blocks, width);
    free(counts);
    return true;
}

static bool
measure_dependence(struct otc_sample *sample)
{
    size_t ends[OTC__TIME_BLOCKS];
    size_t blocks;

    if (!sample->order_known || sample->n == 0 || sample->window.reference->observations == 0) {
        return true;
    }
    blocks = otc__time_blocks(sample->values, sample->n, ends);
    return sample->window.reference->type == OTC_NUMERIC ? rank_design_effect(sample, ends, blocks)
                                                         : category_design_effect(sample, ends, blocks);
}

otc_status
otc_sample_evaluate(struct otc_sample *sample, const struct otc_decision *decision,
                    struct otc_feature_result *out, struct otc_error *err)
{
    bool done = measure_dependence(sample);
    otc_status status;

    if (!done) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    status = otc_evaluate_feature(&sample->window, decision, out, err);
    if (status == OTC_OK && !isnan(out->ks) && !measure_rows(sample, out)) {
        status = otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    return status;
}
