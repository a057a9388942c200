// SPDX-License-Identifier: Apache-2.0
#include "common/analysis/presets.h"

#include <math.h>

const char *const otc_preset_names[] = {"ml",     "gen_ai", "openinference", "openllmetry", "mlflow",
                                        "kserve", "vllm",   "triton",        "tgi",         NULL};

const struct otc_preset_feature otc_gen_ai_features[] = {
    {.name = "input_tokens",
     .origin = "attributes[\"gen_ai.usage.input_tokens\"] or prompt_tokens",
     .kind = OTC_KIND_TOKENS,
     .type = OTC_NUMERIC,
     .keys = {"gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"},
     .qualifies = true,
     .is_input_tokens = true},
    {.name = "output_tokens",
     .origin = "attributes[\"gen_ai.usage.output_tokens\"] or completion_tokens",
     .kind = OTC_KIND_TOKENS,
     .type = OTC_NUMERIC,
     .keys = {"gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"},
     .qualifies = true,
     .is_output_tokens = true},
    {.name = "time_to_first_chunk",
     .origin =
         "attributes[\"gen_ai.response.time_to_first_chunk\"] or gen_ai.latency.time_to_first_token, seconds",
     .kind = OTC_KIND_LATENCY,
     .type = OTC_NUMERIC,
     .keys = {"gen_ai.response.time_to_first_chunk", "gen_ai.latency.time_to_first_token"},
     .qualifies = true},
    {.name = "finish_reasons",
     .origin = "attributes[\"gen_ai.response.finish_reasons\"], the first",
     .kind = OTC_KIND_PREDICTION,
     .type = OTC_CATEGORICAL,
     .reader = OTC_READ_FIRST,
     .keys = {"gen_ai.response.finish_reasons", "gen_ai.completion.0.finish_reason"},
     .qualifies = true},
    {.name = "token_ratio",
     .origin = "output_tokens / input_tokens",
     .kind = OTC_KIND_TOKENS,
     .type = OTC_NUMERIC,
     .reader = OTC_READ_TOKEN_RATIO},
    {.name = "duration",
     .origin = "span end - start, seconds",
     .kind = OTC_KIND_LATENCY,
     .type = OTC_NUMERIC,
     .reader = OTC_READ_DURATION},
    {.name = "error.type",
     .origin = "attributes[\"error.type\"] of a generative call",
     .kind = OTC_KIND_PREDICTION,
     .type = OTC_CATEGORICAL,
     .keys = {"error.type"}},
    {.name = "tool_calls",
     .origin = "tool calls in gen_ai.output.messages or gen_ai.completion.*",
     .kind = OTC_KIND_PREDICTION,
     .type = OTC_NUMERIC,
     .reader = OTC_READ_TOOL_CALLS,
     .keys = {"gen_ai.output.messages"}},
    {.name = NULL},
};

const char *const otc_gen_ai_markers[] = {"gen_ai.request.model", "gen_ai.response.model", NULL};

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

bool
otc_is_tool_call_key(struct otc_slice rest)
{
    static const struct otc_slice calls = OTC_SLICE_LIT(".tool_calls.");
    static const struct otc_slice name = OTC_SLICE_LIT(".name");

    return rest.len > name.len && memcmp(rest.data + rest.len - name.len, name.data, name.len) == 0 &&
           memmem(rest.data, rest.len, calls.data, calls.len) != NULL;
}
