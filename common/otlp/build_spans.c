// SPDX-License-Identifier: Apache-2.0
#include "common/otlp/build_spans.h"

#include "common/otlp/build_attributes.h"
#include "common/otlp/wire.h"

/* Field numbers of opentelemetry/proto/trace/v1/trace.proto. */
enum {
    RESOURCE_SPANS_RESOURCE = 1,
    RESOURCE_SPANS_SCOPE_SPANS = 2,
    SCOPE_SPANS_SPANS = 2,
    SPAN_TRACE_ID = 1,
    SPAN_SPAN_ID = 2,
    SPAN_NAME = 5,
    SPAN_KIND = 6,
    SPAN_START = 7,
    SPAN_END = 8,
    SPAN_ATTRIBUTES = 9,
    SPAN_STATUS = 15,
    STATUS_CODE = 3
};

struct otc_spans_builder {
    struct otc_buf resource; /* encoded, with tag and length */
    struct otc_buf spans;    /* encoded ScopeSpans without tag and length; begins with the scope */
    size_t scope_bytes;
    size_t n;
};

struct otc_spans_builder *
otc_spans_builder_new(const struct otc_attribute *resource, size_t n, const char *scope_name,
                      const char *scope_version, size_t limit)
{
    struct otc_spans_builder *builder = calloc(1, sizeof(*builder));
    size_t mark;

    if (!builder) {
        return NULL;
    }
    otc_buf_init(&builder->resource, limit);
    otc_buf_init(&builder->spans, limit);
    mark = otc_wire_begin(&builder->resource, RESOURCE_SPANS_RESOURCE);
    otc_wire_put_attributes(&builder->resource, 1, resource, n);
    otc_wire_end(&builder->resource, mark);
    mark = otc_wire_begin(&builder->spans, 1);
    otc_wire_put_bytes(&builder->spans, 1, otc_slice_str(scope_name));
    otc_wire_put_bytes(&builder->spans, 2, otc_slice_str(scope_version));
    otc_wire_end(&builder->spans, mark);
    builder->scope_bytes = builder->spans.len;
    if (builder->resource.failed || builder->spans.failed) {
        otc_spans_builder_free(builder);
        return NULL;
    }
    return builder;
}

void
otc_spans_builder_free(struct otc_spans_builder *builder)
{
    if (builder) {
        otc_buf_release(&builder->resource);
        otc_buf_release(&builder->spans);
        free(builder);
    }
}

bool
otc_build_span(struct otc_spans_builder *builder, const struct otc_span_head *span)
{
    struct otc_buf *out = &builder->spans;
    size_t mark = otc_wire_begin(out, SCOPE_SPANS_SPANS);
    size_t status;

    otc_wire_put_bytes(out, SPAN_TRACE_ID, otc_slice_of(span->trace_id, sizeof(span->trace_id)));
    otc_wire_put_bytes(out, SPAN_SPAN_ID, otc_slice_of(span->span_id, sizeof(span->span_id)));
    otc_wire_put_bytes(out, SPAN_NAME, span->name);
    otc_wire_put_number(out, SPAN_KIND, (uint64_t)span->kind);
    otc_wire_put_fixed64(out, SPAN_START, span->start_unix_nano);
    otc_wire_put_fixed64(out, SPAN_END, span->end_unix_nano);
    otc_wire_put_attributes(out, SPAN_ATTRIBUTES, span->attributes, span->n_attributes);
    if (span->status_code != 0) {
        status = otc_wire_begin(out, SPAN_STATUS);
        otc_wire_put_number(out, STATUS_CODE, (uint64_t)span->status_code);
        otc_wire_end(out, status);
    }
    otc_wire_end(out, mark);
    builder->n += !out->failed;
    return !out->failed;
}

size_t
otc_spans_builder_spans(const struct otc_spans_builder *builder)
{
    return builder->n;
}

bool
otc_spans_builder_finish(struct otc_spans_builder *builder, struct otc_buf *out)
{
    bool failed = builder->spans.failed;
    size_t mark = otc_wire_begin(out, 1);

    otc_buf_append_slice(out, otc_buf_slice(&builder->resource));
    otc_wire_put_bytes(out, RESOURCE_SPANS_SCOPE_SPANS, otc_buf_slice(&builder->spans));
    otc_wire_end(out, mark);
    builder->spans.len = builder->scope_bytes;
    builder->spans.failed = false;
    builder->n = 0;
    return !failed && !out->failed;
}

bool
otc_build_text_list(struct otc_buf *out, struct otc_slice text)
{
    size_t mark = otc_wire_begin(out, 1);

    otc_wire_put_bytes(out, 1, text);
    otc_wire_end(out, mark);
    return !out->failed;
}
