// SPDX-License-Identifier: Apache-2.0
/** @file The control loop of one component: tasks and timers that a thread of the caller's runs one by one.
 * Private to the folder. */
#ifndef OTC_OCB_LOOP_H
#define OTC_OCB_LOOP_H

#include "common/component/otc.h"

#include <pthread.h>

struct otc_bridge_task;

/** Every function but run and flush may be called from any thread. */
struct otc_bridge_loop {
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t idle;  /* `running` ended */
    struct otc_timer *timers;
    struct otc_bridge_task *first, *last;
    const struct otc_timer *running;
    pthread_t runner; /* of `running` */
    bool closed;
    /** When the runner looks again by itself, monotonic nanoseconds; what is due earlier must wake it. */
    int64_t looks_again;
    void (*wake)(void *arg);
    void *arg;
};

/** `wake(arg)` is called when there is something to run earlier than the runner was told. */
void otc_bridge_loop_init(struct otc_bridge_loop *loop, void (*wake)(void *arg), void *arg);
/** No timer may be left. */
void otc_bridge_loop_release(struct otc_bridge_loop *loop);

/** As of otc_host. */
bool otc_bridge_loop_post(struct otc_bridge_loop *loop, void (*fn)(void *arg), void *arg);
struct otc_timer *otc_bridge_timer_new(struct otc_bridge_loop *loop, void (*fn)(void *arg), void *arg);
void otc_bridge_timer_arm(struct otc_bridge_loop *loop, struct otc_timer *timer, int64_t delay_ns);
void otc_bridge_timer_disarm(struct otc_bridge_loop *loop, struct otc_timer *timer);
void otc_bridge_timer_free(struct otc_bridge_loop *loop, struct otc_timer *timer);

/** Runs one task, or the timer that is due first. Nanoseconds until there is more, 0: at once, -1: nothing is
 * armed. */
int64_t otc_bridge_loop_run(struct otc_bridge_loop *loop);
/** Runs each timer that is armed now, whatever its time. */
void otc_bridge_loop_flush(struct otc_bridge_loop *loop);
/** Runs what was posted, and takes nothing from now on. */
void otc_bridge_loop_close(struct otc_bridge_loop *loop);

#endif
