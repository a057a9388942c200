// SPDX-License-Identifier: Apache-2.0
/** @file Writing attributes: what the builders of metrics and of spans share. And keeping them. */
#ifndef OTC_OTLP_BUILD_ATTRIBUTES_H
#define OTC_OTLP_BUILD_ATTRIBUTES_H

#include "common/otlp/build.h"

/** Appends `n` KeyValue messages as field `field`; ABSENT values are left out. */
void otc_wire_put_attributes(struct otc_buf *out, uint32_t field, const struct otc_attribute *attributes,
                             size_t n);

/** Appends what an AnyValue of this value contains. */
void otc_wire_put_value(struct otc_buf *out, const struct otc_value *value);

/** Bytes of what the attributes point to. */
size_t otc_attributes_bytes(const struct otc_attribute *attributes, size_t n);
/** Copies attributes to `out`, ABSENT ones left out, and what they point to to `at`, which has room for
 * otc_attributes_bytes. Returns how many there are. */
size_t otc_attributes_keep(const struct otc_attribute *attributes, size_t n, struct otc_attribute *out,
                           uint8_t *at);
/** Whether a value of this type points to its contents. */
static inline bool
otc_value_is_slice(enum otc_value_type type)
{
    return type == OTC_VALUE_STRING || type == OTC_VALUE_BYTES || type == OTC_VALUE_ARRAY ||
           type == OTC_VALUE_KVLIST;
}

#endif
