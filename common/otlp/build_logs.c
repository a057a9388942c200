// SPDX-License-Identifier: Apache-2.0
#include "common/otlp/build_logs.h"

#include "common/otlp/build_attributes.h"
#include "common/otlp/wire.h"

/* Field numbers of opentelemetry/proto/logs/v1/logs.proto. */
enum {
    RESOURCE_LOGS_RESOURCE = 1,
    RESOURCE_LOGS_SCOPE_LOGS = 2,
    SCOPE_LOGS_RECORDS = 2,
    LOG_TIME = 1,
    LOG_SEVERITY_NUMBER = 2,
    LOG_SEVERITY_TEXT = 3,
    LOG_BODY = 5,
    LOG_ATTRIBUTES = 6,
    LOG_OBSERVED_TIME = 11,
    LOG_EVENT_NAME = 12,
    ANY_VALUE_STRING = 1
};

struct otc_logs_builder {
    struct otc_buf resource; /* encoded, with tag and length */
    struct otc_buf records;  /* encoded ScopeLogs without tag and length; begins with the scope */
    size_t scope_bytes;
    size_t n;
};

struct otc_logs_builder *
otc_logs_builder_new(const struct otc_attribute *resource, size_t n, const char *scope_name,
                     const char *scope_version, size_t limit)
{
    struct otc_logs_builder *builder = calloc(1, sizeof(*builder));
    size_t mark;

    if (!builder) {
        return NULL;
    }
    otc_buf_init(&builder->resource, limit);
    otc_buf_init(&builder->records, limit);
    mark = otc_wire_begin(&builder->resource, RESOURCE_LOGS_RESOURCE);
    otc_wire_put_attributes(&builder->resource, 1, resource, n);
    otc_wire_end(&builder->resource, mark);
    mark = otc_wire_begin(&builder->records, 1);
    otc_wire_put_bytes(&builder->records, 1, otc_slice_str(scope_name));
    otc_wire_put_bytes(&builder->records, 2, otc_slice_str(scope_version));
    otc_wire_end(&builder->records, mark);
    builder->scope_bytes = builder->records.len;
    if (builder->resource.failed || builder->records.failed) {
        otc_logs_builder_free(builder);
        return NULL;
    }
    return builder;
}

void
otc_logs_builder_free(struct otc_logs_builder *builder)
{
    if (builder) {
        otc_buf_release(&builder->resource);
        otc_buf_release(&builder->records);
        free(builder);
    }
}

static const char *
severity_text(enum otc_severity severity)
{
    return severity >= OTC_SEVERITY_ERROR ? "ERROR" : severity >= OTC_SEVERITY_WARN ? "WARN" : "INFO";
}

bool
otc_build_log(struct otc_logs_builder *builder, const struct otc_log_head *log)
{
    struct otc_buf *out = &builder->records;
    size_t mark = otc_wire_begin(out, SCOPE_LOGS_RECORDS);
    size_t body;

    otc_wire_put_fixed64(out, LOG_TIME, log->time_unix_nano);
    otc_wire_put_number(out, LOG_SEVERITY_NUMBER, (uint64_t)log->severity);
    otc_wire_put_bytes(out, LOG_SEVERITY_TEXT, otc_slice_str(severity_text(log->severity)));
    body = otc_wire_begin(out, LOG_BODY);
    otc_wire_put_bytes(out, ANY_VALUE_STRING, log->body);
    otc_wire_end(out, body);
    otc_wire_put_attributes(out, LOG_ATTRIBUTES, log->attributes, log->n_attributes);
    otc_wire_put_fixed64(out, LOG_OBSERVED_TIME, log->observed_unix_nano);
    otc_wire_put_bytes(out, LOG_EVENT_NAME, log->event_name);
    otc_wire_end(out, mark);
    builder->n += !out->failed;
    return !out->failed;
}

size_t
otc_logs_builder_records(const struct otc_logs_builder *builder)
{
    return builder->n;
}

bool
otc_logs_builder_finish(struct otc_logs_builder *builder, struct otc_buf *out)
{
    bool failed = builder->records.failed;
    size_t mark = otc_wire_begin(out, 1);

    otc_buf_append_slice(out, otc_buf_slice(&builder->resource));
    otc_wire_put_bytes(out, RESOURCE_LOGS_SCOPE_LOGS, otc_buf_slice(&builder->records));
    otc_wire_end(out, mark);
    builder->records.len = builder->scope_bytes;
    builder->records.failed = false;
    builder->n = 0;
    return !failed && !out->failed;
}
