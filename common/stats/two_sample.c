// SPDX-License-Identifier: Apache-2.0
#include "common/stats/two_sample.h"
#include "common/stats/merge.h"

#include <math.h>

struct otc_ks
otc_samples_ks(const double *ref, size_t n, const double *cur, size_t m)
{
    if (n == 0 || m == 0) {
        return (struct otc_ks){NAN, NAN, NAN, NAN, NAN};
    }

    struct otc_merge merge = {.ref = ref, .cur = cur, .n = n, .m = m};
    double greater = 0, less = 0, greater_at = NAN, less_at = NAN;

    while (otc_merge_next(&merge)) {
        double difference =
            (double)(merge.i + merge.ref_here) / (double)n - (double)(merge.j + merge.cur_here) / (double)m;

        if (difference > greater || isnan(greater_at)) {
            greater = fmax(greater, difference);
            greater_at = merge.at;
        }
        if (-difference > less || isnan(less_at)) {
            less = fmax(less, -difference);
            less_at = merge.at;
        }
    }
    return (struct otc_ks){.d = fmax(greater, less),
                           .error = 0,
                           .at = greater >= less ? greater_at : less_at,
                           .d_greater = greater,
                           .d_less = less};
}

double
otc_samples_wasserstein(const double *ref, size_t n, const double *cur, size_t m)
{
    if (n == 0 || m == 0) {
        return NAN;
    }

    struct otc_merge merge = {.ref = ref, .cur = cur, .n = n, .m = m};
    double area = 0, last = 0, difference = 0;
    bool started = false;

    while (otc_merge_next(&merge)) {
        if (started) {
            area += fabs(difference) * (merge.at - last);
        }
        started = true;
        last = merge.at;
        difference =
            (double)(merge.i + merge.ref_here) / (double)n - (double)(merge.j + merge.cur_here) / (double)m;
    }
    return area;
}

double
otc_samples_cramer_von_mises(const double *ref, size_t n, const double *cur, size_t m)
{
    if (n == 0 || m == 0) {
        return NAN;
    }

    struct otc_merge merge = {.ref = ref, .cur = cur, .n = n, .m = m};
    double ref_sum = 0, cur_sum = 0;

    /* In a group of r and c tied values, pooled mid-rank less own rank is centred on the other's count below
       plus half of its ties; the own ranks spread by r (r^2 - 1) / 12 around that. */
    while (otc_merge_next(&merge)) {
        double r = (double)merge.ref_here, c = (double)merge.cur_here;
        double ref_centre = (double)merge.j + c / 2, cur_centre = (double)merge.i + r / 2;

        ref_sum += r * ref_centre * ref_centre + r * (r * r - 1) / 12;
        cur_sum += c * cur_centre * cur_centre + c * (c * c - 1) / 12;
    }

    double product = (double)n * (double)m, both = (double)n + (double)m;

    return ((double)n * ref_sum + (double)m * cur_sum) / (product * both) - (4 * product - 1) / (6 * both);
}

double
otc_samples_energy(const double *ref, size_t n, const double *cur, size_t m)
{
    if (n == 0 || m == 0) {
        return NAN;
    }

    struct otc_merge merge = {.ref = ref, .cur = cur, .n = n, .m = m};
    double area = 0, last = 0, difference = 0;

    while (otc_merge_next(&merge)) {
        area += difference * difference * (merge.at - last);
        last = merge.at;
        difference =
            (double)(merge.i + merge.ref_here) / (double)n - (double)(merge.j + merge.cur_here) / (double)m;
    }
    return sqrt(2 * area);
}
