// SPDX-License-Identifier: Apache-2.0
/* The storage of one component: a store and a journal, with their failures logged and counted. */
#include "common/storage/journal.h"
#include "common/storage/store.h"
#include "extensions/file_storage/file_storage.h"

#include <ctype.h>

struct client {
    struct otc_storage storage;
    const struct file_storage_context *context;
    struct otc_store *store;
    struct otc_journal *journal;
    size_t *clients;
    char name[FILE_STORAGE_NAME_MAX]; /* of the files, without folder and ending */
    struct otc_series *stored, *journaled, *failures, *quarantined, *journal_size;
};

static const struct otc_instrument stored_instrument = {"aimon_storage_stored_bytes", "By",
                                                        "Bytes of values written to the store.", OTC_COUNTER};
static const struct otc_instrument journaled_instrument = {"aimon_storage_journaled_bytes", "By",
                                                           "Bytes appended to the journal.", OTC_COUNTER};
static const struct otc_instrument failures_instrument = {"aimon_storage_failures", "{failure}",
                                                          "Reads and writes that failed.", OTC_COUNTER};
static const struct otc_instrument quarantined_instrument = {
    "aimon_storage_quarantined_files", "{file}", "Damaged files that were moved aside.", OTC_COUNTER};
static const struct otc_instrument journal_instrument = {
    "aimon_storage_journal_size", "By", "Bytes of the journal that a restart would replay.", OTC_GAUGE};

static struct client *
client_of(struct otc_storage *storage)
{
    return OTC_CONTAINER(storage, client, storage);
}

static void
count(const struct client *client, struct otc_series *series, int64_t delta)
{
    const struct otc_count change = {series, delta};

    if (client->context->host->meter && series) {
        otc_meter_add(client->context->host->meter, &change, 1);
    }
}

static void
log_moved(const struct client *client, const struct otc_store_moved *moved)
{
    if (moved->path[0]) {
        count(client, client->quarantined, 1);
        otc_log(client->context->host->logger, OTC_LOG_ERROR, client->context->id,
                "A damaged file was moved aside; an empty one takes its place",
                OTC_FIELD_TEXT("moved_to", moved->path), OTC_FIELD_TEXT("reason", moved->why));
    }
}

/* Opens the store, unless it is open. */
static otc_status
open_store(struct client *client, struct otc_error *err)
{
    const struct file_storage_config *config = client->context->config;
    struct otc_host *host = client->context->host;
    const struct otc_store_options options = {config->max_size.n, config->timeout.ns, host->now_ns(host)};
    struct otc_store_moved moved = {.path = ""};
    char path[OTC_STORE_PATH_MAX];
    otc_status status;

    if (client->store) {
        return OTC_OK;
    }
    if ((size_t)snprintf(path, sizeof(path), "%s/%s.db", config->directory, client->name) >= sizeof(path)) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "%s: the path is too long", config->directory);
    }
    status = otc_store_open(path, &options, &moved, &client->store, err);
    log_moved(client, &moved);
    return status;
}

/* Passes an outcome of the store on; a damaged store has become an empty one. */
static otc_status
settle(const struct client *client, otc_status status, const struct otc_store_moved *moved)
{
    log_moved(client, moved);
    if (status != OTC_OK && status != OTC_NOT_FOUND) {
        count(client, client->failures, 1);
    }
    return status;
}

static otc_status
client_get(struct otc_storage *storage, struct otc_slice key, void (*fn)(void *arg, struct otc_slice value),
           void *arg, struct otc_error *err)
{
    struct client *client = client_of(storage);
    struct otc_store_moved moved = {.path = ""};
    otc_status status = open_store(client, err);

    if (status == OTC_OK) {
        status = otc_store_get(client->store, key, fn, arg, &moved, err);
    }
    status = settle(client, status, &moved);
    return status == OTC_DATA_LOSS ? OTC_NOT_FOUND : status;
}

static otc_status
client_apply(struct otc_storage *storage, const struct otc_storage_change *changes, size_t n,
             struct otc_error *err)
{
    struct client *client = client_of(storage);
    struct otc_store_change *list = calloc(n ? n : 1, sizeof(*list));
    otc_status status = OTC_DATA_LOSS;
    int64_t bytes = 0;

    if (!list) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "%s: out of memory", client->name);
    }
    for (size_t i = 0; i < n; i++) {
        list[i] = (struct otc_store_change){changes[i].key, changes[i].value, changes[i].remove};
        bytes += (int64_t)changes[i].value.len;
    }
    /* In the place of a damaged file there is an empty one: it takes the changes. */
    for (int attempt = 0; attempt < 2 && status == OTC_DATA_LOSS; attempt++) {
        struct otc_store_moved moved = {.path = ""};

        status = open_store(client, err);
        if (status == OTC_OK) {
            status = otc_store_apply(client->store, list, n, &moved, err);
        }
        status = settle(client, status, &moved);
    }
    free(list);
    if (status == OTC_OK) {
        count(client, client->stored, bytes);
    }
    return status;
}

static void
tell_size(const struct client *client)
{
    count(client, client->journal_size, otc_journal_bytes(client->journal));
}

static otc_status
client_append(struct otc_storage *storage, struct otc_slice record, struct otc_error *err)
{
    struct client *client = client_of(storage);
    otc_status status = otc_journal_append(client->journal, record, err);

    if (status == OTC_OK) {
        count(client, client->journaled, (int64_t)record.len);
    } else if (status != OTC_FAILED_PRECONDITION) {
        count(client, client->failures, 1);
    }
    return status;
}

static otc_status
client_roll(struct otc_storage *storage, uint64_t *generation, struct otc_error *err)
{
    struct client *client = client_of(storage);
    otc_status status = otc_journal_roll(client->journal, generation, err);

    if (status != OTC_OK) {
        count(client, client->failures, 1);
    }
    return status;
}

static otc_status
client_replay(struct otc_storage *storage, uint64_t from, bool (*fn)(void *arg, struct otc_slice record),
              void *arg, struct otc_storage_replayed *out, struct otc_error *err)
{
    struct client *client = client_of(storage);
    struct otc_journal_replayed replayed;

    (void)err;
    otc_journal_replay(client->journal, from, fn, arg, &replayed);
    *out = (struct otc_storage_replayed){replayed.records, replayed.bytes, replayed.complete, ""};
    memcpy(out->why, replayed.why, sizeof(out->why));
    return OTC_OK;
}

static void
client_drop(struct otc_storage *storage, uint64_t before)
{
    struct client *client = client_of(storage);

    otc_journal_drop(client->journal, before);
    tell_size(client);
}

static otc_status
client_seal(struct otc_storage *storage, struct otc_error *err)
{
    return otc_journal_seal(client_of(storage)->journal, err);
}

static void
client_usage(struct otc_storage *storage, int64_t *bytes, int64_t *limit)
{
    struct client *client = client_of(storage);

    *bytes = otc_journal_bytes(client->journal);
    *limit = client->context->config->max_journal_size.n;
    tell_size(client);
}

static void
client_close(struct otc_storage *storage)
{
    struct client *client = client_of(storage);

    otc_store_close(client->store);
    otc_journal_close(client->journal);
    --*client->clients;
    free(client);
}

bool
file_storage_name(const char *kind, const char *component_id, const char *name,
                  char out[FILE_STORAGE_NAME_MAX])
{
    const char *slash = strchr(component_id, '/');
    int type = (int)(slash ? (size_t)(slash - component_id) : strlen(component_id));
    char text[160];
    size_t at = 0;

    /* No type has two underlines in a row, or one at its end: otlp/http is not otlp_http. */
    if ((size_t)snprintf(text, sizeof(text), "%s_%.*s%s%s%s%s", kind, type, component_id, slash ? "__" : "",
                         slash ? slash + 1 : "", name ? "_" : "", name ? name : "") >= sizeof(text)) {
        return false;
    }
    for (const char *c = text; *c && at + 4 < FILE_STORAGE_NAME_MAX; c++) {
        if (isalnum((unsigned char)*c) || *c == '_' || *c == '-') {
            out[at++] = *c;
        } else {
            at += (size_t)snprintf(out + at, 4, "~%02x", (unsigned char)*c);
        }
        out[at] = '\0';
    }
    return strlen(out) < FILE_STORAGE_NAME_MAX - 5;
}

static void
make_series(struct client *client, const char *kind, const char *component_id)
{
    struct otc_meter *meter = client->context->host->meter;
    const struct otc_label labels[] = {
        {"extension", client->context->id}, {"component", component_id}, {"kind", kind}};
    const struct {
        const struct otc_instrument *instrument;
        struct otc_series **series;
    } all[] = {{&stored_instrument, &client->stored},
               {&journaled_instrument, &client->journaled},
               {&failures_instrument, &client->failures},
               {&quarantined_instrument, &client->quarantined},
               {&journal_instrument, &client->journal_size}};

    for (size_t i = 0; meter && i < sizeof(all) / sizeof(all[0]); i++) {
        *all[i].series = otc_meter_series(meter, all[i].instrument, labels, 3);
    }
}

static otc_status
open_files(struct client *client, struct otc_error *err)
{
    const struct file_storage_config *config = client->context->config;
    otc_status status = open_store(client, err);

    if (status == OTC_INTERNAL || status == OTC_RESOURCE_EXHAUSTED) {
        /* The disk, which may be mended. */
        count(client, client->failures, 1);
        otc_log(client->context->host->logger, OTC_LOG_ERROR, client->context->id,
                "A store cannot be opened; going on without it until it can",
                OTC_FIELD_TEXT("error", err->text));
        status = OTC_OK;
    }
    if (status == OTC_OK) {
        status = otc_journal_open(config->directory, client->name, config->max_journal_size.n,
                                  &client->journal, err);
    }
    return status;
}

otc_status
file_storage_client_new(const struct file_storage_context *context, const char *kind,
                        const char *component_id, size_t *clients, struct otc_storage **out,
                        struct otc_error *err)
{
    struct client *client = calloc(1, sizeof(*client));
    otc_status status;

    if (!client) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    client->storage = (struct otc_storage){.abi = OTC_ABI_OF(otc_storage),
                                           .get = client_get,
                                           .apply = client_apply,
                                           .append = client_append,
                                           .roll = client_roll,
                                           .replay = client_replay,
                                           .drop = client_drop,
                                           .seal = client_seal,
                                           .usage = client_usage,
                                           .close = client_close};
    client->context = context;
    client->clients = clients;
    ++*clients;
    make_series(client, kind, component_id);
    status = file_storage_name(kind, component_id, NULL, client->name)
                 ? open_files(client, err)
                 : otc_fail(err, OTC_INVALID_ARGUMENT, "the id %s is too long for a file name", component_id);
    if (status != OTC_OK) {
        client_close(&client->storage);
        return otc_error_prefix(err, "extension \"%s\"", context->id);
    }
    *out = &client->storage;
    return OTC_OK;
}
