// SPDX-License-Identifier: Apache-2.0
#include "sidecar/column_notes.h"

bool
otc_column_is_mixed(const struct otc_column *column)
{
    return column->content == OTC_COLUMN_MIXED && column->others > 0 && column->numbers > column->others;
}

void
otc_column_example(const struct otc_column *column, char out[OTC_COLUMN_EXAMPLE])
{
    char shown[OTC_SCREEN_NAME_BYTES];

    if (!column->other[0]) { /* an array */
        (void)snprintf(out, OTC_COLUMN_EXAMPLE, "(row %llu)", (unsigned long long)column->other_row);
        return;
    }
    (void)otc_screen_name(otc_slice_str(column->other), shown);
    (void)snprintf(out, OTC_COLUMN_EXAMPLE, "(\"%s\", row %llu)", shown,
                   (unsigned long long)column->other_row);
}

void
otc_column_mixed_note(const struct otc_column *column, struct otc_slice name, const char *values,
                      char out[OTC_COLUMN_NOTE])
{
    char shown[OTC_SCREEN_NAME_BYTES], example[OTC_COLUMN_EXAMPLE];
    double share = (double)column->others / (double)(column->others + column->numbers);

    (void)otc_screen_name(name, shown);
    otc_column_example(column, example);
    (void)snprintf(out, OTC_COLUMN_NOTE,
                   "%s: categories, because %.2g %% of its %s are no numbers %s; leave such cells empty to "
                   "have its numbers compared",
                   shown, 100 * share, values, example);
}

void
otc_input_print_notes(const struct otc_input *input, const struct otc_option_list *categorical,
                      const char *label, FILE *to)
{
    for (size_t i = 0; i < input->n_features; i++) {
        const struct otc_input_feature *feature = &input->features[i];
        const struct otc_column *column = &input->columns.columns[feature->column];
        char note[OTC_COLUMN_NOTE];

        if (feature->type == OTC_CATEGORICAL && otc_column_is_mixed(column) &&
            !otc_option_list_has(categorical, column->name)) {
            otc_column_mixed_note(column, feature->name, "values", note);
            (void)fprintf(to, "%s: %s\n", label, note);
        }
    }
}
