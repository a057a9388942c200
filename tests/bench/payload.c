// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/payload.h"

#include "common/otlp/wire.h"

#define START_NS UINT64_C(1750000000000000000)

bool
payload_kind_of(const char *name, enum payload_kind *kind)
{
    *kind = strcmp(name, "W5") == 0 ? PAYLOAD_W5 : PAYLOAD_W2;
    return strcmp(name, "W2") == 0 || strcmp(name, "W5") == 0;
}

uint64_t
payload_next(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

void
payload_put_text(struct otc_buf *out, uint32_t field, const char *key, const char *text)
{
    size_t pair = otc_wire_begin(out, field), value;

    otc_wire_put_bytes(out, 1, otc_slice_str(key));
    value = otc_wire_begin(out, 2);
    otc_wire_put_bytes(out, 1, otc_slice_str(text));
    otc_wire_end(out, value);
    otc_wire_end(out, pair);
}

void
payload_put_int(struct otc_buf *out, uint32_t field, const char *key, uint64_t number)
{
    size_t pair = otc_wire_begin(out, field), value;

    otc_wire_put_bytes(out, 1, otc_slice_str(key));
    value = otc_wire_begin(out, 2);
    otc_wire_put_number(out, 3, number);
    otc_wire_end(out, value);
    otc_wire_end(out, pair);
}

void
payload_put_double(struct otc_buf *out, uint32_t field, const char *key, double number)
{
    size_t pair = otc_wire_begin(out, field), value;

    otc_wire_put_bytes(out, 1, otc_slice_str(key));
    value = otc_wire_begin(out, 2);
    otc_wire_put_double(out, 4, number);
    otc_wire_end(out, value);
    otc_wire_end(out, pair);
}

void
payload_put_resource(struct otc_buf *out)
{
    static const char *const pairs[][2] = {{"service.name", "checkout"},
                                           {"service.version", "1.42.0"},
                                           {"service.namespace", "shop"},
                                           {"service.instance.id", "checkout-7f9c4d5b6-x2kzq"},
                                           {"deployment.environment", "prod"},
                                           {"telemetry.sdk.name", "opentelemetry"},
                                           {"telemetry.sdk.language", "python"},
                                           {"telemetry.sdk.version", "1.30.0"},
                                           {"host.name", "node-17"},
                                           {"k8s.namespace.name", "shop"},
                                           {"k8s.pod.name", "checkout-7f9c4"},
                                           {"cloud.region", "eu-central-1"}};
    size_t mark = otc_wire_begin(out, 1);

    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        payload_put_text(out, 1, pairs[i][0], pairs[i][1]);
    }
    otc_wire_end(out, mark);
}

static void
put_scope(struct otc_buf *out, enum payload_kind kind)
{
    size_t mark = otc_wire_begin(out, 1);

    otc_wire_put_bytes(out, 1, otc_slice_str(kind == PAYLOAD_W2 ? "http.server" : "gen_ai.client"));
    otc_wire_put_bytes(out, 2, otc_slice_str("0.52b1"));
    otc_wire_end(out, mark);
}

void
payload_put_http(struct otc_buf *out, uint64_t *seed)
{
    static const char *const routes[] = {"/api/v1/cart/{id}", "/api/v1/orders", "/api/v1/products/{sku}",
                                         "/healthz"};
    static const uint16_t codes[] = {200, 200, 200, 200, 201, 404, 500, 200};
    char peer[32];

    snprintf(peer, sizeof(peer), "10.0.%u.%u", (unsigned)(payload_next(seed) & 255),
             (unsigned)(payload_next(seed) & 255));
    payload_put_text(out, 9, "http.request.method", "GET");
    payload_put_text(out, 9, "url.scheme", "https");
    payload_put_text(out, 9, "http.route", routes[payload_next(seed) & 3]);
    payload_put_int(out, 9, "http.response.status_code", codes[payload_next(seed) & 7]);
    payload_put_text(out, 9, "server.address", "shop.example.com");
    payload_put_int(out, 9, "server.port", 443);
    payload_put_text(out, 9, "client.address", peer);
    payload_put_text(out, 9, "user_agent.original", "okhttp/4.12.0");
    payload_put_text(out, 9, "network.protocol.version", "1.1");
    payload_put_int(out, 9, "http.response.body.size", payload_next(seed) % 20000);
}

static void
put_features(struct otc_buf *out, uint64_t *seed)
{
    static const char *const features[] = {"age",           "income",        "tenure_months", "debt_ratio",
                                           "open_accounts", "late_payments", "credit_score",  "utilization"};
    static const char *const countries[] = {"DE", "FR", "US", "JP", "BR", "IN", "GB", "ES"};
    char key[64];

    for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++) {
        snprintf(key, sizeof(key), "ml.feature.%s", features[i]);
        payload_put_double(out, 9, key, (double)(payload_next(seed) % 100000) / 997.0);
    }
    payload_put_text(out, 9, "ml.feature.country", countries[payload_next(seed) & 7]);
    payload_put_double(out, 9, "ml.prediction.score", (double)(payload_next(seed) % 10000) / 10000.0);
    payload_put_text(out, 9, "ml.model.name", "credit");
    payload_put_text(out, 9, "ml.model.version", "2024-11-03");
}

void
payload_put_gen_ai(struct otc_buf *out, uint64_t *seed)
{
    char id[40];

    snprintf(id, sizeof(id), "chatcmpl-%016llx", (unsigned long long)payload_next(seed));
    payload_put_text(out, 9, "gen_ai.operation.name", "chat");
    payload_put_text(out, 9, "gen_ai.provider.name", "openai");
    payload_put_text(out, 9, "gen_ai.request.model", "gpt-4o-mini");
    payload_put_text(out, 9, "gen_ai.response.model", "gpt-4o-mini-2024-07-18");
    payload_put_text(out, 9, "gen_ai.response.id", id);
    payload_put_int(out, 9, "gen_ai.request.max_tokens", 1024);
    payload_put_double(out, 9, "gen_ai.request.temperature", 0.7);
    payload_put_double(out, 9, "gen_ai.request.top_p", 0.95);
    payload_put_int(out, 9, "gen_ai.usage.input_tokens", 100 + payload_next(seed) % 4000);
    payload_put_int(out, 9, "gen_ai.usage.output_tokens", 1 + payload_next(seed) % 800);
    payload_put_text(out, 9, "gen_ai.conversation.id", "conv_5j66UpCpwteGg4YSxUnt7lPY");
    payload_put_text(out, 9, "gen_ai.output.type", "text");
    payload_put_int(out, 9, "gen_ai.request.seed", payload_next(seed) % 1000);
    payload_put_double(out, 9, "gen_ai.server.time_to_first_token",
                       (double)(payload_next(seed) % 1000) / 1000);
    payload_put_text(out, 9, "server.address", "api.openai.com");
    payload_put_int(out, 9, "server.port", 443);
    payload_put_text(out, 9, "user.id", "user-81527");
    payload_put_text(out, 9, "session.id", "0193f2a7-8c1e-7d33-9a58-30ad3a8f7f10");
    payload_put_text(out, 9, "app.tenant", "acme-industries-eu");
    put_features(out, seed);
}

static void
put_span(struct otc_buf *out, enum payload_kind kind, size_t index, uint64_t *seed)
{
    uint64_t id[3] = {payload_next(seed) | 1, payload_next(seed), payload_next(seed) | 1},
             parent = payload_next(seed) | 1;
    uint64_t start = START_NS + index * UINT64_C(1000000);
    size_t mark = otc_wire_begin(out, 2), status;

    otc_wire_put_bytes(out, 1, otc_slice_of(id, 16));
    otc_wire_put_bytes(out, 2, otc_slice_of(id + 2, 8));
    otc_wire_put_bytes(out, 4, otc_slice_of(&parent, 8));
    otc_wire_put_bytes(out, 5,
                       otc_slice_str(kind == PAYLOAD_W2 ? "GET /api/v1/cart/{id}" : "chat gpt-4o-mini"));
    otc_wire_put_number(out, 6, kind == PAYLOAD_W2 ? 2 : 3);
    otc_wire_put_fixed64(out, 7, start);
    otc_wire_put_fixed64(out, 8, start + 1000000 + payload_next(seed) % UINT64_C(400000000));
    if (kind == PAYLOAD_W2) {
        payload_put_http(out, seed);
    } else {
        payload_put_gen_ai(out, seed);
    }
    status = otc_wire_begin(out, 15);
    if (payload_next(seed) % 50 == 0) {
        otc_wire_put_number(out, 3, 2);
    }
    otc_wire_end(out, status);
    otc_wire_put_fixed32(out, 16, 257);
    otc_wire_end(out, mark);
}

bool
payload_traces(enum payload_kind kind, size_t spans, uint64_t seed, struct otc_buf *out)
{
    size_t request = otc_wire_begin(out, 1), scope;

    payload_put_resource(out);
    scope = otc_wire_begin(out, 2);
    put_scope(out, kind);
    for (size_t i = 0; i < spans; i++) {
        put_span(out, kind, i, &seed);
    }
    otc_wire_end(out, scope);
    otc_wire_end(out, request);
    return !out->failed;
}
