// SPDX-License-Identifier: Apache-2.0
#include "sidecar/log.h"

#include "common/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <unistd.h>

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
    struct otc_logs_settings settings = {.level = {OTC_LOG_INFO}, .disable_caller = true};
    char expected[200];
    struct fixture f;

    (void)state;
    open_log(&f);
    snprintf(expected, sizeof(expected),
             "2026-08-21T22:39:16.000Z\tinfo\tsidecar/log_test.c:%d\tEverything is ready. Begin running and "
             "processing data.\n",
             __LINE__ + 1);
    otc_log(&f.sink.logger, OTC_LOG_INFO, NULL, "Everything is ready. Begin running and processing data.");
    assert_string_equal(f.text, expected);
    otc_log_sink_configure(&f.sink, &settings, NULL, 0, NULL);
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
    otc_log_sink_configure(&f.sink, &settings, NULL, 0, NULL);
    otc_log(&f.sink.logger, OTC_LOG_INFO, NULL, "no");
    otc_log(&f.sink.logger, OTC_LOG_ERROR, NULL, "yes");
    assert_int_equal(lines(&f), 1);
    assert_non_null(strstr(f.text, "\tyes\n"));
    /* zap's graver levels: nothing here is as grave. */
    settings.level.index = 6;
    otc_log_sink_configure(&f.sink, &settings, NULL, 0, NULL);
    otc_log(&f.sink.logger, OTC_LOG_ERROR, NULL, "no");
    assert_int_equal(lines(&f), 1);
    close_log(&f);
}

static void
json_lines_carry_resource_and_initial_fields(void **state)
{
    static const struct otc_label resource[] = {{"service.name", "x"}};
    struct otc_logs_settings settings = {.level = {OTC_LOG_INFO}, .encoding = {1}, .disable_caller = true};
    struct otc_document *doc = NULL;
    struct fixture f;

    (void)state;
    assert_int_equal(
        otc_document_parse(otc_slice_str("{a: b, n: 3, t: true, m: {l: [1, x], z: }}"), "t", &doc, NULL),
        OTC_OK);
    settings.initial_fields = otc_document_root(doc);
    open_log(&f);
    otc_log_sink_configure(&f.sink, &settings, resource, 1, NULL);
    otc_log(&f.sink.logger, OTC_LOG_INFO, "otlp", "hello", OTC_FIELD_TEXT("k", "v"));
    assert_string_equal(
        f.text, "{\"level\":\"info\",\"ts\":\"2026-08-21T22:39:16.000Z\",\"msg\":\"hello\",\"a\":\"b\","
                "\"n\":3,\"t\":true,\"m\":{\"l\":[1,\"x\"],\"z\":null},\"resource\":{\"service.name\":\"x\"},"
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
    otc_log_sink_configure(&f.sink, &settings, NULL, 0, NULL);
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

static const char component_id[] = "otlp";

static void
scope_of(const void *arg, const char *component, struct otc_log_scope *out)
{
    assert_ptr_equal(arg, component_id);
    if (component == component_id) {
        *out = (struct otc_log_scope){"processor", "traces/2", "traces", NULL};
    }
}

static void
lines_say_what_the_component_is(void **state)
{
    struct fixture f;

    (void)state;
    open_log(&f);
    otc_log_sink_set_scope(&f.sink, scope_of, component_id);
    otc_log(&f.sink.logger, OTC_LOG_INFO, component_id, "hello");
    assert_non_null(strstr(f.text, "\thello\t{\"otelcol.component.id\":\"otlp\",\"otelcol.component.kind\":"
                                   "\"processor\",\"otelcol.pipeline.id\":\"traces/2\","
                                   "\"otelcol.signal\":\"traces\"}\n"));
    otc_log(&f.sink.logger, OTC_LOG_INFO, "another", "hello");
    assert_non_null(strstr(f.text, "\thello\t{\"otelcol.component.id\":\"another\"}\n"));
    otc_log_sink_set_scope(&f.sink, NULL, NULL);
    otc_log(&f.sink.logger, OTC_LOG_INFO, component_id, "again");
    assert_non_null(strstr(f.text, "\tagain\t{\"otelcol.component.id\":\"otlp\"}\n"));
    close_log(&f);
}

static size_t
count_in_file(const char *path, const char *what)
{
    char text[1024] = "";
    FILE *file = fopen(path, "r");
    size_t n = 0, len;

    assert_non_null(file);
    len = fread(text, 1, sizeof(text) - 1, file);
    text[len] = '\0';
    fclose(file);
    for (const char *at = strstr(text, what); at != NULL; at = strstr(at + 1, what)) {
        n++;
    }
    return n;
}

static void
lines_go_to_every_output(void **state)
{
    char one[] = "/tmp/aimon-log-XXXXXX", two[] = "file:///tmp/aimon-log-XXXXXX", moved[64];
    char missing[] = "/nonexistent/folder/file";
    char *paths[] = {one, two}, *bad[] = {one, missing};
    struct otc_logs_settings settings = {.level = {OTC_LOG_INFO}, .output_paths = {paths, 2}};
    struct otc_error err = OTC_ERROR_INIT;
    struct fixture f;

    (void)state;
    close(mkstemp(one));
    close(mkstemp(two + 7));
    open_log(&f);
    assert_int_equal(otc_log_sink_configure(&f.sink, &settings, NULL, 0, &err), OTC_OK);
    otc_log(&f.sink.logger, OTC_LOG_INFO, NULL, "hello");
    assert_int_equal(count_in_file(one, "hello"), 1);
    assert_int_equal(count_in_file(two + 7, "hello"), 1);
    assert_int_equal(f.len, 0);

    /* A file that was moved away is made anew at the next configuration: log rotation. */
    snprintf(moved, sizeof(moved), "%s.1", one);
    assert_int_equal(rename(one, moved), 0);
    assert_int_equal(otc_log_sink_configure(&f.sink, &settings, NULL, 0, &err), OTC_OK);
    otc_log(&f.sink.logger, OTC_LOG_INFO, NULL, "hello");
    assert_int_equal(count_in_file(one, "hello"), 1);
    assert_int_equal(count_in_file(moved, "hello"), 1);
    assert_int_equal(count_in_file(two + 7, "hello"), 2);

    /* One that cannot be opened changes nothing. */
    settings.output_paths.items = bad;
    assert_int_equal(otc_log_outputs_check(&settings, &err), OTC_FAILED_PRECONDITION);
    assert_int_equal(otc_log_sink_configure(&f.sink, &settings, NULL, 0, &err), OTC_FAILED_PRECONDITION);
    assert_string_equal(err.text, "service::telemetry::logs::output_paths: open sink "
                                  "\"/nonexistent/folder/file\": No such file or directory");
    otc_log(&f.sink.logger, OTC_LOG_INFO, NULL, "hello");
    assert_int_equal(count_in_file(two + 7, "hello"), 3);
    close_log(&f);
    unlink(one);
    unlink(two + 7);
    unlink(moved);
}

static void
a_line_that_cannot_be_written_is_told(void **state)
{
    char full[] = "/dev/full", errors[] = "/tmp/aimon-log-XXXXXX";
    char *paths[] = {full}, *error_paths[] = {errors};
    struct otc_logs_settings settings = {
        .level = {OTC_LOG_INFO}, .output_paths = {paths, 1}, .error_output_paths = {error_paths, 1}};
    struct otc_error err = OTC_ERROR_INIT;
    struct fixture f;

    (void)state;
    close(mkstemp(errors));
    open_log(&f);
    assert_int_equal(otc_log_sink_configure(&f.sink, &settings, NULL, 0, &err), OTC_OK);
    otc_log(&f.sink.logger, OTC_LOG_INFO, NULL, "hello");
    otc_log(&f.sink.logger, OTC_LOG_INFO, NULL, "hello");
    assert_int_equal(count_in_file(errors, " write error: No space left on device\n"), 2);
    close_log(&f);
    unlink(errors);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(console_lines_are_tab_separated),
        cmocka_unit_test(levels_are_kept),
        cmocka_unit_test(json_lines_carry_resource_and_initial_fields),
        cmocka_unit_test(equal_messages_are_thinned_out),
        cmocka_unit_test(lines_say_what_the_component_is),
        cmocka_unit_test(lines_go_to_every_output),
        cmocka_unit_test(a_line_that_cannot_be_written_is_told),
    };

    return cmocka_run_group_tests_name("sidecar/log", tests, NULL, NULL);
}
