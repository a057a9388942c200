// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "tests/harness/rig.h"

extern const struct otc_factory otc_pprof_extension_factory;
static const struct otc_factory *const factory = &otc_pprof_extension_factory;

#define ALL_KEYS                                                                                             \
    "{endpoint: '0.0.0.0:1777', block_profile_fraction: 3, mutex_profile_fraction: 5, dialer: {timeout: "    \
    "1s}}"

/** As the Collector's testbed writes it, and with all of its keys. */
static void
is_accepted_and_says_that_it_does_nothing(void **state)
{
    static const char *const yaml[] = {"", "{save_to_file: /nonexistent/agent.prof}", ALL_KEYS};

    (void)state;
    for (size_t i = 0; i < sizeof(yaml) / sizeof(yaml[0]); i++) {
        struct otc_rig rig = {0};
        struct otc_error err = OTC_ERROR_INIT;

        if (otc_rig_create(&rig, factory, yaml[i], &err) != OTC_OK ||
            rig.component->ops->start(rig.component, &err) != OTC_OK) {
            fail_msg("%s", err.text);
        }
        assert_int_equal(otc_vhost_logged(rig.vhost, "pprof does nothing"), 1);
        otc_rig_free(&rig);
    }
}

static void
other_keys_are_refused(void **state)
{
    struct otc_error err = OTC_ERROR_INIT;

    (void)state;
    assert_true(otc_test_refuses(factory, "{save_to: x}", "has invalid keys: save_to", &err));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_accepted_and_says_that_it_does_nothing),
        cmocka_unit_test(other_keys_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
