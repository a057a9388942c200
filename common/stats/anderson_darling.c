// SPDX-License-Identifier: Apache-2.0
#include "common/stats/merge.h"
#include "common/stats/ranks.h"

#define N_LEVELS 7

/** Scholz and Stephens' statistic A2akN with mid-ranks (their equation 7), two samples. */
static double
mid_rank_statistic(const double *ref, size_t n, const double *cur, size_t m)
{
    struct otc_merge merge = {.ref = ref, .cur = cur, .n = n, .m = m};
    double all = (double)n + (double)m, ref_sum = 0, cur_sum = 0;

    while (otc_merge_next(&merge)) {
        double here = (double)merge.ref_here + (double)merge.cur_here;
        double both = (double)(merge.i + merge.j) + here / 2;
        double ref_off = all * ((double)merge.i + (double)merge.ref_here / 2) - both * (double)n;
        double cur_off = all * ((double)merge.j + (double)merge.cur_here / 2) - both * (double)m;
        double weight = here / all / (both * (all - both) - all * here / 4);

        ref_sum += weight * ref_off * ref_off;
        cur_sum += weight * cur_off * cur_off;
    }
    return (ref_sum / (double)n + cur_sum / (double)m) * (all - 1) / all;
}

/** The variance of the statistic when nothing differs (their equation 4), k = 2. */
static double
variance_of(size_t n, size_t m)
{
    double all = (double)(n + m), inverses = 1 / (double)n + 1 / (double)m, h = 1, g = 0, tail = 0;

    /* h = sum over i < all of 1 / i; g = sum over i < j < all of 1 / ((all - i) j) */
    for (size_t j = 2; j < n + m; j++) {
        h += 1 / (double)j;
        tail += 1 / (double)(n + m - j + 1);
        g += tail / (double)j;
    }

    double a = 4 * g - 6 + (10 - 6 * g) * inverses;
    double b = (2 * g - 4) * 4 + 16 * h + (2 * g - 14 * h - 4) * inverses - 8 * h + 4 * g - 6;
    double c = (6 * h + 2 * g - 2) * 4 + (4 * h - 4 * g + 6) * 2 + (2 * h - 6) * inverses + 4 * h;
    double d = (2 * h + 6) * 4 - 8 * h;

    return (((a * all + b) * all + c) * all + d) / ((all - 1) * (all - 2) * (all - 3));
}

/** The parabola of least squares through (x, y) at `at`, by the normal equations. */
static double
parabola_at(const double *x, const double *y, double at)
{
    long double rows[3][4] = {{0}};

    for (int i = 0; i < N_LEVELS; i++) {
        long double powers[3] = {1, x[i], (long double)x[i] * x[i]};

        for (int r = 0; r < 3; r++) {
            for (int c = 0; c < 3; c++) {
                rows[r][c] += powers[r] * powers[c];
            }
            rows[r][3] += powers[r] * y[i];
        }
    }
    for (int pivot = 0; pivot < 3; pivot++) {
        for (int r = 0; r < 3; r++) {
            long double factor = rows[r][pivot] / rows[pivot][pivot];

            for (int c = pivot; r != pivot && c < 4; c++) {
                rows[r][c] -= factor * rows[pivot][c];
            }
        }
    }
    return (double)(rows[0][3] / rows[0][0] +
                    at * (rows[1][3] / rows[1][1] + at * (rows[2][3] / rows[2][2])));
}

/** Their table 2 for two samples, and between its levels a parabola through the logarithms. */
static double
p_value_of(double statistic)
{
    static const double critical[N_LEVELS] = {
        0.675 - 0.245 - 0.105, 1.281 + 0.25 - 0.305,  1.645 + 0.678 - 0.362, 1.96 + 1.149 - 0.391,
        2.326 + 1.822 - 0.396, 2.573 + 2.364 - 0.345, 3.085 + 3.615 - 0.154};
    static const double levels[N_LEVELS] = {0.25, 0.1, 0.05, 0.025, 0.01, 0.005, 0.001};
    double logarithms[N_LEVELS];

    if (statistic < critical[0] || statistic > critical[N_LEVELS - 1]) {
        return statistic < critical[0] ? levels[0] : levels[N_LEVELS - 1];
    }
    for (int i = 0; i < N_LEVELS; i++) {
        logarithms[i] = log(levels[i]);
    }
    return exp(parabola_at(critical, logarithms, statistic));
}

struct otc_anderson_darling
otc_samples_anderson_darling(const double *ref, size_t n, const double *cur, size_t m)
{
    struct otc_anderson_darling out = {NAN, NAN};

    if (n == 0 || m == 0 || n + m < 4 || (ref[0] == ref[n - 1] && cur[0] == cur[m - 1] && ref[0] == cur[0])) {
        return out;
    }
    out.statistic = (mid_rank_statistic(ref, n, cur, m) - 1) / sqrt(variance_of(n, m));
    out.p_value = p_value_of(out.statistic);
    return out;
}
