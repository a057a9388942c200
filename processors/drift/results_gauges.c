// SPDX-License-Identifier: Apache-2.0
/* The gauges of a feature, one row each. A row's place is its number while the process runs and nowhere
 * else. */
#include "processors/drift/results.h"

#include <math.h>

/* A row whose value is a double of the feature's result. */
#define RESULT(member) .offset = offsetof(struct otc_feature_result, member)

static double
ks_error(const struct drift_feature *feature)
{
    return feature->result.ks_error > 0 ? feature->result.ks_error : NAN;
}

static double
design_effect(const struct drift_feature *feature)
{
    return feature->result.skipped == OTC_SKIP_NONE ? feature->result.design_effect : NAN;
}

static double
detected(const struct drift_feature *feature)
{
    return feature->ring.filled ? (double)feature->ring.detected : (double)NAN;
}

static double
window_observations(const struct drift_feature *feature)
{
    return (double)feature->window_observations;
}

const struct drift_gauge drift_gauges[] = {
    {OTC_GAUGE_METRIC("ml.drift.ks", "", "Kolmogorov-Smirnov distance between window and reference."),
     DRIFT_KS, DRIFT_OF_NUMERIC, RESULT(ks)},
    {OTC_GAUGE_METRIC("ml.drift.ks.error", "", "What the true distance may exceed ml.drift.ks by."), DRIFT_KS,
     0, .value = ks_error},
    {OTC_GAUGE_METRIC("ml.drift.psi", "", "Population stability index."), DRIFT_PSI, DRIFT_OF_ANY,
     RESULT(psi)},
    {OTC_GAUGE_METRIC("ml.drift.wasserstein", "", "Wasserstein-1 distance, in the feature's unit."),
     DRIFT_WASSERSTEIN, DRIFT_OF_NUMERIC, RESULT(wasserstein)},
    {OTC_GAUGE_METRIC("ml.drift.wasserstein.error", "", "Bound of the error of ml.drift.wasserstein."),
     DRIFT_WASSERSTEIN, DRIFT_OF_NUMERIC, RESULT(wasserstein_error)},
    {OTC_GAUGE_METRIC("ml.drift.wasserstein.normalized", "",
                      "Wasserstein-1 distance over the reference's standard deviation."),
     DRIFT_WASSERSTEIN, DRIFT_OF_NUMERIC, RESULT(wasserstein_normalized)},
    {OTC_GAUGE_METRIC("ml.drift.jensen_shannon", "", "Jensen-Shannon distance."), DRIFT_JENSEN_SHANNON,
     DRIFT_OF_ANY, RESULT(jensen_shannon)},
    {OTC_GAUGE_METRIC("ml.drift.hellinger", "", "Hellinger distance."), DRIFT_HELLINGER, DRIFT_OF_ANY,
     RESULT(hellinger)},
    {OTC_GAUGE_METRIC("ml.drift.chi_squared", "", "Chi-squared statistic of the counts."), DRIFT_CHI_SQUARED,
     DRIFT_OF_ANY, RESULT(chi_squared)},
    {OTC_GAUGE_METRIC("ml.drift.l_infinity", "", "Largest difference of a bin's share."), DRIFT_L_INFINITY,
     DRIFT_OF_ANY, RESULT(l_infinity)},
    {OTC_GAUGE_METRIC("ml.drift.total_variation", "", "Half the sum of the differences of the bins' shares."),
     DRIFT_TOTAL_VARIATION, DRIFT_OF_ANY, RESULT(total_variation)},
    {OTC_GAUGE_METRIC("ml.drift.cramer_von_mises", "", "Cramer-von-Mises' T."), DRIFT_CRAMER_VON_MISES,
     DRIFT_OF_NUMERIC, RESULT(cramer_von_mises)},
    {OTC_GAUGE_METRIC("ml.drift.mann_whitney", "", "Mann-Whitney's U of the reference."), DRIFT_MANN_WHITNEY,
     DRIFT_OF_NUMERIC, RESULT(mann_whitney)},
    {OTC_GAUGE_METRIC("ml.drift.auc", "",
                      "Chance that a value of the window exceeds one of the reference, ties half."),
     DRIFT_MANN_WHITNEY, DRIFT_OF_NUMERIC, RESULT(auc)},
    {OTC_GAUGE_METRIC("ml.drift.kullback_leibler", "", "Kullback-Leibler divergence from the reference."),
     DRIFT_KULLBACK_LEIBLER, DRIFT_OF_ANY, RESULT(kullback_leibler)},
    {OTC_GAUGE_METRIC("ml.drift.mean_shift", "", "Shift of the mean in the reference's standard deviations."),
     DRIFT_MEAN_SHIFT, DRIFT_OF_NUMERIC, RESULT(mean_shift)},
    {OTC_GAUGE_METRIC("ml.drift.spread_ratio", "", "Standard deviation over the reference's."),
     DRIFT_SPREAD_RATIO, DRIFT_OF_NUMERIC, RESULT(spread_ratio)},
    {OTC_GAUGE_METRIC("ml.drift.embedding.components_drifted", "1",
                      "Components of the vectors that moved by 0.1 standard deviations or more, over all."),
     DRIFT_N_STATISTICS, 0, RESULT(components_moved)},
    {OTC_GAUGE_METRIC("ml.feature.missing.share", "1",
                      "Missing and invalid records of the window, over all."),
     DRIFT_N_STATISTICS, DRIFT_OF_ANY, RESULT(missing_share)},
    {OTC_GAUGE_METRIC("ml.feature.invalid.share", "1", "Invalid records of the window, over all."),
     DRIFT_N_STATISTICS, DRIFT_OF_ANY, RESULT(invalid_share)},
    {OTC_GAUGE_METRIC("ml.feature.out_of_range.share", "1",
                      "Numbers of the window beyond the reference's range."),
     DRIFT_N_STATISTICS, DRIFT_OF_NUMERIC, RESULT(out_of_range_share)},
    {OTC_GAUGE_METRIC("ml.feature.unseen.share", "1",
                      "Values of the window that the reference does not have."),
     DRIFT_N_STATISTICS, DRIFT_OF_CATEGORICAL, RESULT(unseen_share)},
    {OTC_GAUGE_METRIC("ml.drift.design_effect", "",
                      "How many times dependence inflates the variance; divides the sample sizes."),
     DRIFT_N_STATISTICS, DRIFT_OF_ANY, .value = design_effect},
    {OTC_GAUGE_METRIC("ml.drift.detected", "", "1 while the feature counts as drifted."), DRIFT_N_STATISTICS,
     DRIFT_OF_ANY, .value = detected},
    {OTC_GAUGE_METRIC("ml.drift.window.observations", "{observation}", "Values in the window."),
     DRIFT_N_STATISTICS, DRIFT_OF_ANY, .value = window_observations},
};
const size_t drift_n_gauges = sizeof(drift_gauges) / sizeof(drift_gauges[0]);

bool
drift_gauge_asked(const struct drift_gauge *gauge, unsigned statistics)
{
    return gauge->statistic == DRIFT_N_STATISTICS || (statistics >> gauge->statistic) & 1;
}

/* ---- Decision tests ------------------------------------------------------------------------------- */

static bool
wants_p_value(const struct drift_config *config)
{
    return config->emit.p_value;
}

static double
p_value(const struct otc_test_result *test)
{
    return test->p_value;
}

static double
adjusted_p(const struct otc_test_result *test)
{
    return isnan(test->decision_p) ? NAN : test->adjusted_p;
}

static double
rejected(const struct otc_test_result *test)
{
    return isnan(test->decision_p) ? (double)NAN : (double)test->rejected;
}

const struct drift_test_gauge drift_test_gauges[] = {
    {OTC_GAUGE_METRIC("ml.drift.p_value", "", "p-value as the plain library gives it."), wants_p_value,
     p_value},
    {OTC_GAUGE_METRIC("ml.drift.p_value.adjusted", "",
                      "p-value after allowing for dependence and for the number of tests: what decides."),
     NULL, adjusted_p},
    {OTC_GAUGE_METRIC("ml.drift.rejected", "", "1 when the test rejects in the last window."), NULL,
     rejected},
};
const size_t drift_n_test_gauges = sizeof(drift_test_gauges) / sizeof(drift_test_gauges[0]);

_Static_assert(sizeof(drift_gauges) / sizeof(drift_gauges[0]) +
                       OTC_N_TESTS * sizeof(drift_test_gauges) / sizeof(drift_test_gauges[0]) <=
                   DRIFT_SHOWN_MAX,
               "raise DRIFT_SHOWN_MAX");
