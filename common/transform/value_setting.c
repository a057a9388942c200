// SPDX-License-Identifier: Apache-2.0
#include "common/transform/value_setting.h"

#include "common/config/node.h"
#include "common/otlp/wire.h"

#define VALUE_BYTES_MAX ((size_t)1 << 20)

/* Appends the members of an AnyValue. The document's depth is limited. */
static void
put_value(const struct otc_node *node, struct otc_buf *out)
{
    size_t list, item, pair;

    switch (node->kind) {
    case OTC_NODE_NULL:
        break;
    case OTC_NODE_BOOL:
        otc_wire_put_number(out, 2, node->boolean);
        break;
    case OTC_NODE_INT:
        otc_wire_put_number(out, 3, (uint64_t)node->integer);
        break;
    case OTC_NODE_DOUBLE:
        otc_wire_put_double(out, 4, node->number);
        break;
    case OTC_NODE_STRING:
        otc_wire_put_bytes(out, 1, node->text);
        break;
    case OTC_NODE_LIST:
    case OTC_NODE_MAP:
        list = otc_wire_begin(out, node->kind == OTC_NODE_LIST ? 5 : 6);
        for (const struct otc_node *member = node->first; member; member = member->next) {
            item = otc_wire_begin(out, 1);
            if (node->kind == OTC_NODE_MAP) {
                otc_wire_put_bytes(out, 1, member->key);
                pair = otc_wire_begin(out, 2);
                put_value(member, out);
                otc_wire_end(out, pair);
            } else {
                put_value(member, out);
            }
            otc_wire_end(out, item);
        }
        otc_wire_end(out, list);
        break;
    }
}

/* The contents of a list or map: what follows its tag and length. */
static struct otc_slice
contents(struct otc_slice any_value)
{
    struct otc_wire wire = otc_wire_of(any_value);
    struct otc_wire_field field;

    return otc_wire_next(&wire, &field) ? field.bytes : OTC_SLICE_NONE;
}

otc_status
otc_value_setting_parse(const struct otc_node *node, void *member, struct otc_config *owner,
                        struct otc_error *err)
{
    struct otc_value *value = &((struct otc_value_setting *)member)->value;
    OTC_AUTO_BUF struct otc_buf out = {.limit = VALUE_BYTES_MAX};
    struct otc_slice encoded;
    uint8_t *copy;

    *value = (struct otc_value){.type = OTC_VALUE_ABSENT};
    switch (node->kind) {
    case OTC_NODE_NULL:
        return OTC_OK;
    case OTC_NODE_BOOL:
        *value = (struct otc_value){OTC_VALUE_BOOL, {.boolean = node->boolean}};
        return OTC_OK;
    case OTC_NODE_INT:
        *value = (struct otc_value){OTC_VALUE_INT, {.integer = node->integer}};
        return OTC_OK;
    case OTC_NODE_DOUBLE:
        *value = (struct otc_value){OTC_VALUE_DOUBLE, {.real = node->number}};
        return OTC_OK;
    case OTC_NODE_STRING:
        otc_buf_append_slice(&out, node->text);
        encoded = otc_buf_slice(&out);
        value->type = OTC_VALUE_STRING;
        break;
    case OTC_NODE_LIST:
    case OTC_NODE_MAP:
        put_value(node, &out);
        encoded = contents(otc_buf_slice(&out));
        value->type = node->kind == OTC_NODE_LIST ? OTC_VALUE_ARRAY : OTC_VALUE_KVLIST;
        break;
    }
    copy = out.failed ? NULL : otc_config_alloc(owner, encoded.len > 0 ? encoded.len : 1);
    if (!copy) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "a value of at most %zu bytes", VALUE_BYTES_MAX);
    }
    value->as.slice = otc_slice_place(&copy, encoded);
    return OTC_OK;
}
