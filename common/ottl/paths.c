// SPDX-License-Identifier: Apache-2.0
#include "common/ottl/paths.h"

#include "common/base/buf.h"
#include "common/otlp/value_text.h"
#include "common/otlp/wire.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#define STEPS_MAX 16

/* How a field becomes a value. */
enum reading {
    READ_TEXT,
    READ_INT,   /* varint, as it is */
    READ_INT32, /* varint of an enum or uint32 */
    READ_ZIGZAG,
    READ_FIXED, /* fixed64 as an integer */
    READ_FIXED32,
    READ_DOUBLE, /* of fixed64; absent: nil */
    READ_BOOL,
    READ_ATTRIBUTES,
    READ_ID, /* of `extra` bytes */
    READ_ID_TEXT,
    READ_BODY,
    READ_BODY_TEXT,
    READ_KIND,   /* the kind's name; `extra` 1: the deprecated one */
    READ_INSIDE, /* a varint, `extra` in the message; 0: not there */
    READ_INSIDE_TEXT,
    READ_EVENT_INDEX,
    READ_METRIC_TYPE,
    READ_METRIC_INT,  /* of the metric's data, field `extra` */
    READ_METRIC_BOOL, /* the same */
    READ_VALUE_DOUBLE,
    READ_VALUE_INT,
    READ_OF_POINT, /* a field whose number depends on the type: see `point_fields` */
    READ_ROOT_SPAN,
    READ_HAS_ATTRIBUTE
};

/* The message in which a field lies. */
enum place { IN_RESOURCE_GROUP, IN_RESOURCE, IN_SCOPE_GROUP, IN_SCOPE, IN_ITEM, IN_EVENT, IN_METRIC };

struct field {
    const char *name;
    enum reading reading;
    enum place place;
    uint32_t number;
    uint32_t extra;
};

/* A step into a list or map. */
struct step {
    struct otc_slice key; /* no data: the index */
    int64_t index;
};

struct otc_ottl_path {
    const struct field *field;
    struct field own;        /* of a function */
    struct otc_slice key;    /* of an attribute; no data: all of them */
    struct otc_value wanted; /* of HasAttrOnDatapoint */
    struct step steps[STEPS_MAX];
    size_t n_steps;
};

/* ---- What there is ------------------------------------------------------------------------------ */

static const struct field resource_fields[] = {
    {"attributes", READ_ATTRIBUTES, IN_RESOURCE, 1, 0},
    {"dropped_attributes_count", READ_INT32, IN_RESOURCE, 2, 0},
    {"schema_url", READ_TEXT, IN_RESOURCE_GROUP, 3, 0},
    {NULL, READ_TEXT, IN_RESOURCE, 0, 0},
};

static const struct field scope_fields[] = {
    {"name", READ_TEXT, IN_SCOPE, 1, 0},
    {"version", READ_TEXT, IN_SCOPE, 2, 0},
    {"attributes", READ_ATTRIBUTES, IN_SCOPE, 3, 0},
    {"dropped_attributes_count", READ_INT32, IN_SCOPE, 4, 0},
    {"schema_url", READ_TEXT, IN_SCOPE_GROUP, 3, 0},
    {NULL, READ_TEXT, IN_SCOPE, 0, 0},
};

static const struct field span_fields[] = {
    {"trace_id", READ_ID, IN_ITEM, 1, 16},
    {"trace_id.string", READ_ID_TEXT, IN_ITEM, 1, 16},
    {"span_id", READ_ID, IN_ITEM, 2, 8},
    {"span_id.string", READ_ID_TEXT, IN_ITEM, 2, 8},
    {"parent_span_id", READ_ID, IN_ITEM, 4, 8},
    {"parent_span_id.string", READ_ID_TEXT, IN_ITEM, 4, 8},
    {"trace_state", READ_TEXT, IN_ITEM, 3, 0},
    {"name", READ_TEXT, IN_ITEM, 5, 0},
    {"kind", READ_INT32, IN_ITEM, 6, 0},
    {"kind.string", READ_KIND, IN_ITEM, 6, 0},
    {"kind.deprecated_string", READ_KIND, IN_ITEM, 6, 1},
    {"start_time", READ_FIXED, IN_ITEM, 7, 0},
    {"start_time_unix_nano", READ_FIXED, IN_ITEM, 7, 0},
    {"end_time", READ_FIXED, IN_ITEM, 8, 0},
    {"end_time_unix_nano", READ_FIXED, IN_ITEM, 8, 0},
    {"attributes", READ_ATTRIBUTES, IN_ITEM, 9, 0},
    {"status.code", READ_INSIDE, IN_ITEM, 15, 3},
    {"status.message", READ_INSIDE_TEXT, IN_ITEM, 15, 2},
    {"dropped_attributes_count", READ_INT32, IN_ITEM, 10, 0},
    {"dropped_events_count", READ_INT32, IN_ITEM, 12, 0},
    {"dropped_links_count", READ_INT32, IN_ITEM, 14, 0},
    {"flags", READ_FIXED32, IN_ITEM, 16, 0},
    {NULL, READ_TEXT, IN_ITEM, 0, 0},
};

static const struct field event_fields[] = {
    {"time", READ_FIXED, IN_EVENT, 1, 0},
    {"time_unix_nano", READ_FIXED, IN_EVENT, 1, 0},
    {"name", READ_TEXT, IN_EVENT, 2, 0},
    {"attributes", READ_ATTRIBUTES, IN_EVENT, 3, 0},
    {"dropped_attributes_count", READ_INT32, IN_EVENT, 4, 0},
    {"event_index", READ_EVENT_INDEX, IN_EVENT, 0, 0},
    {NULL, READ_TEXT, IN_EVENT, 0, 0},
};

static const struct field metric_fields[] = {
    {"name", READ_TEXT, IN_METRIC, 1, 0},
    {"description", READ_TEXT, IN_METRIC, 2, 0},
    {"unit", READ_TEXT, IN_METRIC, 3, 0},
    {"type", READ_METRIC_TYPE, IN_METRIC, 0, 0},
    {"aggregation_temporality", READ_METRIC_INT, IN_METRIC, 0, 2},
    {"is_monotonic", READ_METRIC_BOOL, IN_METRIC, 0, 3},
    {NULL, READ_TEXT, IN_METRIC, 0, 0},
};

/* By metric type: nothing, gauge, sum, histogram, exponential histogram, summary; 0: it has none. */
enum point_field { POINT_FLAGS, POINT_COUNT, POINT_SUM, POINT_SCALE, POINT_ZERO_COUNT, POINT_ATTRIBUTES };
static const struct {
    uint8_t numbers[6];
    enum reading reading;
} point_fields[] = {
    [POINT_FLAGS] = {{0, 8, 8, 10, 10, 8}, READ_INT32},
    [POINT_COUNT] = {{0, 0, 0, 4, 4, 4}, READ_FIXED},
    [POINT_SUM] = {{0, 0, 0, 5, 5, 5}, READ_DOUBLE},
    [POINT_SCALE] = {{0, 0, 0, 0, 6, 0}, READ_ZIGZAG},
    [POINT_ZERO_COUNT] = {{0, 0, 0, 0, 7, 0}, READ_FIXED},
    [POINT_ATTRIBUTES] = {{0, 7, 7, 9, 1, 7}, READ_ATTRIBUTES},
};

static const struct field datapoint_fields[] = {
    {"attributes", READ_OF_POINT, IN_ITEM, POINT_ATTRIBUTES, 0},
    {"start_time", READ_FIXED, IN_ITEM, 2, 0},
    {"start_time_unix_nano", READ_FIXED, IN_ITEM, 2, 0},
    {"time", READ_FIXED, IN_ITEM, 3, 0},
    {"time_unix_nano", READ_FIXED, IN_ITEM, 3, 0},
    {"value_double", READ_VALUE_DOUBLE, IN_ITEM, 4, 0},
    {"value_int", READ_VALUE_INT, IN_ITEM, 6, 0},
    {"flags", READ_OF_POINT, IN_ITEM, POINT_FLAGS, 0},
    {"count", READ_OF_POINT, IN_ITEM, POINT_COUNT, 0},
    {"sum", READ_OF_POINT, IN_ITEM, POINT_SUM, 0},
    {"scale", READ_OF_POINT, IN_ITEM, POINT_SCALE, 0},
    {"zero_count", READ_OF_POINT, IN_ITEM, POINT_ZERO_COUNT, 0},
    {NULL, READ_TEXT, IN_ITEM, 0, 0},
};

static const struct field log_fields[] = {
    {"time", READ_FIXED, IN_ITEM, 1, 0},
    {"time_unix_nano", READ_FIXED, IN_ITEM, 1, 0},
    {"observed_time", READ_FIXED, IN_ITEM, 11, 0},
    {"observed_time_unix_nano", READ_FIXED, IN_ITEM, 11, 0},
    {"severity_number", READ_INT32, IN_ITEM, 2, 0},
    {"severity_text", READ_TEXT, IN_ITEM, 3, 0},
    {"body", READ_BODY, IN_ITEM, 5, 0},
    {"body.string", READ_BODY_TEXT, IN_ITEM, 5, 0},
    {"attributes", READ_ATTRIBUTES, IN_ITEM, 6, 0},
    {"dropped_attributes_count", READ_INT32, IN_ITEM, 7, 0},
    {"flags", READ_FIXED32, IN_ITEM, 8, 0},
    {"trace_id", READ_ID, IN_ITEM, 9, 16},
    {"trace_id.string", READ_ID_TEXT, IN_ITEM, 9, 16},
    {"span_id", READ_ID, IN_ITEM, 10, 8},
    {"span_id.string", READ_ID_TEXT, IN_ITEM, 10, 8},
    {"event_name", READ_TEXT, IN_ITEM, 12, 0},
    {NULL, READ_TEXT, IN_ITEM, 0, 0},
};

static const struct {
    const char *name;
    const struct field *fields;
    /* Contexts that may be named in it, by bits. */
    unsigned around;
} contexts[OTC_N_OTTL_CONTEXTS] = {
    [OTC_OTTL_RESOURCE] = {"resource", resource_fields, 1u << OTC_OTTL_RESOURCE},
    [OTC_OTTL_SCOPE] = {"scope", scope_fields, 1u << OTC_OTTL_RESOURCE | 1u << OTC_OTTL_SCOPE},
    [OTC_OTTL_SPAN] = {"span", span_fields,
                       1u << OTC_OTTL_RESOURCE | 1u << OTC_OTTL_SCOPE | 1u << OTC_OTTL_SPAN},
    [OTC_OTTL_SPANEVENT] = {"spanevent", event_fields,
                            1u << OTC_OTTL_RESOURCE | 1u << OTC_OTTL_SCOPE | 1u << OTC_OTTL_SPAN |
                                1u << OTC_OTTL_SPANEVENT},
    [OTC_OTTL_METRIC] = {"metric", metric_fields,
                         1u << OTC_OTTL_RESOURCE | 1u << OTC_OTTL_SCOPE | 1u << OTC_OTTL_METRIC},
    [OTC_OTTL_DATAPOINT] = {"datapoint", datapoint_fields,
                            1u << OTC_OTTL_RESOURCE | 1u << OTC_OTTL_SCOPE | 1u << OTC_OTTL_METRIC |
                                1u << OTC_OTTL_DATAPOINT},
    [OTC_OTTL_LOG] = {"log", log_fields, 1u << OTC_OTTL_RESOURCE | 1u << OTC_OTTL_SCOPE | 1u << OTC_OTTL_LOG},
};

const char *
otc_ottl_context_name(enum otc_ottl_context context)
{
    return contexts[context].name;
}

/* ---- Parsing ------------------------------------------------------------------------------------ */

struct binding {
    struct otc_ottl_conditions *conditions;
    enum otc_ottl_context context;
    struct otc_arena *texts;
};

static otc_status
wrong(size_t at, const char *text, struct otc_error *err)
{
    return otc_fail(err, OTC_INVALID_ARGUMENT, "character %zu: %s", at + 1, text);
}

/* [a-z0-9_.]: the names of a path. */
static struct otc_slice
dotted(struct otc_slice text, size_t at)
{
    size_t end = at;

    while (end < text.len && (islower(text.data[end]) || isdigit(text.data[end]) || text.data[end] == '_' ||
                              text.data[end] == '.')) {
        end++;
    }
    return otc_slice_of(text.data + at, end - at);
}

static const struct field *
find_field(enum otc_ottl_context context, struct otc_slice name)
{
    const struct field *field = contexts[context].fields;

    while (field->name && !otc_slice_equal_str(name, field->name)) {
        field++;
    }
    return field->name ? field : NULL;
}

/* The field of a name with or without a context before it. */
static const struct field *
resolve(enum otc_ottl_context context, struct otc_slice name)
{
    static const struct {
        const char *prefix;
        enum otc_ottl_context context;
    } prefixes[] = {{"resource.", OTC_OTTL_RESOURCE},           {"scope.", OTC_OTTL_SCOPE},
                    {"instrumentation_scope.", OTC_OTTL_SCOPE}, {"span.", OTC_OTTL_SPAN},
                    {"spanevent.", OTC_OTTL_SPANEVENT},         {"metric.", OTC_OTTL_METRIC},
                    {"datapoint.", OTC_OTTL_DATAPOINT},         {"log.", OTC_OTTL_LOG}};

    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        struct otc_slice prefix = otc_slice_str(prefixes[i].prefix);

        if (otc_slice_starts(name, prefix)) {
            return contexts[context].around >> prefixes[i].context & 1
                       ? find_field(prefixes[i].context, otc_slice_skip(name, prefix.len))
                       : NULL;
        }
    }
    return find_field(context, name);
}

/* "key" of a bracket; the escapes of texts. */
static otc_status
parse_key(struct binding *binding, struct otc_slice text, size_t *at, struct otc_slice *out,
          struct otc_error *err)
{
    uint8_t *copy = otc_arena_alloc(binding->texts, text.len + 1);
    size_t len = 0;

    if (!copy) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    for ((*at)++; *at < text.len && text.data[*at] != '"'; (*at)++) {
        if (text.data[*at] == '\\' && *at + 1 < text.len) {
            (*at)++;
        }
        copy[len++] = text.data[*at];
    }
    if (*at == text.len) {
        return wrong(*at, "expected the closing double quote", err);
    }
    (*at)++;
    *out = otc_slice_of(copy, len);
    return OTC_OK;
}

static otc_status
parse_step(struct binding *binding, struct otc_slice text, size_t *at, struct step *step,
           struct otc_error *err)
{
    otc_status status = OTC_OK;
    size_t digits = 0;

    *step = (struct step){0};
    (*at)++;
    if (*at < text.len && text.data[*at] == '"') {
        status = parse_key(binding, text, at, &step->key, err);
    } else {
        for (; *at < text.len && isdigit(text.data[*at]) && digits < 9; digits++, (*at)++) {
            step->index = step->index * 10 + (text.data[*at] - '0');
        }
        if (digits == 0) {
            return wrong(*at, "expected a text in double quotes or an index in the brackets", err);
        }
    }
    if (status == OTC_OK && (*at == text.len || text.data[*at] != ']')) {
        return wrong(*at, "expected \"]\"", err);
    }
    (*at)++;
    return status;
}

static bool
takes_steps(const struct field *field)
{
    return field->reading == READ_ATTRIBUTES || field->reading == READ_BODY ||
           (field->reading == READ_OF_POINT && field->number == POINT_ATTRIBUTES);
}

static otc_status
parse_steps(struct binding *binding, struct otc_slice text, size_t *at, struct otc_ottl_path *path,
            struct otc_error *err)
{
    bool of_attributes = path->field->reading != READ_BODY;

    while (*at < text.len && text.data[*at] == '[') {
        size_t begin = *at;
        struct step step;
        otc_status status;

        if (!takes_steps(path->field)) {
            return wrong(*at, "this path takes no brackets", err);
        }
        if (path->n_steps == STEPS_MAX) {
            return wrong(*at, "more than 16 brackets", err);
        }
        status = parse_step(binding, text, at, &step, err);
        if (status != OTC_OK) {
            return status;
        }
        if (of_attributes && !path->key.data && !step.key.data) {
            return wrong(begin + 1, "expected the attribute's key, in double quotes", err);
        }
        if (of_attributes && !path->key.data) {
            path->key = step.key;
        } else {
            path->steps[path->n_steps++] = step;
        }
    }
    return OTC_OK;
}

static otc_status
add_path(struct otc_ottl_conditions *conditions, const struct otc_ottl_path *path, size_t *out,
         struct otc_error *err)
{
    struct otc_ottl_path *grown = reallocarray(conditions->paths, conditions->n_paths + 1, sizeof(*grown));

    if (!grown) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    conditions->paths = grown;
    grown[conditions->n_paths] = *path;
    *out = conditions->n_paths++;
    return OTC_OK;
}

static otc_status
parse_path(void *arg, struct otc_slice text, size_t *at, size_t *out, struct otc_error *err)
{
    struct binding *binding = arg;
    struct otc_slice name = dotted(text, *at);
    struct otc_ottl_path path = {.field = resolve(binding->context, name)};
    otc_status status;

    if (name.len == 0) {
        return wrong(*at, "expected a path, a function or a value", err);
    }
    if (!path.field) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "character %zu: \"%.*s\" is no path of the %s context that this build has", *at + 1,
                        OTC_SLICE_ARG(name), contexts[binding->context].name);
    }
    *at += name.len;
    status = parse_steps(binding, text, at, &path, err);
    return status == OTC_OK ? add_path(binding->conditions, &path, out, err) : status;
}

static otc_status
parse_function(void *arg, struct otc_slice name, const struct otc_value *arguments, size_t n, size_t *out,
               struct otc_error *err)
{
    struct binding *binding = arg;
    bool has_key = otc_slice_equal_str(name, "HasAttrKeyOnDatapoint");
    struct otc_ottl_path path = {.own = {"", READ_HAS_ATTRIBUTE, IN_METRIC, 0, 0}};

    if (otc_slice_equal_str(name, "IsRootSpan") && binding->context == OTC_OTTL_SPAN && n == 0) {
        path.own.reading = READ_ROOT_SPAN;
        return add_path(binding->conditions, &path, out, err);
    }
    if ((!has_key && !otc_slice_equal_str(name, "HasAttrOnDatapoint")) ||
        binding->context != OTC_OTTL_METRIC) {
        return OTC_NOT_FOUND;
    }
    if (n != (has_key ? 1 : 2) || arguments[0].type != OTC_VALUE_STRING ||
        (!has_key && arguments[1].type != OTC_VALUE_STRING)) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "%.*s takes %s", OTC_SLICE_ARG(name),
                        has_key ? "one text" : "two texts");
    }
    path.key = otc_arena_copy(binding->texts, arguments[0].as.slice);
    if (!has_key) {
        path.wanted = arguments[1];
        path.wanted.as.slice = otc_arena_copy(binding->texts, arguments[1].as.slice);
    }
    return add_path(binding->conditions, &path, out, err);
}

static bool
constant(void *arg, struct otc_slice name, int64_t *out)
{
    static const char *const numbered[][8] = {
        {"SPAN_KIND_", "UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER", NULL},
        {"STATUS_CODE_", "UNSET", "OK", "ERROR", NULL},
        {"METRIC_DATA_TYPE_", "NONE", "GAUGE", "SUM", "HISTOGRAM", "EXPONENTIAL_HISTOGRAM", "SUMMARY", NULL},
        {"AGGREGATION_TEMPORALITY_", "UNSPECIFIED", "DELTA", "CUMULATIVE", NULL},
        {"FLAG_", "NONE", "NO_RECORDED_VALUE", NULL},
    };
    static const char *const severities[] = {"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"};
    const struct otc_slice severity = OTC_SLICE_LIT("SEVERITY_NUMBER_");
    struct otc_slice rest = otc_slice_skip(name, severity.len);

    (void)arg;
    for (size_t i = 0; i < sizeof(numbered) / sizeof(numbered[0]); i++) {
        struct otc_slice prefix = otc_slice_str(numbered[i][0]);

        for (size_t j = 1; otc_slice_starts(name, prefix) && numbered[i][j]; j++) {
            if (otc_slice_equal_str(otc_slice_skip(name, prefix.len), numbered[i][j])) {
                *out = (int64_t)j - 1;
                return true;
            }
        }
    }
    if (!otc_slice_starts(name, severity)) {
        return false;
    }
    *out = 0;
    for (size_t i = 0; i < sizeof(severities) / sizeof(severities[0]); i++) {
        size_t len = strlen(severities[i]);

        if (rest.len >= len && memcmp(rest.data, severities[i], len) == 0 && rest.len <= len + 1) {
            uint8_t step = rest.len > len ? rest.data[len] : '1';

            *out = (int64_t)(4 * i + 1) + step - '1';
            return rest.len == len || (step >= '2' && step <= '4');
        }
    }
    return otc_slice_equal_str(rest, "UNSPECIFIED");
}

static otc_status
add_parsed(struct otc_ottl_conditions *conditions, enum otc_ottl_context context, const char *text,
           bool is_value, struct otc_error *err)
{
    struct binding binding = {conditions, context, &conditions->texts};
    const struct otc_condition_language language = {parse_path, parse_function, constant, &binding};
    struct otc_condition **grown = reallocarray(conditions->items, conditions->n + 1, sizeof(void *));
    otc_status status;

    if (!grown) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    conditions->items = grown;
    if (conditions->texts.limit == 0) {
        otc_arena_init(&conditions->texts, (size_t)1 << 20);
    }
    conditions->context = context;
    status = is_value ? otc_condition_parse_value(text, &language, &grown[conditions->n], err)
                      : otc_condition_parse(text, &language, &grown[conditions->n], err);
    conditions->n += status == OTC_OK;
    return status;
}

otc_status
otc_ottl_conditions_add(struct otc_ottl_conditions *conditions, enum otc_ottl_context context,
                        const char *text, struct otc_error *err)
{
    return add_parsed(conditions, context, text, false, err);
}

otc_status
otc_ottl_conditions_add_value(struct otc_ottl_conditions *conditions, enum otc_ottl_context context,
                              const char *text, struct otc_error *err)
{
    return add_parsed(conditions, context, text, true, err);
}

/* The kind of target that a path is. False: it cannot be written to. */
static bool
target_of(const struct otc_ottl_path *path, enum otc_ottl_context context, struct otc_ottl_target *out)
{
    static const int owners[] = {
        [IN_RESOURCE_GROUP] = -1,    [IN_RESOURCE] = OTC_OTTL_RESOURCE, [IN_SCOPE_GROUP] = -1,
        [IN_SCOPE] = OTC_OTTL_SCOPE, [IN_EVENT] = OTC_OTTL_SPANEVENT,   [IN_METRIC] = OTC_OTTL_METRIC};
    static const int kinds[] = {[READ_TEXT] = OTC_OTTL_TEXT,     [READ_INT32] = OTC_OTTL_VARINT,
                                [READ_FIXED] = OTC_OTTL_FIXED64, [READ_FIXED32] = OTC_OTTL_FIXED32,
                                [READ_INSIDE] = OTC_OTTL_INSIDE, [READ_INSIDE_TEXT] = OTC_OTTL_INSIDE_TEXT,
                                [READ_BODY] = OTC_OTTL_BODY,     [READ_HAS_ATTRIBUTE] = 0};
    const struct field *field = path->field;
    int owner = field->place != IN_ITEM         ? owners[field->place]
                : context == OTC_OTTL_SPANEVENT ? OTC_OTTL_SPAN
                                                : (int)context;

    if (owner < 0 || path->n_steps > 0) {
        return false;
    }
    *out = (struct otc_ottl_target){(enum otc_ottl_target_kind)kinds[field->reading],
                                    (enum otc_ottl_context)owner, field->number, field->extra, path->key};
    if (takes_steps(field) && field->reading != READ_BODY) {
        out->kind = path->key.data ? OTC_OTTL_ATTRIBUTE : OTC_OTTL_ATTRIBUTES;
        return true;
    }
    /* Those of a resource or scope may lie in several pieces; 0 is the kind of attributes. */
    return kinds[field->reading] != 0 && owner != OTC_OTTL_RESOURCE && owner != OTC_OTTL_SCOPE;
}

otc_status
otc_ottl_target_parse(enum otc_ottl_context context, const char *path_text, struct otc_arena *texts,
                      struct otc_ottl_target *out, struct otc_error *err)
{
    struct otc_ottl_conditions paths = {.context = context};
    struct binding binding = {&paths, context, texts};
    struct otc_slice whole = otc_slice_str(path_text);
    size_t at = 0, start, index = 0;
    otc_status status;

    while (at < whole.len && isspace(whole.data[at])) {
        at++;
    }
    start = at;
    status = parse_path(&binding, whole, &at, &index, err);
    while (status == OTC_OK && at < whole.len && isspace(whole.data[at])) {
        at++;
    }
    if (status == OTC_OK && at < whole.len) {
        status = wrong(at, "expected \",\" or \")\"", err);
    }
    if (status == OTC_OK && paths.paths && !target_of(paths.paths, context, out)) {
        status = otc_fail(err, OTC_INVALID_ARGUMENT, "character %zu: \"%.*s\" cannot be set in this build",
                          start + 1, (int)(at - start), path_text + start);
    }
    free(paths.paths);
    return status;
}

void
otc_ottl_conditions_release(struct otc_ottl_conditions *conditions)
{
    for (size_t i = 0; i < conditions->n; i++) {
        otc_condition_free(conditions->items[i]);
    }
    free(conditions->items);
    free(conditions->paths);
    otc_arena_release(&conditions->texts);
    *conditions = (struct otc_ottl_conditions){0};
}

/* ---- Reading ------------------------------------------------------------------------------------ */

struct reading_state {
    const struct otc_ottl_conditions *conditions;
    const struct otc_ottl_subject *subject;
    struct otc_arena *texts;
    struct otc_condition_reader *reader;
};

static const struct otc_value nil = {.type = OTC_VALUE_ABSENT};

static struct otc_value
text(struct otc_slice slice)
{
    return (struct otc_value){OTC_VALUE_STRING, {.slice = slice}};
}

static struct otc_value
integer(int64_t number)
{
    return (struct otc_value){OTC_VALUE_INT, {.integer = number}};
}

enum otc_metric_type
otc_ottl_metric_data(struct otc_slice metric, struct otc_slice *data)
{
    static const uint8_t types[12] = {[5] = OTC_METRIC_GAUGE,
                                      [7] = OTC_METRIC_SUM,
                                      [9] = OTC_METRIC_HISTOGRAM,
                                      [10] = OTC_METRIC_EXPONENTIAL_HISTOGRAM,
                                      [11] = OTC_METRIC_SUMMARY};
    struct otc_wire wire = otc_wire_of(metric);
    struct otc_wire_field field;
    enum otc_metric_type type = OTC_METRIC_NONE;

    *data = OTC_SLICE_NONE;
    while (otc_wire_next(&wire, &field)) {
        if (field.field < 12 && types[field.field] && field.type == OTC_WIRE_BYTES) {
            type = (enum otc_metric_type)types[field.field];
            *data = field.bytes;
        }
    }
    return type;
}

static struct otc_slice
message_of(const struct otc_ottl_subject *subject, enum place place)
{
    switch (place) {
    case IN_RESOURCE_GROUP:
        return subject->resource_group;
    case IN_RESOURCE:
        return subject->resource;
    case IN_SCOPE_GROUP:
        return subject->scope_group;
    case IN_SCOPE:
        return subject->scope;
    case IN_ITEM:
        return subject->item;
    case IN_EVENT:
        return subject->event;
    case IN_METRIC:
        return subject->metric;
    }
    return OTC_SLICE_NONE;
}

/* An attribute; of a key that is there twice the last one. */
static struct otc_value
attribute(struct otc_slice message, uint32_t number, struct otc_slice key)
{
    struct otc_slice found_key;
    struct otc_value value, found = nil;

    while (otc_attributes_next((enum otc_attributes_of)number, &message, &found_key, &value)) {
        if (otc_slice_equal(found_key, key)) {
            found = value;
        }
    }
    return found;
}

/* The step could not be taken: the condition fails. */
static struct otc_value
wrong_step(const struct reading_state *state, const char *why)
{
    if (!state->reader->failed) {
        (void)snprintf(state->reader->why, sizeof(state->reader->why), "%s", why);
    }
    state->reader->failed = true;
    return nil;
}

/* Into a list or map; what is not there leads nowhere, but a text has no members and a list an end. */
static struct otc_value
take_step(const struct reading_state *state, struct otc_value value, const struct step *step)
{
    struct otc_slice rest = value.as.slice;
    struct otc_value element;

    if (value.type == OTC_VALUE_ABSENT) {
        return nil;
    }

    if (value.type == OTC_VALUE_KVLIST && step->key.data) {
        return attribute(value.as.slice, OTC_ATTRIBUTES_KVLIST, step->key);
    }
    if (value.type == OTC_VALUE_ARRAY && !step->key.data) {
        for (int64_t i = 0; otc_array_next(&rest, &element); i++) {
            if (i == step->index) {
                return element;
            }
        }
        return wrong_step(state, "index out of bounds");
    }
    return wrong_step(state, step->key.data ? "a value that is no map does not support string indexing"
                                            : "a value that is no list does not support integer indexing");
}

/* The attributes as a map: the bytes of a KeyValueList, made anew. */
static struct otc_value
all_attributes(const struct reading_state *state, struct otc_slice message, uint32_t number)
{
    OTC_AUTO_BUF struct otc_buf out = {.limit = (size_t)16 << 20};
    struct otc_slice pair;

    while (otc_messages_next(&message, number, &pair)) {
        otc_wire_put_bytes(&out, 1, pair);
    }
    return (struct otc_value){OTC_VALUE_KVLIST, {.slice = otc_arena_copy(state->texts, otc_buf_slice(&out))}};
}

static struct otc_value
read_attribute(const struct reading_state *state, const struct otc_ottl_path *path, struct otc_slice message,
               uint32_t number)
{
    struct otc_value value =
        path->key.data ? attribute(message, number, path->key) : all_attributes(state, message, number);

    for (size_t i = 0; i < path->n_steps; i++) {
        value = take_step(state, value, &path->steps[i]);
    }
    return value;
}

/* A log record's body. Its AnyValue is read as the one element of an array. */
static struct otc_value
read_body(const struct reading_state *state, const struct otc_ottl_path *path, struct otc_slice message)
{
    OTC_AUTO_BUF struct otc_buf made = {.limit = (size_t)16 << 20};
    struct otc_slice rest, body = otc_message_bytes(message, 5);
    struct otc_value value = nil;

    if (!body.data) {
        return nil;
    }
    otc_wire_put_bytes(&made, 1, body);
    rest = otc_arena_copy(state->texts, otc_buf_slice(&made));
    (void)otc_array_next(&rest, &value);
    for (size_t i = 0; i < path->n_steps; i++) {
        value = take_step(state, value, &path->steps[i]);
    }
    return value;
}

static struct otc_value
value_text(const struct reading_state *state, const struct otc_value *value)
{
    OTC_AUTO_BUF struct otc_buf out = {.limit = (size_t)16 << 20};

    if (value->type == OTC_VALUE_STRING) {
        return *value;
    }
    (void)otc_value_text(value, &out);
    return text(otc_arena_copy(state->texts, otc_buf_slice(&out)));
}

/* An unset id is all zeroes. */
static struct otc_value
read_id(const struct reading_state *state, const struct field *field, struct otc_slice id)
{
    static const char digits[] = "0123456789abcdef";
    static const uint8_t zeroes[16];
    uint8_t *hex;

    if (id.len != field->extra) {
        id = otc_slice_of(zeroes, field->extra);
    }
    if (field->reading == READ_ID) {
        return (struct otc_value){OTC_VALUE_BYTES, {.slice = id}};
    }
    hex = otc_arena_alloc(state->texts, 2 * id.len);
    for (size_t i = 0; hex && i < id.len; i++) {
        hex[2 * i] = (uint8_t)digits[id.data[i] >> 4];
        hex[2 * i + 1] = (uint8_t)digits[id.data[i] & 15];
    }
    return text(otc_slice_of(hex, hex ? 2 * id.len : 0));
}

static struct otc_value
read_kind(const struct field *field, uint64_t kind)
{
    static const char *const names[2][6] = {
        {"Unspecified", "Internal", "Server", "Client", "Producer", "Consumer"},
        {"SPAN_KIND_UNSPECIFIED", "SPAN_KIND_INTERNAL", "SPAN_KIND_SERVER", "SPAN_KIND_CLIENT",
         "SPAN_KIND_PRODUCER", "SPAN_KIND_CONSUMER"}};

    return text(otc_slice_str(kind < 6 ? names[field->extra][kind] : ""));
}

static struct otc_value
read_double(struct otc_slice message, uint32_t number)
{
    struct otc_wire wire = otc_wire_of(message);
    struct otc_wire_field field;
    struct otc_value value = nil;

    while (otc_wire_next(&wire, &field)) {
        if (field.field == number && field.type == OTC_WIRE_FIXED64) {
            value = (struct otc_value){OTC_VALUE_DOUBLE, {.real = otc_wire_bits_double(field.number)}};
        }
    }
    return value;
}

/* Of a number point, whichever it holds; 0 of the kind that it has not. */
static struct otc_value
read_point_value(const struct otc_ottl_subject *subject, const struct field *field)
{
    struct otc_wire wire = otc_wire_of(subject->item);
    struct otc_wire_field at;
    struct otc_value value = {.type = field->reading == READ_VALUE_INT ? OTC_VALUE_INT : OTC_VALUE_DOUBLE};

    if (subject->metric_type != OTC_METRIC_GAUGE && subject->metric_type != OTC_METRIC_SUM) {
        return nil;
    }
    while (otc_wire_next(&wire, &at)) {
        if (at.type != OTC_WIRE_FIXED64 || (at.field != 4 && at.field != 6)) {
            continue;
        }
        value.as.integer = 0; /* the zero of a double, too */
        if (at.field == field->number && value.type == OTC_VALUE_INT) {
            value.as.integer = (int64_t)at.number;
        } else if (at.field == field->number) {
            value.as.real = otc_wire_bits_double(at.number);
        }
    }
    return value;
}

/* HasAttrKeyOnDatapoint, HasAttrOnDatapoint */
static bool
has_attribute(const struct otc_ottl_path *path, struct otc_slice metric)
{
    struct otc_slice data, point;
    enum otc_metric_type type = otc_ottl_metric_data(metric, &data);

    while (otc_messages_next(&data, 1, &point)) {
        struct otc_value value = attribute(point, point_fields[POINT_ATTRIBUTES].numbers[type], path->key);

        if (value.type != OTC_VALUE_ABSENT &&
            (path->wanted.type == OTC_VALUE_ABSENT ||
             (value.type == OTC_VALUE_STRING && otc_slice_equal(value.as.slice, path->wanted.as.slice)))) {
            return true;
        }
    }
    return false;
}

static struct otc_value read_field(const struct reading_state *state, const struct otc_ottl_path *path,
                                   const struct field *field);

/* A field of a data point whose number depends on the metric's type. */
static struct otc_value
read_of_point(const struct reading_state *state, const struct otc_ottl_path *path, const struct field *field)
{
    uint32_t number = point_fields[field->number].numbers[state->subject->metric_type];
    const struct field real = {"", point_fields[field->number].reading, IN_ITEM, number, 0};

    return number == 0 ? nil : read_field(state, path, &real);
}

static struct otc_value
read_metric(const struct otc_ottl_subject *subject, const struct field *field)
{
    struct otc_slice data;
    enum otc_metric_type type = otc_ottl_metric_data(subject->metric, &data);

    if (field->reading == READ_METRIC_TYPE) {
        return integer((int64_t)type);
    }
    if (field->reading == READ_METRIC_BOOL) {
        return type == OTC_METRIC_SUM
                   ? (struct otc_value){OTC_VALUE_BOOL,
                                        {.boolean = otc_message_scalar(data, field->extra, 0) != 0}}
                   : nil;
    }
    return type == OTC_METRIC_SUM || type == OTC_METRIC_HISTOGRAM || type == OTC_METRIC_EXPONENTIAL_HISTOGRAM
               ? integer((int64_t)otc_message_scalar(data, field->extra, 0))
               : nil;
}

static struct otc_value
read_field(const struct reading_state *state, const struct otc_ottl_path *path, const struct field *field)
{
    struct otc_slice message = message_of(state->subject, field->place);
    struct otc_value body;
    uint64_t number;

    switch (field->reading) {
    case READ_TEXT:
        return text(otc_message_bytes(message, field->number));
    case READ_INT:
    case READ_FIXED:
    case READ_FIXED32:
        return integer((int64_t)otc_message_scalar(message, field->number, 0));
    case READ_INT32:
        return integer((int32_t)otc_message_scalar(message, field->number, 0));
    case READ_ZIGZAG:
        number = otc_message_scalar(message, field->number, 0);
        return integer((int64_t)(number >> 1) ^ -(int64_t)(number & 1));
    case READ_DOUBLE:
        return read_double(message, field->number);
    case READ_BOOL:
        return (struct otc_value){OTC_VALUE_BOOL,
                                  {.boolean = otc_message_scalar(message, field->number, 0) != 0}};
    case READ_ATTRIBUTES:
        return read_attribute(state, path, message, field->number);
    case READ_ID:
    case READ_ID_TEXT:
        return read_id(state, field, otc_message_bytes(message, field->number));
    case READ_BODY:
        return read_body(state, path, message);
    case READ_BODY_TEXT:
        body = read_body(state, path, message);
        return value_text(state, &body);
    case READ_KIND:
        return read_kind(field, otc_message_scalar(message, field->number, 0));
    case READ_INSIDE:
        return integer(
            (int32_t)otc_message_scalar(otc_message_bytes(message, field->number), field->extra, 0));
    case READ_INSIDE_TEXT:
        return text(otc_message_bytes(otc_message_bytes(message, field->number), field->extra));
    case READ_EVENT_INDEX:
        return integer(state->subject->event_index);
    case READ_METRIC_TYPE:
    case READ_METRIC_INT:
    case READ_METRIC_BOOL:
        return read_metric(state->subject, field);
    case READ_VALUE_DOUBLE:
    case READ_VALUE_INT:
        return read_point_value(state->subject, field);
    case READ_OF_POINT:
        return read_of_point(state, path, field);
    case READ_ROOT_SPAN:
        return (struct otc_value){OTC_VALUE_BOOL,
                                  {.boolean = otc_message_bytes(state->subject->item, 4).len == 0}};
    case READ_HAS_ATTRIBUTE:
        return (struct otc_value){OTC_VALUE_BOOL, {.boolean = has_attribute(path, message)}};
    }
    return nil;
}

static struct otc_value
read_path(void *arg, size_t index)
{
    const struct reading_state *state = arg;
    const struct otc_ottl_path *path = &state->conditions->paths[index];

    return read_field(state, path, path->field ? path->field : &path->own);
}

enum otc_ottl_answer
otc_ottl_any_holds(const struct otc_ottl_conditions *conditions, const struct otc_ottl_subject *subject,
                   struct otc_arena *texts, char why[160])
{
    struct reading_state state = {conditions, subject, texts, NULL};
    struct otc_condition_reader reader = {.read = read_path, .arg = &state, .texts = texts};
    enum otc_ottl_answer answer = OTC_OTTL_NONE_HOLDS;

    state.reader = &reader;
    for (size_t i = 0; i < conditions->n; i++) {
        if (otc_condition_holds(conditions->items[i], &reader)) {
            return OTC_OTTL_ONE_HOLDS;
        }
        if (reader.failed) {
            (void)snprintf(why, 160, "%s", reader.why);
            answer = OTC_OTTL_FAILED;
        }
    }
    return answer;
}

bool
otc_ottl_is_literal(const struct otc_ottl_conditions *values, size_t i)
{
    return otc_condition_is_literal(values->items[i]);
}

bool
otc_ottl_value(const struct otc_ottl_conditions *values, size_t i, const struct otc_ottl_subject *subject,
               struct otc_arena *texts, struct otc_value *out, char why[160])
{
    struct reading_state state = {values, subject, texts, NULL};
    struct otc_condition_reader reader = {.read = read_path, .arg = &state, .texts = texts};

    state.reader = &reader;
    if (!otc_condition_value(values->items[i], &reader, out)) {
        (void)snprintf(why, 160, "%s", reader.why);
        return false;
    }
    return true;
}
