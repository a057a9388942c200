// SPDX-License-Identifier: Apache-2.0
/* What must hold between the parts of a configuration, in the Collector's order and words. */
#include "sidecar/graph.h"

#define ERRORS_MAX 4096u

static void
add(struct otc_buf *out, const char *text)
{
    /* Beyond what an error text holds nobody would see it. */
    if (out->len > OTC_ERROR_TEXT_MAX) {
        return;
    }
    otc_buf_printf(out, "%s%s", out->len > 0 ? "\n" : "", text);
}

static void
add_at(struct otc_buf *out, const struct otc_node *node, const char *text)
{
    char position[512];

    otc_node_position(node, position, sizeof(position));
    add(out, text);
    if (position[0] != '\0') {
        otc_buf_printf(out, " (%s)", position);
    }
}

static size_t
count(const struct otc_service_config *config, enum otc_kind kind)
{
    size_t n = 0;

    for (size_t i = 0; i < config->n_components; i++) {
        n += config->components[i].kind == kind;
    }
    return n;
}

static bool
ambiguous(const struct otc_service_config *config, struct otc_buf *out)
{
    static const enum otc_kind others[] = {OTC_EXPORTER, OTC_RECEIVER};

    for (size_t i = 0; i < config->n_components; i++) {
        const struct otc_component_config *c = &config->components[i];

        for (size_t k = 0; c->kind == OTC_CONNECTOR && k < 2; k++) {
            char text[4096];

            if (otc_service_component(config, others[k], c->id) == NULL) {
                continue;
            }
            snprintf(
                text, sizeof(text),
                "connectors::%s: ambiguous ID: Found both \"%s\" %s and \"%s\" connector. Change one of the "
                "components' IDs to eliminate ambiguity (e.g. rename \"%s\" connector to \"%s/connector\")",
                c->id, c->id, otc_kind_name(others[k]), c->id, c->id, c->id);
            add_at(out, c->node, text);
            return true;
        }
    }
    return false;
}

/* One list of a pipeline: is everything there? `other` is the second kind that may stand in it. */
static void
check_references(const struct otc_service_config *config, const struct otc_pipeline_config *p,
                 enum otc_kind kind, struct otc_buf *out)
{
    const otc_strings *ids = kind == OTC_RECEIVER    ? &p->receivers
                             : kind == OTC_PROCESSOR ? &p->processors
                                                     : &p->exporters;

    for (size_t i = 0; i < ids->n; i++) {
        char text[4096];

        if (otc_service_component(config, kind, ids->items[i]) != NULL ||
            (kind != OTC_PROCESSOR && otc_service_component(config, OTC_CONNECTOR, ids->items[i]) != NULL)) {
            continue;
        }
        snprintf(text, sizeof(text), "service::pipelines::%s: references %s \"%s\" which is not configured",
                 p->id, otc_kind_name(kind), ids->items[i]);
        add_at(out, otc_pipeline_item(p, kind, i), text);
    }
}

static void
check_pipeline(const struct otc_pipeline_config *p, struct otc_buf *out)
{
    char text[4096];

    if (p->receivers.n == 0 || p->exporters.n == 0) {
        snprintf(text, sizeof(text), "service::pipelines::%s: must have at least one %s", p->id,
                 p->receivers.n == 0 ? "receiver" : "exporter");
        add_at(out, p->node, text);
    }
    for (size_t i = 0; i < p->processors.n; i++) {
        for (size_t k = 0; k < i; k++) {
            if (strcmp(p->processors.items[i], p->processors.items[k]) == 0) {
                snprintf(text, sizeof(text),
                         "service::pipelines::%s: references processor \"%s\" multiple times", p->id,
                         p->processors.items[i]);
                add_at(out, otc_pipeline_item(p, OTC_PROCESSOR, i), text);
                return;
            }
        }
    }
}

/* The extensions that one component's settings name. */
struct naming {
    const struct otc_service_config *config;
    const struct otc_component_config *component;
    struct otc_buf *out;
};

static void
check_extension(void *arg, const char *path, const char *id, unsigned offers)
{
    const struct naming *naming = arg;
    const struct otc_component_config *c = naming->component;
    const struct otc_component_config *extension = otc_service_component(naming->config, OTC_EXTENSION, id);
    const char *what = "extension", *wrong = NULL;
    char text[4096];

    if (extension == NULL) {
        what = "references extension";
        wrong = "which is not configured";
    } else if ((extension->factory->offers & offers) == 0) {
        wrong = offers == OTC_OFFERS_STORAGE       ? "is no storage"
                : offers == OTC_OFFERS_SERVER_AUTH ? "is no server authenticator"
                                                   : "is no client authenticator";
    } else if (!otc_strings_contain(&naming->config->extensions, id)) {
        wrong = "does not run; name it in service::extensions";
    }
    if (wrong != NULL) {
        snprintf(text, sizeof(text), "%s::%s::%s: %s \"%s\" %s", otc_section_names[c->kind], c->id, path,
                 what, id, wrong);
        add_at(naming->out, otc_node_nearest(c->node, path), text);
    }
}

static void
check_extensions(const struct otc_service_config *config, struct otc_buf *out)
{
    for (size_t i = 0; i < config->n_components; i++) {
        struct naming naming = {config, &config->components[i], out};
        const struct otc_component_config *c = naming.component;

        if (c->config != NULL && c->factory->config != NULL) {
            otc_config_extensions(c->factory->config, otc_config_value(c->config), check_extension, &naming);
        }
    }
}

static void
check_whole(const struct otc_service_config *config, struct otc_buf *out)
{
    if (config->n_components == 0) {
        add_at(out, config->root, "empty configuration file");
        return;
    }
    if (count(config, OTC_RECEIVER) == 0) {
        add_at(out, config->root, "no receiver configuration specified in config");
        return;
    }
    if (count(config, OTC_EXPORTER) == 0) {
        add_at(out, config->root, "no exporter configuration specified in config");
        return;
    }
    if (ambiguous(config, out)) {
        return;
    }
    for (size_t i = 0; i < config->extensions.n; i++) {
        char text[1200];

        if (otc_service_component(config, OTC_EXTENSION, config->extensions.items[i]) == NULL) {
            snprintf(text, sizeof(text),
                     "service::extensions: references extension \"%s\" which is not configured",
                     config->extensions.items[i]);
            char path[64];

            snprintf(path, sizeof(path), "service::extensions::%zu", i);
            add_at(out, otc_node_nearest(config->root, path), text);
        }
    }
    check_extensions(config, out);
    for (size_t i = 0; i < config->n_pipelines; i++) {
        check_references(config, &config->pipelines[i], OTC_RECEIVER, out);
        check_references(config, &config->pipelines[i], OTC_PROCESSOR, out);
        check_references(config, &config->pipelines[i], OTC_EXPORTER, out);
    }
}

otc_status
otc_service_config_validate(const struct otc_service_config *config, struct otc_error *err)
{
    struct otc_buf out = {.limit = ERRORS_MAX};
    otc_status status = OTC_OK;

    for (size_t i = 0; i < config->n_components; i++) {
        if (config->components[i].invalid != NULL) {
            add(&out, config->components[i].invalid);
        }
    }
    if (config->invalid != NULL) {
        add(&out, config->invalid);
    }
    for (size_t i = 0; i < config->n_pipelines; i++) {
        check_pipeline(&config->pipelines[i], &out);
    }
    if (config->n_pipelines == 0 && config->n_components > 0) {
        add_at(&out, otc_node_nearest(config->root, "service::pipelines"),
               "service::pipelines: service must have at least one pipeline");
    }
    check_whole(config, &out);
    if (out.len > 0) {
        const char *text = otc_buf_cstr(&out);

        status = otc_fail(err, OTC_FAILED_PRECONDITION, "%s", text != NULL ? text : "too many errors");
    }
    otc_buf_release(&out);
    return status;
}

otc_status
otc_service_config_explain(const struct otc_service_config *config, void (*line)(void *arg, const char *text),
                           void *arg, struct otc_error *err)
{
    for (size_t i = 0; i < config->n_components; i++) {
        const struct otc_component_config *c = &config->components[i];
        char heading[1200];
        otc_status status;

        if (c->factory->explain == NULL || c->config == NULL) {
            continue;
        }
        snprintf(heading, sizeof(heading), "%s::%s:", otc_section_names[c->kind], c->id);
        line(arg, heading);
        status = c->factory->explain(otc_config_value(c->config), line, arg, err);
        if (status != OTC_OK) {
            return otc_error_prefix(err, "%s::%s", otc_section_names[c->kind], c->id);
        }
    }
    otc_service_explain_durability(config, line, arg);
    return OTC_OK;
}
