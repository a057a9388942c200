// SPDX-License-Identifier: Apache-2.0
#include "common/component/exporter_counters.h"

#include "common/component/counters.h"

#define COUNTERS(name, what)                                                                                 \
    {                                                                                                        \
        {"otelcol_exporter_" name "_spans", "{spans}", what, OTC_COUNTER},                                   \
            {"otelcol_exporter_" name "_metric_points", "{datapoints}", what, OTC_COUNTER},                  \
            {"otelcol_exporter_" name "_log_records", "{records}", what, OTC_COUNTER},                       \
    }

static const struct otc_instrument sent_of[OTC_N_SIGNALS] =
    COUNTERS("sent", "Number of items successfully sent to the destination.");
static const struct otc_instrument send_failed_of[OTC_N_SIGNALS] =
    COUNTERS("send_failed", "Number of items that failed to be sent to the destination.");
static const struct otc_instrument enqueue_failed_of[OTC_N_SIGNALS] =
    COUNTERS("enqueue_failed", "Number of items that failed to be added to the sending queue.");

static const struct otc_instrument queue_size = {"otelcol_exporter_queue_size", "{batches}",
                                                 "Current size of the sending queue.", OTC_GAUGE};
static const struct otc_instrument queue_capacity = {"otelcol_exporter_queue_capacity", "{batches}",
                                                     "Fixed capacity of the sending queue.", OTC_GAUGE};
static const struct otc_instrument in_flight_requests = {"otelcol_exporter_in_flight_requests", "{requests}",
                                                         "Requests being sent or waiting to be sent again.",
                                                         OTC_UP_DOWN_COUNTER};
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

void
otc__exporter_counters_init(struct otc_exporter_counters *counters, struct otc_meter *meter, const char *id,
                            enum otc_signal signal, int64_t capacity)
{
    static const char *const reasons[OTC_N_DROP_REASONS] = {"not_retryable", "retries_exhausted",
                                                            "retry_disabled", "shutdown", "damaged"};
    struct otc_label labels[] = {{"exporter", id}, {"data_type", otc_signal_name(signal)}, {"reason", NULL}};

    *counters = (struct otc_exporter_counters){.meter = meter};
    counters->sent = otc_meter_series(meter, &sent_of[signal], labels, 1);
    counters->send_failed = otc_meter_series(meter, &send_failed_of[signal], labels, 1);
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
        struct otc_count count = {otc_meter_series(meter, &queue_capacity, labels, 2), capacity};

        counters->queue_size = otc_meter_series(meter, &queue_size, labels, 2);
        otc_meter_add(meter, &count, 1);
    }
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
                  enum otc_drop_reason reason)
{
    const struct otc_count counts[] = {{counters->in_flight, -(int64_t)items},
                                       {counters->send_failed, (int64_t)items},
                                       {counters->dropped[reason], (int64_t)(items - dead)},
                                       {counters->dead_lettered, (int64_t)dead},
                                       {counters->in_flight_requests, -1},
                                       {counters->queue_size, size}};

    otc_meter_add(counters->meter, counts, 6);
}

void
otc__count_poisoned(const struct otc_exporter_counters *counters, size_t items, bool dead)
{
    const struct otc_count counts[] = {{counters->enqueued, (int64_t)items},
                                       {counters->send_failed, (int64_t)items},
                                       {dead ? counters->dead_lettered : counters->left, (int64_t)items}};

    otc_meter_add(counters->meter, counts, 3);
}

void
otc__count_given_up(const struct otc_exporter_counters *counters, size_t items, int64_t size,
                    enum otc_drop_reason reason)
{
    const struct otc_count counts[] = {{counters->queued, -(int64_t)items},
                                       {counters->send_failed, (int64_t)items},
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
otc__count_left(const struct otc_exporter_counters *counters, size_t items)
{
    const struct otc_count counts[] = {{counters->queued, -(int64_t)items}, {counters->left, (int64_t)items}};

    otc_meter_add(counters->meter, counts, 2);
}
