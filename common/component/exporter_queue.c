// SPDX-License-Identifier: Apache-2.0
#include "common/component/exporter_queue.h"

#include "common/component/client.h"

void
otc__entries_append(struct otc__entries *list, struct otc__entry *entry)
{
    entry->next = NULL;
    *(list->last ? &list->last->next : &list->first) = entry;
    list->last = entry;
    list->n++;
}

struct otc__entry *
otc__entries_take(struct otc__entries *list)
{
    struct otc__entry *entry = list->first;

    if (entry) {
        list->first = entry->next;
        list->last = entry->next ? list->last : NULL;
        list->n--;
        entry->next = NULL;
    }
    return entry;
}

int64_t
otc__size_of(const struct otc_batch *batch, enum otc_sizer sizer)
{
    switch (sizer) {
    case OTC_SIZER_ITEMS:
        return (int64_t)otc_batch_items(batch);
    case OTC_SIZER_BYTES:
        return (int64_t)otc_batch_bytes(batch);
    case OTC_SIZER_REQUESTS:
        break;
    }
    return 1;
}

void
otc__entries_tell(struct otc__entries *list, const struct otc_error *result)
{
    struct otc__entry *entry;

    while ((entry = otc__entries_take(list))) {
        if (entry->done) {
            entry->done->fn(entry->done, result);
        }
        otc_batch_unref(entry->batch);
        free(entry);
    }
}

static bool
same_metadata(const struct otc_strings *keys, const struct otc_client *a, const struct otc_client *b)
{
    for (size_t i = 0; i < keys->n; i++) {
        for (size_t index = 0;; index++) {
            struct otc_slice x = OTC_SLICE_NONE, y = OTC_SLICE_NONE;
            bool has_x = otc_client_metadata(a, otc_slice_str(keys->items[i]), index, &x);
            bool has_y = otc_client_metadata(b, otc_slice_str(keys->items[i]), index, &y);

            if (has_x != has_y || !otc_slice_equal(x, y)) {
                return false;
            }
            if (!has_x) {
                break;
            }
        }
    }
    return true;
}

bool
otc__may_merge(const struct otc_queue_batch *config, const struct otc_batch *a, const struct otc_batch *b)
{
    return otc_client_same_auth(otc_batch_client(a), otc_batch_client(b)) &&
           same_metadata(&config->partition.metadata_keys, otc_batch_client(a), otc_batch_client(b));
}

static void
unref_batch(void *arg)
{
    otc_batch_unref(arg);
}

/* One batch with the parts of all entries. NULL out of memory. */
struct otc_batch *
otc__entries_merge(const struct otc__entries *entries)
{
    struct otc_batch *first = entries->first->batch, *merged;
    size_t n = 0, items = 0;
    struct otc_part *parts;

    if (entries->n == 1) {
        return otc_batch_ref(first);
    }
    for (const struct otc__entry *entry = entries->first; entry; entry = entry->next) {
        n += otc_batch_parts(entry->batch);
        items += otc_batch_items(entry->batch);
    }
    parts = calloc(n > 0 ? n : 1, sizeof(*parts));
    if (!parts) {
        return NULL;
    }
    n = 0;
    for (const struct otc__entry *entry = entries->first; entry; entry = entry->next) {
        for (size_t i = 0; i < otc_batch_parts(entry->batch); i++) {
            parts[n++] =
                (struct otc_part){otc_batch_part(entry->batch, i), unref_batch, otc_batch_ref(entry->batch)};
        }
    }
    merged = otc_batch_new(otc_batch_signal(first), parts, n, items, otc_batch_client(first));
    free(parts);
    return merged;
}
