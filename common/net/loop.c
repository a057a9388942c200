// SPDX-License-Identifier: Apache-2.0
#include "common/net/loop.h"

#include <event2/event.h>
#include <event2/thread.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/net/loop_event.h"

struct otc_loop {
    struct event_base *base;
    struct event *wake;
    int wake_fd;
    pthread_mutex_t lock;
    struct otc_loop_task *head; /* under lock */
    struct otc_loop_task **tail;
    bool signalled; /* the eventfd holds a wake-up that was not read yet */
    bool stopping;
    _Atomic bool running;
    pthread_t thread; /* valid while running */
};

struct otc_loop_timer {
    struct event *event;
    void (*fn)(void *arg);
    void *arg;
};

struct otc_loop_signal {
    struct event *event;
    void (*fn)(void *arg, int signo);
    void *arg;
};

/** A post that the loop allocated. */
struct post {
    struct otc_loop_task task;
    void (*fn)(void *arg);
    void *arg;
};

struct event_base *
otc_loop_base(struct otc_loop *loop)
{
    return loop->base;
}

static struct otc_loop_task *
take_tasks(struct otc_loop *loop)
{
    struct otc_loop_task *tasks;

    pthread_mutex_lock(&loop->lock);
    tasks = loop->head;
    loop->head = NULL;
    loop->tail = &loop->head;
    loop->signalled = false;
    pthread_mutex_unlock(&loop->lock);
    return tasks;
}

static void
run_tasks(struct otc_loop *loop)
{
    struct otc_loop_task *task = take_tasks(loop);

    while (task) {
        struct otc_loop_task *next = task->next; /* the call may free the task */

        task->fn(task->arg);
        task = next;
    }
}

static void
on_wake(evutil_socket_t fd, short what, void *arg)
{
    struct otc_loop *loop = arg;
    uint64_t count;
    bool stop;

    (void)what;
    while (read(fd, &count, sizeof(count)) > 0) {
    }
    run_tasks(loop);
    pthread_mutex_lock(&loop->lock);
    stop = loop->stopping && !loop->head;
    pthread_mutex_unlock(&loop->lock);
    if (stop) {
        event_base_loopbreak(loop->base);
    }
}

/** Under the lock. */
static void
wake(struct otc_loop *loop)
{
    const uint64_t one = 1;

    if (loop->signalled) {
        return;
    }
    loop->signalled = true;
    while (write(loop->wake_fd, &one, sizeof(one)) < 0 && errno == EINTR) {
    }
}

static pthread_once_t libevent_once = PTHREAD_ONCE_INIT;

static void
prepare_libevent(void)
{
    evthread_use_pthreads();
}

otc_status
otc_loop_new(struct otc_loop **out, struct otc_error *err)
{
    struct otc_loop *loop = calloc(1, sizeof(*loop));

    *out = NULL;
    pthread_once(&libevent_once, prepare_libevent);
    if (!loop) {
        return otc_fail(err, OTC_INTERNAL, "event loop: out of memory");
    }
    loop->tail = &loop->head;
    pthread_mutex_init(&loop->lock, NULL);
    loop->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    loop->base = loop->wake_fd < 0 ? NULL : event_base_new();
    loop->wake =
        loop->base ? event_new(loop->base, loop->wake_fd, EV_READ | EV_PERSIST, on_wake, loop) : NULL;
    if (!loop->wake || event_add(loop->wake, NULL) != 0) {
        otc_loop_free(loop);
        return otc_fail(err, OTC_INTERNAL, "event loop: the system refused it: %s", strerror(errno));
    }
    *out = loop;
    return OTC_OK;
}

static void
run_post(void *arg)
{
    struct post *post = arg;

    post->fn(post->arg);
    free(post);
}

void
otc_loop_free(struct otc_loop *loop)
{
    struct otc_loop_task *task;

    if (!loop) {
        return;
    }
    for (task = loop->head; task;) {
        struct otc_loop_task *next = task->next;

        if (task->fn == run_post) {
            free(task->arg);
        }
        task = next;
    }
    if (loop->wake) {
        event_free(loop->wake);
    }
    if (loop->base) {
        event_base_free(loop->base);
    }
    if (loop->wake_fd >= 0) {
        close(loop->wake_fd);
    }
    pthread_mutex_destroy(&loop->lock);
    free(loop);
}

void
otc_loop_run(struct otc_loop *loop)
{
    pthread_mutex_lock(&loop->lock);
    loop->thread = pthread_self();
    loop->running = true;
    if (loop->stopping || loop->head) {
        wake(loop);
    }
    pthread_mutex_unlock(&loop->lock);
    event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY);
    pthread_mutex_lock(&loop->lock);
    loop->running = false;
    loop->stopping = false;
    pthread_mutex_unlock(&loop->lock);
}

void
otc_loop_stop(struct otc_loop *loop)
{
    pthread_mutex_lock(&loop->lock);
    loop->stopping = true;
    wake(loop);
    pthread_mutex_unlock(&loop->lock);
}

bool
otc_loop_here(struct otc_loop *loop)
{
    return loop->running && pthread_equal(loop->thread, pthread_self());
}

/** Under the lock. */
static void
append_task(struct otc_loop *loop, struct otc_loop_task *task)
{
    task->next = NULL;
    *loop->tail = task;
    loop->tail = &task->next;
    wake(loop);
}

void
otc_loop_post_task(struct otc_loop *loop, struct otc_loop_task *task)
{
    pthread_mutex_lock(&loop->lock);
    append_task(loop, task);
    pthread_mutex_unlock(&loop->lock);
}

bool
otc_loop_post(struct otc_loop *loop, void (*fn)(void *arg), void *arg)
{
    struct post *post = calloc(1, sizeof(*post));
    bool stopping;

    if (!post) {
        return false;
    }
    post->task.fn = run_post;
    post->task.arg = post;
    post->fn = fn;
    post->arg = arg;
    pthread_mutex_lock(&loop->lock);
    stopping = loop->stopping;
    if (!stopping) {
        append_task(loop, &post->task);
    }
    pthread_mutex_unlock(&loop->lock);
    if (stopping) {
        free(post);
    }
    return !stopping;
}

/* ---- Timers and signals ------------------------------------------------------------------------- */

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct otc_loop_timer *timer = arg;

    (void)fd;
    (void)what;
    timer->fn(timer->arg);
}

struct otc_loop_timer *
otc_loop_timer_new(struct otc_loop *loop, void (*fn)(void *arg), void *arg)
{
    struct otc_loop_timer *timer = calloc(1, sizeof(*timer));

    if (!timer) {
        return NULL;
    }
    timer->fn = fn;
    timer->arg = arg;
    timer->event = event_new(loop->base, -1, 0, on_timer, timer);
    if (!timer->event) {
        free(timer);
        return NULL;
    }
    return timer;
}

void
otc_loop_timer_arm(struct otc_loop_timer *timer, int64_t delay_ns)
{
    const int64_t microseconds = delay_ns <= 0 ? 0 : (delay_ns + 999) / 1000;
    const struct timeval delay = {.tv_sec = microseconds / 1000000, .tv_usec = microseconds % 1000000};

    event_add(timer->event, &delay);
}

void
otc_loop_timer_disarm(struct otc_loop_timer *timer)
{
    event_del_noblock(timer->event);
}

void
otc_loop_timer_free(struct otc_loop_timer *timer)
{
    if (!timer) {
        return;
    }
    event_del(timer->event); /* waits for a call under way on another thread */
    event_free(timer->event);
    free(timer);
}

static void
on_signal(evutil_socket_t signo, short what, void *arg)
{
    struct otc_loop_signal *signal = arg;

    (void)what;
    signal->fn(signal->arg, (int)signo);
}

struct otc_loop_signal *
otc_loop_signal_new(struct otc_loop *loop, int signo, void (*fn)(void *arg, int signo), void *arg)
{
    struct otc_loop_signal *signal = calloc(1, sizeof(*signal));

    if (!signal) {
        return NULL;
    }
    signal->fn = fn;
    signal->arg = arg;
    signal->event = evsignal_new(loop->base, signo, on_signal, signal);
    if (!signal->event || event_add(signal->event, NULL) != 0) {
        otc_loop_signal_free(signal);
        return NULL;
    }
    return signal;
}

void
otc_loop_signal_free(struct otc_loop_signal *signal)
{
    if (!signal) {
        return;
    }
    if (signal->event) {
        event_free(signal->event);
    }
    free(signal);
}

/* ---- The loops that the process shares ----------------------------------------------------------- */

struct shared {
    pthread_mutex_t lock;
    struct otc_loop *loop;
    pthread_t thread;
    size_t users;
    const char *name;
};
static struct shared listeners = {.lock = PTHREAD_MUTEX_INITIALIZER, .name = "listeners"};
static struct shared clients = {.lock = PTHREAD_MUTEX_INITIALIZER, .name = "http clients"};

static void *
shared_main(void *arg)
{
    otc_loop_run(arg);
    return NULL;
}

/** Under the lock. Signals are the control loop's: the thread starts with all of them blocked. */
static otc_status
shared_start(struct shared *shared, struct otc_error *err)
{
    sigset_t all;
    sigset_t before;
    int failure;
    otc_status status = otc_loop_new(&shared->loop, err);

    if (status != OTC_OK) {
        return status;
    }
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failure = pthread_create(&shared->thread, NULL, shared_main, shared->loop);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failure) {
        otc_loop_free(shared->loop);
        shared->loop = NULL;
        return otc_fail(err, OTC_INTERNAL, "loop of the %s: %s", shared->name, strerror(failure));
    }
    pthread_setname_np(shared->thread, shared->name);
    return OTC_OK;
}

static otc_status
acquire(struct shared *shared, struct otc_loop **out, struct otc_error *err)
{
    otc_status status = OTC_OK;

    pthread_mutex_lock(&shared->lock);
    if (shared->users == 0) {
        status = shared_start(shared, err);
    }
    if (status == OTC_OK) {
        shared->users++;
    }
    *out = shared->loop;
    pthread_mutex_unlock(&shared->lock);
    return status;
}

static void
release(struct shared *shared, struct otc_loop *loop)
{
    pthread_mutex_lock(&shared->lock);
    if (loop && loop == shared->loop && --shared->users == 0) {
        otc_loop_stop(shared->loop);
        pthread_join(shared->thread, NULL);
        otc_loop_free(shared->loop);
        shared->loop = NULL;
    }
    pthread_mutex_unlock(&shared->lock);
}

otc_status
otc_loop_shared_acquire(struct otc_loop **out, struct otc_error *err)
{
    return acquire(&listeners, out, err);
}

void
otc_loop_shared_release(struct otc_loop *loop)
{
    release(&listeners, loop);
}

otc_status
otc_loop_clients_acquire(struct otc_loop **out, struct otc_error *err)
{
    return acquire(&clients, out, err);
}

void
otc_loop_clients_release(struct otc_loop *loop)
{
    release(&clients, loop);
}
