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
#include "common/base/codec.h"

/** Most words of a vocabulary: those counted most often, at least twice each. */
#define OTC_VOCABULARY_WORDS 4096
/** Words of a text that count; further ones don't. */
#define OTC_VOCABULARY_TEXT_WORDS ((size_t)1 << 14)
/** What a counter takes. */
#define OTC_VOCABULARY_BYTES (((size_t)1 << 20) + OTC_VOCABULARY_TEXT_WORDS * sizeof(uint32_t))

/**
 * A text without its text: appends the hashes of its words that count, four bytes each, ascending, so that
 * nothing tells in what order they came. A value of type BYTES that holds them means the same as the text,
 * here and for otc_value_familiar. False out of memory.
 */
bool otc_words_append(struct otc_slice text, struct otc_buf *out);

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
/** The same of what otc_words_append wrote. */
void otc_vocabulary_add_words(struct otc_vocabulary *vocabulary, struct otc_slice words);
/** The vocabulary, ascending, at most OTC_VOCABULARY_WORDS in `out`; returns how many. */
size_t otc_vocabulary_words(const struct otc_vocabulary *vocabulary, uint32_t *out);

/** What was counted so far, as bytes, for a restart. */
void otc_vocabulary_save(const struct otc_vocabulary *vocabulary, struct otc_buf *out);
/** NULL: no memory, or not what was saved. */
struct otc_vocabulary *otc_vocabulary_load(struct otc_reader *in);

/**
 * The share of the words in `value`, a text or its words, that are in the vocabulary of a reference
 * (ascending). No words, or no value: missing; anything else: invalid.
 */
enum otc_value_class otc_value_familiar(const struct otc_value *value, const uint32_t *words, size_t n,
                                        double *out);

#endif
