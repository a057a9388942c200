// SPDX-License-Identifier: Apache-2.0
/**
 * @file How records that follow each other resemble each other, learned from the panes of one window after
 * the other: the design effect phi, by which the variance of what a window's records say exceeds that of as
 * many independent ones.
 *
 * A window of P panes with m_p values of mean mid-rank u_p, variance s^2 of single mid-ranks (categories:
 * each of them an indicator, over its share; summed, over the number of categories less one) gives two ratios
 * that are 1 on average where values are independent:
 *
 *     between    = sum_p m_p (u_p - u)^2 / (P - 1) / s^2          (categories: Pearson's chi-squared of the
 * panes over its degrees of freedom, the first-order correction of Rao and Scott 1984) successive = sum_p m_p
 * m_{p+1} / (m_p + m_{p+1}) (u_p - u_{p+1})^2 / (P - 1) / s^2 (half the mean square of successive
 * differences, von Neumann 1941)
 *
 * If panes covary with their neighbours alone, g0 and g1 being variance and covariance of pane means over
 * s^2 / m, these are on average g0 - 2 g1 / P and g0 - g1, and P m times the variance of the window's mean
 * over s^2 is g0 + 2 (1 - 1/P) g1. Hence
 *
 *     neighbour = g1 = (between - successive) P / (P - 2),        phi = between + 2 neighbour
 *
 * without which panes shorter than what binds records (sessions) would tell too little. g1 is kept between 0
 * and between / 2, the most that a covariance of neighbours alone can be.
 *
 * One window has P - 1 degrees of freedom, 11 by default: phi of it is off by 40 %, and a test that divides
 * by it rejects far too often where it happens to be small. So both are averaged, by degrees of freedom, over
 * this window and up to 24 before it that do not overlap it. Each is centred in its own window, so that what
 * changes from window to window, drift above all, is not taken for dependence; a jump is in one window of
 * the 25. A window with more than 3 times the (lower) median counts as 3 times the median, so that an hour of
 * broken values does not make all of the next day insensitive. When `between` of the present window is over
 * twice what history says, records have begun to depend more, and it counts itself.
 *
 * `margin`: with nu degrees of freedom the estimate is phi chi-squared(nu) / nu, and the tail of the
 * Kolmogorov law, 2 exp(-2 x^2), averaged over that, is 2 (1 + 4 x^2 / nu)^(-nu / 2). phi is multiplied by
 * what makes them equal at p = 1e-4, a small p-value of a family: nu ((p / 2)^(-2 / nu) - 1) / (-2 ln(p /
 * 2)). That is 2.8 for one window, 1.25 for four, 1.04 for a day of hours. It is for whoever has no second
 * estimate: where the reference has blocks of time, the larger of both counts, and that was found to be
 * enough.
 *
 * Plain data; pure functions. docs/drift-simulations.md has what came of it.
 */
#ifndef OTC_ANALYSIS_DEPENDENCE_H
#define OTC_ANALYSIS_DEPENDENCE_H

#include "common/base/codec.h"

/** What the panes of one window tell. Zero-initialised: nothing. */
struct otc_pane_effect {
    double between, neighbour;
    double freedom; /* 0: fewer than 6 panes of 10 values, or all values are one */
};

/** Of mid-ranks, or of anything else: mean[p] of m[p] values in each pane, in order of time; `s2`: variance
 * of single values over the window. */
struct otc_pane_effect otc_pane_effect_of_means(const double *mean, const uint64_t *m, size_t panes,
                                                double s2);
/** Of categories: counts[p * k + c] of category c in pane p. Time and memory go with their number; nothing is
 * told when that memory is not to be had. */
struct otc_pane_effect otc_pane_effect_of_categories(const uint64_t *counts, size_t panes, size_t k);
/** Design effect of these panes alone: max(1, between). */
double otc_pane_effect_alone(const struct otc_pane_effect *window);

#define OTC_DEPENDENCE_WINDOWS 24

/** The last windows of a feature that do not overlap. Zero-initialised is empty. */
struct otc_dependence {
    struct otc_pane_effect windows[OTC_DEPENDENCE_WINDOWS]; /* a ring */
    uint32_t n, next;
    int64_t start_ns, end_ns; /* of the last one entered */
};

/** Enters the window [start_ns, end_ns), unless it tells nothing or overlaps the one entered last. */
void otc_dependence_add(struct otc_dependence *history, const struct otc_pane_effect *window,
                        int64_t start_ns, int64_t end_ns);
/**
 * Design effect, at least 1, of the present window [start_ns, end_ns), which may be the last one entered.
 * `margin`: nobody else knows anything of dependence. 1 where the window tells nothing (all of its values are
 * one, say) and history has fewer than three windows.
 */
double otc_dependence_effect(const struct otc_dependence *history, const struct otc_pane_effect *window,
                             int64_t start_ns, int64_t end_ns, bool margin);

void otc_dependence_save(const struct otc_dependence *history, struct otc_buf *out);
/** Fills an empty one. False: not what otc_dependence_save writes. */
OTC_CHECK bool otc_dependence_load(struct otc_dependence *history, struct otc_reader *in);

#endif
