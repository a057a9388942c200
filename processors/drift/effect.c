// SPDX-License-Identifier: Apache-2.0
#include "processors/drift/effect.h"

#include "common/analysis/evaluate.h"

#include <stdlib.h>
#include <string.h>

struct otc_pane_effect
drift_numeric_effect(const struct otc_cells *reference, const uint64_t *sums, uint64_t values,
                     const struct drift_blocks *blocks)
{
    size_t cells = 2 * reference->n + 1, first = 0;
    double *ranks = calloc(cells + blocks->n, sizeof(*ranks));
    double *mean = ranks ? ranks + cells : NULL;
    uint64_t *counts = calloc(cells + blocks->n, sizeof(*counts));
    uint64_t *m = counts ? counts + cells : NULL;
    struct otc_pane_effect effect = {0};
    double sum = 0, squares = 0, n = (double)values;

    if (ranks && counts && values > 0) {
        otc_mid_ranks(reference, ranks);
        while (first < cells - 1 && sums[first] == 0) {
            first++;
        }
        otc_ranks_from(ranks, cells, first);
        for (size_t c = 0; c < cells; c++) {
            sum += (double)sums[c] * ranks[c];
            squares += (double)sums[c] * ranks[c] * ranks[c];
        }
        for (size_t b = 0; b < blocks->n; b++) {
            memset(counts, 0, cells * sizeof(*counts));
            blocks->add(blocks->arg, b, counts);
            for (size_t c = 0; c < cells; c++) {
                m[b] += counts[c];
                mean[b] += (double)counts[c] * ranks[c];
            }
            mean[b] = m[b] ? mean[b] / (double)m[b] : 0;
        }
        effect = otc_pane_effect_of_means(mean, m, blocks->n, squares / n - (sum / n) * (sum / n));
    }
    free(ranks);
    free(counts);
    return effect;
}

struct otc_pane_effect
drift_categorical_effect(size_t k, size_t cells, const struct drift_blocks *blocks)
{
    uint64_t *matrix = calloc(blocks->n * k + cells, sizeof(*matrix));
    uint64_t *counts = matrix ? matrix + blocks->n * k : NULL;
    struct otc_pane_effect effect = {0};

    if (matrix) {
        for (size_t b = 0; b < blocks->n; b++) {
            memset(counts, 0, cells * sizeof(*counts));
            blocks->add(blocks->arg, b, counts);
            for (size_t c = 0; c < cells; c++) {
                matrix[b * k + (c < k ? c : k - 1)] += counts[c];
            }
        }
        effect = otc_pane_effect_of_categories(matrix, blocks->n, k);
    }
    free(matrix);
    return effect;
}
