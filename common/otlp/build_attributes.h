// SPDX-License-Identifier: Apache-2.0
/** @file Writing attributes: what the builders of metrics and of spans share. */
#ifndef OTC_OTLP_BUILD_ATTRIBUTES_H
#define OTC_OTLP_BUILD_ATTRIBUTES_H

#include "common/otlp/build.h"

/** Appends `n` KeyValue messages as field `field`; ABSENT values are left out. */
void otc_wire_put_attributes(struct otc_buf *out, uint32_t field, const struct otc_attribute *attributes,
                             size_t n);

#endif
