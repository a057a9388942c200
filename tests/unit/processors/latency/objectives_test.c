// SPDX-License-Identifier: Apache-2.0
/* Exemplars, Apdex and service level objectives. */
#include "processors/latency/exemplars.h"
#include "processors/latency/objectives.h"
#include "processors/latency/state.h"
#include "tests/unit/processors/latency/stage.h"

#include <math.h>

/* `n` spans of the operation "op" that end now and last `ms`; their trace ids end with the number of the
 * span. */
static void
spans(struct fixture *f, int first, int n, int64_t ms, int code)
{
    struct otc_host *host = otc_vhost_host(f->rig.vhost);
    struct otc_buf json = {.limit = 1 << 20};
    long long now = host->now_ns(host);

    for (int i = first; i < first + n; i++) {
        (void)otc_buf_printf(
            &json,
            "%s{\"name\":\"op\",\"traceId\":\"0102030405060708090a0b0c0d0e%04x\",\"spanId\":"
            "\"010203040506%04x\",\"startTimeUnixNano\":\"%lld\",\"endTimeUnixNano\":\"%lld\","
            "\"status\":{\"code\":%d}}",
            i > first ? "," : "", (unsigned)i, (unsigned)i + 1, now - (long long)ms * 1000000, now, code);
    }
    send(f, otc_buf_cstr(&json));
    otc_buf_release(&json);
}

#define OP " ml.model.name=svc ml.operation.name=op"
#define ARRIVAL "window: {length: 5m, pane: 10s, time: arrival, allowed_lateness: 0s}"

/* The slowest spans are linked, in the histogram once and from the high quantiles as long as they are of the
 * window. */
static void
test_exemplars(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f, "{" ARRIVAL ", metrics_flush_interval: 10s}");
    spans(&f, 1, 98, 10, 0);
    spans(&f, 200, 1, 700, 0);
    spans(&f, 201, 1, 3000, 0);
    otc_vhost_advance(f.rig.vhost, 70 * OTC_SECOND); /* idle: the pane closes */
    flush(&f);
    expect(&f,
           "ml.inference.duration.quantile" OP " status=ok quantile=0.999 = "); /* linked to the slowest */
    expect(&f, " # 3 c9 ca\n");
    expect(&f, "ml.inference.duration.quantile" OP " status=ok quantile=0.99 = 0.");
    expect(&f, " # 0.7 c8 c9\n");
    assert_null(strstr(otc_buf_cstr(&f.told), "quantile=0.5 = 0.01 #"));
    end(&f);

    begin(&f, "{" ARRIVAL ", metrics_flush_interval: 15s}");
    spans(&f, 1, 98, 10, 0);
    spans(&f, 201, 1, 3000, 0);
    flush(&f);
    expect(&f, "ml.inference.duration" OP " status=ok 99 3.98 # 0.01 ");
    expect(&f, " # 3 c9 ca\n");
    flush(&f);
    expect(&f, "ml.inference.duration" OP " status=ok 99 3.98\n"); /* told once */
    end(&f);

    /* What was slow once does not count when the window is empty. */
    begin(&f, "{" ARRIVAL ", metrics_flush_interval: 15s}");
    spans(&f, 1, 98, 1000, 0);
    otc_vhost_advance(f.rig.vhost, 60 * OTC_SECOND);
    flush(&f);
    expect(&f, "ml.inference.duration.quantile" OP " status=ok quantile=0.999 = ");
    otc_vhost_advance(f.rig.vhost, 7 * 60 * OTC_SECOND);
    spans(&f, 300, 1, 10, 0);
    flush(&f);
    expect(&f, "ml.inference.duration" OP " status=ok 99 98.01 # 0.01 ");
    end(&f);

    begin(&f, "{exemplars: false}");
    spans(&f, 1, 3, 10, 0);
    flush(&f);
    expect(&f, "ml.inference.duration" OP " status=ok 3 0.03\n");
    end(&f);
}

/* Of a range any span is as likely to stay; an old one gives way. */
static void
test_draw(void **state)
{
    struct latency_exemplars exemplars = {.slowest = {.used = false}};
    struct otc_exemplar out[LATENCY_EXEMPLARS_MAX];
    uint8_t trace[16] = {0}, span[8] = {1};
    int kept[4] = {0};
    uint64_t random = 1;

    (void)state;
    for (int round = 0; round < 4000; round++) {
        memset(&exemplars, 0, sizeof(exemplars));
        for (int i = 0; i < 4; i++) {
            random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            memcpy(trace + 8, &random, 8);
            span[7] = (uint8_t)i;
            latency_exemplars_offer(&exemplars, otc_slice_of(trace, 16), otc_slice_of(span, 8), 1 + i * 0.1,
                                    100, 0);
        }
        assert_in_range(latency_exemplars_fresh(&exemplars, out), 1,
                        2); /* the slowest may be the one drawn */
        assert_int_equal(latency_exemplars_fresh(&exemplars, out), 0);
        assert_true(latency_exemplars_near(&exemplars, 0, 0, &out[0]));
        kept[out[0].span_id.data[7]]++;
        assert_true(latency_exemplars_near(&exemplars, 5, 0, &out[0]) && out[0].value > 1.25);
        assert_false(latency_exemplars_near(&exemplars, 0, 101, &out[0]));
    }
    for (int i = 0; i < 4; i++) {
        assert_in_range(kept[i], 850, 1150); /* 1000 +- 5.5 sigma */
    }
    span[7] = 9;
    do { /* one that is not drawn as long as the other is of the window */
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        memcpy(trace + 8, &random, 8);
        memset(&exemplars, 0, sizeof(exemplars));
        latency_exemplars_offer(&exemplars, otc_slice_of("sixteen bytes...", 16), otc_slice_of("formerly", 8),
                                1.05, 100, 0);
        latency_exemplars_offer(&exemplars, otc_slice_of(trace, 16), otc_slice_of(span, 8), 1.04, 200, 0);
        assert_true(latency_exemplars_near(&exemplars, 0, 0, &out[0]));
    } while (out[0].span_id.data[7] == 9);
    latency_exemplars_offer(&exemplars, otc_slice_of(trace, 16), otc_slice_of(span, 8), 1.04, 200, 150);
    assert_int_equal(latency_exemplars_fresh(&exemplars, out), 1); /* of its range, and the slowest */
    assert_int_equal(out[0].span_id.data[7], 9);
    latency_exemplars_offer(&exemplars, OTC_SLICE_NONE, OTC_SLICE_NONE, 99, 200,
                            150); /* without ids: nobody */
    assert_true(latency_exemplars_near(&exemplars, 90, 150, &out[0]) && out[0].value < 90);
}

/* The example of Apdex's specification: 60 satisfied, 30 tolerating, 10 frustrated of 100 are 0.75. */
static void
test_apdex(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f, "{" ARRIVAL ", metrics_flush_interval: 10s, apdex: {threshold: 500ms}}");
    spans(&f, 0, 60, 500, 0);
    spans(&f, 0, 30, 2000, 0);
    spans(&f, 0, 4, 2001, 0);
    spans(&f, 0, 6, 1, 2);                           /* quick failures */
    otc_vhost_advance(f.rig.vhost, 70 * OTC_SECOND); /* idle: the pane closes */
    flush(&f);
    expect(&f, "ml.inference.apdex" OP " = 0.75\n");
    otc_vhost_advance(f.rig.vhost, 300 * OTC_SECOND);
    flush(&f);
    assert_null(strstr(otc_buf_cstr(&f.told), "apdex")); /* ended when the window was empty */
    end(&f);
}

/* 99.9 %: of 10,000 requests in the last hour 144 bad ones burn at 14.4, the workbook's page; two minutes'
 * worth shows in 5m. */
static void
test_burn_rate(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f, "{slo: {objective: 0.999, threshold: 1s, windows: [5m, 1h], period: 30d}, "
              "metrics_flush_interval: 15s}");
    spans(&f, 0, 1000, 1000, 0);
    for (int i = 0; i < 8; i++) {
        spans(&f, 0, 1000, 10, 0);
    }
    otc_vhost_advance(f.rig.vhost, 30 * 60 * OTC_SECOND);
    spans(&f, 0, 856, 10, 0);
    spans(&f, 0, 100, 1001, 0);
    spans(&f, 0, 44, 10, 2);
    flush(&f);
    expect(&f, "ml.inference.slo.burn_rate" OP " ml.slo.window=1h = 14.4\n");
    expect(&f, "ml.inference.slo.burn_rate" OP " ml.slo.window=5m = 144\n");
    expect(&f, "ml.inference.slo.bad" OP " = 144\n");
    expect(&f, "ml.inference.slo.error_budget" OP " = -13.4\n");
    otc_vhost_advance(f.rig.vhost, 6 * 60 * OTC_SECOND);
    flush(&f);
    expect(&f, "ml.slo.window=5m = 0\n");
    expect(&f, "ml.slo.window=1h = 14.4\n");
    otc_vhost_advance(f.rig.vhost, 70 * 60 * OTC_SECOND);
    flush(&f);
    expect(&f, "ml.slo.window=1h = 0\n");
    expect(&f, "ml.inference.slo.error_budget" OP " = -13.4\n");
    end(&f);
}

/* A span of the trace state, that ended now and lasted so long. */
static void
sampled(struct fixture *f, const char *trace_state, int64_t ms, int code)
{
    struct otc_host *host = otc_vhost_host(f->rig.vhost);
    long long now = host->now_ns(host);
    char json[512];

    (void)snprintf(
        json, sizeof(json),
        "{\"name\":\"op\",\"traceState\":\"%s\",\"startTimeUnixNano\":\"%lld\",\"endTimeUnixNano\":"
        "\"%lld\",\"status\":{\"code\":%d}}",
        trace_state, now - (long long)ms * 1000000, now, code);
    send(f, json);
}

/* Sampled spans are the requests they stand for: a tail sampler that keeps every failure and 1 of 1,000 of
 * the rest moves neither errors nor burn rate. What the durations show is of the spans that came. */
static void
test_sampled(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f,
          "{" ARRIVAL ", slo: {objective: 0.9, threshold: 1s, windows: [1h]}, metrics_flush_interval: 15s}");
    for (int i = 0; i < 3; i++) {
        sampled(&f, "ot=th:c", 10, 0); /* 1 of 4 */
    }
    sampled(&f, "ot=th:c", 2000, 0);
    sampled(&f, "ot=th:0;rv:00000000000001", 10, 2);
    sampled(&f, "", 10, 2);
    sampled(&f, "vendor=x", 10, 0);
    sampled(&f, "ot=p:3;r:5", 10, 0); /* 1 of 8 */
    flush(&f);
    expect(&f, "ml.inference.requests" OP " status=ok = 25\n");
    expect(&f, "ml.inference.requests" OP " status=error = 2\n");
    expect(&f, "ml.inference.errors" OP " = 2\n");
    expect(&f, "ml.inference.slo.bad" OP " = 6\n");
    expect(&f,
           "ml.inference.slo.burn_rate" OP " ml.slo.window=1h = 2.22222222\n"); /* 6 of 27, 10 % allowed */
    expect(&f, "ml.inference.observations.excluded ml.model.name=svc reason=trace_state = 0\n");
    expect(&f, "ml.inference.duration" OP " status=ok 6 2.05");
    sampled(&f, "ot=th:zz", 10, 0);
    sampled(&f, "ot=th:8,noequal", 10, 2);
    flush(&f);
    expect(&f, "ml.inference.requests" OP " status=ok = 26\n");
    expect(&f, "ml.inference.requests" OP " status=error = 3\n");
    expect(&f, "ml.inference.observations.excluded ml.model.name=svc reason=trace_state = 2\n");
    end(&f);

    /* A third of them each time: nothing is lost to rounding. */
    begin(&f, "{metrics_flush_interval: 15s}");
    for (int i = 0; i < 100; i++) {
        sampled(&f, "ot=th:aaaaaaaaaaaaaa", 10, i % 2 ? 2 : 0);
    }
    flush(&f);
    expect(&f, "ml.inference.requests" OP " status=ok = 150\n");
    expect(&f, "ml.inference.errors" OP " = 150\n");
    end(&f);
}

/* What is excluded from the window stands for nothing in it. */
static void
test_exemplars_of_the_future(void **state)
{
    struct fixture f;
    long long now;

    (void)state;
    begin(&f, "{metrics_flush_interval: 15s, window: {length: 5m, pane: 10s, allowed_lateness: 0s}}");
    now = otc_vhost_host(f.rig.vhost)->now_ns(otc_vhost_host(f.rig.vhost)) + 10 * OTC_HOUR;
    send_span(&f,
              (struct written){.name = "op", .start = now - 20000000, .end = now, .id = "00000000000000aa"});
    send(&f,
         "{\"name\":\"op\",\"traceId\":\"0102030405060708090a0b0c0d0e0fbb\",\"spanId\":\"01020304050607bb\","
         "\"startTimeUnixNano\":\"4000000000000000000\",\"endTimeUnixNano\":\"4000000000020000000\"}");
    spans(&f, 1, 20, 10, 0);
    flush(&f);
    expect(&f, "ml.inference.observations.excluded ml.model.name=svc reason=future = 2\n");
    expect(&f, "ml.inference.duration" OP " status=ok 22 0.24 # 0.01 ");
    assert_null(strstr(otc_buf_cstr(&f.told), " # 0.02 "));
    end(&f);
}

/* Without a usable duration a request is judged by its status alone. */
static void
test_objective_without_durations(void **state)
{
    struct fixture f;
    long long now;

    (void)state;
    begin(&f, "{slo: {objective: 0.9, threshold: 1s, windows: [5m]}, metrics_flush_interval: 15s}");
    now = otc_vhost_host(f.rig.vhost)->now_ns(otc_vhost_host(f.rig.vhost));
    for (int i = 0; i < 5; i++) {
        send_span(&f, (struct written){.name = "op", .start = 0, .end = now});
        send_span(&f, (struct written){.name = "op", .start = now, .end = 0});
        send_span(&f, (struct written){.name = "op", .start = now, .end = now - 5000000000});
    }
    send_span(&f, (struct written){.name = "op", .start = 0, .end = now, .code = 2});
    flush(&f);
    expect(&f, "ml.inference.slo.bad" OP " = 1\n");
    expect(&f, "ml.inference.slo.burn_rate" OP " ml.slo.window=5m = 0.625\n"); /* 1 of 16, 10 % allowed */
    end(&f);
}

/* An operation that was quiet for longer than series_expiration still has its budget to pay for. */
static void
test_budget_outlasts_silence(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f, "{slo: {objective: 0.99, windows: [3d]}, metrics_flush_interval: 15s}");
    spans(&f, 0, 90, 10, 0);
    spans(&f, 0, 10, 10, 2);
    otc_vhost_advance(f.rig.vhost, 60 * OTC_HOUR);
    flush(&f);
    expect(&f, "ml.inference.slo.error_budget" OP " = -9\n");
    expect(&f, "ml.slo.window=3d = 10\n");
    otc_vhost_advance(f.rig.vhost, 31 * OTC_DAY);
    flush(&f);
    assert_null(strstr(otc_buf_cstr(&f.told), "ml.inference"));
    end(&f);
}

/* Requests count when they came, however seldom results are sent and whatever the clock shows. */
static void
test_windows_between_flushes(void **state)
{
    struct fixture f;
    struct otc_host *host;

    (void)state;
    begin(&f, "{slo: {objective: 0.9, windows: [5m, 20m]}, metrics_flush_interval: 10m}");
    host = otc_vhost_host(f.rig.vhost);
    spans(&f, 0, 10, 10, 2);
    otc_vhost_advance(f.rig.vhost, 9 * 60 * OTC_SECOND);
    spans(&f, 0, 10, 10, 0);
    otc_sink_clear(f.sink);
    otc_vhost_advance(f.rig.vhost, 45 * OTC_SECOND);
    flush(&f);
    expect(&f, "ml.slo.window=5m = 0\n");
    expect(&f, "ml.slo.window=20m = 5\n");
    end(&f);

    begin(&f, "{slo: {objective: 0.9, windows: [5m]}, metrics_flush_interval: 15s}");
    host = otc_vhost_host(f.rig.vhost);
    spans(&f, 0, 10, 10, 2);
    otc_vhost_set_now(f.rig.vhost, host->now_ns(host) + OTC_DAY);
    flush(&f);
    expect(&f, "ml.slo.window=5m = 10\n");
    otc_vhost_set_now(f.rig.vhost, host->now_ns(host) - OTC_DAY);
    otc_vhost_advance(f.rig.vhost, 6 * 60 * OTC_SECOND);
    spans(&f, 0, 10, 10, 0);
    flush(&f);
    expect(&f, "ml.slo.window=5m = 0\n");
    end(&f);
}

/* Nothing is left of the memory when everything is forgotten; before that, each gauge is told its end. */
static void
test_all_is_given_back(void **state)
{
    struct fixture f;
    struct latency *latency;

    (void)state;
    begin(&f,
          "{window: {length: 1h, pane: 10s}, series_expiration: 1h, metrics_flush_interval: 15s, apdex: {},"
          " slo: {period: 1h, windows: [5m]}, drift: {observations: 200, duration: 0s}}");
    latency = OTC_CONTAINER(f.rig.component, latency, component);
    for (int i = 0; i < 20; i++) {
        spans(&f, 20 * i, 20, 10, i % 5 == 0 ? 2 : 0);
        flush(&f);
    }
    expect(&f, "ml.inference.duration.quantile" OP " status=ok quantile=0.5 = ");
    assert_true(latency->budget.used > 0);
    otc_vhost_advance(f.rig.vhost, OTC_HOUR - 30 * OTC_SECOND);
    flush(&f);
    expect(&f, "ml.inference.duration.quantile" OP " status=ok quantile=0.5 = ended\n");
    expect(&f, "ml.inference.duration.quantile" OP " status=error quantile=0.5 = ended\n");
    flush(&f);
    flush(&f);
    assert_null(strstr(otc_buf_cstr(&f.told), "ml.inference.requests"));
    assert_int_equal(latency->budget.used, 0);
    end(&f);
}

/* The rings against a plain sum over random traffic, the clock going on in odd steps. */
static void
test_rings(void **state)
{
    char five_minutes[] = "5m", *windows[] = {five_minutes};
    const struct latency_slo_config config = {
        .objective = 0.99, .windows = {windows, 1}, .period = {30 * 24 * 3600 * OTC_SECOND}};
    struct latency_slo slo = {0};
    static struct {
        int64_t at;
        bool bad;
    } seen[20000];
    uint64_t random = 7;
    int64_t now = 1000 * OTC_SECOND;
    size_t n = 0;

    (void)state;
    latency_slo_init(&slo, &config, now);
    assert_int_equal(slo.n, 2);
    while (n < 19000) {
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        now += (int64_t)(random >> 33) % (40 * OTC_SECOND);
        now += random % 101 == 0 ? 299 * OTC_SECOND + (int64_t)(random >> 40) % (2 * OTC_SECOND) : 0;
        for (size_t i = random % 97; i > 0; i--, n++) {
            seen[n].at = now;
            seen[n].bad = i % 3 == 0;
            latency_slo_add(&slo, &config, 0, seen[n].bad, OTC_WEIGHT_ONE, now);
        }
        latency_slo_advance(&slo, now);
        if (n > 0) {
            double all = 0, bad = 0;
            int64_t part = 5 * 60 * OTC_SECOND / 60;

            for (size_t i = 0; i < n; i++) {
                if (seen[i].at / part > now / part - 60) {
                    all++;
                    bad += seen[i].bad;
                }
            }
            assert_true(fabs(latency_slo_burn_rate(&slo, &config, 0) -
                             (all > 0 ? bad / all / (1 - 0.99) : 0)) < 1e-9);
        }
    }
}

static void
test_refusals(void **state)
{
    static const struct {
        const char *yaml, *text;
    } cases[] = {{"{slo: {windows: [5x]}}", "slo::windows: "},
                 {"{slo: {windows: [40d]}}", "slo::windows: 40d is not between 1m and the period"},
                 {"{slo: {windows: [1s]}}", "slo::windows: 1s is not between 1m and the period"},
                 {"{slo: {windows: [1m,2m,3m,4m,5m,6m,7m,8m,9m]}}", "slo::windows: at most 8, got 9"},
                 {"{slo: {windows: [5m,1h,300s]}}", "slo::windows: 5m and 300s are the same window"},
                 {"{slo: {objective: 1}}", "slo::objective"},
                 {"{apdex: {threshold: 0s}}", "apdex::threshold"}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct otc_error err = OTC_ERROR_INIT;

        if (!otc_test_refuses(&otc_latency_processor_factory, cases[i].yaml, cases[i].text, &err)) {
            fail_msg("%s: %s", cases[i].yaml, err.text);
        }
    }
}

/* The model of each span, where some name it and the others' resource does; a batch of several of them. */
static void
test_models_of_a_batch(void **state)
{
#define SPAN_OF(attributes)                                                                                  \
    "{\"startTimeUnixNano\":\"1\",\"endTimeUnixNano\":\"2\",\"attributes\":[" attributes "]}"
#define MODEL_OF(key, name) "{\"key\":\"" key "\",\"value\":{\"stringValue\":\"" name "\"}}"
#define RESOURCE_OF(attributes, spans)                                                                       \
    "{\"resource\":{\"attributes\":[" attributes "]},\"scopeSpans\":[{\"spans\":[" spans "]}]}"
    static const char request[] = "{\"resourceSpans\":[" RESOURCE_OF(
        MODEL_OF("service.name", "first"),
        SPAN_OF("") "," SPAN_OF("") "," SPAN_OF(MODEL_OF("ml.model.name", "own")) "," SPAN_OF(
            MODEL_OF("ml.model.version",
                     "2")) "," SPAN_OF("")) "," RESOURCE_OF(MODEL_OF("service.name", "second"),
                                                            SPAN_OF("") "," SPAN_OF(
                                                                "")) "," RESOURCE_OF("", SPAN_OF("")) "]}";
    struct fixture f;

    (void)state;
    begin(&f, "");
    send_json(&f, otc_slice_str(request));
    send_json(&f, otc_slice_str(request));
    flush(&f);
    expect(&f, "ml.inference.requests ml.model.name=first ml.operation.name= status=ok = 6\n");
    expect(&f,
           "ml.inference.requests ml.model.name=first ml.model.version=2 ml.operation.name= status=ok = 2\n");
    expect(&f, "ml.inference.requests ml.model.name=own ml.operation.name= status=ok = 2\n");
    expect(&f, "ml.inference.requests ml.model.name=second ml.operation.name= status=ok = 4\n");
    end(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_exemplars),
                                       cmocka_unit_test(test_draw),
                                       cmocka_unit_test(test_apdex),
                                       cmocka_unit_test(test_burn_rate),
                                       cmocka_unit_test(test_sampled),
                                       cmocka_unit_test(test_exemplars_of_the_future),
                                       cmocka_unit_test(test_objective_without_durations),
                                       cmocka_unit_test(test_budget_outlasts_silence),
                                       cmocka_unit_test(test_windows_between_flushes),
                                       cmocka_unit_test(test_all_is_given_back),
                                       cmocka_unit_test(test_rings),
                                       cmocka_unit_test(test_models_of_a_batch),
                                       cmocka_unit_test(test_refusals)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
