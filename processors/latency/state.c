// SPDX-License-Identifier: Apache-2.0
/* Versions, their panes and operations: how they come and go. */
#include "processors/latency/state.h"

#include <math.h>

#define NAME_OTHER "other"

/* ---- Panes ---------------------------------------------------------------------------------------- */

static void *
pane_new(void *owner)
{
    struct latency_version *version = owner;
    struct latency_budget *budget = &version->owner->budget;

    return latency_take(budget, sizeof(struct latency_pane));
}

static void
pane_free(void *owner, void *payload)
{
    struct latency_version *version = owner;
    struct latency_budget *budget = &version->owner->budget;
    struct latency_pane *pane = payload;

    for (size_t i = 0; i < pane->n; i++) {
        for (int side = 0; side < LATENCY_N_SIDES; side++) {
            latency_give_histogram(budget, &pane->entries[i].sides[side]);
        }
    }
    budget->used -= sizeof(*pane) + pane->n * sizeof(*pane->entries);
    free(pane->entries);
    free(pane);
}

static const struct otc_pane_ops pane_ops = {pane_new, pane_free};

/* ---- Operations and versions ---------------------------------------------------------------------- */

static void
free_operation(struct latency_version *version, struct latency_operation *operation)
{
    for (int side = 0; side < LATENCY_N_SIDES; side++) {
        latency_give_histogram(&version->owner->budget, &operation->sides[side].durations);
        latency_give(&version->owner->budget, operation->sides[side].exemplars,
                     sizeof(struct latency_exemplars));
    }
    latency_give(&version->owner->budget, operation->slo, sizeof(struct latency_slo));
    if (operation->drift) {
        version->owner->budget.used -= operation->drift->bytes;
        latency_drift_release(operation->drift);
        free(operation->drift);
    }
    if (version->recent == operation) {
        version->recent = NULL;
    }
    free(operation);
}

static void
version_free(void *owner, void *state)
{
    struct latency_version *version = state;

    (void)owner;
    otc_window_release(&version->window);
    for (size_t i = 0; i < version->n_slots; i++) {
        if (version->operations[i]) {
            free_operation(version, version->operations[i]);
        }
    }
    free(version->operations);
    otc_map_free(version->by_name, NULL);
    free(version);
}

static void *
version_new(void *owner, const struct otc_model_version *entry)
{
    struct latency *latency = owner;
    struct latency_version *version = calloc(1, sizeof(*version));
    size_t slots = (size_t)latency->config->limits.operations + 1; /* one for `other` */

    (void)entry;
    if (!version) {
        return NULL;
    }
    version->owner = latency;
    otc_window_init(&version->window, &latency->config->window, &pane_ops, version);
    version->by_name = otc_map_new(slots);
    version->operations = calloc(slots, sizeof(struct latency_operation *));
    version->n_slots = version->operations ? slots : 0;
    version->start_ns = latency->host->now_ns(latency->host);
    if (!version->by_name || !version->operations) {
        version_free(owner, version);
        return NULL;
    }
    return version;
}

const struct otc_model_ops latency_model_ops = {.version_new = version_new, .version_free = version_free};

/* A free slot; the last one is kept for `other`. */
static size_t
free_slot(const struct latency_version *version, bool other)
{
    if (other) {
        return version->n_slots - 1;
    }
    for (size_t i = 0; i + 1 < version->n_slots; i++) {
        if (!version->operations[i]) {
            return i;
        }
    }
    return SIZE_MAX;
}

static struct latency_operation *
add_operation(struct latency_version *version, struct otc_slice name, bool other, int64_t now_ns)
{
    size_t slot = free_slot(version, other);
    struct latency_operation *operation;

    if (slot == SIZE_MAX) {
        return NULL;
    }
    operation = calloc(1, sizeof(*operation) + name.len + 1);
    if (!operation) {
        return NULL;
    }
    if (name.len) {
        memcpy(operation + 1, name.data, name.len);
    }
    operation->name = otc_slice_of(operation + 1, name.len);
    operation->slot = slot;
    operation->id = ++version->owner->next_id;
    operation->start_ns = now_ns;
    operation->apdex = (double)NAN;
    for (int side = 0; side < LATENCY_N_SIDES; side++) {
        otc_exp_histogram_init(&operation->sides[side].durations, OTC_EXP_SCALE_TABLE,
                               (uint32_t)version->owner->config->histogram.max_size);
    }
    if (!otc_map_put(version->by_name, operation->name, operation)) {
        free(operation);
        return NULL;
    }
    version->operations[slot] = operation;
    return operation;
}

/* Cuts between characters of UTF-8. */
static struct otc_slice
cut_name(struct otc_slice name)
{
    if (name.len <= LATENCY_NAME_MAX) {
        return name;
    }
    name.len = LATENCY_NAME_MAX;
    while (name.len > 0 && (name.data[name.len] & 0xC0) == 0x80) {
        name.len--;
    }
    return name;
}

struct latency_operation *
latency_operation_of(struct latency_version *version, const struct latency_span *span)
{
    static const struct otc_slice other = OTC_SLICE_LIT(NAME_OTHER);
    struct otc_slice name = cut_name(span->operation);
    struct latency_operation *operation = otc_map_get(version->by_name, name);

    if (!operation) {
        operation = add_operation(version, name, otc_slice_equal(name, other), span->now_ns);
    }
    if (!operation) {
        version->excluded[LATENCY_OPERATIONS]++;
        operation = otc_map_get(version->by_name, other);
        if (!operation) {
            operation = add_operation(version, other, true, span->now_ns);
        }
    }
    version->recent = operation;
    return operation;
}

void
latency_expire(struct latency_version *version, int64_t before_ns)
{
    for (size_t i = 0; i < version->n_slots; i++) {
        struct latency_operation *operation = version->operations[i];

        if (operation && operation->last_seen_ns < before_ns) {
            (void)otc_map_remove(version->by_name, operation->name);
            version->operations[i] = NULL;
            free_operation(version, operation);
        }
    }
}
