// SPDX-License-Identifier: Apache-2.0
#include "common/transform/actions_impl.h"

#include <stdlib.h>
#include <strings.h>

static const struct otc_field fields[] = {
    OTC_FIELD(otc_action_settings, key, .def = "", .doc = "The attribute to act upon."),
    OTC_FIELD(otc_action_settings, action, .def = "",
              .doc = "`insert` where the key is absent, `update` where it is there, `upsert` in both cases, "
                     "`delete`, `hash` (SHA-256 of the value, in hex), `extract` the named groups of "
                     "`pattern`, `convert` to `converted_type`."),
    OTC_FIELD_VALUE(otc_action_settings, value,
                    .doc = "insert, update, upsert: the value, of any type. Or one of the next two."),
    OTC_FIELD_VALUE(otc_action_settings, default_value,
                    .doc = "insert, update, upsert: the value where `from_attribute` or `from_context` finds "
                           "none, or where neither is set."),
    OTC_FIELD(otc_action_settings, from_attribute, .def = "",
              .doc = "The value of this attribute; without it nothing happens but for `default_value`."),
    OTC_FIELD(
        otc_action_settings, from_context, .def = "",
        .doc =
            "`metadata.<header>` (several values joined by `;`), `auth.<attribute>` or "
            "`client.address`; without it nothing happens but for `default_value`. Needs `include_metadata` "
            "on the receiver."),
    OTC_FIELD(otc_action_settings, pattern, .def = "",
              .doc = "RE2 expression. extract: read the value of `key`, each named group becomes an "
                     "attribute. delete, hash: act upon every key in which it is found."),
    OTC_FIELD(otc_action_settings, converted_type, .def = "",
              .doc = "convert: `int`, `double` or `string`. What cannot be converted stays as it is."),
    OTC_FIELD_END,
};

const struct otc_schema otc_action_schema =
    OTC_SCHEMA(otc_action_settings, fields, "One change of attributes.");

static const char *const words[] = {
#define OTC_ACTION_WORD(name, word) word,
    OTC_ACTION_MAP(OTC_ACTION_WORD)
#undef OTC_ACTION_WORD
};

static bool
is_set(const char *text)
{
    return text && *text;
}

static unsigned
value_sources(const struct otc_action_settings *settings)
{
    return (unsigned)(settings->value.value.type != OTC_VALUE_ABSENT) + is_set(settings->from_attribute) +
           is_set(settings->from_context);
}

#define REFUSE(...) otc_fail(err, OTC_INVALID_ARGUMENT, "error creating AttrProc" __VA_ARGS__)

static otc_status
find_kind(const struct otc_action_settings *settings, size_t i, enum otc_action_kind *kind,
          struct otc_error *err)
{
    bool may_match;

    for (*kind = 0; *kind < OTC_N_ACTIONS; (*kind)++) {
        if (strcasecmp(settings->action, words[*kind]) == 0) {
            break;
        }
    }
    may_match = *kind == OTC_ACTION_DELETE || *kind == OTC_ACTION_HASH;
    if (may_match && !is_set(settings->key) && !is_set(settings->pattern)) {
        return REFUSE(" due to missing required field (at least one of \"key\" and \"pattern\" have to be "
                      "used) at the %zu-th actions",
                      i);
    }
    if (!may_match && !is_set(settings->key)) {
        return REFUSE(" due to missing required field \"key\" at the %zu-th actions", i);
    }
    if (*kind == OTC_N_ACTIONS) {
        return REFUSE(" due to unsupported action \"%s\" at the %zu-th actions", settings->action, i);
    }
    return OTC_OK;
}

static otc_status
unused(const struct otc_action_settings *settings, const char *field, size_t i, struct otc_error *err)
{
    return REFUSE(
        ". Action \"%s\" does not use the \"%s\" field. This must not be specified for %zu-th action",
        settings->action, field, i);
}

static otc_status
compile_pattern(const struct otc_action_settings *settings, struct otc_action *action, size_t i,
                struct otc_error *err)
{
    struct otc_error why = OTC_ERROR_INIT;
    otc_status status = otc_regex_new(settings->pattern, &action->regex, &why);

    return status == OTC_OK
               ? OTC_OK
               : REFUSE(". Field \"pattern\" has invalid pattern: \"%s\" to be set at the %zu-th "
                        "actions: %s",
                        settings->pattern, i, why.text);
}

static otc_status
read_setter(const struct otc_action_settings *settings, struct otc_action *action, size_t i,
            struct otc_error *err)
{
    unsigned n = value_sources(settings);

    if (n == 0 && settings->default_value.value.type == OTC_VALUE_ABSENT) {
        return REFUSE(
            ". Either field \"value\", \"from_attribute\", \"from_context\", or \"default_value\" must be "
            "specified for %zu-th action",
            i);
    }
    if (n > 1) {
        return REFUSE(" due to multiple value sources being set at the %zu-th actions", i);
    }
    if (is_set(settings->pattern)) {
        return unused(settings, "pattern", i, err);
    }
    if (is_set(settings->converted_type)) {
        return unused(settings, "converted_type", i, err);
    }
    action->value = settings->value.value;
    action->default_value = settings->default_value.value;
    if (is_set(settings->from_attribute)) {
        action->from_attribute = otc_slice_str(settings->from_attribute);
    }
    if (is_set(settings->from_context)) {
        action->from_context = otc_slice_str(settings->from_context);
    }
    return OTC_OK;
}

static otc_status
read_matcher(const struct otc_action_settings *settings, struct otc_action *action, size_t i,
             struct otc_error *err)
{
    if (settings->value.value.type != OTC_VALUE_ABSENT || is_set(settings->from_attribute)) {
        return REFUSE(". Action \"%s\" does not use \"value\" or \"from_attribute\" field. These must not be "
                      "specified for %zu-th action",
                      settings->action, i);
    }
    if (is_set(settings->converted_type)) {
        return unused(settings, "converted_type", i, err);
    }
    return is_set(settings->pattern) ? compile_pattern(settings, action, i, err) : OTC_OK;
}

static otc_status
check_groups(const struct otc_regex *regex, size_t i, struct otc_error *err)
{
    size_t n = otc_regex_groups(regex);

    if (n == 0) {
        return REFUSE(". Field \"pattern\" contains no named matcher groups at the %zu-th actions", i);
    }
    if (n > OTC_REGEX_GROUPS_MAX) {
        return REFUSE(". Field \"pattern\" contains %zu matcher groups, more than %d, at the %zu-th actions",
                      n, OTC_REGEX_GROUPS_MAX, i);
    }
    for (size_t group = 1; group <= n; group++) {
        if (!otc_regex_group_name(regex, group)) {
            return REFUSE(". Field \"pattern\" contains at least one unnamed matcher group at the %zu-th "
                          "actions",
                          i);
        }
    }
    return OTC_OK;
}

static otc_status
read_extract(const struct otc_action_settings *settings, struct otc_action *action, size_t i,
             struct otc_error *err)
{
    otc_status status;

    if (value_sources(settings) > 0) {
        return REFUSE(". Action \"%s\" does not use a value source field. These must not be specified for "
                      "%zu-th action",
                      settings->action, i);
    }
    if (!is_set(settings->pattern)) {
        return REFUSE(" due to missing required field \"pattern\" for action \"%s\" at the %zu-th action",
                      settings->action, i);
    }
    if (is_set(settings->converted_type)) {
        return unused(settings, "converted_type", i, err);
    }
    status = compile_pattern(settings, action, i, err);
    return status == OTC_OK ? check_groups(action->regex, i, err) : status;
}

static otc_status
read_convert(const struct otc_action_settings *settings, struct otc_action *action, size_t i,
             struct otc_error *err)
{
    static const char *const targets[] = {"string", "int", "double"};

    if (value_sources(settings) > 0 || is_set(settings->pattern)) {
        return REFUSE(". Action \"%s\" does not use value sources or \"pattern\" field. These must not be "
                      "specified for %zu-th action",
                      settings->action, i);
    }
    if (!is_set(settings->converted_type)) {
        return REFUSE(" due to missing required field \"converted_type\" for action \"%s\" at the %zu-th "
                      "action",
                      settings->action, i);
    }
    for (size_t target = 0; target < sizeof(targets) / sizeof(targets[0]); target++) {
        if (strcmp(settings->converted_type, targets[target]) == 0) {
            action->target = (enum otc_action_target)target;
            return OTC_OK;
        }
    }
    return REFUSE(" due to invalid value \"%s\" in field \"converted_type\" for action \"%s\" at the %zu-th "
                  "action",
                  settings->converted_type, settings->action, i);
}

static otc_status
compile(const struct otc_action_settings *settings, struct otc_action *action, size_t i,
        struct otc_error *err)
{
    otc_status status = find_kind(settings, i, &action->kind, err);

    if (status != OTC_OK) {
        return status;
    }
    if (is_set(settings->key)) {
        action->key = otc_slice_str(settings->key);
    }
    switch (action->kind) {
    case OTC_ACTION_INSERT:
    case OTC_ACTION_UPDATE:
    case OTC_ACTION_UPSERT:
        return read_setter(settings, action, i, err);
    case OTC_ACTION_DELETE:
    case OTC_ACTION_HASH:
        return read_matcher(settings, action, i, err);
    case OTC_ACTION_EXTRACT:
        return read_extract(settings, action, i, err);
    case OTC_ACTION_CONVERT:
        return read_convert(settings, action, i, err);
    case OTC_N_ACTIONS:
        break;
    }
    return OTC_INTERNAL;
}

otc_status
otc_actions_new(const otc_list *settings, struct otc_actions **out, struct otc_error *err)
{
    const struct otc_action_settings *items = settings->items;
    struct otc_actions *actions = calloc(1, sizeof(*actions) + settings->n * sizeof(actions->items[0]));

    if (!actions) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    actions->n = settings->n;
    for (size_t i = 0; i < settings->n; i++) {
        otc_status status = compile(&items[i], &actions->items[i], i, err);

        if (status != OTC_OK) {
            otc_actions_free(actions);
            return status;
        }
    }
    *out = actions;
    return OTC_OK;
}

void
otc_actions_free(struct otc_actions *actions)
{
    for (size_t i = 0; actions && i < actions->n; i++) {
        otc_regex_free(actions->items[i].regex);
    }
    free(actions);
}
