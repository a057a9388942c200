// SPDX-License-Identifier: Apache-2.0
#include "ocb/loop.h"

#include "common/base/now.h"

struct otc_timer {
    struct otc_timer *next;
    void (*fn)(void *arg);
    void *arg;
    bool armed;
    bool flushing;
    int64_t due;
};

struct otc_bridge_task {
    struct otc_bridge_task *next;
    void (*fn)(void *arg);
    void *arg;
};

void
otc_bridge_loop_init(struct otc_bridge_loop *loop, void (*wake)(void *arg), void *arg)
{
    *loop = (struct otc_bridge_loop){.looks_again = INT64_MAX, .wake = wake, .arg = arg};
    pthread_mutex_init(&loop->lock, NULL);
    pthread_cond_init(&loop->idle, NULL);
}

void
otc_bridge_loop_release(struct otc_bridge_loop *loop)
{
    otc_bridge_loop_close(loop);
    pthread_cond_destroy(&loop->idle);
    pthread_mutex_destroy(&loop->lock);
}

/* Under the lock: whether the runner must be told that something is due then. It is told once. */
static bool
must_wake(struct otc_bridge_loop *loop, int64_t due)
{
    if (due >= loop->looks_again) {
        return false;
    }
    loop->looks_again = INT64_MIN;
    return true;
}

bool
otc_bridge_loop_post(struct otc_bridge_loop *loop, void (*fn)(void *arg), void *arg)
{
    struct otc_bridge_task *task = malloc(sizeof(*task));
    bool wake = false, taken = false;

    if (!task) {
        return false;
    }
    *task = (struct otc_bridge_task){NULL, fn, arg};
    pthread_mutex_lock(&loop->lock);
    if (!loop->closed) {
        *(loop->last ? &loop->last->next : &loop->first) = task;
        loop->last = task;
        taken = true;
        wake = must_wake(loop, INT64_MIN + 1);
    }
    pthread_mutex_unlock(&loop->lock);
    if (!taken) {
        free(task);
    }
    if (wake) {
        loop->wake(loop->arg);
    }
    return taken;
}

struct otc_timer *
otc_bridge_timer_new(struct otc_bridge_loop *loop, void (*fn)(void *arg), void *arg)
{
    struct otc_timer *timer = calloc(1, sizeof(*timer));

    if (!timer) {
        return NULL;
    }
    timer->fn = fn;
    timer->arg = arg;
    pthread_mutex_lock(&loop->lock);
    timer->next = loop->timers;
    loop->timers = timer;
    pthread_mutex_unlock(&loop->lock);
    return timer;
}

void
otc_bridge_timer_arm(struct otc_bridge_loop *loop, struct otc_timer *timer, int64_t delay_ns)
{
    int64_t now = otc_clock_monotonic_ns();
    bool wake;

    delay_ns = delay_ns > 0 ? delay_ns : 0;
    pthread_mutex_lock(&loop->lock);
    timer->armed = true;
    timer->flushing = false;
    timer->due = delay_ns < INT64_MAX - now ? now + delay_ns : INT64_MAX;
    wake = must_wake(loop, timer->due);
    pthread_mutex_unlock(&loop->lock);
    if (wake) {
        loop->wake(loop->arg);
    }
}

void
otc_bridge_timer_disarm(struct otc_bridge_loop *loop, struct otc_timer *timer)
{
    pthread_mutex_lock(&loop->lock);
    timer->armed = false;
    timer->flushing = false;
    pthread_mutex_unlock(&loop->lock);
}

void
otc_bridge_timer_free(struct otc_bridge_loop *loop, struct otc_timer *timer)
{
    if (!timer) {
        return;
    }
    pthread_mutex_lock(&loop->lock);
    while (loop->running == timer && !pthread_equal(loop->runner, pthread_self())) {
        pthread_cond_wait(&loop->idle, &loop->lock);
    }
    for (struct otc_timer **at = &loop->timers; *at; at = &(*at)->next) {
        if (*at == timer) {
            *at = timer->next;
            break;
        }
    }
    pthread_mutex_unlock(&loop->lock);
    free(timer);
}

/* Under the lock, which it gives up meanwhile. `fn` may free the timer. */
static void
fire(struct otc_bridge_loop *loop, struct otc_timer *timer)
{
    void (*fn)(void *) = timer->fn;
    void *arg = timer->arg;

    timer->armed = false;
    timer->flushing = false;
    loop->running = timer;
    loop->runner = pthread_self();
    pthread_mutex_unlock(&loop->lock);
    fn(arg);
    pthread_mutex_lock(&loop->lock);
    loop->running = NULL;
    pthread_cond_broadcast(&loop->idle);
}

/* Under the lock, which it gives up meanwhile. False: there is no task. */
static bool
run_task(struct otc_bridge_loop *loop)
{
    struct otc_bridge_task *task = loop->first;

    if (!task) {
        return false;
    }
    loop->first = task->next;
    loop->last = task->next ? loop->last : NULL;
    pthread_mutex_unlock(&loop->lock);
    task->fn(task->arg);
    free(task);
    pthread_mutex_lock(&loop->lock);
    return true;
}

static struct otc_timer *
first_armed(const struct otc_bridge_loop *loop)
{
    struct otc_timer *first = NULL;

    for (struct otc_timer *timer = loop->timers; timer; timer = timer->next) {
        if (timer->armed && (!first || timer->due < first->due)) {
            first = timer;
        }
    }
    return first;
}

int64_t
otc_bridge_loop_run(struct otc_bridge_loop *loop)
{
    int64_t wait = -1, now = otc_clock_monotonic_ns();
    struct otc_timer *timer;

    pthread_mutex_lock(&loop->lock);
    loop->looks_again = INT64_MIN;
    if (!run_task(loop)) {
        timer = first_armed(loop);
        if (timer && timer->due <= now) {
            fire(loop, timer);
        }
    }
    timer = first_armed(loop);
    if (loop->first) {
        wait = 0;
    } else if (timer) {
        now = otc_clock_monotonic_ns();
        wait = timer->due > now ? timer->due - now : 0;
    }
    loop->looks_again = timer && !loop->first ? timer->due : wait == 0 ? INT64_MIN : INT64_MAX;
    pthread_mutex_unlock(&loop->lock);
    return wait;
}

void
otc_bridge_loop_flush(struct otc_bridge_loop *loop)
{
    pthread_mutex_lock(&loop->lock);
    for (struct otc_timer *timer = loop->timers; timer; timer = timer->next) {
        timer->flushing = timer->armed;
    }
    for (struct otc_timer *timer = loop->timers; timer;) {
        if (timer->flushing) {
            fire(loop, timer);
            timer = loop->timers; /* the list may be another one */
        } else {
            timer = timer->next;
        }
    }
    pthread_mutex_unlock(&loop->lock);
}

void
otc_bridge_loop_close(struct otc_bridge_loop *loop)
{
    pthread_mutex_lock(&loop->lock);
    loop->closed = true;
    while (run_task(loop)) {
    }
    pthread_mutex_unlock(&loop->lock);
}
