// SPDX-License-Identifier: Apache-2.0
#include "sidecar/reference_print.h"

#include "common/base/clock.h"
#include "sidecar/report_bins.h"
#include "sidecar/screen.h"
#include "sidecar/text_table.h"

#include <math.h>

enum { NAME, KIND, TYPE, VALUES, MISSING, INVALID, MIN, MEAN, MAX, EFFECT, DISTRIBUTION, POINTS, N_COLUMNS };
static const char *const headings[N_COLUMNS] = {"FEATURE", "KIND",    "TYPE",         "VALUES",
                                                "MISSING", "INVALID", "MIN",          "MEAN",
                                                "MAX",     "EFFECT",  "DISTRIBUTION", "POINTS"};
/** How much of a distribution is drawn: marks of a histogram, categories that are told. */
struct extent {
    size_t marks, told;
};
#define MAX_MARKS 24
/** The first whose table the screen has room for, else the last. */
static const struct extent extents[] = {{MAX_MARKS, 3}, {20, 3}, {16, 2}, {12, 1}};
#define N_EXTENTS (sizeof(extents) / sizeof(extents[0]))

/** "exact, 3552 points", "1024 points, gaps up to 0.1 %", "4 categories and a rest". */
static void
describe_points(const struct otc_reference_feature *feature, char *out, size_t size)
{
    uint64_t between = 0;

    for (size_t i = 0; feature->type == OTC_NUMERIC && i <= feature->cells.n; i++) {
        between = feature->cells.gap[i] > between ? feature->cells.gap[i] : between;
    }
    if (feature->type == OTC_CATEGORICAL) {
        (void)snprintf(out, size, "%zu categories%s", feature->n_categories,
                       feature->other > 0 ? " and a rest" : "");
    } else if (between == 0) {
        (void)snprintf(out, size, "exact, %zu points", feature->cells.n);
    } else {
        (void)snprintf(out, size, "%zu points, gaps up to %.2g %%", feature->cells.n,
                       100 * (double)between / (double)feature->cells.total);
    }
}

/** Heights of `marks` parts, at most MAX_MARKS, of what the bins hold. */
static void
put_histogram(const struct otc_report_bins *bins, size_t marks, char *out, size_t size)
{
    static const char *const heights[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    size_t n = bins->n < marks ? bins->n : marks;
    double shares[MAX_MARKS] = {0}, bins_of[MAX_MARKS] = {0};
    double top = 0;
    size_t at = 0;

    for (size_t i = 0; i < bins->n; i++) {
        shares[i * n / bins->n] += bins->reference[i];
        bins_of[i * n / bins->n]++;
    }
    for (size_t i = 0; i < n; i++) {
        shares[i] /= bins_of[i];
        top = fmax(top, shares[i]);
    }
    for (size_t i = 0; i < n; i++) {
        double part = shares[i] / top; /* no number where values near the largest double overflow */
        int height = part > 0 ? (int)ceil(8 * fmin(1, part)) : 0;

        at += (size_t)snprintf(out + at, at < size ? size - at : 0, "%s", heights[height]);
    }
}

/** "US 54 %, DE 21 %, FR 9 %". */
static void
put_categories(const struct otc_reference_feature *feature, size_t told, char *out, size_t size)
{
    char name[OTC_SCREEN_NAME_BYTES];
    size_t at = 0;

    out[0] = 0;
    for (size_t i = 0; i < feature->n_categories && i < told; i++) {
        struct otc_slice text = feature->categories[i].name;

        (void)otc_screen_name(otc_slice_of(text.data, text.len < 16 ? text.len : 16), name);
        at += (size_t)snprintf(out + at, at < size ? size - at : 0, "%s%s %.2g %%", i ? ", " : "", name,
                               100 * (double)feature->categories[i].count / (double)feature->observations);
    }
}

static void
put_distribution(const struct otc_reference_feature *feature, const struct extent *extent, char *out,
                 size_t size)
{
    struct otc_report_bins bins;

    if (feature->type == OTC_CATEGORICAL) {
        put_categories(feature, extent->told, out, size);
    } else if (feature->cells.n > 0) {
        otc_report_bins_of_reference(feature, &bins);
        put_histogram(&bins, extent->marks, out, size);
    }
}

static void
fill_line(const struct otc_reference_feature *feature, const struct extent *extent,
          struct otc_text_table *table, size_t row)
{
    (void)otc_screen_name(feature->name, otc_text_cell(table, row, NAME));
    (void)snprintf(otc_text_cell(table, row, KIND), OTC_TEXT_CELL, "%s",
                   otc_feature_kind_name(feature->kind));
    (void)snprintf(otc_text_cell(table, row, TYPE), OTC_TEXT_CELL, "%s",
                   feature->type == OTC_NUMERIC ? "numeric" : "categorical");
    (void)snprintf(otc_text_cell(table, row, VALUES), OTC_TEXT_CELL, "%llu",
                   (unsigned long long)feature->observations);
    (void)snprintf(otc_text_cell(table, row, MISSING), OTC_TEXT_CELL, "%llu",
                   (unsigned long long)feature->missing);
    (void)snprintf(otc_text_cell(table, row, INVALID), OTC_TEXT_CELL, "%llu",
                   (unsigned long long)feature->invalid);
    if (feature->type == OTC_NUMERIC && feature->observations > 0) {
        (void)snprintf(otc_text_cell(table, row, MIN), OTC_TEXT_CELL, "%.5g", feature->min);
        (void)snprintf(otc_text_cell(table, row, MEAN), OTC_TEXT_CELL, "%.5g", feature->mean);
        (void)snprintf(otc_text_cell(table, row, MAX), OTC_TEXT_CELL, "%.5g", feature->max);
    }
    (void)snprintf(otc_text_cell(table, row, EFFECT), OTC_TEXT_CELL, "%.3g", feature->design_effect);
    put_distribution(feature, extent, otc_text_cell(table, row, DISTRIBUTION), OTC_TEXT_CELL);
    describe_points(feature, otc_text_cell(table, row, POINTS), OTC_TEXT_CELL);
}

/** Whether a column says anything: what is the same everywhere and nothing to tell is left out. */
static bool
is_told(const struct otc_reference *reference, size_t column)
{
    for (size_t i = 0; i < reference->n_features; i++) {
        const struct otc_reference_feature *f = &reference->features[i];

        if (column == KIND                                     ? f->kind != OTC_KIND_INPUT
            : column == INVALID                                ? f->invalid > 0
            : column == EFFECT                                 ? f->design_effect > 1
            : column == MIN || column == MEAN || column == MAX ? f->type == OTC_NUMERIC
                                                               : true) {
            return true;
        }
    }
    return false;
}

/** Leaves the columns out that say nothing. */
static void
squeeze(const struct otc_reference *reference, struct otc_text_table *table)
{
    size_t kept = 0;

    for (size_t c = 0; c < N_COLUMNS; c++) {
        if (!is_told(reference, c)) {
            continue;
        }
        for (size_t r = 0; r < table->rows; r++) {
            memmove(table->cells[r * N_COLUMNS + kept], table->cells[r * N_COLUMNS + c], OTC_TEXT_CELL);
        }
        table->left[kept++] = c <= TYPE || c >= DISTRIBUTION;
    }
    for (size_t r = 1; r < table->rows; r++) {
        memmove(table->cells[r * kept], table->cells[r * N_COLUMNS], kept * OTC_TEXT_CELL);
    }
    table->columns = kept;
}

/** The table with so much of the distributions; its memory is the caller's. False out of memory. */
static bool
make_table(const struct otc_reference *reference, const struct extent *extent, struct otc_text_table *table)
{
    if (!otc_text_table_init(table, reference->n_features + 1, N_COLUMNS)) {
        return false;
    }
    for (size_t c = 0; c < N_COLUMNS; c++) {
        (void)snprintf(otc_text_cell(table, 0, c), OTC_TEXT_CELL, "%s", headings[c]);
    }
    for (size_t i = 0; i < reference->n_features; i++) {
        fill_line(&reference->features[i], extent, table, i + 1);
    }
    squeeze(reference, table);
    return true;
}

bool
otc_reference_print(const struct otc_reference *reference, FILE *to)
{
    struct otc_text_table table;
    char created[32];

    otc_time_format(reference->created_ns, created);
    (void)fprintf(to, "reference %.8s  created %s\nsource    ", reference->hash, created);
    otc_screen_print(reference->source, to);
    (void)fputs("\nmodel     ", to);
    otc_screen_print(reference->model.len > 0 ? reference->model : otc_slice_str("any"), to);
    (void)fprintf(to, "\nrows      %llu\n\n", (unsigned long long)reference->rows);
    for (size_t i = 0; i < N_EXTENTS; i++) {
        if (i > 0) {
            otc_text_table_release(&table);
        }
        if (!make_table(reference, &extents[i], &table)) {
            return false;
        }
        if (otc_text_table_width(&table) <= OTC_SCREEN_WIDTH) {
            break;
        }
    }
    otc_text_table_print(&table, NULL, NULL, to);
    otc_text_table_release(&table);
    return true;
}
