// SPDX-License-Identifier: Apache-2.0
#include "processors/latency/gen_ai_internal.h"

#include "common/analysis/features.h"

#include <math.h>

/* ---- What is read ---------------------------------------------------------------------------------- */

/* Attribute names as data: current ones first, then those of former conventions and of other
 * instrumentations. */
static const struct {
    enum gen_ai_value value;
    const char *key;
} sources[] = {
    {GEN_AI_OPERATION, "gen_ai.operation.name"},
    {GEN_AI_OPERATION, "llm.request.type"},
    {GEN_AI_PROVIDER, "gen_ai.provider.name"},
    {GEN_AI_PROVIDER, "gen_ai.system"},
    {GEN_AI_PROVIDER, "llm.provider"},
    {GEN_AI_PROVIDER, "llm.system"},
    {GEN_AI_REQUEST_MODEL, "gen_ai.request.model"},
    {GEN_AI_REQUEST_MODEL, "llm.model_name"},
    {GEN_AI_RESPONSE_MODEL, "gen_ai.response.model"},
    {GEN_AI_INPUT_TOKENS, "gen_ai.usage.input_tokens"},
    {GEN_AI_INPUT_TOKENS, "gen_ai.usage.prompt_tokens"},
    {GEN_AI_INPUT_TOKENS, "llm.token_count.prompt"},
    {GEN_AI_OUTPUT_TOKENS, "gen_ai.usage.output_tokens"},
    {GEN_AI_OUTPUT_TOKENS, "gen_ai.usage.completion_tokens"},
    {GEN_AI_OUTPUT_TOKENS, "llm.token_count.completion"},
    {GEN_AI_FIRST_TOKEN, "gen_ai.latency.time_to_first_token"},
    {GEN_AI_FIRST_CHUNK, "gen_ai.response.time_to_first_chunk"},
    {GEN_AI_FIRST_CHUNK_MS, "ai.response.msToFirstChunk"},
    {GEN_AI_E2E, "gen_ai.latency.e2e"},
    {GEN_AI_STAGE_QUEUE, "gen_ai.latency.time_in_queue"},
    {GEN_AI_STAGE_SCHEDULER, "gen_ai.latency.time_in_scheduler"},
    {GEN_AI_STAGE_PREFILL, "gen_ai.latency.time_in_model_prefill"},
    {GEN_AI_STAGE_DECODE, "gen_ai.latency.time_in_model_decode"},
    {GEN_AI_STAGE_INFERENCE, "gen_ai.latency.time_in_model_inference"},
    {GEN_AI_STAGE_FORWARD, "gen_ai.latency.time_in_model_forward"},
    {GEN_AI_STAGE_EXECUTE, "gen_ai.latency.time_in_model_execute"},
    {GEN_AI_TRITON_MODEL, "triton.model_name"},
    {GEN_AI_TRITON_VERSION, "triton.model_version"},
    {GEN_AI_ADDRESS, "server.address"}, /* the last two are asked for on request */
    {GEN_AI_PORT, "server.port"},
};
#define N_SOURCES (sizeof(sources) / sizeof(sources[0]))
#define N_TELLING (N_SOURCES - 2)

/* Events whose first one tells when the answer began: OpenLLMetry (two generations), OpenInference, Vercel's
 * AI SDK. */
static const char *const first_chunk_events[] = {"gen_ai.content.completion.chunk",
                                                 "llm.content.completion.chunk", "First Token Stream Event",
                                                 "ai.stream.firstChunk"};

_Static_assert(N_SOURCES <= LATENCY_GEN_AI_WANTED_MAX, "no room for the sources");

/* The key's place among the wanted ones, which it joins if it is none of them. */
static size_t
place_of(struct otc_wanted *wanted, size_t *n, const char *key)
{
    size_t at = 0;

    while (at < *n && (wanted[at].prefix || strcmp(wanted[at].key, key) != 0 ||
                       (wanted[at].level != OTC_AT_RECORD && wanted[at].level != OTC_AT_ANY))) {
        at++;
    }
    if (at == *n) {
        wanted[(*n)++] = (struct otc_wanted){.key = key, .level = OTC_AT_RECORD};
    }
    return at;
}

static void
find_places(struct latency_gen_ai *gen_ai, struct otc_wanted *wanted, size_t *n, bool server_address)
{
    for (size_t i = 0; i < (server_address ? N_SOURCES : N_TELLING); i++) {
        size_t place = place_of(wanted, n, sources[i].key);
        uint64_t bit = UINT64_C(1) << (place % 64);

        gen_ai->source_at[place] = (uint8_t)i;
        gen_ai->asked_for[place / 64] |= bit;
        gen_ai->telling[place / 64] |= i < N_TELLING ? bit : 0;
    }
    gen_ai->n_words = (*n + 63) / 64;
}

/* ---- Instruments ----------------------------------------------------------------------------------- */

static const double duration_bounds[] = {0.01, 0.02, 0.04, 0.08,  0.16,  0.32,  0.64,
                                         1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92};
static const double token_bounds[] = {1,     4,     16,     64,      256,     1024,     4096,
                                      16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864};
static const double first_token_bounds[] = {0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1,
                                            0.25,  0.5,   0.75, 1.0,  2.5,  5.0,  7.5,  10.0};
static const double per_token_bounds[] = {0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2,
                                          0.3,  0.4,   0.5,  0.75,  1.0, 2.5};
/* Without a standard: rates from a slow CPU to a batch of an accelerator. */
static const double rate_bounds[] = {1, 2, 5, 10, 20, 30, 50, 75, 100, 150, 200, 300, 500, 1000, 2000, 5000};

#define HISTOGRAM(metric_name, metric_unit, text)                                                            \
    {                                                                                                        \
        .name = (metric_name), .unit = (metric_unit), .description = (text), .type = OTC_METRIC_HISTOGRAM,   \
        .temporality = OTC_TEMPORALITY_CUMULATIVE                                                            \
    }
enum { OF_DURATION, OF_TOKENS, OF_FIRST, OF_PER_TOKEN, OF_RATE, N_METRICS };
static const struct otc_metric metrics[GEN_AI_N_SIDES][N_METRICS] = {
    {HISTOGRAM("gen_ai.client.operation.duration", "s", "GenAI operation duration."),
     HISTOGRAM("gen_ai.client.token.usage", "{token}", "Number of input and output tokens used."),
     HISTOGRAM("gen_ai.client.operation.time_to_first_chunk", "s", "Time to receive the first chunk."),
     HISTOGRAM("gen_ai.client.operation.time_per_output_token", "s",
               "Time per output token after the first chunk, as the client sees it."),
     HISTOGRAM("gen_ai.client.operation.output_token_rate", "{token}/s",
               "Output tokens over the operation's duration.")},
    {HISTOGRAM("gen_ai.server.request.duration", "s",
               "Generative AI server request duration such as time-to-last byte or last output token."),
     HISTOGRAM("gen_ai.server.token.usage", "{token}", "Number of input and output tokens served."),
     HISTOGRAM("gen_ai.server.time_to_first_token", "s",
               "Time to generate first token for successful responses."),
     HISTOGRAM("gen_ai.server.time_per_output_token", "s",
               "Time per output token generated after the first token for successful responses."),
     HISTOGRAM("gen_ai.server.request.output_token_rate", "{token}/s",
               "Output tokens over the request's duration.")},
};

#define BOUNDS(bounds) (bounds), sizeof(bounds) / sizeof((bounds)[0])
#define NO_ATTRIBUTE                                                                                         \
    {                                                                                                        \
        .value = {.type = OTC_VALUE_ABSENT }                                                                 \
    }
#define TOKEN_TYPE(text)                                                                                     \
    {                                                                                                        \
        OTC_SLICE_LIT("gen_ai.token.type"),                                                                  \
        {                                                                                                    \
            OTC_VALUE_STRING,                                                                                \
            {                                                                                                \
                .slice = OTC_SLICE_LIT(text)                                                                 \
            }                                                                                                \
        }                                                                                                    \
    }
static const struct otc_histogram_instrument instruments[GEN_AI_N_SIDES][GEN_AI_N_INSTRUMENTS] = {
    {{&metrics[0][OF_DURATION], BOUNDS(duration_bounds), NO_ATTRIBUTE},
     {&metrics[0][OF_TOKENS], BOUNDS(token_bounds), TOKEN_TYPE("input")},
     {&metrics[0][OF_TOKENS], BOUNDS(token_bounds), TOKEN_TYPE("output")},
     {&metrics[0][OF_FIRST], BOUNDS(duration_bounds), NO_ATTRIBUTE},
     {&metrics[0][OF_PER_TOKEN], BOUNDS(per_token_bounds), NO_ATTRIBUTE},
     {&metrics[0][OF_RATE], BOUNDS(rate_bounds), NO_ATTRIBUTE}},
    {{&metrics[1][OF_DURATION], BOUNDS(duration_bounds), NO_ATTRIBUTE},
     {&metrics[1][OF_TOKENS], BOUNDS(token_bounds), TOKEN_TYPE("input")},
     {&metrics[1][OF_TOKENS], BOUNDS(token_bounds), TOKEN_TYPE("output")},
     {&metrics[1][OF_FIRST], BOUNDS(first_token_bounds), NO_ATTRIBUTE},
     {&metrics[1][OF_PER_TOKEN], BOUNDS(per_token_bounds), NO_ATTRIBUTE},
     {&metrics[1][OF_RATE], BOUNDS(rate_bounds), NO_ATTRIBUTE}},
};

struct latency_gen_ai *
latency_gen_ai_new(struct otc_wanted *wanted, size_t *n, bool server_address, size_t series)
{
    struct latency_gen_ai *gen_ai = calloc(1, sizeof(*gen_ai));

    if (!gen_ai) {
        return NULL;
    }
    find_places(gen_ai, wanted, n, server_address);
    for (int side = 0; side < GEN_AI_N_SIDES; side++) {
        gen_ai->calls[side] = otc_histogram_set_new(instruments[side], GEN_AI_N_INSTRUMENTS, series);
    }
    gen_ai->stages = otc_histogram_set_new(latency_gen_ai_stage_instruments, GEN_AI_N_STAGES, series);
    if (!gen_ai->calls[GEN_AI_CLIENT] || !gen_ai->calls[GEN_AI_SERVER] || !gen_ai->stages) {
        latency_gen_ai_free(gen_ai);
        return NULL;
    }
    return gen_ai;
}

void
latency_gen_ai_free(struct latency_gen_ai *gen_ai)
{
    if (gen_ai) {
        for (int side = 0; side < GEN_AI_N_SIDES; side++) {
            otc_histogram_set_free(gen_ai->calls[side]);
        }
        otc_histogram_set_free(gen_ai->stages);
        free(gen_ai->computes);
        free(gen_ai);
    }
}

uint64_t
latency_gen_ai_unmatched(const struct latency_gen_ai *gen_ai)
{
    return gen_ai->unmatched;
}

void
latency_gen_ai_collect(struct latency_gen_ai *gen_ai, struct otc_emitter *emitter, int64_t before_ns)
{
    for (int side = 0; side < GEN_AI_N_SIDES; side++) {
        otc_histogram_set_expire(gen_ai->calls[side], before_ns);
        otc_histogram_set_emit(gen_ai->calls[side], emitter);
    }
    otc_histogram_set_expire(gen_ai->stages, before_ns);
    otc_histogram_set_emit(gen_ai->stages, emitter);
}

/* ---- Reading a span -------------------------------------------------------------------------------- */

static const struct otc_value absent = {.type = OTC_VALUE_ABSENT};

/* True when the span itself has an attribute that only generative calls and inference servers have. */
static bool
tells(const struct latency_gen_ai *gen_ai, const struct otc_record *record)
{
    uint64_t found = 0;

    for (size_t word = 0; word < gen_ai->n_words; word++) {
        found |= record->own[word] & gen_ai->telling[word];
    }
    return found != 0;
}

static void
read_span(const struct latency_gen_ai *gen_ai, struct gen_ai_span *seen)
{
    const struct otc_record *record = &seen->span->record;
    uint8_t source_of[GEN_AI_N_VALUES];

    for (int i = 0; i < GEN_AI_N_VALUES; i++) {
        seen->values[i] = &absent;
    }
    for (size_t word = 0; word < gen_ai->n_words; word++) {
        for (uint64_t bits = record->own[word] & gen_ai->asked_for[word]; bits; bits &= bits - 1) {
            size_t at = word * 64 + (size_t)__builtin_ctzll(bits);
            uint8_t source = gen_ai->source_at[at];
            enum gen_ai_value value = sources[source].value;

            if (!(seen->present >> value & 1) || source < source_of[value]) {
                seen->values[value] = &record->values[at];
                seen->present |= UINT32_C(1) << value;
                source_of[value] = source;
            }
        }
    }
}

double
latency_gen_ai_number(const struct gen_ai_span *seen, enum gen_ai_value value)
{
    double number;

    return gen_ai_has(seen, value, value) &&
                   otc_value_number(seen->values[value], &number) == OTC_CLASS_VALUE && number >= 0
               ? number
               : NAN;
}

static bool
is_first_chunk(struct otc_slice event)
{
    struct otc_slice name = otc_message_bytes(event, 2);

    for (size_t i = 0; i < sizeof(first_chunk_events) / sizeof(first_chunk_events[0]); i++) {
        if (otc_slice_equal_str(name, first_chunk_events[i])) {
            return true;
        }
    }
    return false;
}

/* Seconds from the start to the first chunk's event; NaN without one. */
static double
first_chunk_event(const struct otc_span *span)
{
    struct otc_slice rest = span->events, event;
    double first = NAN;

    while (otc_messages_next(&rest, 11, &event)) {
        uint64_t at = is_first_chunk(event) ? otc_message_scalar(event, 1, 0) : 0;
        double seconds = (double)(int64_t)(at - span->start_unix_nano) / 1e9;

        if (at >= span->start_unix_nano && at > 0 && !(seconds >= first)) {
            first = seconds;
        }
    }
    return first;
}

/* Time to the first chunk as the client saw it, seconds. */
static double
first_chunk(const struct gen_ai_span *seen)
{
    double seconds = latency_gen_ai_number(seen, GEN_AI_FIRST_CHUNK);

    if (isnan(seconds)) {
        seconds = latency_gen_ai_number(seen, GEN_AI_FIRST_CHUNK_MS) / 1e3;
    }
    return isnan(seconds) && seen->span->events.len > 0 ? first_chunk_event(seen->span) : seconds;
}

/* ---- Counting -------------------------------------------------------------------------------------- */

/* Attributes of the conventions; the last is error.type. */
#define N_ATTRIBUTES 7
#define ATTRIBUTE_ERROR (N_ATTRIBUTES - 1)

static void
make_attributes(const struct gen_ai_span *seen, struct otc_attribute out[N_ATTRIBUTES])
{
    static const struct {
        struct otc_slice key;
        enum gen_ai_value value;
    } from[ATTRIBUTE_ERROR] = {
        {OTC_SLICE_LIT("gen_ai.operation.name"), GEN_AI_OPERATION},
        {OTC_SLICE_LIT("gen_ai.provider.name"), GEN_AI_PROVIDER},
        {OTC_SLICE_LIT("gen_ai.request.model"), GEN_AI_REQUEST_MODEL},
        {OTC_SLICE_LIT("gen_ai.response.model"), GEN_AI_RESPONSE_MODEL},
        {OTC_SLICE_LIT("server.address"), GEN_AI_ADDRESS},
        {OTC_SLICE_LIT("server.port"), GEN_AI_PORT},
    };

    for (size_t i = 0; i < ATTRIBUTE_ERROR; i++) {
        out[i] = (struct otc_attribute){from[i].key, *seen->values[from[i].value]};
    }
    out[ATTRIBUTE_ERROR] = (struct otc_attribute){OTC_SLICE_LIT("error.type"), absent};
}

/* The series of one call. */
struct call {
    struct otc_histogram_set *set;
    struct otc_histogram_series *series;
};

static void
add(const struct call *call, enum gen_ai_instrument instrument, double value)
{
    if (call->series && isfinite(value) && value >= 0) {
        otc_histogram_set_add(call->set, call->series, instrument, value);
    }
}

/* The duration of a call that failed is told apart by its error; its tokens are not. */
static void
add_failed(const struct call *call, const struct gen_ai_span *seen,
           struct otc_attribute attributes[N_ATTRIBUTES], double e2e)
{
    struct call failed = {.set = call->set};

    attributes[ATTRIBUTE_ERROR] = OTC_ATTR_STR("error.type", "_OTHER");
    if (seen->error->type != OTC_VALUE_ABSENT) {
        attributes[ATTRIBUTE_ERROR].value = *seen->error;
    }
    failed.series =
        otc_histogram_set_get(failed.set, attributes, N_ATTRIBUTES, seen->now_ns, seen->monotonic_ns);
    add(&failed, GEN_AI_DURATION, e2e);
}

static void
add_call(struct latency_gen_ai *gen_ai, const struct gen_ai_span *seen, enum gen_ai_side side)
{
    const struct otc_span *span = seen->span;
    bool failed = span->status_code == 2 || seen->error->type != OTC_VALUE_ABSENT;
    double e2e = latency_gen_ai_number(seen, GEN_AI_E2E),
           output = latency_gen_ai_number(seen, GEN_AI_OUTPUT_TOKENS), first;
    struct call call = {.set = gen_ai->calls[side]};
    struct otc_attribute attributes[N_ATTRIBUTES];

    if (isnan(e2e) && span->start_unix_nano > 0 && span->end_unix_nano >= span->start_unix_nano) {
        e2e = (double)(span->end_unix_nano - span->start_unix_nano) / 1e9;
    }
    make_attributes(seen, attributes);
    call.series = otc_histogram_set_get(call.set, attributes, N_ATTRIBUTES, seen->now_ns, seen->monotonic_ns);
    add(&call, GEN_AI_INPUT, latency_gen_ai_number(seen, GEN_AI_INPUT_TOKENS));
    add(&call, GEN_AI_OUTPUT, output);
    if (failed) {
        add_failed(&call, seen, attributes, e2e);
        return; /* the rest is of successful responses */
    }
    add(&call, GEN_AI_DURATION, e2e);
    first = side == GEN_AI_SERVER ? latency_gen_ai_number(seen, GEN_AI_FIRST_TOKEN) : first_chunk(seen);
    add(&call, GEN_AI_FIRST, first);
    if (output >= 2) {
        add(&call, GEN_AI_PER_TOKEN, (e2e - first) / (output - 1));
    }
    if (output > 0 && e2e > 0) {
        add(&call, GEN_AI_RATE, output / e2e);
    }
}

/* A span of a server: by its kind, or by what only a server knows. */
static enum gen_ai_side
side_of(const struct gen_ai_span *seen)
{
    bool server = seen->span->kind == 2 || gen_ai_has(seen, GEN_AI_FIRST_TOKEN, GEN_AI_FIRST_TOKEN) ||
                  gen_ai_has(seen, GEN_AI_E2E, GEN_AI_STAGE_EXECUTE);

    return server ? GEN_AI_SERVER : GEN_AI_CLIENT;
}

/* A call names its operation or model, counts tokens or tells a latency; Triton's spans do not. */
static bool
is_call(const struct gen_ai_span *seen)
{
    return gen_ai_has(seen, GEN_AI_OPERATION, GEN_AI_OPERATION) ||
           gen_ai_has(seen, GEN_AI_REQUEST_MODEL, GEN_AI_STAGE_EXECUTE);
}

static __attribute__((noinline)) void /* most spans have no use for its frame */
observe_call(struct latency_gen_ai *gen_ai, const struct otc_span *span, const struct otc_model_key *model,
             const struct otc_value *error, int64_t now_ns, int64_t monotonic_ns)
{
    struct gen_ai_span seen;

    seen.span = span;
    seen.error = error;
    seen.present = 0;
    seen.now_ns = now_ns;
    seen.monotonic_ns = monotonic_ns;
    read_span(gen_ai, &seen);
    if (is_call(&seen)) {
        add_call(gen_ai, &seen, side_of(&seen));
    }
    if (gen_ai_has(&seen, GEN_AI_STAGE_QUEUE, GEN_AI_TRITON_MODEL)) {
        latency_gen_ai_stages(gen_ai, &seen, model);
    }
}

void
latency_gen_ai_observe(struct latency_gen_ai *gen_ai, const struct otc_span *span,
                       const struct otc_model_key *model, const struct otc_value *error, int64_t now_ns,
                       int64_t monotonic_ns)
{
    if (tells(gen_ai, &span->record)) {
        observe_call(gen_ai, span, model, error, now_ns, monotonic_ns);
    } else if (gen_ai_is_compute(span)) {
        latency_gen_ai_keep_compute(gen_ai, span);
    }
}
