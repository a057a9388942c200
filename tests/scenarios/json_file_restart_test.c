// SPDX-License-Identifier: Apache-2.0
/* The receiver of files with a storage: every line is read once over restarts, in order or not, and over
 * reloads. */
#include "common/component/storage.h"
#include "sidecar/handover.h"
#include "tests/harness/rig.h"
#include "tests/harness/sink.h"
#include "tests/unit/common/storage/scratch.h"

extern const struct otc_factory otc_file_storage_extension_factory;
extern const struct otc_factory otc_otlp_json_file_receiver_factory;

#define POLL (200 * OTC_MILLISECOND)
#define LINE(name)                                                                                           \
    "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"body\":{\"stringValue\":\"" name "\"}}]}]}]}\n"

/* One process: the receiver and its storage. */
struct life {
    struct otc_rig storage, receiver;
    struct otc_sink *sink;
};

static char folder[] = "/tmp/aimon-restart-XXXXXX";

static const char *
path_of(const char *name)
{
    static char paths[2][128];
    static unsigned turn;

    turn ^= 1;
    (void)snprintf(paths[turn], sizeof(paths[turn]), "%s/%s", folder, name);
    return paths[turn];
}

static void
put(const char *name, const char *mode, const char *text)
{
    FILE *file = fopen(path_of(name), mode);

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void
begin(struct life *life, const char *settings,
      struct otc_storage *(*handover)(struct otc_host *, const char *, const char *))
{
    struct otc_error err = OTC_ERROR_INIT;
    char yaml[512];

    *life = (struct life){.sink = otc_sink_new()};
    (void)snprintf(yaml, sizeof(yaml), "{include: [%s/*], poll_interval: 200ms%s}", folder, settings);
    assert_int_equal(otc_rig_create(&life->receiver, &otc_otlp_json_file_receiver_factory, yaml, &err),
                     OTC_OK);
    (void)snprintf(yaml, sizeof(yaml), "{directory: %s}", scratch);
    assert_int_equal(otc_rig_create(&life->storage, &otc_file_storage_extension_factory, yaml, &err), OTC_OK);
    assert_int_equal(life->storage.component->ops->start(life->storage.component, &err), OTC_OK);
    otc_vhost_add_extension(life->receiver.vhost, "file_storage", life->storage.component);
    otc_vhost_host(life->receiver.vhost)->handover = handover;
    assert_int_equal(life->receiver.component->ops->connect(life->receiver.component, OTC_LOGS,
                                                            otc_sink_consumer(life->sink), &err),
                     OTC_OK);
    if (life->receiver.component->ops->start(life->receiver.component, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    otc_vhost_run(life->receiver.vhost);
}

static void
poll_once(struct life *life)
{
    otc_vhost_advance(life->receiver.vhost, POLL);
}

/* As SIGKILL does it: nothing is told, nothing is finished. Returns what was read. */
static size_t
kill_now(struct life *life)
{
    size_t items = otc_sink_items(life->sink);

    otc_sink_free(life->sink);
    otc_rig_free(&life->receiver);
    otc_rig_free(&life->storage);
    return items;
}

static size_t
end(struct life *life)
{
    struct otc_error err = OTC_ERROR_INIT;

    assert_int_equal(life->receiver.component->ops->shutdown(life->receiver.component, INT64_MAX, &err),
                     OTC_OK);
    assert_int_equal(life->storage.component->ops->shutdown(life->storage.component, INT64_MAX, &err),
                     OTC_OK);
    return kill_now(life);
}

#define STORED ", storage: file_storage"

static void
lines_are_read_once_over_restarts(void **state)
{
    struct life life;

    (void)state;
    put("a", "w", LINE("old"));
    begin(&life, STORED, NULL);
    put("a", "a", LINE("1") LINE("2"));
    poll_once(&life);
    assert_int_equal(end(&life), 2);
    put("a", "a", LINE("3"));
    put("b", "w", LINE("another, while nobody looks"));
    begin(&life, STORED, NULL);
    assert_int_equal(otc_vhost_logged(life.receiver.vhost, "Resuming from previously known offset(s). "
                                                           "'start_at' setting is not applicable."),
                     1);
    assert_int_equal(end(&life), 2);
    begin(&life, STORED, NULL);
    assert_int_equal(end(&life), 0);
}

static void
lines_are_read_once_over_a_kill(void **state)
{
    struct life life;

    (void)state;
    put("a", "w", LINE("1"));
    begin(&life, STORED ", start_at: beginning", NULL);
    for (int i = 0; i < 5; i++) {
        put("a", "a", LINE("2"));
        put("b", "a", LINE("x") LINE("y"));
        poll_once(&life);
    }
    assert_int_equal(kill_now(&life), 16);
    assert_int_equal(rename(path_of("a"), path_of("c")), 0);
    put("c", "a", LINE("3"));
    begin(&life, STORED ", start_at: beginning", NULL);
    poll_once(&life);
    assert_int_equal(kill_now(&life), 1);
}

/* A file that is gone for a while, then one with the same beginning: a file of its own, before and after. */
static void
files_that_are_gone_are_forgotten(void **state)
{
    struct life life;

    (void)state;
    put("a", "w", LINE("1") LINE("2"));
    begin(&life, STORED ", start_at: beginning, fingerprint_size: 16", NULL);
    assert_int_equal(unlink(path_of("a")), 0);
    for (int i = 0; i < 6; i++) {
        poll_once(&life);
    }
    put("a", "w", LINE("3"));
    poll_once(&life);
    assert_int_equal(kill_now(&life), 3);
    put("a", "a", LINE("4"));
    begin(&life, STORED ", start_at: beginning, fingerprint_size: 16", NULL);
    assert_int_equal(kill_now(&life), 1);
}

static void
the_journal_stays_small(void **state)
{
    struct life life;

    (void)state;
    put("a", "w", LINE("1"));
    begin(&life, STORED ", start_at: beginning", NULL);
    for (int i = 0; i < 20000; i++) {
        put("a", "a", LINE("a line that makes the file longer than its fingerprint is after a while"));
        poll_once(&life);
    }
    assert_in_range(otc_vhost_metric_sum(life.storage.vhost, "aimon_storage_journal_size"), 1, 3 << 20);
    assert_in_range(otc_vhost_metric_sum(life.storage.vhost, "aimon_storage_journaled_bytes"), 15 << 20,
                    30 << 20);
    assert_int_equal(kill_now(&life), 20001);
    begin(&life, STORED ", start_at: beginning", NULL);
    assert_int_equal(kill_now(&life), 0);
}

static void
damaged_positions_are_told(void **state)
{
    struct life life;

    (void)state;
    put("a", "w", LINE("1"));
    begin(&life, STORED ", start_at: beginning", NULL);
    assert_int_equal(end(&life), 1);
    scratch_damage(scratch_path("receiver_otlp_json_file.db"), 20);
    begin(&life, STORED ", start_at: beginning", NULL);
    assert_int_equal(otc_vhost_metric_sum(life.storage.vhost, "aimon_storage_quarantined_files"), 1);
    assert_int_equal(otc_vhost_logged(life.receiver.vhost, "No stored positions"), 1);
    assert_int_equal(end(&life), 1);
}

/* Puts another record in the place of the positions, beside a receiver that has none. */
static void
overwrite_positions(void)
{
    struct life life;
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_storage *storage;
    struct otc_storage_change change = {.key = otc_slice_str("positions"),
                                        .value = otc_slice_str("of another release")};

    begin(&life, "", NULL);
    assert_int_equal(otc_storage_open(otc_vhost_host(life.receiver.vhost), "file_storage", OTC_RECEIVER,
                                      "otlp_json_file", &storage, &err),
                     OTC_OK);
    assert_int_equal(storage->apply(storage, &change, 1, &err), OTC_OK);
    storage->close(storage);
    assert_int_equal(end(&life), 0);
}

static size_t
read_without_positions(const char *settings)
{
    struct life life;

    begin(&life, settings, NULL);
    assert_int_equal(otc_vhost_logged(life.receiver.vhost, "files are read from where 'start_at' says, and "
                                                           "lines may be read again or not at all"),
                     1);
    assert_int_equal(otc_vhost_logged(life.receiver.vhost, "Resuming"), 0);
    return end(&life);
}

/* What was written meanwhile is passed over, or read with all the rest: the log says neither too much. */
static void
positions_of_another_release_are_told(void **state)
{
    struct life life;

    (void)state;
    put("a", "w", LINE("1"));
    begin(&life, STORED ", start_at: beginning", NULL);
    assert_int_equal(end(&life), 1);
    put("a", "a", LINE("2"));
    overwrite_positions();
    assert_int_equal(read_without_positions(STORED), 0);
    overwrite_positions();
    assert_int_equal(read_without_positions(STORED ", start_at: beginning"), 2);
}

static void
without_the_extension_it_does_not_start(void **state)
{
    struct otc_rig rig = {0};
    struct otc_error err = OTC_ERROR_INIT;

    (void)state;
    assert_int_equal(otc_rig_create(&rig, &otc_otlp_json_file_receiver_factory,
                                    "{include: [/nowhere/*], storage: file_storage/other}", &err),
                     OTC_OK);
    assert_int_equal(rig.component->ops->start(rig.component, &err), OTC_FAILED_PRECONDITION);
    assert_string_equal(err.text, "storage: extension \"file_storage/other\" does not run");
    assert_int_equal(rig.component->ops->shutdown(rig.component, INT64_MAX, &err), OTC_OK);
    otc_rig_free(&rig);
}

/* ---- Reloads --------------------------------------------------------------------------------------- */

static struct otc_handover *handover;

static struct otc_storage *
leave(struct otc_host *host, const char *kind, const char *id)
{
    (void)host;
    return otc_handover_open(handover, kind, id);
}

static void
a_reload_reads_on(void **state)
{
    struct life life;

    (void)state;
    handover = otc_handover_new();
    put("a", "w", LINE("old"));
    begin(&life, "", leave);
    put("a", "a", LINE("1"));
    poll_once(&life);
    assert_int_equal(end(&life), 1);
    put("a", "a", LINE("2"));
    begin(&life, ", max_concurrent_files: 10", leave);
    assert_int_equal(end(&life), 1);
    otc_handover_free(handover);
}

static int
clear(void **state)
{
    static const char *const names[] = {"a", "b", "c"};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        (void)unlink(path_of(names[i]));
    }
    scratch_clear();
    return 0;
}

static int
set_up(void **state)
{
    return mkdtemp(folder) ? scratch_setup(state) : -1;
}

static int
tear_down(void **state)
{
    (void)clear(state);
    return rmdir(folder) == 0 ? scratch_teardown(state) : -1;
}

#define TEST(name) cmocka_unit_test_setup(name, clear)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(lines_are_read_once_over_restarts),
        TEST(lines_are_read_once_over_a_kill),
        TEST(files_that_are_gone_are_forgotten),
        TEST(the_journal_stays_small),
        TEST(damaged_positions_are_told),
        TEST(positions_of_another_release_are_told),
        TEST(without_the_extension_it_does_not_start),
        TEST(a_reload_reads_on),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
