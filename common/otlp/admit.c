// SPDX-License-Identifier: Apache-2.0
#include "common/otlp/admit.h"

#include "common/otlp/proto/collector.pb-c.h"
#include "common/otlp/walk_impl.h"

#define DEFAULT_DEPTH 64u
#define MAX_DEPTH 256u
#define DEFAULT_DECODED ((size_t)256 << 20)
/* Messages that enclose an attribute, and three messages for each level of a key-value list. */
#define STACK_FRAMES (16 + 3 * MAX_DEPTH)
/* An allocator's own bytes for each block. */
#define BLOCK_BYTES 16

/* ---- The schema ---------------------------------------------------------------------------------- */

enum kind {
    TRACES_REQUEST,
    METRICS_REQUEST,
    LOGS_REQUEST,
    RESOURCE_SPANS,
    RESOURCE_METRICS,
    RESOURCE_LOGS,
    RESOURCE,
    ENTITY_REF,
    SCOPE_SPANS,
    SCOPE_METRICS,
    SCOPE_LOGS,
    SCOPE,
    SPAN,
    EVENT,
    LINK,
    STATUS,
    LOG_RECORD,
    METRIC,
    GAUGE,
    SUM,
    HISTOGRAM,
    EXPONENTIAL,
    SUMMARY,
    NUMBER_POINT,
    HISTOGRAM_POINT,
    EXPONENTIAL_POINT,
    BUCKETS,
    SUMMARY_POINT,
    QUANTILE,
    EXEMPLAR,
    KEY_VALUE,
    ANY_VALUE,
    ARRAY_VALUE,
    KVLIST,
    N_KINDS
};

/** What a known field is: 0 unknown. */
enum form {
    FORM_NONE,
    FORM_VARINT,
    FORM_STRINDEX,
    FORM_WORD,
    FORM_HALF,
    FORM_BYTES,
    FORM_TEXTS,
    FORM_TRACE_ID,
    FORM_SPAN_ID,
    FORM_MESSAGE,
    FORM_WORDS,
    FORM_VARINTS
};

struct rule {
    uint8_t form;
    uint8_t kind;
};

#define FIELDS_MAX 17

struct shape {
    /** Bytes that a decoder allocates for the message, with the pointer to it. */
    size_t bytes;
    struct rule rules[FIELDS_MAX];
};

#define VARINT                                                                                               \
    {                                                                                                        \
        FORM_VARINT, 0                                                                                       \
    }
#define WORD                                                                                                 \
    {                                                                                                        \
        FORM_WORD, 0                                                                                         \
    }
#define HALF                                                                                                 \
    {                                                                                                        \
        FORM_HALF, 0                                                                                         \
    }
#define BYTES                                                                                                \
    {                                                                                                        \
        FORM_BYTES, 0                                                                                        \
    }
#define TEXTS                                                                                                \
    {                                                                                                        \
        FORM_TEXTS, 0                                                                                        \
    }
#define STRINDEX                                                                                             \
    {                                                                                                        \
        FORM_STRINDEX, 0                                                                                     \
    }
#define TRACE_ID                                                                                             \
    {                                                                                                        \
        FORM_TRACE_ID, 0                                                                                     \
    }
#define SPAN_ID                                                                                              \
    {                                                                                                        \
        FORM_SPAN_ID, 0                                                                                      \
    }
#define WORDS                                                                                                \
    {                                                                                                        \
        FORM_WORDS, 0                                                                                        \
    }
#define VARINTS                                                                                              \
    {                                                                                                        \
        FORM_VARINTS, 0                                                                                      \
    }
#define MESSAGE(kind)                                                                                        \
    {                                                                                                        \
        FORM_MESSAGE, (kind)                                                                                 \
    }
#define SIZE(type) (sizeof(Otc__Otlp__##type) + sizeof(void *) + BLOCK_BYTES)

static const struct shape shapes[N_KINDS] = {
    [TRACES_REQUEST] = {SIZE(ExportTraceServiceRequest), {[1] = MESSAGE(RESOURCE_SPANS)}},
    [METRICS_REQUEST] = {SIZE(ExportMetricsServiceRequest), {[1] = MESSAGE(RESOURCE_METRICS)}},
    [LOGS_REQUEST] = {SIZE(ExportLogsServiceRequest), {[1] = MESSAGE(RESOURCE_LOGS)}},
    [RESOURCE_SPANS] = {SIZE(ResourceSpans),
                        {[1] = MESSAGE(RESOURCE), [2] = MESSAGE(SCOPE_SPANS), [3] = BYTES}},
    [RESOURCE_METRICS] = {SIZE(ResourceMetrics),
                          {[1] = MESSAGE(RESOURCE), [2] = MESSAGE(SCOPE_METRICS), [3] = BYTES}},
    [RESOURCE_LOGS] = {SIZE(ResourceLogs), {[1] = MESSAGE(RESOURCE), [2] = MESSAGE(SCOPE_LOGS), [3] = BYTES}},
    [RESOURCE] = {SIZE(Resource), {[1] = MESSAGE(KEY_VALUE), [2] = VARINT, [3] = MESSAGE(ENTITY_REF)}},
    [ENTITY_REF] = {SIZE(EntityRef), {[1] = TEXTS, [2] = TEXTS, [3] = TEXTS, [4] = TEXTS}},
    [SCOPE_SPANS] = {SIZE(ScopeSpans), {[1] = MESSAGE(SCOPE), [2] = MESSAGE(SPAN), [3] = BYTES}},
    [SCOPE_METRICS] = {SIZE(ScopeMetrics), {[1] = MESSAGE(SCOPE), [2] = MESSAGE(METRIC), [3] = BYTES}},
    [SCOPE_LOGS] = {SIZE(ScopeLogs), {[1] = MESSAGE(SCOPE), [2] = MESSAGE(LOG_RECORD), [3] = BYTES}},
    [SCOPE] = {SIZE(InstrumentationScope),
               {[1] = BYTES, [2] = BYTES, [3] = MESSAGE(KEY_VALUE), [4] = VARINT}},
    [SPAN] = {SIZE(Span),
              {[1] = TRACE_ID,
               [2] = SPAN_ID,
               [3] = BYTES,
               [4] = BYTES,
               [5] = BYTES,
               [6] = VARINT,
               [7] = WORD,
               [8] = WORD,
               [9] = MESSAGE(KEY_VALUE),
               [10] = VARINT,
               [11] = MESSAGE(EVENT),
               [12] = VARINT,
               [13] = MESSAGE(LINK),
               [14] = VARINT,
               [15] = MESSAGE(STATUS),
               [16] = HALF}},
    [EVENT] = {SIZE(Span__Event), {[1] = WORD, [2] = BYTES, [3] = MESSAGE(KEY_VALUE), [4] = VARINT}},
    [LINK] = {SIZE(Span__Link),
              {[1] = BYTES, [2] = BYTES, [3] = BYTES, [4] = MESSAGE(KEY_VALUE), [5] = VARINT, [6] = HALF}},
    [STATUS] = {SIZE(Status), {[2] = BYTES, [3] = VARINT}},
    [LOG_RECORD] = {SIZE(LogRecord),
                    {[1] = WORD,
                     [2] = VARINT,
                     [3] = BYTES,
                     [5] = MESSAGE(ANY_VALUE),
                     [6] = MESSAGE(KEY_VALUE),
                     [7] = VARINT,
                     [8] = HALF,
                     [9] = TRACE_ID,
                     [10] = SPAN_ID,
                     [11] = WORD,
                     [12] = BYTES}},
    [METRIC] = {SIZE(Metric),
                {[1] = BYTES,
                 [2] = BYTES,
                 [3] = BYTES,
                 [5] = MESSAGE(GAUGE),
                 [7] = MESSAGE(SUM),
                 [9] = MESSAGE(HISTOGRAM),
                 [10] = MESSAGE(EXPONENTIAL),
                 [11] = MESSAGE(SUMMARY),
                 [12] = MESSAGE(KEY_VALUE)}},
    [GAUGE] = {SIZE(Gauge), {[1] = MESSAGE(NUMBER_POINT)}},
    [SUM] = {SIZE(Sum), {[1] = MESSAGE(NUMBER_POINT), [2] = VARINT, [3] = VARINT}},
    [HISTOGRAM] = {SIZE(Histogram), {[1] = MESSAGE(HISTOGRAM_POINT), [2] = VARINT}},
    [EXPONENTIAL] = {SIZE(ExponentialHistogram), {[1] = MESSAGE(EXPONENTIAL_POINT), [2] = VARINT}},
    [SUMMARY] = {SIZE(Summary), {[1] = MESSAGE(SUMMARY_POINT)}},
    [NUMBER_POINT] = {SIZE(NumberDataPoint),
                      {[2] = WORD,
                       [3] = WORD,
                       [4] = WORD,
                       [5] = MESSAGE(EXEMPLAR),
                       [6] = WORD,
                       [7] = MESSAGE(KEY_VALUE),
                       [8] = VARINT}},
    [HISTOGRAM_POINT] = {SIZE(HistogramDataPoint),
                         {[2] = WORD,
                          [3] = WORD,
                          [4] = WORD,
                          [5] = WORD,
                          [6] = WORDS,
                          [7] = WORDS,
                          [8] = MESSAGE(EXEMPLAR),
                          [9] = MESSAGE(KEY_VALUE),
                          [10] = VARINT,
                          [11] = WORD,
                          [12] = WORD}},
    [EXPONENTIAL_POINT] = {SIZE(ExponentialHistogramDataPoint),
                           {[1] = MESSAGE(KEY_VALUE),
                            [2] = WORD,
                            [3] = WORD,
                            [4] = WORD,
                            [5] = WORD,
                            [6] = VARINT,
                            [7] = WORD,
                            [8] = MESSAGE(BUCKETS),
                            [9] = MESSAGE(BUCKETS),
                            [10] = VARINT,
                            [11] = MESSAGE(EXEMPLAR),
                            [12] = WORD,
                            [13] = WORD,
                            [14] = WORD}},
    [BUCKETS] = {SIZE(ExponentialHistogramDataPoint__Buckets), {[1] = VARINT, [2] = VARINTS}},
    [SUMMARY_POINT] = {SIZE(SummaryDataPoint),
                       {[2] = WORD,
                        [3] = WORD,
                        [4] = WORD,
                        [5] = WORD,
                        [6] = MESSAGE(QUANTILE),
                        [7] = MESSAGE(KEY_VALUE),
                        [8] = VARINT}},
    [QUANTILE] = {SIZE(SummaryDataPoint__ValueAtQuantile), {[1] = WORD, [2] = WORD}},
    [EXEMPLAR] = {SIZE(Exemplar),
                  {[2] = WORD, [3] = WORD, [4] = BYTES, [5] = BYTES, [6] = WORD, [7] = MESSAGE(KEY_VALUE)}},
    [KEY_VALUE] = {SIZE(KeyValue), {[1] = BYTES, [2] = MESSAGE(ANY_VALUE), [3] = STRINDEX}},
    [ANY_VALUE] = {SIZE(AnyValue),
                   {[1] = BYTES,
                    [2] = VARINT,
                    [3] = VARINT,
                    [4] = WORD,
                    [5] = MESSAGE(ARRAY_VALUE),
                    [6] = MESSAGE(KVLIST),
                    [7] = BYTES,
                    [8] = STRINDEX}},
    [ARRAY_VALUE] = {SIZE(ArrayValue), {[1] = MESSAGE(ANY_VALUE)}},
    [KVLIST] = {SIZE(KeyValueList), {[1] = MESSAGE(KEY_VALUE)}},
};

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
    /** Of the span or log record that is being read. */
    struct otc_slice trace_id;
    struct otc_slice span_id;
    struct findings findings;
};

/** An AnyValue that is a text, a number or a truth, and nothing else. */
static inline bool
is_plain_value(struct otc_slice value)
{
    const uint8_t *p = value.data, *end = p + value.len;
    uint64_t ignored;

    if (value.len < 2) {
        return false;
    }
    switch (p[0]) {
    case OTC_TAG(1, OTC_WIRE_BYTES):
        return p[1] == value.len - 2 && p[1] < 0x80;
    case OTC_TAG(2, OTC_WIRE_VARINT):
    case OTC_TAG(3, OTC_WIRE_VARINT):
        return otc_wire_varint(p + 1, end, &ignored) == end;
    case OTC_TAG(4, OTC_WIRE_FIXED64):
        return value.len == 9;
    default:
        return false;
    }
}

/**
 * An attribute as SDKs write it, key then a plain value, without a frame for each message: `p` is at its
 * length. Returns its end, or NULL when it has another shape and takes the long way.
 */
static inline const uint8_t *
plain_attribute(struct pass *pass, const uint8_t *p, const uint8_t *end)
{
    struct otc_slice key, value;

    if (pass->depth == pass->max_depth || !otc_attribute_is_plain(p, end, &key, &value) ||
        !is_plain_value(value)) {
        return NULL;
    }
    /* Structs of pair and value, and a block each for key and text. */
    pass->decoded += shapes[KEY_VALUE].bytes + shapes[ANY_VALUE].bytes + p[0] + 2 * (size_t)BLOCK_BYTES;
    return p + 1 + p[0];
}

static const uint8_t *
push(struct pass *pass, enum kind kind, struct otc_slice bytes)
{
    pass->decoded += shapes[kind].bytes;
    if (kind == ANY_VALUE && ++pass->depth > pass->max_depth) {
        pass->verdict = TOO_DEEP;
        return NULL;
    }
    if (kind == SPAN || kind == LOG_RECORD) {
        pass->trace_id = pass->span_id = OTC_SLICE_NONE;
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

/** A field of form WORDS or VARINTS: packed or alone. */
static const uint8_t *
repeated(struct pass *pass, enum form form, const uint8_t *p, const uint8_t *end, uint32_t type)
{
    struct otc_slice run;

    if (type != OTC_WIRE_BYTES) {
        pass->decoded += 8;
        return type == (form == FORM_WORDS ? OTC_WIRE_FIXED64 : OTC_WIRE_VARINT) ? otc_wire_skip(p, end, type)
                                                                                 : NULL;
    }
    p = otc_wire_bytes(p, end, &run);
    if (!p || (form == FORM_WORDS ? run.len % 8 != 0 : !sound_varints(run))) {
        return NULL;
    }
    pass->decoded += BLOCK_BYTES + run.len * (form == FORM_WORDS ? 1 : 8);
    return p;
}

/** A field that the schema does not know: decoders keep it. */
static const uint8_t *
unknown_field(struct pass *pass, const uint8_t *p, const uint8_t *end, uint32_t tag)
{
    const uint8_t *start = p;

    p = otc_wire_skip(p, end, tag);
    pass->decoded +=
        p ? 2 * (size_t)BLOCK_BYTES + sizeof(ProtobufCMessageUnknownField) + (size_t)(p - start) : 0;
    return p;
}

/** A text, an id or a message. */
static inline const uint8_t *
bytes_field(struct pass *pass, struct rule rule, const uint8_t *p, const uint8_t *end)
{
    struct otc_slice bytes;

    p = otc_wire_bytes(p, end, &bytes);
    if (!p) {
        return NULL;
    }
    if (rule.form == FORM_MESSAGE) {
        return push(pass, (enum kind)rule.kind, bytes);
    }
    if (rule.form == FORM_TRACE_ID) {
        pass->trace_id = bytes;
    } else if (rule.form == FORM_SPAN_ID) {
        pass->span_id = bytes;
    } else if (rule.form == FORM_TEXTS) {
        pass->decoded += sizeof(ProtobufCBinaryData); /* its place in an array */
    }
    pass->decoded += bytes.len > 0 ? bytes.len + BLOCK_BYTES : 0;
    return p;
}

/** Takes a field whose tag was read. Returns where reading goes on: after it, or inside a message. */
static inline const uint8_t *
take_field(struct pass *pass, struct rule rule, const uint8_t *p, const uint8_t *end, uint32_t tag)
{
    static const uint8_t types[] = {[FORM_VARINT] = OTC_WIRE_VARINT,
                                    [FORM_STRINDEX] = OTC_WIRE_VARINT,
                                    [FORM_WORD] = OTC_WIRE_FIXED64,
                                    [FORM_HALF] = OTC_WIRE_FIXED32,
                                    [FORM_BYTES] = OTC_WIRE_BYTES,
                                    [FORM_TEXTS] = OTC_WIRE_BYTES,
                                    [FORM_TRACE_ID] = OTC_WIRE_BYTES,
                                    [FORM_SPAN_ID] = OTC_WIRE_BYTES,
                                    [FORM_MESSAGE] = OTC_WIRE_BYTES,
                                    [FORM_WORDS] = 0,
                                    [FORM_VARINTS] = 0};
    uint64_t ignored;

    if (rule.form == FORM_NONE) {
        return unknown_field(pass, p, end, tag);
    }
    if (rule.form >= FORM_WORDS) {
        return repeated(pass, (enum form)rule.form, p, end, tag & 7);
    }
    if ((tag & 7) != types[rule.form]) {
        return NULL;
    }
    switch (rule.form) {
    case FORM_STRINDEX:
        pass->findings.out->strindex++;
        return otc_wire_varint(p, end, &ignored);
    case FORM_VARINT:
        return otc_wire_varint(p, end, &ignored);
    case FORM_WORD:
        return end - p >= 8 ? p + 8 : NULL;
    case FORM_HALF:
        return end - p >= 4 ? p + 4 : NULL;
    default:
        return bytes_field(pass, rule, p, end);
    }
}

/**
 * Reads the innermost message, which is not at its end, up to there or into the first message that needs a
 * frame. Returns where it is then, or NULL: `*bad` is the field at fault.
 */
static const uint8_t *
read_message(struct pass *pass, const uint8_t *p, const uint8_t **bad)
{
    const struct frame frame = pass->stack[pass->n_frames - 1];
    const struct rule *rules = shapes[frame.kind].rules;
    size_t depth = pass->n_frames;

    do {
        const uint8_t *start = p, *after;
        struct rule rule = {0};
        uint32_t tag;

        p = otc_wire_tag(p, frame.end, &tag);
        if (p && tag >> 3 < FIELDS_MAX) {
            rule = rules[tag >> 3];
        }
        if (p && rule.kind == KEY_VALUE && (tag & 7) == OTC_WIRE_BYTES &&
            (after = plain_attribute(pass, p, frame.end))) {
            /* Attributes come in rows. */
            do {
                p = after;
            } while (p < frame.end && *p == tag && (after = plain_attribute(pass, p + 1, frame.end)));
            continue;
        }
        p = p ? take_field(pass, rule, p, frame.end, tag) : NULL;
        if (!p) {
            *bad = start;
            return NULL;
        }
    } while (p < frame.end && pass->n_frames == depth);
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
    pass.decoded = shapes[roots[signal]].bytes;
    pass.verdict = SOUND;
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
