// SPDX-License-Identifier: Apache-2.0
/** @file Building log requests: the events that analysis stages tell. */
#ifndef OTC_OTLP_BUILD_LOGS_H
#define OTC_OTLP_BUILD_LOGS_H

#include "common/otlp/build.h"

/** SeverityNumber. */
enum otc_severity { OTC_SEVERITY_INFO = 9, OTC_SEVERITY_WARN = 13, OTC_SEVERITY_ERROR = 17 };

/** One record to write. Borrowed for the call. */
struct otc_log_head {
    uint64_t time_unix_nano;
    uint64_t observed_unix_nano;
    enum otc_severity severity;
    struct otc_slice event_name;
    struct otc_slice body; /* text */
    const struct otc_attribute *attributes;
    size_t n_attributes;
};

/** Builds one ExportLogsServiceRequest with one resource and one scope. Opaque; owned by one thread. */
struct otc_logs_builder;

/** `limit`: bytes of the finished request. Resource attributes and scope are copied. NULL out of memory. */
struct otc_logs_builder *otc_logs_builder_new(const struct otc_attribute *resource, size_t n,
                                              const char *scope_name, const char *scope_version,
                                              size_t limit);
/** NULL is allowed. */
void otc_logs_builder_free(struct otc_logs_builder *builder);
/** False once the limit or memory is exhausted (and from then on). */
bool otc_build_log(struct otc_logs_builder *builder, const struct otc_log_head *log);
/** Records so far. */
size_t otc_logs_builder_records(const struct otc_logs_builder *builder);
/**
 * Appends the finished request to `out`; false when the limit or memory was exhausted. The builder is empty
 * again and keeps its resource and scope.
 */
bool otc_logs_builder_finish(struct otc_logs_builder *builder, struct otc_buf *out);

#endif
