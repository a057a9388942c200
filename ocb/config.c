// SPDX-License-Identifier: Apache-2.0
#include "ocb/component.h"

/* What goes along while the extensions that a configuration names are looked at. */
struct refusal {
    const char *path;
    struct otc_error *err;
    otc_status status;
};

static void
refuse_extension(void *arg, const char *path, const char *id, unsigned offers)
{
    struct refusal *refusal = arg;

    if (refusal->status != OTC_OK) {
        return;
    }
    refusal->status = otc_fail(
        refusal->err, OTC_FAILED_PRECONDITION, "%s::%s: %s \"%s\" cannot be used inside a Collector: %s",
        refusal->path, path, offers == OTC_OFFERS_STORAGE ? "the storage" : "the extension", id,
        offers == OTC_OFFERS_STORAGE
            ? "the component keeps its state in memory there; leave the setting out, or run it in a "
              "sidecar"
            : "leave the setting out");
}

static otc_status
check(const struct otc_factory *factory, const char *path, const void *value, struct otc_error *err)
{
    struct refusal refusal = {path, err, OTC_OK};
    otc_status status = factory->validate ? factory->validate(value, err) : OTC_OK;

    if (status != OTC_OK) {
        err->status = OTC_FAILED_PRECONDITION;
        otc_config_error_path(factory->config, path, err);
        return OTC_FAILED_PRECONDITION;
    }
    otc_config_extensions(factory->config, value, refuse_extension, &refusal);
    return refusal.status;
}

otc_status
otc_bridge_config_read(const struct otc_factory *factory, const char *json, size_t len, const char *path,
                       struct otc_bridge_config *out, struct otc_error *err)
{
    otc_status status;

    *out = (struct otc_bridge_config){0};
    status = otc_document_parse(otc_slice_of(json, len), "", &out->document, err);
    if (status == OTC_OK) {
        /* The text is made from a configuration that was read elsewhere: its lines are nobody's. */
        otc_document_forget_positions(out->document);
        otc_document_take_originals(out->document);
        status =
            otc_config_decode(factory->config, otc_document_root(out->document), path, &out->config, err);
    }
    if (status == OTC_OK) {
        status = check(factory, path, otc_config_value(out->config), err);
    }
    if (status != OTC_OK) {
        otc_bridge_config_release(out);
    }
    return status;
}

void
otc_bridge_config_release(struct otc_bridge_config *config)
{
    otc_config_free(config->config);
    otc_document_free(config->document);
    *config = (struct otc_bridge_config){0};
}

otc_status
otc_bridge_check(const struct otc_factory *factory, const char *json, size_t len, const char *path,
                 struct otc_error *err)
{
    struct otc_bridge_config config;
    otc_status status = otc_bridge_config_read(factory, json, len, path, &config, err);

    otc_bridge_config_release(&config);
    return status;
}
