// SPDX-License-Identifier: Apache-2.0
#include "common/stats/pvalue.h"
#include "common/stats/saddle.h"

#include <float.h>
#include <math.h>

/* The fraction converges in some multiples of sqrt(max(a, b)). */
#define MAX_TERMS 1000000

/* x^a y^b / (a B(a, b)), as a binomial density (Loader) times what it lacks. */
static double
beta_prefix(double a, double b, double x, double y)
{
    double n = a + b, off = a * y - b * x; /* a - n x */
    double exponent = otc_stirling_error(n) - otc_stirling_error(a) - otc_stirling_error(b) -
                      otc_deviance(a, n * x, off) - otc_deviance(b, n * y, -off);

    return b / n * exp(exponent) * sqrt(n / (2 * M_PI * a * b));
}

/* The continued fraction of I_x(a, b) without its prefix, the even part of DLMF 8.17.22, by Lentz's method.
 * Its terms, unlike those of the whole, do not cancel for x near 1. */
static double
beta_fraction(double a, double b, double x, double y)
{
    const double tiny = 1e-300;
    double off = a * y - b * x + 1; /* a + 1 - (a + b) x */
    double value = fmax(a * off / (a + 1), tiny), c = value, d = 0;

    for (int m = 1; m < MAX_TERMS; m++) {
        double at = a + (2 * m - 1);
        double over = (a + (m - 1)) / at * ((a + b + (m - 1)) / at) * m * (b - m) * x * x;
        double under = m + m * (b - m) * x / at + (a + m) * (off + m * (2 - x)) / (at + 2);
        double step = value;

        d = under + over * d;
        c = under + over / c;
        d = 1 / (fabs(d) < tiny ? tiny : d);
        c = fabs(c) < tiny ? tiny : c;
        value *= c * d;
        if (fabs(value - step) <= fabs(value) * DBL_EPSILON) {
            break;
        }
    }
    return a / value;
}

double
otc_beta_i(double a, double b, double x, double y)
{
    if (!(a > 0 && b > 0) || isnan(x) || isnan(y)) {
        return NAN;
    }
    if (x <= 0 || y <= 0) {
        return x <= 0 ? 0 : 1;
    }
    if (x * (a + b + 2) <= a + 1) {
        return fmin(1, beta_prefix(a, b, x, y) * beta_fraction(a, b, x, y));
    }
    return fmax(0, 1 - beta_prefix(b, a, y, x) * beta_fraction(b, a, y, x));
}

double
otc_student_t_sf(double t, double dof)
{
    if (isnan(t) || !(dof > 0)) {
        return NAN;
    }
    if (isinf(t)) {
        return t > 0 ? 0 : 1;
    }

    double square = t * t / dof;
    double tail = 0.5 * otc_beta_i(dof / 2, 0.5, 1 / (1 + square), 1 / (1 + 1 / square));

    return t >= 0 ? tail : 1 - tail;
}
