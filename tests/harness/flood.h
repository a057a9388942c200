// SPDX-License-Identifier: Apache-2.0
/**
 * @file Scoring traffic with everything in it that has no bound of its own: made-up models, versions, arms,
 * feature names, categories, keys of every length, times out of order. For what must stay flat however much
 * comes.
 */
#ifndef OTC_TESTS_FLOOD_H
#define OTC_TESTS_FLOOD_H

#include "common/base/buf.h"

struct otc_flood {
    uint64_t random; /* the seed */
    /** Records written. The first `calm` of them are of the usual models alone. */
    uint64_t records, calm;
    /** Observations (feature values) written. */
    uint64_t observations;
};

/** Appends one export request of `n` spans around `now_ns` to `out`. */
void otc_flood_request(struct otc_flood *flood, int64_t now_ns, size_t n, struct otc_buf *out);

#endif
