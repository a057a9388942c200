// SPDX-License-Identifier: Apache-2.0
/**
 * @file Gamma and binomial densities without cancellation: Stirling's error and the deviance (C. Loader,
 * "Fast and Accurate Computation of Binomial Probabilities", 2000). Of use inside common/stats alone.
 */
#ifndef OTC_STATS_SADDLE_H
#define OTC_STATS_SADDLE_H

/** ln Gamma(n + 1) - ((n + 1/2) ln n - n + ln(2 pi) / 2), n > 0: the error of Stirling's formula. */
double otc_stirling_error(double n);
/** The deviance x ln(x / mean) + mean - x, given also x - mean, which the caller knows better; x, mean >= 0.
 * Of mean 0 it is 0 for x = 0, else infinite. */
double otc_deviance(double x, double mean, double difference);

#endif
