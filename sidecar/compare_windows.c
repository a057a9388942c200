// SPDX-License-Identifier: Apache-2.0
#include "sidecar/compare_windows.h"

#include "common/base/clock.h"

/** Windows open at a time of rows that are in no order, and the memory that these may take. */
#define MAX_OPEN 64
#define OPEN_BYTES ((size_t)512 << 20)
/** Results of windows that are kept: windows times features. */
#define MAX_RESULTS 1000000

/** Bytes of one open window, its rows not counted. */
static size_t
window_bytes(const struct otc_comparison *comparison)
{
    size_t bytes = 1;

    for (size_t i = 0; i < comparison->n_features; i++) {
        const struct otc_reference_feature *feature = comparison->features[i].reference;

        bytes += 3 * sizeof(uint64_t) * (feature->cells.n + 1) + sizeof(uint64_t) * feature->n_categories;
        bytes += feature->components
                     ? feature->components->n * OTC_COMPONENT_CELLS * (sizeof(uint64_t) + sizeof(double))
                     : 0;
    }
    return bytes;
}

static size_t
windows_at_a_time(const struct otc_windowing *windowing)
{
    const struct otc_input *input = windowing->input;
    size_t fit = OPEN_BYTES / window_bytes(windowing->comparison);

    if (windowing->plan.rule.unit == OTC_CHUNK_ROWS || input->columns.columns[input->time_column].ordered) {
        return 1;
    }
    return fit < 2 ? 2 : fit > MAX_OPEN ? MAX_OPEN : fit;
}

static otc_status
plan_chunks(struct otc_windowing *windowing, enum otc_incomplete incomplete, struct otc_error *err)
{
    const struct otc_input *input = windowing->input;
    const struct otc_chunk_rule *rule = &windowing->comparison->chunk_rule;
    uint64_t rows = input->columns.rows;
    const struct otc_column *times;

    if (rule->unit == OTC_CHUNK_ROWS) {
        otc_chunk_plan_init(&windowing->plan, rule, incomplete, 0, (int64_t)rows - 1, rows);
        return OTC_OK;
    }
    if (input->time_column == SIZE_MAX) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "--window: when the rows of %s were is not known: name the column with --timestamp "
                        "(it has none of timestamps, or several), or count rows (--window 1000)",
                        otc_table_path(input->table));
    }
    times = &input->columns.columns[input->time_column];
    otc_chunk_plan_init(&windowing->plan, rule, incomplete, times->first_ns, times->last_ns, rows);
    return OTC_OK;
}

otc_status
otc_windowing_init(struct otc_windowing *windowing, struct otc_comparison *comparison,
                   const struct otc_input *input, enum otc_incomplete incomplete, struct otc_error *err)
{
    otc_status status;

    *windowing = (struct otc_windowing){.comparison = comparison, .input = input};
    status = plan_chunks(windowing, incomplete, err);
    if (status != OTC_OK) {
        return status;
    }
    windowing->max_open = windows_at_a_time(windowing);
    windowing->open = calloc(windowing->max_open, sizeof(*windowing->open));
    windowing->rings = calloc(comparison->n_features + 1, sizeof(*windowing->rings));
    return windowing->open && windowing->rings ? OTC_OK
                                               : otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
}

/** Makes room for one more window among the results. */
static struct otc_compared_window *
add_window(struct otc_comparison *comparison, struct otc_error *err)
{
    size_t n = comparison->n_windows;
    struct otc_compared_window *windows = comparison->windows;
    char label[OTC_CHUNK_LABEL];

    if ((n + 1) * comparison->n_features > MAX_RESULTS && n > 0) {
        otc_chunk_rule_text(&comparison->chunk_rule, label);
        (void)otc_fail(err, OTC_INVALID_ARGUMENT,
                       "--window: windows of %s are more than %zu for %zu features: choose longer ones, or "
                       "features with --columns",
                       label, n, comparison->n_features);
        return NULL;
    }
    if ((n & (n - 1)) == 0) { /* full at each power of two */
        windows = realloc(windows, (n ? 2 * n : 1) * sizeof(*windows));
        if (!windows) {
            (void)otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
            return NULL;
        }
        comparison->windows = windows;
    }
    windows[n] = (struct otc_compared_window){
        .features = calloc(comparison->n_features + 1, sizeof(*windows[n].features))};
    if (!windows[n].features) {
        (void)otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
        return NULL;
    }
    comparison->n_windows = n + 1;
    return &windows[n];
}

/** k of n, as the service counts: what was not tested does not enter, a window without rows empties. */
static void
judge(struct otc_windowing *windowing, struct otc_compared_window *out)
{
    struct otc_comparison *comparison = windowing->comparison;
    bool gap = windowing->closed && windowing->last.end < out->chunk.start;

    for (size_t i = 0; i < comparison->n_features; i++) {
        struct otc_compared_feature *feature = &out->features[i];
        struct otc_k_of_n *ring = &windowing->rings[i];

        if (gap) {
            *ring = (struct otc_k_of_n){0};
        }
        if (feature->result.skipped == OTC_SKIP_NONE) {
            (void)otc_k_of_n_add(ring, comparison->k, comparison->n, feature->result.rejected);
        }
        feature->detected = ring->detected;
    }
}

static otc_status
close_window(struct otc_windowing *windowing, struct otc_open_window *window, struct otc_error *err)
{
    struct otc_comparison *comparison = windowing->comparison;
    struct otc_compared_window *out = add_window(comparison, err);
    otc_status status;

    if (!out) {
        return OTC_INVALID_ARGUMENT;
    }
    out->chunk = window->chunk;
    out->rows = window->rows;
    out->of_reference = windowing->of_reference;
    out->incomplete = otc_chunk_plan_is_incomplete(&windowing->plan, window->chunk);
    if (windowing->plan.rule.unit == OTC_CHUNK_ROWS) {
        out->chunk.end = out->chunk.start + (int64_t)window->rows;
    }
    status = otc_compared_evaluate(comparison, window->samples, out->features, err);
    if (status != OTC_OK) {
        return status;
    }
    judge(windowing, out);
    for (size_t i = 0; i < comparison->n_features; i++) {
        out->features[i].result.components_moved =
            otc_input_components_moved(window->components[i], comparison->decision.min_observations);
        otc_input_components_reset(window->components[i]);
        otc_sample_reset(window->samples[i]);
    }
    window->used = false;
    windowing->last = window->chunk;
    windowing->closed = true;
    return OTC_OK;
}

/** The samples of a window that is opened for the first time. */
static otc_status
make_samples(const struct otc_comparison *comparison, struct otc_open_window *window, struct otc_error *err)
{
    if (window->samples) {
        return OTC_OK;
    }
    window->samples = calloc(comparison->n_features + 1, sizeof(struct otc_sample *));
    window->components = calloc(comparison->n_features + 1, sizeof(struct otc_input_components *));
    for (size_t i = 0; window->samples && window->components && i < comparison->n_features; i++) {
        const struct otc_reference_feature *reference = comparison->features[i].reference;

        window->samples[i] = otc_sample_new(reference);
        if (!window->samples[i] || !otc_input_components_new(reference->components, &window->components[i])) {
            return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
        }
    }
    return window->samples && window->components ? OTC_OK
                                                 : otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
}

static otc_status
too_late(const struct otc_windowing *windowing, int64_t time_ns, struct otc_error *err)
{
    const struct otc_input *input = windowing->input;
    char time[32];

    otc_time_format(time_ns, time);
    return otc_fail(err, OTC_INVALID_ARGUMENT,
                    "%s:%llu: the rows are in no order of '%.*s' and too many windows are open: this one, of "
                    "%s, is in one that was closed. Sort the file by that column",
                    otc_table_path(input->table), (unsigned long long)otc_table_line(input->table),
                    OTC_SLICE_ARG(input->columns.columns[input->time_column].name), time);
}

/** Opens a window in a free place, or in that of the oldest, which is closed. */
static otc_status
open_window(struct otc_windowing *windowing, struct otc_chunk chunk, int64_t position,
            struct otc_open_window **out, struct otc_error *err)
{
    struct otc_open_window *place = windowing->open;
    otc_status status = OTC_OK;

    if (windowing->closed && chunk.start <= windowing->last.start) {
        return too_late(windowing, position, err);
    }
    for (size_t i = 1; i < windowing->max_open && place->used; i++) {
        struct otc_open_window *window = &windowing->open[i];

        if (!window->used || window->chunk.start < place->chunk.start) {
            place = window;
        }
    }
    if (place->used && chunk.start < place->chunk.start) {
        return too_late(windowing, position, err);
    }
    if (place->used) {
        status = close_window(windowing, place, err);
    }
    if (status == OTC_OK) {
        status = make_samples(windowing->comparison, place, err);
    }
    place->used = status == OTC_OK;
    place->rows = 0;
    place->chunk = chunk;
    *out = place;
    return status;
}

otc_status
otc_windowing_row(struct otc_windowing *windowing, uint64_t row, int64_t time_ns, struct otc_error *err)
{
    bool by_rows = windowing->plan.rule.unit == OTC_CHUNK_ROWS;
    int64_t position = by_rows ? (int64_t)row : time_ns;
    struct otc_open_window *window = windowing->current;
    struct otc_chunk chunk;
    otc_status status = OTC_OK;

    windowing->current = NULL;
    if (!by_rows && time_ns == INT64_MIN) {
        windowing->comparison->rows_without_time++;
        return OTC_OK;
    }
    if (!otc_chunk_plan_place(&windowing->plan, position, &chunk)) {
        windowing->comparison->rows_dropped++;
        return OTC_OK;
    }
    if (!window || !window->used || window->chunk.start != chunk.start) {
        window = NULL;
        for (size_t i = 0; !window && i < windowing->max_open; i++) {
            struct otc_open_window *open = &windowing->open[i];

            window = open->used && open->chunk.start == chunk.start ? open : NULL;
        }
    }
    if (!window) {
        status = open_window(windowing, chunk, position, &window, err);
    }
    if (status == OTC_OK && window) {
        window->rows++;
        windowing->current = window;
    }
    return status;
}

bool
otc_windowing_cell(struct otc_windowing *windowing, size_t feature, const struct otc_use *use,
                   int64_t time_ns)
{
    size_t at = windowing->features ? windowing->features[feature] : feature;

    if (!windowing->current || at == SIZE_MAX) {
        return true;
    }
    if (use->use == OTC_USE_NUMBER) {
        otc_input_components_add(windowing->current->components[at], windowing->input);
    }
    return otc_sample_add(windowing->current->samples[at], use, windowing->independent ? INT64_MIN : time_ns);
}

otc_status
otc_windowing_finish(struct otc_windowing *windowing, struct otc_error *err)
{
    for (;;) {
        struct otc_open_window *oldest = NULL;
        otc_status status;

        for (size_t i = 0; i < windowing->max_open; i++) {
            struct otc_open_window *window = &windowing->open[i];

            if (window->used && (!oldest || window->chunk.start < oldest->chunk.start)) {
                oldest = window;
            }
        }
        if (!oldest) {
            return OTC_OK;
        }
        status = close_window(windowing, oldest, err);
        if (status != OTC_OK) {
            return status;
        }
    }
}

void
otc_windowing_release(struct otc_windowing *windowing)
{
    for (size_t i = 0; windowing->open && i < windowing->max_open; i++) {
        struct otc_open_window *window = &windowing->open[i];

        for (size_t f = 0; window->samples && f < windowing->comparison->n_features; f++) {
            otc_sample_free(window->samples[f]);
            otc_input_components_free(window->components ? window->components[f] : NULL);
        }
        free(window->components);
        free(window->samples);
    }
    free(windowing->open);
    free(windowing->rings);
    *windowing = (struct otc_windowing){0};
}
