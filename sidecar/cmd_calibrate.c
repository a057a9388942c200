// SPDX-License-Identifier: Apache-2.0
/*
 * The rows are cut into blocks in their order. Each block's windows are compared with a reference of all the
 * other blocks: what is detected there is a false alarm, if nothing drifted in the table.
 */
#include "sidecar/cmd_calibrate.h"

#include "common/analysis/calibrate.h"
#include "common/analysis/sample.h"
#include "common/base/clock.h"
#include "common/json/json.h"
#include "sidecar/commands.h"
#include "sidecar/output.h"
#include "sidecar/screen.h"
#include "sidecar/text_table.h"

#include <math.h>

#define BLOCKS 5
#define WINDOW_ROWS 1000
#define WEEK_SECONDS (7 * 24 * 3600.0)

struct calibrating {
    const struct otc_compare_options *options;
    struct otc_input input;
    struct otc_calibration *calibration;
    uint64_t window; /* rows */
    unsigned k, n;
    double weeks; /* that the windows span; NaN: not known */
    /** The block that is held out, and what is done with a row. */
    uint64_t block, row;
    bool held_out;
    struct otc_reference_builder *builder;
    struct otc_reference *reference;
    struct otc_sample **samples;
    struct otc_feature_result *results;
    uint64_t in_window, windows;
};

static uint64_t
block_of(const struct calibrating *c, uint64_t row)
{
    return row * BLOCKS / c->input.columns.rows;
}

/** Adds a cell to the reference that is made. */
static bool
add_to_builder(struct calibrating *c, size_t feature, const struct otc_use *use, int64_t order)
{
    switch (use->use) {
    case OTC_USE_MISSING:
        otc_reference_builder_missing(c->builder, feature);
        return true;
    case OTC_USE_INVALID:
        otc_reference_builder_invalid(c->builder, feature);
        return true;
    case OTC_USE_NUMBER:
        return otc_reference_builder_number(c->builder, feature, use->number, order);
    case OTC_USE_TEXT:
        return otc_reference_builder_text(c->builder, feature, use->text, order);
    }
    return true;
}

static bool
on_cell(void *arg, size_t feature, const struct otc_use *use, int64_t time_ns)
{
    struct calibrating *c = arg;
    int64_t order = c->options->independent ? INT64_MIN : (int64_t)c->row;

    (void)time_ns; /* rows come in order of time: their numbers tell it as well */
    if (c->held_out != (block_of(c, c->row) == c->block)) {
        return true;
    }
    return c->held_out ? otc_sample_add(c->samples[feature], use, order)
                       : add_to_builder(c, feature, use, order);
}

/** Evaluates the window that is full and empties it. */
static otc_status
close_window(struct calibrating *c, struct otc_error *err)
{
    otc_status status = OTC_OK;

    for (size_t i = 0; status == OTC_OK && i < c->input.n_features; i++) {
        status = otc_sample_evaluate(c->samples[i], &c->options->decision, &c->results[i], err);
        otc_sample_reset(c->samples[i]);
    }
    if (status == OTC_OK) {
        status = otc_evaluate_family(&c->options->decision, c->results, c->input.n_features, err);
    }
    if (status == OTC_OK) {
        status = otc_calibration_add(c->calibration, c->results, err);
    }
    c->windows++;
    c->in_window = 0;
    return status;
}

/** Before the cells of a row: those of the row before are complete. */
static otc_status
on_row(void *arg, uint64_t row, int64_t time_ns, struct otc_error *err)
{
    struct calibrating *c = arg;
    otc_status status = OTC_OK;

    (void)time_ns;
    if (c->held_out && c->in_window == c->window) {
        status = close_window(c, err);
    }
    c->row = row;
    c->in_window += c->held_out && block_of(c, row) == c->block;
    return status;
}

static otc_status
visit(struct calibrating *c, struct otc_error *err)
{
    const struct otc_input_visitor visitor = {c, on_row, on_cell};
    otc_status status = otc_table_rewind(c->input.table, err);

    return status == OTC_OK ? otc_input_visit(&c->input, &visitor, err) : status;
}

/** The reference of all blocks but one. */
static otc_status
make_reference(struct calibrating *c, struct otc_error *err)
{
    struct otc_reference_limits limits = OTC_REFERENCE_LIMITS_DEFAULT;
    otc_status status = OTC_OK;

    limits.max_categories = 0;
    c->builder = otc_reference_builder_new(&limits, c->input.n_features);
    for (size_t i = 0; c->builder && status == OTC_OK && i < c->input.n_features; i++) {
        const struct otc_input_feature *feature = &c->input.features[i];

        if (otc_reference_builder_feature(c->builder, feature->name, feature->type, feature->kind) != i) {
            status = otc_fail(err, OTC_INVALID_ARGUMENT,
                              "%s: two columns are the feature '%.*s': choose with --columns",
                              otc_table_path(c->input.table), OTC_SLICE_ARG(feature->name));
        }
    }
    if (!c->builder) {
        status = otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    c->held_out = false;
    if (status == OTC_OK) {
        status = visit(c, err);
    }
    if (status == OTC_OK) {
        status = otc_reference_builder_finish(c->builder, otc_slice_str(""), otc_table_path(c->input.table),
                                              0, &c->reference, err);
    }
    otc_reference_builder_free(c->builder);
    c->builder = NULL;
    return status;
}

/** The held-out block, window by window; rows that fill none are left over. */
static otc_status
judge_block(struct calibrating *c, struct otc_error *err)
{
    otc_status status = OTC_OK;

    otc_calibration_break(c->calibration);
    c->held_out = true;
    c->in_window = 0;
    for (size_t i = 0; status == OTC_OK && i < c->input.n_features; i++) {
        const struct otc_input_feature *feature = &c->input.features[i];

        c->samples[i] = otc_sample_new(otc_reference_find_kind(c->reference, feature->kind, feature->name));
        status = c->samples[i] ? OTC_OK : otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    if (status == OTC_OK) {
        status = visit(c, err);
    }
    if (status == OTC_OK && c->in_window == c->window) {
        status = close_window(c, err);
    }
    for (size_t i = 0; i < c->input.n_features; i++) {
        otc_sample_free(c->samples[i]);
        c->samples[i] = NULL;
    }
    return status;
}

static otc_status
prepare(struct calibrating *c, struct otc_error *err)
{
    const struct otc_compare_options *options = c->options;
    const struct otc_column *times;
    otc_status status = otc_input_open(&c->input, options->calibrate, &options->input, err);

    if (status != OTC_OK) {
        return status;
    }
    if (c->input.n_features == 0 || c->input.columns.rows < BLOCKS * c->window) {
        return otc_fail(
            err, OTC_INVALID_ARGUMENT,
            "%s: %llu rows of %zu features do not fill a window of %llu rows in each of %d blocks",
            options->calibrate, (unsigned long long)c->input.columns.rows, c->input.n_features,
            (unsigned long long)c->window, BLOCKS);
    }
    if (c->input.time_column != SIZE_MAX) {
        times = &c->input.columns.columns[c->input.time_column];
        if (!times->ordered) {
            return otc_fail(err, OTC_INVALID_ARGUMENT, "%s: the rows are in no order of '%.*s': sort them",
                            options->calibrate, OTC_SLICE_ARG(times->name));
        }
        c->weeks = (double)(times->last_ns - times->first_ns) / 1e9 / WEEK_SECONDS;
    }
    c->samples = calloc(c->input.n_features, sizeof(struct otc_sample *));
    c->results = calloc(c->input.n_features, sizeof(*c->results));
    c->calibration = otc_calibration_new(&options->decision, c->input.n_features, c->k, c->n);
    return c->samples && c->results && c->calibration
               ? OTC_OK
               : otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
}

static otc_status
calibrate(struct calibrating *c, struct otc_error *err)
{
    otc_status status = prepare(c, err);

    for (c->block = 0; status == OTC_OK && c->block < BLOCKS; c->block++) {
        status = make_reference(c, err);
        if (status == OTC_OK) {
            status = judge_block(c, err);
        }
        otc_reference_unref(c->reference);
        c->reference = NULL;
    }
    if (status == OTC_OK) {
        c->weeks *= (double)(c->windows * c->window) / (double)c->input.columns.rows;
    }
    return status;
}

/* ---- Telling -------------------------------------------------------------------------------------- */

static void
fill_rate(struct otc_text_table *table, size_t row, const char *name, struct otc_alarm_rate rate)
{
    (void)snprintf(otc_text_cell(table, row, 0), OTC_TEXT_CELL, "%s", name);
    (void)snprintf(otc_text_cell(table, row, 1), OTC_TEXT_CELL, "%llu", (unsigned long long)rate.windows);
    (void)snprintf(otc_text_cell(table, row, 2), OTC_TEXT_CELL, "%llu", (unsigned long long)rate.alarms);
    (void)snprintf(otc_text_cell(table, row, 3), OTC_TEXT_CELL, "%.2f %%", 100 * rate.rate);
    (void)snprintf(otc_text_cell(table, row, 4), OTC_TEXT_CELL, "%.2f to %.2f %%", 100 * rate.lower,
                   100 * rate.upper);
}

static void
print_incidents(const struct calibrating *c, FILE *to)
{
    double level = c->options->decision.level;
    uint64_t incidents = otc_calibration_incidents(c->calibration, level, 1);
    struct otc_suggestion suggestion =
        otc_calibration_suggest(c->calibration, isnan(c->weeks) ? 0 : c->weeks);

    (void)fprintf(to, "\n%llu incidents (%u of %u windows) at level %g", (unsigned long long)incidents, c->k,
                  c->n, level);
    if (isnan(c->weeks)) {
        (void)fputs("; without a column of times (--timestamp) their pace is not known\n", to);
    } else {
        (void)fprintf(to, " in %.3g weeks: %.3g a week\n", c->weeks, (double)incidents / c->weeks);
    }
    if (!suggestion.found) {
        (void)fputs(
            "no level and effect tried keeps to one a week: the rows change with time; longer windows, "
            "or a reference of the same hours, may\n",
            to);
    } else if (suggestion.level < level || suggestion.scale > 1) {
        char scale[64] = "as it is";

        if (suggestion.scale > 1) {
            (void)snprintf(scale, sizeof(scale), "%g times as large", suggestion.scale);
        }
        (void)fprintf(to, "%s: level %g, min_effect %s (%llu incidents)\n",
                      isnan(c->weeks) ? "without incidents here" : "at most one a week", suggestion.level,
                      scale, (unsigned long long)suggestion.incidents);
    } else {
        (void)fputs("this decision keeps to it\n", to);
    }
}

static bool
print_table(const struct calibrating *c, FILE *to)
{
    static const char *const headings[] = {"FEATURE", "WINDOWS", "ALARMS", "RATE", "95 % INTERVAL"};
    size_t n = c->input.n_features;
    struct otc_text_table table;

    if (!otc_text_table_init(&table, n + 2, 5)) {
        return false;
    }
    table.left[0] = true;
    for (size_t i = 0; i < 5; i++) {
        (void)snprintf(otc_text_cell(&table, 0, i), OTC_TEXT_CELL, "%s", headings[i]);
    }
    for (size_t i = 0; i < n; i++) {
        char name[OTC_SCREEN_NAME_BYTES];

        (void)otc_screen_name(c->input.features[i].name, name);
        fill_rate(&table, i + 1, name, otc_calibration_rate(c->calibration, i));
    }
    fill_rate(&table, n + 1, "any of them", otc_calibration_rate(c->calibration, SIZE_MAX));
    (void)fprintf(to, "%s  %llu rows in %d blocks; windows of %llu rows, each against the other blocks\n\n",
                  c->options->calibrate, (unsigned long long)c->input.columns.rows, BLOCKS,
                  (unsigned long long)c->window);
    otc_text_table_print(&table, NULL, NULL, to);
    otc_text_table_release(&table);
    print_incidents(c, to);
    return fflush(to) == 0 && !ferror(to);
}

static void
json_rate(struct otc_json_writer *writer, struct otc_alarm_rate rate)
{
    otc_json_member_count(writer, "windows", rate.windows);
    otc_json_member_count(writer, "alarms", rate.alarms);
    otc_json_member_number(writer, "rate", rate.rate);
    otc_json_member_number(writer, "lower", rate.lower);
    otc_json_member_number(writer, "upper", rate.upper);
}

static void
json_suggestion(struct otc_json_writer *writer, const struct calibrating *c)
{
    struct otc_suggestion suggestion =
        otc_calibration_suggest(c->calibration, isnan(c->weeks) ? 0 : c->weeks);

    otc_json_key(writer, "suggestion");
    if (!suggestion.found) {
        otc_json_write_null(writer);
        return;
    }
    otc_json_begin_object(writer);
    otc_json_member_number(writer, "level", suggestion.level);
    otc_json_member_number(writer, "min_effect_scale", suggestion.scale);
    otc_json_member_number(writer, "incidents", (double)suggestion.incidents);
    otc_json_end_object(writer);
}

static bool
print_json(const struct calibrating *c, FILE *to)
{
    OTC_AUTO_BUF struct otc_buf text = {.limit = SIZE_MAX / 2};
    struct otc_json_writer writer = {.out = &text, .indent = 2};
    double incidents = (double)otc_calibration_incidents(c->calibration, c->options->decision.level, 1);

    otc_json_begin_object(&writer);
    otc_json_member_number(&writer, "level", c->options->decision.level);
    otc_json_member_number(&writer, "window_rows", (double)c->window);
    otc_json_key(&writer, "features");
    otc_json_begin_array(&writer);
    for (size_t i = 0; i < c->input.n_features; i++) {
        otc_json_begin_object(&writer);
        otc_json_key(&writer, "name");
        otc_json_write_text(&writer, c->input.features[i].name);
        json_rate(&writer, otc_calibration_rate(c->calibration, i));
        otc_json_end_object(&writer);
    }
    otc_json_end_array(&writer);
    otc_json_key(&writer, "any_feature");
    otc_json_begin_object(&writer);
    json_rate(&writer, otc_calibration_rate(c->calibration, SIZE_MAX));
    otc_json_end_object(&writer);
    otc_json_member_number(&writer, "incidents", incidents);
    otc_json_member_number(&writer, "weeks", c->weeks);
    otc_json_member_number(&writer, "incidents_per_week", incidents / c->weeks);
    json_suggestion(&writer, c);
    otc_json_end_object(&writer);
    return otc_json_writer_ok(&writer) && otc_buf_append_byte(&text, '\n') &&
           fwrite(text.data, 1, text.len, to) == text.len && fflush(to) == 0;
}

static otc_status
write_result(const struct calibrating *c, struct otc_error *err)
{
    struct otc_output output;
    otc_status status = otc_output_open(&output, c->options->output, err);
    bool written;

    if (status != OTC_OK) {
        return status;
    }
    written =
        c->options->format == OTC_COMPARE_JSON ? print_json(c, output.file) : print_table(c, output.file);
    status = otc_output_close(&output, written, err);
    return status == OTC_OK && !written ? otc_fail(err, OTC_UNAVAILABLE, "the result could not be written")
                                        : status;
}

int
otc_compare_calibrate(const struct otc_compare_options *options)
{
    struct otc_error err = OTC_ERROR_INIT;
    struct calibrating c = {.options = options,
                            .window = options->k > 0 ? (uint64_t)options->chunk_rule.size : WINDOW_ROWS,
                            .k = options->k > 0 ? options->k : 2,
                            .n = options->k > 0 ? options->n : 3,
                            .weeks = NAN};
    otc_status status = calibrate(&c, &err);

    if (status == OTC_OK) {
        status = write_result(&c, &err);
    }
    otc_calibration_free(c.calibration);
    free(c.samples);
    free(c.results);
    otc_input_close(&c.input);
    return status == OTC_OK ? OTC_EXIT_DONE : otc_command_failed(&err);
}
