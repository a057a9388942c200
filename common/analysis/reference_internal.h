// SPDX-License-Identifier: Apache-2.0
/** @file What the files that make references share: memory, the index by name, the body that is hashed. */
#ifndef OTC_ANALYSIS_REFERENCE_INTERNAL_H
#define OTC_ANALYSIS_REFERENCE_INTERNAL_H

#include "common/analysis/reference.h"
#include "common/base/arena.h"

/** An empty reference with one owner, whose parts are to be allocated from its arena. NULL out of memory. */
struct otc_reference *otc__reference_new(void);
struct otc_arena *otc__reference_arena(struct otc_reference *reference);
/**
 * Makes otc_reference_find work, once `features` is filled; INVALID_ARGUMENT when two features share kind and
 * name.
 */
OTC_CHECK otc_status otc__reference_index(struct otc_reference *reference, struct otc_error *err);
/** Computes the content hash: of everything but the hash itself, the source and the time of creation. */
OTC_CHECK otc_status otc__reference_hash(const struct otc_reference *reference, char out[33],
                                         struct otc_error *err);

#endif
