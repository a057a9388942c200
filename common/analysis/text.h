// SPDX-License-Identifier: Apache-2.0
/**
 * @file Cheap numbers that describe a text. Each is what Python's `str` and `string` say of it:
 *
 *     length       len(text), code points; a byte that is no UTF-8 counts as one
 *     words        len(text.split()): runs of what is no white space
 *     letters      share of code points in string.ascii_letters, likewise
 *     digits       … string.digits
 *     whitespace   … those that str.isspace() takes
 *     punctuation  … string.punctuation
 *     uppercase    … string.ascii_uppercase
 *     non_ascii    … ord(c) > 127
 *
 * An empty text has length and words 0, and no shares.
 */
#ifndef OTC_ANALYSIS_TEXT_H
#define OTC_ANALYSIS_TEXT_H

#include "common/base/slice.h"

enum otc_text_measure {
    OTC_TEXT_LENGTH,
    OTC_TEXT_WORDS,
    OTC_TEXT_LETTERS,
    OTC_TEXT_DIGITS,
    OTC_TEXT_WHITESPACE,
    OTC_TEXT_PUNCTUATION,
    OTC_TEXT_UPPERCASE,
    OTC_TEXT_NON_ASCII,
    OTC_N_TEXT_MEASURES
};
/** "length", …; of OTC_N_TEXT_MEASURES "vocabulary_share", which needs a reference (vocabulary.h). */
const char *otc_text_measure_name(enum otc_text_measure measure);

/** All of them, by measure; NaN where there is none. One pass. */
void otc_text_measure_all(struct otc_slice text, double out[OTC_N_TEXT_MEASURES]);

/**
 * The words that count for a vocabulary, one after another: runs of what is no white space, without
 * string.punctuation at both ends, ASCII letters in lower case, those left empty skipped. `*hash` is the low
 * half of their XXH3-64. False at the end.
 */
bool otc_text_next_word(struct otc_slice *rest, uint32_t *hash);

#endif
