// SPDX-License-Identifier: Apache-2.0
#include "common/analysis/embedding.h"

#include <math.h>

struct otc_value
otc_embedding_value(const double *vector, size_t n)
{
    return (struct otc_value){.type = OTC_VALUE_BYTES,
                              .as = {.slice = otc_slice_of(vector, n * sizeof(double))}};
}

size_t
otc_embedding_components(const struct otc_value *value)
{
    return value->type == OTC_VALUE_BYTES ? value->as.slice.len / sizeof(double) : 0;
}

double
otc_embedding_norm(const double *vector, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++) {
        sum += vector[i] * vector[i];
    }
    return sqrt(sum);
}

bool
otc_embedding_is_usable(const double *vector, size_t n)
{
    return n > 0 && otc_embedding_norm(vector, n) <= OTC_EMBEDDING_NORM_MAX;
}

enum otc_value_class
otc_value_distance(const struct otc_value *value, const double *center, size_t n, double *out)
{
    double dot = 0, squares = 0, norm = otc_embedding_norm(center, n);

    if (value->type == OTC_VALUE_ABSENT || value->type == OTC_VALUE_EMPTY) {
        return OTC_CLASS_MISSING;
    }
    if (n == 0 || otc_embedding_components(value) != n) {
        return OTC_CLASS_INVALID;
    }
    for (size_t i = 0; i < n; i++) {
        double component;

        memcpy(&component, value->as.slice.data + i * sizeof(double), sizeof(double));
        dot += component * center[i];
        squares += component * component;
    }
    if (!(squares > 0) || !(norm > 0)) {
        return OTC_CLASS_MISSING;
    }
    *out = fmax(0, 1 - dot / (sqrt(squares) * norm)); /* rounding may go below */
    return isfinite(*out) ? OTC_CLASS_VALUE : OTC_CLASS_INVALID;
}
