// SPDX-License-Identifier: Apache-2.0
/**
 * @file Timings and tokens of generative calls, under the names, units and bounds of OpenTelemetry's semantic
 * conventions (gen_ai metrics of v1.41.0), and stages of a request where vLLM, SGLang or Triton tell them.
 * Guarded by the stage's lock.
 */
#ifndef OTC_LATENCY_GEN_AI_H
#define OTC_LATENCY_GEN_AI_H

#include "common/analysis/histogram_set.h"
#include "common/analysis/model.h"

/** Opaque. */
struct latency_gen_ai;

/**
 * Entries of a projection that are asked for, with those of the server's address where these are to be
 * attributes; `out` may be NULL to count.
 */
size_t latency_gen_ai_wanted(bool server_address, struct otc_wanted *out);
/** `first`: where these entries begin in the projection; `series`: sets of attributes, at most. NULL out of
 * memory. */
struct latency_gen_ai *latency_gen_ai_new(size_t first, bool server_address, size_t series);
void latency_gen_ai_free(struct latency_gen_ai *gen_ai);
/** Looks at any span; those of no generative call change nothing. `model` names the stages' model, `error` is
 * error.type. */
void latency_gen_ai_observe(struct latency_gen_ai *gen_ai, const struct otc_span *span,
                            const struct otc_model_key *model, const struct otc_value *error, int64_t now_ns,
                            int64_t monotonic_ns);
/** Forgets what had no span since `before_ns` (monotonic) and tells the rest; during a collection. */
void latency_gen_ai_collect(struct latency_gen_ai *gen_ai, struct otc_emitter *emitter, int64_t before_ns);
/** Compute spans of Triton whose request span was never met. */
uint64_t latency_gen_ai_unmatched(const struct latency_gen_ai *gen_ai);

#endif
