// SPDX-License-Identifier: Apache-2.0
/** @file `compare --calibrate`: the false alarms of a decision on a table's own rows. */
#ifndef OTC_SIDECAR_CMD_CALIBRATE_H
#define OTC_SIDECAR_CMD_CALIBRATE_H

#include "sidecar/compare_options.h"

/** Runs and prints; returns the exit code. */
int otc_compare_calibrate(const struct otc_compare_options *options);

#endif
