// SPDX-License-Identifier: Apache-2.0
/**
 * @file Reads the verification data nobody here made: JSON and CSV below $AIMON_TESTDATA (default
 * ../shared/data, its vectors beside it). For tests alone: what cannot be read although the data is there
 * fails the running cmocka test.
 */
#ifndef OTC_HARNESS_DATA_TESTDATA_H
#define OTC_HARNESS_DATA_TESTDATA_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/** True when the data is there; otherwise prints "skipped: no verification data", and the test should skip().
 */
bool testdata_here(void);
/** "<data>/<name>", with "shared/" at the front of `name` left out; into `out`. */
void testdata_path(const char *name, char *out, size_t size);

/** The parsed file. Free with json_decref. */
json_t *testdata_json(const char *name);
/** A number, "nan", "inf" or "-inf", NULL or null (NaN). */
double testdata_number(const json_t *value);
/** A numeric member, by path of keys separated by '.'; NaN when absent. */
double testdata_member(const json_t *object, const char *path);
/** All numbers of an array; free(). `*n` gets the length. */
double *testdata_numbers(const json_t *array, size_t *n);

/** A CSV file in memory: the header's names and the rows' cells. No quoting, as the data has none. */
struct testdata_table {
    char *text;
    char **cells; /* (rows + 1) * columns, the header first */
    size_t columns;
    size_t rows;
};
struct testdata_table testdata_csv(const char *name);
void testdata_table_free(struct testdata_table *table);
/** Cell of a data row. */
const char *testdata_cell(const struct testdata_table *table, size_t row, const char *column);
double testdata_cell_number(const struct testdata_table *table, size_t row, const char *column);
/** The finite numbers of a column in rows [first, end), end 0: all; free(). */
double *testdata_column(const struct testdata_table *table, const char *column, size_t first, size_t end,
                        size_t *n);

/** Sorts ascending in place. */
void testdata_sort(double *values, size_t n);

/** |a - b| <= tolerance * |b|, or both NaN, or equal. */
bool testdata_close(double a, double b, double tolerance);

#endif
