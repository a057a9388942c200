// SPDX-License-Identifier: Apache-2.0
#include "processors/drift/kept.h"

#include <stdlib.h>

/* Records of one batch. */
#define RECORDS_BYTES_MAX ((size_t)64 << 20)

static struct drift_kept *
append(struct drift_kept_list *list, const struct drift_kept *kept, size_t bytes, struct drift_budget *budget)
{
    struct drift_kept *copy;

    if (!drift_budget_take(budget, bytes)) {
        return NULL;
    }
    copy = malloc(sizeof(*copy));
    if (!copy) {
        drift_budget_give(budget, bytes);
        return NULL;
    }
    *copy = *kept;
    copy->batch = kept->batch ? otc_batch_ref(kept->batch) : NULL;
    copy->records = (struct otc_buf){.limit = RECORDS_BYTES_MAX};
    copy->charged = bytes;
    copy->next = NULL;
    if (list->last) {
        list->last->next = copy;
    } else {
        list->first = copy;
    }
    list->last = copy;
    return copy;
}

bool
drift_kept_add(struct drift_kept_list *list, const struct drift_kept *kept, struct drift_budget *budget)
{
    return (list->last && list->last->batch && list->last->call == kept->call) ||
           append(list, kept, sizeof(*kept) + otc_batch_bytes(kept->batch), budget);
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
    kept->charged += more * sizeof(*duplicates);
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

/* Pays for what the records have grown to since `len`; without memory for it they are as they were. */
static bool
settle(struct drift_kept *kept, size_t len, struct drift_budget *budget)
{
    size_t bytes = sizeof(*kept) + kept->records.capacity;
    size_t more = bytes > kept->charged ? bytes - kept->charged : 0;

    if (kept->records.failed || !drift_budget_take(budget, more)) {
        kept->records.len = len;
        kept->records.failed = false;
        return false;
    }
    kept->charged += more;
    return true;
}

/* Where the records of this call go; NULL without memory for it. */
static struct drift_kept *
place_of(struct drift_kept_list *list, const struct drift_kept *kept, struct drift_budget *budget)
{
    if (list->last && list->last->call == kept->call && !list->last->batch) {
        return list->last;
    }
    return append(list, kept, sizeof(*kept), budget);
}

bool
drift_kept_add_record(struct drift_kept_list *list, const struct drift_kept *kept,
                      const struct drift_record *record, const struct otc_observed *observed,
                      const struct otc_feature_set *set, struct drift_budget *budget)
{
    struct drift_kept *place = place_of(list, kept, budget);
    size_t len = place ? place->records.len : 0;

    if (!place) {
        return false;
    }
    drift_record_write(&place->records, record, observed, set);
    return settle(place, len, budget);
}

bool
drift_kept_add_point(struct drift_kept_list *list, const struct drift_kept *kept,
                     const struct drift_point *point, struct drift_budget *budget)
{
    struct drift_kept *place = place_of(list, kept, budget);
    size_t len = place ? place->records.len : 0;

    if (!place) {
        return false;
    }
    drift_point_write(&place->records, point);
    return settle(place, len, budget);
}

bool
drift_kept_add_records(struct drift_kept_list *list, const struct drift_kept *kept, struct otc_slice records,
                       struct drift_budget *budget)
{
    struct drift_kept *place = append(list, kept, sizeof(*kept), budget);

    if (!place) {
        return false;
    }
    (void)otc_buf_append_slice(&place->records, records);
    return settle(place, 0, budget);
}

struct drift_kept *
drift_kept_take(struct drift_kept_list *list, struct drift_budget *budget)
{
    struct drift_kept *kept = list->first;

    if (kept) {
        list->first = kept->next;
        list->last = list->first ? list->last : NULL;
        drift_budget_give(budget, kept->charged);
    }
    return kept;
}

void
drift_kept_shift_monotonic(struct drift_kept_list *list, int64_t by_ns)
{
    for (struct drift_kept *kept = list->first; kept; kept = kept->next) {
        kept->monotonic_ns += by_ns;
    }
}

void
drift_kept_free(struct drift_kept *kept)
{
    if (kept) {
        otc_batch_unref(kept->batch);
        otc_buf_release(&kept->records);
        free(kept->duplicates);
        free(kept);
    }
}
