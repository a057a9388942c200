// SPDX-License-Identifier: Apache-2.0
/**
 * @file What a request costs on its way through: CPU time of reading and writing OTLP/JSON, of reading gzip,
 * of editing, merging and cutting, and of the message that otlp_grpc sends, the best of 15 rounds.
 * `forward_bench W2|W5 json|to_json|gunzip|attributes|resource|batch|split|message|gzip N` does it to N
 * requests of 100 spans and prints nothing, to count instructions of (counted.h).
 */
#include "common/net/compress.h"
#include "common/net/inflate.h"
#include "common/otlp/json.h"
#include "common/otlp/json_encode.h"
#include "exporters/otlp_grpc/attempt.h"
#include "tests/bench/counted.h"
#include "tests/bench/payload.h"
#include "tests/harness/rig.h"
#include "tests/harness/sink.h"

#include <time.h>

#define ROUNDS 15
#define ROUND_REQUESTS 200
#define SPANS 100
#define LIMIT ((size_t)1 << 30)

extern const struct otc_factory otc_attributes_processor_factory, otc_resource_processor_factory,
    otc_batch_processor_factory;

struct bench {
    struct otc_batch *batch;
    struct otc_buf request, json, gzip, out;
    struct otc_rig rig;
    struct otc_sink *sink;
    struct otc_consumer *input;
    struct otlp_grpc_method method;
};

static void
need(otc_status status, const struct otc_error *err)
{
    if (status != OTC_OK) {
        fprintf(stderr, "forward_bench: %s\n", err->text);
        exit(EXIT_FAILURE);
    }
}

static void
read_json(void *arg)
{
    struct bench *bench = arg;
    struct otc_error err = OTC_ERROR_INIT;

    otc_buf_clear(&bench->out);
    need(otc_json_to_protobuf(OTC_TRACES, otc_buf_slice(&bench->json), 64, &bench->out, &err), &err);
}

static void
write_json(void *arg)
{
    struct bench *bench = arg;
    struct otc_error err = OTC_ERROR_INIT;

    otc_buf_clear(&bench->out);
    need(otc_protobuf_to_json(OTC_TRACES, otc_buf_slice(&bench->request), &bench->out, &err), &err);
}

static void
gunzip(void *arg)
{
    struct bench *bench = arg;
    struct otc_error err = OTC_ERROR_INIT;

    otc_buf_clear(&bench->out);
    need(otc_inflate(OTC_ENCODING_GZIP, otc_buf_slice(&bench->gzip), LIMIT, NULL, NULL, &bench->out, &err),
         &err);
}

static void
process(void *arg)
{
    struct bench *bench = arg;
    struct otc_error err = OTC_ERROR_INIT;

    need(otc_consume(bench->input, otc_batch_ref(bench->batch), NULL, &err), &err);
    otc_sink_clear(bench->sink);
}

static void
message(void *arg)
{
    struct bench *bench = arg;
    struct otlp_grpc_attempt *attempt =
        otlp_grpc_attempt_new(&bench->method, otc_batch_ref(bench->batch), NULL, NULL);

    if (!attempt) {
        exit(EXIT_FAILURE);
    }
    otlp_grpc_attempt_free(attempt);
}

static const struct {
    const char *name;
    void (*fn)(void *arg);
    const struct otc_factory *processor;
    const char *yaml;
} cases[] = {
    {"json", read_json, NULL, NULL},
    {"to_json", write_json, NULL, NULL},
    {"gunzip", gunzip, NULL, NULL},
    {"attributes", process, &otc_attributes_processor_factory,
     "actions: [{key: deployment.tier, value: gold, action: insert}, {key: server.port, action: delete}]\n"},
    {"resource", process, &otc_resource_processor_factory,
     "attributes: [{key: deployment.tier, value: gold, action: upsert}]\n"},
    /* Ten requests become one. */
    {"batch", process, &otc_batch_processor_factory, "send_batch_size: 1000\n"},
    /* One request becomes two. */
    {"split", process, &otc_batch_processor_factory, "{send_batch_size: 50, send_batch_max_size: 50}\n"},
    {"message", message, NULL, NULL},
    {"gzip", message, NULL, NULL},
};

static void
open_bench(struct bench *bench, size_t which, enum payload_kind kind)
{
    static const struct otc_pair pair = {OTC_TRACES, OTC_TRACES, OTC_STABILITY_BETA};
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_compressor *compressor;

    *bench = (struct bench){.request = {.limit = LIMIT},
                            .json = {.limit = LIMIT},
                            .gzip = {.limit = LIMIT},
                            .out = {.limit = LIMIT}};
    if (!payload_traces(kind, SPANS, 1, &bench->request)) {
        exit(EXIT_FAILURE);
    }
    bench->batch = otc_batch_copy_of(OTC_TRACES, otc_buf_slice(&bench->request), SPANS, NULL);
    need(otc_protobuf_to_json(OTC_TRACES, otc_buf_slice(&bench->request), &bench->json, &err), &err);
    need(otc_compressor_new(OTC_COMPRESS_GZIP, 0, &compressor, &err), &err);
    need(otc_compress(compressor, otc_buf_slice(&bench->request), &bench->gzip, &err), &err);
    if (strcmp(cases[which].name, "gzip") == 0) {
        bench->method.compressor = compressor;
    } else {
        otc_compressor_free(compressor);
    }
    if (cases[which].processor) {
        need(otc_rig_create_wired(&bench->rig, cases[which].processor, cases[which].yaml, &pair, 1, &err),
             &err);
        bench->sink = otc_sink_new();

        struct otc_component *component = bench->rig.component;

        need(component->ops->connect(component, OTC_TRACES, otc_sink_consumer(bench->sink), &err), &err);
        bench->input = component->ops->input(component, OTC_TRACES);
    }
}

static void
close_bench(struct bench *bench)
{
    if (bench->sink) {
        if (bench->rig.component->ops->shutdown) {
            need(bench->rig.component->ops->shutdown(bench->rig.component, INT64_MAX, NULL), NULL);
        }
        otc_rig_free(&bench->rig);
        otc_sink_free(bench->sink);
    }
    otc_compressor_free(bench->method.compressor);
    otc_batch_unref(bench->batch);
    otc_buf_release(&bench->request);
    otc_buf_release(&bench->json);
    otc_buf_release(&bench->gzip);
    otc_buf_release(&bench->out);
}

static double
cpu_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void
measure(struct bench *bench, const char *workload, const char *name, void (*fn)(void *))
{
    double best = 1e9;

    for (int round = 0; round < ROUNDS; round++) {
        double start = cpu_seconds(), took;

        for (int i = 0; i < ROUND_REQUESTS; i++) {
            fn(bench);
        }
        took = cpu_seconds() - start;
        best = took < best ? took : best;
    }
    printf("%s %-10s %8.1f ns/span\n", workload, name, best * 1e9 / (ROUND_REQUESTS * SPANS));
}

int
main(int argc, char **argv)
{
    static const char *const workloads[] = {"W2", "W5"};

    grpc_init();
    for (size_t w = 0; w < 2; w++) {
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            enum payload_kind kind;
            struct bench bench;

            if (argc == 4 && (strcmp(argv[1], workloads[w]) != 0 || strcmp(argv[2], cases[i].name) != 0)) {
                continue;
            }
            (void)payload_kind_of(workloads[w], &kind);
            open_bench(&bench, i, kind);
            for (size_t warm = 0; warm < 20; warm++) {
                cases[i].fn(&bench);
            }
            if (argc == 4) {
                bench_counted(cases[i].fn, &bench, strtoul(argv[3], NULL, 10));
            } else {
                measure(&bench, workloads[w], cases[i].name, cases[i].fn);
            }
            close_bench(&bench);
        }
    }
    grpc_shutdown();
    return 0;
}
