// SPDX-License-Identifier: Apache-2.0
/* otel-config-examples/sidecar.yaml as it stands, on a virtual clock: the ends that would need a network are
 * the test's own. */
#include "common/base/hash.h"
#include "common/component/counters.h"
#include "common/component/exporter.h"
#include "common/component/meter.h"
#include "tests/scenarios/scenario.h"

#define SPANS_A_MINUTE 100
#define OF_OPERATION "ml_model_name=\"scorer\",ml_operation_name=\"score\","
#define EXCLUDED(reason)                                                                                     \
    "\nml_drift_observations_excluded_total{ml_model_name=\"scorer\",reason=\"" reason "\"}"
#define OF_OK OF_OPERATION "status=\"ok\"}"
#define P50 OF_OPERATION "quantile=\"0.5\",status=\"ok\"}"

/* ---- The ends ------------------------------------------------------------------------------------- */

/* An exporter with the real queue, retries and counters, whose network is a sink. */
struct upstream {
    struct otc_component component;
    struct otc_exporter *lanes[OTC_N_SIGNALS];
    struct otc_sink *sink;
};
static struct upstream *upstream;

static const struct otc_queue_config queue = {.num_consumers = 10, .queue_size = 1000};
static const struct otc_retry_config retry = {.enabled = true,
                                              .initial_interval = {5 * OTC_SECOND},
                                              .multiplier = 1.5,
                                              .max_interval = {30 * OTC_SECOND},
                                              .max_elapsed_time = {5 * OTC_MINUTE}};

static otc_status
upstream_push(void *arg, struct otc_batch *batch, struct otc_done *done, struct otc_error *err)
{
    struct upstream *self = arg;

    return otc_consume(otc_sink_consumer(self->sink), batch, done, err);
}

static otc_status
upstream_shutdown(struct otc_component *component, int64_t deadline_ns, struct otc_error *err)
{
    struct upstream *self = OTC_CONTAINER(component, upstream, component);

    (void)err;
    for (size_t i = 0; i < OTC_N_SIGNALS; i++) {
        otc_exporter_shutdown(self->lanes[i], deadline_ns);
    }
    return OTC_OK;
}

static void
upstream_free(struct otc_component *component)
{
    struct upstream *self = OTC_CONTAINER(component, upstream, component);

    otc_sink_free(self->sink);
    for (size_t i = 0; i < OTC_N_SIGNALS; i++) {
        otc_exporter_free(self->lanes[i]);
    }
    free(self);
    upstream = NULL;
}

static struct otc_consumer *
upstream_input(struct otc_component *component, enum otc_signal from)
{
    return otc_exporter_consumer(OTC_CONTAINER(component, upstream, component)->lanes[from]);
}

static otc_status
upstream_create(const struct otc_settings *settings, struct otc_component **out, struct otc_error *err)
{
    static const struct otc_component_ops ops = {.abi = OTC_ABI_OF(otc_component_ops),
                                                 .shutdown = upstream_shutdown,
                                                 .free = upstream_free,
                                                 .input = upstream_input};

    upstream = calloc(1, sizeof(*upstream));
    assert_non_null(upstream);
    upstream->component = (struct otc_component){OTC_ABI_OF(otc_component), &ops};
    upstream->sink = otc_sink_new();
    for (size_t i = 0; i < OTC_N_SIGNALS; i++) {
        const struct otc_exporter_options options = {.host = settings->host,
                                                     .id = settings->id,
                                                     .signal = (enum otc_signal)i,
                                                     .queue = &queue,
                                                     .retry = &retry,
                                                     .push = upstream_push,
                                                     .arg = upstream};

        assert_int_equal(otc_exporter_new(&options, &upstream->lanes[i], err), OTC_OK);
    }
    *out = &upstream->component;
    return OTC_OK;
}

static const char *
environment(void *arg, const char *name)
{
    (void)arg;
    return strcmp(name, "AIMON_LEARN") == 0 ? "50m" : NULL;
}

struct sidecar {
    struct fixture f;
    struct otc_receiver_counters counters;
    /** Contents of the requests sent, in order. */
    char sent[400][33];
    size_t n_sent;
};

static void
open_sidecar(struct sidecar *s)
{
    static const char *const locations[] = {"otel-config-examples/sidecar.yaml",
                                            "yaml:service::extensions: []"};
    static const struct otc_factory upstream_factory = {.create = upstream_create};
    static struct otc_factory otlp, otlp_grpc, prometheus;
    static const struct otc_factory *const ends[] = {&otlp, &otlp_grpc, &prometheus, NULL};
    const struct otc_environment env = {.get = environment};
    struct otc_error err = OTC_ERROR_INIT;

    *s = (struct sidecar){0};
    otlp = in_place_of(OTC_RECEIVER, "otlp", &otc_test_source_receiver_factory);
    otlp_grpc = in_place_of(OTC_EXPORTER, "otlp_grpc", &upstream_factory);
    prometheus = in_place_of(OTC_EXPORTER, "prometheus", &otc_test_sink_exporter_factory);
    if (otc_document_load(locations, 2, &env, &s->f.doc, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    start_service(&s->f, ends);
    otc_receiver_counters_init(&s->counters, otc_vhost_host(s->f.vhost)->meter, "otlp", "grpc", OTC_TRACES);
    assert_non_null(upstream);
}

/* One request, as the receiver hands it on and counts it. */
static otc_status
send_request(struct sidecar *s, int youngest, int64_t length_ns)
{
    struct otc_batch *batch = make_spans(&s->f, SPANS_A_MINUTE, youngest, length_ns);
    struct otc_error err = OTC_ERROR_INIT;
    char content[33];
    otc_status status;

    otc_hash_hex(otc_batch_part(batch, 0), content);
    status = otc_test_source_send("otlp", batch, NULL, &err);
    otc_receiver_count(&s->counters, SPANS_A_MINUTE, status);
    if (status == OTC_OK) {
        assert_true(s->n_sent < sizeof(s->sent) / sizeof(s->sent[0]));
        memcpy(s->sent[s->n_sent++], content, sizeof(content));
    }
    return status;
}

/* ---- What must hold ------------------------------------------------------------------------------- */

struct law {
    int64_t accepted, enqueued, sent, dropped, queued, in_flight;
};

static void
add_series(void *arg, const struct otc_instrument *instrument, const struct otc_label *labels,
           size_t n_labels, int64_t value)
{
    struct law *law = arg;
    const struct {
        const char *name;
        int64_t *sum;
    } terms[] = {{"otelcol_receiver_accepted_spans", &law->accepted},
                 {"aimon_exporter_enqueued_items", &law->enqueued},
                 {"otelcol_exporter_sent_spans", &law->sent},
                 {"aimon_exporter_dropped_items", &law->dropped},
                 {"aimon_exporter_queued_items", &law->queued},
                 {"aimon_exporter_in_flight_items", &law->in_flight}};

    (void)labels;
    (void)n_labels;
    for (size_t i = 0; i < sizeof(terms) / sizeof(terms[0]); i++) {
        if (strcmp(instrument->name, terms[i].name) == 0) {
            *terms[i].sum += value;
        }
    }
}

/* Nothing is lost silently: what was accepted is somewhere, in one collection of the self-metrics. */
static struct law
check_law(struct sidecar *s)
{
    struct law law = {0};

    assert_true(otc_meter_visit(otc_vhost_host(s->f.vhost)->meter, add_series, &law));
    assert_int_equal(law.accepted, s->n_sent * SPANS_A_MINUTE);
    assert_int_equal(law.accepted, law.enqueued);
    assert_int_equal(law.enqueued, law.sent + law.dropped + law.queued + law.in_flight);
    return law;
}

static void
run_minutes(struct sidecar *s, int minutes, int youngest, int64_t length_ns)
{
    for (int i = 0; i < minutes; i++) {
        assert_int_equal(send_request(s, youngest, length_ns), OTC_OK);
        (void)check_law(s);
        otc_vhost_advance(s->f.vhost, OTC_MINUTE);
        (void)check_law(s);
    }
}

static double
result(const char *sample)
{
    return last_value("prometheus", sample);
}

/* ---- Tests ---------------------------------------------------------------------------------------- */

static void
drift_and_latency_stand_beside_the_untouched_spans(void **state)
{
    static const char *const reasons[] = {EXCLUDED("late"),   EXCLUDED("too_old"),  EXCLUDED("future"),
                                          EXCLUDED("memory"), EXCLUDED("features"), EXCLUDED("no_reference")};
    struct sidecar *s = calloc(1, sizeof(*s));

    (void)state;
    assert_non_null(s);
    open_sidecar(s);
    /* Learned until 5000 spans are there and 50 minutes between the first and the last; then two hours like
     * them. */
    run_minutes(s, 170, 20, 10 * OTC_MILLISECOND);
    assert_true(result("\nml_drift_reference_observations{") == 5001);
    assert_true(result("\nml_drift_ks{") >= 0 && result("\nml_drift_ks{") < 0.001);
    assert_true(result("\nml_drift_detected{") == 0);
    assert_true(result("\nml_inference_duration_quantile_seconds{" P50) > 0.0098);
    assert_true(result("\nml_inference_duration_quantile_seconds{" P50) < 0.0102);

    /* An hour in which everybody is 30 years older, and scoring takes five times as long. */
    otc_sink_clear(otc_test_sink_find("prometheus"));
    run_minutes(s, 66, 50, 50 * OTC_MILLISECOND);
    assert_true(result("\nml_drift_ks{") > 0.29 && result("\nml_drift_ks{") < 0.31);
    assert_true(result("\nml_drift_detected{") == 1);
    assert_true(result("\nml_drift_model_detected{") == 1);
    assert_true(result("\nml_inference_duration_quantile_seconds{" P50) > 0.049);
    assert_true(result("\nml_inference_duration_quantile_seconds{" P50) < 0.051);

    /* Every span was counted by both, none was left out, and all went on byte for byte. */
    otc_vhost_advance(s->f.vhost, 30 * OTC_SECOND);
    assert_true(result("\nml_inference_records_total{") == 236 * SPANS_A_MINUTE);
    assert_true(result("\nml_inference_requests_total{" OF_OK) == 236 * SPANS_A_MINUTE);
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        assert_true(result(reasons[i]) == 0);
    }
    assert_int_equal(check_law(s).sent, 236 * SPANS_A_MINUTE);
    assert_int_equal(otc_sink_batches(upstream->sink), s->n_sent);
    for (size_t i = 0; i < s->n_sent; i++) {
        struct otc_batch *batch = otc_sink_batch(upstream->sink, i);
        char content[33];

        assert_int_equal(otc_batch_parts(batch), 1);
        otc_hash_hex(otc_batch_part(batch, 0), content);
        assert_string_equal(content, s->sent[i]);
    }
    close_service(&s->f);
    free(s);
}

static void
nothing_is_lost_silently_when_the_upstream_fails(void **state)
{
    struct sidecar *s = calloc(1, sizeof(*s));
    struct otc_error refusal = OTC_ERROR_INIT;
    struct law law;

    (void)state;
    assert_non_null(s);
    open_sidecar(s);
    run_minutes(s, 3, 20, OTC_MILLISECOND);

    /* The upstream is slow: ten requests are on their way, the others wait. */
    otc_sink_answer(upstream->sink, OTC_PENDING, NULL);
    for (int i = 0; i < 15; i++) {
        assert_int_equal(send_request(s, 20, OTC_MILLISECOND), OTC_OK);
        (void)check_law(s);
    }
    otc_vhost_run(s->f.vhost);
    law = check_law(s);
    assert_int_equal(law.in_flight, 10 * SPANS_A_MINUTE);
    assert_int_equal(law.queued, 5 * SPANS_A_MINUTE);
    assert_int_equal(law.sent, 3 * SPANS_A_MINUTE);

    /* Some of them succeed, one is refused for good, one is tried again. */
    assert_true(otc_sink_complete(upstream->sink, OTC_OK, NULL));
    (void)otc_fail(&refusal, OTC_INVALID_ARGUMENT, "the upstream does not like it");
    refusal.permanent = true;
    assert_true(otc_sink_complete_with(upstream->sink, &refusal));
    assert_true(otc_sink_complete(upstream->sink, OTC_UNAVAILABLE, "the upstream is away"));
    otc_vhost_run(s->f.vhost);
    law = check_law(s);
    assert_int_equal(law.dropped, SPANS_A_MINUTE);
    assert_int_equal(law.sent, 4 * SPANS_A_MINUTE);

    /* It recovers, and all the rest arrives. */
    otc_sink_answer(upstream->sink, OTC_OK, NULL);
    while (otc_sink_complete(upstream->sink, OTC_OK, NULL)) {
        otc_vhost_run(s->f.vhost);
        (void)check_law(s);
    }
    otc_vhost_advance(s->f.vhost, OTC_MINUTE);
    law = check_law(s);
    assert_int_equal(law.sent, 17 * SPANS_A_MINUTE);
    assert_int_equal(law.queued + law.in_flight, 0);
    close_service(&s->f);
    free(s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(drift_and_latency_stand_beside_the_untouched_spans),
        cmocka_unit_test(nothing_is_lost_silently_when_the_upstream_fails),
    };

    return cmocka_run_group_tests_name("scenarios/sidecar", tests, NULL, NULL);
}
