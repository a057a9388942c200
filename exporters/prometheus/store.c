// SPDX-License-Identifier: Apache-2.0
#include "exporters/prometheus/store.h"

#include "common/base/hash.h"
#include "common/base/map.h"

#include <pthread.h>

struct entry {
    struct otc_prom_series *series;
    struct otc_prom_value *value;
    int64_t updated_ns;
};

/** target_info of one (job, instance): the resource seen last. */
struct target {
    struct otc_prom_series *series;
    uint64_t time_unix_nano;
    int64_t updated_ns;
};

struct prometheus_store {
    const struct prometheus_store_options *options;
    pthread_mutex_t lock;
    /* Below: locked by `lock`. */
    struct otc_prom_translator *translator;
    struct otc_map *entries; /* by key_of their series, as the targets */
    struct otc_map *targets;
};

/** What tells series apart in the store: a hash of their keys, whose copies would be as long as all labels.
 * It has 128 bits and a seed that nobody knows. In `*hash`. */
static struct otc_slice
key_of(const struct otc_prom_series *series, struct otc_hash128 *hash)
{
    *hash = otc_hash_128(series->key, otc_map_seed());
    return otc_slice_of(hash, sizeof(*hash));
}

const char *
prometheus_outcome_name(enum prometheus_outcome outcome)
{
    static const char *const names[PROMETHEUS_N_OUTCOMES] = {
        "stored",      "removed",      "invalid_name", "invalid_value",
        "unsupported", "out_of_order", "duplicate",    "series_limit",
    };

    return names[outcome];
}

static void
drop_entry(void *pointer)
{
    struct entry *entry = pointer;

    otc_prom_series_unref(entry->series);
    otc_prom_value_unref(entry->value);
    free(entry);
}

static void
drop_target(void *pointer)
{
    struct target *target = pointer;

    otc_prom_series_unref(target->series);
    free(target);
}

struct prometheus_store *
prometheus_store_new(const struct prometheus_store_options *options)
{
    struct prometheus_store *store = calloc(1, sizeof(*store));

    if (!store) {
        return NULL;
    }
    if (pthread_mutex_init(&store->lock, NULL) != 0) {
        free(store);
        return NULL;
    }
    store->options = options;
    store->translator = otc_prom_translator_new(&options->exposition);
    store->entries = otc_map_new(options->max_series);
    store->targets = otc_map_new(options->max_series);
    if (!store->translator || !store->entries || !store->targets) {
        prometheus_store_free(store);
        return NULL;
    }
    return store;
}

void
prometheus_store_free(struct prometheus_store *store)
{
    if (!store) {
        return;
    }
    otc_prom_translator_free(store->translator);
    otc_map_free(store->entries, drop_entry);
    otc_map_free(store->targets, drop_target);
    pthread_mutex_destroy(&store->lock);
    free(store);
}

/* ---- Points in ---------------------------------------------------------------------------------- */

/** One part on its way in. */
struct intake {
    struct prometheus_store *store;
    int64_t now_ns;
    size_t *outcomes;
};

static enum prometheus_outcome
outcome_of(enum otc_prom_refusal refusal)
{
    switch (refusal) {
    case OTC_PROM_OK:
        return PROMETHEUS_STORED;
    case OTC_PROM_INVALID_NAME:
        return PROMETHEUS_INVALID_NAME;
    case OTC_PROM_INVALID_VALUE:
        return PROMETHEUS_INVALID_VALUE;
    case OTC_PROM_UNSUPPORTED:
        return PROMETHEUS_UNSUPPORTED;
    case OTC_PROM_NO_MEMORY:
    default:
        return PROMETHEUS_OVER_LIMIT;
    }
}

static bool
is_accumulated(const struct otc_point *point)
{
    return point->type == OTC_METRIC_SUM || point->type == OTC_METRIC_HISTOGRAM ||
           point->type == OTC_METRIC_EXPONENTIAL_HISTOGRAM;
}

/** Sums and histograms need a temporality, and a delta that can fall has no cumulative form that lasts. */
static bool
is_supported(const struct otc_point *point)
{
    if (!is_accumulated(point) || point->temporality == OTC_TEMPORALITY_CUMULATIVE) {
        return true;
    }
    return point->temporality == OTC_TEMPORALITY_DELTA && (point->type != OTC_METRIC_SUM || point->monotonic);
}

/** Moves the target from the series into the store's list: the latest resource of a (job, instance) is shown.
 */
static void
take_target(struct intake *intake, struct otc_prom_series *series, uint64_t time)
{
    struct otc_prom_series *fresh = series->target;
    struct otc_hash128 hash;
    struct otc_slice key;
    struct target *target;

    series->target = NULL;
    if (!fresh) {
        return;
    }
    key = key_of(fresh, &hash);
    target = otc_map_get(intake->store->targets, key);
    if (!target) {
        target = calloc(1, sizeof(*target));
        if (!target || !otc_map_put(intake->store->targets, key, target)) {
            free(target);
            otc_prom_series_unref(fresh);
            return;
        }
    }
    otc_prom_series_unref(target->series);
    target->series = fresh;
    target->time_unix_nano = time > target->time_unix_nano ? time : target->time_unix_nano;
    target->updated_ns = intake->now_ns;
}

/** A new value in the place of the old one; takes `value` over. */
static void
replace_value(struct intake *intake, struct entry *entry, struct otc_prom_value *value)
{
    otc_prom_value_unref(entry->value);
    entry->value = value;
    entry->updated_ns = intake->now_ns;
}

/** A delta on top of what there is; takes `value` over. */
static enum prometheus_outcome
add_delta(struct intake *intake, struct entry *entry, const struct otc_point *point,
          struct otc_prom_value *value)
{
    const struct otc_prom_value *total = entry->value;
    bool gap = value->start_unix_nano > total->time_unix_nano;
    bool follows =
        value->start_unix_nano == total->time_unix_nano || (gap && intake->store->options->bridge_gaps);
    struct otc_prom_value *sum = NULL;

    /* The same interval again, or an older one. */
    if (value->time_unix_nano <= total->time_unix_nano ||
        (!follows && !gap && point->type != OTC_METRIC_SUM)) {
        otc_prom_value_unref(value);
        return PROMETHEUS_OUT_OF_ORDER;
    }
    if (follows && otc_prom_value_add(total, value, &sum) == OTC_PROM_OK) {
        otc_prom_value_unref(value);
        value = sum;
    }
    replace_value(intake, entry, value);
    return PROMETHEUS_STORED;
}

/** Takes `value` over. */
static enum prometheus_outcome
update_entry(struct intake *intake, struct entry *entry, const struct otc_prom_series *series,
             const struct otc_point *point, struct otc_prom_value *value)
{
    if (entry->series->type != series->type || !otc_slice_equal(entry->series->origin, series->origin)) {
        otc_prom_value_unref(value);
        return PROMETHEUS_DUPLICATE;
    }
    if (is_accumulated(point) && point->temporality == OTC_TEMPORALITY_DELTA) {
        return add_delta(intake, entry, point, value);
    }
    if (value->time_unix_nano < entry->value->time_unix_nano) {
        otc_prom_value_unref(value);
        return PROMETHEUS_OUT_OF_ORDER;
    }
    replace_value(intake, entry, value);
    return PROMETHEUS_STORED;
}

/** Takes `value` over. */
static enum prometheus_outcome
insert_entry(struct intake *intake, struct otc_slice key, struct otc_prom_series *series,
             struct otc_prom_value *value)
{
    struct entry *entry = malloc(sizeof(*entry));

    if (entry) {
        *entry = (struct entry){otc_prom_series_ref(series), value, intake->now_ns};
        if (otc_map_put(intake->store->entries, key, entry)) {
            return PROMETHEUS_STORED;
        }
        drop_entry(entry);
    } else {
        otc_prom_value_unref(value);
    }
    return PROMETHEUS_OVER_LIMIT;
}

/** The marker that a series ended: that one series goes, nothing else. */
static enum prometheus_outcome
remove_entry(struct intake *intake, struct otc_slice key, const struct otc_prom_series *series)
{
    struct entry *entry = otc_map_get(intake->store->entries, key);

    if (entry && entry->series->type == series->type &&
        otc_slice_equal(entry->series->origin, series->origin)) {
        drop_entry(otc_map_remove(intake->store->entries, key));
    }
    return PROMETHEUS_REMOVED;
}

static enum prometheus_outcome
store_series(struct intake *intake, const struct otc_point *point, struct otc_prom_series *series)
{
    struct otc_prom_value *value = NULL;
    enum otc_prom_refusal refusal;
    struct otc_hash128 hash;
    struct otc_slice key = key_of(series, &hash);
    struct entry *entry;

    if (point->flags & OTC_POINT_NO_RECORDED_VALUE) {
        return remove_entry(intake, key, series);
    }
    refusal = otc_prom_value_new(point, intake->store->options->exposition.exemplars, &value);
    if (refusal != OTC_PROM_OK) {
        return outcome_of(refusal);
    }
    take_target(intake, series, point->time_unix_nano);
    entry = otc_map_get(intake->store->entries, key);
    return entry ? update_entry(intake, entry, series, point, value)
                 : insert_entry(intake, key, series, value);
}

static bool
store_point(void *arg, const struct otc_point *point)
{
    struct intake *intake = arg;
    struct otc_prom_series *series = NULL;
    enum otc_prom_refusal refusal;

    if (!is_supported(point)) {
        intake->outcomes[PROMETHEUS_UNSUPPORTED]++;
        return true;
    }
    refusal = otc_prom_translator_series(intake->store->translator, point, &series);
    if (refusal != OTC_PROM_OK) {
        intake->outcomes[outcome_of(refusal)]++;
        return true;
    }
    intake->outcomes[store_series(intake, point, series)]++;
    otc_prom_series_unref(series);
    return true;
}

otc_status
prometheus_store_part(struct prometheus_store *store, struct otc_slice part, int64_t now_ns, size_t *outcomes,
                      struct otc_error *err)
{
    struct intake intake = {.store = store, .now_ns = now_ns, .outcomes = outcomes};
    otc_status status;

    pthread_mutex_lock(&store->lock);
    status = otc_walk_points(NULL, part, store_point, &intake, err);
    /* What it remembers borrows from the part. */
    otc_prom_translator_reset(store->translator);
    pthread_mutex_unlock(&store->lock);
    return status;
}

/* ---- Expiry ------------------------------------------------------------------------------------- */

static bool
is_expired(const struct prometheus_store *store, int64_t updated_ns, int64_t now_ns)
{
    return now_ns - updated_ns > store->options->expiration_ns;
}

/** Called with the lock held. */
static size_t
expire_locked(struct prometheus_store *store, int64_t now_ns)
{
    struct otc_slice key;
    size_t cursor = 0;
    size_t gone = 0;
    void *pointer;

    while (otc_map_next(store->entries, &cursor, &key, &pointer)) {
        if (is_expired(store, ((struct entry *)pointer)->updated_ns, now_ns)) {
            otc_map_remove(store->entries, key);
            drop_entry(pointer);
            gone++;
        }
    }
    cursor = 0;
    while (otc_map_next(store->targets, &cursor, &key, &pointer)) {
        if (is_expired(store, ((struct target *)pointer)->updated_ns, now_ns)) {
            otc_map_remove(store->targets, key);
            drop_target(pointer);
        }
    }
    return gone;
}

size_t
prometheus_store_expire(struct prometheus_store *store, int64_t now_ns)
{
    size_t gone;

    pthread_mutex_lock(&store->lock);
    gone = expire_locked(store, now_ns);
    pthread_mutex_unlock(&store->lock);
    return gone;
}

size_t
prometheus_store_count(struct prometheus_store *store)
{
    size_t count;

    pthread_mutex_lock(&store->lock);
    count = otc_map_count(store->entries);
    pthread_mutex_unlock(&store->lock);
    return count;
}

/* ---- Snapshots ---------------------------------------------------------------------------------- */

/** References to everything that a page needs. `value` is NULL for a target, whose time is then `time`. */
struct item {
    struct otc_prom_series *series;
    struct otc_prom_value *value;
    uint64_t time_unix_nano;
};

/** Called with the lock held. The caller frees; NULL out of memory. */
static struct item *
snapshot_locked(struct prometheus_store *store, size_t *n)
{
    struct item *items =
        calloc(otc_map_count(store->entries) + otc_map_count(store->targets) + 1, sizeof(*items));
    struct otc_slice key;
    size_t cursor = 0;
    void *pointer;

    *n = 0;
    if (!items) {
        return NULL;
    }
    while (otc_map_next(store->entries, &cursor, &key, &pointer)) {
        const struct entry *entry = pointer;

        items[(*n)++] =
            (struct item){otc_prom_series_ref(entry->series), otc_prom_value_ref(entry->value), 0};
    }
    cursor = 0;
    while (otc_map_next(store->targets, &cursor, &key, &pointer)) {
        const struct target *target = pointer;

        items[(*n)++] = (struct item){otc_prom_series_ref(target->series), NULL, target->time_unix_nano};
    }
    return items;
}

static bool
fill_page(struct otc_exposition *page, const struct item *items, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bool added = items[i].value
                         ? otc_exposition_add(page, items[i].series, items[i].value)
                         : otc_exposition_add_target(page, items[i].series, items[i].time_unix_nano);

        if (!added) {
            return false;
        }
    }
    return true;
}

otc_status
prometheus_store_render(struct prometheus_store *store, int64_t now_ns, struct otc_exposition_type type,
                        struct otc_buf *out, struct otc_exposition_stats *stats, struct otc_error *err)
{
    struct otc_exposition *page = otc_exposition_new(&store->options->exposition, type);
    struct item *items;
    otc_status status;
    size_t n;

    pthread_mutex_lock(&store->lock);
    expire_locked(store, now_ns);
    items = snapshot_locked(store, &n);
    pthread_mutex_unlock(&store->lock);
    if (page && items && fill_page(page, items, n)) {
        status = otc_exposition_render(page, out, err);
        *stats = *otc_exposition_stats_of(page);
    } else {
        status = otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory for a page of %zu series", n);
    }
    for (size_t i = 0; items && i < n; i++) {
        otc_prom_series_unref(items[i].series);
        otc_prom_value_unref(items[i].value);
    }
    free(items);
    otc_exposition_free(page);
    return status;
}
