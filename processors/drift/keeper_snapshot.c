// SPDX-License-Identifier: Apache-2.0
#include "processors/drift/keeper_internal.h"

#include "common/base/hash.h"
#include "processors/drift/identity.h"
#include "processors/drift/snapshot.h"

/* Under the lock: nothing is under way that a snapshot cannot hold. */
static bool
is_at_rest(const struct drift *drift)
{
    for (size_t i = 0; i < otc_models_count(drift->models); i++) {
        const struct drift_model *model = otc_models_at(drift->models, i)->state;

        if (model->phase == DRIFT_FREEZING || model->busy) {
            return false;
        }
    }
    return true;
}

/* What a snapshot consists of; `references` are those that are not stored yet, each with a reference count.
 */
struct snapshot {
    struct otc_buf bytes;
    struct drift_binding **bindings;
    size_t n;
    uint64_t generation;
};

static void
write_head(struct drift_keeper *keeper, struct otc_buf *out, uint64_t generation)
{
    struct otc_host *host = keeper->drift->host;
    size_t place = otc_put_section(out, "head", 1);

    otc_put_u64(out, generation);
    otc_put_i64(out, host->now_ns(host));
    otc_put_i64(out, host->monotonic_ns(host));
    otc_put_i64(out, keeper->emitted_ns);
    otc_end_section(out, place);
    place = otc_put_section(out, "identity", 1);
    drift_identity_write(keeper->drift, out);
    otc_end_section(out, place);
}

/* Learned references, and former ones of the file that windows are still compared with. */
static bool
is_kept(const struct drift *drift, const struct drift_binding *binding)
{
    return binding && binding != drift->file;
}

/* Under the lock: the references in use that only the storage has. */
static bool
collect_references(const struct drift *drift, struct snapshot *snapshot)
{
    size_t models = otc_models_count(drift->models), most = models;

    for (size_t i = 0; i < models; i++) {
        most += otc_models_at(drift->models, i)->n_versions;
    }
    snapshot->bindings = calloc(most + 1, sizeof(struct drift_binding *));
    for (size_t i = 0; snapshot->bindings && i < models; i++) {
        const struct otc_model *entry = otc_models_at(drift->models, i);
        const struct drift_model *model = entry->state;

        if (is_kept(drift, model->binding)) {
            snapshot->bindings[snapshot->n++] = drift_binding_ref(model->binding);
        }
        for (size_t j = 0; j < entry->n_versions; j++) {
            const struct drift_version *version = entry->versions[j]->state;

            if (version->binding != model->binding && is_kept(drift, version->binding)) {
                snapshot->bindings[snapshot->n++] = drift_binding_ref(version->binding);
            }
        }
    }
    return snapshot->bindings != NULL;
}

/* Under the lock. The journal of a snapshot begins with it. */
static otc_status
take(struct drift_keeper *keeper, struct snapshot *snapshot, struct otc_error *err)
{
    otc_status status = keeper->storage->roll(keeper->storage, &snapshot->generation, err);

    if (status != OTC_OK) {
        return status;
    }
    keeper->generation = snapshot->generation;
    keeper->journaled = 0;
    write_head(keeper, &snapshot->bytes, snapshot->generation);
    drift_snapshot_write(keeper->drift, &snapshot->bytes);
    if (snapshot->bytes.failed || !collect_references(keeper->drift, snapshot)) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "no memory for a snapshot, or it exceeds %zu bytes",
                        DRIFT_SNAPSHOT_BYTES_MAX);
    }
    return OTC_OK;
}

/* The changes of the store: the snapshot, and references that came and went. */
struct changes {
    struct otc_storage_change *items;
    size_t n;
    struct otc_buf *texts; /* of references, one each */
    size_t n_texts;
    char (*keys)[64];
};

static void
release_changes(struct changes *changes)
{
    for (size_t i = 0; i < changes->n_texts; i++) {
        otc_buf_release(&changes->texts[i]);
    }
    free(changes->texts);
    free(changes->items);
    free(changes->keys);
}

static otc_status
add_reference(struct changes *changes, const struct otc_reference *reference, struct otc_error *err)
{
    struct otc_buf *text = &changes->texts[changes->n_texts];
    char *key = changes->keys[changes->n_texts++];
    otc_status status;

    otc_buf_init(text, DRIFT_SNAPSHOT_BYTES_MAX);
    status = otc_reference_format(reference, text, err);
    (void)snprintf(key, 64, DRIFT_REFERENCE_PREFIX "%s", reference->hash);
    changes->items[changes->n++] =
        (struct otc_storage_change){otc_slice_str(key), otc_buf_slice(text), false};
    return status;
}

/* References in the store that the snapshot does not need any more. */
static void
remove_references(struct changes *changes, const struct drift_keeper *keeper, const struct otc_map *needed)
{
    struct otc_slice hash;
    size_t cursor = 0;
    void *value;

    while (otc_map_next(keeper->stored, &cursor, &hash, &value)) {
        if (!otc_map_get(needed, hash)) {
            char *key = changes->keys[changes->n];

            (void)snprintf(key, 64, DRIFT_REFERENCE_PREFIX "%.*s", OTC_SLICE_ARG(hash));
            changes->items[changes->n++] =
                (struct otc_storage_change){.key = otc_slice_str(key), .remove = true};
        }
    }
}

static otc_status
make_changes(const struct drift_keeper *keeper, const struct snapshot *snapshot, struct otc_map *needed,
             struct changes *changes, struct otc_error *err)
{
    size_t most = snapshot->n + otc_map_count(keeper->stored) + 1;
    otc_status status = OTC_OK;

    changes->items = calloc(most, sizeof(*changes->items));
    changes->texts = calloc(most, sizeof(*changes->texts));
    changes->keys = calloc(most, sizeof(*changes->keys));
    if (!changes->items || !changes->texts || !changes->keys) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    for (size_t i = 0; i < snapshot->n && status == OTC_OK; i++) {
        const struct drift_binding *binding = snapshot->bindings[i];
        struct otc_slice hash = otc_slice_str(binding ? binding->reference->hash : "");

        if (binding && !otc_map_get(needed, hash) && !otc_map_get(keeper->stored, hash)) {
            status = add_reference(changes, binding->reference, err);
        }
        (void)otc_map_put(needed, hash, changes);
    }
    remove_references(changes, keeper, needed);
    changes->items[changes->n++] = (struct otc_storage_change){otc_slice_str(DRIFT_SNAPSHOT_KEY),
                                                               otc_buf_slice(&snapshot->bytes), false};
    return status;
}

/* What stands before the snapshot's sections: who wrote it and that nothing has changed since. */
static void
begin_snapshot(struct otc_buf *out)
{
    otc_put_bytes(out, otc_slice_str(DRIFT_SNAPSHOT_MAGIC));
    (void)otc_buf_append(out, "\0\0\0\0\0\0\0", 8);
}

static size_t
body_at(void)
{
    return 1 + sizeof(DRIFT_SNAPSHOT_MAGIC) - 1 + 8;
}

static void
seal_snapshot(struct otc_buf *out)
{
    struct otc_slice body = otc_slice_skip(otc_buf_slice(out), body_at());
    uint64_t hash = otc_hash64(body, sizeof(DRIFT_SNAPSHOT_MAGIC));

    memcpy(out->data + body_at() - 8, &hash, 8);
}

/* Not under the lock: waits for the disk. */
static otc_status
store(struct drift_keeper *keeper, struct snapshot *snapshot, struct otc_error *err)
{
    struct changes changes = {0};
    struct otc_map *needed = otc_map_new(snapshot->n + 1);
    otc_status status = needed ? OTC_OK : otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");

    seal_snapshot(&snapshot->bytes);
    if (status == OTC_OK) {
        status = make_changes(keeper, snapshot, needed, &changes, err);
    }
    if (status == OTC_OK) {
        status = keeper->storage->apply(keeper->storage, changes.items, changes.n, err);
    }
    release_changes(&changes);
    if (status == OTC_OK) {
        otc_map_free(keeper->stored, NULL);
        keeper->stored = needed;
    } else {
        otc_map_free(needed, NULL);
    }
    return status;
}

static void
tell_outcome(struct drift_keeper *keeper, const struct snapshot *snapshot, otc_status status,
             const struct otc_error *err)
{
    if (status == OTC_OK) {
        drift_keeper_count(keeper, keeper->snapshots, 1);
        drift_keeper_count(keeper, keeper->bytes, (int64_t)snapshot->bytes.len);
        keeper->failing = false;
        drift_keeper_tell_recovery(keeper);
        return;
    }
    drift_keeper_count(keeper, keeper->failed, 1);
    if (!keeper->failing) {
        otc_log(drift_keeper_logger(keeper), OTC_LOG_ERROR, keeper->drift->id,
                "State is not stored; a restart would find an older one", OTC_FIELD_TEXT("error", err->text));
    }
    keeper->failing = keeper->told = true;
}

bool
drift_keeper_snapshot(struct drift_keeper *keeper)
{
    struct drift *drift = keeper->drift;
    struct snapshot snapshot = {.bytes = {.limit = DRIFT_SNAPSHOT_BYTES_MAX}};
    struct otc_error err = OTC_ERROR_INIT;
    otc_status status = OTC_UNAVAILABLE;
    bool rest;

    drift_work(drift);
    begin_snapshot(&snapshot.bytes);
    pthread_mutex_lock(&drift->lock);
    rest = is_at_rest(drift);
    if (rest) {
        keeper->asked = false;
        status = take(keeper, &snapshot, &err);
    }
    pthread_mutex_unlock(&drift->lock);
    if (rest) {
        status = status == OTC_OK ? store(keeper, &snapshot, &err) : status;
        pthread_mutex_lock(&drift->lock);
        if (status == OTC_OK) {
            keeper->storage->drop(keeper->storage, snapshot.generation);
        }
        tell_outcome(keeper, &snapshot, status, &err);
        for (size_t i = 0; i < snapshot.n; i++) {
            drift_binding_unref(snapshot.bindings[i]);
        }
        pthread_mutex_unlock(&drift->lock);
    }
    free(snapshot.bindings);
    otc_buf_release(&snapshot.bytes);
    return rest;
}

bool
drift_keeper_open_snapshot(const struct otc_buf *bytes, struct otc_reader *out)
{
    struct otc_reader in = otc_reader_of(otc_buf_slice(bytes));
    struct otc_slice body;
    uint64_t hash;

    if (!otc_slice_equal_str(otc_take_bytes(&in), DRIFT_SNAPSHOT_MAGIC) || in.rest.len < 8) {
        return false;
    }
    memcpy(&hash, in.rest.data, 8);
    body = otc_slice_skip(in.rest, 8);
    *out = otc_reader_of(body);
    return otc_hash64(body, sizeof(DRIFT_SNAPSHOT_MAGIC)) == hash;
}
