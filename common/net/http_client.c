// SPDX-License-Identifier: Apache-2.0
#include "common/net/http_client.h"

#include <event2/event.h>
#include <pthread.h>
#include <strings.h>

#include "common/net/http_transfer.h"
#include "common/net/loop_event.h"

/* Transfers kept for requests to come: making one costs more than a small request. */
#define SPARE_TRANSFERS 16

/* One request on its way. The loop's, once it is posted. */
struct call {
    struct otc_loop_task task;
    struct otc_http_client *client;
    struct call *next, *previous;
    struct otc_http_transfer transfer;
    CURL *easy;
    void (*release)(void *arg);
    void *release_arg;
    void (*done)(void *arg, const struct otc_http_reply *reply);
    void *arg;
};

/* A socket that libcurl wants watched. */
struct watch {
    struct otc_http_client *client;
    struct event *event;
};

struct otc_http_client {
    struct otc_http_setup setup;
    struct otc_loop *loop;
    CURLM *multi;
    struct otc_loop_timer *timer;
    struct call *calls;
    CURL *spare[SPARE_TRANSFERS];
    size_t n_spare;
    struct otc_loop_task end_task;
    pthread_mutex_t lock; /* with `ended`: free waits for the loop */
    pthread_cond_t told;
    bool ended;
};

/* ---- Transfers ---------------------------------------------------------------------------------- */

static void
free_call(struct call *call)
{
    otc_http_transfer_release(&call->transfer);
    if (call->release) {
        call->release(call->release_arg);
    }
    free(call);
}

static void
unlink_call(struct otc_http_client *client, struct call *call)
{
    *(call->previous ? &call->previous->next : &client->calls) = call->next;
    if (call->next) {
        call->next->previous = call->previous;
    }
}

/* Keeps a transfer for later. */
static void
put_back(struct otc_http_client *client, CURL *easy)
{
    if (!easy) {
        return;
    }
    /* With cookies a reset would leak the name of their file in libcurl 7.88. */
    if (client->n_spare < SPARE_TRANSFERS && !client->setup.cookies) {
        otc_curl.easy_reset(easy);
        client->spare[client->n_spare++] = easy;
    } else {
        otc_curl.easy_cleanup(easy);
    }
}

/* Tells the result, which borrows from the transfer, and frees all. */
static void
finish(struct call *call, const struct otc_http_reply *reply)
{
    struct otc_http_client *client = call->client;

    unlink_call(client, call);
    if (call->easy) {
        otc_curl.multi_remove_handle(client->multi, call->easy); /* nobody reads the body any more */
    }
    call->done(call->arg, reply);
    put_back(client, call->easy);
    free_call(call);
}

static void
reap(struct otc_http_client *client)
{
    CURLMsg *message;
    int left;

    while ((message = otc_curl.multi_info_read(client->multi, &left)) != NULL) {
        CURLcode result = message->data.result;
        struct otc_http_reply reply;
        struct call *call = NULL;

        if (message->msg != CURLMSG_DONE) {
            continue;
        }
        otc_curl.easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&call);
        otc_http_transfer_reply(&call->transfer, &client->setup, call->easy, result, &reply);
        finish(call, &reply);
    }
}

static void
fail_call(struct call *call, otc_status status, const char *text)
{
    struct otc_http_reply reply = {.content_type = ""};

    otc_http_transfer_error(&call->transfer, status, text, &reply.error);
    finish(call, &reply);
}

static void
begin(void *arg)
{
    struct call *call = arg;
    struct otc_http_client *client = call->client;

    call->next = client->calls;
    if (call->next) {
        call->next->previous = call;
    }
    client->calls = call;
    call->easy = client->n_spare > 0 ? client->spare[--client->n_spare] : otc_curl.easy_init();
    if (!call->easy || !otc_http_transfer_set_up(&call->transfer, &client->setup, call->easy) ||
        otc_curl.easy_setopt(call->easy, CURLOPT_PRIVATE, call) != CURLE_OK ||
        otc_curl.multi_add_handle(client->multi, call->easy) != CURLM_OK) {
        fail_call(call, OTC_UNAVAILABLE, "out of memory");
    }
}

/* ---- The loop ----------------------------------------------------------------------------------- */

static void
on_event(evutil_socket_t fd, short what, void *arg)
{
    struct watch *watch = arg;
    struct otc_http_client *client = watch->client; /* the watch may go meanwhile */
    int mask = (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0), running;

    otc_curl.multi_socket_action(client->multi, fd, mask, &running);
    reap(client);
}

static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
    struct otc_http_client *client = arg;
    struct watch *watch = socket_arg;
    short events =
        (short)((what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0) | EV_PERSIST);

    (void)easy;
    if (watch && watch->event) {
        event_free(watch->event);
        watch->event = NULL;
    }
    if (what == CURL_POLL_REMOVE) {
        free(watch);
        return 0;
    }
    if (!watch) {
        watch = calloc(1, sizeof(*watch));
        if (!watch || otc_curl.multi_assign(client->multi, fd, watch) != CURLM_OK) {
            free(watch);
            return -1;
        }
        watch->client = client;
    }
    watch->event = event_new(otc_loop_base(client->loop), fd, events, on_event, watch);
    return watch->event && event_add(watch->event, NULL) == 0 ? 0 : -1;
}

static void
on_time(void *arg)
{
    struct otc_http_client *client = arg;
    int running;

    otc_curl.multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    reap(client);
}

static int
on_timer(CURLM *multi, long milliseconds, void *arg)
{
    struct otc_http_client *client = arg;

    (void)multi;
    if (milliseconds < 0) {
        otc_loop_timer_disarm(client->timer);
    } else {
        otc_loop_timer_arm(client->timer, milliseconds * OTC_MILLISECOND);
    }
    return 0;
}

/* On the loop, behind everything that was sent. */
static void
end(void *arg)
{
    struct otc_http_client *client = arg;
    struct call *call = client->calls;

    while (call) {
        struct call *next = call->next;

        fail_call(call, OTC_CANCELLED, "context canceled");
        call = next;
    }
    while (client->n_spare > 0) {
        otc_curl.easy_cleanup(client->spare[--client->n_spare]);
    }
    otc_curl.multi_cleanup(client->multi);
    otc_loop_timer_free(client->timer);
    pthread_mutex_lock(&client->lock);
    client->ended = true;
    pthread_cond_signal(&client->told);
    pthread_mutex_unlock(&client->lock);
}

/* ---- Life --------------------------------------------------------------------------------------- */

static long
as_long(int64_t value)
{
    return value > INT32_MAX ? INT32_MAX : (long)value;
}

static bool
make_multi(struct otc_http_client *client)
{
    const struct otc_http_client_config *config = client->setup.config;
    int64_t idle = config->max_idle_conns;

    if (config->max_idle_conns_per_host > 0 && (idle == 0 || config->max_idle_conns_per_host < idle)) {
        idle = config->max_idle_conns_per_host;
    }
    client->timer = otc_loop_timer_new(client->loop, on_time, client);
    client->multi = otc_curl.multi_init();
    return client->timer && client->multi &&
           otc_curl.multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, on_socket) == CURLM_OK &&
           otc_curl.multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client) == CURLM_OK &&
           otc_curl.multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, on_timer) == CURLM_OK &&
           otc_curl.multi_setopt(client->multi, CURLMOPT_TIMERDATA, client) == CURLM_OK &&
           otc_curl.multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, as_long(idle > 0 ? idle : INT32_MAX)) ==
               CURLM_OK &&
           otc_curl.multi_setopt(client->multi, CURLMOPT_MAX_HOST_CONNECTIONS,
                                 as_long(config->max_conns_per_host)) == CURLM_OK;
}

otc_status
otc_http_client_new(const struct otc_http_client_config *config, struct otc_host *host,
                    const char *component_id, const char *user_agent, struct otc_http_client **out,
                    struct otc_error *err)
{
    struct otc_http_client *client;
    otc_status status = otc_curl_load(err);

    *out = NULL;
    if (status != OTC_OK) {
        return status;
    }
    client = calloc(1, sizeof(*client));
    if (!client) {
        return otc_fail(err, OTC_UNAVAILABLE, "out of memory");
    }
    pthread_mutex_init(&client->lock, NULL);
    pthread_cond_init(&client->told, NULL);
    status = otc_http_setup_init(&client->setup, config, host, component_id, user_agent, err);
    if (status == OTC_OK) {
        status = otc_loop_clients_acquire(&client->loop, err);
    }
    if (status == OTC_OK && !make_multi(client)) {
        status = otc_fail(err, OTC_UNAVAILABLE, "out of memory");
    }
    if (status != OTC_OK) {
        otc_http_client_free(client);
        return status;
    }
    *out = client;
    return OTC_OK;
}

void
otc_http_client_free(struct otc_http_client *client)
{
    if (!client) {
        return;
    }
    if (client->loop) {
        client->end_task = (struct otc_loop_task){.fn = end, .arg = client};
        otc_loop_post_task(client->loop, &client->end_task);
        pthread_mutex_lock(&client->lock);
        while (!client->ended) {
            pthread_cond_wait(&client->told, &client->lock);
        }
        pthread_mutex_unlock(&client->lock);
        otc_loop_clients_release(client->loop);
    }
    otc_http_setup_release(&client->setup);
    pthread_cond_destroy(&client->told);
    pthread_mutex_destroy(&client->lock);
    free(client);
}

otc_status
otc_http_send(struct otc_http_client *client, const struct otc_http_request *request, struct otc_error *err)
{
    struct call *call = calloc(1, sizeof(*call));
    otc_status status;

    if (!call) {
        return otc_fail(err, OTC_UNAVAILABLE, "out of memory");
    }
    status = otc_http_transfer_init(&call->transfer, &client->setup, request, err);
    if (status != OTC_OK) {
        otc_http_transfer_release(&call->transfer);
        free(call);
        return status;
    }
    call->client = client;
    call->release = request->release;
    call->release_arg = request->release_arg;
    call->done = request->done;
    call->arg = request->arg;
    call->task = (struct otc_loop_task){.fn = begin, .arg = call};
    otc_loop_post_task(client->loop, &call->task);
    return OTC_OK;
}

const char *
otc_http_reply_header(const struct otc_http_reply *reply, const char *name)
{
    struct curl_header *header;

    return reply->transfer &&
                   otc_curl.easy_header(reply->transfer, name, 0, CURLH_HEADER, -1, &header) == CURLHE_OK
               ? header->value
               : NULL;
}
