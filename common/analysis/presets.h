// SPDX-License-Identifier: Apache-2.0
/**
 * @file What the presets watch: attribute names as data, current and former ones.
 */
#ifndef OTC_ANALYSIS_PRESETS_H
#define OTC_ANALYSIS_PRESETS_H

#include "common/analysis/features.h"

#define OTC_PRESET_PLACES_MAX 4

/** How a value comes from what a record shows. */
enum otc_source_reader {
    OTC_READ_VALUE,       /* what is at the place */
    OTC_READ_FIRST,       /* the first element of a list, or the value itself */
    OTC_READ_TOKEN_RATIO, /* output tokens / input tokens */
    OTC_READ_TOOL_CALLS,  /* tool calls in the answer */
    OTC_READ_TEXT,        /* a measure of the text at the place */
    OTC_READ_WORDS,       /* the text itself; what is none has no usable value */
    OTC_READ_NORM,        /* the length of the vector at the place */
    OTC_READ_VECTOR       /* the vector itself, read with its length before */
};

struct otc_preset_feature {
    const char *name;
    /** For `validate --explain`; NULL: the places. */
    const char *origin;
    enum otc_feature_kind kind;
    enum otc_feature_type type;
    enum otc_source_reader reader;
    /** Places (common/analysis/place.h); the first one present counts. */
    const char *from[OTC_PRESET_PLACES_MAX];
    /** Only generative calls have it: a span that carries it is one. */
    bool qualifies;
};

/**
 * A dialect of generative calls. Features of the same name in several presets are one feature, which is read
 * at the places of all, those of the preset named first before those of the next.
 */
struct otc_preset {
    const char *name;
    /** Ended by a NULL name; those that qualify come first, the ratio after its parts. */
    const struct otc_preset_feature *features;
    /** Attributes that make a span a generative call even where no feature does (a call that failed).
     * NULL-ended. */
    const char *const *markers;
};
/** Ended by a NULL name. `ml` and `kserve`, whose features are discovered, are none of them. */
extern const struct otc_preset otc_generative_presets[];

/**
 * Tool calls in gen_ai.output.messages: JSON text (parts whose "type" is "tool_call") or the same as lists
 * and maps. NaN when it is neither.
 */
double otc_tool_calls_in_messages(const struct otc_value *messages);
/** True for what follows gen_ai.completion. in the name of one tool call: "0.tool_calls.1.name". */
bool otc_is_tool_call_key(struct otc_slice rest);
/** The same for what follows llm.output_messages.: "0.message.tool_calls.1.tool_call.function.name". */
bool otc_is_openinference_tool_call_key(struct otc_slice rest);

#endif
