// SPDX-License-Identifier: Apache-2.0
#include "common/stats/proportions.h"

#include "common/stats/saddle.h"

#include <math.h>

/** Terms below this share of what they are added to change nothing. */
#define NEGLIGIBLE 1e-17

/** ln(1 - p), q = 1 - p: of the smaller, which is the one known better. */
static double
log_rest(double p, double q)
{
    return p < q ? log1p(-p) : log(q);
}

/** ln of the binomial probability of x of n at p = 1 - q (Loader's saddle-point form). */
static double
log_binomial(double x, double n, double p, double q)
{
    if (x <= 0) {
        return n * log_rest(p, q);
    }
    if (x >= n) {
        return n * log_rest(q, p);
    }
    return otc_stirling_error(n) - otc_stirling_error(x) - otc_stirling_error(n - x) -
           otc_deviance(x, n * p, x - n * p) - otc_deviance(n - x, n * q, n * p - x) -
           0.5 * log(2 * M_PI * x * (1 - x / n));
}

/** ln of the probability that x of `events` fall among n, the others among m. */
static double
log_hypergeometric(double x, double events, double n, double m)
{
    double p = events / (n + m), q = (n + m - events) / (n + m);

    return log_binomial(x, n, p, q) + log_binomial(events - x, m, p, q) - log_binomial(events, n + m, p, q);
}

double
otc_share_rise_p_value(double x1, double n1, double x2, double n2)
{
    double events = x1 + x2, sum = 0, term;

    if (!(n1 > 0 && n2 > 0 && x1 >= 0 && x2 >= 0 && x1 <= n1 && x2 <= n2)) {
        return NAN;
    }
    if (x2 <= 0) {
        return 1;
    }
    if (x1 <= events * n1 / (n1 + n2)) { /* tables with fewer among the n1: they get rarer */
        term = 1;
        for (double x = x1; term > NEGLIGIBLE * sum;) {
            sum += term;
            term *= x * (n2 - events + x) / ((n1 - x + 1) * (events - x + 1));
            x -= 1;
        }
        return fmin(1, sum * exp(log_hypergeometric(x1, events, n1, n2)));
    }
    if (x1 + 1 > n1) {
        return 1;
    }
    term = 1;
    for (double x = x1 + 1; term > NEGLIGIBLE * sum;) {
        sum += term;
        term *= (n1 - x) * (events - x) / ((x + 1) * (n2 - events + x + 1));
        x += 1;
    }
    return fmax(0, 1 - sum * exp(log_hypergeometric(x1 + 1, events, n1, n2)));
}

double
otc_draw_without(double others, double n1, double n2)
{
    return others > n1 ? 0 : fmin(1, exp(log_hypergeometric(others, others, n1, n2)));
}
