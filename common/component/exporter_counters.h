// SPDX-License-Identifier: Apache-2.0
/** @file The counters of an exporter: private to the exporter helper. */
#ifndef OTC_COMPONENT_EXPORTER_COUNTERS_H
#define OTC_COMPONENT_EXPORTER_COUNTERS_H

#include "common/component/target.h"

enum otc_drop_reason {
    OTC_DROP_NOT_RETRYABLE,
    OTC_DROP_RETRIES_EXHAUSTED,
    OTC_DROP_RETRY_DISABLED,
    OTC_DROP_SHUTDOWN,
    OTC_DROP_DAMAGED,
    OTC_N_DROP_REASONS
};

/** Series of one exporter and signal. The calls below are made under the exporter's lock, so that gauges keep
 * their order; but for those of what was offered, of a request and of poison, which touch none. */
struct otc_exporter_counters {
    struct otc_meter *meter;
    struct otc_series *sent, *send_failed, *enqueue_failed;
    struct otc_series *queue_size, *queue_capacity, *in_flight_requests;
    struct otc_series *enqueued, *queued, *in_flight, *left, *dead_lettered;
    struct otc_series *dropped[OTC_N_DROP_REASONS];
    /* At level detailed alone, NULL else. */
    struct otc_series *enqueue_size, *enqueue_bytes;
    struct otc_series *send_size, *send_bytes;
    /* Failures are told by type then, in series of their own. */
    bool detailed;
    /* Of the exporter, borrowed. */
    const char *id;
    enum otc_signal signal;
    const struct otc_target *target; /* NULL: not told */
};

/** Makes the series; meter, id, signal and target are set. `capacity` 0: no queue, and no series of one.
 * `batches`: the queue makes batches. */
void otc__exporter_counters_init(struct otc_exporter_counters *counters, int64_t capacity, bool batches);
/** What the queue takes; 0 at its end. */
void otc__count_capacity(const struct otc_exporter_counters *counters, int64_t capacity);
/** Of a request that comes to the queue, whether it is taken or not. */
void otc__count_offered(const struct otc_exporter_counters *counters, const struct otc_batch *batch);
/** Of one that leaves it, once however often it is tried. */
void otc__count_request(const struct otc_exporter_counters *counters, const struct otc_batch *batch);
void otc__count_refused(const struct otc_exporter_counters *counters, size_t items);
void otc__count_enqueued(const struct otc_exporter_counters *counters, size_t items, int64_t queue_size);
void otc__count_started(const struct otc_exporter_counters *counters, size_t items);
void otc__count_sent(const struct otc_exporter_counters *counters, size_t items, int64_t queue_size);
/** Of an attempt that failed for good, as `error` says; `dead` of the items are kept as dead letters. */
void otc__count_failed(const struct otc_exporter_counters *counters, size_t items, size_t dead,
                       int64_t queue_size, enum otc_drop_reason reason, const struct otc_error *error);
/** Of what a former process left and goes to the dead letters at once. */
void otc__count_poisoned(const struct otc_exporter_counters *counters, size_t items);
/** Of what never left the queue. */
void otc__count_given_up(const struct otc_exporter_counters *counters, size_t items, int64_t queue_size,
                         enum otc_drop_reason reason);
/** Of an attempt that failed and whose data waits on the disk for the next start. */
void otc__count_returned(const struct otc_exporter_counters *counters, size_t items);
/** Of what waits on the disk for the next start, when this one ends. */
void otc__count_left(const struct otc_exporter_counters *counters, size_t items, int64_t queue_size);

#endif
