// SPDX-License-Identifier: Apache-2.0
#include "common/analysis/features.h"
#include "processors/latency/state.h"

/* ---- Spans ---------------------------------------------------------------------------------------- */

struct visit {
    struct latency *latency;
    int64_t now_ns;
    int64_t monotonic_ns;
    struct otc_model_memo model;
    struct otc_model_version *version; /* of that model; NULL: to be looked for */
};

static int64_t
stamp(uint64_t unix_nano)
{
    return (int64_t)(unix_nano > INT64_MAX ? INT64_MAX : unix_nano);
}

static bool
visit_span(void *arg, const struct otc_span *span)
{
    struct visit *visit = arg;
    struct latency *latency = visit->latency;
    const struct otc_value *values = span->record.values;
    char scratch[32];
    int64_t start = stamp(span->start_unix_nano), end = stamp(span->end_unix_nano);
    struct latency_span seen = {.operation = span->name,
                                .trace_id = span->trace_id,
                                .span_id = span->span_id,
                                .end_ns = end,
                                .has_duration = start > 0 && end > 0,
                                .duration_s = (double)(end - start) / 1e9,
                                .weight = OTC_WEIGHT_ONE,
                                .now_ns = visit->now_ns,
                                .monotonic_ns = visit->monotonic_ns};
    struct otc_slice operation;

    if (otc_model_follow(&visit->model, &latency->config->model, &span->record, latency->n_model_values)) {
        visit->version = NULL;
    }
    if (otc_value_category(&values[latency->operation_value], scratch, &operation) == OTC_CLASS_VALUE) {
        seen.operation = operation;
    }
    seen.side = span->status_code == 2 || values[latency->error_value].type != OTC_VALUE_ABSENT
                    ? LATENCY_ERROR
                    : LATENCY_OK;
    if (span->trace_state.len > 0) {
        seen.bad_trace_state = !otc_weight_of(span->trace_state, &seen.weight);
    }
    if (latency->gen_ai) {
        latency_gen_ai_observe(latency->gen_ai, span, &visit->model.key, &values[latency->error_value],
                               visit->now_ns, visit->monotonic_ns);
    }
    if (visit->model.key.name.len == 0) {
        latency->no_model++;
        return true;
    }
    if (!visit->version) {
        visit->version = otc_models_get(latency->models, &visit->model.key, visit->monotonic_ns);
    }
    if (visit->version) { /* otherwise counted by the registry */
        latency_observe(visit->version->state, &seen);
    }
    return true;
}

/* Moves the window of every version that this batch touched. */
static void
advance_touched(const struct visit *visit)
{
    struct latency *latency = visit->latency;

    for (size_t i = 0; i < otc_models_count(latency->models); i++) {
        struct otc_model *model = otc_models_at(latency->models, i);

        for (size_t j = 0; j < model->n_versions; j++) {
            struct latency_version *version = model->versions[j]->state;

            if (version->touched_ns == visit->monotonic_ns &&
                otc_window_advance(&version->window, visit->now_ns, visit->monotonic_ns, true)) {
                latency_evaluate(version);
            }
        }
    }
}

otc_status
latency_consume(struct otc_consumer *consumer, struct otc_batch *batch, struct otc_done *done,
                struct otc_error *err)
{
    struct latency *latency = OTC_CONTAINER(consumer, latency, consumer);
    struct visit visit = {.latency = latency,
                          .now_ns = latency->host->now_ns(latency->host),
                          .monotonic_ns = latency->host->monotonic_ns(latency->host)};

    (void)done;
    (void)err;
    pthread_mutex_lock(&latency->lock);
    for (size_t i = 0; i < otc_batch_parts(batch); i++) {
        visit.model.known = false;
        latency->malformed +=
            otc_walk_spans(latency->projection, otc_batch_part(batch, i), visit_span, &visit, NULL) != OTC_OK;
    }
    advance_touched(&visit);
    pthread_mutex_unlock(&latency->lock);
    otc_batch_unref(batch);
    return OTC_OK;
}

/* ---- Component ------------------------------------------------------------------------------------ */

static otc_status
start(struct otc_component *self, struct otc_error *err)
{
    return otc_emitter_start(OTC_CONTAINER(self, latency, component)->emitter, err);
}

static otc_status
shut_down(struct otc_component *self, int64_t deadline_ns, struct otc_error *err)
{
    (void)deadline_ns;
    (void)err;
    otc_emitter_stop(OTC_CONTAINER(self, latency, component)->emitter);
    return OTC_OK;
}

static void
destroy(struct otc_component *self)
{
    struct latency *latency = OTC_CONTAINER(self, latency, component);

    otc_emitter_free(latency->emitter);
    otc_models_free(latency->models);
    latency_gen_ai_free(latency->gen_ai);
    otc_projection_free(latency->projection);
    pthread_mutex_destroy(&latency->lock);
    free(latency);
}

static struct otc_consumer *
input(struct otc_component *self, enum otc_signal from)
{
    return from == OTC_TRACES ? &OTC_CONTAINER(self, latency, component)->consumer : NULL;
}

static otc_status
connect(struct otc_component *self, enum otc_signal to, struct otc_consumer *next, struct otc_error *err)
{
    if (to != OTC_METRICS) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "latency: gives metrics, not %s", otc_signal_name(to));
    }
    otc_emitter_connect(OTC_CONTAINER(self, latency, component)->emitter, next);
    return OTC_OK;
}

/* What a version borrows of its stage. */
static void
own_versions(struct latency *latency)
{
    otc_models_set_owner(latency->models, latency);
    for (size_t i = 0; i < otc_models_count(latency->models); i++) {
        struct otc_model *model = otc_models_at(latency->models, i);

        for (size_t j = 0; j < model->n_versions; j++) {
            struct latency_version *version = model->versions[j]->state;

            version->owner = latency;
            version->window.config = &latency->config->window;
        }
    }
}

static void
adopt(struct otc_component *self, struct otc_component *from)
{
    struct latency *latency = OTC_CONTAINER(self, latency, component);
    struct latency *former = OTC_CONTAINER(from, latency, component);
    struct otc_models *models = latency->models;
    struct latency_gen_ai *gen_ai = latency->gen_ai;
    size_t used = latency->budget.used;

    latency->models = former->models;
    latency->gen_ai = former->gen_ai;
    latency->budget.used = former->budget.used;
    latency->next_id = former->next_id;
    latency->start_ns = former->start_ns;
    latency->malformed = former->malformed;
    latency->no_model = former->no_model;
    former->models = models;
    former->gen_ai = gen_ai;
    former->budget.used = used;
    own_versions(latency);
    own_versions(former);
}

static const struct otc_component_ops ops = {.abi = OTC_ABI_OF(otc_component_ops),
                                             .start = start,
                                             .shutdown = shut_down,
                                             .free = destroy,
                                             .input = input,
                                             .connect = connect,
                                             .adopt = adopt};

static otc_status
make_projection(struct latency *latency, struct otc_error *err)
{
    const struct otc_model_config *model = &latency->config->model;
    struct otc_wanted *wanted =
        calloc(model->name.n + model->version.n + 2 + LATENCY_GEN_AI_WANTED_MAX, sizeof(*wanted));
    otc_status status;
    size_t n;

    if (!wanted) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    n = latency->n_model_values = otc_model_wanted(model, wanted);
    latency->operation_value = n;
    wanted[n++] = (struct otc_wanted){.key = "gen_ai.operation.name", .level = OTC_AT_RECORD};
    latency->error_value = n;
    wanted[n++] = (struct otc_wanted){.key = "error.type", .level = OTC_AT_RECORD};
    if (latency->config->gen_ai) {
        const struct latency_gen_ai_config *gen_ai = latency->config->gen_ai;

        latency->gen_ai = latency_gen_ai_new(wanted, &n, gen_ai->server_address, (size_t)gen_ai->series);
    }
    status = otc_projection_new(wanted, n, &latency->projection, err);
    free(wanted);
    return status;
}

static bool
make_parts(struct latency *latency, const char *id)
{
    const struct latency_config *config = latency->config;
    const struct otc_models_limits limits = {.models = (size_t)config->limits.models,
                                             .versions = (size_t)config->limits.versions,
                                             .expiration_ns = config->series_expiration.ns};
    const struct otc_emitter_settings settings = {.host = latency->host,
                                                  .scope = "otelcol-aimon/latency",
                                                  .component_id = id,
                                                  .flush_interval_ns = config->metrics_flush_interval.ns,
                                                  .series = (size_t)config->limits.series,
                                                  .collect = latency_collect,
                                                  .stage = latency};

    latency->models = otc_models_new(&limits, &latency_model_ops, latency);
    latency->emitter = otc_emitter_new(&settings);
    return latency->models && latency->emitter && (latency->gen_ai || !config->gen_ai);
}

static otc_status
create(const struct otc_settings *settings, struct otc_component **out, struct otc_error *err)
{
    struct latency *latency = calloc(1, sizeof(*latency));
    otc_status status;

    if (!latency) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    latency->component = (struct otc_component){OTC_ABI_OF(otc_component), &ops};
    latency->consumer = (struct otc_consumer){
        .abi = OTC_ABI_OF(otc_consumer), .observes_accepted = true, .consume = latency_consume};
    latency->host = settings->host;
    latency->config = settings->config;
    latency->budget.limit = (size_t)latency->config->limits.memory.n;
    latency->start_ns = latency->host->now_ns(latency->host);
    pthread_mutex_init(&latency->lock, NULL);
    otc_window_label(&latency->config->window, latency->window_label);
    status = make_projection(latency, err);
    if (status == OTC_OK && latency->config->drift) {
        status = latency_drift_rule_of(latency->config->drift, &latency->drift_rule, err);
    }
    if (status == OTC_OK && !make_parts(latency, settings->id)) {
        status = otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    if (status != OTC_OK) {
        destroy(&latency->component);
        return status;
    }
    *out = &latency->component;
    return OTC_OK;
}

static const struct otc_pair pairs[] = {{OTC_TRACES, OTC_METRICS, OTC_STABILITY_BETA}};

OTC_API const struct otc_factory otc_latency_processor_factory = {
    .abi = OTC_ABI_OF(otc_factory),
    .kind = OTC_CONNECTOR,
    .type = "latency",
    .description = "Latency percentiles, requests and errors of spans by model, operation and status.",
    .pairs = pairs,
    .n_pairs = 1,
    .config = &latency_schema,
    .validate = latency_validate,
    .explain = latency_explain,
    .create = create,
};
