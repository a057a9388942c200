// SPDX-License-Identifier: Apache-2.0
#include "sidecar/log.h"

#include "common/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static int64_t now_ns;

static int64_t
get_now(void)
{
    return now_ns;
}

struct fixture {
    struct otc_log_sink sink;
    FILE *file;
    char *text;
    size_t len;
};

static void
open_log(struct fixture *f)
{
    *f = (struct fixture){0};
    now_ns = INT64_C(1787351956000000000);
    f->file = open_memstream(&f->text, &f->len);
    assert_non_null(f->file);
    otc_log_sink_open(&f->sink, f->file, get_now);
}

static void
close_log(struct fixture *f)
{
    otc_log_sink_close(&f->sink);
    fclose(f->file);
    free(f->text);
}

static size_t
lines(const struct fixture *f)
{
    size_t n = 0;

    for (size_t i = 0; i < f->len; i++) {
        n += f->text[i] == '\n';
    }
    return n;
}

static void
console_lines_are_tab_separated(void **state)
{
    struct fixture f;

    (void)state;
    open_log(&f);
    otc_log(&f.sink.logger, OTC_LOG_INFO, NULL, "Everything is ready. Begin running and processing data.");
    assert_string_equal(
        f.text, "2026-08-21T22:39:16.000Z\tinfo\tEverything is ready. Begin running and processing data.\n");
    otc_log(&f.sink.logger, OTC_LOG_WARN, "drift/a", "Odd\tthing", OTC_FIELD_NUMBER("n", 2),
            OTC_FIELD_TEXT("why", "\"x\"\n"));
    assert_non_null(strstr(f.text,
                           "2026-08-21T22:39:16.000Z\twarn\tOdd thing\t{\"otelcol.component.id\":\"drift/a\","
                           "\"n\":2,\"why\":\"\\\"x\\\"\\n\"}\n"));
    close_log(&f);
}

static void
levels_are_kept(void **state)
{
    struct otc_logs_settings settings = {.level = {OTC_LOG_WARN}};
    struct fixture f;

    (void)state;
    open_log(&f);
    otc_log(&f.sink.logger, OTC_LOG_DEBUG, NULL, "no");
    otc_log_sink_configure(&f.sink, &settings, NULL, 0);
    otc_log(&f.sink.logger, OTC_LOG_INFO, NULL, "no");
    otc_log(&f.sink.logger, OTC_LOG_ERROR, NULL, "yes");
    assert_int_equal(lines(&f), 1);
    assert_non_null(strstr(f.text, "\terror\tyes\n"));
    close_log(&f);
}

static void
json_lines_carry_resource_and_initial_fields(void **state)
{
    static const struct otc_label resource[] = {{"service.name", "x"}};
    struct otc_logs_settings settings = {.level = {OTC_LOG_INFO}, .encoding = {1}};
    struct otc_document *doc = NULL;
    struct fixture f;

    (void)state;
    assert_int_equal(otc_document_parse(otc_slice_str("{a: b, n: 3, t: true}"), "t", &doc, NULL), OTC_OK);
    settings.initial_fields = otc_document_root(doc);
    open_log(&f);
    otc_log_sink_configure(&f.sink, &settings, resource, 1);
    otc_log(&f.sink.logger, OTC_LOG_INFO, "otlp", "hello", OTC_FIELD_TEXT("k", "v"));
    assert_string_equal(
        f.text, "{\"level\":\"info\",\"ts\":\"2026-08-21T22:39:16.000Z\",\"msg\":\"hello\",\"a\":\"b\","
                "\"n\":3,\"t\":true,\"resource\":{\"service.name\":\"x\"},"
                "\"otelcol.component.id\":\"otlp\",\"k\":\"v\"}\n");
    close_log(&f);
    otc_document_free(doc);
}

static void
equal_messages_are_thinned_out(void **state)
{
    struct otc_sampling_settings sampling = {
        .enabled = true, .tick = {OTC_SECOND}, .initial = 3, .thereafter = 10};
    struct otc_logs_settings settings = {.level = {OTC_LOG_INFO}, .sampling = &sampling};
    struct fixture f;

    (void)state;
    open_log(&f);
    otc_log_sink_configure(&f.sink, &settings, NULL, 0);
    for (int i = 0; i < 33; i++) {
        otc_log(&f.sink.logger, OTC_LOG_INFO, NULL, "again");
    }
    assert_int_equal(lines(&f), 6);
    otc_log(&f.sink.logger, OTC_LOG_INFO, NULL, "another");
    otc_log(&f.sink.logger, OTC_LOG_WARN, NULL, "again");
    assert_int_equal(lines(&f), 8);
    now_ns += OTC_SECOND;
    otc_log(&f.sink.logger, OTC_LOG_INFO, NULL, "again");
    assert_int_equal(lines(&f), 9);
    close_log(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(console_lines_are_tab_separated),
        cmocka_unit_test(levels_are_kept),
        cmocka_unit_test(json_lines_carry_resource_and_initial_fields),
        cmocka_unit_test(equal_messages_are_thinned_out),
    };

    return cmocka_run_group_tests_name("sidecar/log", tests, NULL, NULL);
}
