// SPDX-License-Identifier: Apache-2.0
#include "common/ottl/fields.h"

static const struct otc_ottl_field resource_fields[] = {
    {"attributes", READ_ATTRIBUTES, IN_RESOURCE, 1, 0},
    {"dropped_attributes_count", READ_INT32, IN_RESOURCE, 2, 0},
    {"schema_url", READ_TEXT, IN_RESOURCE_GROUP, 3, 0},
    {NULL, READ_TEXT, IN_RESOURCE, 0, 0},
};

static const struct otc_ottl_field scope_fields[] = {
    {"name", READ_TEXT, IN_SCOPE, 1, 0},
    {"version", READ_TEXT, IN_SCOPE, 2, 0},
    {"attributes", READ_ATTRIBUTES, IN_SCOPE, 3, 0},
    {"dropped_attributes_count", READ_INT32, IN_SCOPE, 4, 0},
    {"schema_url", READ_TEXT, IN_SCOPE_GROUP, 3, 0},
    {NULL, READ_TEXT, IN_SCOPE, 0, 0},
};

static const struct otc_ottl_field span_fields[] = {
    {"trace_id", READ_ID, IN_ITEM, 1, 16},
    {"trace_id.string", READ_ID_TEXT, IN_ITEM, 1, 16},
    {"span_id", READ_ID, IN_ITEM, 2, 8},
    {"span_id.string", READ_ID_TEXT, IN_ITEM, 2, 8},
    {"parent_span_id", READ_ID, IN_ITEM, 4, 8},
    {"parent_span_id.string", READ_ID_TEXT, IN_ITEM, 4, 8},
    {"trace_state", READ_TEXT, IN_ITEM, 3, 0},
    {"name", READ_TEXT, IN_ITEM, 5, 0},
    {"kind", READ_INT32, IN_ITEM, 6, 0},
    {"kind.string", READ_KIND, IN_ITEM, 6, 0},
    {"kind.deprecated_string", READ_KIND, IN_ITEM, 6, 1},
    {"start_time", READ_FIXED, IN_ITEM, 7, 0},
    {"start_time_unix_nano", READ_FIXED, IN_ITEM, 7, 0},
    {"end_time", READ_FIXED, IN_ITEM, 8, 0},
    {"end_time_unix_nano", READ_FIXED, IN_ITEM, 8, 0},
    {"attributes", READ_ATTRIBUTES, IN_ITEM, 9, 0},
    {"status.code", READ_INSIDE, IN_ITEM, 15, 3},
    {"status.message", READ_INSIDE_TEXT, IN_ITEM, 15, 2},
    {"dropped_attributes_count", READ_INT32, IN_ITEM, 10, 0},
    {"dropped_events_count", READ_INT32, IN_ITEM, 12, 0},
    {"dropped_links_count", READ_INT32, IN_ITEM, 14, 0},
    {"flags", READ_FIXED32, IN_ITEM, 16, 0},
    {NULL, READ_TEXT, IN_ITEM, 0, 0},
};

static const struct otc_ottl_field event_fields[] = {
    {"time", READ_FIXED, IN_EVENT, 1, 0},
    {"time_unix_nano", READ_FIXED, IN_EVENT, 1, 0},
    {"name", READ_TEXT, IN_EVENT, 2, 0},
    {"attributes", READ_ATTRIBUTES, IN_EVENT, 3, 0},
    {"dropped_attributes_count", READ_INT32, IN_EVENT, 4, 0},
    {"event_index", READ_EVENT_INDEX, IN_EVENT, 0, 0},
    {NULL, READ_TEXT, IN_EVENT, 0, 0},
};

static const struct otc_ottl_field metric_fields[] = {
    {"name", READ_TEXT, IN_METRIC, 1, 0},
    {"description", READ_TEXT, IN_METRIC, 2, 0},
    {"unit", READ_TEXT, IN_METRIC, 3, 0},
    {"type", READ_METRIC_TYPE, IN_METRIC, 0, 0},
    {"aggregation_temporality", READ_METRIC_INT, IN_METRIC, 0, 2},
    {"is_monotonic", READ_METRIC_BOOL, IN_METRIC, 0, 3},
    {NULL, READ_TEXT, IN_METRIC, 0, 0},
};

/* By metric type: nothing, gauge, sum, histogram, exponential histogram, summary; 0: it has none. */
static const struct {
    uint8_t numbers[6];
    enum reading reading;
} point_fields[] = {
    [POINT_FLAGS] = {{0, 8, 8, 10, 10, 8}, READ_INT32},
    [POINT_COUNT] = {{0, 0, 0, 4, 4, 4}, READ_FIXED},
    [POINT_SUM] = {{0, 0, 0, 5, 5, 5}, READ_DOUBLE},
    [POINT_SCALE] = {{0, 0, 0, 0, 6, 0}, READ_ZIGZAG},
    [POINT_ZERO_COUNT] = {{0, 0, 0, 0, 7, 0}, READ_FIXED},
    [POINT_ATTRIBUTES] = {{0, 7, 7, 9, 1, 7}, READ_ATTRIBUTES},
};

static const struct otc_ottl_field datapoint_fields[] = {
    {"attributes", READ_OF_POINT, IN_ITEM, POINT_ATTRIBUTES, 0},
    {"start_time", READ_FIXED, IN_ITEM, 2, 0},
    {"start_time_unix_nano", READ_FIXED, IN_ITEM, 2, 0},
    {"time", READ_FIXED, IN_ITEM, 3, 0},
    {"time_unix_nano", READ_FIXED, IN_ITEM, 3, 0},
    {"value_double", READ_VALUE_DOUBLE, IN_ITEM, 4, 0},
    {"value_int", READ_VALUE_INT, IN_ITEM, 6, 0},
    {"flags", READ_OF_POINT, IN_ITEM, POINT_FLAGS, 0},
    {"count", READ_OF_POINT, IN_ITEM, POINT_COUNT, 0},
    {"sum", READ_OF_POINT, IN_ITEM, POINT_SUM, 0},
    {"scale", READ_OF_POINT, IN_ITEM, POINT_SCALE, 0},
    {"zero_count", READ_OF_POINT, IN_ITEM, POINT_ZERO_COUNT, 0},
    {NULL, READ_TEXT, IN_ITEM, 0, 0},
};

static const struct otc_ottl_field log_fields[] = {
    {"time", READ_FIXED, IN_ITEM, 1, 0},
    {"time_unix_nano", READ_FIXED, IN_ITEM, 1, 0},
    {"observed_time", READ_FIXED, IN_ITEM, 11, 0},
    {"observed_time_unix_nano", READ_FIXED, IN_ITEM, 11, 0},
    {"severity_number", READ_INT32, IN_ITEM, 2, 0},
    {"severity_text", READ_TEXT, IN_ITEM, 3, 0},
    {"body", READ_BODY, IN_ITEM, 5, 0},
    {"body.string", READ_BODY_TEXT, IN_ITEM, 5, 0},
    {"attributes", READ_ATTRIBUTES, IN_ITEM, 6, 0},
    {"dropped_attributes_count", READ_INT32, IN_ITEM, 7, 0},
    {"flags", READ_FIXED32, IN_ITEM, 8, 0},
    {"trace_id", READ_ID, IN_ITEM, 9, 16},
    {"trace_id.string", READ_ID_TEXT, IN_ITEM, 9, 16},
    {"span_id", READ_ID, IN_ITEM, 10, 8},
    {"span_id.string", READ_ID_TEXT, IN_ITEM, 10, 8},
    {"event_name", READ_TEXT, IN_ITEM, 12, 0},
    {NULL, READ_TEXT, IN_ITEM, 0, 0},
};

static const struct {
    const char *name;
    const struct otc_ottl_field *fields;
    /* Contexts that may be named in it, by bits. */
    unsigned around;
} contexts[OTC_N_OTTL_CONTEXTS] = {
    [OTC_OTTL_RESOURCE] = {"resource", resource_fields, 1u << OTC_OTTL_RESOURCE},
    [OTC_OTTL_SCOPE] = {"scope", scope_fields, 1u << OTC_OTTL_RESOURCE | 1u << OTC_OTTL_SCOPE},
    [OTC_OTTL_SPAN] = {"span", span_fields,
                       1u << OTC_OTTL_RESOURCE | 1u << OTC_OTTL_SCOPE | 1u << OTC_OTTL_SPAN},
    [OTC_OTTL_SPANEVENT] = {"spanevent", event_fields,
                            1u << OTC_OTTL_RESOURCE | 1u << OTC_OTTL_SCOPE | 1u << OTC_OTTL_SPAN |
                                1u << OTC_OTTL_SPANEVENT},
    [OTC_OTTL_METRIC] = {"metric", metric_fields,
                         1u << OTC_OTTL_RESOURCE | 1u << OTC_OTTL_SCOPE | 1u << OTC_OTTL_METRIC},
    [OTC_OTTL_DATAPOINT] = {"datapoint", datapoint_fields,
                            1u << OTC_OTTL_RESOURCE | 1u << OTC_OTTL_SCOPE | 1u << OTC_OTTL_METRIC |
                                1u << OTC_OTTL_DATAPOINT},
    [OTC_OTTL_LOG] = {"log", log_fields, 1u << OTC_OTTL_RESOURCE | 1u << OTC_OTTL_SCOPE | 1u << OTC_OTTL_LOG},
};

const char *
otc_ottl_context_name(enum otc_ottl_context context)
{
    return contexts[context].name;
}

enum otc_ottl_context
otc_ottl_context_of(const char *name)
{
    int context = 0;

    while (context < OTC_N_OTTL_CONTEXTS && strcmp(name, contexts[context].name) != 0) {
        context++;
    }
    return (enum otc_ottl_context)context;
}

static const struct otc_ottl_field *
find_field(enum otc_ottl_context context, struct otc_slice name)
{
    const struct otc_ottl_field *field = contexts[context].fields;

    while (field->name && !otc_slice_equal_str(name, field->name)) {
        field++;
    }
    return field->name ? field : NULL;
}

const struct otc_ottl_field *
otc_ottl_field_find(enum otc_ottl_context context, struct otc_slice name)
{
    static const struct {
        const char *prefix;
        enum otc_ottl_context context;
    } prefixes[] = {{"resource.", OTC_OTTL_RESOURCE},           {"scope.", OTC_OTTL_SCOPE},
                    {"instrumentation_scope.", OTC_OTTL_SCOPE}, {"span.", OTC_OTTL_SPAN},
                    {"spanevent.", OTC_OTTL_SPANEVENT},         {"metric.", OTC_OTTL_METRIC},
                    {"datapoint.", OTC_OTTL_DATAPOINT},         {"log.", OTC_OTTL_LOG}};

    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        struct otc_slice prefix = otc_slice_str(prefixes[i].prefix);

        if (otc_slice_starts(name, prefix)) {
            return contexts[context].around >> prefixes[i].context & 1
                       ? find_field(prefixes[i].context, otc_slice_skip(name, prefix.len))
                       : NULL;
        }
    }
    return find_field(context, name);
}

struct otc_ottl_field
otc_ottl_point_field(enum otc_ottl_point_field field, enum otc_metric_type type)
{
    return (struct otc_ottl_field){"", point_fields[field].reading, IN_ITEM,
                                   point_fields[field].numbers[type], 0};
}
