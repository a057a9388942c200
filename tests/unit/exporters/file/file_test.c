// SPDX-License-Identifier: Apache-2.0
/* What the file exporter writes, byte by byte, and what it does when it cannot. */
#include "common/base/buf.h"
#include "common/net/inflate.h"
#include "common/otlp/build.h"
#include "common/otlp/json.h"
#include "tests/harness/rig.h"

#include <dirent.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

extern const struct otc_factory otc_file_exporter_factory;
static const struct otc_factory *const factory = &otc_file_exporter_factory;

#define LOG(text)                                                                                            \
    "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"timeUnixNano\":\"1\",\"body\":{"                 \
    "\"stringValue\":\"" text "\"}}]}]}]}"

struct fixture {
    char folder[64];
    struct otc_rig rig;
};

static int
set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    (void)snprintf(fixture->folder, sizeof(fixture->folder), "/tmp/aimon-file-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    *state = fixture;
    return 0;
}

static void
stop(struct fixture *fixture)
{
    struct otc_error err = OTC_ERROR_INIT;

    if (fixture->rig.component) {
        (void)fixture->rig.component->ops->shutdown(fixture->rig.component, 0, &err);
    }
    otc_rig_free(&fixture->rig);
    fixture->rig = (struct otc_rig){0};
}

static int
remove_one(const char *path, const struct stat *stat_of, int type, struct FTW *walk)
{
    (void)stat_of;
    (void)type;
    (void)walk;
    return remove(path);
}

static int
tear_down(void **state)
{
    struct fixture *fixture = *state;

    stop(fixture);
    assert_int_equal(nftw(fixture->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
    free(fixture);
    return 0;
}

static otc_status
start_at(struct fixture *fixture, const char *path, const char *settings, struct otc_error *err)
{
    char yaml[512];

    (void)snprintf(yaml, sizeof(yaml), "{path: \"%s\"%s}", path, settings);
    if (otc_rig_create(&fixture->rig, factory, yaml, err) != OTC_OK) {
        return OTC_INVALID_ARGUMENT;
    }
    return fixture->rig.component->ops->start(fixture->rig.component, err);
}

static const char *
path_of(const struct fixture *fixture, const char *name)
{
    static char path[128];

    (void)snprintf(path, sizeof(path), "%s/%s", fixture->folder, name);
    return path;
}

static void
start_with(struct fixture *fixture, const char *settings)
{
    struct otc_error err = OTC_ERROR_INIT;

    if (start_at(fixture, path_of(fixture, "out.json"), settings, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
}

/* The protobuf of a document. */
static struct otc_buf
protobuf_of(const char *json)
{
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_buf out = {.limit = 1 << 20};

    assert_int_equal(otc_json_to_protobuf(OTC_LOGS, otc_slice_str(json), 64, &out, &err), OTC_OK);
    return out;
}

/* Sends a batch of as many parts as there are documents. */
static otc_status
send_parts(struct fixture *fixture, const char *const *documents, size_t n, struct otc_error *err)
{
    struct otc_buf parts[4];
    struct otc_part list[4];
    struct otc_consumer *consumer = fixture->rig.component->ops->input(fixture->rig.component, OTC_LOGS);
    struct otc_batch *batch;

    for (size_t i = 0; i < n; i++) {
        size_t len;
        uint8_t *data;

        parts[i] = protobuf_of(documents[i]);
        data = otc_buf_take(&parts[i], &len);
        list[i] = (struct otc_part){otc_slice_of(data, len), free, data};
    }
    batch = otc_batch_new(OTC_LOGS, list, n, n, NULL);
    return otc_consume(consumer, batch, NULL, err);
}

static otc_status
send_one(struct fixture *fixture, const char *document)
{
    struct otc_error err = OTC_ERROR_INIT;

    return send_parts(fixture, &document, 1, &err);
}

static struct otc_buf
contents(const struct fixture *fixture, const char *name)
{
    struct otc_buf out = {.limit = 1 << 24};
    FILE *file = fopen(path_of(fixture, name), "rb");
    char chunk[4096];
    size_t n;

    assert_non_null(file);
    while ((n = fread(chunk, 1, sizeof(chunk), file)) > 0) {
        (void)otc_buf_append(&out, chunk, n);
    }
    (void)fclose(file);
    return out;
}

static void
assert_contents(const struct fixture *fixture, const char *expected)
{
    OTC_AUTO_BUF struct otc_buf text = contents(fixture, "out.json");

    assert_string_equal(text.len ? otc_buf_cstr(&text) : "", expected);
}

static void
a_line_a_batch_is_written_in_time(void **state)
{
    struct fixture *fixture = *state;
    const char *const two[] = {LOG("a"), LOG("b")};
    struct otc_error err = OTC_ERROR_INIT;

    start_with(fixture, "");
    assert_int_equal(send_one(fixture, LOG("one")), OTC_OK);
    assert_int_equal(send_parts(fixture, two, 2, &err), OTC_OK);
    assert_contents(fixture, "");
    otc_vhost_advance(fixture->rig.vhost, OTC_SECOND);
    assert_contents(fixture,
                    LOG("one") "\n"
                               "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"timeUnixNano\":\"1\","
                               "\"body\":{\"stringValue\":\"a\"}}]}]},{\"scopeLogs\":[{\"logRecords\":[{"
                               "\"timeUnixNano\":\"1\",\"body\":{\"stringValue\":\"b\"}}]}]}]}\n");
    assert_int_equal(
        otc_vhost_metric(fixture->rig.vhost, "otelcol_exporter_sent_log_records", "exporter=file"), 3);
}

static void
what_is_held_is_written_at_the_end(void **state)
{
    struct fixture *fixture = *state;

    start_with(fixture, "");
    assert_int_equal(send_one(fixture, LOG("last")), OTC_OK);
    stop(fixture);
    assert_contents(fixture, LOG("last") "\n");
}

static void
a_file_is_emptied_or_goes_on(void **state)
{
    struct fixture *fixture = *state;

    start_with(fixture, "");
    assert_int_equal(send_one(fixture, LOG("1")), OTC_OK);
    stop(fixture);
    start_with(fixture, ", append: true");
    assert_int_equal(send_one(fixture, LOG("2")), OTC_OK);
    stop(fixture);
    assert_contents(fixture, LOG("1") "\n" LOG("2") "\n");
    start_with(fixture, "");
    otc_vhost_advance(fixture->rig.vhost, 0);
    assert_contents(fixture, "");
}

/* Where another component cannot start, the control loop does not come to run. */
static void
a_start_that_fails_removes_nothing(void **state)
{
    struct fixture *fixture = *state;

    start_with(fixture, "");
    otc_vhost_advance(fixture->rig.vhost, 0);
    assert_int_equal(send_one(fixture, LOG("1")), OTC_OK);
    stop(fixture);
    start_with(fixture, "");
    stop(fixture);
    assert_contents(fixture, LOG("1") "\n");
    start_with(fixture, "");
    assert_int_equal(send_one(fixture, LOG("2")), OTC_OK);
    stop(fixture);
    assert_contents(fixture, LOG("1") "\n" LOG("2") "\n");
}

static void
protobuf_stands_behind_its_length(void **state)
{
    struct fixture *fixture = *state;
    OTC_AUTO_BUF struct otc_buf message = protobuf_of(LOG("x")), file;

    start_with(fixture, ", format: proto");
    assert_int_equal(send_one(fixture, LOG("x")), OTC_OK);
    assert_int_equal(send_one(fixture, LOG("x")), OTC_OK);
    stop(fixture);
    file = contents(fixture, "out.json");
    assert_int_equal(file.len, 2 * (4 + message.len));
    for (size_t i = 0; i < 2; i++) {
        const uint8_t *at = file.data + i * (4 + message.len);

        assert_int_equal((size_t)at[0] << 24 | (size_t)at[1] << 16 | (size_t)at[2] << 8 | at[3], message.len);
        assert_memory_equal(at + 4, message.data, message.len);
    }
}

static bool
any_room(void *arg, size_t bytes)
{
    (void)arg;
    (void)bytes;
    return true;
}

static void
zstd_compresses_each_batch_by_itself(void **state)
{
    struct fixture *fixture = *state;
    OTC_AUTO_BUF struct otc_buf file, text = {.limit = 1 << 20};
    struct otc_error err = OTC_ERROR_INIT;
    size_t len, at = 0;

    for (int i = 0; i < 2; i++) { /* the second time behind the first */
        start_with(fixture, i == 0 ? ", compression: zstd"
                                   : ", compression: zstd, compression_params: {level: 11}, append: true");
        assert_int_equal(send_one(fixture, LOG("x")), OTC_OK);
        stop(fixture);
    }
    file = contents(fixture, "out.json");
    for (int i = 0; i < 2; i++) {
        assert_true(file.len - at > 4);
        len = (size_t)file.data[at + 2] << 8 | file.data[at + 3];
        assert_true(file.len - at >= 4 + len);
        otc_buf_clear(&text);
        assert_int_equal(otc_inflate(OTC_ENCODING_ZSTD, otc_slice_of(file.data + at + 4, len), 1 << 20,
                                     any_room, NULL, &text, &err),
                         OTC_OK);
        assert_string_equal(otc_buf_cstr(&text), LOG("x"));
        at += 4 + len;
    }
    assert_int_equal(at, file.len);
}

static size_t
files_in(const struct fixture *fixture)
{
    DIR *dir = opendir(fixture->folder);
    struct dirent *entry;
    size_t n = 0;

    while ((entry = readdir(dir)) != NULL) {
        n += entry->d_name[0] != '.';
    }
    (void)closedir(dir);
    return n;
}

static void
a_full_file_gets_another_name(void **state)
{
    struct fixture *fixture = *state;
    char *large = malloc(500000);
    struct stat stat_of;

    (void)snprintf(large, 500000,
                   "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"body\":{\"stringValue\":"
                   "\"%0400000d\"}}]}]}]}",
                   0);
    start_with(fixture, ", rotation: {max_megabytes: 1, max_backups: 2}");
    for (int i = 0; i < 12; i++) {
        assert_int_equal(send_one(fixture, large), OTC_OK);
        otc_vhost_advance(fixture->rig.vhost, 5 * OTC_SECOND);
    }
    assert_int_equal(files_in(fixture), 3); /* 2 a file: 6 files, of which 2 renamed ones are kept */
    assert_int_equal(stat(path_of(fixture, "out-2026-01-01T00-00-50.000.json"), &stat_of), 0);
    assert_true(stat_of.st_size < 1 << 20);
    assert_int_equal(stat(path_of(fixture, "out.json"), &stat_of), 0);
    assert_true(stat_of.st_size > 800000);
    free(large);
}

/* Files that are full within one millisecond, and after the clock was set back. */
static void
no_renamed_file_takes_the_place_of_another(void **state)
{
    struct fixture *fixture = *state;
    char *large = malloc(700000), name[64];
    struct stat stat_of;

    for (int run = 0; run < 2; run++) { /* each begins at the same time */
        start_with(fixture, ", rotation: {max_megabytes: 1, max_backups: 0}");
        for (int i = 0; i < 4; i++) {
            (void)snprintf(large, 700000,
                           "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"body\":{\"stringValue\":"
                           "\"%0600000d\"}}]}]}]}",
                           i);
            assert_int_equal(send_one(fixture, large), OTC_OK);
        }
        stop(fixture);
    }
    assert_int_equal(files_in(fixture), 8);
    for (int i = 0; i < 7; i++) {
        (void)snprintf(name, sizeof(name), "out-2026-01-01T00-00-00.%03d.json", i);
        assert_int_equal(stat(path_of(fixture, name), &stat_of), 0);
    }
    free(large);
}

static void
a_full_disk_refuses_what_comes_next(void **state)
{
    struct fixture *fixture = *state;
    struct otc_error err = OTC_ERROR_INIT;
    char *large = malloc(100000);
    const char *document = large;

    (void)snprintf(large, 100000,
                   "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"body\":{\"stringValue\":"
                   "\"%070000d\"}}]}]}]}",
                   0);
    assert_int_equal(start_at(fixture, "/dev/full", "", &err), OTC_OK);
    assert_int_equal(send_parts(fixture, &document, 1, &err), OTC_OK); /* held */
    assert_int_equal(send_parts(fixture, &document, 1, &err), OTC_UNAVAILABLE);
    assert_false(err.permanent);
    assert_int_equal(err.retry_after_ms, 1000);
    assert_string_equal(err.text, "cannot write /dev/full: No space left on device");
    otc_vhost_advance(fixture->rig.vhost, 3 * OTC_SECOND);
    assert_int_equal(otc_vhost_logged(fixture->rig.vhost, "File not written"), 1);
    assert_int_equal(
        otc_vhost_metric(fixture->rig.vhost, "otelcol_exporter_send_failed_log_records", "exporter=file"), 1);
    free(large);
}

static void
folders_are_made_when_asked_for(void **state)
{
    struct fixture *fixture = *state;
    struct otc_error err = OTC_ERROR_INIT;
    struct stat stat_of;

    assert_int_equal(start_at(fixture, path_of(fixture, "a/b/out.json"), "", &err), OTC_FAILED_PRECONDITION);
    assert_non_null(strstr(err.text, "No such file or directory"));
    stop(fixture);
    assert_int_equal(start_at(fixture, path_of(fixture, "a/b/out.json"),
                              ", create_directory: true, directory_permissions: \"0700\"", &err),
                     OTC_OK);
    assert_int_equal(stat(path_of(fixture, "a/b"), &stat_of), 0);
    assert_int_equal(stat_of.st_mode & 0777, 0700);
}

/* ---- Groups ---------------------------------------------------------------------------------------- */

#define OF(segment, text)                                                                                    \
    "{\"resource\":{\"attributes\":[{\"key\":\"fileexporter.path_segment\",\"value\":{\"stringValue\":"      \
    "\"" segment "\"}}]},\"scopeLogs\":[{\"logRecords\":[{\"body\":{\"stringValue\":\"" text "\"}}]}]}"
#define OF_NOBODY "{\"scopeLogs\":[{\"logRecords\":[{},{}]}]}"
#define REQUEST(resources) "{\"resourceLogs\":[" resources "]}"

static void
start_groups(struct fixture *fixture, const char *settings)
{
    struct otc_error err = OTC_ERROR_INIT;
    char more[256];

    (void)snprintf(more, sizeof(more), ", group_by: {enabled: true%s", settings);
    if (start_at(fixture, path_of(fixture, "g/*.json"), more, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
}

static void
assert_file(const struct fixture *fixture, const char *name, const char *expected)
{
    OTC_AUTO_BUF struct otc_buf text = contents(fixture, name);

    assert_string_equal(text.len ? otc_buf_cstr(&text) : "", expected);
}

static int64_t
metric(const struct fixture *fixture, const char *name, const char *labels)
{
    return otc_vhost_metric(fixture->rig.vhost, name, labels);
}

static otc_status
send_items(struct fixture *fixture, const char *document, size_t items, struct otc_error *err)
{
    OTC_AUTO_BUF struct otc_buf request = protobuf_of(document);
    struct otc_consumer *consumer = fixture->rig.component->ops->input(fixture->rig.component, OTC_LOGS);

    return otc_consume(consumer, otc_batch_copy_of(OTC_LOGS, otc_buf_slice(&request), items, NULL), NULL,
                       err);
}

static void
each_group_has_its_file(void **state)
{
    struct fixture *fixture = *state;
    struct otc_error err = OTC_ERROR_INIT;

    start_groups(fixture, "}");
    assert_int_equal(send_items(fixture,
                                REQUEST(OF("a", "1") "," OF("b/c", "2") "," OF_NOBODY "," OF("a", "3") "," OF(
                                    "../../../etc/x", "4")),
                                6, &err),
                     OTC_OK);
    assert_int_equal(send_items(fixture, REQUEST(OF("a", "5")), 1, &err), OTC_OK);
    otc_vhost_advance(fixture->rig.vhost, OTC_SECOND);
    assert_file(fixture, "g/a.json", REQUEST(OF("a", "1") "," OF("a", "3")) "\n" REQUEST(OF("a", "5")) "\n");
    assert_file(fixture, "g/b/c.json", REQUEST(OF("b/c", "2")) "\n");
    assert_file(fixture, "g/etc/x.json", REQUEST(OF("../../../etc/x", "4")) "\n");
    assert_int_equal(metric(fixture, "otelcol_exporter_sent_log_records", "exporter=file"), 5);
    assert_int_equal(metric(fixture, "aimon_exporter_dropped_items",
                            "exporter=file,data_type=logs,reason=no_path_segment"),
                     2);
}

/* With one file open at a time each goes on, without `append` too; a new start empties it. */
static void
files_that_were_closed_go_on(void **state)
{
    struct fixture *fixture = *state;
    struct otc_error err = OTC_ERROR_INIT;

    for (int i = 0; i < 2; i++) {
        start_groups(fixture, ", max_open_files: 1}");
        assert_int_equal(send_items(fixture, REQUEST(OF("a", "1")), 1, &err), OTC_OK);
        assert_int_equal(send_items(fixture, REQUEST(OF("b", "2")), 1, &err), OTC_OK);
        assert_file(fixture, "g/a.json", REQUEST(OF("a", "1")) "\n"); /* closed, so written */
        assert_int_equal(send_items(fixture, REQUEST(OF("a", "3")), 1, &err), OTC_OK);
        otc_vhost_advance(fixture->rig.vhost, 0);
        stop(fixture);
        assert_file(fixture, "g/a.json", REQUEST(OF("a", "1")) "\n" REQUEST(OF("a", "3")) "\n");
        assert_file(fixture, "g/b.json", REQUEST(OF("b", "2")) "\n");
    }
}

static void
another_attribute_another_format(void **state)
{
    struct fixture *fixture = *state;
    struct otc_error err = OTC_ERROR_INIT;
    OTC_AUTO_BUF struct otc_buf message = {.limit = 1000}, file = {0};
    const char *document =
        "{\"resourceLogs\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":{"
        "\"stringValue\":\"s\"}}]},\"scopeLogs\":[{\"logRecords\":[{}]}]}]}";

    start_groups(fixture, ", resource_attribute: service.name}, format: proto, create_directory: true, "
                          "directory_permissions: \"0700\"");
    assert_int_equal(send_items(fixture, document, 1, &err), OTC_OK);
    stop(fixture);
    message = protobuf_of(document);
    file = contents(fixture, "g/s.json");
    assert_int_equal(file.len, message.len + 4);
    assert_memory_equal(file.data + 4, message.data, message.len);
}

static void
a_group_that_cannot_be_written(void **state)
{
    struct fixture *fixture = *state;
    struct otc_error err = OTC_ERROR_INIT;

    start_groups(fixture, "}");
    assert_int_equal(send_items(fixture, REQUEST(OF("a", "1")), 1, &err), OTC_OK);
    /* "a.json" is no folder. */
    assert_int_equal(send_items(fixture, REQUEST(OF("a.json/x", "2") "," OF("b", "3")), 2, &err),
                     OTC_FAILED_PRECONDITION);
    assert_true(err.permanent);
    assert_non_null(strstr(err.text, "a.json/x.json"));
    assert_int_equal(send_items(fixture, REQUEST(OF("n\\u0000l", "4")), 1, &err), OTC_INVALID_ARGUMENT);
    stop(fixture);
    assert_file(fixture, "g/b.json", REQUEST(OF("b", "3")) "\n");
}

static void
a_full_disk_refuses_all_or_says_it_is_final(void **state)
{
    struct fixture *fixture = *state;
    struct otc_error err = OTC_ERROR_INIT;
    char *large = malloc(200000);

    (void)snprintf(large, 200000,
                   "{\"resourceLogs\":[{\"resource\":{\"attributes\":[{\"key\":\"fileexporter.path_segment\","
                   "\"value\":{\"stringValue\":\"ull\"}}]},\"scopeLogs\":[{\"logRecords\":[{\"body\":{"
                   "\"stringValue\":\"%070000d\"}}]}]},%s]}",
                   0, OF_NOBODY);
    assert_int_equal(start_at(fixture, "/dev/f*", ", group_by: {enabled: true, max_open_files: 1}", &err),
                     OTC_OK);
    assert_int_equal(send_items(fixture, large, 3, &err), OTC_OK); /* held */
    assert_int_equal(send_items(fixture, large, 3, &err), OTC_UNAVAILABLE);
    assert_false(err.permanent);
    assert_int_equal(metric(fixture, "otelcol_exporter_send_failed_log_records", "exporter=file"), 3);
    /* The file that holds what cannot be written is not closed for another one. */
    assert_int_equal(send_items(fixture, REQUEST(OF("older/x", "1")), 1, &err), OTC_UNAVAILABLE);
    otc_vhost_advance(fixture->rig.vhost, 3 * OTC_SECOND);
    assert_int_equal(otc_vhost_logged(fixture->rig.vhost, "File not written"), 1);
    assert_int_equal(metric(fixture, "otelcol_exporter_sent_log_records", "exporter=file"), 1);
    free(large);
}

static void
more_groups_than_are_gathered(void **state)
{
    struct fixture *fixture = *state;
    struct otc_error err = OTC_ERROR_INIT;
    OTC_AUTO_BUF struct otc_buf document = {.limit = 10 << 20};
    size_t n = 0;

    (void)otc_buf_append_str(&document, "{\"resourceLogs\":[");
    for (int i = 0; i < 5000; i++) {
        (void)otc_buf_printf(
            &document,
            "%s{\"resource\":{\"attributes\":[{\"key\":\"fileexporter.path_segment\",\"value\":{"
            "\"stringValue\":\"%d\"}}]},\"scopeLogs\":[{\"logRecords\":[{}]}]}",
            i ? "," : "", i % 4999);
    }
    (void)otc_buf_append_str(&document, "]}");
    start_groups(fixture, "}");
    assert_int_equal(send_items(fixture, otc_buf_cstr(&document), 5000, &err), OTC_OK);
    stop(fixture);
    for (int i = 0; i < 4999; i++) {
        char name[32];

        (void)snprintf(name, sizeof(name), "g/%d.json", i);
        n += access(path_of(fixture, name), F_OK) == 0;
    }
    assert_int_equal(n, 4999);
}

static void
settings_that_are_refused(void **state)
{
    static const struct {
        const char *yaml, *says;
    } cases[] = {
        {"", "path"},
        {"{path: \"\"}", "path"},
        {"{path: a, append: true, rotation: {}}", "append and rotation enabled at the same time"},
        {"{path: a, format: xml}", "format"},
        {"{path: a, compression: gzip}", "compression"},
        {"{path: a, flush_interval: -1s}", "flush_interval"},
        {"{path: a, group_by: {enabled: true}}", "path must contain exactly one * when group_by is enabled"},
        {"{path: \"a*b*\", group_by: {enabled: true}}", "path must contain exactly one *"},
        {"{path: \"*.json\", group_by: {enabled: true}}", "path must not start with *"},
        {"{path: \"a*\", group_by: {enabled: true, resource_attribute: \"\"}}",
         "resource_attribute must not be empty"},
        {"{path: \"a*\", group_by: {enabled: true, max_open_files: 0}}", "max_open_files"},
        {"{path: a, encoding: otlp}", "encoding extensions are not supported"},
        {"{path: a, directory_permissions: \"9\"}", "no octal number"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct otc_error err = OTC_ERROR_INIT;

        if (!otc_test_refuses(factory, cases[i].yaml, cases[i].says, &err)) {
            fail_msg("%s: %s", cases[i].yaml, err.text);
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_line_a_batch_is_written_in_time),
        TEST(what_is_held_is_written_at_the_end),
        TEST(a_file_is_emptied_or_goes_on),
        TEST(a_start_that_fails_removes_nothing),
        TEST(protobuf_stands_behind_its_length),
        TEST(zstd_compresses_each_batch_by_itself),
        TEST(a_full_file_gets_another_name),
        TEST(no_renamed_file_takes_the_place_of_another),
        TEST(a_full_disk_refuses_what_comes_next),
        TEST(folders_are_made_when_asked_for),
        TEST(each_group_has_its_file),
        TEST(files_that_were_closed_go_on),
        TEST(another_attribute_another_format),
        TEST(a_group_that_cannot_be_written),
        TEST(a_full_disk_refuses_all_or_says_it_is_final),
        TEST(more_groups_than_are_gathered),
        cmocka_unit_test(settings_that_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
