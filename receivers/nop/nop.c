// SPDX-License-Identifier: Apache-2.0
/* A receiver that never receives: a pipeline that only connectors feed needs one, and so do tests. */
#include "common/component/otc.h"
#include "common/config/schema.h"

#include <stdlib.h>

static void
destroy(struct otc_component *component)
{
    free(component);
}

static otc_status
connect_next(struct otc_component *component, enum otc_signal to, struct otc_consumer *next,
             struct otc_error *err)
{
    (void)component;
    (void)to;
    (void)next;
    (void)err;
    return OTC_OK;
}

static const struct otc_component_ops ops = {
    .abi = OTC_ABI_OF(otc_component_ops), .free = destroy, .connect = connect_next};

static otc_status
create(const struct otc_settings *settings, struct otc_component **out, struct otc_error *err)
{
    struct otc_component *component = malloc(sizeof(*component));

    (void)settings;
    if (component == NULL) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    *component = (struct otc_component){OTC_ABI_OF(otc_component), &ops};
    *out = component;
    return OTC_OK;
}

static const struct otc_field fields[] = {OTC_FIELD_END};
static const struct otc_schema schema = {.fields = fields, .doc = "It has no settings."};
static const struct otc_pair pairs[] = {{OTC_TRACES, OTC_TRACES, OTC_STABILITY_BETA},
                                        {OTC_METRICS, OTC_METRICS, OTC_STABILITY_BETA},
                                        {OTC_LOGS, OTC_LOGS, OTC_STABILITY_BETA}};

OTC_API const struct otc_factory otc_nop_receiver_factory = {
    .abi = OTC_ABI_OF(otc_factory),
    .kind = OTC_RECEIVER,
    .type = "nop",
    .description = "Never receives anything.",
    .pairs = pairs,
    .n_pairs = sizeof(pairs) / sizeof(pairs[0]),
    .config = &schema,
    .create = create,
};
