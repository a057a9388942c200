// SPDX-License-Identifier: Apache-2.0
/* HDDM, A-test and W-test: the mean since the best cut against the mean up to it. */
#include "common/stats/detector_internal.h"

#include <math.h>

enum { CHANGE_CONFIDENCE, WARNING_CONFIDENCE, A_TWO_SIDED, LAMBDA = A_TWO_SIDED, W_TWO_SIDED };

/* ---- A-test --------------------------------------------------------------------------------------- */

struct hddm_a {
    struct otc__mean all, least, greatest;
};

static size_t
a_bytes(const double *parameters)
{
    (void)parameters;
    return sizeof(struct hddm_a);
}

static void
a_reset(void *state, const double *parameters)
{
    (void)parameters;
    *(struct hddm_a *)state = (struct hddm_a){0};
}

static double
hoeffding(uint64_t n, double confidence)
{
    return sqrt(1.0 / (2.0 * (double)n) * log(1 / confidence));
}

/* Whether the mean of all exceeds (falls below, sign -1) that of the cut. */
static bool
a_differs(const struct otc__mean *all, const struct otc__mean *cut, double confidence, double sign)
{
    double m = ((double)all->n - (double)cut->n) / (double)cut->n * (1 / (double)all->n);

    return cut->n != all->n && sign * (all->mean - cut->mean) >= sqrt(m / 2 * log(2 / confidence));
}

static enum otc_detector_signal
a_add(void *state, const double *parameters, double value)
{
    struct hddm_a *hddm = state;
    double change = parameters[CHANGE_CONFIDENCE], warning = parameters[WARNING_CONFIDENCE];
    bool two_sided = parameters[A_TWO_SIDED] > 0;
    double bound;

    otc__mean_add(&hddm->all, value);
    hddm->least = hddm->least.n ? hddm->least : hddm->all;
    hddm->greatest = hddm->greatest.n ? hddm->greatest : hddm->all;
    bound = hoeffding(hddm->all.n, change);
    if (hddm->least.mean + hoeffding(hddm->least.n, change) >= hddm->all.mean + bound) {
        hddm->least = hddm->all;
    }
    if (hddm->greatest.mean - hoeffding(hddm->greatest.n, change) <= hddm->all.mean - bound) {
        hddm->greatest = hddm->all;
    }
    if (a_differs(&hddm->all, &hddm->least, change, 1) ||
        (two_sided && a_differs(&hddm->all, &hddm->greatest, change, -1))) {
        return OTC_DETECTOR_CHANGE;
    }
    return a_differs(&hddm->all, &hddm->least, warning, 1) ||
                   (two_sided && a_differs(&hddm->all, &hddm->greatest, warning, -1))
               ? OTC_DETECTOR_WARNING
               : OTC_DETECTOR_STABLE;
}

#define CONFIDENCES                                                                                          \
    [CHANGE_CONFIDENCE] = {"drift_confidence", 0.001, 1e-12, 1, false, "confidence of a change"},            \
    [WARNING_CONFIDENCE] = {"warning_confidence", 0.005, 1e-12, 1, false, "confidence of a warning"}

static const struct otc_detector_parameter a_parameters[] = {
    CONFIDENCES,
    [A_TWO_SIDED] = {"two_sided", 0, 0, 1, true, "1: a fall is a change too"},
    {0},
};

const struct otc__detector_ops otc__hddm_a = {.name = "hddm_a",
                                              .parameters = a_parameters,
                                              .needs_shares = true,
                                              .bytes = a_bytes,
                                              .reset = a_reset,
                                              .add = a_add};

/* ---- W-test --------------------------------------------------------------------------------------- */

/* An exponentially weighted mean, and the sum of the squares of its weights. */
struct weighted {
    double mean, squares;
    uint64_t n;
};

struct hddm_w {
    struct weighted all, before_rise, since_rise, before_fall, since_fall;
    double least, greatest;
};

static size_t
w_bytes(const double *parameters)
{
    (void)parameters;
    return sizeof(struct hddm_w);
}

static void
w_reset(void *state, const double *parameters)
{
    const struct weighted fresh = {.squares = 1};

    (void)parameters;
    *(struct hddm_w *)state = (struct hddm_w){fresh, fresh, fresh, fresh, fresh, INFINITY, -INFINITY};
}

static void
weigh(struct weighted *weighted, double value, double lambda)
{
    weighted->mean = weighted->n ? lambda * value + (1 - lambda) * weighted->mean : value;
    weighted->squares = lambda * lambda + (1 - lambda) * (1 - lambda) * weighted->squares;
    weighted->n++;
}

static double
mcdiarmid(double squares, double confidence)
{
    return sqrt(squares * log(1 / confidence) / 2);
}

static bool
w_differs(const struct weighted *low, const struct weighted *high, double confidence)
{
    return low->n && high->n && high->mean - low->mean > mcdiarmid(low->squares + high->squares, confidence);
}

static bool
w_judge(const struct hddm_w *hddm, double confidence, bool two_sided)
{
    return w_differs(&hddm->before_rise, &hddm->since_rise, confidence) ||
           (two_sided && w_differs(&hddm->since_fall, &hddm->before_fall, confidence));
}

static enum otc_detector_signal
w_add(void *state, const double *parameters, double value)
{
    struct hddm_w *hddm = state;
    const struct weighted fresh = {.squares = 1};
    double lambda = parameters[LAMBDA], change = parameters[CHANGE_CONFIDENCE];
    bool two_sided = parameters[W_TWO_SIDED] > 0;
    double bound;

    weigh(&hddm->all, value, lambda);
    bound = mcdiarmid(hddm->all.squares, change);
    if (hddm->all.mean + bound < hddm->least) {
        hddm->least = hddm->all.mean + bound;
        hddm->before_rise = hddm->all;
        hddm->since_rise = fresh;
    } else {
        weigh(&hddm->since_rise, value, lambda);
    }
    if (hddm->all.mean - bound > hddm->greatest) {
        hddm->greatest = hddm->all.mean - bound;
        hddm->before_fall = hddm->all;
        hddm->since_fall = fresh;
    } else {
        weigh(&hddm->since_fall, value, lambda);
    }
    if (w_judge(hddm, change, two_sided)) {
        return OTC_DETECTOR_CHANGE;
    }
    return w_judge(hddm, parameters[WARNING_CONFIDENCE], two_sided) ? OTC_DETECTOR_WARNING
                                                                    : OTC_DETECTOR_STABLE;
}

static const struct otc_detector_parameter w_parameters[] = {
    CONFIDENCES,
    [LAMBDA] = {"lambda", 0.05, 1e-6, 1, false, "weight of the newest value"},
    [W_TWO_SIDED] = {"two_sided", 0, 0, 1, true, "1: a fall is a change too"},
    {0},
};

const struct otc__detector_ops otc__hddm_w = {.name = "hddm_w",
                                              .parameters = w_parameters,
                                              .needs_shares = true,
                                              .bytes = w_bytes,
                                              .reset = w_reset,
                                              .add = w_add};
