// SPDX-License-Identifier: Apache-2.0
#include "tests/harness/data/testdata.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#define PATH_SIZE 1024

static const char *
root(void)
{
    const char *set = getenv("AIMON_TESTDATA");

    return set && *set ? set : "../shared/data";
}

bool
testdata_here(void)
{
    char path[PATH_SIZE];

    testdata_path("README.md", path, sizeof(path));
    if (access(path, R_OK) == 0)
        return true;
    print_message("skipped: no verification data\n");
    return false;
}

void
testdata_path(const char *name, char *out, size_t size)
{
    if (strncmp(name, "shared/", 7) == 0)
        name += 7;

    int length = snprintf(out, size, "%s/%s", root(), name);

    assert_true(length > 0 && (size_t)length < size);
}

json_t *
testdata_json(const char *name)
{
    char path[PATH_SIZE];
    json_error_t error;

    testdata_path(name, path, sizeof(path));

    json_t *json = json_load_file(path, JSON_ALLOW_NUL, &error);

    if (!json)
        fail_msg("%s:%d: %s", path, error.line, error.text);
    return json;
}

double
testdata_number(const json_t *value)
{
    return json_is_string(value)   ? strtod(json_string_value(value), NULL)
           : json_is_number(value) ? json_number_value(value)
                                   : NAN;
}

double
testdata_member(const json_t *object, const char *path)
{
    char key[128];

    while (*path && object) {
        size_t length = strcspn(path, ".");

        assert_true(length < sizeof(key));
        memcpy(key, path, length);
        key[length] = 0;
        object = json_object_get(object, key);
        path += length + (path[length] == '.');
    }
    return testdata_number(object);
}

double *
testdata_numbers(const json_t *array, size_t *n)
{
    *n = json_array_size(array);

    double *out = calloc(*n + 1, sizeof(double));

    assert_non_null(out);
    for (size_t i = 0; i < *n; i++)
        out[i] = testdata_number(json_array_get(array, i));
    return out;
}

static char *
read_text(const char *path)
{
    FILE *file = fopen(path, "rb");

    if (!file)
        fail_msg("%s: cannot be read", path);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);

    long size = ftell(file);

    assert_true(size > 0);
    rewind(file);

    char *text = calloc((size_t)size + 1, 1);

    assert_non_null(text);
    assert_int_equal(fread(text, 1, (size_t)size, file), (size_t)size);
    fclose(file);
    return text;
}

static size_t
cell_length(const char *text)
{
    size_t length = 0;

    while (text[length] && text[length] != ',' && text[length] != '\r' && text[length] != '\n')
        length++;
    return length;
}

/* Cuts the text into cells in place; returns how many. With cells == NULL it only counts. */
static size_t
cut(char *text, char **cells)
{
    size_t count = 0;

    while (*text) {
        size_t length = cell_length(text);
        char end = text[length];

        if (cells)
            cells[count] = text;
        count++;
        if (cells)
            text[length] = 0;
        text += length + (end != 0);
        while (end != ',' && (*text == '\r' || *text == '\n'))
            text++;
    }
    return count;
}

struct testdata_table
testdata_csv(const char *name)
{
    char path[PATH_SIZE];
    struct testdata_table table = {0};

    testdata_path(name, path, sizeof(path));
    table.text = read_text(path);
    table.columns = 1;
    for (const char *at = table.text; *at && *at != '\n'; at++)
        table.columns += *at == ',';

    size_t cells = cut(table.text, NULL);

    table.cells = calloc(cells, sizeof(char *));
    assert_non_null(table.cells);
    cut(table.text, table.cells);
    if (cells % table.columns != 0)
        fail_msg("%s: %zu cells in rows of %zu", path, cells, table.columns);
    table.rows = cells / table.columns - 1;
    return table;
}

void
testdata_table_free(struct testdata_table *table)
{
    free(table->cells);
    free(table->text);
    *table = (struct testdata_table){0};
}

const char *
testdata_cell(const struct testdata_table *table, size_t row, const char *column)
{
    for (size_t i = 0; i < table->columns; i++)
        if (strcmp(table->cells[i], column) == 0)
            return table->cells[(row + 1) * table->columns + i];
    fail_msg("no column \"%s\"", column);
    return NULL;
}

double
testdata_cell_number(const struct testdata_table *table, size_t row, const char *column)
{
    const char *cell = testdata_cell(table, row, column);
    char *end;
    double value = strtod(cell, &end);

    return end == cell || *end ? NAN : value;
}

double *
testdata_column(const struct testdata_table *table, const char *column, size_t first, size_t end, size_t *n)
{
    if (end == 0)
        end = table->rows;
    assert_true(first <= end && end <= table->rows);

    double *out = calloc(end - first + 1, sizeof(double));

    assert_non_null(out);
    *n = 0;
    for (size_t row = first; row < end; row++) {
        double value = testdata_cell_number(table, row, column);

        if (isfinite(value))
            out[(*n)++] = value;
    }
    return out;
}

static int
by_value(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;

    return (a > b) - (a < b);
}

void
testdata_sort(double *values, size_t n)
{
    qsort(values, n, sizeof(*values), by_value);
}

bool
testdata_close(double a, double b, double tolerance)
{
    return a == b || (isnan(a) && isnan(b)) || fabs(a - b) <= tolerance * fabs(b);
}
