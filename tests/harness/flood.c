// SPDX-License-Identifier: Apache-2.0
#include "tests/harness/flood.h"

#include "common/base/clock.h"

#include <stdio.h>
#include <string.h>

static uint64_t
draw(struct otc_flood *flood, uint64_t below)
{
    flood->random = flood->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (flood->random >> 33) % below;
}

static void
put_varint(struct otc_buf *buf, uint64_t value)
{
    for (; value >= 128; value >>= 7) {
        (void)otc_buf_append_byte(buf, (uint8_t)(value | 128));
    }
    (void)otc_buf_append_byte(buf, (uint8_t)value);
}

static void
put_bytes(struct otc_buf *buf, unsigned field, const void *data, size_t len)
{
    put_varint(buf, field << 3 | 2);
    put_varint(buf, len);
    (void)otc_buf_append(buf, data, len);
}

static void
put_fixed64(struct otc_buf *buf, unsigned field, uint64_t value)
{
    put_varint(buf, field << 3 | 1);
    (void)otc_buf_append(buf, &value, sizeof(value));
}

/* An attribute of a span; `text` NULL: the number. */
static void
put_attribute(struct otc_buf *span, const char *key, const char *text, double number)
{
    uint8_t value_bytes[512], pair_bytes[8192];
    struct otc_buf value = {
        .data = value_bytes, .capacity = sizeof(value_bytes), .limit = sizeof(value_bytes)};
    struct otc_buf pair = {.data = pair_bytes, .capacity = sizeof(pair_bytes), .limit = sizeof(pair_bytes)};
    uint64_t bits;

    if (text) {
        put_bytes(&value, 1, text, strlen(text));
    } else {
        memcpy(&bits, &number, sizeof(bits));
        put_fixed64(&value, 4, bits);
    }
    put_bytes(&pair, 1, key, strlen(key));
    put_bytes(&pair, 2, value.data, value.len);
    put_bytes(span, 9, pair.data, pair.len);
}

/* A made-up text: mostly short, sometimes up to `longest` bytes. */
static const char *
made_up(struct otc_flood *flood, const char *prefix, size_t longest, char out[6000])
{
    size_t len = (size_t)snprintf(out, 6000, "%s%llu", prefix, (unsigned long long)draw(flood, 1000000));

    if (draw(flood, 20) == 0) {
        size_t padded = len + draw(flood, longest);

        memset(out + len, 'x', padded - len);
        out[padded] = 0;
    }
    return out;
}

static void
put_identity(struct otc_flood *flood, struct otc_buf *span)
{
    bool calm = flood->records < flood->calm;
    char text[6000];

    (void)snprintf(text, sizeof(text), "model-%llu", (unsigned long long)draw(flood, 20));
    put_attribute(span, "ml.model.name",
                  !calm && draw(flood, 10) == 0 ? made_up(flood, "m-", 400, text) : text, 0);
    (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)draw(flood, 3));
    put_attribute(span, "ml.model.version",
                  !calm && draw(flood, 50) == 0 ? made_up(flood, "v-", 400, text) : text, 0);
    (void)snprintf(text, sizeof(text), "%s", draw(flood, 3) ? "control" : "canary");
    put_attribute(span, "feature_flag.result.variant",
                  !calm && draw(flood, 200) == 0 ? made_up(flood, "arm-", 400, text) : text, 0);
}

static void
put_features(struct otc_flood *flood, struct otc_buf *span)
{
    bool calm = flood->records < flood->calm;
    char text[6000], value[6000];

    put_attribute(span, "ml.feature.age", NULL, (double)draw(flood, 1u << 30) / 1e6);
    put_attribute(span, "ml.feature.amount", NULL,
                  (double)draw(flood, 1u << 20) * (draw(flood, 100) ? 1 : 1e9));
    (void)snprintf(text, sizeof(text), "country-%llu", (unsigned long long)draw(flood, 150));
    put_attribute(span, "ml.feature.country", draw(flood, 10) ? text : made_up(flood, "c-", 300, text), 0);
    put_attribute(span, "ml.prediction.score", NULL, (double)draw(flood, 1000) / 1000);
    flood->observations += 4;
    if (!calm && draw(flood, 10) == 0) {
        put_attribute(span, made_up(flood, "ml.feature.", 5000, text),
                      draw(flood, 2) ? made_up(flood, "", 300, value) : NULL, 1);
        flood->observations++;
    }
}

/* Mostly now; late, long ago, or ahead of time. */
static int64_t
time_of(struct otc_flood *flood, int64_t now_ns)
{
    switch (draw(flood, 200)) {
    case 0:
        return now_ns - (int64_t)draw(flood, 2000) * OTC_MINUTE;
    case 1:
        return now_ns + (int64_t)draw(flood, 20) * OTC_MINUTE;
    default:
        return now_ns - (int64_t)draw(flood, 2000) * OTC_MILLISECOND;
    }
}

void
otc_flood_request(struct otc_flood *flood, int64_t now_ns, size_t n, struct otc_buf *out)
{
    struct otc_buf spans = {.limit = (size_t)16 << 20}, span = {.limit = 1 << 16};
    struct otc_buf scope = {.limit = (size_t)16 << 20};

    for (size_t i = 0; i < n; i++, flood->records++) {
        int64_t time_ns = time_of(flood, now_ns);

        otc_buf_clear(&span);
        put_fixed64(&span, 7, (uint64_t)(time_ns - OTC_MILLISECOND));
        put_fixed64(&span, 8, (uint64_t)time_ns);
        put_identity(flood, &span);
        put_features(flood, &span);
        put_bytes(&spans, 2, span.data, span.len);
    }
    put_bytes(&scope, 2, spans.data, spans.len);
    put_bytes(out, 1, scope.data, scope.len);
    otc_buf_release(&span);
    otc_buf_release(&spans);
    otc_buf_release(&scope);
}
