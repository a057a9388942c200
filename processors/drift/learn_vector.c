// SPDX-License-Identifier: Apache-2.0
/* Embedding vectors, learnt by their distance to a mean vector. */
#include "processors/drift/learn_internal.h"

#include "common/analysis/embedding.h"

bool
drift_learn_begin_vector(struct drift_learner *learner, struct drift_column *column)
{
    column->apart = true;
    column->sums = drift_learn_charge(learner, OTC_EMBEDDING_MAX * sizeof(double))
                       ? calloc(OTC_EMBEDDING_MAX, sizeof(double))
                       : NULL;
    column->gave_up = column->sums == NULL;
    return !column->gave_up;
}

/* The first half of learning is over. */
static bool
end_mean(struct drift_learner *learner, struct drift_column *column)
{
    for (size_t i = 0; i < column->n_components; i++) {
        column->sums[i] /= (double)column->n_vectors;
    }
    column->is_mean = true;
    column->gave_up = column->n_vectors == 0; /* the vectors came late */
    column->apart = column->gave_up;
    return otc_reference_builder_center(learner->builder, column->index, column->sums, column->n_components);
}

/* Without memory for them the distance is learnt alone. */
static void
begin_components(struct drift_learner *learner, struct drift_column *column)
{
    if (!drift_learn_charge(learner, otc_components_builder_bytes(column->n_components))) {
        return;
    }
    column->components = otc_components_builder_new(column->n_components);
    otc_reference_builder_components(learner->builder, column->index, column->components);
}

/* Adds a vector of as many components as the first one. */
static void
add_vector(struct drift_learner *learner, struct drift_column *column, const struct otc_value *value)
{
    size_t n = otc_embedding_components(value);

    if (column->n_components == 0 && n > 0) {
        column->n_components = n;
        begin_components(learner, column);
    }
    if (n == 0 || n != column->n_components) {
        return;
    }
    for (size_t i = 0; i < n; i++) {
        double component;

        memcpy(&component, value->as.slice.data + i * sizeof(double), sizeof(double));
        column->sums[i] += component;
    }
    column->n_vectors++;
    if (column->components) {
        otc_components_builder_sample(column->components, value->as.slice.data);
    }
}

bool
drift_learn_vector(struct drift_learner *learner, struct drift_column *column, const struct otc_value *value,
                   int64_t time_ns)
{
    struct otc_value distance = {.type = OTC_VALUE_EMPTY};

    if (!column->is_mean && drift_learner_progress(learner) >= 0.5 && !end_mean(learner, column)) {
        return false;
    }
    if (column->gave_up) {
        return true;
    }
    if (!column->is_mean) {
        add_vector(learner, column, value);
        return true;
    }
    switch (otc_value_distance(value, column->sums, column->n_components, &distance.as.real)) {
    case OTC_CLASS_VALUE:
        distance.type = OTC_VALUE_DOUBLE;
        if (column->components) {
            otc_components_builder_count(column->components, value->as.slice.data);
        }
        break;
    case OTC_CLASS_MISSING:
        break;
    case OTC_CLASS_INVALID:
        distance.type = OTC_VALUE_BYTES;
        break;
    }
    return drift_learn_number(learner, column, &distance, time_ns);
}
