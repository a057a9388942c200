// SPDX-License-Identifier: Apache-2.0
#include "common/config/schema.h"
#include "common/transform/actions.h"
#include "common/transform/match.h"
#include "common/transform/transform.h"

#include <stdlib.h>

struct attributes_config {
    otc_list actions;
    struct otc_match_settings *include;
    struct otc_match_settings *exclude;
};

struct attributes {
    struct otc_transform transform;
    struct otc_actions *actions;
    /** By signal; NULL where it is not wired. */
    struct otc_selection *selections[OTC_N_SIGNALS];
};

/* ---- Settings ----------------------------------------------------------------------------------- */

static const struct otc_field fields[] = {
    OTC_FIELD(attributes_config, actions, .sub = &otc_action_schema,
              .doc = "Changes of the attributes, one after another; at least one."),
    OTC_FIELD_OPTIONAL(attributes_config, include, otc_match_schema, .null_is_absent = true,
                       .doc = "Only what matches is changed; absent: everything."),
    OTC_FIELD_OPTIONAL(attributes_config, exclude, otc_match_schema, .null_is_absent = true,
                       .doc = "Of that, what matches is left alone."),
    OTC_FIELD_END,
};

static const struct otc_schema schema =
    OTC_SCHEMA(attributes_config, fields, "Changes the attributes of spans, points and log records.");

static otc_status
validate(const void *settings, struct otc_error *err)
{
    const struct attributes_config *config = settings;
    struct otc_actions *actions;
    otc_status status;

    if (config->actions.n == 0) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "missing required field \"actions\"");
    }
    status = otc_actions_new(&config->actions, &actions, err);
    if (status == OTC_OK) {
        otc_actions_free(actions);
    }
    return status;
}

/* ---- Data --------------------------------------------------------------------------------------- */

/* One part on its way. */
struct pass {
    const struct otc_selection *selection;
    struct otc_actions_call call;
    struct otc_transform_part *part;
};

static void
act(struct pass *pass, enum otc_attributes_of of, struct otc_slice message)
{
    otc_pairs_load(&pass->part->pairs, &pass->part->edit, of, message);
    otc_actions_run(&pass->call, &pass->part->pairs);
    otc_pairs_commit(&pass->part->pairs);
}

static bool
on_span(void *arg, const struct otc_span *span)
{
    struct pass *pass = arg;

    if (otc_selection_takes_span(pass->selection, span)) {
        act(pass, OTC_ATTRIBUTES_SPAN, span->encoded);
    }
    return true;
}

static bool
on_point(void *arg, const struct otc_point *point)
{
    struct pass *pass = arg;

    if (otc_selection_takes_point(pass->selection, point)) {
        act(pass, otc_point_attributes(point->type), point->encoded);
    }
    return true;
}

static bool
on_log(void *arg, const struct otc_log_record *log)
{
    struct pass *pass = arg;

    if (otc_selection_takes_log(pass->selection, log)) {
        act(pass, OTC_ATTRIBUTES_LOG_RECORD, log->encoded);
    }
    return true;
}

static otc_status
edit(struct otc_transform *transform, struct otc_transform_part *part, struct otc_error *err)
{
    const struct attributes *self = OTC_CONTAINER(transform, attributes, transform);
    struct pass pass = {.selection = self->selections[part->signal], .part = part};
    const struct otc_projection *projection = otc_selection_projection(pass.selection);

    if (!otc_actions_begin(&pass.call, self->actions, &part->edit, part->client)) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    switch (part->signal) {
    case OTC_TRACES:
        return otc_walk_spans(projection, part->part, on_span, &pass, err);
    case OTC_METRICS:
        return otc_walk_points(projection, part->part, on_point, &pass, err);
    case OTC_LOGS:
        return otc_walk_logs(projection, part->part, on_log, &pass, err);
    }
    return OTC_INTERNAL;
}

/* ---- Life --------------------------------------------------------------------------------------- */

static void
release(struct otc_transform *transform)
{
    struct attributes *self = OTC_CONTAINER(transform, attributes, transform);

    otc_actions_free(self->actions);
    for (size_t i = 0; i < OTC_N_SIGNALS; i++) {
        otc_selection_free(self->selections[i]);
    }
    free(self);
}

static const struct otc_transform_ops ops = {edit, release};

static otc_status
create(const struct otc_settings *settings, struct otc_component **out, struct otc_error *err)
{
    const struct attributes_config *config = settings->config;
    struct attributes *self = calloc(1, sizeof(*self));
    otc_status status;

    if (!self) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    otc_transform_init(&self->transform, settings, &ops);
    status = otc_actions_new(&config->actions, &self->actions, err);
    for (size_t i = 0; i < settings->n_pairs && status == OTC_OK; i++) {
        enum otc_signal signal = settings->pairs[i].from;

        status = otc_selection_new(config->include, config->exclude, signal, &self->selections[signal], err);
    }
    if (status != OTC_OK) {
        release(&self->transform);
        return status;
    }
    *out = &self->transform.component;
    return OTC_OK;
}

static const struct otc_pair pairs[] = OTC_TRANSFORM_PAIRS(OTC_STABILITY_BETA);

OTC_API const struct otc_factory otc_attributes_processor_factory = {
    .abi = OTC_ABI_OF(otc_factory),
    .kind = OTC_PROCESSOR,
    .type = "attributes",
    .description = "Changes the attributes of spans, points and log records.",
    .pairs = pairs,
    .n_pairs = 3,
    .config = &schema,
    .validate = validate,
    .create = create,
};
