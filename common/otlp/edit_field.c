// SPDX-License-Identifier: Apache-2.0
#include "common/otlp/edit_field.h"

#include "common/otlp/wire.h"

void
otc_edit_set_bytes(struct otc_edit *edit, struct otc_slice message, uint32_t field, struct otc_slice bytes)
{
    struct otc_slice range = otc_slice_of(message.data + message.len, 0);
    struct otc_wire wire = otc_wire_of(message);
    const uint8_t *start = wire.p;
    size_t mark = edit->bytes.len;
    struct otc_wire_field found;

    while (otc_wire_next(&wire, &found)) {
        if (found.field == field && found.type == OTC_WIRE_BYTES) {
            range = otc_slice_of(start, (size_t)(wire.p - start));
        }
        start = wire.p;
    }
    otc_wire_put_bytes(&edit->bytes, field, bytes);
    otc_edit_splice_since(edit, message, range, mark);
}
