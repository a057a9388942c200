// SPDX-License-Identifier: Apache-2.0
/* Detections as log records: once when a verdict turns, with the evidence. */
#include "common/otlp/proto/collector.pb-c.h"
#include "tests/unit/processors/drift/stage.h"

#define SETTINGS                                                                                             \
    "presets: [ml]\nreference: {learn: {observations: 400, duration: 2m}}\n"                                 \
    "window: {length: 10s, pane: 10s, allowed_lateness: 0s, min_observations: 50}\n"                         \
    "decision: {windows: 2 of 3, share: 1}\n"

/* Ten records a second, a tick at a time; ages are 30 to 50, drifted ones 48 to
 * 49. */
static void
run(struct stage *stage, int seconds, bool drifted)
{
    static uint64_t i;

    for (int s = 0; s < seconds; s++) {
        otc_vhost_advance(stage->vhost, OTC_SECOND);
        for (int k = 0; k < 10; k++, i++) {
            const struct field fields[] = {
                NUMBER("ml.feature.age",
                       drifted ? 48 + (double)(i % 100) / 100 : 30 + (double)(i * 7919 % 2000) / 100),
                TEXT("ml.feature.country", i % 5 ? "DE" : "FR"),
            };

            record(stage, stage_now(stage) - 50 * OTC_MILLISECOND * k, fields, 2);
        }
        send(stage);
    }
}

static Otc__Otlp__ExportLogsServiceRequest *
unpack(struct otc_sink *sink, size_t index)
{
    struct otc_slice part = otc_batch_part(otc_sink_batch(sink, index), 0);
    Otc__Otlp__ExportLogsServiceRequest *request =
        otc__otlp__export_logs_service_request__unpack(NULL, part.len, (const uint8_t *)part.data);

    assert_non_null(request);
    assert_int_equal(request->n_resource_logs, 1);
    assert_int_equal(request->resource_logs[0]->n_scope_logs, 1);
    assert_int_equal(request->resource_logs[0]->scope_logs[0]->n_log_records,
                     otc_batch_items(otc_sink_batch(sink, index)));
    return request;
}

static const Otc__Otlp__AnyValue *
attribute(const Otc__Otlp__LogRecord *log, const char *key)
{
    for (size_t i = 0; i < log->n_attributes; i++) {
        if (otc_slice_equal_str(otc_slice_of(log->attributes[i]->key.data, log->attributes[i]->key.len),
                                key)) {
            return log->attributes[i]->value;
        }
    }
    fail_msg("no attribute %s", key);
    return NULL;
}

static void
assert_text(const Otc__Otlp__LogRecord *log, const char *key, const char *text)
{
    const Otc__Otlp__AnyValue *value = attribute(log, key);

    if (!otc_slice_equal_str(otc_slice_of(value->string_value.data, value->string_value.len), text)) {
        fail_msg("%s is '%.*s', not '%s'", key, (int)value->string_value.len, value->string_value.data, text);
    }
}

static void
assert_event(const Otc__Otlp__LogRecord *log, const char *name, int severity)
{
    assert_true(otc_slice_equal_str(otc_slice_of(log->event_name.data, log->event_name.len), name));
    assert_int_equal(log->severity_number, severity);
    assert_text(log, "ml.model.name", "credit");
    assert_text(log, "ml.model.version", "1");
    assert_text(log, "ml.feature.name", "age");
    assert_text(log, "ml.feature.kind", "input");
    assert_text(log, "ml.drift.window", "10s");
    assert_int_equal(attribute(log, "ml.drift.reference")->string_value.len, 8);
    assert_int_equal(attribute(log, "ml.drift.window.end")->int_value * OTC_SECOND, log->time_unix_nano);
    assert_true(log->observed_time_unix_nano >= log->time_unix_nano);
    assert_int_equal(attribute(log, "ml.drift.window.observations")->int_value, 100);
}

static void
test_detected_then_resolved(void **state)
{
    (void)state;
    struct stage *stage = stage_new(SETTINGS);
    struct otc_sink *logs = otc_sink_new();
    struct otc_error err = OTC_ERROR_INIT;
    Otc__Otlp__ExportLogsServiceRequest *request;
    const Otc__Otlp__LogRecord *log;

    assert_int_equal(
        stage->component->ops->connect(stage->component, OTC_LOGS, otc_sink_consumer(logs), &err), OTC_OK);
    run(stage, 180, false);
    assert_int_equal(otc_sink_calls(logs), 0);
    run(stage, 40, true);
    assert_int_equal(otc_sink_items(logs), 1);
    request = unpack(logs, 0);
    log = request->resource_logs[0]->scope_logs[0]->log_records[0];
    assert_event(log, "ml.drift.detected", 13);
    assert_text(log, "ml.drift.test", "ks");
    assert_float_equal(attribute(log, "ml.drift.statistic")->double_value, 0.9, 0.01);
    assert_float_equal(attribute(log, "ml.drift.effect")->double_value, 0.9, 0.01);
    assert_float_equal(attribute(log, "ml.drift.min_effect")->double_value, 0.08, 0);
    assert_float_equal(attribute(log, "ml.drift.level")->double_value, 0.01, 0);
    assert_true(attribute(log, "ml.drift.p_value.adjusted")->double_value < 1e-6);
    /* The last of ten bins has everything. */
    assert_float_equal(attribute(log, "ml.drift.moved.1.current_share")->double_value, 1, 0);
    assert_float_equal(attribute(log, "ml.drift.moved.1.reference_share")->double_value, 0.1, 0.01);
    assert_float_equal(attribute(log, "ml.drift.moved.2.current_share")->double_value, 0, 0);
    otc__otlp__export_logs_service_request__free_unpacked(request, NULL);
    run(stage, 60, false);
    assert_int_equal(otc_sink_items(logs), 2);
    request = unpack(logs, 1);
    assert_event(request->resource_logs[0]->scope_logs[0]->log_records[0], "ml.drift.resolved", 9);
    otc__otlp__export_logs_service_request__free_unpacked(request, NULL);
    stage_free(stage);
    otc_sink_free(logs);
}

/* What the pipeline refuses is told with the next window or flush. */
static void
test_refused_once(void **state)
{
    (void)state;
    struct stage *stage = stage_new(SETTINGS);
    struct otc_sink *logs = otc_sink_new();
    struct otc_error err = OTC_ERROR_INIT;

    assert_int_equal(
        stage->component->ops->connect(stage->component, OTC_LOGS, otc_sink_consumer(logs), &err), OTC_OK);
    assert_int_equal(
        stage->component->ops->connect(stage->component, OTC_TRACES, otc_sink_consumer(logs), &err),
        OTC_INVALID_ARGUMENT);
    run(stage, 180, false);
    otc_sink_answer(logs, OTC_UNAVAILABLE, "full");
    run(stage, 31, true);
    assert_true(otc_sink_calls(logs) > 0);
    assert_int_equal(otc_sink_items(logs), 0);
    otc_sink_answer(logs, OTC_OK, NULL);
    otc_vhost_advance(stage->vhost, 15 * OTC_SECOND);
    assert_int_equal(otc_sink_items(logs), 1);
    stage_free(stage);
    otc_sink_free(logs);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_detected_then_resolved),
        cmocka_unit_test(test_refused_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
