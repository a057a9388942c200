// SPDX-License-Identifier: Apache-2.0
/** @file The schema as admission needs it: which fields a message knows, and what they hold. */
#ifndef OTC_OTLP_ADMIT_SCHEMA_H
#define OTC_OTLP_ADMIT_SCHEMA_H

#include <stddef.h>
#include <stdint.h>

/* An allocator's own bytes for each block. */
#define BLOCK_BYTES 16

enum kind {
    NO_KIND,
    TRACES_REQUEST,
    METRICS_REQUEST,
    LOGS_REQUEST,
    RESOURCE_SPANS,
    RESOURCE_METRICS,
    RESOURCE_LOGS,
    RESOURCE,
    ENTITY_REF,
    SCOPE_SPANS,
    SCOPE_METRICS,
    SCOPE_LOGS,
    SCOPE,
    SPAN,
    EVENT,
    LINK,
    STATUS,
    LOG_RECORD,
    METRIC,
    GAUGE,
    SUM,
    HISTOGRAM,
    EXPONENTIAL,
    SUMMARY,
    NUMBER_POINT,
    HISTOGRAM_POINT,
    EXPONENTIAL_POINT,
    BUCKETS,
    SUMMARY_POINT,
    QUANTILE,
    EXEMPLAR,
    KEY_VALUE,
    ANY_VALUE,
    ARRAY_VALUE,
    KVLIST,
    N_KINDS
};

/** What a known field is: 0 unknown. */
enum form {
    FORM_NONE,
    FORM_VARINT,
    FORM_STRINDEX,
    FORM_WORD,
    FORM_HALF,
    FORM_BYTES,
    FORM_TEXTS,
    FORM_TRACE_ID,
    FORM_SPAN_ID,
    FORM_MESSAGE,
    FORM_ATTRIBUTE,
    FORM_PACKED_WORDS,
    FORM_ONE_WORD,
    FORM_PACKED_VARINTS,
    FORM_ONE_VARINT
};

struct rule {
    uint8_t form;
    uint8_t kind; /* of FORM_MESSAGE and FORM_ATTRIBUTE */
};

/** The last field that any message knows has number 16. */
#define TAGS_MAX (16 << 3 | 7)

struct shape {
    /** Bytes that a decoder allocates for the message, with the pointer to it. */
    size_t bytes;
    /** By tag: field and wire type. */
    struct rule rules[TAGS_MAX + 1];
};

extern const struct shape otc_admit_shapes[N_KINDS];

#endif
