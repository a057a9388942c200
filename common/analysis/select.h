// SPDX-License-Identifier: Apache-2.0
/**
 * @file Conditions on a span or log record: the setting `select:`.
 *
 * OTTL as common/ottl/condition.h has it, with places (place.h) for paths; a condition that cannot be
 * evaluated does not hold.
 */
#ifndef OTC_ANALYSIS_SELECT_H
#define OTC_ANALYSIS_SELECT_H

#include "common/base/status.h"
#include "common/otlp/value.h"

struct otc_feature_set;
struct otc_feature_reader;

/** A compiled condition; immutable. Opaque. */
struct otc_select;
/** Adds the places it reads to the set. Errors "character 12: expected …". */
OTC_CHECK otc_status otc_select_parse(const char *text, struct otc_feature_set *set, struct otc_select **out,
                                      struct otc_error *err);
void otc_select_free(struct otc_select *select);
/** True when the reader's record meets it. */
bool otc_select_matches(const struct otc_select *select, struct otc_feature_reader *reader);

#endif
