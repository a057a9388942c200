// SPDX-License-Identifier: Apache-2.0
#include "sidecar/self_source.h"

#include "common/base/number.h"

#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

/* Counters of the process: sums since the start, and differences. */
enum counter { UPTIME, CPU_SECONDS, TOTAL_ALLOC, N_COUNTERS };
#define COUNTERS(temporality)                                                                                \
    {                                                                                                        \
        [UPTIME] = {"otelcol_process_uptime", "s",  "Uptime of the process [Alpha]",                         \
                    OTC_METRIC_SUM,           true, (temporality)},                                          \
        [CPU_SECONDS] = {"otelcol_process_cpu_seconds",                                                      \
                         "s",                                                                                \
                         "Total CPU user and system time in seconds [Alpha]",                                \
                         OTC_METRIC_SUM,                                                                     \
                         true,                                                                               \
                         (temporality)},                                                                     \
        [TOTAL_ALLOC] = {"otelcol_process_runtime_total_alloc_bytes",                                        \
                         "By",                                                                               \
                         "Most bytes the process ever had resident [Alpha]",                                 \
                         OTC_METRIC_SUM,                                                                     \
                         true,                                                                               \
                         (temporality)},                                                                     \
    }
static const struct otc_metric counters[2][N_COUNTERS] = {COUNTERS(OTC_TEMPORALITY_CUMULATIVE),
                                                          COUNTERS(OTC_TEMPORALITY_DELTA)};
static const struct otc_metric memory_rss = {.name = "otelcol_process_memory_rss",
                                             .unit = "By",
                                             .description =
                                                 "Total physical memory (resident set size) [Alpha]",
                                             .type = OTC_METRIC_GAUGE};
static const struct otc_metric heap_alloc = {
    .name = "otelcol_process_runtime_heap_alloc_bytes",
    .unit = "By",
    .description = "Bytes of allocated heap objects (see 'man mallinfo2', uordblks and hblkhd) [Alpha]",
    .type = OTC_METRIC_GAUGE};
static const struct otc_metric total_memory = {
    .name = "otelcol_process_runtime_total_sys_memory_bytes",
    .unit = "By",
    .description = "Total bytes of memory obtained from the OS for the heap [Alpha]",
    .type = OTC_METRIC_GAUGE};

static int64_t
resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    char line[128];
    int64_t pages = 0;

    if (file != NULL) {
        if (fgets(line, sizeof(line), file) != NULL) {
            /* The second number: resident pages. */
            const char *at = line + strcspn(line, " ");

            at += *at == ' ';
            if (!otc_parse_int64(otc_slice_of(at, strcspn(at, " \n")), &pages)) {
                pages = 0;
            }
        }
        (void)fclose(file);
    }
    return pages * sysconf(_SC_PAGESIZE);
}

static double
seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static void
add_gauges(struct otc_metrics_builder *builder, const struct otc_point_head *head)
{
    struct mallinfo2 heap = mallinfo2();

    otc_build_integer(builder, &memory_rss, head, resident_bytes());
    otc_build_integer(builder, &heap_alloc, head, (int64_t)(heap.uordblks + heap.hblkhd));
    otc_build_integer(builder, &total_memory, head, (int64_t)(heap.arena + heap.hblkhd));
}

/* Adds the counters, less what they were `before` (zeroed: as they are). */
static void
add_counters(const struct otc_self_source *source, struct otc_metrics_builder *builder,
             const struct otc_point_head *head, const struct otc_self_values *before,
             struct otc_self_values *now)
{
    const struct otc_metric *metrics = counters[before != NULL];
    struct rusage usage = {0};

    (void)getrusage(RUSAGE_SELF, &usage);
    now->cpu_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime);
    now->up_seconds = (double)(source->host->monotonic_ns(source->host) - source->started_ns) / 1e9;
    now->most_bytes = (int64_t)usage.ru_maxrss * 1024;
    otc_build_number(builder, &metrics[CPU_SECONDS], head,
                     now->cpu_seconds - (before != NULL ? before->cpu_seconds : 0));
    otc_build_integer(builder, &metrics[TOTAL_ALLOC], head,
                      now->most_bytes - (before != NULL ? before->most_bytes : 0));
    otc_build_number(builder, &metrics[UPTIME], head,
                     now->up_seconds - (before != NULL ? before->up_seconds : 0));
}

/* The Collector's instruments that its level leaves out; all others are told from `basic` on. */
static bool
is_of_level(const void *arg, const char *name)
{
    static const struct {
        const char *prefix;
        enum otc_metrics_level least;
    } instruments[] = {
        {"otelcol_processor_batch_batch_send_size_bytes", OTC_METRICS_DETAILED},
        {"otelcol_processor_batch_", OTC_METRICS_NORMAL},
        {"otelcol_processor_internal_duration", OTC_METRICS_DETAILED},
        {"otelcol_exporter_queue_batch_send_size", OTC_METRICS_DETAILED},
        {"otelcol_exporter_enqueue_size", OTC_METRICS_DETAILED},
    };
    const struct otc_self_source *source = arg;

    for (size_t i = 0; i < sizeof(instruments) / sizeof(instruments[0]); i++) {
        if (strncmp(name, instruments[i].prefix, strlen(instruments[i].prefix)) == 0) {
            return source->level >= instruments[i].least;
        }
    }
    return true;
}

void
otc_self_source_init(struct otc_self_source *source, struct otc_host *host, enum otc_metrics_level level)
{
    *source = (struct otc_self_source){host, level, host->monotonic_ns(host), host->now_ns(host)};
}

bool
otc_self_collect(const struct otc_self_source *source, struct otc_metrics_builder *builder,
                 const struct otc_self_view *view)
{
    static const struct otc_self_values nothing;
    bool cumulative = view == NULL || view->temporality == OTC_PREFER_CUMULATIVE;
    const struct otc_self_values *since = cumulative ? NULL : view->since != NULL ? view->since : &nothing;
    struct otc_self_values now = {0};
    struct otc_meter_view values = {
        .start_unix_nano = (uint64_t)source->started_unix_ns,
        .now_unix_nano = (uint64_t)source->host->now_ns(source->host),
        .wanted = is_of_level,
        .arg = source,
        .since = cumulative ? NULL : &since->meter,
        .now = cumulative ? NULL : &now.meter,
    };
    struct otc_point_head head = {.start_unix_nano = values.start_unix_nano,
                                  .time_unix_nano = values.now_unix_nano};
    bool ok;

    add_gauges(builder, &head);
    /* What is asked of the system is told as differences only where everything is. */
    if (!cumulative && view->temporality == OTC_PREFER_DELTA && since->meter.items != NULL) {
        head.start_unix_nano = since->meter.unix_nano;
    }
    add_counters(source, builder, &head, !cumulative && view->temporality == OTC_PREFER_DELTA ? since : NULL,
                 &now);
    ok = otc_meter_collect(source->host->meter, builder, &values);
    if (ok && !cumulative) {
        *view->now = now;
    }
    return ok;
}

void
otc_self_values_release(struct otc_self_values *values)
{
    otc_meter_values_release(&values->meter);
    *values = (struct otc_self_values){0};
}
