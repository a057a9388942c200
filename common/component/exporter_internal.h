// SPDX-License-Identifier: Apache-2.0
/** @file The exporter helper's own parts, shared between its files. */
#ifndef OTC_COMPONENT_EXPORTER_INTERNAL_H
#define OTC_COMPONENT_EXPORTER_INTERNAL_H

#include "common/component/exporter.h"
#include "common/component/exporter_counters.h"
#include "common/component/exporter_retry.h"
#include "common/component/gather.h"

#include <pthread.h>

/** Senders that may wait for room in a full queue. */
#define OTC__MAX_WAITING 1000
/** Attempts that a thread not the exporter's own (a sender's, the control loop's) starts in a row. */
#define OTC__BORROWED_STARTS 4

/** One request on its way: an attempt is pending, or it waits for the next one. */
struct otc__request {
    struct otc_done done;
    struct otc_exporter *exporter;
    struct otc__request *next, *previous;
    struct otc_shares shares;
    size_t items;
    struct otc_batch *batch; /* NULL: not merged yet */
    struct otc__retry retry;
    int64_t due; /* when waiting */
    bool waiting;
};

struct otc_exporter {
    struct otc_consumer consumer;
    struct otc_exporter_options options;
    struct otc_retry_config retry; /* in effect */
    struct otc_exporter_counters counters;
    struct otc_gather gather;
    enum otc_sizer sizer;
    int64_t capacity;
    int64_t consumers;
    bool wait_for_result;
    struct otc_timer *timer;
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t told;
    struct otc_entries queue;
    struct otc_entries overflow; /* senders waiting for room */
    int64_t size;                /* queued and in flight */
    int64_t queued_left;         /* of the queue, in the unit of gathering */
    struct otc__request *requests;
    int64_t n_requests;
    size_t n_pending;
    uint64_t random;
    int64_t refusal_logged;
    uint64_t refused_since;
    uint64_t dropped_items, dropped_requests; /* by the shutdown, not logged yet */
    bool pumping, pump_again;
    /* Of a queue on disk: */
    struct otc_storage_queue *storage; /* NULL: in memory, or not started */
    size_t n_storing;                  /* on their way to the disk */
    size_t resident;                   /* bytes that are in memory too */
    uint64_t left_items;               /* of requests that the shutdown interrupted */
    struct otc__request *starting;     /* its records are marked until the push returns or is told */
    bool released;
    bool draining; /* nothing waits for company */
    bool closing;
    int64_t deadline;      /* of the shutdown */
    int64_t retries_until; /* of it, for repetitions that the destination did not ask for */
    bool shut_down;        /* the queue is given up */
};

/** What is to be done when the lock is free again: senders to be told that their data was queued, entries at
 * their end, entries to be written to the disk. */
struct otc__news {
    struct otc_done *queued[OTC__MAX_WAITING];
    size_t n_queued;
    struct otc_entries ended;
    struct otc_entries to_store;
};

static inline void
otc__news_init(struct otc__news *news)
{
    news->n_queued = 0;
    news->ended = (struct otc_entries){0};
    news->to_store = (struct otc_entries){0};
}

static inline int64_t
otc__exporter_clock(const struct otc_exporter *exporter)
{
    return exporter->options.host->monotonic_ns(exporter->options.host);
}

static inline const struct otc_queue_batch *
otc__exporter_batch(const struct otc_exporter *exporter)
{
    return exporter->options.queue ? exporter->options.queue->batch : NULL;
}

/** Puts an entry into the queue. Under the lock. */
void otc__exporter_enqueue(struct otc_exporter *exporter, struct otc_entry *entry);
/** Moves waiting senders into the queue while there is room (or regardless of it). Under the lock. */
void otc__exporter_admit(struct otc_exporter *exporter, bool regardless, struct otc__news *news);
/** Does what the news ask for. Not under the lock. */
void otc__exporter_tell(struct otc_exporter *exporter, struct otc__news *news);
/** Counts a refusal, and logs it once in a while. Not under the lock. */
void otc__exporter_note_refusal(struct otc_exporter *exporter, size_t items, const char *text);

/**
 * Starts everything that can start, but at most `most` attempts. One thread at a time does: another one (or a
 * push that tells its result at once) only leaves word, so that neither pushes overlap nor the stack grows. A
 * push may take milliseconds (compression): a thread that has other work starts few, the rest is left to the
 * timer. Not under the lock.
 */
void otc__exporter_pump(struct otc_exporter *exporter, int most);
/** Repetitions that wait are due now, or when the destination asked for them; not those of a queue on disk.
 * Under the lock. */
void otc__exporter_hasten_retries(struct otc_exporter *exporter);
/** Gives up the repetitions that are due at `from` or later, of a queue on disk all. Under the lock. */
void otc__exporter_give_up_retries(struct otc_exporter *exporter, int64_t from, struct otc__news *news);
/** Whether a repetition waits whose time has come. Under the lock. */
bool otc__exporter_retry_due(const struct otc_exporter *exporter, int64_t now);
/** One line for all that the shutdown dropped, when no attempt can add to it. `pending`: attempts whose end
 * is told of already. Under the lock, which is let go meanwhile when there is something: true. */
bool otc__exporter_log_dropped(struct otc_exporter *exporter, size_t pending);

/** Whether the queue is to be on disk. */
static inline bool
otc__exporter_stores(const struct otc_exporter *exporter)
{
    return exporter->options.queue && exporter->options.queue->storage;
}

/** Gives back the room of an entry that does not come to the disk. Not under the lock. */
void otc__exporter_unreserve(struct otc_exporter *exporter, const struct otc_entry *entry,
                             struct otc__news *news);
/** Writes an entry, whose room is reserved, to the disk. PENDING, or a refusal: the entry stays the caller's.
 * Not under the lock. */
otc_status otc__stored_put(struct otc_exporter *exporter, struct otc_entry *entry, struct otc_error *err);
/** Reads one of the entries that are sent next, if one is missing. True: look again. Under the lock, which is
 * let go meanwhile; by the one who pumps. */
bool otc__stored_load_next(struct otc_exporter *exporter);
/** Marks what the next request takes from the queue, before it does, and afterwards takes the marks off what
 * it left there. Under the lock. */
void otc__stored_mark(struct otc_exporter *exporter);
void otc__stored_unmark_rest(struct otc_exporter *exporter, const struct otc_shares *taken);
/** Takes room for what of a rejected request is on disk alone, and returns the items of it that are kept.
 * Under the lock. */
size_t otc__stored_reserve(struct otc_exporter *exporter, const struct otc__request *request);
/** What becomes of the record of an entry at its end. Not under the lock. */
void otc__stored_end(struct otc_exporter *exporter, struct otc_entry *entry);
/** The attempt that is being started came so far without the process ending. Under the lock. */
void otc__stored_unmark(struct otc_exporter *exporter);
/** Closes the queue on disk after the shutdown, once all but `pending` attempts are told. By the one who
 * pumps, or while nobody does. Under the lock, which is let go meanwhile. */
void otc__stored_release(struct otc_exporter *exporter, size_t pending);

#endif
