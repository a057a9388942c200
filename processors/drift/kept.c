// SPDX-License-Identifier: Apache-2.0
#include "processors/drift/kept.h"

#include <stdlib.h>

static size_t
price(const struct otc_batch *batch)
{
    return sizeof(struct drift_kept) + otc_batch_bytes(batch);
}

bool
drift_kept_add(struct drift_kept_list *list, const struct drift_kept *kept, struct drift_budget *budget)
{
    struct drift_kept *copy;

    if (list->last && list->last->call == kept->call) {
        return true;
    }
    if (!drift_budget_take(budget, price(kept->batch))) {
        return false;
    }
    copy = malloc(sizeof(*copy));
    if (!copy) {
        drift_budget_give(budget, price(kept->batch));
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

struct drift_kept *
drift_kept_take(struct drift_kept_list *list, struct drift_budget *budget)
{
    struct drift_kept *kept = list->first;

    if (kept) {
        list->first = kept->next;
        list->last = list->first ? list->last : NULL;
        drift_budget_give(budget, price(kept->batch));
    }
    return kept;
}

void
drift_kept_free(struct drift_kept *kept)
{
    if (kept) {
        otc_batch_unref(kept->batch);
        free(kept);
    }
}
