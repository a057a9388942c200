// SPDX-License-Identifier: Apache-2.0
#include "common/analysis/table.h"

#include "common/analysis/sample.h"
#include "tests/unit/common/analysis/oracle.h"

#include <math.h>
#include <unistd.h>

/** A file with the given bytes; its name is in `path`. */
static void
write_file(char path[64], const char *text, size_t len)
{
    int fd;

    (void)snprintf(path, 64, "/tmp/otc_table_XXXXXX");
    fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), (ssize_t)len);
    assert_int_equal(close(fd), 0);
}

static struct otc_table *
open_text(const char *text)
{
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_table *table = NULL;
    char path[64];

    write_file(path, text, strlen(text));
    if (otc_table_open(path, &table, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(unlink(path), 0);
    return table;
}

static bool
next(struct otc_table *table)
{
    struct otc_error err = OTC_ERROR_INIT;
    bool more = false;

    if (otc_table_next(table, &more, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    return more;
}

static void
assert_text(const struct otc_table *table, size_t column, const char *text)
{
    assert_int_equal(otc_table_cell(table, column)->kind, OTC_CELL_TEXT);
    assert_true(otc_slice_equal_str(otc_table_cell(table, column)->text, text));
}

static void
test_csv(void **state)
{
    struct otc_table *table = open_text("\xef\xbb\xbf"
                                        "name,\"a, \"\"b\"\"\",flag\r\n"
                                        "\"x\ny\", 1.5 ,True\r\n"
                                        "\n"
                                        "NA,-3e2,\"\"\n"
                                        "z\"q,abc,FALSE");

    (void)state;
    assert_int_equal(otc_table_columns(table), 3);
    assert_true(otc_slice_equal_str(otc_table_name(table, 0), "name"));
    assert_true(otc_slice_equal_str(otc_table_name(table, 1), "a, \"b\""));
    for (int pass = 0; pass < 2; pass++) {
        assert_true(next(table));
        assert_int_equal(otc_table_line(table), 2);
        assert_text(table, 0, "x\ny");
        assert_int_equal(otc_table_cell(table, 1)->kind, OTC_CELL_NUMBER);
        assert_close(otc_table_cell(table, 1)->number, 1.5, 0);
        assert_int_equal(otc_table_cell(table, 2)->kind, OTC_CELL_BOOL);
        assert_true(otc_table_cell(table, 2)->truth);
        assert_true(next(table));
        assert_int_equal(otc_table_line(table), 5);
        assert_int_equal(otc_table_cell(table, 0)->kind, OTC_CELL_MISSING);
        assert_close(otc_table_cell(table, 1)->number, -300, 0);
        assert_int_equal(otc_table_cell(table, 2)->kind, OTC_CELL_MISSING);
        assert_true(next(table));
        assert_text(table, 0, "z\"q");
        assert_text(table, 1, "abc");
        assert_false(next(table));
        assert_int_equal(otc_table_rows(table), 3);
        assert_int_equal(otc_table_rewind(table, NULL), OTC_OK);
    }
    otc_table_close(table);
}

/** The tokens of pandas.read_csv, and near misses. */
static void
test_missing_tokens(void **state)
{
    static const char *const tokens[] = {"#N/A", "#N/A N/A", "#NA",     "-1.#IND", "-1.#QNAN", "-NaN",
                                         "-nan", "1.#IND",   "1.#QNAN", "<NA>",    "N/A",      "NA",
                                         "NULL", "NaN",      "None",    "n/a",     "nan",      "null"};
    static const char *const texts[] = {"na", "Null", "none", "-", "?", "0x10"};
    char text[64];

    (void)state;
    for (size_t i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++) {
        struct otc_table *table;

        (void)snprintf(text, sizeof(text), "a,b\n%s,1\n", tokens[i]);
        table = open_text(text);
        assert_true(next(table));
        assert_int_equal(otc_table_cell(table, 0)->kind, OTC_CELL_MISSING);
        otc_table_close(table);
    }
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct otc_table *table;

        (void)snprintf(text, sizeof(text), "a,b\n%s,1\n", texts[i]);
        table = open_text(text);
        assert_true(next(table));
        assert_text(table, 0, texts[i]);
        otc_table_close(table);
    }
}

static void
test_json_lines(void **state)
{
    struct otc_table *table = open_text("{\"a\": 1, \"b\": {\"c\": \"NA\", \"d\": null}}\n"
                                        "\n"
                                        "{\"e\": [1], \"a\": \"2\", \"b\": {\"c\": \"\"}, \"f\": false}\r\n");

    (void)state;
    assert_true(next(table));
    assert_int_equal(otc_table_columns(table), 3);
    assert_true(otc_slice_equal_str(otc_table_name(table, 1), "b.c"));
    assert_close(otc_table_cell(table, 0)->number, 1, 0);
    assert_text(table, 1, "NA"); /* a text is a text in JSON */
    assert_int_equal(otc_table_cell(table, 2)->kind, OTC_CELL_MISSING);
    assert_true(next(table));
    assert_int_equal(otc_table_line(table), 3);
    assert_int_equal(otc_table_columns(table), 5);
    assert_text(table, 0, "2");
    assert_int_equal(otc_table_cell(table, 1)->kind, OTC_CELL_MISSING);
    assert_int_equal(otc_table_cell(table, 3)->kind, OTC_CELL_NESTED);
    assert_int_equal(otc_table_cell(table, 4)->kind, OTC_CELL_BOOL);
    assert_false(next(table));
    otc_table_close(table);
}

/** A table that cannot be read says where and why. */
static void
test_bad_tables(void **state)
{
    static const struct {
        const char *text;
        const char *says;
    } cases[] = {
        {"", "the file is empty"},
        {"\n\n", "the file is empty"},
        {"a,b\n1,2\n3\n", ":3: 1 fields, but the header has 2"},
        {"a,b\n1,2,3\n", ":2: 3 fields, but the header has 2"},
        {"a,b\n1,\"2\n3,4\n", ":2: a quoted field of this row never ends"},
        {"a,b,a\n1,2,3\n", ":1: column 'a' is there twice"},
        {"a;b\n1;2\n", "another separator"},
        {"{\"a\": 1}\n{\"a\": }\n", ":2: bad JSON"},
        {"{\"a\": 1}\n[1]\n", ":2: expected one JSON object a line"},
        {"{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":1}}}}}}}}}\n",
         "nested more than 8 deep"},
        {"PAR1xxxx", "pandas.read_parquet"},
        {"{\"format\":\"otelcol-aimon reference\",\"features\":[]}\n", "this is a reference file"},
        {"{\n  \"a\": 1\n}\n", "one JSON object a line is read"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct otc_error err = OTC_ERROR_INIT;
        struct otc_table *table = NULL;
        otc_status status;
        char path[64];
        bool more = true;

        write_file(path, cases[i].text, strlen(cases[i].text));
        status = otc_table_open(path, &table, &err);
        while (status == OTC_OK && more) {
            status = otc_table_next(table, &more, &err);
        }
        assert_int_equal(unlink(path), 0);
        assert_int_equal(status, OTC_INVALID_ARGUMENT);
        assert_int_equal(strncmp(err.text, path, strlen(path)), 0);
        if (!strstr(err.text, cases[i].says)) {
            fail_msg("case %zu: \"%s\" does not say \"%s\"", i, err.text, cases[i].says);
        }
        otc_table_close(status == OTC_OK ? NULL : table);
    }
}

/** A row beyond the limit is refused, not swallowed. */
static void
test_long_row(void **state)
{
    size_t len = OTC_TABLE_MAX_ROW + 100;
    char *text = malloc(len);
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_table *table = NULL;
    char path[64];
    bool more;

    (void)state;
    assert_non_null(text);
    memset(text, 'x', len);
    memcpy(text, "a\n", 2);
    write_file(path, text, len);
    free(text);
    assert_int_equal(otc_table_open(path, &table, &err), OTC_OK);
    assert_int_equal(otc_table_next(table, &more, &err), OTC_INVALID_ARGUMENT);
    assert_non_null(strstr(err.text, "longer than 16 MiB"));
    assert_int_equal(unlink(path), 0);
    otc_table_close(table);
}

/** Twelve rows of every kind of column. */
static struct otc_table *
typed_table(void)
{
    struct otc_buf text = {.limit = 65536};
    struct otc_table *table;

    (void)otc_buf_append_str(&text, "id,when,key,age,member,grade,empty,timestamp,mixed\n");
    for (int i = 0; i < 12; i++) {
        (void)otc_buf_printf(&text, "%d,2024-01-%02d 10:00:00.1234567,k%d,%d,%s,%s,,17000000%02d,%s\n", i + 5,
                             i + 1, i, i % 4 == 0 ? 30 : 40 + i, i % 2 ? "true" : "false", i % 3 ? "A" : "B",
                             i, i % 5 ? "007" : "x");
    }
    table = open_text(otc_buf_cstr(&text));
    otc_buf_release(&text);
    return table;
}

static void
test_columns(void **state)
{
    static const struct {
        const char *name;
        enum otc_feature_type type;
        enum otc_column_content content;
        const char *left_out;
    } wanted[] = {
        {"id", OTC_NUMERIC, OTC_COLUMN_NUMBERS, "row numbers"},
        {"when", OTC_CATEGORICAL, OTC_COLUMN_MIXED, "timestamps"},
        {"key", OTC_CATEGORICAL, OTC_COLUMN_MIXED, "every value is different"},
        {"age", OTC_NUMERIC, OTC_COLUMN_NUMBERS, NULL},
        {"member", OTC_CATEGORICAL, OTC_COLUMN_BOOLS, NULL},
        {"grade", OTC_CATEGORICAL, OTC_COLUMN_MIXED, NULL},
        {"empty", OTC_NUMERIC, OTC_COLUMN_EMPTY, "no values"},
        {"timestamp", OTC_NUMERIC, OTC_COLUMN_NUMBERS, "timestamps"},
        {"mixed", OTC_CATEGORICAL, OTC_COLUMN_MIXED, NULL},
    };
    struct otc_table *table = typed_table();
    struct otc_columns columns;

    (void)state;
    assert_int_equal(otc_columns_read(table, &columns, NULL), OTC_OK);
    assert_int_equal(columns.rows, 12);
    assert_int_equal(columns.n, sizeof(wanted) / sizeof(wanted[0]));
    for (size_t i = 0; i < columns.n; i++) {
        const struct otc_column *column = &columns.columns[i];

        assert_true(otc_slice_equal_str(column->name, wanted[i].name));
        assert_int_equal(column->type, wanted[i].type);
        assert_int_equal(column->content, wanted[i].content);
        if (wanted[i].left_out) {
            assert_non_null(column->left_out);
            assert_string_equal(column->left_out, wanted[i].left_out);
        } else {
            assert_null(column->left_out);
        }
    }
    assert_int_equal(columns.columns[6].missing, 12);
    assert_int_equal(otc_columns_time(&columns), SIZE_MAX); /* two columns of stamps */
    assert_int_equal(otc_columns_find(&columns, otc_slice_str("grade")), 5);
    assert_int_equal(otc_columns_find(&columns, otc_slice_str("none")), SIZE_MAX);
    otc_columns_release(&columns);
    assert_true(next(table)); /* it was rewound */
    assert_true(otc_cell_time(otc_table_cell(table, 1)) == INT64_C(1704103200123456700));
    assert_true(otc_cell_time(otc_table_cell(table, 7)) == INT64_C(1700000000000000000));
    assert_true(otc_cell_time(otc_table_cell(table, 2)) == INT64_MIN);
    otc_table_close(table);
}

/* What a column of numbers has that is none: how much, where first, and how it begins (whole characters). */
static void
test_values_that_are_no_numbers(void **state)
{
    static const struct {
        uint64_t numbers, others, row;
        const char *other;
    } wanted[] = {{3, 1, 2, "unknown"},
                  {4, 0, 0, ""},
                  {2, 1, 3, "TRUE"},
                  {3, 1, 4, "012345678901234567890123456789012345678"}};
    struct otc_table *table = open_text("a,b,c,d\n"
                                        "1,1,1,1\n"
                                        "unknown,1,,1\n"
                                        "2,2,TRUE,2\n"
                                        "2,2,2,012345678901234567890123456789012345678\xe6\x97\xa5\n");
    struct otc_columns columns;

    (void)state;
    assert_int_equal(otc_columns_read(table, &columns, NULL), OTC_OK);
    for (size_t i = 0; i < columns.n; i++) {
        assert_int_equal(columns.columns[i].numbers, wanted[i].numbers);
        assert_int_equal(columns.columns[i].others, wanted[i].others);
        assert_int_equal(columns.columns[i].other_row, wanted[i].row);
        assert_string_equal(columns.columns[i].other, wanted[i].other);
    }
    otc_columns_release(&columns);
    otc_table_close(table);
    table = open_text("{\"x\": 1}\n{\"x\": 2, \"y\": 1}\n{\"y\": false}\n");
    assert_int_equal(otc_columns_read(table, &columns, NULL), OTC_OK);
    assert_int_equal(columns.columns[1].other_row, 3); /* the column begins in the second row */
    assert_string_equal(columns.columns[1].other, "false");
    otc_columns_release(&columns);
    otc_table_close(table);
}

/* A number above 2^53 plus 1 is the same number: a constant is none of rows. */
static void
test_row_numbers(void **state)
{
    struct otc_buf text = {.limit = 65536};
    struct otc_columns columns;
    struct otc_table *table;

    (void)state;
    (void)otc_buf_append_str(&text, "constant,first,last,half,constant_low\n");
    for (int i = 0; i < 12; i++) {
        (void)otc_buf_printf(&text, "1700000000000000000,%d,%lld,%d.5,7\n", i, 9007199254740981LL + i, i);
    }
    table = open_text(otc_buf_cstr(&text));
    otc_buf_release(&text);
    assert_int_equal(otc_columns_read(table, &columns, NULL), OTC_OK);
    assert_null(columns.columns[0].left_out);
    for (size_t i = 1; i <= 3; i++) {
        assert_string_equal(columns.columns[i].left_out, "row numbers");
    }
    assert_null(columns.columns[4].left_out);
    otc_columns_release(&columns);
    otc_table_close(table);
}

/* Seconds to nanoseconds are told apart by magnitude; what would lie beyond 2262 is no time, but a number. */
static void
test_unix_times(void **state)
{
    static const struct {
        double number;
        int64_t ns;
    } cases[] = {{1.7e9, INT64_C(1700000000000000000)},
                 {1.7e12, INT64_C(1700000000000000000)},
                 {1.7e15, INT64_C(1700000000000000000)},
                 {1.7e18, INT64_C(1700000000000000000)},
                 {9.2e9, INT64_C(9200000000000000000)},
                 {9.3e9, INT64_MIN},
                 {20240131120000, INT64_MIN},
                 {9.9e16, INT64_MIN},
                 {1e7, INT64_MIN},
                 {5e18, INT64_MIN}};
    struct otc_columns columns;
    struct otc_table *table;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct otc_cell cell = {.kind = OTC_CELL_NUMBER, .number = cases[i].number};

        assert_true(otc_cell_time(&cell) == cases[i].ns);
    }
    table = open_text("timestamp,x\n20240131120000,1\n20240131120007,2\n");
    assert_int_equal(otc_columns_read(table, &columns, NULL), OTC_OK);
    assert_false(columns.columns[0].times);
    assert_int_equal(otc_columns_time(&columns), SIZE_MAX);
    otc_columns_release(&columns);
    otc_table_close(table);
}

static void
test_cell_use(void **state)
{
    static const struct {
        enum otc_cell_kind kind;
        const char *text;
        double number;
        enum otc_column_content content;
        enum otc_feature_type type;
        enum otc_cell_use use;
        const char *wanted;
    } cases[] = {
        {OTC_CELL_NUMBER, "1.0", 1, OTC_COLUMN_NUMBERS, OTC_CATEGORICAL, OTC_USE_TEXT, "1"},
        {OTC_CELL_NUMBER, "007", 7, OTC_COLUMN_MIXED, OTC_CATEGORICAL, OTC_USE_TEXT, "007"},
        {OTC_CELL_BOOL, "True", 0, OTC_COLUMN_BOOLS, OTC_CATEGORICAL, OTC_USE_TEXT, "true"},
        {OTC_CELL_BOOL, "True", 0, OTC_COLUMN_MIXED, OTC_CATEGORICAL, OTC_USE_TEXT, "True"},
        {OTC_CELL_TEXT, "x", 0, OTC_COLUMN_MIXED, OTC_NUMERIC, OTC_USE_INVALID, NULL},
        {OTC_CELL_NUMBER, "inf", INFINITY, OTC_COLUMN_NUMBERS, OTC_NUMERIC, OTC_USE_INVALID, NULL},
        {OTC_CELL_NUMBER, "2", 2, OTC_COLUMN_NUMBERS, OTC_NUMERIC, OTC_USE_NUMBER, NULL},
        {OTC_CELL_MISSING, "", 0, OTC_COLUMN_NUMBERS, OTC_NUMERIC, OTC_USE_MISSING, NULL},
        {OTC_CELL_NESTED, "", 0, OTC_COLUMN_MIXED, OTC_CATEGORICAL, OTC_USE_INVALID, NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct otc_cell cell = {.kind = cases[i].kind,
                                .text = otc_slice_str(cases[i].text),
                                .number = cases[i].number,
                                .truth = true};
        struct otc_use use;

        otc_cell_use(&cell, cases[i].content, cases[i].type, &use);
        assert_int_equal(use.use, cases[i].use);
        if (cases[i].wanted) {
            assert_true(otc_slice_equal_str(use.text, cases[i].wanted));
        }
    }
}

/** Adds cells of the oracle to a sample. */
static void
add_to_sample(void *arg, const struct otc_cell *cell)
{
    struct otc_use use;

    otc_cell_use(cell, OTC_COLUMN_NUMBERS, OTC_NUMERIC, &use);
    assert_true(otc_sample_add(arg, &use, INT64_MIN));
}

static void
add_to_builder(void *arg, const struct otc_cell *cell)
{
    if (cell->kind == OTC_CELL_NUMBER) {
        assert_true(otc_reference_builder_number(arg, 0, cell->number, INT64_MIN));
    }
}

/** With the rows at hand Wasserstein and Cramer-von-Mises are scipy's. */
static void
test_sample(void **state)
{
    struct otc_json *document = oracle_json("stat/oracle/pairs.json");
    const struct otc_json *cases = otc_json_get(document, "cases");

    (void)state;
    for (size_t i = 0; i < otc_json_size(cases); i++) {
        const struct otc_json *pair = otc_json_at(cases, i);
        const struct otc_json *cvm = otc_json_get(pair, "cramervonmises_2samp_asymp");
        struct otc_reference_limits limits = OTC_REFERENCE_LIMITS_DEFAULT;
        struct otc_decision decision = OTC_DECISION_DEFAULT;
        struct otc_reference_builder *builder = otc_reference_builder_new(&limits, 1);
        struct otc_reference *reference = NULL;
        struct otc_feature_result result;
        struct otc_sample *sample;

        assert_int_equal(
            otc_reference_builder_feature(builder, otc_slice_str("x"), OTC_NUMERIC, OTC_KIND_INPUT), 0);
        oracle_column(otc_json_get(pair, "ref"), add_to_builder, builder);
        assert_int_equal(otc_reference_builder_finish(builder, OTC_SLICE_NONE, "x", 0, &reference, NULL),
                         OTC_OK);
        otc_reference_builder_free(builder);
        sample = otc_sample_new(&reference->features[0]);
        assert_non_null(sample);
        oracle_column(otc_json_get(pair, "cur"), add_to_sample, sample);
        decision.min_observations = 0;
        assert_int_equal(otc_sample_evaluate(sample, &decision, &result, NULL), OTC_OK);
        assert_near(result.wasserstein, oracle_number(pair, "wasserstein_distance"), 1e-9);
        if (otc_json_type_of(cvm) == OTC_JSON_OBJECT) {
            assert_near(result.cramer_von_mises, oracle_number(cvm, "statistic"), 1e-9);
        }
        otc_sample_free(sample);
        otc_reference_unref(reference);
    }
    otc_json_free(document);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_csv),
        cmocka_unit_test(test_missing_tokens),
        cmocka_unit_test(test_json_lines),
        cmocka_unit_test(test_bad_tables),
        cmocka_unit_test(test_long_row),
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_values_that_are_no_numbers),
        cmocka_unit_test(test_unix_times),
        cmocka_unit_test(test_cell_use),
        cmocka_unit_test(test_sample),
        cmocka_unit_test(test_row_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
