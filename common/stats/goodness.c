// SPDX-License-Identifier: Apache-2.0
#include "common/stats/contingency.h"
#include "common/stats/pvalue.h"
#include "common/stats/saddle.h"
#include "common/stats/shares.h"

#include <math.h>
#include <stdbool.h>

/** A table counts as likelier than the observed one above this multiple: scipy's allowance for rounding. */
#define LIKELIER (1 + 1e-14)

static struct otc_chi_squared
goodness(const uint64_t *ref, const uint64_t *cur, size_t k, bool likelihood)
{
    struct otc_chi_squared out = {NAN, NAN, 0};
    uint64_t n = 0, m = 0;
    size_t columns = 0;

    for (size_t i = 0; i < k; i++) {
        n += ref[i];
        m += cur[i];
        columns += ref[i] + cur[i] > 0;
    }
    if (n == 0 || m == 0) {
        return out;
    }
    out.statistic = 0;
    out.dof = columns - 1;
    for (size_t i = 0; i < k; i++) {
        double expected = (double)ref[i] * ((double)m / (double)n), observed = (double)cur[i];
        double off = otc_share_difference(cur[i], m, ref[i], n) * (double)m;

        if (observed == 0 && expected == 0) {
            continue;
        }
        /* The deviances sum to what observed ln(observed / expected) do, of which large ones cancel. */
        out.statistic += likelihood ? 2 * otc_deviance(observed, expected, off) : off * off / expected;
    }
    out.p_value = out.dof == 0 ? 1 : otc_chi_squared_sf(out.statistic, (double)out.dof);
    return out;
}

struct otc_chi_squared
otc_chi_squared_goodness(const uint64_t *ref, const uint64_t *cur, size_t k)
{
    return goodness(ref, cur, k, false);
}

struct otc_chi_squared
otc_g_goodness(const uint64_t *ref, const uint64_t *cur, size_t k)
{
    return goodness(ref, cur, k, true);
}

double
otc_fisher_exact_p_value(const uint64_t first[2], const uint64_t second[2])
{
    uint64_t ones = first[0] + second[0], n = first[0] + first[1], m = second[0] + second[1];
    uint64_t least = ones > m ? ones - m : 0, most = ones < n ? ones : n;
    double weight = 1, sum = 0, rare = 0;

    if (n + m == 0) {
        return NAN;
    }
    /* From the observed table, which weighs 1, upwards: tables with x ones in the first row. */
    for (uint64_t x = first[0]; x <= most; x++) {
        sum += weight;
        rare += weight <= LIKELIER ? weight : 0;
        weight *= (double)(ones - x) * (double)(n - x) / ((double)(x + 1) * (double)(m + x + 1 - ones));
    }
    weight = 1;
    for (uint64_t x = first[0]; x > least; x--) {
        weight *= (double)x * (double)(m + x - ones) / ((double)(ones - x + 1) * (double)(n - x + 1));
        sum += weight;
        rare += weight <= LIKELIER ? weight : 0;
    }
    return fmin(1, rare / sum);
}
