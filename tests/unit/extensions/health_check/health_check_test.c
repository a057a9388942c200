// SPDX-License-Identifier: Apache-2.0
#include "tests/harness/http_get.h"
#include "tests/harness/rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

extern const struct otc_factory otc_health_check_extension_factory;
static const struct otc_factory *const factory = &otc_health_check_extension_factory;

static void
start_with(struct otc_rig *rig, const char *settings)
{
    struct otc_error err = OTC_ERROR_INIT;
    char yaml[512];

    snprintf(yaml, sizeof(yaml), "{endpoint: %s, transport: unix%s}", otc_scratch_path(), settings);
    if (otc_rig_create(rig, factory, yaml, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    otc_vhost_set_ready(rig->vhost, false);
    if (rig->component->ops->start(rig->component, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
}

static void
answers_by_readiness(void **state)
{
    OTC_AUTO_BUF struct otc_buf answer = {.limit = 1 << 20};
    struct otc_rig rig = {0};
    struct otc_error err = OTC_ERROR_INIT;

    (void)state;
    start_with(&rig, "");
    assert_int_equal(otc_http_request(otc_scratch_path(), "GET", "/", "", &answer), 503);
    assert_string_equal(
        otc_http_body(&answer),
        "{\"status\":\"Server not available\",\"upSince\":\"0001-01-01T00:00:00Z\",\"uptime\":\"\"}");
    otc_vhost_advance(rig.vhost, 100 * OTC_MILLISECOND);
    otc_vhost_set_ready(rig.vhost, true);
    otc_vhost_advance(rig.vhost, 50 * OTC_MILLISECOND);
    otc_vhost_advance(rig.vhost, 90 * OTC_SECOND);
    assert_int_equal(otc_http_request(otc_scratch_path(), "GET", "/", "", &answer), 200);
    assert_non_null(strstr((const char *)answer.data, "application/json"));
    assert_string_equal(
        otc_http_body(&answer),
        "{\"status\":\"Server available\",\"upSince\":\"2026-01-01T00:00:00.15Z\",\"uptime\":\"1m30s\"}");
    assert_int_equal(otc_http_request(otc_scratch_path(), "GET", "/other", "", &answer), 404);
    assert_int_equal(otc_http_request(otc_scratch_path(), "POST", "/", "Content-Length: 0\r\n", &answer),
                     405);
    assert_int_equal(otc_http_request(otc_scratch_path(), "HEAD", "/", "", &answer), 200);
    assert_string_equal(otc_http_body(&answer), "");
    /* Shutting down. */
    otc_vhost_set_ready(rig.vhost, false);
    assert_int_equal(otc_http_request(otc_scratch_path(), "GET", "/", "", &answer), 503);
    assert_int_equal(rig.component->ops->shutdown(rig.component, INT64_MAX, &err), OTC_OK);
    assert_int_equal(otc_http_request(otc_scratch_path(), "GET", "/", "", &answer), 0);
    assert_int_equal(rig.component->ops->shutdown(rig.component, INT64_MAX, &err), OTC_OK);
    otc_rig_free(&rig);
}

static void
bodies_and_path_can_be_set(void **state)
{
    OTC_AUTO_BUF struct otc_buf answer = {.limit = 1 << 20};
    struct otc_rig rig = {0};

    (void)state;
    start_with(&rig, ", path: /health, response_body: {healthy: fine, unhealthy: not yet}, "
                     "check_collector_pipeline: {enabled: true}");
    assert_int_equal(otc_http_request(otc_scratch_path(), "GET", "/health", "", &answer), 503);
    assert_string_equal(otc_http_body(&answer), "not yet");
    otc_vhost_set_ready(rig.vhost, true);
    assert_int_equal(otc_http_request(otc_scratch_path(), "GET", "/health", "", &answer), 200);
    assert_string_equal(otc_http_body(&answer), "fine");
    assert_int_equal(otc_http_request(otc_scratch_path(), "GET", "/", "", &answer), 404);
    otc_rig_free(&rig);
}

static void
bad_settings_are_refused(void **state)
{
    static const char *const yaml[] = {"{path: health}", "{endpoint: ''}", "{endpoint: 'x:65536'}",
                                       "{endpoint: x}",  "{enpoint: x}",   "{transport: udp}"};

    (void)state;
    for (size_t i = 0; i < sizeof(yaml) / sizeof(yaml[0]); i++) {
        struct otc_error err = OTC_ERROR_INIT;

        assert_true(otc_test_refuses(factory, yaml[i], "", &err));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_by_readiness),
        cmocka_unit_test(bodies_and_path_can_be_set),
        cmocka_unit_test(bad_settings_are_refused),
    };

    return cmocka_run_group_tests_name("extensions/health_check", tests, otc_scratch_setup,
                                       otc_scratch_teardown);
}
