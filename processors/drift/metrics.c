// SPDX-License-Identifier: Apache-2.0
#include "processors/drift/metrics.h"

#include "common/analysis/metric_presets.h"
#include "common/analysis/metric_streams.h"
#include "processors/drift/binned.h"
#include "processors/drift/count.h"
#include "processors/drift/keeper.h"

#include <math.h>

/** Names that a model may have on points, beside the 16 of each list of `model:`. */
#define MAX_LABELS 24

struct drift_metrics {
    const struct otc_metric_set *set;
    struct otc_metric_streams *streams;
    struct otc_projection *projection;
    /* `model:` with the labels of the serving engines before service.name. */
    struct otc_model_config model;
    char *names[MAX_LABELS], *versions[MAX_LABELS];
    size_t first_condition; /* in the projection */
    /* Uses of the metric seen last in this part, and those that the point at hand meets the conditions of. */
    const uint8_t *metric;
    const struct otc_metric_use *uses;
    struct otc_metric_use *met;
    size_t max_met;
};

/* ---- Making --------------------------------------------------------------------------------------- */

static bool
has_name(const otc_strings *list, const char *name)
{
    for (size_t i = 0; i < list->n; i++) {
        if (strcmp(list->items[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* A list of `model:` with labels of points put before the service's own name (or version), which is the last
 * resort; what else the user names comes first. */
static void
add_labels(const otc_strings *from, const char *const *labels, const char *last_resort, otc_strings *to)
{
    for (size_t i = 0; i <= from->n; i++) {
        bool here = i == from->n ? !has_name(from, last_resort) : strcmp(from->items[i], last_resort) == 0;

        for (const char *const *label = labels; here && *label; label++) {
            if (!has_name(from, *label)) {
                to->items[to->n++] = (char *)(uintptr_t)*label;
            }
        }
        if (i < from->n) {
            to->items[to->n++] = from->items[i];
        }
    }
}

static bool
take_memory(void *arg, size_t bytes)
{
    return drift_budget_take(arg, bytes);
}

static void
give_memory(void *arg, size_t bytes)
{
    drift_budget_give(arg, bytes);
}

static otc_status
make_projection(struct drift_metrics *metrics, const struct drift_config *config, struct otc_error *err)
{
    struct otc_wanted wanted[OTC_PROJECTION_MAX];
    const struct drift_arm_config *arm = config->reference.arm;
    size_t n = metrics->model.name.n + metrics->model.version.n + (arm != NULL);

    if (n + otc_metric_set_wanted(metrics->set, NULL) > OTC_PROJECTION_MAX) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "features: more than %d attributes of points are looked at", OTC_PROJECTION_MAX);
    }
    metrics->first_condition = otc_model_wanted(&metrics->model, wanted);
    if (arm) {
        wanted[metrics->first_condition++] = (struct otc_wanted){.key = arm->attribute, .level = OTC_AT_ANY};
    }
    n = metrics->first_condition + otc_metric_set_wanted(metrics->set, wanted + metrics->first_condition);
    return otc_projection_new(wanted, n, &metrics->projection, err);
}

otc_status
drift_metrics_new(struct drift *drift, struct drift_metrics **out, struct otc_error *err)
{
    const struct drift_config *config = drift->config;
    const struct otc_metric_streams_limits limits = {.streams = (size_t)config->limits.streams,
                                                     .expiration_ns = config->series_expiration.ns,
                                                     .start_ns = drift->start_ns,
                                                     .take = take_memory,
                                                     .give = give_memory,
                                                     .arg = &drift->budget};
    struct drift_metrics *metrics;
    otc_status status;

    *out = NULL;
    if (!otc_feature_set_metrics(drift->set)) {
        return OTC_OK;
    }
    metrics = calloc(1, sizeof(*metrics));
    if (!metrics) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "%s: out of memory", drift->id);
    }
    metrics->set = otc_feature_set_metrics(drift->set);
    metrics->model.name.items = metrics->names;
    metrics->model.version.items = metrics->versions;
    add_labels(&config->model.name, otc_metric_model_names, "service.name", &metrics->model.name);
    add_labels(&config->model.version, otc_metric_model_versions, "service.version", &metrics->model.version);
    metrics->streams = otc_metric_streams_new(&limits);
    metrics->max_met = otc_metric_set_most_uses(metrics->set);
    metrics->met = calloc(metrics->max_met + 1, sizeof(*metrics->met));
    status = metrics->streams && metrics->met
                 ? make_projection(metrics, config, err)
                 : otc_fail(err, OTC_RESOURCE_EXHAUSTED, "%s: out of memory", drift->id);
    if (status != OTC_OK) {
        drift_metrics_free(metrics);
        return status;
    }
    *out = metrics;
    return OTC_OK;
}

void
drift_metrics_free(struct drift_metrics *metrics)
{
    if (metrics) {
        otc_metric_streams_free(metrics->streams);
        otc_projection_free(metrics->projection);
        free(metrics->met);
        free(metrics);
    }
}

void
drift_metrics_expire(struct drift_metrics *metrics, int64_t monotonic_ns)
{
    if (metrics) {
        otc_metric_streams_expire(metrics->streams, monotonic_ns);
    }
}

/* ---- From a point to data ------------------------------------------------------------------------- */

/* One data point as it is read. */
struct reading {
    struct visit *visit;
    struct drift_metrics *metrics;
    const struct drift_point *point;
    struct drift_version *version;
    struct drift_pane *pane;      /* once it is placed */
    struct drift_pane *next_pane; /* the same of the version's successor (reload.h) */
    bool out;                     /* it could not be placed */
};

static uint64_t
observations_of(const struct drift_datum *datum)
{
    return datum->buckets ? datum->buckets->total : 1;
}

static void
learn(struct reading *reading, const struct drift_datum *datum)
{
    static const enum drift_excluded reasons[] = {
        [DRIFT_LEARNT_NO_ROOM] = DRIFT_MEMORY, [DRIFT_LEARNT_OTHER_BOUNDS] = DRIFT_BOUNDS};
    struct drift_version *version = reading->version;
    struct drift_model *model = version->model;
    int64_t time_ns;
    enum otc_placement placement = otc_window_classify(&version->window, (int64_t)reading->point->seen.time,
                                                       reading->visit->now_ns, &time_ns);
    enum drift_learnt learnt;

    if (placement != OTC_PLACED) {
        version->excluded[drift_placement_reason(placement)] += observations_of(datum);
        return;
    }
    learnt = drift_learner_add_datum(model->learner, datum, time_ns);
    if (learnt != DRIFT_LEARNT) {
        version->excluded[reasons[learnt]] += observations_of(datum);
    }
    model->progress = drift_learner_progress(model->learner);
    if (model->progress >= 1) {
        model->phase = DRIFT_FREEZING;
        reading->visit->due = true;
    }
}

/* The pane of the point, for its first datum; what has none is excluded. */
static bool
place(struct reading *reading, struct drift_version *version, struct drift_pane **out,
      const struct drift_datum *datum)
{
    enum otc_placement placement = OTC_NO_ROOM;
    struct otc_pane *pane = NULL;

    if (*out) {
        return true;
    }
    if (version->binding || drift_version_bind(version)) {
        pane = otc_window_place(&version->window, (int64_t)reading->point->seen.time, reading->visit->now_ns,
                                &placement);
    }
    if (!pane) {
        version->excluded[drift_placement_reason(placement)] += observations_of(datum);
        return false;
    }
    *out = pane->payload;
    (*out)->apart++;
    return true;
}

static void
count_in(struct reading *reading, struct drift_version *version, struct drift_pane **pane,
         const struct drift_datum *datum)
{
    const struct otc_value value = {.type = OTC_VALUE_DOUBLE, .as = {.real = datum->number}};
    struct drift_counts *counts;
    size_t index;

    if (!place(reading, version, pane, datum)) {
        return;
    }
    index = version->binding->of_metric[datum->feature];
    if (index == SIZE_MAX) {
        version->excluded[DRIFT_UNKNOWN_FEATURE] += observations_of(datum);
        drift_note_unknown(version, otc_metric_set_at(reading->metrics->set, datum->feature)->name);
        return;
    }
    counts = &(*pane)->features[index];
    if (datum->buckets) {
        drift_count_buckets(version, index, datum->buckets, counts);
    } else if (isnan(datum->number)) {
        version->features[index].missing++;
        counts->missing++;
    } else if (version->binding->features[index].reference->binned != OTC_NOT_BINNED) {
        version->excluded[DRIFT_TYPE]++;
    } else {
        drift_count_value(version, index, &value, counts);
    }
}

static void
count(struct reading *reading, const struct drift_datum *datum)
{
    struct drift_version *version = reading->version;

    count_in(reading, version, &reading->pane, datum);
    if (version->next) {
        count_in(reading, version->next, &reading->next_pane, datum);
    }
}

static void
deliver(struct reading *reading, const struct drift_datum *datum)
{
    if (reading->visit->only ? reading->visit->only->binding != NULL
                             : reading->version->model->phase == DRIFT_READY) {
        count(reading, datum);
    } else if (reading->version->model->phase == DRIFT_LEARNING) {
        learn(reading, datum);
    } else {
        reading->version->excluded[DRIFT_NO_REFERENCE] += observations_of(datum);
    }
}

/* The name is a former one and the stream delivers the preferred one too. */
static bool
is_superseded(const struct reading *reading, const struct otc_metric_use *use, uint64_t base)
{
    for (unsigned rank = 0; rank < use->rank; rank++) {
        if (otc_metric_streams_known(reading->metrics->streams,
                                     otc_metric_stream_key(reading->point->identity, base | rank))) {
            return true;
        }
    }
    return false;
}

/* A number as the feature reads it. False: there is none. */
static bool
read_number(struct reading *reading, const struct otc_metric_use *use, const struct otc_delta *delta,
            double *out)
{
    const struct otc_metric_feature *feature = otc_metric_set_at(reading->metrics->set, use->feature);
    struct otc_hash128 key;
    double parts[2];

    switch (feature->reading) {
    case OTC_METRIC_RATIO:
        key = otc_metric_stream_key(reading->point->identity, (uint64_t)use->feature << 8 | 0xff);
        if (!otc_metric_streams_pair(reading->metrics->streams, key, use->part, reading->point->seen.time,
                                     delta->number, reading->visit->monotonic_ns, parts) ||
            !(parts[1] > 0)) {
            return false;
        }
        *out = parts[0] / parts[1] * feature->factor;
        return true;
    case OTC_METRIC_INCREASE:
        *out = delta->number;
        return true;
    case OTC_METRIC_AS_IS:
    case OTC_METRIC_RATE:
        break;
    }
    *out = delta->grew ? delta->number / delta->seconds : delta->number;
    return !delta->grew || delta->seconds > 0;
}

/* rate() and increase() are of counters, ratios are not of histograms. */
static bool
fits(const struct otc_metric_feature *feature, const struct otc_delta *delta)
{
    bool counter = feature->reading == OTC_METRIC_RATE || feature->reading == OTC_METRIC_INCREASE;

    return delta->kind == OTC_DELTA_BUCKETS  ? feature->reading == OTC_METRIC_AS_IS
           : delta->kind == OTC_DELTA_NUMBER ? !counter || delta->grew
                                             : true;
}

static void
use_delta(struct reading *reading, const struct otc_metric_use *use, const struct otc_delta *delta)
{
    uint64_t *excluded = reading->version->excluded;
    struct drift_datum datum = {.feature = use->feature, .number = NAN};
    bool told = false;

    switch (fits(otc_metric_set_at(reading->metrics->set, use->feature), delta) ? delta->kind
                                                                                : OTC_DELTA_TYPE) {
    case OTC_DELTA_NONE:
        break;
    case OTC_DELTA_NUMBER:
        told = read_number(reading, use, delta, &datum.number);
        break;
    case OTC_DELTA_BUCKETS:
        datum.buckets = delta->buckets;
        told = delta->buckets->total > 0;
        break;
    case OTC_DELTA_MISSING:
        told = true;
        break;
    case OTC_DELTA_NO_ROOM:
        excluded[DRIFT_STREAMS]++;
        break;
    case OTC_DELTA_NO_MEMORY:
        excluded[DRIFT_MEMORY]++;
        break;
    case OTC_DELTA_UNREADABLE:
        excluded[DRIFT_BOUNDS]++;
        break;
    case OTC_DELTA_TYPE:
        excluded[DRIFT_TYPE]++;
        break;
    }
    if (told) {
        deliver(reading, &datum);
    }
}

static void
read_use(struct reading *reading, const struct otc_metric_use *use)
{
    const struct otc_metric_feature *feature = otc_metric_set_at(reading->metrics->set, use->feature);
    uint64_t base = (uint64_t)use->feature << 8 | use->part << 4;
    struct otc_hash128 key = otc_metric_stream_key(reading->point->identity, base | use->rank);
    struct otc_metric_streams *streams = reading->metrics->streams;
    struct otc_delta delta;

    if (is_superseded(reading, use, base)) {
        return;
    }
    otc_metric_streams_add(streams, key, &reading->point->seen,
                           feature->reading == OTC_METRIC_RATIO ? 1 : feature->factor,
                           reading->visit->monotonic_ns, &delta);
    use_delta(reading, use, &delta);
    if (feature->alternatives) {
        otc_metric_streams_see(streams, key, reading->visit->monotonic_ns);
    }
}

/* ---- Points --------------------------------------------------------------------------------------- */

static bool
applies(const struct drift_metrics *metrics, const struct otc_metric_use *use, const struct otc_point *point)
{
    return otc_metric_feature_applies(otc_metric_set_at(metrics->set, use->feature),
                                      point->record.values + metrics->first_condition);
}

/* It waits for the reference, and its streams with it. */
static void
keep_point(struct visit *visit, struct drift_version *version, const struct drift_point *point)
{
    struct drift *drift = visit->drift;
    const struct drift_kept kept = {
        .points = true, .call = drift->calls, .now_ns = visit->now_ns, .monotonic_ns = visit->monotonic_ns};

    /* A journal's points come without their batch. */
    if (visit->batch && !drift_is_durable(drift->config)) {
        drift_keep_record(visit, version);
    } else if (!drift_kept_add_point(&version->model->kept, &kept, point, &drift->budget)) {
        version->excluded[DRIFT_MEMORY]++;
    }
}

/* The version that the point belongs to, if it is to be read now. */
static struct drift_version *
version_of(struct visit *visit, const struct drift_point *point)
{
    struct drift_version *version;

    if (visit->only) {
        return drift_kept_version(visit, &point->key);
    }
    version = drift_seen_version(visit, &point->key, (int64_t)point->seen.time, OTC_WEIGHT_ONE);
    if (version && version->role == DRIFT_ARMLESS) {
        version->excluded[DRIFT_NO_ARM]++;
        return NULL;
    }
    if (version && version->model->phase == DRIFT_FREEZING) {
        keep_point(visit, version, point);
        return NULL;
    }
    return version;
}

/* A point as it was observed, by now or by a former process. */
static void
apply_point(struct visit *visit, const struct drift_point *point)
{
    struct reading reading = {.visit = visit,
                              .metrics = visit->drift->metrics,
                              .point = point,
                              .version = version_of(visit, point)};

    for (size_t i = 0; reading.version && i < point->n_uses; i++) {
        read_use(&reading, &point->uses[i]);
    }
}

/* The uses of the point's metric whose conditions it meets: how many. */
static size_t
find_uses(struct drift_metrics *metrics, const struct otc_point *point)
{
    size_t n = 0;

    if (metrics->metric != point->metric.data) {
        metrics->metric = point->metric.data;
        metrics->uses = otc_metric_set_find(metrics->set, point->name);
    }
    for (const struct otc_metric_use *use = metrics->uses; use; use = use->next) {
        if (applies(metrics, use, point)) {
            metrics->met[n++] = *use;
        }
    }
    return n;
}

static bool
visit_point(void *arg, const struct otc_point *point)
{
    struct visit *visit = arg;
    struct drift_metrics *metrics = visit->drift->metrics;
    struct drift_point seen = {.uses = metrics->met, .n_uses = find_uses(metrics, point)};

    if (seen.n_uses == 0) {
        return true;
    }
    visit->record++;
    otc_model_key_of(&metrics->model, point->record.values, &seen.key);
    if (visit->drift->config->reference.arm) {
        otc_model_arm(&seen.key, &point->record.values[metrics->first_condition - 1]);
    }
    seen.identity = otc_metric_streams_identity(metrics->streams, point);
    otc_metric_streams_read(metrics->streams, point, &seen.seen);
    if (!visit->only) {
        drift_journal_point(visit->drift->keeper, &seen);
    }
    apply_point(visit, &seen);
    return true;
}

void
drift_metrics_replay(struct visit *visit, struct otc_reader *points)
{
    struct drift_metrics *metrics = visit->drift->metrics;
    struct drift_point point;

    if (!metrics) {
        points->failed = true;
        return;
    }
    const struct drift_points_room room = {metrics->set, metrics->streams, metrics->met, metrics->max_met};

    while (drift_point_read(points, &room, &point)) {
        apply_point(visit, &point);
    }
}

bool
drift_metrics_walk(struct visit *visit, struct otc_slice part)
{
    struct drift_metrics *metrics = visit->drift->metrics;

    if (!metrics) {
        return true;
    }
    metrics->metric = NULL;
    otc_metric_streams_begin(metrics->streams);
    return otc_walk_points(metrics->projection, part, visit_point, visit, NULL) == OTC_OK;
}

/* ---- Across a restart ----------------------------------------------------------------------------- */

void
drift_metrics_save(const struct drift_metrics *metrics, struct otc_buf *out)
{
    otc_metric_streams_save(metrics->streams, out);
}

bool
drift_metrics_load(struct drift_metrics *metrics, struct otc_reader *in)
{
    return metrics && otc_metric_streams_load(metrics->streams, in);
}

void
drift_metrics_forget(struct drift_metrics *metrics, int64_t start_ns)
{
    if (metrics) {
        otc_metric_streams_clear(metrics->streams, start_ns);
    }
}

void
drift_metrics_shift_monotonic(struct drift_metrics *metrics, int64_t by_ns)
{
    if (metrics) {
        otc_metric_streams_shift_monotonic(metrics->streams, by_ns);
    }
}
