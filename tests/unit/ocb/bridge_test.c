// SPDX-License-Identifier: Apache-2.0
#include "ocb/bridge.h"

#include "common/base/clock.h"
#include "ocb/loop.h"
#include "tests/unit/ocb/passes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* ---- The loop ----------------------------------------------------------------------------------- */

struct trace {
    struct otc_bridge_loop loop;
    struct otc_timer *timer, *other;
    int wakes;
    char ran[16];
};

static void
wake_trace(void *arg)
{
    ((struct trace *)arg)->wakes++;
}

static void
note(struct trace *trace, char what)
{
    trace->ran[strlen(trace->ran)] = what;
}

static void
task(void *arg)
{
    note(arg, 't');
}

static void
again(void *arg)
{
    struct trace *trace = arg;

    note(trace, 'a');
    otc_bridge_timer_arm(&trace->loop, trace->timer, 0);
}

static void
frees_itself(void *arg)
{
    struct trace *trace = arg;

    note(trace, 'f');
    otc_bridge_timer_free(&trace->loop, trace->other);
    trace->other = NULL;
}

static void
tasks_go_before_timers_and_the_runner_is_woken_once(void **state)
{
    struct trace trace = {.wakes = 0};

    (void)state;
    otc_bridge_loop_init(&trace.loop, wake_trace, &trace);
    trace.timer = otc_bridge_timer_new(&trace.loop, again, &trace);
    trace.other = otc_bridge_timer_new(&trace.loop, frees_itself, &trace);
    assert_int_equal(otc_bridge_loop_run(&trace.loop), -1);
    assert_int_equal(trace.wakes, 0);
    otc_bridge_timer_arm(&trace.loop, trace.timer, 0);
    assert_true(otc_bridge_loop_post(&trace.loop, task, &trace));
    assert_true(otc_bridge_loop_post(&trace.loop, task, &trace));
    assert_int_equal(trace.wakes, 1);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(otc_bridge_loop_run(&trace.loop), 0);
    }
    assert_string_equal(trace.ran, "ttaa");
    otc_bridge_timer_disarm(&trace.loop, trace.timer);
    assert_int_equal(otc_bridge_loop_run(&trace.loop), -1);
    otc_bridge_timer_arm(&trace.loop, trace.other, OTC_HOUR);
    assert_int_equal(trace.wakes, 2);
    assert_in_range(otc_bridge_loop_run(&trace.loop), OTC_HOUR - OTC_MINUTE, OTC_HOUR);
    otc_bridge_timer_arm(&trace.loop, trace.timer, 2 * OTC_HOUR); /* later than the runner looks anyway */
    assert_int_equal(trace.wakes, 2);
    otc_bridge_loop_flush(&trace.loop); /* the one that arms itself runs once */
    assert_string_equal(trace.ran + 4, trace.ran[4] == 'a' ? "af" : "fa");
    assert_null(trace.other);
    otc_bridge_timer_free(&trace.loop, trace.timer);
    assert_true(otc_bridge_loop_post(&trace.loop, task, &trace));
    otc_bridge_loop_close(&trace.loop);
    assert_string_equal(trace.ran + 6, "t");
    assert_false(otc_bridge_loop_post(&trace.loop, task, &trace));
    otc_bridge_loop_release(&trace.loop);
}

/* ---- Configurations ----------------------------------------------------------------------------- */

static void
refused(const char *type, const char *json, otc_status status, const char *wanted)
{
    struct otc_error err = OTC_ERROR_INIT;

    assert_int_equal(otc_bridge_check(otc_bridge_factory(type, OTC_CONNECTOR), json, strlen(json), "@", &err),
                     status);
    assert_string_equal(err.text, wanted);
}

static void
a_configuration_is_checked_by_its_table(void **state)
{
    struct otc_error err = OTC_ERROR_INIT;

    (void)state;
    assert_int_equal(otc_bridge_check(otc_bridge_factory("latency", OTC_CONNECTOR), NULL, 0, "@", &err),
                     OTC_OK);
    refused("latency", "{\"windov\":{}}", OTC_INVALID_ARGUMENT,
            "decoding failed due to the following error(s):\n\n'' has invalid keys: windov (did you mean "
            "\"window\"?)");
    refused("latency", "{\"limits\":{\"models\":0}}", OTC_FAILED_PRECONDITION,
            "@::limits::models: must be between 1 and 100000, got 0");
    refused(
        "drift", "{\"storage\":\"file_storage\"}", OTC_FAILED_PRECONDITION,
        "@::storage: the storage \"file_storage\" cannot be used inside a Collector: the component keeps its "
        "state in memory there; leave the setting out, or run it in a sidecar");
    /* A text takes the original of an expansion, a number its value; nobody else is given a map of one. */
    refused(
        "drift",
        "{\"reference\":{\"arm\":{\"baseline\":{\"${}\":[7,\"007\"]}}},\"limits\":{\"models\":{\"${}\":[0,"
        "\"00\"]}}}",
        OTC_FAILED_PRECONDITION, "@::limits::models: must be between 1 and 100000, got 0");
    refused(
        "drift", "{\"reference\":{\"arm\":{\"baseline\":{\"${}\":[7,7]}}}}", OTC_INVALID_ARGUMENT,
        "decoding failed due to the following error(s):\n\n'reference.arm.baseline' expected type 'string', "
        "got unconvertible type 'map'");
    assert_null(otc_bridge_factory("latency", OTC_PROCESSOR));
    assert_ptr_not_equal(otc_bridge_factory("drift", OTC_PROCESSOR),
                         otc_bridge_factory("drift", OTC_CONNECTOR));
    assert_null(otc_bridge_factory("otlp", OTC_RECEIVER));
}

static void
a_plug_in_is_adopted_when_its_version_is_ours(void **state)
{
    struct otc_factory older = *otc_bridge_factory("drift", OTC_CONNECTOR), newer = older;
    const struct otc_factory *const list[] = {otc_bridge_factory("latency", OTC_CONNECTOR), &older, NULL},
                                    *const wrong[] = {&newer, NULL};
    const struct otc_factory *found;
    struct otc_error err = OTC_ERROR_INIT;

    (void)state;
    older.abi.size = offsetof(struct otc_factory, one_pipeline); /* a release that had no more */
    found = otc_bridge_adopt(list, "drift", OTC_CONNECTOR, &err);
    assert_non_null(found);
    assert_ptr_not_equal(found, &older);
    assert_string_equal(found->type, "drift");
    free((void *)(uintptr_t)found);
    found = otc_bridge_adopt(list, "drift", OTC_PROCESSOR, &err);
    assert_non_null(found);
    assert_int_equal(found->kind, OTC_PROCESSOR);
    assert_null(otc_bridge_adopt(list, "latency", OTC_PROCESSOR, &err));
    assert_string_equal(err.text, "the plug-in has no processor \"latency\"");
    newer.abi.version = OTC_ABI_VERSION + 1;
    assert_null(otc_bridge_adopt(wrong, "drift", OTC_CONNECTOR, &err));
    assert_non_null(
        strstr(err.text, "is built for version 2 of the component interface, this program has version 1"));
    newer.abi.version = OTC_ABI_VERSION;
    newer.create = NULL;
    assert_null(otc_bridge_adopt(wrong, "drift", OTC_CONNECTOR, &err));
    assert_string_equal(err.text, "component \"drift\" lacks a create function");
    free((void *)(uintptr_t)found);
}

/* ---- Data --------------------------------------------------------------------------------------- */

static void
ignore_log(uintptr_t handle, enum otc_log_level level, const char *message,
           const struct otc_log_field *fields, size_t n)
{
    (void)handle;
    (void)level;
    (void)message;
    (void)fields;
    (void)n;
}

static void
ignore_report(uintptr_t handle, enum otc_component_state told, const char *text)
{
    (void)handle;
    (void)told;
    (void)text;
}

static void
count_wake(uintptr_t handle)
{
    (*(int *)handle)++;
}

static const struct otc_bridge_calls calls = {ignore_log, ignore_report, count_wake};

static struct otc_bridge *
started_of(const struct otc_factory *factory, enum otc_signal to, const char *json, int *wakes)
{
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_bridge *bridge = otc_bridge_new(factory, &calls, (uintptr_t)wakes, OTC_LOG_INFO);

    assert_non_null(bridge);
    assert_true(otc_bridge_resource(bridge, "service.name", "test"));
    assert_true(otc_bridge_pair(bridge, OTC_TRACES, to));
    assert_int_equal(otc_bridge_create(bridge, factory->type, json, strlen(json), &err), OTC_OK);
    assert_int_equal(otc_bridge_start(bridge, &err), OTC_OK);
    return bridge;
}

static struct otc_bridge *
started(const char *type, enum otc_kind kind, enum otc_signal to, const char *json, int *wakes)
{
    return started_of(otc_bridge_factory(type, kind), to, json, wakes);
}

/** One span "a". */
static const char span[] = "\x0a\x07\x12\x05\x12\x03\x2a\x01\x61";

static struct otc_batch *
edited(struct otc_bridge *bridge, const char *client, size_t client_len, bool *same)
{
    struct otc_bridge_answer answer;

    assert_true(otc_bridge_changes(bridge, OTC_TRACES));
    assert_int_equal(
        otc_bridge_consume(bridge, OTC_TRACES, span, sizeof(span) - 1, 1, client, client_len, &answer),
        OTC_OK);
    *same = answer.same;
    return answer.out;
}

static void
a_processor_answers_with_what_it_passes_on(void **state)
{
    static const char client[] = "a\0\0"
                                 "10.1.2.3:4\0m\0tenant\0blue\0";
    int wakes = 0;
    bool same = false;
    void *copy = NULL;
    const void *bytes = NULL;
    size_t len = 0;
    struct otc_bridge *bridge = started(
        "attributes", OTC_PROCESSOR, OTC_TRACES,
        "{\"actions\":[{\"key\":\"who\",\"from_context\":\"metadata.tenant\",\"action\":\"insert\"}]}",
        &wakes);
    struct otc_batch *out = edited(bridge, client, sizeof(client) - 1, &same);

    (void)state;
    assert_non_null(out);
    assert_false(same);
    assert_true(otc_bridge_bytes(out, &copy, &bytes, &len));
    assert_non_null(memmem(bytes, len, "blue", 4));
    free(copy);
    otc_batch_unref(out);
    out = edited(bridge, NULL, 0, &same);
    assert_true(same);
    otc_batch_unref(out);
    otc_bridge_free(bridge);
    bridge = started("filter", OTC_PROCESSOR, OTC_TRACES, "{\"traces\":{\"span\":[\"name == \\\"a\\\"\"]}}",
                     &wakes);
    assert_null(edited(bridge, NULL, 0, &same));
    otc_bridge_free(bridge);
}

static void
a_connector_leaves_results_to_be_taken(void **state)
{
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_bridge_answer answer;
    int wakes = 0;
    struct otc_bridge *bridge = started("latency", OTC_CONNECTOR, OTC_METRICS, "{}", &wakes);
    struct otc_batch *result;
    void *metrics;
    size_t len;

    (void)state;
    assert_false(otc_bridge_pair(bridge, OTC_LOGS, OTC_METRICS));
    assert_false(otc_bridge_changes(bridge, OTC_TRACES));
    assert_int_equal(otc_bridge_consume(bridge, OTC_TRACES, span, sizeof(span) - 1, 1, NULL, 0, &answer),
                     OTC_OK);
    assert_null(answer.out);
    assert_null(otc_bridge_take(bridge));
    wakes = 0;
    otc_bridge_flush(bridge);
    result = otc_bridge_take(bridge);
    assert_non_null(result);
    assert_int_equal(otc_batch_signal(result), OTC_METRICS);
    assert_true(wakes > 0);
    otc_bridge_refused(bridge, OTC_METRICS, otc_batch_items(result));
    assert_true(otc_bridge_metrics(bridge, &metrics, &len));
    assert_non_null(memmem(metrics, len, "aimon_emit_points_refused", 25));
    free(metrics);
    otc_batch_unref(result);
    assert_int_equal(otc_bridge_shutdown(bridge, OTC_SECOND, &err), OTC_OK);
    assert_int_equal(otc_bridge_shutdown(bridge, OTC_SECOND, &err), OTC_OK);
    otc_bridge_free(bridge); /* results that nobody took go with it */
}

/* ---- Processors of plug-ins --------------------------------------------------------------------- */

/* What is passed on of one span: a letter each, S for what came itself, A for another in the answer, R for a
 * result that waits. */
static const char *
passed(struct otc_bridge *bridge)
{
    static char found[8];
    struct otc_bridge_answer answer;
    struct otc_batch *batch;
    size_t n = 0;

    assert_true(otc_bridge_changes(bridge, OTC_TRACES));
    assert_int_equal(otc_bridge_consume(bridge, OTC_TRACES, span, sizeof(span) - 1, 1, NULL, 0, &answer),
                     OTC_OK);
    if (answer.out) {
        found[n++] = answer.same ? 'S' : 'A';
        otc_batch_unref(answer.out);
    }
    while ((batch = otc_bridge_more(&answer)) != NULL) {
        found[n++] = 'A';
        otc_batch_unref(batch);
    }
    while ((batch = otc_bridge_take(bridge)) != NULL) {
        found[n++] = 'R';
        otc_batch_unref(batch);
    }
    found[n] = '\0';
    return found;
}

static void
what_a_plug_in_passes_on_arrives_whichever_way(void **state)
{
    static const struct {
        const char *json, *arrives;
    } ways[] = {{"{}", "S"},
                {"{\"how\":\"none\"}", ""},
                {"{\"how\":\"twice\"}", "SA"},
                {"{\"how\":\"own_done\"}", "R"}};
    int wakes = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        struct otc_bridge *bridge = started_of(&passes_factory, OTC_TRACES, ways[i].json, &wakes);
        const struct passes_guarded *own = &passes_last->own;

        assert_string_equal(passed(bridge), ways[i].arrives);
        assert_string_equal(passed(bridge), ways[i].arrives);
        assert_int_equal(own->before, 0);
        assert_memory_equal(own->behind, (uint64_t[8]){0}, sizeof(own->behind));
        otc_bridge_free(bridge);
    }
}

static void
a_pending_batch_is_accepted_and_a_late_refusal_counted(void **state)
{
    static const char name[] = "aimon_emit_spans_refused";
    struct otc_error err = OTC_ERROR_INIT;
    int wakes = 0;
    struct otc_bridge *bridge = started_of(&passes_factory, OTC_TRACES, "{\"how\":\"later\"}", &wakes);
    void *metrics;
    size_t len;

    (void)state;
    assert_string_equal(passed(bridge), "");
    assert_string_equal(passed(bridge), "R"); /* the first one */
    assert_true(otc_bridge_metrics(bridge, &metrics, &len));
    assert_true(!metrics || !memmem(metrics, len, name, strlen(name)));
    free(metrics);
    (void)otc_fail(&passes_last->outcome, OTC_UNAVAILABLE, "no room");
    assert_int_equal(otc_bridge_shutdown(bridge, OTC_SECOND, &err), OTC_OK);
    assert_null(otc_bridge_take(bridge));
    assert_true(otc_bridge_metrics(bridge, &metrics, &len));
    assert_non_null(memmem(metrics, len, name, strlen(name)));
    free(metrics);
    otc_bridge_free(bridge);
}

/* One that looks on does not answer; what it passes on with an otc_done is what came, which the caller has
 * passed on. */
static void
who_looks_on_passes_nothing_on_twice(void **state)
{
    struct otc_factory looks_on = passes_factory;
    int wakes = 0;

    (void)state;
    looks_on.one_pipeline = true;
    for (int i = 0; i < 2; i++) {
        struct otc_bridge_answer answer;
        struct otc_bridge *bridge =
            started_of(&looks_on, OTC_TRACES, i == 0 ? "{}" : "{\"how\":\"own_done\"}", &wakes);

        assert_false(otc_bridge_changes(bridge, OTC_TRACES));
        assert_int_equal(otc_bridge_consume(bridge, OTC_TRACES, span, sizeof(span) - 1, 1, NULL, 0, &answer),
                         OTC_OK);
        assert_null(answer.out);
        assert_null(otc_bridge_take(bridge));
        passes_last->input.mutates_data = true; /* results, and edits: then it decides */
        assert_true(otc_bridge_changes(bridge, OTC_TRACES));
        otc_bridge_free(bridge);
    }
}

/* A span whose attribute is lists within lists. */
static size_t
nested(uint8_t *out, size_t size, unsigned depth)
{
    /* Of the innermost to the outermost: AnyValue.array_value, ArrayValue.values; KeyValue.value,
     * Span.attributes, ScopeSpans.spans, ResourceSpans.scope_spans, TracesData.resource_spans. */
    static const uint8_t around[] = {0x12, 0x4a, 0x12, 0x12, 0x0a};
    size_t at = size;
    unsigned inner = 2 * depth - 1;

    for (unsigned i = 0; i < inner + sizeof(around); i++) {
        size_t len = size - at;

        assert_true(len < 1U << 14 && at > 3);
        if (len > 127) {
            out[--at] = (uint8_t)(len >> 7);
        }
        out[--at] = (uint8_t)(len > 127 ? (len & 127) | 128 : len);
        out[--at] = i >= inner ? around[i - inner] : i % 2 == 0 ? 0x2a : 0x0a;
    }
    memmove(out, out + at, size - at);
    return size - at;
}

static void
a_processor_is_given_nothing_that_nests_too_deep(void **state)
{
    struct otc_bridge_answer answer;
    int wakes = 0;
    struct otc_bridge *bridge = started_of(&passes_factory, OTC_TRACES, "{}", &wakes);
    uint8_t bytes[1024];
    size_t len = nested(bytes, sizeof(bytes), 60);

    (void)state;
    assert_int_equal(otc_bridge_consume(bridge, OTC_TRACES, bytes, len, 1, NULL, 0, &answer), OTC_OK);
    assert_true(answer.same);
    otc_batch_unref(answer.out);
    len = nested(bytes, sizeof(bytes), 70);
    assert_int_equal(otc_bridge_consume(bridge, OTC_TRACES, bytes, len, 1, NULL, 0, &answer),
                     OTC_INVALID_ARGUMENT);
    assert_string_equal(answer.error.text, "passes: otlp: attribute nesting exceeds 64");
    assert_true(answer.error.permanent);
    assert_null(answer.out);
    otc_bridge_free(bridge);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tasks_go_before_timers_and_the_runner_is_woken_once),
        cmocka_unit_test(a_configuration_is_checked_by_its_table),
        cmocka_unit_test(a_plug_in_is_adopted_when_its_version_is_ours),
        cmocka_unit_test(a_processor_answers_with_what_it_passes_on),
        cmocka_unit_test(a_connector_leaves_results_to_be_taken),
        cmocka_unit_test(what_a_plug_in_passes_on_arrives_whichever_way),
        cmocka_unit_test(a_pending_batch_is_accepted_and_a_late_refusal_counted),
        cmocka_unit_test(who_looks_on_passes_nothing_on_twice),
        cmocka_unit_test(a_processor_is_given_nothing_that_nests_too_deep),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
