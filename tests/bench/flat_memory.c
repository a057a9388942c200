// SPDX-License-Identifier: Apache-2.0
/*
 * Memory under a flood: 10 million observations of made-up models, versions, arms, features and categories
 * through the drift connector, for each kind of reference. After a warm-up of a fifth neither the stage's own
 * account nor the process grows; else it says so and fails. `flat_memory [MILLIONS]`. Nothing is timed.
 */
#include "processors/drift/state.h"
#include "tests/harness/config.h"
#include "tests/harness/flood.h"
#include "tests/harness/sink.h"
#include "tests/harness/vhost.h"

#include <sys/wait.h>
#include <unistd.h>

#define SPANS 100
#define STEP_NS (50 * OTC_MILLISECOND)
/* What the allocator may still take after the warm-up. */
#define SLACK_BYTES ((size_t)2 << 20)

extern const struct otc_factory otc_drift_processor_factory;

#define COMMON                                                                                               \
    "presets: [ml]\nwindow: {length: 1m, pane: 10s, allowed_lateness: 5s, max_age: 1m}\n"                    \
    "limits: {memory: 48MiB, models: 30, versions: 8, features: 50, series: 5000}\n"

static const struct {
    const char *name, *yaml;
} kinds[] = {
    {"learned", COMMON "reference: {learn: {observations: 2000, duration: 10s}}\n"},
    {"trailing", COMMON "reference: {trailing: {offset: 1m}, grid_observations: 500}\n"},
    {"hour_of_week", COMMON "reference: {hour_of_week: {weeks: 2}, grid_observations: 500}\n"},
    {"arm", COMMON "reference: {arm: {baseline: control}, grid_observations: 500}\n"},
};

struct stage {
    struct otc_vhost *vhost;
    struct otc_sink *sink;
    struct otc_config *config;
    struct otc_component *component;
};

static void
need(otc_status status, const struct otc_error *err)
{
    if (status != OTC_OK) {
        fprintf(stderr, "flat_memory: %s\n", err->text);
        exit(EXIT_FAILURE);
    }
}

static void
open_stage(struct stage *stage, const char *yaml)
{
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_settings settings = {.abi = OTC_ABI_OF(otc_settings), .id = "drift"};

    stage->vhost = otc_vhost_new();
    stage->sink = otc_sink_new();
    need(otc_test_config(&otc_drift_processor_factory, yaml, &stage->config, &err), &err);
    settings.host = otc_vhost_host(stage->vhost);
    settings.config = otc_config_value(stage->config);
    need(otc_drift_processor_factory.create(&settings, &stage->component, &err), &err);
    need(stage->component->ops->connect(stage->component, OTC_METRICS, otc_sink_consumer(stage->sink), &err),
         &err);
    need(stage->component->ops->start(stage->component, &err), &err);
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

static size_t
resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    char line[256] = "", *rest = line;

    if (!file || !fgets(line, sizeof(line), file)) {
        fprintf(stderr, "flat_memory: /proc/self/statm cannot be read\n");
        exit(EXIT_FAILURE);
    }
    (void)fclose(file);
    (void)strtoul(line, &rest, 10); /* the size, then what is resident, in pages */
    return strtoul(rest, NULL, 10) * (size_t)sysconf(_SC_PAGESIZE);
}

static void
send(struct stage *stage, struct otc_flood *flood, struct otc_buf *bytes)
{
    struct otc_host *host = otc_vhost_host(stage->vhost);
    struct otc_error err = OTC_ERROR_INIT;

    otc_buf_clear(bytes);
    otc_flood_request(flood, host->now_ns(host), SPANS, bytes);
    need(otc_consume(stage->component->ops->input(stage->component, OTC_TRACES),
                     otc_batch_copy_of(OTC_TRACES, otc_buf_slice(bytes), SPANS, NULL), NULL, &err),
         &err);
    otc_vhost_advance(stage->vhost, STEP_NS);
    otc_sink_clear(stage->sink);
}

/* One kind of reference; false when memory grew. */
static bool
run(const char *name, const char *yaml, uint64_t observations)
{
    OTC_AUTO_BUF struct otc_buf bytes = {.limit = (size_t)32 << 20};
    struct otc_flood flood = {.random = 1, .calm = 20000};
    struct stage stage = {0};
    const struct drift *drift;
    size_t resident = 0, account = 0;
    bool flat = true;

    open_stage(&stage, yaml);
    drift = OTC_CONTAINER(stage.component, drift, component);
    printf("%s\n  million observations    account MiB    process MiB\n", name);
    for (uint64_t part = 1; part <= 10; part++) {
        while (flood.observations < observations / 10 * part) {
            send(&stage, &flood, &bytes);
        }
        printf("  %20.1f %14.2f %14.2f\n", (double)flood.observations / 1e6,
               (double)drift->budget.used / 1048576, (double)resident_bytes() / 1048576);
        if (part == 2) {
            resident = resident_bytes();
            account = drift->budget.used;
        }
        flat = flat && drift->budget.used <= drift->budget.limit &&
               (part <= 2 ||
                (resident_bytes() <= resident + SLACK_BYTES && drift->budget.used <= account + SLACK_BYTES));
    }
    close_stage(&stage);
    if (!flat) {
        printf("  NOT FLAT\n");
    }
    return flat;
}

/* In a process of its own, whose memory is that of one kind alone. */
static bool
run_apart(size_t kind, uint64_t observations)
{
    int status = 0;
    pid_t child;

    (void)fflush(stdout);
    child = fork();
    if (child == 0) {
        bool flat = run(kinds[kind].name, kinds[kind].yaml, observations);

        (void)fflush(stdout);
        _exit(flat ? EXIT_SUCCESS : EXIT_FAILURE);
    }
    return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

int
main(int argc, char **argv)
{
    double millions = argc > 1 ? strtod(argv[1], NULL) : 10;
    bool flat = true;

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        flat = run_apart(i, (uint64_t)(millions * 1e6)) && flat;
    }
    return flat ? EXIT_SUCCESS : EXIT_FAILURE;
}
