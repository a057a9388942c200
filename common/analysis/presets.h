// SPDX-License-Identifier: Apache-2.0
/**
 * @file What the presets watch: attribute names as data, current and former ones.
 */
#ifndef OTC_ANALYSIS_PRESETS_H
#define OTC_ANALYSIS_PRESETS_H

#include "common/analysis/features.h"

/** Of otc_preset_names, the first ones that this release has. */
#define OTC_PRESETS_SUPPORTED 2
#define OTC_PRESET_KEYS_MAX 4

/** How a value comes from what a record shows. */
enum otc_source_reader {
    OTC_READ_VALUE,       /* the attribute */
    OTC_READ_FIRST,       /* the first element of a list, or the attribute itself */
    OTC_READ_DURATION,    /* end - start of the span, seconds */
    OTC_READ_TOKEN_RATIO, /* output tokens / input tokens */
    OTC_READ_TOOL_CALLS   /* tool calls in the answer */
};

struct otc_preset_feature {
    const char *name;
    const char *origin;
    enum otc_feature_kind kind;
    enum otc_feature_type type;
    enum otc_source_reader reader;
    /** The first one present counts. */
    const char *keys[OTC_PRESET_KEYS_MAX];
    /** A span that carries it is a record. */
    bool qualifies;
    bool is_input_tokens, is_output_tokens;
};

/** Ended by a NULL name; those that qualify come first, the ratio after its parts. */
extern const struct otc_preset_feature otc_gen_ai_features[];
/** Attributes that make a span a generative call even where no feature does (a call that failed). NULL-ended.
 */
extern const char *const otc_gen_ai_markers[];

/**
 * Tool calls in gen_ai.output.messages: JSON text (parts whose "type" is "tool_call") or the same as lists
 * and maps. NaN when it is neither.
 */
double otc_tool_calls_in_messages(const struct otc_value *messages);
/** True for what follows gen_ai.completion. in the name of one tool call: "0.tool_calls.1.name". */
bool otc_is_tool_call_key(struct otc_slice rest);

#endif
