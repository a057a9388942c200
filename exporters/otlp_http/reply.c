// SPDX-License-Identifier: Apache-2.0
#include "exporters/otlp_http/reply.h"

#include "common/otlp/json.h"
#include "common/otlp/rpc_status.h"

#include <strings.h>

/* A server that is too busy and doesn't say for how long: at least this, the retry's own interval is longer.
 */
#define BUSY_MS 1000

/* As the Collector translates them when an error travels back over gRPC. */
static otc_status
code_of(int http)
{
    switch (http) {
    case 400:
        return OTC_INVALID_ARGUMENT;
    case 401:
        return OTC_UNAUTHENTICATED;
    case 403:
        return OTC_PERMISSION_DENIED;
    case 404:
        return OTC_UNIMPLEMENTED;
    case 429:
        return OTC_RESOURCE_EXHAUSTED;
    case 502:
    case 503:
    case 504:
        return OTC_UNAVAILABLE;
    default:
        return OTC_UNKNOWN;
    }
}

static bool
is_type(const char *content_type, const char *wanted)
{
    size_t len = strlen(wanted);

    return strncasecmp(content_type, wanted, len) == 0 &&
           (content_type[len] == '\0' || content_type[len] == ';' || content_type[len] == ' ');
}

/* What the body of an error says: google.rpc.Status in either encoding, or a short text. */
static bool
read_status(const struct otc_http_reply *reply, struct otc_rpc_status *out)
{
    *out = (struct otc_rpc_status){0};
    if (reply->body.len == 0) {
        return false;
    }
    if (is_type(reply->content_type, "application/json")) {
        return otc_rpc_status_read_json(reply->body, out);
    }
    if (is_type(reply->content_type, "text/plain")) {
        snprintf(out->message, sizeof(out->message), "%.*s",
                 (int)(reply->body.len < 200 ? reply->body.len : 200), (const char *)reply->body.data);
        out->message[strcspn(out->message, "\r\n")] = '\0';
        return true;
    }
    return otc_rpc_status_read(reply->body, out);
}

static void
judge_error(const struct otc_http_reply *reply, const char *url, struct otc_error *out)
{
    bool retryable =
        reply->status == 429 || reply->status == 502 || reply->status == 503 || reply->status == 504;
    otc_status code = code_of(reply->status);
    struct otc_rpc_status status;
    char shown[512], details[32] = "[]";

    otc_http_show_url(url, shown);
    if (read_status(reply, &status)) {
        if (status.n_details > 0) {
            snprintf(details, sizeof(details), "[%zu]", status.n_details);
        }
        (void)otc_fail(out, code,
                       "rpc error: code = %s desc = error exporting items, request to %s responded with HTTP "
                       "Status Code %d, Message=%s, Details=%s",
                       otc_rpc_code_name(code), shown, reply->status, status.message, details);
    } else {
        (void)otc_fail(out, code,
                       "rpc error: code = %s desc = error exporting items, request to %s responded with HTTP "
                       "Status Code %d",
                       otc_rpc_code_name(code), shown, reply->status);
    }
    if (reply->status == 429 || reply->status == 503) {
        out->retry_after_ms = reply->retry_after_ms ? reply->retry_after_ms : status.retry_delay_ms;
    }
    if (reply->status == 429 && out->retry_after_ms == 0) {
        out->retry_after_ms = BUSY_MS; /* without a delay the code alone would not be tried again */
    }
    out->permanent = !retryable;
}

void
otlp_http_judge(const struct otc_http_reply *reply, const char *url, struct otlp_http_result *out)
{
    struct otc_slice message = OTC_SLICE_NONE;

    *out = (struct otlp_http_result){.error = OTC_ERROR_INIT};
    if (reply->status == 0) {
        (void)otc_fail(&out->error, reply->error.status, "failed to make an HTTP request: %.900s",
                       reply->error.text);
        return;
    }
    if (reply->status < 200 || reply->status > 299) {
        judge_error(reply, url, &out->error);
        return;
    }
    if (reply->body.len == 0) {
        return;
    }
    /* The data is there, whatever the server wrote besides. */
    if (is_type(reply->content_type, "application/json")) {
        out->unreadable = !otc_export_response_read_json(reply->body, &out->rejected, out->message);
    } else if (is_type(reply->content_type, "application/x-protobuf")) {
        out->unreadable = !otc_export_response_read(reply->body, &out->rejected, &message);
        snprintf(out->message, sizeof(out->message), "%.*s", (int)(message.len < 500 ? message.len : 500),
                 message.len > 0 ? (const char *)message.data : "");
    }
}
