// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "tests/harness/http_get.h"
#include "tests/harness/rig.h"

extern const struct otc_factory otc_zpages_extension_factory;
static const struct otc_factory *const factory = &otc_zpages_extension_factory;

static void
tells_what_runs(void **state)
{
    OTC_AUTO_BUF struct otc_buf answer = {.limit = 1 << 20};
    struct otc_rig rig = {0};
    struct otc_error err = OTC_ERROR_INIT;
    char yaml[512];

    (void)state;
    snprintf(yaml, sizeof(yaml),
             "{endpoint: %s, transport: unix, expvar: {enabled: true}, response_headers: {X-Who: aimon}, "
             "cors: {allowed_origins: ['https://*.test']}}",
             otc_scratch_path());
    if (otc_rig_create(&rig, factory, yaml, &err) != OTC_OK ||
        rig.component->ops->start(rig.component, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    otc_vhost_advance(rig.vhost, 90 * OTC_SECOND);
    assert_int_equal(otc_http_request(otc_scratch_path(), "GET", "/debug/servicez", "", &answer), 200);
    assert_non_null(strstr(otc_http_body(&answer), "<td>service.name</td><td>otelcol-aimon</td>"));
    assert_non_null(strstr(otc_http_body(&answer), "<td>uptime</td><td>1m30s</td>"));
    assert_non_null(strstr(otc_http_body(&answer), "<td>state</td><td>ready</td>"));
    assert_non_null(strstr(otc_buf_cstr(&answer), "x-who: aimon\r\n"));
    otc_buf_clear(&answer);
    assert_int_equal(
        otc_http_request(otc_scratch_path(), "GET", "/debug/servicez", "Origin: https://a.test\r\n", &answer),
        200);
    assert_non_null(strstr(otc_buf_cstr(&answer), "access-control-allow-origin: https://a.test\r\n"));
    otc_buf_clear(&answer);
    assert_int_equal(otc_http_request(otc_scratch_path(), "GET", "/debug/tracez", "", &answer), 404);
    assert_non_null(strstr(otc_buf_cstr(&answer), "x-who: aimon\r\n"));
    otc_vhost_set_ready(rig.vhost, false);
    otc_buf_clear(&answer);
    assert_int_equal(otc_http_request(otc_scratch_path(), "GET", "/debug/servicez", "", &answer), 200);
    assert_non_null(strstr(otc_http_body(&answer), "<td>not ready</td>"));
    assert_int_equal(rig.component->ops->shutdown(rig.component, 0, &err), OTC_OK);
    assert_int_equal(otc_http_request(otc_scratch_path(), "GET", "/debug/servicez", "", &answer), 0);
    otc_rig_free(&rig);
}

static void
wrong_settings_are_refused(void **state)
{
    struct otc_error err = OTC_ERROR_INIT;

    (void)state;
    assert_true(otc_test_refuses(factory, "{endpoint: ''}",
                                 "\"endpoint\" is required when using the \"zpages\" extension", &err));
    assert_true(otc_test_refuses(factory, "{pages: 1}", "has invalid keys: pages", &err));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_what_runs),
        cmocka_unit_test(wrong_settings_are_refused),
    };

    return cmocka_run_group_tests(tests, otc_scratch_setup, otc_scratch_teardown);
}
