// SPDX-License-Identifier: Apache-2.0
#include "common/component/gather.h"

#include "common/component/client.h"
#include "common/otlp/split.h"

struct otc_cut {
    size_t part; /* the next one */
    bool inside; /* it is being cut */
    struct otc_split split;
};

/* Parts of a piece, while it is made. */
struct parts {
    struct otc_part *items;
    size_t n, capacity;
};

/* ---- Entries -------------------------------------------------------------------------------------- */

int64_t
otc_size_of(const struct otc_batch *batch, enum otc_sizer sizer)
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

struct otc_entry *
otc_entry_new(struct otc_batch *batch, struct otc_done *done, enum otc_sizer unit, int64_t arrived)
{
    struct otc_entry *entry = calloc(1, sizeof(*entry));

    if (entry) {
        entry->batch = batch;
        entry->done = done;
        entry->items = otc_batch_items(batch);
        entry->left = otc_size_of(batch, unit);
        entry->arrived = arrived;
        entry->untold = 1;
    }
    return entry;
}

static void
free_cut(struct otc_entry *entry)
{
    if (entry->cut) {
        if (entry->cut->inside) {
            otc_split_release(&entry->cut->split);
        }
        free(entry->cut);
        entry->cut = NULL;
    }
}

void
otc_entry_end(struct otc_entry *entry, const struct otc_error *error)
{
    const struct otc_error ok = OTC_ERROR_INIT;

    if (entry->done) {
        entry->done->fn(entry->done, error ? error : entry->error ? entry->error : &ok);
    }
    free_cut(entry);
    otc_batch_unref(entry->batch);
    free(entry->error);
    free(entry);
}

void
otc_entries_append(struct otc_entries *list, struct otc_entry *entry)
{
    entry->next = NULL;
    *(list->last ? &list->last->next : &list->first) = entry;
    list->last = entry;
    list->n++;
}

struct otc_entry *
otc_entries_take(struct otc_entries *list)
{
    struct otc_entry *entry = list->first;

    if (entry) {
        list->first = entry->next;
        list->last = entry->next ? list->last : NULL;
        list->n--;
        entry->next = NULL;
    }
    return entry;
}

void
otc_entries_unlink(struct otc_entries *list, struct otc_entry *entry)
{
    struct otc_entry *before = NULL;

    for (struct otc_entry *at = list->first; at != entry; at = at->next) {
        before = at;
    }
    *(before ? &before->next : &list->first) = entry->next;
    list->last = list->last == entry ? before : list->last;
    list->n--;
    entry->next = NULL;
}

void
otc_entries_end(struct otc_entries *list, const struct otc_error *result)
{
    struct otc_entry *entry;

    while ((entry = otc_entries_take(list))) {
        otc_entry_end(entry, result);
    }
}

/* ---- Cutting -------------------------------------------------------------------------------------- */

static void
unref_batch(void *arg)
{
    otc_batch_unref(arg);
}

static bool
add_part(struct parts *parts, struct otc_slice bytes, void (*release)(void *arg), void *arg)
{
    if (parts->n == parts->capacity) {
        size_t capacity = parts->capacity * 2 + 4;
        struct otc_part *items = realloc(parts->items, capacity * sizeof(*items));

        if (!items) {
            release(arg);
            return false;
        }
        parts->items = items;
        parts->capacity = capacity;
    }
    parts->items[parts->n++] = (struct otc_part){bytes, release, arg};
    return true;
}

static size_t
items_of(const struct otc_batch *batch, size_t part)
{
    return otc_batch_parts(batch) == 1
               ? otc_batch_items(batch)
               : otc_split_count(otc_batch_signal(batch), otc_batch_part(batch, part));
}

/* How much may still go into a piece, and what went. */
struct piece {
    enum otc_sizer unit;
    size_t room;
    size_t items;
    bool must; /* take something, whatever the room */
    struct parts parts;
};

static void
note(struct piece *piece, size_t items, size_t bytes)
{
    size_t used = piece->unit == OTC_SIZER_BYTES ? bytes : items;

    piece->room = used < piece->room ? piece->room - used : 0;
    piece->items += items;
    piece->must = false;
}

/* The whole next part, when there is room for it; else begins to cut it. */
static bool
take_part(struct otc_entry *entry, struct piece *piece)
{
    struct otc_cut *cut = entry->cut;
    struct otc_slice bytes = otc_batch_part(entry->batch, cut->part);
    size_t items = items_of(entry->batch, cut->part);

    if ((piece->unit == OTC_SIZER_BYTES ? bytes.len : items) > piece->room) {
        cut->inside = true;
        return otc_split_init(&cut->split, otc_batch_signal(entry->batch), bytes, NULL) == OTC_OK;
    }
    cut->part++;
    note(piece, items, bytes.len);
    return add_part(&piece->parts, bytes, unref_batch, otc_batch_ref(entry->batch));
}

/* What there is room for of the part that is being cut. `*full`: there is no room for more of it. */
static bool
take_piece(struct otc_entry *entry, struct piece *piece, bool *full)
{
    struct otc_cut *cut = entry->cut;
    struct otc_buf out = {.limit = SIZE_MAX / 4};
    size_t items = 0, len = 0;
    uint8_t *bytes;

    if (otc_split_next(&cut->split, piece->unit == OTC_SIZER_BYTES ? OTC_SPLIT_BYTES : OTC_SPLIT_ITEMS,
                       piece->room, piece->must, &out, &items, NULL) != OTC_OK) {
        otc_buf_release(&out);
        return false;
    }
    *full = !otc_split_ended(&cut->split);
    if (!*full) {
        otc_split_release(&cut->split);
        cut->inside = false;
        cut->part++;
    }
    if (out.len == 0) {
        otc_buf_release(&out);
        return true;
    }
    bytes = otc_buf_take(&out, &len);
    note(piece, items, len);
    return add_part(&piece->parts, otc_slice_of(bytes, len), free, bytes);
}

/* Cuts what there is room for off an entry. `share->batch` NULL without a failure: nothing was. */
static bool
cut_entry(struct otc_entry *entry, struct piece *piece, struct otc_share *share)
{
    bool ok = entry->cut || (entry->cut = calloc(1, sizeof(*entry->cut))), full = false;

    while (ok && !full && entry->cut->part < otc_batch_parts(entry->batch)) {
        ok = entry->cut->inside ? take_piece(entry, piece, &full) : take_part(entry, piece);
    }
    share->items = piece->items;
    if (ok && piece->parts.n > 0) {
        share->batch = otc_batch_new(otc_batch_signal(entry->batch), piece->parts.items, piece->parts.n,
                                     piece->items, otc_batch_client(entry->batch));
        ok = share->batch != NULL;
    } else {
        for (size_t i = 0; i < piece->parts.n; i++) {
            piece->parts.items[i].release(piece->parts.items[i].arg);
        }
    }
    free(piece->parts.items);
    return ok;
}

/* ---- Taking --------------------------------------------------------------------------------------- */

static bool
same_metadata(const otc_strings *keys, const struct otc_client *a, const struct otc_client *b)
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
otc_gather_mixes(const struct otc_gather *gather, const struct otc_batch *a, const struct otc_batch *b)
{
    return otc_client_same_auth(otc_batch_client(a), otc_batch_client(b)) &&
           same_metadata(gather->metadata_keys, otc_batch_client(a), otc_batch_client(b));
}

static bool
may_join(const struct otc_gather *gather, const struct otc_entry *a, const struct otc_entry *b)
{
    return !a->alone && !b->alone && a->mix.low == b->mix.low && a->mix.high == b->mix.high &&
           otc_gather_mixes(gather, a->batch, b->batch);
}

static int64_t
room_for(const struct otc_gather *gather, const struct otc_shares *shares)
{
    return gather->max > shares->size ? gather->max - shares->size : 0;
}

/* What there is room for of an entry; `*all`: nothing is left of it. NULL: there is room for nothing (or no
 * memory). */
static struct otc_share *
share_of(const struct otc_gather *gather, struct otc_entry *entry, const struct otc_shares *shares, bool *all)
{
    struct otc_share *share = calloc(1, sizeof(*share));
    struct piece piece = {gather->unit, (size_t)room_for(gather, shares), 0, shares->n == 0, {0}};
    bool whole = !entry->cut && (gather->max == 0 || entry->left <= room_for(gather, shares));

    if (!share) {
        return NULL;
    }
    share->entry = entry;
    share->items = entry->items;
    if (whole) {
        share->batch = otc_batch_ref(entry->batch);
    } else if (!cut_entry(entry, &piece, share)) {
        /* Out of memory. What was not taken before cannot be any more; the attempt will fail and say so. */
        share->items = entry->items;
        share->batch = NULL;
        whole = true;
    } else if (!share->batch) {
        free(share);
        return NULL;
    }
    *all = whole || entry->cut->part == otc_batch_parts(entry->batch);
    return share;
}

static void
append_share(struct otc_shares *shares, struct otc_share *share)
{
    *(shares->last ? &shares->last->next : &shares->first) = share;
    shares->last = share;
    shares->n++;
    shares->items += share->items;
}

size_t
otc_gather_reach(const struct otc_gather *gather, const struct otc_entries *list)
{
    const struct otc_entry *entry = list->first;
    int64_t size = 0;
    size_t n = 0;

    while (entry && entry->batch &&
           (n == 0 || (size < gather->enough && may_join(gather, list->first, entry)))) {
        size += entry->left;
        n++;
        entry = entry->next;
    }
    return n;
}

void
otc_gather_take(const struct otc_gather *gather, struct otc_entries *list, struct otc_shares *out)
{
    struct otc_entry *entry;

    while ((entry = list->first) && (out->n == 0 || out->size < gather->enough)) {
        struct otc_share *share;
        int64_t size;
        bool all;

        if (!entry->batch) {
            return;
        }
        if (out->n > 0 && !may_join(gather, out->first->entry, entry)) {
            return;
        }
        share = share_of(gather, entry, out, &all);
        if (!share) {
            return;
        }
        size = share->batch ? otc_size_of(share->batch, gather->unit) : 0;
        entry->items -= share->items;
        entry->untold++;
        /* Pieces are larger in bytes than what they leave behind: their surroundings are repeated. */
        share->left = all ? entry->left : size < entry->left ? size : entry->left - 1;
        entry->left -= share->left;
        append_share(out, share);
        out->size += size;
        if (all) {
            (void)otc_entries_take(list);
            entry->untold--;
        }
    }
}

/* ---- Sending -------------------------------------------------------------------------------------- */

/* What the clients of all shares have in common. False out of memory. */
static bool
common_client(const struct otc_shares *shares, const otc_strings *keys, struct otc_client **out)
{
    struct otc_client *first = otc_batch_client(shares->first->batch);

    for (const struct otc_share *share = shares->first->next; share; share = share->next) {
        if (otc_batch_client(share->batch) != first) {
            return otc_client_narrow(first, keys->items, keys->n, out);
        }
    }
    *out = otc_client_ref(first);
    return true;
}

struct otc_batch *
otc_shares_merge(const struct otc_shares *shares, const otc_strings *metadata_keys, bool *broken)
{
    struct otc_batch *merged = NULL;
    struct otc_client *client = NULL;
    struct parts parts = {0};
    bool ok = true;

    *broken = !shares->first;
    for (const struct otc_share *share = shares->first; share; share = share->next) {
        *broken = *broken || !share->batch;
    }
    if (*broken) {
        return NULL;
    }
    if (!shares->first->next) {
        return otc_batch_ref(shares->first->batch);
    }
    for (const struct otc_share *share = shares->first; ok && share; share = share->next) {
        for (size_t i = 0; ok && i < otc_batch_parts(share->batch); i++) {
            ok = add_part(&parts, otc_batch_part(share->batch, i), unref_batch, otc_batch_ref(share->batch));
        }
    }
    if (ok && common_client(shares, metadata_keys, &client)) {
        merged = otc_batch_new(otc_batch_signal(shares->first->batch), parts.items, parts.n, shares->items,
                               client);
    } else {
        for (size_t i = 0; i < parts.n; i++) {
            parts.items[i].release(parts.items[i].arg);
        }
    }
    otc_client_unref(client);
    free(parts.items);
    return merged;
}

/* A permanent error is the one that counts: to repeat the whole would not help. */
static void
join_error(struct otc_entry *entry, const struct otc_error *result)
{
    if (!entry->error) {
        entry->error = malloc(sizeof(*entry->error));
        if (entry->error) {
            *entry->error = *result;
        }
    } else if (result->permanent && !entry->error->permanent) {
        *entry->error = *result;
    }
}

bool
otc_entry_give_up(struct otc_entry *entry, const struct otc_error *error)
{
    join_error(entry, error);
    return --entry->untold == 0;
}

void
otc_shares_tell(struct otc_shares *shares, const struct otc_error *result, struct otc_entries *ended)
{
    struct otc_share *next;

    for (struct otc_share *share = shares->first; share; share = next) {
        struct otc_entry *entry = share->entry;

        next = share->next;
        if (result->status != OTC_OK) {
            join_error(entry, result);
        }
        if (--entry->untold == 0) {
            otc_entries_append(ended, entry);
        }
        otc_batch_unref(share->batch);
        free(share);
    }
    *shares = (struct otc_shares){0};
}
