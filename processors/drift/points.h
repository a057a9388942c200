// SPDX-License-Identifier: Apache-2.0
/**
 * @file Data points as they were observed, for the journal: of each its model, the identity of its stream,
 * which features it serves, and what it tells of them; no attribute of it. Writing allocates nothing but to
 * grow the buffer.
 */
#ifndef OTC_DRIFT_POINTS_H
#define OTC_DRIFT_POINTS_H

#include "common/analysis/metric_features.h"
#include "common/analysis/metric_streams.h"
#include "common/analysis/model.h"

/** Of the journal's entries that hold points. 2: numbers as they came, integers too. */
#define DRIFT_POINTS_LAYOUT 2

/** One point. What it refers to is borrowed. */
struct drift_point {
    struct otc_model_key key;
    /** Of resource, scope and attributes (otc_metric_streams_identity). */
    struct otc_hash128 identity;
    struct otc_stream_point seen;
    /** Where its metric's name stands in the expressions whose conditions it meets; `next` means nothing. */
    const struct otc_metric_use *uses;
    size_t n_uses;
};

/** Who reads points, and where to. */
struct drift_points_room {
    const struct otc_metric_set *set;
    struct otc_metric_streams *streams;
    struct otc_metric_use *uses;
    size_t max_uses;
};

void drift_point_write(struct otc_buf *out, const struct drift_point *point);
/** The next point, valid until the one after it; false at the end or when it is damaged (in->failed). */
bool drift_point_read(struct otc_reader *in, const struct drift_points_room *room, struct drift_point *point);

#endif
