// SPDX-License-Identifier: Apache-2.0
#include "sidecar/text_table.h"

bool
otc_text_table_init(struct otc_text_table *table, size_t rows, size_t columns)
{
    *table = (struct otc_text_table){
        .rows = rows, .columns = columns, .cells = calloc(rows * columns + 1, sizeof(*table->cells))};
    return table->cells != NULL;
}

void
otc_text_table_release(struct otc_text_table *table)
{
    free(table->cells);
    *table = (struct otc_text_table){0};
}

char *
otc_text_cell(struct otc_text_table *table, size_t row, size_t column)
{
    return table->cells[row * table->columns + column];
}

static size_t
column_width(const struct otc_text_table *table, size_t column)
{
    size_t width = 0;

    for (size_t r = 0; r < table->rows; r++) {
        size_t columns = otc_screen_columns(table->cells[r * table->columns + column]);

        width = columns > width ? columns : width;
    }
    return width;
}

size_t
otc_text_table_width(const struct otc_text_table *table)
{
    size_t width = 0;

    for (size_t c = 0; c < table->columns; c++) {
        width += column_width(table, c) + (c > 0 ? 2 : 0);
    }
    return width;
}

void
otc_text_table_print(const struct otc_text_table *table, const char *(*paint)(const void *arg, size_t row),
                     const void *arg, FILE *to)
{
    int width[OTC_TEXT_COLUMNS];

    for (size_t c = 0; c < table->columns; c++) {
        width[c] = (int)column_width(table, c);
    }
    for (size_t r = 0; r < table->rows; r++) {
        for (size_t c = 0; c < table->columns; c++) {
            const char *cell = table->cells[r * table->columns + c];
            int pad = width[c] - (int)otc_screen_columns(cell);
            bool last = c + 1 == table->columns;
            const char *color = last && paint && r > 0 ? paint(arg, r) : "";

            (void)fprintf(to, "%*s%s%s%s", table->left[c] ? 0 : pad, "", color, cell,
                          *color ? "\033[0m" : "");
            (void)fprintf(to, "%*s%s", table->left[c] && !last ? pad : 0, "", last ? "\n" : "  ");
        }
    }
}
