// SPDX-License-Identifier: Apache-2.0
/* The drift connector: traces, logs or metrics in, results as metrics out; and the processor, which lets
 * metrics pass and appends its results. */
#include "processors/drift/keeper.h"
#include "processors/drift/metrics.h"
#include "processors/drift/reload.h"

static otc_status
make_projection(struct drift *drift, struct otc_error *err)
{
    struct otc_wanted wanted[OTC_PROJECTION_MAX];
    const struct drift_arm_config *arm = drift->config->reference.arm;
    const struct drift_duplicates_config *duplicates = drift->config->duplicates;
    size_t n = drift->config->model.name.n + drift->config->model.version.n + (arm != NULL) +
               (duplicates ? duplicates->id.n : 0);

    if (n + otc_feature_set_wanted(drift->set, NULL) > OTC_PROJECTION_MAX) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "features: more than %d attributes are looked at",
                        OTC_PROJECTION_MAX);
    }
    drift->first_feature = otc_model_wanted(&drift->config->model, wanted);
    if (arm) {
        wanted[drift->first_feature++] = (struct otc_wanted){.key = arm->attribute, .level = OTC_AT_ANY};
    }
    drift->first_id =
        drift->first_feature + otc_feature_set_wanted(drift->set, wanted + drift->first_feature);
    n = drift->first_id + (duplicates ? drift_duplicates_wanted(duplicates, wanted + drift->first_id) : 0);
    return otc_projection_new(wanted, n, &drift->projection, err);
}

static otc_status
load_file(struct drift *drift, struct otc_error *err)
{
    const struct drift_config *config = drift->config;
    struct otc_reference *reference;
    otc_status status;

    if (!config->reference.file) {
        return OTC_OK;
    }
    drift->reloads.seen = otc_file_mark_of(config->reference.file);
    status = otc_reference_load(config->reference.file, (size_t)config->limits.cells, &reference, err);
    if (status != OTC_OK) {
        return otc_error_prefix(err, "reference::file");
    }
    status = drift_binding_new(reference, drift->set, (drift->statistics >> DRIFT_WASSERSTEIN) & 1,
                               (size_t)config->limits.features, NULL, NULL, &drift->file, err);
    otc_reference_unref(reference);
    return status;
}

static otc_status
make_state(struct drift *drift, struct otc_error *err)
{
    const struct drift_config *config = drift->config;
    const struct otc_models_limits limits = drift_models_limits(config);
    const struct otc_emitter_settings emitter = {.host = drift->host,
                                                 .scope = "otelcol-aimon/drift",
                                                 .component_id = drift->id,
                                                 .flush_interval_ns = config->metrics_flush_interval.ns,
                                                 .series = (size_t)config->limits.series,
                                                 .collect = drift_collect,
                                                 .stage = drift};

    drift->budget.limit = (size_t)config->limits.memory.n;
    drift->reader = otc_feature_reader_new(drift->set, drift->first_feature, (size_t)config->limits.json.n);
    drift->max_observed = otc_feature_set_count(drift->set) + (size_t)config->limits.features;
    drift->observed = calloc(drift->max_observed, sizeof(*drift->observed));
    drift->waiting = malloc(DRIFT_WAITING_FEATURES * sizeof(*drift->waiting));
    drift->models = otc_models_new(&limits, &drift_model_ops, drift);
    drift->worker = drift->host->timer_new(drift->host, drift_work, drift);
    drift->reloads.timer = drift->host->timer_new(drift->host, drift_reload_check, drift);
    drift->emitter = otc_emitter_new(&emitter);
    drift->events = otc_events_new(drift->host, emitter.scope, drift->id);
    return drift->reader && drift->observed && drift->waiting && drift->models && drift->worker &&
                   drift->events && drift->reloads.timer && drift->emitter
               ? OTC_OK
               : otc_fail(err, OTC_RESOURCE_EXHAUSTED, "%s: out of memory", drift->id);
}

/* What the file is, so that the log tells which reference results came from. */
static void
log_reference(const struct drift *drift)
{
    const struct otc_reference *reference = drift->file->reference;

    otc_log(drift->host->logger, OTC_LOG_INFO, drift->id, "Reference loaded",
            OTC_FIELD_TEXT("file", drift->config->reference.file),
            OTC_FIELD_SLICE("model", reference->model.len ? reference->model : otc_slice_str("any")),
            OTC_FIELD_NUMBER("rows", reference->rows), OTC_FIELD_NUMBER("features", drift->file->n),
            OTC_FIELD_TEXT("reference", reference->hash));
}

static otc_status
drift_start(struct otc_component *self, struct otc_error *err)
{
    struct drift *drift = OTC_CONTAINER(self, drift, component);
    struct drift_learn_config learning = drift_learning(drift->config);
    otc_status status;

    if (drift->file) {
        log_reference(drift);
        if (drift->config->reference.reload_interval.ns > 0) {
            drift->host->timer_arm(drift->host, drift->reloads.timer,
                                   drift->config->reference.reload_interval.ns);
        }
    } else if (!drift_is_dynamic(drift->config) && learning.duration.ns < OTC_DAY) {
        otc_log(drift->host->logger, OTC_LOG_WARN, drift->id,
                "The reference is learned over less than 24 hours; it will not have seen a whole day",
                OTC_FIELD_NUMBER("seconds", (double)learning.duration.ns / 1e9));
    }
    if (otc_events_connected(drift->events)) {
        otc_emitter_allow_none(drift->emitter);
    }
    status = drift_keeper_start(drift, err);
    return status == OTC_OK ? otc_emitter_start(drift->emitter, err) : status;
}

static otc_status
drift_shutdown(struct otc_component *self, int64_t deadline_ns, struct otc_error *err)
{
    struct drift *drift = OTC_CONTAINER(self, drift, component);

    (void)deadline_ns;
    (void)err;
    pthread_mutex_lock(&drift->lock);
    drift->stopped = true;
    pthread_mutex_unlock(&drift->lock);
    drift->host->timer_disarm(drift->host, drift->worker);
    drift->host->timer_disarm(drift->host, drift->reloads.timer);
    otc_emitter_stop(drift->emitter);
    (void)otc_events_flush(drift->events);
    drift_keeper_stop(drift->keeper);
    drift_keeper_leave(drift);
    return OTC_OK;
}

static void
drift_free(struct otc_component *self)
{
    struct drift *drift = OTC_CONTAINER(self, drift, component);

    drift_keeper_free(drift->keeper);
    drift->host->timer_free(drift->host, drift->worker);
    drift->host->timer_free(drift->host, drift->reloads.timer);
    otc_emitter_free(drift->emitter);
    otc_events_free(drift->events);
    otc_models_free(drift->models);
    drift_binding_unref(drift->file);
    drift_metrics_free(drift->metrics);
    otc_projection_free(drift->projection);
    drift_watch_free(drift->watch);
    otc_feature_reader_free(drift->reader);
    otc_feature_set_free(drift->set);
    free(drift->observed);
    free(drift->waiting);
    (void)pthread_mutex_destroy(&drift->lock);
    free(drift);
}

static struct otc_consumer *
drift_input(struct otc_component *self, enum otc_signal from)
{
    struct drift *drift = OTC_CONTAINER(self, drift, component);

    drift->metrics_in = drift->metrics_in || from == OTC_METRICS;
    drift->spans_in = drift->spans_in || from == OTC_TRACES;
    return &drift->inputs[from].consumer;
}

static otc_status
drift_connect(struct otc_component *self, enum otc_signal to, struct otc_consumer *next,
              struct otc_error *err)
{
    struct drift *drift = OTC_CONTAINER(self, drift, component);

    if (to == OTC_METRICS) {
        otc_emitter_connect(drift->emitter, next);
        drift->next = next;
    } else if (to == OTC_LOGS) {
        otc_events_connect(drift->events, next);
    } else {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "%s: its results are metrics and logs, not %s", drift->id,
                        otc_signal_name(to));
    }
    return OTC_OK;
}

static const struct otc_component_ops drift_ops = {.abi = OTC_ABI_OF(otc_component_ops),
                                                   .start = drift_start,
                                                   .shutdown = drift_shutdown,
                                                   .free = drift_free,
                                                   .input = drift_input,
                                                   .connect = drift_connect};

static otc_status
drift_create(const struct otc_settings *settings, struct otc_component **out, struct otc_error *err)
{
    struct drift *drift = calloc(1, sizeof(*drift));
    otc_status status;

    if (!drift) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "%s: out of memory", settings->id);
    }
    drift->component = (struct otc_component){OTC_ABI_OF(otc_component), &drift_ops};
    drift->kind = OTC_CONNECTOR;
    drift->id = settings->id;
    drift->host = settings->host;
    drift->config = settings->config;
    drift->start_ns = settings->host->now_ns(settings->host);
    drift->since_ns = INT64_MAX;
    drift->statistics = drift_statistics(drift->config);
    otc_window_label(&drift->config->window, drift->window_label);
    (void)pthread_mutex_init(&drift->lock, NULL);
    for (int signal = 0; signal < OTC_N_SIGNALS; signal++) {
        drift->inputs[signal] = (struct drift_input){.consumer = {.abi = OTC_ABI_OF(otc_consumer),
                                                                  .observes_accepted = true,
                                                                  .consume = drift_consume},
                                                     .owner = drift};
    }
    status = drift_rule_of(drift->config, &drift->rule, err);
    if (status == OTC_OK) {
        status = drift_feature_set(drift->config, &drift->set, err);
    }
    if (status == OTC_OK) {
        status = drift_watch_new(&drift->config->detectors, drift->set, &drift->watch, err);
    }
    if (status == OTC_OK) {
        status = make_projection(drift, err);
    }
    if (status == OTC_OK) {
        status = load_file(drift, err);
    }
    if (status == OTC_OK) {
        status = make_state(drift, err);
    }
    if (status == OTC_OK) {
        status = drift_metrics_new(drift, &drift->metrics, err);
    }
    if (status != OTC_OK) {
        drift_free(&drift->component);
        return status;
    }
    *out = &drift->component;
    return OTC_OK;
}

/* ---- The processor -------------------------------------------------------------------------------- */

/* What is accepted behind it is observed, so that what a client sends again counts once. */
static otc_status
pass(struct otc_consumer *consumer, struct otc_batch *batch, struct otc_done *done, struct otc_error *err)
{
    struct drift *drift = OTC_CONTAINER(consumer, drift_input, consumer)->owner;
    struct otc_error ignored = OTC_ERROR_INIT;
    otc_status status = otc_consume(drift->next, otc_batch_ref(batch), done, err);

    if (status == OTC_OK || status == OTC_PENDING) {
        (void)drift_consume(consumer, batch, NULL, &ignored);
    } else {
        otc_batch_unref(batch);
    }
    return status;
}

static otc_status
create_processor(const struct otc_settings *settings, struct otc_component **out, struct otc_error *err)
{
    otc_status status = drift_create(settings, out, err);

    if (status == OTC_OK) {
        struct drift_input *input = &OTC_CONTAINER(*out, drift, component)->inputs[OTC_METRICS];

        input->owner->kind = OTC_PROCESSOR;
        input->consumer.observes_accepted = false;
        input->consumer.consume = pass;
    }
    return status;
}

static const struct otc_pair pass_pairs[] = {{OTC_METRICS, OTC_METRICS, OTC_STABILITY_ALPHA}};

static const struct otc_factory pass_factory = {
    .abi = OTC_ABI_OF(otc_factory),
    .kind = OTC_PROCESSOR,
    .type = "drift",
    .description = "Lets metrics pass, and appends how far their distributions have moved from a reference.",
    .pairs = pass_pairs,
    .n_pairs = 1,
    .config = &drift_schema,
    .validate = drift_validate,
    .explain = drift_explain,
    .create = create_processor,
    .one_pipeline = true};

/* ---- The connector -------------------------------------------------------------------------------- */

static const struct otc_pair drift_pairs[] = {
    {OTC_TRACES, OTC_METRICS, OTC_STABILITY_ALPHA}, {OTC_LOGS, OTC_METRICS, OTC_STABILITY_ALPHA},
    {OTC_TRACES, OTC_LOGS, OTC_STABILITY_ALPHA},    {OTC_METRICS, OTC_LOGS, OTC_STABILITY_ALPHA},
    {OTC_LOGS, OTC_LOGS, OTC_STABILITY_ALPHA},      {OTC_METRICS, OTC_METRICS, OTC_STABILITY_ALPHA}};

OTC_API const struct otc_factory otc_drift_processor_factory = {
    .abi = OTC_ABI_OF(otc_factory),
    .kind = OTC_CONNECTOR,
    .type = "drift",
    .description =
        "Compares the features and predictions in traces and logs, and the distributions in metrics, with a "
        "reference: KS, PSI, chi-squared and a verdict, as metrics.",
    .pairs = drift_pairs,
    .n_pairs = sizeof(drift_pairs) / sizeof(drift_pairs[0]),
    .config = &drift_schema,
    .validate = drift_validate,
    .explain = drift_explain,
    .create = drift_create,
    .face = &pass_factory};
