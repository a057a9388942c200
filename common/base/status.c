// SPDX-License-Identifier: Apache-2.0
#include "common/base/status.h"

#include <stdarg.h>

const char *
otc_status_text(otc_status status)
{
    switch (status) {
#define OTC_STATUS_CASE(name, number, text)                                                                  \
    case OTC_##name:                                                                                         \
        return text;
        OTC_STATUS_MAP(OTC_STATUS_CASE)
#undef OTC_STATUS_CASE
    }
    return "unknown error";
}

const char *
otc_status_name(otc_status status)
{
    switch (status) {
#define OTC_STATUS_CASE(name, number, text)                                                                  \
    case OTC_##name:                                                                                         \
        return #name;
        OTC_STATUS_MAP(OTC_STATUS_CASE)
#undef OTC_STATUS_CASE
    }
    return "UNKNOWN";
}

bool
otc_error_retryable(const struct otc_error *err)
{
    switch ((int)err->status) {
    case OTC_CANCELLED:
    case OTC_DEADLINE_EXCEEDED:
    case OTC_ABORTED:
    case OTC_OUT_OF_RANGE:
    case OTC_UNAVAILABLE:
    case OTC_DATA_LOSS:
        return !err->permanent;
    case OTC_RESOURCE_EXHAUSTED:
        return !err->permanent && err->retry_after_ms > 0;
    default:
        return false;
    }
}

otc_status
otc_fail(struct otc_error *err, otc_status status, const char *format, ...)
{
    va_list args;

    if (!err) {
        return status;
    }
    err->status = status;
    va_start(args, format);
    if (vsnprintf(err->text, sizeof(err->text), format, args) < 0) {
        err->text[0] = '\0';
    }
    va_end(args);
    return status;
}

otc_status
otc_error_prefix(struct otc_error *err, const char *format, ...)
{
    char context[OTC_ERROR_TEXT_MAX];
    size_t head, tail;
    va_list args;
    int n;

    if (!err) {
        return OTC_UNKNOWN;
    }
    va_start(args, format);
    n = vsnprintf(context, sizeof(context) - 2, format, args);
    va_end(args);
    if (n < 0) {
        return err->status;
    }
    head = (size_t)n < sizeof(context) - 2 ? (size_t)n : sizeof(context) - 3;
    context[head++] = ':';
    context[head++] = ' ';
    tail = strlen(err->text);
    tail = tail < sizeof(err->text) - head ? tail : sizeof(err->text) - head - 1;
    memmove(err->text + head, err->text, tail);
    memcpy(err->text, context, head);
    err->text[head + tail] = '\0';
    return err->status;
}
