// SPDX-License-Identifier: Apache-2.0
#include "common/base/number.h"
#include "sidecar/column_notes.h"
#include "sidecar/compare_run.h"

/* Rows below which a window is said to say little. */
#define FEW_ROWS 20

/** A category that is no number, nor a boolean; NULL: there is none. */
static const struct otc_category *
text_category(const struct otc_reference_feature *feature)
{
    for (size_t i = 0; i < feature->n_categories; i++) {
        struct otc_slice name = feature->categories[i].name;
        double number;

        if (!otc_parse_double(name, &number) && !otc_slice_equal_str(name, "true") &&
            !otc_slice_equal_str(name, "false")) {
            return &feature->categories[i];
        }
    }
    return NULL;
}

/** Numbers that count as categories because of the reference. */
static bool
note_categories(const struct otc_reference_feature *feature, const struct otc_column *reference,
                const struct otc_column *current, char out[OTC_COLUMN_NOTE])
{
    const struct otc_category *text = text_category(feature);
    char name[OTC_SCREEN_NAME_BYTES], shown[OTC_SCREEN_NAME_BYTES];

    if (reference && otc_column_is_mixed(reference)) {
        otc_column_mixed_note(reference, feature->name, "reference values", out);
        return true;
    }
    if (!text || current->numbers <= current->others) {
        return false;
    }
    (void)otc_screen_name(feature->name, name);
    (void)otc_screen_name(text->name, shown);
    (void)snprintf(out, OTC_COLUMN_NOTE,
                   "%s: a column of numbers, compared as categories because the reference has texts there "
                   "(\"%s\")",
                   name, shown);
    return true;
}

/**
 * What is to be told of a feature: `reference` is the column of a reference that is a table, NULL of a file;
 * `invalid` counts the current values that are no numbers. False: there is nothing to tell.
 */
static bool
note_feature(const struct otc_reference_feature *feature, const struct otc_column *reference,
             const struct otc_column *current, uint64_t invalid, char out[OTC_COLUMN_NOTE])
{
    char name[OTC_SCREEN_NAME_BYTES], example[OTC_COLUMN_EXAMPLE] = "(infinite)";
    uint64_t all;

    if (feature->type == OTC_CATEGORICAL) {
        return note_categories(feature, reference, current, out);
    }
    if (invalid == 0) {
        return false;
    }
    if (current->other_row > 0) {
        otc_column_example(current, example);
    }
    (void)otc_screen_name(feature->name, name);
    all = current->numbers + current->others;
    (void)snprintf(out, OTC_COLUMN_NOTE,
                   "%s: %llu of %llu current values are no numbers %s and count under MISSING", name,
                   (unsigned long long)invalid, (unsigned long long)all, example);
    return true;
}

static bool
add_note(struct otc_comparison *comparison, const char *note)
{
    char **grown = reallocarray(comparison->notes, comparison->n_notes + 1, sizeof(*grown));

    if (!grown) {
        return false;
    }
    comparison->notes = grown;
    grown[comparison->n_notes] = strdup(note);
    return grown[comparison->n_notes++] != NULL;
}

/* Of so few values tests say little, and a mean or a quantile less. */
static bool
note_small_windows(struct otc_comparison *comparison)
{
    size_t small = 0, all = 0;
    char note[OTC_COLUMN_NOTE];

    for (size_t i = 0; i < comparison->n_windows; i++) {
        const struct otc_compared_window *window = &comparison->windows[i];

        all += !window->of_reference;
        small += !window->of_reference && !window->incomplete && window->rows < FEW_ROWS;
    }
    if (small == 0 || comparison->decision.min_observations >= FEW_ROWS) {
        return true;
    }
    (void)snprintf(note, sizeof(note),
                   "%zu of %zu windows have fewer than %d rows, which say little: take a longer --window, or "
                   "leave them out with --min-observations %d",
                   small, all, FEW_ROWS, FEW_ROWS);
    return add_note(comparison, note);
}

otc_status
otc_compare_list_notes(struct otc_compare_run *run, const struct otc_option_list *categorical,
                       struct otc_error *err)
{
    const struct otc_columns *left = &run->reference_input.columns;

    for (size_t i = 0; i < run->comparison.n_features; i++) {
        const struct otc_input_feature *feature = &run->current.features[i];
        const struct otc_column *column = &run->current.columns.columns[feature->column];
        size_t at = otc_columns_find(left, column->name);
        char note[OTC_COLUMN_NOTE];

        if (feature->is_text || feature->embedding || otc_option_list_has(categorical, column->name)) {
            continue;
        }
        if (note_feature(run->comparison.features[i].reference, at == SIZE_MAX ? NULL : &left->columns[at],
                         column, otc_sample_window(run->samples[i])->invalid, note) &&
            !add_note(&run->comparison, note)) {
            return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
        }
    }
    return note_small_windows(&run->comparison) ? OTC_OK
                                                : otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
}
