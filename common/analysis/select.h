// SPDX-License-Identifier: Apache-2.0
/**
 * @file Conditions on a span or log record: the setting `select:`.
 *
 *     condition  = and-terms joined by `or`; and-terms = terms joined by `and`
 *     term       = not term | ( condition ) | operand (== | != | < | <= | > | >=) operand
 *     operand    = place | "text" | 12 | 0.5 | true | false | nil
 *
 * As in the Collector's OTTL: values of different types are unequal and in no order, integers and doubles
 * compare as numbers, texts byte by byte; nil is a value that is not there.
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
