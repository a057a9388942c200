// SPDX-License-Identifier: Apache-2.0
/** @file What each detector implements. Of use inside common/stats alone. */
#ifndef OTC_STATS_DETECTOR_INTERNAL_H
#define OTC_STATS_DETECTOR_INTERNAL_H

#include "common/stats/detector.h"

/** One type of detector. Its state is plain memory without pointers, zeroed, then `reset`. */
struct otc__detector_ops {
    const char *name;
    const struct otc_detector_parameter *parameters; /* ended by one without name */
    bool counts_errors, needs_shares;
    size_t (*bytes)(const double *parameters);
    void (*reset)(void *state, const double *parameters);
    /** Whether bytes are a state that `add` can have left; NULL: any are. */
    bool (*holds)(const void *state, const double *parameters);
    enum otc_detector_signal (*add)(void *state, const double *parameters, double value);
};

extern const struct otc__detector_ops otc__adwin, otc__page_hinkley, otc__cusum, otc__ddm, otc__eddm,
    otc__hddm_a, otc__hddm_w, otc__kswin;

/** A running mean, as river's stats.Mean. */
struct otc__mean {
    uint64_t n;
    double mean;
};
static inline void
otc__mean_add(struct otc__mean *mean, double value)
{
    mean->n++;
    mean->mean += (value - mean->mean) / (double)mean->n;
}

/** The Mersenne Twister, MT19937 (Matsumoto and Nishimura, ACM TOMACS 8(1), 1998), seeded as CPython's
 * random.Random(seed) does for 0 <= seed < 2^32. */
#define OTC__TWISTER_WORDS 624
struct otc__twister {
    uint32_t words[OTC__TWISTER_WORDS];
    uint32_t at;
};
void otc__twister_seed(struct otc__twister *twister, uint32_t seed);
uint32_t otc__twister_next(struct otc__twister *twister);
/** CPython's Random.sample(range(n), k): k different indices below n, in `out`; `pool` holds n. */
void otc__twister_sample(struct otc__twister *twister, uint32_t n, uint32_t k, uint32_t *out, uint32_t *pool);

#endif
