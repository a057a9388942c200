// SPDX-License-Identifier: Apache-2.0
/** @file Evidence beside a verdict: the bins or categories whose shares moved most. Pure functions. */
#ifndef OTC_ANALYSIS_EVIDENCE_H
#define OTC_ANALYSIS_EVIDENCE_H

#include "common/base/slice.h"

#include <stdbool.h>

/** As many are told. */
#define OTC_MOVED_MAX 3
/** Bytes of a bin's name with its end; longer categories are cut, at a character's edge, and end in "…". */
#define OTC_MOVED_NAME_BYTES 64

struct otc_feature_window;

/** A bin or category: its share in the reference and in the window. */
struct otc_moved {
    /** "[30, 40)", "(-inf, 30)", "[40, inf)"; "7" where a bin is a value; the category; "unseen"; "other",
     * what the reference pooled, or has without its name (a moving reference: what its grid did not know). */
    char name[OTC_MOVED_NAME_BYTES];
    double reference_share, current_share;
};

/**
 * The bins whose shares differ most, largest difference first, in `out`; bins that did not move are left out.
 * `reference` and `current` are the rows of counts that the statistics of `window` were made of: the bins of
 * its reference, or the union of categories (the reference's, then the window's unseen ones, then the rest).
 * Returns how many.
 */
size_t otc_evidence_moved(const struct otc_feature_window *window, const uint64_t *reference,
                          const uint64_t *current, size_t bins, struct otc_moved out[OTC_MOVED_MAX]);

/** "[30, 40) 10.0 % -> 25.1 %, …" of the first `n`; returns its length, cut to `size` - 1 bytes. */
size_t otc_evidence_text(const struct otc_moved *moved, size_t n, char *out, size_t size);

#endif
