// SPDX-License-Identifier: Apache-2.0
#include "sidecar/columns.h"

#include <ctype.h>

/** Longest column name that is looked up. */
#define MAX_NAME 64

bool
otc_row_preset_parse(const char *text, enum otc_row_preset *out)
{
    if (strcmp(text, "ml") != 0 && strcmp(text, "gen_ai") != 0) {
        return false;
    }
    *out = text[0] == 'm' ? OTC_ROW_ML : OTC_ROW_GEN_AI;
    return true;
}

static const struct otc_column_meaning input_tokens = {OTC_ROLE_ATTRIBUTE, "gen_ai.usage.input_tokens",
                                                       "input_tokens", OTC_KIND_TOKENS, 0};
static const struct otc_column_meaning output_tokens = {OTC_ROLE_ATTRIBUTE, "gen_ai.usage.output_tokens",
                                                        "output_tokens", OTC_KIND_TOKENS, 0};
static const struct otc_column_meaning request_model = {OTC_ROLE_ATTRIBUTE, "gen_ai.request.model", NULL,
                                                        OTC_KIND_INPUT, 0};
static const struct otc_column_meaning response_model = {OTC_ROLE_ATTRIBUTE, "gen_ai.response.model", NULL,
                                                         OTC_KIND_INPUT, 0};
static const struct otc_column_meaning operation = {OTC_ROLE_ATTRIBUTE, "gen_ai.operation.name", NULL,
                                                    OTC_KIND_INPUT, 0};
static const struct otc_column_meaning provider = {OTC_ROLE_ATTRIBUTE, "gen_ai.provider.name", NULL,
                                                   OTC_KIND_INPUT, 0};
static const struct otc_column_meaning error_type = {OTC_ROLE_ERROR, "error.type", "error.type",
                                                     OTC_KIND_PREDICTION, 0};
static const struct otc_column_meaning finish_reason = {
    OTC_ROLE_STRING_LIST, "gen_ai.response.finish_reasons", "finish_reasons", OTC_KIND_PREDICTION, 0};
static const struct otc_column_meaning first_chunk = {
    OTC_ROLE_ATTRIBUTE, "gen_ai.response.time_to_first_chunk", "time_to_first_chunk", OTC_KIND_LATENCY, 1};
static const struct otc_column_meaning duration = {OTC_ROLE_DURATION, NULL, "duration", OTC_KIND_LATENCY, 1};
static const struct otc_column_meaning duration_ms = {OTC_ROLE_DURATION, NULL, "duration", OTC_KIND_LATENCY,
                                                      1e-3};

/** Column names in small letters without anything but letters and digits. */
static const struct {
    const char *name;
    const struct otc_column_meaning *meaning;
} known_columns[] = {
    {"contexttokens", &input_tokens},
    {"inputtokens", &input_tokens},
    {"prompttokens", &input_tokens},
    {"requesttokens", &input_tokens},
    {"inputlength", &input_tokens},
    {"promptlength", &input_tokens},
    {"promptlen", &input_tokens},
    {"inputlen", &input_tokens},
    {"genaiusageinputtokens", &input_tokens},
    {"generatedtokens", &output_tokens},
    {"outputtokens", &output_tokens},
    {"completiontokens", &output_tokens},
    {"responsetokens", &output_tokens},
    {"outputlength", &output_tokens},
    {"outputlen", &output_tokens},
    {"genaiusageoutputtokens", &output_tokens},
    {"model", &request_model},
    {"modelname", &request_model},
    {"requestmodel", &request_model},
    {"genairequestmodel", &request_model},
    {"responsemodel", &response_model},
    {"genairesponsemodel", &response_model},
    {"operation", &operation},
    {"genaioperationname", &operation},
    {"provider", &provider},
    {"genaiprovidername", &provider},
    {"error", &error_type},
    {"errortype", &error_type},
    {"finishreason", &finish_reason},
    {"finishreasons", &finish_reason},
    {"genairesponsefinishreasons", &finish_reason},
    {"ttft", &first_chunk},
    {"timetofirsttoken", &first_chunk},
    {"timetofirstchunk", &first_chunk},
    {"firstchunktime", &first_chunk},
    {"duration", &duration},
    {"durations", &duration},
    {"durationseconds", &duration},
    {"elapsedtime", &duration},
    {"latency", &duration},
    {"latencys", &duration},
    {"latencyseconds", &duration},
    {"durationms", &duration_ms},
    {"elapsedms", &duration_ms},
    {"latencyms", &duration_ms},
};

const struct otc_column_meaning *
otc_gen_ai_column(struct otc_slice name)
{
    char plain[MAX_NAME];
    size_t len = 0;

    for (size_t i = 0; i < name.len; i++) {
        if (isalnum(name.data[i])) {
            if (len + 1 == sizeof(plain)) {
                return NULL;
            }
            plain[len++] = (char)tolower(name.data[i]);
        }
    }
    plain[len] = 0;
    for (size_t i = 0; i < sizeof(known_columns) / sizeof(known_columns[0]); i++) {
        if (strcmp(plain, known_columns[i].name) == 0) {
            return known_columns[i].meaning;
        }
    }
    return NULL;
}
