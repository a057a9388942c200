// SPDX-License-Identifier: Apache-2.0
#include "sidecar/graph_count.h"

struct counter {
    struct otc_consumer consumer;
    struct otc_consumer *next;
    struct otc_meter *meter;
    struct otc_series *items;
};

static const struct otc_instrument instruments[] = {
    [OTC_COUNT_INCOMING] = {"otelcol_processor_incoming_items", "{item}",
                            "Number of items passed to the processor. [Alpha]", OTC_COUNTER},
    [OTC_COUNT_OUTGOING] = {"otelcol_processor_outgoing_items", "{item}",
                            "Number of items emitted from the processor. [Alpha]", OTC_COUNTER},
};

static otc_status
consume(struct otc_consumer *self, struct otc_batch *batch, struct otc_done *done, struct otc_error *err)
{
    const struct counter *counter = OTC_CONTAINER(self, counter, consumer);
    const struct otc_count count = {counter->items, (int64_t)otc_batch_items(batch)};

    otc_meter_add(counter->meter, &count, 1);
    return otc_consume(counter->next, batch, done, err);
}

bool
otc_graph_count(struct otc_arena *arena, struct otc_meter *meter, enum otc_count_side side, const char *id,
                enum otc_signal signal, struct otc_consumer **consumer)
{
    const struct otc_label labels[] = {{"processor", id}, {"otel.signal", otc_signal_name(signal)}};
    struct counter *counter = otc_arena_alloc(arena, sizeof(*counter));

    if (counter == NULL) {
        return false;
    }
    counter->consumer = **consumer;
    counter->consumer.abi = (struct otc_abi)OTC_ABI_OF(otc_consumer);
    counter->consumer.consume = consume;
    counter->next = *consumer;
    counter->meter = meter;
    counter->items = otc_meter_series(meter, &instruments[side], labels, 2);
    *consumer = &counter->consumer;
    return true;
}
