// SPDX-License-Identifier: Apache-2.0
#include "common/analysis/statistics.h"

#define AT(member) offsetof(struct otc_feature_result, member)
#define P_VALUE(test)                                                                                        \
    {                                                                                                        \
        .key = "p_value", .at = AT(tests[test].p_value)                                                      \
    }

const struct otc_statistic otc_statistics[] = {
    {.name = "ks",
     .heading = "KS D",
     .format = "%.4g",
     .column = AT(ks),
     .value = AT(ks),
     .details = {P_VALUE(OTC_TEST_KS), {.key = "error", .at = AT(ks_error)}},
     .numeric = true,
     .in_tables = true,
     .in_windows = true},
    {.name = "psi",
     .heading = "PSI",
     .format = "%.4g",
     .column = AT(psi),
     .value = AT(psi),
     .details = {P_VALUE(OTC_TEST_PSI), {.key = "bins", .at = AT(bins), .whole = true}},
     .in_tables = true,
     .in_windows = true},
    {.name = "wasserstein",
     .heading = "W1/SD",
     .format = "%.4g",
     .column = AT(wasserstein_normalized),
     .value = AT(wasserstein),
     .details = {{.key = "normalized", .at = AT(wasserstein_normalized)},
                 {.key = "error", .at = AT(wasserstein_error)}},
     .numeric = true,
     .in_tables = true},
    {.name = "total_variation",
     .heading = "TV",
     .format = "%.4g",
     .column = AT(total_variation),
     .value = AT(total_variation),
     .in_tables = true,
     .in_windows = true},
    {.name = "jensen_shannon",
     .heading = "JS",
     .format = "%.4g",
     .column = AT(jensen_shannon),
     .value = AT(jensen_shannon)},
    {.name = "hellinger",
     .heading = "HELLINGER",
     .format = "%.4g",
     .column = AT(hellinger),
     .value = AT(hellinger)},
    {.name = "chi_squared",
     .heading = "CHI2",
     .format = "%.4g",
     .column = AT(chi_squared),
     .value = AT(chi_squared),
     .details = {P_VALUE(OTC_TEST_CHI_SQUARED)}},
    {.name = "l_infinity",
     .heading = "LINF",
     .format = "%.4g",
     .column = AT(l_infinity),
     .value = AT(l_infinity)},
    {.name = "cramer_von_mises",
     .heading = "CVM",
     .format = "%.4g",
     .column = AT(cramer_von_mises),
     .value = AT(cramer_von_mises),
     .details = {{.key = "p_value", .at = AT(cramer_von_mises_p)}},
     .numeric = true},
    {.name = "mann_whitney",
     .heading = "AUC",
     .format = "%.4g",
     .column = AT(auc),
     .value = AT(mann_whitney),
     .details = {{.key = "p_value", .at = AT(mann_whitney_p)}, {.key = "auc", .at = AT(auc)}},
     .numeric = true},
    {.name = "kullback_leibler",
     .heading = "KL",
     .format = "%.4g",
     .column = AT(kullback_leibler),
     .value = AT(kullback_leibler)},
    {.name = "mean_shift",
     .heading = "SHIFT",
     .format = "%.4g",
     .column = AT(mean_shift),
     .value = AT(mean_shift),
     .numeric = true},
    {.name = "spread_ratio",
     .heading = "SPREAD",
     .format = "%.4g",
     .column = AT(spread_ratio),
     .value = AT(spread_ratio),
     .numeric = true},
    {.name = "components_drifted",
     .heading = "COMPONENTS",
     .format = "%.3g",
     .column = AT(components_moved),
     .value = AT(components_moved),
     .numeric = true},
    {.name = "missing",
     .value = AT(tests[OTC_TEST_MISSING].effect),
     .details = {P_VALUE(OTC_TEST_MISSING)},
     .not_selected = true},
    {.name = "out_of_range",
     .value = AT(out_of_range_share),
     .details = {P_VALUE(OTC_TEST_OUT_OF_RANGE)},
     .numeric = true,
     .not_selected = true},
    {.name = "unseen",
     .value = AT(unseen_share),
     .details = {P_VALUE(OTC_TEST_UNSEEN)},
     .not_selected = true},
    {.name = "invalid",
     .value = AT(invalid_share),
     .details = {P_VALUE(OTC_TEST_INVALID)},
     .not_selected = true},
    {.name = "constant",
     .value = AT(tests[OTC_TEST_CONSTANT].effect),
     .details = {P_VALUE(OTC_TEST_CONSTANT)},
     .not_selected = true},
};
const size_t otc_n_statistics = sizeof(otc_statistics) / sizeof(otc_statistics[0]);

bool
otc_statistic_set_add(otc_statistic_set *set, struct otc_slice name)
{
    for (size_t i = 0; i < otc_n_statistics; i++) {
        if (!otc_statistics[i].not_selected && otc_slice_equal_str(name, otc_statistics[i].name)) {
            *set |= UINT64_C(1) << i;
            return true;
        }
    }
    return false;
}

void
otc_statistic_names(char *out, size_t size)
{
    size_t at = 0;

    out[0] = 0;
    for (size_t i = 0; i < otc_n_statistics && at < size; i++) {
        if (!otc_statistics[i].not_selected) {
            at += (size_t)snprintf(out + at, size - at, "%s%s", at ? ", " : "", otc_statistics[i].name);
        }
    }
}

bool
otc_statistic_is_in(otc_statistic_set set, size_t i)
{
    return set == 0 || otc_statistics[i].not_selected || (set >> i & 1) != 0;
}

double
otc_statistic_number(const struct otc_feature_result *result, size_t at)
{
    return *(const double *)((const char *)result + at);
}
