// SPDX-License-Identifier: Apache-2.0
#include "common/otlp/by_resource.h"

#include "common/otlp/walk.h"
#include "common/otlp/wire.h"

/* Of the three requests, and of ResourceSpans, ResourceMetrics, ResourceLogs. */
#define FIELD_RESOURCES 1
#define FIELD_RESOURCE 1

/* A resource in several fields is one that holds all of their attributes. */
static struct otc_value
find_value(struct otc_slice piece, struct otc_slice key)
{
    struct otc_wire wire = otc_wire_of(piece);
    struct otc_wire_field field;
    struct otc_value value;
    struct otc_slice name;

    while (otc_wire_next(&wire, &field)) {
        struct otc_slice rest = field.bytes;

        if (field.field != FIELD_RESOURCE || field.type != OTC_WIRE_BYTES) {
            continue;
        }
        while (otc_attributes_next(OTC_ATTRIBUTES_RESOURCE, &rest, &name, &value)) {
            if (otc_slice_equal(name, key)) {
                return value;
            }
        }
    }
    return (struct otc_value){.type = OTC_VALUE_ABSENT};
}

otc_status
otc_each_resource(struct otc_slice request, struct otc_slice key, otc_resource_fn fn, void *arg,
                  struct otc_error *err)
{
    struct otc_wire wire = otc_wire_of(request);
    struct otc_wire_field field;
    const uint8_t *from = wire.p;

    while (otc_wire_next(&wire, &field)) {
        struct otc_resource_piece piece = {.request = otc_slice_of(from, (size_t)(wire.p - from))};

        from = wire.p;
        if (field.field == FIELD_RESOURCES && field.type == OTC_WIRE_BYTES) {
            piece.value = find_value(field.bytes, key);
            if (!fn(arg, &piece)) {
                return OTC_OK;
            }
        }
    }
    return wire.p == wire.end ? OTC_OK
                              : otc_fail(err, OTC_INVALID_ARGUMENT, "otlp: malformed protobuf at byte %zu",
                                         (size_t)(wire.p - request.data));
}
