// SPDX-License-Identifier: Apache-2.0
#include "common/component/meter.h"

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/map.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#define MAX_LABELS 16
#define KEY_LIMIT 8192
#define MAX_ATTEMPTS 100

struct otc_series {
    _Atomic int64_t value; /* of a histogram the sum */
    enum otc_instrument_kind kind;
    _Atomic int64_t *counts; /* HISTOGRAM: of each bucket */
    const double *bounds;
    size_t n_bounds;
    struct otc_series *next; /* of the same instrument */
    struct otc_label *labels;
    size_t n_labels;
    size_t at; /* of its values in a snapshot */
};

/* Of the buckets of a histogram. */
struct bounds {
    const double *items;
    size_t n;
};

/* An instrument as first registered; the strings are copies. */
struct instrument {
    struct otc_instrument declared;
    struct otc_metric metric;
    struct otc_metric delta; /* the same as differences */
    struct otc_series *first, *last;
    struct instrument *next;
};

/*
 * `sequence` is odd while a writer changes values. A writer stores each value with release after the odd
 * number, so a reader that saw a new value sees the odd (or a later) number when it looks again.
 */
struct otc_meter {
    pthread_mutex_t write_lock;
    atomic_uint sequence;
    pthread_mutex_t registry_lock; /* guards all below; taken before write_lock */
    struct otc_arena arena;        /* instruments, series and their texts */
    struct otc_map *by_name;       /* instrument */
    struct otc_map *by_key;        /* otc_series */
    struct instrument *first, *last;
    size_t n_series;
    size_t n_values; /* of all series, buckets included */
    size_t max_series;
    atomic_ullong refused;
    atomic_bool detailed;
};

static bool
is_histogram(enum otc_instrument_kind kind)
{
    return kind == OTC_HISTOGRAM || kind == OTC_DURATION;
}

struct otc_meter *
otc_meter_new(size_t max_series)
{
    struct otc_meter *meter = calloc(1, sizeof(*meter));

    if (!meter) {
        return NULL;
    }
    pthread_mutex_init(&meter->write_lock, NULL);
    pthread_mutex_init(&meter->registry_lock, NULL);
    otc_arena_init(&meter->arena, SIZE_MAX);
    meter->max_series = max_series;
    meter->by_name = otc_map_new(max_series);
    meter->by_key = otc_map_new(max_series);
    if (!meter->by_name || !meter->by_key) {
        otc_meter_free(meter);
        return NULL;
    }
    return meter;
}

void
otc_meter_free(struct otc_meter *meter)
{
    if (!meter) {
        return;
    }
    otc_arena_release(&meter->arena);
    otc_map_free(meter->by_name, NULL);
    otc_map_free(meter->by_key, NULL);
    pthread_mutex_destroy(&meter->write_lock);
    pthread_mutex_destroy(&meter->registry_lock);
    free(meter);
}

static char *
copy_text(struct otc_arena *arena, const char *text)
{
    return otc_arena_strndup(arena, text, text ? strlen(text) : 0);
}

static struct instrument *
new_instrument(struct otc_arena *arena, const struct otc_instrument *declared)
{
    struct instrument *made = otc_arena_alloc(arena, sizeof(*made));

    if (!made) {
        return NULL;
    }
    made->declared =
        (struct otc_instrument){copy_text(arena, declared->name), copy_text(arena, declared->unit),
                                copy_text(arena, declared->description), declared->kind};
    made->metric = (struct otc_metric){
        .name = made->declared.name,
        .unit = made->declared.unit,
        .description = made->declared.description,
        .type = declared->kind == OTC_GAUGE    ? OTC_METRIC_GAUGE
                : is_histogram(declared->kind) ? OTC_METRIC_HISTOGRAM
                                               : OTC_METRIC_SUM,
        .monotonic = declared->kind == OTC_COUNTER,
        .temporality = OTC_TEMPORALITY_CUMULATIVE,
    };
    made->delta = made->metric;
    made->delta.temporality = OTC_TEMPORALITY_DELTA;
    return made->declared.name && made->declared.unit && made->declared.description ? made : NULL;
}

static struct instrument *
find_instrument(struct otc_meter *meter, const struct otc_instrument *declared)
{
    struct instrument *found = otc_map_get(meter->by_name, otc_slice_str(declared->name));

    if (found) {
        return found;
    }
    found = new_instrument(&meter->arena, declared);
    if (!found || !otc_map_put(meter->by_name, otc_slice_str(declared->name), found)) {
        return NULL;
    }
    if (meter->last) {
        meter->last->next = found;
    } else {
        meter->first = found;
    }
    meter->last = found;
    return found;
}

static struct otc_series *
new_series(struct otc_arena *arena, const struct otc_instrument *declared, struct bounds bounds,
           const struct otc_label *labels, size_t n)
{
    struct otc_series *series = otc_arena_alloc(arena, sizeof(*series));
    struct otc_label *copies = otc_arena_alloc(arena, (n > 0 ? n : 1) * sizeof(*copies));

    if (!series || !copies) {
        return NULL;
    }
    if (is_histogram(declared->kind)) {
        series->counts = otc_arena_alloc(arena, (bounds.n + 1) * sizeof(*series->counts));
        if (!series->counts || bounds.n > OTC_HISTOGRAM_BOUNDS) {
            return NULL;
        }
        series->bounds = bounds.items;
        series->n_bounds = bounds.n;
    }
    series->kind = declared->kind;
    series->labels = copies;
    series->n_labels = n;
    for (size_t i = 0; i < n; i++) {
        copies[i] = (struct otc_label){copy_text(arena, labels[i].key), copy_text(arena, labels[i].value)};
        if (!copies[i].key || !copies[i].value) {
            return NULL;
        }
    }
    return series;
}

/* Values that a snapshot has of a series. */
static size_t
values_of(const struct otc_series *series)
{
    return 1 + (series->counts ? series->n_bounds + 1 : 0);
}

/* Registers a series under `key`; the caller holds the registry's lock. */
static struct otc_series *
add_series(struct otc_meter *meter, struct otc_slice key, const struct otc_instrument *declared,
           struct bounds bounds, const struct otc_label *labels, size_t n)
{
    struct instrument *instrument;
    struct otc_series *series;

    if (meter->n_series >= meter->max_series || !(instrument = find_instrument(meter, declared)) ||
        !(series = new_series(&meter->arena, declared, bounds, labels, n)) ||
        !otc_map_put(meter->by_key, key, series)) {
        return NULL;
    }
    if (instrument->last) {
        instrument->last->next = series;
    } else {
        instrument->first = series;
    }
    instrument->last = series;
    series->at = meter->n_values;
    meter->n_series++;
    meter->n_values += values_of(series);
    return series;
}

/* Labels by key, so that the order in which a caller names them does not matter. */
static void
sort_labels(struct otc_label *labels, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        struct otc_label moving = labels[i];
        size_t at = i;

        for (; at > 0 && strcmp(labels[at - 1].key, moving.key) > 0; at--) {
            labels[at] = labels[at - 1];
        }
        labels[at] = moving;
    }
}

static struct otc_series *
find_series(struct otc_meter *meter, const struct otc_instrument *instrument, struct bounds bounds,
            const struct otc_label *labels, size_t n_labels)
{
    OTC_AUTO_BUF struct otc_buf key = {.limit = KEY_LIMIT};
    struct otc_label sorted[MAX_LABELS];
    struct otc_series *series = NULL;

    if (n_labels <= MAX_LABELS) {
        if (n_labels > 0) {
            memcpy(sorted, labels, n_labels * sizeof(*labels));
        }
        sort_labels(sorted, n_labels);
        otc_buf_append(&key, instrument->name, strlen(instrument->name) + 1);
        for (size_t i = 0; i < n_labels; i++) {
            otc_buf_append(&key, sorted[i].key, strlen(sorted[i].key) + 1);
            otc_buf_append(&key, sorted[i].value, strlen(sorted[i].value) + 1);
        }
    }
    if (n_labels <= MAX_LABELS && !key.failed) {
        pthread_mutex_lock(&meter->registry_lock);
        series = otc_map_get(meter->by_key, otc_buf_slice(&key));
        if (!series) {
            series = add_series(meter, otc_buf_slice(&key), instrument, bounds, labels, n_labels);
        }
        pthread_mutex_unlock(&meter->registry_lock);
    }
    if (!series) {
        atomic_fetch_add_explicit(&meter->refused, 1, memory_order_relaxed);
    }
    return series;
}

struct otc_series *
otc_meter_series(struct otc_meter *meter, const struct otc_instrument *instrument,
                 const struct otc_label *labels, size_t n_labels)
{
    return find_series(meter, instrument, (struct bounds){0}, labels, n_labels);
}

struct otc_series *
otc_meter_histogram(struct otc_meter *meter, const struct otc_instrument *instrument, const double *bounds,
                    size_t n_bounds, const struct otc_label *labels, size_t n_labels)
{
    return find_series(meter, instrument, (struct bounds){bounds, n_bounds}, labels, n_labels);
}

static void
change(_Atomic int64_t *value, int64_t delta, bool set)
{
    int64_t before = set ? 0 : atomic_load_explicit(value, memory_order_relaxed);

    atomic_store_explicit(value, (int64_t)((uint64_t)before + (uint64_t)delta), memory_order_release);
}

/* How many of what a histogram takes are one of what it tells. Divided by, so that a duration that is a bound
 * is not above it. */
static double
per_unit(const struct otc_series *series)
{
    return series->kind == OTC_DURATION ? 1e9 : 1;
}

static void
observe(struct otc_series *series, int64_t value)
{
    double told = (double)value / per_unit(series);
    size_t bucket = 0;

    while (bucket < series->n_bounds && told > series->bounds[bucket]) {
        bucket++;
    }
    change(&series->counts[bucket], 1, false);
}

void
otc_meter_add(struct otc_meter *meter, const struct otc_count *counts, size_t n_counts)
{
    unsigned sequence;

    pthread_mutex_lock(&meter->write_lock);
    sequence = atomic_load_explicit(&meter->sequence, memory_order_relaxed);
    atomic_store_explicit(&meter->sequence, sequence + 1, memory_order_relaxed);
    for (size_t i = 0; i < n_counts; i++) {
        struct otc_series *series = counts[i].series;

        if (!series) {
            continue;
        }
        change(&series->value, counts[i].delta, series->kind == OTC_GAUGE);
        if (series->counts) {
            observe(series, counts[i].delta);
        }
    }
    atomic_store_explicit(&meter->sequence, sequence + 2, memory_order_release);
    pthread_mutex_unlock(&meter->write_lock);
}

int64_t
otc_series_value(const struct otc_series *series)
{
    return series ? atomic_load_explicit(&series->value, memory_order_relaxed) : 0;
}

uint64_t
otc_meter_refused(const struct otc_meter *meter)
{
    return atomic_load_explicit(&meter->refused, memory_order_relaxed);
}

static void
copy_values(const struct otc_meter *meter, int64_t *values)
{
    for (const struct instrument *instrument = meter->first; instrument; instrument = instrument->next) {
        for (const struct otc_series *series = instrument->first; series; series = series->next) {
            size_t n = series->at;

            values[n++] = atomic_load_explicit(&series->value, memory_order_acquire);
            for (size_t i = 0; series->counts && i <= series->n_bounds; i++) {
                values[n++] = atomic_load_explicit(&series->counts[i], memory_order_acquire);
            }
        }
    }
}

/* Copies until no writer was seen meanwhile, at last by holding the writers up. The caller holds the
 * registry's lock. */
static int64_t *
snapshot(struct otc_meter *meter)
{
    int64_t *values = calloc(meter->n_values > 0 ? meter->n_values : 1, sizeof(*values));

    for (int attempt = 0; values && attempt < MAX_ATTEMPTS; attempt++) {
        unsigned before = atomic_load_explicit(&meter->sequence, memory_order_acquire);

        if (before % 2 == 0) {
            copy_values(meter, values);
            if (atomic_load_explicit(&meter->sequence, memory_order_relaxed) == before) {
                return values;
            }
        }
        sched_yield();
    }
    if (values) {
        pthread_mutex_lock(&meter->write_lock);
        copy_values(meter, values);
        pthread_mutex_unlock(&meter->write_lock);
    }
    return values;
}

bool
otc_meter_visit(struct otc_meter *meter, otc_meter_fn fn, void *arg)
{
    int64_t *values;

    pthread_mutex_lock(&meter->registry_lock);
    values = snapshot(meter);
    for (const struct instrument *instrument = meter->first; values && instrument;
         instrument = instrument->next) {
        for (const struct otc_series *series = instrument->first; series; series = series->next) {
            fn(arg, &instrument->declared, series->labels, series->n_labels, values[series->at]);
        }
    }
    pthread_mutex_unlock(&meter->registry_lock);
    free(values);
    return values != NULL;
}

/* ---- As OTLP --------------------------------------------------------------------------------------- */

void
otc_meter_values_release(struct otc_meter_values *values)
{
    free(values->items);
    *values = (struct otc_meter_values){0};
}

/* The values of a snapshot, less those of the one before where differences are asked for. */
struct told {
    const struct otc_meter_view *view;
    const int64_t *values;
};

static bool
is_delta(const struct told *told, enum otc_instrument_kind kind)
{
    return told->view->since && (kind == OTC_COUNTER || is_histogram(kind));
}

static int64_t
value_at(const struct told *told, const struct otc_series *series, size_t i)
{
    const struct otc_meter_values *since = told->view->since;
    size_t at = series->at + i;

    if (!is_delta(told, series->kind) || !since->items || at >= since->n) {
        /* Series made since then stand behind. */
        return told->values[at];
    }
    return told->values[at] - since->items[at];
}

static bool
build_histogram(struct otc_metrics_builder *builder, const struct otc_metric *metric,
                const struct otc_series *series, const struct otc_point_head *head, const struct told *told)
{
    uint64_t counts[OTC_HISTOGRAM_BOUNDS + 1];
    struct otc_histogram_value value = {.has_sum = true,
                                        .sum = (double)value_at(told, series, 0) / per_unit(series),
                                        .counts = counts,
                                        .bounds = series->bounds,
                                        .n_bounds = series->n_bounds};

    for (size_t i = 0; i <= series->n_bounds; i++) {
        counts[i] = (uint64_t)value_at(told, series, 1 + i);
        value.count += counts[i];
    }
    return otc_build_histogram(builder, metric, head, &value);
}

static bool
build_series(struct otc_metrics_builder *builder, const struct instrument *instrument,
             const struct otc_series *series, const struct told *told)
{
    const struct otc_meter_view *view = told->view;
    struct otc_attribute attributes[MAX_LABELS];
    bool delta = is_delta(told, series->kind);
    const struct otc_metric *metric = delta ? &instrument->delta : &instrument->metric;
    const struct otc_point_head head = {
        .attributes = attributes,
        .n_attributes = series->n_labels,
        .start_unix_nano = delta && view->since->items ? view->since->unix_nano : view->start_unix_nano,
        .time_unix_nano = view->now_unix_nano,
    };

    for (size_t i = 0; i < series->n_labels; i++) {
        attributes[i].key = otc_slice_str(series->labels[i].key);
        attributes[i].value.type = OTC_VALUE_STRING;
        attributes[i].value.as.slice = otc_slice_str(series->labels[i].value);
    }
    if (series->counts) {
        return build_histogram(builder, metric, series, &head, told);
    }
    return otc_build_integer(builder, metric, &head, value_at(told, series, 0));
}

/* Keeps the values for the next differences, or frees them. */
static void
keep_values(const struct otc_meter_view *view, int64_t *values, size_t n)
{
    if (view->now && values) {
        *view->now = (struct otc_meter_values){values, n, view->now_unix_nano};
    } else {
        free(values);
    }
}

bool
otc_meter_collect(struct otc_meter *meter, struct otc_metrics_builder *builder,
                  const struct otc_meter_view *view)
{
    struct told told = {.view = view};
    int64_t *values;
    size_t n;
    bool ok;

    pthread_mutex_lock(&meter->registry_lock);
    values = snapshot(meter);
    n = meter->n_values;
    told.values = values;
    ok = values != NULL;
    for (const struct instrument *instrument = meter->first; ok && instrument;
         instrument = instrument->next) {
        bool take = !view->wanted || view->wanted(view->arg, instrument->declared.name);

        for (const struct otc_series *series = instrument->first; ok && take && series;
             series = series->next) {
            ok = build_series(builder, instrument, series, &told);
        }
    }
    pthread_mutex_unlock(&meter->registry_lock);
    keep_values(view, values, n);
    if (!ok && view->now) {
        otc_meter_values_release(view->now);
    }
    return ok;
}

bool
otc_meter_detailed(const struct otc_meter *meter)
{
    return atomic_load_explicit(&meter->detailed, memory_order_relaxed);
}

void
otc_meter_set_detailed(struct otc_meter *meter, bool detailed)
{
    atomic_store_explicit(&meter->detailed, detailed, memory_order_relaxed);
}
