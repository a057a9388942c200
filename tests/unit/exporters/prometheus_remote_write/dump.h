// SPDX-License-Identifier: Apache-2.0
/**
 * @file A remote-write request as text, for tests: one line a series, its labels, then its samples
 * "value@ms", histograms and exemplars. Reads the wire on its own.
 */
#ifndef OTC_TESTS_PRW_DUMP_H
#define OTC_TESTS_PRW_DUMP_H

#include "common/base/buf.h"
#include "common/base/number.h"
#include "common/otlp/wire.h"

#include <snappy-c.h>
#include <stdlib.h>

struct dump_symbols {
    struct otc_slice items[4096];
    size_t n;
};

static inline void
dump_number(struct otc_buf *out, uint64_t bits)
{
    char text[OTC_DOUBLE_TEXT_MAX];

    if (bits == UINT64_C(0x7ff0000000000002)) {
        otc_buf_append_str(out, "stale");
    } else {
        otc_buf_append(out, text, otc_format_double(otc_wire_bits_double(bits), text));
    }
}

static inline long long
dump_zigzag(uint64_t n)
{
    return (long long)((n >> 1) ^ (0 - (n & 1)));
}

/* Packed varints; `symbols`: pairs of name and value. */
static inline void
dump_packed(struct otc_buf *out, struct otc_slice run, const struct dump_symbols *symbols)
{
    const uint8_t *p = run.data, *end = run.data + run.len;

    for (size_t i = 0; p && p < end; i++) {
        uint64_t n = 0;

        p = otc_wire_varint(p, end, &n);
        if (!symbols) {
            otc_buf_printf(out, "%s%lld", i ? " " : "", dump_zigzag(n));
        } else if (n < symbols->n) {
            otc_buf_printf(out, "%s%.*s%s", i % 2 == 0 && i ? "," : "", OTC_SLICE_ARG(symbols->items[n]),
                           i % 2 ? "" : "=");
        } else {
            otc_buf_append_str(out, "BAD REF");
        }
    }
}

static inline void
dump_span(struct otc_buf *out, struct otc_slice message)
{
    struct otc_wire span = otc_wire_of(message);
    struct otc_wire_field part;
    unsigned long long length = 0;
    long long offset = 0;

    while (otc_wire_next(&span, &part)) {
        if (part.field == 1) {
            offset = dump_zigzag(part.number);
        } else {
            length = part.number;
        }
    }
    otc_buf_printf(out, "%lld+%llu", offset, length);
}

static inline void
dump_histogram(struct otc_buf *out, struct otc_slice message)
{
    struct otc_wire wire = otc_wire_of(message);
    struct otc_wire_field at;

    otc_buf_append_str(out, " hist{");
    while (otc_wire_next(&wire, &at)) {
        otc_buf_printf(out, " %u:", at.field);
        if (at.field == 8 || at.field == 11) {
            dump_span(out, at.bytes);
        } else if (at.type == OTC_WIRE_BYTES) {
            otc_buf_append_byte(out, '[');
            dump_packed(out, at.bytes, NULL);
            otc_buf_append_byte(out, ']');
        } else if (at.type == OTC_WIRE_FIXED64) {
            dump_number(out, at.number);
        } else {
            otc_buf_printf(out, "%lld", at.field == 4 ? dump_zigzag(at.number) : (long long)at.number);
        }
    }
    otc_buf_append_str(out, " }");
}

static inline void
dump_label(struct otc_buf *out, struct otc_slice message)
{
    struct otc_wire label = otc_wire_of(message);
    struct otc_wire_field part;

    while (otc_wire_next(&label, &part)) {
        otc_buf_printf(out, "%.*s%s", OTC_SLICE_ARG(part.bytes), part.field == 1 ? "=" : "");
    }
}

/* A sample or an exemplar: value 1 (exemplar 2), time 2 (3), start 3. */
static inline void
dump_value(struct otc_buf *out, struct otc_slice message, bool exemplar, const struct dump_symbols *symbols)
{
    struct otc_wire wire = otc_wire_of(message);
    struct otc_wire_field at;
    uint64_t value = 0, ms = 0, start = 0;
    bool first = true;

    otc_buf_append_str(out, exemplar ? " #{" : " ");
    while (otc_wire_next(&wire, &at)) {
        if (exemplar && at.field == 1 && symbols) {
            dump_packed(out, at.bytes, symbols);
        } else if (exemplar && at.field == 1) {
            otc_buf_append_str(out, first ? "" : ",");
            dump_label(out, at.bytes);
            first = false;
        } else if (at.type == OTC_WIRE_FIXED64) {
            value = at.number;
        } else if (at.field == (exemplar ? 3u : 2u)) {
            ms = at.number;
        } else {
            start = at.number;
        }
    }
    otc_buf_append_str(out, exemplar ? "} " : "");
    dump_number(out, value);
    otc_buf_printf(out, "@%lld", (long long)ms);
    if (start) {
        otc_buf_printf(out, "/%lld", (long long)start);
    }
}

/* 2.0. */
static inline void
dump_metadata(struct otc_buf *out, struct otc_slice message, const struct dump_symbols *symbols)
{
    struct otc_wire metadata = otc_wire_of(message);
    struct otc_wire_field part;

    otc_buf_append_str(out, " |");
    while (otc_wire_next(&metadata, &part)) {
        if (part.field == 1) {
            otc_buf_printf(out, " type %d", (int)part.number);
        } else if (part.number < symbols->n) {
            otc_buf_printf(out, " %u:%.*s", part.field, OTC_SLICE_ARG(symbols->items[part.number]));
        }
    }
}

static inline void
dump_series(struct otc_buf *out, struct otc_slice message, const struct dump_symbols *symbols)
{
    const uint32_t histogram = symbols ? 3 : 4, exemplar = symbols ? 4 : 3;
    struct otc_wire wire = otc_wire_of(message);
    struct otc_wire_field at;
    bool first = true;

    while (otc_wire_next(&wire, &at)) {
        if (at.field == 1 && symbols) {
            dump_packed(out, at.bytes, symbols);
        } else if (at.field == 1) {
            otc_buf_append_str(out, first ? "" : ",");
            dump_label(out, at.bytes);
            first = false;
        } else if (at.field == 2) {
            dump_value(out, at.bytes, false, symbols);
        } else if (at.field == histogram) {
            dump_histogram(out, at.bytes);
        } else if (at.field == exemplar) {
            dump_value(out, at.bytes, true, symbols);
        } else if (symbols && at.field == 5) {
            dump_metadata(out, at.bytes, symbols);
        }
    }
    otc_buf_append_byte(out, '\n');
}

/* 1.0: "metadata TYPE name help unit". */
static inline void
dump_family(struct otc_buf *out, struct otc_slice message)
{
    struct otc_wire metadata = otc_wire_of(message);
    struct otc_wire_field part;

    otc_buf_append_str(out, "metadata");
    while (otc_wire_next(&metadata, &part)) {
        otc_buf_append_byte(out, ' ');
        if (part.field == 1) {
            otc_buf_printf(out, "%d", (int)part.number);
        } else {
            otc_buf_append_slice(out, part.bytes);
        }
    }
    otc_buf_append_byte(out, '\n');
}

/** Appends the text of a request that is not compressed. */
static inline void
dump_request(struct otc_buf *out, struct otc_slice body, bool v2)
{
    static struct dump_symbols symbols;
    struct otc_wire wire = otc_wire_of(body);
    struct otc_wire_field at;

    symbols.n = 0;
    while (otc_wire_next(&wire, &at)) {
        if (v2 && at.field == 4 && symbols.n < 4096) {
            symbols.items[symbols.n++] = at.bytes;
        } else if (at.field == (v2 ? 5u : 1u)) {
            dump_series(out, at.bytes, v2 ? &symbols : NULL);
        } else if (!v2 && at.field == 3) {
            dump_family(out, at.bytes);
        } else {
            otc_buf_printf(out, "UNKNOWN FIELD %u\n", at.field);
        }
    }
    if (wire.p != wire.end || (v2 && (symbols.n == 0 || symbols.items[0].len != 0))) {
        otc_buf_append_str(out, "MALFORMED\n");
    }
}

/** The same of a body as it was sent. */
static inline void
dump_sent(struct otc_buf *out, struct otc_slice body, bool v2)
{
    size_t n = 0;
    char *plain;

    if (snappy_uncompressed_length((const char *)body.data, body.len, &n) != SNAPPY_OK) {
        otc_buf_append_str(out, "NO SNAPPY\n");
        return;
    }
    plain = malloc(n + 1);
    if (snappy_uncompress((const char *)body.data, body.len, plain, &n) == SNAPPY_OK) {
        dump_request(out, otc_slice_of(plain, n), v2);
    }
    free(plain);
}

#endif
