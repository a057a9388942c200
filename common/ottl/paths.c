// SPDX-License-Identifier: Apache-2.0
#include "common/ottl/literals.h"
#include "common/ottl/paths_internal.h"

#include <ctype.h>
#include <stdlib.h>

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

static otc_status
parse_step(struct binding *binding, struct otc_slice text, size_t *at, struct otc_ottl_step *step,
           struct otc_error *err)
{
    otc_status status = OTC_OK;
    size_t digits = 0;

    *step = (struct otc_ottl_step){0};
    (*at)++;
    if (*at < text.len && text.data[*at] == '"') {
        status = otc_ottl_read_text(text, at, binding->texts, &step->key, err);
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
takes_steps(const struct otc_ottl_field *field)
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
        struct otc_ottl_step step;
        otc_status status;

        if (!takes_steps(path->field)) {
            return wrong(*at, "this path takes no brackets", err);
        }
        if (path->n_steps == OTC_OTTL_STEPS_MAX) {
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
    struct otc_ottl_path path = {.field = otc_ottl_field_find(binding->context, name)};
    otc_status status;

    if (name.len == 0) {
        return wrong(*at, "expected a path, a function or a value", err);
    }
    if (!path.field) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "character %zu: \"%.*s\" is no path of the %s context that this build has", *at + 1,
                        OTC_SLICE_ARG(name), otc_ottl_context_name(binding->context));
    }
    *at += name.len;
    status = parse_steps(binding, text, at, &path, err);
    return status == OTC_OK ? add_path(binding->conditions, &path, out, err) : status;
}

static bool
is_id(void *arg, size_t path)
{
    const struct binding *binding = arg;
    const struct otc_ottl_field *field = binding->conditions->paths[path].field;

    return field && field->reading == READ_ID;
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
    const struct otc_condition_language language = {parse_path, parse_function, is_id, constant, &binding};
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
    const struct otc_ottl_field *field = path->field;
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
