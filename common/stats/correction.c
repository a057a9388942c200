// SPDX-License-Identifier: Apache-2.0
#include "common/stats/correction.h"

#include <math.h>
#include <stdlib.h>

struct ranked {
    double p;
    size_t index;
};

static int
by_p(const void *left, const void *right)
{
    const struct ranked *a = left, *b = right;

    return (a->p > b->p) - (a->p < b->p);
}

/* Step-up: p times the family's size over its rank; with `harmonic` also times 1 + 1/2 + … + 1/size. */
static bool
step_up(const double *p, size_t n, bool harmonic, double *adjusted)
{
    if (n == 0) {
        return true;
    }

    struct ranked *family = calloc(n, sizeof(*family));
    size_t members = 0;

    if (!family) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (!isnan(p[i])) {
            family[members++] = (struct ranked){p[i], i};
        } else {
            adjusted[i] = NAN;
        }
    }
    qsort(family, members, sizeof(*family), by_p);

    double least = 1, factor = harmonic ? 0 : 1;

    for (size_t rank = 1; harmonic && rank <= members; rank++) {
        factor += 1 / (double)rank;
    }
    for (size_t rank = members; rank > 0; rank--) {
        const struct ranked *test = &family[rank - 1];

        least = fmin(least, test->p * (factor * (double)members / (double)rank));
        adjusted[test->index] = least;
    }
    free(family);
    return true;
}

bool
otc_adjust_benjamini_hochberg(const double *p, size_t n, double *adjusted)
{
    return step_up(p, n, false, adjusted);
}

bool
otc_adjust_benjamini_yekutieli(const double *p, size_t n, double *adjusted)
{
    return step_up(p, n, true, adjusted);
}

void
otc_adjust_bonferroni(const double *p, size_t n, double *adjusted)
{
    size_t members = 0;

    for (size_t i = 0; i < n; i++) {
        members += !isnan(p[i]);
    }
    for (size_t i = 0; i < n; i++) {
        adjusted[i] = isnan(p[i]) ? NAN : fmin(1, p[i] * (double)members);
    }
}
