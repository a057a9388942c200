// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/oracle/otlp_oracle.h"

#include "common/otlp/admit.h"
#include "common/otlp/proto/collector.pb-c.h"
#include "common/otlp/walk.h"
#include "common/otlp/wire.h"

#define KEYS_MAX 60

typedef Otc__Otlp__KeyValue KeyValue;
typedef Otc__Otlp__AnyValue AnyValue;

/** The decoded request, and how far the visitor came in it. */
struct oracle {
    enum otc_signal signal;
    union {
        ProtobufCMessage *any;
        Otc__Otlp__ExportTraceServiceRequest *traces;
        Otc__Otlp__ExportMetricsServiceRequest *metrics;
        Otc__Otlp__ExportLogsServiceRequest *logs;
    } tree;
    size_t at_resource, at_scope, at_item, at_point;
    struct otc_wanted wanted[KEYS_MAX + 1];
    size_t n_wanted;
    char *texts[KEYS_MAX + 1];
    size_t items;
    char *why;
};

/* ---- What cannot be compared --------------------------------------------------------------------- */

/** True when some message holds a group, or a singular message more than once. */
static bool
departs(const ProtobufCMessageDescriptor *type, struct otc_slice message)
{
    struct otc_wire wire = otc_wire_of(message);
    struct otc_wire_field at;
    uint64_t seen = 0;

    while (otc_wire_next(&wire, &at)) {
        const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field(type, at.field);

        if (at.type == OTC_WIRE_GROUP) {
            return true;
        }
        if (!field || field->type != PROTOBUF_C_TYPE_MESSAGE || at.type != OTC_WIRE_BYTES) {
            continue;
        }
        if (field->label != PROTOBUF_C_LABEL_REPEATED && (seen >> (at.field & 63) & 1)) {
            return true;
        }
        seen |= UINT64_C(1) << (at.field & 63);
        if (departs(field->descriptor, at.bytes)) {
            return true;
        }
    }
    return false;
}

/* ---- Comparison of values ------------------------------------------------------------------------ */

static bool
same_bytes(struct otc_slice got, ProtobufCBinaryData want)
{
    return got.len == want.len && (got.len == 0 || memcmp(got.data, want.data, got.len) == 0);
}

static bool
same_double(double a, double b)
{
    return memcmp(&a, &b, sizeof(a)) == 0;
}

static bool same_pairs(enum otc_attributes_of of, struct otc_slice message, KeyValue **pairs, size_t n);

static bool
same_value(const struct otc_value *got, const AnyValue *want)
{
    struct otc_slice rest;
    struct otc_value element;
    size_t i = 0;

    if (!want) {
        return got->type == OTC_VALUE_EMPTY;
    }
    switch ((int)want->value_case) {
    case OTC__OTLP__ANY_VALUE__VALUE_STRING_VALUE:
        return got->type == OTC_VALUE_STRING && same_bytes(got->as.slice, want->string_value);
    case OTC__OTLP__ANY_VALUE__VALUE_BOOL_VALUE:
        return got->type == OTC_VALUE_BOOL && got->as.boolean == (want->bool_value != 0);
    case OTC__OTLP__ANY_VALUE__VALUE_INT_VALUE:
        return got->type == OTC_VALUE_INT && got->as.integer == want->int_value;
    case OTC__OTLP__ANY_VALUE__VALUE_DOUBLE_VALUE:
        return got->type == OTC_VALUE_DOUBLE && same_double(got->as.real, want->double_value);
    case OTC__OTLP__ANY_VALUE__VALUE_BYTES_VALUE:
        return got->type == OTC_VALUE_BYTES && same_bytes(got->as.slice, want->bytes_value);
    case OTC__OTLP__ANY_VALUE__VALUE_KVLIST_VALUE:
        return got->type == OTC_VALUE_KVLIST &&
               same_pairs(OTC_ATTRIBUTES_KVLIST, got->as.slice, want->kvlist_value->values,
                          want->kvlist_value->n_values);
    case OTC__OTLP__ANY_VALUE__VALUE_ARRAY_VALUE:
        if (got->type != OTC_VALUE_ARRAY) {
            return false;
        }
        for (rest = got->as.slice; otc_array_next(&rest, &element); i++) {
            if (i >= want->array_value->n_values || !same_value(&element, want->array_value->values[i])) {
                return false;
            }
        }
        return i == want->array_value->n_values;
    case OTC__OTLP__ANY_VALUE__VALUE__NOT_SET:
    case OTC__OTLP__ANY_VALUE__VALUE_STRING_VALUE_STRINDEX:
    default:
        return got->type == OTC_VALUE_EMPTY;
    }
}

static bool
same_pairs(enum otc_attributes_of of, struct otc_slice message, KeyValue **pairs, size_t n)
{
    struct otc_slice key;
    struct otc_value value;
    size_t i = 0;

    for (; otc_attributes_next(of, &message, &key, &value); i++) {
        if (i >= n || !same_bytes(key, pairs[i]->key) || !same_value(&value, pairs[i]->value)) {
            return false;
        }
    }
    return i == n;
}

/* ---- Records ------------------------------------------------------------------------------------- */

static bool
differs(struct oracle *oracle, const char *what)
{
    snprintf(oracle->why, 256, "%s of item %zu (resource %zu, scope %zu)", what, oracle->items,
             oracle->at_resource, oracle->at_scope);
    return false;
}

#define AGREE(condition, what)                                                                               \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            return differs(oracle, what);                                                                    \
        }                                                                                                    \
    } while (0)

/** The last attribute of this key, or NULL. */
static const KeyValue *
last_of(KeyValue **pairs, size_t n, const char *key)
{
    while (n-- > 0) {
        if (pairs[n]->key.len == strlen(key) &&
            (pairs[n]->key.len == 0 || memcmp(pairs[n]->key.data, key, strlen(key)) == 0)) {
            return pairs[n];
        }
    }
    return NULL;
}

/** The enclosing messages of a record, decoded. */
struct enclosing {
    const Otc__Otlp__Resource *resource;
    const Otc__Otlp__InstrumentationScope *scope;
    ProtobufCBinaryData resource_url, scope_url;
};

static const KeyValue *
expected_pair(const struct enclosing *around, const struct otc_wanted *wanted, KeyValue **pairs, size_t n)
{
    const KeyValue *found = NULL;

    if (wanted->level == OTC_AT_RECORD || wanted->level == OTC_AT_ANY) {
        found = last_of(pairs, n, wanted->key);
    }
    if (!found && around->scope && (wanted->level == OTC_AT_SCOPE || wanted->level == OTC_AT_ANY)) {
        found = last_of(around->scope->attributes, around->scope->n_attributes, wanted->key);
    }
    if (!found && around->resource && (wanted->level == OTC_AT_RESOURCE || wanted->level == OTC_AT_ANY)) {
        found = last_of(around->resource->attributes, around->resource->n_attributes, wanted->key);
    }
    return found;
}

static bool
same_matches(const struct otc_record *record, const struct otc_wanted *prefix, KeyValue **pairs, size_t n)
{
    size_t len = strlen(prefix->key), at = 0;

    for (size_t i = 0; i < n; i++) {
        const struct otc_match *match = &record->matches[at];

        if (pairs[i]->key.len < len || (len > 0 && memcmp(pairs[i]->key.data, prefix->key, len) != 0)) {
            continue;
        }
        if (at == OTC_MATCHES_MAX) {
            return record->n_matches == at;
        }
        if (at >= record->n_matches || match->rest.len != pairs[i]->key.len - len ||
            (match->rest.len > 0 &&
             memcmp(match->rest.data, pairs[i]->key.data + len, match->rest.len) != 0) ||
            !same_value(&match->value, pairs[i]->value)) {
            return false;
        }
        at++;
    }
    return at == record->n_matches;
}

static bool
check_record(struct oracle *oracle, const struct otc_record *record, const struct enclosing *around,
             KeyValue **pairs, size_t n)
{
    static const ProtobufCBinaryData none;
    const Otc__Otlp__Resource *resource = around->resource;
    const Otc__Otlp__InstrumentationScope *scope = around->scope;

    AGREE(record->resource_index == oracle->at_resource, "resource index");
    AGREE(same_pairs(OTC_ATTRIBUTES_RESOURCE, record->resource, resource ? resource->attributes : NULL,
                     resource ? resource->n_attributes : 0),
          "resource attributes");
    AGREE(same_pairs(OTC_ATTRIBUTES_SCOPE, record->scope, scope ? scope->attributes : NULL,
                     scope ? scope->n_attributes : 0),
          "scope attributes");
    AGREE(same_bytes(record->scope_name, scope ? scope->name : none), "scope name");
    AGREE(same_bytes(record->scope_version, scope ? scope->version : none), "scope version");
    AGREE(same_bytes(record->resource_schema_url, around->resource_url), "resource schema URL");
    AGREE(same_bytes(record->scope_schema_url, around->scope_url), "scope schema URL");
    for (size_t i = 0; i < oracle->n_wanted; i++) {
        const struct otc_wanted *wanted = &oracle->wanted[i];
        const KeyValue *pair = expected_pair(around, wanted, pairs, n);

        if (wanted->prefix) {
            AGREE(same_matches(record, wanted, pairs, n), "prefix matches");
        } else if (pair) {
            AGREE(same_value(&record->values[i], pair->value), "projected attribute");
        } else {
            AGREE(record->values[i].type == OTC_VALUE_ABSENT, "absent attribute");
        }
    }
    return true;
}

/* ---- Spans and logs ------------------------------------------------------------------------------ */

/** Moves to the next item of a signal whose tree is resource, scope, item; false when there is none. */
#define DEFINE_SEEK(name, request, resources, scopes, items)                                                 \
    static bool name(struct oracle *oracle)                                                                  \
    {                                                                                                        \
        for (; oracle->at_resource < (request)->n_##resources; oracle->at_resource++) {                      \
            for (; oracle->at_scope < (request)->resources[oracle->at_resource]->n_##scopes;                 \
                 oracle->at_scope++) {                                                                       \
                if (oracle->at_item <                                                                        \
                    (request)->resources[oracle->at_resource]->scopes[oracle->at_scope]->n_##items) {        \
                    return true;                                                                             \
                }                                                                                            \
                oracle->at_item = 0;                                                                         \
            }                                                                                                \
            oracle->at_scope = 0;                                                                            \
        }                                                                                                    \
        return false;                                                                                        \
    }

DEFINE_SEEK(seek_span, oracle->tree.traces, resource_spans, scope_spans, spans)
DEFINE_SEEK(seek_metric, oracle->tree.metrics, resource_metrics, scope_metrics, metrics)
DEFINE_SEEK(seek_log, oracle->tree.logs, resource_logs, scope_logs, log_records)

static bool
check_span(void *arg, const struct otc_span *span)
{
    struct oracle *oracle = arg;
    const Otc__Otlp__ResourceSpans *resource;
    const Otc__Otlp__ScopeSpans *scope;
    const Otc__Otlp__Span *want;
    static const Otc__Otlp__Status unset = OTC__OTLP__STATUS__INIT;
    const Otc__Otlp__Status *status;

    AGREE(seek_span(oracle), "surplus");
    resource = oracle->tree.traces->resource_spans[oracle->at_resource];
    scope = resource->scope_spans[oracle->at_scope];
    want = scope->spans[oracle->at_item];
    status = want->status ? want->status : &unset;
    if (!check_record(
            oracle, &span->record,
            &(struct enclosing){resource->resource, scope->scope, resource->schema_url, scope->schema_url},
            want->attributes, want->n_attributes)) {
        return false;
    }
    AGREE(same_pairs(OTC_ATTRIBUTES_SPAN, span->encoded, want->attributes, want->n_attributes), "attributes");
    AGREE(same_bytes(span->trace_id, want->trace_id), "trace_id");
    AGREE(same_bytes(span->span_id, want->span_id), "span_id");
    AGREE(same_bytes(span->parent_span_id, want->parent_span_id), "parent_span_id");
    AGREE(same_bytes(span->trace_state, want->trace_state), "trace_state");
    AGREE(same_bytes(span->name, want->name), "name");
    AGREE(same_bytes(span->status_message, status->message), "status message");
    AGREE(span->start_unix_nano == want->start_time_unix_nano, "start");
    AGREE(span->end_unix_nano == want->end_time_unix_nano, "end");
    AGREE(span->flags == want->flags, "flags");
    AGREE(span->kind == (int32_t)want->kind, "kind");
    AGREE(span->status_code == (int32_t)status->code, "status code");
    oracle->at_item++;
    oracle->items++;
    return true;
}

static bool
check_log(void *arg, const struct otc_log_record *log)
{
    struct oracle *oracle = arg;
    const Otc__Otlp__ResourceLogs *resource;
    const Otc__Otlp__ScopeLogs *scope;
    const Otc__Otlp__LogRecord *want;

    AGREE(seek_log(oracle), "surplus");
    resource = oracle->tree.logs->resource_logs[oracle->at_resource];
    scope = resource->scope_logs[oracle->at_scope];
    want = scope->log_records[oracle->at_item];
    if (!check_record(
            oracle, &log->record,
            &(struct enclosing){resource->resource, scope->scope, resource->schema_url, scope->schema_url},
            want->attributes, want->n_attributes)) {
        return false;
    }
    AGREE(same_pairs(OTC_ATTRIBUTES_LOG_RECORD, log->encoded, want->attributes, want->n_attributes),
          "attributes");
    AGREE(want->body ? same_value(&log->body, want->body) : log->body.type == OTC_VALUE_ABSENT, "body");
    AGREE(same_bytes(log->trace_id, want->trace_id), "trace_id");
    AGREE(same_bytes(log->span_id, want->span_id), "span_id");
    AGREE(same_bytes(log->severity_text, want->severity_text), "severity text");
    AGREE(same_bytes(log->event_name, want->event_name), "event name");
    AGREE(log->time_unix_nano == want->time_unix_nano, "time");
    AGREE(log->observed_unix_nano == want->observed_time_unix_nano, "observed time");
    AGREE(log->severity_number == want->severity_number, "severity number");
    AGREE(log->flags == want->flags, "flags");
    oracle->at_item++;
    oracle->items++;
    return true;
}

/* ---- Data points --------------------------------------------------------------------------------- */

static size_t
points_of(const Otc__Otlp__Metric *metric)
{
    switch ((int)metric->data_case) {
    case OTC__OTLP__METRIC__DATA_GAUGE:
        return metric->gauge->n_data_points;
    case OTC__OTLP__METRIC__DATA_SUM:
        return metric->sum->n_data_points;
    case OTC__OTLP__METRIC__DATA_HISTOGRAM:
        return metric->histogram->n_data_points;
    case OTC__OTLP__METRIC__DATA_EXPONENTIAL_HISTOGRAM:
        return metric->exponential_histogram->n_data_points;
    case OTC__OTLP__METRIC__DATA_SUMMARY:
        return metric->summary->n_data_points;
    case OTC__OTLP__METRIC__DATA__NOT_SET:
    default:
        return 0;
    }
}

static bool
same_words(const struct otc_words *words, const void *want, size_t n)
{
    struct otc_words_cursor cursor = {0};
    uint64_t bits, i = 0;

    if (words->n != n) {
        return false;
    }
    for (; otc_words_next(words, &cursor, &bits); i++) {
        if (i >= n || memcmp(&bits, (const uint8_t *)want + i * 8, 8) != 0 ||
            (i < 64 && otc_words_get(words, i) != bits)) {
            return false;
        }
    }
    return i == n;
}

static bool
same_buckets(const struct otc_exp_buckets *got, const Otc__Otlp__ExponentialHistogramDataPoint__Buckets *want)
{
    struct otc_varint_cursor cursor = {0};
    uint64_t count;
    size_t i = 0, n = want ? want->n_bucket_counts : 0;

    for (; otc_exp_buckets_next(got, &cursor, &count); i++) {
        if (i >= n || want->bucket_counts[i] != count) {
            return false;
        }
    }
    return i == n && got->n == n && got->offset == (want ? want->offset : 0);
}

static bool
check_number(struct oracle *oracle, const struct otc_point *got, const Otc__Otlp__NumberDataPoint *want,
             const struct enclosing *around)
{
    bool is_int = want->value_case == OTC__OTLP__NUMBER_DATA_POINT__VALUE_AS_INT;
    bool is_double = want->value_case == OTC__OTLP__NUMBER_DATA_POINT__VALUE_AS_DOUBLE;

    if (!check_record(oracle, &got->record, around, want->attributes, want->n_attributes)) {
        return false;
    }
    AGREE(got->time_unix_nano == want->time_unix_nano, "time");
    AGREE(got->start_unix_nano == want->start_time_unix_nano, "start");
    AGREE(got->flags == want->flags, "flags");
    AGREE(is_int ? got->value.type == OTC_VALUE_INT && got->value.as.integer == want->as_int
          : is_double
              ? got->value.type == OTC_VALUE_DOUBLE && same_double(got->value.as.real, want->as_double)
              : got->value.type == OTC_VALUE_ABSENT,
          "value");
    return true;
}

#define SAME_OPTIONAL(got, want, name)                                                                       \
    ((got)->has_##name == ((want)->optional_##name##_case != 0) &&                                           \
     (!(got)->has_##name || same_double((got)->name, (want)->name)))

static bool
check_histogram(struct oracle *oracle, const struct otc_point *got, const Otc__Otlp__HistogramDataPoint *want,
                const struct enclosing *around)
{
    if (!check_record(oracle, &got->record, around, want->attributes, want->n_attributes)) {
        return false;
    }
    AGREE(got->time_unix_nano == want->time_unix_nano, "time");
    AGREE(got->start_unix_nano == want->start_time_unix_nano, "start");
    AGREE(got->flags == want->flags && got->count == want->count, "flags or count");
    AGREE(SAME_OPTIONAL(got, want, sum) && SAME_OPTIONAL(got, want, min) && SAME_OPTIONAL(got, want, max),
          "sum, min or max");
    AGREE(same_words(&got->bucket_counts, want->bucket_counts, want->n_bucket_counts), "bucket counts");
    AGREE(same_words(&got->explicit_bounds, want->explicit_bounds, want->n_explicit_bounds), "bounds");
    return true;
}

static bool
check_exponential(struct oracle *oracle, const struct otc_point *got,
                  const Otc__Otlp__ExponentialHistogramDataPoint *want, const struct enclosing *around)
{
    if (!check_record(oracle, &got->record, around, want->attributes, want->n_attributes)) {
        return false;
    }
    AGREE(got->time_unix_nano == want->time_unix_nano, "time");
    AGREE(got->start_unix_nano == want->start_time_unix_nano, "start");
    AGREE(got->flags == want->flags && got->count == want->count, "flags or count");
    AGREE(SAME_OPTIONAL(got, want, sum) && SAME_OPTIONAL(got, want, min) && SAME_OPTIONAL(got, want, max),
          "sum, min or max");
    AGREE(got->scale == want->scale && got->zero_count == want->zero_count, "scale or zero count");
    AGREE(same_double(got->zero_threshold, want->zero_threshold), "zero threshold");
    AGREE(same_buckets(&got->positive, want->positive), "positive buckets");
    AGREE(same_buckets(&got->negative, want->negative), "negative buckets");
    return true;
}

static bool
check_summary(struct oracle *oracle, const struct otc_point *got, const Otc__Otlp__SummaryDataPoint *want,
              const struct enclosing *around)
{
    if (!check_record(oracle, &got->record, around, want->attributes, want->n_attributes)) {
        return false;
    }
    AGREE(got->time_unix_nano == want->time_unix_nano, "time");
    AGREE(got->start_unix_nano == want->start_time_unix_nano, "start");
    AGREE(got->flags == want->flags && got->count == want->count, "flags or count");
    AGREE(got->has_sum && same_double(got->sum, want->sum), "sum");
    return true;
}

static bool
check_by_type(struct oracle *oracle, const struct otc_point *point, const Otc__Otlp__Metric *metric,
              const struct enclosing *around)
{
    size_t i = oracle->at_point;

    switch (point->type) {
    case OTC_METRIC_GAUGE:
        AGREE(metric->data_case == OTC__OTLP__METRIC__DATA_GAUGE, "type");
        return check_number(oracle, point, metric->gauge->data_points[i], around);
    case OTC_METRIC_SUM:
        AGREE(metric->data_case == OTC__OTLP__METRIC__DATA_SUM, "type");
        AGREE(point->monotonic == (metric->sum->is_monotonic != 0), "monotonic");
        AGREE((int)point->temporality == (int)metric->sum->aggregation_temporality, "temporality");
        return check_number(oracle, point, metric->sum->data_points[i], around);
    case OTC_METRIC_HISTOGRAM:
        AGREE(metric->data_case == OTC__OTLP__METRIC__DATA_HISTOGRAM, "type");
        AGREE((int)point->temporality == (int)metric->histogram->aggregation_temporality, "temporality");
        return check_histogram(oracle, point, metric->histogram->data_points[i], around);
    case OTC_METRIC_EXPONENTIAL_HISTOGRAM:
        AGREE(metric->data_case == OTC__OTLP__METRIC__DATA_EXPONENTIAL_HISTOGRAM, "type");
        AGREE((int)point->temporality == (int)metric->exponential_histogram->aggregation_temporality,
              "temporality");
        return check_exponential(oracle, point, metric->exponential_histogram->data_points[i], around);
    case OTC_METRIC_SUMMARY:
        AGREE(metric->data_case == OTC__OTLP__METRIC__DATA_SUMMARY, "type");
        return check_summary(oracle, point, metric->summary->data_points[i], around);
    case OTC_METRIC_NONE:
        break;
    }
    return differs(oracle, "type");
}

static bool
check_point(void *arg, const struct otc_point *point)
{
    struct oracle *oracle = arg;
    const Otc__Otlp__ResourceMetrics *resource;
    const Otc__Otlp__ScopeMetrics *scope;
    const Otc__Otlp__Metric *metric = NULL;

    while (seek_metric(oracle)) {
        resource = oracle->tree.metrics->resource_metrics[oracle->at_resource];
        scope = resource->scope_metrics[oracle->at_scope];
        metric = scope->metrics[oracle->at_item];
        if (oracle->at_point < points_of(metric)) {
            break;
        }
        metric = NULL;
        oracle->at_point = 0;
        oracle->at_item++;
    }
    AGREE(metric, "surplus");
    AGREE(same_bytes(point->name, metric->name), "metric name");
    AGREE(same_bytes(point->unit, metric->unit), "unit");
    AGREE(same_bytes(point->description, metric->description), "description");
    if (!check_by_type(
            oracle, point, metric,
            &(struct enclosing){resource->resource, scope->scope, resource->schema_url, scope->schema_url})) {
        return false;
    }
    oracle->at_point++;
    oracle->items++;
    return true;
}

/* ---- The whole ----------------------------------------------------------------------------------- */

static otc_status
walk(struct oracle *oracle, const struct otc_projection *projection, struct otc_slice request,
     struct otc_error *err)
{
    switch (oracle->signal) {
    case OTC_TRACES:
        return otc_walk_spans(projection, request, check_span, oracle, err);
    case OTC_METRICS:
        return otc_walk_points(projection, request, check_point, oracle, err);
    case OTC_LOGS:
        break;
    }
    return otc_walk_logs(projection, request, check_log, oracle, err);
}

static const ProtobufCMessageDescriptor *
descriptor_of(enum otc_signal signal)
{
    return signal == OTC_TRACES    ? &otc__otlp__export_trace_service_request__descriptor
           : signal == OTC_METRICS ? &otc__otlp__export_metrics_service_request__descriptor
                                   : &otc__otlp__export_logs_service_request__descriptor;
}

/** Wants every key it meets in a KeyValue anywhere in the message, level by turns, and one prefix. */
static void
collect_keys(struct oracle *oracle, const ProtobufCMessageDescriptor *type, struct otc_slice message)
{
    struct otc_wire wire = otc_wire_of(message);
    struct otc_wire_field at;

    while (otc_wire_next(&wire, &at) && oracle->n_wanted < KEYS_MAX) {
        const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field(type, at.field);
        bool is_key = type == &otc__otlp__key_value__descriptor && at.field == 1 && at.type == OTC_WIRE_BYTES;

        if (is_key && !memchr(at.bytes.len ? (const void *)at.bytes.data : "", 0, at.bytes.len)) {
            size_t i = oracle->n_wanted++;

            oracle->texts[i] = strndup(at.bytes.len ? (const char *)at.bytes.data : "", at.bytes.len);
            if (i == 1 && at.bytes.len > 3) {
                oracle->texts[i][3] = '\0';
            }
            oracle->wanted[i] =
                (struct otc_wanted){oracle->texts[i], (enum otc_attribute_level)(i % 4), i == 1};
        } else if (field && field->type == PROTOBUF_C_TYPE_MESSAGE && at.type == OTC_WIRE_BYTES) {
            collect_keys(oracle, field->descriptor, at.bytes);
        }
    }
}

static size_t
items_left(struct oracle *oracle)
{
    switch (oracle->signal) {
    case OTC_TRACES:
        return seek_span(oracle);
    case OTC_METRICS:
        while (seek_metric(oracle)) {
            const Otc__Otlp__Metric *metric = oracle->tree.metrics->resource_metrics[oracle->at_resource]
                                                  ->scope_metrics[oracle->at_scope]
                                                  ->metrics[oracle->at_item];
            if (oracle->at_point < points_of(metric)) {
                return 1;
            }
            oracle->at_point = 0;
            oracle->at_item++;
        }
        return 0;
    case OTC_LOGS:
        break;
    }
    return seek_log(oracle);
}

static enum otc_oracle_answer
compare(struct oracle *oracle, struct otc_slice request, const struct otc_admitted *admitted)
{
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_projection *projection = NULL;

    collect_keys(oracle, descriptor_of(oracle->signal), request);
    if (otc_projection_new(oracle->wanted, oracle->n_wanted, &projection, &err) != OTC_OK ||
        walk(oracle, projection, request, &err) != OTC_OK) {
        snprintf(oracle->why, 256, "%.200s", err.text);
    } else if (oracle->why[0] == '\0' && (items_left(oracle) || oracle->items != admitted->items)) {
        snprintf(oracle->why, 256, "the walk ended after %zu items, admission counted %zu", oracle->items,
                 admitted->items);
    }
    otc_projection_free(projection);
    for (size_t i = 0; i < oracle->n_wanted; i++) {
        free(oracle->texts[i]);
    }
    return oracle->why[0] ? OTC_ORACLE_DISAGREES : OTC_ORACLE_AGREES;
}

/** For what is refused: the walker must come through all the same. */
static bool
look_at_span(void *arg, const struct otc_span *span)
{
    size_t *sum = arg;
    struct otc_slice rest = span->encoded, key;
    struct otc_value value;

    while (otc_attributes_next(OTC_ATTRIBUTES_SPAN, &rest, &key, &value)) {
        *sum += key.len;
    }
    return true;
}

static bool
look_at_point(void *arg, const struct otc_point *point)
{
    struct otc_words_cursor words = {0};
    struct otc_varint_cursor varints = {0};
    uint64_t bits;
    size_t *sum = arg;

    while (otc_words_next(&point->bucket_counts, &words, &bits)) {
        ++*sum;
    }
    while (otc_exp_buckets_next(&point->positive, &varints, &bits)) {
        ++*sum;
    }
    return true;
}

static bool
look_at_log(void *arg, const struct otc_log_record *log)
{
    size_t *sum = arg;
    struct otc_slice rest = log->body.type == OTC_VALUE_ARRAY ? log->body.as.slice : OTC_SLICE_NONE;
    struct otc_value value;

    while (otc_array_next(&rest, &value)) {
        ++*sum;
    }
    return true;
}

static void
survive(enum otc_signal signal, struct otc_slice request)
{
    static const struct otc_wanted wanted[] = {
        {"a", OTC_AT_ANY, false}, {"service.name", OTC_AT_ANY, false}, {"", OTC_AT_RECORD, true}};
    struct otc_projection *projection;
    size_t sum = 0;

    if (otc_projection_new(wanted, 3, &projection, NULL) != OTC_OK) {
        return;
    }
    if (signal == OTC_TRACES) {
        (void)!otc_walk_spans(projection, request, look_at_span, &sum, NULL);
    } else if (signal == OTC_METRICS) {
        (void)!otc_walk_points(projection, request, look_at_point, &sum, NULL);
    } else {
        (void)!otc_walk_logs(projection, request, look_at_log, &sum, NULL);
    }
    otc_projection_free(projection);
}

enum otc_oracle_answer
otc_oracle_check(enum otc_signal signal, struct otc_slice request, size_t *items, char why[256])
{
    struct oracle oracle = {.signal = signal, .why = why};
    /* A copy of its own size, so that a sanitizer sees a read beyond its end. */
    uint8_t *bytes = malloc(request.len ? request.len : 1);
    enum otc_oracle_answer answer = OTC_ORACLE_REFUSED;
    struct otc_admitted admitted;

    why[0] = '\0';
    if (request.len) {
        memcpy(bytes, request.data, request.len);
    }
    request.data = bytes;
    survive(signal, request);
    if (otc_admit(signal, request, &(struct otc_admission){.max_decoded_bytes = (size_t)64 << 20}, &admitted,
                  NULL) == OTC_OK) {
        bool incomparable = departs(descriptor_of(signal), request);

        oracle.tree.any = protobuf_c_message_unpack(descriptor_of(signal), NULL, request.len, request.data);
        if (incomparable) {
            answer = OTC_ORACLE_INCOMPARABLE;
        } else if (!oracle.tree.any) {
            snprintf(why, 256, "admitted, but protobuf-c refuses it");
            answer = OTC_ORACLE_DISAGREES;
        } else {
            answer = compare(&oracle, request, &admitted);
        }
        if (oracle.tree.any) {
            protobuf_c_message_free_unpacked(oracle.tree.any, NULL);
        }
    }
    if (items) {
        *items = oracle.items;
    }
    free(bytes);
    return answer;
}
