// SPDX-License-Identifier: Apache-2.0
#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/component/storage.h"
#include "tests/harness/rig.h"
#include "tests/unit/common/storage/scratch.h"

extern const struct otc_factory otc_file_storage_extension_factory;

static char yaml[1024];

/* An extension on the scratch folder that runs; NULL with the text of its failure. */
static const char *
start(struct otc_rig *rig, const char *settings)
{
    static char text[OTC_ERROR_TEXT_MAX];
    struct otc_error err = OTC_ERROR_INIT;

    *rig = (struct otc_rig){0};
    (void)snprintf(yaml, sizeof(yaml), "{directory: %s, timeout: 20ms%s%s}", scratch, *settings ? ", " : "",
                   settings);
    if (otc_rig_create(rig, &otc_file_storage_extension_factory, yaml, &err) != OTC_OK ||
        rig->component->ops->start(rig->component, &err) != OTC_OK) {
        (void)snprintf(text, sizeof(text), "%s", err.text);
        return text;
    }
    otc_vhost_add_extension(rig->vhost, "file_storage", rig->component);
    return NULL;
}

static void
stop(struct otc_rig *rig)
{
    struct otc_error err = OTC_ERROR_INIT;

    assert_int_equal(rig->component->ops->shutdown(rig->component, INT64_MAX, &err), OTC_OK);
    otc_rig_free(rig);
}

static struct otc_storage *
storage_of(struct otc_rig *rig, const char *id)
{
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_storage *storage = NULL;

    if (otc_storage_open(otc_vhost_host(rig->vhost), "file_storage", OTC_CONNECTOR, id, &storage, &err) !=
        OTC_OK) {
        fail_msg("%s", err.text);
    }
    return storage;
}

static void
copy(void *arg, struct otc_slice value)
{
    assert_true(otc_buf_append_slice(arg, value));
}

static bool
count_records(void *arg, struct otc_slice record)
{
    ++*(size_t *)arg;
    return record.len > 0;
}

static void
state_survives_a_restart(void **state)
{
    struct otc_storage_change change = {otc_slice_str("snapshot"), otc_slice_str("content"), false};
    struct otc_buf value = {.limit = 100};
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_storage_replayed replayed;
    struct otc_storage *storage;
    struct otc_rig rig;
    uint64_t generation;
    size_t n = 0;

    (void)state;
    scratch_clear();
    assert_null(start(&rig, ""));
    storage = storage_of(&rig, "drift/credit");
    assert_int_equal(storage->get(storage, change.key, copy, &value, &err), OTC_NOT_FOUND);
    assert_int_equal(storage->roll(storage, &generation, &err), OTC_OK);
    assert_int_equal(storage->apply(storage, &change, 1, &err), OTC_OK);
    assert_int_equal(storage->append(storage, otc_slice_str("one"), &err), OTC_OK);
    assert_int_equal(storage->append(storage, otc_slice_str("two"), &err), OTC_OK);
    assert_int_equal(otc_vhost_metric(rig.vhost, "aimon_storage_journaled_bytes",
                                      "extension=file_storage,component=drift/credit,kind=connector"),
                     6);
    assert_int_equal(otc_vhost_metric_sum(rig.vhost, "aimon_storage_stored_bytes"), 7);
    storage->close(storage);
    stop(&rig);
    assert_int_equal(scratch_count("connector_drift__credit.db"), 1);
    assert_int_equal(scratch_count("connector_drift__credit.0000000000000001.journal"), 1);

    assert_null(start(&rig, ""));
    storage = storage_of(&rig, "drift/credit");
    assert_int_equal(storage->get(storage, change.key, copy, &value, &err), OTC_OK);
    assert_string_equal(otc_buf_cstr(&value), "content");
    assert_int_equal(storage->replay(storage, generation, count_records, &n, &replayed, &err), OTC_OK);
    assert_int_equal(n, 2);
    assert_true(replayed.complete);
    assert_int_equal(otc_vhost_metric_sum(rig.vhost, "aimon_storage_failures"), 0);
    storage->close(storage);
    stop(&rig);
    otc_buf_release(&value);
}

/* Each component has files of its own, whatever is in its id. */
static void
ids_become_file_names(void **state)
{
    static const char *const ids[] = {"drift",          "drift/a",   "drift/a b", "drift/../../x",
                                      "drift/\xc3\xbc", "drift/a/b", "drift/a_b"};
    struct otc_rig rig;

    (void)state;
    scratch_clear();
    assert_null(start(&rig, ""));
    for (size_t i = 0; i < 7; i++) {
        struct otc_storage *storage = storage_of(&rig, ids[i]);

        storage->close(storage);
        assert_int_equal(scratch_count(".db"), i + 1);
    }
    assert_int_equal(scratch_count("connector_drift__~2e~2e~2f~2e~2e~2fx.db"), 1);
    stop(&rig);
}

static void
damage_is_logged_and_counted(void **state)
{
    struct otc_storage_change change = {otc_slice_str("snapshot"), otc_slice_str("content"), false};
    struct otc_buf value = {.limit = 100};
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_storage *storage;
    struct otc_rig rig;

    (void)state;
    scratch_clear();
    assert_null(start(&rig, ""));
    storage = storage_of(&rig, "drift");
    assert_int_equal(storage->apply(storage, &change, 1, &err), OTC_OK);
    storage->close(storage);
    scratch_damage(scratch_path("connector_drift.db"), 3);
    storage = storage_of(&rig, "drift");
    assert_int_equal(otc_vhost_logged(rig.vhost, "A damaged file was moved aside"), 1);
    assert_int_equal(otc_vhost_metric_sum(rig.vhost, "aimon_storage_quarantined_files"), 1);
    assert_int_equal(storage->get(storage, change.key, copy, &value, &err), OTC_NOT_FOUND);
    assert_int_equal(storage->apply(storage, &change, 1, &err), OTC_OK);
    storage->close(storage);
    stop(&rig);
    assert_int_equal(scratch_count(".corrupt-1767225"), 1);
}

/* A disk that does not let a store be opened keeps nobody from starting, and what is stored later is. */
static void
a_store_that_cannot_be_opened_is_tried_again(void **state)
{
    struct otc_storage_change change = {otc_slice_str("snapshot"), otc_slice_str("content"), false};
    const char *labels = "extension=file_storage,component=drift,kind=connector";
    struct otc_buf value = {.limit = 100};
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_storage *storage;
    struct otc_rig rig;

    (void)state;
    scratch_clear();
    assert_int_equal(mkdir(scratch_path("connector_drift.db"), 0700), 0);
    assert_null(start(&rig, ""));
    storage = storage_of(&rig, "drift");
    assert_int_equal(
        otc_vhost_logged(rig.vhost, "A store cannot be opened; going on without it until it can"), 1);
    assert_int_equal(storage->get(storage, change.key, copy, &value, &err), OTC_INTERNAL);
    assert_non_null(strstr(err.text, "connector_drift.db: unable to open database file"));
    assert_int_equal(storage->apply(storage, &change, 1, &err), OTC_INTERNAL);
    assert_int_equal(otc_vhost_metric(rig.vhost, "aimon_storage_failures", labels), 3);
    assert_int_equal(rmdir(scratch_path("connector_drift.db")), 0);
    assert_int_equal(storage->apply(storage, &change, 1, &err), OTC_OK);
    assert_int_equal(storage->get(storage, change.key, copy, &value, &err), OTC_OK);
    assert_string_equal(otc_buf_cstr(&value), "content");
    storage->close(storage);
    stop(&rig);
    otc_buf_release(&value);
}

static void
a_folder_is_one_process(void **state)
{
    struct otc_rig first, second;

    (void)state;
    scratch_clear();
    assert_null(start(&first, ""));
    assert_non_null(strstr(start(&second, ""), "is in use by another process"));
    stop(&second);
    stop(&first);
    assert_null(start(&second, ""));
    stop(&second);
}

static void
wrong_settings_are_told(void **state)
{
    static const char *const cases[][2] = {
        {"{directory: \"\"}", "directory: must be specified"},
        {"{directory: /tmp, directory_permissions: rwx}", "directory_permissions: 'rwx' is no octal number"},
        {"{directory: /tmp, directory_permissions: \"1777\"}", "directory_permissions: '1777' is no octal"},
        {"{directory: /nowhere/at/all, create_directory: false}",
         "directory: must exist: stat /nowhere/at/all: No such file or directory"},
        {"{directory: /etc/passwd, create_directory: false}", "directory: /etc/passwd is not a directory"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct otc_error err = OTC_ERROR_INIT;
        struct otc_rig rig = {0};
        otc_status status = otc_rig_create(&rig, &otc_file_storage_extension_factory, cases[i][0], &err);

        if (status == OTC_OK || !strstr(err.text, cases[i][1])) {
            fail_msg("%s: %s", cases[i][0], status == OTC_OK ? "accepted" : err.text);
        }
        otc_rig_free(&rig);
    }
}

static void
a_missing_folder_is_made(void **state)
{
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_rig rig = {0};
    struct stat found;

    (void)state;
    scratch_clear();
    (void)snprintf(yaml, sizeof(yaml), "{directory: %s/a/b, directory_permissions: \"0700\"}", scratch);
    assert_int_equal(otc_rig_create(&rig, &otc_file_storage_extension_factory, yaml, &err), OTC_OK);
    assert_int_equal(rig.component->ops->start(rig.component, &err), OTC_OK);
    assert_int_equal(stat(scratch_path("a/b"), &found), 0);
    assert_int_equal(found.st_mode & 0777, 0700);
    stop(&rig);
    unlink(scratch_path("a/b/.lock"));
    assert_int_equal(rmdir(scratch_path("a/b")), 0);
    assert_int_equal(rmdir(scratch_path("a")), 0);
}

static void
who_is_no_storage_is_told(void **state)
{
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_storage *storage = NULL;
    struct otc_rig rig;

    (void)state;
    scratch_clear();
    assert_null(start(&rig, ""));
    assert_int_equal(otc_storage_open(otc_vhost_host(rig.vhost), "file_storage/other", OTC_CONNECTOR, "drift",
                                      &storage, &err),
                     OTC_FAILED_PRECONDITION);
    assert_string_equal(err.text, "storage: extension \"file_storage/other\" does not run");
    stop(&rig);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(state_survives_a_restart),
        cmocka_unit_test(ids_become_file_names),
        cmocka_unit_test(damage_is_logged_and_counted),
        cmocka_unit_test(a_store_that_cannot_be_opened_is_tried_again),
        cmocka_unit_test(a_folder_is_one_process),
        cmocka_unit_test(wrong_settings_are_told),
        cmocka_unit_test(a_missing_folder_is_made),
        cmocka_unit_test(who_is_no_storage_is_told),
    };

    return cmocka_run_group_tests_name("extensions/file_storage", tests, scratch_setup, scratch_teardown);
}
