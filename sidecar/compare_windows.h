// SPDX-License-Identifier: Apache-2.0
/**
 * @file `compare --window`: the rows of one side cut into chunks, each evaluated when it is over. Of rows in
 * the order of time one chunk is open at a time; of others as many as a bounded memory allows.
 */
#ifndef OTC_SIDECAR_COMPARE_WINDOWS_H
#define OTC_SIDECAR_COMPARE_WINDOWS_H

#include "common/analysis/sample.h"
#include "sidecar/compare.h"
#include "sidecar/input_embedding.h"

/** A chunk whose rows are still coming. */
struct otc_open_window {
    struct otc_chunk chunk;
    uint64_t rows;
    bool used;
    struct otc_sample **samples;              /* one for each feature of the comparison */
    struct otc_input_components **components; /* the same, of embeddings, else NULL */
};

/** One side being cut. Owned by one thread. */
struct otc_windowing {
    struct otc_comparison *comparison; /* takes the results */
    const struct otc_input *input;
    const size_t *features; /* of the input in the comparison, SIZE_MAX: none; NULL: the same */
    struct otc_chunk_plan plan;
    bool independent, of_reference;
    struct otc_open_window *open;
    size_t max_open;
    struct otc_open_window *current; /* of the row being told; NULL: the row is in none */
    struct otc_k_of_n *rings;        /* of the features */
    struct otc_chunk last;           /* closed last */
    bool closed;                     /* one has been closed */
};

/**
 * Begins a side. `comparison` has its features, chunk rule and k of n. INVALID_ARGUMENT when the rule needs
 * times and the table has none.
 */
OTC_CHECK otc_status otc_windowing_init(struct otc_windowing *windowing, struct otc_comparison *comparison,
                                        const struct otc_input *input, enum otc_incomplete incomplete,
                                        struct otc_error *err);
/** The next row; INVALID_ARGUMENT when its window was judged already. */
OTC_CHECK otc_status otc_windowing_row(struct otc_windowing *windowing, uint64_t row, int64_t time_ns,
                                       struct otc_error *err);
/** A cell of that row, by the input's feature. False out of memory. */
bool otc_windowing_cell(struct otc_windowing *windowing, size_t feature, const struct otc_use *use,
                        int64_t time_ns);
/** Judges the windows that are still open. */
OTC_CHECK otc_status otc_windowing_finish(struct otc_windowing *windowing, struct otc_error *err);
void otc_windowing_release(struct otc_windowing *windowing);

#endif
