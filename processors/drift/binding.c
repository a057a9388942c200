// SPDX-License-Identifier: Apache-2.0
#include "processors/drift/binding.h"

#include <math.h>

/* Distinct unknown categories that are told apart when nobody says how many. */
#define DEFAULT_EXTRA 200u

/* The watched feature that delivers it: by kind and name, else by name alone. SIZE_MAX: none. */
static size_t
known_index(const struct otc_feature_set *set, const struct otc_reference_feature *feature)
{
    size_t by_name = SIZE_MAX;

    for (size_t i = 0; i < otc_feature_set_count(set); i++) {
        const struct otc_feature *known = otc_feature_set_at(set, i);

        if (otc_slice_equal(known->name, feature->name)) {
            if (known->kind == feature->kind) {
                return i;
            }
            by_name = by_name == SIZE_MAX ? i : by_name;
        }
    }
    return by_name;
}

static size_t
metric_index(const struct otc_feature_set *set, const struct otc_reference_feature *feature)
{
    return feature->type == OTC_NUMERIC
               ? otc_metric_set_named(otc_feature_set_metrics(set), feature->name, feature->kind)
               : SIZE_MAX;
}

/* What counting binned values needs to know of the reference's cells. */
static void
bind_bins(struct drift_bound *bound)
{
    const struct otc_reference_feature *reference = bound->reference;
    const struct otc_cells *cells = &reference->cells;

    bound->first_full = UINT32_MAX;
    for (uint32_t c = 0; c < bound->shape.cells; c++) {
        if (c % 2 ? cells->eq[c / 2] : cells->gap[c / 2]) {
            bound->first_full = bound->first_full == UINT32_MAX ? c : bound->first_full;
            bound->last_full = c;
        }
    }
    if (reference->binned == OTC_BINNED_EXPONENTIAL && cells->n > 1) {
        bound->first_index = (int32_t)lround(ldexp(log2(cells->points[1]), reference->scale));
    }
}

static bool
is_discoverable(const struct otc_feature_set *set, const struct otc_reference_feature *feature)
{
    struct otc_discovers discovers = otc_feature_set_discovers(set);

    return (discovers.ml || discovers.tensors) &&
           (feature->kind == OTC_KIND_INPUT || feature->kind == OTC_KIND_PREDICTION);
}

static bool
bind_categories(struct drift_bound *bound)
{
    const struct otc_reference_feature *reference = bound->reference;

    bound->categories = otc_map_new(reference->n_categories + 1);
    for (size_t i = 0; bound->categories && i < reference->n_categories; i++) {
        if (!otc_map_put(bound->categories, reference->categories[i].name, (void *)(uintptr_t)(i + 1))) {
            return false;
        }
    }
    return bound->categories != NULL;
}

static enum drift_measure
measure_of(const struct otc_reference_feature *reference)
{
    return reference->n_center > 0          ? DRIFT_DISTANCE
           : reference->n_vocabulary > 0    ? DRIFT_FAMILIAR
           : reference->type == OTC_NUMERIC ? DRIFT_NUMBER
                                            : DRIFT_CATEGORY;
}

static otc_status
bind_feature(struct drift_binding *binding, const struct otc_feature_set *set, size_t index, bool sums,
             struct otc_error *err)
{
    const struct otc_reference_feature *reference = &binding->reference->features[index];
    size_t known = known_index(set, reference);
    const struct otc_feature *feature = known == SIZE_MAX ? NULL : otc_feature_set_at(set, known);
    struct drift_bound *bound = &binding->features[binding->n];

    if (feature && feature->type != reference->type) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "features::type: '%.*s' is %s here and %s in the reference; make them agree",
                        OTC_SLICE_ARG(reference->name),
                        feature->type == OTC_NUMERIC ? "numeric" : "categorical",
                        reference->type == OTC_NUMERIC ? "numeric" : "categorical");
    }
    if (reference->binned != OTC_NOT_BINNED && (feature || metric_index(set, reference) == SIZE_MAX)) {
        return otc_fail(
            err, OTC_INVALID_ARGUMENT,
            "reference: '%.*s' came as a histogram there; only a histogram among metrics can be compared "
            "with it (features::from: metric[\"name\"])",
            OTC_SLICE_ARG(reference->name));
    }
    bound->reference = reference;
    bound->kind = feature ? feature->kind : reference->kind;
    bound->measure = measure_of(reference);
    if (reference->type == OTC_NUMERIC) {
        bool binned = reference->binned != OTC_NOT_BINNED;

        bound->shape =
            (struct drift_shape){(uint32_t)(2 * reference->cells.n + 1),
                                 sums && !binned && reference->cells.n > 0 ? reference->cells.points : NULL};
        if (binned) {
            bind_bins(bound);
        }
    } else {
        /* What the reference pooled cannot be told from what it never saw, so nothing is told apart then. */
        bound->extra = reference->other ? 0 : feature ? (uint32_t)feature->max_categories : DEFAULT_EXTRA;
        bound->shape = (struct drift_shape){(uint32_t)reference->n_categories + 1 + bound->extra, NULL};
        if (!bind_categories(bound)) {
            otc_map_free(bound->categories, NULL);
            return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "reference: out of memory");
        }
    }
    binding->of_reference[index] = binding->n;
    if (known != SIZE_MAX && binding->of_known[known] == SIZE_MAX) {
        binding->of_known[known] = binding->n;
    }
    if (known == SIZE_MAX && (known = metric_index(set, reference)) != SIZE_MAX) {
        bound->apart = true;
        bound->kind = otc_metric_set_at(otc_feature_set_metrics(set), known)->kind;
        binding->of_metric[known] = binding->n;
    }
    binding->n++;
    return OTC_OK;
}

static struct drift_binding *
allocate(struct otc_reference *reference, const struct otc_feature_set *set)
{
    struct drift_binding *binding = calloc(1, sizeof(*binding));
    size_t n_known = otc_feature_set_count(set);
    size_t n_metrics = otc_metric_set_count(otc_feature_set_metrics(set));

    if (!binding) {
        return NULL;
    }
    binding->refs = 1;
    binding->reference = otc_reference_ref(reference);
    binding->features = calloc(reference->n_features + 1, sizeof(*binding->features));
    binding->of_known = calloc(n_known + 1, sizeof(size_t));
    binding->of_metric = calloc(n_metrics + 1, sizeof(size_t));
    binding->of_reference = calloc(reference->n_features + 1, sizeof(size_t));
    if (!binding->features || !binding->of_known || !binding->of_metric || !binding->of_reference) {
        drift_binding_unref(binding);
        return NULL;
    }
    for (size_t i = 0; i < n_known; i++) {
        binding->of_known[i] = SIZE_MAX;
    }
    for (size_t i = 0; i < n_metrics; i++) {
        binding->of_metric[i] = SIZE_MAX;
    }
    for (size_t i = 0; i < reference->n_features; i++) {
        binding->of_reference[i] = SIZE_MAX;
    }
    return binding;
}

otc_status
drift_binding_new(struct otc_reference *reference, const struct otc_feature_set *set, bool sums,
                  size_t max_features, drift_left_out_fn left_out, const void *arg,
                  struct drift_binding **out, struct otc_error *err)
{
    struct drift_binding *binding = allocate(reference, set);

    if (!binding) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "reference: out of memory");
    }
    for (size_t i = 0; i < reference->n_features; i++) {
        const struct otc_reference_feature *feature = &reference->features[i];
        otc_status status;

        if ((left_out && left_out(arg, feature)) ||
            (known_index(set, feature) == SIZE_MAX && metric_index(set, feature) == SIZE_MAX &&
             !is_discoverable(set, feature))) {
            continue;
        }
        status = binding->n < max_features
                     ? bind_feature(binding, set, i, sums, err)
                     : otc_fail(err, OTC_RESOURCE_EXHAUSTED,
                                "limits::features: the reference has more than %zu features; raise the limit",
                                max_features);
        if (status != OTC_OK) {
            drift_binding_unref(binding);
            return status;
        }
    }
    *out = binding;
    return OTC_OK;
}

struct drift_binding *
drift_binding_ref(struct drift_binding *binding)
{
    binding->refs++;
    return binding;
}

void
drift_binding_unref(struct drift_binding *binding)
{
    if (!binding || --binding->refs > 0) {
        return;
    }
    for (size_t i = 0; i < binding->n; i++) {
        otc_map_free(binding->features[i].categories, NULL);
    }
    otc_reference_unref(binding->reference);
    free(binding->features);
    free(binding->of_known);
    free(binding->of_metric);
    free(binding->of_reference);
    free(binding);
}

size_t
drift_bound_n_bins(const struct drift_bound *bound)
{
    return bound->reference->type == OTC_NUMERIC ? otc_reference_bins(bound->reference)
                                                 : bound->reference->n_categories + 1;
}

void
drift_bound_bins(const struct drift_bound *bound, const uint64_t *cells, uint64_t *out)
{
    size_t n = bound->reference->cells.n, bins = drift_bound_n_bins(bound);
    uint64_t *split = calloc(bound->shape.cells + bins, sizeof(*split));
    uint64_t *counts = split ? split + bound->shape.cells : NULL;

    for (size_t c = 0; split && c < bound->shape.cells; c++) {
        if (bound->reference->type == OTC_NUMERIC) {
            split[c % 2 ? c / 2 : n + c / 2] = cells[c];
        } else {
            counts[c < bins ? c : bins - 1] += cells[c];
        }
    }
    if (split && bound->reference->type == OTC_NUMERIC) {
        otc_reference_bin_counts(bound->reference, split, split + n, counts);
    }
    for (size_t b = 0; split && b < bins; b++) {
        out[b] += counts[b];
    }
    free(split);
}

size_t
drift_binding_max_cells(const struct drift_binding *binding)
{
    size_t max = 1;

    for (size_t i = 0; i < binding->n; i++) {
        max = binding->features[i].shape.cells > max ? binding->features[i].shape.cells : max;
    }
    return max;
}

size_t
drift_binding_find(const struct drift_binding *binding, enum otc_feature_kind kind, struct otc_slice name)
{
    const struct otc_reference_feature *feature = otc_reference_find_kind(binding->reference, kind, name);

    return feature ? binding->of_reference[feature - binding->reference->features] : SIZE_MAX;
}
