// SPDX-License-Identifier: Apache-2.0
#include "common/component/fanout.h"

#include <pthread.h>

struct fanout {
    struct otc_consumer consumer;
    size_t n_first; /* those before the observers */
    size_t n;
    struct otc_consumer *consumers[];
};

struct join;

/* The `done` of one branch. */
struct branch {
    struct otc_done done;
    struct join *join;
};

/* The result of one batch, being joined. `left` counts branches that have not told, and the fan-out itself.
 */
struct join {
    pthread_mutex_t lock;
    size_t left;
    bool refused; /* the caller got an error: nobody waits any more */
    bool failed;
    struct otc_error error;
    struct otc_done *parent;
    struct branch branches[];
};

static void
add_error(struct otc_error *joined, bool *failed, const struct otc_error *error)
{
    size_t len = strlen(joined->text);

    if (!*failed) {
        *joined = *error;
        *failed = true;
        return;
    }
    if (error->permanent && !joined->permanent) {
        joined->status = error->status;
        joined->permanent = true;
    }
    if (error->retry_after_ms > joined->retry_after_ms) {
        joined->retry_after_ms = error->retry_after_ms;
    }
    if (joined->permanent) {
        joined->retry_after_ms = 0;
    }
    if (len + 3 < sizeof(joined->text)) {
        memcpy(joined->text + len, "; ", 2);
        snprintf(joined->text + len + 2, sizeof(joined->text) - len - 2, "%.*s",
                 (int)(sizeof(joined->text) - len - 3), error->text);
    }
}

static void
join_free(struct join *join)
{
    pthread_mutex_destroy(&join->lock);
    free(join);
}

static void
branch_done(struct otc_done *self, const struct otc_error *result)
{
    struct join *join = OTC_CONTAINER(self, branch, done)->join;
    bool last;

    pthread_mutex_lock(&join->lock);
    if (result->status != OTC_OK) {
        add_error(&join->error, &join->failed, result);
    }
    last = --join->left == 0;
    pthread_mutex_unlock(&join->lock);
    if (last) {
        if (!join->refused) {
            join->parent->fn(join->parent, &join->error);
        }
        join_free(join);
    }
}

static struct join *
join_new(size_t branches, struct otc_done *parent)
{
    struct join *join = malloc(sizeof(*join) + branches * sizeof(join->branches[0]));

    if (!join) {
        return NULL;
    }
    pthread_mutex_init(&join->lock, NULL);
    join->left = branches + 1;
    join->refused = false;
    join->failed = false;
    join->error = OTC_ERROR_INIT;
    join->parent = parent;
    for (size_t i = 0; i < branches; i++) {
        join->branches[i] = (struct branch){{OTC_ABI_OF(otc_done), branch_done}, join};
    }
    return join;
}

/* Passes the batch (borrowed) on. Returns the branch's answer; an error is added to `error`. */
static otc_status
call_branch(struct otc_consumer *consumer, struct otc_batch *batch, struct otc_done *done,
            struct otc_error *error, bool *failed)
{
    struct otc_error own = OTC_ERROR_INIT;
    otc_status status = otc_consume(consumer, otc_batch_ref(batch), done, &own);

    if (status != OTC_OK && status != OTC_PENDING) {
        own.status = status;
        add_error(error, failed, &own);
    }
    return status;
}

/*
 * Gives up the fan-out's share of the join. The answer for the caller: an error that is known by now, OK when
 * every branch told, else PENDING.
 */
static otc_status
settle(struct join *join, size_t told, struct otc_error *error, bool failed)
{
    otc_status status = OTC_PENDING;
    bool last;

    pthread_mutex_lock(&join->lock);
    if (join->failed) {
        add_error(error, &failed, &join->error);
    }
    join->left -= told;
    last = join->left == 1;
    if (failed) {
        status = error->status;
        join->refused = true;
    } else if (last) {
        status = OTC_OK;
    }
    pthread_mutex_unlock(&join->lock);
    return status;
}

/* Lets go of the join after the observers were called; runs the parent's `done` if the last branch told
 * meanwhile. */
static void
leave(struct join *join, bool wait)
{
    bool last;

    pthread_mutex_lock(&join->lock);
    last = --join->left == 0;
    pthread_mutex_unlock(&join->lock);
    if (last) {
        if (wait) {
            join->parent->fn(join->parent, &join->error);
        }
        join_free(join);
    }
}

static void
call_observers(const struct fanout *fanout, struct otc_batch *batch)
{
    for (size_t i = fanout->n_first; i < fanout->n; i++) {
        struct otc_error ignored = OTC_ERROR_INIT;
        bool failed = false;

        (void)call_branch(fanout->consumers[i], batch, NULL, &ignored, &failed);
    }
}

static otc_status
fanout_consume(struct otc_consumer *self, struct otc_batch *batch, struct otc_done *done,
               struct otc_error *err)
{
    const struct fanout *fanout = OTC_CONTAINER(self, fanout, consumer);
    size_t n = fanout->n_first > 0 ? fanout->n_first : fanout->n;
    struct join *join = done ? join_new(n, done) : NULL;
    struct otc_error error = OTC_ERROR_INIT;
    otc_status status = OTC_OK;
    bool failed = false;
    size_t told = 0;

    if (done && !join) {
        otc_batch_unref(batch);
        return otc_fail(err, OTC_UNAVAILABLE, "out of memory");
    }
    for (size_t i = 0; i < n; i++) {
        otc_status answer =
            call_branch(fanout->consumers[i], batch, join ? &join->branches[i].done : NULL, &error, &failed);

        told += answer != OTC_PENDING;
        status = answer == OTC_PENDING ? OTC_PENDING : status;
    }
    if (join) {
        status = settle(join, told, &error, failed);
    } else if (failed) {
        status = error.status;
    }
    if ((status == OTC_OK || status == OTC_PENDING) && fanout->n_first > 0) {
        call_observers(fanout, batch);
    }
    if (join) {
        leave(join, status == OTC_PENDING);
    }
    otc_batch_unref(batch);
    if (status != OTC_OK && status != OTC_PENDING && err) {
        *err = error;
    }
    return status;
}

struct otc_consumer *
otc_fanout_new(struct otc_consumer *const *consumers, size_t n)
{
    struct fanout *fanout = calloc(1, sizeof(*fanout) + n * sizeof(void *));

    if (!fanout) {
        return NULL;
    }
    fanout->consumer = (struct otc_consumer){.abi = OTC_ABI_OF(otc_consumer), .consume = fanout_consume};
    for (int observers = 0; observers < 2; observers++) {
        for (size_t i = 0; i < n; i++) {
            if (consumers[i]->observes_accepted == (observers == 1)) {
                fanout->consumers[fanout->n++] = consumers[i];
                fanout->n_first += observers == 0;
                fanout->consumer.mutates_data |= consumers[i]->mutates_data;
                fanout->consumer.holds |= consumers[i]->holds;
            }
        }
    }
    fanout->consumer.observes_accepted = fanout->n_first == 0;
    return &fanout->consumer;
}

void
otc_fanout_free(struct otc_consumer *fanout)
{
    if (fanout) {
        free(OTC_CONTAINER(fanout, fanout, consumer));
    }
}
