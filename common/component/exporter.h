// SPDX-License-Identifier: Apache-2.0
/**
 * @file What stands before every exporter that pushes: queue in memory, batching, retry and the counters.
 *
 *     consume → queue (+ batch) → retry → push
 *
 * Nothing blocks but start and shutdown (and reading from a queue on disk): `push` starts sending and tells
 * its result later. One otc_exporter serves one signal of one exporter id. It keeps to law 4 in any scrape:
 * aimon_exporter_enqueued_items = otelcol_exporter_sent_<items> + aimon_exporter_dropped_items{reason} +
 * aimon_exporter_dead_lettered_items + aimon_exporter_left_items + aimon_exporter_queued_items +
 * aimon_exporter_in_flight_items. A request that waits to be sent again is in flight. The queue's size is
 * that of what waits and what is in flight.
 */
#ifndef OTC_COMPONENT_EXPORTER_H
#define OTC_COMPONENT_EXPORTER_H

#include "common/component/exporter_config.h"
#include "common/component/otc.h"

/** Who is refused for want of room (a full queue, a disk) may come again after so long. */
#define OTC_REFUSED_RETRY_MS 1000u

/** Opaque; any thread. */
struct otc_exporter;

struct otc_exporter_options {
    struct otc_host *host;
    /** The component's id, borrowed for its life. */
    const char *id;
    enum otc_signal signal;
    /** Both borrowed for the exporter's life. `queue` NULL: every request is sent at once and its sender
     * waits. */
    const struct otc_queue_config *queue;
    const struct otc_retry_config *retry;
    /**
     * Starts one attempt. Contract of otc_consumer::consume (the batch reference is taken over; nothing
     * blocks; PENDING: done->fn runs exactly once, from any thread), with `done` never NULL. What failed is
     * tried again when otc_error_retryable() says so, after `retry_after_ms` at the earliest. The time an
     * attempt may take is the callee's to limit. Calls do not overlap.
     */
    otc_status (*push)(void *arg, struct otc_batch *batch, struct otc_done *done, struct otc_error *err);
    void *arg;
    /** Labels of what was sent and of what failed, besides; borrowed for the exporter's life. */
    const struct otc_target *target;
};

/** UNAVAILABLE out of memory. */
OTC_CHECK otc_status otc_exporter_new(const struct otc_exporter_options *options, struct otc_exporter **out,
                                      struct otc_error *err);
/** After shutdown, when no `push` is pending any more. NULL is allowed. */
void otc_exporter_free(struct otc_exporter *exporter);
/** Where the exporter's pipelines send to. Borrowed. */
struct otc_consumer *otc_exporter_consumer(struct otc_exporter *exporter);
/**
 * From the component's start: opens the queue on disk, if there is to be one, and takes over what a former
 * process left in it. Until then such an exporter refuses data.
 */
OTC_CHECK otc_status otc_exporter_start(struct otc_exporter *exporter, struct otc_error *err);
/** What waits in the queue for company is sent on, nothing waits for any from now on, and repetitions that
 * wait in memory come now, or when the destination asked for them: what otc_component_ops::drain asks for. */
void otc_exporter_drain(struct otc_exporter *exporter);
/**
 * Refuses new data, sends everything that waits, and returns when all is told or host->monotonic_ns() reaches
 * `deadline_ns`. What fails meanwhile is sent again where the time for it comes before the deadline (when the
 * destination asked for the wait) or before half of the time has passed (else). What is left then is dropped
 * and counted with reason "shutdown"; the log gets one total of it ("Dropped on shutdown"), when no attempt
 * is pending any more. With `storage` what is left stays on the disk, and nothing is started any more.
 * Attempts that are pending at return (otc_exporter_pending) are the caller's to cancel; their `done` must
 * still run. Twice is allowed.
 */
void otc_exporter_shutdown(struct otc_exporter *exporter, int64_t deadline_ns);
/** Attempts whose `done` has not run. */
size_t otc_exporter_pending(struct otc_exporter *exporter);

#endif
