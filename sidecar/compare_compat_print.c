// SPDX-License-Identifier: Apache-2.0
#include "common/json/json.h"
#include "sidecar/compare_compat.h"
#include "sidecar/text_table.h"

#include <math.h>

/** What a method gave over the windows of both sides. */
struct overall {
    double sum;
    size_t values;
    size_t alerts; /* of the current side's windows */
};

static struct overall
overall_of(const struct otc_compat_report *report, size_t feature, size_t result)
{
    struct overall out = {0, 0, 0};

    for (size_t w = 0; w < report->n_windows; w++) {
        const struct otc_compat_feature *one = &report->windows[w].features[feature];

        if (result < one->n && !isnan(one->results[result].value)) {
            out.sum += one->results[result].value;
            out.values++;
            out.alerts += one->results[result].drifted && !report->windows[w].of_reference;
        }
    }
    return out;
}

/** The feature in the first window that has anything of it: all windows have the same methods. */
static const struct otc_compat_feature *
methods_of(const struct otc_compat_report *report, size_t feature)
{
    for (size_t w = 0; w < report->n_windows; w++) {
        if (report->windows[w].features[feature].n > 0) {
            return &report->windows[w].features[feature];
        }
    }
    return &report->windows[0].features[feature];
}

/* ---- Tables -------------------------------------------------------------------------------------------- */

static void
put_number(char *cell, double value)
{
    if (isnan(value)) {
        (void)snprintf(cell, OTC_TEXT_CELL, "-");
    } else {
        (void)snprintf(cell, OTC_TEXT_CELL, "%.10g", value);
    }
}

static const char *
verdict_of(const struct otc_compat_result *result)
{
    if (isnan(result->threshold)) {
        return "-";
    }
    if (result->decides) {
        return result->drifted ? "DRIFT" : "stable";
    }
    return result->drifted ? "(drift)" : "(stable)";
}

static void
put_headings(struct otc_text_table *table, const char *const *headings)
{
    for (size_t c = 0; c < table->columns; c++) {
        (void)snprintf(otc_text_cell(table, 0, c), OTC_TEXT_CELL, "%s", headings[c]);
    }
}

static size_t
count_results(const struct otc_compat_report *report, size_t window)
{
    size_t rows = 0;

    for (size_t f = 0; f < report->comparison->n_features; f++) {
        rows += report->windows[window].features[f].n;
    }
    return rows;
}

/** A row for each method of each feature, the deciding method first. */
static bool
print_methods(const struct otc_compat_report *report, FILE *to)
{
    static const char *const headings[] = {"FEATURE", "TYPE", "METHOD", "VALUE", "P", "THRESHOLD", "VERDICT"};
    const struct otc_compat_window *window = &report->windows[0];
    struct otc_text_table table;
    size_t row = 1;

    if (!otc_text_table_init(&table, count_results(report, 0) + 1, 7)) {
        otc_text_table_release(&table);
        return false;
    }
    put_headings(&table, headings);
    table.left[0] = table.left[1] = table.left[2] = table.left[6] = true;
    for (size_t f = 0; f < report->comparison->n_features; f++) {
        const struct otc_reference_feature *feature = report->comparison->features[f].reference;
        const struct otc_compat_feature *one = &window->features[f];

        for (size_t pass = 0; pass < 2; pass++) {
            for (size_t i = 0; i < one->n; i++) {
                const struct otc_compat_result *result = &one->results[i];

                if (result->decides == (pass > 0)) {
                    continue;
                }
                (void)otc_screen_name(feature->name, otc_text_cell(&table, row, 0));
                (void)snprintf(otc_text_cell(&table, row, 1), OTC_TEXT_CELL, "%s",
                               feature->type == OTC_NUMERIC ? "numeric" : "categorical");
                (void)snprintf(otc_text_cell(&table, row, 2), OTC_TEXT_CELL, "%s", result->method);
                put_number(otc_text_cell(&table, row, 3), result->value);
                put_number(otc_text_cell(&table, row, 4), result->p_value);
                put_number(otc_text_cell(&table, row, 5), result->threshold);
                (void)snprintf(otc_text_cell(&table, row, 6), OTC_TEXT_CELL, "%s", verdict_of(result));
                row++;
            }
        }
    }
    otc_text_table_print(&table, NULL, NULL, to);
    otc_text_table_release(&table);
    return true;
}

static void
window_label(const struct otc_compat_report *report, const struct otc_compat_window *window,
             char out[OTC_CHUNK_LABEL])
{
    struct otc_chunk chunk = window->chunk;

    if (report->rule->unit == OTC_CHUNK_ROWS) {
        chunk.end = chunk.start + (int64_t)window->rows;
    }
    otc_chunk_label(report->rule, chunk, out);
}

/** One feature: a row for each window, a column for each method, an exclamation mark at what drifted. */
static bool
print_feature_windows(const struct otc_compat_report *report, size_t feature, FILE *to)
{
    const struct otc_compat_feature *methods = methods_of(report, feature);
    struct otc_text_table table;
    char name[OTC_SCREEN_NAME_BYTES];

    if (!otc_text_table_init(&table, report->n_windows + 3, methods->n + 3)) {
        otc_text_table_release(&table);
        return false;
    }
    (void)otc_screen_name(report->comparison->features[feature].reference->name, name);
    (void)snprintf(otc_text_cell(&table, 0, 0), OTC_TEXT_CELL, "%s", name);
    (void)snprintf(otc_text_cell(&table, 0, 1), OTC_TEXT_CELL, "OF");
    (void)snprintf(otc_text_cell(&table, 0, 2), OTC_TEXT_CELL, "ROWS");
    table.left[0] = table.left[1] = true;
    (void)snprintf(otc_text_cell(&table, report->n_windows + 1, 0), OTC_TEXT_CELL, "mean");
    (void)snprintf(otc_text_cell(&table, report->n_windows + 2, 0), OTC_TEXT_CELL, "alerts");
    for (size_t w = 0; w < report->n_windows; w++) {
        const struct otc_compat_window *window = &report->windows[w];
        char label[OTC_CHUNK_LABEL];

        window_label(report, window, label);
        (void)snprintf(otc_text_cell(&table, w + 1, 0), OTC_TEXT_CELL, "%s", label);
        (void)snprintf(otc_text_cell(&table, w + 1, 1), OTC_TEXT_CELL, "%s",
                       window->of_reference ? "reference" : "current");
        (void)snprintf(otc_text_cell(&table, w + 1, 2), OTC_TEXT_CELL, "%llu",
                       (unsigned long long)window->rows);
    }
    for (size_t i = 0; i < methods->n; i++) {
        struct overall overall = overall_of(report, feature, i);

        (void)snprintf(otc_text_cell(&table, 0, i + 3), OTC_TEXT_CELL, "%s", methods->results[i].method);
        for (size_t w = 0; w < report->n_windows; w++) {
            const struct otc_compat_feature *one = &report->windows[w].features[feature];
            const struct otc_compat_result *result = &one->results[i];

            (void)snprintf(otc_text_cell(&table, w + 1, i + 3), OTC_TEXT_CELL, "-");
            if (i < one->n && !isnan(result->value)) {
                (void)snprintf(otc_text_cell(&table, w + 1, i + 3), OTC_TEXT_CELL, "%.6f%s", result->value,
                               result->drifted ? "!" : " ");
            }
        }
        (void)snprintf(otc_text_cell(&table, report->n_windows + 1, i + 3), OTC_TEXT_CELL, "%.6f ",
                       overall.values ? overall.sum / (double)overall.values : NAN);
        (void)snprintf(otc_text_cell(&table, report->n_windows + 2, i + 3), OTC_TEXT_CELL, "%zu ",
                       overall.alerts);
    }
    otc_text_table_print(&table, NULL, NULL, to);
    (void)fputc('\n', to);
    otc_text_table_release(&table);
    return true;
}

static void
print_dataset(const struct otc_compat_report *report, FILE *to)
{
    const struct otc_compat_window *last = &report->windows[report->n_windows - 1];

    if (report->compat == OTC_COMPAT_FROUROS) {
        (void)fputs("frouros has no thresholds: the verdict is yours\n", to);
        return;
    }
    if (report->compat == OTC_COMPAT_NANNYML && !report->thresholds_learned) {
        (void)fputs(
            "no thresholds of reference chunks: the reference has no rows, or too few; 0.1 as NannyML had "
            "before it learned them\n",
            to);
    }
    if (report->rule) {
        (void)fprintf(to, "! above the threshold; alerts: of the windows of %s\n",
                      report->comparison->current_path);
        return;
    }
    (void)fprintf(to, "%zu of %zu features drifted as %s judges", last->dataset.drifted,
                  last->dataset.features, otc_compat_name(report->compat));
    if (!isnan(last->dataset.threshold)) {
        (void)fprintf(to, "; dataset drift is %s (share %.4g, threshold %g)",
                      last->dataset.detected ? "detected" : "NOT detected", last->dataset.share,
                      last->dataset.threshold);
    }
    (void)fputc('\n', to);
}

bool
otc_compat_report_print(const struct otc_compat_report *report, FILE *to)
{
    const struct otc_comparison *comparison = report->comparison;
    bool ok = true;

    (void)fprintf(to, "reference  %s  %llu rows\ncurrent    %s  %llu rows\nas         %s\n\n",
                  comparison->reference_path, (unsigned long long)comparison->reference_rows,
                  comparison->current_path, (unsigned long long)comparison->current_rows,
                  otc_compat_name(report->compat));
    if (report->rule) {
        for (size_t f = 0; ok && f < comparison->n_features; f++) {
            ok = print_feature_windows(report, f, to);
        }
    } else {
        ok = print_methods(report, to);
        (void)fputc('\n', to);
    }
    print_dataset(report, to);
    return ok && fflush(to) == 0 && !ferror(to);
}

/* ---- JSON ---------------------------------------------------------------------------------------------- */

static void
json_feature(struct otc_json_writer *writer, const struct otc_reference_feature *feature,
             const struct otc_compat_feature *one)
{
    otc_json_begin_object(writer);
    otc_json_key(writer, "name");
    otc_json_write_text(writer, feature->name);
    otc_json_member_str(writer, "type", feature->type == OTC_NUMERIC ? "numeric" : "categorical");
    otc_json_key(writer, "methods");
    otc_json_begin_object(writer);
    for (size_t i = 0; i < one->n; i++) {
        const struct otc_compat_result *result = &one->results[i];

        otc_json_key(writer, result->method);
        otc_json_begin_object(writer);
        otc_json_member_number(writer, "value", result->value);
        otc_json_member_number(writer, "p_value", result->p_value);
        otc_json_member_number(writer, "threshold", result->threshold);
        otc_json_member_bool(writer, "decides", result->decides);
        otc_json_member_bool(writer, "drifted", result->drifted);
        otc_json_end_object(writer);
    }
    otc_json_end_object(writer);
    otc_json_key(writer, "detected");
    if (one->has_verdict) {
        otc_json_write_bool(writer, one->drifted);
    } else {
        otc_json_write_null(writer);
    }
    otc_json_end_object(writer);
}

static void
json_features(struct otc_json_writer *writer, const struct otc_compat_report *report,
              const struct otc_compat_window *window)
{
    otc_json_key(writer, "features");
    otc_json_begin_array(writer);
    for (size_t f = 0; f < report->comparison->n_features; f++) {
        json_feature(writer, report->comparison->features[f].reference, &window->features[f]);
    }
    otc_json_end_array(writer);
    otc_json_member_number(writer, "drifted_share", window->dataset.share);
    otc_json_member_bool(writer, "detected", window->dataset.detected);
}

/** Means and alerts over the windows: NannyML's ranking by alerts. */
static void
json_overall(struct otc_json_writer *writer, const struct otc_compat_report *report)
{
    otc_json_key(writer, "overall");
    otc_json_begin_array(writer);
    for (size_t f = 0; f < report->comparison->n_features; f++) {
        const struct otc_compat_feature *methods = methods_of(report, f);

        otc_json_begin_object(writer);
        otc_json_key(writer, "name");
        otc_json_write_text(writer, report->comparison->features[f].reference->name);
        otc_json_key(writer, "methods");
        otc_json_begin_object(writer);
        for (size_t i = 0; i < methods->n; i++) {
            struct overall overall = overall_of(report, f, i);

            otc_json_key(writer, methods->results[i].method);
            otc_json_begin_object(writer);
            otc_json_member_number(writer, "mean",
                                   overall.values ? overall.sum / (double)overall.values : NAN);
            otc_json_member_count(writer, "alerts", overall.alerts);
            otc_json_end_object(writer);
        }
        otc_json_end_object(writer);
        otc_json_end_object(writer);
    }
    otc_json_end_array(writer);
}

static void
json_windows(struct otc_json_writer *writer, const struct otc_compat_report *report)
{
    otc_json_key(writer, "windows");
    otc_json_begin_array(writer);
    for (size_t w = 0; w < report->n_windows; w++) {
        char label[OTC_CHUNK_LABEL];

        window_label(report, &report->windows[w], label);
        otc_json_begin_object(writer);
        otc_json_member_str(writer, "window", label);
        otc_json_member_count(writer, "rows", report->windows[w].rows);
        otc_json_member_bool(writer, "of_reference", report->windows[w].of_reference);
        json_features(writer, report, &report->windows[w]);
        otc_json_end_object(writer);
    }
    otc_json_end_array(writer);
    json_overall(writer, report);
}

bool
otc_compat_report_print_json(const struct otc_compat_report *report, FILE *to)
{
    OTC_AUTO_BUF struct otc_buf text = {.limit = SIZE_MAX / 2};
    struct otc_json_writer writer = {.out = &text, .indent = 2};

    otc_json_begin_object(&writer);
    otc_json_member_str(&writer, "compat", otc_compat_name(report->compat));
    otc_json_member_bool(&writer, "thresholds_learned", report->thresholds_learned);
    if (report->rule) {
        json_windows(&writer, report);
    } else {
        json_features(&writer, report, &report->windows[0]);
    }
    otc_json_end_object(&writer);
    return otc_json_writer_ok(&writer) && otc_buf_append_byte(&text, '\n') &&
           fwrite(text.data, 1, text.len, to) == text.len && fflush(to) == 0;
}
