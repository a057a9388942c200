// SPDX-License-Identifier: Apache-2.0
#include "sidecar/compare_print.h"

#include <math.h>

/** Columns of the marks at least. */
#define MIN_MARKS 12

enum { NAME, MARKS, DRIFTED, WORST, N_BEFORE };
enum { MEAN, P_ADJUSTED, VERDICT, N_AFTER };
static const char *const before[N_BEFORE] = {"FEATURE", "WINDOWS", "DRIFTED", "WORST"};
static const char *const after[N_AFTER] = {"MEAN", "P ADJ", "VERDICT"};

/** What a mark says, in rising order of interest. */
enum mark { MARK_NONE, MARK_STABLE, MARK_ENDING, MARK_REJECTED, MARK_DETECTED };

static enum mark
mark_of(const struct otc_compared_feature *feature)
{
    return feature->result.skipped != OTC_SKIP_NONE ? MARK_NONE
           : feature->result.rejected               ? (feature->detected ? MARK_DETECTED : MARK_REJECTED)
           : feature->detected                      ? MARK_ENDING
                                                    : MARK_STABLE;
}

/** Windows [first, first + n) of one side. */
struct side {
    size_t first, n;
};

/** The reference's windows come first. */
static struct side
side_of(const struct otc_comparison *comparison, bool reference)
{
    size_t n = 0;

    while (n < comparison->n_windows && comparison->windows[n].of_reference) {
        n++;
    }
    return reference ? (struct side){0, n} : (struct side){n, comparison->n_windows - n};
}

/** A side's windows as at most `room` marks; several windows share one when they are more. */
static size_t
put_marks(const struct otc_comparison *comparison, size_t feature, struct side side, size_t room, char *out,
          size_t size)
{
    static const char *const marks[] = {" ", "·", "▒", "▄", "█"};
    size_t n = side.n < room ? side.n : room;
    size_t at = 0;

    for (size_t i = 0; i < n; i++) {
        enum mark mark = MARK_NONE;

        for (size_t w = side.n * i / n; w < side.n * (i + 1) / n; w++) {
            enum mark one = mark_of(&comparison->windows[side.first + w].features[feature]);

            mark = one > mark ? one : mark;
        }
        at += (size_t)snprintf(out + at, at < size ? size - at : 0, "%s", marks[mark]);
    }
    return n;
}

/** The window of the current side that says most against a feature; NULL: none was tested. */
static const struct otc_compared_window *
worst_window(const struct otc_comparison *comparison, size_t feature)
{
    const struct otc_compared_window *worst = NULL;
    struct side side = side_of(comparison, false);
    double most = -1;

    for (size_t w = side.first; w < side.first + side.n; w++) {
        const struct otc_compared_window *window = &comparison->windows[w];
        const struct otc_feature_result *result = &window->features[feature].result;
        double severity = otc_comparison_severity(comparison, result) + (result->rejected ? 1e12 : 0);

        if (result->skipped == OTC_SKIP_NONE && severity > most) {
            most = severity;
            worst = window;
        }
    }
    return worst;
}

/** The statistic whose mean is told: the first that the feature has. */
static const struct otc_statistic *
leading_statistic(const struct otc_compare_columns *columns, const struct otc_reference_feature *feature)
{
    for (size_t i = 0; i < columns->n; i++) {
        const struct otc_statistic *row = &otc_statistics[columns->rows[i]];

        if (!row->numeric || feature->type == OTC_NUMERIC) {
            return row;
        }
    }
    return NULL;
}

static double
mean_of(const struct otc_comparison *comparison, size_t feature, const struct otc_statistic *row)
{
    double sum = 0;
    size_t n = 0;

    for (size_t w = 0; row && w < comparison->n_windows; w++) {
        double value = otc_statistic_number(&comparison->windows[w].features[feature].result, row->column);

        sum += isnan(value) ? 0 : value;
        n += !isnan(value);
    }
    return n > 0 ? sum / (double)n : NAN;
}

static void
fill_worst(const struct otc_comparison *comparison, size_t i, const struct otc_compare_columns *columns,
           struct otc_text_table *table)
{
    const struct otc_compared_window *worst = worst_window(comparison, i);
    const struct otc_feature_result *result = worst ? &worst->features[i].result : NULL;
    size_t end = N_BEFORE + columns->n;
    size_t row = i + 1;

    (void)snprintf(otc_text_cell(table, row, WORST), OTC_TEXT_CELL, "-");
    if (worst) {
        otc_chunk_label(&comparison->chunk_rule, worst->chunk, otc_text_cell(table, row, WORST));
    }
    for (size_t c = 0; c < columns->n; c++) {
        otc_compare_put_number(otc_text_cell(table, row, N_BEFORE + c), "%.4g",
                               result ? otc_statistic_number(result, otc_statistics[columns->rows[c]].column)
                                      : (double)NAN);
    }
    otc_compare_put_number(
        otc_text_cell(table, row, end + MEAN), "%.6f",
        mean_of(comparison, i, leading_statistic(columns, comparison->features[i].reference)));
    otc_compare_put_number(otc_text_cell(table, row, end + P_ADJUSTED), "%.3g",
                           result ? result->p_adjusted : (double)NAN);
}

static size_t
count_marks(const struct otc_comparison *comparison, size_t feature, enum mark mark)
{
    struct side side = side_of(comparison, false);
    size_t n = 0;

    for (size_t w = side.first; w < side.first + side.n; w++) {
        n += mark_of(&comparison->windows[w].features[feature]) == mark;
    }
    return n;
}

static void
fill_line(const struct otc_comparison *comparison, size_t i, const struct otc_compare_columns *columns,
          struct otc_text_table *table)
{
    const struct otc_reference_feature *ref = comparison->features[i].reference;
    size_t rejected = count_marks(comparison, i, MARK_REJECTED) + count_marks(comparison, i, MARK_DETECTED);
    size_t tested =
        rejected + count_marks(comparison, i, MARK_STABLE) + count_marks(comparison, i, MARK_ENDING);
    char *verdict = otc_text_cell(table, i + 1, N_BEFORE + columns->n + VERDICT);
    const struct otc_compared_window *worst = worst_window(comparison, i);

    (void)otc_screen_name(ref->name, otc_text_cell(table, i + 1, NAME));
    (void)snprintf(otc_text_cell(table, i + 1, DRIFTED), OTC_TEXT_CELL, "%zu/%zu", rejected, tested);
    fill_worst(comparison, i, columns, table);
    if (tested == 0) {
        (void)snprintf(verdict, OTC_TEXT_CELL, "not tested");
    } else if (count_marks(comparison, i, MARK_DETECTED) > 0 && worst) {
        otc_compare_put_verdict(verdict, &comparison->decision, &worst->features[i].result);
    } else {
        (void)snprintf(verdict, OTC_TEXT_CELL, "stable");
    }
}

static const char *
paint(const void *arg, size_t row)
{
    const struct otc_comparison *comparison = arg;

    return count_marks(comparison, row - 1, MARK_DETECTED) > 0 ? "\033[31m"
           : count_marks(comparison, row - 1, MARK_STABLE) > 0 ? "\033[32m"
                                                               : "\033[33m";
}

/** The marks take what the other columns leave of the screen. */
static void
fill_marks(const struct otc_comparison *comparison, struct otc_text_table *table)
{
    size_t others = otc_text_table_width(table) - otc_screen_columns(before[MARKS]);
    size_t room = others + MIN_MARKS < OTC_SCREEN_WIDTH ? OTC_SCREEN_WIDTH - others : MIN_MARKS;
    struct side reference = side_of(comparison, true);
    struct side current = side_of(comparison, false);
    size_t all = reference.n + current.n;
    size_t limit = OTC_SCREEN_NAME_COLUMNS - 1;

    room = (room < limit ? room : limit) - (reference.n > 0);
    for (size_t i = 0; i < comparison->n_features; i++) {
        char *cell = otc_text_cell(table, i + 1, MARKS);
        size_t part = all <= room ? reference.n : room * reference.n / all;

        (void)put_marks(comparison, i, reference, part, cell, OTC_TEXT_CELL);
        (void)snprintf(cell + strlen(cell), OTC_TEXT_CELL - strlen(cell), "%s", reference.n > 0 ? "|" : "");
        (void)put_marks(comparison, i, current, room - part, cell + strlen(cell),
                        OTC_TEXT_CELL - strlen(cell));
    }
}

static void
print_head(const struct otc_comparison *comparison, FILE *to)
{
    struct side side = side_of(comparison, false);
    struct side reference = side_of(comparison, true);
    char rule[OTC_CHUNK_LABEL], first[OTC_CHUNK_LABEL], last[OTC_CHUNK_LABEL];

    otc_chunk_rule_text(&comparison->chunk_rule, rule);
    (void)fprintf(to, "reference  %s  %llu rows", comparison->reference_path,
                  (unsigned long long)comparison->reference_rows);
    if (reference.n > 0) {
        (void)fprintf(to, ", %zu windows of %s", reference.n, rule);
    }
    (void)fprintf(to, "\ncurrent    %s  %llu rows, %zu window%s of %s", comparison->current_path,
                  (unsigned long long)comparison->current_rows, side.n, side.n == 1 ? "" : "s", rule);
    if (side.n > 1 && comparison->chunk_rule.unit != OTC_CHUNK_ROWS) {
        otc_chunk_label(&comparison->chunk_rule, comparison->windows[side.first].chunk, first);
        otc_chunk_label(&comparison->chunk_rule, comparison->windows[side.first + side.n - 1].chunk, last);
        (void)fprintf(to, ", %s to %s", first, last);
    }
    (void)fputs("\n\n", to);
}

static void
print_legend(const struct otc_comparison *comparison, const struct otc_compare_columns *columns, FILE *to)
{
    struct side side = side_of(comparison, false);
    const struct otc_compared_window *last =
        side.n > 0 ? &comparison->windows[side.first + side.n - 1] : NULL;
    char label[OTC_CHUNK_LABEL];

    (void)fprintf(to, "\n· stable  ▄ drifted  █ and detected: %u of %u windows  ▒ detected still%s\n",
                  comparison->k, comparison->n,
                  side_of(comparison, true).n > 0 ? "; left of | the reference's own" : "");
    (void)fputs("statistics and P ADJ are those of the worst window", to);
    if (columns->n > 0) {
        (void)fprintf(to, "; MEAN is of %s, or the next that a feature has, over all windows",
                      otc_statistics[columns->rows[0]].heading);
    }
    (void)fputc('\n', to);
    if (last && last->incomplete) {
        otc_chunk_label(&comparison->chunk_rule, last->chunk, label);
        (void)fprintf(to, "the last window, %s, is incomplete: %llu rows\n", label,
                      (unsigned long long)last->rows);
    }
    if (comparison->rows_without_time > 0) {
        (void)fprintf(to, "%llu rows without a time are in no window\n",
                      (unsigned long long)comparison->rows_without_time);
    }
    if (comparison->rows_dropped > 0) {
        (void)fprintf(to, "%llu rows of an incomplete window were dropped\n",
                      (unsigned long long)comparison->rows_dropped);
    }
}

bool
otc_compare_print_windows(const struct otc_comparison *comparison, bool color, FILE *to)
{
    struct otc_compare_columns columns;
    struct otc_text_table table;

    otc_compare_columns_choose(comparison, &columns);
    if (!otc_text_table_init(&table, comparison->n_features + 1, N_BEFORE + columns.n + N_AFTER)) {
        return false;
    }
    table.left[NAME] = true;
    table.left[MARKS] = true;
    table.left[WORST] = true;
    table.left[table.columns - 1] = true;
    for (size_t c = 0; c < table.columns; c++) {
        (void)snprintf(otc_text_cell(&table, 0, c), OTC_TEXT_CELL, "%s",
                       c < N_BEFORE               ? before[c]
                       : c < N_BEFORE + columns.n ? otc_statistics[columns.rows[c - N_BEFORE]].heading
                                                  : after[c - N_BEFORE - columns.n]);
    }
    for (size_t i = 0; i < comparison->n_features; i++) {
        fill_line(comparison, i, &columns, &table);
    }
    fill_marks(comparison, &table);
    print_head(comparison, to);
    otc_text_table_print(&table, color ? paint : NULL, comparison, to);
    print_legend(comparison, &columns, to);
    otc_text_table_release(&table);
    return true;
}
