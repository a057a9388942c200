// SPDX-License-Identifier: Apache-2.0
#include "common/analysis/dependence.h"
#include "common/analysis/evaluate.h"
#include "common/base/number.h"

double
otc_design_effect(const double *mean, const uint64_t *m, size_t panes, double s2)
{
    struct otc_pane_effect effect = otc_pane_effect_of_means(mean, m, panes, s2);

    return otc_pane_effect_alone(&effect);
}

double
otc_design_effect_categorical(const uint64_t *counts, size_t panes, size_t k)
{
    struct otc_pane_effect effect = otc_pane_effect_of_categories(counts, panes, k);

    return otc_pane_effect_alone(&effect);
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

void
otc_ranks_from(double *ranks, size_t n, size_t cell)
{
    double origin = ranks[cell];

    for (size_t i = 0; i < n; i++) {
        ranks[i] -= origin;
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
