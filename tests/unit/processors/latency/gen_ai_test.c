// SPDX-License-Identifier: Apache-2.0
/* Timings and tokens of generative calls, from spans as clients, vLLM and Triton write them. */
#include "common/base/clock.h"
#include "common/otlp/json.h"
#include "common/otlp/value_text.h"
#include "common/otlp/walk.h"
#include "tests/harness/data.h"
#include "tests/harness/rig.h"
#include "tests/harness/sink.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

extern const struct otc_factory otc_latency_processor_factory;

struct fixture {
    struct otc_rig rig;
    struct otc_sink *sink;
    struct otc_buf told; /* a line for each histogram: "name key=value … count sum" */
};

static void
begin(struct fixture *f, const char *yaml)
{
    struct otc_error err = OTC_ERROR_INIT;

    *f = (struct fixture){.sink = otc_sink_new(), .told = {.limit = 1 << 20}};
    if (otc_rig_create(&f->rig, &otc_latency_processor_factory, yaml, &err) != OTC_OK) {
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
    otc_buf_release(&f->told);
}

static void
send_json(struct fixture *f, struct otc_slice json)
{
    struct otc_consumer *consumer = f->rig.component->ops->input(f->rig.component, OTC_TRACES);
    struct otc_buf bytes = {.limit = 1 << 22};
    struct otc_error err = OTC_ERROR_INIT;

    if (otc_json_to_protobuf(OTC_TRACES, json, 64, &bytes, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(
        otc_consume(consumer, otc_batch_copy_of(OTC_TRACES, otc_buf_slice(&bytes), 1, NULL), NULL, &err),
        OTC_OK);
    otc_buf_release(&bytes);
}

/* Spans given as the members of their JSON objects, each without its braces. */
static void
send(struct fixture *f, const char *spans)
{
    struct otc_buf json = {.limit = 1 << 20};

    (void)otc_buf_printf(
        &json,
        "{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":"
        "{\"stringValue\":\"svc\"}}]},\"scopeSpans\":[{\"spans\":[%s]}]}]}",
        spans);
    send_json(f, otc_buf_slice(&json));
    otc_buf_release(&json);
}

#define S(key, text) "{\"key\":\"" key "\",\"value\":{\"stringValue\":\"" text "\"}}"
#define I(key, number) "{\"key\":\"" key "\",\"value\":{\"intValue\":\"" #number "\"}}"
#define D(key, number) "{\"key\":\"" key "\",\"value\":{\"doubleValue\":" #number "}}"
#define TIMES(start, end) "\"startTimeUnixNano\":\"" #start "\",\"endTimeUnixNano\":\"" #end "\""
#define EVENT(name, at) "{\"name\":\"" name "\",\"timeUnixNano\":\"" #at "\"}"

static bool
tell(void *arg, const struct otc_point *point)
{
    struct otc_buf *out = arg;
    struct otc_slice rest = point->encoded, key;
    struct otc_value value;

    if (point->type != OTC_METRIC_HISTOGRAM) {
        return true;
    }
    otc_buf_append_slice(out, point->name);
    while (otc_attributes_next(OTC_ATTRIBUTES_HISTOGRAM_POINT, &rest, &key, &value)) {
        otc_buf_append_byte(out, ' ');
        otc_buf_append_slice(out, key);
        otc_buf_append_byte(out, '=');
        (void)otc_value_text(&value, out);
    }
    (void)otc_buf_printf(out, " %llu %.9g of %zu\n", (unsigned long long)point->count, point->sum,
                         point->explicit_bounds.n);
    return true;
}

static void
flush(struct fixture *f)
{
    otc_sink_clear(f->sink);
    otc_buf_clear(&f->told);
    otc_vhost_advance(f->rig.vhost, 15 * OTC_SECOND);
    for (size_t i = 0; i < otc_sink_batches(f->sink); i++) {
        assert_int_equal(
            otc_walk_points(NULL, otc_batch_part(otc_sink_batch(f->sink, i), 0), tell, &f->told, NULL),
            OTC_OK);
    }
}

static void
expect(struct fixture *f, const char *line)
{
    if (!strstr(otc_buf_cstr(&f->told), line)) {
        fail_msg("no \"%s\" in\n%s", line, otc_buf_cstr(&f->told));
    }
}

static size_t
lines(struct fixture *f)
{
    size_t n = 0;

    for (const char *at = otc_buf_cstr(&f->told); (at = strchr(at, '\n')); at++) {
        n++;
    }
    return n;
}

/* ---- Clients --------------------------------------------------------------------------------------- */

/* OpenAI's Python instrumentation's own test: 12 prompt and 5 completion tokens (client_metrics_facts.json).
 */
static void
test_client(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f, "");
    send(
        &f,
        "{\"name\":\"chat gpt-4o-mini\",\"kind\":3," TIMES(1000000000, 2000000000) ",\"attributes\":[" S(
            "gen_ai.operation.name",
            "chat") "," S("gen_ai.provider.name",
                          "openai") "," S("gen_ai.request.model",
                                          "gpt-4o-mini") "," S("gen_ai.response.model",
                                                               "gpt-4o-mini-2024-07-18") "," I("gen_ai.usage."
                                                                                               "input_tokens",
                                                                                               12) "," I("gen"
                                                                                                         "_ai"
                                                                                                         ".us"
                                                                                                         "age"
                                                                                                         ".ou"
                                                                                                         "tpu"
                                                                                                         "t_"
                                                                                                         "tok"
                                                                                                         "en"
                                                                                                         "s",
                                                                                                         5) "," D("gen_ai.response.time_to_first_chunk",
                                                                                                                  0.2) "," S("server.address",
                                                                                                                             "x") "]}");
    flush(&f);
#define MODEL                                                                                                \
    " gen_ai.operation.name=chat gen_ai.provider.name=openai gen_ai.request.model=gpt-4o-mini "              \
    "gen_ai.response.model=gpt-4o-mini-2024-07-18"
    expect(&f, "gen_ai.client.operation.duration" MODEL " 1 1 of 14\n");
    expect(&f, "gen_ai.client.token.usage" MODEL " gen_ai.token.type=input 1 12 of 14\n");
    expect(&f, "gen_ai.client.token.usage" MODEL " gen_ai.token.type=output 1 5 of 14\n");
    expect(&f, "gen_ai.client.operation.time_to_first_chunk" MODEL " 1 0.2 of 14\n");
    expect(&f,
           "gen_ai.client.operation.time_per_output_token" MODEL " 1 0.2 of 13\n"); /* (1 - 0.2) / (5 - 1) */
    expect(&f, "gen_ai.client.operation.output_token_rate" MODEL " 1 5 of 16\n");
    assert_int_equal(lines(&f), 6);
    end(&f);
}

/* A call that failed: its duration by its error, its tokens with the others', no timings. */
static void
test_errors(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f, "{gen_ai: {server_address: true}}");
    send(
        &f,
        "{\"name\":\"a\",\"kind\":3," TIMES(1000000000, 2000000000) ",\"attributes\":[" S(
            "gen_ai.request.model",
            "m") "," S("error.type",
                       "timeout") "," I("gen_ai.usage.output_tokens",
                                        5) "," S("server.address",
                                                 "h") "," I("server.port",
                                                            443) "]},"
                                                                 "{\"name\":\"a\",\"kind\":3,\"status\":{"
                                                                 "\"code\":2}," TIMES(
                                                                     1000000000, 4000000000) ",\"attributes\""
                                                                                             ":[" S("gen_ai."
                                                                                                    "request."
                                                                                                    "model",
                                                                                                    "m") "]"
                                                                                                         "}");
    flush(&f);
    expect(&f, "gen_ai.client.operation.duration gen_ai.request.model=m server.address=h server.port=443 "
               "error.type=timeout 1 1 of 14\n");
    expect(&f, "gen_ai.client.token.usage gen_ai.request.model=m server.address=h server.port=443 "
               "gen_ai.token.type=output 1 5 of 14\n");
    expect(&f, "gen_ai.client.operation.duration gen_ai.request.model=m error.type=_OTHER 1 3 of 14\n");
    assert_int_equal(lines(&f), 3);
    end(&f);
}

/* The documents of others' tests: what each call's metrics must be follows from the document alone. */
static void
test_documents(void **state)
{
    struct otc_buf json = {.limit = 1 << 22};
    struct fixture f;
    char path[1024];

    (void)state;
    if (!otc_test_data_path("otlp/genai/langwatch/00194_openllmetryopenairequest.json", path)) {
        print_message("skipped: no verification data\n");
        skip();
    }
    begin(&f, "");
    assert_true(otc_test_read(path, &json));
    send_json(&f, otc_buf_slice(&json));
    flush(&f);
    /* Streamed: events llm.content.completion.chunk, the first 1.904204 s after the start. */
    expect(&f, "gen_ai.client.operation.duration gen_ai.operation.name=chat gen_ai.provider.name=OpenAI "
               "gen_ai.request.model=gpt-5 gen_ai.response.model=gpt-5 1 1.985151 of 14\n");
    expect(
        &f,
        "gen_ai.client.operation.time_to_first_chunk gen_ai.operation.name=chat gen_ai.provider.name=OpenAI "
        "gen_ai.request.model=gpt-5 gen_ai.response.model=gpt-5 1 1.904204 of 14\n");
    assert_true(otc_test_data_path("otlp/genai/langwatch/00016_openinferenceopenairequest.json", path));
    otc_buf_clear(&json);
    assert_true(otc_test_read(path, &json));
    send_json(&f, otc_buf_slice(&json));
    flush(&f);
    /* OpenInference: its event tells the same. */
    expect(&f, "gen_ai.client.operation.time_to_first_chunk gen_ai.request.model=");
    otc_buf_release(&json);
    end(&f);
}

/* ---- Servers --------------------------------------------------------------------------------------- */

/* vLLM's llm_request, as its documentation of traces shows it, with the former names of tokens. */
static void
test_vllm(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f, "");
    send(
        &f,
        "{\"name\":\"llm_request\",\"kind\":2," TIMES(1000000000, 9000000000) ",\"attributes\":[" S(
            "gen_ai.response.model",
            "m") "," I("gen_ai.usage.prompt_tokens",
                       100) "," I("gen_ai.usage.completion_tokens",
                                  11) "," D("gen_ai.latency.e2e",
                                            1.5) "," D("gen_ai.latency."
                                                       "time_to_"
                                                       "first_token",
                                                       0.5) "," D("gen_ai.latency.time_in_queue",
                                                                  0.25) "," D("gen_ai.latency.time_in_model_"
                                                                              "prefill",
                                                                              0.125) "," D("gen_ai.latency."
                                                                                           "time_in_model_"
                                                                                           "decode",
                                                                                           1) "," D("gen_ai."
                                                                                                    "latency."
                                                                                                    "time_in_"
                                                                                                    "model_"
                                                                                                    "inferenc"
                                                                                                    "e",
                                                                                                    1.125) "]"
                                                                                                           "}");
    flush(&f);
    expect(&f, "gen_ai.server.request.duration gen_ai.response.model=m 1 1.5 of 14\n");
    expect(&f, "gen_ai.server.token.usage gen_ai.response.model=m gen_ai.token.type=input 1 100 of 14\n");
    expect(&f, "gen_ai.server.token.usage gen_ai.response.model=m gen_ai.token.type=output 1 11 of 14\n");
    expect(&f, "gen_ai.server.time_to_first_token gen_ai.response.model=m 1 0.5 of 16\n");
    expect(&f, "gen_ai.server.time_per_output_token gen_ai.response.model=m 1 0.1 of 13\n");
    expect(&f, "gen_ai.server.request.output_token_rate gen_ai.response.model=m 1 7.33333333 of 16\n");
    expect(&f, "ml.inference.stage.duration ml.model.name=m ml.model.version=m ml.inference.stage=queue 1 "
               "0.25 of 17\n");
    expect(&f, "ml.inference.stage=prefill 1 0.125 of 17\n");
    expect(&f, "ml.inference.stage=decode 1 1 of 17\n");
    expect(&f, "ml.inference.stage=inference 1 1.125 of 17\n");
    assert_int_equal(lines(&f), 10);
    end(&f);
}

#define TRITON_REQUEST                                                                                       \
    "{\"name\":\"resnet\",\"kind\":1,\"traceId\":\"0102030405060708090a0b0c0d0e0f10\",\"spanId\":"           \
    "\"0000000000000001\"," TIMES(1000000000, 1000900000) ",\"attributes\":[" S(                             \
        "triton.model_name",                                                                                 \
        "resnet") "," I("triton.model_version",                                                              \
                        2) "],\"events\":[" EVENT("REQUEST_START",                                           \
                                                  1000000000) "," EVENT("QUEUE_START",                       \
                                                                        1000100000) "," EVENT("REQUEST_END", \
                                                                                              1000900000) "]}"
#define TRITON_COMPUTE                                                                                                     \
    "{\"name\":\"compute\",\"kind\":1,\"traceId\":\"0102030405060708090a0b0c0d0e0f10\",\"spanId\":"                        \
    "\"0000000000000002\",\"parentSpanId\":\"0000000000000001\"," TIMES(                                                   \
        1000300000,                                                                                                        \
        1000800000) ",\"events\":[" EVENT("COMPUTE_START",                                                                 \
                                          1000300000) "," EVENT("COMPUTE_INPUT_END",                                       \
                                                                1000350000) "," EVENT("COMPUTE_OUTPUT_"                    \
                                                                                      "START",                             \
                                                                                      1000750000) "," EVENT("COMPUTE_END", \
                                                                                                            1000800000) "]}"

/* Triton's spans as its src/tracer.cc makes them: the child comes first, and alone does not tell its model.
 */
static void
test_triton(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f, "");
    send(&f, TRITON_COMPUTE);
    send(&f, TRITON_REQUEST);
    flush(&f);
#define RESNET "ml.inference.stage.duration ml.model.name=resnet ml.model.version=2 ml.inference.stage="
    expect(&f, RESNET "queue 1 0.0002 of 17\n");
    expect(&f, RESNET "compute_input 1 5e-05 of 17\n");
    expect(&f, RESNET "compute_infer 1 0.0004 of 17\n");
    expect(&f, RESNET "compute_output 1 5e-05 of 17\n");
    assert_int_equal(lines(&f), 4); /* no generative call */
    send(&f, TRITON_REQUEST);       /* its child is used up */
    send(&f, "{\"name\":\"compute\",\"kind\":1," TIMES(1, 2) "}");
    flush(&f);
    expect(&f, RESNET "queue 1 0.0002 of 17\n");
    end(&f);
}

/* ---- Limits ---------------------------------------------------------------------------------------- */

static void
test_limits(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f, "{gen_ai: {series: 1}}");
    send(
        &f,
        "{\"name\":\"a\"," TIMES(1000000000, 2000000000) ",\"attributes\":[" S(
            "gen_ai.request.model",
            "one") "]},"
                   "{\"name\":\"a\"," TIMES(1000000000, 2000000000) ",\"attributes\":[" S(
                       "gen_ai.request.model",
                       "two") "]},"
                              "{\"name\":\"a\"," TIMES(1000000000, 2000000000) ",\"attributes\":[" S(
                                  "gen_ai.request.model",
                                  "three") "]},"
                                           "{\"name\":\"a\"," TIMES(
                                               1000000000,
                                               2000000000) ",\"attributes\":[" S("gen_ai.request.model",
                                                                                 "one") "]},"
                                                                                        "{\"name\":"
                                                                                        "\"plain\"," TIMES(
                                                                                            1000000000,
                                                                                            2000000000) ",\"a"
                                                                                                        "ttri"
                                                                                                        "bute"
                                                                                                        "s\":"
                                                                                                        "[" S("error.type",
                                                                                                              "one") "]}");
    flush(&f);
    expect(&f, "gen_ai.client.operation.duration gen_ai.request.model=one 2 2 of 14\n");
    expect(&f, "gen_ai.client.operation.duration otel.metric.overflow=true 2 2 of 14\n");
    assert_int_equal(lines(&f), 2);
    otc_vhost_advance(f.rig.vhost, 25 * 3600 * OTC_SECOND); /* beyond series_expiration */
    flush(&f);
    assert_int_equal(lines(&f), 0);
    end(&f);

    begin(&f, "{gen_ai: {enabled: false}}");
    send(&f, "{\"name\":\"a\"," TIMES(1000000000, 2000000000) ",\"attributes\":[" S("gen_ai.request.model",
                                                                                    "one") "]}");
    flush(&f);
    assert_int_equal(lines(&f), 0);
    end(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_client),    cmocka_unit_test(test_errors),
                                       cmocka_unit_test(test_documents), cmocka_unit_test(test_vllm),
                                       cmocka_unit_test(test_triton),    cmocka_unit_test(test_limits)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
