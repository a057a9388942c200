// SPDX-License-Identifier: Apache-2.0
/** @file The program's log: the Collector's two encodings, levels, and the thinning out of equal messages. */
#ifndef OTC_SIDECAR_LOG_H
#define OTC_SIDECAR_LOG_H

#include "common/base/buf.h"
#include "sidecar/settings.h"

#include <pthread.h>

#define OTC_LOG_SAMPLES 1024u

/** Any thread may write. Started with otc_log_sink_open, ended with otc_log_sink_close. */
struct otc_log_sink {
    struct otc_logger logger;
    pthread_mutex_t lock;
    FILE *out;
    bool json;
    /** The wall clock, unix nanoseconds. */
    int64_t (*now_ns)(void);
    /** Fields of every line; borrowed nodes and labels. */
    const struct otc_node *initial_fields;
    const struct otc_label *resource;
    size_t n_resource;
    struct otc_buf line;
    /** Thinning out: counts of equal messages within the current tick. */
    bool sampled;
    int64_t tick_ns;
    uint64_t initial;
    uint64_t thereafter;
    struct otc_log_sample {
        int64_t until_ns;
        uint64_t count;
    } samples[OTC_LOG_SAMPLES];
};

/** A log at info level, console encoding, onto `out`, without thinning. */
void otc_log_sink_open(struct otc_log_sink *sink, FILE *out, int64_t (*now_ns)(void));
/** From now on as the settings say (NULL: as opened). What they point to is borrowed until the next call. */
void otc_log_sink_configure(struct otc_log_sink *sink, const struct otc_logs_settings *settings,
                            const struct otc_label *resource, size_t n_resource);
void otc_log_sink_close(struct otc_log_sink *sink);

#endif
