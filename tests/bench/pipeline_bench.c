// SPDX-License-Identifier: Apache-2.0
/**
 * @file What the stages cost a span without any transport: CPU time of admission, drift, latency and
 * span_metrics on a virtual host, the best of 15 rounds. `pipeline_bench W2|W2-series|W5|W5-presets
 * admit|drift|latency|span_metrics N` passes N requests of 100 spans after learning and prints nothing, to
 * count instructions of (counted.h).
 */
#include "common/otlp/admit.h"
#include "tests/bench/counted.h"
#include "tests/bench/payload.h"
#include "tests/harness/config.h"
#include "tests/harness/sink.h"
#include "tests/harness/vhost.h"

#include <time.h>

#define ROUNDS 15
#define SPANS 100
#define REQUESTS 20 /* different ones, in turn */
#define SERIES_REQUESTS 200
#define ROUND_REQUESTS 1000
#define LEARN_REQUESTS 60 /* 6000 spans */

extern const struct otc_factory otc_drift_processor_factory, otc_latency_processor_factory,
    otc_span_metrics_processor_factory;

#define LEARN "reference: {learn: {observations: 5000, duration: 1s}}\n"
#define WINDOW "window: {length: 1m, pane: 5s, time: arrival}\n"
#define NUMERIC(name, key) "  - {name: " name ", from: 'attributes[\"" key "\"]', type: numeric}\n"
#define CATEGORICAL(name, key) "  - {name: " name ", from: 'attributes[\"" key "\"]', type: categorical}\n"

#define DIMENSIONS                                                                                           \
    "dimensions: [{name: http.request.method}, {name: http.route}, {name: http.response.status_code}, "
static const char few_series[] = DIMENSIONS "{name: gen_ai.request.model}]\n";
static const char many_series[] = DIMENSIONS "{name: client.address}]\naggregation_cardinality_limit: 0\n";

static const struct {
    const char *name;
    enum payload_kind kind;
    const char *drift;
    const char *span_metrics;
    size_t requests;
} workloads[] = {
    {"W2", PAYLOAD_W2,
     LEARN WINDOW "presets: []\nfeatures:\n" NUMERIC("size", "http.response.body.size")
         NUMERIC("code", "http.response.status_code") NUMERIC("port", "server.port")
             CATEGORICAL("route", "http.route") CATEGORICAL("method", "http.request.method"),
     few_series, REQUESTS},
    /* Nearly every span of the 20,000 has a series of its own. */
    {"W2-series", PAYLOAD_W2,
     LEARN WINDOW "presets: []\nfeatures:\n" NUMERIC("size", "http.response.body.size"), many_series,
     SERIES_REQUESTS},
    {"W5", PAYLOAD_W5,
     LEARN WINDOW "presets: []\nfeatures:\n" NUMERIC("input_tokens", "gen_ai.usage.input_tokens")
         NUMERIC("output_tokens", "gen_ai.usage.output_tokens") NUMERIC("score", "ml.prediction.score")
             NUMERIC("age", "ml.feature.age") CATEGORICAL("country", "ml.feature.country"),
     few_series, REQUESTS},
    /* Everything that the presets find: 20 features. */
    {"W5-presets", PAYLOAD_W5, LEARN WINDOW, few_series, REQUESTS},
};

static const char latency[] = WINDOW;

/** A stage between a feeder and a sink. */
struct stage {
    struct otc_vhost *vhost;
    struct otc_config *config;
    struct otc_component *component;
    struct otc_consumer *input;
    struct otc_sink *sink;
};

struct bench {
    struct stage drift, latency, span_metrics;
    struct otc_batch *batches[SERIES_REQUESTS];
    size_t requests;
    size_t bytes;
};

static double
cpu_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void
need(otc_status status, const struct otc_error *err)
{
    if (status != OTC_OK) {
        fprintf(stderr, "pipeline_bench: %s\n", err->text);
        exit(EXIT_FAILURE);
    }
}

static void
open_stage(struct stage *stage, const struct otc_factory *factory, const char *yaml)
{
    static const struct otc_pair pair = {OTC_TRACES, OTC_METRICS, OTC_STABILITY_BETA};
    struct otc_error err = OTC_ERROR_INIT;

    stage->vhost = otc_vhost_new();
    stage->sink = otc_sink_new();
    need(otc_test_config(factory, yaml, &stage->config, &err), &err);

    const struct otc_settings settings = {.abi = OTC_ABI_OF(otc_settings),
                                          .id = factory->type,
                                          .host = otc_vhost_host(stage->vhost),
                                          .config = otc_config_value(stage->config),
                                          .pairs = &pair,
                                          .n_pairs = 1};

    need(factory->create(&settings, &stage->component, &err), &err);
    need(stage->component->ops->connect(stage->component, OTC_METRICS, otc_sink_consumer(stage->sink), &err),
         &err);
    need(stage->component->ops->start(stage->component, &err), &err);
    stage->input = stage->component->ops->input(stage->component, OTC_TRACES);
}

static void
close_stage(struct stage *stage)
{
    need(stage->component->ops->shutdown(stage->component, INT64_MAX, NULL), NULL);
    stage->component->ops->free(stage->component);
    otc_sink_free(stage->sink);
    otc_config_free(stage->config);
    otc_vhost_free(stage->vhost);
}

static struct otc_batch *
make_batch(enum payload_kind kind, uint64_t seed)
{
    OTC_AUTO_BUF struct otc_buf out = {.limit = (size_t)1 << 30};

    if (!payload_traces(kind, SPANS, seed, &out)) {
        exit(EXIT_FAILURE);
    }
    return otc_batch_copy_of(OTC_TRACES, otc_buf_slice(&out), SPANS, NULL);
}

static void
feed(struct stage *stage, struct otc_batch *batch)
{
    struct otc_error err = OTC_ERROR_INIT;

    need(otc_consume(stage->input, otc_batch_ref(batch), NULL, &err), &err);
}

static void
admit(const struct otc_batch *batch)
{
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_admitted admitted;

    need(otc_admit(OTC_TRACES, otc_batch_part(batch, 0), NULL, &admitted, &err), &err);
}

/** The requests in turn. */
struct pass {
    struct bench *bench;
    struct stage *stage; /* NULL: admission */
    size_t next;
};

static void
pass_one(void *arg)
{
    struct pass *pass = arg;
    struct otc_batch *batch = pass->bench->batches[pass->next++ % pass->bench->requests];

    if (pass->stage) {
        feed(pass->stage, batch);
    } else {
        admit(batch);
    }
}

static struct pass
pass_of(struct bench *bench, const char *what)
{
    return (struct pass){.bench = bench,
                         .stage = strcmp(what, "drift") == 0          ? &bench->drift
                                  : strcmp(what, "latency") == 0      ? &bench->latency
                                  : strcmp(what, "span_metrics") == 0 ? &bench->span_metrics
                                                                      : NULL};
}

static void
open_bench(struct bench *bench, size_t workload, bool learn)
{
    const enum payload_kind kind = workloads[workload].kind;

    open_stage(&bench->drift, &otc_drift_processor_factory, workloads[workload].drift);
    open_stage(&bench->latency, &otc_latency_processor_factory, latency);
    open_stage(&bench->span_metrics, &otc_span_metrics_processor_factory, workloads[workload].span_metrics);
    for (size_t i = 0; learn && i < LEARN_REQUESTS; i++) {
        struct otc_batch *batch = make_batch(kind, 1000 + i);

        feed(&bench->drift, batch);
        otc_vhost_advance(bench->drift.vhost, OTC_SECOND / 20);
        otc_batch_unref(batch);
    }
    bench->requests = workloads[workload].requests;
    for (size_t i = 0; i < bench->requests; i++) {
        bench->batches[i] = make_batch(kind, i);
        bench->bytes += otc_batch_bytes(bench->batches[i]);
    }
    otc_vhost_advance(bench->drift.vhost, OTC_SECOND);
}

static void
close_bench(struct bench *bench)
{
    close_stage(&bench->drift);
    close_stage(&bench->latency);
    close_stage(&bench->span_metrics);
    for (size_t i = 0; i < bench->requests; i++) {
        otc_batch_unref(bench->batches[i]);
    }
}

/** All series are there, and so are the counters of all cells, before anything is counted. */
static void
count_instructions(struct bench *bench, const char *what, size_t requests)
{
    struct pass pass = pass_of(bench, what);

    for (size_t i = 0; i < bench->requests; i++) {
        pass_one(&pass);
    }
    bench_counted(pass_one, &pass, requests);
}

static double
measure(struct bench *bench, const char *name, const char *what)
{
    struct pass pass = pass_of(bench, what);
    double best = 1e9, ns;

    for (int round = 0; round < ROUNDS; round++) {
        double start = cpu_seconds(), took;

        for (size_t i = 0; i < ROUND_REQUESTS; i++) {
            pass_one(&pass);
        }
        took = cpu_seconds() - start;
        best = took < best ? took : best;
    }
    ns = best * 1e9 / (ROUND_REQUESTS * SPANS);
    printf("%s %-12s %7.1f ns/span\n", name, what, ns);
    return ns;
}

int
main(int argc, char **argv)
{
    static const char *const stages[] = {"admit", "drift", "latency", "span_metrics"};

    for (size_t i = 0; i < sizeof(workloads) / sizeof(workloads[0]); i++) {
        const char *name = workloads[i].name;
        struct bench bench = {0};
        double sum = 0;

        if (argc == 4 && strcmp(argv[1], name) != 0) {
            continue;
        }
        open_bench(&bench, i, argc != 4 || strcmp(argv[2], "drift") == 0);
        if (argc == 4) {
            count_instructions(&bench, argv[2], strtoul(argv[3], NULL, 10));
        }
        for (size_t j = 0; argc != 4 && j < 4; j++) {
            double ns = measure(&bench, name, stages[j]);

            sum += j < 3 ? ns : 0;
        }
        if (argc != 4) {
            printf("%s first three %6.1f ns/span (%zu B/span)\n", name, sum,
                   bench.bytes / bench.requests / SPANS);
        }
        close_bench(&bench);
    }
    return 0;
}
