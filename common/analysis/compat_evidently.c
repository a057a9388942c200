// SPDX-License-Identifier: Apache-2.0
/* evidently's stat tests (evidently.legacy.calculations.stattests), its default choice and thresholds. */
#include "common/analysis/compat_internal.h"
#include "common/stats/bins.h"
#include "common/stats/contingency.h"
#include "common/stats/histogram.h"
#include "common/stats/location.h"
#include "common/stats/pvalue.h"
#include "common/stats/ranks.h"
#include "common/stats/two_sample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/** Reference rows up to which tests are chosen, above which distances. */
#define SMALL_ROWS 1000
/** Distinct values (of both sides) up to which a numeric column is tested as categories. */
#define FEW_VALUES 5
/** Distinct values of the reference above which it is binned. */
#define BINNED_VALUES 20
/** The least deviation that Wasserstein's distance is divided by. */
#define LEAST_DEVIATION 0.001

/** A feature as the methods look at it. */
struct view {
    const struct otc_compat_pair *pair;
    struct otc_compat_counts values; /* each distinct value */
    struct otc_compat_counts binned; /* get_binned_data() */
    double n, m;
    size_t distinct; /* of both sides */
};

static bool
make_bins(struct view *view)
{
    const struct otc_compat_pair *pair = view->pair;
    double edges[OTC_COMPAT_BINS];
    double min, max;
    size_t bins;

    if (pair->type == OTC_CATEGORICAL || otc_compat_distinct(pair->ref, pair->n) <= BINNED_VALUES) {
        return otc_compat_values(pair, &view->binned);
    }
    min = otc_compat_min(pair);
    max = otc_compat_max(pair);
    bins = otc_bins_sturges(max - min, pair->n + pair->m, pair->integers, OTC_COMPAT_BINS - 1);
    otc_histogram_edges(min, max, bins, edges);
    return otc_compat_histogram(pair, edges, bins + 1, &view->binned);
}

static double
sum_of(const uint64_t *counts, size_t k)
{
    double sum = 0;

    for (size_t i = 0; i < k; i++) {
        sum += (double)counts[i];
    }
    return sum;
}

static size_t
occurring(const struct otc_compat_counts *counts)
{
    size_t n = 0;

    for (size_t i = 0; i < counts->k; i++) {
        n += counts->ref[i] + counts->cur[i] > 0;
    }
    return n;
}

/** What a side's empty bins get: 1e-4, or a millionth of its smallest share where that is no larger. */
static double
filling(const uint64_t *counts, size_t k, double total)
{
    double least = INFINITY;

    for (size_t i = 0; i < k; i++) {
        if (counts[i] > 0) {
            least = fmin(least, (double)counts[i] / total);
        }
    }
    return least <= 0.0001 ? least / 1e6 : 0.0001;
}

static double
filled(uint64_t count, double total, double fill)
{
    return count == 0 ? fill : (double)count / total;
}

/** PSI, and Kullback-Leibler as scipy.stats.entropy, which makes the filled shares sum to 1 again. */
static void
filled_distances(const struct view *view, double *psi, double *kl)
{
    const struct otc_compat_counts *b = &view->binned;
    double ref_fill = filling(b->ref, b->k, view->n), cur_fill = filling(b->cur, b->k, view->m);
    double ref_sum = 0, cur_sum = 0;

    *psi = 0;
    *kl = 0;
    for (size_t i = 0; i < b->k; i++) {
        if (b->ref[i] + b->cur[i] > 0 || view->pair->type == OTC_NUMERIC) {
            ref_sum += filled(b->ref[i], view->n, ref_fill);
            cur_sum += filled(b->cur[i], view->m, cur_fill);
        }
    }
    for (size_t i = 0; i < b->k; i++) {
        double p = filled(b->ref[i], view->n, ref_fill), q = filled(b->cur[i], view->m, cur_fill);

        if (b->ref[i] + b->cur[i] > 0 || view->pair->type == OTC_NUMERIC) {
            *psi += (p - q) * log(p / q);
            *kl += p / ref_sum * log(p / ref_sum / (q / cur_sum));
        }
    }
}

/** sqrt(1 - sum sqrt(p q)): numbers in Sturges' bins of the distinct values, categories as they are. */
static bool
hellinger(const struct view *view, double *out)
{
    const struct otc_compat_pair *pair = view->pair;
    struct otc_compat_counts counts = {0};
    double overlap = 0;

    if (pair->type == OTC_CATEGORICAL) {
        if (!otc_compat_values(pair, &counts)) {
            return false;
        }
    } else {
        double edges[OTC_COMPAT_BINS], min = otc_compat_min(pair), max = otc_compat_max(pair);
        size_t bins = otc_bins_sturges(max - min, view->distinct, pair->integers, OTC_COMPAT_BINS - 1);

        otc_histogram_edges(min, max, bins, edges);
        if (!otc_compat_histogram(pair, edges, bins + 1, &counts)) {
            return false;
        }
    }
    for (size_t i = 0; i < counts.k; i++) {
        overlap += sqrt((double)counts.ref[i] / view->n * ((double)counts.cur[i] / view->m));
    }
    otc_compat_counts_release(&counts);
    *out = sqrt(1 - fmin(1, overlap));
    return true;
}

static void
add_distance(struct otc_compat_feature *out, const char *method, double value)
{
    otc_compat_add(out, method, value, NAN, 0.1)->drifted = value >= 0.1;
}

/** A test: evidently gives its p-value as the score. `or_equal`: drift at the threshold too. */
static void
add_test(struct otc_compat_feature *out, const char *method, double p, double threshold, bool or_equal)
{
    otc_compat_add(out, method, p, p, threshold)->drifted = or_equal ? p <= threshold : p < threshold;
}

static bool
add_binned(const struct view *view, struct otc_compat_feature *out)
{
    double psi, kl, distance;

    filled_distances(view, &psi, &kl);
    if (!hellinger(view, &distance)) {
        return false;
    }
    add_distance(out, "psi", psi);
    add_distance(out, "jensenshannon",
                 otc_jensen_shannon(view->binned.ref, view->binned.cur, view->binned.k, 0));
    add_distance(out, "kl_div", kl);
    add_distance(out, "hellinger", distance);
    return true;
}

/** The z-test of the smallest value against the rest: of categories the first in the pair's order. */
static double
z_p_value(const struct view *view)
{
    size_t first = 0;

    if (view->distinct == 1) {
        return 1;
    }
    while (view->values.ref[first] + view->values.cur[first] == 0) {
        first++;
    }
    return otc_proportions_z(view->n - (double)view->values.ref[first], view->n,
                             view->m - (double)view->values.cur[first], view->m)
        .p_value;
}

/** Tests of values as categories. */
static void
add_categorical(const struct view *view, struct otc_compat_feature *out)
{
    const struct otc_compat_counts *v = &view->values;

    add_test(out, "chisquare", otc_chi_squared_goodness(v->ref, v->cur, v->k).p_value, 0.05, false);
    if (view->distinct <= 2) {
        add_test(out, "z", z_p_value(view), 0.05, false);
    }
    /* scipy refuses these tests for rows of other sums, so that evidently does. */
    if (view->n == view->m) {
        add_test(out, "g_test", otc_g_goodness(v->ref, v->cur, v->k).p_value, 0.1, false);
        if (view->distinct <= 2) {
            uint64_t ref[2] = {0, 0}, cur[2] = {0, 0};

            for (size_t i = 0, at = 0; i < v->k; i++) {
                if (v->ref[i] + v->cur[i] > 0) {
                    ref[at] = v->ref[i];
                    cur[at++] = v->cur[i];
                }
            }
            add_test(out, "fisher_exact", otc_fisher_exact_p_value(cur, ref), 0.1, false);
        }
    }
}

static void
add_numeric(const struct view *view, struct otc_compat_feature *out)
{
    const struct otc_compat_pair *p = view->pair;
    struct otc_moments ref = otc_moments_of(p->ref, p->n, p->ref[0]),
                       cur = otc_moments_of(p->cur, p->m, p->ref[0]);
    struct otc_mann_whitney ranks = otc_samples_mann_whitney(p->ref, p->n, p->cur, p->m);
    double energy = otc_samples_energy(p->ref, p->n, p->cur, p->m);
    double deviation = fmax(otc_compat_deviation(p->ref, p->n), LEAST_DEVIATION);

    add_test(out, "ks",
             otc_ks_p_value(otc_samples_ks(p->ref, p->n, p->cur, p->m).d, p->n, p->m, OTC_KS_TWO_SIDED,
                            OTC_KS_AUTO),
             0.05, true);
    add_distance(out, "wasserstein", otc_samples_wasserstein(p->ref, p->n, p->cur, p->m) / deviation);
    add_test(out, "anderson", otc_samples_anderson_darling(p->ref, p->n, p->cur, p->m).p_value, 0.1, false);
    add_test(out, "cramer_von_mises",
             otc_cramer_von_mises_p_value(otc_samples_cramer_von_mises(p->ref, p->n, p->cur, p->m), p->n,
                                          p->m, OTC_P_AUTO),
             0.1, true);
    add_test(out, "mannw", otc_mann_whitney_p_value(&ranks, OTC_LESS, OTC_P_AUTO), 0.05, false);
    add_test(out, "t_test", otc_shift_of(&ref, &cur, true).p_value, 0.05, false);
    otc_compat_add(out, "ed", energy, NAN, 0.1)->drifted = energy > 0.1;
}

/** _get_default_stattest(): by the reference's rows and the values of both sides, never by the window's size.
 */
static const char *
default_method(const struct view *view)
{
    bool numeric = view->pair->type == OTC_NUMERIC && view->distinct > FEW_VALUES;

    if (view->n > SMALL_ROWS) {
        return numeric ? "wasserstein" : "jensenshannon";
    }
    return numeric ? "ks" : view->distinct > 2 ? "chisquare" : "z";
}

static bool
add_methods(struct view *view, struct otc_compat_feature *out)
{
    const char *method;

    view->n = sum_of(view->values.ref, view->values.k);
    view->m = sum_of(view->values.cur, view->values.k);
    view->distinct = occurring(&view->values);
    if (!make_bins(view)) {
        return false;
    }
    if (view->pair->type == OTC_NUMERIC) {
        add_numeric(view, out);
    }
    if (view->pair->type == OTC_CATEGORICAL || view->distinct <= FEW_VALUES) {
        add_categorical(view, out);
    }
    method = default_method(view);
    if (!add_binned(view, out)) {
        return false;
    }
    for (size_t i = 0; i < out->n; i++) {
        out->results[i].decides = strcmp(out->results[i].method, method) == 0;
    }
    return true;
}

bool
otc_compat_evidently(const struct otc_compat_pair *pair, struct otc_compat_feature *out)
{
    struct view view = {.pair = pair};
    bool ok = otc_compat_values(pair, &view.values) && add_methods(&view, out);

    otc_compat_counts_release(&view.binned);
    otc_compat_counts_release(&view.values);
    return ok;
}
