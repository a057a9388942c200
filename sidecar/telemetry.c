// SPDX-License-Identifier: Apache-2.0
#include "sidecar/telemetry.h"

#include "sidecar/self_metrics.h"
#include "sidecar/self_push.h"

struct otc_telemetry {
    /* One of the two for each reader. */
    struct {
        struct otc_self_metrics *page;
        struct otc_self_push *push;
    } readers[OTC_READERS_MAX];
    size_t n;
};

otc_status
otc_telemetry_open(const struct otc_service_config *config, const struct otc_self_source *source,
                   struct otc_telemetry **out, struct otc_error *err)
{
    struct otc_telemetry *telemetry = NULL;
    otc_status status = OTC_OK;

    *out = NULL;
    if (config->n_readers == 0) {
        return OTC_OK;
    }
    telemetry = calloc(1, sizeof(*telemetry));
    if (telemetry == NULL) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    for (; telemetry->n < config->n_readers && status == OTC_OK; telemetry->n++) {
        const struct otc_reader *reader = &config->readers[telemetry->n];

        status =
            reader->pull != NULL
                ? otc_self_metrics_open(reader->pull, source, &telemetry->readers[telemetry->n].page, err)
                : otc_self_push_open(reader, source, &telemetry->readers[telemetry->n].push, err);
    }
    if (status != OTC_OK) {
        otc_telemetry_close(telemetry, 0);
        return status;
    }
    *out = telemetry;
    return OTC_OK;
}

void
otc_telemetry_close(struct otc_telemetry *telemetry, int64_t deadline_ns)
{
    /* All are told before any is waited for. */
    for (size_t i = 0; deadline_ns > 0 && telemetry != NULL && i < telemetry->n; i++) {
        otc_self_push_tell_last(telemetry->readers[i].push);
    }
    for (size_t i = 0; telemetry != NULL && i < telemetry->n; i++) {
        otc_self_push_close(telemetry->readers[i].push, deadline_ns);
        otc_self_metrics_close(telemetry->readers[i].page);
    }
    free(telemetry);
}
