// SPDX-License-Identifier: Apache-2.0
#include "sidecar/compare.h"
#include "sidecar/screen.h"

#include <math.h>

/** Columns before and after those of the statistics. */
enum { NAME, TYPE, REFERENCE, CURRENT, N_BEFORE };
enum { MISSING, DEPENDENCE, P_ADJUSTED, VERDICT, N_AFTER };
static const char *const before[N_BEFORE] = {"FEATURE", "TYPE", "REFERENCE", "CURRENT"};
static const char *const after[N_AFTER] = {"MISSING", "DEPENDENCE", "P ADJ", "VERDICT"};

/** Columns in all, at most: every statistic may be asked for. */
#define MAX_COLUMNS 80
#define CELL_BYTES OTC_SCREEN_NAME_BYTES

/** One line of the table. */
struct line {
    char cells[MAX_COLUMNS][CELL_BYTES];
};

/** The statistics that have a column, in order: rows of otc_statistics. */
struct columns {
    size_t rows[MAX_COLUMNS - N_BEFORE - N_AFTER];
    size_t n;
};

static void
choose_columns(const struct otc_comparison *comparison, struct columns *out)
{
    out->n = 0;
    for (size_t i = 0; i < otc_n_statistics; i++) {
        const struct otc_statistic *row = &otc_statistics[i];

        if (row->heading &&
            (comparison->statistics ? otc_statistic_is_in(comparison->statistics, i) : row->in_tables)) {
            out->rows[out->n++] = i;
        }
    }
}

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
fill_line(const struct otc_compared *compared, const struct columns *columns, struct line *line)
{
    const struct otc_reference_feature *ref = compared->reference;
    const struct otc_feature_result *r = &compared->result;
    char(*cells)[CELL_BYTES] = line->cells;

    (void)otc_screen_name(ref->name, cells[NAME]);
    (void)snprintf(cells[TYPE], CELL_BYTES, "%s", ref->type == OTC_NUMERIC ? "numeric" : "categorical");
    (void)snprintf(cells[REFERENCE], CELL_BYTES, "%llu", (unsigned long long)ref->observations);
    (void)snprintf(cells[CURRENT], CELL_BYTES, "%llu", (unsigned long long)compared->observations);
    cells += N_BEFORE;
    for (size_t i = 0; i < columns->n; i++) {
        const struct otc_statistic *row = &otc_statistics[columns->rows[i]];

        put_number(cells[i], row->format, otc_statistic_number(r, row->column));
    }
    cells += columns->n;
    put_number(cells[MISSING], "%.1f %%", 100 * r->missing_share);
    put_number(cells[DEPENDENCE], "%.3g", r->design_effect);
    put_number(cells[P_ADJUSTED], "%.3g", r->p_adjusted);
    put_verdict(cells[VERDICT], r);
}

static void
fill_headings(const struct columns *columns, struct line *line)
{
    for (size_t c = 0; c < N_BEFORE; c++) {
        (void)snprintf(line->cells[c], CELL_BYTES, "%s", before[c]);
    }
    for (size_t c = 0; c < columns->n; c++) {
        (void)snprintf(line->cells[N_BEFORE + c], CELL_BYTES, "%s", otc_statistics[columns->rows[c]].heading);
    }
    for (size_t c = 0; c < N_AFTER; c++) {
        (void)snprintf(line->cells[N_BEFORE + columns->n + c], CELL_BYTES, "%s", after[c]);
    }
}

static void
print_line(const struct line *line, const size_t *width, size_t n, const char *color, FILE *to)
{
    for (size_t c = 0; c < n; c++) {
        const char *gap = c + 1 < n ? "  " : "\n";

        if (c <= TYPE) {
            (void)fprintf(to, "%s%*s%s", line->cells[c], (int)(width[c] - otc_screen_columns(line->cells[c])),
                          "", gap);
        } else if (c + 1 < n) {
            (void)fprintf(to, "%*s%s", (int)width[c], line->cells[c], gap);
        } else {
            (void)fprintf(to, "%s%s%s%s", color, line->cells[c], *color ? "\033[0m" : "", gap);
        }
    }
}

static void
print_lines(const struct otc_comparison *comparison, const struct line *lines, size_t n, bool color, FILE *to)
{
    size_t width[MAX_COLUMNS] = {0};

    for (size_t i = 0; i <= comparison->n_features; i++) {
        for (size_t c = 0; c < n; c++) {
            size_t columns = otc_screen_columns(lines[i].cells[c]);

            width[c] = columns > width[c] ? columns : width[c];
        }
    }
    print_line(&lines[0], width, n, "", to);
    for (size_t i = 0; i < comparison->n_features; i++) {
        const struct otc_feature_result *r = &comparison->features[i].result;
        const char *paint = r->skipped != OTC_SKIP_NONE ? "\033[33m" : r->rejected ? "\033[31m" : "\033[32m";

        print_line(&lines[i + 1], width, n, color ? paint : "", to);
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
    struct columns columns;

    (void)fprintf(to, "reference  %s  %llu rows\ncurrent    %s  %llu rows\n\n", comparison->reference_path,
                  (unsigned long long)comparison->reference_rows, comparison->current_path,
                  (unsigned long long)comparison->current_rows);
    choose_columns(comparison, &columns);
    for (size_t i = 0; lines && i < comparison->n_features; i++) {
        fill_line(&comparison->features[i], &columns, &lines[i + 1]);
    }
    if (lines) {
        fill_headings(&columns, &lines[0]);
        print_lines(comparison, lines, N_BEFORE + columns.n + N_AFTER, color, to);
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
