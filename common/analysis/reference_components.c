// SPDX-License-Identifier: Apache-2.0
#include "common/analysis/reference_components.h"

#include "common/base/sort.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct otc_components_builder {
    size_t n, n_sample;
    bool fixed;
    uint64_t vectors;
    double *sample; /* component by component, OTC_COMPONENT_SAMPLE each; then of no use */
    double *points, *sums, *squares, *means, *deviations;
    uint64_t *counts;
};

/* Doubles a component takes, its counts too. */
#define WORDS (OTC_COMPONENT_SAMPLE + OTC_COMPONENT_POINTS + 2 * OTC_COMPONENT_CELLS + 3)

size_t
otc_components_builder_bytes(size_t n)
{
    return sizeof(struct otc_components_builder) + n * WORDS * sizeof(double);
}

struct otc_components_builder *
otc_components_builder_new(size_t n)
{
    struct otc_components_builder *builder = calloc(1, otc_components_builder_bytes(n));

    if (!builder) {
        return NULL;
    }
    builder->n = n;
    builder->sample = (double *)(builder + 1);
    builder->points = builder->sample + n * OTC_COMPONENT_SAMPLE;
    builder->sums = builder->points + n * OTC_COMPONENT_POINTS;
    builder->squares = builder->sums + n * OTC_COMPONENT_CELLS;
    builder->means = builder->squares + n;
    builder->deviations = builder->means + n;
    builder->counts = (uint64_t *)(builder->deviations + n);
    return builder;
}

void
otc_components_builder_free(struct otc_components_builder *builder)
{
    free(builder);
}

static double
component_at(const void *vector, size_t i)
{
    double value;

    memcpy(&value, (const uint8_t *)vector + i * sizeof(value), sizeof(value));
    return value;
}

void
otc_components_builder_sample(struct otc_components_builder *builder, const void *vector)
{
    if (builder->n_sample == OTC_COMPONENT_SAMPLE) {
        return;
    }
    for (size_t i = 0; i < builder->n; i++) {
        builder->sample[i * OTC_COMPONENT_SAMPLE + builder->n_sample] = component_at(vector, i);
    }
    builder->n_sample++;
}

static void
fix_points(struct otc_components_builder *builder)
{
    for (size_t i = 0; i < builder->n; i++) {
        double *values = builder->sample + i * OTC_COMPONENT_SAMPLE;

        otc_sort_doubles(values, builder->n_sample);
        otc_component_points(values, builder->n_sample, builder->points + i * OTC_COMPONENT_POINTS);
    }
    builder->fixed = true;
}

void
otc_components_builder_count(struct otc_components_builder *builder, const void *vector)
{
    if (!builder->fixed) {
        fix_points(builder);
    }
    builder->vectors++;
    for (size_t i = 0; i < builder->n; i++) {
        const double *points = builder->points + i * OTC_COMPONENT_POINTS;
        double value = component_at(vector, i), apart = value - builder->means[i];
        size_t cell = otc_component_cell(points, value);

        builder->counts[i * OTC_COMPONENT_CELLS + cell]++;
        builder->sums[i * OTC_COMPONENT_CELLS + cell] += value - otc_cells_gap_origin(points, cell);
        builder->means[i] += apart / (double)builder->vectors;
        builder->squares[i] += apart * (value - builder->means[i]);
    }
}

struct otc_components
otc_components_builder_result(struct otc_components_builder *builder)
{
    for (size_t i = 0; i < builder->n && builder->vectors > 0; i++) {
        builder->deviations[i] = sqrt(builder->squares[i] / (double)builder->vectors);
    }
    return (struct otc_components){.n = builder->n,
                                   .vectors = builder->vectors,
                                   .deviations = builder->deviations,
                                   .points = builder->points,
                                   .counts = builder->counts,
                                   .sums = builder->sums};
}

/* Sums of the values themselves, of the former form, become sums from the cells' origins. */
static void
take_origins(const double *points, const uint64_t *counts, size_t n, double *sums)
{
    for (size_t i = 0; i < n * OTC_COMPONENT_CELLS; i++) {
        const double *of = points + i / OTC_COMPONENT_CELLS * OTC_COMPONENT_POINTS;

        sums[i] -= (double)counts[i] * otc_cells_gap_origin(of, i % OTC_COMPONENT_CELLS);
    }
}

/* ---- Across a restart ----------------------------------------------------------------------------- */

/* Beside the sample's size: the sums are from the cells' origins, as they were not always. */
#define FROM_ORIGINS (UINT64_C(1) << 32)

static void
put_numbers(struct otc_buf *out, const double *numbers, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        otc_put_f64(out, numbers[i]);
    }
}

void
otc_components_builder_save(const struct otc_components_builder *builder, struct otc_buf *out)
{
    size_t n = builder->n;

    otc_put_u64(out, builder->n_sample | FROM_ORIGINS);
    otc_put_bool(out, builder->fixed);
    otc_put_u64(out, builder->vectors);
    for (size_t i = 0; i < n && !builder->fixed; i++) {
        put_numbers(out, builder->sample + i * OTC_COMPONENT_SAMPLE, builder->n_sample);
    }
    if (builder->fixed) {
        put_numbers(out, builder->points, n * OTC_COMPONENT_POINTS);
        put_numbers(out, builder->sums, n * OTC_COMPONENT_CELLS);
        put_numbers(out, builder->squares, n);
        put_numbers(out, builder->means, n);
        for (size_t i = 0; i < n * OTC_COMPONENT_CELLS; i++) {
            otc_put_u64(out, builder->counts[i]);
        }
    }
}

static void
take_numbers(struct otc_reader *in, double *numbers, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        numbers[i] = otc_take_f64(in);
        in->failed |= !isfinite(numbers[i]);
    }
}

/* Points ascend, and each component has counted all vectors. */
static bool
is_consistent(const struct otc_components_builder *builder)
{
    for (size_t i = 0; i < builder->n; i++) {
        const double *points = builder->points + i * OTC_COMPONENT_POINTS;
        const uint64_t *counts = builder->counts + i * OTC_COMPONENT_CELLS;
        uint64_t left = builder->vectors;

        for (size_t p = 1; p < OTC_COMPONENT_POINTS; p++) {
            if (points[p] < points[p - 1]) {
                return false;
            }
        }
        for (size_t c = 0; c < OTC_COMPONENT_CELLS; c++) {
            if (counts[c] > left) {
                return false;
            }
            left -= counts[c];
        }
        if (left > 0) {
            return false;
        }
    }
    return true;
}

static void
take_counted(struct otc_reader *in, bool from_origins, struct otc_components_builder *builder)
{
    size_t n = builder->n;

    take_numbers(in, builder->points, n * OTC_COMPONENT_POINTS);
    take_numbers(in, builder->sums, n * OTC_COMPONENT_CELLS);
    take_numbers(in, builder->squares, n);
    take_numbers(in, builder->means, n);
    for (size_t i = 0; i < n * OTC_COMPONENT_CELLS; i++) {
        builder->counts[i] = otc_take_u64(in);
    }
    if (!from_origins) {
        take_origins(builder->points, builder->counts, n, builder->sums);
    }
}

struct otc_components_builder *
otc_components_builder_load(size_t n, struct otc_reader *in)
{
    struct otc_components_builder *builder = otc_components_builder_new(n);
    uint64_t sample = otc_take_u64(in);

    if (!builder) {
        return NULL;
    }
    builder->n_sample = sample & ~FROM_ORIGINS;
    builder->fixed = otc_take_bool(in);
    builder->vectors = otc_take_u64(in);
    in->failed |= builder->n_sample == 0 || builder->n_sample > OTC_COMPONENT_SAMPLE ||
                  builder->vectors > INT64_MAX || (builder->vectors > 0) != builder->fixed;
    for (size_t i = 0; i < n && !in->failed && !builder->fixed; i++) {
        take_numbers(in, builder->sample + i * OTC_COMPONENT_SAMPLE, builder->n_sample);
    }
    if (!in->failed && builder->fixed) {
        take_counted(in, sample & FROM_ORIGINS, builder);
    }
    if (in->failed || !is_consistent(builder)) {
        otc_components_builder_free(builder);
        return NULL;
    }
    return builder;
}

/* ---- In a reference ------------------------------------------------------------------------------- */

static void *
copy_of(const void *from, size_t n, struct otc_arena *arena)
{
    void *copy = otc_arena_alloc(arena, n * sizeof(double));

    if (copy) {
        memcpy(copy, from, n * sizeof(double));
    }
    return copy;
}

const struct otc_components *
otc__components_copy(const struct otc_components *from, struct otc_arena *arena)
{
    struct otc_components *copy = otc_arena_alloc(arena, sizeof(*copy));

    if (!copy) {
        return NULL;
    }
    *copy = *from;
    copy->raw_sums = NULL;
    copy->deviations = copy_of(from->deviations, from->n, arena);
    copy->points = copy_of(from->points, from->n * OTC_COMPONENT_POINTS, arena);
    copy->counts = copy_of(from->counts, from->n * OTC_COMPONENT_CELLS, arena);
    copy->sums = copy_of(from->sums, from->n * OTC_COMPONENT_CELLS, arena);
    return copy->deviations && copy->points && copy->counts && copy->sums ? copy : NULL;
}

static void
write_numbers(struct otc_json_writer *writer, const char *key, const double *numbers, size_t n)
{
    otc_json_key(writer, key);
    otc_json_begin_array(writer);
    for (size_t i = 0; i < n; i++) {
        otc_json_write_number(writer, numbers[i]);
    }
    otc_json_end_array(writer);
}

void
otc__components_write(struct otc_json_writer *writer, const struct otc_components *components)
{
    size_t n = components->n;

    otc_json_begin_object(writer);
    otc_json_key(writer, "vectors");
    otc_json_write_int(writer, (int64_t)components->vectors);
    write_numbers(writer, "standard_deviations", components->deviations, n);
    write_numbers(writer, "points", components->points, n * OTC_COMPONENT_POINTS);
    otc_json_key(writer, "counts");
    otc_json_begin_array(writer);
    for (size_t i = 0; i < n * OTC_COMPONENT_CELLS; i++) {
        otc_json_write_int(writer, (int64_t)components->counts[i]);
    }
    otc_json_end_array(writer);
    if (components->raw_sums) {
        write_numbers(writer, "sums", components->raw_sums, n * OTC_COMPONENT_CELLS);
    } else {
        write_numbers(writer, "excesses", components->sums, n * OTC_COMPONENT_CELLS);
    }
    otc_json_end_object(writer);
}

/* A member of exactly `n` finite numbers, in the arena. */
static otc_status
read_numbers(const struct otc_json *json, const char *key, size_t n, struct otc_arena *arena, double **out,
             struct otc_error *err)
{
    const struct otc_json *array = otc_json_get(json, key);

    if (otc_json_type_of(array) != OTC_JSON_ARRAY || otc_json_size(array) != n) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "components.%s: expected an array of %zu numbers", key, n);
    }
    *out = otc_arena_alloc(arena, n * sizeof(double));
    for (size_t i = 0; *out && i < n; i++) {
        if (!otc_json_number(otc_json_at(array, i), &(*out)[i]) || !isfinite((*out)[i])) {
            return otc_fail(err, OTC_INVALID_ARGUMENT, "components.%s[%zu]: expected a finite number", key,
                            i);
        }
    }
    return *out ? OTC_OK : otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
}

/* The counts of each component are those of all vectors. */
static otc_status
read_counts(const struct otc_json *json, const struct otc_components *of, struct otc_arena *arena,
            uint64_t **out, struct otc_error *err)
{
    const struct otc_json *array = otc_json_get(json, "counts");
    size_t n = of->n * OTC_COMPONENT_CELLS;
    uint64_t left = of->vectors;

    if (otc_json_type_of(array) != OTC_JSON_ARRAY || otc_json_size(array) != n) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "components.counts: expected an array of %zu counts", n);
    }
    *out = otc_arena_alloc(arena, n * sizeof(uint64_t));
    for (size_t i = 0; *out && i < n; i++) {
        int64_t count = 0;
        bool last = i % OTC_COMPONENT_CELLS == OTC_COMPONENT_CELLS - 1;

        if (!otc_json_int(otc_json_at(array, i), &count) || count < 0 || (uint64_t)count > left ||
            (last && (uint64_t)count != left)) {
            return otc_fail(err, OTC_INVALID_ARGUMENT,
                            "components.counts[%zu]: expected counts that add up to `vectors` in each "
                            "component",
                            i);
        }
        (*out)[i] = (uint64_t)count;
        left = last ? of->vectors : left - (uint64_t)count;
    }
    return *out ? OTC_OK : otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
}

/* `excesses`, or `sums` of the former form: of those far from zero the last digits are lost. */
static otc_status
read_sums(const struct otc_json *json, struct otc_arena *arena, struct otc_components *out,
          struct otc_error *err)
{
    size_t n = out->n * OTC_COMPONENT_CELLS;
    bool former = !otc_json_get(json, "excesses") && otc_json_get(json, "sums");
    double *sums = NULL, *raw;
    otc_status status = read_numbers(json, former ? "sums" : "excesses", n, arena, &sums, err);

    out->sums = sums;
    if (!former || !sums || !out->points || !out->counts) {
        return status;
    }
    raw = copy_of(sums, n, arena);
    if (!raw) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    take_origins(out->points, out->counts, out->n, sums);
    out->raw_sums = raw;
    return OTC_OK;
}

static otc_status
check_numbers(const double *points, const double *deviations, size_t n, struct otc_error *err)
{
    for (size_t i = 0; i < n * OTC_COMPONENT_POINTS; i++) {
        if (i % OTC_COMPONENT_POINTS > 0 && points[i] < points[i - 1]) {
            return otc_fail(err, OTC_INVALID_ARGUMENT,
                            "components.points[%zu]: must not be below the one "
                            "before it",
                            i);
        }
    }
    for (size_t i = 0; i < n; i++) {
        if (deviations[i] < 0) {
            return otc_fail(err, OTC_INVALID_ARGUMENT,
                            "components.standard_deviations[%zu]: must not be negative", i);
        }
    }
    return OTC_OK;
}

otc_status
otc__components_parse(const struct otc_json *json, struct otc_arena *arena,
                      struct otc_reference_feature *feature, struct otc_error *err)
{
    struct otc_components *out = otc_arena_alloc(arena, sizeof(*out));
    size_t n = feature->n_center;
    double *deviations = NULL, *points = NULL;
    uint64_t *counts = NULL;
    int64_t vectors = 0;
    otc_status status;

    if (!json) {
        return OTC_OK;
    }
    if (n == 0 || !otc_json_int(otc_json_get(json, "vectors"), &vectors) || vectors < 0) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "components: expected with `center`, and with a count of `vectors`");
    }
    if (!out) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    *out = (struct otc_components){.n = n, .vectors = (uint64_t)vectors};
    status = read_numbers(json, "standard_deviations", n, arena, &deviations, err);
    if (status == OTC_OK) {
        status = read_numbers(json, "points", n * OTC_COMPONENT_POINTS, arena, &points, err);
    }
    if (status == OTC_OK) {
        status = read_counts(json, out, arena, &counts, err);
    }
    out->deviations = deviations;
    out->points = points;
    out->counts = counts;
    if (status == OTC_OK) {
        status = read_sums(json, arena, out, err);
    }
    if (status == OTC_OK && points && deviations) {
        status = check_numbers(points, deviations, n, err);
    }
    feature->components = status == OTC_OK ? out : NULL;
    return status;
}
