// SPDX-License-Identifier: Apache-2.0
/*
 * Distributions of the one-sample Kolmogorov-Smirnov statistics. Which method serves which (n, x) follows R.
 * Simard and P. L'Ecuyer, "Computing the Two-Sided Kolmogorov-Smirnov Distribution", J. Stat. Soft. 39(11),
 * 2011.
 */
#include "common/stats/pvalue.h"
#include "common/stats/saddle.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Up to here exact methods serve every x. */
#define SMALL_N 140

/* sqrt(2 pi) / z * sum of exp(-(2k-1)^2 pi^2 / (8 z^2)): quick and without cancellation for small z. */
static double
kolmogorov_cdf(double z)
{
    double sum = 0;

    for (int k = 1; k < 20; k++) {
        sum += exp(-(2 * k - 1) * (2 * k - 1) * M_PI * M_PI / (8 * z * z));
    }
    return sqrt(2 * M_PI) / z * sum;
}

double
otc_kolmogorov_sf(double z)
{
    if (isnan(z)) {
        return NAN;
    }
    if (z <= 0) {
        return 1;
    }
    if (z < 1) {
        return 1 - kolmogorov_cdf(z);
    }

    double sum = 0;

    for (int k = 1; k < 20; k++) {
        double term = exp(-2.0 * k * k * z * z);

        sum += k % 2 ? term : -term;
    }
    return fmin(1, 2 * sum);
}

/* The binomial probability of j in n when p = x + j/n, so that j - n p = -n x: no difference is ever rounded.
 */
static double
shifted_binomial(double n, double j, double x)
{
    double shift = n * x, rest = n - j;

    if (j == 0) {
        return exp(n * log1p(-x));
    }
    if (rest == 0) {
        return 1;
    }

    double log_root = otc_stirling_error(n) - otc_stirling_error(j) - otc_stirling_error(rest);
    double deviance = otc_deviance(j, j + shift, -shift) + otc_deviance(rest, rest - shift, shift);

    return exp(log_root - deviance) * sqrt(n / (2 * M_PI * j * rest));
}

/* Terms that stand for all. */
#define SMIRNOV_TERMS UINT64_C(1024)

/*
 * How far apart the terms of Smirnov's sum may be taken. As a function of j they are smooth and vanish, with
 * all derivatives, at both ends, like exp(-n x^2 / (2 u (1 - u))) for j = u n: sums over every h-th of them,
 * times h, are then equal to all digits as long as many are left (L. N. Trefethen and J. A. C. Weideman, "The
 * Exponentially Convergent Trapezoidal Rule", SIAM Review 56(3), 2014). For n x^2 below 1 they do not vanish
 * soon enough.
 */
static uint64_t
smirnov_step(uint64_t n, double x)
{
    return (double)n * x * x < 1 || n < 2 * SMIRNOV_TERMS ? 1 : n / SMIRNOV_TERMS;
}

/* Smirnov: P(D+ >= x) = x sum_j C(n,j) (x + j/n)^(j-1) (1 - x - j/n)^(n-j) over j <= n (1 - x); all terms
 * positive. */
double
otc_smirnov_sf(uint64_t n, double x)
{
    if (n == 0 || isnan(x)) {
        return NAN;
    }
    if (x <= 0) {
        return 1;
    }
    if (x >= 1) {
        return 0;
    }

    double size = (double)n, sum = 0;
    uint64_t last = (uint64_t)floor(size * (1 - x)), step = smirnov_step(n, x);

    for (uint64_t i = 0; i <= last; i += step) {
        double j = (double)i;

        if (size - j - size * x > 0) {
            sum += shifted_binomial(size, j, x) / (x + j / size);
        }
    }
    return fmin(1, x * sum * (double)step);
}

/* A matrix of doubles scaled by 10^exponent. */
struct matrix {
    double *cell;
    int exponent;
};

static void
matrix_multiply(const struct matrix *a, const struct matrix *b, struct matrix *out, size_t m)
{
    for (size_t i = 0; i < m; i++) {
        double *row = out->cell + i * m;

        memset(row, 0, m * sizeof(*row));
        for (size_t k = 0; k < m; k++) {
            double left = a->cell[i * m + k];

            for (size_t j = 0; j < m; j++) {
                row[j] += left * b->cell[k * m + j];
            }
        }
    }
    out->exponent = a->exponent + b->exponent;
    if (out->cell[(m / 2) * m + m / 2] > 1e140) {
        for (size_t i = 0; i < m * m; i++) {
            out->cell[i] *= 1e-140;
        }
        out->exponent += 140;
    }
}

/* H of Marsaglia, Tsang and Wang, "Evaluating Kolmogorov's Distribution", J. Stat. Soft. 8(18), 2003. */
static void
matrix_fill(double *cell, size_t m, double h)
{
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < m; j++) {
            cell[i * m + j] = j <= i + 1 ? 1 : 0;
        }
    }
    for (size_t i = 0; i < m; i++) {
        cell[i * m] -= pow(h, (double)(i + 1));
        cell[(m - 1) * m + i] -= pow(h, (double)(m - i));
    }
    cell[(m - 1) * m] += 2 * h > 1 ? pow(2 * h - 1, (double)m) : 0;
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j <= i; j++) {
            for (size_t g = 2; g <= i - j + 1; g++) {
                cell[i * m + j] /= (double)g;
            }
        }
    }
}

/* result = base^n by squaring; base and spare are used up. Pointers may be exchanged; the result is in
 * *result. */
static void
matrix_power(struct matrix *base, struct matrix *result, struct matrix *spare, size_t m, uint64_t n)
{
    memset(result->cell, 0, m * m * sizeof(double));
    for (size_t i = 0; i < m; i++) {
        result->cell[i * m + i] = 1;
    }
    for (; n > 0; n >>= 1) {
        struct matrix swap;

        if (n & 1) {
            matrix_multiply(result, base, spare, m);
            swap = *result, *result = *spare, *spare = swap;
        }
        if (n > 1) {
            matrix_multiply(base, base, spare, m);
            swap = *base, *base = *spare, *spare = swap;
        }
    }
}

/* Durbin's matrix: exact. NaN out of memory. The callers' ranges keep m below 120. */
static double
durbin_cdf(uint64_t n, double x)
{
    double t = (double)n * x;
    size_t k = (size_t)t + 1, m = 2 * k - 1;

    double *memory = calloc(3 * m * m, sizeof(double));

    if (!memory) {
        return NAN;
    }

    struct matrix base = {memory, 0}, result = {memory + m * m, 0}, spare = {memory + 2 * m * m, 0};

    matrix_fill(base.cell, m, (double)k - t);
    matrix_power(&base, &result, &spare, m, n);

    double value = result.cell[(k - 1) * m + k - 1];
    int exponent = result.exponent;

    free(memory);
    for (uint64_t i = 1; i <= n; i++) {
        value *= (double)i / (double)n;
        if (value < 1e-140) {
            value *= 1e140;
            exponent -= 140;
        }
    }
    return fmin(1, value * pow(10, exponent));
}

/* The sums over k of the correction terms: half-integral k for `half`, integral for `whole`. */
struct pelz_good {
    double half[3];
    double whole[2];
};

static struct pelz_good
pelz_good_sums(double z)
{
    double z2 = z * z, z4 = z2 * z2, z6 = z4 * z2, z8 = z4 * z4;
    double pi2 = M_PI * M_PI, pi4 = pi2 * pi2, pi6 = pi4 * pi2;
    struct pelz_good sums = {{0, 0, 0}, {0, 0}};

    for (int k = 24; k >= 0; k--) {
        double u = (k + 0.5) * (k + 0.5), u2 = u * u, u3 = u2 * u, w = (double)k * k;
        /* Both signs of k + 1/2, and of k. */
        double weight = 2 * exp(-pi2 * u / (2 * z2)), whole = 2 * exp(-pi2 * w / (2 * z2));

        sums.half[0] += weight * (pi2 * u - z2);
        sums.half[1] += weight * (6 * z6 + 2 * z4 + pi2 * (2 * z4 - 5 * z2) * u + pi4 * (1 - 2 * z2) * u2);
        sums.half[2] += weight * (pi6 * u3 * (5 - 30 * z2) + pi4 * u2 * (-60 * z2 + 212 * z4) +
                                  pi2 * u * (135 * z4 - 96 * z6) - (30 * z6 + 90 * z8));
        sums.whole[0] += whole * pi2 * w;
        sums.whole[1] += whole * (-pi4 * w * w + 3 * pi2 * w * z2);
    }
    return sums;
}

/* W. Pelz and I. J. Good, "Approximating the Lower Tail-Areas of the Kolmogorov-Smirnov One-Sample
 * Statistic", 1976. */
static double
pelz_good_cdf(double n, double x)
{
    double root_n = sqrt(n), z = root_n * x;
    struct pelz_good sums = pelz_good_sums(z);
    double z3 = z * z * z, z4 = z3 * z, z6 = z3 * z3, z7 = z6 * z, z10 = z7 * z3;
    double root = sqrt(M_PI / 2);
    double k1 = root * sums.half[0] / (6 * z4);
    double k2 = root * (sums.half[1] / (72 * z7) - sums.whole[0] / (36 * z3));
    double k3 = root * (sums.half[2] / (6480 * z10) + sums.whole[1] / (216 * z6));

    return kolmogorov_cdf(z) + (k1 + (k2 + k3 / root_n) / root_n) / root_n;
}

/* n! / n^n * (2t - 1)^n with t = n x in (1/2, 1]: Ruben and Gambino. */
static double
smallest_cdf(uint64_t n, double t)
{
    double power = (double)n * log(2 * t - 1);

    if (n > SMALL_N) {
        return exp(0.5 * log(2 * M_PI * (double)n) + otc_stirling_error((double)n) - (double)n + power);
    }

    double value = 1;

    for (uint64_t i = 1; i <= n; i++) {
        value *= (double)i / (double)n * (2 * t - 1);
    }
    return value;
}

/* A probability and its complement, whichever is known without cancellation. */
struct tails {
    double cdf;
    double sf;
};

static struct tails
from_cdf(double cdf)
{
    if (!isnan(cdf)) {
        cdf = fmin(1, fmax(0, cdf));
    }
    return (struct tails){cdf, 1 - cdf};
}

static struct tails
from_sf(double sf)
{
    if (!isnan(sf)) {
        sf = fmin(1, fmax(0, sf));
    }
    return (struct tails){1 - sf, sf};
}

static struct tails
kstwo_large(uint64_t n, double x, bool upper)
{
    double size = (double)n, square = size * x * x;

    if (upper && square >= 370) {
        return from_sf(0);
    }
    if (upper && square >= 2.2) {
        return from_sf(2 * otc_smirnov_sf(n, x));
    }
    if (square >= 18) {
        return from_cdf(1);
    }
    if (n <= 100000 && size * x * sqrt(x) <= 1.4) {
        return from_cdf(durbin_cdf(n, x));
    }
    return from_cdf(pelz_good_cdf(size, x));
}

static struct tails
kstwo(uint64_t n, double x, bool upper)
{
    double t = (double)n * x;

    if (n == 0 || isnan(x)) {
        return (struct tails){NAN, NAN};
    }
    if (x >= 1) {
        return from_sf(0);
    }
    if (t <= 0.5) {
        return from_cdf(0);
    }
    if (t <= 1) {
        return from_cdf(smallest_cdf(n, t));
    }
    if (t >= (double)(n - 1)) {
        return from_sf(2 * pow(1 - x, (double)n));
    }
    if (x >= 0.5) {
        return from_sf(2 * otc_smirnov_sf(n, x));
    }
    if (n > SMALL_N) {
        return kstwo_large(n, x, upper);
    }
    /* The matrix is exact; from n x^2 = 4 on twice the one-sided tail is right to 1e-14 of it and keeps far
     * tails. */
    return t * x <= 4 ? from_cdf(durbin_cdf(n, x)) : from_sf(2 * otc_smirnov_sf(n, x));
}

double
otc_kstwo_cdf(uint64_t n, double x)
{
    return kstwo(n, x, false).cdf;
}

double
otc_kstwo_sf(uint64_t n, double x)
{
    return kstwo(n, x, true).sf;
}
