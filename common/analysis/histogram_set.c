// SPDX-License-Identifier: Apache-2.0
#include "common/analysis/histogram_set.h"

#include "common/base/map.h"
#include "common/otlp/build_attributes.h"
#include "common/otlp/value_text.h"
#include "common/stats/bins.h"

#include <math.h>

#define RECENT_LOG 6
#define RECENT (1 << RECENT_LOG)

struct histogram {
    uint64_t count;
    double sum, min, max;
    uint64_t *counts;
};

/* Histograms, counts, and what the attributes point to, lie behind it. */
struct otc_histogram_series {
    int64_t start_ns;
    int64_t last_seen_ns;
    uint32_t places; /* bit i: the i-th attribute of those asked for, if not ABSENT */
    size_t n_attributes;
    struct otc_attribute
        attributes[OTC_HISTOGRAM_SET_ATTRIBUTES_MAX + 1]; /* one place for the instrument's */
    struct histogram histograms[];
};

struct otc_histogram_set {
    const struct otc_histogram_instrument *instruments;
    size_t n;
    size_t n_counts; /* of all instruments */
    struct otc_map *by_key;
    struct otc_histogram_series *overflow;
    struct otc_buf key;
    struct otc_histogram_series *last;           /* a look there, and then among the recent ones */
    struct otc_histogram_series *recent[RECENT]; /* by a rough hash, saves making a key */
};

struct otc_histogram_set *
otc_histogram_set_new(const struct otc_histogram_instrument *instruments, size_t n, size_t limit)
{
    struct otc_histogram_set *set = calloc(1, sizeof(*set));

    if (!set) {
        return NULL;
    }
    set->instruments = instruments;
    set->n = n;
    for (size_t i = 0; i < n; i++) {
        set->n_counts += instruments[i].n_bounds + 1;
    }
    set->by_key = otc_map_new(limit);
    otc_buf_init(&set->key, OTC_HISTOGRAM_SET_KEY_MAX);
    if (!set->by_key) {
        otc_histogram_set_free(set);
        return NULL;
    }
    return set;
}

void
otc_histogram_set_free(struct otc_histogram_set *set)
{
    if (set) {
        otc_map_free(set->by_key, free);
        free(set->overflow);
        otc_buf_release(&set->key);
        free(set);
    }
}

/* Places and values of the attributes, each value with its length. False: too long. */
static bool
make_key(struct otc_buf *key, const struct otc_attribute *attributes, size_t n)
{
    otc_buf_clear(key);
    for (size_t i = 0; i < n; i++) {
        size_t mark = key->len;
        uint32_t head[2] = {(uint32_t)i, 0};

        if (attributes[i].value.type == OTC_VALUE_ABSENT) {
            continue;
        }
        otc_buf_append(key, head, sizeof(head));
        if (attributes[i].value.type == OTC_VALUE_STRING) {
            otc_buf_append_slice(key, attributes[i].value.as.slice);
        } else {
            (void)otc_value_text(&attributes[i].value, key);
        }
        if (key->failed) {
            return false;
        }
        head[1] = (uint32_t)(key->len - mark);
        memcpy(key->data + mark, head, sizeof(head));
    }
    return true;
}

static struct otc_histogram_series *
new_series(const struct otc_histogram_set *set, const struct otc_attribute *attributes, size_t n,
           int64_t now_ns)
{
    size_t bytes = sizeof(struct otc_histogram_series) + set->n * sizeof(struct histogram) +
                   set->n_counts * sizeof(uint64_t);
    struct otc_histogram_series *series;
    uint64_t *counts;

    series = calloc(1, bytes + otc_attributes_bytes(attributes, n));
    if (!series) {
        return NULL;
    }
    series->start_ns = now_ns;
    counts = (uint64_t *)(void *)&series->histograms[set->n];
    for (size_t i = 0; i < set->n; i++) {
        series->histograms[i] = (struct histogram){.min = INFINITY, .max = -INFINITY, .counts = counts};
        counts += set->instruments[i].n_bounds + 1;
    }
    for (size_t i = 0; i < n; i++) {
        series->places |= (uint32_t)(attributes[i].value.type != OTC_VALUE_ABSENT) << i;
    }
    series->n_attributes = otc_attributes_keep(attributes, n, series->attributes, (uint8_t *)counts);
    return series;
}

static struct otc_histogram_series *
overflow_of(struct otc_histogram_set *set, int64_t now_ns)
{
    const struct otc_attribute attribute = OTC_ATTR_BOOL("otel.metric.overflow", true);

    if (!set->overflow) {
        set->overflow = new_series(set, &attribute, 1, now_ns);
    }
    return set->overflow;
}

/* Where among the recent series one with these attributes is: lengths and last bytes tell most apart. */
static size_t
recent_place(const struct otc_attribute *attributes, size_t n)
{
    uint64_t hash = 0;

    for (size_t i = 0; i < n; i++) {
        const struct otc_value *value = &attributes[i].value;
        uint64_t bits = (uint64_t)value->type;

        if (otc_value_is_slice(value->type) && value->as.slice.len > 0) {
            bits += value->as.slice.len << 16 | (uint64_t)value->as.slice.data[value->as.slice.len - 1] << 8;
        } else if (value->type == OTC_VALUE_INT) {
            bits += (uint64_t)value->as.integer << 8;
        }
        hash = (hash ^ bits) * UINT64_C(0x9e3779b97f4a7c15);
    }
    return hash >> (64 - RECENT_LOG);
}

static bool
same_value(const struct otc_value *a, const struct otc_value *b)
{
    if (a->type != b->type) {
        return false;
    }
    if (otc_value_is_slice(a->type)) {
        return otc_slice_equal(a->as.slice, b->as.slice);
    }
    return a->type == OTC_VALUE_INT && a->as.integer == b->as.integer; /* others are rare: by their key */
}

static bool
has_attributes(const struct otc_histogram_series *series, const struct otc_attribute *attributes, size_t n)
{
    uint32_t places = series->places;
    const struct otc_attribute *own = series->attributes;

    for (size_t i = 0; i < n; i++, places >>= 1) {
        bool present = attributes[i].value.type != OTC_VALUE_ABSENT;

        if (present != (places & 1) || (present && !same_value(&own++->value, &attributes[i].value))) {
            return false;
        }
    }
    return true;
}

static struct otc_histogram_series *
find(struct otc_histogram_set *set, const struct otc_attribute *attributes, size_t n, int64_t now_ns)
{
    struct otc_histogram_series *series = set->last;
    struct otc_slice key;
    size_t place;

    if (series && has_attributes(series, attributes, n)) {
        return series;
    }
    place = recent_place(attributes, n);
    series = set->recent[place];
    if (series && has_attributes(series, attributes, n)) {
        return series;
    }
    if (!make_key(&set->key, attributes, n)) {
        return overflow_of(set, now_ns);
    }
    key = otc_buf_slice(&set->key);
    series = otc_map_get(set->by_key, key);
    if (!series) {
        series = new_series(set, attributes, n, now_ns);
        if (series && !otc_map_put(set->by_key, key, series)) {
            free(series);
            return overflow_of(set, now_ns);
        }
    }
    set->recent[place] = series;
    return series;
}

struct otc_histogram_series *
otc_histogram_set_get(struct otc_histogram_set *set, const struct otc_attribute *attributes, size_t n,
                      int64_t now_ns, int64_t monotonic_ns)
{
    struct otc_histogram_series *series = find(
        set, attributes, n < OTC_HISTOGRAM_SET_ATTRIBUTES_MAX ? n : OTC_HISTOGRAM_SET_ATTRIBUTES_MAX, now_ns);

    if (series) {
        series->last_seen_ns = monotonic_ns;
        set->last = series;
    }
    return series;
}

void
otc_histogram_set_add(const struct otc_histogram_set *set, struct otc_histogram_series *series,
                      size_t instrument, double value)
{
    const struct otc_histogram_instrument *of = &set->instruments[instrument];
    struct histogram *histogram = &series->histograms[instrument];

    histogram->counts[otc_bucket_of(of->bounds, of->n_bounds, value)]++;
    histogram->min = value < histogram->min ? value : histogram->min;
    histogram->max = value > histogram->max ? value : histogram->max;
    histogram->sum += value;
    histogram->count++;
}

static void
emit_series(const struct otc_histogram_set *set, struct otc_emitter *emitter,
            struct otc_histogram_series *series)
{
    for (size_t i = 0; i < set->n; i++) {
        const struct otc_histogram_instrument *of = &set->instruments[i];
        const struct histogram *histogram = &series->histograms[i];
        const struct otc_histogram_value value = {.count = histogram->count,
                                                  .has_sum = true,
                                                  .has_min = true,
                                                  .has_max = true,
                                                  .sum = histogram->sum,
                                                  .min = histogram->min,
                                                  .max = histogram->max,
                                                  .counts = histogram->counts,
                                                  .bounds = of->bounds,
                                                  .n_bounds = of->n_bounds};

        series->attributes[series->n_attributes] = of->own; /* left out when ABSENT */
        if (histogram->count > 0) {
            otc_emit_histogram(emitter, of->metric, series->attributes, series->n_attributes + 1,
                               series->start_ns, &value);
        }
    }
}

void
otc_histogram_set_emit(const struct otc_histogram_set *set, struct otc_emitter *emitter)
{
    size_t cursor = 0;
    struct otc_slice key;
    void *series;

    while (otc_map_next(set->by_key, &cursor, &key, &series)) {
        emit_series(set, emitter, series);
    }
    if (set->overflow) {
        emit_series(set, emitter, set->overflow);
    }
}

void
otc_histogram_set_expire(struct otc_histogram_set *set, int64_t before_ns)
{
    size_t cursor = 0;
    struct otc_slice key;
    void *value;

    memset(set->recent, 0, sizeof(set->recent));
    set->last = NULL;
    while (otc_map_next(set->by_key, &cursor, &key, &value)) {
        struct otc_histogram_series *series = value;

        if (series->last_seen_ns < before_ns) {
            (void)otc_map_remove(set->by_key, key);
            free(series);
        }
    }
    if (set->overflow && set->overflow->last_seen_ns < before_ns) {
        free(set->overflow);
        set->overflow = NULL;
    }
}
