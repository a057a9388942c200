// SPDX-License-Identifier: Apache-2.0
/* Drift of latency against the statistics of the durations themselves. */
#include "common/stats/two_sample.h"
#include "tests/unit/processors/latency/stage.h"

#include <math.h>

#define PANE 250
#define SETTINGS                                                                                             \
    "{window: {length: 1m, pane: 10s, time: arrival, allowed_lateness: 0s}, metrics_flush_interval: 10s, "   \
    "drift: "                                                                                                \
    "{observations: 2000, duration: 0s}}"

static uint64_t random_state;

/* Sum of 12 uniform numbers: nearly normal. */
static double
normal(void)
{
    double sum = -6;

    for (int i = 0; i < 12; i++) {
        random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        sum += (double)(random_state >> 11) / 9007199254740992.0;
    }
    return sum;
}

/* One pane of spans whose durations are lognormal around `factor` * 100 ms; their seconds into `out`. */
static void
send_pane(struct fixture *f, double factor, double out[PANE])
{
    struct otc_host *host = otc_vhost_host(f->rig.vhost);
    struct otc_buf json = {.limit = 1 << 20};
    long long now = host->now_ns(host);

    for (int i = 0; i < PANE; i++) {
        long long ns = (long long)(1e8 * factor * exp(0.5 * normal()));

        (void)otc_buf_printf(
            &json, "%s{\"name\":\"op\",\"startTimeUnixNano\":\"%lld\",\"endTimeUnixNano\":\"%lld\"}",
            i ? "," : "", now - ns, now);
        out[i] = (double)ns / 1e9;
    }
    send(f, otc_buf_cstr(&json));
    otc_buf_release(&json);
    flush(f); /* 15 s; panes are 10 s: no two are alike, but each has one */
}

/* The value of a gauge in what was told last; NaN without one. */
static double
gauge(struct fixture *f, const char *name)
{
    char head[128];
    const char *at;

    (void)snprintf(head, sizeof(head), "%s ml.model.name=svc ml.operation.name=op ml.feature.name=duration",
                   name);
    at = strstr(otc_buf_cstr(&f->told), head);
    at = at ? strstr(at, " = ") : NULL;
    return at ? strtod(at + 3, NULL) : (double)NAN;
}

static int
ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* sup |F - G| of two samples, by definition. */
static double
distance(const double *a, size_t n, const double *b, size_t m)
{
    double *x = malloc(n * sizeof(*x)), *y = malloc(m * sizeof(*y)), d = 0;
    size_t i = 0, j = 0;

    assert_non_null(x);
    assert_non_null(y);
    memcpy(x, a, n * sizeof(*x));
    memcpy(y, b, m * sizeof(*y));
    qsort(x, n, sizeof(*x), ascending);
    qsort(y, m, sizeof(*y), ascending);
    while (i < n && j < m) {
        double at = x[i] < y[j] ? x[i] : y[j];

        while (i < n && x[i] <= at) {
            i++;
        }
        while (j < m && y[j] <= at) {
            j++;
        }
        d = fmax(d, fabs((double)i / (double)n - (double)j / (double)m));
    }
    free(x);
    free(y);
    return d;
}

/* Learns from 8 panes, then compares: the true distance lies where it is said to; the same traffic is no
 * drift, a third slower is, and back is none again. */
static void
drift_of(double base)
{
    static double reference[8 * PANE], window[64 * PANE];
    struct fixture f;
    size_t n = 0;

    random_state = 20260101;
    begin(&f, SETTINGS);
    for (int i = 0; i < 8; i++) {
        send_pane(&f, base, reference + i * PANE);
        assert_true(isnan(gauge(&f, "ml.drift.ks")));
    }
    for (int i = 0; i < 20; i++) {
        size_t first;

        send_pane(&f, i < 8 || i >= 14 ? base : 1.35 * base, window + n);
        n += PANE;
        if (isnan(gauge(&f, "ml.drift.ks"))) {
            continue;
        }
        /* The window closed before the pane that was just sent: it ends with the one before. */
        first = (size_t)(gauge(&f, "ml.drift.window.observations") + 0.5);
        if (i > 5) {
            double d = distance(reference, 8 * PANE, window + n - PANE - first, first);
            double told = gauge(&f, "ml.drift.ks");

            if (d < told - 1e-9 || d > told + gauge(&f, "ml.drift.ks.error") + 1e-9) {
                fail_msg("pane %d: %.6f is not in [%.6f, %.6f]", i, d, told,
                         told + gauge(&f, "ml.drift.ks.error"));
            }
            assert_true(gauge(&f, "ml.drift.ks.error") < 0.1);
        }
        if (i < 8 || i == 19) {
            assert_true(gauge(&f, "ml.drift.detected") == 0);
        }
        if (i == 13) {
            assert_true(gauge(&f, "ml.drift.detected") == 1);
            assert_true(gauge(&f, "ml.drift.p_value.adjusted") < 0.001);
            assert_true(gauge(&f, "ml.drift.psi") > 0.1);
            /* Lognormal: means 113 and 153 ms. */
            assert_true(fabs(gauge(&f, "ml.drift.wasserstein") / base - 0.04) < 0.008);
        }
    }
    otc_vhost_advance(f.rig.vhost, 120 * OTC_SECOND); /* nothing comes: the gauges end */
    flush(&f);
    assert_null(strstr(otc_buf_cstr(&f.told), "ml.drift.ks "));
    assert_true(gauge(&f, "ml.drift.reference.progress") == 1);
    end(&f);
}

/* In ranges of durations whose boundaries round up and down. */
static void
test_drift(void **state)
{
    (void)state;
    for (double base = 0.001; base < 200; base *= 2.9) {
        drift_of(base);
    }
}

static void
test_progress(void **state)
{
    double some[PANE];
    struct fixture f;

    (void)state;
    begin(
        &f,
        "{window: {length: 1m, pane: 10s, time: arrival, allowed_lateness: 0s}, metrics_flush_interval: 10s, "
        "drift: {observations: 1000, duration: 10m}}");
    for (int i = 0; i < 5; i++) {
        send_pane(&f, 1, some);
    }
    /* Four panes have closed: 1000 spans over 45 s of 10 minutes. */
    assert_true(fabs(gauge(&f, "ml.drift.reference.progress") - 0.075) < 0.03);
    assert_true(isnan(gauge(&f, "ml.drift.ks")));
    end(&f);

    begin(&f, "{}"); /* off unless asked for */
    send_pane(&f, 1, some);
    send_pane(&f, 1, some);
    assert_null(strstr(otc_buf_cstr(&f.told), "ml.drift"));
    end(&f);
}

/* Without room to learn, that is counted, and the quantiles go on. */
static void
test_memory(void **state)
{
    double some[PANE];
    struct fixture f;

    (void)state;
    begin(&f, "{window: {length: 1m, pane: 10s, time: arrival, allowed_lateness: 0s}, limits: {memory: "
              "100KiB}, drift: {}}");
    send_pane(&f, 1, some);
    send_pane(&f, 1, some);
    send_pane(&f, 1, some);
    expect(&f, "ml.inference.observations.excluded ml.model.name=svc reason=memory = ");
    assert_null(strstr(otc_buf_cstr(&f.told), "reason=memory = 0"));
    expect(&f, "quantile=0.99 = ");
    assert_true(gauge(&f, "ml.drift.reference.progress") == 0);
    end(&f);
}

static void
test_refusals(void **state)
{
    struct otc_error err = OTC_ERROR_INIT;

    (void)state;
    assert_true(otc_test_refuses(&otc_latency_processor_factory, "{drift: {windows: 4 of 3}}",
                                 "drift::windows: ", &err));
    assert_true(
        otc_test_refuses(&otc_latency_processor_factory, "{drift: {level: 2}}", "drift::level", &err));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_drift), cmocka_unit_test(test_progress),
                                       cmocka_unit_test(test_memory), cmocka_unit_test(test_refusals)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
