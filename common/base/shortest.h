// SPDX-License-Identifier: Apache-2.0
/** @file The usual numbers as text, in a twentieth of the instructions that searching with printf and strtod
 * takes. */
#ifndef OTC_BASE_SHORTEST_H
#define OTC_BASE_SHORTEST_H

#include "common/base/number.h"

/** Where 128 bits hold all that is needed. */
#define OTC_SHORTEST_FROM 1e-4
#define OTC_SHORTEST_BELOW 0x1p53

/**
 * A number in that range as the decimal of the fewest digits that reads back to it, of those the nearest: G.
 * L. Steele and J. L. White, "How to Print Floating-Point Numbers Accurately", PLDI 1990. Without an
 * exponent. Returns the length.
 */
size_t otc_format_shortest(double value, char out[OTC_DOUBLE_TEXT_MAX]);

#endif
