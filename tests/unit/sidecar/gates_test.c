// SPDX-License-Identifier: Apache-2.0
#include "sidecar/gates.h"

#include "tests/harness/vhost.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void
gates_stand_sorted_and_are_found(void **state)
{
    (void)state;
    for (const struct otc_gate *gate = otc_gates; gate->id != NULL; gate++) {
        assert_true(gate[1].id == NULL || strcmp(gate->id, gate[1].id) < 0);
        assert_ptr_equal(otc_gate_find(otc_slice_str(gate->id)), gate);
    }
    assert_null(otc_gate_find(otc_slice_str("service")));
}

static void
only_what_one_does_not_get_is_told(void **state)
{
    struct otc_vhost *vhost = otc_vhost_new();
    struct otc_logger *logger = otc_vhost_host(vhost)->logger;

    (void)state;
    otc_gates_log("confmap.strictlyTypedInput,-service.profilesSupport,", logger);
    assert_int_equal(otc_vhost_logs(vhost), 0);
    otc_gates_log("+service.profilesSupport,receiver.some.gate,-confmap.strictlyTypedInput", logger);
    assert_int_equal(otc_vhost_logs(vhost), 3);
    assert_string_equal(otc_vhost_log(vhost, 0).message, "Feature gate cannot be switched here");
    assert_string_equal(otc_vhost_log(vhost, 0).fields, "id=service.profilesSupport enabled=false");
    assert_string_equal(otc_vhost_log(vhost, 1).message, "Feature gate is not known here and has no effect");
    assert_string_equal(otc_vhost_log(vhost, 1).fields, "id=receiver.some.gate");
    assert_string_equal(otc_vhost_log(vhost, 2).fields, "id=confmap.strictlyTypedInput enabled=true");
    assert_int_equal(otc_vhost_log(vhost, 2).level, OTC_LOG_WARN);
    otc_vhost_free(vhost);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gates_stand_sorted_and_are_found),
        cmocka_unit_test(only_what_one_does_not_get_is_told),
    };

    return cmocka_run_group_tests_name("sidecar/gates", tests, NULL, NULL);
}
