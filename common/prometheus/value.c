// SPDX-License-Identifier: Apache-2.0
#include "common/otlp/wire.h"
#include "common/prometheus/buckets.h"
#include "common/prometheus/exemplar.h"
#include "common/prometheus/series.h"

#include "common/prometheus/text.h"

#include <math.h>

/** Explicit buckets of one histogram; more are refused. */
#define BOUNDS_MAX 100000
#define QUANTILES_MAX 1000

/** A value's block: the struct, then its arrays, all of 8-byte members, then bytes. */
struct shape {
    size_t n_bounds, n_counts, n_quantiles, n_exemplars, text;
};

struct arrays {
    double *bounds;
    uint64_t *counts;
    struct otc_prom_quantile *quantiles;
    struct otc_prom_exemplar *exemplars;
    uint8_t *text;
};

static struct otc_prom_value *
value_alloc(const struct shape *shape, struct arrays *arrays)
{
    size_t words = shape->n_bounds + shape->n_counts;
    size_t bytes = words * 8 + shape->n_quantiles * sizeof(struct otc_prom_quantile) +
                   shape->n_exemplars * sizeof(struct otc_prom_exemplar) + shape->text;
    struct otc_prom_value *value = calloc(1, sizeof(*value) + bytes);
    uint64_t *at;

    if (!value) {
        return NULL;
    }
    atomic_init(&value->refs, 1);
    at = (uint64_t *)(void *)(value + 1);
    arrays->bounds = (double *)(void *)at;
    arrays->counts = at + shape->n_bounds;
    arrays->quantiles = (struct otc_prom_quantile *)(void *)(arrays->counts + shape->n_counts);
    arrays->exemplars = (struct otc_prom_exemplar *)(void *)(arrays->quantiles + shape->n_quantiles);
    arrays->text = (uint8_t *)(arrays->exemplars + shape->n_exemplars);
    value->bounds = arrays->bounds;
    value->counts = arrays->counts;
    value->n_bounds = shape->n_bounds;
    value->quantiles = arrays->quantiles;
    value->n_quantiles = shape->n_quantiles;
    value->exemplars = arrays->exemplars;
    value->n_exemplars = shape->n_exemplars;
    return value;
}

struct otc_prom_value *
otc_prom_value_ref(struct otc_prom_value *value)
{
    atomic_fetch_add_explicit(&value->refs, 1, memory_order_relaxed);
    return value;
}

void
otc_prom_value_unref(struct otc_prom_value *value)
{
    if (value && atomic_fetch_sub_explicit(&value->refs, 1, memory_order_acq_rel) == 1) {
        free(value);
    }
}

/* ---- Exemplars ---------------------------------------------------------------------------------- */

/** Exemplars of a point while they are read. */
struct exemplars {
    struct otc_prom_exemplar items[OTC_PROM_EXEMPLARS_MAX];
    size_t ends[OTC_PROM_EXEMPLARS_MAX];
    size_t n;
    struct otc_buf text;
};

static void
append_labels(struct otc_buf *out, const struct otc_prom_exemplar_parts *parts)
{
    for (size_t i = 0; i < parts->n_labels; i++) {
        otc_buf_append_str(out, i > 0 ? "," : "");
        otc_buf_append_slice(out, parts->labels[i].name);
        otc_buf_append_str(out, "=\"");
        otc_prom_put_escaped(out, parts->labels[i].value, true);
        otc_buf_append_byte(out, '"');
    }
}

static void
read_exemplars(const struct otc_point *point, struct exemplars *out)
{
    struct otc_prom_exemplar_parts parts = {0};
    struct otc_slice rest = point->encoded;
    struct otc_slice message;
    uint32_t field = otc_prom_exemplar_field(point->type);

    while (out->n < OTC_PROM_EXEMPLARS_MAX && otc_messages_next(&rest, field, &message)) {
        struct otc_prom_exemplar *exemplar = &out->items[out->n];

        if (otc_prom_exemplar_parts_read(&parts, message)) {
            exemplar->value = parts.value;
            exemplar->time_unix_nano = parts.time_unix_nano;
            append_labels(&out->text, &parts);
            out->ends[out->n++] = out->text.len;
        }
    }
    otc_prom_exemplar_parts_release(&parts);
}

static void
place_exemplars(const struct exemplars *exemplars, struct arrays *arrays)
{
    size_t start = 0;

    if (exemplars->text.len > 0) {
        memcpy(arrays->text, exemplars->text.data, exemplars->text.len);
    }
    for (size_t i = 0; i < exemplars->n; i++) {
        arrays->exemplars[i] = exemplars->items[i];
        arrays->exemplars[i].labels = otc_slice_of(arrays->text + start, exemplars->ends[i] - start);
        start = exemplars->ends[i];
    }
}

/* ---- Points to values --------------------------------------------------------------------------- */

/** The kinds below allocate by their shape and fill in. */
struct making {
    const struct otc_point *point;
    struct shape shape;
    struct otc_prom_value *value;
};

static enum otc_prom_refusal
make_number(struct making *m, struct arrays *arrays)
{
    const struct otc_value *value = &m->point->value;
    double number = value->type == OTC_VALUE_INT ? (double)value->as.integer : value->as.real;
    bool counter = m->point->type == OTC_METRIC_SUM && m->point->monotonic;

    if (value->type != OTC_VALUE_INT && value->type != OTC_VALUE_DOUBLE) {
        return OTC_PROM_INVALID_VALUE;
    }
    if (counter && !(number >= 0)) {
        return OTC_PROM_INVALID_VALUE;
    }
    m->value = value_alloc(&m->shape, arrays);
    if (!m->value) {
        return OTC_PROM_NO_MEMORY;
    }
    m->value->number = number;
    return OTC_PROM_OK;
}

/** The next word as a double; NaN at the end. */
static double
next_double(const struct otc_words *words, struct otc_words_cursor *cursor)
{
    uint64_t bits;
    double number = (double)NAN;

    if (otc_words_next(words, cursor, &bits)) {
        memcpy(&number, &bits, sizeof(number));
    }
    return number;
}

/** Bounds must rise and there must be one count more; a last bound of +Inf is ours to write. */
static bool
check_bounds(const struct otc_point *point, size_t *n_bounds)
{
    struct otc_words_cursor cursor = {.started = false};
    size_t n = point->explicit_bounds.n;
    double last = 0;

    if (n > BOUNDS_MAX || (n == 0 && point->bucket_counts.n > 1) ||
        (n > 0 && point->bucket_counts.n != n + 1)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        double bound = next_double(&point->explicit_bounds, &cursor);

        if (isnan(bound) || (i > 0 && bound <= last) || bound == -(double)INFINITY) {
            return false;
        }
        last = bound;
    }
    *n_bounds = n > 0 && isinf(last) ? n - 1 : n;
    return true;
}

static enum otc_prom_refusal
make_histogram(struct making *m, struct arrays *arrays)
{
    const struct otc_point *point = m->point;
    struct otc_words_cursor at_bound = {.started = false};
    struct otc_words_cursor at_count = {.started = false};
    uint64_t count;
    size_t n;

    if (!check_bounds(point, &n)) {
        return OTC_PROM_INVALID_VALUE;
    }
    m->shape.n_bounds = n;
    m->shape.n_counts = n + 1;
    m->value = value_alloc(&m->shape, arrays);
    if (!m->value) {
        return OTC_PROM_NO_MEMORY;
    }
    for (size_t i = 0; i < n; i++) {
        arrays->bounds[i] = next_double(&point->explicit_bounds, &at_bound);
    }
    for (size_t i = 0; otc_words_next(&point->bucket_counts, &at_count, &count); i++) {
        arrays->counts[i < n ? i : n] += count;
    }
    if (point->bucket_counts.n == 0) {
        arrays->counts[0] = point->count;
    }
    return OTC_PROM_OK;
}

/** The grid's limits are shared by all values: a value's block holds counts alone. */
static struct otc_prom_value *
grid_value_alloc(struct shape *shape, struct arrays *arrays)
{
    struct otc_prom_value *value;

    shape->n_bounds = 0;
    shape->n_counts = OTC_PROM_GRID + 1;
    value = value_alloc(shape, arrays);
    if (value) {
        value->bounds = otc_prom_grid();
        value->n_bounds = OTC_PROM_GRID;
    }
    return value;
}

static void
fill_positive(const struct otc_exp_buckets *buckets, int32_t scale, uint64_t *counts)
{
    struct otc_varint_cursor cursor = {.started = false};
    uint64_t count;

    for (int64_t i = buckets->offset; otc_exp_buckets_next(buckets, &cursor, &count); i++) {
        if (count > 0) {
            counts[otc_prom_grid_slot(scale, i)] += count;
        }
    }
}

static uint64_t
count_all(const struct otc_exp_buckets *buckets)
{
    struct otc_varint_cursor cursor = {.started = false};
    uint64_t sum = 0;
    uint64_t count;

    while (otc_exp_buckets_next(buckets, &cursor, &count)) {
        sum += count;
    }
    return sum;
}

static enum otc_prom_refusal
make_exponential(struct making *m, struct arrays *arrays)
{
    const struct otc_point *point = m->point;
    uint64_t negative;

    if (point->scale > 64 || point->scale < -64 || !(point->zero_threshold >= 0) ||
        isinf(point->zero_threshold)) {
        return OTC_PROM_INVALID_VALUE;
    }
    m->value = grid_value_alloc(&m->shape, arrays);
    if (!m->value) {
        return OTC_PROM_NO_MEMORY;
    }
    negative = count_all(&point->negative);
    m->value->negative = negative > 0;
    arrays->counts[0] = negative;
    arrays->counts[otc_prom_grid_slot_of(point->zero_threshold)] += point->zero_count;
    fill_positive(&point->positive, point->scale, arrays->counts);
    return OTC_PROM_OK;
}

/** One value a quantile: of several the last one. */
static void
put_quantile(struct arrays *arrays, size_t *n, const struct otc_prom_quantile *quantile)
{
    for (size_t i = 0; i < *n; i++) {
        if (arrays->quantiles[i].quantile == quantile->quantile) {
            arrays->quantiles[i] = *quantile;
            return;
        }
    }
    arrays->quantiles[(*n)++] = *quantile;
}

static enum otc_prom_refusal
make_summary(struct making *m, struct arrays *arrays)
{
    struct otc_slice rest = m->point->encoded;
    struct otc_slice message;
    size_t n = 0;

    while (otc_messages_next(&rest, 6, &message)) {
        m->shape.n_quantiles++;
    }
    if (m->shape.n_quantiles > QUANTILES_MAX) {
        return OTC_PROM_INVALID_VALUE;
    }
    m->value = value_alloc(&m->shape, arrays);
    if (!m->value) {
        return OTC_PROM_NO_MEMORY;
    }
    rest = m->point->encoded;
    while (otc_messages_next(&rest, 6, &message)) {
        const struct otc_prom_quantile quantile = {otc_wire_bits_double(otc_message_scalar(message, 1, 0)),
                                                   otc_wire_bits_double(otc_message_scalar(message, 2, 0))};

        put_quantile(arrays, &n, &quantile);
    }
    m->value->n_quantiles = n;
    return OTC_PROM_OK;
}

static enum otc_prom_refusal
make_value(struct making *m, struct arrays *arrays)
{
    switch (m->point->type) {
    case OTC_METRIC_GAUGE:
    case OTC_METRIC_SUM:
        return make_number(m, arrays);
    case OTC_METRIC_HISTOGRAM:
        return make_histogram(m, arrays);
    case OTC_METRIC_EXPONENTIAL_HISTOGRAM:
        return make_exponential(m, arrays);
    case OTC_METRIC_SUMMARY:
        return make_summary(m, arrays);
    case OTC_METRIC_NONE:
    default:
        return OTC_PROM_UNSUPPORTED;
    }
}

static bool
has_exemplars(const struct otc_point *point)
{
    return point->type == OTC_METRIC_HISTOGRAM || point->type == OTC_METRIC_EXPONENTIAL_HISTOGRAM ||
           (point->type == OTC_METRIC_SUM && point->monotonic);
}

enum otc_prom_refusal
otc_prom_value_new(const struct otc_point *point, bool exemplars, struct otc_prom_value **out)
{
    struct exemplars read = {.n = 0, .text = {.limit = 65536}};
    struct making m = {.point = point};
    struct arrays arrays;
    enum otc_prom_refusal refusal;

    if (exemplars && has_exemplars(point)) {
        read_exemplars(point, &read);
        read.n = read.text.failed ? 0 : read.n;
    }
    m.shape.n_exemplars = read.n;
    m.shape.text = read.text.len;
    refusal = make_value(&m, &arrays);
    if (refusal == OTC_PROM_OK) {
        place_exemplars(&read, &arrays);
        m.value->start_unix_nano = point->start_unix_nano;
        m.value->time_unix_nano = point->time_unix_nano;
        m.value->count = point->count;
        /* A summary's sum has no presence: unset is 0. */
        m.value->has_sum = (point->has_sum || point->type == OTC_METRIC_SUMMARY) && !isnan(point->sum);
        m.value->sum = point->sum;
        *out = m.value;
    }
    otc_buf_release(&read.text);
    return refusal;
}

/* ---- Deltas ------------------------------------------------------------------------------------- */

static struct otc_prom_value *
add_buckets(const struct otc_prom_value *total, const struct otc_prom_value *delta, struct shape *shape,
            struct arrays *arrays)
{
    bool on_grid = total->bounds == otc_prom_grid();
    struct otc_prom_value *sum;
    /* Numbers and summaries have no counts array: theirs is never read. */
    bool buckets = total->n_bounds > 0;

    shape->n_bounds = total->n_bounds;
    shape->n_counts = total->n_bounds + 1;
    sum = on_grid ? grid_value_alloc(shape, arrays) : value_alloc(shape, arrays);
    if (!sum) {
        return NULL;
    }
    if (buckets && !on_grid) {
        memcpy(arrays->bounds, total->bounds, total->n_bounds * sizeof(double));
    }
    for (size_t i = 0; buckets && i < total->n_bounds; i++) {
        arrays->counts[i] = total->counts[i] + delta->counts[i];
    }
    arrays->counts[total->n_bounds] = buckets
                                          ? total->counts[total->n_bounds] + delta->counts[total->n_bounds]
                                          : total->count + delta->count;
    return sum;
}

enum otc_prom_refusal
otc_prom_value_add(const struct otc_prom_value *total, const struct otc_prom_value *delta,
                   struct otc_prom_value **out)
{
    struct shape shape = {.n_exemplars = delta->n_exemplars};
    struct arrays arrays;
    struct otc_prom_value *sum;
    size_t used = 0;

    if (total->n_bounds != delta->n_bounds ||
        (total->n_bounds > 0 &&
         memcmp(total->bounds, delta->bounds, total->n_bounds * sizeof(double)) != 0)) {
        return OTC_PROM_INVALID_VALUE;
    }
    for (size_t i = 0; i < delta->n_exemplars; i++) {
        shape.text += delta->exemplars[i].labels.len;
    }
    sum = add_buckets(total, delta, &shape, &arrays);
    if (!sum) {
        return OTC_PROM_NO_MEMORY;
    }
    for (size_t i = 0; i < delta->n_exemplars; i++) {
        struct otc_slice labels = delta->exemplars[i].labels;

        arrays.exemplars[i] = delta->exemplars[i];
        arrays.exemplars[i].labels = otc_slice_of(arrays.text + used, labels.len);
        memcpy(arrays.text + used, labels.data, labels.len);
        used += labels.len;
    }
    sum->start_unix_nano = total->start_unix_nano;
    sum->time_unix_nano = delta->time_unix_nano;
    sum->number = total->number + delta->number;
    sum->count = total->count + delta->count;
    sum->has_sum = total->has_sum && delta->has_sum;
    sum->sum = total->sum + delta->sum;
    sum->negative = total->negative || delta->negative;
    *out = sum;
    return OTC_PROM_OK;
}
