// SPDX-License-Identifier: Apache-2.0
/** @file From the values of a numeric column to the points, counts and edges of its reference. */
#ifndef OTC_ANALYSIS_REFERENCE_POINTS_H
#define OTC_ANALYSIS_REFERENCE_POINTS_H

#include "common/analysis/reference.h"
#include "common/base/arena.h"

/** A value (or the index of a category) and when it was. */
struct otc__sample {
    double value;
    int64_t time_ns;
};

/** Time blocks of a reference whose order is known. */
#define OTC__TIME_BLOCKS 24

/**
 * Sorts the samples by time and cuts them into at most OTC__TIME_BLOCKS blocks of about equal size and of at
 * least 10 samples each; samples of one time stay together. ends[b] is the index behind block b. Returns the
 * number of blocks.
 */
size_t otc__time_blocks(struct otc__sample *samples, size_t n, size_t ends[OTC__TIME_BLOCKS]);

/** Fills the numeric parts of `out` from the arena; reorders and overwrites the samples. False out of memory.
 */
bool otc__points_finish(struct otc__sample *samples, size_t n, bool order_known,
                        const struct otc_reference_limits *limits, struct otc_arena *arena,
                        struct otc_reference_feature *out);

/** Sets mean_excess: of an exact reference from its points, so that a file gives the same; of a capped one
 * from the mean. */
void otc__find_mean_excess(struct otc_reference_feature *feature);

#endif
