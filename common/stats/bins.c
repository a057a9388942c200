// SPDX-License-Identifier: Apache-2.0
#include "common/stats/bins.h"
#include "common/stats/pvalue.h"
#include "common/stats/saddle.h"
#include "common/stats/shares.h"

#include <math.h>

double
otc_quantile_linear(const double *sorted, size_t n, double q)
{
    double place = (double)(n - 1) * q;
    size_t below = (size_t)floor(place);

    if (below >= n - 1) {
        return sorted[n - 1];
    }

    double share = place - (double)below;
    double low = sorted[below], step = sorted[below + 1] - low;

    if (isinf(step)) { /* a range longer than the largest double */
        return low * (1 - share) + sorted[below + 1] * share;
    }
    /* From the nearer end, as numpy does: both ends are then hit exactly. */
    return share < 0.5 ? low + step * share : sorted[below + 1] - step * (1 - share);
}

double
otc_quantile_nearest(const double *sorted, size_t n, double q)
{
    double index = ceil(q * (double)n - 1);

    if (!(index > 0)) {
        return sorted[0];
    }
    return sorted[index >= (double)(n - 1) ? n - 1 : (size_t)index];
}

size_t
otc_edges_quantile(const double *sorted, size_t n, size_t bins, double *out)
{
    size_t edges = 0;

    for (size_t k = 1; k < bins; k++) {
        double edge = otc_quantile_linear(sorted, n, (double)k / (double)bins);
        double before = edges == 0 ? sorted[0] : out[edges - 1];

        if (edge > before) {
            out[edges++] = edge;
        }
    }
    return edges;
}

size_t
otc_edges_equal_width(double min, double max, size_t bins, double *out)
{
    size_t edges = 0;

    if (!(max > min) || bins < 2) {
        return 0;
    }

    double step = (max - min) / (double)bins;

    for (size_t k = 1; k < bins; k++) {
        double part = (double)k / (double)bins;
        double edge = isinf(step) ? min * (1 - part) + max * part : (double)k * step + min;
        double before = edges == 0 ? min : out[edges - 1];

        if (edge > before) {
            out[edges++] = edge;
        }
    }
    return edges;
}

size_t
otc_bin_of(const double *edges, size_t n_edges, double value)
{
    size_t low = 0, high = n_edges;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (edges[middle] <= value) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static uint64_t
sum_of(const uint64_t *counts, size_t bins)
{
    uint64_t total = 0;

    for (size_t i = 0; i < bins; i++) {
        total += counts[i];
    }
    return total;
}

static double
total_of(const uint64_t *counts, size_t bins)
{
    return (double)sum_of(counts, bins);
}

/* One side's shares under a rule for empty bins. */
struct shares {
    const uint64_t *counts;
    double total;
    size_t bins;
    enum otc_empty_bins rule;
    double value;
    double scale; /* of CLIP_RENORMALIZED: one over the sum of the clipped shares */
};

static double
share_of(const struct shares *side, size_t bin)
{
    double count = (double)side->counts[bin];
    double share = count / side->total;

    switch (side->rule) {
    case OTC_EMPTY_LAPLACE:
        return (count + side->value) / (side->total + side->value * (double)side->bins);
    case OTC_EMPTY_CLIP:
        return fmax(share, side->value);
    case OTC_EMPTY_CLIP_RENORMALIZED:
        return fmax(share, side->value) * side->scale;
    case OTC_EMPTY_EPSILON:
        return share + side->value;
    case OTC_EMPTY_FILL:
        return side->counts[bin] == 0 ? side->value : share;
    }
    return share;
}

static struct shares
shares_of(const uint64_t *counts, size_t bins, enum otc_empty_bins rule, double value)
{
    struct shares side = {counts, total_of(counts, bins), bins, rule, value, 1};

    if (rule == OTC_EMPTY_CLIP_RENORMALIZED) {
        double sum = 0;

        for (size_t i = 0; i < bins; i++) {
            sum += share_of(&side, i);
        }
        side.scale = 1 / sum;
    }
    return side;
}

double
otc_psi(const uint64_t *ref, const uint64_t *cur, size_t bins, enum otc_empty_bins rule, double value)
{
    struct shares p = shares_of(ref, bins, rule, value);
    struct shares q = shares_of(cur, bins, rule, value);
    double psi = 0;

    if (!(p.total > 0 && q.total > 0)) {
        return NAN;
    }
    for (size_t i = 0; i < bins; i++) {
        double a = share_of(&p, i), b = share_of(&q, i);

        if (a != b) {
            psi += (b - a) * log(b / a);
        }
    }
    return psi;
}

double
otc_psi_p_value(double psi, double n, double m, size_t bins)
{
    if (bins < 2 || !(n > 0) || !(m >= 5 * (double)bins)) {
        return NAN;
    }
    return otc_chi_squared_sf(psi / (1 / n + 1 / m), (double)(bins - 1));
}

double
otc_psi_excess(double psi, double n, double m, size_t bins)
{
    if (isnan(psi) || bins == 0 || !(n > 0 && m > 0)) {
        return NAN;
    }
    return fmax(0, psi - (double)(bins - 1) * (1 / n + 1 / m));
}

/* Both sides' shares sum to 1, so that the deviances p ln(p / m) + m - p sum to the same as p ln(p / m), of
 * which those of shares nearly alike cancel. */
double
otc_jensen_shannon(const uint64_t *ref, const uint64_t *cur, size_t bins, double base)
{
    uint64_t n = sum_of(ref, bins), m = sum_of(cur, bins);
    double divergence = 0;

    if (n == 0 || m == 0) {
        return NAN;
    }
    for (size_t i = 0; i < bins; i++) {
        double p = (double)ref[i] / (double)n, q = (double)cur[i] / (double)m, middle = (p + q) / 2;
        double off = otc_share_difference(ref[i], n, cur[i], m) / 2;

        divergence += otc_deviance(p, middle, off) + otc_deviance(q, middle, -off);
    }
    divergence /= 2;
    return sqrt(base > 0 ? divergence / log(base) : divergence);
}

double
otc_hellinger(const uint64_t *ref, const uint64_t *cur, size_t bins)
{
    double n = total_of(ref, bins), m = total_of(cur, bins), sum = 0;

    if (!(n > 0 && m > 0)) {
        return NAN;
    }
    for (size_t i = 0; i < bins; i++) {
        double difference = sqrt((double)ref[i] / n) - sqrt((double)cur[i] / m);

        sum += difference * difference;
    }
    return sqrt(sum / 2);
}

double
otc_bhattacharyya(const uint64_t *ref, const uint64_t *cur, size_t bins, double epsilon)
{
    double n = total_of(ref, bins), m = total_of(cur, bins), sum = 0;

    if (!(n > 0 && m > 0)) {
        return NAN;
    }
    for (size_t i = 0; i < bins; i++) {
        sum += sqrt(((double)ref[i] / n + epsilon) * ((double)cur[i] / m + epsilon));
    }
    return -log(sum);
}

/* What a rule adds to a bin's share so that the sum of the shares is no longer what the other side's is. */
static double
added_to(const struct shares *side, size_t bin)
{
    bool adds = side->rule == OTC_EMPTY_CLIP || side->rule == OTC_EMPTY_FILL;

    return adds ? share_of(side, bin) - (double)side->counts[bin] / side->total : 0;
}

double
otc_kullback_leibler(const uint64_t *ref, const uint64_t *cur, size_t bins, enum otc_empty_bins rule,
                     double value)
{
    struct shares p = shares_of(ref, bins, rule, value);
    struct shares q = shares_of(cur, bins, rule, value);
    double sum = 0;

    if (!(p.total > 0 && q.total > 0)) {
        return NAN;
    }
    for (size_t i = 0; i < bins; i++) {
        double a = share_of(&p, i), b = share_of(&q, i);

        sum += otc_deviance(a, b, a - b) + added_to(&p, i) - added_to(&q, i);
    }
    return sum;
}

double
otc_total_variation(const uint64_t *ref, const uint64_t *cur, size_t bins)
{
    double n = total_of(ref, bins), m = total_of(cur, bins), sum = 0;

    if (!(n > 0 && m > 0)) {
        return NAN;
    }
    for (size_t i = 0; i < bins; i++) {
        sum += fabs((double)ref[i] / n - (double)cur[i] / m);
    }
    return sum / 2;
}

double
otc_l_infinity(const uint64_t *ref, const uint64_t *cur, size_t bins)
{
    double n = total_of(ref, bins), m = total_of(cur, bins), most = 0;

    if (!(n > 0 && m > 0)) {
        return NAN;
    }
    for (size_t i = 0; i < bins; i++) {
        most = fmax(most, fabs((double)ref[i] / n - (double)cur[i] / m));
    }
    return most;
}
