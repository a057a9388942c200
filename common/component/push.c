// SPDX-License-Identifier: Apache-2.0
#include "common/component/push.h"

bool
otc_batch_joined(const struct otc_batch *batch, uint8_t **copy, struct otc_slice *out)
{
    uint8_t *at;

    *copy = NULL;
    if (otc_batch_parts(batch) == 1) {
        *out = otc_batch_part(batch, 0);
        return true;
    }
    *copy = at = malloc(otc_batch_bytes(batch) + 1);
    if (!at) {
        return false;
    }
    for (size_t i = 0; i < otc_batch_parts(batch); i++) {
        (void)otc_slice_place(&at, otc_batch_part(batch, i));
    }
    *out = otc_slice_of(*copy, otc_batch_bytes(batch));
    return true;
}

void
otc_user_agent(struct otc_host *host, char out[256])
{
    const struct otc_label *resource;
    size_t n = 0;

    out[0] = '\0';
    resource = host->resource(host, &n);
    if (n >= 2) {
        snprintf(out, 256, "%s/%s (linux/amd64)", resource[0].value, resource[1].value);
    }
}

void
otc_warn_partial(struct otc_host *host, const char *id, enum otc_signal signal, int64_t rejected,
                 struct otc_slice message)
{
    static const char *const dropped[OTC_N_SIGNALS] = {"dropped_spans", "dropped_data_points",
                                                       "dropped_log_records"};
    char text[512];

    if (rejected <= 0 && message.len == 0) {
        return;
    }
    snprintf(text, sizeof(text), "%.*s", (int)(message.len < 500 ? message.len : 500),
             message.len > 0 ? (const char *)message.data : "");
    otc_log(host->logger, OTC_LOG_WARN, id, "Partial success response", OTC_FIELD_TEXT("message", text),
            OTC_FIELD_NUMBER(dropped[signal], rejected));
}
