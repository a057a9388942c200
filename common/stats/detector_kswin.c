// SPDX-License-Identifier: Apache-2.0
/*
 * KSWIN: the youngest `stat_size` values of a sliding window against as many drawn at random from the older
 * ones, by the exact two-sample Kolmogorov-Smirnov test and a distance above 0.1.
 */
#include "common/stats/detector_internal.h"
#include "common/stats/pvalue.h"
#include "common/stats/two_sample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ALPHA, WINDOW_SIZE, STAT_SIZE, SEED };

#define MIN_DISTANCE 0.1
#define MAX_WINDOW 10000

struct kswin {
    struct otc__twister random;
    uint32_t n;    /* values in the window */
    uint32_t next; /* where the next value goes: the oldest's place once the window is full */
    /* values of the window, then room for the two samples; and for the drawing: indices and pool */
    double room[];
};

static uint32_t
window_size(const double *parameters)
{
    return (uint32_t)fmax(parameters[WINDOW_SIZE], 2);
}

/* At most half of the window: that many are drawn from the rest. */
static uint32_t
stat_size(const double *parameters)
{
    uint32_t half = window_size(parameters) / 2;

    return parameters[STAT_SIZE] < half ? (uint32_t)parameters[STAT_SIZE] : half;
}

static size_t
bytes(const double *parameters)
{
    size_t window = window_size(parameters);

    return sizeof(struct kswin) + 2 * window * sizeof(double) + 2 * window * sizeof(uint32_t);
}

static void
reset(void *state, const double *parameters)
{
    struct kswin *kswin = state;

    kswin->n = 0;
    kswin->next = 0;
    otc__twister_seed(&kswin->random, (uint32_t)parameters[SEED]);
}

static int
by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static enum otc_detector_signal
add(void *state, const double *parameters, double value)
{
    struct kswin *kswin = state;
    uint32_t window = window_size(parameters), stat = stat_size(parameters);
    double *drawn = kswin->room + window, *recent = drawn + stat;
    uint32_t *index = (uint32_t *)(kswin->room + 2 * (size_t)window), *pool = index + window;
    double d, p;

    kswin->room[kswin->next] = value;
    kswin->next = (kswin->next + 1) % window;
    kswin->n += kswin->n < window;
    if (kswin->n < window || stat == 0) {
        return OTC_DETECTOR_STABLE;
    }
    otc__twister_sample(&kswin->random, window - stat, stat, index, pool);
    for (uint32_t i = 0; i < stat; i++) {
        drawn[i] = kswin->room[(kswin->next + index[i]) % window];
        recent[i] = kswin->room[(kswin->next + window - stat + i) % window];
    }
    qsort(drawn, stat, sizeof(double), by_value);
    qsort(recent, stat, sizeof(double), by_value);
    d = otc_samples_ks(drawn, stat, recent, stat).d;
    p = otc_ks_p_value(d, stat, stat, OTC_KS_TWO_SIDED, OTC_KS_AUTO);
    return p <= parameters[ALPHA] && d > MIN_DISTANCE ? OTC_DETECTOR_CHANGE : OTC_DETECTOR_STABLE;
}

static bool
holds(const void *state, const double *parameters)
{
    const struct kswin *kswin = state;
    uint32_t window = window_size(parameters);

    if (kswin->n > window || kswin->next != (kswin->n < window ? kswin->n : kswin->next % window) ||
        kswin->random.at > OTC__TWISTER_WORDS) {
        return false;
    }
    for (uint32_t i = 0; i < kswin->n; i++) {
        if (!isfinite(kswin->room[i])) {
            return false;
        }
    }
    return true;
}

static const struct otc_detector_parameter parameters[] = {
    [ALPHA] = {"alpha", 0.005, 0, 1, false, "p-value of a change; a test is made at every value"},
    [WINDOW_SIZE] = {"window_size", 100, 2, MAX_WINDOW, true, "values of the sliding window"},
    [STAT_SIZE] = {"stat_size", 30, 1, 0.5 * MAX_WINDOW, true,
                   "the youngest of them, against as many others"},
    [SEED] = {"seed", 42, 0, 4294967295.0, true, "of the drawing, so that results can be had again"},
    {0},
};

const struct otc__detector_ops otc__kswin = {
    .name = "kswin", .parameters = parameters, .bytes = bytes, .reset = reset, .holds = holds, .add = add};
