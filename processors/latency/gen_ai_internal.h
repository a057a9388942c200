// SPDX-License-Identifier: Apache-2.0
/** @file What gen_ai.c and stages.c share. Private to the folder. */
#ifndef OTC_LATENCY_GEN_AI_INTERNAL_H
#define OTC_LATENCY_GEN_AI_INTERNAL_H

#include "processors/latency/gen_ai.h"

/** What is read of a span; several attributes may hold one of these, the first present one counts. */
enum gen_ai_value {
    GEN_AI_OPERATION,
    GEN_AI_PROVIDER,
    GEN_AI_REQUEST_MODEL,
    GEN_AI_RESPONSE_MODEL,
    GEN_AI_INPUT_TOKENS,
    GEN_AI_OUTPUT_TOKENS,
    GEN_AI_FIRST_TOKEN,    /* s, by the server */
    GEN_AI_FIRST_CHUNK,    /* s, by the client */
    GEN_AI_FIRST_CHUNK_MS, /* the same in ms */
    GEN_AI_E2E,
    GEN_AI_STAGE_QUEUE, /* the stages in the order of their names */
    GEN_AI_STAGE_SCHEDULER,
    GEN_AI_STAGE_PREFILL,
    GEN_AI_STAGE_DECODE,
    GEN_AI_STAGE_INFERENCE,
    GEN_AI_STAGE_FORWARD,
    GEN_AI_STAGE_EXECUTE,
    GEN_AI_TRITON_MODEL,
    GEN_AI_TRITON_VERSION,
    GEN_AI_ADDRESS,
    GEN_AI_PORT,
    GEN_AI_N_VALUES
};

/** Instruments of a call, on the client's or the server's side. */
enum gen_ai_instrument {
    GEN_AI_DURATION,
    GEN_AI_INPUT,
    GEN_AI_OUTPUT,
    GEN_AI_FIRST,
    GEN_AI_PER_TOKEN,
    GEN_AI_RATE,
    GEN_AI_N_INSTRUMENTS
};

enum gen_ai_side { GEN_AI_CLIENT, GEN_AI_SERVER, GEN_AI_N_SIDES };

/** Stages as an inference server tells them; the first ones in the order of enum gen_ai_value. */
enum gen_ai_stage {
    GEN_AI_QUEUE,
    GEN_AI_SCHEDULER,
    GEN_AI_PREFILL,
    GEN_AI_DECODE,
    GEN_AI_INFERENCE,
    GEN_AI_FORWARD,
    GEN_AI_EXECUTE,
    GEN_AI_COMPUTE_INPUT, /* Triton's */
    GEN_AI_COMPUTE_INFER,
    GEN_AI_COMPUTE_OUTPUT,
    GEN_AI_N_STAGES
};

/** The parts of a compute span of Triton until its request span comes. */
struct gen_ai_compute {
    uint8_t request_id[8]; /* span id of the request */
    bool used;
    int64_t start_ns, input_end_ns, output_start_ns, end_ns; /* 0: unknown */
};
#define GEN_AI_COMPUTES 1024

struct latency_gen_ai {
    size_t n_words;                                  /* of the next two that are in use */
    uint64_t telling[OTC_PROJECTION_MAX / 64];       /* places of what tells a generative call */
    uint64_t asked_for[OTC_PROJECTION_MAX / 64];     /* all places */
    uint8_t source_at[OTC_PROJECTION_MAX];           /* what is read there; for places that are asked for */
    struct otc_histogram_set *calls[GEN_AI_N_SIDES]; /* of enum gen_ai_instrument */
    struct otc_histogram_set *stages;                /* of enum gen_ai_stage */
    struct gen_ai_compute *computes; /* by hash of request_id; made at the first compute span */
    uint64_t unmatched;
};

/** One span as it is read. */
struct gen_ai_span {
    const struct otc_span *span;
    const struct otc_value *error;                   /* error.type */
    const struct otc_value *values[GEN_AI_N_VALUES]; /* those in `present` */
    uint32_t present;                                /* bit: enum gen_ai_value */
    int64_t now_ns;
    int64_t monotonic_ns;
};

/** Whether the span has any of the values from `first` to `last`. */
static inline bool
gen_ai_has(const struct gen_ai_span *seen, enum gen_ai_value first, enum gen_ai_value last)
{
    return (seen->present & (~UINT32_C(0) >> (31 - last)) & (~UINT32_C(0) << first)) != 0;
}
/** A number, not negative; NaN when there is none. */
double latency_gen_ai_number(const struct gen_ai_span *seen, enum gen_ai_value value);
extern const struct otc_histogram_instrument latency_gen_ai_stage_instruments[GEN_AI_N_STAGES];
/** Stages of the span: vLLM's attributes, Triton's events. */
void latency_gen_ai_stages(struct latency_gen_ai *gen_ai, const struct gen_ai_span *seen,
                           const struct otc_model_key *model);
/** True for a span that may be a compute span of Triton, which has no attributes. */
static inline bool
gen_ai_is_compute(const struct otc_span *span)
{
    return span->name.len == 7 && span->events.len > 0 && memcmp(span->name.data, "compute", 7) == 0;
}
/** Keeps such a span until its parent comes. */
void latency_gen_ai_keep_compute(struct latency_gen_ai *gen_ai, const struct otc_span *span);

#endif
