// SPDX-License-Identifier: Apache-2.0
/**
 * @file The decision whether an item is sampled: consistent probability sampling with a threshold T and a
 * randomness R of 56 bits, sampled when T <= R (OpenTelemetry specification, "TraceState: Probability
 * Sampling"), and the Collector's older hash, whose 14 bits it writes as such numbers. Pure.
 */
#ifndef PROBABILISTIC_SAMPLER_DECIDE_H
#define PROBABILISTIC_SAMPLER_DECIDE_H

#include "common/otlp/tracestate.h"

enum sampler_mode { SAMPLER_HASH_SEED, SAMPLER_PROPORTIONAL, SAMPLER_EQUALIZING, SAMPLER_NEVER };

struct sampler {
    enum sampler_mode mode;
    /** HASH_SEED, EQUALIZING: of every item. */
    uint64_t threshold;
    /** PROPORTIONAL: what an arriving probability is multiplied with. */
    double ratio;
    /** Hexadecimal digits of a threshold, 1 to 14. */
    int precision;
    uint32_t seed;
    /** Whether an item that cannot be judged is dropped. */
    bool fail_closed;
};
/** `percentage` from 0; 100 and more: everything. */
void probabilistic_sampler_init(struct sampler *sampler, enum sampler_mode mode, float percentage,
                                uint32_t seed, int precision, bool fail_closed);

#define SAMPLER_ALWAYS ((uint64_t)0)
/** Above every randomness. */
#define SAMPLER_FOREVER_NOT ((uint64_t)1 << 56)
/** A probability of 2^-56 to 1 as a threshold, rounded to `precision` digits behind the leading 0s or fs.
 * False: out of that range. */
bool probabilistic_sampler_threshold(double probability, int precision, uint64_t *threshold);

/** What the randomness, or the decision, came from; the label `policy` of the count. */
enum sampler_policy {
    SAMPLER_TRACE_ID_HASH,
    SAMPLER_TRACE_ID_W3C,
    SAMPLER_RANDOMNESS,
    SAMPLER_PRIORITY,
    SAMPLER_MISSING,
    SAMPLER_ATTRIBUTE,
    SAMPLER_N_POLICIES
};

/** One span or record. */
struct sampler_item {
    /** 16 bytes, or empty: it has none. */
    struct otc_slice trace_id;
    /** HASH_SEED without a trace id: what is hashed instead, or empty. */
    struct otc_slice attribute;
    /** What it says of sampling; why that cannot be read, or NULL. */
    struct otc_sampling sampling;
    const char *unreadable;
    /** A log record: it is not given a randomness when there is none, and what cannot be read in it may be
     * replaced. A span's trace state is others' too. */
    bool is_record;
    /** A decision of its own: this threshold. */
    bool has_priority;
    uint64_t priority;

    /* The answers. */
    bool sampled;
    enum sampler_policy policy;
    /** What went wrong; NULL: nothing. */
    const char *problem;
    /** Sampled: whether `sampling` is to be written to the item; its texts lie here. */
    bool writes;
    char threshold_text[15];
    char randomness_text[15];
};
void probabilistic_sampler_decide(const struct sampler *sampler, struct sampler_item *item);

#endif
