// SPDX-License-Identifier: Apache-2.0
/** @file Exact bucket boundaries of scale 8 within an octave. Of use inside common/stats alone. */
#ifndef OTC_STATS_EXPONENTIAL_TABLE_H
#define OTC_STATS_EXPONENTIAL_TABLE_H

#include <stdint.h>

#define OTC_EXP_TABLE_SIZE 256
#define OTC_EXP_GUESS_BITS 9
#define OTC_EXP_GUESS_SIZE (1 << OTC_EXP_GUESS_BITS)

/** Entry k: the smallest 52-bit significand m with 1 + m / 2^52 > 2^(k / 256). Ends with UINT64_MAX. */
extern const uint64_t otc_exp_table[OTC_EXP_TABLE_SIZE + 1];
/** For the significand's first 9 bits: how many entries are at or below the smallest such significand; at
   most one more lies among the others. */
extern const uint16_t otc_exp_guess[OTC_EXP_GUESS_SIZE];

#endif
