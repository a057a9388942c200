// SPDX-License-Identifier: Apache-2.0
/* Requests on their way: taken from the queue, tried, tried again, told. */
#include "common/component/exporter_internal.h"

#include "common/base/clock.h"

#include <limits.h>

static void attempt_done(struct otc_done *self, const struct otc_error *result);

/* ---- From the queue -------------------------------------------------------------------------------- */

/* True when the head of the queue is to be sent now; `*wake` is lowered to the time when it will be. Under
 * the lock. */
static bool
queue_ready(const struct otc_exporter *exporter, int64_t now, int64_t *wake)
{
    const struct otc_queue_batch *batch = otc__exporter_batch(exporter);
    int64_t flush;

    if (!exporter->queue.first || exporter->n_requests >= exporter->consumers ||
        (exporter->storage && exporter->closing)) {
        return false;
    }
    if (!batch || exporter->draining || exporter->queued_left >= batch->min_size) {
        return true;
    }
    flush = exporter->queue.first->arrived + batch->flush_timeout.ns;
    if (flush > now && flush < *wake) {
        *wake = flush;
    }
    return flush <= now;
}

static void
link_request(struct otc_exporter *exporter, struct otc__request *request)
{
    request->next = exporter->requests;
    if (request->next) {
        request->next->previous = request;
    }
    exporter->requests = request;
    exporter->n_requests++;
}

static void
unlink_request(struct otc_exporter *exporter, struct otc__request *request)
{
    *(request->previous ? &request->previous->next : &exporter->requests) = request->next;
    if (request->next) {
        request->next->previous = request->previous;
    }
    exporter->n_requests--;
}

/* A request of what stands at the head of the queue. NULL out of memory. Under the lock. */
static struct otc__request *
new_request(struct otc_exporter *exporter, int64_t now)
{
    struct otc__request *request = calloc(1, sizeof(*request));
    int64_t left = 0;

    if (!request) {
        return NULL;
    }
    request->done = (struct otc_done){OTC_ABI_OF(otc_done), attempt_done};
    request->exporter = exporter;
    request->retry = (struct otc__retry){now, (double)exporter->retry.initial_interval.ns, 0};
    otc__stored_mark(exporter);
    otc_gather_take(&exporter->gather, &exporter->queue, &request->shares);
    otc__stored_unmark_rest(exporter, &request->shares);
    if (request->shares.n == 0) {
        free(request);
        return NULL;
    }
    for (const struct otc_share *share = request->shares.first; share; share = share->next) {
        left += share->left;
        if (share->entry->left == 0) {
            exporter->resident -= share->entry->resident;
            share->entry->resident = 0;
        }
    }
    exporter->queued_left -= left;
    request->items = request->shares.items;
    link_request(exporter, request);
    otc__count_started(&exporter->counters, request->items);
    return request;
}

/* The next request to start: one whose wait is over, else one from the queue. NULL when there is none now.
 * Under the lock. */
static struct otc__request *
next_request(struct otc_exporter *exporter, int64_t now, int64_t *wake)
{
    struct otc__request *request;

    for (request = exporter->requests; request; request = request->next) {
        if (request->waiting && request->due <= now) {
            request->waiting = false;
            return request;
        }
        if (request->waiting && request->due < *wake) {
            *wake = request->due;
        }
    }
    while (queue_ready(exporter, now, wake) && exporter->storage && otc__stored_load_next(exporter)) {
    }
    if (!queue_ready(exporter, now, wake)) {
        return NULL;
    }
    request = new_request(exporter, now);
    if (!request) {
        *wake = now + OTC_SECOND < *wake ? now + OTC_SECOND : *wake;
    }
    return request;
}

/* ---- Ends ------------------------------------------------------------------------------------------ */

static const struct otc__verdict shut_down = {.reason = OTC_DROP_SHUTDOWN,
                                              .prefix = "interrupted due to shutdown: "};

/* Within a shutdown what may be sent again is, where the time for it comes before the end, and as soon as the
 * destination lets; from a queue on disk the next start does it. Under the lock. */
static struct otc__verdict
judge_closing(const struct otc_exporter *exporter, const struct otc__request *request,
              struct otc__verdict verdict, int64_t now)
{
    int64_t asked = request->retry.not_before;
    int64_t until = asked > 0 ? exporter->deadline : exporter->retries_until;

    if (asked > 0) {
        verdict.delay = asked - now;
    }
    return exporter->storage || !verdict.again || verdict.delay >= until - now ? shut_down : verdict;
}

/* Under the lock. */
static struct otc__verdict
judge(struct otc_exporter *exporter, struct otc__request *request, const struct otc_error *result,
      int64_t now)
{
    struct otc__verdict verdict =
        otc__retry_judge(&exporter->retry, &request->retry, result, now, &exporter->random);

    return exporter->closing && otc_error_retryable(result) ? judge_closing(exporter, request, verdict, now)
                                                            : verdict;
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
log_dropped(const struct otc_exporter *exporter, const char *text, size_t items, size_t dead)
{
    struct otc_logger *logger = exporter->options.host->logger;

    if (dead > 0) {
        otc_log(logger, OTC_LOG_ERROR, exporter->options.id,
                "Exporting failed. Keeping the data as dead letters.", OTC_FIELD_TEXT("error", text),
                OTC_FIELD_NUMBER("dead_lettered_items", dead));
    }
    if (items > dead) {
        otc_log(logger, OTC_LOG_ERROR, exporter->options.id, "Exporting failed. Dropping data.",
                OTC_FIELD_TEXT("error", text), OTC_FIELD_NUMBER("dropped_items", items - dead));
    }
}

/* A line for each request would fall to the sampling of the log. */
bool
otc__exporter_log_dropped(struct otc_exporter *exporter, size_t pending)
{
    uint64_t items = exporter->dropped_items, requests = exporter->dropped_requests;

    if (!exporter->shut_down || exporter->n_pending != pending || requests == 0) {
        return false;
    }
    exporter->dropped_items = 0;
    exporter->dropped_requests = 0;
    pthread_mutex_unlock(&exporter->lock);
    otc_log(exporter->options.host->logger, OTC_LOG_ERROR, exporter->options.id, "Dropped on shutdown",
            OTC_FIELD_TEXT("data_type", otc_signal_name(exporter->options.signal)),
            OTC_FIELD_NUMBER("dropped_items", items), OTC_FIELD_NUMBER("dropped_requests", requests));
    pthread_mutex_lock(&exporter->lock);
    return true;
}

/* What the senders are told of a request that failed for good. */
static void
final_error(const struct otc_error *result, const struct otc__verdict *verdict, struct otc_error *final)
{
    *final = *result;
    if (final->status != OTC_OK) {
        snprintf(final->text, sizeof(final->text), "%s%.900s", verdict->prefix, result->text);
        final->permanent = verdict->reason == OTC_DROP_NOT_RETRYABLE;
    }
}

/* Takes a request whose fate is known out of the books; entries that are at their end give their room back.
 * Under the lock. The request is freed by the caller. Returns the items that become dead letters. */
static size_t
settle(struct otc_exporter *exporter, struct otc__request *request, const struct otc_error *final,
       enum otc_drop_reason reason, struct otc__news *news)
{
    struct otc_entries ended = {0};
    struct otc_entry *entry;
    bool interrupted = final->status != OTC_OK && reason == OTC_DROP_SHUTDOWN;
    size_t dead = 0;

    unlink_request(exporter, request);
    if (interrupted && exporter->storage) {
        exporter->left_items += request->items;
        for (struct otc_share *share = request->shares.first; share; share = share->next) {
            share->entry->keep = true;
        }
    } else if (interrupted) {
        exporter->dropped_items += request->items;
        exporter->dropped_requests += request->shares.n;
    }
    if (final->status != OTC_OK && reason == OTC_DROP_NOT_RETRYABLE) {
        dead = otc__stored_reserve(exporter, request);
    }
    otc_shares_tell(&request->shares, final, &ended);
    while ((entry = otc_entries_take(&ended))) {
        exporter->size -= entry->size;
        otc_entries_append(&news->ended, entry);
    }
    if (interrupted && exporter->storage) {
        otc__count_returned(&exporter->counters, request->items);
    } else if (final->status == OTC_OK) {
        otc__count_sent(&exporter->counters, request->items, exporter->size);
    } else {
        otc__count_failed(&exporter->counters, request->items, dead, exporter->size, reason, final);
    }
    otc__exporter_admit(exporter, false, news);
    return dead;
}

static void
free_request(struct otc__request *request)
{
    otc_batch_unref(request->batch);
    free(request);
}

/* Under the lock. */
static void
give_up(struct otc_exporter *exporter, struct otc__request *request, struct otc__news *news)
{
    struct otc_error error = OTC_ERROR_INIT, final;

    otc_fail(&error, OTC_UNAVAILABLE,
             request->retry.not_before > 0 ? "the destination asked to wait" : "the time for it is over");
    final_error(&error, &shut_down, &final);
    (void)settle(exporter, request, &final, OTC_DROP_SHUTDOWN, news);
    free_request(request);
}

void
otc__exporter_hasten_retries(struct otc_exporter *exporter)
{
    for (struct otc__request *request = exporter->requests; request; request = request->next) {
        if (request->waiting && request->due > request->retry.not_before && !exporter->storage) {
            request->due = request->retry.not_before;
        }
    }
}

void
otc__exporter_give_up_retries(struct otc_exporter *exporter, int64_t from, struct otc__news *news)
{
    struct otc__request *next;

    for (struct otc__request *request = exporter->requests; request; request = next) {
        next = request->next;
        if (request->waiting && (exporter->storage || request->due >= from)) {
            give_up(exporter, request, news);
        }
    }
}

bool
otc__exporter_retry_due(const struct otc_exporter *exporter, int64_t now)
{
    const struct otc__request *request = exporter->requests;

    while (request && !(request->waiting && request->due <= now)) {
        request = request->next;
    }
    return request != NULL;
}

/* ---- Attempts -------------------------------------------------------------------------------------- */

/* While the attempt counts as pending nobody frees the exporter. The last one after a shutdown does what that
 * could not do: it is found out and stops to count under one lock, else nobody might be the last one. */
static void
end_attempt(struct otc_exporter *exporter)
{
    pthread_mutex_lock(&exporter->lock);
    while (otc__exporter_log_dropped(exporter, 1)) {
    }
    if (!exporter->pumping) {
        otc__stored_release(exporter, 1);
    }
    exporter->n_pending--;
    pthread_cond_broadcast(&exporter->told);
    pthread_mutex_unlock(&exporter->lock);
}

static void
attempt_done(struct otc_done *self, const struct otc_error *result)
{
    struct otc__request *request = OTC_CONTAINER(self, otc__request, done);
    struct otc_exporter *exporter = request->exporter;
    struct otc__verdict verdict = {0};
    int64_t now = otc__exporter_clock(exporter);
    struct otc_error final;
    struct otc__news news;
    size_t dead = 0;

    otc__news_init(&news);
    pthread_mutex_lock(&exporter->lock);
    if (exporter->starting == request) {
        otc__stored_unmark(exporter);
    }
    if (result->status != OTC_OK) {
        verdict = judge(exporter, request, result, now);
    }
    if (verdict.again) {
        request->waiting = true;
        request->due = now + verdict.delay;
    } else {
        final_error(result, &verdict, &final);
        dead = settle(exporter, request, &final, verdict.reason, &news);
    }
    pthread_mutex_unlock(&exporter->lock);
    if (verdict.again) {
        log_retry(exporter, result, verdict.delay);
    } else {
        if (final.status != OTC_OK && verdict.reason != OTC_DROP_SHUTDOWN) {
            log_dropped(exporter, final.text, request->items, dead);
        }
        free_request(request);
    }
    otc__exporter_tell(exporter, &news);
    otc__exporter_pump(exporter, INT_MAX);
    end_attempt(exporter);
}

/* Starts an attempt. Not under the lock. */
static void
start(struct otc_exporter *exporter, struct otc__request *request)
{
    struct otc_error result = OTC_ERROR_INIT;
    bool broken = false;
    otc_status status;

    if (!request->batch) {
        request->batch = otc_shares_merge(&request->shares, exporter->gather.metadata_keys, &broken);
        if (request->batch) {
            otc__count_request(&exporter->counters, request->batch);
        }
    }
    if (!request->batch) {
        /* What could not be cut cannot be sent later either. */
        otc_fail(&result, broken ? OTC_INTERNAL : OTC_UNAVAILABLE, "out of memory");
        result.permanent = broken;
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

void
otc__exporter_pump(struct otc_exporter *exporter, int most)
{
    int64_t now = otc__exporter_clock(exporter), wake = INT64_MAX;

    pthread_mutex_lock(&exporter->lock);
    exporter->pump_again = true;
    if (exporter->pumping) {
        pthread_mutex_unlock(&exporter->lock);
        return;
    }
    exporter->pumping = true;
    while (exporter->pump_again) {
        struct otc__request *request;

        exporter->pump_again = false;
        now = otc__exporter_clock(exporter);
        wake = INT64_MAX;
        while ((most > 0 || exporter->closing) && (request = next_request(exporter, now, &wake))) {
            most--;
            exporter->n_pending++;
            exporter->starting = exporter->storage ? request : NULL;
            pthread_mutex_unlock(&exporter->lock);
            start(exporter, request);
            pthread_mutex_lock(&exporter->lock);
            otc__stored_unmark(exporter);
            wake = INT64_MAX;
        }
    }
    arm(exporter, now, most > 0 ? wake : now);
    otc__stored_release(exporter, 0); /* attempts that ended meanwhile could not */
    exporter->pumping = false;
    pthread_cond_broadcast(&exporter->told);
    pthread_mutex_unlock(&exporter->lock);
}
