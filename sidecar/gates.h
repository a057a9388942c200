// SPDX-License-Identifier: Apache-2.0
/** @file The Collector's feature gates (`--feature-gates=a,-b,+c`): what each stands at here. */
#ifndef OTC_SIDECAR_GATES_H
#define OTC_SIDECAR_GATES_H

#include "common/base/log.h"

/** One gate of the Collector's that concerns something this program does. None can be switched. */
struct otc_gate {
    const char *id;
    bool enabled;
    const char *stage;
    const char *description;
};

/** All of them by id; NULL-ended. */
extern const struct otc_gate otc_gates[];
/** The gate of this id, or NULL. */
const struct otc_gate *otc_gate_find(struct otc_slice id);
/**
 * Logs each gate of a list that stands otherwise than asked for, or that nobody here knows: a command line
 * written for the Collector starts, and says what it does not get.
 */
void otc_gates_log(const char *list, struct otc_logger *logger);
/** `featuregate [ID]`: prints the table. Returns the exit code. */
int otc_cmd_featuregate(int argc, char **argv);

#endif
