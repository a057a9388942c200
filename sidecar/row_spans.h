// SPDX-License-Identifier: Apache-2.0
/** @file Rows of a table as spans: what `replay` sends, for whoever wants to send rows. */
#ifndef OTC_SIDECAR_ROW_SPANS_H
#define OTC_SIDECAR_ROW_SPANS_H

#include "common/otlp/build_spans.h"
#include "sidecar/input.h"

/** How rows become spans. All borrowed for otc_row_spans_new. */
struct otc_row_spans_options {
    enum otc_row_preset preset;
    /** ml.model.name (ml) or gen_ai.request.model (gen_ai) of every span; NULL: none. */
    const char *model;
    const char *service_name; /* service.name of the resource */
    /** Columns that are ml.prediction.<name> under `ml`. */
    const struct otc_option_list *predictions;
    /** The column that is the span's duration in seconds, and no feature; NULL: the preset's, if it has one.
     */
    const char *duration;
    /**
     * The column that says what went wrong: error.type and status ERROR of the span where it holds something
     * (a boolean or a number: where it is not false or 0); NULL: the preset's.
     */
    const char *error;
    /** First span and trace ids; any number. The same seed gives the same ids. */
    uint64_t seed;
};

/** Opaque; owned by one thread. Borrows the columns for its life. */
struct otc_row_spans;

/**
 * Every column that is a feature (and, under gen_ai, that is known) becomes an attribute; one that holds the
 * span's duration becomes its length. INVALID_ARGUMENT when no column is of use, a column named in the
 * options is not there, or that of durations holds anything but numbers.
 */
OTC_CHECK otc_status otc_row_spans_new(const struct otc_columns *columns,
                                       const struct otc_row_spans_options *options,
                                       struct otc_row_spans **out, struct otc_error *err);
/** NULL is allowed. */
void otc_row_spans_free(struct otc_row_spans *spans);
/** True when the column is sent in some way. */
bool otc_row_spans_sends(const struct otc_row_spans *spans, size_t column);
/** Adds the table's current row as a span that ends at `end_ns`. False out of memory. */
bool otc_row_spans_add(struct otc_row_spans *spans, const struct otc_table *table, int64_t end_ns);
/** Spans since the last batch. */
size_t otc_row_spans_count(const struct otc_row_spans *spans);
/** A batch of the spans added, and an empty state. NULL out of memory. */
struct otc_batch *otc_row_spans_batch(struct otc_row_spans *spans);
/** Calls fn(arg, column, where it goes) for each column that is sent. */
void otc_row_spans_explain(const struct otc_row_spans *spans,
                           void (*fn)(void *arg, struct otc_slice column, const char *attribute), void *arg);

#endif
