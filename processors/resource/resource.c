// SPDX-License-Identifier: Apache-2.0
#include "common/config/schema.h"
#include "common/otlp/edit_each.h"
#include "common/transform/actions.h"
#include "common/transform/transform.h"

#include <stdlib.h>

struct resource_config {
    otc_list attributes;
};

struct resource {
    struct otc_transform transform;
    struct otc_actions *actions;
};

/* ---- Settings ----------------------------------------------------------------------------------- */

static const struct otc_field fields[] = {
    OTC_FIELD(resource_config, attributes, .sub = &otc_action_schema,
              .doc = "Changes of the resource's attributes, one after another; at least one."),
    OTC_FIELD_END,
};

static const struct otc_schema schema =
    OTC_SCHEMA(resource_config, fields, "Changes the attributes of resources.");

static otc_status
validate(const void *settings, struct otc_error *err)
{
    const struct resource_config *config = settings;
    struct otc_actions *actions;
    otc_status status;

    if (config->attributes.n == 0) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "missing required field \"attributes\"");
    }
    status = otc_actions_new(&config->attributes, &actions, err);
    if (status == OTC_OK) {
        otc_actions_free(actions);
    }
    return status;
}

/* ---- Data --------------------------------------------------------------------------------------- */

struct pass {
    struct otc_actions_call call;
    struct otc_transform_part *part;
};

static void
on_resource(void *arg, const struct otc_edit_place *place)
{
    struct pass *pass = arg;

    otc_pairs_load_resource(&pass->part->pairs, &pass->part->edit, place->message);
    otc_actions_run(&pass->call, &pass->part->pairs);
    otc_pairs_commit(&pass->part->pairs);
}

static otc_status
edit(struct otc_transform *transform, struct otc_transform_part *part, struct otc_error *err)
{
    struct pass pass = {.part = part};

    if (!otc_actions_begin(&pass.call, OTC_CONTAINER(transform, resource, transform)->actions, &part->edit,
                           part->client)) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    otc_edit_each(part->signal, part->part, OTC_EDIT_RESOURCE, on_resource, &pass);
    return OTC_OK;
}

/* ---- Life --------------------------------------------------------------------------------------- */

static void
release(struct otc_transform *transform)
{
    struct resource *self = OTC_CONTAINER(transform, resource, transform);

    otc_actions_free(self->actions);
    free(self);
}

static const struct otc_transform_ops ops = {edit, release};

static otc_status
create(const struct otc_settings *settings, struct otc_component **out, struct otc_error *err)
{
    const struct resource_config *config = settings->config;
    struct resource *self = calloc(1, sizeof(*self));
    otc_status status;

    if (!self) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    otc_transform_init(&self->transform, settings, &ops);
    status = otc_actions_new(&config->attributes, &self->actions, err);
    if (status != OTC_OK) {
        release(&self->transform);
        return status;
    }
    *out = &self->transform.component;
    return OTC_OK;
}

static const struct otc_pair pairs[] = OTC_TRANSFORM_PAIRS(OTC_STABILITY_BETA);

OTC_API const struct otc_factory otc_resource_processor_factory = {
    .abi = OTC_ABI_OF(otc_factory),
    .kind = OTC_PROCESSOR,
    .type = "resource",
    .description = "Changes the attributes of resources.",
    .pairs = pairs,
    .n_pairs = 3,
    .config = &schema,
    .validate = validate,
    .create = create,
};
