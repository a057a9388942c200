// SPDX-License-Identifier: Apache-2.0
/**
 * @file What tells series apart: the dimensions of a span as bytes (dimensions.c), and these bytes as the
 * attributes of a metric's point (attributes.c).
 */
#ifndef OTC_SPAN_METRICS_DIMENSIONS_H
#define OTC_SPAN_METRICS_DIMENSIONS_H

#include "processors/span_metrics/state.h"

/** SpanKind 0 to 5, StatusCode 0 to 2; the number itself stands for all others. */
#define SPAN_METRICS_N_KINDS 6
#define SPAN_METRICS_N_STATUSES 3
/** The first byte of a key, and what it is read by. */
#define SPAN_METRICS_HEAD(kind, status, sampled)                                                             \
    ((uint8_t)((kind) | (status) << 3 | (unsigned)(sampled) << 5))
#define SPAN_METRICS_HEAD_KIND(head) ((head)&7)
#define SPAN_METRICS_HEAD_STATUS(head) ((head) >> 3 & 3)
#define SPAN_METRICS_HEAD_SAMPLED(head) ((head) >> 5 & 1)

/** Compiles the lists of dimensions and the projection. */
OTC_CHECK otc_status span_metrics_compile(struct span_metrics *stage, struct otc_error *err);
void span_metrics_lists_free(struct span_metrics *stage);

/** Begins the key of a span (or of its event) behind those that are there, with what all its metrics have. */
void span_metrics_key_begin(const struct span_metrics *stage, const struct span_metrics_seen *seen,
                            struct span_metrics_keys *keys);
/** Ends it with the further dimensions of a list, if it has any. */
void span_metrics_key_end(const struct span_metrics *stage, const struct span_metrics_seen *seen,
                          enum span_metrics_list_of list, struct span_metrics_keys *keys);
/** Puts the types of its values behind it. False: the key found no room. */
bool span_metrics_key_put_types(struct span_metrics_keys *keys);
/** Begins another key of the same span, once the first has ended. */
void span_metrics_key_again(struct span_metrics_keys *keys);

/** Attributes of a series, at most. */
#define SPAN_METRICS_ATTRIBUTES_MAX (8 + SPAN_METRICS_DIMENSIONS_MAX + 2 * SPAN_METRICS_GLOB_MATCHES_MAX)
/** The attributes that a series of this list stands for, borrowed from `identity` and the stage. */
size_t span_metrics_attributes(const struct span_metrics *stage, const struct span_metrics_identity *identity,
                               enum span_metrics_list_of list,
                               struct otc_attribute out[SPAN_METRICS_ATTRIBUTES_MAX]);

#endif
