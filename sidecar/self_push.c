// SPDX-License-Identifier: Apache-2.0
#include "sidecar/self_push.h"

#include "sidecar/private_host.h"
#include "sidecar/resource.h"

#include <pthread.h>

#define REQUEST_MAX ((size_t)16 << 20)
/* The exporter counts for itself what nobody reads. */
#define PRIVATE_SERIES_MAX 100u
#define DEFAULT_INTERVAL_MS 60000
#define QUIET_NS OTC_MINUTE

/* A request on its way. */
struct export
{
    struct otc_done done;
    struct otc_self_push *push;
    bool busy;
    /* What it tells, for the differences to the next one. */
    struct otc_self_values told;
};

struct otc_self_push {
    struct otc_self_source source;
    const struct otc_reader *reader;
    struct otc_meter *meter;
    struct otc_logger logger;
    struct otc_private_host host;
    struct otc_component *component;
    struct otc_consumer *consumer;
    struct otc_timer *timer;
    pthread_mutex_t lock; /* guards all below */
    /* The last one is made even while the one before is on its way. */
    struct export regular, last;
    /* What the backend took. */
    struct otc_self_values taken;
    int64_t quiet_until; /* 0: nothing was said yet */
    uint64_t failed;
};

static struct otc_host *
host_of(const struct otc_self_push *push)
{
    return push->source.host;
}

/* ---- The log ------------------------------------------------------------------------------------ */

/* One line a minute. Under the lock. */
static bool
may_speak(struct otc_self_push *push)
{
    int64_t now = host_of(push)->monotonic_ns(host_of(push));
    bool may = push->quiet_until == 0 || now >= push->quiet_until;

    if (may) {
        push->quiet_until = now + QUIET_NS;
    }
    return may;
}

/* Warnings of the exporter (a partial success, certificates); failures are told by the reader. */
static void
pass_warning(struct otc_logger *self, enum otc_log_level level, const char *component, const char *message,
             const struct otc_log_field *fields, size_t n)
{
    struct otc_self_push *push = OTC_CONTAINER(self, otc_self_push, logger);
    struct otc_logger *outer = host_of(push)->logger;
    bool speak;

    pthread_mutex_lock(&push->lock);
    speak = level == OTC_LOG_WARN && may_speak(push);
    pthread_mutex_unlock(&push->lock);
    if (speak && outer != NULL && outer->level <= level) {
        outer->write(outer, level, component, message, fields, n);
    }
}

static void
note_failure(struct otc_self_push *push, const char *text)
{
    uint64_t failed = 0;

    pthread_mutex_lock(&push->lock);
    push->failed++;
    if (may_speak(push)) {
        failed = push->failed;
        push->failed = 0;
    }
    pthread_mutex_unlock(&push->lock);
    if (failed > 0) {
        otc_log(host_of(push)->logger, OTC_LOG_WARN, NULL, "Exporting the service's own metrics failed",
                OTC_FIELD_TEXT("reader", push->reader->id), OTC_FIELD_TEXT("error", text),
                OTC_FIELD_NUMBER("failed_exports", failed));
    }
}

/* ---- Exports ------------------------------------------------------------------------------------ */

static void
finish(struct export *export, otc_status status, const char *text)
{
    struct otc_self_push *push = export->push;

    pthread_mutex_lock(&push->lock);
    export->busy = false;
    /* What was not taken is part of the next differences. */
    if (status == OTC_OK) {
        otc_self_values_release(&push->taken);
        push->taken = export->told;
        export->told = (struct otc_self_values){0};
    } else {
        otc_self_values_release(&export->told);
    }
    pthread_mutex_unlock(&push->lock);
    if (status != OTC_OK) {
        note_failure(push, text);
    }
}

static void
export_done(struct otc_done *self, const struct otc_error *result)
{
    finish(OTC_CONTAINER(self, export, done), result->status, result->text);
}

static size_t
resource_attributes(struct otc_self_push *push, struct otc_attribute attributes[OTC_RESOURCE_MAX])
{
    size_t n;
    const struct otc_label *resource = host_of(push)->resource(host_of(push), &n);

    n = n < OTC_RESOURCE_MAX ? n : OTC_RESOURCE_MAX;
    for (size_t i = 0; i < n; i++) {
        attributes[i].key = otc_slice_str(resource[i].key);
        attributes[i].value.type = OTC_VALUE_STRING;
        attributes[i].value.as.slice = otc_slice_str(resource[i].value);
    }
    return n;
}

static enum otc_temporality_preference
temporality_of(const struct otc_self_push *push)
{
    return (enum otc_temporality_preference)
        push->reader->periodic->exporter.otlp->temporality_preference.index;
}

/* The request, and what it tells into `told`. NULL out of memory or at its limit. */
static struct otc_batch *
make_batch(struct otc_self_push *push, const struct otc_self_values *since, struct otc_self_values *told)
{
    const struct otc_self_view view = {temporality_of(push), since, told};
    struct otc_attribute attributes[OTC_RESOURCE_MAX];
    struct otc_metrics_builder *builder = otc_metrics_builder_new(
        attributes, resource_attributes(push, attributes), "otelcol-aimon", OTC_VERSION, REQUEST_MAX);
    OTC_AUTO_BUF struct otc_buf request = {.limit = REQUEST_MAX};
    struct otc_batch *batch = NULL;
    size_t points;

    if (builder != NULL && otc_self_collect(&push->source, builder, &view) &&
        otc_metrics_builder_finish(builder, &request, &points)) {
        batch = otc_batch_copy_of(OTC_METRICS, otc_buf_slice(&request), points, NULL);
    }
    otc_metrics_builder_free(builder);
    return batch;
}

/* Differences begin here: what was counted before a reload, the reader before this one has told. */
static void
begin_differences(struct otc_self_push *push)
{
    if (temporality_of(push) != OTC_PREFER_CUMULATIVE) {
        /* Without memory, they begin with the program. */
        otc_batch_unref(make_batch(push, NULL, &push->taken));
    }
}

static void
start_export(struct export *export)
{
    struct otc_self_push *push = export->push;
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_batch *batch = NULL;
    otc_status status = OTC_RESOURCE_EXHAUSTED;
    bool busy;

    pthread_mutex_lock(&push->lock);
    busy = export->busy;
    if (!busy) {
        /* A request that is on its way has told what it tells, as far as the last one can know. */
        batch = make_batch(push, push->regular.busy ? &push->regular.told : &push->taken, &export->told);
        export->busy = true;
    }
    pthread_mutex_unlock(&push->lock);
    if (busy) {
        return;
    }
    if (batch != NULL) {
        status = otc_consume(push->consumer, batch, &export->done, &err);
    } else {
        otc_fail(&err, status, "the request is too large, or there is no memory for it");
    }
    if (status != OTC_PENDING) {
        finish(export, status, err.text);
    }
}

static void
arm(struct otc_self_push *push)
{
    int64_t interval = push->reader->periodic->interval;

    host_of(push)->timer_arm(host_of(push), push->timer,
                             (interval > 0 ? interval : DEFAULT_INTERVAL_MS) * OTC_MILLISECOND);
}

static void
on_timer(void *arg)
{
    struct otc_self_push *push = arg;

    start_export(&push->regular);
    arm(push);
}

/* ---- Life --------------------------------------------------------------------------------------- */

static otc_status
start_component(struct otc_self_push *push, struct otc_error *err)
{
    static const struct otc_pair pair = {OTC_METRICS, OTC_METRICS, OTC_STABILITY_BETA};
    const struct otc_settings settings = {
        .abi = OTC_ABI_OF(otc_settings),
        .id = push->reader->id,
        .host = &push->host.host,
        .config = otc_config_value(push->reader->exporter),
        .pairs = &pair,
        .n_pairs = 1,
    };
    const struct otc_component_ops *ops;
    otc_status status = push->reader->factory->create(&settings, &push->component, err);

    if (status != OTC_OK) {
        push->component = NULL;
        return status;
    }
    ops = push->component->ops;
    push->consumer = ops->input(push->component, OTC_METRICS);
    return ops->start != NULL ? ops->start(push->component, err) : OTC_OK;
}

static void
release(struct otc_self_push *push)
{
    host_of(push)->timer_free(host_of(push), push->timer);
    if (push->component != NULL) {
        push->component->ops->free(push->component);
    }
    otc_meter_free(push->meter);
    otc_self_values_release(&push->regular.told);
    otc_self_values_release(&push->last.told);
    otc_self_values_release(&push->taken);
    pthread_mutex_destroy(&push->lock);
    free(push);
}

otc_status
otc_self_push_open(const struct otc_reader *reader, const struct otc_self_source *source,
                   struct otc_self_push **out, struct otc_error *err)
{
    struct otc_self_push *push = calloc(1, sizeof(*push));
    otc_status status;

    if (push == NULL) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    push->source = *source;
    push->reader = reader;
    push->logger = (struct otc_logger){pass_warning, OTC_LOG_WARN};
    push->regular = (struct export){.done = {OTC_ABI_OF(otc_done), export_done}, .push = push};
    push->last = push->regular;
    pthread_mutex_init(&push->lock, NULL);
    push->meter = otc_meter_new(PRIVATE_SERIES_MAX);
    push->timer = source->host->timer_new(source->host, on_timer, push);
    otc_private_host_init(&push->host, source->host, push->meter, &push->logger);
    status = push->meter != NULL && push->timer != NULL
                 ? start_component(push, err)
                 : otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    if (status != OTC_OK) {
        release(push);
        return otc_error_prefix(err, "%s", reader->id);
    }
    begin_differences(push);
    arm(push);
    *out = push;
    return OTC_OK;
}

void
otc_self_push_tell_last(struct otc_self_push *push)
{
    if (push != NULL) {
        host_of(push)->timer_disarm(host_of(push), push->timer);
        start_export(&push->last);
    }
}

void
otc_self_push_close(struct otc_self_push *push, int64_t deadline_ns)
{
    const struct otc_component_ops *ops;
    int64_t most;

    if (push == NULL) {
        return;
    }
    ops = push->component->ops;
    most = host_of(push)->monotonic_ns(host_of(push)) +
           otc_periodic_timeout_ms(push->reader->periodic) * OTC_MILLISECOND;
    host_of(push)->timer_disarm(host_of(push), push->timer);
    if (ops->shutdown != NULL) {
        (void)ops->shutdown(push->component, most < deadline_ns ? most : deadline_ns, NULL);
    }
    release(push);
}
