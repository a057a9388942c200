// SPDX-License-Identifier: Apache-2.0
/* An exporter that takes everything and keeps nothing. */
#include "common/component/otc.h"
#include "common/config/schema.h"

#include <stdlib.h>

struct nop {
    struct otc_component component;
    struct otc_consumer consumer;
};

static otc_status
consume(struct otc_consumer *consumer, struct otc_batch *batch, struct otc_done *done, struct otc_error *err)
{
    (void)consumer;
    (void)done;
    (void)err;
    otc_batch_unref(batch);
    return OTC_OK;
}

static void
destroy(struct otc_component *component)
{
    free(OTC_CONTAINER(component, nop, component));
}

static struct otc_consumer *
input(struct otc_component *component, enum otc_signal from)
{
    (void)from;
    return &OTC_CONTAINER(component, nop, component)->consumer;
}

static const struct otc_component_ops ops = {
    .abi = OTC_ABI_OF(otc_component_ops), .free = destroy, .input = input};

static otc_status
create(const struct otc_settings *settings, struct otc_component **out, struct otc_error *err)
{
    struct nop *self = malloc(sizeof(*self));

    (void)settings;
    if (self == NULL) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    *self = (struct nop){.component = {OTC_ABI_OF(otc_component), &ops},
                         .consumer = {.abi = OTC_ABI_OF(otc_consumer), .consume = consume}};
    *out = &self->component;
    return OTC_OK;
}

static const struct otc_field fields[] = {OTC_FIELD_END};
static const struct otc_schema schema = {.fields = fields, .doc = "It has no settings."};
static const struct otc_pair pairs[] = {{OTC_TRACES, OTC_TRACES, OTC_STABILITY_BETA},
                                        {OTC_METRICS, OTC_METRICS, OTC_STABILITY_BETA},
                                        {OTC_LOGS, OTC_LOGS, OTC_STABILITY_BETA}};

OTC_API const struct otc_factory otc_nop_exporter_factory = {
    .abi = OTC_ABI_OF(otc_factory),
    .kind = OTC_EXPORTER,
    .type = "nop",
    .description = "Takes everything and keeps nothing.",
    .pairs = pairs,
    .n_pairs = sizeof(pairs) / sizeof(pairs[0]),
    .config = &schema,
    .create = create,
};
