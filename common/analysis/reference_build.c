// SPDX-License-Identifier: Apache-2.0
#include "common/analysis/evaluate.h"
#include "common/analysis/reference_binned.h"
#include "common/analysis/reference_components.h"
#include "common/analysis/reference_internal.h"
#include "common/analysis/reference_points.h"
#include "common/base/codec.h"
#include "common/base/map.h"

#include <math.h>

/** Distinct categories told apart while building; what comes later is pooled. */
#define MAX_DISTINCT_CATEGORIES 1000000

/** A category while it is being counted: the map's key is its name. */
struct counter {
    struct otc_slice name; /* malloced */
    uint64_t count;
    size_t rank; /* place in the finished list; SIZE_MAX: pooled */
};

/** One column. Categorical: `samples` hold indices into `counters` and only when the order of rows is known.
 */
struct column {
    struct otc_slice name; /* malloced */
    enum otc_feature_type type;
    enum otc_feature_kind kind;
    uint64_t seen, missing, invalid;
    struct otc__sample *samples;
    size_t n_samples, capacity;
    bool order_known;
    struct otc__binned *binned; /* numeric, in place of the samples */
    struct otc_map *categories; /* name -> index + 1 */
    struct counter *counters;
    size_t n_counters, counters_capacity;
    uint64_t pooled;
    size_t max_categories; /* kept when finished; 0: all */
    uint32_t *vocabulary;
    size_t n_vocabulary;
    double *center;
    size_t n_center;
    struct otc_components_builder *components;
};

struct otc_reference_builder {
    struct otc_reference_limits limits;
    size_t max_features;
    struct column *columns;
    size_t n_columns, capacity;
    uint64_t random;
    uint64_t rows;
    char source_hash[33];
};

struct otc_reference_builder *
otc_reference_builder_new(const struct otc_reference_limits *limits, size_t max_features)
{
    struct otc_reference_builder *builder = calloc(1, sizeof(*builder));

    if (builder) {
        builder->limits = *limits;
        builder->max_features = max_features;
        builder->random = UINT64_C(0x9e3779b97f4a7c15);
    }
    return builder;
}

static void
column_release(struct column *column)
{
    for (size_t i = 0; i < column->n_counters; i++) {
        free((void *)(uintptr_t)column->counters[i].name.data);
    }
    free(column->counters);
    otc_map_free(column->categories, NULL);
    free(column->samples);
    free(column->vocabulary);
    free(column->center);
    otc_components_builder_free(column->components);
    otc__binned_free(column->binned);
    free((void *)(uintptr_t)column->name.data);
}

void
otc_reference_builder_free(struct otc_reference_builder *builder)
{
    for (size_t i = 0; builder && i < builder->n_columns; i++) {
        column_release(&builder->columns[i]);
    }
    if (builder) {
        free(builder->columns);
        free(builder);
    }
}

/** The array, moved when it has no room for one more element; NULL out of memory, and the array stays. */
static void *
grown(void *array, size_t n, size_t *capacity, size_t size)
{
    size_t wanted = *capacity ? *capacity * 2 : 64;
    void *more;

    if (n < *capacity) {
        return array;
    }
    more = reallocarray(array, wanted, size);
    *capacity = more ? wanted : *capacity;
    return more;
}

static bool
copy_slice(struct otc_slice from, struct otc_slice *to)
{
    uint8_t *copy = malloc(from.len + 1);

    if (!copy) {
        return false;
    }
    if (from.len > 0) {
        memcpy(copy, from.data, from.len);
    }
    copy[from.len] = 0;
    *to = otc_slice_of(copy, from.len);
    return true;
}

static bool
push_sample(struct column *column, struct otc__sample sample)
{
    struct otc__sample *samples =
        grown(column->samples, column->n_samples, &column->capacity, sizeof(*samples));

    if (!samples) {
        return false;
    }
    column->samples = samples;
    samples[column->n_samples++] = sample;
    return true;
}

/** Takes the counter, whose name is copied. */
static bool
push_counter(struct column *column, struct otc_slice name, uint64_t count)
{
    struct counter *counters =
        grown(column->counters, column->n_counters, &column->counters_capacity, sizeof(*counters));
    struct counter counter = {.count = count, .rank = SIZE_MAX};

    if (!counters) {
        return false;
    }
    column->counters = counters;
    if (!copy_slice(name, &counter.name)) {
        return false;
    }
    counters[column->n_counters++] = counter;
    return true;
}

size_t
otc_reference_builder_feature(struct otc_reference_builder *builder, struct otc_slice name,
                              enum otc_feature_type type, enum otc_feature_kind kind)
{
    struct column column = {
        .type = type, .kind = kind, .order_known = true, .max_categories = builder->limits.max_categories};
    struct column *columns;

    for (size_t i = 0; i < builder->n_columns; i++) {
        if (builder->columns[i].kind == kind && otc_slice_equal(builder->columns[i].name, name)) {
            return i;
        }
    }
    columns = builder->n_columns < builder->max_features
                  ? grown(builder->columns, builder->n_columns, &builder->capacity, sizeof(column))
                  : NULL;
    if (!columns) {
        return SIZE_MAX;
    }
    builder->columns = columns;
    if (!copy_slice(name, &column.name)) {
        return SIZE_MAX;
    }
    if (type == OTC_CATEGORICAL && !(column.categories = otc_map_new(MAX_DISTINCT_CATEGORIES))) {
        free((void *)(uintptr_t)column.name.data);
        return SIZE_MAX;
    }
    builder->columns[builder->n_columns] = column;
    return builder->n_columns++;
}

void
otc_reference_builder_max_categories(struct otc_reference_builder *builder, size_t feature, size_t max)
{
    builder->columns[feature].max_categories = max;
}

bool
otc_reference_builder_vocabulary(struct otc_reference_builder *builder, size_t feature, const uint32_t *words,
                                 size_t n)
{
    struct column *column = &builder->columns[feature];

    free(column->vocabulary);
    column->n_vocabulary = 0;
    column->vocabulary = calloc(n + 1, sizeof(*words));
    if (!column->vocabulary) {
        return false;
    }
    memcpy(column->vocabulary, words, n * sizeof(*words));
    column->n_vocabulary = n;
    return true;
}

bool
otc_reference_builder_center(struct otc_reference_builder *builder, size_t feature, const double *center,
                             size_t n)
{
    struct column *column = &builder->columns[feature];

    free(column->center);
    column->n_center = 0;
    column->center = calloc(n + 1, sizeof(*center));
    if (!column->center) {
        return false;
    }
    memcpy(column->center, center, n * sizeof(*center));
    column->n_center = n;
    return true;
}

void
otc_reference_builder_components(struct otc_reference_builder *builder, size_t feature,
                                 struct otc_components_builder *components)
{
    builder->columns[feature].components = components;
}

/* Copies what the components are, when they were counted. */
static bool
finish_components(const struct column *column, struct otc_arena *arena, struct otc_reference_feature *out)
{
    struct otc_components counted;

    if (!column->components || column->n_center == 0) {
        return true;
    }
    counted = otc_components_builder_result(column->components);
    if (counted.vectors == 0) {
        return true;
    }
    out->components = otc__components_copy(&counted, arena);
    return out->components != NULL;
}

/* Copies the mean vector, when there is one. */
static bool
finish_center(const struct column *column, struct otc_arena *arena, struct otc_reference_feature *out)
{
    double *copy;

    if (column->n_center == 0) {
        return true;
    }
    copy = otc_arena_alloc(arena, column->n_center * sizeof(*copy));
    if (!copy) {
        return false;
    }
    memcpy(copy, column->center, column->n_center * sizeof(*copy));
    out->center = copy;
    out->n_center = column->n_center;
    return true;
}

/* Copies the vocabulary, when there is one. */
static bool
finish_vocabulary(const struct column *column, struct otc_arena *arena, struct otc_reference_feature *out)
{
    uint32_t *copy;

    if (column->n_vocabulary == 0) {
        return true;
    }
    copy = otc_arena_alloc(arena, column->n_vocabulary * sizeof(*copy));
    if (!copy) {
        return false;
    }
    memcpy(copy, column->vocabulary, column->n_vocabulary * sizeof(*copy));
    out->vocabulary = copy;
    out->n_vocabulary = column->n_vocabulary;
    return true;
}

/** Records of a column so far; the longest column tells the rows. */
static void
count_row(struct otc_reference_builder *builder, const struct column *column)
{
    uint64_t records = column->seen + column->missing + column->invalid;

    builder->rows = records > builder->rows ? records : builder->rows;
}

/** xorshift64*: which values a full column keeps is random but the same at each run. */
static uint64_t
next_random(struct otc_reference_builder *builder)
{
    builder->random ^= builder->random >> 12;
    builder->random ^= builder->random << 25;
    builder->random ^= builder->random >> 27;
    return builder->random * UINT64_C(0x2545f4914f6cdd1d);
}

/** Keeps a sample: all of them up to max_values, then each with equal chance (algorithm R). `column->seen`
 * counts it already. */
static bool
keep_sample(struct otc_reference_builder *builder, struct column *column, double value, int64_t time_ns)
{
    size_t limit = builder->limits.max_values;
    struct otc__sample sample = {value, time_ns};

    column->order_known = column->order_known && time_ns != INT64_MIN;
    if (limit > 0 && column->n_samples >= limit) {
        uint64_t at = next_random(builder) % column->seen;

        if (at < limit) {
            column->samples[at] = sample;
        }
        return true;
    }
    return push_sample(column, sample);
}

static bool
add_category(struct otc_reference_builder *builder, struct column *column, struct otc_slice text,
             int64_t time_ns)
{
    size_t index = (uintptr_t)otc_map_get(column->categories, text);
    bool full = column->n_counters >= MAX_DISTINCT_CATEGORIES;

    if (index == 0 && !full) {
        if (!push_counter(column, text, 0)) {
            return false;
        }
        index = column->n_counters;
        if (!otc_map_put(column->categories, text, (void *)(uintptr_t)index)) {
            return false;
        }
    }
    column->seen++;
    if (index == 0) {
        column->pooled++;
        column->order_known = false;
        return true;
    }
    column->counters[index - 1].count++;
    column->order_known = column->order_known && time_ns != INT64_MIN;
    return !column->order_known || keep_sample(builder, column, (double)(index - 1), time_ns);
}

bool
otc_reference_builder_number(struct otc_reference_builder *builder, size_t feature, double value,
                             int64_t time_ns)
{
    struct column *column = &builder->columns[feature];
    char text[32];
    bool kept = true;

    if (isnan(value)) {
        column->missing++;
    } else if (isinf(value)) {
        column->invalid++;
    } else if (column->type == OTC_CATEGORICAL) {
        size_t len = otc_canonical_number(value, text);

        kept = add_category(builder, column, otc_slice_of(text, len), time_ns);
    } else {
        column->seen++;
        kept = keep_sample(builder, column, value + 0.0, time_ns); /* -0 becomes 0 */
    }
    count_row(builder, column);
    return kept;
}

bool
otc_reference_builder_text(struct otc_reference_builder *builder, size_t feature, struct otc_slice value,
                           int64_t time_ns)
{
    struct column *column = &builder->columns[feature];
    bool kept = true;

    if (value.len == 0) {
        column->missing++;
    } else if (column->type == OTC_NUMERIC) {
        column->invalid++;
    } else {
        kept = add_category(builder, column, value, time_ns);
    }
    count_row(builder, column);
    return kept;
}

bool
otc_reference_builder_takes_buckets(const struct otc_reference_builder *builder, size_t feature,
                                    const struct otc_buckets *buckets)
{
    const struct column *column = &builder->columns[feature];

    return column->binned ? otc__binned_takes(column->binned, buckets)
                          : column->type == OTC_NUMERIC && column->n_samples == 0;
}

bool
otc_reference_builder_is_binned(const struct otc_reference_builder *builder, size_t feature)
{
    return builder->columns[feature].binned != NULL;
}

bool
otc_reference_builder_buckets(struct otc_reference_builder *builder, size_t feature,
                              const struct otc_buckets *buckets, int64_t time_ns)
{
    struct column *column = &builder->columns[feature];

    if (!column->binned) {
        column->binned = otc__binned_new(buckets);
    }
    if (!column->binned || !otc__binned_add(column->binned, buckets, time_ns)) {
        return false;
    }
    column->seen += buckets->total;
    count_row(builder, column);
    return true;
}

void
otc_reference_builder_missing(struct otc_reference_builder *builder, size_t feature)
{
    builder->columns[feature].missing++;
    count_row(builder, &builder->columns[feature]);
}

void
otc_reference_builder_invalid(struct otc_reference_builder *builder, size_t feature)
{
    builder->columns[feature].invalid++;
    count_row(builder, &builder->columns[feature]);
}

uint64_t
otc_reference_builder_observations(const struct otc_reference_builder *builder, size_t feature)
{
    return builder->columns[feature].seen;
}

void
otc_reference_builder_source_hash(struct otc_reference_builder *builder, const char hex[33])
{
    memcpy(builder->source_hash, hex, sizeof(builder->source_hash));
    builder->source_hash[32] = 0;
}

/** What is sorted in place of the counters, which must keep their numbers. */
struct ranked {
    struct counter *counter;
};

/** Most frequent first, then by name. */
static int
by_count(const void *a, const void *b)
{
    const struct counter *x = ((const struct ranked *)a)->counter;
    const struct counter *y = ((const struct ranked *)b)->counter;

    return x->count != y->count ? (x->count < y->count) - (x->count > y->count)
                                : otc_slice_compare(x->name, y->name);
}

/** Design effect of categories over the time blocks of the samples. */
static double
category_design_effect(struct column *column, size_t kept)
{
    size_t ends[OTC__TIME_BLOCKS];
    size_t blocks = 0;
    size_t width = kept + 1;
    uint64_t *counts;
    double effect = 1;

    if (!column->order_known || column->n_samples == 0) {
        return 1;
    }
    blocks = otc__time_blocks(column->samples, column->n_samples, ends);
    counts = calloc(blocks * width + 1, sizeof(*counts));
    if (!counts) {
        return 1;
    }
    for (size_t i = 0, block = 0; i < column->n_samples && blocks > 0; i++) {
        size_t rank = column->counters[(size_t)column->samples[i].value].rank;

        block += i >= ends[block];
        counts[block * width + (rank == SIZE_MAX ? kept : rank)]++;
    }
    effect = otc_design_effect_categorical(counts, blocks, width);
    free(counts);
    return effect;
}

/** Puts the most frequent categories in order; the others are pooled. */
static bool
finish_categories(const struct otc_reference_builder *builder, struct column *column, struct otc_arena *arena,
                  struct otc_reference_feature *out)
{
    size_t limit = column->max_categories;
    struct ranked *order = calloc(column->n_counters + 1, sizeof(*order));
    bool done = order != NULL;

    for (size_t i = 0; order && i < column->n_counters; i++) {
        order[i].counter = &column->counters[i];
    }
    if (order) {
        qsort(order, column->n_counters, sizeof(*order), by_count);
        limit = limit == 0 || limit > column->n_counters ? column->n_counters : limit;
        out->categories = otc_arena_alloc(arena, (limit + 1) * sizeof(*out->categories));
        done = out->categories != NULL;
    }
    out->observations = column->seen;
    out->other = column->pooled;
    for (size_t i = 0; done && i < column->n_counters; i++) {
        struct otc_slice name;

        if (i >= limit || order[i].counter->count < builder->limits.min_count) {
            out->other += order[i].counter->count;
            continue;
        }
        name = otc_arena_copy(arena, order[i].counter->name);
        done = name.data != NULL;
        order[i].counter->rank = out->n_categories;
        out->categories[out->n_categories++] = (struct otc_category){name, order[i].counter->count};
    }
    free(order);
    if (done) {
        out->design_effect = category_design_effect(column, out->n_categories);
    }
    return done;
}

static otc_status
finish_column(struct otc_reference_builder *builder, struct column *column, struct otc_arena *arena,
              struct otc_reference_feature *out, struct otc_error *err)
{
    bool done;

    *out = (struct otc_reference_feature){
        .type = column->type,
        .kind = column->kind,
        .missing = column->missing,
        .invalid = column->invalid,
        .values = column->seen,
        .design_effect = 1,
        .name = otc_arena_copy(arena, column->name),
    };
    if (column->type == OTC_NUMERIC && builder->limits.min_count > 1 && column->n_samples > 0 &&
        column->n_samples < 2 * builder->limits.min_count) {
        return otc_fail(err, OTC_FAILED_PRECONDITION,
                        "feature '%.*s' has %zu values: with a minimum count of %llu it needs at least %llu",
                        OTC_SLICE_ARG(column->name), column->n_samples,
                        (unsigned long long)builder->limits.min_count,
                        2 * (unsigned long long)builder->limits.min_count);
    }
    if (column->binned) {
        done = otc__binned_finish(column->binned, builder->limits.bins, arena, out);
    } else if (column->type == OTC_NUMERIC) {
        done = otc__points_finish(column->samples, column->n_samples, column->order_known, &builder->limits,
                                  arena, out);
    } else {
        done = finish_categories(builder, column, arena, out);
    }
    return done && finish_vocabulary(column, arena, out) && finish_center(column, arena, out) &&
                   finish_components(column, arena, out)
               ? OTC_OK
               : otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
}

otc_status
otc_reference_builder_finish(struct otc_reference_builder *builder, struct otc_slice model,
                             const char *source, int64_t created_ns, struct otc_reference **out,
                             struct otc_error *err)
{
    struct otc_reference *reference = otc__reference_new();
    struct otc_arena *arena = reference ? otc__reference_arena(reference) : NULL;
    otc_status status = OTC_OK;

    if (reference) {
        reference->features = otc_arena_alloc(arena, (builder->n_columns + 1) * sizeof(*reference->features));
        reference->model = otc_arena_copy(arena, model);
        reference->source = otc_arena_copy(arena, otc_slice_str(source));
    }
    if (!reference || !reference->features) {
        otc_reference_unref(reference);
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    reference->created_ns = created_ns;
    reference->rows = builder->rows;
    memcpy(reference->source_hash, builder->source_hash, sizeof(reference->source_hash));
    for (size_t i = 0; status == OTC_OK && i < builder->n_columns; i++) {
        status = finish_column(builder, &builder->columns[i], arena, &reference->features[i], err);
        reference->n_features++;
    }
    if (status == OTC_OK) {
        status = otc__reference_index(reference, err);
    }
    if (status == OTC_OK) {
        status = otc__reference_hash(reference, reference->hash, err);
    }
    if (status != OTC_OK) {
        otc_reference_unref(reference);
        return status;
    }
    *out = reference;
    return OTC_OK;
}

/* ---- Across a restart ----------------------------------------------------------------------------- */

static void
save_column(const struct column *column, struct otc_buf *out)
{
    otc_put_bytes(out, column->name);
    otc_put_u64(out, column->type);
    otc_put_u64(out, column->kind);
    otc_put_u64(out, column->seen);
    otc_put_u64(out, column->missing);
    otc_put_u64(out, column->invalid);
    otc_put_bool(out, column->order_known);
    otc_put_u64(out, column->pooled);
    otc_put_u64(out, column->max_categories);
    otc_put_u64(out, column->n_samples);
    for (size_t i = 0; i < column->n_samples; i++) {
        otc_put_f64(out, column->samples[i].value);
        otc_put_i64(out, column->samples[i].time_ns);
    }
    otc_put_u64(out, column->n_counters);
    for (size_t i = 0; i < column->n_counters; i++) {
        otc_put_bytes(out, column->counters[i].name);
        otc_put_u64(out, column->counters[i].count);
    }
    otc_put_bool(out, column->binned != NULL);
    if (column->binned) {
        otc__binned_save(column->binned, out);
    }
}

void
otc_reference_builder_save(const struct otc_reference_builder *builder, struct otc_buf *out)
{
    otc_put_u64(out, builder->random);
    otc_put_u64(out, builder->rows);
    otc_put_u64(out, builder->n_columns);
    for (size_t i = 0; i < builder->n_columns; i++) {
        save_column(&builder->columns[i], out);
    }
}

static bool
load_samples(struct column *column, struct otc_reader *in)
{
    size_t n = otc_take_count(in, 9);

    for (size_t i = 0; i < n; i++) {
        struct otc__sample sample;

        sample.value = otc_take_f64(in);
        sample.time_ns = otc_take_i64(in);
        if (!push_sample(column, sample)) {
            return false;
        }
    }
    return !in->failed;
}

static bool
load_counters(struct column *column, struct otc_reader *in)
{
    size_t n = otc_take_count(in, 2);

    for (size_t i = 0; i < n; i++) {
        struct otc_slice name = otc_take_bytes(in);
        uint64_t count = otc_take_u64(in);

        if (!column->categories || !push_counter(column, name, count) ||
            !otc_map_put(column->categories, name, (void *)(uintptr_t)column->n_counters)) {
            return false;
        }
    }
    return !in->failed;
}

/** Samples of categories are places among the counters. */
static bool
samples_fit(const struct column *column)
{
    for (size_t i = 0; column->type == OTC_CATEGORICAL && i < column->n_samples; i++) {
        double place = column->samples[i].value;

        if (!(place >= 0 && place < (double)column->n_counters)) {
            return false;
        }
    }
    return true;
}

static bool
load_column(struct otc_reference_builder *builder, struct otc_reader *in)
{
    struct otc_slice name = otc_take_bytes(in);
    uint64_t type = otc_take_u64(in), kind = otc_take_u64(in);
    size_t index = in->failed || type > OTC_CATEGORICAL
                       ? SIZE_MAX
                       : otc_reference_builder_feature(builder, name, (enum otc_feature_type)type,
                                                       (enum otc_feature_kind)kind);
    struct column *column;

    if (index == SIZE_MAX || index + 1 != builder->n_columns) {
        return false;
    }
    column = &builder->columns[index];
    column->seen = otc_take_u64(in);
    column->missing = otc_take_u64(in);
    column->invalid = otc_take_u64(in);
    column->order_known = otc_take_bool(in);
    column->pooled = otc_take_u64(in);
    column->max_categories = otc_take_u64(in);
    if (!load_samples(column, in) || !load_counters(column, in) || !samples_fit(column)) {
        return false;
    }
    if (otc_take_bool(in)) {
        column->binned = column->type == OTC_NUMERIC && column->n_samples == 0 ? otc__binned_load(in) : NULL;
        return column->binned != NULL;
    }
    return !in->failed;
}

bool
otc_reference_builder_load(struct otc_reference_builder *builder, struct otc_reader *in)
{
    size_t n;

    builder->random = otc_take_u64(in);
    builder->rows = otc_take_u64(in);
    n = otc_take_count(in, 9);
    for (size_t i = 0; i < n; i++) {
        if (!load_column(builder, in)) {
            return false;
        }
    }
    return !in->failed;
}
