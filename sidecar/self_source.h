// SPDX-License-Identifier: Apache-2.0
/** @file What the program tells of itself, as OTLP: the meter and what the system knows of the process. */
#ifndef OTC_SIDECAR_SELF_SOURCE_H
#define OTC_SIDECAR_SELF_SOURCE_H

#include "common/component/meter.h"
#include "sidecar/settings.h"

/** Whose metrics, and since when they count. */
struct otc_self_source {
    struct otc_host *host;
    enum otc_metrics_level level;
    int64_t started_ns; /* monotonic */
    int64_t started_unix_ns;
};

/** What a reader of differences was told last. Zeroed: nothing yet. */
struct otc_self_values {
    struct otc_meter_values meter;
    double cpu_seconds, up_seconds;
    int64_t most_bytes;
};

/** How a reader wants it. */
struct otc_self_view {
    enum otc_temporality_preference temporality;
    /** But for cumulative values: what it was told last, and what it is told now. */
    const struct otc_self_values *since;
    struct otc_self_values *now;
};

/** The source of a host that begins to count now. */
void otc_self_source_init(struct otc_self_source *source, struct otc_host *host,
                          enum otc_metrics_level level);
/** Builds the points; `view` NULL: cumulative. False out of memory or at the builder's limit. */
bool otc_self_collect(const struct otc_self_source *source, struct otc_metrics_builder *builder,
                      const struct otc_self_view *view);
void otc_self_values_release(struct otc_self_values *values);

#endif
