// SPDX-License-Identifier: Apache-2.0
#include "common/component/target.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* "key=value" of each label, with blanks between. */
static void
expect(struct otc_target *target, const char *labels)
{
    char text[400] = "";
    size_t n = 0;

    for (size_t i = 0; i < target->n; i++) {
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s=%s", i > 0 ? " " : "", target->labels[i].key,
                              target->labels[i].value);
    }
    assert_string_equal(text, labels);
    otc_target_release(target);
    assert_int_equal(target->n, 0);
}

static void
urls_have_an_address_a_port_and_a_path(void **state)
{
    static const char *const urls[][2] = {
        {"http://127.0.0.1:4318/v1/traces", "server.address=127.0.0.1 server.port=4318 url.path=/v1/traces"},
        {"https://localhost/v1/traces", "server.address=localhost url.path=/v1/traces"},
        {"HTTPS://LocalHost:1/", "server.address=LocalHost server.port=1 url.path=/"},
        {"http://localhost:1", "server.address=localhost server.port=1"},
        {"http://[::1]:1/v1/logs", "server.address=::1 server.port=1 url.path=/v1/logs"},
        {"http://[::1]/v1/logs", "server.address=::1 url.path=/v1/logs"},
        {"https://user:pass@host:1/x?key=secret#f", "server.address=host server.port=1 url.path=/x"},
        {"http://host?y=z", "server.address=host"},
        {"http://host/a@b/t%20x%2f", "server.address=host url.path=/a@b/t x/"},
        {"http://host/%4", "server.address=host url.path=/%4"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        struct otc_target target;

        assert_true(otc_target_of_url(&target, urls[i][0]));
        expect(&target, urls[i][1]);
    }
}

static void
endpoints_of_grpc_have_no_path(void **state)
{
    static const char *const endpoints[][2] = {
        {"127.0.0.1:4317", "server.address=127.0.0.1 server.port=4317"},
        {"[::1]:4317", "server.address=::1 server.port=4317"},
        {"http://localhost:4317", "server.address=localhost server.port=4317"},
        {"https://user@localhost:4317/x", "server.address=localhost server.port=4317"},
        {"unix:///run/otlp.sock", "server.address=unix"},
        {"dns:///localhost:4317", "server.address=dns:///localhost:4317"},
        {"", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(endpoints) / sizeof(endpoints[0]); i++) {
        struct otc_target target;

        assert_true(otc_target_of_endpoint(&target, endpoints[i][0]));
        expect(&target, endpoints[i][1]);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_have_an_address_a_port_and_a_path),
        cmocka_unit_test(endpoints_of_grpc_have_no_path),
    };

    return cmocka_run_group_tests_name("common/component/target", tests, NULL, NULL);
}
