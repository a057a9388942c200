// SPDX-License-Identifier: Apache-2.0
/**
 * @file What stored state belongs to: a hash of each section of the settings that its meaning depends on, and
 * of the reference file. State of other settings is of no use.
 */
#ifndef OTC_DRIFT_IDENTITY_H
#define OTC_DRIFT_IDENTITY_H

#include "processors/drift/state.h"

#include "common/base/codec.h"

void drift_identity_write(const struct drift *drift, struct otc_buf *out);
/** False when the state was of other settings; `why` names the first that differs. */
bool drift_identity_check(const struct drift *drift, struct otc_reader *in, char *why, size_t size);

#endif
