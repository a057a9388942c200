// SPDX-License-Identifier: Apache-2.0
/** @file Reading the shared verification data: the oracle's JSON and the columns of series it names. */
#ifndef OTC_TESTS_ANALYSIS_ORACLE_H
#define OTC_TESTS_ANALYSIS_ORACLE_H

#include "common/analysis/table.h"
#include "common/json/json.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/** The data's folder. */
static inline const char *
oracle_root(void)
{
    const char *root = getenv("AIMON_TESTDATA");

    return root ? root : "../shared/data";
}

/** Reads a JSON file below the data's folder; skips the test when it is not there. */
static inline struct otc_json *
oracle_json(const char *relative)
{
    char path[1024];
    struct otc_buf text = {.limit = (size_t)64 << 20};
    uint8_t chunk[65536];
    struct otc_json *document = NULL;
    FILE *file;
    size_t got;

    (void)snprintf(path, sizeof(path), "%s/%s", oracle_root(), relative);
    file = fopen(path, "rbe");
    if (!file) {
        print_message("skipped: no verification data\n");
        skip();
    }
    while ((got = fread(chunk, 1, sizeof(chunk), file)) > 0) {
        assert_true(otc_buf_append(&text, chunk, got));
    }
    (void)fclose(file);
    assert_int_equal(otc_json_parse(otc_buf_slice(&text), NULL, &document, NULL), OTC_OK);
    otc_buf_release(&text);
    return document;
}

/** Calls `cell` for the rows of {"file", "column", "rows"} as the oracle names them. */
static inline void
oracle_column(const struct otc_json *side, void (*fn)(void *arg, const struct otc_cell *cell), void *arg)
{
    char path[1024];
    struct otc_slice file = otc_json_text(otc_json_get(side, "file"));
    struct otc_slice name = otc_json_text(otc_json_get(side, "column"));
    const struct otc_json *rows = otc_json_get(side, "rows");
    int64_t first = 0;
    int64_t end = INT64_MAX;
    struct otc_table *table = NULL;
    size_t column = 0;
    bool more = true;

    assert_true(otc_slice_starts(file, otc_slice_str("shared/")));
    (void)snprintf(path, sizeof(path), "%s/%.*s", oracle_root(), (int)file.len - 7,
                   (const char *)file.data + 7);
    assert_int_equal(otc_table_open(path, &table, NULL), OTC_OK);
    if (otc_json_size(rows) == 2) {
        assert_true(otc_json_int(otc_json_at(rows, 0), &first) && otc_json_int(otc_json_at(rows, 1), &end));
    }
    while (column < otc_table_columns(table) && !otc_slice_equal(otc_table_name(table, column), name)) {
        column++;
    }
    assert_true(column < otc_table_columns(table));
    for (int64_t row = 0; row < end; row++) {
        assert_int_equal(otc_table_next(table, &more, NULL), OTC_OK);
        if (!more) {
            break;
        }
        if (row >= first) {
            fn(arg, otc_table_cell(table, column));
        }
    }
    otc_table_close(table);
}

/** A number member that must be there. */
static inline double
oracle_number(const struct otc_json *object, const char *key)
{
    double number = 0;

    assert_true(otc_json_number(otc_json_get(object, key), &number));
    return number;
}

/** Absolute agreement. */
static inline void
assert_close(double got, double wanted, double absolute)
{
    double error = got > wanted ? got - wanted : wanted - got;

    if (!(error <= absolute)) {
        fail_msg("got %.17g, wanted %.17g", got, wanted);
    }
}

/** Relative agreement; both 0 agrees. */
static inline void
assert_near(double got, double wanted, double relative)
{
    double error = got > wanted ? got - wanted : wanted - got;
    double scale = wanted < 0 ? -wanted : wanted;

    if (!(error <= relative * scale)) {
        fail_msg("got %.17g, wanted %.17g", got, wanted);
    }
}

#endif
