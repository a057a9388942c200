// SPDX-License-Identifier: Apache-2.0
/** @file Building trace requests: what `replay` and tests send. */
#ifndef OTC_OTLP_BUILD_SPANS_H
#define OTC_OTLP_BUILD_SPANS_H

#include "common/otlp/build.h"

/** One span to write. Borrowed for the call. */
struct otc_span_head {
    uint8_t trace_id[16];
    uint8_t span_id[8];
    struct otc_slice name;
    int32_t kind; /* SpanKind: 1 internal, 2 server, 3 client */
    uint64_t start_unix_nano;
    uint64_t end_unix_nano;
    int32_t status_code; /* 0 unset, 1 ok, 2 error */
    const struct otc_attribute *attributes;
    size_t n_attributes;
};

/** Builds one ExportTraceServiceRequest with one resource and one scope. Opaque; owned by one thread. */
struct otc_spans_builder;

/** `limit`: bytes of the finished request. Resource attributes and scope are copied. NULL out of memory. */
struct otc_spans_builder *otc_spans_builder_new(const struct otc_attribute *resource, size_t n,
                                                const char *scope_name, const char *scope_version,
                                                size_t limit);
/** NULL is allowed. */
void otc_spans_builder_free(struct otc_spans_builder *builder);
/** False once the limit or memory is exhausted (and from then on). */
bool otc_build_span(struct otc_spans_builder *builder, const struct otc_span_head *span);
/** Spans so far. */
size_t otc_spans_builder_spans(const struct otc_spans_builder *builder);
/**
 * Appends the finished request to `out`; false when the limit or memory was exhausted. The builder is empty
 * again and keeps its resource and scope.
 */
bool otc_spans_builder_finish(struct otc_spans_builder *builder, struct otc_buf *out);
/** Appends the encoded list of one text, the contents of an ARRAY value. */
bool otc_build_text_list(struct otc_buf *out, struct otc_slice text);

#endif
