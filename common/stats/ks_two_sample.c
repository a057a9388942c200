// SPDX-License-Identifier: Apache-2.0
/*
 * p-values of the two-sample Kolmogorov-Smirnov test: J. L. Hodges, "The significance probability of the
 * Smirnov two-sample test", Arkiv för Matematik 3, 1958, and the choice of method of scipy.stats.ks_2samp.
 */
#include "common/stats/pvalue.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

/* Largest sample for which AUTO is exact. */
#define AUTO_EXACT_MAX 10000
/* Effective values of the smaller sample for which the exact law is taken. */
#define EFFECTIVE_EXACT_MAX 50

static uint64_t
greatest_common_divisor(uint64_t a, uint64_t b)
{
    while (b > 0) {
        uint64_t rest = a % b;

        a = b;
        b = rest;
    }
    return a;
}

/* Equal sizes, both sides: 2 (C(2n, n-h) - C(2n, n-2h) + ...) / C(2n, n), by Horner's rule from the far end.
 */
static double
square_two_sided(uint64_t n, uint64_t h)
{
    double outside = 0;

    for (uint64_t k = n / h + 1; k-- > 0;) {
        double ratio = 1;

        for (uint64_t j = 0; j < h; j++) {
            ratio *= (double)(n - k * h - j) / (double)(n + k * h + j + 1);
        }
        outside = ratio * (1 - outside);
    }
    return 2 * outside;
}

/* Equal sizes, one side: C(2n, n-h) / C(2n, n). */
static double
square_one_sided(uint64_t n, uint64_t h)
{
    double ratio = 1;

    for (uint64_t j = 0; j < h; j++) {
        ratio *= (double)(n - j) / (double)(n + j + 1);
    }
    return ratio;
}

/* The lattice of both samples' counts, m >= n, with the band |i/m - j/n| < h/lcm in units of the lcm. */
struct lattice {
    uint64_t m;
    uint64_t n;
    uint64_t step_m; /* lcm / n: what one more of the n is worth */
    uint64_t step_n; /* lcm / m */
    uint64_t h;
    bool two_sided; /* else only i/m - j/n >= h/lcm leaves the band */
};

/* The j inside the band in column i: [first, end). */
static void
column_range(const struct lattice *lattice, uint64_t i, uint64_t *first, uint64_t *end)
{
    uint64_t at = lattice->step_n * i;

    *first = at >= lattice->h ? (at - lattice->h) / lattice->step_m + 1 : 0;
    if (*first > lattice->n) {
        *first = lattice->n;
    }
    *end = lattice->n + 1;
    if (lattice->two_sided) {
        uint64_t above = (at + lattice->h + lattice->step_m - 1) / lattice->step_m;

        if (above < *end) {
            *end = above;
        }
    }
}

/*
 * Probability that a random path from (0, 0) to (m, n) leaves the band. outside(i, j) = share of paths to (i,
 * j) that left = (i outside(i-1, j) + j outside(i, j-1)) / (i + j), 1 beyond the band: only sums of positive
 * terms, so tiny probabilities keep their precision. NaN out of memory.
 */
static double
outside_band(const struct lattice *lattice)
{
    uint64_t rows = lattice->n + 1, sums = lattice->m + rows, first = 0, end = 0;
    double *memory = calloc(rows + sums, sizeof(double));
    double *outside = memory, *inverse = memory + rows;

    if (!memory) {
        return NAN;
    }
    column_range(lattice, 0, &first, &end);
    for (uint64_t j = 0; j < rows; j++) {
        outside[j] = j < end ? 0 : 1;
    }
    for (uint64_t k = 1; k < sums; k++) {
        inverse[k] = 1 / (double)k;
    }
    for (uint64_t i = 1; i <= lattice->m && end > first; i++) {
        column_range(lattice, i, &first, &end);

        double below = first == 0 ? 0 : 1;

        /* A division would stand in the way of the next row's; products wait for nothing but `below`. */
        for (uint64_t j = first; j < end; j++) {
            below = outside[j] * ((double)i * inverse[i + j]) + below * ((double)j * inverse[i + j]);
            outside[j] = below;
        }
    }

    double result = end > first ? outside[lattice->n] : 1;

    free(memory);
    return result;
}

/* True where C(n + m, n) overflows a double: there scipy gives up the exact one-sided value. */
static bool
too_many_paths(double n, double m)
{
    int sign;

    return lgamma_r(n + m + 1, &sign) - lgamma_r(n + 1, &sign) - lgamma_r(m + 1, &sign) > log(DBL_MAX);
}

/* NaN where the exact value cannot be had. */
static double
exact(double d, uint64_t n, uint64_t m, enum otc_ks_alternative alternative)
{
    uint64_t g = greatest_common_divisor(n, m);
    uint64_t reduced = n / g;
    double lcm = (double)reduced * (double)m;
    uint64_t h = (uint64_t)nearbyint(d * lcm);
    bool two_sided = alternative == OTC_KS_TWO_SIDED;
    /* P <= 3 exp(-2 z^2) (Dvoretzky, Kiefer and Wolfowitz for two samples): far below the smallest double. */
    double z2 = d * d * ((double)n / (double)(n + m)) * (double)m;

    if (h == 0) {
        return 1;
    }
    if (two_sided && 2 * z2 > 800) {
        return 0;
    }
    if (n == m) {
        return two_sided ? square_two_sided(n, h) : square_one_sided(n, h);
    }
    if (!two_sided && too_many_paths((double)n, (double)m)) {
        return NAN;
    }

    uint64_t larger = n > m ? n : m, smaller = n > m ? m : n;
    struct lattice lattice = {.m = larger,
                              .n = smaller,
                              .step_m = larger / g,
                              .step_n = smaller / g,
                              .h = h,
                              .two_sided = two_sided};

    return outside_band(&lattice);
}

static double
asymptotic(double d, double n, double m, enum otc_ks_alternative alternative)
{
    double larger = fmax(n, m), smaller = fmin(n, m);
    double size = larger * smaller / (larger + smaller);

    if (alternative == OTC_KS_TWO_SIDED) {
        return otc_kstwo_sf((uint64_t)nearbyint(size), d);
    }

    /* Hodges' equation 5.3 */
    double z = sqrt(size) * d;
    double correction = 2 * z * (larger + 2 * smaller) / sqrt(larger * smaller * (larger + smaller)) / 3;

    return exp(-2 * z * z - correction);
}

double
otc_ks_p_value(double d, uint64_t n, uint64_t m, enum otc_ks_alternative alternative,
               enum otc_ks_method method)
{
    if (isnan(d) || n == 0 || m == 0) {
        return NAN;
    }

    uint64_t g = greatest_common_divisor(n, m);
    uint64_t reduced_n = n / g, reduced_m = m / g;
    bool use_exact = method == OTC_KS_EXACT && (double)reduced_n < (double)INT32_MAX / (double)reduced_m;
    double p = NAN;

    d = fmin(1, fmax(0, d));
    if (method == OTC_KS_AUTO) {
        use_exact = n <= AUTO_EXACT_MAX && m <= AUTO_EXACT_MAX;
    }
    if (use_exact) {
        p = exact(d, n, m, alternative);
    }
    if (isnan(p)) {
        p = asymptotic(d, (double)n, (double)m, alternative);
    }
    return isnan(p) ? p : fmin(1, fmax(0, p));
}

/* A sample of `size`, which need not be whole: at least one, and no more than the exact law takes. */
static uint64_t
effective(double size)
{
    return (uint64_t)fmin(AUTO_EXACT_MAX, fmax(1, nearbyint(size)));
}

double
otc_ks_p_value_effective(double d, uint64_t n, uint64_t m, double design_effect)
{
    double of_n = (double)n / design_effect, of_m = (double)m / design_effect;
    uint64_t a = effective(of_n), b = effective(of_m);
    double lcm = (double)a / (double)greatest_common_divisor(a, b) * (double)b;

    if (!(design_effect > 1)) {
        return otc_ks_p_value(d, n, m, OTC_KS_TWO_SIDED, OTC_KS_AUTO);
    }
    if (isnan(d) || n == 0 || m == 0) {
        return NAN;
    }
    d = fmin(1, fmax(0, d));
    if (fmin(of_n, of_m) > EFFECTIVE_EXACT_MAX) {
        return otc_kstwo_sf((uint64_t)nearbyint(of_n * of_m / (of_n + of_m)), d);
    }
    /* The largest distance of such samples that is not above d. */
    return otc_ks_p_value(floor(d * lcm * (1 + 1e-12)) / lcm, a, b, OTC_KS_TWO_SIDED, OTC_KS_EXACT);
}
