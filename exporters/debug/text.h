// SPDX-License-Identifier: Apache-2.0
/** @file Requests as text for people, laid out as the Collector's debug exporter does. */
#ifndef EXPORTERS_DEBUG_TEXT_H
#define EXPORTERS_DEBUG_TEXT_H

#include "common/otlp/walk.h"

#include "common/base/buf.h"

/** Bytes of one batch's text; what is beyond is cut. */
#define DEBUG_TEXT_MAX ((size_t)16 << 20)

/** What a part holds, for the one line of verbosity basic. */
struct debug_counts {
    size_t resources;
    size_t metrics;
};

/** How one verbosity writes. Functions write whole lines. `index` counts within the level above. */
struct debug_style {
    void (*resource)(struct otc_buf *out, enum otc_signal signal, size_t index, struct otc_slice message);
    void (*scope)(struct otc_buf *out, enum otc_signal signal, size_t index, struct otc_slice message);
    /** NULL: nothing is written of a metric itself. */
    void (*metric)(struct otc_buf *out, size_t index, struct otc_slice message);
    void (*point)(struct otc_buf *out, size_t index, const struct otc_point *point);
    void (*span)(struct otc_buf *out, size_t index, const struct otc_span *span);
    void (*log)(struct otc_buf *out, size_t index, const struct otc_log_record *record);
};

/** One line a record. */
extern const struct debug_style debug_normal;
/** Every field. */
extern const struct debug_style debug_detailed;

/** Counts resources and metrics of a part. */
void debug_count(enum otc_signal signal, struct otc_slice part, struct debug_counts *counts);
/** Appends the text of a part. Errors: those of the walk. */
OTC_CHECK otc_status debug_write(const struct debug_style *style, enum otc_signal signal,
                                 struct otc_slice part, struct otc_buf *out, struct otc_error *err);

/** One bucket of an exponential histogram: its limits, lower first, and its count. */
typedef void (*debug_bucket_fn)(struct otc_buf *out, double lower, double upper, uint64_t count);
/** Writes one side's buckets from the smallest number on: the negative side begins with the largest
 * magnitude.
 */
void debug_put_side(struct otc_buf *out, const struct otc_exp_buckets *buckets, int32_t scale, bool negative,
                    debug_bucket_fn put);

/** "1581452773000000789" as Go prints it: "2020-02-11 20:26:13.000000789 +0000 UTC". */
void debug_put_time(struct otc_buf *out, uint64_t unix_nano);
void debug_put_hex(struct otc_buf *out, struct otc_slice id);
/** As Go's %v: shortest, an exponent below 1e-4 and from 1e21. */
void debug_put_number(struct otc_buf *out, double number);
/** As %f, with Go's words for what is no number. */
void debug_put_fixed(struct otc_buf *out, double number);

#endif
