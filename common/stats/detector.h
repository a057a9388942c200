// SPDX-License-Identifier: Apache-2.0
/**
 * @file Sequential change detectors: fed value by value, each says when the stream has changed. Bounded
 * memory, no window of time, no reference. Owned by one thread.
 *
 * After a change a detector begins anew with the value after it, as river's do. Indices of changes equal
 * those of river 0.26 (BSD-3-Clause), CUSUM's those of frouros 0.9 (BSD-3-Clause), on their published
 * streams.
 */
#ifndef OTC_STATS_DETECTOR_H
#define OTC_STATS_DETECTOR_H

#include "common/base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum otc_detector_type {
    /** Adaptive windowing: Bifet and Gavalda, "Learning from Time-Changing Data with Adaptive Windowing",
     * SDM 2007. */
    OTC_ADWIN,
    /** Page's test with forgetting: E. S. Page, "Continuous Inspection Schemes", Biometrika 41, 1954. */
    OTC_PAGE_HINKLEY,
    /** One-sided cumulative sum, upward: the same paper. */
    OTC_CUSUM,
    /** Error rate above its minimum by sigmas: Gama et al., "Learning with Drift Detection", SBIA 2004. */
    OTC_DDM,
    /** Distance between errors: Baena-Garcia et al., "Early Drift Detection Method", 2006. */
    OTC_EDDM,
    /** Hoeffding's bound on means: Frias-Blanco et al., IEEE TKDE 27(3), 2015; A-test. */
    OTC_HDDM_A,
    /** McDiarmid's bound on weighted means: the same paper, W-test. */
    OTC_HDDM_W,
    /** Kolmogorov-Smirnov over a sliding window: Raab et al., Neurocomputing 2020. */
    OTC_KSWIN,
    OTC_N_DETECTORS
};

#define OTC_DETECTOR_PARAMETERS_MAX 6

/** A setting of a detector. */
struct otc_detector_parameter {
    const char *name;
    double def, min, max;
    bool integer;
    const char *doc;
};

/** "adwin", "page_hinkley", "cusum", "ddm", "eddm", "hddm_a", "hddm_w", "kswin". */
const char *otc_detector_name(enum otc_detector_type type);
/** The type of this name, or OTC_N_DETECTORS. */
enum otc_detector_type otc_detector_find(struct otc_slice name);
/** Its settings, at most OTC_DETECTOR_PARAMETERS_MAX, ended by one without name. */
const struct otc_detector_parameter *otc_detector_parameters(enum otc_detector_type type);
/** The place of the setting of this name, or OTC_DETECTOR_PARAMETERS_MAX. */
size_t otc_detector_parameter_find(enum otc_detector_type type, struct otc_slice name);
/** Whether it may have this value: in its range, and whole where it counts something. */
bool otc_detector_parameter_allows(const struct otc_detector_parameter *parameter, double value);
/** Enough for the names of all settings of any detector. */
#define OTC_DETECTOR_NAMES_BYTES 160
/** "delta, clock": the names of its settings. */
void otc_detector_parameter_names(enum otc_detector_type type, char out[OTC_DETECTOR_NAMES_BYTES]);

/** Opaque. */
struct otc_detector;

/**
 * Fresh. `parameters`: one value each in the order of otc_detector_parameters(), clamped to their ranges, a
 * NaN meaning the default; NULL: all defaults. NULL out of memory. Fixed size, see otc_detector_bytes().
 */
struct otc_detector *otc_detector_new(enum otc_detector_type type, const double *parameters);
/** NULL is allowed. */
void otc_detector_free(struct otc_detector *detector);
/** What otc_detector_new() allocates: at most 6 KiB, KSWIN 24 bytes a value of its window besides. */
size_t otc_detector_bytes(enum otc_detector_type type, const double *parameters);

enum otc_detector_signal { OTC_DETECTOR_STABLE, OTC_DETECTOR_WARNING, OTC_DETECTOR_CHANGE };
/**
 * Takes the next value. NaN and infinity are passed over, magnitudes above 1e100 count as 1e100. For DDM
 * and EDDM any value but 0 is an error, for HDDM values are clamped to 0 and 1. CHANGE is
 * told once, with the value that showed it; only DDM, EDDM and HDDM warn. No allocation. KSWIN costs a KS
 * test a value (about 10 us at its defaults), the others well below 1 us.
 */
enum otc_detector_signal otc_detector_add(struct otc_detector *detector, double value);
/** Values since the detector began or began anew. */
uint64_t otc_detector_values(const struct otc_detector *detector);

/**
 * The state as bytes without pointers, for a snapshot on the same machine: a copy of them put back into a
 * detector of the same type and parameters goes on exactly where it was. Restore is false when the length
 * does not fit, or for bytes that no detector can have left, after which it has seen nothing.
 */
const void *otc_detector_state(const struct otc_detector *detector, size_t *bytes);
bool otc_detector_restore(struct otc_detector *detector, const void *state, size_t bytes);

#endif
