// SPDX-License-Identifier: Apache-2.0
#include "common/analysis/metric_features.h"

#include "common/analysis/features.h"
#include "common/analysis/metric_presets.h"
#include "common/base/map.h"
#include "common/base/number.h"

#include <math.h>

/** Names of one metric, and conditions of one expression. */
#define MAX_NAMES 8
#define MAX_CONDITIONS 16

#define FORMS                                                                                                \
    "metric[\"name\"], rate(metric[\"name\"]), increase(metric[\"name\"]) or metric[\"a\"] / "               \
    "metric[\"b\"], "                                                                                        \
    "then `* number`, then `where attributes[\"key\"] == \"text\"` (!=, nil, and, or)"

struct otc_metric_set {
    struct otc_metric_feature *features;
    size_t n, capacity;
    struct otc_map *uses; /* name to the first struct otc_metric_use */
    struct otc_wanted *wanted;
    size_t n_wanted;
};

/** An expression as it is read. */
struct parse {
    struct otc_slice rest;
    struct otc_slice names[2][MAX_NAMES];
    size_t n_names[2];
    struct otc_metric_feature feature;
    struct otc_metric_condition conditions[MAX_CONDITIONS];
    struct otc_wanted keys[MAX_CONDITIONS]; /* keys as slices below */
    struct otc_slice key_texts[MAX_CONDITIONS];
    /** What would be right where reading ended. */
    const char *expected;
};

bool
otc_is_metric_expression(const char *from)
{
    return from &&
           (strstr(from, "metric[") || strncmp(from, "rate(", 5) == 0 || strncmp(from, "increase(", 9) == 0);
}

bool
otc_is_metric_preset(const char *name)
{
    for (const struct otc_metric_preset_feature *f = otc_metric_preset_features; f->preset; f++) {
        if (strcmp(f->preset, name) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- Reading an expression ------------------------------------------------------------------------ */

static void
skip_blanks(struct parse *p)
{
    while (p->rest.len > 0 &&
           (p->rest.data[0] == ' ' || p->rest.data[0] == '\t' || p->rest.data[0] == '\n')) {
        p->rest = otc_slice_skip(p->rest, 1);
    }
}

/* Takes `text` if it comes next. */
static bool
accept(struct parse *p, const char *text)
{
    skip_blanks(p);
    if (!otc_slice_starts(p->rest, otc_slice_str(text))) {
        return false;
    }
    p->rest = otc_slice_skip(p->rest, strlen(text));
    return true;
}

static bool
need(struct parse *p, const char *text, const char *expected)
{
    p->expected = expected;
    return accept(p, text);
}

static bool
quoted(struct parse *p, struct otc_slice *out)
{
    const uint8_t *end;

    if (!need(p, "\"", "a text in double quotes")) {
        return false;
    }
    end = p->rest.len > 0 ? memchr(p->rest.data, '"', p->rest.len) : NULL;
    if (!end || end == p->rest.data) {
        return false;
    }
    *out = otc_slice_of(p->rest.data, (size_t)(end - p->rest.data));
    p->rest = otc_slice_skip(p->rest, out->len + 1);
    return true;
}

static bool
read_metric(struct parse *p, unsigned part)
{
    static const char *const functions[] = {"rate(", "increase("};
    bool wrapped = false;

    for (size_t i = 0; i < 2 && !wrapped; i++) {
        wrapped = accept(p, functions[i]);
        if (wrapped) {
            p->feature.reading = i == 0 ? OTC_METRIC_RATE : OTC_METRIC_INCREASE;
        }
    }
    if (!need(p, "metric[", "metric[\"name\"]")) {
        return false;
    }
    do {
        p->expected = "at most 8 names";
        if (p->n_names[part] == MAX_NAMES || !quoted(p, &p->names[part][p->n_names[part]])) {
            return false;
        }
        p->n_names[part]++;
    } while (accept(p, ","));
    return need(p, "]", "`]` or `, \"another name\"`") && (!wrapped || need(p, ")", "`)`"));
}

static bool
read_factor(struct parse *p)
{
    size_t n = 0;

    p->expected = "a number above 0";
    skip_blanks(p);
    while (n < p->rest.len && strchr("0123456789.eE+-", p->rest.data[n])) {
        n++;
    }
    if (!otc_parse_double(otc_slice_of(p->rest.data, n), &p->feature.factor) || !(p->feature.factor > 0) ||
        !isfinite(p->feature.factor)) {
        return false;
    }
    p->rest = otc_slice_skip(p->rest, n);
    return true;
}

static bool
read_level(struct parse *p, enum otc_attribute_level *level)
{
    static const struct {
        const char *prefix;
        enum otc_attribute_level level;
    } forms[] = {{"attributes[", OTC_AT_RECORD},
                 {"datapoint.attributes[", OTC_AT_RECORD},
                 {"resource.attributes[", OTC_AT_RESOURCE},
                 {"scope.attributes[", OTC_AT_SCOPE},
                 {"instrumentation_scope.attributes[", OTC_AT_SCOPE}};

    p->expected = "attributes[\"key\"], resource.attributes[\"key\"] or scope.attributes[\"key\"]";
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        if (accept(p, forms[i].prefix)) {
            *level = forms[i].level;
            return true;
        }
    }
    return false;
}

static bool
read_condition(struct parse *p, bool begins)
{
    size_t at = p->feature.n_conditions;
    struct otc_metric_condition *condition = &p->conditions[at];

    p->expected = "at most 16 conditions";
    if (at == MAX_CONDITIONS || !read_level(p, &p->keys[at].level) || !quoted(p, &p->key_texts[at]) ||
        !need(p, "]", "`]`")) {
        return false;
    }
    *condition = (struct otc_metric_condition){.begins = begins, .differs = accept(p, "!=")};
    if (!condition->differs && !need(p, "==", "`==` or `!=`")) {
        return false;
    }
    condition->is_nil = accept(p, "nil");
    p->feature.n_conditions++;
    return condition->is_nil || quoted(p, &condition->text);
}

static bool
read_conditions(struct parse *p)
{
    bool begins = true;

    for (;;) {
        if (!read_condition(p, begins)) {
            return false;
        }
        if (accept(p, "and ")) {
            begins = false;
        } else if (accept(p, "or ")) {
            begins = true;
        } else {
            return true;
        }
    }
}

static bool
read_expression(struct parse *p)
{
    p->feature.factor = 1;
    if (!read_metric(p, 0)) {
        return false;
    }
    if (accept(p, "/")) {
        if (!read_metric(p, 1)) {
            return false;
        }
        p->feature.reading = OTC_METRIC_RATIO;
    }
    if (accept(p, "*") && !read_factor(p)) {
        return false;
    }
    if (accept(p, "where ") && !read_conditions(p)) {
        return false;
    }
    skip_blanks(p);
    p->expected = p->feature.n_conditions ? "`and`, `or` or the end" : "`/`, `*`, `where` or the end";
    return p->rest.len == 0;
}

/* ---- The set -------------------------------------------------------------------------------------- */

static otc_status
no_memory(struct otc_error *err)
{
    return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "features: out of memory");
}

static void
drop_uses(void *value)
{
    const struct otc_metric_use *use = value;

    while (use) {
        const struct otc_metric_use *next = use->next;

        free((void *)(uintptr_t)use);
        use = next;
    }
}

void
otc_metric_set_free(struct otc_metric_set *set)
{
    if (!set) {
        return;
    }
    for (size_t i = 0; i < set->n; i++) {
        free(set->features[i].conditions);
    }
    for (size_t i = 0; i < set->n_wanted; i++) {
        free((void *)(uintptr_t)set->wanted[i].key);
    }
    otc_map_free(set->uses, drop_uses);
    free(set->wanted);
    free(set->features);
    free(set);
}

/* The place of an attribute in the projection, SIZE_MAX out of memory. */
static size_t
want(struct otc_metric_set *set, struct otc_slice key, enum otc_attribute_level level)
{
    struct otc_wanted *grown;
    char *text;

    for (size_t i = 0; i < set->n_wanted; i++) {
        if (set->wanted[i].level == level && otc_slice_equal_str(key, set->wanted[i].key)) {
            return i;
        }
    }
    grown = reallocarray(set->wanted, set->n_wanted + 1, sizeof(*grown));
    if (!grown) {
        return SIZE_MAX;
    }
    set->wanted = grown;
    text = strndup((const char *)key.data, key.len);
    if (!text) {
        return SIZE_MAX;
    }
    set->wanted[set->n_wanted] = (struct otc_wanted){.key = text, .level = level};
    return set->n_wanted++;
}

/* Uses of one name stand in the order of the features. */
static bool
add_use(struct otc_metric_set *set, struct otc_slice name, unsigned part, unsigned rank)
{
    struct otc_metric_use *use = calloc(1, sizeof(*use));
    struct otc_metric_use *last = otc_map_get(set->uses, name);

    if (!use) {
        return false;
    }
    *use = (struct otc_metric_use){.feature = set->n, .part = part, .rank = rank};
    if (!last) {
        if (!otc_map_put(set->uses, name, use)) {
            free(use);
            return false;
        }
        return true;
    }
    while (last->next) {
        last = (struct otc_metric_use *)(uintptr_t)last->next;
    }
    last->next = use;
    return true;
}

/* Room for one more feature. */
static bool
grow(struct otc_metric_set *set)
{
    size_t capacity = set->capacity ? set->capacity * 2 : 16;
    struct otc_metric_feature *features;

    if (set->n < set->capacity) {
        return true;
    }
    features = reallocarray(set->features, capacity, sizeof(*features));
    if (!features) {
        return false;
    }
    set->features = features;
    set->capacity = capacity;
    return true;
}

static bool
add_feature(struct otc_metric_set *set, const struct parse *p)
{
    struct otc_metric_feature *feature;
    size_t n = p->feature.n_conditions;

    if (!grow(set)) {
        return false;
    }
    for (unsigned part = 0; part < 2; part++) {
        for (unsigned rank = 0; rank < p->n_names[part]; rank++) {
            if (!add_use(set, p->names[part][rank], part, rank)) {
                return false;
            }
        }
    }
    feature = &set->features[set->n++];
    *feature = p->feature;
    feature->alternatives = p->n_names[0] > 1 || p->n_names[1] > 1;
    feature->conditions = calloc(n + 1, sizeof(*feature->conditions));
    for (size_t i = 0; feature->conditions && i < n; i++) {
        feature->conditions[i] = p->conditions[i];
        feature->conditions[i].wanted = want(set, p->key_texts[i], p->keys[i].level);
        if (feature->conditions[i].wanted == SIZE_MAX) {
            return false;
        }
    }
    return feature->conditions != NULL;
}

static otc_status
add(struct otc_metric_set *set, const char *name, enum otc_feature_kind kind, const char *from,
    struct otc_error *err)
{
    struct parse p = {.rest = otc_slice_str(from),
                      .feature = {.name = otc_slice_str(name), .kind = kind, .origin = from}};

    if (!read_expression(&p)) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "features::from: '%s' (feature '%s'): expected %s at '%.*s'; forms: " FORMS, from,
                        name, p.expected, OTC_SLICE_ARG(p.rest));
    }
    return add_feature(set, &p) ? OTC_OK : no_memory(err);
}

static otc_status
add_explicit(struct otc_metric_set *set, const struct otc_feature_config *config, struct otc_error *err)
{
    enum otc_feature_kind kind;

    if (!otc_is_metric_expression(config->from)) {
        return OTC_OK;
    }
    if (!config->name || !config->name[0]) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "features::name: must not be empty");
    }
    if (config->type.index != OTC_NUMERIC) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "features::type: '%s' is a metric, whose values are numbers: leave `type` out",
                        config->name);
    }
    kind = config->kind.index > 0 ? (enum otc_feature_kind)(config->kind.index - 1) : OTC_KIND_INPUT;
    if (otc_metric_set_named(set, otc_slice_str(config->name), kind) != SIZE_MAX) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "features::name: '%s' is named twice", config->name);
    }
    return add(set, config->name, kind, config->from, err);
}

static otc_status
add_preset(struct otc_metric_set *set, const char *preset, size_t n_explicit, struct otc_error *err)
{
    otc_status status = OTC_OK;

    for (const struct otc_metric_preset_feature *f = otc_metric_preset_features;
         f->preset && status == OTC_OK; f++) {
        size_t known = otc_metric_set_named(set, otc_slice_str(f->name), f->kind);

        if (strcmp(f->preset, preset) == 0 && (known == SIZE_MAX || known >= n_explicit)) {
            status = add(set, f->name, f->kind, f->from, err);
        }
    }
    return status;
}

/* Two presets may have features of one name and kind (`request_duration` of Triton and TGI). */
static otc_status
check_names(const struct otc_metric_set *set, struct otc_error *err)
{
    for (size_t i = 0; i < set->n; i++) {
        for (size_t j = 0; j < i; j++) {
            if (otc_slice_equal(set->features[i].name, set->features[j].name) &&
                set->features[i].kind == set->features[j].kind) {
                return otc_fail(
                    err, OTC_INVALID_ARGUMENT,
                    "presets: two of them have a feature '%.*s'; give each a connector of its own "
                    "(drift/a, drift/b)",
                    OTC_SLICE_ARG(set->features[i].name));
            }
        }
    }
    return OTC_OK;
}

static otc_status
fill(struct otc_metric_set *set, const otc_strings *presets, const otc_list *features, struct otc_error *err)
{
    otc_status status = OTC_OK;
    size_t n_explicit;

    for (size_t i = 0; features && i < features->n && status == OTC_OK; i++) {
        status = add_explicit(set, (const struct otc_feature_config *)features->items + i, err);
    }
    n_explicit = set->n;
    for (size_t i = 0; presets && i < presets->n && status == OTC_OK; i++) {
        bool again = false;

        for (size_t j = 0; j < i; j++) {
            again = again || strcmp(presets->items[i], presets->items[j]) == 0;
        }
        status = again
                     ? otc_fail(err, OTC_INVALID_ARGUMENT, "presets: '%s' is named twice", presets->items[i])
                     : add_preset(set, presets->items[i], n_explicit, err);
    }
    return status == OTC_OK ? check_names(set, err) : status;
}

otc_status
otc_metric_set_new(const otc_strings *presets, const otc_list *features, struct otc_metric_set **out,
                   struct otc_error *err)
{
    struct otc_metric_set *set = calloc(1, sizeof(*set));
    otc_status status;

    *out = NULL;
    if (!set || !(set->uses = otc_map_new(4096))) {
        free(set);
        return no_memory(err);
    }
    status = fill(set, presets, features, err);
    if (status != OTC_OK || set->n == 0) {
        otc_metric_set_free(set);
        return status;
    }
    *out = set;
    return OTC_OK;
}

size_t
otc_metric_set_count(const struct otc_metric_set *set)
{
    return set ? set->n : 0;
}

const struct otc_metric_feature *
otc_metric_set_at(const struct otc_metric_set *set, size_t index)
{
    return &set->features[index];
}

size_t
otc_metric_set_named(const struct otc_metric_set *set, struct otc_slice name, enum otc_feature_kind kind)
{
    size_t by_name = SIZE_MAX;

    for (size_t i = 0; set && i < set->n; i++) {
        if (otc_slice_equal(set->features[i].name, name)) {
            if (set->features[i].kind == kind) {
                return i;
            }
            by_name = by_name == SIZE_MAX ? i : by_name;
        }
    }
    return by_name;
}

const struct otc_metric_use *
otc_metric_set_find(const struct otc_metric_set *set, struct otc_slice metric)
{
    return set ? otc_map_get(set->uses, metric) : NULL;
}

size_t
otc_metric_set_most_uses(const struct otc_metric_set *set)
{
    struct otc_slice name;
    size_t cursor = 0, most = 0;
    void *first;

    while (set && otc_map_next(set->uses, &cursor, &name, &first)) {
        size_t n = 0;

        for (const struct otc_metric_use *use = first; use; use = use->next) {
            n++;
        }
        most = n > most ? n : most;
    }
    return most;
}

size_t
otc_metric_set_wanted(const struct otc_metric_set *set, struct otc_wanted *out)
{
    if (out && set && set->n_wanted > 0) {
        memcpy(out, set->wanted, set->n_wanted * sizeof(*out));
    }
    return set ? set->n_wanted : 0;
}

static bool
holds(const struct otc_metric_condition *condition, const struct otc_value *value)
{
    char scratch[32];
    struct otc_slice text = OTC_SLICE_NONE;
    bool equal;

    if (condition->is_nil) {
        equal = value->type == OTC_VALUE_ABSENT;
    } else {
        equal = value->type != OTC_VALUE_ABSENT &&
                otc_value_category(value, scratch, &text) == OTC_CLASS_VALUE &&
                otc_slice_equal(text, condition->text);
    }
    return equal != condition->differs;
}

bool
otc_metric_feature_applies(const struct otc_metric_feature *feature, const struct otc_value *values)
{
    bool group = feature->n_conditions == 0;

    for (size_t i = 0; i < feature->n_conditions; i++) {
        const struct otc_metric_condition *condition = &feature->conditions[i];

        if (condition->begins && i > 0 && group) {
            return true;
        }
        group = (condition->begins || group) && holds(condition, &values[condition->wanted]);
    }
    return group;
}
