// SPDX-License-Identifier: Apache-2.0
#include "processors/span_metrics/state.h"

#include "common/otlp/build_attributes.h"
#include "common/otlp/value_text.h"
#include "common/stats/bins.h"

/* Attributes of a resource that tell it apart, at most. */
#define RESOURCE_ATTRIBUTES_MAX 512
/* What maps keep of an entry beside its key. */
#define ENTRY_BYTES 64
/* Overflow series are few and always made. */
#define EXP_SCALE OTC_EXP_SCALE_MAX

/* ---- Series ---------------------------------------------------------------------------------------- */

static void
free_series(struct span_metrics *stage, struct span_metrics_series *series)
{
    if (!series) {
        return;
    }
    stage->memory -= series->bytes;
    if (series->histogram) {
        otc_exp_histogram_release(series->histogram);
    }
    free(series->histogram);
    free(series->buckets);
    free(series->exemplars);
    free(series);
}

/* A series with copies of the attributes behind it. */
static struct span_metrics_series *
copy_attributes(const struct otc_attribute *attributes, size_t n)
{
    size_t bytes =
        sizeof(struct span_metrics_series) + n * sizeof(*attributes) + otc_attributes_bytes(attributes, n);
    struct span_metrics_series *series = calloc(1, bytes);

    if (series) {
        series->bytes = bytes;
        series->n_attributes =
            otc_attributes_keep(attributes, n, series->attributes, (uint8_t *)&series->attributes[n]);
    }
    return series;
}

/* Buckets for the durations of a series. */
static bool
add_buckets(const struct span_metrics *stage, struct span_metrics_series *series)
{
    const struct span_metrics_histogram_config *config = &stage->config->histogram;

    if (config->exponential) {
        uint32_t size = config->exponential->max_size ? (uint32_t)config->exponential->max_size : 160;

        series->histogram = calloc(1, sizeof(*series->histogram));
        if (series->histogram) {
            otc_exp_histogram_init(series->histogram, EXP_SCALE, size);
        }
        series->bytes += sizeof(*series->histogram) + size * sizeof(uint64_t);
        return series->histogram != NULL;
    }
    series->buckets = calloc(stage->n_bounds + 1, sizeof(*series->buckets));
    series->bytes += (stage->n_bounds + 1) * sizeof(*series->buckets);
    return series->buckets != NULL;
}

static bool
has_durations(const struct span_metrics *stage, enum span_metrics_table_of table)
{
    return !stage->config->histogram.disable &&
           (table == TABLE_DURATION || (table == TABLE_CALLS && stage->shared));
}

static struct span_metrics_series *
new_series(const struct span_metrics *stage, enum span_metrics_table_of table,
           const struct otc_attribute *attributes, size_t n, int64_t now_ns)
{
    struct span_metrics_series *series = copy_attributes(attributes, n);
    bool ok = series != NULL;

    if (ok && has_durations(stage, table)) {
        ok = add_buckets(stage, series);
    }
    if (ok && stage->config->exemplars.enabled && stage->config->exemplars.max_per_data_point > 0) {
        size_t most = (size_t)stage->config->exemplars.max_per_data_point;

        series->exemplars = calloc(most, sizeof(*series->exemplars));
        series->bytes += most * sizeof(*series->exemplars);
        ok = series->exemplars != NULL;
    }
    if (!ok) {
        if (series) {
            free(series->histogram);
            free(series->buckets);
            free(series);
        }
        return NULL;
    }
    series->start_ns = now_ns;
    series->carry = 0.5; /* counts are then rounded to the nearest */
    return series;
}

static enum span_metrics_list_of
list_of(enum span_metrics_table_of table, bool shared)
{
    static const enum span_metrics_list_of lists[] = {LIST_CALLS, LIST_DURATION, LIST_EVENTS};

    return shared && table == TABLE_CALLS ? LIST_COMMON : lists[table];
}

static struct span_metrics_series *
overflow_of(struct span_metrics *stage, struct span_metrics_table *table, enum span_metrics_table_of which,
            int64_t now_ns)
{
    if (!table->overflow) {
        const struct otc_attribute attribute = OTC_ATTR_BOOL("otel.metric.overflow", true);

        table->overflow = new_series(stage, which, &attribute, 1, now_ns);
        stage->memory += table->overflow ? table->overflow->bytes : 0;
    }
    return table->overflow;
}

/* A series for the key at hand; the overflow where the limits leave no room. NULL: no memory at all. */
static struct span_metrics_series *
add_series(struct span_metrics *stage, struct span_metrics_table *table, enum span_metrics_table_of which,
           const struct span_metrics_seen *seen)
{
    struct otc_attribute attributes[SPAN_METRICS_ATTRIBUTES_MAX];
    size_t limit = (size_t)stage->config->aggregation_cardinality_limit, n;
    struct span_metrics_series *series;

    if (stage->memory >= (size_t)stage->config->limits.memory.n || stage->key.failed ||
        (limit > 0 && table->by_key && otc_map_count(table->by_key) >= limit)) {
        return overflow_of(stage, table, which, seen->now_ns);
    }
    if (!table->by_key) {
        table->by_key = otc_map_new(limit > 0 ? limit : SIZE_MAX);
    }
    n = span_metrics_attributes(stage, seen, list_of(which, stage->shared), attributes);
    series = new_series(stage, which, attributes, n, seen->now_ns);
    if (!series || !table->by_key || !otc_map_put(table->by_key, otc_buf_slice(&stage->key), series)) {
        stage->memory += series ? series->bytes : 0; /* which free_series() takes back */
        free_series(stage, series);
        return overflow_of(stage, table, which, seen->now_ns);
    }
    series->bytes += stage->key.len + ENTRY_BYTES;
    stage->memory += series->bytes;
    return series;
}

/* ---- Counting -------------------------------------------------------------------------------------- */

/* Spans that this one stands for: an integer whose sums are right to within one half. */
static uint64_t
weight_of(struct span_metrics_series *series, const struct span_metrics_seen *seen)
{
    const uint64_t one = UINT64_C(1) << 56;
    uint64_t weight = one / seen->denominator, rest = one % seen->denominator;

    if (rest > 0) {
        series->carry += (double)rest / (double)seen->denominator;
        if (series->carry >= 1) {
            series->carry -= 1;
            weight++;
        }
    }
    return weight;
}

static void
add_exemplar(const struct span_metrics *stage, struct span_metrics_series *series,
             const struct span_metrics_seen *seen)
{
    const struct otc_span *span = seen->span;
    struct span_metrics_exemplar *exemplar;

    if (!series->exemplars || series->n_exemplars >= (size_t)stage->config->exemplars.max_per_data_point ||
        span->trace_id.len != sizeof(exemplar->trace_id)) {
        return;
    }
    exemplar = &series->exemplars[series->n_exemplars++];
    exemplar->value = seen->duration;
    memcpy(exemplar->trace_id, span->trace_id.data, sizeof(exemplar->trace_id));
    memset(exemplar->span_id, 0, sizeof(exemplar->span_id));
    if (span->span_id.len == sizeof(exemplar->span_id)) {
        memcpy(exemplar->span_id, span->span_id.data, sizeof(exemplar->span_id));
    }
}

static void
add_duration(const struct span_metrics *stage, struct span_metrics_series *series, double duration,
             uint64_t weight)
{
    series->sum += duration * (double)weight;
    if (series->histogram) {
        (void)otc_exp_histogram_add_n(series->histogram, duration, weight);
    } else if (series->buckets) {
        series->buckets[otc_bucket_of(stage->bounds, stage->n_bounds, duration)] += weight;
    }
}

/* Counts in the series of the key that stage->key begins and the table's list ends. */
static bool
count_in(struct span_metrics *stage, struct span_metrics_resource *resource, enum span_metrics_table_of which,
         const struct span_metrics_seen *seen)
{
    struct span_metrics_table *table = &resource->tables[which];
    enum span_metrics_list_of list = list_of(which, stage->shared);
    size_t base = stage->key.len;
    struct span_metrics_series *series;
    uint64_t weight;

    if (list != LIST_COMMON) {
        span_metrics_key_add(stage, seen, list, &stage->key);
    }
    series = table->by_key ? otc_map_get(table->by_key, otc_buf_slice(&stage->key)) : NULL;
    if (!series) {
        series = add_series(stage, table, which, seen);
    }
    stage->key.len = base;
    if (!series) {
        return false;
    }
    series->last_seen_ns = seen->monotonic_ns;
    weight = weight_of(series, seen);
    series->count += weight;
    add_duration(stage, series, seen->duration, weight);
    if (series != table->overflow) {
        add_exemplar(stage, series, seen);
    }
    return true;
}

static void
begin_key(struct span_metrics *stage, const struct span_metrics_seen *seen)
{
    span_metrics_key_base(stage, seen, &stage->key);
    span_metrics_key_add(stage, seen, LIST_COMMON, &stage->key);
}

bool
span_metrics_observe(struct span_metrics *stage, struct span_metrics_resource *resource,
                     const struct span_metrics_seen *seen)
{
    bool counted;

    begin_key(stage, seen);
    counted = count_in(stage, resource, TABLE_CALLS, seen);
    if (!stage->shared && !stage->config->histogram.disable) {
        counted = count_in(stage, resource, TABLE_DURATION, seen) && counted;
    }
    if (stage->config->events.enabled) {
        struct span_metrics_seen event = *seen;
        struct otc_slice rest = seen->span->encoded;

        while (otc_messages_next(&rest, 11, &event.event)) {
            begin_key(stage, &event);
            counted = count_in(stage, resource, TABLE_EVENTS, &event) && counted;
        }
    }
    return counted;
}

/* ---- Resources ------------------------------------------------------------------------------------- */

static bool
is_key_attribute(const struct span_metrics *stage, struct otc_slice key)
{
    const otc_strings *keys = &stage->config->resource_metrics_key_attributes;

    for (size_t i = 0; i < keys->n; i++) {
        if (otc_slice_equal_str(key, keys->items[i])) {
            return true;
        }
    }
    return keys->n == 0;
}

/* Canonical: the attributes that tell resources apart, by name, with types and values. */
static void
make_resource_key(struct span_metrics *stage, struct otc_slice resource)
{
    struct otc_attribute sorted[RESOURCE_ATTRIBUTES_MAX], found;
    size_t n = 0;

    while (n < RESOURCE_ATTRIBUTES_MAX &&
           otc_attributes_next(OTC_ATTRIBUTES_RESOURCE, &resource, &found.key, &found.value)) {
        size_t at = n;

        if (!is_key_attribute(stage, found.key)) {
            continue;
        }
        while (at > 0 && otc_slice_compare(sorted[at - 1].key, found.key) > 0) {
            sorted[at] = sorted[at - 1];
            at--;
        }
        sorted[at] = found;
        n++;
    }
    otc_buf_clear(&stage->resource_key);
    for (size_t i = 0; i < n; i++) {
        size_t mark = stage->resource_key.len;
        uint32_t len[2] = {(uint32_t)sorted[i].key.len, 0};

        otc_buf_append(&stage->resource_key, len, sizeof(len));
        otc_buf_append_byte(&stage->resource_key, (uint8_t)sorted[i].value.type);
        otc_buf_append_slice(&stage->resource_key, sorted[i].key);
        (void)otc_value_text(&sorted[i].value, &stage->resource_key);
        len[1] = (uint32_t)(stage->resource_key.len - mark);
        if (!stage->resource_key.failed) {
            memcpy(stage->resource_key.data + mark, len, sizeof(len));
        }
    }
}

static size_t
resource_bytes(const struct span_metrics_resource *resource)
{
    return sizeof(*resource) + 2 * resource->key.len + resource->bytes.len + ENTRY_BYTES;
}

void
span_metrics_forget(struct span_metrics *stage, struct span_metrics_resource *resource)
{
    (void)otc_map_remove(stage->resources, resource->key);
    stage->n_active -= !resource->evicted;
    stage->memory -= resource_bytes(resource);
    for (int i = 0; i < SPAN_METRICS_N_TABLES; i++) {
        struct span_metrics_table *table = &resource->tables[i];
        size_t cursor = 0;
        struct otc_slice key;
        void *series;

        while (table->by_key && otc_map_next(table->by_key, &cursor, &key, &series)) {
            free_series(stage, series);
        }
        otc_map_free(table->by_key, NULL);
        free_series(stage, table->overflow);
    }
    if (stage->recent == resource) {
        stage->recent = NULL;
    }
    free(resource);
}

void
span_metrics_forget_all(struct span_metrics *stage)
{
    size_t cursor = 0;
    struct otc_slice key;
    void *resource;

    while (otc_map_next(stage->resources, &cursor, &key, &resource)) {
        span_metrics_forget(stage, resource);
    }
}

static struct span_metrics_resource *
add_resource(struct span_metrics *stage, struct otc_slice bytes)
{
    struct otc_slice key = otc_buf_slice(&stage->resource_key);
    struct span_metrics_resource *resource;
    uint8_t *at;

    if (stage->resource_key.failed ||
        stage->memory + key.len + bytes.len > (size_t)stage->config->limits.memory.n) {
        return NULL;
    }
    resource = calloc(1, sizeof(*resource) + key.len + bytes.len);
    if (!resource) {
        return NULL;
    }
    at = (uint8_t *)(resource + 1);
    resource->key = otc_slice_place(&at, key);
    resource->bytes = otc_slice_place(&at, bytes);
    resource->evicted = true; /* until it is used */
    if (!otc_map_put(stage->resources, resource->key, resource)) {
        free(resource);
        return NULL;
    }
    stage->memory += resource_bytes(resource);
    return resource;
}

/* Marks the least recently used resource; it is told once more and then forgotten. */
static void
evict_one(struct span_metrics *stage)
{
    struct span_metrics_resource *oldest = NULL;
    size_t cursor = 0;
    struct otc_slice key;
    void *value;

    while (otc_map_next(stage->resources, &cursor, &key, &value)) {
        struct span_metrics_resource *resource = value;

        if (!resource->evicted && (!oldest || resource->used < oldest->used)) {
            oldest = resource;
        }
    }
    if (oldest) {
        oldest->evicted = true;
        stage->n_active--;
    }
}

struct span_metrics_resource *
span_metrics_resource_of(struct span_metrics *stage, const struct otc_span *span, int64_t monotonic_ns)
{
    struct span_metrics_resource *resource = stage->recent;

    if (!resource || !otc_slice_equal(resource->bytes, span->record.resource)) {
        make_resource_key(stage, span->record.resource);
        resource = otc_map_get(stage->resources, otc_buf_slice(&stage->resource_key));
        if (!resource) {
            resource = add_resource(stage, span->record.resource);
        }
    }
    if (!resource) {
        return NULL;
    }
    if (resource->evicted) {
        if (stage->n_active >= (size_t)stage->config->resource_metrics_cache_size) {
            evict_one(stage);
        }
        resource->evicted = false;
        stage->n_active++;
    }
    resource->used = ++stage->uses;
    resource->last_seen_ns = monotonic_ns;
    stage->recent = resource;
    return resource;
}

/* ---- Expiry ---------------------------------------------------------------------------------------- */

/* Forgets series without a span since `before_ns`; true when the table is empty. */
static bool
expire_table(struct span_metrics *stage, struct span_metrics_table *table, int64_t before_ns)
{
    size_t cursor = 0;
    struct otc_slice key;
    void *value;

    while (table->by_key && otc_map_next(table->by_key, &cursor, &key, &value)) {
        struct span_metrics_series *series = value;

        series->n_exemplars = 0;
        if (series->last_seen_ns <= before_ns) {
            (void)otc_map_remove(table->by_key, key);
            free_series(stage, series);
        }
    }
    if (table->overflow && table->overflow->last_seen_ns <= before_ns) {
        free_series(stage, table->overflow);
        table->overflow = NULL;
    }
    return !table->overflow && (!table->by_key || otc_map_count(table->by_key) == 0);
}

void
span_metrics_expire(struct span_metrics *stage, int64_t monotonic_ns)
{
    int64_t series_ns = stage->config->series_expiration.ns,
            metrics_ns = stage->config->metrics_expiration.ns;
    size_t cursor = 0;
    struct otc_slice key;
    void *value;

    while (otc_map_next(stage->resources, &cursor, &key, &value)) {
        struct span_metrics_resource *resource = value;
        bool gone =
            resource->evicted || (metrics_ns > 0 && monotonic_ns - resource->last_seen_ns >= metrics_ns);
        bool empty = true;

        for (int i = 0; i < SPAN_METRICS_N_TABLES; i++) {
            empty = expire_table(stage, &resource->tables[i],
                                 series_ns > 0 ? monotonic_ns - series_ns : INT64_MIN) &&
                    empty;
        }
        if (gone || empty) {
            span_metrics_forget(stage, resource);
        }
    }
}
