// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/oracle/split_oracle.h"

#include "common/base/hash.h"
#include "common/otlp/proto/collector.pb-c.h"
#include "common/otlp/walk.h"

#include <stdio.h>
#include <stdlib.h>

/* A hash of each item with all that stands around it; of a message without items, one of its own. */
struct flat {
    struct otc_hash128 *entries;
    size_t n, capacity;
    size_t items;
};

static const ProtobufCMessageDescriptor *
descriptor_of(enum otc_signal signal)
{
    return signal == OTC_TRACES    ? &otc__otlp__export_trace_service_request__descriptor
           : signal == OTC_METRICS ? &otc__otlp__export_metrics_service_request__descriptor
                                   : &otc__otlp__export_logs_service_request__descriptor;
}

static void
append_message(struct otc_buf *out, const ProtobufCMessage *message)
{
    size_t len = protobuf_c_message_get_packed_size(message);

    (void)otc_buf_append(out, &len, sizeof(len));
    if (otc_buf_reserve(out, len)) {
        out->len += protobuf_c_message_pack(message, out->data + out->len);
    }
}

static void
add_entry(struct flat *flat, const struct otc_buf *around, bool item)
{
    if (flat->n == flat->capacity) {
        flat->capacity = flat->capacity * 2 + 16;
        flat->entries = realloc(flat->entries, flat->capacity * sizeof(*flat->entries));
        if (!flat->entries) {
            abort();
        }
    }
    flat->entries[flat->n++] = otc_hash_128(otc_buf_slice(around), item);
    flat->items += item;
}

static void flatten(struct flat *flat, ProtobufCMessage *message, unsigned depth, bool metrics,
                    struct otc_buf *around);

/* The children of a repeated field, with the message around them shown without. */
static void
flatten_list(struct flat *flat, ProtobufCMessage *message, unsigned field, unsigned depth, bool metrics,
             struct otc_buf *around)
{
    const ProtobufCFieldDescriptor *list =
        protobuf_c_message_descriptor_get_field(message->descriptor, field);
    size_t *n = (size_t *)(void *)((char *)message + list->quantifier_offset), children = *n;
    ProtobufCMessage **items = *(ProtobufCMessage ***)(void *)((char *)message + list->offset);

    *n = 0;
    append_message(around, message);
    *n = children;
    for (size_t i = 0; i < children; i++) {
        flatten(flat, items[i], depth + 1, metrics, around);
    }
    if (children == 0) {
        add_entry(flat, around, false);
    }
}

static void
flatten_metric(struct flat *flat, Otc__Otlp__Metric *metric, struct otc_buf *around)
{
    Otc__Otlp__Metric__DataCase data = metric->data_case;

    metric->data_case = OTC__OTLP__METRIC__DATA__NOT_SET;
    append_message(around, &metric->base);
    metric->data_case = data;
    if (data == OTC__OTLP__METRIC__DATA__NOT_SET) {
        add_entry(flat, around, false);
        return;
    }
    (void)otc_buf_append(around, &data, sizeof(data));
    flatten_list(flat, &metric->gauge->base, 1, 4, true, around);
}

static void
flatten(struct flat *flat, ProtobufCMessage *message, unsigned depth, bool metrics, struct otc_buf *around)
{
    size_t len = around->len;

    if (depth == 3 && metrics) {
        flatten_metric(flat, (Otc__Otlp__Metric *)(void *)message, around);
    } else if (depth >= 3) {
        append_message(around, message);
        add_entry(flat, around, true);
    } else {
        flatten_list(flat, message, depth == 0 ? 1 : 2, depth, metrics, around);
    }
    around->len = len;
}

static bool
flatten_bytes(enum otc_signal signal, struct otc_slice bytes, struct flat *flat)
{
    OTC_AUTO_BUF struct otc_buf around = {.limit = (size_t)1 << 28};
    ProtobufCMessage *tree =
        protobuf_c_message_unpack(descriptor_of(signal), NULL, bytes.len, bytes.len ? bytes.data : NULL);

    if (tree) {
        flatten(flat, tree, 0, signal == OTC_METRICS, &around);
        protobuf_c_message_free_unpacked(tree, NULL);
    }
    return tree && !around.failed;
}

/* Units of a metric that has several data fields go as one. */
static bool
has_several_data(struct otc_slice request)
{
    struct otc_slice resource, scope, metric;

    while (otc_messages_next(&request, 1, &resource)) {
        while (otc_messages_next(&resource, 2, &scope)) {
            while (otc_messages_next(&scope, 2, &metric)) {
                size_t n = 0;

                for (uint32_t field = 5; field <= 11; field++) {
                    struct otc_slice rest = metric, data;

                    while ((field % 2 == 1 || field == 10) && otc_messages_next(&rest, field, &data)) {
                        n++;
                    }
                }
                if (n > 1) {
                    return true;
                }
            }
        }
    }
    return false;
}

static bool
is_over(enum otc_split_unit unit, size_t room, const struct otc_buf *piece, size_t items, bool several)
{
    if (unit == OTC_SPLIT_ITEMS) {
        return items > room && !several;
    }
    /* One item that is larger goes alone. */
    return piece->len > room && items > 1 && !several;
}

static bool
cut(enum otc_signal signal, struct otc_slice request, enum otc_split_unit unit, size_t room,
    struct flat *joined, size_t *pieces, char why[256])
{
    struct otc_split split;
    struct otc_error err = OTC_ERROR_INIT;
    bool several = signal == OTC_METRICS && has_several_data(request);
    bool ok = otc_split_init(&split, signal, request, &err) == OTC_OK;

    while (ok && !otc_split_ended(&split)) {
        OTC_AUTO_BUF struct otc_buf piece = {.limit = (size_t)1 << 28};
        size_t items = 0, before = joined->items;

        ok = otc_split_next(&split, unit, room, true, &piece, &items, &err) == OTC_OK;
        if (ok && !flatten_bytes(signal, otc_buf_slice(&piece), joined)) {
            (void)otc_fail(&err, OTC_INTERNAL, "piece %zu is no request", *pieces);
            ok = false;
        } else if (ok && otc_split_count(signal, otc_buf_slice(&piece)) != items) {
            (void)otc_fail(&err, OTC_INTERNAL, "piece %zu does not count %zu items", *pieces, items);
            ok = false;
        } else if (ok && joined->items - before != items && !several) {
            (void)otc_fail(&err, OTC_INTERNAL, "piece %zu: %zu items, said %zu", *pieces,
                           joined->items - before, items);
            ok = false;
        } else if (ok && is_over(unit, room, &piece, items, several)) {
            (void)otc_fail(&err, OTC_INTERNAL, "piece %zu: %zu items of %zu bytes are more than %zu", *pieces,
                           items, piece.len, room);
            ok = false;
        }
        ++*pieces;
    }
    otc_split_release(&split);
    snprintf(why, 256, "%.200s", ok ? "" : err.text);
    return ok;
}

bool
otc_split_oracle_check(enum otc_signal signal, struct otc_slice request, enum otc_split_unit unit,
                       size_t room, size_t *pieces, char why[256])
{
    struct flat whole = {0}, joined = {0};
    size_t n = 0;
    bool ok = true;

    /* What protobuf-c cannot decode (groups) is cut all the same, but there is nothing to compare with. */
    if (flatten_bytes(signal, request, &whole)) {
        ok = cut(signal, request, unit, room, &joined, &n, why);
        if (ok && (whole.n != joined.n ||
                   memcmp(whole.entries, joined.entries, whole.n * sizeof(*whole.entries)) != 0)) {
            snprintf(why, 256, "%zu entries became %zu, or other ones", whole.n, joined.n);
            ok = false;
        }
    }
    free(whole.entries);
    free(joined.entries);
    if (pieces) {
        *pieces = n;
    }
    return ok;
}
