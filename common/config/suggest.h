// SPDX-License-Identifier: Apache-2.0
/** @file "did you mean …?" for misspelt keys and types. */
#ifndef OTC_CONFIG_SUGGEST_H
#define OTC_CONFIG_SUGGEST_H

#include "common/base/slice.h"

/** Holds the closest word so far. Zero-initialise, offer the candidates, read `best` (NULL: none is close).
 */
struct otc_suggestion {
    const char *best;
    size_t distance;
};
/** Keeps `candidate` if it is closer than what is there, and close enough to be a misspelling of `word`. */
void otc_suggest(struct otc_suggestion *suggestion, struct otc_slice word, const char *candidate);

#endif
