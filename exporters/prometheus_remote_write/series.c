// SPDX-License-Identifier: Apache-2.0
#include "exporters/prometheus_remote_write/series.h"

#include "common/base/hash.h"
#include "common/otlp/wire.h"

#include <math.h>

/* Series and samples of one batch; the batch itself is limited by the receiver. */
#define MAX_SERIES ((size_t)4 << 20)
#define MAX_MEMORY ((size_t)1 << 30)
/* Name and labels of one series. */
#define MAX_KEY ((size_t)4 << 20)
/* Explicit buckets of one histogram. */
#define MAX_BOUNDS 100000
#define NS_PER_MS UINT64_C(1000000)

/* ---- Memory ------------------------------------------------------------------------------------- */

bool
prometheus_remote_write_set_init(struct prw_set *set, const struct prw_options *options)
{
    *set = (struct prw_set){.options = options};
    otc_arena_init(&set->arena, MAX_MEMORY);
    otc_buf_init(&set->key, MAX_KEY);
    set->last = &set->first;
    set->by_key = otc_map_new(MAX_SERIES);
    set->translator = otc_prom_translator_new(&options->exposition);
    return set->by_key && set->translator;
}

void
prometheus_remote_write_set_release(struct prw_set *set)
{
    otc_map_free(set->by_key, NULL);
    otc_prom_translator_free(set->translator);
    otc_buf_release(&set->key);
    otc_prom_exemplar_parts_release(&set->exemplar);
    otc_arena_release(&set->arena);
    set->by_key = NULL;
    set->translator = NULL;
    set->first = NULL;
}

void *
prometheus_remote_write_set_alloc(struct prw_set *set, size_t size)
{
    void *memory = otc_arena_alloc(&set->arena, size);

    set->no_memory = set->no_memory || !memory;
    return memory;
}

static struct otc_slice
copy(struct prw_set *set, struct otc_slice text)
{
    struct otc_slice out = text.len > 0 ? otc_arena_copy(&set->arena, text) : OTC_SLICE_NONE;

    set->no_memory = set->no_memory || (text.len > 0 && !out.data);
    return out;
}

/* ---- Series ------------------------------------------------------------------------------------- */

/* What a child of a metric's series has beyond it: "_bucket" and le="0.5". */
struct child {
    const char *suffix;
    const char *label; /* NULL: none */
    struct otc_slice value;
    char kind; /* 's': samples, 'h': native histograms, 't': target_info; no series has two of them */
};

static struct otc_slice
child_name(struct prw_set *set, const struct otc_prom_series *from, struct otc_slice suffix)
{
    size_t len = from->name.len + suffix.len;
    uint8_t *name = prometheus_remote_write_set_alloc(set, len), *at = name;

    if (!name) {
        return OTC_SLICE_NONE;
    }
    (void)otc_slice_place(&at, from->name);
    (void)otc_slice_place(&at, suffix);
    return otc_slice_of(name, len);
}

/* All labels of a child, sorted: remote write wants them so, and `__name__` is one of them. */
static bool
make_labels(struct prw_set *set, const struct otc_prom_series *from, const struct child *child,
            struct prw_series *series)
{
    struct otc_prom_label *labels =
        prometheus_remote_write_set_alloc(set, (from->n_labels + 2) * sizeof(*labels));
    size_t n = 0;

    if (!labels) {
        return false;
    }
    labels[n++] = (struct otc_prom_label){otc_slice_str("__name__"),
                                          child_name(set, from, otc_slice_str(child->suffix))};
    if (child->label) {
        labels[n++] = (struct otc_prom_label){otc_slice_str(child->label), copy(set, child->value)};
    }
    for (size_t i = 0; i < from->n_labels; i++) {
        const struct otc_prom_label label = otc_prom_series_label(from, i);

        labels[n++] = (struct otc_prom_label){copy(set, label.name), copy(set, label.value)};
    }
    for (size_t i = 1; i < n; i++) {
        for (size_t k = i; k > 0 && otc_slice_compare(labels[k - 1].name, labels[k].name) > 0; k--) {
            struct otc_prom_label swap = labels[k];

            labels[k] = labels[k - 1];
            labels[k - 1] = swap;
        }
    }
    series->labels = labels;
    series->n_labels = n;
    return !set->no_memory;
}

/* Into set->key: the name and all labels of a child in their order, whatever metric it is of. */
static void
put_key(struct prw_set *set, const struct otc_prom_series *from, const struct child *child)
{
    struct otc_slice own = child->label ? otc_slice_str(child->label) : OTC_SLICE_NONE;
    bool pending = own.len > 0;

    otc_buf_clear(&set->key);
    otc_buf_append_slice(&set->key, from->name);
    otc_buf_append_str(&set->key, child->suffix);
    for (size_t i = 0; i <= from->n_labels; i++) {
        const struct otc_prom_label_place *place = &from->labels[i];
        bool last = i == from->n_labels;

        if (pending && (last || otc_slice_compare(otc_prom_series_label(from, i).name, own) > 0)) {
            otc_buf_append_byte(&set->key, OTC_PROM_KEY_BREAK);
            otc_buf_append_slice(&set->key, own);
            otc_buf_append_byte(&set->key, OTC_PROM_KEY_BREAK);
            otc_buf_append_slice(&set->key, child->value);
            pending = false;
        }
        if (!last) { /* a break, the name, a break, the value */
            otc_buf_append(&set->key, from->key.data + place->at - 1,
                           (size_t)place->name_len + place->value_len + 2);
        }
    }
    set->no_memory = set->no_memory || set->key.failed;
}

/* Under set->key. NULL out of memory. */
static struct prw_series *
new_series(struct prw_set *set, const struct otc_prom_series *from, const struct child *child,
           uint64_t origin)
{
    struct prw_series *series = prometheus_remote_write_set_alloc(set, sizeof(*series));

    if (!series || !make_labels(set, from, child, series) ||
        !otc_map_put(set->by_key, otc_buf_slice(&set->key), series)) {
        set->no_memory = true;
        return NULL;
    }
    series->type = from->type;
    series->kind = child->kind;
    series->origin = origin;
    series->family = copy(set, from->name);
    series->help = copy(set, from->help);
    series->unit = copy(set, from->unit);
    *set->last = series;
    set->last = &series->next;
    set->n_series++;
    return series;
}

/* The series of a child, made at its first point. NULL out of memory, or when another metric has it already.
 */
static struct prw_series *
find(struct prw_set *set, const struct otc_prom_series *from, const struct child *child)
{
    uint64_t origin = otc_hash64(from->origin, otc_map_seed());
    struct prw_series *series;

    put_key(set, from, child);
    if (set->no_memory) {
        return NULL;
    }
    series = otc_map_get(set->by_key, otc_buf_slice(&set->key));
    if (!series) {
        return new_series(set, from, child, origin);
    }
    if (series->origin != origin || series->type != from->type || series->kind != child->kind) {
        set->clashed = true;
        return NULL;
    }
    return series;
}

/* ---- Samples ------------------------------------------------------------------------------------ */

static int64_t
to_ms(uint64_t ns)
{
    return (int64_t)(ns / NS_PER_MS);
}

/* A start time that could be one: not after the sample. */
static int64_t
start_ms(const struct otc_point *point)
{
    return point->start_unix_nano <= point->time_unix_nano ? to_ms(point->start_unix_nano) : 0;
}

static bool
is_stale(const struct otc_point *point)
{
    return (point->flags & OTC_POINT_NO_RECORDED_VALUE) != 0;
}

/* The last one comes first; prometheus_remote_write_set_finish puts them in order. */
static void
push(struct prw_node **list, struct prw_node *node, int64_t ms)
{
    node->ms = ms;
    node->next = *list;
    *list = node;
}

/* `counts`: the series counts since the point's start. NULL as find. */
static struct prw_series *
put_sample(struct prw_set *set, const struct otc_prom_series *from, const struct child *child,
           const struct otc_point *point, double value, bool counts)
{
    struct prw_series *series = find(set, from, child);
    struct prw_sample *sample = series ? prometheus_remote_write_set_alloc(set, sizeof(*sample)) : NULL;

    if (!sample) {
        return NULL;
    }
    sample->bits = is_stale(point) ? PRW_STALE_NAN : otc_wire_double_bits(value);
    sample->start_ms = counts ? start_ms(point) : 0;
    push(&series->samples, &sample->node, to_ms(point->time_unix_nano));
    return series;
}

/* Seconds, as OpenMetrics has them. */
static void
put_created(struct prw_set *set, const struct otc_prom_series *from, const struct otc_point *point)
{
    static const struct child created = {.suffix = "_created", .kind = 's'};

    if (set->options->created && point->start_unix_nano > 0 && !is_stale(point)) {
        (void)put_sample(set, from, &created, point, (double)to_ms(point->start_unix_nano) / 1000, false);
    }
}

/* ---- Exemplars ---------------------------------------------------------------------------------- */

/* Copies of the labels, sorted as remote write wants them. */
static const struct otc_prom_label *
copy_labels(struct prw_set *set, const struct otc_prom_exemplar_parts *parts)
{
    struct otc_prom_label *labels =
        prometheus_remote_write_set_alloc(set, (parts->n_labels + 1) * sizeof(*labels));

    for (size_t i = 0; labels && i < parts->n_labels; i++) {
        struct otc_prom_label label = {copy(set, parts->labels[i].name), copy(set, parts->labels[i].value)};
        size_t k = i;

        for (; k > 0 && otc_slice_compare(labels[k - 1].name, label.name) > 0; k--) {
            labels[k] = labels[k - 1];
        }
        labels[k] = label;
    }
    return labels;
}

/* NULL out of memory, or when it has no value. */
static struct prw_exemplar *
read_exemplar(struct prw_set *set, struct otc_slice message)
{
    struct prw_exemplar *exemplar;

    if (!otc_prom_exemplar_parts_read(&set->exemplar, message)) {
        return NULL;
    }
    exemplar = prometheus_remote_write_set_alloc(set, sizeof(*exemplar));
    if (!exemplar) {
        return NULL;
    }
    exemplar->value = set->exemplar.value;
    exemplar->node.ms = to_ms(set->exemplar.time_unix_nano);
    exemplar->labels = copy_labels(set, &set->exemplar);
    exemplar->n_labels = set->exemplar.n_labels;
    return exemplar->labels ? exemplar : NULL;
}

static void
give_exemplar(struct prw_series *series, struct prw_exemplar *exemplar)
{
    push(&series->exemplars, &exemplar->node, exemplar->node.ms);
}

static void
put_exemplars(struct prw_set *set, struct prw_series *series, const struct otc_point *point)
{
    struct otc_slice rest = point->encoded, message;

    while (otc_messages_next(&rest, otc_prom_exemplar_field(point->type), &message)) {
        struct prw_exemplar *exemplar = read_exemplar(set, message);

        if (exemplar) {
            give_exemplar(series, exemplar);
        }
    }
}

/* ---- Points ------------------------------------------------------------------------------------- */

static void
put_number(struct prw_set *set, const struct otc_prom_series *from, const struct otc_point *point)
{
    static const struct child plain = {.suffix = "", .kind = 's'};
    bool counter = from->type == OTC_PROM_COUNTER;
    double value = point->value.type == OTC_VALUE_INT      ? (double)point->value.as.integer
                   : point->value.type == OTC_VALUE_DOUBLE ? point->value.as.real
                                                           : 0;
    struct prw_series *series;

    if (point->value.type == OTC_VALUE_ABSENT && !is_stale(point)) {
        set->dropped.invalid_values++;
        return;
    }
    series = put_sample(set, from, &plain, point, value, counter);
    if (series && counter) {
        put_exemplars(set, series, point);
        put_created(set, from, point);
    }
}

/* A bucket's series; NULL: another metric has it. */
struct bucket {
    struct prw_series *series;
};

/* Each exemplar of a histogram goes to the bucket that its value fell into. */
static void
put_bucket_exemplars(struct prw_set *set, const struct otc_point *point, const struct bucket *buckets)
{
    size_t n = point->explicit_bounds.n;
    struct otc_slice rest = point->encoded, message;

    while (otc_messages_next(&rest, otc_prom_exemplar_field(point->type), &message)) {
        struct prw_exemplar *exemplar = read_exemplar(set, message);
        size_t low = 0, high = n;

        while (exemplar && low < high) {
            size_t middle = low + (high - low) / 2;

            if (otc_words_double(&point->explicit_bounds, middle) < exemplar->value) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        if (exemplar && buckets[low].series) {
            give_exemplar(buckets[low].series, exemplar);
        }
    }
}

static void
put_buckets(struct prw_set *set, const struct otc_prom_series *from, const struct otc_point *point)
{
    struct otc_words_cursor bounds = {0}, counts = {0};
    struct bucket *buckets =
        prometheus_remote_write_set_alloc(set, (point->explicit_bounds.n + 1) * sizeof(*buckets));
    struct child child = {.suffix = "_bucket", .label = "le", .kind = 's'};
    uint64_t bound = 0, count = 0, total = 0;
    size_t i = 0;

    while (!set->no_memory && otc_words_next(&point->explicit_bounds, &bounds, &bound)) {
        OTC_AUTO_BUF struct otc_buf le = {.limit = 512};

        if (otc_words_next(&point->bucket_counts, &counts, &count)) {
            total += count;
        }
        prometheus_remote_write_put_plain(&le, otc_wire_bits_double(bound));
        child.value = otc_buf_slice(&le);
        buckets[i++].series = put_sample(set, from, &child, point, (double)total, true);
    }
    if (!set->no_memory) {
        child.value = otc_slice_str("+Inf");
        buckets[i].series = put_sample(set, from, &child, point, (double)point->count, true);
        put_bucket_exemplars(set, point, buckets);
    }
}

static bool
has_sound_buckets(const struct otc_point *point)
{
    struct otc_words_cursor cursor = {0};
    size_t bounds = point->explicit_bounds.n, counts = point->bucket_counts.n;
    double last = -INFINITY;
    uint64_t bits;

    if (bounds > MAX_BOUNDS || !(counts == bounds + 1 || (counts == 0 && bounds == 0) || is_stale(point))) {
        return false;
    }
    while (otc_words_next(&point->explicit_bounds, &cursor, &bits)) {
        double bound = otc_wire_bits_double(bits);

        if (!(bound > last)) { /* NaN too */
            return false;
        }
        last = bound;
    }
    return true;
}

/* False: it has no such form, which is counted. */
static bool
put_native(struct prw_set *set, const struct otc_prom_series *from, const struct otc_point *point,
           bool (*encode)(const struct otc_point *point, struct otc_buf *out))
{
    static const struct child native = {.suffix = "", .kind = 'h'};
    OTC_AUTO_BUF struct otc_buf encoded = {.limit = (size_t)16 << 20};
    struct prw_histogram *histogram;
    struct prw_series *series;

    if (!encode(point, &encoded)) {
        set->dropped.unsupported++;
        return false;
    }
    series = find(set, from, &native);
    histogram = series ? prometheus_remote_write_set_alloc(set, sizeof(*histogram)) : NULL;
    if (!histogram) {
        return false;
    }
    histogram->encoded = copy(set, otc_buf_slice(&encoded));
    histogram->start_ms = start_ms(point);
    push(&series->histograms, &histogram->node, to_ms(point->time_unix_nano));
    put_exemplars(set, series, point);
    return true;
}

static void
put_histogram(struct prw_set *set, const struct otc_prom_series *from, const struct otc_point *point)
{
    static const struct child sum = {.suffix = "_sum", .kind = 's'},
                              count = {.suffix = "_count", .kind = 's'};

    if (!has_sound_buckets(point)) {
        set->dropped.invalid_values++;
        return;
    }
    if (set->options->nhcb) {
        (void)put_native(set, from, point, prometheus_remote_write_custom_histogram);
    }
    if (set->options->classic) {
        if (point->has_sum || is_stale(point)) {
            (void)put_sample(set, from, &sum, point, point->sum, true);
        }
        (void)put_sample(set, from, &count, point, (double)point->count, true);
        put_buckets(set, from, point);
    }
    put_created(set, from, point);
}

static void
put_exponential(struct prw_set *set, const struct otc_prom_series *from, const struct otc_point *point)
{
    if (put_native(set, from, point, prometheus_remote_write_native_histogram)) {
        put_created(set, from, point);
    }
}

static void
put_summary(struct prw_set *set, const struct otc_prom_series *from, const struct otc_point *point)
{
    static const struct child sum = {.suffix = "_sum", .kind = 's'},
                              count = {.suffix = "_count", .kind = 's'};
    struct child child = {.suffix = "", .label = "quantile", .kind = 's'};
    struct otc_slice rest = point->encoded, message;

    (void)put_sample(set, from, &sum, point, point->sum, true);
    (void)put_sample(set, from, &count, point, (double)point->count, true);
    while (otc_messages_next(&rest, 6, &message)) {
        OTC_AUTO_BUF struct otc_buf quantile = {.limit = 512};

        prometheus_remote_write_put_plain(&quantile, otc_wire_bits_double(otc_message_scalar(message, 1, 0)));
        child.value = otc_buf_slice(&quantile);
        (void)put_sample(set, from, &child, point, otc_wire_bits_double(otc_message_scalar(message, 2, 0)),
                         false);
    }
    put_created(set, from, point);
}

/* Into set->key: what there is one target_info of. No name of a series begins so. */
static struct otc_slice
put_identity(struct prw_set *set, const struct otc_prom_series *target)
{
    otc_buf_clear(&set->key);
    otc_buf_append_byte(&set->key, OTC_PROM_KEY_BREAK);
    otc_buf_append_slice(&set->key, target->key);
    set->no_memory = set->no_memory || set->key.failed;
    return otc_buf_slice(&set->key);
}

/* The target_info of a (job, instance): of several resources the first. NULL as find. */
static struct prw_series *
find_target(struct prw_set *set, const struct otc_prom_series *target)
{
    static const struct child info = {.suffix = "", .kind = 't'};
    struct prw_series *series = otc_map_get(set->by_key, put_identity(set, target));

    if (series || set->no_memory) {
        return series;
    }
    series = find(set, target, &info);
    if (series && !otc_map_put(set->by_key, put_identity(set, target), series)) {
        set->no_memory = true;
        return NULL;
    }
    return series;
}

/* target_info, at the time of the latest point of its resource. */
static void
put_target(struct prw_set *set, const struct otc_prom_series *target, const struct otc_point *point)
{
    struct prw_series *series = find_target(set, target);
    int64_t ms = to_ms(point->time_unix_nano);

    if (series && !series->samples) {
        struct prw_sample *sample = prometheus_remote_write_set_alloc(set, sizeof(*sample));

        if (sample) {
            sample->bits = otc_wire_double_bits(1);
            push(&series->samples, &sample->node, ms);
        }
    } else if (series && ms > series->samples->ms) {
        series->samples->ms = ms;
    }
}

static bool
is_cumulative(const struct otc_point *point)
{
    return point->type == OTC_METRIC_GAUGE || point->type == OTC_METRIC_SUMMARY ||
           point->temporality == OTC_TEMPORALITY_CUMULATIVE;
}

static void
put_point(struct prw_set *set, const struct otc_prom_series *from, const struct otc_point *point)
{
    switch (point->type) {
    case OTC_METRIC_GAUGE:
    case OTC_METRIC_SUM:
        put_number(set, from, point);
        break;
    case OTC_METRIC_HISTOGRAM:
        put_histogram(set, from, point);
        break;
    case OTC_METRIC_EXPONENTIAL_HISTOGRAM:
        put_exponential(set, from, point);
        break;
    case OTC_METRIC_SUMMARY:
        put_summary(set, from, point);
        break;
    case OTC_METRIC_NONE:
        break;
    }
}

static bool
on_point(void *arg, const struct otc_point *point)
{
    struct prw_set *set = arg;
    struct otc_prom_series *series = NULL;

    if (!is_cumulative(point)) {
        set->dropped.unsupported++;
        return true;
    }
    switch (otc_prom_translator_series(set->translator, point, &series)) {
    case OTC_PROM_OK:
        set->clashed = false;
        put_point(set, series, point);
        if (series->target && set->options->target_info) {
            put_target(set, series->target, point);
        }
        set->dropped.duplicates += set->clashed;
        otc_prom_series_unref(series);
        break;
    case OTC_PROM_NO_MEMORY:
        set->no_memory = true;
        break;
    case OTC_PROM_INVALID_NAME:
        set->dropped.invalid_names++;
        break;
    case OTC_PROM_INVALID_VALUE:
        set->dropped.invalid_values++;
        break;
    case OTC_PROM_UNSUPPORTED:
        set->dropped.unsupported++;
        break;
    }
    return !set->no_memory;
}

otc_status
prometheus_remote_write_set_add(struct prw_set *set, struct otc_slice request, struct otc_error *err)
{
    otc_status status;

    otc_prom_translator_reset(set->translator);
    status = otc_walk_points(NULL, request, on_point, set, err);
    if (status == OTC_OK && set->no_memory) {
        return otc_fail(err, OTC_UNAVAILABLE, "out of memory for the series of a batch");
    }
    return status;
}

/* ---- Order -------------------------------------------------------------------------------------- */

static struct prw_node *
merge(struct prw_node *a, struct prw_node *b)
{
    struct prw_node *merged = NULL, **at = &merged;

    while (a && b) {
        struct prw_node **smaller = b->ms < a->ms ? &b : &a;

        *at = *smaller;
        at = &(*at)->next;
        *smaller = *at;
    }
    *at = a ? a : b;
    return merged;
}

/* Merge sort from below: runs[i] holds 2^i nodes. Stable, so that of equal times the one that came last stays
 * first.
 */
static struct prw_node *
sorted(struct prw_node *list)
{
    struct prw_node *runs[64] = {NULL}, *all = NULL;

    while (list) {
        struct prw_node *run = list;
        size_t i = 0;

        list = list->next;
        run->next = NULL;
        for (; runs[i]; i++) {
            run = merge(runs[i], run);
            runs[i] = NULL;
        }
        runs[i] = run;
    }
    for (size_t i = 0; i < 64; i++) {
        all = merge(runs[i], all);
    }
    return all;
}

static void
drop_equal_times(struct prw_node *list)
{
    for (; list; list = list->next) {
        while (list->next && list->next->ms == list->ms) {
            list->next = list->next->next;
        }
    }
}

void
prometheus_remote_write_set_finish(struct prw_set *set)
{
    for (struct prw_series *series = set->first; series; series = series->next) {
        series->samples = sorted(series->samples);
        series->histograms = sorted(series->histograms);
        series->exemplars = sorted(series->exemplars);
        drop_equal_times(series->samples);
        drop_equal_times(series->histograms);
    }
}
