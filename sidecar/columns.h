// SPDX-License-Identifier: Apache-2.0
/**
 * @file What the columns of a table are in telemetry: which attribute a span carries them in, and which
 * feature the drift connector makes of it. Shared by `reference build --preset`, `replay` and whatever else
 * turns rows into spans.
 */
#ifndef OTC_SIDECAR_COLUMNS_H
#define OTC_SIDECAR_COLUMNS_H

#include "common/analysis/reference.h"

/** ml: ml.feature.<column>; gen_ai: the semantic conventions' attributes for the columns that are known. */
enum otc_row_preset { OTC_ROW_ML, OTC_ROW_GEN_AI };

/** What a column is good for. */
enum otc_column_role {
    OTC_ROLE_ATTRIBUTE,   /* an attribute of the span */
    OTC_ROLE_DURATION,    /* the span's length */
    OTC_ROLE_ERROR,       /* error.type, and the status of the span */
    OTC_ROLE_STRING_LIST, /* an attribute that is a list of texts with one element */
};

/** A column in a preset. Texts are constants. */
struct otc_column_meaning {
    enum otc_column_role role;
    const char *attribute;
    /** The feature in the drift connector; NULL: none. */
    const char *feature;
    enum otc_feature_kind kind;
    /** Seconds of one unit of the column (durations). */
    double scale;
};

/** "ml" or "gen_ai"; false for anything else. */
bool otc_row_preset_parse(const char *text, enum otc_row_preset *out);
/** The meaning of a column under gen_ai ("ContextTokens", "input_tokens", "Elapsed time" …), or NULL: not
 * known. */
const struct otc_column_meaning *otc_gen_ai_column(struct otc_slice name);

#endif
