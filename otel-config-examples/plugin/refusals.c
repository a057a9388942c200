// SPDX-License-Identifier: Apache-2.0
/*
 * An example of a component of one's own: a connector that counts how often each model refuses to answer. It
 * takes traces, tells metrics, and passes nothing on itself:
 *
 *     gen_ai.responses{gen_ai.request.model}, gen_ai.refusals{gen_ai.request.model}   cumulative sums
 *
 * Built by the Makefile beside it with the installed headers alone, loaded by `service::plugins`.
 */
#include "common/component/otc.h"
#include "common/config/schema.h"
#include "common/otlp/build.h"
#include "common/otlp/walk.h"

#include <pthread.h>
#include <stdlib.h>

#define NAME_MAX_BYTES 128
#define REQUEST_BYTES_MAX ((size_t)4 << 20)

/* ---- Settings: a struct, and the table that fills it from YAML with limits, defaults and errors. */

struct refusals_config {
    otc_strings reasons;
    int64_t models;
    otc_duration metrics_flush_interval;
};

static const struct otc_field fields[] = {
    OTC_FIELD(refusals_config, reasons, .def = "content_filter",
              .doc = "Finish reasons that mean a refusal."),
    OTC_FIELD(refusals_config, models, .def = "100", .min = "1", .max = "10000",
              .doc = "Most models that are told apart; the rest is counted as `overflow`."),
    OTC_FIELD(refusals_config, metrics_flush_interval, .def = "15s", .min = "1s", .max = "1h",
              .doc = "How often the counts are sent on."),
    OTC_FIELD_END,
};
static const struct otc_schema schema =
    OTC_SCHEMA(refusals_config, fields, "Counts the answers that models refuse to give.");

/* ---- State: one mutex, taken once a batch; everything has a limit. */

struct model {
    char name[NAME_MAX_BYTES];
    int64_t responses, refusals;
};

struct refusals {
    struct otc_component component;
    struct otc_consumer input;
    struct otc_host *host;
    const struct refusals_config *config;
    const char *id;
    struct otc_projection *projection;
    struct otc_consumer *next;
    struct otc_timer *timer;
    int64_t began_ns;
    pthread_mutex_t lock;
    struct model *models; /* `config->models` and one for the rest */
    size_t n_models;
};

enum { MODEL, REASONS, N_WANTED };
static const struct otc_wanted wanted[N_WANTED] = {
    [MODEL] = {.key = "gen_ai.request.model", .level = OTC_AT_RECORD},
    [REASONS] = {.key = "gen_ai.response.finish_reasons", .level = OTC_AT_RECORD},
};

static struct model *
find_model(struct refusals *self, struct otc_slice name)
{
    size_t limit = (size_t)self->config->models;

    for (size_t i = 0; i < self->n_models; i++) {
        if (otc_slice_equal_str(name, self->models[i].name)) {
            return &self->models[i];
        }
    }
    /* A name with a NUL inside would not be found again. */
    if (self->n_models < limit && name.len < NAME_MAX_BYTES && memchr(name.data, '\0', name.len) == NULL) {
        struct model *model = &self->models[self->n_models++];

        memcpy(model->name, name.data, name.len);
        return model;
    }
    strcpy(self->models[limit].name, "overflow");
    return &self->models[limit];
}

static bool
is_refusal(const struct refusals *self, const struct otc_value *reasons)
{
    struct otc_slice rest = reasons->as.slice;
    struct otc_value reason;

    while (reasons->type == OTC_VALUE_ARRAY && otc_array_next(&rest, &reason)) {
        for (size_t i = 0; i < self->config->reasons.n; i++) {
            if (reason.type == OTC_VALUE_STRING &&
                otc_slice_equal_str(reason.as.slice, self->config->reasons.items[i])) {
                return true;
            }
        }
    }
    return false;
}

static bool
count_span(void *arg, const struct otc_span *span)
{
    struct refusals *self = arg;
    const struct otc_value *values = span->record.values;

    if (values[MODEL].type == OTC_VALUE_STRING && values[REASONS].type != OTC_VALUE_ABSENT) {
        struct model *model = find_model(self, values[MODEL].as.slice);

        model->responses++;
        model->refusals += is_refusal(self, &values[REASONS]);
    }
    return true;
}

static otc_status
consume(struct otc_consumer *consumer, struct otc_batch *batch, struct otc_done *done, struct otc_error *err)
{
    struct refusals *self = OTC_CONTAINER(consumer, refusals, input);
    otc_status status = OTC_OK;

    (void)done; /* the answer is there at once */
    pthread_mutex_lock(&self->lock);
    for (size_t i = 0; i < otc_batch_parts(batch) && status == OTC_OK; i++) {
        status = otc_walk_spans(self->projection, otc_batch_part(batch, i), count_span, self, err);
    }
    pthread_mutex_unlock(&self->lock);
    otc_batch_unref(batch);
    return status;
}

/* ---- Results */

static const struct otc_metric responses_metric = {.name = "gen_ai.responses",
                                                   .unit = "{response}",
                                                   .description = "Responses of the model.",
                                                   .type = OTC_METRIC_SUM,
                                                   .monotonic = true,
                                                   .temporality = OTC_TEMPORALITY_CUMULATIVE};
static const struct otc_metric refusals_metric = {.name = "gen_ai.refusals",
                                                  .unit = "{response}",
                                                  .description = "Responses that were refusals.",
                                                  .type = OTC_METRIC_SUM,
                                                  .monotonic = true,
                                                  .temporality = OTC_TEMPORALITY_CUMULATIVE};

static void
build(struct refusals *self, struct otc_metrics_builder *builder)
{
    size_t limit = (size_t)self->config->models;

    for (size_t i = 0; i <= limit; i++) {
        const struct model *model = &self->models[i];
        const struct otc_attribute name = OTC_ATTR_STR("gen_ai.request.model", model->name);
        const struct otc_point_head head = {.attributes = &name,
                                            .n_attributes = 1,
                                            .start_unix_nano = (uint64_t)self->began_ns,
                                            .time_unix_nano = (uint64_t)self->host->now_ns(self->host)};

        if (model->responses > 0) {
            otc_build_integer(builder, &responses_metric, &head, model->responses);
            otc_build_integer(builder, &refusals_metric, &head, model->refusals);
        }
    }
}

static void
send(struct refusals *self, struct otc_slice request, size_t points)
{
    struct otc_batch *batch = otc_batch_copy_of(OTC_METRICS, request, points, NULL);
    struct otc_error err = OTC_ERROR_INIT;
    otc_status status = batch != NULL ? otc_consume(self->next, batch, NULL, &err)
                                      : otc_fail(&err, OTC_RESOURCE_EXHAUSTED, "out of memory");

    if (status != OTC_OK && status != OTC_PENDING) {
        otc_log(self->host->logger, OTC_LOG_WARN, self->id, "Results were refused",
                OTC_FIELD_TEXT("error", err.text));
    }
}

static void
flush(struct refusals *self)
{
    struct otc_metrics_builder *builder =
        otc_metrics_builder_new(NULL, 0, "refusals", NULL, REQUEST_BYTES_MAX);
    OTC_AUTO_BUF struct otc_buf request = {.limit = REQUEST_BYTES_MAX};
    size_t points = 0;
    bool whole;

    if (builder == NULL) {
        return;
    }
    pthread_mutex_lock(&self->lock);
    build(self, builder);
    pthread_mutex_unlock(&self->lock);
    whole = otc_metrics_builder_finish(builder, &request, &points);
    otc_metrics_builder_free(builder);
    if (whole && points > 0) {
        send(self, otc_buf_slice(&request), points);
    }
}

static void
tick(void *arg)
{
    struct refusals *self = arg;

    flush(self);
    self->host->timer_arm(self->host, self->timer, self->config->metrics_flush_interval.ns);
}

/* ---- Life */

static otc_status
start(struct otc_component *component, struct otc_error *err)
{
    struct refusals *self = OTC_CONTAINER(component, refusals, component);

    self->began_ns = self->host->now_ns(self->host);
    self->timer = self->host->timer_new(self->host, tick, self);
    if (self->timer == NULL) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory for a timer");
    }
    self->host->timer_arm(self->host, self->timer, self->config->metrics_flush_interval.ns);
    return OTC_OK;
}

static otc_status
stop(struct otc_component *component, int64_t deadline_ns, struct otc_error *err)
{
    struct refusals *self = OTC_CONTAINER(component, refusals, component);

    (void)deadline_ns;
    (void)err;
    if (self->timer != NULL) {
        self->host->timer_free(self->host, self->timer);
        self->timer = NULL;
        flush(self); /* what was counted since the last one */
    }
    return OTC_OK;
}

static void
destroy(struct otc_component *component)
{
    struct refusals *self = OTC_CONTAINER(component, refusals, component);

    if (self->timer != NULL) {
        self->host->timer_free(self->host, self->timer);
    }
    otc_projection_free(self->projection);
    pthread_mutex_destroy(&self->lock);
    free(self->models);
    free(self);
}

static struct otc_consumer *
input(struct otc_component *component, enum otc_signal from)
{
    (void)from;
    return &OTC_CONTAINER(component, refusals, component)->input;
}

static otc_status
connect_next(struct otc_component *component, enum otc_signal to, struct otc_consumer *next,
             struct otc_error *err)
{
    (void)to;
    (void)err;
    OTC_CONTAINER(component, refusals, component)->next = next;
    return OTC_OK;
}

static const struct otc_component_ops ops = {
    .abi = OTC_ABI_OF(otc_component_ops),
    .start = start,
    .shutdown = stop,
    .free = destroy,
    .input = input,
    .connect = connect_next,
};

static otc_status
create(const struct otc_settings *settings, struct otc_component **out, struct otc_error *err)
{
    const struct refusals_config *config = settings->config;
    struct refusals *self = calloc(1, sizeof(*self));
    otc_status status;

    if (self == NULL) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    self->component = (struct otc_component){OTC_ABI_OF(otc_component), &ops};
    /* An analysis stage counts what the others accepted: a sender's second try is counted once. */
    self->input =
        (struct otc_consumer){.abi = OTC_ABI_OF(otc_consumer), .observes_accepted = true, .consume = consume};
    self->host = settings->host;
    self->config = config;
    self->id = settings->id;
    pthread_mutex_init(&self->lock, NULL);
    self->models = calloc((size_t)config->models + 1, sizeof(struct model));
    status = self->models != NULL ? otc_projection_new(wanted, N_WANTED, &self->projection, err)
                                  : otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory for %lld models",
                                             (long long)config->models);
    if (status != OTC_OK) {
        destroy(&self->component);
        return status;
    }
    *out = &self->component;
    return OTC_OK;
}

static const struct otc_pair pairs[] = {{OTC_TRACES, OTC_METRICS, OTC_STABILITY_DEVELOPMENT}};

static const struct otc_factory factory = {
    .abi = OTC_ABI_OF(otc_factory),
    .kind = OTC_CONNECTOR,
    .type = "refusals",
    .description = "Counts the answers that models refuse to give.",
    .pairs = pairs,
    .n_pairs = 1,
    .config = &schema,
    .create = create,
};

/* What the program looks for; NULL-ended. */
OTC_API extern const struct otc_factory *const otc_plugin_factories[];
const struct otc_factory *const otc_plugin_factories[] = {&factory, NULL};
