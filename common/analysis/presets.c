// SPDX-License-Identifier: Apache-2.0
#include "common/analysis/presets.h"

#include <math.h>

const char *const otc_preset_names[] = {"ml",     "gen_ai", "openinference", "openllmetry", "mlflow",
                                        "kserve", "vllm",   "triton",        "tgi",         NULL};

#define ATTRIBUTE(key) "attributes[\"" key "\"]"

/* What every dialect has, computed alike. */
#define TOKENS(feature, ...)                                                                                 \
    {                                                                                                        \
        .name = (feature), .kind = OTC_KIND_TOKENS, .type = OTC_NUMERIC, .from = {__VA_ARGS__},              \
        .qualifies = true                                                                                    \
    }
#define TOKEN_RATIO                                                                                          \
    {                                                                                                        \
        .name = "token_ratio", .origin = "output_tokens / input_tokens", .kind = OTC_KIND_TOKENS,            \
        .type = OTC_NUMERIC, .reader = OTC_READ_TOKEN_RATIO                                                  \
    }
#define DURATION                                                                                             \
    {                                                                                                        \
        .name = "duration", .origin = "span end - start, seconds", .kind = OTC_KIND_LATENCY,                 \
        .type = OTC_NUMERIC, .from = {                                                                       \
            "duration"                                                                                       \
        }                                                                                                    \
    }
#define FIRST_CHUNK(seconds, ...)                                                                            \
    {                                                                                                        \
        .name = "time_to_first_chunk", .kind = OTC_KIND_LATENCY, .type = OTC_NUMERIC, .from = {__VA_ARGS__}, \
        .qualifies = (seconds)                                                                               \
    }
#define ERROR_TYPE(...)                                                                                      \
    {                                                                                                        \
        .name = "error.type", .kind = OTC_KIND_PREDICTION, .type = OTC_CATEGORICAL, .from = { __VA_ARGS__ }  \
    }

static const struct otc_preset_feature gen_ai_features[] = {
    TOKENS("input_tokens", ATTRIBUTE("gen_ai.usage.input_tokens"), ATTRIBUTE("gen_ai.usage.prompt_tokens")),
    TOKENS("output_tokens", ATTRIBUTE("gen_ai.usage.output_tokens"),
           ATTRIBUTE("gen_ai.usage.completion_tokens")),
    FIRST_CHUNK(true, ATTRIBUTE("gen_ai.response.time_to_first_chunk"),
                ATTRIBUTE("gen_ai.latency.time_to_first_token")),
    {.name = "finish_reasons",
     .kind = OTC_KIND_PREDICTION,
     .type = OTC_CATEGORICAL,
     .reader = OTC_READ_FIRST,
     .from = {ATTRIBUTE("gen_ai.response.finish_reasons"), ATTRIBUTE("gen_ai.completion.0.finish_reason")},
     .qualifies = true},
    TOKEN_RATIO,
    DURATION,
    ERROR_TYPE(ATTRIBUTE("error.type")),
    {.name = "tool_calls",
     .origin = "tool calls in gen_ai.output.messages or gen_ai.completion.*",
     .kind = OTC_KIND_PREDICTION,
     .type = OTC_NUMERIC,
     .reader = OTC_READ_TOOL_CALLS,
     .from = {ATTRIBUTE("gen_ai.output.messages")}},
    {.name = NULL},
};

/* Names of OpenLLMetry's own beside those of gen_ai, which it writes too. */
static const struct otc_preset_feature openllmetry_features[] = {
    TOKENS("input_tokens", ATTRIBUTE("llm.usage.prompt_tokens")),
    TOKENS("output_tokens", ATTRIBUTE("llm.usage.completion_tokens")),
    FIRST_CHUNK(false, "events[\"llm.content.completion.chunk\"].elapsed"),
    {.name = NULL},
};

static const struct otc_preset_feature openinference_features[] = {
    TOKENS("input_tokens", ATTRIBUTE("llm.token_count.prompt")),
    TOKENS("output_tokens", ATTRIBUTE("llm.token_count.completion")),
    TOKENS("reasoning_tokens", ATTRIBUTE("llm.token_count.completion_details.reasoning")),
    TOKENS("cached_tokens", ATTRIBUTE("llm.token_count.prompt_details.cache_read")),
    TOKEN_RATIO,
    DURATION,
    FIRST_CHUNK(false, "events[\"First Token Stream Event\"].elapsed"),
    {.name = "finish_reasons",
     .kind = OTC_KIND_PREDICTION,
     .type = OTC_CATEGORICAL,
     .reader = OTC_READ_FIRST,
     .from = {ATTRIBUTE("llm.finish_reason"), "json(attributes[\"output.value\"]).choices[0].finish_reason"}},
    ERROR_TYPE("events[\"exception\"].attributes[\"exception.type\"]"),
    {.name = "tool_calls",
     .origin = "tool calls in llm.output_messages.*",
     .kind = OTC_KIND_PREDICTION,
     .type = OTC_NUMERIC,
     .reader = OTC_READ_TOOL_CALLS},
    {.name = NULL},
};

static const struct otc_preset_feature mlflow_features[] = {
    TOKENS("input_tokens", "json(attributes[\"mlflow.chat.tokenUsage\"]).input_tokens"),
    TOKENS("output_tokens", "json(attributes[\"mlflow.chat.tokenUsage\"]).output_tokens"),
    TOKEN_RATIO,
    DURATION,
    {.name = "finish_reasons",
     .kind = OTC_KIND_PREDICTION,
     .type = OTC_CATEGORICAL,
     .from = {"json(attributes[\"mlflow.spanOutputs\"]).choices[0].finish_reason"}},
    ERROR_TYPE("events[\"exception\"].attributes[\"exception.type\"]"),
    {.name = NULL},
};

static const char *const gen_ai_markers[] = {"gen_ai.request.model", "gen_ai.response.model", NULL};
static const char *const openinference_markers[] = {"llm.model_name", NULL};
static const char *const openllmetry_markers[] = {"llm.request.type", "gen_ai.request.model",
                                                  "gen_ai.response.model", NULL};
static const char *const mlflow_markers[] = {"mlflow.llm.model", NULL};

/* openllmetry stands twice: its dialect is gen_ai's and more. */
const struct otc_preset otc_generative_presets[] = {
    {"gen_ai", gen_ai_features, gen_ai_markers},
    {"openinference", openinference_features, openinference_markers},
    {"openllmetry", gen_ai_features, gen_ai_markers},
    {"openllmetry", openllmetry_features, openllmetry_markers},
    {"mlflow", mlflow_features, mlflow_markers},
    {NULL, NULL, NULL},
};

/* What follows a JSON member's name: blanks, a colon, blanks. */
static size_t
skip_colon(struct otc_slice text, size_t at)
{
    bool colon = false;

    while (at < text.len) {
        uint8_t c = text.data[at];

        if (c == ':' && !colon) {
            colon = true;
        } else if (c != ' ' && c != '\t' && c != '\n' && c != '\r') {
            break;
        }
        at++;
    }
    return colon ? at : SIZE_MAX;
}

/*
 * Members "type": "tool_call" of a JSON text. Inside a JSON string a quote is written \", so that these bytes
 * cannot stand in a message's own text.
 */
static double
count_in_json(struct otc_slice text)
{
    static const struct otc_slice name = OTC_SLICE_LIT("\"type\"");
    static const struct otc_slice value = OTC_SLICE_LIT("\"tool_call\"");
    const uint8_t *hit;
    size_t at = 0;
    double calls = 0;

    while (at < text.len && (hit = memmem(text.data + at, text.len - at, name.data, name.len))) {
        size_t after = skip_colon(text, (size_t)(hit - text.data) + name.len);

        at = (size_t)(hit - text.data) + name.len;
        if (after != SIZE_MAX && otc_slice_starts(otc_slice_skip(text, after), value)) {
            calls++;
        }
    }
    return calls;
}

static bool
map_get(struct otc_value map, const char *key, struct otc_value *out)
{
    struct otc_slice rest = map.as.slice, name;

    if (map.type != OTC_VALUE_KVLIST) {
        return false;
    }
    while (otc_attributes_next(OTC_ATTRIBUTES_KVLIST, &rest, &name, out)) {
        if (otc_slice_equal_str(name, key)) {
            return true;
        }
    }
    return false;
}

static double
count_in_parts(struct otc_value parts)
{
    struct otc_slice rest = parts.as.slice;
    struct otc_value part, type;
    double calls = 0;

    if (parts.type != OTC_VALUE_ARRAY) {
        return 0;
    }
    while (otc_array_next(&rest, &part)) {
        if (map_get(part, "type", &type) && type.type == OTC_VALUE_STRING &&
            otc_slice_equal_str(type.as.slice, "tool_call")) {
            calls++;
        }
    }
    return calls;
}

double
otc_tool_calls_in_messages(const struct otc_value *messages)
{
    struct otc_value message, parts;
    struct otc_slice rest;
    double calls = 0;

    if (messages->type == OTC_VALUE_STRING) {
        return count_in_json(messages->as.slice);
    }
    if (messages->type != OTC_VALUE_ARRAY) {
        return NAN;
    }
    rest = messages->as.slice;
    while (otc_array_next(&rest, &message)) {
        if (map_get(message, "parts", &parts)) {
            calls += count_in_parts(parts);
        }
    }
    return calls;
}

static bool
names_a_call(struct otc_slice rest, struct otc_slice end)
{
    static const struct otc_slice calls = OTC_SLICE_LIT(".tool_calls.");

    return rest.len > end.len && memcmp(rest.data + rest.len - end.len, end.data, end.len) == 0 &&
           memmem(rest.data, rest.len, calls.data, calls.len) != NULL;
}

bool
otc_is_tool_call_key(struct otc_slice rest)
{
    static const struct otc_slice end = OTC_SLICE_LIT(".name");

    return names_a_call(rest, end);
}

bool
otc_is_openinference_tool_call_key(struct otc_slice rest)
{
    static const struct otc_slice end = OTC_SLICE_LIT(".tool_call.function.name");

    return names_a_call(rest, end);
}
