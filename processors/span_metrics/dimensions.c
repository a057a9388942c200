// SPDX-License-Identifier: Apache-2.0
#include "processors/span_metrics/dimensions.h"

#include "common/base/codec.h"
#include "common/base/glob.h"
#include "common/base/number.h"
#include "common/otlp/build_attributes.h"
#include "common/otlp/value_text.h"

/* ---- Compiling ------------------------------------------------------------------------------------- */

static void
free_list(struct span_metrics_list *list)
{
    free(list->named);
    free(list->globs);
}

void
span_metrics_lists_free(struct span_metrics *stage)
{
    for (int i = 0; i < SPAN_METRICS_N_LISTS; i++) {
        free_list(&stage->lists[i]);
    }
}

/* Sorts a list into names and patterns, and asks the projection for the names. False out of memory. */
static bool
compile_list(struct span_metrics_list *list, const otc_list *from, struct otc_wanted *wanted, size_t *n)
{
    const struct span_metrics_dimension *dimensions = from->items;

    list->named = calloc(from->n + 1, sizeof(*list->named));
    list->globs = calloc(from->n + 1, sizeof(*list->globs));
    if (!list->named || !list->globs) {
        return false;
    }
    for (size_t i = 0; i < from->n; i++) {
        const struct span_metrics_dimension *dimension = &dimensions[i];
        struct span_metrics_named *named;

        if (dimension->glob && *dimension->glob) {
            list->globs[list->n_globs++] = dimension->glob;
            continue;
        }
        named = &list->named[list->n_named++];
        *named = (struct span_metrics_named){.config = dimension, .in_record = *n, .in_resource = *n + 1};
        if (dimension->default_value) {
            named->fallback =
                (struct otc_value){OTC_VALUE_STRING, {.slice = otc_slice_str(dimension->default_value)}};
        }
        wanted[(*n)++] = (struct otc_wanted){.key = dimension->name, .level = OTC_AT_RECORD};
        wanted[(*n)++] = (struct otc_wanted){.key = dimension->name, .level = OTC_AT_RESOURCE};
    }
    return true;
}

otc_status
span_metrics_compile(struct span_metrics *stage, struct otc_error *err)
{
    const struct span_metrics_config *config = stage->config;
    const otc_list *from[SPAN_METRICS_N_LISTS] = {&config->dimensions, &config->calls_dimensions,
                                                  &config->histogram.dimensions, &config->events.dimensions};
    struct otc_wanted wanted[2 * SPAN_METRICS_DIMENSIONS_MAX + 1];
    size_t n = 0;

    wanted[n++] = (struct otc_wanted){.key = "service.name", .level = OTC_AT_RESOURCE};
    for (int i = 0; i < SPAN_METRICS_N_LISTS; i++) {
        if (!compile_list(&stage->lists[i], from[i], wanted, &n)) {
            return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
        }
    }
    stage->shared = config->calls_dimensions.n == 0 && config->histogram.dimensions.n == 0;
    return otc_projection_new(wanted, n, &stage->projection, err);
}

/* ---- Values ---------------------------------------------------------------------------------------- */

/* The value of an event's attribute, the last of that name; ABSENT: none. */
static struct otc_value
event_value(struct otc_slice event, const char *name)
{
    struct otc_value value = {.type = OTC_VALUE_ABSENT}, found;
    struct otc_slice key;

    while (event.len > 0 && otc_attributes_next(OTC_ATTRIBUTES_EVENT, &event, &key, &found)) {
        if (otc_slice_equal_str(key, name)) {
            value = found;
        }
    }
    return value;
}

/* The value of a named dimension: the span's, the event's, the resource's, the default. ABSENT: none. An
 * event's lies in `*scratch`. */
static const struct otc_value *
value_of(const struct span_metrics_seen *seen, const struct span_metrics_named *named,
         struct otc_value *scratch)
{
    const struct otc_value *values = seen->span->record.values;

    if (values[named->in_record].type != OTC_VALUE_ABSENT) {
        return &values[named->in_record];
    }
    if (seen->event.len > 0) {
        *scratch = event_value(seen->event, named->config->name);
        if (scratch->type != OTC_VALUE_ABSENT) {
            return scratch;
        }
    }
    return values[named->in_resource].type != OTC_VALUE_ABSENT ? &values[named->in_resource]
                                                               : &named->fallback;
}

struct matches {
    struct otc_attribute items[SPAN_METRICS_GLOB_MATCHES_MAX];
    size_t n;
};

/* Attributes that match, by name; a name that is there already stays as it is. */
static void
add_matches(struct matches *matches, const struct span_metrics_list *list, enum otc_attributes_of of,
            struct otc_slice message)
{
    struct otc_attribute found;

    while (message.len > 0 && otc_attributes_next(of, &message, &found.key, &found.value)) {
        size_t at = 0, glob = 0;

        while (glob < list->n_globs && !otc_glob_match(list->globs[glob], found.key)) {
            glob++;
        }
        while (at < matches->n && otc_slice_compare(matches->items[at].key, found.key) < 0) {
            at++;
        }
        if (glob == list->n_globs || matches->n == SPAN_METRICS_GLOB_MATCHES_MAX ||
            (at < matches->n && otc_slice_equal(matches->items[at].key, found.key))) {
            continue;
        }
        memmove(&matches->items[at + 1], &matches->items[at], (matches->n - at) * sizeof(found));
        matches->items[at] = found;
        matches->n++;
    }
}

static void
find_matches(const struct span_metrics_seen *seen, const struct span_metrics_list *list,
             struct matches *matches)
{
    matches->n = 0;
    if (list->n_globs > 0) {
        add_matches(matches, list, OTC_ATTRIBUTES_SPAN, seen->span->encoded);
        add_matches(matches, list, OTC_ATTRIBUTES_EVENT, seen->event);
        add_matches(matches, list, OTC_ATTRIBUTES_RESOURCE, seen->span->record.resource);
    }
}

/* ---- Keys ------------------------------------------------------------------------------------------ */

/*
 * A key is a byte of kind, status and sampling, then parts: service, name, scope, the values of the
 * dimensions. Every part has its length before it, of a value plus one so that 0 is an absent one; of
 * patterns the number of matches comes first, and each has its name. So no two series have the same key, and
 * attributes.c reads it back. Values are text: 200 and "200" are one series, as in the Collector. Which of
 * them were no strings at the series' first span is told beside the key: the ordinal of the value, its type,
 * what the text leaves out.
 */

/* LEB128 takes at most so many bytes. */
#define LENGTH_MAX 10

/* Room at the end; NULL: none. */
static inline uint8_t *
room(struct span_metrics_keys *keys, struct otc_buf *buf, size_t bytes)
{
    if (buf->capacity - buf->len < bytes && !otc_buf_reserve(buf, bytes)) {
        keys->failed = true;
        return NULL;
    }
    return buf->data + buf->len;
}

static inline uint8_t *
put_length(uint8_t *at, size_t len)
{
    while (__builtin_expect(len >= 128, 0)) {
        *at++ = (uint8_t)(len | 128);
        len >>= 7;
    }
    *at++ = (uint8_t)len;
    return at;
}

/* Most texts are short: no call for them. */
static inline void
copy_text(uint8_t *at, struct otc_slice text)
{
    const uint8_t *from = text.data;

    if (text.len > 16) {
        memcpy(at, from, text.len);
    } else if (text.len >= 8) {
        memcpy(at, from, 8);
        memcpy(at + text.len - 8, from + text.len - 8, 8);
    } else if (text.len >= 4) {
        memcpy(at, from, 4);
        memcpy(at + text.len - 4, from + text.len - 4, 4);
    } else if (text.len >= 2) {
        memcpy(at, from, 2);
        memcpy(at + text.len - 2, from + text.len - 2, 2);
    } else if (text.len == 1) {
        *at = *from;
    }
}

/* `extra` is added to the length that is told. */
static inline void
put_text(struct span_metrics_keys *keys, struct otc_slice text, size_t extra)
{
    uint8_t *at = room(keys, &keys->text, LENGTH_MAX + text.len);

    if (at) {
        at = put_length(at, text.len + extra);
        copy_text(at, text);
        keys->text.len = (size_t)(at - keys->text.data) + text.len;
    }
}

static inline void
put_byte(struct span_metrics_keys *keys, uint8_t byte)
{
    uint8_t *at = room(keys, &keys->text, 1);

    if (at) {
        *at = byte;
        keys->text.len++;
    }
}

static inline void
put_type(struct span_metrics_keys *keys, enum otc_value_type type)
{
    uint8_t *at = room(keys, &keys->types, LENGTH_MAX + 1);

    if (at) {
        at = put_length(at, keys->n_values);
        *at++ = (uint8_t)type;
        keys->types.len = (size_t)(at - keys->types.data);
    }
}

static inline void
put_integer(struct span_metrics_keys *keys, int64_t integer)
{
    uint8_t *at = room(keys, &keys->text, 1 + OTC_INT64_TEXT_MAX);

    if (at) {
        size_t len = otc_format_int64(integer, (char *)at + 1);

        *at = (uint8_t)(len + 1);
        keys->text.len += 1 + len;
    }
    put_type(keys, OTC_VALUE_INT);
}

static void
put_other(struct span_metrics_keys *keys, const struct otc_value *value)
{
    otc_buf_clear(&keys->scratch);
    (void)otc_value_text(value, &keys->scratch);
    put_text(keys, otc_buf_slice(&keys->scratch), 1);
    put_type(keys, value->type);
    if (value->type == OTC_VALUE_DOUBLE) {
        otc_put_f64(&keys->types, value->as.real);
    } else if (otc_value_is_slice(value->type)) {
        otc_put_bytes(&keys->types, value->as.slice);
    }
    keys->failed = keys->failed || keys->scratch.failed || keys->types.failed;
}

static inline void
put_value(struct span_metrics_keys *keys, const struct otc_value *value)
{
    if (value->type == OTC_VALUE_STRING) {
        put_text(keys, value->as.slice, 1);
    } else if (value->type == OTC_VALUE_ABSENT) {
        put_byte(keys, 0);
    } else if (value->type == OTC_VALUE_INT) {
        put_integer(keys, value->as.integer);
    } else {
        put_other(keys, value);
    }
    keys->n_values++;
}

/* The scope, where it is one of those asked for. */
static struct otc_slice
scope_of(const struct span_metrics *stage, const struct otc_span *span)
{
    const otc_strings *scopes = &stage->config->include_instrumentation_scope;

    for (size_t i = 0; i < scopes->n; i++) {
        if (span->record.scope_name.len > 0 &&
            otc_slice_equal_str(span->record.scope_name, scopes->items[i])) {
            return span->record.scope_name;
        }
    }
    return OTC_SLICE_NONE;
}

static void
put_list(const struct span_metrics *stage, const struct span_metrics_seen *seen,
         enum span_metrics_list_of list_of, struct span_metrics_keys *keys)
{
    const struct span_metrics_list *list = &stage->lists[list_of];

    for (size_t i = 0; i < list->n_named; i++) {
        struct otc_value scratch;

        put_value(keys, value_of(seen, &list->named[i], &scratch));
    }
    if (list->n_globs > 0) {
        struct matches matches;

        find_matches(seen, list, &matches);
        otc_put_u64(&keys->text, matches.n);
        keys->failed = keys->failed || keys->text.failed;
        for (size_t i = 0; i < matches.n; i++) {
            put_text(keys, matches.items[i].key, 0);
            put_value(keys, &matches.items[i].value);
        }
    }
}

void
span_metrics_key_begin(const struct span_metrics *stage, const struct span_metrics_seen *seen,
                       struct span_metrics_keys *keys)
{
    const struct otc_span *span = seen->span;
    bool sampled = stage->config->enable_metrics_sampling_method && seen->extrapolated;
    /* Numbers beyond the known ones have one name, the empty one. */
    unsigned kind =
        span->kind >= 0 && span->kind < SPAN_METRICS_N_KINDS ? (unsigned)span->kind : SPAN_METRICS_N_KINDS;
    unsigned status = span->status_code >= 0 && span->status_code < SPAN_METRICS_N_STATUSES
                          ? (unsigned)span->status_code
                          : SPAN_METRICS_N_STATUSES;

    keys->start = keys->text.len;
    keys->types.len = 0;
    keys->n_values = 0;
    keys->failed = false;
    put_byte(keys,
             SPAN_METRICS_HEAD(stage->without_kind ? 0 : kind, stage->without_status ? 0 : status, sampled));
    if (!stage->without_service) {
        put_text(keys, seen->service, 0);
    }
    if (!stage->without_name) {
        put_text(keys, span->name, 0);
    }
    if (stage->config->include_instrumentation_scope.n > 0) {
        struct otc_slice scope = scope_of(stage, span);

        put_text(keys, scope, 0);
        put_text(keys, scope.len ? span->record.scope_version : scope, 0);
    }
    put_list(stage, seen, LIST_COMMON, keys);
    keys->common = keys->text.len - keys->start;
    keys->common_types = keys->types.len;
    keys->n_common_values = keys->n_values;
}

void
span_metrics_key_end(const struct span_metrics *stage, const struct span_metrics_seen *seen,
                     enum span_metrics_list_of list, struct span_metrics_keys *keys)
{
    if (list != LIST_COMMON) {
        put_list(stage, seen, list, keys);
    }
}

bool
span_metrics_key_put_types(struct span_metrics_keys *keys)
{
    struct otc_slice types = otc_buf_slice(&keys->types);
    uint8_t *at = keys->failed ? NULL : room(keys, &keys->text, types.len);

    if (at) {
        copy_text(at, types);
        keys->text.len += types.len;
    }
    return at != NULL;
}

void
span_metrics_key_again(struct span_metrics_keys *keys)
{
    uint8_t *at = keys->failed ? NULL : room(keys, &keys->text, keys->common);

    if (at && keys->common > 0) {
        memcpy(at, keys->text.data + keys->start, keys->common);
        keys->start = keys->text.len;
        keys->text.len += keys->common;
    }
    keys->types.len = keys->common_types;
    keys->n_values = keys->n_common_values;
}
