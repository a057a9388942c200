// SPDX-License-Identifier: Apache-2.0
/* NannyML's univariate methods (nannyml.drift.univariate.methods). */
#include "common/analysis/compat_internal.h"
#include "common/stats/bins.h"
#include "common/stats/contingency.h"
#include "common/stats/histogram.h"
#include "common/stats/two_sample.h"

#include <math.h>
#include <stdlib.h>

/** From this many reference rows on KS and Wasserstein are estimated from this many equal bins. */
#define ESTIMATED_ROWS 10000
#define ESTIMATED_BINS 10000
/** The alert of distances before thresholds were learned from the reference's chunks. */
#define CONSTANT 0.1
#define CHI2_LEVEL 0.05

/** Doane's bins of the reference, and one more for what lies outside of them. */
static bool
doane_counts(const struct otc_compat_pair *pair, struct otc_compat_counts *out)
{
    double edges[OTC_COMPAT_BINS];
    size_t bins = otc_bins_doane(pair->ref, pair->n, OTC_COMPAT_BINS - 2);
    uint64_t counted;

    otc_histogram_edges(pair->ref[0], pair->ref[pair->n - 1], bins, edges);
    *out = (struct otc_compat_counts){.ref = calloc(2 * bins + 2, sizeof(uint64_t)), .k = bins + 1};
    if (!out->ref) {
        return false;
    }
    out->cur = out->ref + bins + 1;
    (void)otc_histogram_counts(pair->ref, pair->n, edges, bins + 1, out->ref);
    counted = otc_histogram_counts(pair->cur, pair->m, edges, bins + 1, out->cur);
    out->cur[bins] = pair->m - counted;
    return true;
}

/** The tails of the current side beyond the reference, as NannyML adds them up: each with the edge itself as
 * one more value, `+ 1` and all. */
struct tails {
    double below, above; /* areas */
    double share_below;
};

static struct tails
tails_of(const struct otc_compat_pair *pair)
{
    double first = pair->ref[0], last = pair->ref[pair->n - 1], m = (double)pair->m;
    struct tails out = {0, 0, 0};
    size_t below = 0, above = 0;

    while (below < pair->m && pair->cur[below] < first) {
        below++;
    }
    while (above < pair->m && pair->cur[pair->m - 1 - above] > last) {
        above++;
    }
    for (size_t i = 0; i < below; i++) {
        double next = i + 1 < below ? pair->cur[i + 1] : first;

        out.below += (double)(i + 1) / (double)(below + 1) * (next - pair->cur[i]);
    }
    for (size_t i = 0; i < above; i++) {
        const double *values = pair->cur + pair->m - above;
        double before = i > 0 ? values[i - 1] : last;

        out.above += (1 - (double)(i + 1) / (double)(above + 1)) * (values[i] - before);
    }
    if (below > 0) {
        out.share_below = (double)(below + 1) / m;
        out.below *= out.share_below;
    }
    out.above *= above > 0 ? (double)(above + 1) / m : 0;
    return out;
}

/** KS and Wasserstein of large references: CDFs at the edges of equal bins. */
static bool
estimate(const struct otc_compat_pair *pair, double *ks, double *wasserstein)
{
    double *edges = calloc(ESTIMATED_BINS + 1, sizeof(*edges));
    struct otc_compat_counts counts = {0};
    struct tails tails = tails_of(pair);
    double ref = 0, cur = 0, n = (double)pair->n, m = (double)pair->m, lower = 0, width;
    bool ok = edges != NULL;

    if (ok) {
        otc_histogram_edges(pair->ref[0], pair->ref[pair->n - 1], ESTIMATED_BINS, edges);
        ok = otc_compat_histogram(pair, edges, ESTIMATED_BINS + 1, &counts);
    }
    *ks = 0;
    *wasserstein = tails.below + tails.above;
    while (lower < m && pair->cur[(size_t)lower] < pair->ref[0]) {
        lower++;
    }
    width = ok ? edges[1] - edges[0] : 0;
    for (size_t i = 0; ok && i < counts.k; i++) {
        ref += (double)counts.ref[i];
        cur += (double)counts.cur[i];
        *ks = fmax(*ks, fabs(ref / n - (lower + cur) / m));
        *wasserstein += fabs(ref / n - (cur / m + tails.share_below)) * width;
    }
    otc_compat_counts_release(&counts);
    free(edges);
    return ok;
}

static void
add_distance(struct otc_compat_feature *out, const char *method, double value, double threshold)
{
    otc_compat_add(out, method, value, NAN, threshold)->drifted = value > threshold;
}

static void
add_binned(const struct otc_compat_counts *counts, struct otc_compat_feature *out)
{
    add_distance(out, "jensen_shannon", otc_jensen_shannon(counts->ref, counts->cur, counts->k, 2), CONSTANT);
    out->results[0].decides = true;
    add_distance(out, "hellinger", otc_hellinger(counts->ref, counts->cur, counts->k), CONSTANT);
}

static bool
numeric(const struct otc_compat_pair *pair, struct otc_compat_feature *out)
{
    struct otc_compat_counts counts;
    double ks = otc_samples_ks(pair->ref, pair->n, pair->cur, pair->m).d;
    double wasserstein = otc_samples_wasserstein(pair->ref, pair->n, pair->cur, pair->m);

    if (pair->n >= ESTIMATED_ROWS && !estimate(pair, &ks, &wasserstein)) {
        return false;
    }
    if (!doane_counts(pair, &counts)) {
        return false;
    }
    add_binned(&counts, out);
    otc_compat_counts_release(&counts);
    add_distance(out, "kolmogorov_smirnov", ks, NAN);
    add_distance(out, "wasserstein", wasserstein, NAN);
    return true;
}

bool
otc_compat_nannyml(const struct otc_compat_pair *pair, struct otc_compat_feature *out)
{
    struct otc_compat_counts counts;
    struct otc_chi_squared chi;

    if (pair->type == OTC_NUMERIC) {
        return numeric(pair, out);
    }
    if (!otc_compat_values(pair, &counts)) {
        return false;
    }
    add_binned(&counts, out);
    chi = otc_chi_squared_contingency(counts.ref, counts.cur, counts.k);
    otc_compat_add(out, "chi2", chi.statistic, chi.p_value, CHI2_LEVEL)->drifted = chi.p_value < CHI2_LEVEL;
    add_distance(out, "l_infinity", otc_l_infinity(counts.ref, counts.cur, counts.k), CONSTANT);
    otc_compat_counts_release(&counts);
    return true;
}
