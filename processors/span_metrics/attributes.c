// SPDX-License-Identifier: Apache-2.0
#include "processors/span_metrics/dimensions.h"

#include "common/base/codec.h"
#include "common/base/number.h"

/* The key is read in the order in which dimensions.c writes it. */
struct reader {
    struct otc_reader key;
    struct otc_reader types;
    uint64_t n_values;
    uint64_t typed; /* ordinal of the next value that is no string */
};

struct attributes {
    struct otc_attribute *items;
    size_t n;
};

/* ---- Reading --------------------------------------------------------------------------------------- */

static void
next_typed(struct reader *reader)
{
    reader->typed = reader->types.rest.len > 0 ? otc_take_u64(&reader->types) : UINT64_MAX;
}

static struct otc_slice
take_text(struct reader *reader, size_t len)
{
    struct otc_slice text = otc_slice_of(reader->key.rest.data, len);

    reader->key.rest = otc_slice_skip(reader->key.rest, len);
    return text;
}

/* Gives the value whose text is read its type back. */
static struct otc_value
typed_value(struct reader *reader, struct otc_slice text)
{
    struct otc_value value = {.type = OTC_VALUE_EMPTY};
    uint8_t type = reader->types.rest.data[0];

    reader->types.rest = otc_slice_skip(reader->types.rest, 1);
    switch (type) {
    case OTC_VALUE_INT:
        value.type = OTC_VALUE_INT;
        (void)otc_parse_int64(text, &value.as.integer);
        break;
    case OTC_VALUE_BOOL:
        value.type = OTC_VALUE_BOOL;
        value.as.boolean = otc_slice_equal_str(text, "true");
        break;
    case OTC_VALUE_DOUBLE:
        value.type = OTC_VALUE_DOUBLE;
        value.as.real = otc_take_f64(&reader->types);
        break;
    case OTC_VALUE_ARRAY:
    case OTC_VALUE_KVLIST:
    case OTC_VALUE_BYTES:
        value.type = (enum otc_value_type)type;
        value.as.slice = otc_take_bytes(&reader->types);
        break;
    default:
        break;
    }
    next_typed(reader);
    return value;
}

static struct otc_value
take_value(struct reader *reader)
{
    size_t len = otc_take_u64(&reader->key);
    uint64_t ordinal = reader->n_values++;
    struct otc_slice text;

    if (len == 0) {
        return (struct otc_value){.type = OTC_VALUE_ABSENT};
    }
    text = take_text(reader, len - 1);
    return ordinal == reader->typed ? typed_value(reader, text)
                                    : (struct otc_value){OTC_VALUE_STRING, {.slice = text}};
}

/* ---- Attributes ------------------------------------------------------------------------------------ */

/* A name that is there already, among the first `n`, gets the new value. */
static void
put_among(struct attributes *attributes, size_t n, struct otc_slice key, struct otc_value value)
{
    size_t at = 0;

    while (at < n && !otc_slice_equal(attributes->items[at].key, key)) {
        at++;
    }
    at = at < n ? at : attributes->n++;
    attributes->items[at] = (struct otc_attribute){key, value};
}

static void
put(struct attributes *attributes, struct otc_slice key, struct otc_value value)
{
    put_among(attributes, attributes->n, key, value);
}

static void
put_text(struct attributes *attributes, const char *key, struct otc_slice text)
{
    put(attributes, otc_slice_str(key), (struct otc_value){OTC_VALUE_STRING, {.slice = text}});
}

static struct otc_slice
kind_name(unsigned kind)
{
    static const char *const names[SPAN_METRICS_N_KINDS] = {"SPAN_KIND_UNSPECIFIED", "SPAN_KIND_INTERNAL",
                                                            "SPAN_KIND_SERVER",      "SPAN_KIND_CLIENT",
                                                            "SPAN_KIND_PRODUCER",    "SPAN_KIND_CONSUMER"};

    return otc_slice_str(kind < SPAN_METRICS_N_KINDS ? names[kind] : "");
}

static struct otc_slice
status_name(unsigned code)
{
    static const char *const names[SPAN_METRICS_N_STATUSES] = {"STATUS_CODE_UNSET", "STATUS_CODE_OK",
                                                               "STATUS_CODE_ERROR"};

    return otc_slice_str(code < SPAN_METRICS_N_STATUSES ? names[code] : "");
}

static void
put_list(struct attributes *attributes, struct reader *reader, const struct span_metrics_list *list)
{
    for (size_t i = 0; i < list->n_named; i++) {
        struct otc_value value = take_value(reader);

        if (value.type != OTC_VALUE_ABSENT) {
            put(attributes, otc_slice_str(list->named[i].config->name), value);
        }
    }
    if (list->n_globs > 0) {
        size_t before = attributes->n; /* the names that match are different from each other */

        for (uint64_t n = otc_take_u64(&reader->key); n > 0; n--) {
            struct otc_slice name = take_text(reader, otc_take_u64(&reader->key));

            put_among(attributes, before, name, take_value(reader));
        }
    }
}

/* Service and name of the span, and what the byte before them holds. */
static void
put_span(const struct span_metrics *stage, struct attributes *attributes, struct reader *reader)
{
    uint8_t head = take_text(reader, 1).data[0];

    if (!stage->without_service) {
        put_text(attributes, "service.name", take_text(reader, otc_take_u64(&reader->key)));
    }
    if (!stage->without_name) {
        put_text(attributes, "span.name", take_text(reader, otc_take_u64(&reader->key)));
    }
    if (!stage->without_kind) {
        put_text(attributes, "span.kind", kind_name(SPAN_METRICS_HEAD_KIND(head)));
    }
    if (!stage->without_status) {
        put_text(attributes, "status.code", status_name(SPAN_METRICS_HEAD_STATUS(head)));
    }
    if (!stage->without_instance) {
        put_text(attributes, "collector.instance.id", stage->instance_id);
    }
    if (stage->config->include_instrumentation_scope.n > 0) {
        struct otc_slice scope = take_text(reader, otc_take_u64(&reader->key));
        struct otc_slice version = take_text(reader, otc_take_u64(&reader->key));

        if (scope.len > 0) {
            put_text(attributes, "span.instrumentation.scope.name", scope);
        }
        if (version.len > 0) {
            put_text(attributes, "span.instrumentation.scope.version", version);
        }
    }
    if (stage->config->enable_metrics_sampling_method) {
        put_text(attributes, "sampling.method",
                 otc_slice_str(SPAN_METRICS_HEAD_SAMPLED(head) ? "extrapolated" : "counted"));
    }
}

size_t
span_metrics_attributes(const struct span_metrics *stage, const struct span_metrics_identity *identity,
                        enum span_metrics_list_of list, struct otc_attribute out[SPAN_METRICS_ATTRIBUTES_MAX])
{
    struct attributes attributes = {out, 0};
    struct reader reader = {
        .key = otc_reader_of(otc_slice_of(identity->bytes, identity->key_len)),
        .types = otc_reader_of(otc_slice_of(identity->bytes + identity->key_len, identity->types_len))};

    next_typed(&reader);
    put_span(stage, &attributes, &reader);
    put_list(&attributes, &reader, &stage->lists[LIST_COMMON]);
    if (list != LIST_COMMON) {
        put_list(&attributes, &reader, &stage->lists[list]);
    }
    return attributes.n;
}
