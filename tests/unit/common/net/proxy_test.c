// SPDX-License-Identifier: Apache-2.0
/* The cases of golang.org/x/net/http/httpproxy's tests (UseProxyTests, ProxyFromEnvironmentTests), less those
 * of CGI. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "common/net/proxy.h"

static void
hosts_are_left_out_as_in_go(void **state)
{
    static const struct otc_proxy_env env = {
        "http://proxy:1", "http://proxy:1",
        "foobar.com, .barbaz.net, 192.168.1.1, 192.168.1.2:81, 192.168.1.3:80, 10.0.0.0/30, "
        "2001:db8::52:0:1, "
        "[2001:db8::52:0:2]:443, [2001:db8::52:0:3]:80, 2002:db8:a::45/64"};
    static const struct {
        const char *host;
        bool proxied;
    } cases[] = {
        {"localhost", false},
        {"127.0.0.1", false},
        {"127.0.0.2", false},
        {"[::1]", false},
        {"[::2]", true},
        {"192.168.1.1", false},
        {"192.168.1.2", true},
        {"192.168.1.3", false},
        {"192.168.1.4", true},
        {"10.0.0.2", false},
        {"[2001:db8::52:0:1]", false},
        {"[2001:db8::52:0:2]", true},
        {"[2001:db8::52:0:3]", false},
        {"[2002:db8:a::123]", false},
        {"[fe80::424b:c8be:1643:a1b6]", true},
        {"barbaz.net", true},
        {"www.barbaz.net", false},
        {"foobar.com", false},
        {"www.foobar.com", false},
        {"foofoobar.com", true},
        {"baz.com", true},
        {"localhost.net", true},
        {"local.localhost", true},
        {"barbarbaz.net", true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char url[128];

        snprintf(url, sizeof(url), "http://%s/v1/traces", cases[i].host);
        if ((otc_proxy_for(&env, url) != NULL) != cases[i].proxied) {
            fail_msg("%s", cases[i].host);
        }
    }
}

static void
schemes_choose_the_variable(void **state)
{
    const struct otc_proxy_env env = {"http://plain", "http://secure", NULL};
    const struct otc_proxy_env secure_only = {NULL, "http://secure", NULL};
    const struct otc_proxy_env none = {"http://plain", "http://secure", "*"};
    const struct otc_proxy_env ports = {"http://plain", "http://secure", "example.com:8080,*.below.org"};

    (void)state;
    assert_string_equal(otc_proxy_for(&env, "http://example.com/"), "http://plain");
    assert_string_equal(otc_proxy_for(&env, "https://example.com/"), "http://secure");
    assert_null(otc_proxy_for(&secure_only, "http://example.com/"));
    assert_null(otc_proxy_for(&none, "https://example.com/"));
    assert_null(otc_proxy_for(&ports, "http://user:pass@EXAMPLE.com:8080/x?y"));
    assert_non_null(otc_proxy_for(&ports, "http://example.com/"));
    assert_null(otc_proxy_for(&ports, "http://a.below.org"));
    assert_non_null(otc_proxy_for(&ports, "http://below.org"));
    assert_null(otc_proxy_for(&env, "no url"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts_are_left_out_as_in_go),
        cmocka_unit_test(schemes_choose_the_variable),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
