// SPDX-License-Identifier: Apache-2.0
/** @file A comparison from the two files to its results. */
#ifndef OTC_SIDECAR_COMPARE_RUN_H
#define OTC_SIDECAR_COMPARE_RUN_H

#include "sidecar/compare.h"
#include "sidecar/compare_options.h"
#include "sidecar/compare_windows.h"
#include "sidecar/input_embedding.h"

/** Everything a comparison owns. */
struct otc_compare_run {
    struct otc_input reference_input; /* when the reference is a table */
    struct otc_input current;
    struct otc_reference *reference;
    struct otc_sample **samples;              /* one for each feature of `current` */
    struct otc_input_components **components; /* the same, of embeddings, else NULL */
    bool independent;                         /* no row resembles its neighbours */
    bool charts;                              /* the distributions are wanted, too */
    struct otc_windowing windowing;           /* with --window: the side being read */
    struct otc_reference_feature *named;      /* without a reference: the features' names, malloced */
    struct otc_comparison comparison;
};

/** Reads both sides, compares them and decides: `run->comparison`. Release also after a failure. Without
 * options->reference it is otc_compare_alone. */
OTC_CHECK otc_status otc_compare(struct otc_compare_run *run, const struct otc_compare_options *options,
                                 struct otc_error *err);
/** Runs the detectors alone, which need no reference: `run->comparison` then has no reference_path and no
 * results. */
OTC_CHECK otc_status otc_compare_alone(struct otc_compare_run *run, const struct otc_compare_options *options,
                                       struct otc_error *err);
/** Where the reference table's features are among those compared, SIZE_MAX: nowhere. The caller frees it;
 * NULL out of memory. */
size_t *otc_compare_places_of_reference(const struct otc_compare_run *run);
/** Adds to the comparison what a user should know of its columns, before the samples are evaluated: numbers
 * that count as categories (`categorical` names those for which that was asked), values that are no numbers.
 */
OTC_CHECK otc_status otc_compare_list_notes(struct otc_compare_run *run,
                                            const struct otc_option_list *categorical, struct otc_error *err);
void otc_compare_release(struct otc_compare_run *run);

#endif
