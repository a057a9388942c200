// SPDX-License-Identifier: Apache-2.0
#include "processors/span_metrics/state.h"

#include "common/otlp/value_text.h"
#include "common/stats/bins.h"

/* Attributes of a resource that tell it apart, at most. */
#define RESOURCE_ATTRIBUTES_MAX 512
/* What the map of resources keeps of an entry beside its key. */
#define ENTRY_BYTES 64

/* ---- Series ---------------------------------------------------------------------------------------- */

static size_t
series_bytes(const struct span_metrics *stage, enum span_metrics_table_of which,
             const struct span_metrics_series *series)
{
    return span_metrics_series_bytes(&stage->layouts[which], series) + SPAN_METRICS_TABLE_ENTRY_BYTES;
}

static void
free_series(struct span_metrics *stage, enum span_metrics_table_of which, struct span_metrics_series *series)
{
    if (series) {
        stage->memory -= series_bytes(stage, which, series);
        span_metrics_series_free(&stage->layouts[which], series);
    }
}

/* Overflow series are few and always made. NULL: no memory at all. */
static struct span_metrics_series **
overflow_of(struct span_metrics *stage, struct span_metrics_table *table, enum span_metrics_table_of which)
{
    static const struct span_metrics_identity none = {0};

    if (!table->overflow) {
        table->overflow = span_metrics_series_new(&stage->layouts[which], &none, stage->block.now_ns);
        stage->memory += table->overflow ? series_bytes(stage, which, table->overflow) : 0;
    }
    return table->overflow ? &table->overflow : NULL;
}

/* A series for the key; the overflow where the limits leave no room. NULL: no memory at all. */
static struct span_metrics_series **
add_series(struct span_metrics *stage, struct span_metrics_table *table, enum span_metrics_table_of which,
           const struct span_metrics_identity *identity)
{
    size_t limit = (size_t)stage->config->aggregation_cardinality_limit;
    struct span_metrics_series *series, **place;

    if (stage->memory >= (size_t)stage->config->limits.memory.n || (limit > 0 && table->n >= limit)) {
        return overflow_of(stage, table, which);
    }
    series = span_metrics_series_new(&stage->layouts[which], identity, stage->block.now_ns);
    place = series ? span_metrics_table_add(table, series) : NULL;
    if (!place) {
        if (series) {
            span_metrics_series_free(&stage->layouts[which], series);
        }
        return overflow_of(stage, table, which);
    }
    stage->memory += series_bytes(stage, which, series);
    return place;
}

/* ---- Counting -------------------------------------------------------------------------------------- */

/* Spans that this one stands for: an integer whose sums are right to within one half. */
static uint64_t
weight_of(struct span_metrics_series *series, uint64_t denominator)
{
    const uint64_t one = UINT64_C(1) << 56;
    uint64_t weight, rest;

    if (denominator == one) {
        return 1;
    }
    weight = one / denominator;
    rest = one % denominator;
    if (rest > 0) {
        series->carry += (double)rest / (double)denominator;
        if (series->carry >= 1) {
            series->carry -= 1;
            weight++;
        }
    }
    return weight;
}

static void
add_exemplar(const struct span_metrics_layout *layout, struct span_metrics_series *series,
             const struct span_metrics_waiting *waiting)
{
    if (waiting->has_exemplar && series->n_exemplars < layout->n_exemplars) {
        span_metrics_series_exemplars(layout, series)[series->n_exemplars++] = waiting->exemplar;
    }
}

/* The series may move. False out of memory. */
static bool
add_duration(struct span_metrics *stage, const struct span_metrics_layout *layout,
             struct span_metrics_series **place, double duration, uint64_t weight)
{
    if (layout->max_buckets &&
        !otc_exp_histogram_add_n(span_metrics_series_histogram(*place), duration, weight)) {
        return false;
    }
    if (layout->n_counts > 0 &&
        !span_metrics_series_count(layout, place, otc_bucket_of(stage->bounds, stage->n_bounds, duration),
                                   weight)) {
        return false;
    }
    (*place)->sum += duration * (double)weight;
    return true;
}

bool
span_metrics_count(struct span_metrics *stage, const struct span_metrics_waiting *waiting,
                   const struct span_metrics_identity *identity)
{
    const struct span_metrics_layout *layout = &stage->layouts[waiting->which];
    struct span_metrics_table *table = waiting->table;
    struct span_metrics_series **place;
    uint64_t weight;

    place = identity ? span_metrics_table_find(table, layout, identity)
                     : overflow_of(stage, table, waiting->which);
    if (!place && identity) {
        place = add_series(stage, table, waiting->which, identity);
    }
    if (!place) {
        return false;
    }
    (*place)->last_seen_ns = stage->block.monotonic_ns;
    weight = weight_of(*place, waiting->denominator);
    if (!add_duration(stage, layout, place, waiting->duration, weight)) {
        return false;
    }
    (*place)->count += weight;
    if (place != &table->overflow) {
        add_exemplar(layout, *place, waiting);
    }
    return true;
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

/* Takes an active resource out of the order of use. */
static void
leave_order(struct span_metrics *stage, struct span_metrics_resource *resource)
{
    *(resource->newer ? &resource->newer->older : &stage->newest) = resource->older;
    *(resource->older ? &resource->older->newer : &stage->oldest) = resource->newer;
    resource->older = resource->newer = NULL;
    stage->n_active--;
}

static void
enter_order(struct span_metrics *stage, struct span_metrics_resource *resource)
{
    resource->older = stage->newest;
    *(stage->newest ? &stage->newest->newer : &stage->oldest) = resource;
    stage->newest = resource;
    stage->n_active++;
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
    if (!resource->evicted) {
        leave_order(stage, resource);
    }
    stage->memory -= resource_bytes(resource);
    for (int which = 0; which < SPAN_METRICS_N_TABLES; which++) {
        struct span_metrics_table *table = &resource->tables[which];

        for (uint32_t i = 0; i < table->n; i++) {
            free_series(stage, which, table->series[i]);
        }
        free_series(stage, which, table->overflow);
        span_metrics_table_release(table);
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
    if (!resource->evicted) {
        leave_order(stage, resource);
    } else if (stage->n_active >= (size_t)stage->config->resource_metrics_cache_size) {
        struct span_metrics_resource *oldest = stage->oldest; /* told once more and then forgotten */

        leave_order(stage, oldest);
        oldest->evicted = true;
    }
    resource->evicted = false;
    enter_order(stage, resource);
    resource->last_seen_ns = monotonic_ns;
    stage->recent = resource;
    return resource;
}

/* ---- Expiry ---------------------------------------------------------------------------------------- */

struct expiry {
    struct span_metrics *stage;
    enum span_metrics_table_of which;
    int64_t before_ns;
};

static bool
keep_series(void *arg, struct span_metrics_series *series)
{
    const struct expiry *expiry = arg;

    series->n_exemplars = 0;
    if (series->last_seen_ns <= expiry->before_ns) {
        free_series(expiry->stage, expiry->which, series);
        return false;
    }
    return true;
}

/* Forgets series without a span for long; true when the table is empty. */
static bool
expire_table(struct span_metrics_table *table, struct expiry *expiry)
{
    span_metrics_table_keep(table, keep_series, expiry);
    if (table->overflow && !keep_series(expiry, table->overflow)) {
        table->overflow = NULL;
    }
    return !table->overflow && table->n == 0;
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
            struct expiry expiry = {stage, i, series_ns > 0 ? monotonic_ns - series_ns : INT64_MIN};

            empty = expire_table(&resource->tables[i], &expiry) && empty;
        }
        if (gone || empty) {
            span_metrics_forget(stage, resource);
        }
    }
}
