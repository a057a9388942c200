// SPDX-License-Identifier: Apache-2.0
/** @file One part on its way through the processor. */
#ifndef REDACTION_MASK_H
#define REDACTION_MASK_H

#include "common/transform/transform.h"
#include "processors/redaction/rules.h"

/** Notes what is to change in the part. INTERNAL, RESOURCE_EXHAUSTED: nothing of it may pass. */
OTC_CHECK otc_status redaction_mask_part(const struct redaction_rules *rules, struct otc_transform_part *part,
                                         struct otc_error *err);

#endif
