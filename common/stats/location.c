// SPDX-License-Identifier: Apache-2.0
#include "common/stats/location.h"
#include "common/stats/pvalue.h"

#include <math.h>

struct otc_shift
otc_shift_of(const struct otc_moments *ref, const struct otc_moments *cur, bool pooled)
{
    double n = (double)ref->n, m = (double)cur->n;
    double ref_variance = otc_moments_sample_variance(ref), cur_variance = otc_moments_sample_variance(cur);
    double deviation = sqrt(otc_moments_variance(ref));
    struct otc_shift out = {NAN, NAN, NAN, NAN, NAN};
    double difference = ref->mean - cur->mean;
    double variance;

    if (ref->n == 0 || cur->n == 0) {
        return out;
    }
    out.mean = deviation > 0 ? -difference / deviation : NAN;
    out.spread_ratio = ref_variance > 0 ? sqrt(cur_variance / ref_variance) : NAN;
    if (pooled) {
        out.dof = n + m - 2;
        /* A side of one value has no squares of its own. */
        variance = (ref->m2 + cur->m2) / out.dof * (1 / n + 1 / m);
    } else {
        double a = ref_variance / n, b = cur_variance / m;

        variance = a + b;
        out.dof = variance * variance / (a * a / (n - 1) + b * b / (m - 1));
    }
    if (!(variance > 0) || !(out.dof > 0)) {
        out.dof = NAN;
        return out;
    }
    out.t = difference / sqrt(variance);
    out.p_value = 2 * otc_student_t_sf(fabs(out.t), out.dof);
    return out;
}

struct otc_z_test
otc_proportions_z(double x1, double n1, double x2, double n2)
{
    struct otc_z_test out = {NAN, NAN};
    double share = (x1 + x2) / (n1 + n2);
    double variance = share * (1 - share) * (1 / n1 + 1 / n2);

    if (!(n1 > 0 && n2 > 0) || !(variance > 0)) {
        return out;
    }
    out.z = (x1 / n1 - x2 / n2) / sqrt(variance);
    out.p_value = 2 * otc_normal_sf(fabs(out.z));
    return out;
}
