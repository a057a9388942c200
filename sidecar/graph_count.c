// SPDX-License-Identifier: Apache-2.0
#include "sidecar/graph_count.h"

struct counter {
    struct otc_consumer consumer;
    struct otc_consumer *next;
    struct otc_host *host;
    const void *instance;
    struct otc_series *items;
    struct otc_series *duration; /* incoming, at level detailed */
};

static const struct otc_instrument instruments[] = {
    [OTC_COUNT_INCOMING] = {"otelcol_processor_incoming_items", "{item}",
                            "Number of items passed to the processor. [Alpha]", OTC_COUNTER},
    [OTC_COUNT_OUTGOING] = {"otelcol_processor_outgoing_items", "{item}",
                            "Number of items emitted from the processor. [Alpha]", OTC_COUNTER},
};
static const struct otc_instrument duration = {
    "otelcol_processor_internal_duration", "s",
    "Duration of time taken to process a batch of telemetry data through the processor. [Alpha]",
    OTC_DURATION};
/* The Collector's, which begin with 5 s, and finer ones below. */
static const double duration_bounds[] = {0,  1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1,  1,    5,    10,   25,
                                         50, 75,   100,  250,  500,  750,  1000, 2500, 5000, 7500, 10000};

static void
count_items(const struct counter *counter, const struct otc_batch *batch)
{
    const struct otc_count count = {counter->items, (int64_t)otc_batch_items(batch)};

    otc_meter_add(counter->host->meter, &count, 1);
}

static otc_status
consume(struct otc_consumer *self, struct otc_batch *batch, struct otc_done *done, struct otc_error *err)
{
    const struct counter *counter = OTC_CONTAINER(self, counter, consumer);

    count_items(counter, batch);
    return otc_consume(counter->next, batch, done, err);
}

/* ---- Durations ---------------------------------------------------------------------------------- */

/* A batch within a processor, on the thread that brought it: what the processor passes on meanwhile is not
 * the processor's time. */
struct stay {
    const void *instance;
    int64_t behind_ns;
    struct stay *outer;
};
static _Thread_local struct stay *innermost;

static int64_t
clock_of(const struct counter *counter)
{
    return counter->host->monotonic_ns(counter->host);
}

static otc_status
consume_timed(struct otc_consumer *self, struct otc_batch *batch, struct otc_done *done,
              struct otc_error *err)
{
    const struct counter *counter = OTC_CONTAINER(self, counter, consumer);
    struct stay stay = {.instance = counter->instance, .outer = innermost};
    struct otc_count count = {counter->duration, 0};
    int64_t from = clock_of(counter);
    otc_status status;

    count_items(counter, batch);
    innermost = &stay;
    status = otc_consume(counter->next, batch, done, err);
    innermost = stay.outer;
    count.delta = clock_of(counter) - from - stay.behind_ns;
    otc_meter_add(counter->host->meter, &count, 1);
    return status;
}

static otc_status
leave_timed(struct otc_consumer *self, struct otc_batch *batch, struct otc_done *done, struct otc_error *err)
{
    const struct counter *counter = OTC_CONTAINER(self, counter, consumer);
    struct stay *stay = innermost;
    int64_t from = clock_of(counter);
    otc_status status;

    count_items(counter, batch);
    status = otc_consume(counter->next, batch, done, err);
    if (stay && stay->instance == counter->instance) {
        stay->behind_ns += clock_of(counter) - from;
    }
    return status;
}

/* ---- Making ------------------------------------------------------------------------------------- */

bool
otc_graph_count(struct otc_arena *arena, const struct otc_counted *counted, enum otc_count_side side,
                struct otc_consumer **consumer)
{
    const struct otc_label labels[] = {{"processor", counted->id},
                                       {"otel.signal", otc_signal_name(counted->signal)}};
    struct otc_meter *meter = counted->host->meter;
    struct counter *counter = otc_arena_alloc(arena, sizeof(*counter));

    if (counter == NULL) {
        return false;
    }
    counter->consumer = **consumer;
    counter->consumer.abi = (struct otc_abi)OTC_ABI_OF(otc_consumer);
    counter->consumer.consume = consume;
    counter->next = *consumer;
    counter->host = counted->host;
    counter->instance = counted->instance;
    counter->items = otc_meter_series(meter, &instruments[side], labels, 2);
    if (otc_meter_detailed(meter)) {
        counter->consumer.consume = side == OTC_COUNT_INCOMING ? consume_timed : leave_timed;
        counter->duration =
            side == OTC_COUNT_INCOMING
                ? otc_meter_histogram(meter, &duration, duration_bounds,
                                      sizeof(duration_bounds) / sizeof(duration_bounds[0]), labels, 2)
                : NULL;
    }
    *consumer = &counter->consumer;
    return true;
}
