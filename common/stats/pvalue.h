// SPDX-License-Identifier: Apache-2.0
/**
 * @file Tail probabilities. Pure functions, any thread, no allocation unless said. NaN in, NaN out.
 *
 * Kolmogorov-Smirnov values agree with scipy.stats (ks_2samp, kstwo, ksone, kstwobign) to 1e-9 relative.
 */
#ifndef OTC_STATS_PVALUE_H
#define OTC_STATS_PVALUE_H

#include <stdint.h>

/** Upper tail of the standard normal distribution. */
double otc_normal_sf(double z);
/** Regularised upper incomplete gamma function Q(a, x), a > 0, x >= 0; tails down to 1e-300 keep 1e-10
 * relative. */
double otc_gamma_q(double a, double x);
/** Upper tail of chi-squared; dof > 0, need not be integral. 1 for x <= 0. */
double otc_chi_squared_sf(double x, double dof);
/**
 * Regularised incomplete beta function I_x(a, b), a and b > 0, given both x and y = 1 - x, the smaller of
 * which must be accurate. Tails down to 1e-300 keep 1e-10 relative.
 */
double otc_beta_i(double a, double b, double x, double y);
/** Upper tail of Student's t; dof > 0, need not be integral: scipy.stats.t.sf. */
double otc_student_t_sf(double t, double dof);

/** Upper tail of the limiting distribution of sqrt(n) * D: scipy.stats.kstwobign.sf. */
double otc_kolmogorov_sf(double z);
/** One-sided D+ of one sample of n: scipy.stats.ksone.sf. */
double otc_smirnov_sf(uint64_t n, double x);
/** Two-sided D of one sample of n: scipy.stats.kstwo.cdf and .sf (Simard and L'Ecuyer 2011). NaN for n == 0.
 */
double otc_kstwo_cdf(uint64_t n, double x);
double otc_kstwo_sf(uint64_t n, double x);

/** How ks_2samp computes its p-value; AUTO is exact up to max(n, m) = 10000. */
enum otc_ks_method { OTC_KS_AUTO, OTC_KS_EXACT, OTC_KS_ASYMPTOTIC };
/** GREATER: sup(F1 - F2); LESS: sup(F2 - F1). */
enum otc_ks_alternative { OTC_KS_TWO_SIDED, OTC_KS_GREATER, OTC_KS_LESS };

/**
 * scipy.stats.ks_2samp's p-value of distance d between samples of n and m: exact (Hodges' recursion) or kstwo
 * with round(n m / (n + m)), half to even. Exact falls back to asymptotic where scipy does: lcm(n, m) above
 * INT32_MAX. Exact also falls back out of memory. NaN when a side is empty. Exact costs O(n d m) in the worst
 * case (50 ms at 10000 by 9999): once a window, not once a value.
 */
double otc_ks_p_value(double d, uint64_t n, uint64_t m, enum otc_ks_alternative alternative,
                      enum otc_ks_method method);

/**
 * The two-sided p-value with effective sample sizes n / design_effect and m / design_effect: otc_ks_p_value
 * AUTO when design_effect <= 1. With more than 50 effective values on the smaller side it is asymptotic, with
 * the effective sizes' round(n m / (n + m)). Below, where that law is far too small in its tail (0 for one
 * value outside of the other sample), it is exact, with the effective sizes rounded, at least 1 and at most
 * 10000, and d rounded down to what such samples can have.
 */
double otc_ks_p_value_effective(double d, uint64_t n, uint64_t m, double design_effect);

#endif
