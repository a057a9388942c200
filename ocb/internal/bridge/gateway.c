// SPDX-License-Identifier: Apache-2.0
#include "gateway.h"

#include "_cgo_export.h"

static void
on_log(uintptr_t handle, enum otc_log_level level, const char *message, const struct otc_log_field *fields,
       size_t n)
{
    otcGoLog(handle, level, (char *)message, (struct otc_log_field *)fields, n);
}

static void
on_report(uintptr_t handle, enum otc_component_state state, const char *text)
{
    otcGoReport(handle, state, (char *)text);
}

static void
on_wake(uintptr_t handle)
{
    otcGoWake(handle);
}

const struct otc_bridge_calls gateway_calls = {on_log, on_report, on_wake};
