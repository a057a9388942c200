// SPDX-License-Identifier: Apache-2.0
#include "processors/redaction/mask.h"

#include <stdlib.h>

struct redaction {
    struct otc_transform transform;
    struct redaction_rules rules;
};

static otc_status
edit(struct otc_transform *transform, struct otc_transform_part *part, struct otc_error *err)
{
    return redaction_mask_part(&OTC_CONTAINER(transform, redaction, transform)->rules, part, err);
}

static void
release(struct otc_transform *transform)
{
    struct redaction *self = OTC_CONTAINER(transform, redaction, transform);

    redaction_rules_release(&self->rules);
    free(self);
}

static const struct otc_transform_ops ops = {edit, release};

static otc_status
create(const struct otc_settings *settings, struct otc_component **out, struct otc_error *err)
{
    struct redaction *self = calloc(1, sizeof(*self));
    otc_status status;

    if (!self) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    otc_transform_init(&self->transform, settings, &ops);
    status = redaction_rules_init(&self->rules, settings->config, err);
    if (status != OTC_OK) {
        free(self);
        return status;
    }
    *out = &self->transform.component;
    return OTC_OK;
}

static const struct otc_pair pairs[] = OTC_TRANSFORM_PAIRS(OTC_STABILITY_BETA);

OTC_API const struct otc_factory otc_redaction_processor_factory = {
    .abi = OTC_ABI_OF(otc_factory),
    .kind = OTC_PROCESSOR,
    .type = "redaction",
    .description = "Removes and masks what must not be told.",
    .pairs = pairs,
    .n_pairs = 3,
    .config = &redaction_schema,
    .validate = redaction_validate,
    .create = create,
};
