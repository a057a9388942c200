// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "tests/harness/auth.h"
#include "tests/harness/rig.h"

extern const struct otc_factory otc_bearer_token_auth_extension_factory;
static const struct otc_factory *const factory = &otc_bearer_token_auth_extension_factory;

static otc_status
try_start(struct otc_rig *rig, const char *yaml, struct otc_error *err)
{
    if (otc_rig_create(rig, factory, yaml, err) != OTC_OK) {
        fail_msg("%s", err->text);
    }
    return rig->component->ops->start(rig->component, err);
}

static void
start(struct otc_rig *rig, const char *yaml)
{
    struct otc_error err = OTC_ERROR_INIT;

    if (try_start(rig, yaml, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
}

static void
write_file(const char *text)
{
    FILE *file = fopen(otc_scratch_path(), "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static bool
lets_in(struct otc_rig *rig, const char *name, const char *value)
{
    struct otc_test_auth_sink sink;
    struct otc_error err;
    otc_status status = otc_test_check(rig->component, name, value, &sink, &err);

    if (status == OTC_OK) {
        return true;
    }
    assert_int_equal(status, OTC_UNAUTHENTICATED);
    /* Nothing of what was sent comes back. */
    assert_true(!value || !*value || !strstr(err.text, value));
    return false;
}

static void
takes_its_token_alone(void **state)
{
    struct otc_rig rig = {0};
    struct otc_test_auth_sink sink;
    struct otc_error err;

    (void)state;
    start(&rig, "{token: s3cr3t}");
    assert_true(lets_in(&rig, "authorization", "Bearer s3cr3t"));
    assert_false(lets_in(&rig, "authorization", NULL));
    assert_false(lets_in(&rig, "authorization", ""));
    assert_false(lets_in(&rig, "authorization", "s3cr3t"));
    assert_false(lets_in(&rig, "authorization", "bearer s3cr3t"));
    assert_false(lets_in(&rig, "authorization", "Bearer s3cr3"));
    assert_false(lets_in(&rig, "authorization", "Bearer s3cr3t "));
    assert_false(lets_in(&rig, "authorization", "Bearer S3cr3t"));
    assert_false(lets_in(&rig, "proxy-authorization", "Bearer s3cr3t"));
    assert_int_equal(otc_test_check(rig.component, "authorization", NULL, &sink, &err), OTC_UNAUTHENTICATED);
    assert_string_equal(err.text, "missing or empty authorization header: Authorization");
    assert_int_equal(otc_test_check(rig.component, "authorization", "Bearer x", &sink, &err),
                     OTC_UNAUTHENTICATED);
    assert_string_equal(err.text, "provided authorization does not match expected scheme or token");
    assert_int_equal(otc_test_auth_headers(rig.component, &sink, &err), OTC_OK);
    assert_string_equal(sink.text, "Authorization=Bearer s3cr3t");
    assert_string_equal(rig.component->ops->authenticator(rig.component)->challenge, "Bearer");
    otc_rig_free(&rig);
}

static void
takes_one_of_several(void **state)
{
    struct otc_rig rig = {0};
    struct otc_test_auth_sink sink;
    struct otc_error err;

    (void)state;
    start(&rig, "{tokens: [one, two, three, four, five], scheme: '', header: X-Api-Key}");
    assert_true(lets_in(&rig, "X-API-KEY", "one"));
    assert_true(lets_in(&rig, "x-api-key", "five"));
    assert_false(lets_in(&rig, "x-api-key", "six"));
    assert_false(lets_in(&rig, "x-api-key", "Bearer one"));
    assert_false(lets_in(&rig, "authorization", "one"));
    assert_int_equal(otc_test_auth_headers(rig.component, &sink, &err), OTC_OK);
    assert_string_equal(sink.text, "X-Api-Key=one");
    assert_null(rig.component->ops->authenticator(rig.component)->challenge);
    otc_rig_free(&rig);
}

static void
reads_its_file_again(void **state)
{
    struct otc_rig rig = {0};
    struct otc_test_auth_sink sink;
    struct otc_error err;
    char yaml[256];

    (void)state;
    write_file("  first  of the old machine\n\n\tsecond\r\n");
    snprintf(yaml, sizeof(yaml), "{filename: %s, token: ignored}", otc_scratch_path());
    start(&rig, yaml);
    assert_int_equal(otc_vhost_logged(rig.vhost, "Configured token(s) is ignored!"), 1);
    assert_true(lets_in(&rig, "authorization", "Bearer first"));
    assert_true(lets_in(&rig, "authorization", "Bearer second"));
    assert_false(lets_in(&rig, "authorization", "Bearer ignored"));
    assert_false(lets_in(&rig, "authorization", "Bearer of"));
    assert_false(lets_in(&rig, "authorization", "Bearer "));
    write_file("fresh token of today\n");
    otc_vhost_advance(rig.vhost, OTC_SECOND);
    assert_true(lets_in(&rig, "authorization", "Bearer fresh"));
    assert_false(lets_in(&rig, "authorization", "Bearer first"));
    assert_int_equal(otc_test_auth_headers(rig.component, &sink, &err), OTC_OK);
    assert_string_equal(sink.text, "Authorization=Bearer fresh");
    assert_int_equal(otc_vhost_logged(rig.vhost, "refresh token"), 1);
    /* What cannot be used leaves things as they are, and is told once. */
    write_file(" \n");
    otc_vhost_advance(rig.vhost, 3 * OTC_SECOND);
    assert_true(lets_in(&rig, "authorization", "Bearer fresh"));
    assert_int_equal(otc_vhost_logged(rig.vhost, "tokens not read again"), 1);
    assert_int_equal(remove(otc_scratch_path()), 0);
    otc_vhost_advance(rig.vhost, 3 * OTC_SECOND);
    assert_true(lets_in(&rig, "authorization", "Bearer fresh"));
    assert_int_equal(otc_vhost_logged(rig.vhost, "tokens not read again"), 2);
    write_file("back\n");
    otc_vhost_advance(rig.vhost, OTC_SECOND);
    assert_true(lets_in(&rig, "authorization", "Bearer back"));
    assert_int_equal(rig.component->ops->shutdown(rig.component, 0, &err), OTC_OK);
    assert_int_equal(otc_vhost_next_timer(rig.vhost), -1);
    otc_rig_free(&rig);
    assert_int_equal(remove(otc_scratch_path()), 0);
}

static void
a_missing_file_is_an_error_unless_awaited(void **state)
{
    struct otc_rig rig = {0};
    struct otc_test_auth_sink sink;
    struct otc_error err = OTC_ERROR_INIT;
    char yaml[256];

    (void)state;
    snprintf(yaml, sizeof(yaml), "{filename: %s}", otc_scratch_path());
    assert_int_equal(try_start(&rig, yaml, &err), OTC_FAILED_PRECONDITION);
    assert_non_null(strstr(err.text, "filename: open "));
    assert_non_null(strstr(err.text, "No such file or directory"));
    otc_rig_free(&rig);
    write_file("\n");
    assert_int_equal(try_start(&rig, yaml, &err), OTC_FAILED_PRECONDITION);
    assert_non_null(strstr(err.text, "no token in it"));
    otc_rig_free(&rig);
    assert_int_equal(remove(otc_scratch_path()), 0);
    snprintf(yaml, sizeof(yaml), "{filename: %s, file_retry: {enabled: true}}", otc_scratch_path());
    start(&rig, yaml);
    assert_false(lets_in(&rig, "authorization", "Bearer late"));
    assert_false(lets_in(&rig, "authorization", "Bearer "));
    assert_int_equal(otc_test_auth_headers(rig.component, &sink, &err), OTC_UNAVAILABLE);
    write_file("late");
    otc_vhost_advance(rig.vhost, OTC_SECOND);
    assert_true(lets_in(&rig, "authorization", "Bearer late"));
    otc_rig_free(&rig);
    assert_int_equal(remove(otc_scratch_path()), 0);
}

static void
wrong_settings_are_refused(void **state)
{
    struct otc_error err = OTC_ERROR_INIT;

    (void)state;
    assert_true(otc_test_refuses(factory, "{}", "no bearer token provided", &err));
    assert_true(otc_test_refuses(factory, "{token: a, tokens: [b]}",
                                 "either tokens or token should be provided, not both", &err));
    assert_true(otc_test_refuses(factory, "{token: a, header: 'a b'}", "header: must be", &err));
    assert_true(otc_test_refuses(factory, "{token: a, header: ''}", "header: must be", &err));
    assert_true(otc_test_refuses(factory, "{token: \"s3cr3t\\r\\nX: y\"}", "no control characters", &err));
    assert_null(strstr(err.text, "s3cr3t"));
    assert_true(otc_test_refuses(factory, "{tokens: [s3cr3t, '']}", "tokens: token 1 is empty", &err));
    assert_true(otc_test_refuses(factory, "{tokens: s3cr3t: 1}", "", &err));
    assert_true(otc_test_refuses(factory, "{tokn: s3cr3t}", "has invalid keys: tokn", &err));
    assert_null(strstr(err.text, "s3cr3t"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_its_token_alone),
        cmocka_unit_test(takes_one_of_several),
        cmocka_unit_test(reads_its_file_again),
        cmocka_unit_test(a_missing_file_is_an_error_unless_awaited),
        cmocka_unit_test(wrong_settings_are_refused),
    };

    return cmocka_run_group_tests(tests, otc_scratch_setup, otc_scratch_teardown);
}
