// SPDX-License-Identifier: Apache-2.0
/**
 * @file The sampling threshold of a W3C trace state (`ot=th:…`; OpenTelemetry specification, "TraceState:
 * Probability Sampling"): how many spans one sampled span stands for.
 */
#ifndef OTC_OTLP_TRACESTATE_H
#define OTC_OTLP_TRACESTATE_H

#include "common/base/slice.h"

/**
 * The rejection threshold T of 56 bits: the span was sampled with probability 1 - T / 2^56. False: the state
 * has none, or is no valid trace state (then nothing of it counts, as in the Collector's pkg/sampling).
 */
bool otc_tracestate_threshold(struct otc_slice trace_state, uint64_t *threshold);

#endif
