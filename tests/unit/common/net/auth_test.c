// SPDX-License-Identifier: Apache-2.0
/* Authenticators: how they are found, and that a server shows them every request before anything else. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "common/net/server.h"
#include "tests/harness/http_get.h"
#include "tests/harness/rig.h"
#include "tests/harness/vhost.h"

/* ---- An authenticator that knows one password ---------------------------------------------------- */

struct doorman {
    struct otc_component component;
    struct otc_authenticator authenticator;
    otc_status verdict; /* of who does not know it */
    int asked;
};

static otc_status
check(struct otc_authenticator *self, const struct otc_auth_request *request, struct otc_auth_sink *learnt,
      struct otc_error *err)
{
    struct doorman *doorman = OTC_CONTAINER(self, doorman, authenticator);

    doorman->asked++;
    if (otc_equal_in_constant_time(request->header(request, "X-Password"), otc_slice_str("open sesame"))) {
        learnt->put(learnt, otc_slice_str("username"), otc_slice_str("ali"));
        /* What lies in the head, and long enough for its texts to move. */
        for (int i = 0; i < 6; i++) {
            learnt->put(learnt, otc_slice_str("raw"), request->header(request, "x-long"));
        }
        return OTC_OK;
    }
    return otc_fail(err, doorman->verdict, "the door is closed");
}

static otc_status
headers(struct otc_authenticator *self, struct otc_auth_sink *sink, struct otc_error *err)
{
    (void)self;
    (void)err;
    sink->put(sink, otc_slice_str("X-Password"), otc_slice_str("open sesame"));
    return OTC_OK;
}

static struct otc_authenticator *
authenticator(struct otc_component *component)
{
    return &OTC_CONTAINER(component, doorman, component)->authenticator;
}

static const struct otc_component_ops doorman_ops = {.abi = OTC_ABI_OF(otc_component_ops),
                                                     .authenticator = authenticator};
/* As one that was built before authenticators were. */
static const struct otc_component_ops old_ops = {
    .abi = {offsetof(struct otc_component_ops, authenticator), OTC_ABI_VERSION},
    .authenticator = authenticator};

static struct doorman
doorman_of(const struct otc_component_ops *ops)
{
    return (struct doorman){
        .component = {OTC_ABI_OF(otc_component), ops},
        .authenticator = {OTC_ABI_OF(otc_authenticator), check, headers, "Sesame"},
        .verdict = OTC_UNAUTHENTICATED,
    };
}

/* ---- Finding ------------------------------------------------------------------------------------- */

static void
finds_what_was_named(void **state)
{
    struct otc_vhost *vhost = otc_vhost_new();
    struct otc_host *host = otc_vhost_host(vhost);
    struct doorman doorman = doorman_of(&doorman_ops), old = doorman_of(&old_ops);
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_authenticator *found;

    (void)state;
    otc_vhost_add_extension(vhost, "door/1", &doorman.component);
    otc_vhost_add_extension(vhost, "old", &old.component);
    assert_int_equal(otc_authenticator_find(host, "door/1", OTC_OFFERS_SERVER_AUTH, &found, &err), OTC_OK);
    assert_ptr_equal(found, &doorman.authenticator);
    assert_int_equal(otc_authenticator_find(host, "door", OTC_OFFERS_SERVER_AUTH, &found, &err),
                     OTC_FAILED_PRECONDITION);
    assert_string_equal(err.text, "failed to resolve authenticator \"door\": authenticator not found");
    assert_int_equal(otc_authenticator_find(host, "old", OTC_OFFERS_SERVER_AUTH, &found, &err),
                     OTC_FAILED_PRECONDITION);
    doorman.authenticator.check = NULL;
    assert_int_equal(otc_authenticator_find(host, "door/1", OTC_OFFERS_CLIENT_AUTH, &found, &err), OTC_OK);
    assert_int_equal(otc_authenticator_find(host, "door/1", OTC_OFFERS_SERVER_AUTH, &found, &err),
                     OTC_FAILED_PRECONDITION);
    assert_non_null(strstr(err.text, "requested authenticator is not a server authenticator"));
    doorman.authenticator.headers = NULL;
    assert_int_equal(otc_authenticator_find(host, "door/1", OTC_OFFERS_CLIENT_AUTH, &found, &err),
                     OTC_FAILED_PRECONDITION);
    assert_non_null(strstr(err.text, "requested authenticator is not a client authenticator"));
    otc_vhost_free(vhost);
}

static void
compares_whole_texts(void **state)
{
    (void)state;
    assert_true(otc_equal_in_constant_time(otc_slice_str("abc"), otc_slice_str("abc")));
    assert_true(otc_equal_in_constant_time(otc_slice_str(""), OTC_SLICE_NONE));
    assert_false(otc_equal_in_constant_time(otc_slice_str("abc"), otc_slice_str("abd")));
    assert_false(otc_equal_in_constant_time(otc_slice_str("abc"), otc_slice_str("abcd")));
    assert_false(otc_equal_in_constant_time(otc_slice_str("abc"), OTC_SLICE_NONE));
}

/* ---- A server that asks it ----------------------------------------------------------------------- */

struct fixture {
    struct otc_vhost *vhost;
    struct doorman doorman;
    struct otc_server *server;
    int served;
    char long_value[1001];
};

static void
serve(void *arg, struct otc_exchange *exchange)
{
    struct fixture *fixture = arg;
    struct otc_field_line line;

    fixture->served++;
    assert_true(otc_exchange_auth_at(exchange, 0, &line));
    assert_true(otc_slice_equal_str(line.name, "username"));
    for (size_t i = 1; i <= 6; i++) {
        struct otc_field_line raw;

        assert_true(otc_exchange_auth_at(exchange, i, &raw));
        assert_true(otc_slice_equal_str(raw.name, "raw"));
        assert_true(otc_slice_equal(raw.value, otc_slice_str(fixture->long_value)));
    }
    assert_false(otc_exchange_auth_at(exchange, 7, &(struct otc_field_line){{0}, {0}}));
    otc_exchange_respond_text(exchange, 200, "text/plain", line.value);
}

static const struct otc_page page = {"/", serve};

static otc_status
open_fixture(struct fixture *fixture, const struct otc_server_auth *auth, struct otc_error *err)
{
    struct otc_server_options options = {
        .endpoint = otc_scratch_path(), .unix_socket = true, .auth = auth, .arg = fixture};

    fixture->vhost = otc_vhost_new();
    fixture->doorman = doorman_of(&doorman_ops);
    otc_vhost_add_extension(fixture->vhost, "door", &fixture->doorman.component);
    options.host = otc_vhost_host(fixture->vhost);
    return otc_pages_open(&options, &page, 1, &fixture->server, err);
}

static void
close_fixture(struct fixture *fixture)
{
    otc_server_free(fixture->server);
    otc_vhost_free(fixture->vhost);
}

static int
get(const char *method, const char *target, const char *lines, struct otc_buf *out)
{
    otc_buf_clear(out);
    return otc_http_request(otc_scratch_path(), method, target, lines, out);
}

static void
a_server_asks_first(void **state)
{
    static char door[] = "door", param[] = "x-password";
    static char *params[] = {param};
    const struct otc_server_auth auth = {door, {params, 1}};
    OTC_AUTO_BUF struct otc_buf out = {.limit = 65536};
    struct fixture fixture = {0};
    struct otc_error err = OTC_ERROR_INIT;
    char lines[1200];

    (void)state;
    if (open_fixture(&fixture, &auth, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(get("GET", "/", "x-password: open sesame\r\n", &out), 200);
    assert_string_equal(otc_http_body(&out), "ali");
    memset(fixture.long_value, 'x', sizeof(fixture.long_value) - 1);
    snprintf(lines, sizeof(lines), "x-password: open sesame\r\nx-long: %s\r\n", fixture.long_value);
    assert_int_equal(get("GET", "/", lines, &out), 200);
    assert_string_equal(otc_http_body(&out), "ali");
    fixture.long_value[0] = '\0';
    assert_int_equal(get("GET", "/?a=b&x-password=open%20sesam%65&c", "X-Password: wrong\r\n", &out), 200);
    assert_int_equal(get("GET", "/?x-password=open+sesame", "", &out), 200);
    assert_int_equal(fixture.served, 4);
    /* A stranger learns neither which pages there are nor which methods. */
    assert_int_equal(get("GET", "/", "", &out), 401);
    assert_string_equal(otc_http_body(&out), "the door is closed");
    assert_non_null(strstr(otc_buf_cstr(&out), "www-authenticate: Sesame\r\n"));
    assert_int_equal(get("GET", "/nowhere", "X-Password: open\r\n", &out), 401);
    assert_int_equal(get("POST", "/", "X-Password: open sesame2\r\n", &out), 401);
    assert_int_equal(get("GET", "/?x-password=wrong", "X-Password: open sesame\r\n", &out), 401);
    fixture.doorman.verdict = OTC_UNAVAILABLE;
    assert_int_equal(get("GET", "/", "", &out), 503);
    assert_int_equal(fixture.doorman.asked, 9);
    assert_int_equal(fixture.served, 4);
    close_fixture(&fixture);
}

static void
a_server_without_its_authenticator_does_not_open(void **state)
{
    static char other[] = "window";
    const struct otc_server_auth auth = {.authenticator = other};
    struct fixture fixture = {0};
    struct otc_error err = OTC_ERROR_INIT;

    (void)state;
    assert_int_equal(open_fixture(&fixture, &auth, &err), OTC_FAILED_PRECONDITION);
    assert_non_null(strstr(err.text, "failed to resolve authenticator \"window\""));
    assert_null(fixture.server);
    close_fixture(&fixture);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_was_named),
        cmocka_unit_test(compares_whole_texts),
        cmocka_unit_test(a_server_asks_first),
        cmocka_unit_test(a_server_without_its_authenticator_does_not_open),
    };

    return cmocka_run_group_tests(tests, otc_scratch_setup, otc_scratch_teardown);
}
