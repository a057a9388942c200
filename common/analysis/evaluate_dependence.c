// SPDX-License-Identifier: Apache-2.0
#include "common/analysis/evaluate.h"

#include "common/base/number.h"

#include <math.h>

/** Fewer panes, or fewer observations in them, say nothing about dependence. */
#define MIN_PANES 6
#define MIN_PANE_OBSERVATIONS 10

double
otc_design_effect(const double *mean, const uint64_t *m, size_t panes, double s2)
{
    size_t present = 0;
    size_t full = 0;
    double total = 0;
    double grand = 0;
    double between = 0;

    for (size_t p = 0; p < panes; p++) {
        present += m[p] > 0;
        full += m[p] >= MIN_PANE_OBSERVATIONS;
        total += (double)m[p];
        grand += m[p] > 0 ? (double)m[p] * mean[p] : 0;
    }
    if (full < MIN_PANES || !(s2 > 0)) {
        return 1;
    }
    grand /= total;
    for (size_t p = 0; p < panes; p++) {
        between += m[p] > 0 ? (double)m[p] * (mean[p] - grand) * (mean[p] - grand) : 0;
    }
    between /= (double)(present - 1) * s2;
    return between > 1 ? between : 1;
}

double
otc_design_effect_categorical(const uint64_t *counts, size_t panes, size_t k)
{
    size_t present = 0;
    size_t full = 0;
    size_t columns = 0;
    double total = 0;
    double statistic = 0;

    for (size_t p = 0; p < panes; p++) {
        uint64_t row = 0;

        for (size_t c = 0; c < k; c++) {
            row += counts[p * k + c];
        }
        present += row > 0;
        full += row >= MIN_PANE_OBSERVATIONS;
        total += (double)row;
    }
    if (full < MIN_PANES) {
        return 1;
    }
    for (size_t c = 0; c < k; c++) {
        double column = 0;

        for (size_t p = 0; p < panes; p++) {
            column += (double)counts[p * k + c];
        }
        columns += column > 0;
    }
    if (columns < 2) {
        return 1;
    }
    /* Pearson: sum of o^2 / e, less the total. */
    for (size_t p = 0; p < panes; p++) {
        double row = 0;

        for (size_t c = 0; c < k; c++) {
            row += (double)counts[p * k + c];
        }
        if (row == 0) {
            continue;
        }
        for (size_t c = 0; c < k; c++) {
            double column = 0;
            double observed = (double)counts[p * k + c];

            for (size_t q = 0; q < panes && observed > 0; q++) {
                column += (double)counts[q * k + c];
            }
            statistic += observed > 0 ? observed * observed * total / (row * column) : 0;
        }
    }
    statistic = (statistic - total) / (double)((present - 1) * (columns - 1));
    return statistic > 1 ? statistic : 1;
}

void
otc_mid_ranks(const struct otc_cells *cells, double *out)
{
    double below = 0;
    double total = (double)cells->total;

    for (size_t cell = 0; cell <= 2 * cells->n; cell++) {
        uint64_t count = cell % 2 ? cells->eq[cell / 2] : cells->gap[cell / 2];

        out[cell] = (below + (double)count / 2) / total;
        below += (double)count;
    }
}

otc_status
otc_k_of_n_parse(const char *text, unsigned *k, unsigned *n, struct otc_error *err)
{
    const char *of = strstr(text, " of ");
    int64_t first = 0, second = 0;

    if (!of || !otc_parse_int64(otc_slice_of(text, (size_t)(of - text)), &first) ||
        !otc_parse_int64(otc_slice_str(of + 4), &second) || first < 1 || first > second || second > 32) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "'%s' is not of the form `k of n` with 1 <= k <= n <= 32 (\"2 of 3\")", text);
    }
    *k = (unsigned)first;
    *n = (unsigned)second;
    return OTC_OK;
}

bool
otc_k_of_n_add(struct otc_k_of_n *ring, unsigned k, unsigned n, bool rejected)
{
    uint32_t mask;
    unsigned count = 0;

    n = n < 1 ? 1 : n > 32 ? 32 : n;
    mask = n == 32 ? UINT32_MAX : ((uint32_t)1 << n) - 1;
    ring->bits = ((ring->bits << 1) | (rejected ? 1u : 0u)) & mask;
    ring->filled = (uint8_t)(ring->filled < n ? ring->filled + 1u : n);
    for (unsigned i = 0; i < n; i++) {
        count += (ring->bits >> i) & 1u;
    }
    if (rejected && count >= k) {
        ring->detected = true;
    } else if (count == 0) {
        ring->detected = false;
    }
    return ring->detected;
}
