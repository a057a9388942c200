// SPDX-License-Identifier: Apache-2.0
#include "exporters/prometheus_remote_write/reply.h"

#include "common/base/number.h"

static const char *
reason(int status)
{
    static const struct {
        int status;
        const char *text;
    } reasons[] = {{400, " Bad Request"},
                   {401, " Unauthorized"},
                   {403, " Forbidden"},
                   {404, " Not Found"},
                   {405, " Method Not Allowed"},
                   {409, " Conflict"},
                   {413, " Request Entity Too Large"},
                   {415, " Unsupported Media Type"},
                   {422, " Unprocessable Entity"},
                   {429, " Too Many Requests"},
                   {500, " Internal Server Error"},
                   {501, " Not Implemented"},
                   {502, " Bad Gateway"},
                   {503, " Service Unavailable"},
                   {504, " Gateway Timeout"}};

    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (reasons[i].status == status) {
            return reasons[i].text;
        }
    }
    return "";
}

static int64_t
count_of(const struct otc_http_reply *reply, const char *name)
{
    const char *value = otc_http_reply_header(reply, name);
    int64_t count = -1;

    return value && otc_parse_int64(otc_slice_str(value), &count) && count >= 0 ? count : -1;
}

void
prometheus_remote_write_judge(const struct otc_http_reply *reply, struct otc_error *out,
                              struct prw_written *written)
{
    char body[512];
    size_t len;

    *out = OTC_ERROR_INIT;
    *written = (struct prw_written){count_of(reply, "X-Prometheus-Remote-Write-Samples-Written"),
                                    count_of(reply, "X-Prometheus-Remote-Write-Histograms-Written"),
                                    count_of(reply, "X-Prometheus-Remote-Write-Exemplars-Written")};
    if (reply->status == 0) {
        *out = reply->error;
        return;
    }
    if (reply->status >= 200 && reply->status <= 299) {
        return;
    }
    snprintf(body, sizeof(body), "%.*s", (int)(reply->body.len < 500 ? reply->body.len : 500),
             reply->body.len > 0 ? (const char *)reply->body.data : "");
    for (len = strlen(body); len > 0 && (body[len - 1] == '\n' || body[len - 1] == '\r'); len--) {
        body[len - 1] = '\0';
    }
    out->permanent = reply->status < 500 && reply->status != 429;
    out->retry_after_ms = out->permanent ? 0 : reply->retry_after_ms;
    (void)otc_fail(out, out->permanent ? OTC_INVALID_ARGUMENT : OTC_UNAVAILABLE,
                   "remote write returned HTTP status %d%s%s%s", reply->status, reason(reply->status),
                   *body ? ": " : "", body);
}
