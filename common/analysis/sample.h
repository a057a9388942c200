// SPDX-License-Identifier: Apache-2.0
/**
 * @file A current window whose rows are at hand (`compare`): counted in the cells of a reference as the
 * service counts them, with the values kept for what the cells only bound. Owned by one thread.
 */
#ifndef OTC_ANALYSIS_SAMPLE_H
#define OTC_ANALYSIS_SAMPLE_H

#include "common/analysis/evaluate.h"
#include "common/analysis/table.h"

/** Opaque. */
struct otc_sample;

/** An empty window of a feature, which must outlive it. NULL out of memory. */
struct otc_sample *otc_sample_new(const struct otc_reference_feature *feature);
/** NULL is allowed. */
void otc_sample_free(struct otc_sample *sample);
/** Empties it for the next window; its memory is kept. */
void otc_sample_reset(struct otc_sample *sample);
/** Adds a cell; `time_ns` INT64_MIN: unknown. False out of memory. */
bool otc_sample_add(struct otc_sample *sample, const struct otc_use *use, int64_t time_ns);
/** Values, missing and invalid cells so far. */
uint64_t otc_sample_observations(const struct otc_sample *sample);
/** The counts so far, borrowed. */
const struct otc_feature_window *otc_sample_window(const struct otc_sample *sample);
/** About `max` of its numbers, evenly picked, ascending; returns how many. Numeric features. */
size_t otc_sample_pick(const struct otc_sample *sample, double *out, size_t max);
/** Counts its numbers between ascending edges: bin i is [edges[i], edges[i + 1]), n - 1 bins; others are
 * none.
 */
void otc_sample_histogram(const struct otc_sample *sample, const double *edges, size_t n, uint64_t *out);
/** Values of categories that the reference does not list. */
uint64_t otc_sample_unseen(const struct otc_sample *sample);
/**
 * otc_evaluate_feature of the window. Where the reference is exact, Wasserstein and Cramer-von-Mises are
 * those of the rows. With the order of all rows known, the window's design effect comes from 24 time blocks.
 * The sample is then good for otc_sample_reset and otc_sample_free.
 */
OTC_CHECK otc_status otc_sample_evaluate(struct otc_sample *sample, const struct otc_decision *decision,
                                         struct otc_feature_result *out, struct otc_error *err);

#endif
