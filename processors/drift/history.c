// SPDX-License-Identifier: Apache-2.0
#include "processors/drift/history.h"

#include "processors/drift/packed_components.h"

#include <stdlib.h>
#include <string.h>

void
drift_history_give(struct drift_packed *packed, struct drift_budget *budget)
{
    if (--packed->refs == 0) {
        drift_budget_give(budget, packed->bytes);
        drift_packed_free(packed);
    }
}

void
drift_history_release(struct drift_history *history, struct drift_budget *budget)
{
    for (size_t i = 0; i < history->n; i++) {
        drift_history_give(history->slots[i].packed, budget);
    }
    free(history->slots);
    history->slots = NULL;
    history->n = history->capacity = 0;
}

/* Index of the first slot that starts at or after `start_ns`. */
static size_t
lower_bound(const struct drift_history *history, int64_t start_ns)
{
    size_t low = 0, high = history->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (history->slots[middle].start_ns < start_ns) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void
forget(struct drift_history *history, struct drift_budget *budget)
{
    size_t n = lower_bound(history, history->newest_ns - history->keep_ns - history->slot_ns + 1);

    if (n == 0) {
        return;
    }
    for (size_t i = 0; i < n; i++) {
        drift_history_give(history->slots[i].packed, budget);
    }
    memmove(history->slots, history->slots + n, (history->n - n) * sizeof(*history->slots));
    history->n -= n;
}

static bool
insert(struct drift_history *history, size_t at, int64_t start_ns, struct drift_packed *packed)
{
    if (history->n == history->capacity) {
        size_t capacity = history->capacity ? history->capacity * 2 : 16;
        struct drift_slot *slots = reallocarray(history->slots, capacity, sizeof(*slots));

        if (!slots) {
            return false;
        }
        history->slots = slots;
        history->capacity = capacity;
    }
    memmove(history->slots + at + 1, history->slots + at, (history->n - at) * sizeof(*history->slots));
    history->slots[at] = (struct drift_slot){start_ns, packed};
    history->n++;
    return true;
}

/* Components of a feature in both, in one; NULL when one of them lacks some, or out of memory. */
static struct drift_packed_components *
merge_components(const struct drift_packed *a, const struct drift_packed *b, size_t index)
{
    const struct drift_packed_components *x = drift_packed_components_of(a, index);
    const struct drift_packed_components *y = drift_packed_components_of(b, index);
    bool whole = drift_packed_components_vectors(x) == a->features[index].values &&
                 drift_packed_components_vectors(y) == b->features[index].values;

    return whole ? drift_packed_components_merge(x, y) : NULL;
}

/* Both in one; NULL out of memory. */
static struct drift_packed *
merge(const struct drift_binding *binding, const struct drift_packed *a, const struct drift_packed *b)
{
    struct drift_packed *sum = drift_packed_new(binding->n);
    uint64_t *cells = calloc(drift_binding_max_cells(binding), sizeof(*cells));

    for (size_t i = 0; sum && cells && i < binding->n; i++) {
        uint32_t n = binding->features[i].shape.cells;
        struct drift_unpacked unpacked = {.cells = cells};

        memset(cells, 0, n * sizeof(*cells));
        drift_packed_sum(a, i, &unpacked);
        drift_packed_sum(b, i, &unpacked);
        drift_packed_put(sum, i, &unpacked, n);
        drift_packed_put_components(sum, i, merge_components(a, b, i));
    }
    free(cells);
    if (!cells || !sum || !drift_packed_finish(sum)) {
        drift_packed_free(sum);
        return NULL;
    }
    sum->records = a->records + b->records;
    return sum;
}

static int64_t
slot_start(const struct drift_history *history, int64_t time_ns)
{
    int64_t rest = time_ns % history->slot_ns;

    return time_ns - (rest < 0 ? rest + history->slot_ns : rest);
}

/* Components are for memory that nobody else wants: half of it stays free of them. */
static bool
pay(struct drift_packed *packed, struct drift_budget *budget)
{
    if (budget->used > budget->limit / 2 || packed->bytes > budget->limit / 2 - budget->used) {
        drift_packed_drop_components(packed);
    }
    return drift_budget_take(budget, packed->bytes);
}

bool
drift_history_add(struct drift_history *history, const struct drift_binding *binding, int64_t start_ns,
                  int64_t end_ns, struct drift_packed *pane, struct drift_budget *budget)
{
    int64_t start = slot_start(history, start_ns);
    struct drift_packed *packed = pane, *replaced = NULL;
    bool first = history->first_ns == history->newest_ns;
    size_t at;

    history->first_ns = first || start < history->first_ns ? start : history->first_ns;
    history->newest_ns = first || end_ns > history->newest_ns ? end_ns : history->newest_ns;
    forget(history, budget);
    at = lower_bound(history, start);
    if (at < history->n && history->slots[at].start_ns == start) {
        replaced = history->slots[at].packed;
        packed = merge(binding, replaced, pane);
        drift_packed_free(pane);
    }
    if (!packed || !pay(packed, budget)) {
        drift_packed_free(packed);
        return false;
    }
    if (replaced) {
        history->slots[at].packed = packed;
        drift_history_give(replaced, budget);
    } else if (!insert(history, at, start, packed)) {
        drift_budget_give(budget, packed->bytes);
        drift_packed_free(packed);
        return false;
    }
    return true;
}

bool
drift_history_restore(struct drift_history *history, int64_t start_ns, struct drift_packed *packed,
                      struct drift_budget *budget)
{
    bool later = history->n == 0 || start_ns > history->slots[history->n - 1].start_ns;

    if (!later || start_ns != slot_start(history, start_ns) || !pay(packed, budget)) {
        drift_packed_free(packed);
        return false;
    }
    if (!insert(history, history->n, start_ns, packed)) {
        drift_history_give(packed, budget);
        return false;
    }
    return true;
}

void
drift_history_restore_components(struct drift_packed *packed, size_t feature,
                                 struct drift_packed_components *components, struct drift_budget *budget)
{
    size_t array = packed->components ? 0 : packed->n * sizeof(struct drift_packed_components *);
    size_t bytes = drift_packed_components_bytes(components) + array;

    if (!drift_budget_take(budget, bytes)) {
        drift_packed_components_free(components);
        return;
    }
    drift_packed_put_components(packed, feature, components);
    if (!packed->components) {
        drift_budget_give(budget, bytes);
        return;
    }
    packed->bytes += bytes;
}

size_t
drift_history_count(const struct drift_history *history, int64_t from_ns, int64_t to_ns)
{
    return lower_bound(history, to_ns) - lower_bound(history, from_ns);
}

size_t
drift_history_take(const struct drift_history *history, int64_t from_ns, int64_t to_ns,
                   struct drift_packed **out, size_t max)
{
    size_t n = 0;

    for (size_t i = lower_bound(history, from_ns);
         i < history->n && history->slots[i].start_ns < to_ns && n < max; i++) {
        out[n] = history->slots[i].packed;
        out[n++]->refs++;
    }
    return n;
}
