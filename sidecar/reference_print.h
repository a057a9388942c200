// SPDX-License-Identifier: Apache-2.0
/** @file A reference on a screen. */
#ifndef OTC_SIDECAR_REFERENCE_PRINT_H
#define OTC_SIDECAR_REFERENCE_PRINT_H

#include "common/analysis/reference.h"

#include <stdio.h>

/** What it is of, and a line a feature: counts, range, its distribution as a small histogram. False out of
 * memory. */
bool otc_reference_print(const struct otc_reference *reference, FILE *to);

#endif
