// SPDX-License-Identifier: Apache-2.0
/* Thresholds of trace states: examples of the specification, and what the Collector's pkg/sampling refuses.
 */
#include "common/otlp/tracestate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void
test_thresholds(void **state)
{
    static const struct {
        const char *text;
        uint64_t threshold;
    } cases[] = {
        {"ot=th:8", UINT64_C(0x80000000000000)},
        {"ot=th:c", UINT64_C(0xc0000000000000)},
        {"ot=th:0", 0},
        {"ot=th:fff", UINT64_C(0xfff00000000000)},
        {"ot=th:C", UINT64_C(0xc0000000000000)},
        {"ot=th:123456789abcde", UINT64_C(0x123456789abcde)},
        {"ot=rv:00000000000001;th:8", UINT64_C(0x80000000000000)},
        {"ot=x:;th:8;zz9:a.B-_", UINT64_C(0x80000000000000)},
        {"congo=t61rcWkgMzE, ot=th:8 ,rojo=1", UINT64_C(0x80000000000000)},
        {"t@v=1,,ot=th:8", UINT64_C(0x80000000000000)},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t threshold = 1;

        if (!otc_tracestate_threshold(otc_slice_str(cases[i].text), &threshold)) {
            fail_msg("%s", cases[i].text);
        }
        assert_int_equal(threshold, cases[i].threshold);
    }
}

static void
test_none(void **state)
{
    static const char *const cases[] = {"",
                                        "x=y",
                                        "ot=rv:00000000000001",
                                        "ot=th:",
                                        "ot=th:x",
                                        "ot=th:123456789abcdef",
                                        "ot=th:8;",
                                        "ot=;th:8",
                                        "ot=th:8,Bad=1",
                                        "ot=th:8,noequal",
                                        "ot=th:8,=v",
                                        "ot=th:8,x=",
                                        "ot=th",
                                        "ot=th:8,x=\x01",
                                        "ot=rv:12;th:8",
                                        "ot=T:1;th:8",
                                        "th:8",
                                        "ot=th:8,t@V=1",
                                        "ot=th:8,a=b=c",
                                        "ot=:8"};
    char many[512] = "ot=th:8";
    uint64_t threshold;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (otc_tracestate_threshold(otc_slice_str(cases[i]), &threshold)) {
            fail_msg("%s", cases[i]);
        }
    }
    for (int i = 0; i < 32; i++) {
        (void)snprintf(many + strlen(many), sizeof(many) - strlen(many), ",k%d=v", i);
    }
    assert_false(otc_tracestate_threshold(otc_slice_str(many), &threshold));
}

/* A state that tells nothing is another thing than one that is none; `p` is what older SDKs wrote. */
static void
test_read(void **state)
{
    static const struct {
        const char *text;
        bool valid;
        int p; /* -1: none */
    } cases[] = {
        {"", true, -1},         {"x=y", true, -1},      {"ot=rv:00000000000001", true, -1},
        {"ot=th:x", false, -1}, {"noequal", false, -1}, {"ot=p:4;r:3", true, 4},
        {"ot=p:0", true, 0},    {"ot=p:62", true, 62},  {"ot=p:63", true, -1},
        {"ot=p:1x", true, -1},  {"ot=p:", true, -1},    {"ot=p:4,noequal", false, -1},
        {"ot=p:007", true, -1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct otc_sampling sampling;
        bool valid = otc_tracestate_read(otc_slice_str(cases[i].text), &sampling);

        if (valid != cases[i].valid || sampling.has_p != (cases[i].p >= 0) ||
            (sampling.has_p && (int)sampling.p != cases[i].p)) {
            fail_msg("%s: %d %u", cases[i].text, valid, sampling.p);
        }
    }
}

static void
test_writing(void **state)
{
    static const struct {
        const char *text;
        const char *randomness, *threshold;
        const char *expected;
    } cases[] = {
        {"", "", "8", "ot=th:8"},
        {"", "9b8233f7e3a151", "c", "ot=rv:9b8233f7e3a151;th:c"},
        {"ot=th:0;rv:00000000000001;p:2", "", "8", "ot=th:8;p:2"},
        {"a=1, t@s=2 ,ot=x:,, ,b=3=", "", "8", NULL},
        {"a=1, t@s=b c\t,ot=x:,, ,b=3", "", "8", "ot=th:8;x:,a=1,t@s=b c,b=3"},
        {"ot=th:1;x:1,ot=y:2", "", "8", "ot=th:8;y:2"},
        {"ot=th:8,a=1", "", "", "a=1"},
        {"ot=th:8", "", "", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct otc_sampling sampling = {.randomness_text = otc_slice_str(cases[i].randomness),
                                        .threshold_text = otc_slice_str(cases[i].threshold)};
        OTC_AUTO_BUF struct otc_buf out = {.limit = 4096};
        struct otc_sampling before, after;

        assert_int_equal(otc_tracestate_read(otc_slice_str(cases[i].text), &before),
                         cases[i].expected != NULL);
        if (!cases[i].expected) {
            continue;
        }
        assert_true(otc_tracestate_write(otc_slice_str(cases[i].text), &sampling, &out));
        assert_string_equal(otc_buf_cstr(&out), cases[i].expected);
        assert_true(otc_tracestate_read(otc_buf_slice(&out), &after));
        assert_true(otc_slice_equal(after.threshold_text, sampling.threshold_text));
        assert_true(otc_slice_equal(after.randomness_text, sampling.randomness_text));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_thresholds), cmocka_unit_test(test_writing),
                                       cmocka_unit_test(test_none), cmocka_unit_test(test_read)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
