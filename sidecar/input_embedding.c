// SPDX-License-Identifier: Apache-2.0
#include "sidecar/input_embedding.h"

#include "common/analysis/embedding.h"
#include "common/analysis/reference_components.h"

#include <math.h>

bool
otc_input_embedding_features(struct otc_input *input, size_t column, struct otc_slice name,
                             enum otc_feature_kind kind, struct otc_input_feature *out)
{
    static const char *const names[OTC_INPUT_EMBEDDING_FEATURES] = {"norm", "cosine_distance"};

    if (!input->vector) {
        input->vector = calloc(OTC_EMBEDDING_MAX, sizeof(*input->vector));
        if (!otc_input_keep(input, input->vector)) {
            input->vector = NULL;
            return false;
        }
    }
    for (size_t i = 0; i < OTC_INPUT_EMBEDDING_FEATURES; i++) {
        char *text = NULL;

        if (asprintf(&text, "%.*s.%s", OTC_SLICE_ARG(name), names[i]) < 0 || !otc_input_keep(input, text)) {
            return false;
        }
        out[i] = (struct otc_input_feature){.column = column,
                                            .name = otc_slice_str(text),
                                            .type = OTC_NUMERIC,
                                            .kind = kind,
                                            .scale = 1,
                                            .embedding = i == 0 ? OTC_INPUT_NORM : OTC_INPUT_DISTANCE};
    }
    return true;
}

/* Components of a list of numbers; 0: it is none, or none that may be watched. */
static size_t
read_vector(const struct otc_cell *cell, double *out)
{
    size_t n = cell->kind == OTC_CELL_NESTED ? otc_json_size(cell->nested) : 0;

    for (size_t i = 0; n <= OTC_EMBEDDING_MAX && i < n; i++) {
        if (!otc_json_number(otc_json_at(cell->nested, i), &out[i])) {
            return 0;
        }
    }
    return n <= OTC_EMBEDDING_MAX && otc_embedding_is_usable(out, n) ? n : 0;
}

static void
use_distance(const struct otc_input *input, const struct otc_input_feature *feature, struct otc_use *use)
{
    struct otc_value vector = otc_embedding_value(input->vector, input->n_vector);

    if (!feature->center) {
        use->use = OTC_USE_TEXT;
        use->text = vector.as.slice;
        return;
    }
    switch (otc_value_distance(&vector, feature->center, feature->n_center, &use->number)) {
    case OTC_CLASS_VALUE:
        use->use = OTC_USE_NUMBER;
        break;
    case OTC_CLASS_MISSING:
        use->use = OTC_USE_MISSING;
        break;
    case OTC_CLASS_INVALID:
        break;
    }
}

void
otc_input_embedding_use(struct otc_input *input, const struct otc_input_feature *feature, struct otc_use *use)
{
    const struct otc_cell *cell = otc_table_cell(input->table, feature->column);

    use->use = OTC_USE_INVALID;
    if (cell->kind == OTC_CELL_MISSING) {
        use->use = OTC_USE_MISSING;
        return;
    }
    if (feature->embedding == OTC_INPUT_NORM) {
        input->n_vector = read_vector(cell, input->vector);
    }
    if (input->n_vector == 0) {
        return;
    }
    if (feature->embedding == OTC_INPUT_DISTANCE) {
        use_distance(input, feature, use);
        return;
    }
    use->use = OTC_USE_NUMBER;
    use->number = otc_embedding_norm(input->vector, input->n_vector);
}

/* ---- Means ---------------------------------------------------------------------------------------- */

struct mean {
    double *sums; /* the input's; then the mean */
    size_t n;
    uint64_t vectors;
    struct otc_components_builder *components; /* the reference builder's */
};

struct otc_input_means {
    struct mean of_feature[1];
};

otc_status
otc_input_means_new(const struct otc_input *input, struct otc_input_means **out, struct otc_error *err)
{
    *out = calloc(1, sizeof(**out) + input->n_features * sizeof(struct mean));
    return *out ? OTC_OK : otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
}

void
otc_input_means_free(struct otc_input_means *means)
{
    free(means);
}

/* The first vector tells how many components there are. */
static bool
begin(struct mean *mean, struct otc_input *input, size_t feature, struct otc_reference_builder *builder)
{
    if (mean->sums) {
        return true;
    }
    mean->sums = calloc(OTC_EMBEDDING_MAX, sizeof(*mean->sums));
    if (!otc_input_keep(input, mean->sums)) {
        mean->sums = NULL;
        return false;
    }
    mean->n = input->n_vector;
    mean->components = otc_components_builder_new(mean->n);
    otc_reference_builder_components(builder, feature, mean->components);
    return mean->components != NULL;
}

static bool
add(struct mean *mean, struct otc_input *input, size_t feature, struct otc_reference_builder *builder)
{
    if (!begin(mean, input, feature, builder)) {
        return false;
    }
    if (input->n_vector == mean->n) {
        for (size_t i = 0; i < mean->n; i++) {
            mean->sums[i] += input->vector[i];
        }
        mean->vectors++;
        otc_components_builder_sample(mean->components, input->vector);
    }
    return true;
}

/* The first half of the rows is over; with no vector in it all others are invalid. */
static bool
finish(struct mean *mean, struct otc_input *input, size_t feature, struct otc_reference_builder *builder)
{
    if (!mean->sums) {
        input->features[feature].center = input->vector;
        return true;
    }
    for (size_t i = 0; i < mean->n; i++) {
        mean->sums[i] /= (double)mean->vectors;
    }
    input->features[feature].center = mean->sums;
    input->features[feature].n_center = mean->n;
    return otc_reference_builder_center(builder, feature, mean->sums, mean->n);
}

bool
otc_input_means_take(struct otc_input_means *means, struct otc_input *input, size_t feature,
                     struct otc_use *use, struct otc_reference_builder *builder, bool *taken)
{
    const struct otc_input_feature *of = &input->features[feature];
    struct mean *mean = &means->of_feature[feature];

    *taken = false;
    if (of->embedding != OTC_INPUT_DISTANCE) {
        return true;
    }
    if (!of->center && otc_table_rows(input->table) > input->columns.rows / 2) {
        if (!finish(mean, input, feature, builder)) {
            return false;
        }
        otc_input_embedding_use(input, of, use);
    }
    if (!of->center) {
        *taken = true;
        return use->use != OTC_USE_TEXT || add(mean, input, feature, builder);
    }
    if (use->use == OTC_USE_NUMBER && mean->components) {
        otc_components_builder_count(mean->components, input->vector);
    }
    return true;
}

/* ---- Components ----------------------------------------------------------------------------------- */

struct otc_input_components {
    const struct otc_components *reference;
    uint64_t vectors;
    uint64_t *counts;
    double sums[];
};

bool
otc_input_components_new(const struct otc_components *reference, struct otc_input_components **out)
{
    size_t cells = reference ? reference->n * OTC_COMPONENT_CELLS : 0;
    struct otc_input_components *made;

    *out = NULL;
    if (!reference) {
        return true;
    }
    made = calloc(1, sizeof(*made) + cells * (sizeof(double) + sizeof(uint64_t)));
    if (!made) {
        return false;
    }
    made->reference = reference;
    made->counts = (uint64_t *)(made->sums + cells);
    *out = made;
    return true;
}

void
otc_input_components_free(struct otc_input_components *components)
{
    free(components);
}

void
otc_input_components_add(struct otc_input_components *components, const struct otc_input *input)
{
    if (!components) {
        return;
    }
    components->vectors++;
    for (size_t i = 0; i < components->reference->n; i++) {
        const double *points = components->reference->points + i * OTC_COMPONENT_POINTS;
        size_t cell = otc_component_cell(points, input->vector[i]), at = i * OTC_COMPONENT_CELLS + cell;

        components->counts[at]++;
        components->sums[at] += input->vector[i] - otc_cells_gap_origin(points, cell);
    }
}

double
otc_input_components_moved(const struct otc_input_components *components, uint64_t least)
{
    return components && components->vectors >= least
               ? otc_components_moved(components->reference, components->counts, components->sums,
                                      components->vectors)
               : (double)NAN;
}

void
otc_input_components_reset(struct otc_input_components *components)
{
    if (components) {
        components->vectors = 0;
        memset(components->sums, 0,
               components->reference->n * OTC_COMPONENT_CELLS * (sizeof(double) + sizeof(uint64_t)));
    }
}
