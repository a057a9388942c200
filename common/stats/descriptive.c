// SPDX-License-Identifier: Apache-2.0
#include "common/stats/descriptive.h"

#include <math.h>

void
otc_moments_add(struct otc_moments *moments, double value)
{
    otc_moments_add_n(moments, value, 1);
}

void
otc_moments_add_n(struct otc_moments *moments, double value, uint64_t count)
{
    struct otc_moments one = {count, value, 0};

    otc_moments_merge(moments, &one);
}

struct otc_moments
otc_moments_of(const double *values, size_t n, double origin)
{
    struct otc_moments moments = {0};

    for (size_t i = 0; i < n; i++) {
        otc_moments_add(&moments, values[i] - origin);
    }
    return moments;
}

void
otc_moments_merge(struct otc_moments *into, const struct otc_moments *from)
{
    if (from->n == 0) {
        return;
    }

    double total = (double)into->n + (double)from->n;
    double delta = from->mean - into->mean;

    into->m2 += from->m2 + delta * delta * ((double)into->n * ((double)from->n / total));
    into->mean += delta * ((double)from->n / total);
    into->n += from->n;
}

double
otc_moments_variance(const struct otc_moments *moments)
{
    return moments->n == 0 ? NAN : moments->m2 / (double)moments->n;
}

double
otc_moments_sample_variance(const struct otc_moments *moments)
{
    return moments->n < 2 ? NAN : moments->m2 / (double)(moments->n - 1);
}
