// SPDX-License-Identifier: Apache-2.0
#include "common/analysis/reference_format.h"

#include "common/analysis/reference_components.h"
#include "common/analysis/reference_internal.h"
#include "common/base/clock.h"
#include "common/base/hash.h"
#include "common/json/json.h"

#include <endian.h>

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

static void
write_counts(struct otc_json_writer *writer, const char *key, const uint64_t *counts, size_t n)
{
    otc_json_key(writer, key);
    otc_json_begin_array(writer);
    for (size_t i = 0; i < n; i++) {
        otc_json_write_int(writer, (int64_t)counts[i]);
    }
    otc_json_end_array(writer);
}

static void
write_member_int(struct otc_json_writer *writer, const char *key, uint64_t value)
{
    otc_json_key(writer, key);
    otc_json_write_int(writer, (int64_t)value);
}

static void
write_member_number(struct otc_json_writer *writer, const char *key, double value)
{
    otc_json_key(writer, key);
    otc_json_write_number(writer, value);
}

static void
write_blocks(struct otc_json_writer *writer, const struct otc_reference_feature *feature)
{
    otc_json_key(writer, "time_blocks");
    otc_json_begin_array(writer);
    for (size_t i = 0; i < feature->n_time_blocks; i++) {
        otc_json_begin_array(writer);
        otc_json_write_int(writer, (int64_t)feature->time_blocks[i].observations);
        otc_json_write_number(writer, feature->time_blocks[i].mean_rank);
        otc_json_end_array(writer);
    }
    otc_json_end_array(writer);
}

static void
write_numeric(struct otc_json_writer *writer, const struct otc_reference_feature *feature)
{
    const struct otc_cells *cells = &feature->cells;
    uint64_t between = 0;

    if (feature->observations > 0) {
        write_member_number(writer, "min", feature->min);
        write_member_number(writer, "max", feature->max);
        write_member_number(writer, "mean", feature->mean);
        write_member_number(writer, "standard_deviation", feature->standard_deviation);
    }
    if (feature->binned != OTC_NOT_BINNED) {
        otc_json_key(writer, "binned");
        otc_json_write_str(writer, feature->binned == OTC_BINNED_EXPLICIT ? "explicit" : "exponential");
    }
    if (feature->binned == OTC_BINNED_EXPONENTIAL) {
        otc_json_key(writer, "scale");
        otc_json_write_int(writer, feature->scale);
    }
    otc_json_key(writer, "value_bins");
    otc_json_write_bool(writer, feature->value_bins);
    if (feature->n_vocabulary > 0) {
        otc_json_key(writer, "vocabulary");
        otc_json_begin_array(writer);
        for (size_t i = 0; i < feature->n_vocabulary; i++) {
            otc_json_write_int(writer, feature->vocabulary[i]);
        }
        otc_json_end_array(writer);
    }
    if (feature->n_center > 0) {
        write_numbers(writer, "center", feature->center, feature->n_center);
    }
    if (feature->components) {
        otc_json_key(writer, "components");
        otc__components_write(writer, feature->components);
    }
    write_numbers(writer, "edges", feature->edges, feature->n_edges);
    write_blocks(writer, feature);
    write_numbers(writer, "points", cells->points, cells->n);
    write_counts(writer, "counts", cells->eq, cells->n);
    for (size_t i = 0; i <= cells->n; i++) {
        between |= cells->gap[i];
    }
    if (between > 0) {
        write_counts(writer, "gaps", cells->gap, cells->n + 1);
    }
}

static void
write_categorical(struct otc_json_writer *writer, const struct otc_reference_feature *feature)
{
    write_member_int(writer, "other", feature->other);
    otc_json_key(writer, "categories");
    otc_json_begin_array(writer);
    for (size_t i = 0; i < feature->n_categories; i++) {
        otc_json_begin_array(writer);
        otc_json_write_text(writer, feature->categories[i].name);
        otc_json_write_int(writer, (int64_t)feature->categories[i].count);
        otc_json_end_array(writer);
    }
    otc_json_end_array(writer);
}

/** One feature on one line, always the same text for the same feature. */
static bool
write_feature(const struct otc_reference_feature *feature, struct otc_buf *out)
{
    struct otc_json_writer writer = {.out = out};

    otc_json_begin_object(&writer);
    otc_json_key(&writer, "name");
    otc_json_write_text(&writer, feature->name);
    otc_json_key(&writer, "kind");
    otc_json_write_str(&writer, otc_feature_kind_name(feature->kind));
    otc_json_key(&writer, "type");
    otc_json_write_str(&writer, feature->type == OTC_NUMERIC ? "numeric" : "categorical");
    write_member_int(&writer, "observations", feature->observations);
    if (feature->values != feature->observations) {
        write_member_int(&writer, "values", feature->values);
    }
    write_member_int(&writer, "missing", feature->missing);
    write_member_int(&writer, "invalid", feature->invalid);
    write_member_number(&writer, "design_effect", feature->design_effect);
    if (feature->type == OTC_NUMERIC) {
        write_numeric(&writer, feature);
    } else {
        write_categorical(&writer, feature);
    }
    otc_json_end_object(&writer);
    return otc_json_writer_ok(&writer);
}

/* ---- The hash: of the numbers themselves, since writing them as text takes a hundred times as long. -- */

static void
hash_count(struct otc_hasher *hasher, uint64_t value)
{
    uint64_t bytes = htole64(value);

    otc_hasher_add(hasher, otc_slice_of(&bytes, sizeof(bytes)));
}

static void
hash_counts(struct otc_hasher *hasher, const uint64_t *values, size_t n)
{
    hash_count(hasher, n);
    for (size_t i = 0; i < n; i++) {
        hash_count(hasher, values[i]);
    }
}

static void
hash_number(struct otc_hasher *hasher, double value)
{
    uint64_t bits;

    value += 0.0; /* -0 is 0 */
    memcpy(&bits, &value, sizeof(bits));
    hash_count(hasher, bits);
}

static void
hash_numbers(struct otc_hasher *hasher, const double *values, size_t n)
{
    hash_count(hasher, n);
    for (size_t i = 0; i < n; i++) {
        hash_number(hasher, values[i]);
    }
}

/** With its length, so that no two lists of texts run into the same bytes. */
static void
hash_text(struct otc_hasher *hasher, struct otc_slice text)
{
    hash_count(hasher, text.len);
    otc_hasher_add(hasher, text);
}

static void
hash_components(struct otc_hasher *hasher, const struct otc_components *components)
{
    hash_count(hasher, components->vectors);
    hash_numbers(hasher, components->deviations, components->n);
    hash_numbers(hasher, components->points, components->n * OTC_COMPONENT_POINTS);
    hash_counts(hasher, components->counts, components->n * OTC_COMPONENT_CELLS);
    hash_numbers(hasher, components->raw_sums ? components->raw_sums : components->sums,
                 components->n * OTC_COMPONENT_CELLS);
}

static void
hash_numeric(struct otc_hasher *hasher, const struct otc_reference_feature *feature)
{
    const double summary[] = {feature->min, feature->max, feature->mean, feature->standard_deviation};

    hash_numbers(hasher, summary, feature->observations > 0 ? 4 : 0);
    hash_count(hasher, feature->value_bins);
    if (feature->binned != OTC_NOT_BINNED) {
        hash_count(hasher, feature->binned);
        hash_count(hasher, (uint64_t)(int64_t)feature->scale);
    }
    for (size_t i = 0; i < feature->n_vocabulary; i++) {
        hash_count(hasher, feature->vocabulary[i]);
    }
    if (feature->n_center > 0) {
        hash_numbers(hasher, feature->center, feature->n_center);
    }
    if (feature->components) {
        hash_components(hasher, feature->components);
    }
    hash_numbers(hasher, feature->edges, feature->n_edges);
    hash_count(hasher, feature->n_time_blocks);
    for (size_t i = 0; i < feature->n_time_blocks; i++) {
        hash_count(hasher, feature->time_blocks[i].observations);
        hash_number(hasher, feature->time_blocks[i].mean_rank);
    }
    hash_numbers(hasher, feature->cells.points, feature->cells.n);
    hash_counts(hasher, feature->cells.eq, feature->cells.n);
    hash_counts(hasher, feature->cells.gap, feature->cells.n + 1);
}

static void
hash_categorical(struct otc_hasher *hasher, const struct otc_reference_feature *feature)
{
    hash_count(hasher, feature->other);
    hash_count(hasher, feature->n_categories);
    for (size_t i = 0; i < feature->n_categories; i++) {
        hash_text(hasher, feature->categories[i].name);
        hash_count(hasher, feature->categories[i].count);
    }
}

static void
hash_feature(struct otc_hasher *hasher, const struct otc_reference_feature *feature)
{
    const uint64_t counts[] = {feature->observations, feature->values, feature->missing, feature->invalid};

    hash_text(hasher, feature->name);
    hash_text(hasher, otc_slice_str(otc_feature_kind_name(feature->kind)));
    hash_counts(hasher, counts, 4);
    hash_number(hasher, feature->design_effect);
    hash_count(hasher, feature->type == OTC_NUMERIC);
    if (feature->type == OTC_NUMERIC) {
        hash_numeric(hasher, feature);
    } else {
        hash_categorical(hasher, feature);
    }
}

otc_status
otc__reference_hash(const struct otc_reference *reference, char out[33], struct otc_error *err)
{
    struct otc_hasher *hasher = otc_hasher_new();

    if (!hasher) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    hash_count(hasher, OTC__REFERENCE_VERSION);
    hash_count(hasher, reference->rows);
    hash_text(hasher, reference->model);
    hash_count(hasher, reference->n_features);
    for (size_t i = 0; i < reference->n_features; i++) {
        hash_feature(hasher, &reference->features[i]);
    }
    otc_hasher_hex(hasher, out);
    otc_hasher_free(hasher);
    return OTC_OK;
}

/** A text member on a line of its own. */
static bool
write_text_line(struct otc_buf *out, const char *key, struct otc_slice text)
{
    struct otc_json_writer writer = {.out = out};

    (void)otc_buf_printf(out, "  \"%s\": ", key);
    otc_json_write_text(&writer, text);
    return otc_buf_append_str(out, ",\n") && otc_json_writer_ok(&writer);
}

otc_status
otc_reference_format(const struct otc_reference *reference, struct otc_buf *out, struct otc_error *err)
{
    char created[32];
    bool done;

    otc_time_format(reference->created_ns, created);
    done = otc_buf_append_str(out, "{\n") &&
           write_text_line(out, "format", otc_slice_str(OTC__REFERENCE_FORMAT)) &&
           otc_buf_printf(out, "  \"version\": %d,\n", OTC__REFERENCE_VERSION) &&
           write_text_line(out, "hash", otc_slice_str(reference->hash)) &&
           write_text_line(out, "model", reference->model) &&
           write_text_line(out, "source", reference->source) &&
           write_text_line(out, "source_hash", otc_slice_str(reference->source_hash)) &&
           write_text_line(out, "created", otc_slice_str(created)) &&
           otc_buf_printf(out, "  \"rows\": %llu,\n  \"features\": [", (unsigned long long)reference->rows);
    for (size_t i = 0; done && i < reference->n_features; i++) {
        done = otc_buf_append_str(out, i == 0 ? "\n    " : ",\n    ") &&
               write_feature(&reference->features[i], out);
    }
    done = done && otc_buf_append_str(out, "\n  ]\n}\n");
    return done ? OTC_OK
                : otc_fail(err, OTC_RESOURCE_EXHAUSTED, "the reference does not fit into %zu bytes",
                           out->limit);
}
