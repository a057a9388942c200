// SPDX-License-Identifier: Apache-2.0
/* frouros' batch detectors, popmon's comparisons of histograms, scouter's PSI. */
#include "common/analysis/compat_internal.h"
#include "common/stats/bins.h"
#include "common/stats/contingency.h"
#include "common/stats/histogram.h"
#include "common/stats/location.h"
#include "common/stats/pvalue.h"
#include "common/stats/ranks.h"
#include "common/stats/two_sample.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

/* ---- frouros ------------------------------------------------------------------------------------------- */

/** PSI in `bins` equal parts of both sides' range; frouros gives empty bins the smallest normal number. */
static bool
frouros_psi(const struct otc_compat_pair *pair, size_t bins, const char *method,
            struct otc_compat_feature *out, struct otc_compat_counts *counts)
{
    double edges[OTC_COMPAT_BINS];

    otc_histogram_edges(otc_compat_min(pair), otc_compat_max(pair), bins, edges);
    if (!otc_compat_histogram(pair, edges, bins + 1, counts)) {
        return false;
    }
    otc_compat_add(out, method, otc_psi(counts->ref, counts->cur, bins, OTC_EMPTY_FILL, DBL_MIN), NAN, NAN);
    return true;
}

static void
frouros_tests(const struct otc_compat_pair *p, struct otc_compat_feature *out)
{
    struct otc_moments ref = otc_moments_of(p->ref, p->n, p->ref[0]),
                       cur = otc_moments_of(p->cur, p->m, p->ref[0]);
    struct otc_ks ks = otc_samples_ks(p->ref, p->n, p->cur, p->m);
    struct otc_mann_whitney ranks = otc_samples_mann_whitney(p->ref, p->n, p->cur, p->m);
    struct otc_anderson_darling anderson = otc_samples_anderson_darling(p->ref, p->n, p->cur, p->m);
    double t = otc_samples_cramer_von_mises(p->ref, p->n, p->cur, p->m);
    struct otc_shift shift;

    shift = otc_shift_of(&ref, &cur, false);
    otc_compat_add(out, "KSTest", ks.d, otc_ks_p_value(ks.d, p->n, p->m, OTC_KS_TWO_SIDED, OTC_KS_AUTO), NAN);
    otc_compat_add(out, "CVMTest", t, otc_cramer_von_mises_p_value(t, p->n, p->m, OTC_P_AUTO), NAN);
    otc_compat_add(out, "MannWhitneyUTest", ranks.u,
                   otc_mann_whitney_p_value(&ranks, OTC_TWO_SIDED, OTC_P_AUTO), NAN);
    otc_compat_add(out, "WelchTTest", shift.t, shift.p_value, NAN);
    otc_compat_add(out, "AndersonDarlingTest", anderson.statistic, anderson.p_value, NAN);
}

bool
otc_compat_frouros(const struct otc_compat_pair *pair, struct otc_compat_feature *out)
{
    struct otc_compat_counts counts = {0}, fine = {0};
    bool ok;

    if (pair->type == OTC_CATEGORICAL) {
        struct otc_chi_squared chi = otc_chi_squared_contingency(pair->ref_counts, pair->cur_counts, pair->k);

        otc_compat_add(out, "ChiSquareTest", chi.statistic, chi.p_value, NAN);
        return true;
    }
    ok = frouros_psi(pair, 10, "PSI", out, &counts) && frouros_psi(pair, 20, "PSI(num_bins=20)", out, &fine);
    if (ok) {
        otc_compat_add(out, "HellingerDistance", otc_hellinger(counts.ref, counts.cur, counts.k), NAN, NAN);
        otc_compat_add(out, "BhattacharyyaDistance",
                       otc_bhattacharyya(counts.ref, counts.cur, counts.k, DBL_EPSILON), NAN, NAN);
        otc_compat_add(out, "HINormalizedComplement", otc_total_variation(counts.ref, counts.cur, counts.k),
                       NAN, NAN);
        otc_compat_add(out, "EMD", otc_samples_wasserstein(pair->ref, pair->n, pair->cur, pair->m), NAN, NAN);
        otc_compat_add(out, "EnergyDistance", otc_samples_energy(pair->ref, pair->n, pair->cur, pair->m), NAN,
                       NAN);
        frouros_tests(pair, out);
    }
    otc_compat_counts_release(&counts);
    otc_compat_counts_release(&fine);
    return ok;
}

/* ---- popmon -------------------------------------------------------------------------------------------- */

/** A numeric feature's bins in popmon's reports: this many over most of the reference. */
#define POPMON_BINS 20
#define POPMON_EPSILON 1e-5
/** z from which a traffic light is red; yellow is 4. */
#define POPMON_RED 7
/** From here on popmon gives no p-value of KS. */
#define POPMON_KS_MAX 6.8116

/** histogrammar's automatic bins of the reference: 5 % to 95 % and a tenth more; of integers around them. */
static void
popmon_bins(const struct otc_compat_pair *pair, double *origin, double *width)
{
    double low = otc_quantile_linear(pair->ref, pair->n, 0.05),
           high = otc_quantile_linear(pair->ref, pair->n, 0.95);
    double range;

    if (pair->integers) {
        low = pair->ref[0];
        high = pair->ref[pair->n - 1];
        *width = fmax(nearbyint((high - low) / POPMON_BINS), 1);
        *origin = floor(low - 0.5) + 0.5;
        return;
    }
    if (low == high) {
        low = pair->ref[0];
        high = pair->ref[pair->n - 1];
    }
    range = high > low ? (high - low) / 0.9 : 1;
    *width = range / POPMON_BINS;
    *origin = low - range * 0.05;
}

/** The bin of a value, which never falls as values grow; never NaN, which is what a range longer than the
 * largest double, or shorter than the least, would make of it. */
static double
popmon_bin(double value, double origin, double width)
{
    double bin = floor((value - origin) / width);

    return isnan(bin) ? 0 : bin;
}

/** Counts of the bins that either side fills, in order. */
static bool
popmon_counts(const struct otc_compat_pair *pair, struct otc_compat_counts *out)
{
    double origin, width;
    size_t i = 0, j = 0, k = 0;

    if (pair->type == OTC_CATEGORICAL) {
        return otc_compat_values(pair, out);
    }
    popmon_bins(pair, &origin, &width);
    *out = (struct otc_compat_counts){.ref = calloc(2 * (pair->n + pair->m) + 1, sizeof(uint64_t))};
    if (!out->ref) {
        return false;
    }
    out->cur = out->ref + pair->n + pair->m;
    while (i < pair->n || j < pair->m) {
        double ref = i < pair->n ? popmon_bin(pair->ref[i], origin, width) : INFINITY;
        double cur = j < pair->m ? popmon_bin(pair->cur[j], origin, width) : INFINITY;
        double bin = fmin(ref, cur);

        for (; i < pair->n && popmon_bin(pair->ref[i], origin, width) == bin; i++) {
            out->ref[k]++;
        }
        for (; j < pair->m && popmon_bin(pair->cur[j], origin, width) == bin; j++) {
            out->cur[k]++;
        }
        k++;
    }
    out->k = k;
    return true;
}

/** popmon's PSI and Jensen-Shannon divergence, which it takes of entries, not of shares. */
static double
entries_psi(const struct otc_compat_counts *c)
{
    double sum = 0;

    for (size_t i = 0; i < c->k; i++) {
        double p = (double)c->ref[i] + POPMON_EPSILON, q = (double)c->cur[i] + POPMON_EPSILON;

        sum += (p - q) * log(p / q);
    }
    return sum;
}

static double
entries_divergence(const struct otc_compat_counts *c)
{
    double sum = 0;

    for (size_t i = 0; i < c->k; i++) {
        double p = (double)c->ref[i], q = (double)c->cur[i], middle = (p + q) / 2 + POPMON_EPSILON;

        p += POPMON_EPSILON;
        q += POPMON_EPSILON;
        sum += p * log(p / middle) + q * log(q / middle);
    }
    return sum / 2;
}

/** z with this upper tail, by bisection. */
static double
normal_isf(double p)
{
    double low = -40, high = 40;

    if (isnan(p) || p <= 0 || p >= 1) {
        return isnan(p) ? NAN : p <= 0 ? INFINITY : -INFINITY;
    }
    for (int i = 0; i < 200 && high - low > 1e-15 * fabs(high); i++) {
        double middle = (low + high) / 2;

        if (otc_normal_sf(middle) > p) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return (low + high) / 2;
}

/** A z-score has a traffic light of its own. */
static void
add_z(struct otc_compat_feature *out, const char *method, double p)
{
    double z = normal_isf(p);
    struct otc_compat_result *result = otc_compat_add(out, method, z, p, POPMON_RED);

    result->decides = true;
    result->drifted = fabs(z) > POPMON_RED && !(z < 0);
}

/** KS of binned values times the root of the sizes' harmonic mean, as ROOT's TH1::KolmogorovTest. */
static double
popmon_ks(const struct otc_compat_counts *c, double n, double m)
{
    double ref = 0, cur = 0, most = 0;

    for (size_t i = 0; i < c->k; i++) {
        ref += (double)c->ref[i];
        cur += (double)c->cur[i];
        most = fmax(most, fabs(ref / n - cur / m));
    }
    return most * sqrt(n * m / (n + m));
}

/** PSI's definition, of shares, in the bins that evidently makes of both sides. */
static bool
shares_psi(const struct otc_compat_pair *pair, double *out)
{
    struct otc_compat_counts counts = {0};
    double edges[OTC_COMPAT_BINS];
    size_t bins;

    if (pair->type == OTC_CATEGORICAL) {
        *out = otc_psi(pair->ref_counts, pair->cur_counts, pair->k, OTC_EMPTY_EPSILON, POPMON_EPSILON);
        return true;
    }
    bins = otc_bins_sturges(otc_compat_max(pair) - otc_compat_min(pair), pair->n + pair->m, pair->integers,
                            OTC_COMPAT_BINS - 1);
    otc_histogram_edges(otc_compat_min(pair), otc_compat_max(pair), bins, edges);
    if (!otc_compat_histogram(pair, edges, bins + 1, &counts)) {
        return false;
    }
    *out = otc_psi(counts.ref, counts.cur, counts.k, OTC_EMPTY_EPSILON, POPMON_EPSILON);
    otc_compat_counts_release(&counts);
    return true;
}

bool
otc_compat_popmon(const struct otc_compat_pair *pair, struct otc_compat_feature *out)
{
    struct otc_compat_counts counts = {0};
    struct otc_chi_squared chi;
    double psi, n = 0, m = 0, ks, p;

    if (!shares_psi(pair, &psi) || !popmon_counts(pair, &counts)) {
        return false;
    }
    for (size_t i = 0; i < counts.k; i++) {
        n += (double)counts.ref[i];
        m += (double)counts.cur[i];
    }
    chi = otc_chi_squared_uncorrected(counts.ref, counts.cur, counts.k);
    otc_compat_add(out, "psi(shares)", psi, NAN, NAN);
    otc_compat_add(out, "psi", entries_psi(&counts), NAN, NAN);
    otc_compat_add(out, "jsd", entries_divergence(&counts), NAN, NAN);
    otc_compat_add(out, "max_prob_diff", otc_l_infinity(counts.ref, counts.cur, counts.k), NAN, NAN);
    otc_compat_add(out, "chi2", chi.statistic, chi.p_value, NAN);
    add_z(out, "chi2_zscore", chi.p_value);
    if (pair->type == OTC_NUMERIC) {
        ks = popmon_ks(&counts, n, m);
        p = ks < POPMON_KS_MAX ? otc_kolmogorov_sf(ks) : NAN;
        otc_compat_add(out, "ks", ks, p, NAN);
        add_z(out, "ks_zscore", p);
    }
    otc_compat_counts_release(&counts);
    return true;
}

/* ---- scouter ------------------------------------------------------------------------------------------- */

#define SCOUTER_BINS 10
#define SCOUTER_EPSILON 1e-10
#define SCOUTER_LEVEL 0.05

/** The value that chi-squared exceeds with probability SCOUTER_LEVEL, by bisection. */
static double
critical_chi_squared(double dof)
{
    double low = 0, high = dof + 20 * sqrt(dof) + 20;

    for (int i = 0; i < 200 && high - low > 1e-15 * high; i++) {
        double middle = (low + high) / 2;

        if (otc_chi_squared_sf(middle, dof) > SCOUTER_LEVEL) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return (low + high) / 2;
}

static double
scouter_term(double ref_share, double cur_share)
{
    double p = ref_share + SCOUTER_EPSILON, q = cur_share + SCOUTER_EPSILON;

    return (p - q) * log(p / q);
}

/** How many values are at most `edge`. */
static size_t
at_most(const double *sorted, size_t n, double edge)
{
    size_t low = 0, high = n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (sorted[middle] <= edge) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/** Between deciles of the reference, (low, high], the ends open; its places in single precision, as
 * scouter's. */
static double
scouter_numeric(const struct otc_compat_pair *pair)
{
    size_t ref_below = 0, cur_below = 0;
    double psi = 0;

    for (int i = 1; i <= SCOUTER_BINS; i++) {
        size_t place = (size_t)floorf((float)i * ((float)pair->n - 1.0F) / 10.0F);
        double edge = i == SCOUTER_BINS ? INFINITY : pair->ref[place < pair->n ? place : pair->n - 1];
        size_t ref = at_most(pair->ref, pair->n, edge), cur = at_most(pair->cur, pair->m, edge);

        psi += scouter_term((double)(ref - ref_below) / (double)pair->n,
                            (double)(cur - cur_below) / (double)pair->m);
        ref_below = ref;
        cur_below = cur;
    }
    return psi;
}

bool
otc_compat_scouter(const struct otc_compat_pair *pair, struct otc_compat_feature *out)
{
    double n = 0, m = 0, psi = 0, threshold;
    size_t bins = 0;
    struct otc_compat_result *result;

    if (pair->type == OTC_NUMERIC) {
        bins = SCOUTER_BINS;
        m = (double)pair->m;
        /* scouter makes no profile of fewer than 10 values. */
        psi = pair->n < SCOUTER_BINS ? NAN : scouter_numeric(pair);
    }
    for (size_t i = 0; pair->type == OTC_CATEGORICAL && i < pair->k; i++) {
        n += (double)pair->ref_counts[i];
        m += (double)pair->cur_counts[i];
    }
    for (size_t i = 0; pair->type == OTC_CATEGORICAL && i < pair->k; i++) {
        if (pair->ref_counts[i] > 0) { /* new categories are in no bin */
            psi += scouter_term((double)pair->ref_counts[i] / n, (double)pair->cur_counts[i] / m);
            bins++;
        }
    }
    threshold = bins > 1 ? critical_chi_squared((double)(bins - 1)) / m : NAN;
    result = otc_compat_add(out, "psi", psi, NAN, threshold);
    result->decides = bins > 1;
    result->drifted = psi > threshold;
    return true;
}
