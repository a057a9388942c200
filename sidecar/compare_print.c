// SPDX-License-Identifier: Apache-2.0
#include "sidecar/compare_print.h"

#include "common/base/clock.h"
#include "sidecar/input.h"

#include <math.h>

/** Changes of a detector that the table lists. */
#define CHANGES_PRINTED 8

/** Columns before and after those of the statistics. */
enum { NAME, TYPE, REFERENCE, CURRENT, N_BEFORE };
enum { MISSING, DEPENDENCE, P_ADJUSTED, VERDICT, N_AFTER };
static const char *const before[N_BEFORE] = {"FEATURE", "TYPE", "REF", "CUR"};
static const char *const after[N_AFTER] = {"MISSING", "DEPEND", "P ADJ", "VERDICT"};

void
otc_compare_columns_choose(const struct otc_comparison *comparison, struct otc_compare_columns *out)
{
    out->n = 0;
    for (size_t i = 0; i < otc_n_statistics; i++) {
        const struct otc_statistic *row = &otc_statistics[i];
        bool narrow = comparison->k > 0 && comparison->statistics == 0;

        if (otc_comparison_shows(comparison, i) && !(narrow && !row->in_windows)) {
            out->rows[out->n++] = i;
        }
    }
}

void
otc_compare_put_number(char cell[OTC_TEXT_CELL], const char *format, double value)
{
    if (isnan(value)) {
        (void)snprintf(cell, OTC_TEXT_CELL, "-");
        return;
    }
/* The formats are those below. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    (void)snprintf(cell, OTC_TEXT_CELL, format, value);
#pragma GCC diagnostic pop
}

void
otc_compare_put_verdict(char cell[OTC_TEXT_CELL], const struct otc_decision *decision,
                        const struct otc_feature_result *result)
{
    if (result->skipped != OTC_SKIP_NONE) {
        (void)snprintf(cell, OTC_TEXT_CELL, "skipped: %s", otc_skip_reason_name(result->skipped));
    } else if (result->rejected) {
        (void)snprintf(cell, OTC_TEXT_CELL, "DRIFT by %s", otc_rejected_by(decision, result));
    } else {
        (void)snprintf(cell, OTC_TEXT_CELL, "stable");
    }
}

static void
fill_line(const struct otc_decision *decision, const struct otc_compared *compared,
          const struct otc_compare_columns *columns, struct otc_text_table *table, size_t row)
{
    const struct otc_reference_feature *ref = compared->reference;
    const struct otc_feature_result *r = &compared->result;
    size_t end = N_BEFORE + columns->n;

    (void)otc_screen_name(ref->name, otc_text_cell(table, row, NAME));
    (void)snprintf(otc_text_cell(table, row, TYPE), OTC_TEXT_CELL, "%s",
                   ref->type == OTC_NUMERIC ? "numeric" : "categorical");
    (void)snprintf(otc_text_cell(table, row, REFERENCE), OTC_TEXT_CELL, "%llu",
                   (unsigned long long)ref->observations);
    (void)snprintf(otc_text_cell(table, row, CURRENT), OTC_TEXT_CELL, "%llu",
                   (unsigned long long)compared->observations);
    for (size_t i = 0; i < columns->n; i++) {
        const struct otc_statistic *statistic = &otc_statistics[columns->rows[i]];

        otc_compare_put_number(otc_text_cell(table, row, N_BEFORE + i), statistic->format,
                               otc_statistic_number(r, statistic->column));
    }
    otc_compare_put_number(otc_text_cell(table, row, end + MISSING), "%.1f %%", 100 * r->missing_share);
    otc_compare_put_number(otc_text_cell(table, row, end + DEPENDENCE), "%.3g", r->design_effect);
    otc_compare_put_number(otc_text_cell(table, row, end + P_ADJUSTED), "%.3g", r->p_adjusted);
    otc_compare_put_verdict(otc_text_cell(table, row, end + VERDICT), decision, r);
}

static void
fill_headings(const struct otc_compare_columns *columns, struct otc_text_table *table)
{
    for (size_t c = 0; c < N_BEFORE; c++) {
        (void)snprintf(otc_text_cell(table, 0, c), OTC_TEXT_CELL, "%s", before[c]);
    }
    for (size_t c = 0; c < columns->n; c++) {
        (void)snprintf(otc_text_cell(table, 0, N_BEFORE + c), OTC_TEXT_CELL, "%s",
                       otc_statistics[columns->rows[c]].heading);
    }
    for (size_t c = 0; c < N_AFTER; c++) {
        (void)snprintf(otc_text_cell(table, 0, N_BEFORE + columns->n + c), OTC_TEXT_CELL, "%s", after[c]);
    }
}

static const char *
paint(const void *arg, size_t row)
{
    const struct otc_comparison *comparison = arg;
    const struct otc_feature_result *r = &comparison->features[row - 1].result;

    return r->skipped != OTC_SKIP_NONE ? "\033[33m" : r->rejected ? "\033[31m" : "\033[32m";
}

static void
print_others(const struct otc_comparison *comparison, FILE *to)
{
    struct otc_name_line unasked = {0};

    for (size_t i = 0; i < comparison->n_others; i++) {
        const struct otc_not_compared *other = &comparison->others[i];
        char name[OTC_SCREEN_NAME_BYTES];

        if (other->reason == otc_input_not_asked_for) {
            otc_name_line_add(&unasked, other->name);
            continue;
        }
        (void)otc_screen_name(other->name, name);
        (void)fprintf(to, "not compared: %s (%s)\n", name, otc_not_compared_reason(other));
    }
    if (unasked.n > 0) {
        (void)fprintf(to, "not compared: %s%s (%s)\n", unasked.text, otc_name_line_rest(&unasked),
                      otc_input_not_asked_for);
    }
}

/** What makes a p-value larger than the plain test's, if anything does. */
static void
print_dependence(const struct otc_comparison *comparison, FILE *to)
{
    for (size_t i = 0; i < comparison->n_features; i++) {
        if (comparison->features[i].result.design_effect > 1) {
            (void)fputs("p-values allow for rows that resemble their neighbours in time: DEPEND divides the "
                        "sample sizes;\nwith --dependence none rows count as independent\n",
                        to);
            return;
        }
    }
}

/** Under the table, where drifted features moved. */
static void
print_moved(const struct otc_comparison *comparison, FILE *to)
{
    for (size_t i = 0; i < comparison->n_features; i++) {
        const struct otc_compared *compared = &comparison->features[i];
        struct otc_moved moved[OTC_MOVED_MAX];
        char name[OTC_SCREEN_NAME_BYTES], text[512], line[512 + OTC_SCREEN_NAME_BYTES + 20];

        for (size_t j = 0; j < compared->result.n_moved; j++) {
            moved[j] = compared->result.moved[j];
            (void)otc_screen_name(otc_slice_str(compared->result.moved[j].name), name);
            (void)snprintf(moved[j].name, sizeof(moved[j].name), "%.*s", OTC_MOVED_NAME_BYTES - 1, name);
        }
        if (compared->result.rejected && compared->result.n_moved > 0) {
            (void)otc_evidence_text(moved, compared->result.n_moved, text, sizeof(text));
            (void)otc_screen_name(compared->reference->name, name);
            (void)snprintf(line, sizeof(line), "%s moved most: %s", name, text);
            otc_screen_wrap(line, 0, 4, OTC_SCREEN_WIDTH, to);
        }
    }
}

/** A feature's changes, the first ones with their rows. */
static void
print_changes(const struct otc_comparison *comparison, size_t feature, size_t rule, FILE *to)
{
    const struct otc_detections *found = otc_detect_of(&comparison->detect, feature, rule);
    char name[OTC_SCREEN_NAME_BYTES], line[OTC_SCREEN_NAME_BYTES + 100 + 64 * CHANGES_PRINTED];
    size_t at;

    (void)otc_screen_name(comparison->features[feature].reference->name, name);
    at = (size_t)snprintf(line, sizeof(line), "%s: %s changes %llu time%s, at row",
                          otc_detector_name(comparison->detect.rules.items[rule].type), name,
                          (unsigned long long)found->changes, found->changes == 1 ? "" : "s");
    for (size_t i = 0; i < found->n_listed && i < CHANGES_PRINTED; i++) {
        char time[32] = "";

        at += (size_t)snprintf(line + at, sizeof(line) - at, "%s %llu", i ? "," : "",
                               (unsigned long long)found->listed[i].row);
        if (found->listed[i].time_ns != INT64_MIN) {
            otc_time_format(found->listed[i].time_ns, time);
            at += (size_t)snprintf(line + at, sizeof(line) - at, " (%s)", time);
        }
    }
    (void)snprintf(line + at, sizeof(line) - at, "%s", found->changes > CHANGES_PRINTED ? ", …" : "");
    otc_screen_wrap(line, 0, 4, OTC_SCREEN_WIDTH, to);
}

static void
print_detectors(const struct otc_comparison *comparison, FILE *to)
{
    for (size_t rule = 0; rule < comparison->detect.rules.n; rule++) {
        size_t fed = 0, steady = 0;

        for (size_t i = 0; i < comparison->n_features; i++) {
            const struct otc_detections *found = otc_detect_of(&comparison->detect, i, rule);

            fed += found->observations > 0;
            steady += found->observations > 0 && found->changes == 0;
            if (found->changes > 0) {
                print_changes(comparison, i, rule, to);
            }
        }
        if (steady > 0 || fed == 0) {
            (void)fprintf(to, "%s: no change in %zu of %zu features\n",
                          otc_detector_name(comparison->detect.rules.items[rule].type), steady, fed);
        }
    }
}

void
otc_compare_print_foot(const struct otc_comparison *comparison, FILE *to)
{
    char rule[256];

    if (!comparison->reference_path) {
        print_others(comparison, to);
        print_detectors(comparison, to);
        return;
    }
    print_moved(comparison, to);
    for (size_t i = 0; i < comparison->n_notes; i++) {
        (void)fputs("note: ", to);
        otc_screen_wrap(comparison->notes[i], 6, 6, OTC_SCREEN_WIDTH, to);
    }
    print_others(comparison, to);
    print_dependence(comparison, to);
    print_detectors(comparison, to);
    otc_comparison_rule_text(comparison, rule, sizeof(rule));
    (void)fprintf(to, "%zu of %zu features drifted (%s", otc_comparison_drifted(comparison),
                  comparison->n_features, rule);
    if (comparison->k > 0) {
        (void)fprintf(to, " in each window; %u of %u windows", comparison->k, comparison->n);
    }
    (void)fputs(")\n", to);
}

/** Without a reference there is nothing to tabulate. */
static bool
print_alone(const struct otc_comparison *comparison, FILE *to)
{
    (void)fprintf(to, "current    %s  %llu rows\n", comparison->current_path,
                  (unsigned long long)comparison->current_rows);
    return true;
}

/** The table of all rows together. */
static bool
print_whole(const struct otc_comparison *comparison, bool color, FILE *to)
{
    struct otc_compare_columns columns;
    struct otc_text_table table;

    otc_compare_columns_choose(comparison, &columns);
    if (!otc_text_table_init(&table, comparison->n_features + 1, N_BEFORE + columns.n + N_AFTER)) {
        return false;
    }
    table.left[NAME] = true;
    table.left[TYPE] = true;
    table.left[table.columns - 1] = true;
    fill_headings(&columns, &table);
    for (size_t i = 0; i < comparison->n_features; i++) {
        fill_line(&comparison->decision, &comparison->features[i], &columns, &table, i + 1);
    }
    (void)fprintf(to, "reference  %s  %llu rows\ncurrent    %s  %llu rows\n\n", comparison->reference_path,
                  (unsigned long long)comparison->reference_rows, comparison->current_path,
                  (unsigned long long)comparison->current_rows);
    otc_text_table_print(&table, color ? paint : NULL, comparison, to);
    otc_text_table_release(&table);
    return true;
}

bool
otc_comparison_print(const struct otc_comparison *comparison, bool color, FILE *to)
{
    bool printed = !comparison->reference_path ? print_alone(comparison, to)
                   : comparison->k > 0         ? otc_compare_print_windows(comparison, color, to)
                                               : print_whole(comparison, color, to);

    (void)fputc('\n', to);
    otc_compare_print_foot(comparison, to);
    return printed && fflush(to) == 0 && !ferror(to);
}
