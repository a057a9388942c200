// SPDX-License-Identifier: Apache-2.0
/** @file The options of `compare` that say how it decides. */
#ifndef OTC_SIDECAR_COMPARE_DECISION_H
#define OTC_SIDECAR_COMPARE_DECISION_H

#include "sidecar/compare_options.h"

/** Place of an option's word in a NULL-ended list; absent: 0. False after printing an error. */
bool otc_compare_read_word(const struct otc_command *command, const char *name, const char *text,
                           const char *const *words, unsigned *out);
/** options->decision from their texts; --window has been read. False after printing an error. */
bool otc_compare_read_decision(const struct otc_command *command, struct otc_compare_options *options);

#endif
