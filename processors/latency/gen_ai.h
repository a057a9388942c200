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

/** Entries that latency_gen_ai_new adds to a projection, at most. */
#define LATENCY_GEN_AI_WANTED_MAX 40
/**
 * Adds what it reads to the `*n` entries of a projection, where they do not have it yet; with the server's
 * address where that is to be an attribute. `series`: sets of attributes, at most. NULL out of memory.
 */
struct latency_gen_ai *latency_gen_ai_new(struct otc_wanted *wanted, size_t *n, bool server_address,
                                          size_t series);
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
