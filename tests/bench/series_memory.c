// SPDX-License-Identifier: Apache-2.0
/**
 * @file What a series of span_metrics takes: 100,000 series of 5,000 resources (W11, as the peers get them)
 * on a virtual host, without transport and before any flush. Prints the bytes that malloc has given out and
 * the resident memory that came to be, both divided by the number of series.
 */
#include "tests/bench/workloads.h"
#include "tests/harness/rig.h"
#include "tests/harness/sink.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SPANS 5000
#define REQUESTS 20

extern const struct otc_factory otc_span_metrics_processor_factory;

static const char settings[] = "{dimensions: [{name: client.id}], aggregation_cardinality_limit: 0, "
                               "resource_metrics_cache_size: 10000}";

static void
need(otc_status status, const struct otc_error *err)
{
    if (status != OTC_OK) {
        fprintf(stderr, "series_memory: %s\n", err->text);
        exit(EXIT_FAILURE);
    }
}

static size_t
resident(void)
{
    char text[128], *end = text;
    FILE *file = fopen("/proc/self/statm", "r");

    if (!file || !fgets(text, sizeof(text), file)) {
        perror("series_memory: /proc/self/statm");
        exit(EXIT_FAILURE);
    }
    fclose(file);
    (void)strtoul(text, &end, 10); /* "size resident …", in pages */
    return strtoul(end, NULL, 10) * (size_t)sysconf(_SC_PAGESIZE);
}

static void
send(struct otc_rig *rig, size_t request)
{
    struct otc_consumer *input = rig->component->ops->input(rig->component, OTC_TRACES);
    OTC_AUTO_BUF struct otc_buf out = {.limit = (size_t)64 << 20};
    struct otc_error err = OTC_ERROR_INIT;

    if (!workload_request("W11", SPANS, request, &out)) {
        fprintf(stderr, "series_memory: out of memory\n");
        exit(EXIT_FAILURE);
    }
    need(otc_consume(input, otc_batch_copy_of(OTC_TRACES, otc_buf_slice(&out), SPANS, NULL), NULL, &err),
         &err);
}

int
main(void)
{
    struct otc_sink *sink = otc_sink_new();
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_rig rig;
    size_t allocated, pages;

    need(otc_rig_create(&rig, &otc_span_metrics_processor_factory, settings, &err), &err);
    need(rig.component->ops->connect(rig.component, OTC_METRICS, otc_sink_consumer(sink), &err), &err);
    need(rig.component->ops->start(rig.component, &err), &err);
    send(&rig, REQUESTS); /* buffers have grown */
    allocated = mallinfo2().uordblks + mallinfo2().hblkhd;
    pages = resident();
    for (size_t i = 0; i < REQUESTS; i++) {
        send(&rig, i);
    }
    malloc_trim(0);
    printf("allocated %.0f bytes a series\nresident %.0f bytes a series\n",
           (double)(mallinfo2().uordblks + mallinfo2().hblkhd - allocated) / (REQUESTS * SPANS),
           (double)(resident() - pages) / (REQUESTS * SPANS));
    need(rig.component->ops->shutdown(rig.component, INT64_MAX, &err), &err);
    otc_rig_free(&rig);
    otc_sink_free(sink);
    return 0;
}
