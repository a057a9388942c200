// SPDX-License-Identifier: Apache-2.0
/*
 * What a real Collector would need hours or a full memory for; tests/interop/span_metrics.py compares
 * everything else with it. Named after the tests of the Collector's connector_test.go where they are theirs.
 */
#include "common/base/clock.h"
#include "common/otlp/json.h"
#include "common/otlp/value_text.h"
#include "common/otlp/walk.h"
#include "tests/harness/rig.h"
#include "tests/harness/sink.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

extern const struct otc_factory otc_span_metrics_processor_factory;

struct fixture {
    struct otc_rig rig;
    struct otc_sink *sink;
};

static void
begin(struct fixture *f, const char *yaml)
{
    struct otc_error err = OTC_ERROR_INIT;

    *f = (struct fixture){.sink = otc_sink_new()};
    if (otc_rig_create(&f->rig, &otc_span_metrics_processor_factory, yaml, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(
        f->rig.component->ops->connect(f->rig.component, OTC_METRICS, otc_sink_consumer(f->sink), &err),
        OTC_OK);
    assert_int_equal(f->rig.component->ops->start(f->rig.component, &err), OTC_OK);
}

static void
end(struct fixture *f)
{
    assert_int_equal(f->rig.component->ops->shutdown(f->rig.component, INT64_MAX, NULL), OTC_OK);
    otc_rig_free(&f->rig);
    otc_sink_free(f->sink);
}

/* Spans {name, milliseconds, trace state}, ended by a NULL name, of a service in one request. */
struct span {
    const char *name;
    int ms;
    const char *trace_state;
};

static void
send(struct fixture *f, const char *service, const struct span *spans)
{
    struct otc_consumer *consumer = f->rig.component->ops->input(f->rig.component, OTC_TRACES);
    struct otc_buf json = {.limit = 1 << 20}, bytes = {.limit = 1 << 20};
    struct otc_error err = OTC_ERROR_INIT;
    size_t n = 0;

    (void)otc_buf_printf(
        &json,
        "{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":"
        "{\"stringValue\":\"%s\"}}]},\"scopeSpans\":[{\"spans\":[",
        service);
    for (; spans[n].name; n++) {
        (void)otc_buf_printf(
            &json,
            "%s{\"traceId\":\"0102030405060708090a0b0c0d0e0f%02x\",\"spanId\":\"01020304050607%02x\","
            "\"name\":\"%s\",\"startTimeUnixNano\":\"1000000000\",\"endTimeUnixNano\":\"%lld\","
            "\"traceState\":\"%s\"}",
            n ? "," : "", (unsigned)n, (unsigned)n + 1, spans[n].name, 1000000000LL + spans[n].ms * 1000000LL,
            spans[n].trace_state ? spans[n].trace_state : "");
    }
    (void)otc_buf_append_str(&json, "]}]}]}");
    if (otc_json_to_protobuf(OTC_TRACES, otc_buf_slice(&json), 64, &bytes, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(
        otc_consume(consumer, otc_batch_copy_of(OTC_TRACES, otc_buf_slice(&bytes), n, NULL), NULL, &err),
        OTC_OK);
    otc_buf_release(&json);
    otc_buf_release(&bytes);
}

#define SEND(f, service, ...) send(f, service, (const struct span[]){__VA_ARGS__, {0}})

/* ---- What came out -------------------------------------------------------------------------------- */

/* A point of the last batch: metric, resource's service, and the value of `span.name` ("overflow" where it
 * has otel.metric.overflow). */
struct found {
    const char *metric, *service, *name;
    size_t points;
    int64_t value; /* of sums; count of histograms */
    double sum;
    uint64_t start, time;
    size_t exemplars;
    enum otc_temporality temporality;
};

static struct otc_slice
text_of(enum otc_attributes_of of, struct otc_slice message, const char *wanted)
{
    struct otc_slice key;
    struct otc_value value;

    while (otc_attributes_next(of, &message, &key, &value)) {
        if (otc_slice_equal_str(key, wanted)) {
            return value.type == OTC_VALUE_BOOL ? otc_slice_str("overflow") : value.as.slice;
        }
    }
    return OTC_SLICE_NONE;
}

static bool
look(void *arg, const struct otc_point *point)
{
    struct found *found = arg;
    enum otc_attributes_of of = otc_point_attributes(point->type);
    struct otc_slice name = text_of(of, point->encoded, "span.name"), rest = point->encoded, exemplar;
    uint32_t field = point->type == OTC_METRIC_SUM ? 5 : point->type == OTC_METRIC_HISTOGRAM ? 8 : 11;

    if (name.len == 0) {
        name = text_of(of, point->encoded, "otel.metric.overflow");
    }
    if (otc_slice_equal_str(point->name, found->metric) && otc_slice_equal_str(name, found->name) &&
        otc_slice_equal_str(text_of(OTC_ATTRIBUTES_RESOURCE, point->record.resource, "service.name"),
                            found->service)) {
        found->points++;
        found->value = point->type == OTC_METRIC_SUM ? point->value.as.integer : (int64_t)point->count;
        found->sum = point->sum;
        found->start = point->start_unix_nano;
        found->time = point->time_unix_nano;
        found->temporality = point->temporality;
        for (found->exemplars = 0; otc_messages_next(&rest, field, &exemplar); found->exemplars++) {
        }
    }
    return true;
}

/* In the batches since the last call of clear(). */
static struct found
find(const struct fixture *f, const char *metric, const char *service, const char *name)
{
    struct found found = {.metric = metric, .service = service, .name = name};

    for (size_t i = 0; i < otc_sink_batches(f->sink); i++) {
        assert_int_equal(
            otc_walk_points(NULL, otc_batch_part(otc_sink_batch(f->sink, i), 0), look, &found, NULL), OTC_OK);
    }
    return found;
}

static void
flush(struct fixture *f)
{
    otc_sink_clear(f->sink);
    otc_vhost_advance(f->rig.vhost, 60 * OTC_SECOND);
}

#define CALLS "traces.span.metrics.calls"
#define DURATION "traces.span.metrics.duration"

/* ---- Tests ---------------------------------------------------------------------------------------- */

/* The worked example of the reference: 1, 2 and 2 ms and a span that ends before it starts. */
static void
test_counts(void **state)
{
    struct fixture f;
    struct found found;

    (void)state;
    begin(&f, "");
    SEND(&f, "a", {"x", 1, NULL}, {"x", 2, NULL}, {"x", 2, NULL}, {"x", -7, NULL});
    flush(&f);
    assert_int_equal(find(&f, CALLS, "a", "x").value, 0); /* a new count begins at 0 */
    found = find(&f, DURATION, "a", "x");
    assert_int_equal(found.value, 4);
    assert_true(found.sum == 5);
    assert_int_equal(found.start, OTC_VHOST_EPOCH_NS);
    flush(&f);
    found = find(&f, CALLS, "a", "x");
    assert_int_equal(found.points, 1);
    assert_int_equal(found.value, 4);
    assert_int_equal(found.temporality, OTC_TEMPORALITY_CUMULATIVE);
    assert_int_equal(found.time - found.start, 120 * OTC_SECOND);
    end(&f);
}

/* TestExemplarsAreDiscardedAfterFlushing, and the limit of a point. */
static void
test_exemplars(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f, "{exemplars: {enabled: true, max_per_data_point: 2}}");
    SEND(&f, "a", {"x", 1, NULL}, {"x", 2, NULL}, {"x", 3, NULL});
    flush(&f);
    assert_int_equal(find(&f, CALLS, "a", "x").exemplars, 2);
    assert_int_equal(find(&f, DURATION, "a", "x").exemplars, 2);
    flush(&f);
    assert_int_equal(find(&f, DURATION, "a", "x").exemplars, 0);
    end(&f);
}

/* TestConnectorConsumeTracesExpiredMetrics and TestSeriesExpiration: series by series, resource by resource.
 */
static void
test_expiry(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f, "{series_expiration: 3m}");
    SEND(&f, "a", {"old", 1, NULL}, {"new", 1, NULL});
    SEND(&f, "b", {"old", 1, NULL});
    for (int minute = 0; minute < 4; minute++) {
        flush(&f); /* the fourth tells what then expires for the last time */
        assert_int_equal(find(&f, CALLS, "a", "new").points, 1);
        assert_int_equal(find(&f, CALLS, "a", "old").points, minute < 3 ? 1 : 0);
        assert_int_equal(find(&f, CALLS, "b", "old").points, minute < 3 ? 1 : 0);
        SEND(&f, "a", {"new", 1, NULL});
    }
    SEND(&f, "a", {"old", 1, NULL}); /* begins anew, at 0 and now */
    flush(&f);
    assert_int_equal(find(&f, CALLS, "a", "old").value, 0);
    assert_int_equal(find(&f, CALLS, "a", "old").time - find(&f, CALLS, "a", "old").start, 60 * OTC_SECOND);
    end(&f);

    begin(&f, "{series_expiration: 0s, metrics_expiration: 2m}");
    SEND(&f, "a", {"x", 1, NULL});
    flush(&f);
    flush(&f);
    assert_int_equal(find(&f, CALLS, "a", "x").points, 1);
    flush(&f);
    assert_int_equal(otc_sink_batches(f.sink), 0);
    end(&f);

    begin(&f, ""); /* on by default */
    SEND(&f, "a", {"x", 1, NULL});
    for (int minute = 0; minute < 61; minute++) {
        flush(&f);
    }
    assert_int_equal(otc_sink_batches(f.sink), 0);
    end(&f);
}

/* TestTimestampsForUninterruptedStream and TestDeltaTimestampCacheExpiry: (T1, T2), (T2, T3), and from the
 * first span again once the series was forgotten. */
static void
test_delta_times(void **state)
{
    struct fixture f;
    struct found first, second;

    (void)state;
    begin(&f, "{aggregation_temporality: AGGREGATION_TEMPORALITY_DELTA, metric_timestamp_cache_size: 2}");
    otc_vhost_advance(f.rig.vhost, OTC_SECOND);
    SEND(&f, "a", {"x", 1, NULL});
    SEND(&f, "b", {"x", 1, NULL});
    flush(&f);
    first = find(&f, CALLS, "a", "x");
    assert_int_equal(first.value, 1);
    assert_int_equal(first.temporality, OTC_TEMPORALITY_DELTA);
    assert_int_equal(first.start, OTC_VHOST_EPOCH_NS + OTC_SECOND);
    flush(&f);
    assert_int_equal(otc_sink_batches(f.sink), 0); /* nothing happened */
    SEND(&f, "a", {"x", 1, NULL}, {"x", 1, NULL});
    SEND(&f, "b", {"x", 1, NULL});
    flush(&f);
    second = find(&f, CALLS, "a", "x");
    assert_int_equal(second.value, 2);
    assert_int_equal(second.start, first.time);
    assert_int_equal(find(&f, DURATION, "a", "x").start, first.time);
    assert_int_equal(find(&f, CALLS, "b", "x").start, first.time); /* each resource has its own */
    SEND(&f, "c", {"y", 1, NULL}, {"z", 1, NULL});
    flush(&f); /* pushes the others out */
    SEND(&f, "a", {"x", 1, NULL});
    flush(&f);
    assert_int_equal(find(&f, CALLS, "a", "x").time - find(&f, CALLS, "a", "x").start, 59 * OTC_SECOND);
    SEND(&f, "a", {"x", 1, NULL});
    otc_sink_clear(f.sink);
    end(&f);
}

/* Among the ends that are kept the most recently used stay, and an interval does not begin after its end. */
static void
test_delta_ends(void **state)
{
    struct fixture f;
    struct found first, second;

    (void)state;
    begin(&f, "{aggregation_temporality: AGGREGATION_TEMPORALITY_DELTA, metric_timestamp_cache_size: 2,"
              " histogram: {disable: true}}");
    SEND(&f, "s", {"x", 1, NULL});
    flush(&f);
    first = find(&f, CALLS, "s", "x");
    SEND(&f, "s", {"y", 1, NULL});
    flush(&f);
    SEND(&f, "s", {"x", 1, NULL}); /* x is the newer one now */
    flush(&f);
    assert_int_equal(find(&f, CALLS, "s", "x").start, first.time);
    second = find(&f, CALLS, "s", "x");
    SEND(&f, "s", {"z", 1, NULL}); /* pushes y out */
    flush(&f);
    SEND(&f, "s", {"x", 1, NULL});
    flush(&f);
    assert_int_equal(find(&f, CALLS, "s", "x").start, second.time);
    otc_vhost_set_now(f.rig.vhost, OTC_VHOST_EPOCH_NS - OTC_HOUR);
    SEND(&f, "s", {"x", 1, NULL});
    flush(&f);
    second = find(&f, CALLS, "s", "x");
    assert_true(second.time < (uint64_t)OTC_VHOST_EPOCH_NS && second.start == second.time);
    end(&f);
}

/* Of keys that were told nothing as long as they are stays. The sanitizers' heaps tell nothing of their use.
 */
static void
test_delta_memory(void **state)
{
    struct fixture f;
    size_t before = 0;

    (void)state;
    begin(&f, "{aggregation_temporality: AGGREGATION_TEMPORALITY_DELTA, limits: {memory: 1MiB}}");
    for (int i = 0; i < 40; i++) {
        static char name[500001];

        memset(name, 'a', sizeof(name) - 1);
        snprintf(name, 8, "%07d", i);
        name[7] = 'a';
        SEND(&f, "s", {name, 1, NULL});
        flush(&f);
        assert_int_equal(find(&f, CALLS, "s", name).value, 1);
        otc_sink_clear(f.sink);
        before = i == 10 ? mallinfo2().uordblks : before;
    }
    assert_true(mallinfo2().uordblks <= before + (1 << 20));
    end(&f);
}

/* What the last flush has not told comes at shutdown. */
static void
test_shutdown(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f, "");
    SEND(&f, "a", {"x", 1, NULL}, {"x", 1, NULL});
    assert_int_equal(f.rig.component->ops->shutdown(f.rig.component, INT64_MAX, NULL), OTC_OK);
    assert_int_equal(find(&f, CALLS, "a", "x").value, 2);
    end(&f);
}

/* TestConnector_aggregationCardinalityLimit: per resource; the overflow series has no exemplars. */
static void
test_overflow(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f, "{aggregation_cardinality_limit: 2, exemplars: {enabled: true}, series_expiration: 5m}");
    SEND(&f, "a", {"x", 1, NULL}, {"y", 1, NULL}, {"z", 1, NULL}, {"x", 1, NULL}, {"w", 1, NULL});
    SEND(&f, "b", {"z", 1, NULL});
    flush(&f);
    assert_int_equal(find(&f, DURATION, "a", "x").value, 2);
    assert_int_equal(find(&f, DURATION, "a", "overflow").value, 2);
    assert_int_equal(find(&f, DURATION, "a", "overflow").exemplars, 0);
    assert_int_equal(find(&f, DURATION, "a", "z").points, 0);
    assert_int_equal(find(&f, DURATION, "b", "z").value, 1);
    for (int minute = 0; minute < 5; minute++) {
        SEND(&f, "a", {"y", 1, NULL});
        flush(&f);
    }
    SEND(&f, "a", {"z", 1, NULL}); /* room again */
    flush(&f);
    assert_int_equal(find(&f, DURATION, "a", "z").value, 1);
    assert_int_equal(find(&f, DURATION, "a", "overflow").points, 0);
    end(&f);
}

/* A flood of names within the memory limit: every span is counted, and no more memory is used. */
static void
test_memory(void **state)
{
    struct fixture f;
    char name[32];

    (void)state;
    begin(&f, "{limits: {memory: 64KiB}, aggregation_cardinality_limit: 0}");
    for (int i = 0; i < 5000; i++) {
        (void)snprintf(name, sizeof(name), "name-%d", i);
        SEND(&f, "a", {name, 1, NULL});
    }
    flush(&f);
    flush(&f);
    assert_int_equal(find(&f, CALLS, "a", "name-0").value, 1);
    assert_int_equal(find(&f, CALLS, "a", "name-4999").points, 0);
    assert_in_range(find(&f, CALLS, "a", "overflow").value, 4500, 4800);
    assert_in_range(otc_sink_items(f.sink), 400, 1000);
    end(&f);
}

/* The least recently seen resource is told once more and then begins anew. */
static void
test_resources(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f, "{resource_metrics_cache_size: 2}");
    SEND(&f, "a", {"x", 1, NULL});
    SEND(&f, "b", {"x", 1, NULL});
    SEND(&f, "a", {"x", 1, NULL});
    SEND(&f, "c", {"x", 1, NULL});
    flush(&f);
    assert_int_equal(find(&f, DURATION, "a", "x").value, 2);
    assert_int_equal(find(&f, DURATION, "b", "x").value, 1);
    flush(&f);
    assert_int_equal(find(&f, DURATION, "b", "x").points, 0);
    assert_int_equal(find(&f, DURATION, "c", "x").points, 1);
    SEND(&f, "d", {"x", 1, NULL}); /* evicts a … */
    SEND(&f, "a", {"x", 1, NULL}); /* … which comes back before the flush */
    flush(&f);
    assert_int_equal(find(&f, DURATION, "a", "x").value, 3);
    end(&f);
}

/* A probability of 3/10: 1000 spans stand for 3333.3. */
static void
test_weights(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f, "{histogram: {unit: s}}");
    for (int i = 0; i < 1000; i++) {
        SEND(&f, "a", {"third", 1000, "ot=th:b33333"}, {"half", 1000, "ot=th:8"}, {"all", 1000, "ot=th:0"});
    }
    flush(&f);
    flush(&f);
    assert_int_equal(find(&f, CALLS, "a", "third").value, 3333);
    assert_int_equal(find(&f, DURATION, "a", "third").value, 3333);
    assert_true(find(&f, DURATION, "a", "third").sum == 3333);
    assert_int_equal(find(&f, CALLS, "a", "half").value, 2000);
    assert_int_equal(find(&f, CALLS, "a", "all").value, 1000);
    end(&f);
}

/* One span stands for 2^31 at most: 300 of 2^56 would wrap a counter. */
static void
test_largest_weight(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f, "{histogram: {unit: s, exponential: {max_size: 160}}}");
    for (int i = 0; i < 300; i++) {
        SEND(&f, "a", {"rare", 1000, "ot=th:ffffffffffffff"}, {"edge", 1000, "ot=th:fffffffe"},
             {"below", 1000, "ot=th:fffffffd"});
    }
    flush(&f);
    flush(&f);
    assert_int_equal(find(&f, CALLS, "a", "rare").value, 300 * (INT64_C(1) << 31));
    assert_int_equal(find(&f, DURATION, "a", "rare").value, 300 * (INT64_C(1) << 31));
    assert_true(find(&f, DURATION, "a", "rare").sum == 300 * 0x1p31);
    assert_int_equal(find(&f, CALLS, "a", "edge").value, 300 * (INT64_C(1) << 31));
    assert_int_equal(find(&f, CALLS, "a", "below").value, 429496729600); /* 300 2^32 / 3 */
    end(&f);
}

/* config_test.go: what is refused, in its words. */
static void
test_refusals(void **state)
{
    static const struct {
        const char *yaml, *text;
    } cases[] = {
        {"{dimensions: [{name: service.name}]}",
         "failed validating dimensions: duplicate dimension name \"service.name\""},
        {"{dimensions: [{name: a}, {name: a}]}", "duplicate dimension name \"a\""},
        {"{dimensions: [{name: http.method, glob: 'http.*'}]}",
         "dimension entry must set only one of `name` or `glob`, got both: name=\"http.method\" "
         "glob=\"http.*\""},
        {"{dimensions: [{default: x}]}", "dimension entry must set one of `name` or `glob`"},
        {"{dimensions: [{glob: 'db.*', default: x}]}",
         "`default` is not supported on `glob` dimension \"db.*\""},
        {"{dimensions: [{glob: 'db.['}]}", "invalid dimension glob \"db.[\": unexpected end of input"},
        {"{dimensions: [{glob: 'service.*'}]}",
         "duplicate dimension name \"service.name\" conflicting with glob \"service.*\""},
        {"{dimensions: [{name: http.method}, {glob: 'http.*'}]}",
         "duplicate dimension name \"http.method\" conflicting with glob \"http.*\""},
        {"{calls_dimensions: [{name: span.kind}]}", "failed validating calls dimensions"},
        {"{histogram: {dimensions: [{name: span.kind}]}}", "failed validating histogram dimensions"},
        {"{events: {enabled: true}}",
         "failed validating event dimensions: no dimensions configured for events"},
        {"{events: {enabled: true, dimensions: [{name: e}, {name: e}]}}", "duplicate dimension name \"e\""},
        {"{histogram: {explicit: {buckets: [1ms]}, exponential: {max_size: 10}}}",
         "use either `explicit` or `exponential` buckets histogram"},
        {"{histogram: {unit: h}}", "'histogram.unit'"},
        {"{histogram: {explicit: {buckets: [2ms, 1ms]}}}", "must be ascending, got 1ms after 2ms"},
        {"{histogram: {explicit: {buckets: [2x]}}}", "unknown unit"},
        {"{metrics_expiration: -20s}", "metrics_expiration"},
        {"{series_expiration: -1s}", "series_expiration"},
        {"{metrics_flush_interval: -1s}", "metrics_flush_interval"},
        {"{aggregation_temporality: AGGREGATION_TEMPORALITY_DELTA, metric_timestamp_cache_size: 0}",
         "invalid delta timestamp cache size: 0, the maximum number of the items in the cache should be "
         "positive"},
        {"{aggregation_cardinality_limit: -1}", "aggregation_cardinality_limit"},
        {"{exemplars: {enabled: true, max_per_data_point: -1}}", "max_per_data_point"},
        {"{aggregation_temporality: delta}", "aggregation_temporality"},
        {"{dimension: [{name: a}]}", "has invalid keys: dimension"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct otc_error err = OTC_ERROR_INIT;

        if (!otc_test_refuses(&otc_span_metrics_processor_factory, cases[i].yaml, cases[i].text, &err)) {
            fail_msg("%s: %s", cases[i].yaml, err.text);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts),     cmocka_unit_test(test_exemplars),
        cmocka_unit_test(test_expiry),     cmocka_unit_test(test_delta_times),
        cmocka_unit_test(test_delta_ends), cmocka_unit_test(test_delta_memory),

        cmocka_unit_test(test_shutdown),   cmocka_unit_test(test_overflow),
        cmocka_unit_test(test_memory),     cmocka_unit_test(test_resources),
        cmocka_unit_test(test_weights),    cmocka_unit_test(test_largest_weight),
        cmocka_unit_test(test_refusals)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
