// SPDX-License-Identifier: Apache-2.0
/** @file Columns of embedding vectors (lists of numbers in JSON lines): what is watched of them, as the
 * connector does. */
#ifndef OTC_SIDECAR_INPUT_EMBEDDING_H
#define OTC_SIDECAR_INPUT_EMBEDDING_H

#include "sidecar/input.h"

/** Features that a column of vectors makes: <name>.norm and <name>.cosine_distance. */
#define OTC_INPUT_EMBEDDING_FEATURES ((size_t)2)

/** Fills them, the norm first. False out of memory; the names are the input's. */
bool otc_input_embedding_features(struct otc_input *input, size_t column, struct otc_slice name,
                                  enum otc_feature_kind kind, struct otc_input_feature *out);
/** The current row's cell of such a feature; that of the norm reads the vector for both. Without its center
 * the distance is the vector itself, as bytes. */
void otc_input_embedding_use(struct otc_input *input, const struct otc_input_feature *feature,
                             struct otc_use *use);

/** Adds up the vectors of the first half of the rows; then gives the feature its mean, which the input owns,
 * and counts the components of the others. */
struct otc_input_means;
OTC_CHECK otc_status otc_input_means_new(const struct otc_input *input, struct otc_input_means **out,
                                         struct otc_error *err);
void otc_input_means_free(struct otc_input_means *means);
/**
 * Takes the cell of a feature in a row. `*taken`: it was added, and is no value yet. Before the first that is
 * not, `builder` gets the mean. False out of memory.
 */
bool otc_input_means_take(struct otc_input_means *means, struct otc_input *input, size_t feature,
                          struct otc_use *use, struct otc_reference_builder *builder, bool *taken);

/** The components of a table's vectors in the cells of a reference's. NULL (everywhere below): there are
 * none. */
struct otc_input_components;
/** False out of memory. */
bool otc_input_components_new(const struct otc_components *reference, struct otc_input_components **out);
void otc_input_components_free(struct otc_input_components *components);
/** Counts the vector of the row at hand, which has as many components as the reference. */
void otc_input_components_add(struct otc_input_components *components, const struct otc_input *input);
/** Share of those that moved; NaN without any vector, and below `least`. */
double otc_input_components_moved(const struct otc_input_components *components, uint64_t least);
/** As before the first vector. */
void otc_input_components_reset(struct otc_input_components *components);

#endif
