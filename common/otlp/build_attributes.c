// SPDX-License-Identifier: Apache-2.0
#include "common/otlp/build_attributes.h"

#include "common/otlp/wire.h"

void
otc_wire_put_value(struct otc_buf *out, const struct otc_value *value)
{
    switch (value->type) {
    case OTC_VALUE_STRING:
        otc_wire_put_bytes(out, 1, value->as.slice);
        break;
    case OTC_VALUE_BOOL:
        otc_wire_put_number(out, 2, value->as.boolean);
        break;
    case OTC_VALUE_INT:
        otc_wire_put_number(out, 3, (uint64_t)value->as.integer);
        break;
    case OTC_VALUE_DOUBLE:
        otc_wire_put_double(out, 4, value->as.real);
        break;
    case OTC_VALUE_ARRAY:
        otc_wire_put_bytes(out, 5, value->as.slice);
        break;
    case OTC_VALUE_KVLIST:
        otc_wire_put_bytes(out, 6, value->as.slice);
        break;
    case OTC_VALUE_BYTES:
        otc_wire_put_bytes(out, 7, value->as.slice);
        break;
    case OTC_VALUE_EMPTY:
    case OTC_VALUE_ABSENT:
        break;
    }
}

void
otc_wire_put_attributes(struct otc_buf *out, uint32_t field, const struct otc_attribute *attributes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t pair, value;

        if (attributes[i].value.type == OTC_VALUE_ABSENT) {
            continue;
        }
        pair = otc_wire_begin(out, field);
        otc_wire_put_bytes(out, 1, attributes[i].key);
        value = otc_wire_begin(out, 2);
        otc_wire_put_value(out, &attributes[i].value);
        otc_wire_end(out, value);
        otc_wire_end(out, pair);
    }
}

size_t
otc_attributes_bytes(const struct otc_attribute *attributes, size_t n)
{
    size_t bytes = 0;

    for (size_t i = 0; i < n; i++) {
        const struct otc_value *value = &attributes[i].value;

        bytes += attributes[i].key.len + (otc_value_is_slice(value->type) ? value->as.slice.len : 0);
    }
    return bytes;
}

size_t
otc_attributes_keep(const struct otc_attribute *attributes, size_t n, struct otc_attribute *out, uint8_t *at)
{
    size_t kept = 0;

    for (size_t i = 0; i < n; i++) {
        struct otc_attribute *copy = &out[kept];

        if (attributes[i].value.type == OTC_VALUE_ABSENT) {
            continue;
        }
        *copy = attributes[i];
        copy->key = otc_slice_place(&at, attributes[i].key);
        if (otc_value_is_slice(copy->value.type)) {
            copy->value.as.slice = otc_slice_place(&at, attributes[i].value.as.slice);
        }
        kept++;
    }
    return kept;
}
