// SPDX-License-Identifier: Apache-2.0
#include "common/stats/pvalue.h"
#include "common/stats/saddle.h"

#include <float.h>
#include <math.h>

/* Series and fractions here converge in some dozens, and for large a in some multiples of sqrt(a). */
#define MAX_TERMS 1000000

double
otc_stirling_error(double n)
{
    if (n < 16) {
        int sign;

        return lgamma_r(n + 1, &sign) - ((n + 0.5) * log(n) - n + 0.5 * log(2 * M_PI));
    }

    /* The asymptotic series in 1/n with Bernoulli's numbers; below 1e-17 of the whole from n = 16 on. */
    double inverse = 1 / n, square = inverse * inverse;
    static const double coefficient[] = {1.0 / 12,   -1.0 / 360,        1.0 / 1260, -1.0 / 1680,
                                         1.0 / 1188, -691.0 / 360360.0, 1.0 / 156,  -3617.0 / 122400.0};
    double sum = 0;

    for (int i = 7; i >= 0; i--) {
        sum = sum * square + coefficient[i];
    }
    return sum * inverse;
}

double
otc_deviance(double x, double mean, double difference)
{
    if (x == 0) {
        return mean;
    }
    if (fabs(difference) >= 0.1 * (x + mean)) {
        return x * log(x / mean) - difference;
    }

    /* x ln(x/mean) = 2 x atanh(v), v = (x - mean) / (x + mean); its first term and mean - x give difference *
     * v. */
    double v = difference / (x + mean), square = v * v;
    double power = 2 * x * v, sum = difference * v;

    for (int k = 3; k < 1000; k += 2) {
        double before = sum;

        power *= square;
        sum += power / k;
        if (sum == before) {
            break;
        }
    }
    return sum;
}

double
otc_normal_sf(double z)
{
    return 0.5 * erfc(z * M_SQRT1_2);
}

/* x^a e^-x / Gamma(a + 1) */
static double
gamma_prefix(double a, double x)
{
    return exp(-otc_stirling_error(a) - otc_deviance(a, x, a - x)) / sqrt(2 * M_PI * a);
}

/* P(a, x) = prefix * (1 + x/(a+1) + x^2/((a+1)(a+2)) + ...) */
static double
gamma_p_series(double a, double x)
{
    double term = 1, sum = 1;

    for (int k = 1; k < MAX_TERMS; k++) {
        term *= x / (a + k);
        sum += term;
        if (term < sum * (DBL_EPSILON / 4)) {
            break;
        }
    }
    return gamma_prefix(a, x) * sum;
}

/* Q(a, x) by Legendre's continued fraction, evaluated forwards (Lentz, with Thompson and Barnett's changes).
 */
static double
gamma_q_fraction(double a, double x)
{
    const double tiny = 1e-300;
    double b = x + 1 - a, c = 1 / tiny, d = 1 / b, value = d;

    for (int k = 1; k < MAX_TERMS; k++) {
        double numerator = -(double)k * (k - a);

        b += 2;
        d = numerator * d + b;
        d = 1 / (fabs(d) < tiny ? tiny : d);
        c = b + numerator / c;
        c = fabs(c) < tiny ? tiny : c;

        double factor = c * d;

        value *= factor;
        if (fabs(factor - 1) < DBL_EPSILON) {
            break;
        }
    }
    return gamma_prefix(a, x) * a * value;
}

double
otc_gamma_q(double a, double x)
{
    if (isnan(a) || isnan(x) || !(a > 0) || x < 0) {
        return NAN;
    }
    if (x == 0) {
        return 1;
    }
    if (isinf(x)) {
        return 0;
    }
    if (x < a + 1) {
        return fmax(0, 1 - gamma_p_series(a, x));
    }
    return fmin(1, gamma_q_fraction(a, x));
}

double
otc_chi_squared_sf(double x, double dof)
{
    if (isnan(x) || !(dof > 0)) {
        return NAN;
    }
    return x <= 0 ? 1 : otc_gamma_q(dof / 2, x / 2);
}
