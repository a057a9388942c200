// SPDX-License-Identifier: Apache-2.0
#include "common/otlp/admit.h"

#include "common/otlp/admit_schema.h"
#include "common/otlp/walk_impl.h"

#include <protobuf-c/protobuf-c.h>

#define DEFAULT_DEPTH 64u
#define MAX_DEPTH 256u
#define DEFAULT_DECODED ((size_t)256 << 20)
/* Messages that enclose an attribute, and three messages for each level of a key-value list. */
#define STACK_FRAMES (16 + 3 * MAX_DEPTH)

/* ---- What is invalid ----------------------------------------------------------------------------- */

/** The invalid items of a part; with `list` their bytes too. */
struct findings {
    struct otc_admitted *out;
    struct otc_slice *list;
    size_t n;
    size_t capacity;
};

/** Of an id of 8 or 16 bytes. */
static bool
all_zero(struct otc_slice id)
{
    return (otc_wire_load64(id.data) | otc_wire_load64(id.data + id.len - 8)) == 0;
}

static void
note(struct findings *findings, size_t *counter, struct otc_slice item, const char *why)
{
    if (findings->out->why[0] == '\0') {
        snprintf(findings->out->why, sizeof(findings->out->why), "%s", why);
    }
    ++*counter;
    if (findings->list && findings->n < findings->capacity) {
        findings->list[findings->n++] = item;
    }
}

/** English, or NULL when the ids of a span are as they must be. */
static const char *
span_ids_wrong(struct otc_slice trace_id, struct otc_slice span_id)
{
    return trace_id.len != 16   ? "trace_id must be 16 bytes"
           : span_id.len != 8   ? "span_id must be 8 bytes"
           : all_zero(trace_id) ? "trace_id must not be all zero"
           : all_zero(span_id)  ? "span_id must not be all zero"
                                : NULL;
}

/** The same for a log record, which may have none. */
static const char *
log_ids_wrong(struct otc_slice trace_id, struct otc_slice span_id)
{
    return trace_id.len != 0 && trace_id.len != 16 ? "trace_id must be 16 bytes"
           : span_id.len != 0 && span_id.len != 8  ? "span_id must be 8 bytes"
                                                   : NULL;
}

/* ---- The structural pass ------------------------------------------------------------------------ */

struct frame {
    const uint8_t *end;
    enum kind kind;
};

enum verdict { SOUND, MALFORMED, TOO_DEEP };

struct pass {
    struct frame stack[STACK_FRAMES];
    size_t n_frames;
    uint32_t depth;
    uint32_t max_depth;
    size_t decoded;
    enum verdict verdict;
    const uint8_t *plain_limit;
    /** Of the span or log record that is being read. */
    struct otc_slice trace_id;
    struct otc_slice span_id;
    struct findings findings;
};

/** An AnyValue that is a text, a number or a truth, and nothing else. (Of an empty one what follows is looked
 * at, and no length fits.) */
static inline bool
is_plain_value(const struct otc_plain *plain)
{
    const uint8_t *p = plain->value;
    const uint32_t len = (uint32_t)(plain->end - p);
    uint16_t text_head;
    uint64_t bytes;

    memcpy(&text_head, p, sizeof(text_head));
    if (text_head == ((len - 2) << 8 | OTC_TAG(1, OTC_WIRE_BYTES))) {
        return true;
    }
    switch (p[0]) {
    case OTC_TAG(2, OTC_WIRE_VARINT):
    case OTC_TAG(3, OTC_WIRE_VARINT):
        return otc_plain_is_varint(plain->end, (size_t)len - 1, &bytes);
    case OTC_TAG(4, OTC_WIRE_FIXED64):
        return len == 9;
    default:
        return false;
    }
}

/**
 * Passes over the attributes with plain values that follow each other from `p` on, without a frame for each
 * message. Returns where something else begins.
 */
static __attribute__((noinline)) const uint8_t *
plain_row(struct pass *pass, const uint8_t *p, const uint8_t *end, uint32_t tag)
{
    const uint8_t *start = p, *limit = end < pass->plain_limit ? end : pass->plain_limit;
    struct otc_plain plain;
    size_t n = 0;

    if (pass->depth == pass->max_depth) {
        return p;
    }
    while (p < limit && otc_plain_read(p, end, tag, &plain) && is_plain_value(&plain)) {
        p = plain.end;
        n++;
    }
    /* Structs of pair and value, a block each for key and text, and their bytes: all but tags and lengths of
     * the attributes. */
    pass->decoded += n * (otc_admit_shapes[KEY_VALUE].bytes + otc_admit_shapes[ANY_VALUE].bytes +
                          2 * (size_t)BLOCK_BYTES - 2) +
                     (size_t)(p - start);
    return p;
}

static const uint8_t *
push(struct pass *pass, enum kind kind, struct otc_slice bytes)
{
    pass->decoded += otc_admit_shapes[kind].bytes;
    if (kind == ANY_VALUE && ++pass->depth > pass->max_depth) {
        pass->verdict = TOO_DEEP;
        return NULL;
    }
    if (kind == SPAN || kind == LOG_RECORD) {
        pass->trace_id = OTC_SLICE_NONE;
        pass->span_id = OTC_SLICE_NONE;
    }
    pass->stack[pass->n_frames++] = (struct frame){bytes.data + bytes.len, kind};
    return bytes.data;
}

/** The innermost message has been read. */
static void
pop(struct pass *pass)
{
    enum kind kind = pass->stack[--pass->n_frames].kind;
    const char *why;

    pass->depth -= kind == ANY_VALUE;
    if (kind != SPAN && kind != LOG_RECORD) {
        return;
    }
    why = kind == SPAN ? span_ids_wrong(pass->trace_id, pass->span_id)
                       : log_ids_wrong(pass->trace_id, pass->span_id);
    pass->findings.out->items++;
    if (why) {
        note(&pass->findings, &pass->findings.out->invalid_ids, OTC_SLICE_NONE, why);
    }
}

static bool
sound_varints(struct otc_slice run)
{
    const uint8_t *p = run.data, *end = p + run.len;
    uint64_t ignored;

    while (p && p < end) {
        p = otc_wire_varint(p, end, &ignored);
    }
    return p != NULL;
}

/** A packed run of words, or (`varints`) of varints. */
static const uint8_t *
packed(struct pass *pass, bool varints, const uint8_t *p, const uint8_t *end)
{
    struct otc_slice run;

    p = otc_wire_bytes(p, end, &run);
    if (!p || (varints ? !sound_varints(run) : run.len % 8 != 0)) {
        return NULL;
    }
    pass->decoded += BLOCK_BYTES + run.len * (varints ? 8 : 1);
    return p;
}

/** Whether a message knows this field, if perhaps with another wire type. */
static bool
is_known(const struct rule *rules, uint32_t field)
{
    bool known = false;

    for (uint32_t type = 0; type < 8 && field <= TAGS_MAX >> 3; type++) {
        known |= rules[field << 3 | type].form != FORM_NONE;
    }
    return known;
}

/** A field that the schema does not know: decoders keep it. NULL: it knows it, but not like this, or nobody
 * may know it. */
static const uint8_t *
unknown_field(struct pass *pass, const struct rule *rules, const uint8_t *p, const uint8_t *end, uint32_t tag)
{
    const uint8_t *start = p;

    if (tag >> 3 == 0 || is_known(rules, tag >> 3)) {
        return NULL;
    }
    p = otc_wire_skip(p, end, tag);
    pass->decoded +=
        p ? 2 * (size_t)BLOCK_BYTES + sizeof(ProtobufCMessageUnknownField) + (size_t)(p - start) : 0;
    return p;
}

/** Takes a text or an id; `extra` bytes are allocated besides. */
static inline const uint8_t *
bytes_field(struct pass *pass, const uint8_t *p, const uint8_t *end, size_t extra, struct otc_slice *bytes)
{
    p = otc_wire_bytes(p, end, bytes);
    if (!p) {
        return NULL;
    }
    pass->decoded += extra + (bytes->len > 0 ? bytes->len + BLOCK_BYTES : 0);
    return p;
}

/** Takes a field, whose tag was read, that is no message. Returns the position after it. */
static inline const uint8_t *
take_leaf(struct pass *pass, const struct rule *rules, const uint8_t *p, const uint8_t *end, uint32_t tag)
{
    const enum form form = tag <= TAGS_MAX ? (enum form)rules[tag].form : FORM_NONE;
    struct otc_slice bytes;
    uint64_t ignored;

    switch (form) {
    case FORM_BYTES:
        return bytes_field(pass, p, end, 0, &bytes);
    case FORM_TEXTS: /* with its place in an array */
        return bytes_field(pass, p, end, sizeof(ProtobufCBinaryData), &bytes);
    case FORM_TRACE_ID:
        return bytes_field(pass, p, end, 0, &pass->trace_id);
    case FORM_SPAN_ID:
        return bytes_field(pass, p, end, 0, &pass->span_id);
    case FORM_WORD:
        return end - p >= 8 ? p + 8 : NULL;
    case FORM_HALF:
        return end - p >= 4 ? p + 4 : NULL;
    case FORM_STRINDEX:
        pass->findings.out->strindex++;
        return otc_wire_varint(p, end, &ignored);
    case FORM_VARINT:
        return otc_wire_varint(p, end, &ignored);
    case FORM_PACKED_WORDS:
    case FORM_PACKED_VARINTS:
        return packed(pass, form == FORM_PACKED_VARINTS, p, end);
    case FORM_ONE_WORD:
    case FORM_ONE_VARINT:
        pass->decoded += 8;
        return otc_wire_skip(p, end, tag);
    case FORM_MESSAGE:
    case FORM_ATTRIBUTE:
    case FORM_NONE:
        break;
    }
    return unknown_field(pass, rules, p, end, tag);
}

/**
 * Reads the innermost message, which is not at its end, up to there or into the first message that needs a
 * frame. Returns where it is then, or NULL: `*bad` is the field at fault.
 */
static const uint8_t *
read_message(struct pass *pass, const uint8_t *p, const uint8_t **bad)
{
    const struct frame frame = pass->stack[pass->n_frames - 1];
    const struct rule *rules = otc_admit_shapes[frame.kind].rules;

    do {
        const uint8_t *start = p;
        struct otc_slice message;
        uint32_t tag = *p;

        /* Field 0 is refused as an unknown one. */
        p = tag < 0x80 ? p + 1 : otc_wire_tag(p, frame.end, &tag);
        if (p && tag <= TAGS_MAX && rules[tag].kind != NO_KIND) {
            const uint8_t *after =
                rules[tag].form == FORM_ATTRIBUTE ? plain_row(pass, start, frame.end, tag) : start;

            if (after != start) {
                p = after;
                continue;
            }
            p = otc_wire_bytes(p, frame.end, &message);
            if (p && (p = push(pass, (enum kind)rules[tag].kind, message))) {
                return p;
            }
            *bad = start;
            return NULL;
        }
        p = p ? take_leaf(pass, rules, p, frame.end, tag) : NULL;
        if (!p) {
            *bad = start;
            return NULL;
        }
    } while (p < frame.end);
    return p;
}

/** Passes over `part`; NULL, or the field at fault, where `verdict` says what is wrong with it. */
static const uint8_t *
structural_pass(struct pass *pass, enum kind root, struct otc_slice part)
{
    const uint8_t *p = part.data, *bad = NULL;

    pass->stack[pass->n_frames++] = (struct frame){part.len ? part.data + part.len : part.data, root};
    while (p && pass->n_frames > 0) {
        if (p == pass->stack[pass->n_frames - 1].end) {
            pop(pass);
        } else {
            p = read_message(pass, p, &bad);
        }
    }
    if (bad && pass->verdict == SOUND) {
        pass->verdict = MALFORMED;
    }
    return bad;
}

/* ---- Meaning: ids, times, histograms ------------------------------------------------------------ */

static bool
check_span(void *arg, const struct otc_span *span)
{
    struct findings *findings = arg;
    const char *why = span_ids_wrong(span->trace_id, span->span_id);

    findings->out->items++;
    if (why) {
        note(findings, &findings->out->invalid_ids, span->encoded, why);
    }
    return true;
}

static bool
check_log(void *arg, const struct otc_log_record *log)
{
    struct findings *findings = arg;
    const char *why = log_ids_wrong(log->trace_id, log->span_id);

    findings->out->items++;
    if (why) {
        note(findings, &findings->out->invalid_ids, log->encoded, why);
    }
    return true;
}

static bool
bounds_increase(const struct otc_words *bounds)
{
    struct otc_words_cursor cursor = {0};
    double before = 0;
    uint64_t bits;

    for (size_t i = 0; otc_words_next(bounds, &cursor, &bits); i++) {
        double bound = otc_wire_bits_double(bits);

        /* Written so that NaN fails too. */
        if (i > 0 ? !(bound > before) : bound != bound) {
            return false;
        }
        before = bound;
    }
    return true;
}

static bool
buckets_sum_to(const struct otc_words *counts, uint64_t count)
{
    struct otc_words_cursor cursor = {0};
    uint64_t sum = 0, bits;

    while (otc_words_next(counts, &cursor, &bits)) {
        if (__builtin_add_overflow(sum, bits, &sum)) {
            return false;
        }
    }
    return sum == count;
}

static bool
check_point(void *arg, const struct otc_point *point)
{
    struct findings *findings = arg;
    const struct otc_words *counts = &point->bucket_counts, *bounds = &point->explicit_bounds;
    char why[128] = "";

    findings->out->items++;
    if (point->time_unix_nano == 0) {
        snprintf(why, sizeof(why), "data point without time");
    } else if (point->type == OTC_METRIC_HISTOGRAM && (counts->n > 0 || bounds->n > 0)) {
        if (counts->n != bounds->n + 1) {
            snprintf(why, sizeof(why), "histogram bucket_counts length %zu, explicit_bounds length %zu",
                     counts->n, bounds->n);
        } else if (!bounds_increase(bounds)) {
            snprintf(why, sizeof(why), "histogram explicit_bounds must increase");
        } else if (!buckets_sum_to(counts, point->count)) {
            snprintf(why, sizeof(why), "histogram bucket_counts must sum to count");
        }
    }
    if (why[0] != '\0') {
        note(findings, &findings->out->invalid_points, point->encoded, why);
    }
    return true;
}

static otc_status
find_invalid(enum otc_signal signal, struct otc_slice part, struct findings *findings, struct otc_error *err)
{
    switch (signal) {
    case OTC_TRACES:
        return otc_walk_spans(NULL, part, check_span, findings, err);
    case OTC_METRICS:
        return otc_walk_points(NULL, part, check_point, findings, err);
    case OTC_LOGS:
        break;
    }
    return otc_walk_logs(NULL, part, check_log, findings, err);
}

static otc_status
refuse(struct otc_error *err, otc_status status)
{
    if (err) {
        err->permanent = true;
    }
    return status;
}

otc_status
otc_admit(enum otc_signal signal, struct otc_slice part, const struct otc_admission *limits,
          struct otc_admitted *out, struct otc_error *err)
{
    static const enum kind roots[] = {TRACES_REQUEST, METRICS_REQUEST, LOGS_REQUEST};
    size_t max_decoded = limits && limits->max_decoded_bytes ? limits->max_decoded_bytes : DEFAULT_DECODED;
    struct otc_admitted admitted = {0};
    struct pass pass;
    const uint8_t *at;
    otc_status status = OTC_OK;

    pass.n_frames = 0;
    pass.findings = (struct findings){.out = &admitted};
    pass.trace_id = pass.span_id = OTC_SLICE_NONE;
    pass.depth = 0;
    pass.max_depth = limits && limits->max_depth ? limits->max_depth : DEFAULT_DEPTH;
    pass.max_depth = pass.max_depth > MAX_DEPTH ? MAX_DEPTH : pass.max_depth;
    pass.decoded = otc_admit_shapes[roots[signal]].bytes;
    pass.verdict = SOUND;
    pass.plain_limit = otc_plain_limit(part);
    at = structural_pass(&pass, roots[signal], part);
    if (pass.verdict == TOO_DEEP) {
        return refuse(
            err, otc_fail(err, OTC_INVALID_ARGUMENT, "otlp: attribute nesting exceeds %u", pass.max_depth));
    }
    if (pass.verdict == MALFORMED) {
        return refuse(err, otc_fail(err, OTC_INVALID_ARGUMENT, "otlp: malformed protobuf at byte %zu",
                                    (size_t)(at - part.data)));
    }
    if (pass.decoded > max_decoded) {
        return refuse(
            err, otc_fail(err, OTC_RESOURCE_EXHAUSTED, "otlp: decoded size exceeds %zu bytes", max_decoded));
    }
    if (signal == OTC_METRICS) {
        status = find_invalid(signal, part, &pass.findings, err);
    }
    if (status == OTC_OK) {
        *out = admitted;
    }
    return status;
}

/* ---- Filter ------------------------------------------------------------------------------------- */

/** Copies the fields of `message` but for the listed items, whose enclosing messages are written anew. */
static void
copy_without(struct otc_buf *out, struct otc_slice message, const struct otc_slice **next,
             const struct otc_slice *end)
{
    struct otc_wire wire = otc_wire_of(message);
    struct otc_wire_field at;

    for (const uint8_t *start = wire.p; otc_wire_next(&wire, &at); start = wire.p) {
        bool holds = at.type == OTC_WIRE_BYTES && *next < end && (*next)->data >= at.bytes.data &&
                     (*next)->data + (*next)->len <= at.bytes.data + at.bytes.len;

        if (!holds) {
            otc_buf_append(out, start, (size_t)(wire.p - start));
        } else if ((*next)->data == at.bytes.data && (*next)->len == at.bytes.len) {
            ++*next;
        } else {
            /* Five messages enclose an item at most: this recursion is bounded by the schema. */
            size_t mark = otc_wire_begin(out, at.field);

            copy_without(out, at.bytes, next, end);
            otc_wire_end(out, mark);
        }
    }
}

otc_status
otc_admit_filter(enum otc_signal signal, struct otc_slice part, uint8_t **out, size_t *len,
                 struct otc_error *err)
{
    struct otc_admitted admitted = {0};
    struct findings findings = {.out = &admitted};
    const struct otc_slice *next;
    struct otc_buf copy = {.limit = part.len + 1};
    otc_status status = find_invalid(signal, part, &findings, err);

    if (status != OTC_OK) {
        return status;
    }
    findings.capacity = admitted.invalid_ids + admitted.invalid_points;
    findings.list = calloc(findings.capacity + 1, sizeof(*findings.list));
    if (!findings.list || !otc_buf_reserve(&copy, part.len + 1)) {
        free(findings.list);
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "otlp: out of memory");
    }
    status = find_invalid(signal, part, &findings, err);
    if (status == OTC_OK) {
        next = findings.list;
        copy_without(&copy, part, &next, findings.list + findings.n);
        *out = otc_buf_take(&copy, len);
    }
    otc_buf_release(&copy);
    free(findings.list);
    return status;
}
