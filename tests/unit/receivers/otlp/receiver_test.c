// SPDX-License-Identifier: Apache-2.0
/* The receiver over real sockets on 127.0.0.1 with a virtual host and a sink behind it. */
#include "tests/unit/receivers/otlp/receiver.h"

/* ---- HTTP ------------------------------------------------------------------------------------------ */

static void
http_forwards_the_bytes(void **state)
{
    struct fixture fixture = {0};
    uint8_t packed[256];
    struct otc_slice part;

    (void)state;
    start(&fixture, both);
    assert_int_equal(http(&fixture, POST_PROTO, SPAN, SPAN_LEN)->status, 200);
    assert_int_equal(http(&fixture, POST_PROTO "\r\nContent-Encoding: gzip", packed,
                          gzip(SPAN, SPAN_LEN, packed, sizeof(packed)))
                         ->status,
                     200);
    assert_int_equal(otc_sink_batches(fixture.sink), 2);
    for (size_t i = 0; i < 2; i++) {
        part = otc_batch_part(otc_sink_batch(fixture.sink, i), 0);
        assert_int_equal(part.len, SPAN_LEN);
        assert_memory_equal(part.data, SPAN, SPAN_LEN);
    }
    assert_int_equal(
        otc_vhost_metric(fixture.vhost, "otelcol_receiver_accepted_spans", "receiver=otlp,transport=http"),
        2);
    assert_int_equal(http(&fixture, POST_PROTO, "", 0)->status, 200);
    assert_int_equal(otc_sink_calls(fixture.sink), 2);
    stop(&fixture);
}

static void
http_speaks_json(void **state)
{
    static const char request[] =
        "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"traceId\":\"30313233343536373839616263646566\","
        "\"spanId\":\"3031323334353637\",\"name\":\"a\"}]}]}]}";
    struct fixture fixture = {0};
    const struct answer *answer;

    (void)state;
    start(&fixture, both);
    answer = http(&fixture, POST_JSON, request, strlen(request));
    assert_int_equal(answer->status, 200);
    assert_string_equal(answer->body, "{}");
    assert_int_equal(otc_sink_items(fixture.sink), 1);
    answer = http(&fixture, POST_JSON, "{", 1);
    assert_int_equal(answer->status, 400);
    assert_non_null(strstr(answer->body, "otlp: bad JSON"));
    assert_non_null(strstr(answer->text, "content-type: application/json"));
    stop(&fixture);
}

static void
http_refuses(void **state)
{
    static uint8_t bomb[200000];
    static uint8_t packed[4096];
    static const struct {
        const char *head, *body;
        size_t len;
        int status;
        const char *text;
    } cases[] = {
        {"GET /v1/traces HTTP/1.1\r\nContent-Type: application/json", "", 0, 405, "405 method not allowed"},
        {"POST /v1/metrics HTTP/1.1\r\nContent-Type: application/json", "{}", 2, 404, "404 page not found"},
        {"POST /v1/traces HTTP/1.1\r\nContent-Type: text/plain", "{}", 2, 415, "415 unsupported media type"},
        {POST_PROTO "\r\nContent-Encoding: br", "x", 1, 400, "unsupported Content-Encoding: br"},
        {POST_PROTO "\r\nContent-Encoding: gzip", "not gzip", 8, 400, "otlp: bad gzip stream"},
        {POST_PROTO, "\x0a\xff", 2, 400, "otlp: malformed protobuf at byte"},
        {POST_PROTO, "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11, 400,
         "otlp: malformed protobuf at byte"},
    };
    struct fixture fixture = {0};
    const struct answer *answer;
    size_t len;

    (void)state;
    start(&fixture, both);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        answer = http(&fixture, cases[i].head, cases[i].body, cases[i].len);
        if (answer->status != cases[i].status ||
            !memmem(answer->body, 500, cases[i].text, strlen(cases[i].text))) {
            fail_msg("case %zu: %s", i, answer->text);
        }
    }
    len = gzip(bomb, sizeof(bomb), packed, sizeof(packed));
    answer = http(&fixture, POST_PROTO "\r\nContent-Encoding: gzip", packed, len);
    assert_int_equal(answer->status, 413);
    assert_non_null(memmem(answer->body, 200, "otlp: decompressed size exceeds", 31));
    answer = http(&fixture, POST_PROTO, bomb, sizeof(bomb));
    assert_int_equal(answer->status, 413);
    assert_non_null(memmem(answer->body, 200, "otlp: message of 200000 bytes exceeds limit of 100000", 53));
    assert_int_equal(otc_sink_calls(fixture.sink), 0);
    assert_int_equal(otc_vhost_metric(fixture.vhost, "aimon_receiver_refused_requests",
                                      "receiver=otlp,transport=http,reason=too_large"),
                     2);
    stop(&fixture);
}

static void
http_maps_results(void **state)
{
    static const struct {
        otc_status status;
        bool permanent;
        uint32_t retry_ms;
        int http;
    } cases[] = {
        {OTC_UNAVAILABLE, false, 0, 503},
        {OTC_RESOURCE_EXHAUSTED, false, 1500, 429},
        {OTC_INVALID_ARGUMENT, true, 0, 400},
        {OTC_UNAUTHENTICATED, true, 0, 401},
        {OTC_PERMISSION_DENIED, true, 0, 403},
        {OTC_INTERNAL, true, 0, 500},
        {OTC_UNKNOWN, true, 0, 500},
        {OTC_UNKNOWN, false, 0, 503},
        {OTC_ABORTED, false, 0, 503},
        {OTC_UNIMPLEMENTED, true, 0, 404},
        {OTC_RESOURCE_EXHAUSTED, true, 0, 429},
    };
    struct fixture fixture = {0};

    (void)state;
    start(&fixture, both);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct otc_error error = OTC_ERROR_INIT;
        const struct answer *answer;

        otc_fail(&error, cases[i].status, "the sink says no");
        error.permanent = cases[i].permanent;
        error.retry_after_ms = cases[i].retry_ms;
        otc_sink_refuse(fixture.sink, &error);
        answer = http(&fixture, POST_PROTO, SPAN, SPAN_LEN);
        assert_int_equal(answer->status, cases[i].http);
        assert_int_equal(strstr(answer->text, "retry-after: 2\r\n") != NULL, cases[i].retry_ms > 0);
    }
    stop(&fixture);
}

static void
http_tells_partial_success(void **state)
{
    struct fixture fixture = {0};
    const struct answer *answer;

    (void)state;
    start(&fixture, both);
    answer = http(&fixture, POST_PROTO, SPAN BAD_SPAN, SPAN_LEN + BAD_SPAN_LEN);
    assert_int_equal(answer->status, 200);
    assert_non_null(memmem(answer->body, 100, "span_id must be 8 bytes", 23));
    assert_int_equal(otc_sink_items(fixture.sink), 1);
    assert_int_equal(http(&fixture, POST_PROTO, BAD_SPAN, BAD_SPAN_LEN)->status, 200);
    assert_int_equal(otc_sink_calls(fixture.sink), 1);
    assert_int_equal(
        otc_vhost_metric(fixture.vhost, "otelcol_receiver_failed_spans", "receiver=otlp,transport=http"), 2);
    stop(&fixture);
}

/** What has no OTLP client behind it is told in plain words. */
static void
http_refuses_in_plain_words(void **state)
{
    struct fixture fixture = {0};
    const struct answer *answer;

    (void)state;
    start(&fixture, both);
    answer = http(&fixture, "GET /v1/traces HTTP/1.1\r\nContent-Type: application/json", "", 0);
    assert_string_equal(answer->body, "405 method not allowed, supported: [POST]");
    assert_non_null(strstr(answer->text, "content-type: text/plain"));
    assert_non_null(strstr(answer->text, "allow: POST\r\n"));
    answer = http(&fixture, "POST /v1/traces HTTP/1.1\r\nContent-Type: text/plain", "{}", 2);
    assert_string_equal(answer->body,
                        "415 unsupported media type, supported: [application/json, application/x-protobuf]");
    assert_non_null(strstr(answer->text, "content-type: text/plain"));
    stop(&fixture);
}

static void
http_paths_are_configured(void **state)
{
    struct fixture fixture = {0};

    (void)state;
    start(&fixture, "protocols: {http: {endpoint: '127.0.0.1:0', traces_url_path: my/traces}}");
    assert_int_equal(
        http(&fixture, "POST /my/traces HTTP/1.1\r\nContent-Type: application/x-protobuf", SPAN, SPAN_LEN)
            ->status,
        200);
    assert_int_equal(http(&fixture, POST_PROTO, SPAN, SPAN_LEN)->status, 404);
    assert_int_equal(
        http(&fixture, "POST my/traces HTTP/1.1\r\nContent-Type: application/x-protobuf", SPAN, SPAN_LEN)
            ->status,
        400);
    stop(&fixture);
}

/* ---- Browsers -------------------------------------------------------------------------------------- */

#define PREFLIGHT "OPTIONS /v1/traces HTTP/1.1\r\nAccess-Control-Request-Method: POST\r\nOrigin: "

static bool
allows(const struct answer *answer, const char *origin)
{
    char line[256];

    snprintf(line, sizeof(line), "access-control-allow-origin: %s\r\n", origin);
    if (!strstr(answer->text, line)) {
        assert_null(strstr(answer->text, "access-control-allow"));
        return false;
    }
    assert_non_null(strstr(answer->text, "access-control-allow-credentials: true\r\n"));
    return true;
}

static void
http_answers_preflights(void **state)
{
    struct fixture fixture = {0};
    const struct answer *answer;

    (void)state;
    start(&fixture,
          "protocols: {http: {endpoint: '127.0.0.1:0', cors: {max_age: 7200, allowed_headers: [X-Key], "
          "allowed_origins: ['http://*.example.com', https://shop.test]}}}");
    answer = http(&fixture, PREFLIGHT "http://a.example.com", "", 0);
    assert_int_equal(answer->status, 204);
    assert_true(allows(answer, "http://a.example.com"));
    assert_non_null(strstr(answer->text, "access-control-allow-methods: POST\r\n"));
    assert_non_null(strstr(answer->text, "access-control-max-age: 7200\r\n"));
    assert_non_null(strstr(answer->text, "vary: Origin, Access-Control-Request-Method, "
                                         "Access-Control-Request-Headers\r\n"));
    answer =
        http(&fixture, PREFLIGHT "https://shop.test\r\nAccess-Control-Request-Headers: content-type, x-key",
             "", 0);
    assert_true(allows(answer, "https://shop.test"));
    assert_non_null(strstr(answer->text, "access-control-allow-headers: content-type, x-key\r\n"));
    answer = http(&fixture, PREFLIGHT "https://shop.test\r\nAccess-Control-Request-Headers: x-other", "", 0);
    assert_int_equal(answer->status, 204);
    assert_false(allows(answer, "https://shop.test"));
    /* X-Requested-With is free only while nothing is listed. */
    answer = http(&fixture, PREFLIGHT "https://shop.test\r\nAccess-Control-Request-Headers: x-requested-with",
                  "", 0);
    assert_false(allows(answer, "https://shop.test"));
    answer = http(&fixture, PREFLIGHT "https://evil.test", "", 0);
    assert_int_equal(answer->status, 204);
    assert_false(allows(answer, "https://evil.test"));
    answer = http(&fixture, PREFLIGHT "http://example.com", "", 0);
    assert_false(allows(answer, "http://example.com"));
    answer = http(
        &fixture,
        "OPTIONS /v1/traces HTTP/1.1\r\nAccess-Control-Request-Method: DELETE\r\nOrigin: https://shop.test",
        "", 0);
    assert_false(allows(answer, "https://shop.test"));
    assert_int_equal(
        http(&fixture, "OPTIONS /v1/traces HTTP/1.1\r\nOrigin: https://shop.test", "", 0)->status, 405);
    stop(&fixture);
}

static void
http_answers_browsers(void **state)
{
    struct fixture fixture = {0};
    const struct answer *answer;

    (void)state;
    start(&fixture, "protocols: {http: {endpoint: '127.0.0.1:0', response_headers: {x-who: aimon}, "
                    "cors: {allowed_origins: ['*'], exposed_headers: [Retry-After, X-Who]}}}");
    answer = http(&fixture, POST_PROTO "\r\nOrigin: http://any.test", SPAN, SPAN_LEN);
    assert_int_equal(answer->status, 200);
    assert_true(allows(answer, "*"));
    assert_non_null(strstr(answer->text, "access-control-expose-headers: Retry-After, X-Who\r\n"));
    assert_non_null(strstr(answer->text, "vary: Origin\r\n"));
    assert_non_null(strstr(answer->text, "x-who: aimon\r\n"));
    answer = http(&fixture, PREFLIGHT "http://any.test\r\nAccess-Control-Request-Headers: x-requested-with",
                  "", 0);
    assert_true(allows(answer, "*"));
    assert_null(strstr(answer->text, "access-control-max-age"));
    /* Refusals can be read too. */
    answer = http(&fixture, POST_PROTO "\r\nOrigin: http://any.test", "\x0a\xff", 2);
    assert_int_equal(answer->status, 400);
    assert_true(allows(answer, "*"));
    answer = http(&fixture, POST_PROTO, SPAN, SPAN_LEN);
    assert_false(allows(answer, "*"));
    stop(&fixture);
    start(&fixture, both);
    assert_int_equal(http(&fixture, PREFLIGHT "http://any.test", "", 0)->status, 405);
    stop(&fixture);
    start(&fixture, "protocols: {http: {endpoint: '127.0.0.1:0', cors: {allowed_headers: [x-key]}}}");
    assert_int_equal(http(&fixture, PREFLIGHT "http://any.test", "", 0)->status, 405);
    assert_int_equal(otc_vhost_logged(fixture.vhost, "allowed headers but no allowed origins"), 1);
    stop(&fixture);
}

/* ---- gRPC ------------------------------------------------------------------------------------------ */

static void
grpc_forwards_the_bytes(void **state)
{
    static const char empty[5] = {0};
    struct fixture fixture = {0};
    uint8_t packed[256];
    struct call call;
    size_t len;

    (void)state;
    start(&fixture, both);
    call = export_message(&fixture, "grpc-timeout", "10S", "\0\0\0\0\x25" SPAN, 5 + SPAN_LEN);
    assert_string_equal(call.status, "0");
    assert_int_equal(call.reply_len, 5);
    assert_memory_equal(call.reply, empty, 5);
    len = gzip(SPAN, SPAN_LEN, packed + 5, sizeof(packed) - 5);
    memcpy(packed, (uint8_t[]){1, 0, 0, 0, (uint8_t)len}, 5);
    call = export_message(&fixture, "grpc-encoding", "gzip", packed, len + 5);
    assert_string_equal(call.status, "0");
    assert_int_equal(otc_sink_batches(fixture.sink), 2);
    for (size_t i = 0; i < 2; i++) {
        const struct otc_slice part = otc_batch_part(otc_sink_batch(fixture.sink, i), 0);

        assert_int_equal(part.len, SPAN_LEN);
        assert_memory_equal(part.data, SPAN, SPAN_LEN);
    }
    call = export_message(&fixture, "x", "y", empty, 5);
    assert_string_equal(call.status, "0");
    assert_int_equal(otc_sink_calls(fixture.sink), 2);
    stop(&fixture);
}

static void
grpc_refuses(void **state)
{
    static const struct {
        const char *path, *name, *value, *body;
        size_t len;
        bool hold_end;
        const char *status, *message;
    } cases[] = {
        {"/opentelemetry.proto.collector.metrics.v1.MetricsService/Export", "a", "b", "\0\0\0\0\0", 5, false,
         "12", "unknown service opentelemetry.proto.collector.metrics.v1.MetricsService"},
        {"/x", "a", "b", "\0\0\0\0\0", 5, false, "12", "unknown service x"},
        {TRACES, "grpc-encoding", "br", "\1\0\0\0\1x", 6, false, "12", "unsupported encoding: br"},
        {TRACES, "grpc-encoding", "gzip", "\1\0\0\0\1x", 6, false, "3", "otlp: bad gzip stream"},
        {TRACES, "a", "b", "\1\0\0\0\1x", 6, false, "13", "otlp: compressed flag set"},
        {TRACES, "a", "b", "\2\0\0\0\1x", 6, false, "3", "otlp: bad flags 2"},
        {TRACES, "a", "b", "\0\0\0\0\2x", 6, false, "3",
         "otlp: the call does not hold exactly one whole message"},
        {TRACES, "a", "b", "\0\0\0\0\2\x0a\xff", 7, false, "3", "otlp: malformed protobuf at byte"},
        {TRACES, "a", "b", "\0\xff\xff\xff\xff", 5, true, "8",
         "otlp: message of 4294967295 bytes exceeds limit of 1048576"},
        {TRACES, "grpc-timeout", "1n", "\0\0\0\0\x25" SPAN, 5 + SPAN_LEN, false, "4",
         "otlp: the call's deadline"},
        {TRACES, "grpc-timeout", "soon", "\0\0\0\0\x25" SPAN, 5 + SPAN_LEN, false, "3",
         "malformed grpc-timeout"},
    };
    struct fixture fixture = {0};

    (void)state;
    start(&fixture, both);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct call call = {
            .body = (const uint8_t *)cases[i].body, .len = cases[i].len, .hold_end = cases[i].hold_end};

        grpc(&fixture, cases[i].path, cases[i].name, cases[i].value, &call);
        if (strcmp(call.status, cases[i].status) != 0 ||
            strncmp(call.message, cases[i].message, strlen(cases[i].message)) != 0) {
            fail_msg("case %zu: %s %s", i, call.status, call.message);
        }
        assert_int_equal(strstr(call.accept, "gzip") != NULL, true);
    }
    assert_int_equal(otc_sink_calls(fixture.sink), 0);
    stop(&fixture);
}

static void
grpc_tells_when_to_retry(void **state)
{
    struct fixture fixture = {0};
    struct otc_error error = OTC_ERROR_INIT;
    struct call call;

    (void)state;
    start(&fixture, both);
    otc_fail(&error, OTC_UNAVAILABLE, "100%% full");
    error.retry_after_ms = 1000;
    otc_sink_refuse(fixture.sink, &error);
    call = export_message(&fixture, "a", "b", "\0\0\0\0\x25" SPAN, 5 + SPAN_LEN);
    assert_string_equal(call.status, "14");
    assert_string_equal(call.message, "100%25 full");
    /* Status{code: 14, message, details: [RetryInfo{1s}]} begins with 08 0e 12. */
    assert_memory_equal(call.details, "CA4S", 4);
    otc_vhost_set_memory_limit(fixture.vhost, 1500);
    call = export_message(&fixture, "a", "b", "\0\0\0\0\x25" SPAN, 5 + SPAN_LEN);
    assert_string_equal(call.status, "14");
    otc_vhost_set_memory_limit(fixture.vhost, 100);
    call = export_message(&fixture, "a", "b", "\0\0\0\0\x25" SPAN, 5 + SPAN_LEN);
    assert_string_equal(call.status, "14");
    assert_string_equal(call.message, "memory budget exhausted");
    assert_memory_equal(call.details, "CA4S", 4);
    stop(&fixture);
}

static void
a_pending_result_is_awaited(void **state)
{
    struct fixture fixture = {0};
    const int64_t until = otc_clock_monotonic_ns() + 10 * OTC_SECOND;
    const char *head = POST_PROTO "\r\nHost: x\r\nConnection: close\r\nContent-Length: 37\r\n\r\n";
    char text[1024];
    size_t have = 0;
    ssize_t n;
    int fd;

    (void)state;
    start(&fixture, both);
    otc_sink_answer(fixture.sink, OTC_PENDING, NULL);
    fd = dial(&fixture.receiver->http);
    send(fd, head, strlen(head), MSG_NOSIGNAL);
    send(fd, SPAN, SPAN_LEN, MSG_NOSIGNAL);
    while (otc_sink_pending(fixture.sink) == 0 && otc_clock_monotonic_ns() < until) {
        recv(fd, text, sizeof(text), MSG_DONTWAIT);
    }
    assert_true(otc_sink_complete(fixture.sink, OTC_OK, NULL));
    while ((n = recv(fd, text + have, sizeof(text) - 1 - have, 0)) > 0) {
        have += (size_t)n;
    }
    text[have] = '\0';
    assert_memory_equal(text, "HTTP/1.1 200 OK", 15);
    close(fd);
    stop(&fixture);
}

/* ---- Metadata -------------------------------------------------------------------------------------- */

static bool
client_has(const struct fixture *fixture, size_t batch, const char *name, size_t index, const char *value)
{
    const struct otc_client *client = otc_batch_client(otc_sink_batch(fixture->sink, batch));
    struct otc_slice found;

    return otc_client_metadata(client, otc_slice_str(name), index, &found) &&
           otc_slice_equal_str(found, value);
}

/** Who sent it goes with the data; the headers only where that is asked for. */
static void
metadata_is_kept_where_it_is_asked_for(void **state)
{
    static const char *const yaml[] = {
        "protocols: {grpc: {endpoint: '127.0.0.1:0'}, http: {endpoint: '127.0.0.1:0'}}",
        "protocols: {grpc: {endpoint: '127.0.0.1:0', include_metadata: true}, "
        "http: {endpoint: '127.0.0.1:0', include_metadata: true}}"};

    (void)state;
    for (size_t asked = 0; asked < 2; asked++) {
        struct fixture fixture = {0};

        start(&fixture, yaml[asked]);
        assert_int_equal(
            http(&fixture, POST_PROTO "\r\nX-Tenant: blue\r\nX-Tenant: green", SPAN, SPAN_LEN)->status, 200);
        assert_string_equal(
            export_message(&fixture, "x-tenant", "red", "\0\0\0\0\x25" SPAN, 5 + SPAN_LEN).status, "0");
        for (size_t i = 0; i < 2; i++) {
            const struct otc_client *client = otc_batch_client(otc_sink_batch(fixture.sink, i));

            assert_true(otc_slice_starts(otc_client_address(client), otc_slice_str("127.0.0.1:")));
        }
        assert_int_equal(client_has(&fixture, 0, "X-TENANT", 0, "blue"), asked);
        assert_int_equal(client_has(&fixture, 0, "x-tenant", 1, "green"), asked);
        assert_int_equal(client_has(&fixture, 0, "host", 0, "x"), asked);
        assert_int_equal(client_has(&fixture, 1, "x-tenant", 0, "red"), asked);
        assert_false(client_has(&fixture, 1, ":path", 0, TRACES));
        stop(&fixture);
    }
}

/* ---- Authentication -------------------------------------------------------------------------------- */

static otc_status
check_password(struct otc_authenticator *self, const struct otc_auth_request *request,
               struct otc_auth_sink *learnt, struct otc_error *err)
{
    (void)self;
    if (otc_slice_equal_str(request->header(request, "x-password"), "sesame")) {
        learnt->put(learnt, otc_slice_str("username"), otc_slice_str("ali"));
        return OTC_OK;
    }
    return otc_fail(err, OTC_UNAUTHENTICATED, "the door is closed");
}

static struct otc_authenticator doorman = {OTC_ABI_OF(otc_authenticator), .check = check_password,
                                           .challenge = "Sesame"};

static struct otc_authenticator *
doorman_of(struct otc_component *component)
{
    (void)component;
    return &doorman;
}

static const struct otc_component_ops door_ops = {.abi = OTC_ABI_OF(otc_component_ops),
                                                  .authenticator = doorman_of};

static const char guarded[] =
    "protocols: {grpc: {endpoint: '127.0.0.1:0', auth: {authenticator: door}}, "
    "http: {endpoint: '127.0.0.1:0', max_request_body_size: 1000, auth: {authenticator: door}, "
    "cors: {allowed_origins: ['*'], allowed_headers: [x-password]}}}";

static void
http_shows_requests_to_its_authenticator(void **state)
{
    static uint8_t bomb[200000], packed[4096];
    struct otc_component component = {OTC_ABI_OF(otc_component), &door_ops};
    struct fixture fixture = {0};
    const struct answer *answer;
    struct otc_slice name;

    (void)state;
    fixture.door = &component;
    start(&fixture, guarded);
    assert_int_equal(http(&fixture, POST_PROTO "\r\nX-Password: sesame", SPAN, SPAN_LEN)->status, 200);
    assert_int_equal(otc_sink_batches(fixture.sink), 1);
    assert_true(
        otc_client_auth(otc_batch_client(otc_sink_batch(fixture.sink, 0)), otc_slice_str("username"), &name));
    assert_true(otc_slice_equal_str(name, "ali"));
    /* A google.rpc.Status in the caller's encoding; nothing of what was sent. */
    answer = http(&fixture, POST_JSON "\r\nX-Password: s3cr3t", "{}", 2);
    assert_int_equal(answer->status, 401);
    assert_string_equal(answer->body, "{\"code\":16,\"message\":\"the door is closed\"}");
    assert_non_null(strstr(answer->text, "www-authenticate: Sesame\r\n"));
    assert_null(strstr(answer->text, "s3cr3t"));
    answer = http(&fixture, POST_PROTO, "\x0a\xff", 2);
    assert_int_equal(answer->status, 401);
    assert_non_null(strstr(answer->text, "content-type: application/x-protobuf\r\n"));
    assert_memory_equal(answer->body, "\x08\x10\x12\x12the door is closed", 22);
    /* Neither inflated nor looked at: a bomb, too large a body, a path and a method that are none. */
    answer = http(&fixture, POST_PROTO "\r\nContent-Encoding: gzip", packed,
                  gzip(bomb, sizeof(bomb), packed, sizeof(packed)));
    assert_int_equal(answer->status, 401);
    assert_int_equal(http(&fixture, POST_PROTO, bomb, 5000)->status, 401);
    assert_int_equal(http(&fixture, "GET /nowhere HTTP/1.1", "", 0)->status, 401);
    /* Browsers ask without credentials, and send with them. */
    assert_int_equal(http(&fixture, PREFLIGHT "http://any.test", "", 0)->status, 204);
    assert_int_equal(otc_sink_calls(fixture.sink), 1);
    assert_int_equal(otc_vhost_metric(fixture.vhost, "aimon_receiver_refused_requests",
                                      "receiver=otlp,transport=http,reason=auth"),
                     5);
    assert_int_equal(otc_vhost_metric_sum(fixture.vhost, "aimon_receiver_refused_requests"), 5);
    stop(&fixture);
}

static void
grpc_shows_calls_to_its_authenticator(void **state)
{
    struct otc_component component = {OTC_ABI_OF(otc_component), &door_ops};
    struct fixture fixture = {0};
    struct call call;

    (void)state;
    fixture.door = &component;
    start(&fixture, guarded);
    call = export_message(&fixture, "x-password", "sesame", "\0\0\0\0\x25" SPAN, 5 + SPAN_LEN);
    assert_string_equal(call.status, "0");
    call = export_message(&fixture, "x-password", "s3cr3t", "\0\0\0\0\x25" SPAN, 5 + SPAN_LEN);
    assert_string_equal(call.status, "16");
    assert_string_equal(call.message, "the door is closed");
    call = export_message(&fixture, "grpc-encoding", "gzip", "\1\0\0\0\1x", 6);
    assert_string_equal(call.status, "16");
    call = (struct call){.body = (const uint8_t *)"\0\xff\xff\xff\xff", .len = 5, .hold_end = true};
    grpc(&fixture, "/x", "a", "b", &call);
    assert_string_equal(call.status, "16");
    assert_int_equal(otc_sink_calls(fixture.sink), 1);
    assert_int_equal(otc_vhost_metric(fixture.vhost, "aimon_receiver_refused_requests",
                                      "receiver=otlp,transport=grpc,reason=auth"),
                     3);
    stop(&fixture);
}

/* ---- Unix sockets ---------------------------------------------------------------------------------- */

/** As the Collector's own uds.yaml. */
static void
serves_unix_sockets(void **state)
{
    char folder[] = "/tmp/otc-otlp-XXXXXX", yaml[256], path[64];
    OTC_AUTO_BUF struct otc_buf answer = {.limit = 65536};
    struct fixture fixture = {0};
    struct stat about;

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(yaml, sizeof(yaml),
             "protocols: {grpc: {transport: unix, endpoint: %s/g.sock}, "
             "http: {transport: unix, endpoint: %s/h.sock}}",
             folder, folder);
    start(&fixture, yaml);
    snprintf(path, sizeof(path), "%s/h.sock", folder);
    assert_int_equal(otc_http_request(path, "POST", "/v1/traces",
                                      "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
                                      &answer),
                     200);
    snprintf(path, sizeof(path), "%s/g.sock", folder);
    assert_int_equal(stat(path, &about), 0);
    assert_true(S_ISSOCK(about.st_mode));
    stop(&fixture);
    assert_int_not_equal(stat(path, &about), 0); /* gone with the server */
    assert_int_equal(rmdir(folder), 0);
}

/* ---- Settings -------------------------------------------------------------------------------------- */

static void
settings_are_checked(void **state)
{
    static const char *const bad[] = {
        "protocols: {http: {traces_url_path: ':invalid'}}",
        "protocols: {http: {traces_url_path: '/v1/%zz'}}",
        "protocols: {http: {response_headers: {'a b': c}}}",
        "protocols: {http: {response_headers: {a: \"b\\r\\nc: d\"}}}",
        "protocols: {grpc: {endpoint: 'localhost:65536'}}",
        "protocols: {http: {endpoint: localhost}}",
        "protocols: {grpc: {tls: {cert_file: /nonexistent/c.pem, key_file: /nonexistent/k.pem}}}",
        "protocols: {grpc: {auth: x}}",
        "protocols: {grpc: {max_recv_msg_size_mib: -1}}",
        "protocols: {udp: }",
        "protocols: {http: {transport: udp}}"};
    struct otc_error err = OTC_ERROR_INIT;
    const struct otlp_config empty = {0};

    (void)state;
    assert_int_not_equal(otlp_validate(&empty, &err), OTC_OK);
    assert_string_equal(err.text, "must specify at least one protocol when using the OTLP receiver");
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct otc_document *document = NULL;
        struct otc_config *config = NULL;

        assert_int_equal(otc_document_parse(otc_slice_str(bad[i]), "test.yaml", &document, &err), OTC_OK);
        assert_int_not_equal(
            otc_config_decode(&otlp_schema, otc_document_root(document), "receivers::otlp", &config, &err),
            OTC_OK);
        otc_document_free(document);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(http_forwards_the_bytes),
        cmocka_unit_test(http_speaks_json),
        cmocka_unit_test(http_refuses),
        cmocka_unit_test(http_maps_results),
        cmocka_unit_test(http_tells_partial_success),
        cmocka_unit_test(http_refuses_in_plain_words),
        cmocka_unit_test(http_paths_are_configured),
        cmocka_unit_test(http_answers_preflights),
        cmocka_unit_test(http_answers_browsers),
        cmocka_unit_test(grpc_forwards_the_bytes),
        cmocka_unit_test(grpc_refuses),
        cmocka_unit_test(grpc_tells_when_to_retry),
        cmocka_unit_test(a_pending_result_is_awaited),
        cmocka_unit_test(metadata_is_kept_where_it_is_asked_for),
        cmocka_unit_test(serves_unix_sockets),
        cmocka_unit_test(http_shows_requests_to_its_authenticator),
        cmocka_unit_test(grpc_shows_calls_to_its_authenticator),
        cmocka_unit_test(settings_are_checked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
