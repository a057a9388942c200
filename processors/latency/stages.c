// SPDX-License-Identifier: Apache-2.0
/*
 * Stages of a request. vLLM and SGLang tell them as attributes of the request's span. Triton tells when they
 * began as events: QUEUE_START in the request's span, COMPUTE_START to COMPUTE_END in a child named
 * "compute", which has no attributes and ends, so comes, first; it is kept until its parent names the model.
 */
#include "processors/latency/gen_ai_internal.h"

#include <math.h>

/* From Triton's microseconds to a long generation. */
static const double stage_bounds[] = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                      0.1,    0.25,    0.5,    1.0,   2.5,    5.0,   10.0, 30.0};
static const struct otc_metric stage_metric = {.name = "ml.inference.stage.duration",
                                               .unit = "s",
                                               .description =
                                                   "Duration of a request's stages, by model and stage.",
                                               .type = OTC_METRIC_HISTOGRAM,
                                               .temporality = OTC_TEMPORALITY_CUMULATIVE};
#define STAGE(name)                                                                                          \
    {                                                                                                        \
        &stage_metric, stage_bounds, sizeof(stage_bounds) / sizeof(stage_bounds[0]),                         \
        {                                                                                                    \
            OTC_SLICE_LIT("ml.inference.stage"),                                                             \
            {                                                                                                \
                OTC_VALUE_STRING,                                                                            \
                {                                                                                            \
                    .slice = OTC_SLICE_LIT(name)                                                             \
                }                                                                                            \
            }                                                                                                \
        }                                                                                                    \
    }
const struct otc_histogram_instrument latency_gen_ai_stage_instruments[GEN_AI_N_STAGES] = {
    STAGE("queue"),         STAGE("scheduler"),      STAGE("prefill"), STAGE("decode"),
    STAGE("inference"),     STAGE("forward"),        STAGE("execute"), STAGE("compute_input"),
    STAGE("compute_infer"), STAGE("compute_output"),
};

/* Durations of one span's stages, seconds; NaN where it tells none. */
struct durations {
    double seconds[GEN_AI_N_STAGES];
    bool any;
};

static void
set(struct durations *durations, enum gen_ai_stage stage, double seconds)
{
    durations->seconds[stage] = seconds;
    durations->any = durations->any || (isfinite(seconds) && seconds >= 0);
}

/* ---- Triton ---------------------------------------------------------------------------------------- */

/* Times of the events a span has, unix nanoseconds; 0 where it has none. */
struct times {
    int64_t queue;
    struct gen_ai_compute compute;
};

static void
read_times(const struct otc_span *span, struct times *times)
{
    const struct {
        const char *name;
        int64_t *time;
    } events[] = {{"QUEUE_START", &times->queue},
                  {"COMPUTE_START", &times->compute.start_ns},
                  {"COMPUTE_INPUT_END", &times->compute.input_end_ns},
                  {"COMPUTE_OUTPUT_START", &times->compute.output_start_ns},
                  {"COMPUTE_END", &times->compute.end_ns}};
    struct otc_slice rest = span->events, event;

    *times = (struct times){0};
    while (otc_messages_next(&rest, 11, &event)) {
        struct otc_slice name = otc_message_bytes(event, 2);

        for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
            if (otc_slice_equal_str(name, events[i].name)) {
                *events[i].time = (int64_t)otc_message_scalar(event, 1, 0);
            }
        }
    }
}

/* The place of a request's compute span; span ids are random. NULL without memory. */
static struct gen_ai_compute *
place_of(struct latency_gen_ai *gen_ai, struct otc_slice span_id)
{
    uint64_t id;

    if (span_id.len != sizeof(id)) {
        return NULL;
    }
    if (!gen_ai->computes) {
        gen_ai->computes = calloc(GEN_AI_COMPUTES, sizeof(*gen_ai->computes));
    }
    memcpy(&id, span_id.data, sizeof(id));
    return gen_ai->computes ? &gen_ai->computes[id % GEN_AI_COMPUTES] : NULL;
}

void
latency_gen_ai_keep_compute(struct latency_gen_ai *gen_ai, const struct otc_span *span)
{
    struct times times;
    struct gen_ai_compute *place;

    read_times(span, &times);
    if (times.compute.start_ns == 0) {
        return;
    }
    place = place_of(gen_ai, span->parent_span_id);
    if (!place) {
        gen_ai->unmatched++;
        return;
    }
    gen_ai->unmatched += place->used;
    *place = times.compute;
    place->used = true;
    memcpy(place->request_id, span->parent_span_id.data, sizeof(place->request_id));
}

static double
between(int64_t from_ns, int64_t to_ns)
{
    return from_ns > 0 && to_ns > 0 ? (double)(to_ns - from_ns) / 1e9 : NAN;
}

static void
read_triton(struct latency_gen_ai *gen_ai, const struct otc_span *span, struct durations *durations)
{
    struct times times;
    struct gen_ai_compute *place = gen_ai->computes ? place_of(gen_ai, span->span_id) : NULL;

    read_times(span, &times);
    if (place && place->used &&
        memcmp(place->request_id, span->span_id.data, sizeof(place->request_id)) == 0) {
        times.compute = *place;
        place->used = false;
    }
    set(durations, GEN_AI_QUEUE, between(times.queue, times.compute.start_ns));
    set(durations, GEN_AI_COMPUTE_INPUT, between(times.compute.start_ns, times.compute.input_end_ns));
    set(durations, GEN_AI_COMPUTE_INFER, between(times.compute.input_end_ns, times.compute.output_start_ns));
    set(durations, GEN_AI_COMPUTE_OUTPUT, between(times.compute.output_start_ns, times.compute.end_ns));
}

/* ---- Both ------------------------------------------------------------------------------------------ */

static void
add_durations(struct latency_gen_ai *gen_ai, const struct gen_ai_span *seen,
              const struct otc_model_key *model, const struct durations *durations)
{
    const bool triton = gen_ai_has(seen, GEN_AI_TRITON_MODEL, GEN_AI_TRITON_MODEL);
    struct otc_attribute attributes[] = {OTC_ATTR_SLICE("ml.model.name", model->name),
                                         OTC_ATTR_SLICE("ml.model.version", model->version)};
    struct otc_histogram_series *series;

    if (triton) {
        attributes[0].value = *seen->values[GEN_AI_TRITON_MODEL];
        attributes[1].value = *seen->values[GEN_AI_TRITON_VERSION];
    } else if (model->version.len == 0) {
        attributes[1].value.type = OTC_VALUE_ABSENT;
    }
    series = otc_histogram_set_get(gen_ai->stages, attributes, 2, seen->now_ns, seen->monotonic_ns);
    for (int i = 0; series && i < GEN_AI_N_STAGES; i++) {
        if (isfinite(durations->seconds[i]) && durations->seconds[i] >= 0) {
            otc_histogram_set_add(gen_ai->stages, series, (size_t)i, durations->seconds[i]);
        }
    }
}

void
latency_gen_ai_stages(struct latency_gen_ai *gen_ai, const struct gen_ai_span *seen,
                      const struct otc_model_key *model)
{
    struct durations durations = {.any = false};

    for (int i = 0; i < GEN_AI_N_STAGES; i++) {
        set(&durations, i, i <= GEN_AI_EXECUTE ? latency_gen_ai_number(seen, GEN_AI_STAGE_QUEUE + i) : NAN);
    }
    if (gen_ai_has(seen, GEN_AI_TRITON_MODEL, GEN_AI_TRITON_MODEL)) {
        read_triton(gen_ai, seen->span, &durations);
    }
    if (durations.any) {
        add_durations(gen_ai, seen, model, &durations);
    }
}
