// SPDX-License-Identifier: Apache-2.0
#include "common/analysis/dependence.h"

#include <math.h>
#include <stdlib.h>

/** Fewer panes, or fewer observations in them, say nothing about dependence. */
#define MIN_PANES 6
#define MIN_PANE_OBSERVATIONS 10
/** A window counts as this many times the median at most. */
#define OUTLIER 3
/** From this many times what history says on the present window counts itself. */
#define MORE_THAN_BEFORE 2
/** So many windows outvote one that is broken; fewer say nothing of a window that says nothing itself. */
#define TRUSTED 3
/** Where the margin makes the tails equal. */
#define MARGIN_P 1e-4

/* ---- One window ----------------------------------------------------------------------------------- */

/** Panes with values, and whether they are enough. */
struct present {
    size_t panes, full;
    double total;
};

static void
count_pane(struct present *present, uint64_t m)
{
    present->panes += m > 0;
    present->full += m >= MIN_PANE_OBSERVATIONS;
    present->total += (double)m;
}

/* Both ratios, from sums over panes and over pairs of them. */
static struct otc_pane_effect
ratios(const struct present *present, double between, double successive, double columns)
{
    double panes = (double)present->panes, freedom = (panes - 1) * columns;
    struct otc_pane_effect effect = {.between = between / freedom, .freedom = freedom};

    effect.neighbour = (effect.between - successive / freedom) * panes / (panes - 2);
    return effect;
}

struct otc_pane_effect
otc_pane_effect_of_means(const double *mean, const uint64_t *m, size_t panes, double s2)
{
    struct present present = {0};
    double grand = 0, between = 0, successive = 0;
    size_t before = panes;

    for (size_t p = 0; p < panes; p++) {
        count_pane(&present, m[p]);
        grand += m[p] > 0 ? (double)m[p] * mean[p] : 0;
    }
    if (present.full < MIN_PANES || !(s2 > 0)) {
        return (struct otc_pane_effect){0};
    }
    grand /= present.total;
    for (size_t p = 0; p < panes; p++) {
        double here = (double)m[p], there;

        if (m[p] == 0) {
            continue;
        }
        between += here * (mean[p] - grand) * (mean[p] - grand);
        if (before < panes) {
            there = (double)m[before];
            successive += here * there / (here + there) * (mean[p] - mean[before]) * (mean[p] - mean[before]);
        }
        before = p;
    }
    return ratios(&present, between / s2, successive / s2, 1);
}

static uint64_t
row_sum(const uint64_t *row, size_t k)
{
    uint64_t sum = 0;

    for (size_t c = 0; c < k; c++) {
        sum += row[c];
    }
    return sum;
}

/* Adds what a pane contributes; `before`: the last one that has values, or NULL. */
static void
add_pane(const uint64_t *row, const uint64_t *before, const double *shares, size_t k, double *between,
         double *successive)
{
    double here = (double)row_sum(row, k), there = before ? (double)row_sum(before, k) : 0;
    double both = before ? here * there / (here + there) : 0;

    for (size_t c = 0; c < k; c++) {
        double share = (double)row[c] / here;
        double off = share - shares[c], moved = before ? share - (double)before[c] / there : 0;

        if (shares[c] > 0) {
            *between += here * off * off / shares[c];
            *successive += both * moved * moved / shares[c];
        }
    }
}

/* Each category's share of all observations, and how many have one; NULL out of memory. */
static double *
shares_of(const uint64_t *counts, size_t panes, size_t k, double total, size_t *categories)
{
    double *shares = calloc(k + 1, sizeof(*shares));

    *categories = 0;
    for (size_t p = 0; shares && p < panes; p++) {
        for (size_t c = 0; c < k; c++) {
            shares[c] += (double)counts[p * k + c];
        }
    }
    for (size_t c = 0; shares && c < k; c++) {
        *categories += shares[c] > 0;
        shares[c] /= total;
    }
    return shares;
}

struct otc_pane_effect
otc_pane_effect_of_categories(const uint64_t *counts, size_t panes, size_t k)
{
    struct present present = {0};
    const uint64_t *before = NULL;
    double between = 0, successive = 0, *shares;
    size_t categories;

    for (size_t p = 0; p < panes; p++) {
        count_pane(&present, row_sum(counts + p * k, k));
    }
    if (present.full < MIN_PANES) {
        return (struct otc_pane_effect){0};
    }
    shares = shares_of(counts, panes, k, present.total, &categories);
    for (size_t p = 0; categories > 1 && p < panes; p++) {
        const uint64_t *row = counts + p * k;

        if (row_sum(row, k) > 0) {
            add_pane(row, before, shares, k, &between, &successive);
            before = row;
        }
    }
    free(shares);
    return categories > 1 ? ratios(&present, between, successive, (double)(categories - 1))
                          : (struct otc_pane_effect){0};
}

double
otc_pane_effect_alone(const struct otc_pane_effect *window)
{
    return window->freedom > 0 && window->between > 1 ? window->between : 1;
}

/* ---- History -------------------------------------------------------------------------------------- */

/* Whether a window has no part in the one entered last. A clock that was set back makes one that lies before
 * it. */
static bool
apart(const struct otc_dependence *history, int64_t start_ns, int64_t end_ns)
{
    return history->n == 0 || start_ns >= history->end_ns || end_ns <= history->start_ns;
}

void
otc_dependence_add(struct otc_dependence *history, const struct otc_pane_effect *window, int64_t start_ns,
                   int64_t end_ns)
{
    if (!(window->freedom > 0) || !apart(history, start_ns, end_ns)) {
        return;
    }
    history->windows[history->next] = *window;
    history->next = (history->next + 1) % OTC_DEPENDENCE_WINDOWS;
    history->n += history->n < OTC_DEPENDENCE_WINDOWS;
    history->start_ns = start_ns;
    history->end_ns = end_ns;
}

static int
by_value(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;

    return (a > b) - (a < b);
}

/* The most that `between` of one window counts. */
static double
ceiling(const struct otc_pane_effect *windows, size_t n)
{
    double sorted[OTC_DEPENDENCE_WINDOWS + 1];

    for (size_t i = 0; i < n; i++) {
        sorted[i] = windows[i].between;
    }
    qsort(sorted, n, sizeof(*sorted), by_value);
    return OUTLIER * sorted[(n - 1) / 2];
}

/* All windows as one. */
static struct otc_pane_effect
pool(const struct otc_pane_effect *windows, size_t n)
{
    double most = ceiling(windows, n);
    struct otc_pane_effect sum = {0};

    for (size_t i = 0; i < n; i++) {
        double part = windows[i].between > most ? most / windows[i].between : 1;

        sum.freedom += windows[i].freedom;
        sum.between += windows[i].freedom * part * windows[i].between;
        sum.neighbour += windows[i].freedom * part * windows[i].neighbour;
    }
    sum.between /= sum.freedom;
    sum.neighbour = fmin(fmax(sum.neighbour / sum.freedom, 0), sum.between / 2);
    return sum;
}

static double
margin_of(double freedom)
{
    double l = -log(MARGIN_P / 2);

    return freedom * expm1(2 * l / freedom) / (2 * l);
}

double
otc_dependence_effect(const struct otc_dependence *history, const struct otc_pane_effect *window,
                      int64_t start_ns, int64_t end_ns, bool margin)
{
    struct otc_pane_effect all[OTC_DEPENDENCE_WINDOWS + 1], pooled;
    bool told = window->freedom > 0;
    double effect;
    size_t n = 0;

    if (told) {
        all[n++] = *window;
    }
    /* The window that was entered last, unless it is this one or shares panes with it, and those before. */
    for (uint32_t i = told && !apart(history, start_ns, end_ns); i < history->n; i++) {
        all[n++] =
            history->windows[(history->next + OTC_DEPENDENCE_WINDOWS - 1 - i) % OTC_DEPENDENCE_WINDOWS];
    }
    if (n == 0 || (!told && n < TRUSTED)) {
        return 1;
    }
    pooled = pool(all, n);
    effect = pooled.between + 2 * pooled.neighbour;
    if (told && window->between > MORE_THAN_BEFORE * effect) {
        effect = window->between;
    }
    return fmax(1, margin ? effect * margin_of(pooled.freedom) : effect);
}

/* ---- Kept ----------------------------------------------------------------------------------------- */

void
otc_dependence_save(const struct otc_dependence *history, struct otc_buf *out)
{
    otc_put_u64(out, history->n);
    otc_put_i64(out, history->start_ns);
    otc_put_i64(out, history->end_ns);
    for (uint32_t i = history->n; i-- > 0;) {
        const struct otc_pane_effect *window =
            &history->windows[(history->next + OTC_DEPENDENCE_WINDOWS - 1 - i) % OTC_DEPENDENCE_WINDOWS];

        otc_put_f64(out, window->between);
        otc_put_f64(out, window->neighbour);
        otc_put_f64(out, window->freedom);
    }
}

bool
otc_dependence_load(struct otc_dependence *history, struct otc_reader *in)
{
    uint64_t n = otc_take_u64(in);

    history->start_ns = otc_take_i64(in);
    history->end_ns = otc_take_i64(in);
    if (in->failed || n > OTC_DEPENDENCE_WINDOWS || history->end_ns < history->start_ns) {
        return false;
    }
    for (uint64_t i = 0; i < n; i++) {
        struct otc_pane_effect *window = &history->windows[i];

        window->between = otc_take_f64(in);
        window->neighbour = otc_take_f64(in);
        window->freedom = otc_take_f64(in);
        if (!(window->between >= 0) || !isfinite(window->between) || !isfinite(window->neighbour) ||
            !(window->freedom > 0) || !isfinite(window->freedom)) {
            return false;
        }
    }
    history->n = (uint32_t)n;
    history->next = (uint32_t)(n % OTC_DEPENDENCE_WINDOWS);
    return !in->failed;
}
