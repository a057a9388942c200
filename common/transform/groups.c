// SPDX-License-Identifier: Apache-2.0
#include "common/transform/groups.h"

#include "common/config/node.h"

#include <stdio.h>
#include <strings.h>

const char *const otc_ottl_error_modes[] = {"propagate", "ignore", "silent", NULL};

#define CONTEXT_FIELDS                                                                                       \
    OTC_FIELD(otc_ottl_group, context, .def = "",                                                            \
              .doc =                                                                                         \
                  "`resource`, `scope`, `span`, `spanevent`, `metric`, `datapoint` or `log`. Absent: the "   \
                  "innermost that the paths name."),                                                         \
        OTC_FIELD(otc_ottl_group, error_mode, .def = "", .doc = "Instead of the processor's.")

static const struct otc_field statements_fields[] = {
    CONTEXT_FIELDS,
    OTC_FIELD(otc_ottl_group, conditions, .doc = "Any of them must hold, before the first statement."),
    OTC_FIELD(otc_ottl_group, statements, .doc = "Statements, one after another."),
    OTC_FIELD_END,
};
const struct otc_schema otc_ottl_statements_schema =
    OTC_SCHEMA(otc_ottl_group, statements_fields, "Statements of one context.");

static const struct otc_field conditions_fields[] = {
    CONTEXT_FIELDS,
    OTC_FIELD(otc_ottl_group, conditions, .doc = "What any of them holds for, goes."),
    OTC_FIELD_END,
};
const struct otc_schema otc_ottl_conditions_schema =
    OTC_SCHEMA(otc_ottl_group, conditions_fields, "Conditions of one context.");

/* ---- Reading ------------------------------------------------------------------------------------ */

static otc_status
read_strings(const struct otc_node *node, otc_strings *out, struct otc_config *owner, struct otc_error *err)
{
    size_t n = 0;

    if (otc_node_is_null(node)) {
        return OTC_OK;
    }
    if (node->kind != OTC_NODE_LIST) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "%.*s: expected a list of texts",
                        OTC_SLICE_ARG(node->key));
    }
    out->items = otc_config_alloc(owner, (node->n + 1) * sizeof(char *));
    for (const struct otc_node *item = node->first; out->items && item; item = item->next) {
        if (item->kind != OTC_NODE_STRING) {
            return otc_fail(err, OTC_INVALID_ARGUMENT, "%.*s[%zu]: expected a text", OTC_SLICE_ARG(node->key),
                            n);
        }
        out->items[n] = otc_config_strdup(owner, item->text);
        if (!out->items[n++]) {
            return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
        }
    }
    out->n = n;
    return out->items ? OTC_OK : otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
}

static otc_status
read_member(const struct otc_node *node, bool statements, struct otc_ottl_group *group,
            struct otc_config *owner, struct otc_error *err)
{
    char **text = otc_slice_equal_str(node->key, "context")      ? &group->context
                  : otc_slice_equal_str(node->key, "error_mode") ? &group->error_mode
                                                                 : NULL;

    if (otc_slice_equal_str(node->key, "statements") && statements) {
        return read_strings(node, &group->statements, owner, err);
    }
    if (otc_slice_equal_str(node->key, "conditions")) {
        return read_strings(node, &group->conditions, owner, err);
    }
    if (!text) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "has invalid keys: %.*s", OTC_SLICE_ARG(node->key));
    }
    if (node->kind != OTC_NODE_STRING && !otc_node_is_null(node)) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "%.*s: expected a text", OTC_SLICE_ARG(node->key));
    }
    *text = otc_config_strdup(owner, node->text);
    return *text ? OTC_OK : otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
}

/* A statement or condition by itself, or a group. */
static otc_status
read_group(const struct otc_node *node, bool statements, struct otc_ottl_group *group,
           struct otc_config *owner, struct otc_error *err)
{
    otc_strings *texts = statements ? &group->statements : &group->conditions;
    otc_status status = OTC_OK;

    *group = (struct otc_ottl_group){.context = otc_config_strdup(owner, OTC_SLICE_NONE),
                                     .error_mode = otc_config_strdup(owner, OTC_SLICE_NONE)};
    if (node->kind == OTC_NODE_STRING) {
        texts->items = otc_config_alloc(owner, sizeof(char *));
        if (!texts->items) {
            return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
        }
        texts->items[0] = otc_config_strdup(owner, node->text);
        texts->n = 1;
        return texts->items[0] ? OTC_OK : otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    if (node->kind != OTC_NODE_MAP) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "expected a text, or a map with `%s`",
                        statements ? "statements" : "conditions");
    }
    for (const struct otc_node *member = node->first; member && status == OTC_OK; member = member->next) {
        status = read_member(member, statements, group, owner, err);
    }
    return status;
}

static otc_status
read_groups(const struct otc_node *node, bool statements, void *member, struct otc_config *owner,
            struct otc_error *err)
{
    otc_list *list = member;
    struct otc_ottl_group *groups;
    size_t n = 0;

    if (otc_node_is_null(node)) {
        return OTC_OK;
    }
    if (node->kind != OTC_NODE_LIST) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "expected a list");
    }
    groups = otc_config_alloc(owner, (node->n + 1) * sizeof(*groups));
    if (!groups) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    for (const struct otc_node *item = node->first; item; item = item->next) {
        otc_status status = read_group(item, statements, &groups[n], owner, err);

        if (status != OTC_OK) {
            return otc_error_prefix(err, "[%zu]", n);
        }
        n++;
    }
    *list = (otc_list){groups, n};
    return OTC_OK;
}

otc_status
otc_ottl_read_statements(const struct otc_node *node, void *member, struct otc_config *owner,
                         struct otc_error *err)
{
    return read_groups(node, true, member, owner, err);
}

otc_status
otc_ottl_read_conditions(const struct otc_node *node, void *member, struct otc_config *owner,
                         struct otc_error *err)
{
    return read_groups(node, false, member, owner, err);
}

/* ---- Meaning ------------------------------------------------------------------------------------ */

/* From the innermost context outwards; NULL ends. */
static const char *const contexts[OTC_N_SIGNALS][5] = {
    [OTC_TRACES] = {"spanevent", "span", "scope", "resource"},
    [OTC_METRICS] = {"datapoint", "metric", "scope", "resource"},
    [OTC_LOGS] = {"log", "scope", "resource"},
};

static bool
any_names(const otc_strings *texts, const char *context, otc_ottl_names_fn *names)
{
    char prefix[32];

    (void)snprintf(prefix, sizeof(prefix), "%s.", context);
    for (size_t i = 0; i < texts->n; i++) {
        if (names(texts->items[i], prefix)) {
            return true;
        }
    }
    return false;
}

otc_status
otc_ottl_group_context(const struct otc_ottl_group *config, enum otc_signal signal, otc_ottl_names_fn *names,
                       const char **out, struct otc_error *err)
{
    for (size_t i = 0; contexts[signal][i]; i++) {
        *out = contexts[signal][i];
        if (config->context[0] != '\0' ? strcasecmp(config->context, *out) == 0
                                       : any_names(&config->statements, *out, names) ||
                                             any_names(&config->conditions, *out, names)) {
            return OTC_OK;
        }
    }
    return config->context[0] != '\0'
               ? otc_fail(err, OTC_INVALID_ARGUMENT, "unknown context \"%s\" for %s", config->context,
                          otc_signal_name(signal))
               : otc_fail(err, OTC_INVALID_ARGUMENT,
                          "unable to infer a context: paths without `context` begin with it, such as %s.name",
                          contexts[signal][signal == OTC_LOGS ? 0 : 1]);
}

otc_status
otc_ottl_group_error_mode(const struct otc_ottl_group *config, enum otc_ottl_error_mode inherited,
                          enum otc_ottl_error_mode *out, struct otc_error *err)
{
    *out = inherited;
    for (int i = 0; otc_ottl_error_modes[i]; i++) {
        if (strcmp(config->error_mode, otc_ottl_error_modes[i]) == 0) {
            *out = (enum otc_ottl_error_mode)i;
            return OTC_OK;
        }
    }
    return config->error_mode[0] == '\0'
               ? OTC_OK
               : otc_fail(err, OTC_INVALID_ARGUMENT,
                          "error_mode: \"%s\" is none of propagate, ignore, silent", config->error_mode);
}
