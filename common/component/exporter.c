// SPDX-License-Identifier: Apache-2.0
#include "common/component/exporter.h"

#include "common/base/clock.h"
#include "common/component/exporter_counters.h"
#include "common/component/exporter_queue.h"
#include "common/component/exporter_retry.h"

#include <assert.h>
#include <limits.h>
#include <pthread.h>

/* Requests at once without a queue, and senders that may wait for room in a full one. */
#define MAX_DIRECT 1000
#define MAX_WAITING 1000
/* Refusals are logged at most this often; all of them are counted. */
#define REFUSAL_LOG_INTERVAL (10 * OTC_SECOND)
/* Attempts that a thread not the exporter's own (a sender's, the control loop's) starts in a row. */
#define BORROWED_STARTS 4
/* A wait for attempts during shutdown looks at the host's clock this often. */
#define SHUTDOWN_POLL_NS (5 * OTC_MILLISECOND)

/* One request on its way: an attempt is pending, or it waits for the next one. */
struct request {
    struct otc_done done;
    struct otc_exporter *exporter;
    struct request *next, *previous;
    struct otc__entries entries;
    struct otc_batch *batch; /* NULL: not merged yet */
    int64_t size;
    size_t items;
    struct otc__retry retry;
    int64_t due; /* when waiting */
    bool waiting;
};

struct otc_exporter {
    struct otc_consumer consumer;
    struct otc_exporter_options options;
    struct otc_exporter_counters counters;
    enum otc_sizer sizer, batch_sizer;
    int64_t capacity;
    int64_t consumers;
    bool wait_for_result;
    struct otc_timer *timer;
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t told;
    struct otc__entries queue;
    struct otc__entries overflow; /* senders waiting for room */
    int64_t size;                 /* queued and in flight */
    int64_t queued_batch_size;
    struct request *requests;
    int64_t n_requests;
    size_t n_pending;
    uint64_t random;
    int64_t refusal_logged;
    uint64_t refused_since;
    uint64_t dropped_items, dropped_requests; /* by the shutdown, not logged yet */
    bool pumping, pump_again;
    bool closing;
    bool shut_down; /* the queue is given up */
};

/* ---- Lists and sizes
 * ----------------------------------------------------------------------------------------- */

static int64_t
clock_of(const struct otc_exporter *exporter)
{
    return exporter->options.host->monotonic_ns(exporter->options.host);
}

/* Tells senders that their data is queued. Not under the lock. */
struct told {
    struct otc_done *dones[MAX_WAITING];
    size_t n;
};

/* ---- Queue
 * ----------------------------------------------------------------------------------------------------- */

static void
enqueue(struct otc_exporter *exporter, struct otc__entry *entry)
{
    otc__entries_append(&exporter->queue, entry);
    exporter->size += entry->size;
    exporter->queued_batch_size += entry->batch_size;
    otc__count_enqueued(&exporter->counters, otc_batch_items(entry->batch), exporter->size);
}

/* Moves waiting senders into the queue while there is room (or regardless of it). Under the lock. */
static void
admit_waiting(struct otc_exporter *exporter, bool regardless, struct told *told)
{
    while (exporter->overflow.first &&
           (regardless || exporter->size + exporter->overflow.first->size <= exporter->capacity)) {
        struct otc__entry *entry = otc__entries_take(&exporter->overflow);

        if (entry->done && !exporter->wait_for_result) {
            told->dones[told->n++] = entry->done;
            entry->done = NULL;
        }
        enqueue(exporter, entry);
    }
}

static void
tell_queued(const struct told *told)
{
    const struct otc_error ok = OTC_ERROR_INIT;

    for (size_t i = 0; i < told->n; i++) {
        told->dones[i]->fn(told->dones[i], &ok);
    }
}

/* True when the head of the queue is to be sent now; `*wake` is lowered to the time when it will be. Under
 * the lock. */
static bool
queue_ready(const struct otc_exporter *exporter, int64_t now, int64_t *wake)
{
    const struct otc_queue_batch *batch = exporter->options.queue ? exporter->options.queue->batch : NULL;
    int64_t flush;

    if (!exporter->queue.first || exporter->n_requests >= exporter->consumers) {
        return false;
    }
    if (!batch || exporter->closing || exporter->queued_batch_size >= batch->min_size) {
        return true;
    }
    flush = exporter->queue.first->arrived + batch->flush_timeout.ns;
    if (flush > now && flush < *wake) {
        *wake = flush;
    }
    return flush <= now;
}

/* Takes from the queue what is to be sent as one. Under the lock. */
static void
take_entries(struct otc_exporter *exporter, struct request *request)
{
    const struct otc_queue_batch *batch = exporter->options.queue ? exporter->options.queue->batch : NULL;
    int64_t batched = 0;

    do {
        struct otc__entry *entry = otc__entries_take(&exporter->queue);

        exporter->queued_batch_size -= entry->batch_size;
        batched += entry->batch_size;
        request->size += entry->size;
        request->items += otc_batch_items(entry->batch);
        otc__entries_append(&request->entries, entry);
    } while (batch && batched < batch->min_size && exporter->queue.first &&
             otc__may_merge(batch, request->entries.first->batch, exporter->queue.first->batch));
}

/* ---- Attempts
 * ---------------------------------------------------------------------------------------------------- */

static void pump(struct otc_exporter *exporter, int most);
static void attempt_done(struct otc_done *self, const struct otc_error *result);

static void
link_request(struct otc_exporter *exporter, struct request *request)
{
    request->next = exporter->requests;
    if (request->next) {
        request->next->previous = request;
    }
    exporter->requests = request;
    exporter->n_requests++;
}

static void
unlink_request(struct otc_exporter *exporter, struct request *request)
{
    *(request->previous ? &request->previous->next : &exporter->requests) = request->next;
    if (request->next) {
        request->next->previous = request->previous;
    }
    exporter->n_requests--;
}

/* The next request to start: one whose wait is over, else one from the queue. NULL when there is none now.
 * Under the lock. */
static struct request *
next_request(struct otc_exporter *exporter, int64_t now, int64_t *wake)
{
    struct request *request;

    for (request = exporter->requests; request; request = request->next) {
        if (request->waiting && request->due <= now) {
            request->waiting = false;
            return request;
        }
        if (request->waiting && request->due < *wake) {
            *wake = request->due;
        }
    }
    if (!queue_ready(exporter, now, wake)) {
        return NULL;
    }
    request = calloc(1, sizeof(*request));
    if (!request) {
        *wake = now + OTC_SECOND < *wake ? now + OTC_SECOND : *wake;
        return NULL;
    }
    request->done = (struct otc_done){OTC_ABI_OF(otc_done), attempt_done};
    request->exporter = exporter;
    request->retry = (struct otc__retry){now, (double)exporter->options.retry->initial_interval.ns, false};
    take_entries(exporter, request);
    link_request(exporter, request);
    otc__count_started(&exporter->counters, request->items);
    return request;
}

static const struct otc__verdict shut_down = {.reason = OTC_DROP_SHUTDOWN,
                                              .prefix = "interrupted due to shutdown: "};

/* Under the lock. */
static struct otc__verdict
judge(struct otc_exporter *exporter, struct request *request, const struct otc_error *result, int64_t now)
{
    if (exporter->closing && otc_error_retryable(result)) {
        return shut_down;
    }
    return otc__retry_judge(exporter->options.retry, &request->retry, result, now, &exporter->random);
}

static void
log_retry(const struct otc_exporter *exporter, const struct otc_error *result, int64_t delay)
{
    char interval[32];

    otc_duration_format((otc_duration){delay}, interval);
    otc_log(exporter->options.host->logger, OTC_LOG_INFO, exporter->options.id,
            "Exporting failed. Will retry the request after interval.", OTC_FIELD_TEXT("error", result->text),
            OTC_FIELD_TEXT("interval", interval));
}

static void
log_dropped(const struct otc_exporter *exporter, const char *text, size_t items)
{
    otc_log(exporter->options.host->logger, OTC_LOG_ERROR, exporter->options.id,
            "Exporting failed. Dropping data.", OTC_FIELD_TEXT("error", text),
            OTC_FIELD_NUMBER("dropped_items", items));
}

/* One line for all that the shutdown dropped, when no attempt can add to it: a line for each request would
 * fall to the sampling of the log. `pending`: attempts whose end is told of already. Not under the lock. */
static void
log_dropped_on_shutdown(struct otc_exporter *exporter, size_t pending)
{
    uint64_t items = 0, requests = 0;

    pthread_mutex_lock(&exporter->lock);
    if (exporter->shut_down && exporter->n_pending == pending) {
        items = exporter->dropped_items;
        requests = exporter->dropped_requests;
        exporter->dropped_items = 0;
        exporter->dropped_requests = 0;
    }
    pthread_mutex_unlock(&exporter->lock);
    if (requests > 0) {
        otc_log(exporter->options.host->logger, OTC_LOG_ERROR, exporter->options.id, "Dropped on shutdown",
                OTC_FIELD_TEXT("data_type", otc_signal_name(exporter->options.signal)),
                OTC_FIELD_NUMBER("dropped_items", items), OTC_FIELD_NUMBER("dropped_requests", requests));
    }
}

/* Takes a request whose fate is known out of the books. Under the lock; `told` gathers senders that got room.
 */
static void
settle(struct otc_exporter *exporter, struct request *request, bool sent, enum otc_drop_reason reason,
       struct told *told)
{
    unlink_request(exporter, request);
    exporter->size -= request->size;
    if (sent) {
        otc__count_sent(&exporter->counters, request->items, exporter->size);
    } else {
        otc__count_failed(&exporter->counters, request->items, exporter->size, reason);
    }
    if (!sent && reason == OTC_DROP_SHUTDOWN) {
        exporter->dropped_items += request->items;
        exporter->dropped_requests += request->entries.n;
    }
    admit_waiting(exporter, false, told);
}

/* Ends a request: logs, tells its senders, frees it. Not under the lock. */
static void
finish(struct otc_exporter *exporter, struct request *request, const struct otc_error *result,
       const struct otc__verdict *verdict)
{
    struct otc_error final = *result;

    if (final.status != OTC_OK) {
        snprintf(final.text, sizeof(final.text), "%s%.900s", verdict->prefix, result->text);
        final.permanent = verdict->reason == OTC_DROP_NOT_RETRYABLE;
        if (verdict->reason != OTC_DROP_SHUTDOWN) {
            log_dropped(exporter, final.text, request->items);
        }
    }
    otc__entries_tell(&request->entries, &final);
    otc_batch_unref(request->batch);
    free(request);
}

static void
attempt_done(struct otc_done *self, const struct otc_error *result)
{
    struct request *request = OTC_CONTAINER(self, request, done);
    struct otc_exporter *exporter = request->exporter;
    struct otc__verdict verdict = {0};
    int64_t now = clock_of(exporter);
    struct told told;

    told.n = 0;
    pthread_mutex_lock(&exporter->lock);
    if (result->status != OTC_OK) {
        verdict = judge(exporter, request, result, now);
    }
    if (verdict.again) {
        request->waiting = true;
        request->due = now + verdict.delay;
    } else {
        settle(exporter, request, result->status == OTC_OK, verdict.reason, &told);
    }
    pthread_mutex_unlock(&exporter->lock);
    if (verdict.again) {
        log_retry(exporter, result, verdict.delay);
    } else {
        finish(exporter, request, result, &verdict);
    }
    tell_queued(&told);
    pump(exporter, INT_MAX);
    /* While this attempt counts as pending nobody frees the exporter. */
    log_dropped_on_shutdown(exporter, 1);
    pthread_mutex_lock(&exporter->lock);
    exporter->n_pending--;
    pthread_cond_broadcast(&exporter->told);
    pthread_mutex_unlock(&exporter->lock);
}

/* Starts an attempt. Not under the lock. */
static void
start(struct otc_exporter *exporter, struct request *request)
{
    struct otc_error result = OTC_ERROR_INIT;
    otc_status status;

    if (!request->batch) {
        request->batch = otc__entries_merge(&request->entries);
    }
    if (!request->batch) {
        otc_fail(&result, OTC_UNAVAILABLE, "out of memory");
        attempt_done(&request->done, &result);
        return;
    }
    status =
        exporter->options.push(exporter->options.arg, otc_batch_ref(request->batch), &request->done, &result);
    if (status != OTC_PENDING) {
        result.status = status;
        attempt_done(&request->done, &result);
    }
}

/* Arms the timer for the next thing that only time brings. Under the lock. */
static void
arm(struct otc_exporter *exporter, int64_t now, int64_t wake)
{
    struct otc_host *host = exporter->options.host;

    if (wake == INT64_MAX) {
        host->timer_disarm(host, exporter->timer);
    } else {
        host->timer_arm(host, exporter->timer, wake - now);
    }
}

/*
 * Starts everything that can start. One thread at a time does: another one (or a push that tells its result
 * at once) only leaves word, so that neither pushes overlap nor the stack grows. A push may take milliseconds
 * (compression): a thread that has other work starts at most `most`, the rest is left to the timer.
 */
static void
pump(struct otc_exporter *exporter, int most)
{
    int64_t now = clock_of(exporter), wake = INT64_MAX;

    pthread_mutex_lock(&exporter->lock);
    exporter->pump_again = true;
    if (exporter->pumping) {
        pthread_mutex_unlock(&exporter->lock);
        return;
    }
    exporter->pumping = true;
    while (exporter->pump_again) {
        struct request *request;

        exporter->pump_again = false;
        now = clock_of(exporter);
        wake = INT64_MAX;
        while ((most > 0 || exporter->closing) && (request = next_request(exporter, now, &wake))) {
            most--;
            exporter->n_pending++;
            pthread_mutex_unlock(&exporter->lock);
            start(exporter, request);
            pthread_mutex_lock(&exporter->lock);
            wake = INT64_MAX;
        }
    }
    arm(exporter, now, most > 0 ? wake : now);
    exporter->pumping = false;
    pthread_cond_broadcast(&exporter->told);
    pthread_mutex_unlock(&exporter->lock);
}

static void
timer_fired(void *arg)
{
    pump(arg, BORROWED_STARTS);
}

/* ---- Entering
 * ------------------------------------------------------------------------------------------------------ */

/* Counts a refusal, and tells of it once in a while. Not under the lock. */
static otc_status
refuse(struct otc_exporter *exporter, struct otc__entry *entry, struct otc_error *err, otc_status status,
       const char *text)
{
    size_t items = otc_batch_items(entry->batch);
    int64_t now = clock_of(exporter);
    uint64_t refused = 0;

    otc_batch_unref(entry->batch);
    free(entry);
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
    if (err) {
        err->permanent = status == OTC_RESOURCE_EXHAUSTED;
        err->retry_after_ms = 0;
    }
    return otc_fail(err, status, "%s", text);
}

static struct otc__entry *
new_entry(const struct otc_exporter *exporter, struct otc_batch *batch, struct otc_done *done)
{
    struct otc__entry *entry = calloc(1, sizeof(*entry));

    if (entry) {
        entry->batch = batch;
        entry->done = done;
        entry->size = otc__size_of(batch, exporter->sizer);
        entry->batch_size = otc__size_of(batch, exporter->batch_sizer);
        entry->arrived = clock_of(exporter);
    }
    return entry;
}

static otc_status
exporter_consume(struct otc_consumer *self, struct otc_batch *batch, struct otc_done *done,
                 struct otc_error *err)
{
    struct otc_exporter *exporter = OTC_CONTAINER(self, otc_exporter, consumer);
    bool blocks = exporter->options.queue && exporter->options.queue->block_on_overflow;
    struct otc__entry *entry = new_entry(exporter, batch, done);
    otc_status status = exporter->wait_for_result && done ? OTC_PENDING : OTC_OK;
    bool closing;

    if (!entry) {
        otc_batch_unref(batch);
        return otc_fail(err, OTC_UNAVAILABLE, "out of memory");
    }
    if (entry->size > exporter->capacity) {
        return refuse(exporter, entry, err, OTC_RESOURCE_EXHAUSTED, "element size too large");
    }
    pthread_mutex_lock(&exporter->lock);
    closing = exporter->closing;
    if (closing || (exporter->size + entry->size > exporter->capacity &&
                    (!blocks || exporter->overflow.n >= MAX_WAITING))) {
        pthread_mutex_unlock(&exporter->lock);
        return refuse(exporter, entry, err, OTC_UNAVAILABLE,
                      closing ? "the exporter is shutting down" : "sending queue is full");
    }
    if (exporter->overflow.first || exporter->size + entry->size > exporter->capacity) {
        otc__entries_append(&exporter->overflow, entry);
        status = OTC_PENDING;
    } else {
        if (!exporter->wait_for_result) {
            entry->done = NULL;
        }
        enqueue(exporter, entry);
    }
    pthread_mutex_unlock(&exporter->lock);
    pump(exporter, BORROWED_STARTS);
    return status;
}

/* ---- Life
 * ------------------------------------------------------------------------------------------------------------
 */

struct otc_consumer *
otc_exporter_consumer(struct otc_exporter *exporter)
{
    return &exporter->consumer;
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
    exporter->sizer = queue ? (enum otc_sizer)queue->sizer.index : OTC_SIZER_REQUESTS;
    exporter->batch_sizer = queue ? otc_queue_batch_sizer(queue) : OTC_SIZER_ITEMS;
    exporter->capacity = queue ? queue->queue_size : MAX_DIRECT;
    exporter->consumers = queue ? queue->num_consumers : MAX_DIRECT;
    exporter->wait_for_result = !queue || queue->wait_for_result;
    exporter->random =
        (uint64_t)host->monotonic_ns(host) ^ (uint64_t)host->now_ns(host) ^ (uintptr_t)exporter;
    pthread_mutex_init(&exporter->lock, NULL);
    pthread_cond_init(&exporter->told, NULL);
    otc__exporter_counters_init(&exporter->counters, host->meter, options->id, options->signal,
                                queue ? queue->queue_size : 0);
    *out = exporter;
    return OTC_OK;
}

/* Repetitions that wait are due now, but for those the destination told to wait: these are given up. Under
 * the lock. */
static struct request *
close_retries(struct otc_exporter *exporter, struct told *told)
{
    struct request *given_up = NULL, *next;

    for (struct request *request = exporter->requests; request; request = next) {
        next = request->next;
        if (request->waiting && !request->retry.throttled) {
            request->due = 0;
        } else if (request->waiting) {
            settle(exporter, request, false, OTC_DROP_SHUTDOWN, told);
            request->next = given_up;
            given_up = request;
        }
    }
    return given_up;
}

static bool
all_told(const struct otc_exporter *exporter)
{
    return !exporter->queue.first && exporter->n_requests == 0 && exporter->n_pending == 0 &&
           !exporter->pumping;
}

/* Waits until every request is told or the deadline is reached by the host's clock. */
static void
wait_for_all(struct otc_exporter *exporter, int64_t deadline_ns)
{
    pthread_mutex_lock(&exporter->lock);
    while (!all_told(exporter) && clock_of(exporter) < deadline_ns) {
        struct timespec until;

        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += SHUTDOWN_POLL_NS;
        until.tv_sec += until.tv_nsec / OTC_SECOND;
        until.tv_nsec %= OTC_SECOND;
        pthread_cond_clockwait(&exporter->told, &exporter->lock, CLOCK_MONOTONIC, &until);
    }
    pthread_mutex_unlock(&exporter->lock);
}

/* Gives up what still waits in the queue. */
static void
drop_queue(struct otc_exporter *exporter)
{
    struct otc_error error = OTC_ERROR_INIT;
    struct otc__entries left = {0};
    struct otc__entry *entry;

    pthread_mutex_lock(&exporter->lock);
    while ((entry = otc__entries_take(&exporter->queue))) {
        exporter->size -= entry->size;
        exporter->queued_batch_size -= entry->batch_size;
        exporter->dropped_items += otc_batch_items(entry->batch);
        exporter->dropped_requests++;
        otc__count_left(&exporter->counters, otc_batch_items(entry->batch), exporter->size);
        otc__entries_append(&left, entry);
    }
    exporter->shut_down = true;
    pthread_mutex_unlock(&exporter->lock);
    if (left.first) {
        otc_fail(&error, OTC_UNAVAILABLE, "the exporter shut down before the data could be sent");
        otc__entries_tell(&left, &error);
    }
}

void
otc_exporter_shutdown(struct otc_exporter *exporter, int64_t deadline_ns)
{
    struct otc_error error = OTC_ERROR_INIT;
    struct request *given_up, *next;
    struct told told;

    told.n = 0;
    otc_fail(&error, OTC_UNAVAILABLE, "the destination asked to wait");
    pthread_mutex_lock(&exporter->lock);
    exporter->closing = true;
    given_up = close_retries(exporter, &told);
    admit_waiting(exporter, true, &told);
    pthread_mutex_unlock(&exporter->lock);
    for (; given_up; given_up = next) {
        next = given_up->next;
        finish(exporter, given_up, &error, &shut_down);
    }
    tell_queued(&told);
    pump(exporter, INT_MAX);
    wait_for_all(exporter, deadline_ns);
    drop_queue(exporter);
    log_dropped_on_shutdown(exporter, 0);
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
