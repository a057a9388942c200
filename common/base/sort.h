// SPDX-License-Identifier: Apache-2.0
/** @file Sorting many numbers: radix, in linear time; what is in order already costs one look. Stable. */
#ifndef OTC_BASE_SORT_H
#define OTC_BASE_SORT_H

#include <stddef.h>
#include <stdint.h>

/** What pairs are sorted by. */
enum otc_sort_key { OTC_SORT_FIRST_DOUBLE, OTC_SORT_SECOND_INT64 };

/** Ascending; no NaN. -0 comes before 0. Out of memory it falls back to a slower way. */
void otc_sort_doubles(double *values, size_t n);
/** The same of records of 16 bytes: a double, then an int64_t. */
void otc_sort_pairs(void *pairs, size_t n, enum otc_sort_key key);

#endif
