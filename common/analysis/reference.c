// SPDX-License-Identifier: Apache-2.0
#include "common/analysis/reference.h"

#include "common/analysis/reference_internal.h"
#include "common/base/map.h"
#include "common/base/number.h"

#include <math.h>
#include <stdatomic.h>

/** The public structure with what is nobody else's business. */
struct reference {
    struct otc_reference pub;
    atomic_size_t references;
    struct otc_arena arena;
    struct otc_map *index; /* kind byte and name -> feature */
    struct otc_cells_index **searches;
    size_t n_searchable;
};

#define N_KINDS 4
static const char *const kind_names[N_KINDS] = {"input", "prediction", "latency", "tokens"};

/** Longest feature name that is found by the index. */
#define NAME_MAX_BYTES 4096

/** Below so many points a plain search is as quick. */
#define SEARCH_INDEX_MIN 64

const char *
otc_feature_kind_name(enum otc_feature_kind kind)
{
    return (unsigned)kind < N_KINDS ? kind_names[kind] : "unknown";
}

static struct reference *
reference_of(const struct otc_reference *pub)
{
    /* `pub` is the first member; the counter beside it changes even for readers. */
    return (struct reference *)(uintptr_t)pub;
}

struct otc_reference *
otc__reference_new(void)
{
    struct reference *reference = calloc(1, sizeof(*reference));

    if (!reference) {
        return NULL;
    }
    atomic_init(&reference->references, 1);
    otc_arena_init(&reference->arena, SIZE_MAX / 2);
    return &reference->pub;
}

struct otc_arena *
otc__reference_arena(struct otc_reference *reference)
{
    return &reference_of(reference)->arena;
}

struct otc_reference *
otc_reference_ref(struct otc_reference *reference)
{
    atomic_fetch_add_explicit(&reference_of(reference)->references, 1, memory_order_relaxed);
    return reference;
}

void
otc_reference_unref(struct otc_reference *reference)
{
    struct reference *self = reference ? reference_of(reference) : NULL;

    if (!self || atomic_fetch_sub_explicit(&self->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    for (size_t i = 0; i < self->n_searchable; i++) {
        otc_cells_index_free(self->searches[i]);
    }
    free(self->searches);
    otc_map_free(self->index, NULL);
    otc_arena_release(&self->arena);
    free(self);
}

/** The index's key of a feature in `key`; its length, 0 when the name is too long. */
static size_t
index_key(enum otc_feature_kind kind, struct otc_slice name, uint8_t key[NAME_MAX_BYTES + 1])
{
    if (name.len > NAME_MAX_BYTES) {
        return 0;
    }
    key[0] = (uint8_t)kind;
    if (name.len > 0) {
        memcpy(key + 1, name.data, name.len);
    }
    return name.len + 1;
}

/** Gives every large numeric feature what speeds its search; without memory the search is plain. */
static void
index_cells(struct reference *self)
{
    self->searches = calloc(self->pub.n_features + 1, sizeof(struct otc_cells_index *));
    self->n_searchable = self->searches ? self->pub.n_features : 0;
    for (size_t i = 0; i < self->n_searchable; i++) {
        struct otc_cells *cells = &self->pub.features[i].cells;

        self->searches[i] = cells->n < SEARCH_INDEX_MIN ? NULL : otc_cells_index_new(cells->points, cells->n);
        cells->index = self->searches[i];
    }
}

otc_status
otc__reference_index(struct otc_reference *reference, struct otc_error *err)
{
    struct reference *self = reference_of(reference);
    uint8_t key[NAME_MAX_BYTES + 1];

    self->index = otc_map_new(reference->n_features ? reference->n_features : 1);
    if (!self->index) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    for (size_t i = 0; i < reference->n_features; i++) {
        struct otc_reference_feature *feature = &reference->features[i];
        size_t len = index_key(feature->kind, feature->name, key);

        if (len == 0 || feature->name.len == 0) {
            return otc_fail(err, OTC_INVALID_ARGUMENT, "feature %zu: a name has 1 to %d bytes, not %zu",
                            i + 1, NAME_MAX_BYTES, feature->name.len);
        }
        if (otc_map_get(self->index, otc_slice_of(key, len))) {
            return otc_fail(err, OTC_INVALID_ARGUMENT, "feature '%.*s' (%s) is there twice",
                            OTC_SLICE_ARG(feature->name), otc_feature_kind_name(feature->kind));
        }
        if (!otc_map_put(self->index, otc_slice_of(key, len), feature)) {
            return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
        }
    }
    index_cells(self);
    return OTC_OK;
}

const struct otc_reference_feature *
otc_reference_find_kind(const struct otc_reference *reference, enum otc_feature_kind kind,
                        struct otc_slice name)
{
    uint8_t key[NAME_MAX_BYTES + 1];
    size_t len = index_key(kind, name, key);

    return len ? otc_map_get(reference_of(reference)->index, otc_slice_of(key, len)) : NULL;
}

const struct otc_reference_feature *
otc_reference_find(const struct otc_reference *reference, struct otc_slice name)
{
    for (int kind = 0; kind < N_KINDS; kind++) {
        const struct otc_reference_feature *feature =
            otc_reference_find_kind(reference, (enum otc_feature_kind)kind, name);

        if (feature) {
            return feature;
        }
    }
    return NULL;
}

size_t
otc_reference_bins(const struct otc_reference_feature *feature)
{
    return feature->type == OTC_NUMERIC ? feature->n_edges + 1 : 0;
}

/** A bin for each edge, which is a value; all the rest is "other". */
static void
value_bin_counts(const struct otc_reference_feature *feature, const uint64_t *eq, const uint64_t *gap,
                 uint64_t *out)
{
    const struct otc_cells *cells = &feature->cells;
    uint64_t other = gap[cells->n];
    size_t bin = 0;

    for (size_t i = 0; i < cells->n; i++) {
        other += gap[i];
        if (bin < feature->n_edges && cells->points[i] == feature->edges[bin]) {
            out[bin++] = eq[i];
        } else {
            other += eq[i];
        }
    }
    out[feature->n_edges] = other;
}

void
otc_reference_bin_counts(const struct otc_reference_feature *feature, const uint64_t *eq, const uint64_t *gap,
                         uint64_t *out)
{
    if (feature->value_bins) {
        value_bin_counts(feature, eq, gap, out);
    } else {
        otc_cells_bin(&feature->cells, eq, gap, feature->edges, feature->n_edges, out);
    }
}

size_t
otc_canonical_number(double value, char out[OTC_DOUBLE_TEXT_MAX])
{
    /* 2^53: up to here every integral double prints exactly without an exponent. */
    if (value == floor(value) && fabs(value) < 0x1p53) {
        return (size_t)snprintf(out, OTC_DOUBLE_TEXT_MAX, "%lld", (long long)value);
    }
    return otc_format_double(value, out);
}
