// SPDX-License-Identifier: Apache-2.0
/**
 * @file What walking and admission cost a span: CPU time, the best of 15 rounds. `walk_bench W2|W5
 * walk|bare|admit N` passes over N requests of 100 spans and prints nothing, to count instructions of
 * (counted.h).
 */
#include "common/otlp/admit.h"
#include "common/otlp/walk.h"
#include "tests/bench/counted.h"
#include "tests/bench/payload.h"

#include <time.h>

#define ROUNDS 15
#define ROUND_SPANS 200000
#define N_KEYS 5

static double
cpu_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static bool
visit(void *arg, const struct otc_span *span)
{
    uint64_t *sum = arg;

    *sum += span->end_unix_nano - span->start_unix_nano + (uint64_t)span->kind + (uint64_t)span->status_code +
            span->name.len;
    for (size_t i = 0; i < N_KEYS; i++) {
        *sum += (uint64_t)span->record.values[i].type;
    }
    return true;
}

struct measured {
    const struct otc_projection *projection;
    struct otc_slice request;
    uint64_t sum;
};

static bool
walk_once(struct measured *m)
{
    return otc_walk_spans(m->projection, m->request, visit, &m->sum, NULL) == OTC_OK;
}

static bool
admit_once(struct measured *m)
{
    struct otc_admitted admitted;

    if (otc_admit(OTC_TRACES, m->request, NULL, &admitted, NULL) != OTC_OK) {
        return false;
    }
    m->sum += admitted.items;
    return true;
}

static void
measure(const char *name, const char *what, bool (*once)(struct measured *), struct measured *m, size_t spans)
{
    size_t times = ROUND_SPANS / spans;
    double best = 1e9, ns;

    for (int round = 0; round < ROUNDS; round++) {
        double start = cpu_seconds(), took;

        for (size_t i = 0; i < times; i++) {
            if (!once(m)) {
                fprintf(stderr, "%s: refused\n", name);
                exit(EXIT_FAILURE);
            }
        }
        took = cpu_seconds() - start;
        best = took < best ? took : best;
    }
    ns = best * 1e9 / (double)(times * spans);
    printf("%s %-28s %7.1f ns/span %6.2f GB/s  (%zu B/span)\n", name, what, ns,
           (double)m->request.len / (double)spans / ns, m->request.len / spans);
}

static void
walk_counted(void *arg)
{
    if (!walk_once(arg)) {
        exit(EXIT_FAILURE);
    }
}

static void
admit_counted(void *arg)
{
    if (!admit_once(arg)) {
        exit(EXIT_FAILURE);
    }
}

/** One of the three for `times` requests. */
static void
repeat(struct measured *m, const char *what, size_t times)
{
    if (strcmp(what, "bare") == 0) {
        m->projection = NULL;
    }
    bench_counted(strcmp(what, "admit") == 0 ? admit_counted : walk_counted, m, times);
}

/** With `what`, only that, `times` requests of it. */
static void
bench(const char *name, const struct otc_wanted *wanted, const char *what, size_t times)
{
    OTC_AUTO_BUF struct otc_buf out = {.limit = (size_t)1 << 30};
    struct otc_projection *projection = NULL;
    struct measured m = {0};
    enum payload_kind kind;

    if (!payload_kind_of(name, &kind) || !payload_traces(kind, 100, 1, &out) ||
        otc_projection_new(wanted, N_KEYS, &projection, NULL) != OTC_OK) {
        exit(EXIT_FAILURE);
    }
    m.request = otc_buf_slice(&out);
    m.projection = projection;
    if (what) {
        repeat(&m, what, times);
    } else {
        measure(name, "walk, 5 keys", walk_once, &m, 100);
        m.projection = NULL;
        measure(name, "walk, no attributes", walk_once, &m, 100);
        measure(name, "admission", admit_once, &m, 100);
    }
    otc_projection_free(projection);
}

int
main(int argc, char **argv)
{
    static const struct otc_wanted http[] = {{"http.request.method", OTC_AT_ANY, false},
                                             {"http.route", OTC_AT_ANY, false},
                                             {"http.response.status_code", OTC_AT_ANY, false},
                                             {"service.name", OTC_AT_RESOURCE, false},
                                             {"http.response.body.size", OTC_AT_RECORD, false}};
    static const struct otc_wanted gen_ai[] = {{"gen_ai.request.model", OTC_AT_ANY, false},
                                               {"gen_ai.operation.name", OTC_AT_ANY, false},
                                               {"gen_ai.usage.input_tokens", OTC_AT_RECORD, false},
                                               {"gen_ai.usage.output_tokens", OTC_AT_RECORD, false},
                                               {"ml.prediction.score", OTC_AT_RECORD, false}};

    if (argc == 4) {
        bench(argv[1], strcmp(argv[1], "W5") == 0 ? gen_ai : http, argv[2], strtoul(argv[3], NULL, 10));
        return 0;
    }
    bench("W2", http, NULL, 0);
    bench("W5", gen_ai, NULL, 0);
    return 0;
}
