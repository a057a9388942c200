// SPDX-License-Identifier: Apache-2.0
/* What waits, and when it goes. */
#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/map.h"
#include "common/component/client.h"
#include "processors/batch/batch.h"

#include <ctype.h>

/* Bytes of metadata that tell shards apart. */
#define KEY_LIMIT ((size_t)1 << 20)
/* Shards without a limit of the configuration's. */
#define MAX_SHARDS 1000000

/* What is sent as one. */
struct parcel {
    struct otc_done done;
    struct batch_lane *lane;
    struct parcel *next;
    struct otc_shares shares;
    size_t items;
    enum batch_trigger trigger;
};

/* Parcels in the order in which they were taken. */
struct parcels {
    struct parcel *first, *last;
};

/* ---- Sending --------------------------------------------------------------------------------------- */

static void
log_failed(const struct batch_lane *lane, const struct otc_error *result, size_t items)
{
    otc_log(lane->host->logger, OTC_LOG_WARN, lane->id, "Sender failed",
            OTC_FIELD_TEXT("error", result->text), OTC_FIELD_NUMBER("dropped_items", items));
}

/* The result of what was sent; who waits hears it, else a failure is logged and counted. */
static void
parcel_done(struct otc_done *done, const struct otc_error *result)
{
    struct parcel *parcel = OTC_CONTAINER(done, parcel, done);
    struct batch_lane *lane = parcel->lane;
    bool sent = result->status == OTC_OK;
    const struct otc_count counts[] = {
        {lane->counters.held, -(int64_t)parcel->items},
        {sent ? lane->counters.sent : lane->counters.refused, (int64_t)parcel->items}};
    struct otc_entries ended = {0};

    otc_meter_add(lane->counters.meter, counts, 2);
    if (!sent && !lane->next->holds) {
        log_failed(lane, result, parcel->items);
    }
    pthread_mutex_lock(&lane->lock);
    otc_shares_tell(&parcel->shares, result, &ended);
    pthread_mutex_unlock(&lane->lock);
    otc_entries_end(&ended, NULL);
    free(parcel);
}

/* As one batch, of whose clients only the metadata of `metadata_keys` goes on. NULL out of memory. */
static struct otc_batch *
merge(const struct parcel *parcel)
{
    const otc_strings *keys = parcel->lane->gather.metadata_keys;
    bool broken;
    struct otc_batch *batch = otc_shares_merge(&parcel->shares, keys, &broken);
    struct otc_client *client;

    if (!batch || !otc_client_narrow(otc_batch_client(batch), keys->items, keys->n, &client)) {
        otc_batch_unref(batch);
        return NULL;
    }
    batch = otc_batch_as(batch, client);
    otc_client_unref(client);
    return batch;
}

static void
send(struct parcel *parcel)
{
    struct batch_lane *lane = parcel->lane;
    struct otc_error result = OTC_ERROR_INIT;
    struct otc_batch *batch = merge(parcel);
    const struct otc_count counts[] = {
        {lane->counters.triggers[parcel->trigger], 1},
        {lane->counters.send_size, (int64_t)parcel->items},
        {lane->counters.send_bytes, batch ? (int64_t)otc_batch_bytes(batch) : 0}};
    otc_status status = OTC_UNAVAILABLE;

    otc_meter_add(lane->counters.meter, counts, 3);
    if (batch) {
        status = otc_consume(lane->next, batch, &parcel->done, &result);
    } else {
        (void)otc_fail(&result, OTC_UNAVAILABLE, "out of memory");
    }
    if (status != OTC_PENDING) {
        result.status = status;
        parcel_done(&parcel->done, &result);
    }
}

static void
send_all(const struct parcels *parcels)
{
    struct parcel *next;

    for (struct parcel *parcel = parcels->first; parcel; parcel = next) {
        next = parcel->next;
        send(parcel);
    }
}

/* ---- Taking ---------------------------------------------------------------------------------------- */

/* Takes one parcel. False out of memory: what waits goes on waiting. Under the lock. */
static bool
take(struct batch_shard *shard, enum batch_trigger trigger, struct parcels *out)
{
    struct parcel *parcel = calloc(1, sizeof(*parcel));

    if (!parcel) {
        return false;
    }
    parcel->done = (struct otc_done){OTC_ABI_OF(otc_done), parcel_done};
    parcel->lane = shard->lane;
    parcel->trigger = trigger;
    otc_gather_take(&shard->lane->gather, &shard->entries, &parcel->shares);
    if (parcel->shares.n == 0) {
        free(parcel);
        return false;
    }
    parcel->items = parcel->shares.items;
    shard->items -= (int64_t)parcel->items;
    *(out->last ? &out->last->next : &out->first) = parcel;
    out->last = parcel;
    return true;
}

static bool
at_once(const struct batch_lane *lane)
{
    return lane->draining || lane->config->timeout.ns == 0 || lane->config->send_batch_size == 0;
}

/* Takes what is large enough to go, or everything; what stays is looked at `timeout` from now. Under the
 * lock. */
static void
take_ready(struct batch_shard *shard, bool everything, enum batch_trigger trigger, struct parcels *out)
{
    struct batch_lane *lane = shard->lane;
    bool took = false, ok = true;

    while (ok && shard->entries.first &&
           (everything || at_once(lane) || shard->items >= lane->config->send_batch_size)) {
        ok = take(shard, trigger, out);
        took = took || ok;
    }
    if (!shard->entries.first) {
        lane->host->timer_disarm(lane->host, shard->timer);
    } else if (took || !ok) {
        lane->host->timer_arm(lane->host, shard->timer,
                              lane->config->timeout.ns > 0 ? lane->config->timeout.ns : OTC_SECOND);
    }
}

static void
timer_fired(void *arg)
{
    struct batch_shard *shard = arg;
    struct parcels parcels = {0};

    pthread_mutex_lock(&shard->lane->lock);
    take_ready(shard, true, BATCH_BY_TIMEOUT, &parcels);
    pthread_mutex_unlock(&shard->lane->lock);
    send_all(&parcels);
}

/* ---- Shards ---------------------------------------------------------------------------------------- */

/* Values of each key, told apart by their lengths. */
static bool
shard_key(const otc_strings *keys, const struct otc_client *client, struct otc_buf *out)
{
    for (size_t i = 0; i < keys->n; i++) {
        struct otc_slice value;
        uint32_t n = 0;

        while (otc_client_metadata(client, otc_slice_str(keys->items[i]), n, &value)) {
            n++;
        }
        (void)otc_buf_append(out, &n, sizeof(n));
        for (uint32_t k = 0; k < n; k++) {
            (void)otc_client_metadata(client, otc_slice_str(keys->items[i]), k, &value);
            (void)otc_buf_append(out, &value.len, sizeof(value.len));
            (void)otc_buf_append_slice(out, value);
        }
    }
    return !out->failed;
}

static void
free_shard(void *value)
{
    struct batch_shard *shard = value;

    shard->lane->host->timer_free(shard->lane->host, shard->timer);
    free(shard);
}

static struct batch_shard *
add_shard(struct batch_lane *lane, struct otc_slice key)
{
    struct batch_shard *shard = calloc(1, sizeof(*shard));
    const struct otc_count count = {lane->counters.cardinality, 1};

    if (!shard) {
        return NULL;
    }
    shard->lane = lane;
    shard->timer = lane->host->timer_new(lane->host, timer_fired, shard);
    if (!shard->timer || !otc_map_put(lane->shards, key, shard)) {
        free_shard(shard);
        return NULL;
    }
    otc_meter_add(lane->counters.meter, &count, 1);
    return shard;
}

/* The shard of a client, made when it is the first of its kind; NULL with a `*status`. Under the lock. */
static struct batch_shard *
find_shard(struct batch_lane *lane, const struct otc_client *client, otc_status *status,
           struct otc_error *err)
{
    OTC_AUTO_BUF struct otc_buf key = {.limit = KEY_LIMIT};
    int64_t limit = lane->config->metadata_cardinality_limit;
    struct batch_shard *shard = NULL;

    if (shard_key(lane->gather.metadata_keys, client, &key)) {
        shard = otc_map_get(lane->shards, otc_buf_slice(&key));
        if (shard) {
            return shard;
        }
    }
    if (limit > 0 && otc_map_count(lane->shards) >= (size_t)limit) {
        if (err) {
            err->permanent = true;
        }
        *status = otc_fail(err, OTC_INTERNAL, "too many batcher metadata-value combinations");
        return NULL;
    }
    if (!key.failed) {
        shard = add_shard(lane, otc_buf_slice(&key));
    }
    if (!shard) {
        *status = otc_fail(err, OTC_UNAVAILABLE, "out of memory");
    }
    return shard;
}

/* ---- Entering -------------------------------------------------------------------------------------- */

static otc_status
enter(struct batch_lane *lane, struct otc_entry *entry, struct parcels *out, struct otc_error *err)
{
    const struct otc_count counts[] = {{lane->counters.accepted, (int64_t)entry->items},
                                       {lane->counters.held, (int64_t)entry->items}};
    otc_status status = OTC_OK;
    struct batch_shard *shard = find_shard(lane, otc_batch_client(entry->batch), &status, err);

    if (!shard) {
        return status;
    }
    otc_meter_add(lane->counters.meter, counts, 2);
    if (!shard->entries.first) {
        lane->host->timer_arm(lane->host, shard->timer, lane->config->timeout.ns);
    }
    otc_entries_append(&shard->entries, entry);
    shard->items += (int64_t)entry->items;
    take_ready(shard, false, BATCH_BY_SIZE, out);
    return OTC_OK;
}

/* As the Collector's, the sender is answered at once and hears of no failure; unless what stands behind keeps
 * data on a disk: then it is answered when its data is there. */
static otc_status
consume(struct otc_consumer *self, struct otc_batch *batch, struct otc_done *done, struct otc_error *err)
{
    struct batch_lane *lane = OTC_CONTAINER(self, batch_lane, consumer);
    bool waits = lane->next->holds && done;
    struct parcels parcels = {0};
    struct otc_entry *entry;
    otc_status status;

    if (otc_batch_items(batch) == 0) {
        otc_batch_unref(batch);
        return OTC_OK;
    }
    entry = otc_entry_new(batch, waits ? done : NULL, OTC_SIZER_ITEMS, 0);
    if (!entry) {
        otc_batch_unref(batch);
        return otc_fail(err, OTC_UNAVAILABLE, "out of memory");
    }
    pthread_mutex_lock(&lane->lock);
    status = enter(lane, entry, &parcels, err);
    pthread_mutex_unlock(&lane->lock);
    if (status != OTC_OK) {
        entry->done = NULL;
        otc_entry_end(entry, NULL);
        return status;
    }
    send_all(&parcels);
    return waits ? OTC_PENDING : OTC_OK;
}

/* ---- Life ------------------------------------------------------------------------------------------ */

bool
batch_lane_init(struct batch_lane *lane, const struct otc_settings *settings, enum otc_signal signal)
{
    int64_t limit;

    lane->consumer = (struct otc_consumer){.abi = OTC_ABI_OF(otc_consumer), .consume = consume};
    lane->host = settings->host;
    lane->config = settings->config;
    lane->id = settings->id;
    limit = lane->config->metadata_cardinality_limit;
    lane->gather = (struct otc_gather){
        .unit = OTC_SIZER_ITEMS,
        .enough = lane->config->send_batch_max_size > 0 ? lane->config->send_batch_max_size : INT64_MAX,
        .max = lane->config->send_batch_max_size,
        .metadata_keys = &lane->config->metadata_keys};
    batch_counters_init(&lane->counters, settings->host->meter, settings->id, signal);
    lane->shards = otc_map_new(limit > 0 && limit < MAX_SHARDS ? (size_t)limit : MAX_SHARDS);
    if (!lane->shards) {
        return false;
    }
    pthread_mutex_init(&lane->lock, NULL);
    return true;
}

void
batch_lane_drain(struct batch_lane *lane)
{
    struct parcels parcels = {0};
    struct otc_slice key;
    size_t cursor = 0;
    void *shard;

    pthread_mutex_lock(&lane->lock);
    lane->draining = true;
    while (otc_map_next(lane->shards, &cursor, &key, &shard)) {
        take_ready(shard, true, BATCH_BY_TIMEOUT, &parcels);
    }
    pthread_mutex_unlock(&lane->lock);
    send_all(&parcels);
}

void
batch_lane_release(struct batch_lane *lane)
{
    if (lane->shards) {
        otc_map_free(lane->shards, free_shard);
        pthread_mutex_destroy(&lane->lock);
        lane->shards = NULL;
    }
}
