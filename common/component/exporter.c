// SPDX-License-Identifier: Apache-2.0
/* What enters the queue, and the exporter's life. */
#include "common/component/exporter_internal.h"

#include "common/base/clock.h"
#include "common/component/client.h"

#include <assert.h>
#include <limits.h>

/* Requests at once without a queue. */
#define MAX_DIRECT 1000
/* Refusals are logged at most this often; all of them are counted. */
#define REFUSAL_LOG_INTERVAL (10 * OTC_SECOND)
/* A wait for attempts during shutdown looks at the host's clock this often. */
#define SHUTDOWN_POLL_NS (5 * OTC_MILLISECOND)

/* ---- Entering -------------------------------------------------------------------------------------- */

void
otc__exporter_enqueue(struct otc_exporter *exporter, struct otc_entry *entry)
{
    otc_entries_append(&exporter->queue, entry);
    exporter->size += entry->size;
    exporter->queued_left += entry->left;
    otc__count_enqueued(&exporter->counters, entry->items, exporter->size);
}

void
otc__exporter_admit(struct otc_exporter *exporter, bool regardless, struct otc__news *news)
{
    while (exporter->overflow.first &&
           (regardless || exporter->size + exporter->overflow.first->size <= exporter->capacity)) {
        struct otc_entry *entry = otc_entries_take(&exporter->overflow);

        if (exporter->storage) {
            exporter->size += entry->size;
            exporter->n_storing++;
            otc_entries_append(&news->to_store, entry);
            continue;
        }
        if (entry->done && !exporter->wait_for_result) {
            news->queued[news->n_queued++] = entry->done;
            entry->done = NULL;
        }
        otc__exporter_enqueue(exporter, entry);
    }
}

void
otc__exporter_unreserve(struct otc_exporter *exporter, const struct otc_entry *entry, struct otc__news *news)
{
    pthread_mutex_lock(&exporter->lock);
    exporter->size -= entry->size;
    exporter->n_storing--;
    otc__exporter_admit(exporter, false, news);
    pthread_cond_broadcast(&exporter->told);
    pthread_mutex_unlock(&exporter->lock);
}

/* Senders that waited for room in a queue on disk. One that the disk refuses makes room for the next. */
static void
store_all(struct otc_exporter *exporter, struct otc__news *news)
{
    struct otc_entry *entry;

    while ((entry = otc_entries_take(&news->to_store))) {
        struct otc_error error = OTC_ERROR_INIT;

        if (otc__stored_put(exporter, entry, &error) != OTC_PENDING) {
            otc__exporter_unreserve(exporter, entry, news);
            otc__exporter_note_refusal(exporter, entry->items, error.text);
            error.retry_after_ms = error.permanent ? 0 : OTC_REFUSED_RETRY_MS;
            otc_entry_end(entry, &error);
        }
    }
}

void
otc__exporter_tell(struct otc_exporter *exporter, struct otc__news *news)
{
    const struct otc_error ok = OTC_ERROR_INIT;

    for (size_t i = 0; i < news->n_queued; i++) {
        news->queued[i]->fn(news->queued[i], &ok);
    }
    for (struct otc_entry *entry = news->ended.first; entry; entry = entry->next) {
        if (entry->stored) {
            otc__stored_end(exporter, entry);
        }
    }
    otc_entries_end(&news->ended, NULL);
    store_all(exporter, news);
}

void
otc__exporter_note_refusal(struct otc_exporter *exporter, size_t items, const char *text)
{
    int64_t now = otc__exporter_clock(exporter);
    uint64_t refused = 0;

    pthread_mutex_lock(&exporter->lock);
    otc__count_refused(&exporter->counters, items);
    exporter->refused_since += items;
    if (exporter->refusal_logged == 0 || now - exporter->refusal_logged >= REFUSAL_LOG_INTERVAL) {
        refused = exporter->refused_since;
        exporter->refused_since = 0;
        exporter->refusal_logged = now;
    }
    pthread_mutex_unlock(&exporter->lock);
    if (refused > 0) {
        otc_log(exporter->options.host->logger, OTC_LOG_ERROR, exporter->options.id,
                "Exporting failed. Rejecting data.", OTC_FIELD_TEXT("error", text),
                OTC_FIELD_NUMBER("rejected_items", refused));
    }
}

/* Counts a refusal and frees the entry. What is wrong with the request itself is refused for good. Not under
 * the lock. */
static otc_status
refuse(struct otc_exporter *exporter, struct otc_entry *entry, struct otc_error *err, otc_status status,
       const char *text)
{
    size_t items = entry->items;

    entry->done = NULL;
    otc_entry_end(entry, NULL);
    otc__exporter_note_refusal(exporter, items, text);
    if (err) {
        err->permanent = status == OTC_INVALID_ARGUMENT;
        err->retry_after_ms = err->permanent ? 0 : OTC_REFUSED_RETRY_MS;
    }
    return otc_fail(err, status, "%s", text);
}

static otc_status
refuse_too_large(struct otc_exporter *exporter, struct otc_entry *entry, struct otc_error *err)
{
    static const char *const units[] = {"requests", "items", "bytes"};
    char text[128];

    (void)snprintf(text, sizeof(text),
                   "element size too large: %lld %s, the queue takes %lld (sending_queue::queue_size)",
                   (long long)entry->size, units[exporter->sizer], (long long)exporter->capacity);
    return refuse(exporter, entry, err, OTC_INVALID_ARGUMENT, text);
}

static bool
is_full(const struct otc_exporter *exporter, const struct otc_entry *entry)
{
    return exporter->size + entry->size > exporter->capacity;
}

/* Writes an entry, whose room is reserved, to the disk; its sender waits until it is there. */
static otc_status
store(struct otc_exporter *exporter, struct otc_entry *entry, struct otc_error *err)
{
    struct otc_error error = OTC_ERROR_INIT;
    otc_status status = otc__stored_put(exporter, entry, &error);
    struct otc__news news;

    if (status == OTC_PENDING) {
        return status;
    }
    otc__news_init(&news);
    otc__exporter_unreserve(exporter, entry, &news);
    status = refuse(exporter, entry, err, status, error.text);
    otc__exporter_tell(exporter, &news);
    return status;
}

static otc_status
exporter_consume(struct otc_consumer *self, struct otc_batch *batch, struct otc_done *done,
                 struct otc_error *err)
{
    struct otc_exporter *exporter = OTC_CONTAINER(self, otc_exporter, consumer);
    bool blocks = exporter->options.queue && exporter->options.queue->block_on_overflow;
    struct otc_entry *entry =
        otc_entry_new(batch, done, exporter->gather.unit, otc__exporter_clock(exporter));
    otc_status status = exporter->wait_for_result && done ? OTC_PENDING : OTC_OK;
    bool closing, stores = otc__exporter_stores(exporter);

    if (!entry) {
        otc_batch_unref(batch);
        return otc_fail(err, OTC_UNAVAILABLE, "out of memory");
    }
    otc__count_offered(&exporter->counters, batch);
    entry->size = otc_size_of(batch, exporter->sizer);
    if (stores && exporter->gather.metadata_keys->n + (size_t)exporter->gather.enough > 0) {
        entry->mix = otc_client_hash(otc_batch_client(batch), exporter->gather.metadata_keys->items,
                                     exporter->gather.metadata_keys->n);
    }
    if (entry->size > exporter->capacity) {
        return refuse_too_large(exporter, entry, err);
    }
    pthread_mutex_lock(&exporter->lock);
    closing = exporter->closing || (stores && !exporter->storage); /* or not started */
    if (closing || (is_full(exporter, entry) && (!blocks || exporter->overflow.n >= OTC__MAX_WAITING))) {
        pthread_mutex_unlock(&exporter->lock);
        return refuse(exporter, entry, err, OTC_UNAVAILABLE,
                      closing ? "the exporter is shutting down" : "sending queue is full");
    }
    if (exporter->overflow.first || is_full(exporter, entry)) {
        otc_entries_append(&exporter->overflow, entry);
        status = OTC_PENDING;
    } else if (stores) {
        exporter->size += entry->size;
        exporter->n_storing++;
        pthread_mutex_unlock(&exporter->lock);
        return store(exporter, entry, err);
    } else {
        if (!exporter->wait_for_result) {
            entry->done = NULL;
        }
        otc__exporter_enqueue(exporter, entry);
    }
    pthread_mutex_unlock(&exporter->lock);
    otc__exporter_pump(exporter, OTC__BORROWED_STARTS);
    return status;
}

/* ---- Life ------------------------------------------------------------------------------------------ */

static void
timer_fired(void *arg)
{
    otc__exporter_pump(arg, OTC__BORROWED_STARTS);
}

struct otc_consumer *
otc_exporter_consumer(struct otc_exporter *exporter)
{
    return &exporter->consumer;
}

/* Without `batch` each request is sent as it came. */
static void
choose_gathering(struct otc_exporter *exporter, const struct otc_queue_config *queue)
{
    static const otc_strings no_keys;
    const struct otc_queue_batch *batch = otc__exporter_batch(exporter);

    exporter->gather = (struct otc_gather){.unit = OTC_SIZER_ITEMS, .metadata_keys = &no_keys};
    if (batch) {
        exporter->gather = (struct otc_gather){.unit = otc_queue_batch_sizer(queue),
                                               .enough = batch->min_size,
                                               .max = batch->max_size,
                                               .metadata_keys = &batch->partition.metadata_keys};
    }
}

otc_status
otc_exporter_new(const struct otc_exporter_options *options, struct otc_exporter **out, struct otc_error *err)
{
    const struct otc_queue_config *queue = options->queue;
    struct otc_host *host = options->host;
    struct otc_exporter *exporter = calloc(1, sizeof(*exporter));

    if (!exporter) {
        return otc_fail(err, OTC_UNAVAILABLE, "out of memory");
    }
    exporter->timer = host->timer_new(host, timer_fired, exporter);
    if (!exporter->timer) {
        free(exporter);
        return otc_fail(err, OTC_UNAVAILABLE, "out of memory");
    }
    exporter->consumer = (struct otc_consumer){.abi = OTC_ABI_OF(otc_consumer), .consume = exporter_consume};
    exporter->options = *options;
    exporter->retry = *options->retry;
    if (queue && queue->storage && !exporter->retry.elapsed_is_set) {
        exporter->retry.max_elapsed_time.ns = 0;
    }
    exporter->sizer = queue ? (enum otc_sizer)queue->sizer.index : OTC_SIZER_REQUESTS;
    exporter->capacity = queue ? queue->queue_size : MAX_DIRECT;
    exporter->consumers = queue ? queue->num_consumers : MAX_DIRECT;
    exporter->wait_for_result = !queue || queue->wait_for_result;
    exporter->random =
        (uint64_t)host->monotonic_ns(host) ^ (uint64_t)host->now_ns(host) ^ (uintptr_t)exporter;
    choose_gathering(exporter, queue);
    exporter->consumer.holds = otc__exporter_stores(exporter);
    pthread_mutex_init(&exporter->lock, NULL);
    pthread_cond_init(&exporter->told, NULL);
    exporter->counters = (struct otc_exporter_counters){
        .meter = host->meter, .id = options->id, .signal = options->signal, .target = options->target};
    otc__exporter_counters_init(&exporter->counters, queue ? queue->queue_size : 0,
                                otc__exporter_batch(exporter) != NULL);
    *out = exporter;
    return OTC_OK;
}

static bool
all_told(const struct otc_exporter *exporter)
{
    return (!exporter->queue.first || exporter->storage) && exporter->n_requests == 0 &&
           exporter->n_pending == 0 && exporter->n_storing == 0 && !exporter->pumping;
}

/* Waits until every request is told or the deadline is reached by the host's clock. Timers do not run
 * meanwhile: repetitions are started here when their time has come. */
static void
wait_for_all(struct otc_exporter *exporter, int64_t deadline_ns)
{
    int64_t now;

    pthread_mutex_lock(&exporter->lock);
    while (!all_told(exporter) && (now = otc__exporter_clock(exporter)) < deadline_ns) {
        struct timespec until;

        if (otc__exporter_retry_due(exporter, now)) {
            pthread_mutex_unlock(&exporter->lock);
            otc__exporter_pump(exporter, INT_MAX);
            pthread_mutex_lock(&exporter->lock);
        }
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += SHUTDOWN_POLL_NS;
        until.tv_sec += until.tv_nsec / OTC_SECOND;
        until.tv_nsec %= OTC_SECOND;
        pthread_cond_clockwait(&exporter->told, &exporter->lock, CLOCK_MONOTONIC, &until);
    }
    pthread_mutex_unlock(&exporter->lock);
}

/* Gives up what still waits in the queue. Pieces of an entry that are on their way tell their own end. */
static void
drop_queue(struct otc_exporter *exporter)
{
    struct otc_error error = OTC_ERROR_INIT;
    struct otc_entries left = {0};
    struct otc_entry *entry;

    otc_fail(&error, OTC_UNAVAILABLE, "the exporter shut down before the data could be sent");
    pthread_mutex_lock(&exporter->lock);
    while (!exporter->storage && (entry = otc_entries_take(&exporter->queue))) {
        exporter->queued_left -= entry->left;
        exporter->dropped_items += entry->items;
        exporter->dropped_requests++;
        if (otc_entry_give_up(entry, &error)) {
            exporter->size -= entry->size;
            otc_entries_append(&left, entry);
        }
        otc__count_given_up(&exporter->counters, entry->items, exporter->size, OTC_DROP_SHUTDOWN);
    }
    exporter->shut_down = true;
    pthread_mutex_unlock(&exporter->lock);
    otc_entries_end(&left, NULL);
}

void
otc_exporter_drain(struct otc_exporter *exporter)
{
    pthread_mutex_lock(&exporter->lock);
    exporter->draining = true;
    otc__exporter_hasten_retries(exporter);
    pthread_mutex_unlock(&exporter->lock);
    otc__exporter_pump(exporter, INT_MAX);
}

/* What nobody sends again any more: at the begin of the shutdown what is due at its deadline or later, at its
 * end everything. `admits`: senders that wait for room come in. */
static void
give_up_retries(struct otc_exporter *exporter, int64_t from, bool admits)
{
    struct otc__news news;

    otc__news_init(&news);
    pthread_mutex_lock(&exporter->lock);
    otc__exporter_give_up_retries(exporter, from, &news);
    if (admits) {
        otc__exporter_admit(exporter, true, &news);
    }
    pthread_mutex_unlock(&exporter->lock);
    otc__exporter_tell(exporter, &news);
}

void
otc_exporter_shutdown(struct otc_exporter *exporter, int64_t deadline_ns)
{
    int64_t now = otc__exporter_clock(exporter);

    pthread_mutex_lock(&exporter->lock);
    exporter->draining = true;
    exporter->closing = true;
    exporter->deadline = deadline_ns;
    /* A destination that is down leaves the exporters after this one half of the time. */
    exporter->retries_until = deadline_ns > now ? now + (deadline_ns - now) / 2 : now;
    otc__exporter_hasten_retries(exporter);
    pthread_mutex_unlock(&exporter->lock);
    give_up_retries(exporter, deadline_ns, true);
    otc__exporter_pump(exporter, INT_MAX);
    wait_for_all(exporter, deadline_ns);
    drop_queue(exporter);
    give_up_retries(exporter, 0, false);
    pthread_mutex_lock(&exporter->lock);
    (void)otc__exporter_log_dropped(exporter, 0);
    while (exporter->storage && exporter->n_pending == 0 && exporter->pumping) {
        pthread_cond_wait(&exporter->told, &exporter->lock);
    }
    otc__stored_release(exporter, 0);
    otc__count_capacity(&exporter->counters, 0);
    pthread_mutex_unlock(&exporter->lock);
}

size_t
otc_exporter_pending(struct otc_exporter *exporter)
{
    size_t n;

    pthread_mutex_lock(&exporter->lock);
    n = exporter->n_pending;
    pthread_mutex_unlock(&exporter->lock);
    return n;
}

void
otc_exporter_free(struct otc_exporter *exporter)
{
    if (!exporter) {
        return;
    }
    assert(all_told(exporter));
    exporter->options.host->timer_free(exporter->options.host, exporter->timer);
    pthread_cond_destroy(&exporter->told);
    pthread_mutex_destroy(&exporter->lock);
    free(exporter);
}
