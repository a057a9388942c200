// SPDX-License-Identifier: Apache-2.0
/* Decisions, what is written about them, and settings. Expected values are those of the real Collector, with
 * which tests/interop/collector_compare.py compares many more. */
#include "common/otlp/walk.h"
#include "tests/harness/edited.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

extern const struct otc_factory otc_probabilistic_sampler_processor_factory;
static const struct otc_factory *const factory = &otc_probabilistic_sampler_processor_factory;

static const char traces_metric[] = "otelcol_processor_probabilistic_sampler_count_traces_sampled";
static const char logs_metric[] = "otelcol_processor_probabilistic_sampler_count_logs_sampled";

static bool
note_trace_state(void *arg, const struct otc_span *span)
{
    otc_buf_append_slice(arg, span->trace_state);
    return true;
}

/* The trace state of a span that came out; NULL: none did. Borrowed until the next call. */
static const char *
state_of(struct otc_edited *edited, const char *trace_id, const char *trace_state, const char *attributes)
{
    OTC_AUTO_BUF struct otc_buf json = {.limit = 8192};
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_batch *out;

    otc_buf_printf(&json,
                   "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"traceId\":\"%s\",\"name\":\"n\","
                   "\"traceState\":\"%s\",",
                   trace_id, trace_state);
    otc_edited_attributes(&json, attributes);
    otc_buf_append_str(&json, "}]}]}]}");
    (void)otc_edited_json(edited, OTC_TRACES, otc_buf_cstr(&json), NULL);
    out = otc_sink_batch(edited->sink, 0);
    if (!out) {
        return NULL;
    }
    otc_buf_clear(&edited->text);
    assert_int_equal(otc_walk_spans(NULL, otc_batch_part(out, 0), note_trace_state, &edited->text, &err),
                     OTC_OK);
    return otc_buf_cstr(&edited->text);
}

struct span_case {
    const char *trace_id;
    const char *trace_state;
    const char *attributes;
    const char *expected; /* NULL: not sampled */
};

static void
expect_spans(const char *yaml, const struct span_case *cases, size_t n)
{
    struct otc_edited edited;

    otc_edited_begin_for(&edited, factory, OTC_TRACES, yaml);
    for (size_t i = 0; i < n; i++) {
        const struct span_case *c = &cases[i];
        const char *got = state_of(&edited, c->trace_id, c->trace_state, c->attributes);

        if ((got == NULL) != (c->expected == NULL) || (got && strcmp(got, c->expected) != 0)) {
            fail_msg("%s: %s %s %s gives %s, expected %s", yaml, c->trace_id, c->trace_state, c->attributes,
                     got ? got : "nothing", c->expected ? c->expected : "nothing");
        }
    }
    otc_edited_end(&edited);
}
#define EXPECT_SPANS(yaml, ...)                                                                              \
    do {                                                                                                     \
        static const struct span_case cases_[] = {__VA_ARGS__};                                              \
        expect_spans(yaml, cases_, sizeof(cases_) / sizeof(cases_[0]));                                      \
    } while (0)

#define ID(randomness) "0123456789abcdef00" randomness
#define NONE "00000000000000000000000000000000"
/* An id, its hash under the seeds 0 and 22, and that of the text x. */
#define HASH_ID "0123456789abcdef0123456789abcdef"
#define HASH_RANDOMNESS "77a80e52946215"
#define HASH_STATE "ot=rv:" HASH_RANDOMNESS ";th:0"
#define SEED_STATE "ot=rv:7d7031765ea0a3;th:0"
#define X_RANDOMNESS "95a01a82a11a97"

/* ---- Spans -------------------------------------------------------------------------------------- */

static void
proportional_multiplies_probabilities(void **state)
{
    (void)state;
    EXPECT_SPANS("{sampling_percentage: 50, mode: proportional}", {ID("80000000000000"), "", "", "ot=th:8"},
                 {ID("7fffffffffffff"), "", "", NULL}, {ID("c0000000000000"), "ot=th:8", "", "ot=th:c"},
                 {ID("bfffffffffffff"), "ot=th:8", "", NULL},
                 /* Its own randomness comes before the trace id's, and stays as it is written. */
                 {ID("00000000000000"), "ot=rv:9b8233f7e3a151", "", "ot=rv:9b8233f7e3a151;th:8"},
                 {ID("ffffffffffffff"), "ot=rv:1b8233f7e3a151", "", NULL},
                 {ID("ffffffffffffff"), "ot=th:0;rv:9B8233f7e3a151", "", "ot=rv:9B8233f7e3a151;th:8"},
                 /* Other members and fields stay, behind. */
                 {ID("ffffffffffffff"), "k=a, ot=x:y;th:0 ,t@s=b c", "", "ot=th:8;x:y,k=a,t@s=b c"},
                 {ID("ffffffffffffff"), "v=1", "", "ot=th:8,v=1"});
    EXPECT_SPANS("{sampling_percentage: 10, mode: proportional}",
                 {ID("e6670000000000"), "", "", "ot=th:e666"});
    EXPECT_SPANS("{sampling_percentage: 10, mode: proportional, sampling_precision: 14}",
                 {ID("ffffffffffffff"), "", "", "ot=th:e6666666666666"});
    EXPECT_SPANS("{sampling_percentage: 0.1, mode: proportional, sampling_precision: 2}",
                 {ID("ffffffffffffff"), "", "", "ot=th:ffbe"});
    EXPECT_SPANS("{sampling_percentage: 250, mode: proportional}", {ID("00000000000000"), "", "", "ot=th:0"});
}

static void
equalizing_lowers_probabilities(void **state)
{
    (void)state;
    EXPECT_SPANS(
        "{sampling_percentage: 25, mode: equalizing}", {ID("c0000000000000"), "", "", "ot=th:c"},
        {ID("c0000000000000"), "ot=th:8", "", "ot=th:c"}, {ID("f0000000000000"), "ot=th:e", "", "ot=th:e"},
        {ID("d0000000000000"), "ot=th:0", "", "ot=th:c"}, {ID("b0000000000000"), "ot=th:0", "", NULL});
}

static void
hash_seed_samples_by_the_old_hash(void **state)
{
    struct otc_edited edited;
    size_t kept[2] = {0, 0};

    (void)state;
    for (size_t seed = 0; seed < 2; seed++) {
        otc_edited_begin_for(&edited, factory, OTC_TRACES,
                             seed ? "{sampling_percentage: 25, hash_seed: 22}" : "{sampling_percentage: 25}");
        for (unsigned i = 1; i <= 2000; i++) {
            char id[33];

            (void)snprintf(id, sizeof(id), "%032x", i * 2654435761U);
            kept[seed] += state_of(&edited, id, "", "") != NULL;
        }
        assert_int_equal(
            otc_vhost_metric(edited.rig.vhost, traces_metric, "policy=trace_id_hash,sampled=true"),
            kept[seed]);
        assert_int_equal(
            otc_vhost_metric(edited.rig.vhost, traces_metric, "policy=trace_id_hash,sampled=false"),
            2000 - kept[seed]);
        otc_edited_end(&edited);
    }
    /* 500 expected, deviation 19. */
    assert_in_range(kept[0], 400, 600);
    assert_in_range(kept[1], 400, 600);
    EXPECT_SPANS("{sampling_percentage: 100}", {HASH_ID, "", "", HASH_STATE}, {HASH_ID, "ot=th:0", "", NULL},
                 {HASH_ID, "ot=rv:ffffffffffffff", "", NULL}, {HASH_ID, "a=b", "", HASH_STATE ",a=b"});
    EXPECT_SPANS("{sampling_percentage: 100, hash_seed: 22}", {HASH_ID, "", "", SEED_STATE});
    /* Less than one bucket of 16384. */
    EXPECT_SPANS("{sampling_percentage: 0.006}", {HASH_ID, "", "", NULL},
                 {HASH_ID, "", "sampling.priority=1", "ot=th:0"});
}

static void
what_cannot_be_judged_is_dropped_or_kept(void **state)
{
    (void)state;
    EXPECT_SPANS("{sampling_percentage: 100, mode: equalizing}", {NONE, "", "", NULL}, {"", "", "", NULL},
                 {ID("ffffffffffffff"), "ot=th:g", "", NULL}, {ID("10000000000000"), "ot=th:2", "", NULL},
                 {ID("ffffffffffffff"), "no state", "", NULL},
                 {"", "ot=rv:80000000000000", "", "ot=rv:80000000000000;th:0"});
    EXPECT_SPANS("{sampling_percentage: 1, mode: equalizing, fail_closed: false}", {NONE, "", "", "ot=th:0"},
                 {ID("00000000000000"), "ot=th:g", "", "ot=th:g"},
                 {ID("10000000000000"), "ot=th:2;x:1", "", "ot=th:0;x:1"},
                 {ID("10000000000000"), "", "", NULL});
    EXPECT_SPANS("{sampling_percentage: 1, fail_closed: false}", {NONE, "", "", "ot=rv:ffffffffffffff;th:0"},
                 {ID("10000000000000"), "ot=th:2", "", "ot=th:2"}, {ID("10000000000000"), "A=1", "", "A=1"});
}

static void
a_spans_priority_comes_first(void **state)
{
    (void)state;
    EXPECT_SPANS("{sampling_percentage: 0}", {ID("00000000000000"), "", "sampling.priority=1", "ot=th:0"},
                 {ID("00000000000000"), "", "sampling.priority=0.1", "ot=th:0"},
                 {ID("00000000000000"), "", "sampling.priority='2'", "ot=th:0"},
                 {ID("00000000000000"), "ot=th:g", "sampling.priority=2", "ot=th:g"},
                 {ID("00000000000000"), "", "sampling.priority='high'", NULL},
                 {ID("00000000000000"), "", "sampling.priority=-1", NULL},
                 {ID("00000000000000"), "", "sampling.priority=true", NULL},
                 {ID("00000000000000"), "", "", NULL});
    EXPECT_SPANS("{sampling_percentage: 100, mode: proportional}",
                 {ID("00000000000000"), "", "sampling.priority=0", NULL},
                 {ID("00000000000000"), "", "sampling.priority=0.0", NULL},
                 {ID("00000000000000"), "", "sampling.priority='0'", NULL},
                 {ID("00000000000000"), "", "sampling.priority=-1", "ot=th:0"},
                 /* An arriving threshold is not lowered. */
                 {ID("ffffffffffffff"), "ot=th:c", "sampling.priority=1", "ot=th:c"});
}

static void
groups_without_items_go_too(void **state)
{
    struct otc_edited edited;

    (void)state;
    otc_edited_begin_for(&edited, factory, OTC_TRACES, "{sampling_percentage: 50, mode: equalizing}");
    assert_string_equal(otc_edited_json(&edited, OTC_TRACES,
                                        "{\"resourceSpans\":[{},{\"scopeSpans\":[{\"spans\":[{\"traceId\":"
                                        "\"" ID("f0000000000000") "\"}]},{},{\"spans\":[{\"traceId\":\"" ID(
                                            "00000000000000") "\"}]}]},"
                                                              "{\"scopeSpans\":[{\"spans\":[{\"traceId\":"
                                                              "\"" ID("10000000000000") "\"}]}]}]}",
                                        NULL),
                        "resource{} scope{} item{}");
    assert_int_equal(otc_sink_items(edited.sink), 1);
    otc_edited_end(&edited);
}

/* ---- Log records -------------------------------------------------------------------------------- */

static void
expect_logs(const char *yaml, const char *const (*cases)[3], size_t n)
{
    struct otc_edited edited;

    otc_edited_begin_for(&edited, factory, OTC_LOGS, yaml);
    for (size_t i = 0; i < n; i++) {
        OTC_AUTO_BUF struct otc_buf json = {.limit = 8192}, expected = {.limit = 8192};
        const char *got;

        otc_buf_printf(&json, "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"traceId\":\"%s\",",
                       cases[i][0]);
        otc_edited_attributes(&json, cases[i][1]);
        otc_buf_append_str(&json, "}]}]}]}");
        got = otc_edited_json(&edited, OTC_LOGS, otc_buf_cstr(&json), NULL);
        otc_buf_printf(&expected, "resource{} scope{} item{%s}", cases[i][2] ? cases[i][2] : "");
        if ((got == NULL) != (cases[i][2] == NULL) || (got && strcmp(got, otc_buf_cstr(&expected)) != 0)) {
            fail_msg("%s: %s %s gives %s", yaml, cases[i][0], cases[i][1], got ? got : "nothing");
        }
    }
    otc_edited_end(&edited);
}
#define EXPECT_LOGS(yaml, ...)                                                                               \
    do {                                                                                                     \
        static const char *const cases_[][3] = {__VA_ARGS__};                                                \
        expect_logs(yaml, cases_, sizeof(cases_) / sizeof(cases_[0]));                                       \
    } while (0)

static void
records_carry_it_in_attributes(void **state)
{
    (void)state;
    EXPECT_LOGS("{sampling_percentage: 50, mode: proportional}",
                {ID("80000000000000"), "a=1", "a=1 sampling.threshold='8'"},
                {ID("70000000000000"), "a=1", NULL},
                {ID("e0000000000000"), "sampling.threshold='8' a=1", "sampling.threshold='c' a=1"},
                {"", "sampling.randomness='9b8233f7e3a151'",
                 "sampling.randomness='9b8233f7e3a151' sampling.threshold='8'"},
                {ID("ffffffffffffff"), "sampling.randomness='9'", NULL},
                {ID("ffffffffffffff"), "sampling.threshold='x'", NULL}, {"", "", NULL});
    EXPECT_LOGS("{sampling_percentage: 50, mode: equalizing, fail_closed: false}",
                {"", "", "sampling.threshold='0'"},
                {ID("ffffffffffffff"), "sampling.threshold='x'", "sampling.threshold='x'"});
}

static void
records_are_hashed_by_an_attribute(void **state)
{
    (void)state;
    EXPECT_LOGS("{sampling_percentage: 100, attribute_source: record, from_attribute: id}",
                {HASH_ID, "id='x'", "id='x' sampling.randomness='" X_RANDOMNESS "' sampling.threshold='0'"},
                {HASH_ID, "id=''", NULL}, {HASH_ID, "", NULL});
    EXPECT_LOGS(
        "{sampling_percentage: 100, from_attribute: id}",
        {HASH_ID, "id='x'", "id='x' sampling.randomness='" HASH_RANDOMNESS "' sampling.threshold='0'"},
        {"", "id='x'", "id='x' sampling.randomness='" X_RANDOMNESS "' sampling.threshold='0'"},
        {"", "id='x' sampling.threshold='0'", NULL});
}

static void
a_records_priority_is_a_percentage(void **state)
{
    struct otc_edited edited;

    (void)state;
    EXPECT_LOGS("{sampling_percentage: 50, mode: equalizing, sampling_priority: p}",
                {ID("40000000000000"), "p=75", "p=75 sampling.threshold='4'"},
                {ID("40000000000000"), "p=0", NULL}, {ID("40000000000000"), "p=101", NULL},
                {ID("e0000000000000"), "p=5.0", NULL},
                {ID("e0000000000000"), "p='100'", "p='100' sampling.threshold='8'"},
                {ID("00000000000000"), "p=100", "p=100 sampling.threshold='0'"});
    otc_edited_begin_for(&edited, factory, OTC_LOGS,
                         "{sampling_percentage: 100, attribute_source: record, from_attribute: p, "
                         "sampling_priority: p}");
    assert_non_null(otc_edited_item(&edited, OTC_LOGS, "p='x'"));
    assert_non_null(otc_edited_item(&edited, OTC_LOGS, "p=100"));
    assert_null(otc_edited_item(&edited, OTC_LOGS, ""));
    assert_int_equal(otc_vhost_metric(edited.rig.vhost, logs_metric, "policy=p,sampled=true"), 1);
    assert_int_equal(otc_vhost_metric(edited.rig.vhost, logs_metric, "policy=sampling_priority,sampled=true"),
                     1);
    assert_int_equal(
        otc_vhost_metric(edited.rig.vhost, logs_metric, "policy=missing_randomness,sampled=false"), 1);
    otc_edited_end(&edited);
}

/* ---- Settings ----------------------------------------------------------------------------------- */

static void
wrong_settings_are_refused(void **state)
{
    /* The Collector's testdata and texts. */
    static const char *const cases[][2] = {
        {"{sampling_percentage: -15.3}", "sampling rate is negative: -15.300000%"},
        {"{sampling_percentage: .000000000000001}", "sampling rate is too small: 1e-15%"},
        {"{sampling_percentage: 15.3, sampling_precision: 0}", "invalid sampling precision: 0"},
        {"{sampling_percentage: 50, sampling_precision: 15}",
         "sampling precision is too great, should be <= 14: 15"},
        {"{sampling_percentage: +.Inf}", "sampling"},
        {"{sampling_percentage: 1, mode: fair}", "mode"},
        {"{sampling_percentage: 1, attribute_source: body}", "attribute_source"},
        {"{sampling_percentage: 1, hash_seed: -1}", "hash_seed"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct otc_error err = OTC_ERROR_INIT;

        if (!otc_test_refuses(factory, cases[i][0], cases[i][1], &err)) {
            fail_msg("%s: %s", cases[i][0], err.text);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(proportional_multiplies_probabilities),
        cmocka_unit_test(equalizing_lowers_probabilities),
        cmocka_unit_test(hash_seed_samples_by_the_old_hash),
        cmocka_unit_test(what_cannot_be_judged_is_dropped_or_kept),
        cmocka_unit_test(a_spans_priority_comes_first),
        cmocka_unit_test(groups_without_items_go_too),
        cmocka_unit_test(records_carry_it_in_attributes),
        cmocka_unit_test(records_are_hashed_by_an_attribute),
        cmocka_unit_test(a_records_priority_is_a_percentage),
        cmocka_unit_test(wrong_settings_are_refused),
    };

    return cmocka_run_group_tests_name("processors/probabilistic_sampler", tests, NULL, NULL);
}
