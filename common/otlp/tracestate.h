// SPDX-License-Identifier: Apache-2.0
/**
 * @file Sampling in a W3C trace state: the threshold `ot=th:…` (OpenTelemetry specification, "TraceState:
 * Probability Sampling"), and `ot=p:…`, which older SDKs wrote ("TraceState: Probability Sampling" up
 * to 1.34): how many spans one sampled span stands for.
 */
#ifndef OTC_OTLP_TRACESTATE_H
#define OTC_OTLP_TRACESTATE_H

#include "common/base/buf.h"

/** Texts borrow from what was read. */
struct otc_sampling {
    bool has_threshold;
    uint64_t threshold; /* T of 56 bits: sampled with probability 1 - T / 2^56 */
    struct otc_slice threshold_text;
    bool has_randomness;
    uint64_t randomness; /* R of 56 bits, `rv`: sampled when T <= R */
    struct otc_slice randomness_text;
    bool has_p;
    unsigned p; /* 0 to 62: sampled with probability 2^-p */
};
/**
 * What a trace state tells of sampling; an empty one tells nothing. False: it is no valid trace state, and
 * nothing of it counts, as in the Collector's pkg/sampling. A value of `p` that is none is passed over, since
 * the specification gives the name no meaning any more; so is 63, whose span stood for none.
 */
bool otc_tracestate_read(struct otc_slice trace_state, struct otc_sampling *out);
/** The threshold alone, which is all that the Collector knows. False: the state has none, or is not valid. */
bool otc_tracestate_threshold(struct otc_slice trace_state, uint64_t *threshold);

/** A threshold as text: 1 to 14 hexadecimal digits, trailing zeros left out. False: it is none. */
bool otc_sampling_read_threshold(struct otc_slice text, uint64_t *threshold);
/** A randomness as text: exactly 14 hexadecimal digits. */
bool otc_sampling_read_randomness(struct otc_slice text, uint64_t *randomness);

/**
 * Appends a valid trace state with the texts of `sampling` (empty: none) in place of its own, as the
 * Collector writes it: `ot` first, in it `rv`, `th` and what else it has, then the other members in order,
 * without blanks between them. False when `out` is full.
 */
bool otc_tracestate_write(struct otc_slice trace_state, const struct otc_sampling *sampling,
                          struct otc_buf *out);

#endif
