// SPDX-License-Identifier: Apache-2.0
/* DDM and EDDM: rate of errors, and distance between them. */
#include "common/stats/descriptive.h"
#include "common/stats/detector_internal.h"

#include <math.h>

/* ---- DDM ------------------------------------------------------------------------------------------ */

enum { WARM_START, WARNING_LEVEL, CHANGE_LEVEL };

struct ddm {
    struct otc__mean errors;
    double least_rate, least_deviation; /* where their sum was least */
};

static size_t
ddm_bytes(const double *parameters)
{
    (void)parameters;
    return sizeof(struct ddm);
}

static void
ddm_reset(void *state, const double *parameters)
{
    (void)parameters;
    *(struct ddm *)state = (struct ddm){.least_rate = INFINITY};
}

static enum otc_detector_signal
ddm_add(void *state, const double *parameters, double value)
{
    struct ddm *ddm = state;
    double rate, deviation;

    otc__mean_add(&ddm->errors, value);
    rate = ddm->errors.mean;
    deviation = sqrt(rate * (1 - rate) / (double)ddm->errors.n);
    if ((double)ddm->errors.n <= parameters[WARM_START]) {
        return OTC_DETECTOR_STABLE;
    }
    if (rate + deviation <= ddm->least_rate + ddm->least_deviation) {
        ddm->least_rate = rate;
        ddm->least_deviation = deviation;
    }
    if (rate + deviation > ddm->least_rate + parameters[CHANGE_LEVEL] * ddm->least_deviation) {
        return OTC_DETECTOR_CHANGE;
    }
    return rate + deviation > ddm->least_rate + parameters[WARNING_LEVEL] * ddm->least_deviation
               ? OTC_DETECTOR_WARNING
               : OTC_DETECTOR_STABLE;
}

static const struct otc_detector_parameter ddm_parameters[] = {
    [WARM_START] = {"warm_start", 30, 1, 1e9, true, "values before a change can be told"},
    [WARNING_LEVEL] = {"warning_threshold", 2, 0, 1e6, false, "standard deviations that warn"},
    [CHANGE_LEVEL] = {"drift_threshold", 3, 0, 1e6, false, "standard deviations that are a change"},
    {0},
};

const struct otc__detector_ops otc__ddm = {.name = "ddm",
                                           .parameters = ddm_parameters,
                                           .counts_errors = true,
                                           .bytes = ddm_bytes,
                                           .reset = ddm_reset,
                                           .add = ddm_add};

/* ---- EDDM ----------------------------------------------------------------------------------------- */

enum { EDDM_WARM_START, EDDM_ALPHA, EDDM_BETA, EDDM_VARIANT };

struct eddm {
    uint64_t n, last_error, errors;
    struct otc_moments distances;
    double greatest; /* mean + 2 sigma of the distances */
    uint64_t warning;
};

static size_t
eddm_bytes(const double *parameters)
{
    (void)parameters;
    return sizeof(struct eddm);
}

static void
eddm_reset(void *state, const double *parameters)
{
    (void)parameters;
    *(struct eddm *)state = (struct eddm){.greatest = -1};
}

/* After an error: how far apart the errors are now against the most they ever were. */
static enum otc_detector_signal
eddm_judge(struct eddm *eddm, const double *parameters)
{
    bool moa = parameters[EDDM_VARIANT] > 0; /* whose count of values begins at 1 */
    double variance =
        moa ? otc_moments_variance(&eddm->distances) : otc_moments_sample_variance(&eddm->distances);
    double reach = eddm->distances.mean + 2 * sqrt(isnan(variance) ? 0 : variance);
    double level;

    if ((double)eddm->n <= parameters[EDDM_WARM_START] - (moa ? 2 : 0)) {
        return OTC_DETECTOR_STABLE;
    }
    if (reach > eddm->greatest) {
        eddm->greatest = reach;
    } else if ((double)eddm->errors > parameters[EDDM_WARM_START]) {
        level = reach / eddm->greatest;
        if (level < parameters[EDDM_BETA]) {
            return OTC_DETECTOR_CHANGE;
        }
        eddm->warning = level < parameters[EDDM_ALPHA];
    }
    return eddm->warning ? OTC_DETECTOR_WARNING : OTC_DETECTOR_STABLE;
}

static enum otc_detector_signal
eddm_add(void *state, const double *parameters, double value)
{
    struct eddm *eddm = state;
    enum otc_detector_signal signal;

    eddm->n++;
    if (value == 0) {
        return eddm->warning ? OTC_DETECTOR_WARNING : OTC_DETECTOR_STABLE;
    }
    eddm->errors++;
    otc_moments_add(&eddm->distances, (double)(eddm->n - eddm->last_error));
    signal = eddm_judge(eddm, parameters);
    eddm->last_error = eddm->n;
    return signal;
}

static const struct otc_detector_parameter eddm_parameters[] = {
    [EDDM_WARM_START] = {"warm_start", 30, 1, 1e9, true, "values and errors before a change can be told"},
    [EDDM_ALPHA] = {"alpha", 0.95, 0, 1, false, "share of the greatest distance that warns"},
    [EDDM_BETA] = {"beta", 0.9, 0, 1, false, "share of the greatest distance that is a change"},
    [EDDM_VARIANT] = {"variant", 0, 0, 1, true, "0: river's; 1: MOA's and scikit-multiflow's"},
    {0},
};

const struct otc__detector_ops otc__eddm = {.name = "eddm",
                                            .parameters = eddm_parameters,
                                            .counts_errors = true,
                                            .bytes = eddm_bytes,
                                            .reset = eddm_reset,
                                            .add = eddm_add};
