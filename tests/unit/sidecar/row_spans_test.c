// SPDX-License-Identifier: Apache-2.0
#include "sidecar/row_spans.h"

#include "common/otlp/walk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

static const char llm[] = "timestamp,ContextTokens,generated_tokens,finish reason,Latency (ms),Model,region\n"
                          "2024-01-01 00:00:00,374,44,stop,1500,gpt,eu\n"
                          "2024-01-01 00:00:01,,7.5,length,,gpt,us\n";

/* The table that is read. */
static const char *csv = llm;

static struct otc_table *
open_csv(struct otc_columns *columns)
{
    char path[] = "/tmp/otc_rows_XXXXXX";
    struct otc_table *table = NULL;
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, csv, strlen(csv)), strlen(csv));
    assert_int_equal(close(fd), 0);
    assert_int_equal(otc_table_open(path, &table, NULL), OTC_OK);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(otc_columns_read(table, columns, NULL), OTC_OK);
    return table;
}

/** Spans copied out of the walk. */
struct seen {
    size_t n;
    struct otc_value values[2][6];
    uint64_t length_ns[2];
    uint64_t end_ns[2];
    int32_t status[2];
};

static bool
see(void *arg, const struct otc_span *span)
{
    struct seen *seen = arg;

    assert_true(seen->n < 2);
    memcpy(seen->values[seen->n], span->record.values, sizeof(seen->values[0]));
    seen->length_ns[seen->n] = span->end_unix_nano - span->start_unix_nano;
    seen->status[seen->n] = span->status_code;
    seen->end_ns[seen->n] = span->end_unix_nano;
    seen->n++;
    return true;
}

/** Both rows as spans; the batch must live as long as the values are looked at. */
static struct otc_batch *
send_rows(const struct otc_row_spans_options *options, const struct otc_wanted *wanted, struct seen *seen)
{
    struct otc_columns columns;
    struct otc_table *table = open_csv(&columns);
    struct otc_row_spans *spans = NULL;
    struct otc_projection *projection = NULL;
    struct otc_batch *batch;
    bool more;

    *seen = (struct seen){0};
    assert_int_equal(otc_row_spans_new(&columns, options, &spans, NULL), OTC_OK);
    for (int64_t row = 1; row <= 2; row++) {
        assert_int_equal(otc_table_next(table, &more, NULL), OTC_OK);
        assert_true(otc_row_spans_add(spans, table, row * 10000000000));
    }
    assert_int_equal(otc_row_spans_count(spans), 2);
    batch = otc_row_spans_batch(spans);
    assert_non_null(batch);
    assert_int_equal(otc_batch_items(batch), 2);
    assert_int_equal(otc_row_spans_count(spans), 0);
    assert_int_equal(otc_projection_new(wanted, 6, &projection, NULL), OTC_OK);
    assert_int_equal(otc_walk_spans(projection, otc_batch_part(batch, 0), see, seen, NULL), OTC_OK);
    assert_int_equal(seen->n, 2);
    otc_projection_free(projection);
    otc_row_spans_free(spans);
    otc_columns_release(&columns);
    otc_table_close(table);
    return batch;
}

static void
test_gen_ai(void **state)
{
    static const struct otc_wanted wanted[6] = {{"gen_ai.usage.input_tokens", OTC_AT_RECORD, false},
                                                {"gen_ai.usage.output_tokens", OTC_AT_RECORD, false},
                                                {"gen_ai.response.finish_reasons", OTC_AT_RECORD, false},
                                                {"gen_ai.request.model", OTC_AT_RECORD, false},
                                                {"gen_ai.operation.name", OTC_AT_RECORD, false},
                                                {"region", OTC_AT_RECORD, false}};
    const struct otc_row_spans_options options = {.preset = OTC_ROW_GEN_AI, .service_name = "replay"};
    struct otc_value element;
    struct otc_slice rest;
    struct seen seen;
    struct otc_batch *batch = send_rows(&options, wanted, &seen);

    (void)state;
    assert_int_equal(seen.values[0][0].type, OTC_VALUE_INT);
    assert_int_equal(seen.values[0][0].as.integer, 374);
    assert_int_equal(seen.values[1][0].type, OTC_VALUE_ABSENT); /* an empty cell is no attribute */
    assert_int_equal(seen.values[0][1].as.integer, 44);
    assert_int_equal(seen.values[1][1].type, OTC_VALUE_DOUBLE);
    assert_true(seen.values[1][1].as.real == 7.5);
    assert_int_equal(seen.values[1][2].type, OTC_VALUE_ARRAY);
    rest = seen.values[1][2].as.slice;
    assert_true(otc_array_next(&rest, &element) && otc_slice_equal_str(element.as.slice, "length"));
    assert_true(otc_slice_equal_str(seen.values[0][3].as.slice, "gpt"));
    assert_true(otc_slice_equal_str(seen.values[0][4].as.slice, "chat"));
    assert_int_equal(seen.values[0][5].type, OTC_VALUE_ABSENT);
    assert_true(seen.length_ns[0] == 1500000000 && seen.length_ns[1] == 0);
    assert_true(seen.end_ns[1] == UINT64_C(20000000000));
    otc_batch_unref(batch);
}

static size_t
times_in(struct otc_slice bytes, const char *text)
{
    size_t n = 0;
    const uint8_t *at;

    while ((at = memmem(bytes.data, bytes.len, text, strlen(text)))) {
        bytes = otc_slice_skip(bytes, (size_t)(at - bytes.data) + 1);
        n++;
    }
    return n;
}

/* A column and what every span says are never both sent: no span has a key twice. */
static void
test_gen_ai_keys_are_there_once(void **state)
{
    static const struct otc_wanted wanted[6] = {{"gen_ai.operation.name", OTC_AT_RECORD, false},
                                                {"gen_ai.request.model", OTC_AT_RECORD, false},
                                                {"a", OTC_AT_RECORD, false},
                                                {"b", OTC_AT_RECORD, false},
                                                {"c", OTC_AT_RECORD, false},
                                                {"d", OTC_AT_RECORD, false}};
    const struct otc_row_spans_options options = {
        .preset = OTC_ROW_GEN_AI, .service_name = "replay", .model = "mine"};
    struct seen seen;
    struct otc_batch *batch;

    (void)state;
    csv = "operation,model,input_tokens\nembeddings,gpt,3\nembeddings,gpt,4\n";
    batch = send_rows(&options, wanted, &seen);
    csv = llm;
    assert_true(otc_slice_equal_str(seen.values[0][0].as.slice, "embeddings"));
    assert_true(otc_slice_equal_str(seen.values[1][1].as.slice, "mine"));
    assert_int_equal(times_in(otc_batch_part(batch, 0), "gen_ai.operation.name"), 2);
    assert_int_equal(times_in(otc_batch_part(batch, 0), "gen_ai.request.model"), 2);
    otc_batch_unref(batch);
}

static void
test_ml(void **state)
{
    static const struct otc_wanted wanted[6] = {
        {"ml.feature.ContextTokens", OTC_AT_RECORD, false}, {"ml.prediction.region", OTC_AT_RECORD, false},
        {"ml.feature.region", OTC_AT_RECORD, false},        {"ml.model.name", OTC_AT_RECORD, false},
        {"ml.feature.timestamp", OTC_AT_RECORD, false},     {"service.name", OTC_AT_RESOURCE, false}};
    static struct otc_option_list predictions;
    struct otc_row_spans_options options = {
        .preset = OTC_ROW_ML, .service_name = "svc", .model = "credit", .predictions = &predictions};
    struct seen seen;
    struct otc_batch *batch;

    (void)state;
    predictions.items[0] = otc_slice_str("region");
    predictions.n = 1;
    batch = send_rows(&options, wanted, &seen);
    assert_int_equal(seen.values[0][0].as.integer, 374);
    assert_true(otc_slice_equal_str(seen.values[1][1].as.slice, "us"));
    assert_int_equal(seen.values[0][2].type, OTC_VALUE_ABSENT);
    assert_true(otc_slice_equal_str(seen.values[0][3].as.slice, "credit"));
    assert_int_equal(seen.values[0][4].type, OTC_VALUE_ABSENT); /* the row's time is no feature */
    assert_true(otc_slice_equal_str(seen.values[0][5].as.slice, "svc"));
    otc_batch_unref(batch);
}

/* Columns that the options name are what they say and no features, whatever the preset. */
static void
test_duration_and_error(void **state)
{
    static const struct otc_wanted wanted[6] = {
        {"error.type", OTC_AT_RECORD, false},        {"ml.feature.ContextTokens", OTC_AT_RECORD, false},
        {"ml.feature.region", OTC_AT_RECORD, false}, {"ml.feature.Latency (ms)", OTC_AT_RECORD, false},
        {"ml.feature.Model", OTC_AT_RECORD, false},  {"ml.feature.generated_tokens", OTC_AT_RECORD, false}};
    struct otc_row_spans_options options = {.preset = OTC_ROW_ML,
                                            .service_name = "svc",
                                            .duration = "generated_tokens",
                                            .error = "ContextTokens"};
    struct seen seen;
    struct otc_batch *batch = send_rows(&options, wanted, &seen);

    (void)state;
    assert_true(seen.length_ns[0] == UINT64_C(44000000000) && seen.length_ns[1] == UINT64_C(7500000000));
    assert_true(otc_slice_equal_str(seen.values[0][0].as.slice, "374"));
    assert_int_equal(seen.status[0], 2);
    assert_int_equal(seen.values[1][0].type, OTC_VALUE_ABSENT); /* an empty cell is no error */
    assert_int_equal(seen.status[1], 0);
    assert_int_equal(seen.values[0][1].type, OTC_VALUE_ABSENT);
    assert_int_equal(seen.values[0][5].type, OTC_VALUE_ABSENT);
    assert_true(otc_slice_equal_str(seen.values[0][2].as.slice, "eu"));
    otc_batch_unref(batch);
    /* The preset's own column of durations makes room. */
    options.preset = OTC_ROW_GEN_AI;
    options.error = "finish reason";
    batch = send_rows(&options, wanted, &seen);
    assert_true(seen.length_ns[1] == UINT64_C(7500000000));
    assert_true(otc_slice_equal_str(seen.values[1][0].as.slice, "length"));
    assert_int_equal(seen.status[1], 2);
    otc_batch_unref(batch);
}

static void
test_columns_that_do_not_fit(void **state)
{
    static const struct {
        const char *duration, *error, *says;
    } cases[] = {{"elapsed", NULL, "--duration: there is no column 'elapsed'"},
                 {"region", NULL, "--duration: column 'region' does not hold numbers (seconds)"},
                 {NULL, "fault", "--error: there is no column 'fault'"}};
    struct otc_columns columns;
    struct otc_table *table = open_csv(&columns);

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct otc_row_spans_options options = {.preset = OTC_ROW_ML,
                                                      .service_name = "svc",
                                                      .duration = cases[i].duration,
                                                      .error = cases[i].error};
        struct otc_error err = OTC_ERROR_INIT;
        struct otc_row_spans *spans = NULL;

        assert_int_equal(otc_row_spans_new(&columns, &options, &spans, &err), OTC_INVALID_ARGUMENT);
        assert_string_equal(err.text, cases[i].says);
    }
    otc_columns_release(&columns);
    otc_table_close(table);
}

static void
test_column_names(void **state)
{
    static const struct {
        const char *column;
        const char *feature;
    } cases[] = {{"ContextTokens", "input_tokens"},
                 {"Request tokens", "input_tokens"},
                 {"gen_ai.usage.output_tokens", "output_tokens"},
                 {"Elapsed time", "duration"},
                 {"ttft", "time_to_first_chunk"},
                 {"finish_reason", "finish_reasons"}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct otc_column_meaning *meaning = otc_gen_ai_column(otc_slice_str(cases[i].column));

        assert_non_null(meaning);
        assert_string_equal(meaning->feature, cases[i].feature);
    }
    assert_null(otc_gen_ai_column(otc_slice_str("age")));
    assert_null(otc_gen_ai_column(otc_slice_str("")));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gen_ai),
        cmocka_unit_test(test_gen_ai_keys_are_there_once),
        cmocka_unit_test(test_ml),
        cmocka_unit_test(test_duration_and_error),
        cmocka_unit_test(test_columns_that_do_not_fit),
        cmocka_unit_test(test_column_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
