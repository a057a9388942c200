// SPDX-License-Identifier: Apache-2.0
#include "processors/latency/state.h"

#include <math.h>

/* Scale of a fresh window histogram: 0.27 % relative error until its buckets are used up. */
#define QUANTILE_SCALE 7
#define NAME_OTHER "other"

const double latency_quantiles[LATENCY_N_QUANTILES] = {0.5, 0.9, 0.95, 0.99, 0.999};

const char *
latency_excluded_name(enum latency_excluded reason)
{
    static const char *const names[] = {"late",       "too_old",           "future",
                                        "memory",     "negative_duration", "no_duration",
                                        "operations", "trace_state"};

    return names[reason];
}

/* ---- Memory --------------------------------------------------------------------------------------- */

static void
give_back(struct latency_budget *budget, struct otc_exp_histogram *histogram)
{
    budget->used -= histogram->capacity * sizeof(uint64_t);
    otc_exp_histogram_release(histogram);
}

/* Adds to a histogram whose buckets count against the budget; false when they may not grow. */
static bool
add_duration(struct latency_budget *budget, struct otc_exp_histogram *histogram, double seconds)
{
    uint32_t before = histogram->capacity;

    if (before < histogram->max_buckets &&
        budget->used + (histogram->max_buckets - before) * sizeof(uint64_t) > budget->limit) {
        return false;
    }

    bool added = otc_exp_histogram_add(histogram, seconds);

    budget->used += (histogram->capacity - before) * sizeof(uint64_t);
    return added;
}

/* Zeroed memory against the budget; NULL without room. */
static void *
take_extra(struct latency_budget *budget, size_t bytes)
{
    void *memory = budget->used + bytes > budget->limit ? NULL : calloc(1, bytes);

    budget->used += memory ? bytes : 0;
    return memory;
}

static void
give_extra(struct latency_budget *budget, void *memory, size_t bytes)
{
    budget->used -= memory ? bytes : 0;
    free(memory);
}

/* ---- Panes ---------------------------------------------------------------------------------------- */

static void *
pane_new(void *owner)
{
    struct latency_version *version = owner;
    struct latency_budget *budget = &version->owner->budget;

    return take_extra(budget, sizeof(struct latency_pane));
}

static void
pane_free(void *owner, void *payload)
{
    struct latency_version *version = owner;
    struct latency_budget *budget = &version->owner->budget;
    struct latency_pane *pane = payload;

    for (size_t i = 0; i < pane->n; i++) {
        for (int side = 0; side < LATENCY_N_SIDES; side++) {
            give_back(budget, &pane->entries[i].sides[side]);
        }
    }
    budget->used -= sizeof(*pane) + pane->n * sizeof(*pane->entries);
    free(pane->entries);
    free(pane);
}

static const struct otc_pane_ops pane_ops = {pane_new, pane_free};

static bool
pane_grow(struct latency_budget *budget, struct latency_pane *pane, size_t n)
{
    size_t bytes = (n - pane->n) * sizeof(*pane->entries);
    struct latency_pane_entry *entries;

    if (budget->used + bytes > budget->limit) {
        return false;
    }
    entries = reallocarray(pane->entries, n, sizeof(*entries));
    if (!entries) {
        return false;
    }
    memset(entries + pane->n, 0, bytes);
    pane->entries = entries;
    pane->n = n;
    budget->used += bytes;
    return true;
}

/* The operation's entry in a pane, NULL without room. Ids begin at 1, so a zeroed entry is nobody's. */
static struct latency_pane_entry *
pane_entry(struct latency_version *version, struct latency_pane *pane,
           const struct latency_operation *operation)
{
    struct latency_budget *budget = &version->owner->budget;
    uint32_t buckets = (uint32_t)version->owner->config->histogram.quantile_buckets;
    struct latency_pane_entry *entry;

    if (operation->slot >= pane->n && !pane_grow(budget, pane, operation->slot + 1)) {
        return NULL;
    }
    entry = &pane->entries[operation->slot];
    if (entry->id != operation->id) {
        for (int i = 0; i < LATENCY_N_SIDES; i++) {
            give_back(budget, &entry->sides[i]);
            otc_exp_histogram_init(&entry->sides[i], QUANTILE_SCALE, buckets);
        }
        entry->id = operation->id;
        entry->apdex = (struct latency_apdex){0};
    }
    return entry;
}

/* ---- Operations and versions ---------------------------------------------------------------------- */

static void
free_operation(struct latency_version *version, struct latency_operation *operation)
{
    for (int side = 0; side < LATENCY_N_SIDES; side++) {
        give_back(&version->owner->budget, &operation->sides[side].durations);
        give_extra(&version->owner->budget, operation->sides[side].exemplars,
                   sizeof(struct latency_exemplars));
    }
    give_extra(&version->owner->budget, operation->slo, sizeof(struct latency_slo));
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

static struct latency_operation *
operation_of(struct latency_version *version, const struct latency_span *span)
{
    static const struct otc_slice other = OTC_SLICE_LIT(NAME_OTHER);
    struct otc_slice name = cut_name(span->operation);
    struct latency_operation *operation = version->recent;

    if (operation && otc_slice_equal(operation->name, name)) {
        return operation;
    }
    operation = otc_map_get(version->by_name, name);
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

/* ---- Counting ------------------------------------------------------------------------------------- */

static enum latency_excluded
reason_of(enum otc_placement placement)
{
    switch (placement) {
    case OTC_LATE:
        return LATENCY_LATE;
    case OTC_TOO_OLD:
        return LATENCY_TOO_OLD;
    case OTC_FUTURE:
        return LATENCY_FUTURE;
    case OTC_PLACED:
    case OTC_NO_ROOM:
        break;
    }
    return LATENCY_MEMORY;
}

static void
count_in_window(struct latency_version *version, const struct latency_operation *operation,
                const struct latency_span *span)
{
    enum otc_placement placement;
    struct otc_pane *pane = otc_window_place(&version->window, span->end_ns, span->now_ns, &placement);
    struct latency_pane_entry *entry;

    if (!pane) {
        version->excluded[reason_of(placement)]++;
        return;
    }
    entry = pane_entry(version, pane->payload, operation);
    if (!entry || !add_duration(&version->owner->budget, &entry->sides[span->side], span->duration_s)) {
        version->excluded[LATENCY_MEMORY]++;
    }
    if (entry && version->owner->config->apdex) {
        latency_apdex_add(&entry->apdex, version->owner->config->apdex, span->duration_s,
                          span->side == LATENCY_ERROR);
    }
}

/* A span slow enough, and of the window, may stand for its range. */
static void
offer_exemplar(struct latency_version *version, struct latency_series *series,
               const struct latency_span *span)
{
    const struct otc_window_config *window = &version->owner->config->window;
    int64_t oldest = span->now_ns - window->length.ns;
    int64_t time = window->time.index == OTC_EVENT_TIME ? span->end_ns : span->now_ns;

    if (time < oldest) {
        return;
    }
    if (!series->exemplars) {
        series->exemplars = take_extra(&version->owner->budget, sizeof(struct latency_exemplars));
    }
    if (series->exemplars) {
        latency_exemplars_offer(series->exemplars, span->trace_id, span->span_id, span->duration_s, time,
                                oldest);
    }
}

static void
judge(struct latency_version *version, struct latency_operation *operation, const struct latency_span *span)
{
    const struct latency_slo_config *config = version->owner->config->slo;

    if (!operation->slo) {
        operation->slo = take_extra(&version->owner->budget, sizeof(struct latency_slo));
        if (operation->slo) {
            latency_slo_init(operation->slo, config, span->now_ns);
        }
    }
    if (operation->slo) {
        latency_slo_add(operation->slo, config, span->duration_s, span->side == LATENCY_ERROR, span->weight);
    }
}

void
latency_observe(struct latency_version *version, const struct latency_span *span)
{
    struct latency_operation *operation = operation_of(version, span);

    version->touched_ns = span->monotonic_ns;
    if (!operation) {
        version->excluded[LATENCY_MEMORY]++;
        return;
    }
    operation->last_seen_ns = span->monotonic_ns;
    otc_weighted_add(&operation->sides[span->side].requests, span->weight);
    version->excluded[LATENCY_TRACE_STATE] += span->bad_trace_state;
    if (version->owner->config->slo) {
        judge(version, operation, span);
    }
    if (!span->has_duration) {
        version->excluded[LATENCY_NO_DURATION]++;
    } else if (span->duration_s < 0) {
        version->excluded[LATENCY_NEGATIVE]++;
    } else if (!add_duration(&version->owner->budget, &operation->sides[span->side].durations,
                             span->duration_s)) {
        version->excluded[LATENCY_MEMORY]++;
    } else {
        count_in_window(version, operation, span);
        if (version->owner->config->exemplars && span->duration_s >= operation->sides[span->side].slow_s) {
            offer_exemplar(version, &operation->sides[span->side], span);
        }
    }
}

/* ---- Windows -------------------------------------------------------------------------------------- */

/* Durations of one series over all panes of a window. False out of memory. */
static bool
merge_panes(const struct otc_window_view *view, const struct latency_operation *operation, int side,
            struct otc_exp_histogram *out)
{
    for (size_t i = 0; i < view->n_panes; i++) {
        const struct latency_pane *pane = view->panes[i].payload;

        if (operation->slot < pane->n && pane->entries[operation->slot].id == operation->id &&
            !otc_exp_histogram_merge(out, &pane->entries[operation->slot].sides[side])) {
            return false;
        }
    }
    return true;
}

static void
evaluate_series(struct latency_version *version, const struct otc_window_view *view,
                struct latency_operation *operation, int side)
{
    const struct latency_config *config = version->owner->config;
    struct latency_result *result = &operation->sides[side].result;
    struct otc_exp_histogram all;
    bool was_valid = result->valid;

    otc_exp_histogram_init(&all, QUANTILE_SCALE, (uint32_t)config->histogram.quantile_buckets);
    result->valid = merge_panes(view, operation, side, &all) && all.count > 0 &&
                    all.count >= (uint64_t)config->window.min_observations;
    result->stale = result->stale || (was_valid && !result->valid);
    operation->sides[side].slow_s = 0;
    if (result->valid) {
        result->stale = false;
        result->start_ns = view->start_ns;
        result->error = otc_exp_histogram_relative_error(&all);
        for (int q = 0; q < LATENCY_N_QUANTILES; q++) {
            result->quantiles[q] = otc_exp_histogram_quantile(&all, latency_quantiles[q]);
        }
        operation->sides[side].slow_s = result->quantiles[1] / 2;
    }
    if (config->drift && side == LATENCY_OK) {
        latency_drift_evaluate(version, view, operation, &all);
    }
    otc_exp_histogram_release(&all);
}

static void
evaluate_apdex(const struct latency_config *config, const struct otc_window_view *view,
               struct latency_operation *operation)
{
    struct latency_apdex sum = {0};

    for (size_t i = 0; i < view->n_panes; i++) {
        const struct latency_pane *pane = view->panes[i].payload;

        if (operation->slot < pane->n && pane->entries[operation->slot].id == operation->id) {
            const struct latency_apdex *apdex = &pane->entries[operation->slot].apdex;

            sum.satisfied += apdex->satisfied;
            sum.tolerating += apdex->tolerating;
            sum.all += apdex->all;
        }
    }
    operation->apdex =
        sum.all >= (uint64_t)config->window.min_observations ? latency_apdex_value(&sum) : (double)NAN;
}

void
latency_evaluate(struct latency_version *version)
{
    struct otc_window_view view;

    while (otc_window_closing(&version->window, &view)) {
        for (size_t i = 0; i < version->n_slots; i++) {
            for (int side = 0; version->operations[i] && side < LATENCY_N_SIDES; side++) {
                evaluate_series(version, &view, version->operations[i], side);
            }
            if (version->operations[i] && version->owner->config->apdex) {
                evaluate_apdex(version->owner->config, &view, version->operations[i]);
            }
        }
        if (version->owner->config->drift) {
            latency_drift_verdict(version);
        }
        otc_window_closed(&version->window);
    }
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
