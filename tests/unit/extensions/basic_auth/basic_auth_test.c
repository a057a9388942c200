// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "common/base/base64.h"
#include "common/base/clock.h"
#include "tests/harness/auth.h"
#include "tests/harness/rig.h"

extern const struct otc_factory otc_basic_auth_extension_factory;
static const struct otc_factory *const factory = &otc_basic_auth_extension_factory;

static void
start(struct otc_rig *rig, const char *yaml)
{
    struct otc_error err = OTC_ERROR_INIT;

    if (otc_rig_create(rig, factory, yaml, &err) != OTC_OK ||
        rig->component->ops->start(rig->component, &err) != OTC_OK) {
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

/** Asks with "Basic base64(pair)". */
static otc_status
ask(struct otc_rig *rig, const char *pair, struct otc_test_auth_sink *sink, struct otc_error *err)
{
    OTC_AUTO_BUF struct otc_buf value = {.limit = 8192};

    otc_buf_append_str(&value, "Basic ");
    assert_true(otc_base64_encode(otc_slice_str(pair), true, &value));
    return otc_test_check(rig->component, "authorization", otc_buf_cstr(&value), sink, err);
}

static bool
lets_in(struct otc_rig *rig, const char *pair)
{
    struct otc_test_auth_sink sink;
    struct otc_error err;
    otc_status status = ask(rig, pair, &sink, &err);

    if (status == OTC_OK) {
        return true;
    }
    assert_int_equal(status, OTC_UNAUTHENTICATED);
    assert_string_equal(err.text, "invalid credentials");
    assert_string_equal(sink.text, "");
    return false;
}

/* bcrypt, apr1 and SHA: https://httpd.apache.org/docs/2.4/misc/password_encryptions.html; crypt: glibc's. */
static const char all_kinds[] = "{htpasswd: {inline: \"# users\\n\\n"
                                "bcrypt:$2y$05$c4WoMPo3SXsafkva.HHa6uXQZWr7oboPiC2bT/r7q1BB8I2s0BRqC\\n"
                                "apr1:$apr1$qHDFfhPC$nITSVHgYbDAK1Y0acGRnY0\\r\\n"
                                "sha:{SHA}VBPuJHI7uixaa6LQGWx4s+5GKNE=\\n"
                                "ssha:{SSHA}7C7H9x0jc3eKN2hwCaB+zU5nwVdzYWx0c2FsdA==\\n"
                                "sha256:$5$saltstring$MkP5qKcKBbjj8bsVcXLwsVnoyIfhVxvKRnDs04znYE3\\n"
                                "sha512:$6$saltstring$yrgUIlOJWK3OC/"
                                "JndpXBztq8EQRRmKpDrP7qooKJH3.xzzwFiERNtfwXrr7p9zwxoynqwD6kq/zg0QrS8jKUP1\\n"
                                "md5:$1$saltstri$qE3GpqTviUxbaUfCHa10P1\\n"
                                "plain:myPassword\"}}";

static void
knows_each_kind_of_hash(void **state)
{
    static const char *const names[] = {"bcrypt", "apr1", "sha", "ssha", "sha256", "sha512", "md5", "plain"};
    struct otc_rig rig = {0};

    (void)state;
    start(&rig, all_kinds);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char pair[64];

        for (int again = 0; again < 2; again++) {
            snprintf(pair, sizeof(pair), "%s:myPassword", names[i]);
            if (!lets_in(&rig, pair)) {
                fail_msg("%s", pair);
            }
            snprintf(pair, sizeof(pair), "%s:mypassword", names[i]);
            assert_false(lets_in(&rig, pair));
            snprintf(pair, sizeof(pair), "%s:myPassword ", names[i]);
            assert_false(lets_in(&rig, pair));
            snprintf(pair, sizeof(pair), "%s:", names[i]);
            assert_false(lets_in(&rig, pair));
        }
    }
    assert_false(lets_in(&rig, "nobody:myPassword"));
    assert_false(lets_in(&rig, ":myPassword"));
    /* The hash itself is no password. */
    assert_false(lets_in(&rig, "apr1:$apr1$qHDFfhPC$nITSVHgYbDAK1Y0acGRnY0"));
    assert_false(lets_in(&rig, "# users:"));
    assert_int_equal(otc_vhost_logs(rig.vhost), 0);
    otc_rig_free(&rig);
}

/* As `openssl passwd -apr1` has them. */
static void
apr1_takes_any_length(void **state)
{
    struct otc_rig rig = {0};

    (void)state;
    start(&rig, "{htpasswd: {inline: "
                "\"e:$apr1$x$tMwYqBfQwi3FYAr0aJc8M/\\nl:$apr1$saltsalt$pY.7gJTepL8HW4XQR/AuX1\"}}");
    assert_true(lets_in(&rig, "e:"));
    assert_false(lets_in(&rig, "e:x"));
    assert_true(lets_in(&rig, "l:a much longer password than thirty-two bytes, with some more after it"));
    assert_false(lets_in(&rig, "l:a much longer password than thirty-two bytes, with some more after i"));
    otc_rig_free(&rig);
}

static void
refuses_what_is_no_basic_auth(void **state)
{
    static const struct {
        const char *value, *text;
    } cases[] = {
        {NULL, "no basic auth provided"},
        {"", "no basic auth provided"},
        {"Bearer abc", "invalid authorization scheme prefix"},
        {"Basi", "invalid authorization scheme prefix"},
        {"Basic", "invalid authorization scheme prefix"},
        {"Basic ", "invalid authorization format"},
        {"Basic !!!!", "invalid authorization format"},
        {"Basic bm9jb2xvbg==", "invalid authorization format"},
        {"Basic dTpw dTpw", "invalid authorization format"},
    };
    struct otc_rig rig = {0};
    struct otc_test_auth_sink sink;
    struct otc_error err;

    (void)state;
    start(&rig, "{htpasswd: {inline: 'u:p'}}");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(otc_test_check(rig.component, "authorization", cases[i].value, &sink, &err),
                         OTC_UNAUTHENTICATED);
        assert_string_equal(err.text, cases[i].text);
    }
    assert_int_equal(otc_test_check(rig.component, "authorization", "bAsIc dTpw", &sink, &err), OTC_OK);
    assert_string_equal(sink.text, "username=u raw=dTpw");
    /* A password may hold colons; a server gives no headers. */
    assert_false(lets_in(&rig, "u:p:p"));
    assert_null(rig.component->ops->authenticator(rig.component)->headers);
    assert_string_equal(rig.component->ops->authenticator(rig.component)->challenge,
                        "Basic realm=\"otelcol-aimon\"");
    otc_rig_free(&rig);
}

static void
reads_its_file_again(void **state)
{
    struct otc_rig rig = {0};
    char yaml[256];

    (void)state;
    write_file("a:one\nb:two\nno colon\n:no name\nc:$2y$99$nonsense\n");
    snprintf(yaml, sizeof(yaml), "{htpasswd: {file: %s, inline: \"b:three\"}}", otc_scratch_path());
    start(&rig, yaml);
    assert_int_equal(otc_vhost_logged(rig.vhost, "lines of htpasswd cannot be used"), 1);
    assert_string_equal(otc_vhost_log(rig.vhost, 0).fields, "lines=3");
    assert_true(lets_in(&rig, "a:one"));
    assert_false(lets_in(&rig, "b:two"));
    assert_true(lets_in(&rig, "b:three"));
    assert_false(lets_in(&rig, "c:$2y$99$nonsense"));
    write_file("a:four\n");
    otc_vhost_advance(rig.vhost, OTC_SECOND);
    assert_false(lets_in(&rig, "a:one"));
    assert_true(lets_in(&rig, "a:four"));
    assert_true(lets_in(&rig, "b:three"));
    assert_int_equal(remove(otc_scratch_path()), 0);
    otc_vhost_advance(rig.vhost, 2 * OTC_SECOND);
    assert_true(lets_in(&rig, "a:four"));
    assert_int_equal(otc_vhost_logged(rig.vhost, "credentials not read again"), 1);
    otc_rig_free(&rig);
}

/** Wrong passwords cannot hold up the thread that serves everybody. */
static void
hashing_has_its_share_of_the_time(void **state)
{
    struct otc_rig rig = {0};
    struct otc_test_auth_sink sink;
    struct otc_error err;
    int hashed = 0;

    (void)state;
    start(&rig, "{htpasswd: {inline: \"u:p\\nv:q\"}}");
    assert_true(lets_in(&rig, "u:p"));
    otc_vhost_set_step(rig.vhost, 100 * OTC_MILLISECOND); /* a hash takes this long */
    while (hashed < 100 && ask(&rig, "u:wrong", &sink, &err) == OTC_UNAUTHENTICATED) {
        hashed++;
    }
    assert_true(hashed >= 5 && hashed < 20);
    assert_int_equal(err.status, OTC_UNAVAILABLE);
    assert_true(err.retry_after_ms > 0);
    otc_vhost_set_step(rig.vhost, 0);
    assert_int_equal(ask(&rig, "v:q", &sink, &err), OTC_UNAVAILABLE);
    /* Who is known comes in, who does not exist costs nothing. */
    assert_int_equal(ask(&rig, "u:p", &sink, &err), OTC_OK);
    assert_int_equal(ask(&rig, "w:x", &sink, &err), OTC_UNAUTHENTICATED);
    otc_vhost_advance(rig.vhost, 3 * OTC_SECOND);
    assert_int_equal(ask(&rig, "v:q", &sink, &err), OTC_OK);
    otc_rig_free(&rig);
}

static void
sends_its_credentials(void **state)
{
    struct otc_rig rig = {0};
    struct otc_test_auth_sink sink;
    struct otc_error err;
    char yaml[256];

    (void)state;
    start(&rig, "{client_auth: {username: Aladdin, password: 'open sesame'}}"); /* RFC 7617's */
    assert_int_equal(otc_test_auth_headers(rig.component, &sink, &err), OTC_OK);
    assert_string_equal(sink.text, "Authorization=Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    assert_null(rig.component->ops->authenticator(rig.component)->check);
    otc_rig_free(&rig);
    write_file("wrong\n");
    snprintf(yaml, sizeof(yaml), "{client_auth: {username: Aladdin, password: no, password_file: %s}}",
             otc_scratch_path());
    start(&rig, yaml);
    write_file(" open sesame\r\n");
    otc_vhost_advance(rig.vhost, OTC_SECOND);
    assert_int_equal(otc_test_auth_headers(rig.component, &sink, &err), OTC_OK);
    assert_string_equal(sink.text, "Authorization=Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    otc_rig_free(&rig);
    write_file("Aladdin");
    snprintf(yaml, sizeof(yaml), "{client_auth: {username_file: %s, password: 'open sesame'}}",
             otc_scratch_path());
    start(&rig, yaml);
    assert_int_equal(otc_test_auth_headers(rig.component, &sink, &err), OTC_OK);
    assert_string_equal(sink.text, "Authorization=Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    write_file("Ala:ddin");
    otc_vhost_advance(rig.vhost, OTC_SECOND);
    assert_int_equal(otc_test_auth_headers(rig.component, &sink, &err), OTC_OK);
    assert_string_equal(sink.text, "Authorization=Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    assert_int_equal(otc_vhost_logged(rig.vhost, "credentials not read again"), 1);
    otc_rig_free(&rig);
    assert_int_equal(remove(otc_scratch_path()), 0);
}

static void
wrong_settings_are_refused(void **state)
{
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_rig rig = {0};

    (void)state;
    assert_true(otc_test_refuses(factory, "{}", "no credential source provided", &err));
    assert_true(otc_test_refuses(factory, "{htpasswd: {}}", "no credential source provided", &err));
    assert_true(otc_test_refuses(factory, "{htpasswd: {inline: 'a:b'}, client_auth: {username: c}}",
                                 "only one of `htpasswd` or `client_auth` can be specified", &err));
    assert_true(
        otc_test_refuses(factory, "{client_auth: {username: 'a:b'}}", "a colon is not allowed", &err));
    assert_int_equal(otc_rig_create(&rig, factory, "{htpasswd: {file: /nonexistent/htpasswd}}", &err),
                     OTC_OK);
    assert_int_equal(rig.component->ops->start(rig.component, &err), OTC_FAILED_PRECONDITION);
    assert_string_equal(err.text, "htpasswd::file: open /nonexistent/htpasswd: No such file or directory");
    otc_rig_free(&rig);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_each_kind_of_hash),           cmocka_unit_test(apr1_takes_any_length),
        cmocka_unit_test(refuses_what_is_no_basic_auth),     cmocka_unit_test(reads_its_file_again),
        cmocka_unit_test(hashing_has_its_share_of_the_time), cmocka_unit_test(sends_its_credentials),
        cmocka_unit_test(wrong_settings_are_refused),
    };

    return cmocka_run_group_tests(tests, otc_scratch_setup, otc_scratch_teardown);
}
