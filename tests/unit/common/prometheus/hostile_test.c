// SPDX-License-Identifier: Apache-2.0
/* Whatever telemetry says, a page stays a page: one line in, one line out, and the values read back. */
#include "common/otlp/build.h"
#include "common/prometheus/exposition.h"
#include "common/prometheus/series.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const struct otc_metric gauge = {
    .name = "g", .type = OTC_METRIC_GAUGE, .description = "a \"b\" \\ c\nd"};

/** xorshift64*: the same strings in every run. */
static uint64_t
next_random(uint64_t *seed)
{
    *seed ^= *seed >> 12;
    *seed ^= *seed << 25;
    *seed ^= *seed >> 27;
    return *seed * UINT64_C(2685821657736338717);
}

/** A page of one gauge, one point for each value under the label v (and n, its number). */
static void
render_values(const struct otc_slice *values, size_t n, struct otc_exposition_type type, struct otc_buf *page)
{
    struct otc_exposition_options options = OTC_EXPOSITION_DEFAULTS;
    OTC_AUTO_BUF struct otc_buf request = {.limit = 64 << 20};
    struct otc_metrics_builder *builder = otc_metrics_builder_new(NULL, 0, "", "", 64 << 20);
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_slice slice;
    size_t points;

    for (size_t i = 0; i < n; i++) {
        const struct otc_attribute attributes[] = {OTC_ATTR_SLICE("v", values[i]),
                                                   OTC_ATTR_INT("n", (int64_t)i)};
        struct otc_point_head head = {.attributes = attributes, .n_attributes = 2, .time_unix_nano = 1};

        assert_true(otc_build_number(builder, &gauge, &head, (double)i));
    }
    assert_true(otc_metrics_builder_finish(builder, &request, &points));
    otc_metrics_builder_free(builder);
    slice = otc_buf_slice(&request);
    if (otc_exposition_of_requests(&options, type, &slice, 1, page, NULL, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
}

/** Reads `g{n="<number>",v="<escaped>"} <value>` and undoes the escapes. */
static bool
read_line(const char *line, size_t len, size_t *number, struct otc_buf *value)
{
    const char *end = line + len;
    unsigned long n;
    int at = 0;

    if (sscanf(line, "g{n=\"%lu\",v=\"%n", &n, &at) != 1 || at == 0) {
        return false;
    }
    *number = n;
    for (line += at; line < end && *line != '"'; line++) {
        if (*line == '\\') {
            line++;
            if (line == end || !strchr("\\\"n", *line)) {
                return false;
            }
            otc_buf_append_byte(value, *line == 'n' ? '\n' : (uint8_t)*line);
        } else {
            otc_buf_append_byte(value, (uint8_t)*line);
        }
    }
    return end - line > 3 && strncmp(line, "\"} ", 3) == 0;
}

#define N_STRINGS 20000
#define LONGEST 24

static void
random_strings_read_back(void **state)
{
    /* ASCII of every kind, and whole characters beyond it: what is no UTF-8 has its own test. */
    static const char *const pieces[] = {"\\",       "\"",
                                         "\n",       "\r",
                                         "{",        "}",
                                         "#",        " ",
                                         "=",        ",",
                                         "a",        "Z",
                                         "\t",       "\x01",
                                         "# EOF",    "\xe2\x80\xa8",
                                         "\xc3\xa9", "\xf0\x9f\x98\x80",
                                         "\\n",      "\x7f"};
    static struct otc_slice values[N_STRINGS];
    OTC_AUTO_BUF struct otc_buf text = {.limit = 64 << 20};
    OTC_AUTO_BUF struct otc_buf page = {.limit = 64 << 20};
    static size_t starts[N_STRINGS + 1];
    uint64_t seed = 88172645463325252u;
    size_t found = 0;
    const char *line;

    (void)state;
    for (size_t i = 0; i < N_STRINGS; i++) {
        starts[i] = text.len;
        /* Never empty: that would be no label. */
        for (size_t k = 1 + next_random(&seed) % LONGEST; k > 0; k--) {
            otc_buf_append_str(&text, pieces[next_random(&seed) % (sizeof(pieces) / sizeof(pieces[0]))]);
        }
    }
    starts[N_STRINGS] = text.len;
    for (size_t i = 0; i < N_STRINGS; i++) {
        values[i] = otc_slice_of(text.data + starts[i], starts[i + 1] - starts[i]);
    }
    render_values(values, N_STRINGS, (struct otc_exposition_type){OTC_OPENMETRICS_1_0_0, false}, &page);
    line = otc_buf_cstr(&page);
    for (const char *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        OTC_AUTO_BUF struct otc_buf value = {.limit = 1 << 16};
        size_t number = N_STRINGS;

        if (*line == '#') {
            continue;
        }
        assert_true(read_line(line, (size_t)(end - line), &number, &value));
        assert_true(number < N_STRINGS);
        assert_true(otc_slice_equal(otc_buf_slice(&value), values[number]));
        found++;
    }
    assert_int_equal(found, N_STRINGS);
    assert_non_null(strstr((const char *)page.data, "# HELP g a \\\"b\\\" \\\\ c\\nd\n"));
}

static void
bytes_that_are_no_text_are_replaced(void **state)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"\xff", "\xef\xbf\xbd"},
        {"a\xc3", "a\xef\xbf\xbd"},
        {"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xe2\x82\xac", "\xe2\x82\xac"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        OTC_AUTO_BUF struct otc_buf page = {.limit = 1 << 16};
        struct otc_slice value = otc_slice_str(cases[i].in);
        char want[64];

        render_values(&value, 1, (struct otc_exposition_type){OTC_TEXT_0_0_4, false}, &page);
        snprintf(want, sizeof(want), "g{n=\"0\",v=\"%s\"} 0\n", cases[i].out);
        assert_non_null(strstr(otc_buf_cstr(&page), want));
    }
}

static void
long_values_are_cut_and_told_apart(void **state)
{
    static uint8_t a[70000];
    static uint8_t b[70000];
    const struct otc_slice values[] = {{a, sizeof(a)}, {b, sizeof(b)}};
    OTC_AUTO_BUF struct otc_buf page = {.limit = 1 << 20};
    const char *first;
    const char *second;

    (void)state;
    memset(a, 'x', sizeof(a));
    memset(b, 'x', sizeof(b));
    b[sizeof(b) - 1] = 'y';
    render_values(values, 2, (struct otc_exposition_type){OTC_TEXT_0_0_4, false}, &page);
    first = strstr(otc_buf_cstr(&page), "x#");
    assert_non_null(first);
    second = strstr(first + 2, "x#");
    assert_non_null(second);
    assert_memory_not_equal(first, second, 18);
    assert_true(page.len < 4 * OTC_PROM_VALUE_MAX);
}

/** Runs `promtool check metrics` on a page; its exit status, or -1 where there is no promtool. */
static int
promtool(const struct otc_buf *page)
{
    FILE *file = tmpfile();
    int status = 0;
    pid_t child;

    assert_non_null(file);
    assert_int_equal(fwrite(page->data, 1, page->len, file), page->len);
    rewind(file);
    child = fork();
    if (child == 0) {
        if (dup2(fileno(file), STDIN_FILENO) >= 0 && freopen("/dev/null", "w", stdout) &&
            freopen("/dev/null", "w", stderr)) {
            execlp("promtool", "promtool", "check", "metrics", (char *)NULL);
        }
        _exit(127);
    }
    fclose(file);
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) && WEXITSTATUS(status) != 127 ? WEXITSTATUS(status) : -1;
}

static void
promtool_reads_hostile_pages(void **state)
{
    static const char nul[] = "a\0b";
    const struct otc_slice values[] = {OTC_SLICE_LIT("} 1\ng 2\n# EOF\n"), OTC_SLICE_LIT("\\\"\n"),
                                       OTC_SLICE_LIT("\xff\xfe"),          OTC_SLICE_LIT("\r\n\xe2\x80\xa8"),
                                       {(const uint8_t *)nul, 3},          OTC_SLICE_LIT("")};
    OTC_AUTO_BUF struct otc_buf page = {.limit = 1 << 20};
    OTC_AUTO_BUF struct otc_buf broken = {.limit = 1 << 20};
    int status;

    (void)state;
    render_values(values, 6, (struct otc_exposition_type){OTC_TEXT_0_0_4, false}, &page);
    status = promtool(&page);
    if (status < 0) {
        print_message("skipped: promtool is not installed\n");
        skip();
    }
    /* 3: readable, but not to its taste. */
    assert_true(status == 0 || status == 3);
    otc_buf_append_str(&broken, "g{n=\"0} 1\n");
    status = promtool(&broken);
    assert_true(status != 0 && status != 3);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_strings_read_back),
        cmocka_unit_test(bytes_that_are_no_text_are_replaced),
        cmocka_unit_test(long_values_are_cut_and_told_apart),
        cmocka_unit_test(promtool_reads_hostile_pages),
    };

    return cmocka_run_group_tests_name("common/prometheus/hostile", tests, NULL, NULL);
}
