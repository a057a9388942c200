// SPDX-License-Identifier: Apache-2.0
#include "processors/drift/kept.h"

#include <stdlib.h>

static size_t
price(const struct drift_kept *kept)
{
    return sizeof(*kept) + otc_batch_bytes(kept->batch) + kept->room * sizeof(*kept->duplicates);
}

bool
drift_kept_add(struct drift_kept_list *list, const struct drift_kept *kept, struct drift_budget *budget)
{
    struct drift_kept *copy;

    if (list->last && list->last->call == kept->call) {
        return true;
    }
    if (!drift_budget_take(budget, price(kept))) {
        return false;
    }
    copy = malloc(sizeof(*copy));
    if (!copy) {
        drift_budget_give(budget, price(kept));
        return false;
    }
    *copy = *kept;
    copy->batch = otc_batch_ref(kept->batch);
    copy->next = NULL;
    if (list->last) {
        list->last->next = copy;
    } else {
        list->first = copy;
    }
    list->last = copy;
    return true;
}

static bool
grow(struct drift_kept *kept, struct drift_budget *budget)
{
    size_t more = kept->room ? kept->room : 16;
    uint64_t *duplicates;

    if (!drift_budget_take(budget, more * sizeof(*duplicates))) {
        return false;
    }
    duplicates = reallocarray(kept->duplicates, kept->room + more, sizeof(*duplicates));
    if (!duplicates) {
        drift_budget_give(budget, more * sizeof(*duplicates));
        return false;
    }
    kept->duplicates = duplicates;
    kept->room += more;
    return true;
}

void
drift_kept_duplicate(struct drift_kept_list *list, uint64_t record, struct drift_budget *budget)
{
    struct drift_kept *kept = list->last;

    if (kept->n_duplicates < kept->room || grow(kept, budget)) {
        kept->duplicates[kept->n_duplicates++] = record;
    }
}

static int
by_number(const void *left, const void *right)
{
    const uint64_t *a = left, *b = right;

    return (*a > *b) - (*a < *b);
}

bool
drift_kept_is_duplicate(const struct drift_kept *kept, uint64_t record)
{
    return kept->n_duplicates > 0 && bsearch(&record, kept->duplicates, kept->n_duplicates,
                                             sizeof(*kept->duplicates), by_number) != NULL;
}

struct drift_kept *
drift_kept_take(struct drift_kept_list *list, struct drift_budget *budget)
{
    struct drift_kept *kept = list->first;

    if (kept) {
        list->first = kept->next;
        list->last = list->first ? list->last : NULL;
        drift_budget_give(budget, price(kept));
    }
    return kept;
}

void
drift_kept_free(struct drift_kept *kept)
{
    if (kept) {
        otc_batch_unref(kept->batch);
        free(kept->duplicates);
        free(kept);
    }
}
