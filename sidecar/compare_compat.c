// SPDX-License-Identifier: Apache-2.0
#include "sidecar/compare_compat.h"

#include "common/base/map.h"
#include "sidecar/output.h"

#include <math.h>

/** Windows of one side times features. */
#define MAX_RESULTS 1000000

/** One feature's values on one side, row by row. */
struct column {
    double *values;
    size_t n, room;
};

/** One side of all features, and the chunk of each row. */
struct side {
    struct otc_input *input; /* NULL: a reference file */
    struct column *columns;  /* one for each feature of the comparison */
    const size_t *places;    /* of the input's features among them; NULL: the same */
    struct column chunk_of;  /* places in `chunks` */
    struct otc_chunk *chunks;
    uint64_t *chunk_rows;
    size_t n_chunks, chunk_room;
    struct otc_map *places_of_chunks; /* by the chunk's beginning; the place after 1 */
    size_t last;                      /* chunk of the last row */
    struct otc_chunk_plan plan;
    bool by_rows, cut; /* the plan goes by row numbers; there is a plan */
};

/** Everything that is read. */
struct reading {
    struct otc_compare_run *run;
    struct otc_map **categories; /* texts of a feature's categories, NULL for numbers; the number after 1 */
    struct side sides[2];        /* reference, current */
    struct side *side;           /* the one being read */
};

static bool
push(struct column *column, double value)
{
    if (column->n == column->room) {
        size_t room = column->room ? 2 * column->room : 1024;
        double *values = realloc(column->values, room * sizeof(*values));

        if (!values) {
            return false;
        }
        column->values = values;
        column->room = room;
    }
    column->values[column->n++] = value;
    return true;
}

/** The number of a category, a new one when it was not seen before; SIZE_MAX out of memory. */
static size_t
category_of(struct otc_map *map, struct otc_slice name)
{
    size_t number = (size_t)(uintptr_t)otc_map_get(map, name);

    if (number == 0) {
        number = otc_map_count(map) + 1;
        /* The map takes what is not NULL: numbers from 1. NOLINTNEXTLINE(performance-no-int-to-ptr) */
        if (!otc_map_put(map, name, (void *)(uintptr_t)number)) {
            return SIZE_MAX;
        }
    }
    return number - 1;
}

static bool
take_cell(void *arg, size_t feature, const struct otc_use *use, int64_t time_ns)
{
    struct reading *reading = arg;
    struct side *side = reading->side;
    size_t place = side->places ? side->places[feature] : feature;
    double value = NAN;

    (void)time_ns;
    if (place == SIZE_MAX) {
        return true;
    }
    if (use->use == OTC_USE_TEXT && reading->categories[place]) {
        size_t category = category_of(reading->categories[place], use->text);

        if (category == SIZE_MAX) {
            return false;
        }
        value = (double)category;
    } else if (use->use == OTC_USE_NUMBER && isfinite(use->number)) {
        value = use->number;
    }
    return push(&side->columns[place], value);
}

/** Makes room for one more chunk. */
static bool
grow_chunks(struct side *side)
{
    size_t room = side->chunk_room ? 2 * side->chunk_room : 64;
    struct otc_chunk *chunks;
    uint64_t *rows;

    if (side->n_chunks < side->chunk_room) {
        return true;
    }
    chunks = reallocarray(side->chunks, room, sizeof(*chunks));
    side->chunks = chunks ? chunks : side->chunks;
    rows = chunks ? reallocarray(side->chunk_rows, room, sizeof(*rows)) : NULL;
    side->chunk_rows = rows ? rows : side->chunk_rows;
    side->chunk_room = rows ? room : side->chunk_room;
    return rows != NULL;
}

static otc_status
add_chunk(struct side *side, size_t n_features, struct otc_chunk chunk, struct otc_error *err)
{
    size_t place = side->n_chunks;

    if ((place + 1) * n_features > MAX_RESULTS && place > 0) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "--window: more than %zu windows for %zu features: choose longer ones, or features "
                        "with --columns",
                        place, n_features);
    }
    if (!side->places_of_chunks) {
        side->places_of_chunks = otc_map_new(MAX_RESULTS + 1);
    }
    /* NOLINTNEXTLINE(performance-no-int-to-ptr): the map takes what is not NULL, places from 1 */
    if (!side->places_of_chunks || !grow_chunks(side) ||
        !otc_map_put(side->places_of_chunks, otc_slice_of(&chunk.start, sizeof(chunk.start)),
                     (void *)(uintptr_t)(place + 1))) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    side->chunks[place] = chunk;
    side->chunk_rows[place] = 0;
    side->n_chunks++;
    return OTC_OK;
}

/** Counts a row for its chunk, which becomes side->last. */
static otc_status
count_row(struct side *side, size_t n_features, struct otc_chunk chunk, struct otc_error *err)
{
    otc_status status = OTC_OK;

    if (side->last >= side->n_chunks || side->chunks[side->last].start != chunk.start) {
        struct otc_slice start = otc_slice_of(&chunk.start, sizeof(chunk.start));
        size_t place = side->places_of_chunks ? (uintptr_t)otc_map_get(side->places_of_chunks, start) : 0;

        side->last = place ? place - 1 : side->n_chunks;
        status = place ? OTC_OK : add_chunk(side, n_features, chunk, err);
    }
    if (status == OTC_OK) {
        side->chunk_rows[side->last]++;
    }
    return status;
}

static otc_status
take_row(void *arg, uint64_t row, int64_t time_ns, struct otc_error *err)
{
    struct reading *reading = arg;
    struct side *side = reading->side;
    int64_t position = side->by_rows ? (int64_t)row : time_ns;
    struct otc_chunk chunk;
    double place = -1; /* in none */

    if (!side->cut) {
        return OTC_OK;
    }
    if (position != INT64_MIN && otc_chunk_plan_place(&side->plan, position, &chunk)) {
        otc_status status = count_row(side, reading->run->comparison.n_features, chunk, err);

        if (status != OTC_OK) {
            return status;
        }
        place = (double)side->last;
    }
    return push(&side->chunk_of, place) ? OTC_OK : otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
}

/** How a side's rows are cut: as --window says. */
static otc_status
plan_side(struct side *side, const struct otc_compare_options *options, struct otc_error *err)
{
    const struct otc_input *input = side->input;
    const struct otc_column *times;
    int64_t rows = (int64_t)input->columns.rows;

    if (!options->texts.window) {
        return OTC_OK;
    }
    side->cut = true;
    side->by_rows = options->chunk_rule.unit == OTC_CHUNK_ROWS;
    if (side->by_rows) {
        otc_chunk_plan_init(&side->plan, &options->chunk_rule, options->incomplete, 0, rows - 1,
                            (uint64_t)rows);
        return OTC_OK;
    }
    if (input->time_column == SIZE_MAX) {
        return otc_fail(
            err, OTC_INVALID_ARGUMENT,
            "--window: when the rows of %s were is not known: name the column with --timestamp, or count "
            "rows (--window 1000)",
            otc_table_path(input->table));
    }
    times = &input->columns.columns[input->time_column];
    otc_chunk_plan_init(&side->plan, &options->chunk_rule, options->incomplete, times->first_ns,
                        times->last_ns, (uint64_t)rows);
    return OTC_OK;
}

static otc_status
read_side(struct reading *reading, struct side *side, const struct otc_compare_options *options,
          struct otc_error *err)
{
    struct otc_input_visitor visitor = {reading, take_row, take_cell};
    otc_status status = plan_side(side, options, err);

    reading->side = side;
    if (status == OTC_OK) {
        status = otc_table_rewind(side->input->table, err);
    }
    return status == OTC_OK ? otc_input_visit(side->input, &visitor, err) : status;
}

/** A reference file's values: every one of them, as long as it is exact. */
static otc_status
expand_feature(struct reading *reading, size_t place, struct otc_error *err)
{
    const struct otc_reference_feature *feature = reading->run->comparison.features[place].reference;
    struct column *column = &reading->sides[0].columns[place];
    bool ok = true, exact = feature->other == 0 && feature->observations == feature->values;

    for (size_t i = 0; feature->type == OTC_NUMERIC && i <= feature->cells.n; i++) {
        exact = exact && feature->cells.gap[i] == 0;
    }
    if (!exact) {
        return otc_fail(
            err, OTC_INVALID_ARGUMENT,
            "--compat: the reference of '%.*s' does not have every value: give the table it was built "
            "from, or build it with --cells exact",
            OTC_SLICE_ARG(feature->name));
    }
    for (size_t i = 0; ok && feature->type == OTC_NUMERIC && i < feature->cells.n; i++) {
        for (uint64_t c = 0; ok && c < feature->cells.eq[i]; c++) {
            ok = push(column, feature->cells.points[i]);
        }
    }
    for (size_t i = 0; ok && i < feature->n_categories; i++) {
        size_t category = category_of(reading->categories[place], feature->categories[i].name);

        ok = category != SIZE_MAX;
        for (uint64_t c = 0; ok && c < feature->categories[i].count; c++) {
            ok = push(column, (double)category);
        }
    }
    return ok ? OTC_OK : otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
}

static otc_status
read_sides(struct reading *reading, const struct otc_compare_options *options, struct otc_error *err)
{
    struct otc_compare_run *run = reading->run;
    size_t n = run->comparison.n_features;
    size_t *places = NULL;
    otc_status status = OTC_OK;

    reading->categories = calloc(n + 1, sizeof(struct otc_map *));
    for (size_t s = 0; s < 2; s++) {
        reading->sides[s].columns = calloc(n + 1, sizeof(struct column));
        if (!reading->sides[s].columns || !reading->categories) {
            return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
        }
    }
    for (size_t i = 0; i < n; i++) {
        if (run->comparison.features[i].reference->type == OTC_CATEGORICAL) {
            reading->categories[i] = otc_map_new(UINT32_MAX);
            if (!reading->categories[i]) {
                return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
            }
        }
    }
    if (run->reference_input.table) {
        places = otc_compare_places_of_reference(run);
        reading->sides[0].input = &run->reference_input;
        reading->sides[0].places = places;
        status = places ? read_side(reading, &reading->sides[0], options, err)
                        : otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
        reading->sides[0].places = NULL;
    } else {
        for (size_t i = 0; status == OTC_OK && i < n; i++) {
            status = expand_feature(reading, i, err);
        }
    }
    free(places);
    reading->sides[1].input = &run->current;
    return status == OTC_OK ? read_side(reading, &reading->sides[1], options, err) : status;
}

static void
release_reading(struct reading *reading)
{
    size_t n = reading->run->comparison.n_features;

    for (size_t s = 0; s < 2; s++) {
        struct side *side = &reading->sides[s];

        for (size_t i = 0; side->columns && i < n; i++) {
            free(side->columns[i].values);
        }
        free(side->columns);
        free(side->chunk_of.values);
        free(side->chunks);
        free(side->chunk_rows);
        otc_map_free(side->places_of_chunks, NULL);
    }
    for (size_t i = 0; reading->categories && i < n; i++) {
        otc_map_free(reading->categories[i], NULL);
    }
    free(reading->categories);
}

/* ---- From values to results ---------------------------------------------------------------------------- */

/** By their beginnings; `arg`: the chunks. */
static int
by_start(const void *a, const void *b, void *arg)
{
    const struct otc_chunk *chunks = arg;
    int64_t x = chunks[*(const size_t *)a].start, y = chunks[*(const size_t *)b].start;

    return (x > y) - (x < y);
}

/** A side's chunks in order of their beginnings; the chunk of each row in `of_row`. */
struct ordered {
    size_t *order; /* order[i]: place of the i-th chunk */
    uint32_t *of_row;
    size_t n_chunks, rows;
};

static bool
order_chunks(const struct side *side, size_t rows, bool by_default, struct ordered *out)
{
    size_t n = side->cut ? side->n_chunks : 1;
    uint32_t *rank = calloc(n + 1, sizeof(*rank));

    out->order = calloc(n + 1, sizeof(size_t));
    out->of_row = calloc(rows + 1, sizeof(uint32_t));
    out->n_chunks = n;
    out->rows = rows;
    if (!rank || !out->order || !out->of_row) {
        free(rank);
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        out->order[i] = i;
    }
    if (side->cut) {
        qsort_r(out->order, n, sizeof(*out->order), by_start, side->chunks);
    }
    for (size_t i = 0; i < n; i++) {
        rank[out->order[i]] = (uint32_t)i;
    }
    for (size_t row = 0; side->cut && row < rows && row < side->chunk_of.n; row++) {
        double place = side->chunk_of.values[row];

        out->of_row[row] = place < 0 ? UINT32_MAX : rank[(size_t)place];
    }
    if (by_default && !side->cut) {
        out->n_chunks = otc_compat_default_chunks(rows, out->of_row);
    }
    free(rank);
    return true;
}

static void
ordered_free(struct ordered *ordered)
{
    free(ordered->order);
    free(ordered->of_row);
}

/** As pandas types a column: whole numbers with nothing missing are integers. */
static bool
is_whole(const struct column *column)
{
    for (size_t i = 0; i < column->n; i++) {
        if (!(column->values[i] == floor(column->values[i]))) { /* NaN too */
            return false;
        }
    }
    return true;
}

/** Adds the windows of one side to the report. */
static bool
add_windows(struct otc_compat_report *report, const struct side *side, const struct ordered *chunks,
            bool of_reference)
{
    size_t n_features = report->comparison->n_features, n = chunks->n_chunks;
    struct otc_compat_window *windows =
        realloc(report->windows, (report->n_windows + n + 1) * sizeof(*windows));

    if (!windows) {
        return false;
    }
    report->windows = windows;
    for (size_t i = 0; i < n; i++) {
        struct otc_compat_window *window = &windows[report->n_windows];

        *window = (struct otc_compat_window){.rows = chunks->rows, .of_reference = of_reference};
        window->features = calloc(n_features + 1, sizeof(*window->features));
        if (!window->features) {
            return false;
        }
        if (side->cut) {
            window->chunk = side->chunks[chunks->order[i]];
            window->rows = side->chunk_rows[chunks->order[i]];
        }
        report->n_windows++;
    }
    return true;
}

/** All chunks of a side of one feature, into the windows from `first` on. */
static otc_status
judge_feature(struct otc_compat_report *report, struct otc_compat_series *series, size_t feature,
              size_t first, struct otc_error *err)
{
    struct otc_compat_feature *results = calloc(series->cur.n_chunks + 1, sizeof(*results));
    otc_status status;

    if (!results) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    status = otc_compat_chunks(report->compat, series, results, err);
    for (size_t i = 0; status == OTC_OK && i < series->cur.n_chunks; i++) {
        report->windows[first + i].features[feature] = results[i];
    }
    free(results);
    return status;
}

static otc_status
judge(struct otc_compat_report *report, const struct reading *reading, const struct ordered *ref,
      const struct ordered *cur, size_t first_current, struct otc_error *err)
{
    const struct side *sides = reading->sides;
    otc_status status = OTC_OK;

    for (size_t i = 0; status == OTC_OK && i < report->comparison->n_features; i++) {
        const struct column *left = &sides[0].columns[i], *right = &sides[1].columns[i];
        bool rows = sides[0].input != NULL;
        struct otc_compat_series series = {
            .type = report->comparison->features[i].reference->type,
            .k = reading->categories[i] ? otc_map_count(reading->categories[i]) : 0,
            .integers = is_whole(left) && is_whole(right),
            .ref = {left->values, left->n, rows ? ref->of_row : NULL, rows ? ref->n_chunks : 1},
            .cur = {right->values, right->n, cur->of_row, cur->n_chunks}};

        status = judge_feature(report, &series, i, first_current, err);
        if (status == OTC_OK && first_current > 0) {
            series.cur = series.ref;
            status = judge_feature(report, &series, i, 0, err);
        }
    }
    for (size_t w = 0; status == OTC_OK && w < report->n_windows; w++) {
        size_t features = 0, drifted = 0;

        for (size_t i = 0; i < report->comparison->n_features; i++) {
            const struct otc_compat_feature *feature = &report->windows[w].features[i];

            features += feature->has_verdict;
            drifted += feature->has_verdict && feature->drifted;
        }
        report->windows[w].dataset = otc_compat_dataset(report->compat, features, drifted);
    }
    return status;
}

static otc_status
make(struct otc_compat_report *report, const struct reading *reading,
     const struct otc_compare_options *options, struct otc_error *err)
{
    const struct side *sides = reading->sides;
    bool rows = sides[0].input != NULL;
    size_t ref_rows = rows ? reading->run->reference_input.columns.rows : 0;
    struct ordered ref = {0}, cur = {0};
    size_t first_current = 0;
    bool ok = order_chunks(&sides[0], ref_rows, rows, &ref) &&
              order_chunks(&sides[1], reading->run->current.columns.rows, false, &cur);
    otc_status status;

    report->thresholds_learned = report->compat == OTC_COMPAT_NANNYML && rows && ref.n_chunks > 1;
    if (ok && options->reference_windows && sides[0].cut) {
        ok = add_windows(report, &sides[0], &ref, true);
        first_current = report->n_windows;
    }
    ok = ok && add_windows(report, &sides[1], &cur, false);
    status = ok ? judge(report, reading, &ref, &cur, first_current, err)
                : otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    ordered_free(&ref);
    ordered_free(&cur);
    return status;
}

otc_status
otc_compat_report_make(struct otc_compare_run *run, const struct otc_compare_options *options,
                       struct otc_compat_report *out, struct otc_error *err)
{
    struct reading reading = {.run = run};
    otc_status status;

    *out = (struct otc_compat_report){.compat = options->compat,
                                      .comparison = &run->comparison,
                                      .rule = options->texts.window ? &options->chunk_rule : NULL};
    status = read_sides(&reading, options, err);
    if (status == OTC_OK) {
        status = make(out, &reading, options, err);
    }
    release_reading(&reading);
    return status;
}

void
otc_compat_report_release(struct otc_compat_report *report)
{
    for (size_t i = 0; report->windows && i < report->n_windows; i++) {
        free(report->windows[i].features);
    }
    free(report->windows);
    *report = (struct otc_compat_report){0};
}

bool
otc_compat_report_detected(const struct otc_compat_report *report)
{
    for (size_t i = 0; i < report->n_windows; i++) {
        if (!report->windows[i].of_reference && report->windows[i].dataset.detected) {
            return true;
        }
    }
    return false;
}

static otc_status
write_report(const struct otc_compat_report *report, const struct otc_compare_options *options,
             struct otc_error *err)
{
    struct otc_output output;
    otc_status status = otc_output_open(&output, options->output, err);
    bool written;

    if (status != OTC_OK) {
        return status;
    }
    written = options->format == OTC_COMPARE_JSON ? otc_compat_report_print_json(report, output.file)
                                                  : otc_compat_report_print(report, output.file);
    status = otc_output_close(&output, written, err);
    return status == OTC_OK && !written ? otc_fail(err, OTC_UNAVAILABLE, "the result could not be written")
                                        : status;
}

int
otc_compare_compat(const struct otc_compare_options *options)
{
    static struct otc_compare_options plain; /* as the options, without windows: these are cut here */
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_compare_run run;
    struct otc_compat_report report = {0};
    int exit_code = OTC_EXIT_DONE;

    plain = *options;
    plain.k = 0;
    plain.reference_windows = false;
    if (otc_compare(&run, &plain, &err) != OTC_OK ||
        otc_compat_report_make(&run, options, &report, &err) != OTC_OK ||
        write_report(&report, options, &err) != OTC_OK) {
        exit_code = otc_command_failed(&err);
    } else if (options->fail_on_drift && otc_compat_report_detected(&report)) {
        exit_code = OTC_EXIT_DRIFT;
    }
    otc_compat_report_release(&report);
    otc_compare_release(&run);
    return exit_code;
}
