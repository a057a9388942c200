// SPDX-License-Identifier: Apache-2.0
/** @file The difference of two shares without cancellation. Of use inside common/stats alone. */
#ifndef OTC_STATS_SHARES_H
#define OTC_STATS_SHARES_H

#include <stdint.h>

__extension__ typedef unsigned __int128 otc_product;

/** a/n - b/m without the rounding of two divisions. */
static inline double
otc_share_difference(uint64_t a, uint64_t n, uint64_t b, uint64_t m)
{
    otc_product first = (otc_product)a * m, second = (otc_product)b * n;
    long double apart = first >= second ? (long double)(first - second) : -(long double)(second - first);

    return (double)(apart / ((long double)n * (long double)m));
}

#endif
