// SPDX-License-Identifier: Apache-2.0
#include "common/otlp/edit_field.h"

#include "common/otlp/build_attributes.h"
#include "common/otlp/walk.h"
#include "common/otlp/wire.h"

/* Puts the encoded field that was written since `mark`. */
static void
put(struct otc_edit *edit, struct otc_slice message, uint32_t field, size_t mark)
{
    struct otc_slice range = otc_slice_of(message.data + message.len, 0);
    struct otc_wire wire = otc_wire_of(message);
    const uint8_t *start = wire.p;
    struct otc_wire_field found;

    while (otc_wire_next(&wire, &found)) {
        if (found.field == field) {
            range = otc_slice_of(start, (size_t)(wire.p - start));
        }
        start = wire.p;
    }
    otc_edit_splice_since(edit, message, range, mark);
}

void
otc_edit_set_bytes(struct otc_edit *edit, struct otc_slice message, uint32_t field, struct otc_slice bytes)
{
    size_t mark = edit->bytes.len;

    otc_wire_put_bytes(&edit->bytes, field, bytes);
    put(edit, message, field, mark);
}

void
otc_edit_set_varint(struct otc_edit *edit, struct otc_slice message, uint32_t field, uint64_t number)
{
    size_t mark = edit->bytes.len;

    otc_wire_put_number(&edit->bytes, field, number);
    put(edit, message, field, mark);
}

void
otc_edit_set_fixed64(struct otc_edit *edit, struct otc_slice message, uint32_t field, uint64_t bits)
{
    size_t mark = edit->bytes.len;

    otc_wire_put_fixed64(&edit->bytes, field, bits);
    put(edit, message, field, mark);
}

void
otc_edit_set_fixed32(struct otc_edit *edit, struct otc_slice message, uint32_t field, uint32_t bits)
{
    size_t mark = edit->bytes.len;

    otc_wire_put_fixed32(&edit->bytes, field, bits);
    put(edit, message, field, mark);
}

void
otc_edit_set_value(struct otc_edit *edit, struct otc_slice message, uint32_t field,
                   const struct otc_value *value)
{
    size_t mark = edit->bytes.len, contents = otc_wire_begin(&edit->bytes, field);

    otc_wire_put_value(&edit->bytes, value);
    otc_wire_end(&edit->bytes, contents);
    put(edit, message, field, mark);
}

void
otc_edit_set_inner_bytes(struct otc_edit *edit, struct otc_slice message, uint32_t field, uint32_t inner,
                         struct otc_slice bytes)
{
    struct otc_slice within = otc_message_bytes(message, field);
    size_t mark = edit->bytes.len, contents;

    if (within.data) {
        otc_edit_set_bytes(edit, within, inner, bytes);
        return;
    }
    contents = otc_wire_begin(&edit->bytes, field);
    otc_wire_put_bytes(&edit->bytes, inner, bytes);
    otc_wire_end(&edit->bytes, contents);
    put(edit, message, field, mark);
}

void
otc_edit_set_inner_varint(struct otc_edit *edit, struct otc_slice message, uint32_t field, uint32_t inner,
                          uint64_t number)
{
    struct otc_slice within = otc_message_bytes(message, field);
    size_t mark = edit->bytes.len, contents;

    if (within.data) {
        otc_edit_set_varint(edit, within, inner, number);
        return;
    }
    contents = otc_wire_begin(&edit->bytes, field);
    otc_wire_put_number(&edit->bytes, inner, number);
    otc_wire_end(&edit->bytes, contents);
    put(edit, message, field, mark);
}
