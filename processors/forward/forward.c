// SPDX-License-Identifier: Apache-2.0
/* A connector that passes batches of one pipeline on to others of the same signal, as they are. */
#include "common/component/otc.h"
#include "common/config/schema.h"

#include <stdlib.h>

/* Where batches of one signal enter, and where they go. */
struct lane {
    struct otc_consumer consumer;
    struct otc_consumer *next;
};

struct forward {
    struct otc_component component;
    struct lane lanes[OTC_N_SIGNALS];
};

static otc_status
consume(struct otc_consumer *consumer, struct otc_batch *batch, struct otc_done *done, struct otc_error *err)
{
    const struct lane *lane = OTC_CONTAINER(consumer, lane, consumer);

    return otc_consume(lane->next, batch, done, err);
}

static void
destroy(struct otc_component *component)
{
    free(OTC_CONTAINER(component, forward, component));
}

static struct otc_consumer *
input(struct otc_component *component, enum otc_signal from)
{
    return &OTC_CONTAINER(component, forward, component)->lanes[from].consumer;
}

static otc_status
connect_next(struct otc_component *component, enum otc_signal to, struct otc_consumer *next,
             struct otc_error *err)
{
    (void)err;
    OTC_CONTAINER(component, forward, component)->lanes[to].next = next;
    return OTC_OK;
}

static const struct otc_component_ops ops = {
    .abi = OTC_ABI_OF(otc_component_ops), .free = destroy, .input = input, .connect = connect_next};

static otc_status
create(const struct otc_settings *settings, struct otc_component **out, struct otc_error *err)
{
    struct forward *self = calloc(1, sizeof(*self));

    (void)settings;
    if (self == NULL) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    self->component = (struct otc_component){OTC_ABI_OF(otc_component), &ops};
    for (size_t i = 0; i < OTC_N_SIGNALS; i++) {
        self->lanes[i].consumer = (struct otc_consumer){.abi = OTC_ABI_OF(otc_consumer), .consume = consume};
    }
    *out = &self->component;
    return OTC_OK;
}

static const struct otc_field fields[] = {OTC_FIELD_END};
static const struct otc_schema schema = {.fields = fields, .doc = "It has no settings."};
static const struct otc_pair pairs[] = {{OTC_TRACES, OTC_TRACES, OTC_STABILITY_BETA},
                                        {OTC_METRICS, OTC_METRICS, OTC_STABILITY_BETA},
                                        {OTC_LOGS, OTC_LOGS, OTC_STABILITY_BETA}};

OTC_API const struct otc_factory otc_forward_processor_factory = {
    .abi = OTC_ABI_OF(otc_factory),
    .kind = OTC_CONNECTOR,
    .type = "forward",
    .description = "Passes data of one pipeline on to others of the same signal.",
    .pairs = pairs,
    .n_pairs = sizeof(pairs) / sizeof(pairs[0]),
    .config = &schema,
    .create = create,
};
