// SPDX-License-Identifier: Apache-2.0
/* Counting spans: in their operation's series and in the pane of their time. */
#include "processors/latency/state.h"

const char *
latency_excluded_name(enum latency_excluded reason)
{
    static const char *const names[] = {"late",       "too_old",           "future",
                                        "memory",     "negative_duration", "no_duration",
                                        "operations", "trace_state"};

    return names[reason];
}

/* ---- Panes ---------------------------------------------------------------------------------------- */

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
            latency_give_histogram(budget, &entry->sides[i]);
            otc_exp_histogram_init(&entry->sides[i], LATENCY_WINDOW_SCALE, buckets);
        }
        entry->id = operation->id;
        entry->apdex = (struct latency_apdex){0};
    }
    return entry;
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

/* False: the span is of no window. */
static bool
count_in_window(struct latency_version *version, const struct latency_operation *operation,
                const struct latency_span *span)
{
    enum otc_placement placement;
    struct otc_pane *pane = otc_window_place(&version->window, span->end_ns, span->now_ns, &placement);
    struct latency_pane_entry *entry;

    if (!pane) {
        version->excluded[reason_of(placement)]++;
        return false;
    }
    entry = pane_entry(version, pane->payload, operation);
    if (!entry ||
        !latency_add_duration(&version->owner->budget, &entry->sides[span->side], span->duration_s)) {
        version->excluded[LATENCY_MEMORY]++;
    }
    if (entry && version->owner->config->apdex) {
        latency_apdex_add(&entry->apdex, version->owner->config->apdex, span->duration_s,
                          span->side == LATENCY_ERROR);
    }
    return true;
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
        series->exemplars = latency_take(&version->owner->budget, sizeof(struct latency_exemplars));
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
        operation->slo = latency_take(&version->owner->budget, sizeof(struct latency_slo));
        if (operation->slo) {
            latency_slo_init(operation->slo, config, span->monotonic_ns);
        }
    }
    if (operation->slo) {
        bool known = span->has_duration && span->duration_s >= 0;

        latency_slo_add(operation->slo, config, known ? span->duration_s : 0, span->side == LATENCY_ERROR,
                        span->weight, span->monotonic_ns);
    }
}

void
latency_observe(struct latency_version *version, const struct latency_span *span)
{
    struct latency_operation *operation = version->recent;

    version->touched_ns = span->monotonic_ns;
    if (!operation || !otc_slice_equal(operation->name, span->operation)) {
        operation = latency_operation_of(version, span);
    }
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
    } else if (!latency_add_duration(&version->owner->budget, &operation->sides[span->side].durations,
                                     span->duration_s)) {
        version->excluded[LATENCY_MEMORY]++;
    } else if (count_in_window(version, operation, span) && version->owner->config->exemplars &&
               span->duration_s >= operation->sides[span->side].slow_s) {
        offer_exemplar(version, &operation->sides[span->side], span);
    }
}
