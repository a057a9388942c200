// SPDX-License-Identifier: Apache-2.0
/** @file The program's log: the Collector's two encodings, levels, and the thinning out of equal messages. */
#ifndef OTC_SIDECAR_LOG_H
#define OTC_SIDECAR_LOG_H

#include "common/base/buf.h"
#include "sidecar/settings.h"

#include <pthread.h>

#define OTC_LOG_SAMPLES 1024u
#define OTC_LOG_OUTPUTS_MAX 8u

/** What a line says of the component that speaks beside its id; a NULL member is left out. */
struct otc_log_scope {
    const char *kind;
    const char *pipeline;
    const char *signal;
    const char *output;
};

/** Any thread may write. Started with otc_log_sink_open, ended with otc_log_sink_close. */
struct otc_log_sink {
    struct otc_logger logger;
    pthread_mutex_t lock;
    /** Where lines went when it was opened, and where they go. Files of its own are closed by it. */
    FILE *first;
    FILE *outputs[OTC_LOG_OUTPUTS_MAX];
    size_t n_outputs;
    /** Where it tells that a line could not be written. */
    FILE *errors[OTC_LOG_OUTPUTS_MAX];
    size_t n_errors;
    bool json;
    bool no_caller;
    /** The wall clock, unix nanoseconds. */
    int64_t (*now_ns)(void);
    /** Fields of every line; borrowed nodes and labels. */
    const struct otc_node *initial_fields;
    const struct otc_label *resource;
    size_t n_resource;
    /** Fills the scope of a component's id, which is told apart by its address; under the lock. */
    void (*scope)(const void *arg, const char *component, struct otc_log_scope *out);
    const void *scope_arg;
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

/** For otc_log_sink_set_scope: what a service (`arg`) knows of its components. */
void otc_service_scope(const void *service, const char *component, struct otc_log_scope *out);
/** A log at info level, console encoding, onto `out`, without thinning. */
void otc_log_sink_open(struct otc_log_sink *sink, FILE *out, int64_t (*now_ns)(void));
/**
 * From now on as the settings say (NULL: as opened). What they point to is borrowed until the next call.
 * Files are opened (again). FAILED_PRECONDITION: one cannot be; then nothing has changed.
 */
otc_status otc_log_sink_configure(struct otc_log_sink *sink, const struct otc_logs_settings *settings,
                                  const struct otc_label *resource, size_t n_resource, struct otc_error *err);
/** Whether the files can be opened; missing ones are made. */
OTC_CHECK otc_status otc_log_outputs_check(const struct otc_logs_settings *settings, struct otc_error *err);
/** Who knows the components from now on; NULL: nobody. Afterwards the former one is not asked any more. */
void otc_log_sink_set_scope(struct otc_log_sink *sink,
                            void (*scope)(const void *arg, const char *component, struct otc_log_scope *out),
                            const void *arg);
void otc_log_sink_close(struct otc_log_sink *sink);

#endif
