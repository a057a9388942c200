// SPDX-License-Identifier: Apache-2.0
/** @file Building metric requests: what analysis stages, self-metrics and tests emit. */
#ifndef OTC_OTLP_BUILD_H
#define OTC_OTLP_BUILD_H

#include "common/base/buf.h"
#include "common/component/otc.h"
#include "common/otlp/walk.h"

/** An attribute to write. `value` ABSENT: left out. */
struct otc_attribute {
    struct otc_slice key;
    struct otc_value value;
};

/** Attribute constants: OTC_ATTR_TEXT("ml.model.name", slice), … */
#define OTC_ATTR_SLICE(name, text)                                                                           \
    ((struct otc_attribute){OTC_SLICE_LIT(name), {OTC_VALUE_STRING, {.slice = (text)}}})
#define OTC_ATTR_STR(name, text) OTC_ATTR_SLICE(name, otc_slice_str(text))
#define OTC_ATTR_INT(name, number)                                                                           \
    ((struct otc_attribute){OTC_SLICE_LIT(name), {OTC_VALUE_INT, {.integer = (number)}}})
#define OTC_ATTR_DOUBLE(name, number)                                                                        \
    ((struct otc_attribute){OTC_SLICE_LIT(name), {OTC_VALUE_DOUBLE, {.real = (number)}}})
#define OTC_ATTR_BOOL(name, truth)                                                                           \
    ((struct otc_attribute){OTC_SLICE_LIT(name), {OTC_VALUE_BOOL, {.boolean = (truth)}}})

/** An instrument of the output. Points of the same instrument (by pointer) are gathered into one Metric. */
struct otc_metric {
    const char *name;
    const char *unit;
    const char *description;
    enum otc_metric_type type;
    /** Sums. */
    bool monotonic;
    enum otc_temporality temporality;
};

/** One measurement behind a point. Ids are the raw 16 and 8 bytes; empty: left out. */
struct otc_exemplar {
    double value;
    uint64_t time_unix_nano;
    struct otc_slice trace_id;
    struct otc_slice span_id;
};

/** Where a point stands. */
struct otc_point_head {
    const struct otc_attribute *attributes;
    size_t n_attributes;
    uint64_t start_unix_nano;
    uint64_t time_unix_nano;
    uint32_t flags;
    const struct otc_exemplar *exemplars;
    size_t n_exemplars;
};

struct otc_histogram_value {
    uint64_t count;
    bool has_sum, has_min, has_max;
    double sum, min, max;
    const uint64_t *counts; /* n_bounds + 1 */
    const double *bounds;
    size_t n_bounds;
};

struct otc_exponential_value {
    uint64_t count;
    bool has_sum, has_min, has_max;
    double sum, min, max;
    int32_t scale;
    uint64_t zero_count;
    double zero_threshold;
    int32_t positive_offset;
    const uint64_t *positive;
    size_t n_positive;
    int32_t negative_offset;
    const uint64_t *negative;
    size_t n_negative;
};

/** Builds one ExportMetricsServiceRequest with one resource and one scope. Opaque; owned by one thread. */
struct otc_metrics_builder;

/** `limit`: bytes of the finished request. Resource attributes and scope are copied. NULL out of memory. */
OTC_API struct otc_metrics_builder *otc_metrics_builder_new(const struct otc_attribute *resource, size_t n,
                                                            const char *scope_name, const char *scope_version,
                                                            size_t limit);
OTC_API void otc_metrics_builder_free(struct otc_metrics_builder *builder);
/** Another resource from now on; the builder must hold no points. False (nothing changed) out of memory. */
OTC_API bool otc_metrics_builder_set_resource(struct otc_metrics_builder *builder,
                                              const struct otc_attribute *resource, size_t n);
/** Each returns false once the limit or memory is exhausted (and from then on); the rest stays usable. */
OTC_API bool otc_build_number(struct otc_metrics_builder *builder, const struct otc_metric *metric,
                              const struct otc_point_head *head, double value);
OTC_API bool otc_build_integer(struct otc_metrics_builder *builder, const struct otc_metric *metric,
                               const struct otc_point_head *head, int64_t value);
OTC_API bool otc_build_histogram(struct otc_metrics_builder *builder, const struct otc_metric *metric,
                                 const struct otc_point_head *head, const struct otc_histogram_value *value);
OTC_API bool otc_build_exponential(struct otc_metrics_builder *builder, const struct otc_metric *metric,
                                   const struct otc_point_head *head,
                                   const struct otc_exponential_value *value);
/** Points so far. */
OTC_API size_t otc_metrics_builder_points(const struct otc_metrics_builder *builder);
/**
 * Appends the finished request to `out` and tells its points; false when the limit or memory was exhausted.
 * The builder is empty again and keeps its resource and scope.
 */
OTC_API bool otc_metrics_builder_finish(struct otc_metrics_builder *builder, struct otc_buf *out,
                                        size_t *points);

#endif
