// SPDX-License-Identifier: Apache-2.0
/* Timings and tokens of generative calls, from spans as clients, vLLM and Triton write them. */
#include "tests/unit/processors/latency/stage.h"

/* ---- Clients --------------------------------------------------------------------------------------- */

/* OpenAI's Python instrumentation's own test: 12 prompt and 5 completion tokens (client_metrics_facts.json).
 */
static void
test_client(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f, "");
    send_span(
        &f, (struct written){"chat gpt-4o-mini", 3, 0, 1000000000, 2000000000,
                             "gen_ai.operation.name=chat gen_ai.provider.name=openai "
                             "gen_ai.request.model=gpt-4o-mini gen_ai.response.model=gpt-4o-mini-2024-07-18 "
                             "gen_ai.usage.input_tokens=12 gen_ai.usage.output_tokens=5 "
                             "gen_ai.response.time_to_first_chunk=0.2 server.address=x",
                             NULL, NULL, NULL});
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
    send_span(&f, (struct written){"a", 3, 0, 1000000000, 2000000000,
                                   "gen_ai.request.model=m error.type=timeout gen_ai.usage.output_tokens=5 "
                                   "server.address=h server.port=443",
                                   NULL, NULL, NULL});
    send_span(
        &f, (struct written){"a", 3, 2, 1000000000, 4000000000, "gen_ai.request.model=m", NULL, NULL, NULL});
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
    send_span(&f, (struct written){
                      "llm_request", 2, 0, 1000000000, 9000000000,
                      "gen_ai.response.model=m gen_ai.usage.prompt_tokens=100 "
                      "gen_ai.usage.completion_tokens=11 gen_ai.latency.e2e=1.5 "
                      "gen_ai.latency.time_to_first_token=0.5 gen_ai.latency.time_in_queue=0.25 "
                      "gen_ai.latency.time_in_model_prefill=0.125 gen_ai.latency.time_in_model_decode=1.0 "
                      "gen_ai.latency.time_in_model_inference=1.125",
                      NULL, NULL, NULL});
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

static const struct written triton_request = {
    "resnet",
    1,
    0,
    1000000000,
    1000900000,
    "triton.model_name=resnet triton.model_version=2",
    "REQUEST_START@1000000000 QUEUE_START@1000100000 REQUEST_END@1000900000",
    "0000000000000001",
    NULL};
static const struct written triton_compute = {"compute",
                                              1,
                                              0,
                                              1000300000,
                                              1000800000,
                                              NULL,
                                              "COMPUTE_START@1000300000 COMPUTE_INPUT_END@1000350000 "
                                              "COMPUTE_OUTPUT_START@1000750000 COMPUTE_END@1000800000",
                                              "0000000000000002",
                                              "0000000000000001"};

/* Triton's spans as its src/tracer.cc makes them: the child comes first, and alone does not tell its model.
 */
static void
test_triton(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f, "");
    send_span(&f, triton_compute);
    send_span(&f, triton_request);
    flush(&f);
#define RESNET "ml.inference.stage.duration ml.model.name=resnet ml.model.version=2 ml.inference.stage="
    expect(&f, RESNET "queue 1 0.0002 of 17\n");
    expect(&f, RESNET "compute_input 1 5e-05 of 17\n");
    expect(&f, RESNET "compute_infer 1 0.0004 of 17\n");
    expect(&f, RESNET "compute_output 1 5e-05 of 17\n");
    assert_int_equal(lines(&f), 4); /* no generative call */
    send_span(&f, triton_request);  /* its child is used up */
    send_span(&f, (struct written){"compute", 1, 0, 1, 2, NULL, "other@1", NULL, NULL});
    flush(&f);
    expect(&f, RESNET "queue 1 0.0002 of 17\n");
    end(&f);
}

/* Attributes that differ in one value, of any type or of none, are series of their own, however they take
 * turns; a number and its text are one. */
static void
test_series(void **state)
{
    static const char *const attributes[] = {
        "gen_ai.request.model=one",
        "gen_ai.request.model=ane",
        "gen_ai.request.model=one gen_ai.provider.name=one",
        "gen_ai.request.model=one server.port=1",
        "gen_ai.request.model=one server.port=2",
        "gen_ai.request.model=one server.port=2.5",
        "gen_ai.operation.name=one",
        "gen_ai.response.model=one llm.system=x gen_ai.provider.name=y",
    };
    const size_t n = sizeof(attributes) / sizeof(attributes[0]);
    struct fixture f;

    (void)state;
    begin(&f, "{gen_ai: {server_address: true}}");
    for (size_t i = 0; i < 3 * n; i++) {
        send_span(&f,
                  (struct written){"a", 3, 0, 1000000000, 2000000000, attributes[i % n], NULL, NULL, NULL});
    }
    send(&f, "{\"kind\":3,\"startTimeUnixNano\":\"1\",\"endTimeUnixNano\":\"1\",\"attributes\":["
             "{\"key\":\"gen_ai.request.model\",\"value\":{\"stringValue\":\"one\"}},"
             "{\"key\":\"server.port\",\"value\":{\"stringValue\":\"2\"}}]}");
    flush(&f);
#define DURATION "gen_ai.client.operation.duration "
    expect(&f, DURATION "gen_ai.request.model=one 3 3 of 14\n");
    expect(&f, DURATION "gen_ai.request.model=ane 3 3 of 14\n");
    expect(&f, DURATION "gen_ai.provider.name=one gen_ai.request.model=one 3 3 of 14\n");
    expect(&f, DURATION "gen_ai.request.model=one server.port=1 3 3 of 14\n");
    expect(&f, DURATION "gen_ai.request.model=one server.port=2 4 3 of 14\n");
    expect(&f, DURATION "gen_ai.request.model=one server.port=2.5 3 3 of 14\n");
    expect(&f, DURATION "gen_ai.operation.name=one 3 3 of 14\n");
    expect(&f, DURATION "gen_ai.provider.name=y gen_ai.response.model=one 3 3 of 14\n");
    assert_int_equal(lines(&f), n);
    end(&f);
}

/* A source that model::name asks for in another order keeps its rank: the current name wins. */
static void
test_shared_attributes(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f, "{model: {name: [llm.model_name, gen_ai.request.model]}}");
    send_span(&f, (struct written){"a", 3, 0, 1000000000, 2000000000,
                                   "llm.model_name=old gen_ai.request.model=new", NULL, NULL, NULL});
    flush(&f);
    expect(&f, DURATION "gen_ai.request.model=new 1 1 of 14\n");
    expect(&f, "ml.inference.requests ml.model.name=old ml.operation.name=a status=ok = 1\n");
    end(&f);
}

/* ---- Limits ---------------------------------------------------------------------------------------- */

static void
test_limits(void **state)
{
    static const char *const models[] = {"gen_ai.request.model=one", "gen_ai.request.model=two",
                                         "gen_ai.request.model=three", "gen_ai.request.model=one",
                                         "error.type=one"};
    struct fixture f;

    (void)state;
    begin(&f, "{gen_ai: {series: 1}}");
    for (size_t i = 0; i < 5; i++) {
        send_span(&f, (struct written){"a", 1, 0, 1000000000, 2000000000, models[i], NULL, NULL, NULL});
    }
    flush(&f);
    expect(&f, "gen_ai.client.operation.duration gen_ai.request.model=one 2 2 of 14\n");
    expect(&f, "gen_ai.client.operation.duration otel.metric.overflow=true 2 2 of 14\n");
    assert_int_equal(lines(&f), 2);
    otc_vhost_advance(f.rig.vhost, 25 * 3600 * OTC_SECOND); /* beyond series_expiration */
    flush(&f);
    assert_int_equal(lines(&f), 0);
    for (int i = 0; i < 2; i++) { /* both begin anew: the latest one, and one of the recent ones */
        send_span(&f, (struct written){"a", 1, 0, 1000000000, 2000000000, models[i], NULL, NULL, NULL});
    }
    flush(&f);
    expect(&f, "gen_ai.client.operation.duration gen_ai.request.model=one 1 1 of 14\n");
    expect(&f, "gen_ai.client.operation.duration otel.metric.overflow=true 1 1 of 14\n");
    end(&f);

    begin(&f, "{gen_ai: {enabled: false}}");
    send_span(&f, (struct written){"a", 1, 0, 1000000000, 2000000000, models[0], NULL, NULL, NULL});
    flush(&f);
    assert_int_equal(lines(&f), 0);
    end(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_client),
                                       cmocka_unit_test(test_errors),
                                       cmocka_unit_test(test_documents),
                                       cmocka_unit_test(test_vllm),
                                       cmocka_unit_test(test_triton),
                                       cmocka_unit_test(test_series),
                                       cmocka_unit_test(test_shared_attributes),
                                       cmocka_unit_test(test_limits)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
