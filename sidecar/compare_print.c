// SPDX-License-Identifier: Apache-2.0
#include "common/json/json.h"
#include "sidecar/compare.h"
#include "sidecar/screen.h"

#include <math.h>

#define N_COLUMNS 12
#define CELL_BYTES OTC_SCREEN_NAME_BYTES

static const char *const headings[N_COLUMNS] = {"FEATURE", "TYPE",       "REFERENCE", "CURRENT",
                                                "KS D",    "PSI",        "W1/SD",     "TV",
                                                "MISSING", "DEPENDENCE", "P ADJ",     "VERDICT"};

/** One line of the table. */
struct line {
    char cells[N_COLUMNS][CELL_BYTES];
};

static void
put_number(char cell[CELL_BYTES], const char *format, double value)
{
    if (isnan(value)) {
        (void)snprintf(cell, CELL_BYTES, "-");
        return;
    }
/* The formats are those below. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    (void)snprintf(cell, CELL_BYTES, format, value);
#pragma GCC diagnostic pop
}

static void
put_verdict(char cell[CELL_BYTES], const struct otc_feature_result *result)
{
    if (result->skipped != OTC_SKIP_NONE) {
        (void)snprintf(cell, CELL_BYTES, "skipped: %s", otc_skip_reason_name(result->skipped));
    } else if (result->rejected) {
        (void)snprintf(cell, CELL_BYTES, "DRIFT by %s", otc_test_name(result->rejected_by));
    } else {
        (void)snprintf(cell, CELL_BYTES, "stable");
    }
}

static void
fill_line(const struct otc_compared *compared, struct line *line)
{
    const struct otc_reference_feature *ref = compared->reference;
    const struct otc_feature_result *r = &compared->result;

    (void)otc_screen_name(ref->name, line->cells[0]);
    (void)snprintf(line->cells[1], CELL_BYTES, "%s", ref->type == OTC_NUMERIC ? "numeric" : "categorical");
    (void)snprintf(line->cells[2], CELL_BYTES, "%llu", (unsigned long long)ref->observations);
    (void)snprintf(line->cells[3], CELL_BYTES, "%llu", (unsigned long long)compared->observations);
    put_number(line->cells[4], "%.10g", r->ks);
    put_number(line->cells[5], "%.4g", r->psi);
    put_number(line->cells[6], "%.4g", r->wasserstein_normalized);
    put_number(line->cells[7], "%.4g", r->total_variation);
    put_number(line->cells[8], "%.1f %%", 100 * r->missing_share);
    put_number(line->cells[9], "%.3g", r->design_effect);
    put_number(line->cells[10], "%.3g", r->p_adjusted);
    put_verdict(line->cells[11], r);
}

static void
print_line(const struct line *line, const size_t width[N_COLUMNS], const char *color, FILE *to)
{
    for (size_t c = 0; c < N_COLUMNS; c++) {
        const char *gap = c + 1 < N_COLUMNS ? "  " : "\n";

        if (c < 2) {
            (void)fprintf(to, "%s%*s%s", line->cells[c], (int)(width[c] - otc_screen_columns(line->cells[c])),
                          "", gap);
        } else if (c + 1 < N_COLUMNS) {
            (void)fprintf(to, "%*s%s", (int)width[c], line->cells[c], gap);
        } else {
            (void)fprintf(to, "%s%s%s%s", color, line->cells[c], *color ? "\033[0m" : "", gap);
        }
    }
}

static void
print_lines(const struct otc_comparison *comparison, const struct line *lines, bool color, FILE *to)
{
    size_t width[N_COLUMNS] = {0};

    for (size_t i = 0; i <= comparison->n_features; i++) {
        for (size_t c = 0; c < N_COLUMNS; c++) {
            size_t columns = otc_screen_columns(lines[i].cells[c]);

            width[c] = columns > width[c] ? columns : width[c];
        }
    }
    print_line(&lines[0], width, "", to);
    for (size_t i = 0; i < comparison->n_features; i++) {
        const struct otc_feature_result *r = &comparison->features[i].result;
        const char *paint = r->skipped != OTC_SKIP_NONE ? "\033[33m" : r->rejected ? "\033[31m" : "\033[32m";

        print_line(&lines[i + 1], width, color ? paint : "", to);
    }
}

static void
print_others(const struct otc_comparison *comparison, FILE *to)
{
    for (size_t i = 0; i < comparison->n_others; i++) {
        const struct otc_not_compared *other = &comparison->others[i];
        char name[OTC_SCREEN_NAME_BYTES];

        (void)otc_screen_name(other->name, name);
        (void)fprintf(to, "not compared: %s (%s)\n", name,
                      other->reason         ? other->reason
                      : other->in_reference ? "only in the reference"
                                            : "only in the current data");
    }
}

/** What makes a p-value larger than the plain test's, if anything does. */
static void
print_dependence(const struct otc_comparison *comparison, FILE *to)
{
    for (size_t i = 0; i < comparison->n_features; i++) {
        if (comparison->features[i].result.design_effect > 1) {
            (void)fputs(
                "p-values allow for rows that resemble their neighbours in time: DEPENDENCE divides the "
                "sample sizes;\nwith --dependence none rows count as independent\n",
                to);
            return;
        }
    }
}

static const char *
correction_name(enum otc_correction correction)
{
    return correction == OTC_CORRECTION_BONFERRONI           ? "Bonferroni"
           : correction == OTC_CORRECTION_BENJAMINI_HOCHBERG ? "Benjamini-Hochberg"
                                                             : "no correction";
}

bool
otc_comparison_print(const struct otc_comparison *comparison, bool color, FILE *to)
{
    struct line *lines = calloc(comparison->n_features + 1, sizeof(*lines));

    (void)fprintf(to, "reference  %s  %llu rows\ncurrent    %s  %llu rows\n\n", comparison->reference_path,
                  (unsigned long long)comparison->reference_rows, comparison->current_path,
                  (unsigned long long)comparison->current_rows);
    for (size_t c = 0; lines && c < N_COLUMNS; c++) {
        (void)snprintf(lines[0].cells[c], CELL_BYTES, "%s", headings[c]);
    }
    for (size_t i = 0; lines && i < comparison->n_features; i++) {
        fill_line(&comparison->features[i], &lines[i + 1]);
    }
    if (lines) {
        print_lines(comparison, lines, color, to);
    }
    bool printed = lines != NULL;

    free(lines);
    (void)fputc('\n', to);
    print_others(comparison, to);
    print_dependence(comparison, to);
    (void)fprintf(to, "%zu of %zu features drifted (level %g, %s)\n", comparison->n_drifted,
                  comparison->n_features, comparison->decision.level,
                  correction_name(comparison->decision.correction));
    return printed && fflush(to) == 0 && !ferror(to);
}

static void
json_number(struct otc_json_writer *writer, const char *key, double value)
{
    otc_json_key(writer, key);
    otc_json_write_number(writer, value);
}

static void
json_count(struct otc_json_writer *writer, const char *key, uint64_t value)
{
    otc_json_key(writer, key);
    otc_json_write_int(writer, (int64_t)value);
}

static void
json_text(struct otc_json_writer *writer, const char *key, const char *text)
{
    otc_json_key(writer, key);
    if (text) {
        otc_json_write_str(writer, text);
    } else {
        otc_json_write_null(writer);
    }
}

/** "name": {"value": …}, left open for more members. */
static void
json_begin_statistic(struct otc_json_writer *writer, const char *name, double value)
{
    otc_json_key(writer, name);
    otc_json_begin_object(writer);
    json_number(writer, "value", value);
}

static void
json_statistic(struct otc_json_writer *writer, const char *name, double value)
{
    json_begin_statistic(writer, name, value);
    otc_json_end_object(writer);
}

static void
json_numeric_statistics(struct otc_json_writer *writer, const struct otc_feature_result *r)
{
    json_begin_statistic(writer, "ks", r->ks);
    json_number(writer, "p_value", r->tests[OTC_TEST_KS].p_value);
    json_number(writer, "error", r->ks_error);
    otc_json_end_object(writer);
    json_begin_statistic(writer, "wasserstein", r->wasserstein);
    json_number(writer, "normalized", r->wasserstein_normalized);
    json_number(writer, "error", r->wasserstein_error);
    otc_json_end_object(writer);
    json_statistic(writer, "cramer_von_mises", r->cramer_von_mises);
}

static void
json_statistics(struct otc_json_writer *writer, const struct otc_compared *compared)
{
    const struct otc_feature_result *r = &compared->result;

    otc_json_key(writer, "statistics");
    otc_json_begin_object(writer);
    if (compared->reference->type == OTC_NUMERIC) {
        json_numeric_statistics(writer, r);
    }
    json_begin_statistic(writer, "psi", r->psi);
    json_number(writer, "p_value", r->tests[OTC_TEST_PSI].p_value);
    json_count(writer, "bins", r->bins);
    otc_json_end_object(writer);
    json_begin_statistic(writer, "chi_squared", r->chi_squared);
    json_number(writer, "p_value", r->tests[OTC_TEST_CHI_SQUARED].p_value);
    otc_json_end_object(writer);
    json_begin_statistic(writer, "missing", r->tests[OTC_TEST_MISSING].effect);
    json_number(writer, "p_value", r->tests[OTC_TEST_MISSING].p_value);
    otc_json_end_object(writer);
    json_statistic(writer, "jensen_shannon", r->jensen_shannon);
    json_statistic(writer, "hellinger", r->hellinger);
    json_statistic(writer, "total_variation", r->total_variation);
    json_statistic(writer, "l_infinity", r->l_infinity);
    otc_json_end_object(writer);
}

/** The effect of the test that decided, or of the one nearest to it. */
static double
deciding_effect(const struct otc_feature_result *r)
{
    size_t best = OTC_N_TESTS;

    if (r->rejected) {
        return r->tests[r->rejected_by].effect;
    }
    for (size_t t = 0; t < OTC_N_TESTS; t++) {
        if (!isnan(r->tests[t].adjusted_p) &&
            (best == OTC_N_TESTS || r->tests[t].adjusted_p < r->tests[best].adjusted_p)) {
            best = t;
        }
    }
    return best < OTC_N_TESTS ? r->tests[best].effect : NAN;
}

static void
json_feature(struct otc_json_writer *writer, const struct otc_compared *compared)
{
    const struct otc_reference_feature *ref = compared->reference;
    const struct otc_feature_result *r = &compared->result;

    otc_json_begin_object(writer);
    otc_json_key(writer, "name");
    otc_json_write_text(writer, ref->name);
    json_text(writer, "kind", otc_feature_kind_name(ref->kind));
    json_text(writer, "type", ref->type == OTC_NUMERIC ? "numeric" : "categorical");
    json_count(writer, "reference_observations", ref->observations);
    json_count(writer, "window_observations", compared->observations);
    json_number(writer, "missing", r->missing_share);
    json_number(writer, "reference_missing", r->reference_missing_share);
    json_count(writer, "unseen", compared->unseen);
    json_number(writer, "design_effect", r->design_effect);
    json_statistics(writer, compared);
    json_number(writer, "p_adjusted", r->p_adjusted);
    json_number(writer, "effect", deciding_effect(r));
    json_text(writer, "rejected_by", r->rejected ? otc_test_name(r->rejected_by) : NULL);
    json_text(writer, "skipped", r->skipped != OTC_SKIP_NONE ? otc_skip_reason_name(r->skipped) : NULL);
    otc_json_key(writer, "detected");
    otc_json_write_bool(writer, r->rejected);
    otc_json_end_object(writer);
}

static void
json_others(struct otc_json_writer *writer, const struct otc_comparison *comparison)
{
    otc_json_key(writer, "not_compared");
    otc_json_begin_array(writer);
    for (size_t i = 0; i < comparison->n_others; i++) {
        const struct otc_not_compared *other = &comparison->others[i];

        otc_json_begin_object(writer);
        otc_json_key(writer, "name");
        otc_json_write_text(writer, other->name);
        json_text(writer, "reason",
                  other->reason         ? other->reason
                  : other->in_reference ? "only in the reference"
                                        : "only in the current data");
        otc_json_end_object(writer);
    }
    otc_json_end_array(writer);
}

bool
otc_comparison_print_json(const struct otc_comparison *comparison, FILE *to)
{
    OTC_AUTO_BUF struct otc_buf text = {.limit = SIZE_MAX / 2};
    struct otc_json_writer writer = {.out = &text, .indent = 2};

    otc_json_begin_object(&writer);
    otc_json_key(&writer, "features");
    otc_json_begin_array(&writer);
    for (size_t i = 0; i < comparison->n_features; i++) {
        json_feature(&writer, &comparison->features[i]);
    }
    otc_json_end_array(&writer);
    json_number(&writer, "drifted_share",
                comparison->n_features > 0 ? (double)comparison->n_drifted / (double)comparison->n_features
                                           : NAN);
    json_number(&writer, "level", comparison->decision.level);
    json_text(&writer, "reference_hash", comparison->reference_hash);
    json_others(&writer, comparison);
    otc_json_end_object(&writer);
    return otc_json_writer_ok(&writer) && otc_buf_append_byte(&text, '\n') &&
           fwrite(text.data, 1, text.len, to) == text.len && fflush(to) == 0;
}
