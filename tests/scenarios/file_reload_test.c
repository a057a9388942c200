// SPDX-License-Identifier: Apache-2.0
/* The file exporter over reloads, those that fail among them: what this process wrote stays. */
#include "sidecar/handover.h"
#include "tests/harness/rig.h"
#include "tests/scenarios/scenario.h"

#include <unistd.h>

extern const struct otc_factory otc_file_exporter_factory;

/* What follows the folder of the path. */
#define PLAIN "out.json"
#define GROUPS "*.json, group_by: {enabled: true, resource_attribute: service.name}"
/* The resource names the file that the groups write. */
#define LINE(text)                                                                                           \
    "{\"resourceLogs\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":{"                \
    "\"stringValue\":\"out\"}}]},\"scopeLogs\":[{\"logRecords\":[{\"body\":{\"stringValue\":\"" text         \
    "\"}}]}]}]}"

static char folder[64];
static struct otc_handover *left;

static struct otc_storage *
handover(struct otc_host *host, const char *kind, const char *id)
{
    (void)host;
    return left ? otc_handover_open(left, kind, id) : NULL;
}

/* Starts one, as a reload does before the control loop runs again. */
static struct otc_rig
begin(const char *settings)
{
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_rig rig = {0};
    char yaml[256];

    (void)snprintf(yaml, sizeof(yaml), "{path: %s/%s}", folder, settings);
    if (otc_rig_create(&rig, &otc_file_exporter_factory, yaml, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    otc_vhost_host(rig.vhost)->handover = handover;
    assert_int_equal(rig.component->ops->start(rig.component, &err), OTC_OK);
    return rig;
}

static void
end(struct otc_rig *rig)
{
    assert_int_equal(rig->component->ops->shutdown(rig->component, 0, NULL), OTC_OK);
    otc_rig_free(rig);
}

static void
send_text(struct otc_rig *rig, const char *document)
{
    struct otc_consumer *consumer = rig->component->ops->input(rig->component, OTC_LOGS);
    struct otc_buf request = {.limit = 1 << 20};

    assert_int_equal(otc_json_to_protobuf(OTC_LOGS, otc_slice_str(document), 64, &request, NULL), OTC_OK);
    assert_int_equal(
        otc_consume(consumer, otc_batch_copy_of(OTC_LOGS, otc_buf_slice(&request), 1, NULL), NULL, NULL),
        OTC_OK);
    otc_buf_release(&request);
}

static void
assert_lines(const char *expected)
{
    char path[128], text[4096];
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/out.json", folder);
    file = fopen(path, "re");
    assert_non_null(file);
    text[fread(text, 1, sizeof(text) - 1, file)] = 0;
    (void)fclose(file);
    assert_string_equal(text, expected);
}

/* A first life that leaves one line, and ends within a reload. */
static void
write_and_end(const char *settings)
{
    struct otc_rig rig = begin(settings);

    send_text(&rig, LINE("1"));
    otc_vhost_advance(rig.vhost, OTC_SECOND);
    send_text(&rig, LINE("2"));
    left = otc_handover_new();
    end(&rig);
}

static void
end_reload(void)
{
    otc_handover_free(left);
    left = NULL;
}

static void
a_reload_goes_on(void **state)
{
    const char *const each[] = {PLAIN, GROUPS};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct otc_rig rig;

        write_and_end(each[i]);
        for (int reloads = 0; reloads < 2; reloads++) {
            rig = begin(each[i]);
            end_reload();
            otc_vhost_advance(rig.vhost, OTC_SECOND);
            left = otc_handover_new();
            end(&rig);
        }
        rig = begin(each[i]);
        end_reload();
        send_text(&rig, LINE("3"));
        otc_vhost_advance(rig.vhost, OTC_SECOND);
        end(&rig);
        assert_lines(LINE("1") "\n" LINE("2") "\n" LINE("3") "\n");
        /* Another process empties it. */
        rig = begin(each[i]);
        send_text(&rig, LINE("4"));
        otc_vhost_advance(rig.vhost, OTC_SECOND);
        end(&rig);
        assert_lines(LINE("4") "\n");
    }
}

/* The new configuration has opened the files when another component of it cannot start; data came already. */
static void
a_reload_that_goes_back_loses_nothing(void **state)
{
    const char *const each[] = {PLAIN, GROUPS};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct otc_rig rig;

        write_and_end(each[i]);
        rig = begin("out.json, format: proto");
        end(&rig);
        rig = begin(each[i]);
        send_text(&rig, LINE("3"));
        end(&rig);
        rig = begin(each[i]);
        end_reload();
        otc_vhost_advance(rig.vhost, OTC_SECOND);
        end(&rig);
        assert_lines(LINE("1") "\n" LINE("2") "\n" LINE("3") "\n");
    }
}

static void
another_format_begins_anew(void **state)
{
    struct otc_rig rig;

    (void)state;
    write_and_end(PLAIN);
    rig = begin("out.json, compression: zstd");
    end_reload();
    otc_vhost_advance(rig.vhost, 0);
    assert_lines("");
    end(&rig);
}

static int
set_up(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/aimon-file-reload-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int
tear_down(void **state)
{
    char path[128];

    (void)state;
    (void)snprintf(path, sizeof(path), "%s/out.json", folder);
    return unlink(path) == 0 ? rmdir(folder) : -1;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_reload_goes_on),
        TEST(a_reload_that_goes_back_loses_nothing),
        TEST(another_format_begins_anew),
    };

    return cmocka_run_group_tests_name("scenarios/file_reload", tests, NULL, NULL);
}
