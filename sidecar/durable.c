// SPDX-License-Identifier: Apache-2.0
/* Where an acknowledgement outlives the process: in pipelines whose every exporter keeps its queue on disk.
 */
#include "sidecar/settings.h"

static void
note_storage(void *arg, const char *path, const char *id, unsigned offers)
{
    bool *has = arg;

    (void)id;
    *has = *has || ((offers & OTC_OFFERS_STORAGE) != 0 && strcmp(path, "sending_queue::storage") == 0);
}

static bool
keeps_its_queue(const struct otc_component_config *exporter)
{
    bool has = false;

    if (exporter->config != NULL && exporter->factory->config != NULL) {
        otc_config_extensions(exporter->factory->config, otc_config_value(exporter->config), note_storage,
                              &has);
    }
    return has;
}

void
otc_service_explain_durability(const struct otc_service_config *config,
                               void (*line)(void *arg, const char *text), void *arg)
{
    for (size_t i = 0; i < config->n_pipelines; i++) {
        const struct otc_pipeline_config *p = &config->pipelines[i];
        char text[4096] = "";
        size_t len = 0, with = 0;

        for (size_t k = 0; k < p->exporters.n; k++) {
            const struct otc_component_config *c =
                otc_service_component(config, OTC_EXPORTER, p->exporters.items[k]);

            if (c != NULL && keeps_its_queue(c)) {
                with++;
            } else if (c != NULL && len + strlen(c->id) + 4 < sizeof(text)) {
                len +=
                    (size_t)snprintf(text + len, sizeof(text) - len, "%s\"%s\"", len > 0 ? ", " : "", c->id);
            }
        }
        if (with > 0 && len > 0) {
            char whole[5000];

            snprintf(
                whole, sizeof(whole),
                "service::pipelines::%s: no sending_queue::storage in %s: what is acknowledged is lost there "
                "when the process dies",
                p->id, text);
            line(arg, whole);
        }
    }
}
