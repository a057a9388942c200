// SPDX-License-Identifier: Apache-2.0
/**
 * @file An event loop: one thread runs it, any thread may post to it. The sidecar's control loop and the
 * listeners' loop are both of this kind.
 */
#ifndef OTC_NET_LOOP_H
#define OTC_NET_LOOP_H

#include "common/base/now.h"
#include "common/base/status.h"

/** Opaque. */
struct otc_loop;
struct otc_loop_timer;
struct otc_loop_signal;

/** A posted call that its owner holds, so that posting cannot fail. Owned by the loop from post until `fn` is
 * called. */
struct otc_loop_task {
    void (*fn)(void *arg);
    void *arg;
    struct otc_loop_task *next;
};

/** A loop that nobody runs yet. INTERNAL when the system refuses. */
OTC_CHECK otc_status otc_loop_new(struct otc_loop **out, struct otc_error *err);
/** Not while it runs. Posted calls that did not run are dropped; timers and signals must be freed before.
 * NULL is allowed. */
void otc_loop_free(struct otc_loop *loop);
/** Runs on the calling thread until otc_loop_stop(). May be called again afterwards. */
void otc_loop_run(struct otc_loop *loop);
/**
 * Makes otc_loop_run() return after the posts that were made before. Any thread, also before run was called
 * (run then returns once these ran). From then on until the next run otc_loop_post() answers false.
 */
void otc_loop_stop(struct otc_loop *loop);
/** True on the thread that runs the loop. */
bool otc_loop_here(struct otc_loop *loop);

/** Runs `fn(arg)` on the loop, soon, in the order of the posts. Any thread. False out of memory or stopped.
 */
bool otc_loop_post(struct otc_loop *loop, void (*fn)(void *arg), void *arg);
/** The same without allocation; `task` must stay where it is until it ran. Works on a stopped loop too (then
 * runs with the next run). */
void otc_loop_post_task(struct otc_loop *loop, struct otc_loop_task *task);

/** A timer that calls `fn(arg)` on the loop; disarmed. NULL out of memory. Any thread, like the three below.
 */
struct otc_loop_timer *otc_loop_timer_new(struct otc_loop *loop, void (*fn)(void *arg), void *arg);
/** (Re)arms: once, after `delay_ns` (less than 0: at once). */
void otc_loop_timer_arm(struct otc_loop_timer *timer, int64_t delay_ns);
void otc_loop_timer_disarm(struct otc_loop_timer *timer);
/** After it returned `fn` neither runs nor will run (waits for a running one, but on the loop's own thread).
 * NULL is allowed. */
void otc_loop_timer_free(struct otc_loop_timer *timer);

/** Calls `fn(arg, signo)` on the loop at each such signal (SIGTERM, SIGINT, SIGHUP …). NULL when refused. One
 * loop a process. */
struct otc_loop_signal *otc_loop_signal_new(struct otc_loop *loop, int signo,
                                            void (*fn)(void *arg, int signo), void *arg);
void otc_loop_signal_free(struct otc_loop_signal *signal);

/**
 * The process's listener loop: made with a thread of its own (all signals blocked) by the first acquire,
 * ended and joined by the last release. Not released from its own thread.
 */
OTC_CHECK otc_status otc_loop_shared_acquire(struct otc_loop **out, struct otc_error *err);
void otc_loop_shared_release(struct otc_loop *loop);
/** The same for the loop of all HTTP clients, a thread of its own. */
OTC_CHECK otc_status otc_loop_clients_acquire(struct otc_loop **out, struct otc_error *err);
void otc_loop_clients_release(struct otc_loop *loop);

#endif
