// SPDX-License-Identifier: Apache-2.0
/** @file Admission: what is checked of a request before anybody reads it. */
#ifndef OTC_OTLP_ADMIT_H
#define OTC_OTLP_ADMIT_H

#include "common/component/otc.h"

/** Limits of one request after inflation. A 0 takes the default. */
struct otc_admission {
    /** AnyValue nesting: default 64, at most 256. */
    uint32_t max_depth;
    /** Bytes a full decoder would allocate for it (an upper estimate by message counts); 0: 256 MiB. */
    size_t max_decoded_bytes;
};

/** What admission learnt in its one pass. */
struct otc_admitted {
    /** Spans, data points or log records. */
    size_t items;
    /** Spans whose trace_id is not 16 or span_id not 8 bytes, or all zero; log records whose ids have another
     * length. */
    size_t invalid_ids;
    /** Histogram points whose bounds and counts don't fit together (lengths, order, sum of buckets), points
     * without a time. */
    size_t invalid_points;
    /** English, for partial success: what was wrong with the first invalid item; empty when none. */
    char why[128];
    /** Attributes that use key_strindex or string_value_strindex. */
    size_t strindex;
};

/**
 * Checks that `part` is one sound serialized request of `signal`: framing of every known message to the
 * leaves, no AnyValue nested deeper than max_depth (iteratively), decoded size. Errors: INVALID_ARGUMENT
 * "otlp: malformed protobuf at byte N", INVALID_ARGUMENT "otlp: attribute nesting exceeds 64",
 * RESOURCE_EXHAUSTED "otlp: decoded size exceeds N bytes"; all permanent. No allocation.
 */
OTC_CHECK otc_status otc_admit(enum otc_signal signal, struct otc_slice part,
                               const struct otc_admission *limits, struct otc_admitted *out,
                               struct otc_error *err);

/**
 * A copy of `part` without the items that admission counted as invalid (partial success). `*out` is malloced.
 */
OTC_CHECK otc_status otc_admit_filter(enum otc_signal signal, struct otc_slice part, uint8_t **out,
                                      size_t *len, struct otc_error *err);

#endif
