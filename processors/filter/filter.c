// SPDX-License-Identifier: Apache-2.0
#include "common/ottl/subjects.h"
#include "common/transform/transform.h"
#include "processors/filter/filter_config.h"

#include <stdlib.h>

/* Texts that conditions make of one subject; so much of them is kept to the next. */
#define TEXTS_MAX ((size_t)64 << 20)
#define TEXTS_KEPT ((size_t)64 << 10)
/* A resource and scopes that lie in pieces, put together. */
#define HEADS_MAX OTC_EDIT_BYTES_MAX
#define SPAN_EVENTS 11

struct filter {
    struct otc_transform transform;
    struct filter_rules rules;
    struct otc_series *filtered[OTC_N_SIGNALS];
};

/* One part on its way. */
struct pass {
    struct filter *self;
    struct otc_transform_part *part;
    struct otc_arena texts;
    struct otc_arena heads;
    /** The last metric that was judged; those that selections dropped, in order, the last one's behind. */
    const uint8_t *metric;
    const uint8_t **gone;
    size_t n_gone, n_new;
    /** What failed, by what happens then. */
    bool failed[OTC_N_OTTL_ERROR_MODES];
    char why[OTC_N_OTTL_ERROR_MODES][160];
};

/* ---- Dropping ----------------------------------------------------------------------------------- */

static size_t
count_points(struct otc_slice metric)
{
    struct otc_slice data, point;
    size_t n = 0;

    (void)otc_ottl_metric_data(metric, &data);
    while (otc_messages_next(&data, 1, &point)) {
        n++;
    }
    return n;
}

/* Items in a ScopeSpans, …Metrics, …Logs. */
static size_t
count_of_scope(enum otc_signal signal, struct otc_slice scope)
{
    struct otc_slice item;
    size_t n = 0;

    while (otc_messages_next(&scope, 2, &item)) {
        n += signal == OTC_METRICS ? count_points(item) : 1;
    }
    return n;
}

/* The same of a ResourceSpans, …Metrics, …Logs. */
static size_t
count_items(enum otc_signal signal, struct otc_slice group)
{
    struct otc_slice scope;
    size_t n = 0;

    while (otc_messages_next(&group, 2, &scope)) {
        n += count_of_scope(signal, scope);
    }
    return n;
}

static void
drop(struct pass *pass, struct otc_slice message, size_t items)
{
    otc_edit_drop(&pass->part->edit, message, true);
    pass->part->dropped += items;
}

/* ---- The older form ----------------------------------------------------------------------------- */

/* A selection at work. */
struct selecting {
    struct pass *pass;
    const struct otc_selection *selection;
};

static bool
on_span(void *arg, const struct otc_span *span)
{
    const struct selecting *selecting = arg;

    if (!otc_selection_takes_span(selecting->selection, span)) {
        drop(selecting->pass, span->encoded, 1);
    }
    return true;
}

static bool
on_log(void *arg, const struct otc_log_record *log)
{
    const struct selecting *selecting = arg;

    if (!otc_selection_takes_log(selecting->selection, log)) {
        drop(selecting->pass, log->encoded, 1);
    }
    return true;
}

/* Whether the selection before this one dropped the metric. */
static bool
is_gone(const struct pass *pass, const uint8_t *metric)
{
    size_t low = 0, high = pass->n_gone;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (pass->gone[middle] < metric) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < pass->n_gone && pass->gone[low] == metric;
}

static void
drop_metric(struct pass *pass, struct otc_slice metric)
{
    const uint8_t **grown = reallocarray(pass->gone, pass->n_gone + pass->n_new + 1, sizeof(*grown));

    if (!grown) {
        pass->part->edit.failed = true;
        return;
    }
    pass->gone = grown;
    pass->gone[pass->n_gone + pass->n_new++] = metric.data;
    drop(pass, metric, count_points(metric));
}

/* A metric is judged by its first point. */
static bool
on_point(void *arg, const struct otc_point *point)
{
    const struct selecting *selecting = arg;
    struct pass *pass = selecting->pass;

    if (pass->metric != point->metric.data) {
        pass->metric = point->metric.data;
        if (!otc_selection_takes_point(selecting->selection, point) && !is_gone(pass, pass->metric)) {
            drop_metric(pass, point->metric);
        }
    }
    return true;
}

static otc_status
select_items(struct pass *pass, struct otc_error *err)
{
    struct otc_slice part = pass->part->part;
    enum otc_signal signal = pass->part->signal;
    otc_status status = OTC_OK;

    for (size_t i = 0; i < FILTER_SELECTIONS_MAX && status == OTC_OK; i++) {
        struct selecting selecting = {pass, pass->self->rules.selections[signal][i]};
        const struct otc_projection *projection;

        if (!selecting.selection) {
            continue;
        }
        projection = otc_selection_projection(selecting.selection);
        pass->metric = NULL;
        status = signal == OTC_TRACES    ? otc_walk_spans(projection, part, on_span, &selecting, err)
                 : signal == OTC_METRICS ? otc_walk_points(projection, part, on_point, &selecting, err)
                                         : otc_walk_logs(projection, part, on_log, &selecting, err);
        pass->n_gone += pass->n_new;
        pass->n_new = 0;
    }
    free(pass->gone);
    pass->gone = NULL;
    return status;
}

/* ---- Conditions --------------------------------------------------------------------------------- */

static bool
meets(struct pass *pass, enum otc_ottl_context context, const struct otc_ottl_subject *subject)
{
    const struct otc_ottl_conditions *of_mode =
        pass->self->rules.conditions[pass->part->signal][context].of_mode;
    enum otc_ottl_answer answer = OTC_OTTL_NONE_HOLDS;

    for (size_t i = 0; i < OTC_N_OTTL_ERROR_MODES && answer != OTC_OTTL_ONE_HOLDS; i++) {
        if (of_mode[i].n > 0) {
            answer = otc_ottl_any_holds(&of_mode[i], subject, &pass->texts, pass->why[i]);
            pass->failed[i] |= answer == OTC_OTTL_FAILED;
        }
    }
    if (pass->texts.used > TEXTS_KEPT) {
        otc_arena_release(&pass->texts);
    }
    return answer == OTC_OTTL_ONE_HOLDS;
}

static bool
has(const struct pass *pass, enum otc_ottl_context context)
{
    return filter_rules_has(&pass->self->rules, pass->part->signal, context);
}

static void
filter_span(struct pass *pass, struct otc_ottl_subject *subject)
{
    struct otc_slice rest = subject->item;

    if (meets(pass, OTC_OTTL_SPAN, subject)) {
        drop(pass, subject->item, 1);
        return;
    }
    if (!has(pass, OTC_OTTL_SPANEVENT)) {
        return;
    }
    for (subject->event_index = 0; otc_messages_next(&rest, SPAN_EVENTS, &subject->event);
         subject->event_index++) {
        if (meets(pass, OTC_OTTL_SPANEVENT, subject)) {
            otc_edit_drop(&pass->part->edit, subject->event, false);
        }
    }
}

static void
filter_metric(struct pass *pass, struct otc_ottl_subject *subject)
{
    struct otc_slice data;

    subject->metric = subject->item;
    subject->metric_type = otc_ottl_metric_data(subject->metric, &data);
    if (meets(pass, OTC_OTTL_METRIC, subject)) {
        drop(pass, subject->metric, count_points(subject->metric));
        return;
    }
    if (!has(pass, OTC_OTTL_DATAPOINT)) {
        return;
    }
    if (count_points(subject->metric) == 0) {
        drop(pass, subject->metric, 0);
    }
    while (otc_messages_next(&data, 1, &subject->item)) {
        if (meets(pass, OTC_OTTL_DATAPOINT, subject)) {
            drop(pass, subject->item, 1);
        }
    }
}

static void
filter_scope(struct pass *pass, struct otc_ottl_subject *subject)
{
    struct otc_slice items = subject->scope_group;

    if (meets(pass, OTC_OTTL_SCOPE, subject)) {
        drop(pass, subject->scope_group, count_of_scope(pass->part->signal, subject->scope_group));
        return;
    }
    while (otc_messages_next(&items, 2, &subject->item)) {
        switch (pass->part->signal) {
        case OTC_TRACES:
            filter_span(pass, subject);
            break;
        case OTC_METRICS:
            filter_metric(pass, subject);
            break;
        case OTC_LOGS:
            if (meets(pass, OTC_OTTL_LOG, subject)) {
                drop(pass, subject->item, 1);
            }
            break;
        }
    }
}

static void
filter_group(struct pass *pass, struct otc_slice group)
{
    struct otc_ottl_subject subject = {.resource_group = group,
                                       .resource = otc_ottl_head(group, &pass->heads)};
    struct otc_slice scopes = group;

    if (meets(pass, OTC_OTTL_RESOURCE, &subject)) {
        drop(pass, group, count_items(pass->part->signal, group));
        return;
    }
    while (otc_messages_next(&scopes, 2, &subject.scope_group)) {
        subject.scope = otc_ottl_head(subject.scope_group, &pass->heads);
        filter_scope(pass, &subject);
    }
}

/* What an evaluation that failed means. */
static otc_status
answer_failure(const struct pass *pass, struct otc_error *err)
{
    const struct filter *self = pass->self;

    if (pass->failed[OTC_OTTL_PROPAGATE]) {
        return otc_fail(err, OTC_UNAVAILABLE, "filter: failed to evaluate a condition: %s",
                        pass->why[OTC_OTTL_PROPAGATE]);
    }
    if (pass->failed[OTC_OTTL_IGNORE]) {
        otc_log(self->transform.host->logger, OTC_LOG_WARN, self->transform.id,
                "Failed to evaluate a condition", OTC_FIELD_TEXT("error", pass->why[OTC_OTTL_IGNORE]));
    }
    return OTC_OK;
}

static otc_status
edit(struct otc_transform *transform, struct otc_transform_part *part, struct otc_error *err)
{
    struct filter *self = OTC_CONTAINER(transform, filter, transform);
    struct pass pass = {.self = self, .part = part};
    struct otc_slice groups = part->part, group;
    struct otc_count count;
    otc_status status;

    if (!filter_rules_concern(&self->rules, part->signal)) {
        return OTC_OK;
    }
    otc_arena_init(&pass.texts, TEXTS_MAX);
    otc_arena_init(&pass.heads, HEADS_MAX);
    status = select_items(&pass, err);
    while (status == OTC_OK && otc_messages_next(&groups, 1, &group)) {
        filter_group(&pass, group);
        otc_arena_release(&pass.heads);
    }
    if (status == OTC_OK) {
        otc_transform_drop_empty(part);
        status = answer_failure(&pass, err);
    }
    otc_arena_release(&pass.texts);
    count = (struct otc_count){self->filtered[part->signal], status == OTC_OK ? (int64_t)part->dropped : 0};
    otc_meter_add(self->transform.host->meter, &count, 1);
    return status;
}

/* ---- Life --------------------------------------------------------------------------------------- */

static const struct otc_instrument filtered[OTC_N_SIGNALS] = {
    {"otelcol_processor_filter_spans.filtered", "1", "Number of spans dropped by the filter processor.",
     OTC_COUNTER},
    {"otelcol_processor_filter_datapoints.filtered", "1",
     "Number of metric data points dropped by the filter processor.", OTC_COUNTER},
    {"otelcol_processor_filter_logs.filtered", "1", "Number of logs dropped by the filter processor.",
     OTC_COUNTER},
};

static void
release(struct otc_transform *transform)
{
    struct filter *self = OTC_CONTAINER(transform, filter, transform);

    filter_rules_release(&self->rules);
    free(self);
}

static const struct otc_transform_ops ops = {edit, release};

static otc_status
create(const struct otc_settings *settings, struct otc_component **out, struct otc_error *err)
{
    const struct filter_config *config = settings->config;
    const struct otc_label label = {"filter", settings->id};
    struct filter *self = calloc(1, sizeof(*self));
    otc_status status;

    if (!self) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    otc_transform_init(&self->transform, settings, &ops);
    status = filter_rules_init(&self->rules, config, err);
    if (status != OTC_OK) {
        free(self);
        return status;
    }
    for (size_t i = 0; i < settings->n_pairs; i++) {
        enum otc_signal signal = settings->pairs[i].from;

        self->filtered[signal] = otc_meter_series(settings->host->meter, &filtered[signal], &label, 1);
    }
    *out = &self->transform.component;
    return OTC_OK;
}

static const struct otc_pair pairs[] = OTC_TRANSFORM_PAIRS(OTC_STABILITY_ALPHA);

OTC_API const struct otc_factory otc_filter_processor_factory = {
    .abi = OTC_ABI_OF(otc_factory),
    .kind = OTC_PROCESSOR,
    .type = "filter",
    .description = "Drops what meets a condition.",
    .pairs = pairs,
    .n_pairs = 3,
    .config = &filter_schema,
    .validate = filter_validate,
    .create = create,
};
