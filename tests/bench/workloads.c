// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/workloads.h"

#include "common/component/otc.h"
#include "common/otlp/json_encode.h"
#include "common/otlp/wire.h"
#include "tests/bench/payload.h"

#define START_NS UINT64_C(1750000000000000000)
#define BUCKETS 15
#define POINTS_A_METRIC 20
#define SPANS_A_RESOURCE 20
#define MESSAGE_BYTES 1600

typedef void item_fn(struct otc_buf *out, size_t index, uint64_t *seed);

/** Words of a small vocabulary, `len` bytes of them and an end. */
static void
words(char *text, size_t len, uint64_t *seed)
{
    static const char *const some[] = {"the ",     "order ",  "of ",       "model ",    "answer ",
                                       "request ", "with ",   "customer ", "shipping ", "please ",
                                       "because ", "return ", "is ",       "12345 "};
    size_t at = 0;

    while (at < len) {
        const char *word = some[payload_next(seed) % (sizeof(some) / sizeof(some[0]))];
        size_t n = strlen(word) < len - at ? strlen(word) : len - at;

        memcpy(text + at, word, n);
        at += n;
    }
    text[len] = '\0';
}

/* ---- Spans ------------------------------------------------------------------------------------- */

static void
put_ids(struct otc_buf *out, uint64_t *seed)
{
    uint64_t id[3] = {payload_next(seed) | 1, payload_next(seed), payload_next(seed) | 1};

    otc_wire_put_bytes(out, 1, otc_slice_of(id, 16));
    otc_wire_put_bytes(out, 2, otc_slice_of(id + 2, 8));
}

static void
put_span(struct otc_buf *out, const char *name, size_t index, uint64_t *seed, item_fn *attributes)
{
    uint64_t start = START_NS + index * UINT64_C(1000000);
    size_t mark = otc_wire_begin(out, 2);

    put_ids(out, seed);
    otc_wire_put_bytes(out, 5, otc_slice_str(name));
    otc_wire_put_number(out, 6, 2);
    otc_wire_put_fixed64(out, 7, start);
    otc_wire_put_fixed64(out, 8, start + 1000000 + payload_next(seed) % UINT64_C(400000000));
    attributes(out, index, seed);
    otc_wire_end(out, mark);
}

/** W1: two integers, what the Collector's load generator sends. */
static void
two_integers(struct otc_buf *out, size_t index, uint64_t *seed)
{
    (void)seed;
    payload_put_int(out, 9, "load_generator.span_seq_num", index);
    payload_put_int(out, 9, "load_generator.trace_seq_num", 1);
}

static void
testbed_span(struct otc_buf *out, size_t index, uint64_t *seed)
{
    put_span(out, "load-generator-span", index, seed, two_integers);
}

static void
messages(struct otc_buf *out, size_t index, uint64_t *seed)
{
    char text[MESSAGE_BYTES + 1];

    (void)index;
    payload_put_gen_ai(out, seed);
    words(text, MESSAGE_BYTES, seed);
    payload_put_text(out, 9, "gen_ai.input.messages", text);
    words(text, MESSAGE_BYTES, seed);
    payload_put_text(out, 9, "gen_ai.output.messages", text);
}

static void
message_span(struct otc_buf *out, size_t index, uint64_t *seed)
{
    put_span(out, "chat gpt-4o-mini", index, seed, messages);
}

static void
long_attributes(struct otc_buf *out, size_t count, size_t len, uint64_t *seed)
{
    char key[32], text[5001];

    for (size_t i = 0; i < count; i++) {
        snprintf(key, sizeof(key), "attribute.number_%zu", i);
        words(text, len, seed);
        payload_put_text(out, 9, key, text);
    }
}

static void
many(struct otc_buf *out, size_t index, uint64_t *seed)
{
    (void)index;
    long_attributes(out, 100, 50, seed);
}

static void
large(struct otc_buf *out, size_t index, uint64_t *seed)
{
    (void)index;
    long_attributes(out, 20, 5000, seed);
}

static void
many_span(struct otc_buf *out, size_t index, uint64_t *seed)
{
    put_span(out, "many attributes", index, seed, many);
}

static void
large_span(struct otc_buf *out, size_t index, uint64_t *seed)
{
    put_span(out, "large attributes", index, seed, large);
}

/** W11: the attributes of W2, with a client of its own. */
static void
own_client(struct otc_buf *out, size_t index, uint64_t *seed)
{
    char client[32];

    payload_put_http(out, seed);
    snprintf(client, sizeof(client), "client-%zu", index);
    payload_put_text(out, 9, "client.id", client);
}

/* ---- Points ------------------------------------------------------------------------------------ */

static void
put_point_head(struct otc_buf *out, uint32_t attributes, size_t index, uint64_t *seed)
{
    char pod[32];

    snprintf(pod, sizeof(pod), "checkout-%zu", index);
    payload_put_text(out, attributes, "http.request.method", "GET");
    payload_put_text(out, attributes, "http.route", "/api/v1/cart/{id}");
    payload_put_int(out, attributes, "http.response.status_code", 200);
    payload_put_text(out, attributes, "k8s.pod.name", pod);
    otc_wire_put_fixed64(out, 2, START_NS);
    otc_wire_put_fixed64(out, 3, START_NS + UINT64_C(15000000000) + payload_next(seed) % 1000);
}

static void
histogram_point(struct otc_buf *out, size_t index, uint64_t *seed)
{
    size_t mark = otc_wire_begin(out, 1);
    uint64_t counts[BUCKETS], total = 0;
    double bounds[BUCKETS - 1];

    for (size_t i = 0; i < BUCKETS; i++) {
        counts[i] = payload_next(seed) % 1000;
        total += counts[i];
        if (i < BUCKETS - 1) {
            bounds[i] = 0.005 * (double)(UINT64_C(1) << i);
        }
    }
    put_point_head(out, 9, index, seed);
    otc_wire_put_fixed64(out, 4, total);
    otc_wire_put_double(out, 5, (double)total * 0.1);
    otc_wire_put_bytes(out, 6, otc_slice_of(counts, sizeof(counts)));
    otc_wire_put_bytes(out, 7, otc_slice_of(bounds, sizeof(bounds)));
    otc_wire_end(out, mark);
}

static void
exponential_point(struct otc_buf *out, size_t index, uint64_t *seed)
{
    size_t mark = otc_wire_begin(out, 1), buckets, packed;
    uint64_t counts[160], total = 0;

    put_point_head(out, 1, index, seed);
    for (size_t i = 0; i < 160; i++) {
        counts[i] = payload_next(seed) % 100;
        total += counts[i];
    }
    otc_wire_put_fixed64(out, 4, total);
    otc_wire_put_double(out, 5, (double)total * 0.1);
    otc_wire_put_number(out, 6, 10); /* scale 5 in zigzag */
    otc_wire_put_fixed64(out, 7, 0);
    buckets = otc_wire_begin(out, 8);
    otc_wire_put_number(out, 1, 255); /* offset -128 in zigzag */
    packed = otc_wire_begin(out, 2);
    for (size_t i = 0; i < 160; i++) {
        otc_wire_put_varint(out, counts[i]);
    }
    otc_wire_end(out, packed);
    otc_wire_end(out, buckets);
    otc_wire_end(out, mark);
}

/** Metrics of 20 points each; `field` of Metric holds them. */
static void
put_metrics(struct otc_buf *out, size_t points, uint64_t *seed, uint32_t field, item_fn *point)
{
    char name[64];

    for (size_t i = 0; i < points;) {
        size_t metric = otc_wire_begin(out, 2), data;

        snprintf(name, sizeof(name), "http.server.request.duration.%zu", i / POINTS_A_METRIC);
        otc_wire_put_bytes(out, 1, otc_slice_str(name));
        otc_wire_put_bytes(out, 3, otc_slice_str("s"));
        data = otc_wire_begin(out, field);
        do {
            point(out, i++, seed);
        } while (i < points && i % POINTS_A_METRIC != 0);
        otc_wire_put_number(out, 2, 2); /* cumulative */
        otc_wire_end(out, data);
        otc_wire_end(out, metric);
    }
}

/* ---- Log records ------------------------------------------------------------------------------- */

static void
put_log_record(struct otc_buf *out, size_t index, size_t body_bytes, uint64_t *seed)
{
    size_t mark = otc_wire_begin(out, 2), body;
    char text[1001];

    otc_wire_put_fixed64(out, 1, START_NS + index * UINT64_C(1000000));
    otc_wire_put_number(out, 2, 9);
    otc_wire_put_bytes(out, 3, otc_slice_str("INFO"));
    words(text, body_bytes, seed);
    body = otc_wire_begin(out, 5);
    otc_wire_put_bytes(out, 1, otc_slice_str(text));
    otc_wire_end(out, body);
    payload_put_text(out, 6, "http.request.method", "GET");
    payload_put_int(out, 6, "http.response.body.size", payload_next(seed) % 20000);
    payload_put_int(out, 6, "http.response.status_code", payload_next(seed) % 8 ? 200 : 500);
    payload_put_text(out, 6, "thread.name", "worker-12");
    otc_wire_put_fixed64(out, 11, START_NS + index * UINT64_C(1000000));
    otc_wire_end(out, mark);
}

static void
short_record(struct otc_buf *out, size_t index, uint64_t *seed)
{
    put_log_record(out, index, 120, seed);
}

static void
long_record(struct otc_buf *out, size_t index, uint64_t *seed)
{
    put_log_record(out, index, 820, seed);
}

/* ---- Requests ---------------------------------------------------------------------------------- */

static void
put_scope(struct otc_buf *out)
{
    size_t mark = otc_wire_begin(out, 1);

    otc_wire_put_bytes(out, 1, otc_slice_str("load.generator"));
    otc_wire_put_bytes(out, 2, otc_slice_str("1.0.0"));
    otc_wire_end(out, mark);
}

/** W11: 20 spans each of as many resources as it takes. */
static void
put_many_resources(struct otc_buf *out, size_t items, uint64_t request)
{
    uint64_t seed = request;
    char instance[40];

    for (size_t i = 0; i < items;) {
        size_t group = otc_wire_begin(out, 1), resource = otc_wire_begin(out, 1), scope;

        snprintf(instance, sizeof(instance), "checkout-%zu",
                 ((size_t)request * items + i) / SPANS_A_RESOURCE);
        payload_put_text(out, 1, "service.name", "checkout");
        payload_put_text(out, 1, "service.instance.id", instance);
        payload_put_text(out, 1, "host.name", "node-17");
        otc_wire_end(out, resource);
        scope = otc_wire_begin(out, 2);
        put_scope(out);
        do {
            put_span(out, "GET /api/v1/cart/{id}", i++, &seed, own_client);
        } while (i < items && i % SPANS_A_RESOURCE != 0);
        otc_wire_end(out, scope);
        otc_wire_end(out, group);
    }
}

static const struct {
    const char *name;
    item_fn *item;
    uint32_t metric; /* field of Metric, 0: no metrics */
} kinds[] = {{"W1", testbed_span, 0},  {"W6", message_span, 0},     {"W7a", many_span, 0},
             {"W7b", large_span, 0},   {"W8a", histogram_point, 9}, {"W8b", exponential_point, 10},
             {"W9a", short_record, 0}, {"W9b", long_record, 0}};

static bool
put_kind(size_t kind, size_t items, uint64_t seed, struct otc_buf *out)
{
    size_t group = otc_wire_begin(out, 1), scope;

    payload_put_resource(out);
    scope = otc_wire_begin(out, 2);
    put_scope(out);
    if (kinds[kind].metric) {
        put_metrics(out, items, &seed, kinds[kind].metric, kinds[kind].item);
    } else {
        for (size_t i = 0; i < items; i++) {
            kinds[kind].item(out, i, &seed);
        }
    }
    otc_wire_end(out, scope);
    otc_wire_end(out, group);
    return !out->failed;
}

static bool
put_json(size_t items, uint64_t seed, struct otc_buf *out)
{
    OTC_AUTO_BUF struct otc_buf wire = {.limit = out->limit};
    struct otc_error err = OTC_ERROR_INIT;

    return payload_traces(PAYLOAD_W2, items, seed, &wire) &&
           otc_protobuf_to_json(OTC_TRACES, otc_buf_slice(&wire), out, &err) == OTC_OK;
}

bool
workload_request(const char *name, size_t items, uint64_t seed, struct otc_buf *out)
{
    enum payload_kind kind;

    if (payload_kind_of(name, &kind)) {
        return payload_traces(kind, items, seed, out);
    }
    if (strcmp(name, "W10") == 0) {
        return put_json(items, seed, out);
    }
    if (strcmp(name, "W11") == 0) {
        put_many_resources(out, items, seed);
        return !out->failed;
    }
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(name, kinds[i].name) == 0) {
            return put_kind(i, items, seed, out);
        }
    }
    return false;
}
