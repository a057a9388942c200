// SPDX-License-Identifier: Apache-2.0
#include "processors/span_metrics/state.h"

#include "common/base/glob.h"
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

/* Every part with its length before it, so that no two series have the same key. */
static void
put_part(struct otc_buf *key, struct otc_slice part)
{
    uint32_t len = (uint32_t)part.len;

    if (otc_buf_reserve(key, sizeof(len) + part.len)) {
        memcpy(key->data + key->len, &len, sizeof(len));
        if (part.len > 0) {
            memcpy(key->data + key->len + sizeof(len), part.data, part.len);
        }
        key->len += sizeof(len) + part.len;
    }
}

/* The value as text: 200 and "200" are one series, as in the Collector. */
static void
put_value(struct otc_buf *key, const struct otc_value *value)
{
    size_t mark = key->len;
    uint32_t len = UINT32_MAX; /* absent */

    if (value->type == OTC_VALUE_STRING) {
        put_part(key, value->as.slice);
        return;
    }
    otc_buf_append(key, &len, sizeof(len));
    if (value->type != OTC_VALUE_ABSENT && otc_value_text(value, key)) {
        len = (uint32_t)(key->len - mark - sizeof(len));
        memcpy(key->data + mark, &len, sizeof(len));
    }
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

void
span_metrics_key_base(const struct span_metrics *stage, const struct span_metrics_seen *seen,
                      struct otc_buf *key)
{
    const struct otc_span *span = seen->span;
    const int32_t numbers[2] = {stage->without_kind ? 0 : span->kind,
                                stage->without_status ? 0 : span->status_code};
    bool sampled = stage->config->enable_metrics_sampling_method && seen->extrapolated;

    otc_buf_clear(key);
    otc_buf_append(key, numbers, sizeof(numbers));
    otc_buf_append_byte(key, sampled);
    if (!stage->without_service) {
        put_part(key, seen->service);
    }
    if (!stage->without_name) {
        put_part(key, span->name);
    }
    if (stage->config->include_instrumentation_scope.n > 0) {
        struct otc_slice scope = scope_of(stage, span);

        put_part(key, scope);
        put_part(key, scope.len ? span->record.scope_version : scope);
    }
}

void
span_metrics_key_add(const struct span_metrics *stage, const struct span_metrics_seen *seen,
                     enum span_metrics_list_of list_of, struct otc_buf *key)
{
    const struct span_metrics_list *list = &stage->lists[list_of];

    for (size_t i = 0; i < list->n_named; i++) {
        struct otc_value scratch;

        put_value(key, value_of(seen, &list->named[i], &scratch));
    }
    if (list->n_globs > 0) {
        struct matches matches;

        find_matches(seen, list, &matches);
        for (size_t i = 0; i < matches.n; i++) {
            put_part(key, matches.items[i].key);
            put_value(key, &matches.items[i].value);
        }
    }
}

/* ---- Attributes ------------------------------------------------------------------------------------ */

struct attributes {
    struct otc_attribute *items;
    size_t n;
};

/* A name that is there already gets the new value. */
static void
put(struct attributes *attributes, struct otc_slice key, struct otc_value value)
{
    size_t at = 0;

    while (at < attributes->n && !otc_slice_equal(attributes->items[at].key, key)) {
        at++;
    }
    attributes->items[at] = (struct otc_attribute){key, value};
    attributes->n += at == attributes->n;
}

static void
put_text(struct attributes *attributes, const char *key, struct otc_slice text)
{
    put(attributes, otc_slice_str(key), (struct otc_value){OTC_VALUE_STRING, {.slice = text}});
}

static struct otc_slice
kind_name(int32_t kind)
{
    static const char *const names[] = {"SPAN_KIND_UNSPECIFIED", "SPAN_KIND_INTERNAL", "SPAN_KIND_SERVER",
                                        "SPAN_KIND_CLIENT",      "SPAN_KIND_PRODUCER", "SPAN_KIND_CONSUMER"};

    return otc_slice_str(kind >= 0 && kind <= 5 ? names[kind] : "");
}

static struct otc_slice
status_name(int32_t code)
{
    static const char *const names[] = {"STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"};

    return otc_slice_str(code >= 0 && code <= 2 ? names[code] : "");
}

static void
put_list(struct attributes *attributes, const struct span_metrics_seen *seen,
         const struct span_metrics_list *list)
{
    struct matches matches;

    for (size_t i = 0; i < list->n_named; i++) {
        struct otc_value scratch;
        const struct otc_value *value = value_of(seen, &list->named[i], &scratch);

        if (value->type != OTC_VALUE_ABSENT) {
            put(attributes, otc_slice_str(list->named[i].config->name), *value);
        }
    }
    find_matches(seen, list, &matches);
    for (size_t i = 0; i < matches.n; i++) {
        put(attributes, matches.items[i].key, matches.items[i].value);
    }
}

size_t
span_metrics_attributes(const struct span_metrics *stage, const struct span_metrics_seen *seen,
                        enum span_metrics_list_of list, struct otc_attribute *out)
{
    const struct otc_span *span = seen->span;
    struct attributes attributes = {out, 0};
    struct otc_slice scope = scope_of(stage, span);

    if (!stage->without_service) {
        put_text(&attributes, "service.name", seen->service);
    }
    if (!stage->without_name) {
        put_text(&attributes, "span.name", span->name);
    }
    if (!stage->without_kind) {
        put_text(&attributes, "span.kind", kind_name(span->kind));
    }
    if (!stage->without_status) {
        put_text(&attributes, "status.code", status_name(span->status_code));
    }
    if (!stage->without_instance) {
        put_text(&attributes, "collector.instance.id", stage->instance_id);
    }
    if (scope.len > 0) {
        put_text(&attributes, "span.instrumentation.scope.name", scope);
    }
    if (scope.len > 0 && span->record.scope_version.len > 0) {
        put_text(&attributes, "span.instrumentation.scope.version", span->record.scope_version);
    }
    if (stage->config->enable_metrics_sampling_method) {
        put_text(&attributes, "sampling.method",
                 otc_slice_str(seen->extrapolated ? "extrapolated" : "counted"));
    }
    put_list(&attributes, seen, &stage->lists[LIST_COMMON]);
    if (list != LIST_COMMON) {
        put_list(&attributes, seen, &stage->lists[list]);
    }
    return attributes.n;
}
