// SPDX-License-Identifier: Apache-2.0
/**
 * @file A small gRPC server for the tests of otlp_grpc: it takes one call after the other, answers as told
 * and remembers what came. Made of gRPC's own core, so that both ends of the wire are not ours.
 */
#ifndef OTC_TESTS_OTLP_GRPC_SERVER_H
#define OTC_TESTS_OTLP_GRPC_SERVER_H

#include "common/base/buf.h"

#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/support/alloc.h>
#include <grpc/support/time.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

/** How the server answers from now on. Texts and bytes are borrowed. */
struct test_answer {
    int status; /* gRPC's number */
    const char *text;
    struct otc_slice reply;   /* when status is 0 */
    bool gzip;                /* `reply` is compressed */
    struct otc_slice details; /* trailer grpc-status-details-bin; empty: none */
    bool silent;              /* does not answer until the client gives up */
};

/** A request as it came. */
struct test_request {
    char path[128];
    char tenant[64]; /* header x-tenant */
    char user_agent[256];
    bool gzip;
    struct otc_buf message;
};

struct test_server {
    grpc_server *server;
    grpc_completion_queue *queue;
    int port;
    pthread_t thread;
    pthread_mutex_t lock; /* guards all below */
    struct test_answer answer;
    struct test_request last;
    size_t requests;
    struct test_request shown; /* the test's own copy, not guarded */
};

static void
copy_slice(char *out, size_t size, const grpc_slice *slice)
{
    snprintf(out, size, "%.*s", (int)GRPC_SLICE_LENGTH(*slice), (const char *)GRPC_SLICE_START_PTR(*slice));
}

/* Waits for the one operation that is on its way. False when the server ends. */
static bool
test_server_wait(struct test_server *server, const void *tag)
{
    grpc_event event = grpc_completion_queue_next(server->queue, gpr_inf_future(GPR_CLOCK_REALTIME), NULL);

    return event.type == GRPC_OP_COMPLETE && event.success && event.tag == tag;
}

static void
test_server_remember(struct test_server *server, const grpc_call_details *call,
                     const grpc_metadata_array *metadata, grpc_byte_buffer *message)
{
    grpc_byte_buffer_reader reader;
    grpc_slice slice;

    pthread_mutex_lock(&server->lock);
    copy_slice(server->last.path, sizeof(server->last.path), &call->method);
    server->last.tenant[0] = '\0';
    for (size_t i = 0; i < metadata->count; i++) {
        if (grpc_slice_str_cmp(metadata->metadata[i].key, "x-tenant") == 0) {
            copy_slice(server->last.tenant, sizeof(server->last.tenant), &metadata->metadata[i].value);
        }
        if (grpc_slice_str_cmp(metadata->metadata[i].key, "user-agent") == 0) {
            copy_slice(server->last.user_agent, sizeof(server->last.user_agent),
                       &metadata->metadata[i].value);
        }
    }
    server->last.gzip = message && message->data.raw.compression == GRPC_COMPRESS_GZIP;
    otc_buf_clear(&server->last.message);
    if (message && grpc_byte_buffer_reader_init(&reader, message)) {
        while (grpc_byte_buffer_reader_next(&reader, &slice)) {
            otc_buf_append(&server->last.message, GRPC_SLICE_START_PTR(slice), GRPC_SLICE_LENGTH(slice));
            grpc_slice_unref(slice);
        }
        grpc_byte_buffer_reader_destroy(&reader);
    }
    server->requests++;
    pthread_mutex_unlock(&server->lock);
}

static void
test_server_reply(struct test_server *server, grpc_call *call, const struct test_answer *answer)
{
    grpc_slice text = grpc_slice_from_copied_string(answer->text ? answer->text : "");
    grpc_slice bytes = grpc_slice_from_copied_buffer((const char *)answer->reply.data, answer->reply.len);
    grpc_byte_buffer *message = answer->gzip
                                    ? grpc_raw_compressed_byte_buffer_create(&bytes, 1, GRPC_COMPRESS_GZIP)
                                    : grpc_raw_byte_buffer_create(&bytes, 1);
    grpc_metadata trailer = {
        grpc_slice_from_static_string("grpc-status-details-bin"),
        grpc_slice_from_copied_buffer((const char *)answer->details.data, answer->details.len),
        {{0}}};
    grpc_op ops[4] = {{0}};
    int cancelled = 0;
    size_t n = 0;

    ops[n++].op = GRPC_OP_RECV_CLOSE_ON_SERVER;
    ops[0].data.recv_close_on_server.cancelled = &cancelled;
    if (!answer->silent) {
        ops[n++].op = GRPC_OP_SEND_INITIAL_METADATA;
        if (answer->status == 0) {
            ops[n].op = GRPC_OP_SEND_MESSAGE;
            ops[n++].data.send_message.send_message = message;
        }
        ops[n].op = GRPC_OP_SEND_STATUS_FROM_SERVER;
        ops[n].data.send_status_from_server.status = (grpc_status_code)answer->status;
        ops[n].data.send_status_from_server.status_details = &text;
        ops[n].data.send_status_from_server.trailing_metadata = &trailer;
        ops[n++].data.send_status_from_server.trailing_metadata_count = answer->details.len > 0;
    }
    if (grpc_call_start_batch(call, ops, n, call, NULL) == GRPC_CALL_OK) {
        (void)test_server_wait(server, call);
    }
    grpc_byte_buffer_destroy(message);
    grpc_slice_unref(trailer.value);
    grpc_slice_unref(bytes);
    grpc_slice_unref(text);
}

/* One call from its arrival to its end. False when the server ends. */
static bool
test_server_serve(struct test_server *server)
{
    grpc_call_details details;
    grpc_metadata_array metadata;
    grpc_byte_buffer *message = NULL;
    struct test_answer answer;
    grpc_call *call = NULL;
    grpc_op op = {0};
    bool going;

    grpc_call_details_init(&details);
    grpc_metadata_array_init(&metadata);
    going = grpc_server_request_call(server->server, &call, &details, &metadata, server->queue, server->queue,
                                     server) == GRPC_CALL_OK &&
            test_server_wait(server, server);
    if (going) {
        op.op = GRPC_OP_RECV_MESSAGE;
        op.data.recv_message.recv_message = &message;
        if (grpc_call_start_batch(call, &op, 1, &op, NULL) == GRPC_CALL_OK) {
            (void)test_server_wait(server, &op);
        }
        pthread_mutex_lock(&server->lock);
        answer = server->answer;
        pthread_mutex_unlock(&server->lock);
        test_server_remember(server, &details, &metadata, message);
        test_server_reply(server, call, &answer);
        grpc_call_unref(call);
    }
    if (message) {
        grpc_byte_buffer_destroy(message);
    }
    grpc_call_details_destroy(&details);
    grpc_metadata_array_destroy(&metadata);
    return going;
}

static void *
test_server_run(void *arg)
{
    while (test_server_serve(arg)) {
    }
    return NULL;
}

/** Listens on a free port of 127.0.0.1; `cert` and `key`: PEM text for TLS, or NULL. */
static struct test_server *
test_server_new(const char *cert, const char *key)
{
    struct test_server *server = calloc(1, sizeof(*server));
    grpc_arg args[] = {
        {GRPC_ARG_INTEGER, (char *)(uintptr_t)GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, {.integer = 0}},
        {GRPC_ARG_INTEGER, (char *)(uintptr_t)GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, {.integer = -1}},
        {GRPC_ARG_INTEGER,
         (char *)(uintptr_t)GRPC_COMPRESSION_CHANNEL_DEFAULT_ALGORITHM,
         {.integer = GRPC_COMPRESS_GZIP}},
        {GRPC_ARG_INTEGER, (char *)(uintptr_t)GRPC_ARG_ALLOW_REUSEPORT, {.integer = 0}}};
    const grpc_channel_args channel_args = {4, args};
    grpc_ssl_pem_key_cert_pair pair = {key, cert};
    grpc_server_credentials *credentials;

    grpc_init();
    credentials = cert ? grpc_ssl_server_credentials_create_ex(NULL, &pair, 1,
                                                               GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE, NULL)
                       : grpc_insecure_server_credentials_create();
    server->server = grpc_server_create(&channel_args, NULL);
    server->queue = grpc_completion_queue_create_for_next(NULL);
    grpc_server_register_completion_queue(server->server, server->queue, NULL);
    server->port = grpc_server_add_http2_port(server->server, "127.0.0.1:0", credentials);
    grpc_server_credentials_release(credentials);
    otc_buf_init(&server->last.message, 64 << 20);
    otc_buf_init(&server->shown.message, 64 << 20);
    pthread_mutex_init(&server->lock, NULL);
    if (server->port == 0) {
        abort();
    }
    grpc_server_start(server->server);
    if (pthread_create(&server->thread, NULL, test_server_run, server) != 0) {
        abort();
    }
    return server;
}

static void
test_server_free(struct test_server *server)
{
    grpc_completion_queue *end = grpc_completion_queue_create_for_pluck(NULL);

    grpc_server_shutdown_and_notify(server->server, end, server);
    grpc_server_cancel_all_calls(server->server);
    pthread_join(server->thread, NULL);
    grpc_completion_queue_pluck(end, server, gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
    grpc_server_destroy(server->server);
    grpc_completion_queue_shutdown(server->queue);
    while (grpc_completion_queue_next(server->queue, gpr_inf_future(GPR_CLOCK_REALTIME), NULL).type !=
           GRPC_QUEUE_SHUTDOWN) {
    }
    grpc_completion_queue_destroy(server->queue);
    grpc_completion_queue_shutdown(end);
    grpc_completion_queue_destroy(end);
    otc_buf_release(&server->last.message);
    otc_buf_release(&server->shown.message);
    pthread_mutex_destroy(&server->lock);
    free(server);
    grpc_shutdown_blocking();
}

static void
test_server_answer(struct test_server *server, const struct test_answer *answer)
{
    pthread_mutex_lock(&server->lock);
    server->answer = *answer;
    pthread_mutex_unlock(&server->lock);
}

/** A copy of the last request; borrowed until the next call. */
static const struct test_request *
test_server_last(struct test_server *server)
{
    struct test_request *shown = &server->shown;
    struct otc_buf message = shown->message;

    pthread_mutex_lock(&server->lock);
    *shown = server->last;
    shown->message = message;
    otc_buf_clear(&shown->message);
    otc_buf_append_slice(&shown->message, otc_buf_slice(&server->last.message));
    pthread_mutex_unlock(&server->lock);
    otc_buf_cstr(&shown->message);
    return shown;
}

static size_t
test_server_requests(struct test_server *server)
{
    size_t n;

    pthread_mutex_lock(&server->lock);
    n = server->requests;
    pthread_mutex_unlock(&server->lock);
    return n;
}

#endif
