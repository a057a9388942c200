// SPDX-License-Identifier: Apache-2.0
#include "common/stats/merge.h"
#include "common/stats/pvalue.h"
#include "common/stats/ranks.h"

#include <stdlib.h>

/** Beyond this much of n m the exact distribution is not computed: 64 MiB. */
#define EXACT_MAX ((uint64_t)1 << 22)
/** Up to this many values on a side scipy takes the exact distribution. */
#define EXACT_AUTO 8

__extension__ typedef unsigned __int128 wide;

static void
add_group(struct otc_mann_whitney *out, double ref, double cur, double cur_below)
{
    double tied = ref + cur;

    out->u += ref * (cur_below + cur / 2);
    out->ties += tied * tied * tied - tied;
}

static void
finish(struct otc_mann_whitney *out)
{
    if (out->n == 0 || out->m == 0) {
        out->u = NAN;
    }
    out->auc = 1 - out->u / ((double)out->n * (double)out->m);
}

struct otc_mann_whitney
otc_samples_mann_whitney(const double *ref, size_t n, const double *cur, size_t m)
{
    struct otc_mann_whitney out = {.n = n, .m = m};
    struct otc_merge merge = {.ref = ref, .cur = cur, .n = n, .m = m};

    while (otc_merge_next(&merge)) {
        add_group(&out, (double)merge.ref_here, (double)merge.cur_here, (double)merge.j);
    }
    finish(&out);
    return out;
}

struct otc_mann_whitney
otc_cells_mann_whitney(const struct otc_cells *ref, const struct otc_cell_counts *cur)
{
    struct otc_mann_whitney out = {.n = ref->total, .m = cur->total};
    double below = 0;

    for (size_t i = 0; i <= ref->n; i++) {
        /* Values of a gap are taken as different from each other: none of it enters the ties. */
        out.u += (double)ref->gap[i] * (below + (double)cur->gap[i] / 2);
        below += (double)cur->gap[i];
        if (i < ref->n) {
            add_group(&out, (double)ref->eq[i], (double)cur->eq[i], below);
            below += (double)cur->eq[i];
        }
    }
    finish(&out);
    return out;
}

/**
 * Orders of n and m values in which U is `k` or less, over all orders: the sum of the first coefficients of
 * the Gaussian binomial [n + m over n] = prod (1 - q^(m + i)) / (1 - q^i), in whole numbers. NaN where they
 * do not fit.
 */
static double
exact_cdf(uint64_t n, uint64_t m, uint64_t k)
{
    wide all = 1, sum = 0;
    wide *count = n * m <= EXACT_MAX ? calloc(k + 1, sizeof(*count)) : NULL;

    for (uint64_t i = 1; count && i <= n; i++) {
        if (all > ((wide)1 << 126) / (m + i)) {
            free(count);
            return NAN;
        }
        all = all * (m + i) / i;
    }
    if (!count) {
        return NAN;
    }
    count[0] = 1;
    for (uint64_t i = 1; i <= n; i++) {
        for (uint64_t u = k + 1; u-- > m + i;) {
            count[u] -= count[u - m - i];
        }
        for (uint64_t u = i; u <= k; u++) {
            count[u] += count[u - i];
        }
    }
    for (uint64_t u = 0; u <= k; u++) {
        sum += count[u];
    }
    free(count);
    return (double)((long double)sum / (long double)all);
}

/** P(U >= u), by the symmetry of U and n m - U always from the shorter end. */
static double
exact_sf(uint64_t n, uint64_t m, double u)
{
    uint64_t few = n < m ? n : m, many = n < m ? m : n;
    uint64_t all = n * m, at = (uint64_t)u;

    if (at > all - at) {
        return exact_cdf(few, many, all - at);
    }
    return at == 0 ? 1 : 1 - exact_cdf(few, many, at - 1);
}

static double
normal_sf(const struct otc_mann_whitney *test, double u)
{
    double n = (double)test->n, m = (double)test->m, both = n + m;
    double variance = n * m / 12 * (both + 1 - test->ties / (both * (both - 1)));

    /* Everything ties: u less than nothing above the mean. */
    return otc_normal_sf(variance > 0 ? (u - n * m / 2 - 0.5) / sqrt(variance) : -INFINITY);
}

double
otc_mann_whitney_p_value(const struct otc_mann_whitney *test, enum otc_alternative alternative,
                         enum otc_p_method method)
{
    double other = (double)test->n * (double)test->m - test->u;
    double u = alternative == OTC_GREATER ? test->u : alternative == OTC_LESS ? other : fmax(test->u, other);
    double p = NAN;

    if (isnan(test->u)) {
        return NAN;
    }
    if (method == OTC_P_EXACT ||
        (method == OTC_P_AUTO && (test->n <= EXACT_AUTO || test->m <= EXACT_AUTO) && test->ties == 0)) {
        p = exact_sf(test->n, test->m, u);
    }
    if (isnan(p)) {
        p = normal_sf(test, u);
    }
    return fmin(1, alternative == OTC_TWO_SIDED ? 2 * p : p);
}
