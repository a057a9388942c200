// SPDX-License-Identifier: Apache-2.0
/**
 * @file The frequent words of a reference's texts, as hashes alone, and the share of a text's words that are
 * among them. What a word is: common/analysis/text.h.
 *
 * The vocabulary is made of the first half of what a reference is learned from, and the reference's shares
 * are those of the second half: texts that the vocabulary was made of would all seem familiar.
 */
#ifndef OTC_ANALYSIS_VOCABULARY_H
#define OTC_ANALYSIS_VOCABULARY_H

#include "common/analysis/features.h"

/** Most words of a vocabulary: those counted most often, at least twice each. */
#define OTC_VOCABULARY_WORDS 4096
/** What a counter takes. */
#define OTC_VOCABULARY_BYTES ((size_t)1 << 20)

/** Counts words; owned by one thread. Opaque. */
struct otc_vocabulary;
/** NULL out of memory. */
struct otc_vocabulary *otc_vocabulary_new(void);
/** NULL is allowed. */
void otc_vocabulary_free(struct otc_vocabulary *vocabulary);
/**
 * Counts the words of a text. Up to 65536 words are told apart; then those that came once are forgotten, and
 * new ones are not counted while that makes no room.
 */
void otc_vocabulary_add(struct otc_vocabulary *vocabulary, struct otc_slice text);
/** The vocabulary, ascending, at most OTC_VOCABULARY_WORDS in `out`; returns how many. */
size_t otc_vocabulary_words(const struct otc_vocabulary *vocabulary, uint32_t *out);

/**
 * The share of the words in `value`, a text, that are in the vocabulary of a reference (ascending). No words,
 * or no value: missing; anything but a text: invalid.
 */
enum otc_value_class otc_value_familiar(const struct otc_value *value, const uint32_t *words, size_t n,
                                        double *out);

#endif
