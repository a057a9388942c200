// SPDX-License-Identifier: Apache-2.0
/** @file Columns of texts, watched by what is measured of them, as the connector's `type: text` does. */
#ifndef OTC_SIDECAR_INPUT_TEXT_H
#define OTC_SIDECAR_INPUT_TEXT_H

#include "sidecar/input.h"

/** Features that a column of texts makes: OTC_N_TEXT_MEASURES, and the share of its vocabulary. */
#define OTC_INPUT_TEXT_FEATURES ((size_t)OTC_N_TEXT_MEASURES + 1)

/**
 * Fills OTC_INPUT_TEXT_FEATURES features of a column of texts, named <name>.length and so on. False out of
 * memory; the names are the input's.
 */
bool otc_input_text_features(struct otc_input *input, size_t column, struct otc_slice name,
                             enum otc_feature_kind kind, struct otc_input_feature *out);
/** The current row's cell of such a feature. Without its words the vocabulary share is the text itself. */
void otc_input_text_use(struct otc_input *input, const struct otc_input_feature *feature,
                        struct otc_use *use);

/** Counts words of the first half of the rows; then gives the feature its words, which the input owns. */
struct otc_input_vocabularies;
OTC_CHECK otc_status otc_input_vocabularies_new(const struct otc_input *input,
                                                struct otc_input_vocabularies **out, struct otc_error *err);
void otc_input_vocabularies_free(struct otc_input_vocabularies *vocabularies);
/**
 * Takes the cell of a feature in a row. `*taken`: it was counted, and is no value yet. Before the first that
 * is not, `builder` gets the vocabulary. False out of memory.
 */
bool otc_input_vocabularies_take(struct otc_input_vocabularies *vocabularies, struct otc_input *input,
                                 size_t feature, struct otc_use *use, struct otc_reference_builder *builder,
                                 bool *taken);

#endif
