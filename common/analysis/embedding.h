// SPDX-License-Identifier: Apache-2.0
/**
 * @file Embedding vectors, watched by their length and by their cosine distance to the reference's mean
 * vector.
 *
 * As with vocabularies (vocabulary.h), the mean is that of the first half of what a reference is learned
 * from, and the reference's distances are those of the second half.
 */
#ifndef OTC_ANALYSIS_EMBEDDING_H
#define OTC_ANALYSIS_EMBEDDING_H

#include "common/analysis/features.h"

/** Most components of a vector. */
#define OTC_EMBEDDING_MAX 4096

/** A vector as a value: BYTES that are its doubles. */
struct otc_value otc_embedding_value(const double *vector, size_t n);
/** Its components, borrowed and perhaps unaligned: read with memcpy. 0: it is none. */
size_t otc_embedding_components(const struct otc_value *value);

/** Euclidean length. */
double otc_embedding_norm(const double *vector, size_t n);
/** Longer vectors are invalid: sums of their squares must stay numbers, however many there are. */
#define OTC_EMBEDDING_NORM_MAX 1e100
/** Whether a vector of `n` components may be watched. */
bool otc_embedding_is_usable(const double *vector, size_t n);
/**
 * 1 - a.b / (|a| |b|), from 0 to 2, of `value` and the reference's `center`. Missing: no value, or a vector
 * of zeros. Invalid: no vector, or one of another number of components.
 */
enum otc_value_class otc_value_distance(const struct otc_value *value, const double *center, size_t n,
                                        double *out);

#endif
