// SPDX-License-Identifier: Apache-2.0
/** @file The latest values themselves of one numeric feature in one pane, for what cells cannot tell
 * (`compat`). Under the stage's lock; read freely once the pane has closed. */
#ifndef OTC_DRIFT_RAW_H
#define OTC_DRIFT_RAW_H

#include <stdint.h>

struct drift_budget;
/** Opaque but for reading: the first n of `values`, in no order. */
struct drift_raw {
    uint32_t n, room, limit;
    uint32_t next; /* place of the oldest, once there are `limit` */
    double *values;
};

/** Keeps up to `limit` values; NULL when there is no memory, which is then what it keeps. */
struct drift_raw *drift_raw_new(uint32_t limit, struct drift_budget *budget);
/** Gives the memory back. NULL is allowed. */
void drift_raw_free(struct drift_raw *raw, struct drift_budget *budget);
/** Adds a value `times` times; the oldest gives way, to memory too. NULL is allowed. */
void drift_raw_add(struct drift_raw *raw, double value, uint32_t times, struct drift_budget *budget);

#endif
