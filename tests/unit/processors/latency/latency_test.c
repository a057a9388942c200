// SPDX-License-Identifier: Apache-2.0
#include "common/otlp/walk.h"
#include "common/otlp/wire.h"
#include "common/stats/bins.h"
#include "processors/latency/latency_config.h"
#include "tests/harness/config.h"
#include "tests/harness/data/testdata.h"
#include "tests/harness/sink.h"
#include "tests/harness/vhost.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

extern const struct otc_factory otc_latency_processor_factory;

/* ---- A running connector -------------------------------------------------------------------------- */

struct fixture {
    struct otc_vhost *vhost;
    struct otc_config *config;
    struct latency_config own; /* the configuration, free to be changed before begin() */
    struct otc_component *latency;
    struct otc_sink *sink;
    struct otc_buf spans; /* encoded ScopeSpans */
    size_t n_spans;
};

static void
prepare(struct fixture *fixture)
{
    struct otc_error err = OTC_ERROR_INIT;

    *fixture = (struct fixture){.vhost = otc_vhost_new(), .sink = otc_sink_new()};
    otc_buf_init(&fixture->spans, 1 << 24);
    if (otc_test_decode(&latency_schema, "", &fixture->config, &err) != OTC_OK)
        fail_msg("%s", err.text);
    fixture->own = *(const struct latency_config *)otc_config_value(fixture->config);
}

static void
begin(struct fixture *fixture)
{
    static const struct otc_pair pair = {OTC_TRACES, OTC_METRICS, OTC_STABILITY_BETA};
    struct otc_error err = OTC_ERROR_INIT;
    const struct otc_settings settings = {.abi = OTC_ABI_OF(otc_settings),
                                          .id = "latency",
                                          .host = otc_vhost_host(fixture->vhost),
                                          .config = &fixture->own,
                                          .pairs = &pair,
                                          .n_pairs = 1};

    assert_int_equal(latency_validate(&fixture->own, &err), OTC_OK);
    assert_int_equal(otc_latency_processor_factory.create(&settings, &fixture->latency, &err), OTC_OK);
    assert_null(fixture->latency->ops->input(fixture->latency, OTC_LOGS));
    assert_int_not_equal(fixture->latency->ops->start(fixture->latency, &err), OTC_OK); /* not connected */
    assert_int_not_equal(
        fixture->latency->ops->connect(fixture->latency, OTC_TRACES, otc_sink_consumer(fixture->sink), &err),
        OTC_OK);
    assert_int_equal(
        fixture->latency->ops->connect(fixture->latency, OTC_METRICS, otc_sink_consumer(fixture->sink), &err),
        OTC_OK);
    assert_int_equal(fixture->latency->ops->start(fixture->latency, &err), OTC_OK);
}

static void
end(struct fixture *fixture)
{
    assert_int_equal(fixture->latency->ops->shutdown(fixture->latency, INT64_MAX, NULL), OTC_OK);
    assert_int_equal(fixture->latency->ops->shutdown(fixture->latency, INT64_MAX, NULL), OTC_OK);
    fixture->latency->ops->free(fixture->latency);
    otc_sink_free(fixture->sink);
    otc_config_free(fixture->config);
    otc_buf_release(&fixture->spans);
    otc_vhost_free(fixture->vhost);
}

static int64_t
now(const struct fixture *fixture)
{
    struct otc_host *host = otc_vhost_host(fixture->vhost);

    return host->now_ns(host);
}

/* ---- Spans ---------------------------------------------------------------------------------------- */

struct span {
    const char *model; /* NULL: the attribute is left out, as below */
    const char *version;
    const char *operation;
    const char *error_type;
    const char *name;
    const char *service; /* attribute service.name; here of the span */
    uint64_t start, end;
    uint64_t status;
};

static void
put_text(struct otc_buf *out, const char *key, const char *value)
{
    if (!value)
        return;

    size_t attribute = otc_wire_begin(out, 9);

    otc_wire_put_bytes(out, 1, otc_slice_str(key));

    size_t any = otc_wire_begin(out, 2);

    otc_wire_put_bytes(out, 1, otc_slice_str(value));
    otc_wire_end(out, any);
    otc_wire_end(out, attribute);
}

static void
add(struct fixture *fixture, struct span span)
{
    struct otc_buf *out = &fixture->spans;
    size_t mark = otc_wire_begin(out, 2);

    otc_wire_put_bytes(out, 5, otc_slice_str(span.name ? span.name : "span"));
    otc_wire_put_fixed64(out, 7, span.start);
    otc_wire_put_fixed64(out, 8, span.end);
    put_text(out, "gen_ai.request.model", span.model);
    put_text(out, "service.name", span.service);
    put_text(out, "ml.model.version", span.version);
    put_text(out, "gen_ai.operation.name", span.operation);
    put_text(out, "error.type", span.error_type);

    size_t status = otc_wire_begin(out, 15);

    otc_wire_put_number(out, 3, span.status);
    otc_wire_end(out, status);
    otc_wire_end(out, mark);
    fixture->n_spans++;
}

static void
send_bytes(struct fixture *fixture, struct otc_slice bytes, size_t n)
{
    struct otc_batch *batch = otc_batch_copy_of(OTC_TRACES, bytes, n, NULL);
    struct otc_consumer *input = fixture->latency->ops->input(fixture->latency, OTC_TRACES);
    struct otc_error err = OTC_ERROR_INIT;

    assert_true(input->observes_accepted);
    assert_int_equal(otc_consume(input, batch, NULL, &err), OTC_OK);
}

static void
send(struct fixture *fixture)
{
    struct otc_buf request;

    otc_buf_init(&request, 1 << 24);

    size_t resource = otc_wire_begin(&request, 1), scope = otc_wire_begin(&request, 2);

    otc_buf_append_slice(&request, otc_buf_slice(&fixture->spans));
    otc_wire_end(&request, scope);
    otc_wire_end(&request, resource);
    assert_false(request.failed || fixture->spans.failed);
    send_bytes(fixture, otc_buf_slice(&request), fixture->n_spans);
    otc_buf_release(&request);
    otc_buf_clear(&fixture->spans);
    fixture->n_spans = 0;
}

/* ---- Results -------------------------------------------------------------------------------------- */

/* What to look for: metric, model, operation, status, and quantile or reason. NULL: anything. */
#define POINT(...) ((const char *const[5]){__VA_ARGS__})

struct found {
    const char *const *texts;
    size_t matches;
    double value; /* of the last match */
    double total; /* of all of them */
    uint32_t flags;
    uint64_t count;
    double sum;
};

static bool
is(const struct otc_value *value, const char *text)
{
    return !text || (value->type == OTC_VALUE_STRING && otc_slice_equal_str(value->as.slice, text));
}

static bool
look(void *arg, const struct otc_point *point)
{
    struct found *found = arg;
    const char *const *texts = found->texts;
    const struct otc_value *values = point->record.values;

    if (!otc_slice_equal_str(point->name, texts[0]) || !is(&values[0], texts[1]) ||
        !is(&values[1], texts[2]) || !is(&values[2], texts[3]) ||
        (!is(&values[3], texts[4]) && !is(&values[4], texts[4])))
        return true;
    found->matches++;
    found->flags = point->flags;
    found->count = point->count;
    found->sum = point->sum;
    found->value = point->value.type == OTC_VALUE_INT      ? (double)point->value.as.integer
                   : point->value.type == OTC_VALUE_DOUBLE ? point->value.as.real
                                                           : NAN;
    found->total += found->value;
    return true;
}

/* Of the points that the sink keeps, the last one that fits. */
static struct found
find(const struct fixture *fixture, const char *const *texts)
{
    static const struct otc_wanted keys[] = {{"ml.model.name", OTC_AT_RECORD, false},
                                             {"ml.operation.name", OTC_AT_RECORD, false},
                                             {"status", OTC_AT_RECORD, false},
                                             {"quantile", OTC_AT_RECORD, false},
                                             {"reason", OTC_AT_RECORD, false}};
    struct otc_projection *projection;
    struct otc_error err = OTC_ERROR_INIT;
    struct found found = {.texts = texts};

    assert_int_equal(otc_projection_new(keys, 5, &projection, &err), OTC_OK);
    for (size_t i = 0; i < otc_sink_batches(fixture->sink); i++)
        assert_int_equal(otc_walk_points(projection, otc_batch_part(otc_sink_batch(fixture->sink, i), 0),
                                         look, &found, &err),
                         OTC_OK);
    otc_projection_free(projection);
    return found;
}

/* Runs the flushes of `ns` and keeps what came of them alone. */
static void
pass(struct fixture *fixture, int64_t ns)
{
    otc_sink_clear(fixture->sink);
    otc_vhost_advance(fixture->vhost, ns);
}

static double
excluded(const struct fixture *fixture, const char *reason)
{
    struct found found = find(fixture, POINT("ml.inference.observations.excluded", NULL, NULL, NULL, reason));

    return found.total;
}

/* ---- Tests ---------------------------------------------------------------------------------------- */

static void
test_requests_errors_and_quantiles(void **state)
{
    (void)state;
    struct fixture f;

    prepare(&f);
    begin(&f);

    uint64_t at = (uint64_t)now(&f);

    /* 1 ms to 1000 ms, every tenth an error: by status, or by error.type. */
    for (uint64_t i = 1; i <= 1000; i++)
        add(&f, (struct span){.model = "gpt",
                              .version = "2",
                              .operation = "chat",
                              .name = "chat gpt",
                              .start = at - i * 1000000,
                              .end = at,
                              .status = i % 20 == 0 ? 2 : 0,
                              .error_type = i % 20 == 10 ? "timeout" : NULL});
    add(&f, (struct span){.model = "gpt", .version = "2", .name = "embed it", .start = at - 5000, .end = at});
    send(&f);
    pass(&f, 15 * OTC_SECOND);
    assert_true(find(&f, POINT("ml.inference.requests", "gpt", "chat", "ok")).value == 900);
    assert_true(find(&f, POINT("ml.inference.requests", "gpt", "chat", "error")).value == 100);
    assert_true(find(&f, POINT("ml.inference.errors", "gpt", "chat")).value == 100);
    assert_true(find(&f, POINT("ml.inference.requests", "gpt", "embed it", "ok")).value == 1);
    assert_true(find(&f, POINT("ml.inference.errors", "gpt", "embed it")).value == 0);

    struct found histogram = find(&f, POINT("ml.inference.duration", "gpt", "chat", "ok"));

    assert_true(histogram.count == 900 && fabs(histogram.sum - (500.5 - 50.5)) < 1e-6);
    assert_int_equal(find(&f, POINT("ml.inference.duration.quantile")).matches, 0); /* still open */

    pass(&f, 2 * OTC_MINUTE);

    double error = find(&f, POINT("ml.inference.duration.quantile.error", "gpt", "chat", "ok")).value;
    static const struct {
        const char *q;
        double exact;
    } quantiles[] = {{"0.5", 0.499}, {"0.9", 0.899}, {"0.95", 0.949}, {"0.99", 0.989}, {"0.999", 0.999}};

    assert_true(error > 0 && error < 0.006);
    for (size_t i = 0; i < 5; i++) {
        struct found found =
            find(&f, POINT("ml.inference.duration.quantile", "gpt", "chat", "ok", quantiles[i].q));

        assert_true(found.matches > 0 && found.flags == 0);
        assert_true(fabs(found.value - quantiles[i].exact) <= error * quantiles[i].exact + 1e-12);
    }
    end(&f);
}

/* Six real load tests: quantiles of what took how long lie within the error that is told beside them. */
static void
check_run(struct fixture *f, const char *run)
{
    char name[128], model[32];
    size_t n;

    snprintf(name, sizeof(name), "series/vllm_burstgpt_loadtest/detail_log_%s.csv", run);
    snprintf(model, sizeof(model), "vllm-%s", run);

    struct testdata_table table = testdata_csv(name);
    double *seconds = testdata_column(&table, "total_chunk_time", 0, 0, &n);
    uint64_t at = (uint64_t)now(f);

    assert_true(n > 400);
    for (size_t i = 0; i < n; i++) {
        uint64_t ns = (uint64_t)llround(seconds[i] * 1e9);

        seconds[i] = (double)ns / 1e9;
        add(f, (struct span){.model = model, .operation = "chat", .start = at - ns, .end = at});
    }
    send(f);
    pass(f, 2 * OTC_MINUTE);
    testdata_sort(seconds, n);

    static const char *const names[] = {"0.5", "0.9", "0.95", "0.99", "0.999"};
    double error = find(f, POINT("ml.inference.duration.quantile.error", model, "chat", "ok")).value;

    assert_true(error > 0 && error <= 0.0109);
    for (size_t q = 0; q < 5; q++) {
        struct found found = find(f, POINT("ml.inference.duration.quantile", model, "chat", "ok", names[q]));
        double exact = otc_quantile_nearest(seconds, n, strtod(names[q], NULL));

        assert_true(found.matches > 0);
        if (!(fabs(found.value - exact) <= error * exact * (1 + 1e-12)))
            fail_msg("%s p%s: %.9g, exact %.9g, error %.4g", run, names[q], found.value, exact, error);
    }
    assert_true(find(f, POINT("ml.inference.duration", model, "chat", "ok")).count == n);
    free(seconds);
    testdata_table_free(&table);
}

static void
test_real_runs(void **state)
{
    (void)state;
    static const char *const runs[] = {"scale100", "scale300",  "scale500",
                                       "scale700", "scale1000", "scale2000"};
    struct fixture f;

    if (!testdata_here())
        skip();
    prepare(&f);
    begin(&f);
    for (size_t i = 0; i < 6; i++)
        check_run(&f, runs[i]);
    end(&f);
}

static void
test_times_that_do_not_count(void **state)
{
    (void)state;
    struct fixture f;

    prepare(&f);
    begin(&f);

    uint64_t at = (uint64_t)now(&f), day = (uint64_t)OTC_DAY, minute = (uint64_t)OTC_MINUTE;

    add(&f, (struct span){.model = "m", .start = at, .end = at - 1});                 /* negative */
    add(&f, (struct span){.model = "m", .start = 0, .end = at});                      /* no start */
    add(&f, (struct span){.model = "m", .start = at, .end = 0});                      /* no end */
    add(&f, (struct span){.model = "m", .start = at - 2 * day, .end = at - 2 * day}); /* too old */
    add(&f, (struct span){.model = "m", .start = at, .end = at + 6 * minute});        /* future */
    add(&f, (struct span){.model = "m", .start = UINT64_MAX, .end = UINT64_MAX});     /* far future */
    add(&f, (struct span){.model = "m", .start = at, .end = at});                     /* good, zero long */
    send(&f);
    pass(&f, 5 * OTC_MINUTE);
    add(&f, (struct span){.model = "m", .start = at, .end = at}); /* late: its pane has closed */
    send(&f);
    pass(&f, 15 * OTC_SECOND);
    assert_true(excluded(&f, "negative_duration") == 1);
    assert_true(excluded(&f, "no_duration") == 2);
    assert_true(excluded(&f, "too_old") == 1);
    assert_true(excluded(&f, "future") == 2);
    assert_true(excluded(&f, "late") == 1);
    assert_true(find(&f, POINT("ml.inference.requests", "m", "span", "ok")).value == 8);
    assert_true(find(&f, POINT("ml.inference.duration", "m", "span", "ok")).count == 5);
    end(&f);
}

static void
test_limits(void **state)
{
    (void)state;
    struct fixture f;
    char text[32];

    prepare(&f);
    f.own.limits.operations = 2;
    f.own.limits.models = 2;
    begin(&f);

    uint64_t at = (uint64_t)now(&f);

    for (int i = 0; i < 5; i++) {
        snprintf(text, sizeof(text), "operation %d", i);
        add(&f, (struct span){.model = "m", .name = text, .start = at - 1000, .end = at});
    }
    for (int i = 0; i < 4; i++) {
        snprintf(text, sizeof(text), "model %d", i);
        add(&f, (struct span){.model = text, .start = at - 1000, .end = at});
    }
    send(&f);
    pass(&f, 15 * OTC_SECOND);
    assert_true(excluded(&f, "operations") == 3);
    assert_true(excluded(&f, "models") == 3);
    assert_true(find(&f, POINT("ml.inference.requests", "m", "other", "ok")).value == 3);
    assert_true(find(&f, POINT("ml.inference.requests", "m", "operation 1", "ok")).value == 1);
    assert_int_equal(find(&f, POINT("ml.inference.requests", "m", "operation 2")).matches, 0);
    end(&f);
}

/* By default a service's other spans are those of a model of its name; with attributes that only models have
 * they are left out and told. */
static void
test_spans_of_no_model(void **state)
{
    static char name[] = "ml.model.name", request[] = "gen_ai.request.model";
    static char *names[] = {name, request};

    (void)state;
    for (int restricted = 0; restricted < 2; restricted++) {
        struct fixture f;

        prepare(&f);
        if (restricted) {
            f.own.model.name.items = names;
            f.own.model.name.n = 2;
        }
        begin(&f);

        uint64_t at = (uint64_t)now(&f);

        add(&f, (struct span){.model = "m", .service = "shop", .start = at - 1000, .end = at});
        add(&f, (struct span){.service = "shop", .name = "GET /cart", .start = at - 1000, .end = at});
        add(&f, (struct span){.service = "shop", .name = "SELECT", .start = at - 1000, .end = at});
        add(&f, (struct span){.model = "", .name = "neither", .start = at - 1000, .end = at});
        send(&f);
        pass(&f, 15 * OTC_SECOND);
        assert_true(find(&f, POINT("ml.inference.requests")).total == (restricted ? 1 : 3));
        assert_true(find(&f, POINT("ml.inference.requests", "m", "span", "ok")).total == 1);
        assert_int_equal(find(&f, POINT("ml.inference.requests", "shop")).total, restricted ? 0 : 2);
        assert_true(excluded(&f, "no_model") == (restricted ? 3 : 1));
        end(&f);
    }
}

/* With arrival time, no span is late: those reasons would be three series that never move. */
static void
test_what_is_left_out_is_counted_from_zero(void **state)
{
    static const char *const reasons[] = {"memory", "negative_duration", "no_duration", "operations",
                                          "models", "malformed",         "late",        "too_old",
                                          "future"};

    (void)state;
    for (int arrival = 0; arrival < 2; arrival++) {
        struct fixture f;

        prepare(&f);
        f.own.window.time.index = arrival ? OTC_ARRIVAL_TIME : OTC_EVENT_TIME;
        begin(&f);
        pass(&f, 15 * OTC_SECOND);
        assert_int_equal(find(&f, POINT("ml.inference.observations.excluded")).matches, 0);
        add(&f, (struct span){.model = "m", .start = (uint64_t)now(&f) - 1000, .end = (uint64_t)now(&f)});
        send(&f);
        pass(&f, 15 * OTC_SECOND);
        for (int i = 0; i < 9; i++) {
            struct found found =
                find(&f, POINT("ml.inference.observations.excluded", NULL, NULL, NULL, reasons[i]));

            assert_int_equal(found.matches, !(arrival && i >= 6));
            assert_true(found.matches == 0 || found.value == 0);
        }
        end(&f);
    }
}

static void
test_memory(void **state)
{
    (void)state;
    struct fixture f;

    prepare(&f);
    f.own.limits.memory.n = 65536;
    begin(&f);

    uint64_t at = (uint64_t)now(&f), counted;
    double memory = 0, windowed = 0;

    add(&f, (struct span){.model = "m", .name = "first", .start = at - 1000000, .end = at});
    for (uint64_t i = 0; i < 200; i++) {
        char name[32];

        snprintf(name, sizeof(name), "op %llu", (unsigned long long)(i % 50));
        add(&f, (struct span){.model = "m", .name = name, .start = at - (i + 1) * 1000000, .end = at});
    }
    send(&f);
    pass(&f, 15 * OTC_SECOND);
    memory = excluded(&f, "memory");
    windowed = find(&f, POINT("ml.inference.requests", "m", "op 49", "ok")).value;
    assert_true(memory > 0 && memory < 200);
    assert_true(windowed == 4); /* requests are counted whatever the memory */
    /* What needs no further bucket is counted, too. */
    counted = find(&f, POINT("ml.inference.duration", "m", "first", "ok")).count;
    add(&f, (struct span){.model = "m", .name = "first", .start = at - 1000000, .end = at});
    send(&f);
    pass(&f, 15 * OTC_SECOND);
    assert_int_equal(find(&f, POINT("ml.inference.duration", "m", "first", "ok")).count, counted + 1);
    end(&f);
}

static void
test_ends_and_expires(void **state)
{
    (void)state;
    struct fixture f;

    prepare(&f);
    f.own.series_expiration.ns = 30 * OTC_MINUTE;
    begin(&f);

    uint64_t at = (uint64_t)now(&f);
    const char *const quantile[5] = {"ml.inference.duration.quantile", "m", "span", "ok", "0.5"};
    const char *const requests[5] = {"ml.inference.requests", "m", "span", "ok"};

    add(&f, (struct span){.model = "m", .start = at - 1000000, .end = at});
    send(&f);
    pass(&f, 3 * OTC_MINUTE);
    assert_true(find(&f, quantile).matches > 1 && find(&f, quantile).flags == 0);
    pass(&f, 3 * OTC_MINUTE);
    assert_true(find(&f, quantile).flags == OTC_POINT_NO_RECORDED_VALUE);
    pass(&f, 3 * OTC_MINUTE);
    assert_int_equal(find(&f, quantile).matches, 0); /* ended once */
    assert_true(find(&f, requests).value == 1);
    pass(&f, 30 * OTC_MINUTE);
    pass(&f, OTC_MINUTE);
    assert_int_equal(find(&f, requests).matches, 0);
    /* Afterwards the name begins anew. */
    at = (uint64_t)now(&f);
    add(&f, (struct span){.model = "m", .start = at - 1000000, .end = at});
    send(&f);
    pass(&f, 15 * OTC_SECOND);
    assert_true(find(&f, requests).value == 1);
    end(&f);
}

/* An operation that is gone leaves nothing to the one that takes its place. */
static void
test_slots_are_clean(void **state)
{
    (void)state;
    struct fixture f;

    prepare(&f);
    f.own.limits.operations = 1;
    f.own.series_expiration.ns = f.own.window.length.ns;
    f.own.window.time.index = OTC_ARRIVAL_TIME;
    begin(&f);

    uint64_t at = (uint64_t)now(&f);

    add(&f, (struct span){.model = "m", .name = "old", .start = at - 9000000000, .end = at});
    add(&f, (struct span){.model = "m", .name = "other", .start = at - 1000000, .end = at});
    send(&f);
    for (int i = 0; i < 22; i++) { /* keeps the version alive, but not the operation */
        otc_vhost_advance(f.vhost, 15 * OTC_SECOND);
        add(&f, (struct span){.model = "m", .name = "other", .start = at - 1000000, .end = at});
        send(&f);
    }
    add(&f, (struct span){.model = "m", .name = "new", .start = at - 1000000, .end = at});
    send(&f);
    pass(&f, 2 * OTC_MINUTE);
    assert_int_equal(find(&f, POINT("ml.inference.requests", "m", "old")).matches, 0);
    assert_true(find(&f, POINT("ml.inference.requests", "m", "new", "ok")).value == 1);

    struct found found = find(&f, POINT("ml.inference.duration.quantile", "m", "new", "ok", "0.999"));

    assert_true(found.matches > 0 && found.value < 0.0011);
    end(&f);
}

static void
test_bad_input(void **state)
{
    (void)state;
    static const uint8_t truncated[] = {0x0a, 0x7f, 0x00};
    struct fixture f;
    struct otc_error err = OTC_ERROR_INIT;
    char long_name[400];

    prepare(&f);
    f.own.series_expiration.ns = OTC_SECOND;
    assert_int_equal(latency_validate(&f.own, &err), OTC_INVALID_ARGUMENT);
    assert_string_equal(err.text, "series_expiration: 1s is shorter than the window, 5m0s");
    f.own.series_expiration.ns = OTC_DAY;
    begin(&f);
    send_bytes(&f, otc_slice_of(truncated, sizeof(truncated)), 1);

    /* A name cut at its limit stays UTF-8: 63 two-byte characters after one byte, not 63 and a half. */
    uint64_t at = (uint64_t)now(&f);

    long_name[0] = 'x';
    for (size_t i = 1; i + 2 < sizeof(long_name); i += 2)
        memcpy(long_name + i, "\xc3\xa9", 3);
    add(&f, (struct span){.model = "m", .name = long_name, .start = at - 1, .end = at});
    send(&f);
    pass(&f, 15 * OTC_SECOND);
    long_name[127] = 0;
    assert_true(find(&f, POINT("ml.inference.requests", "m", long_name, "ok")).value == 1);
    assert_true(excluded(&f, "malformed") == 1);
    end(&f);
}

static void
count_line(void *arg, const char *text)
{
    assert_non_null(text);
    ++*(int *)arg;
}

static void
test_explain(void **state)
{
    (void)state;
    struct fixture f;
    struct otc_error err = OTC_ERROR_INIT;
    int lines = 0;

    prepare(&f);
    assert_int_equal(latency_explain(&f.own, count_line, &lines, &err), OTC_OK);
    assert_int_equal(lines, 3);
    begin(&f);
    end(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests_errors_and_quantiles),
        cmocka_unit_test(test_real_runs),
        cmocka_unit_test(test_times_that_do_not_count),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_spans_of_no_model),
        cmocka_unit_test(test_what_is_left_out_is_counted_from_zero),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_ends_and_expires),
        cmocka_unit_test(test_slots_are_clean),
        cmocka_unit_test(test_bad_input),
        cmocka_unit_test(test_explain),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
