// SPDX-License-Identifier: Apache-2.0
#include "common/analysis/emit.h"

#include "common/base/clock.h"

/* A point of drift takes some 250 bytes; exponential histograms some thousands. */
#define EMIT_BATCH_BYTES ((size_t)64 << 20)

struct otc_emitter {
    struct otc_emitter_settings settings;
    struct otc_consumer *next;
    struct otc_metrics_builder *builder;
    struct otc_buf out; /* finished requests of other resources, sent together */
    size_t out_points;
    const struct otc_exemplar *exemplars; /* of the next point */
    size_t n_exemplars;
    struct otc_timer *timer;
    struct otc_series *dropped_series;
    struct otc_series *refused_points;
    int64_t time_ns;
    size_t series; /* of the collection under way */
    size_t left_out;
    bool running;
    bool muted;
    bool allow_none;
};

static const struct otc_instrument left_out_instrument = {
    .name = "aimon_emit_series_dropped",
    .unit = "{series}",
    .kind = OTC_GAUGE,
    .description = "Result series beyond limits::series, left out of the last emission."};
static const struct otc_instrument refused_instrument = {
    .name = "aimon_emit_points_refused",
    .unit = "{points}",
    .kind = OTC_COUNTER,
    .description = "Result points that the next component refused."};

static void on_timer(void *arg);

size_t
otc_emit_resource(struct otc_host *host, struct otc_attribute out[OTC_EMIT_RESOURCE_MAX])
{
    size_t n = 0;
    const struct otc_label *labels = host->resource(host, &n);

    n = n > OTC_EMIT_RESOURCE_MAX ? OTC_EMIT_RESOURCE_MAX : n;
    for (size_t i = 0; i < n; i++) {
        out[i] = (struct otc_attribute){otc_slice_str(labels[i].key),
                                        {OTC_VALUE_STRING, {.slice = otc_slice_str(labels[i].value)}}};
    }
    return n;
}

static struct otc_metrics_builder *
new_builder(const struct otc_emitter_settings *settings)
{
    struct otc_attribute attributes[OTC_EMIT_RESOURCE_MAX];
    size_t n = otc_emit_resource(settings->host, attributes);

    return otc_metrics_builder_new(attributes, n, settings->scope, settings->unversioned ? NULL : OTC_VERSION,
                                   EMIT_BATCH_BYTES);
}

struct otc_emitter *
otc_emitter_new(const struct otc_emitter_settings *settings)
{
    struct otc_emitter *emitter = calloc(1, sizeof(*emitter));
    const struct otc_label label = {"component", settings->component_id};
    struct otc_meter *meter = settings->host->meter;

    if (!emitter) {
        return NULL;
    }
    emitter->settings = *settings;
    emitter->time_ns = INT64_MIN;
    otc_buf_init(&emitter->out, 2 * EMIT_BATCH_BYTES);
    emitter->builder = new_builder(settings);
    emitter->timer = settings->host->timer_new(settings->host, on_timer, emitter);
    if (!emitter->builder || !emitter->timer) {
        otc_emitter_free(emitter);
        return NULL;
    }
    if (meter) {
        emitter->dropped_series = otc_meter_series(meter, &left_out_instrument, &label, 1);
        emitter->refused_points = otc_meter_series(meter, &refused_instrument, &label, 1);
    }
    return emitter;
}

void
otc_emitter_free(struct otc_emitter *emitter)
{
    if (!emitter) {
        return;
    }
    emitter->settings.host->timer_free(emitter->settings.host, emitter->timer);
    otc_metrics_builder_free(emitter->builder);
    otc_buf_release(&emitter->out);
    free(emitter);
}

void
otc_emitter_connect(struct otc_emitter *emitter, struct otc_consumer *next)
{
    emitter->next = next;
}

void
otc_emitter_allow_none(struct otc_emitter *emitter)
{
    emitter->allow_none = true;
}

static void
arm(struct otc_emitter *emitter)
{
    emitter->settings.host->timer_arm(emitter->settings.host, emitter->timer,
                                      emitter->settings.flush_interval_ns);
}

static void
on_timer(void *arg)
{
    struct otc_emitter *emitter = arg;

    if (emitter->running) {
        otc_emitter_flush(emitter);
        arm(emitter);
    }
}

otc_status
otc_emitter_start(struct otc_emitter *emitter, struct otc_error *err)
{
    if (!emitter->next && !emitter->allow_none) {
        return otc_fail(err, OTC_FAILED_PRECONDITION, "%s: no metrics pipeline takes its results",
                        emitter->settings.component_id);
    }
    emitter->running = true;
    arm(emitter);
    return OTC_OK;
}

void
otc_emitter_stop(struct otc_emitter *emitter)
{
    if (!emitter->running) {
        return;
    }
    emitter->running = false;
    emitter->settings.host->timer_disarm(emitter->settings.host, emitter->timer);
    otc_emitter_flush(emitter);
}

static void
count(struct otc_emitter *emitter, struct otc_series *series, int64_t delta)
{
    const struct otc_count change = {series, delta};

    if (emitter->settings.host->meter && series) {
        otc_meter_add(emitter->settings.host->meter, &change, 1);
    }
}

static void
release_bytes(void *arg)
{
    free(arg);
}

/* Moves what the builder holds to `out`. */
static void
finish_builder(struct otc_emitter *emitter)
{
    size_t points = otc_metrics_builder_points(emitter->builder);
    size_t mark = emitter->out.len;

    if (points == 0) {
        return;
    }
    if (otc_metrics_builder_finish(emitter->builder, &emitter->out, &points)) {
        emitter->out_points += points;
        return;
    }
    emitter->out.len = mark;
    emitter->out.failed = false;
    count(emitter, emitter->refused_points, (int64_t)points);
}

/* Sends what was told so far. */
static void
send(struct otc_emitter *emitter)
{
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_part part = {.release = release_bytes};
    struct otc_batch *batch;
    otc_status status;
    size_t points, len;

    finish_builder(emitter);
    points = emitter->out_points;
    if (points == 0) {
        return;
    }
    emitter->out_points = 0;
    part.arg = otc_buf_take(&emitter->out, &len);
    part.bytes = otc_slice_of(part.arg, len);
    batch = otc_batch_new(OTC_METRICS, &part, 1, points, NULL);
    if (!batch) {
        count(emitter, emitter->refused_points, (int64_t)points);
        return;
    }
    status = otc_consume(emitter->next, batch, NULL, &err);
    if (status != OTC_OK && status != OTC_PENDING) {
        count(emitter, emitter->refused_points, (int64_t)points);
    }
}

bool
otc_emitter_ending(const struct otc_emitter *emitter)
{
    return !emitter->running;
}

bool
otc_emitter_set_resource(struct otc_emitter *emitter, const struct otc_attribute *attributes, size_t n)
{
    finish_builder(emitter);
    if (emitter->out_points >= OTC_EMIT_BATCH_POINTS || emitter->out.len > EMIT_BATCH_BYTES) {
        send(emitter);
    }
    return otc_metrics_builder_set_resource(emitter->builder, attributes, n);
}

void
otc_emit_exemplars(struct otc_emitter *emitter, const struct otc_exemplar *exemplars, size_t n)
{
    emitter->exemplars = exemplars;
    emitter->n_exemplars = n;
}

void
otc_emitter_flush(struct otc_emitter *emitter)
{
    int64_t now = emitter->settings.host->now_ns(emitter->settings.host);
    bool back = now <= emitter->time_ns;

    /* Far ahead was a clock that has been set back since: stamps that wait for it would be refused as long.
     */
    if (back && (uint64_t)emitter->time_ns - (uint64_t)now <= (uint64_t)emitter->settings.flush_interval_ns) {
        now = emitter->time_ns + 1;
    }
    emitter->time_ns = now;
    emitter->series = 0;
    emitter->left_out = 0;
    emitter->settings.collect(emitter->settings.stage, emitter);
    send(emitter);
    count(emitter, emitter->dropped_series, (int64_t)emitter->left_out);
}

void
otc_emitter_not_before(struct otc_emitter *emitter, int64_t time_ns)
{
    emitter->time_ns = time_ns;
}

void
otc_emitter_mute(struct otc_emitter *emitter, bool muted)
{
    emitter->muted = muted;
}

int64_t
otc_emitter_time(const struct otc_emitter *emitter)
{
    return emitter->time_ns;
}

/* True when one more series may be told. */
static bool
admit(struct otc_emitter *emitter)
{
    if (emitter->muted || !emitter->next) {
        return false;
    }
    if (emitter->series >= emitter->settings.series) {
        emitter->left_out++;
        return false;
    }
    emitter->series++;
    return true;
}

/* After a point: false from the builder means that its limit was met, so the batch goes and the point is
 * tried again. */
static bool
next_batch(struct otc_emitter *emitter, bool built)
{
    if (!built) {
        send(emitter);
        return true;
    }
    if (otc_metrics_builder_points(emitter->builder) + emitter->out_points >= OTC_EMIT_BATCH_POINTS) {
        send(emitter);
    }
    return false;
}

/* Takes the exemplars that were told for the point. */
static struct otc_point_head
head_of(struct otc_emitter *emitter, const struct otc_attribute *attributes, size_t n, int64_t start_ns,
        uint32_t flags)
{
    const struct otc_point_head head = {.attributes = attributes,
                                        .n_attributes = n,
                                        .start_unix_nano = (uint64_t)start_ns,
                                        .time_unix_nano = (uint64_t)emitter->time_ns,
                                        .flags = flags,
                                        .exemplars = emitter->exemplars,
                                        .n_exemplars = emitter->n_exemplars};

    emitter->n_exemplars = 0;
    return head;
}

static void
emit_number(struct otc_emitter *emitter, const struct otc_metric *metric, const struct otc_point_head *head,
            double value)
{
    if (admit(emitter) && next_batch(emitter, otc_build_number(emitter->builder, metric, head, value))) {
        (void)otc_build_number(emitter->builder, metric, head, value);
    }
}

void
otc_emit_gauge(struct otc_emitter *emitter, const struct otc_metric *metric,
               const struct otc_attribute *attributes, size_t n, double value)
{
    const struct otc_point_head head = head_of(emitter, attributes, n, 0, 0);

    if (value == value) {
        emit_number(emitter, metric, &head, value);
    }
}

void
otc_emit_stale(struct otc_emitter *emitter, const struct otc_metric *metric,
               const struct otc_attribute *attributes, size_t n)
{
    const struct otc_point_head head = head_of(emitter, attributes, n, 0, OTC_POINT_NO_RECORDED_VALUE);

    emit_number(emitter, metric, &head, 0);
}

void
otc_emit_counter(struct otc_emitter *emitter, const struct otc_metric *metric,
                 const struct otc_attribute *attributes, size_t n, int64_t start_ns, uint64_t value)
{
    const struct otc_point_head head = head_of(emitter, attributes, n, start_ns, 0);

    if (admit(emitter) &&
        next_batch(emitter, otc_build_integer(emitter->builder, metric, &head, (int64_t)value))) {
        (void)otc_build_integer(emitter->builder, metric, &head, (int64_t)value);
    }
}

void
otc_emit_exponential(struct otc_emitter *emitter, const struct otc_metric *metric,
                     const struct otc_attribute *attributes, size_t n, int64_t start_ns,
                     const struct otc_exponential_value *value)
{
    const struct otc_point_head head = head_of(emitter, attributes, n, start_ns, 0);

    if (admit(emitter) &&
        next_batch(emitter, otc_build_exponential(emitter->builder, metric, &head, value))) {
        (void)otc_build_exponential(emitter->builder, metric, &head, value);
    }
}

void
otc_emit_histogram(struct otc_emitter *emitter, const struct otc_metric *metric,
                   const struct otc_attribute *attributes, size_t n, int64_t start_ns,
                   const struct otc_histogram_value *value)
{
    const struct otc_point_head head = head_of(emitter, attributes, n, start_ns, 0);

    if (admit(emitter) && next_batch(emitter, otc_build_histogram(emitter->builder, metric, &head, value))) {
        (void)otc_build_histogram(emitter->builder, metric, &head, value);
    }
}
