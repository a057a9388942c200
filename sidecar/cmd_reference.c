// SPDX-License-Identifier: Apache-2.0
#include "common/base/clock.h"
#include "common/base/now.h"
#include "common/base/number.h"
#include "sidecar/column_notes.h"
#include "sidecar/commands.h"
#include "sidecar/input.h"
#include "sidecar/output.h"
#include "sidecar/reference_print.h"

/** Cells of an exact reference are bounded by its distinct values alone. */
#define MAX_CELLS 10000000

/** Options of `reference build`. */
struct build_options {
    struct otc_input_options input;
    const char *path, *output, *cells, *min_count, *bins, *binning, *max_categories, *model;
};

/** A whole number option; false after printing an error. Absent: `fallback` stays. */
static bool
read_size(const struct otc_command *command, const char *name, const char *text, int64_t min, int64_t max,
          size_t *out)
{
    int64_t number;

    if (!text) {
        return true;
    }
    if (!otc_parse_int64(otc_slice_str(text), &number) || number < min || number > max) {
        (void)otc_usage_error(command, "--%s: '%s' is not allowed (a whole number from %lld to %lld)", name,
                              text, (long long)min, (long long)max);
        return false;
    }
    *out = (size_t)number;
    return true;
}

static bool
read_binning(const struct otc_command *command, const struct build_options *options,
             struct otc_reference_limits *limits)
{
    unsigned rule = OTC_BINNING_QUANTILE;

    while (options->binning && otc_binning_names[rule] &&
           strcmp(options->binning, otc_binning_names[rule]) != 0) {
        rule++;
    }
    if (!otc_binning_names[rule]) {
        (void)otc_usage_error(command, "--binning: '%s' is not allowed (quantile, equal_width, sturges)",
                              options->binning);
        return false;
    }
    if (rule != OTC_BINNING_QUANTILE && limits->min_count > 1) {
        (void)otc_usage_error(command,
                              "--binning %s tells the least and the greatest value, which --min-count "
                              "hides: use quantile",
                              options->binning);
        return false;
    }
    if (rule == OTC_BINNING_STURGES && options->bins) {
        (void)otc_usage_error(command, "--binning sturges has a number of bins of its own: leave --bins out");
        return false;
    }
    limits->binning = (enum otc_binning)rule;
    return true;
}

static bool
read_limits(const struct otc_command *command, const struct build_options *options,
            struct otc_reference_limits *limits)
{
    size_t min_count = 0;
    size_t cells = 0;

    *limits = OTC_REFERENCE_LIMITS_DEFAULT;
    if (options->cells && strcmp(options->cells, "exact") == 0) {
        limits->exact_points = 0;
    } else if (!read_size(command, "cells", options->cells, 2, MAX_CELLS, &cells)) {
        return false;
    } else if (options->cells) {
        limits->exact_points = cells;
        limits->quantile_points = cells < limits->quantile_points ? cells : limits->quantile_points;
    }
    if (!read_size(command, "min-count", options->min_count, 1, INT64_MAX, &min_count) ||
        !read_size(command, "bins", options->bins, 2, OTC_REFERENCE_MAX_BINS, &limits->bins) ||
        !read_size(command, "max-categories", options->max_categories, 1, MAX_CELLS,
                   &limits->max_categories)) {
        return false;
    }
    limits->min_count = min_count;
    return read_binning(command, options, limits);
}

static otc_status
write_text(const char *path, struct otc_slice text, struct otc_error *err)
{
    struct otc_output output;
    otc_status status = otc_output_open(&output, path, err);

    if (status == OTC_OK) {
        (void)fwrite(text.data, 1, text.len, output.file);
        status = otc_output_close(&output, true, err);
    }
    return status;
}

/** Reads, builds and writes. */
static otc_status
build(const struct build_options *options, const struct otc_reference_limits *limits, struct otc_error *err)
{
    OTC_AUTO_BUF struct otc_buf text = {.limit = SIZE_MAX / 2};
    struct otc_reference *reference = NULL;
    struct otc_input input;
    otc_status status = otc_input_open(&input, options->path, &options->input, err);

    if (status == OTC_OK && input.n_features == 0) {
        otc_input_print_left_out(&input, options->path, stderr);
        status = otc_fail(err, OTC_INVALID_ARGUMENT, "%s: no column is a feature (choose with --columns)",
                          options->path);
    }
    if (status == OTC_OK) {
        status = otc_input_reference(&input, limits, options->model, otc_clock_unix_ns(), &reference, err);
    }
    if (status == OTC_OK) {
        status = otc_reference_format(reference, &text, err);
    }
    if (status == OTC_OK) {
        status = write_text(options->output, otc_buf_slice(&text), err);
    }
    if (status == OTC_OK) {
        FILE *to = strcmp(options->output, "-") == 0 ? stderr : stdout;

        otc_input_print_left_out(&input, options->path, to);
        otc_input_print_notes(&input, &options->input.categorical, options->path, to);
        otc_reference_print(reference, to);
        (void)fprintf(to, "\nwritten to %s (%zu bytes)\n", options->output, text.len);
    }
    otc_reference_unref(reference);
    otc_input_close(&input);
    return status;
}

static int
run_build(int argc, char **argv)
{
    static struct build_options options; /* three lists of a thousand names */
    const struct otc_option table[] = {
        {"input", "FILE", "CSV with a header or JSON lines, - for standard input", .text = &options.path},
        {"output", "FILE", "where the reference goes, - for standard output", .text = &options.output},
        {"cells", "N|exact", "most distinct points a feature keeps (10000)", .text = &options.cells},
        {"min-count", "N", "tell no value rarer than this (private data)", .text = &options.min_count},
        {"bins", "N", "bins of PSI and its kin (10)", .text = &options.bins},
        {"binning", "RULE", "how they are chosen: quantile, equal_width or sturges (quantile)",
         .text = &options.binning},
        {"max-categories", "N", "categories kept, the rest is pooled (200)", .text = &options.max_categories},
        {"columns", "a,b", "only these columns", .list = &options.input.columns},
        {"categorical", "a,b", "columns whose numbers are categories", .list = &options.input.categorical},
        {"text", "a,b", "columns of texts, watched by length, words, characters and vocabulary",
         .list = &options.input.texts},
        {"embedding", "a,b", "columns of vectors (JSON lists), watched by norm and distance to the mean",
         .list = &options.input.embeddings},
        {"prediction", "a,b", "columns that are predictions", .list = &options.input.predictions},
        {"timestamp", "COLUMN", "the column that orders the rows", .text = &options.input.timestamp},
        {"preset", "ml|gen_ai", "gen_ai: name the features as the connector's preset does",
         .text = &options.input.preset},
        {"model", "NAME", "the model it belongs to (any)", .text = &options.model},
        {.name = NULL}};
    const struct otc_command command = {"reference build --input FILE --output FILE [options]",
                                        "Builds a reference file from a table of rows: what the features "
                                        "looked like when the model was good.",
                                        table, 0};
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_reference_limits limits;
    enum otc_row_preset preset = OTC_ROW_ML;
    int exit_code = OTC_EXIT_DONE;

    options = (struct build_options){0};
    if (!otc_options_read(&command, argc, argv, NULL, &exit_code)) {
        return exit_code;
    }
    if (!options.path || !options.output) {
        return otc_usage_error(&command, "--%s is missing", options.path ? "output" : "input");
    }
    if (options.input.preset && !otc_row_preset_parse(options.input.preset, &preset)) {
        return otc_usage_error(&command, "--preset: '%s' is not allowed (ml, gen_ai)", options.input.preset);
    }
    options.input.preset = preset == OTC_ROW_GEN_AI ? options.input.preset : NULL;
    if (!read_limits(&command, &options, &limits)) {
        return OTC_EXIT_USAGE;
    }
    return build(&options, &limits, &err) == OTC_OK ? OTC_EXIT_DONE : otc_command_failed(&err);
}

static int
run_show(int argc, char **argv)
{
    static const struct otc_option table[] = {{.name = NULL}};
    const struct otc_command command = {"reference show FILE", "Prints what a reference file holds.", table,
                                        1};
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_reference *reference;
    const char *path = NULL;
    int exit_code = OTC_EXIT_DONE;
    otc_status status;

    if (!otc_options_read(&command, argc, argv, &path, &exit_code)) {
        return exit_code;
    }
    if (!path) {
        return otc_usage_error(&command, "which file?");
    }
    status = otc_reference_load(path, 0, &reference, &err);
    if (status != OTC_OK) {
        return otc_command_failed(&err);
    }
    otc_reference_print(reference, stdout);
    otc_reference_unref(reference);
    return OTC_EXIT_DONE;
}

int
otc_cmd_reference(int argc, char **argv)
{
    static const struct otc_option table[] = {{.name = NULL}};
    const struct otc_command command = {
        "reference build|show [options]",
        "build: make a reference file of a table. show: print one. Each has --help.", table, 0};
    int exit_code = OTC_EXIT_DONE;

    if (argc > 1 && strcmp(argv[1], "build") == 0) {
        return run_build(argc - 1, argv + 1);
    }
    if (argc > 1 && strcmp(argv[1], "show") == 0) {
        return run_show(argc - 1, argv + 1);
    }
    if (!otc_options_read(&command, argc, argv, NULL, &exit_code)) {
        return exit_code;
    }
    return otc_usage_error(&command, "build or show?");
}
