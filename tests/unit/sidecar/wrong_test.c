// SPDX-License-Identifier: Apache-2.0
/* tests/wrong: every configuration is refused by one error that says what is wrong and where. */
#include "common/base/clock.h"
#include "common/net/loop.h"
#include "sidecar/service.h"
#include "tests/harness/data.h"
#include "tests/harness/rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>

#define FOLDER "tests/wrong"
#define ERRORS_MAX 4

struct wrong {
    char name[128];
    char errors[ERRORS_MAX][600];
    size_t n_errors;
    char at[32];
    struct otc_slice yaml;
};

/* As otelcol-aimon validate goes through it. */
static otc_status
judge(const char *path, struct otc_error *err)
{
    struct otc_document *doc = NULL;
    struct otc_service_config *config = NULL;
    otc_status status = otc_document_load(&path, 1, NULL, &doc, err);

    if (status == OTC_OK) {
        status = otc_service_config_new(otc_document_root(doc), otc_components, &config, err);
    }
    if (status == OTC_OK) {
        status = otc_service_config_validate(config, err);
    }
    if (status == OTC_OK) {
        status = otc_service_config_check_graph(config, err);
    }
    otc_service_config_free(config);
    otc_document_free(doc);
    return status;
}

static void
check(const struct wrong *wrong)
{
    const char *path = otc_scratch_path();
    struct otc_error err = OTC_ERROR_INIT;
    char position[1200];
    const char *found;
    int64_t started;
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(wrong->yaml.data, 1, wrong->yaml.len, file), wrong->yaml.len);
    fclose(file);
    started = otc_clock_monotonic_ns();
    if (judge(path, &err) == OTC_OK) {
        fail_msg("%s: accepted", wrong->name);
    }
    if (otc_clock_monotonic_ns() - started > OTC_SECOND) {
        fail_msg("%s: took more than a second", wrong->name);
    }
    for (size_t i = 0; i < wrong->n_errors; i++) {
        if (strstr(err.text, wrong->errors[i]) == NULL) {
            fail_msg("%s: expected \"%s\", got \"%s\"", wrong->name, wrong->errors[i], err.text);
        }
    }
    /* One place, and the right one. */
    snprintf(position, sizeof(position), "%s:", path);
    found = strstr(err.text, position);
    if (found == NULL || strncmp(found + strlen(position), wrong->at, strlen(wrong->at)) != 0 ||
        strchr(":)", found[strlen(position) + strlen(wrong->at)]) == NULL ||
        strstr(found + 1, position) != NULL) {
        fail_msg("%s: expected one error at %s, got \"%s\"", wrong->name, wrong->at, err.text);
    }
}

static struct otc_slice
take_line(struct otc_slice *rest)
{
    const uint8_t *end = memchr(rest->data, '\n', rest->len);
    size_t len = end != NULL ? (size_t)(end - rest->data) : rest->len;
    struct otc_slice line = otc_slice_of(rest->data, len);

    *rest = otc_slice_skip(*rest, len + 1);
    return line;
}

static bool
starts_with(struct otc_slice line, const char *what)
{
    return line.len >= strlen(what) && memcmp(line.data, what, strlen(what)) == 0;
}

/* The next case; false at the end. */
static bool
next_case(struct otc_slice *rest, struct wrong *wrong)
{
    struct otc_slice before = *rest, line;

    if (rest->len == 0) {
        return false;
    }
    *wrong = (struct wrong){0};
    line = take_line(rest);
    assert_true(starts_with(line, "=== "));
    snprintf(wrong->name, sizeof(wrong->name), "%.*s", (int)line.len - 4, (const char *)line.data + 4);
    for (before = *rest, line = take_line(rest); starts_with(line, "error: ");
         before = *rest, line = take_line(rest)) {
        assert_true(wrong->n_errors < ERRORS_MAX);
        snprintf(wrong->errors[wrong->n_errors++], sizeof(wrong->errors[0]), "%.*s", (int)line.len - 7,
                 (const char *)line.data + 7);
    }
    assert_true(wrong->n_errors > 0 && starts_with(line, "at: "));
    snprintf(wrong->at, sizeof(wrong->at), "%.*s", (int)line.len - 4, (const char *)line.data + 4);
    wrong->yaml = otc_slice_of(rest->data, 0);
    for (before = *rest; rest->len > 0; before = *rest) {
        if (starts_with(take_line(rest), "=== ")) {
            *rest = before;
            break;
        }
        wrong->yaml.len = (size_t)(rest->data - wrong->yaml.data);
    }
    return true;
}

static size_t
check_file(const char *name)
{
    struct otc_buf text = {.limit = 1 << 20};
    struct otc_slice rest;
    struct wrong wrong;
    char path[512];
    size_t n = 0;

    snprintf(path, sizeof(path), FOLDER "/%s", name);
    assert_true(otc_test_read(path, &text));
    for (rest = otc_buf_slice(&text); next_case(&rest, &wrong); n++) {
        check(&wrong);
    }
    otc_buf_release(&text);
    return n;
}

static void
each_is_refused_once_by_name_and_place(void **state)
{
    DIR *folder = opendir(FOLDER);
    const struct dirent *entry;
    size_t n = 0;

    (void)state;
    assert_non_null(folder);
    while ((entry = readdir(folder)) != NULL) {
        size_t len = strlen(entry->d_name);

        if (len > 4 && strcmp(entry->d_name + len - 4, ".txt") == 0) {
            n += check_file(entry->d_name);
        }
    }
    closedir(folder);
    print_message("%zu wrong configurations\n", n);
    assert_true(n >= 200);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_is_refused_once_by_name_and_place)};

    return cmocka_run_group_tests_name("sidecar/wrong", tests, otc_scratch_setup, otc_scratch_teardown);
}
