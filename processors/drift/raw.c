// SPDX-License-Identifier: Apache-2.0
#include "processors/drift/raw.h"
#include "processors/drift/counts.h"

#include <stdlib.h>

#define FIRST_ROOM 16

struct drift_raw *
drift_raw_new(uint32_t limit, struct drift_budget *budget)
{
    struct drift_raw *raw = drift_budget_take(budget, sizeof(*raw)) ? calloc(1, sizeof(*raw)) : NULL;

    if (raw) {
        raw->limit = limit;
    }
    return raw;
}

void
drift_raw_free(struct drift_raw *raw, struct drift_budget *budget)
{
    if (raw) {
        drift_budget_give(budget, sizeof(*raw) + raw->room * sizeof(double));
        free(raw->values);
        free(raw);
    }
}

/** Twice the room; false when it stays as it is. */
static bool
grow(struct drift_raw *raw, struct drift_budget *budget)
{
    uint32_t room = raw->room ? 2 * raw->room : FIRST_ROOM;
    double *values;

    room = room < raw->limit ? room : raw->limit;
    if (room == raw->room || !drift_budget_take(budget, (room - raw->room) * sizeof(double))) {
        return false;
    }
    values = realloc(raw->values, room * sizeof(double));
    if (!values) {
        drift_budget_give(budget, (room - raw->room) * sizeof(double));
        return false;
    }
    raw->values = values;
    raw->room = room;
    return true;
}

void
drift_raw_add(struct drift_raw *raw, double value, uint32_t times, struct drift_budget *budget)
{
    if (!raw) {
        return;
    }
    for (uint32_t i = 0; i < times && i < raw->limit; i++) {
        if (raw->next == 0 && (raw->n < raw->room || grow(raw, budget))) {
            raw->values[raw->n++] = value;
        } else if (raw->n > 0) {
            raw->values[raw->next] = value;
            raw->next = (raw->next + 1) % raw->n;
            /* A ring that has begun stays one, so that the oldest is known. */
            raw->limit = raw->n;
        }
    }
}
