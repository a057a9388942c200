// SPDX-License-Identifier: Apache-2.0
#include "common/component/exporter_counters.h"

#include "common/component/counters.h"

#define COUNTERS(name, what)                                                                                 \
    {                                                                                                        \
        {"otelcol_exporter_" name "_spans", "{span}", what, OTC_COUNTER},                                    \
            {"otelcol_exporter_" name "_metric_points", "{datapoint}", what, OTC_COUNTER},                   \
            {"otelcol_exporter_" name "_log_records", "{record}", what, OTC_COUNTER},                        \
    }

static const struct otc_instrument sent_of[OTC_N_SIGNALS] =
    COUNTERS("sent", "Number of items successfully sent to the destination.");
static const struct otc_instrument send_failed_of[OTC_N_SIGNALS] =
    COUNTERS("send_failed", "Number of items that failed to be sent to the destination.");
static const struct otc_instrument enqueue_failed_of[OTC_N_SIGNALS] =
    COUNTERS("enqueue_failed", "Number of items that failed to be added to the sending queue.");

static const struct otc_instrument queue_size = {"otelcol_exporter_queue_size", "{batch}",
                                                 "Current size of the sending queue.", OTC_GAUGE};
static const struct otc_instrument queue_capacity = {"otelcol_exporter_queue_capacity", "{batch}",
                                                     "Fixed capacity of the sending queue.", OTC_GAUGE};
static const struct otc_instrument in_flight_requests = {"otelcol_exporter_in_flight_requests", "{request}",
                                                         "Requests being sent or waiting to be sent again.",
                                                         OTC_UP_DOWN_COUNTER};
static const struct otc_instrument enqueue_size = {
    "otelcol_exporter_enqueue_size", "{unit}",
    "Number of units in the request added to the sending queue. Only available on detailed level.",
    OTC_HISTOGRAM};
static const struct otc_instrument enqueue_bytes = {
    "otelcol_exporter_enqueue_size_bytes", "By",
    "Number of bytes in the request added to the sending queue. Only available on detailed level.",
    OTC_HISTOGRAM};
static const struct otc_instrument send_size = {
    "otelcol_exporter_queue_batch_send_size", "{unit}",
    "Number of units in the batch. Only recorded when batching is enabled. Only available on detailed level.",
    OTC_HISTOGRAM};
static const struct otc_instrument send_bytes = {"otelcol_exporter_queue_batch_send_size_bytes", "By",
                                                 "Number of bytes in batch that was sent. Only recorded when "
                                                 "batching is enabled. Only available on detailed level.",
                                                 OTC_HISTOGRAM};
static const struct otc_instrument enqueued = {"aimon_exporter_enqueued_items", "{items}",
                                               "Items taken over by the exporter.", OTC_COUNTER};
static const struct otc_instrument queued = {"aimon_exporter_queued_items", "{items}",
                                             "Items that wait to be sent.", OTC_UP_DOWN_COUNTER};
static const struct otc_instrument in_flight = {"aimon_exporter_in_flight_items", "{items}",
                                                "Items being sent or waiting to be sent again.",
                                                OTC_UP_DOWN_COUNTER};
static const struct otc_instrument left = {
    "aimon_exporter_left_items", "{items}",
    "Items left on the disk at the end, which the next start takes over again.", OTC_COUNTER};
static const struct otc_instrument dead_lettered = {
    "aimon_exporter_dead_lettered_items", "{items}",
    "Items that the destination rejected for good and the storage keeps as dead letters.", OTC_COUNTER};
static const struct otc_instrument dropped = {"aimon_exporter_dropped_items", "{items}",
                                              "Items given up, by reason.", OTC_COUNTER};

const struct otc_instrument *
otc_exporter_sent_items(enum otc_signal signal)
{
    return &sent_of[signal];
}

const struct otc_instrument *
otc_exporter_send_failed_items(enum otc_signal signal)
{
    return &send_failed_of[signal];
}

const struct otc_instrument *
otc_exporter_dropped_items(void)
{
    return &dropped;
}

/* Labels of what was sent or failed: the exporter, and where it sends. */
#define SENT_LABELS (1 + OTC_TARGET_LABELS)
static size_t
sent_labels(const struct otc_exporter_counters *counters, struct otc_label labels[SENT_LABELS])
{
    size_t n = 0;

    labels[n++] = (struct otc_label){"exporter", counters->id};
    for (size_t i = 0; counters->target && i < counters->target->n; i++) {
        labels[n++] = counters->target->labels[i];
    }
    return n;
}

/* What level detailed has besides. */
static void
init_detailed(struct otc_exporter_counters *counters, bool queue, bool batches)
{
    struct otc_meter *meter = counters->meter;
    struct otc_label labels[SENT_LABELS];
    size_t n = sent_labels(counters, labels);

    counters->detailed = true;
    if (queue) {
        counters->enqueue_size =
            otc_meter_histogram(meter, &enqueue_size, otc_size_bounds, OTC_N_SIZE_BOUNDS, labels, 1);
        counters->enqueue_bytes =
            otc_meter_histogram(meter, &enqueue_bytes, otc_bytes_bounds, OTC_N_BYTES_BOUNDS, labels, 1);
    }
    if (batches) {
        counters->send_size =
            otc_meter_histogram(meter, &send_size, otc_size_bounds, OTC_N_SIZE_BOUNDS, labels, n);
        counters->send_bytes =
            otc_meter_histogram(meter, &send_bytes, otc_bytes_bounds, OTC_N_BYTES_BOUNDS, labels, n);
    }
}

void
otc__exporter_counters_init(struct otc_exporter_counters *counters, int64_t capacity, bool batches)
{
    static const char *const reasons[OTC_N_DROP_REASONS] = {"not_retryable", "retries_exhausted",
                                                            "retry_disabled", "shutdown", "damaged"};
    struct otc_meter *meter = counters->meter;
    enum otc_signal signal = counters->signal;
    struct otc_label labels[] = {
        {"exporter", counters->id}, {"data_type", otc_signal_name(signal)}, {"reason", NULL}};
    struct otc_label sent[SENT_LABELS];
    size_t n_sent = sent_labels(counters, sent);

    counters->sent = otc_meter_series(meter, &sent_of[signal], sent, n_sent);
    counters->send_failed = otc_meter_series(meter, &send_failed_of[signal], sent, n_sent);
    counters->enqueue_failed = otc_meter_series(meter, &enqueue_failed_of[signal], labels, 1);
    counters->in_flight_requests = otc_meter_series(meter, &in_flight_requests, labels, 2);
    counters->enqueued = otc_meter_series(meter, &enqueued, labels, 2);
    counters->queued = otc_meter_series(meter, &queued, labels, 2);
    counters->in_flight = otc_meter_series(meter, &in_flight, labels, 2);
    counters->left = otc_meter_series(meter, &left, labels, 2);
    counters->dead_lettered = otc_meter_series(meter, &dead_lettered, labels, 2);
    for (size_t i = 0; i < OTC_N_DROP_REASONS; i++) {
        labels[2].value = reasons[i];
        counters->dropped[i] = otc_meter_series(meter, &dropped, labels, 3);
    }
    if (capacity > 0) {
        counters->queue_size = otc_meter_series(meter, &queue_size, labels, 2);
        counters->queue_capacity = otc_meter_series(meter, &queue_capacity, labels, 2);
        otc__count_capacity(counters, capacity);
    }
    if (otc_meter_detailed(meter)) {
        init_detailed(counters, capacity > 0, batches);
    }
}

void
otc__count_capacity(const struct otc_exporter_counters *counters, int64_t capacity)
{
    const struct otc_count count = {counters->queue_capacity, capacity};

    if (counters->queue_capacity) {
        otc_meter_add(counters->meter, &count, 1);
    }
}

static void
count_sizes(const struct otc_exporter_counters *counters, struct otc_series *items, struct otc_series *bytes,
            const struct otc_batch *batch)
{
    if (items) {
        const struct otc_count counts[] = {{items, (int64_t)otc_batch_items(batch)},
                                           {bytes, (int64_t)otc_batch_bytes(batch)}};

        otc_meter_add(counters->meter, counts, 2);
    }
}

void
otc__count_offered(const struct otc_exporter_counters *counters, const struct otc_batch *batch)
{
    count_sizes(counters, counters->enqueue_size, counters->enqueue_bytes, batch);
}

void
otc__count_request(const struct otc_exporter_counters *counters, const struct otc_batch *batch)
{
    count_sizes(counters, counters->send_size, counters->send_bytes, batch);
}

/* What went wrong, in the words of gRPC's Go library, as the Collector's labels have it. */
static const char *
error_type(const struct otc_error *error, enum otc_drop_reason reason)
{
    static const char *const names[] = {
        [OTC_CANCELLED] = "Canceled",
        [OTC_UNKNOWN] = "Unknown",
        [OTC_INVALID_ARGUMENT] = "InvalidArgument",
        [OTC_DEADLINE_EXCEEDED] = "DeadlineExceeded",
        [OTC_NOT_FOUND] = "NotFound",
        [OTC_ALREADY_EXISTS] = "AlreadyExists",
        [OTC_PERMISSION_DENIED] = "PermissionDenied",
        [OTC_RESOURCE_EXHAUSTED] = "ResourceExhausted",
        [OTC_FAILED_PRECONDITION] = "FailedPrecondition",
        [OTC_ABORTED] = "Aborted",
        [OTC_OUT_OF_RANGE] = "OutOfRange",
        [OTC_UNIMPLEMENTED] = "Unimplemented",
        [OTC_INTERNAL] = "Internal",
        [OTC_UNAVAILABLE] = "Unavailable",
        [OTC_DATA_LOSS] = "DataLoss",
        [OTC_UNAUTHENTICATED] = "Unauthenticated",
    };
    size_t status = (size_t)error->status;

    if (reason == OTC_DROP_SHUTDOWN) {
        return "Shutdown";
    }
    return status < sizeof(names) / sizeof(names[0]) && names[status] ? names[status] : "_OTHER";
}

/* The series of failures; at level detailed that of failures of this kind. */
static struct otc_series *
failures(const struct otc_exporter_counters *counters, const struct otc_error *error,
         enum otc_drop_reason reason)
{
    struct otc_label labels[SENT_LABELS + 2];
    size_t n;

    if (!counters->detailed) {
        return counters->send_failed;
    }
    n = sent_labels(counters, labels);
    labels[n++] = (struct otc_label){"error.type", error_type(error, reason)};
    labels[n++] = (struct otc_label){"error.permanent", error->permanent ? "true" : "false"};
    return otc_meter_series(counters->meter, &send_failed_of[counters->signal], labels, n);
}

void
otc__count_refused(const struct otc_exporter_counters *counters, size_t items)
{
    const struct otc_count count = {counters->enqueue_failed, (int64_t)items};

    otc_meter_add(counters->meter, &count, 1);
}

void
otc__count_enqueued(const struct otc_exporter_counters *counters, size_t items, int64_t size)
{
    const struct otc_count counts[] = {{counters->enqueued, (int64_t)items},
                                       {counters->queued, (int64_t)items},
                                       {counters->queue_size, size}};

    otc_meter_add(counters->meter, counts, 3);
}

void
otc__count_started(const struct otc_exporter_counters *counters, size_t items)
{
    const struct otc_count counts[] = {{counters->queued, -(int64_t)items},
                                       {counters->in_flight, (int64_t)items},
                                       {counters->in_flight_requests, 1}};

    otc_meter_add(counters->meter, counts, 3);
}

void
otc__count_sent(const struct otc_exporter_counters *counters, size_t items, int64_t size)
{
    const struct otc_count counts[] = {{counters->in_flight, -(int64_t)items},
                                       {counters->sent, (int64_t)items},
                                       {counters->in_flight_requests, -1},
                                       {counters->queue_size, size}};

    otc_meter_add(counters->meter, counts, 4);
}

void
otc__count_failed(const struct otc_exporter_counters *counters, size_t items, size_t dead, int64_t size,
                  enum otc_drop_reason reason, const struct otc_error *error)
{
    const struct otc_count counts[] = {{counters->in_flight, -(int64_t)items},
                                       {failures(counters, error, reason), (int64_t)items},
                                       {counters->dropped[reason], (int64_t)(items - dead)},
                                       {counters->dead_lettered, (int64_t)dead},
                                       {counters->in_flight_requests, -1},
                                       {counters->queue_size, size}};

    otc_meter_add(counters->meter, counts, 6);
}

void
otc__count_poisoned(const struct otc_exporter_counters *counters, size_t items)
{
    const struct otc_error error = {.status = OTC_INTERNAL, .permanent = true};
    const struct otc_count counts[] = {{counters->enqueued, (int64_t)items},
                                       {failures(counters, &error, OTC_DROP_NOT_RETRYABLE), (int64_t)items},
                                       {counters->dead_lettered, (int64_t)items}};

    otc_meter_add(counters->meter, counts, 3);
}

void
otc__count_given_up(const struct otc_exporter_counters *counters, size_t items, int64_t size,
                    enum otc_drop_reason reason)
{
    const struct otc_error error = {.status = OTC_UNAVAILABLE};
    const struct otc_count counts[] = {{counters->queued, -(int64_t)items},
                                       {failures(counters, &error, reason), (int64_t)items},
                                       {counters->dropped[reason], (int64_t)items},
                                       {counters->queue_size, size}};

    otc_meter_add(counters->meter, counts, 4);
}

void
otc__count_returned(const struct otc_exporter_counters *counters, size_t items)
{
    const struct otc_count counts[] = {{counters->in_flight, -(int64_t)items},
                                       {counters->queued, (int64_t)items},
                                       {counters->in_flight_requests, -1}};

    otc_meter_add(counters->meter, counts, 3);
}

void
otc__count_left(const struct otc_exporter_counters *counters, size_t items, int64_t size)
{
    const struct otc_count counts[] = {
        {counters->queued, -(int64_t)items}, {counters->left, (int64_t)items}, {counters->queue_size, size}};

    otc_meter_add(counters->meter, counts, 3);
}
