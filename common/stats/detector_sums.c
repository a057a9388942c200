// SPDX-License-Identifier: Apache-2.0
/* Page-Hinkley and CUSUM: sums of deviations from the running mean. */
#include "common/stats/detector_internal.h"

#include <math.h>

enum { MIN_INSTANCES, DELTA, THRESHOLD, ALPHA, DIRECTION, VARIANT };

struct sums {
    struct otc__mean mean;
    double up, down;        /* forgetting sums of the deviations, less and plus delta */
    double lowest, highest; /* of `up`, of `down` */
};

static size_t
bytes(const double *parameters)
{
    (void)parameters;
    return sizeof(struct sums);
}

static void
reset(void *state, const double *parameters)
{
    (void)parameters;
    /* -1 as in river: a first fall counts from there. */
    *(struct sums *)state = (struct sums){.lowest = INFINITY, .highest = -1};
}

/* Page's sum that does not fall below zero. */
static bool
exceeds(struct sums *sums, const double *parameters, double value, double alpha, double from)
{
    otc__mean_add(&sums->mean, value);
    sums->up = fmax(0, alpha * sums->up + (value - sums->mean.mean - parameters[DELTA]));
    return (double)sums->mean.n >= from && sums->up > parameters[THRESHOLD];
}

static enum otc_detector_signal
add_cusum(void *state, const double *parameters, double value)
{
    return exceeds(state, parameters, value, 1, parameters[MIN_INSTANCES]) ? OTC_DETECTOR_CHANGE
                                                                           : OTC_DETECTOR_STABLE;
}

static enum otc_detector_signal
add_page_hinkley(void *state, const double *parameters, double value)
{
    struct sums *sums = state;
    bool up, down;
    double deviation;

    if (parameters[VARIANT] > 0) { /* whose count of values begins at 1 */
        return exceeds(sums, parameters, value, parameters[ALPHA], parameters[MIN_INSTANCES] - 1)
                   ? OTC_DETECTOR_CHANGE
                   : OTC_DETECTOR_STABLE;
    }
    otc__mean_add(&sums->mean, value);
    deviation = value - sums->mean.mean;
    sums->up = parameters[ALPHA] * sums->up + deviation - parameters[DELTA];
    sums->down = parameters[ALPHA] * sums->down + deviation + parameters[DELTA];
    sums->lowest = fmin(sums->lowest, sums->up);
    sums->highest = fmax(sums->highest, sums->down);
    if ((double)sums->mean.n < parameters[MIN_INSTANCES]) {
        return OTC_DETECTOR_STABLE;
    }
    up = parameters[DIRECTION] >= 0 && sums->up - sums->lowest > parameters[THRESHOLD];
    down = parameters[DIRECTION] <= 0 && sums->highest - sums->down > parameters[THRESHOLD];
    return up || down ? OTC_DETECTOR_CHANGE : OTC_DETECTOR_STABLE;
}

#define COMMON_PARAMETERS                                                                                    \
    [MIN_INSTANCES] = {"min_instances", 30, 1, 1e9, true, "values before a change can be told"},             \
    [DELTA] = {"delta", 0.005, 0, 1e308, false, "deviation that is allowed, in the values' unit"},           \
    [THRESHOLD] = {"threshold", 50, 0, 1e308, false, "sum of deviations that is a change"}

static const struct otc_detector_parameter page_hinkley_parameters[] = {
    COMMON_PARAMETERS,
    [ALPHA] = {"alpha", 0.9999, 0, 1, false, "what remains of the sum at each value"},
    [DIRECTION] = {"direction", 0, -1, 1, true, "1: rises alone, -1: falls alone, 0: both"},
    [VARIANT] = {"variant", 0, 0, 1, true, "0: river's; 1: MOA's and scikit-multiflow's, rises alone"},
    {0},
};
static const struct otc_detector_parameter cusum_parameters[] = {
    COMMON_PARAMETERS,
    {0},
};

const struct otc__detector_ops otc__page_hinkley = {.name = "page_hinkley",
                                                    .parameters = page_hinkley_parameters,
                                                    .bytes = bytes,
                                                    .reset = reset,
                                                    .add = add_page_hinkley};
const struct otc__detector_ops otc__cusum = {
    .name = "cusum", .parameters = cusum_parameters, .bytes = bytes, .reset = reset, .add = add_cusum};
