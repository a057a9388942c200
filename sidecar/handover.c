// SPDX-License-Identifier: Apache-2.0
#include "sidecar/handover.h"

#include <stdlib.h>
#include <string.h>

struct value {
    struct value *next;
    struct otc_slice key;
    struct otc_slice data;
    uint8_t bytes[];
};

/* Of one component. */
struct entry {
    struct otc_storage storage;
    struct otc_handover *owner;
    struct entry *next;
    char *kind;
    char *id;
    struct value *values;
};

struct otc_handover {
    struct entry *entries;
    size_t bytes;
};

static struct value **
find(struct entry *entry, struct otc_slice key)
{
    struct value **at = &entry->values;

    while (*at != NULL && !otc_slice_equal((*at)->key, key)) {
        at = &(*at)->next;
    }
    return at;
}

static void
forget(struct entry *entry, struct value **at)
{
    struct value *value = *at;

    if (value != NULL) {
        *at = value->next;
        entry->owner->bytes -= value->key.len + value->data.len;
        free(value);
    }
}

static struct value *
value_new(const struct otc_storage_change *change)
{
    struct value *value = malloc(sizeof(*value) + change->key.len + change->value.len);

    if (value == NULL) {
        return NULL;
    }
    if (change->key.len > 0) {
        memcpy(value->bytes, change->key.data, change->key.len);
    }
    if (change->value.len > 0) {
        memcpy(value->bytes + change->key.len, change->value.data, change->value.len);
    }
    value->key = otc_slice_of(value->bytes, change->key.len);
    value->data = otc_slice_of(value->bytes + change->key.len, change->value.len);
    return value;
}

static otc_status
get(struct otc_storage *self, struct otc_slice key, void (*fn)(void *arg, struct otc_slice value), void *arg,
    struct otc_error *err)
{
    const struct value *value = *find(OTC_CONTAINER(self, entry, storage), key);

    if (value == NULL) {
        return otc_fail(err, OTC_NOT_FOUND, "nothing was left under this key");
    }
    fn(arg, value->data);
    return OTC_OK;
}

/* Room for all of the changes first: they come together or not at all. */
static otc_status
apply(struct otc_storage *self, const struct otc_storage_change *changes, size_t n, struct otc_error *err)
{
    struct entry *entry = OTC_CONTAINER(self, entry, storage);
    struct value *made = NULL, *next;
    size_t bytes = entry->owner->bytes;
    bool ok = true;

    for (size_t i = 0; i < n && ok; i++) {
        struct value *value;

        bytes += changes[i].remove ? 0 : changes[i].key.len + changes[i].value.len;
        value = changes[i].remove || bytes > OTC_HANDOVER_BYTES_MAX ? NULL : value_new(&changes[i]);
        ok = changes[i].remove || value != NULL;
        if (value != NULL) {
            value->next = made;
            made = value;
        }
    }
    for (size_t i = 0; i < n && ok; i++) {
        forget(entry, find(entry, changes[i].key));
    }
    for (; made != NULL; made = next) {
        next = made->next;
        if (ok) {
            made->next = entry->values;
            entry->values = made;
            entry->owner->bytes += made->key.len + made->data.len;
        } else {
            free(made);
        }
    }
    return ok ? OTC_OK
              : otc_fail(err, OTC_RESOURCE_EXHAUSTED, "no memory, or more than %zu bytes are left behind",
                         OTC_HANDOVER_BYTES_MAX);
}

static otc_status
append(struct otc_storage *self, struct otc_slice record, struct otc_error *err)
{
    (void)self;
    (void)record;
    return otc_fail(err, OTC_UNIMPLEMENTED, "there is no journal within a reload");
}

static otc_status
roll(struct otc_storage *self, uint64_t *generation, struct otc_error *err)
{
    (void)self;
    (void)err;
    *generation = 1;
    return OTC_OK;
}

static otc_status
replay(struct otc_storage *self, uint64_t from, bool (*fn)(void *arg, struct otc_slice record), void *arg,
       struct otc_storage_replayed *out, struct otc_error *err)
{
    (void)self;
    (void)from;
    (void)fn;
    (void)arg;
    (void)err;
    *out = (struct otc_storage_replayed){.complete = true};
    return OTC_OK;
}

static void
drop(struct otc_storage *self, uint64_t before)
{
    (void)self;
    (void)before;
}

static otc_status
seal(struct otc_storage *self, struct otc_error *err)
{
    (void)self;
    (void)err;
    return OTC_OK;
}

static void
usage(struct otc_storage *self, int64_t *bytes, int64_t *limit)
{
    (void)self;
    *bytes = 0;
    *limit = 0;
}

/* What it holds stays for the successor. */
static void
close_storage(struct otc_storage *self)
{
    (void)self;
}

static void
entry_free(struct entry *entry)
{
    while (entry->values != NULL) {
        forget(entry, &entry->values);
    }
    free(entry->kind);
    free(entry->id);
    free(entry);
}

struct otc_handover *
otc_handover_new(void)
{
    return calloc(1, sizeof(struct otc_handover));
}

void
otc_handover_free(struct otc_handover *handover)
{
    struct entry *next;

    for (struct entry *entry = handover != NULL ? handover->entries : NULL; entry != NULL; entry = next) {
        next = entry->next;
        entry_free(entry);
    }
    free(handover);
}

struct otc_storage *
otc_handover_open(struct otc_handover *handover, const char *kind, const char *component_id)
{
    struct entry *entry = handover->entries;

    while (entry != NULL && (strcmp(entry->kind, kind) != 0 || strcmp(entry->id, component_id) != 0)) {
        entry = entry->next;
    }
    if (entry != NULL) {
        return &entry->storage;
    }
    entry = calloc(1, sizeof(*entry));
    if (entry == NULL) {
        return NULL;
    }
    entry->storage = (struct otc_storage){.abi = OTC_ABI_OF(otc_storage),
                                          .get = get,
                                          .apply = apply,
                                          .append = append,
                                          .roll = roll,
                                          .replay = replay,
                                          .drop = drop,
                                          .seal = seal,
                                          .usage = usage,
                                          .close = close_storage};
    entry->owner = handover;
    entry->kind = strdup(kind);
    entry->id = strdup(component_id);
    if (entry->kind == NULL || entry->id == NULL) {
        entry_free(entry);
        return NULL;
    }
    entry->next = handover->entries;
    handover->entries = entry;
    return &entry->storage;
}
