// SPDX-License-Identifier: Apache-2.0
#include "common/stats/ranks.h"

#include <math.h>
#include <stdlib.h>

/** Up to this many values a side the distribution is counted. */
#define EXACT_MAX 20
/** The series ends where scipy ends it. */
#define LAST_TERM 1e-7
/** Below this the limiting CDF is under 1.3e-18. */
#define LEAST 0.003

/** A value of zeta and how many orders of the two samples have it. */
struct frequency {
    uint64_t value;
    double orders;
};

/** Ascending by value, each value once. */
struct frequencies {
    struct frequency *items;
    size_t n;
};

/** a and b together, every value moved up by `shift`, those above `most` counted at `most`. */
static bool
merge_shifted(const struct frequencies *a, const struct frequencies *b, uint64_t shift, uint64_t most,
              struct frequencies *out)
{
    size_t i = 0, j = 0;

    out->n = 0;
    out->items = calloc(a->n + b->n + 1, sizeof(*out->items));
    while (out->items && (i < a->n || j < b->n)) {
        const struct frequency *next = j == b->n || (i < a->n && a->items[i].value <= b->items[j].value)
                                           ? &a->items[i++]
                                           : &b->items[j++];
        uint64_t value = next->value + shift < most ? next->value + shift : most;

        if (out->n > 0 && out->items[out->n - 1].value == value) {
            out->items[out->n - 1].orders += next->orders;
        } else {
            out->items[out->n++] = (struct frequency){value, next->orders};
        }
    }
    return out->items != NULL;
}

static uint64_t
gcd(uint64_t a, uint64_t b)
{
    while (b > 0) {
        uint64_t rest = a % b;

        a = b;
        b = rest;
    }
    return a;
}

/**
 * The orders of m and n values whose zeta reaches `zeta`, over all orders: lattice paths from (0, 0) to (n,
 * m), the square of (a v - b u) added at each step (Xiao, Gordon and Yakovlev 2007, algorithm 1). Paths that
 * have reached `zeta` need not be told apart any more. NaN out of memory.
 */
static double
exact_share(uint64_t n, uint64_t m, uint64_t zeta)
{
    uint64_t a = n / gcd(n, m), b = m / gcd(n, m); /* lcm / m, lcm / n */
    struct frequencies paths[EXACT_MAX + 1] = {{NULL, 0}};
    const struct frequencies none = {NULL, 0};
    double reached = 0, all = 0;
    bool ok = true;

    paths[0].items = calloc(1, sizeof(struct frequency));
    ok = paths[0].items != NULL;
    if (ok) {
        paths[0].items[0] = (struct frequency){0, 1};
        paths[0].n = 1;
    }
    for (uint64_t u = 0; ok && u <= n; u++) {
        for (uint64_t v = 0; ok && v <= m; v++) {
            struct frequencies next;
            uint64_t off = a * v > b * u ? a * v - b * u : b * u - a * v;

            ok = merge_shifted(&paths[v], v > 0 ? &paths[v - 1] : &none, off * off, zeta, &next);
            free(paths[v].items);
            paths[v] = next;
        }
    }
    for (size_t i = 0; ok && i < paths[m].n; i++) {
        all += paths[m].items[i].orders;
        reached += paths[m].items[i].value >= zeta ? paths[m].items[i].orders : 0;
    }
    for (uint64_t v = 0; v <= m; v++) {
        free(paths[v].items);
    }
    return ok ? reached / all : NAN;
}

/**
 * exp(q) K_{1/4}(q) = int_0^inf exp(-q (cosh t - 1)) cosh(t / 4) dt (DLMF 10.32.9) by the trapezoidal rule,
 * which converges exponentially for it.
 */
static double
bessel_k_quarter_scaled(double q)
{
    const double step = 1.0 / 16;
    double sum = 0.5;

    for (int k = 1;; k++) {
        double t = k * step, weight = q * (cosh(t) - 1);

        if (weight > 45 + t) {
            return sum * step;
        }
        sum += exp(-weight) * cosh(t / 4);
    }
}

/** The limiting CDF at x, Csorgo and Faraway 1996 (1.3). */
static double
limit_cdf(double x)
{
    double sum = 0, term = 1, gammas = sqrt(M_PI); /* Gamma(k + 1/2) / Gamma(k + 1) */

    for (int k = 0; fabs(term) >= LAST_TERM; k++) {
        double y = 4.0 * k + 1, q = y * y / (16 * x);

        term = gammas / (pow(M_PI, 1.5) * sqrt(x)) * sqrt(y) * exp(-2 * q) * bessel_k_quarter_scaled(q);
        sum += term;
        gammas *= (k + 0.5) / (k + 1);
    }
    return sum;
}

static double
asymptotic(double t, double n, double m)
{
    double k = n * m, both = n + m;
    double mean = (1 + 1 / both) / 6;
    double variance = (both + 1) * (4 * k * both - 3 * (n * n + m * m) - 2 * k) / (45 * both * both * 4 * k);
    double x = 1.0 / 6 + (t - mean) / sqrt(45 * variance);

    return x < LEAST ? 1 : fmax(0, 1 - limit_cdf(x));
}

double
otc_cramer_von_mises_p_value(double t, uint64_t n, uint64_t m, enum otc_p_method method)
{
    if (isnan(t) || n < 2 || m < 2) {
        return NAN;
    }
    if (method != OTC_P_ASYMPTOTIC && n <= EXACT_MAX && m <= EXACT_MAX) {
        uint64_t lcm = n / gcd(n, m) * m;
        double zeta = (double)(lcm * lcm) * (double)((n + m) * (n + m)) * t / ((double)n * (double)m);
        /* A whole number but for ties; the rounding of t must not lift it over itself. */
        double p = exact_share(n, m, (uint64_t)floor(fmax(0, zeta) * (1 + 1e-12) + 1e-6));

        if (!isnan(p)) {
            return p;
        }
    }
    return asymptotic(t, (double)n, (double)m);
}
