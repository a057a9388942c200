// SPDX-License-Identifier: Apache-2.0
/* The queues of the extension: what they tell of themselves, and the dead letters. */
#include "common/base/clock.h"
#include "common/component/storage.h"
#include "common/storage/log.h"
#include "tests/harness/rig.h"
#include "tests/unit/common/storage/scratch.h"

#include <pthread.h>
#include <sched.h>

extern const struct otc_factory otc_file_storage_extension_factory;

#define LABELS "extension=file_storage,component=otlp_grpc/x,kind=exporter,queue=traces"

struct put {
    struct otc_storage_put put;
    pthread_mutex_t lock;
    pthread_cond_t told;
    bool done;
    struct otc_stored *record;
    struct otc_error result;
};

/* What was found at the start. */
struct found {
    struct otc_stored *records[100];
    size_t n;
};

static void
found_record(void *arg, struct otc_stored *record, struct otc_slice content)
{
    struct found *found = arg;

    assert_int_equal(content.len, 8);
    found->records[found->n++] = record;
}

static void
start(struct otc_rig *rig, const char *settings)
{
    static char yaml[1024];
    struct otc_error err = OTC_ERROR_INIT;

    *rig = (struct otc_rig){0};
    (void)snprintf(yaml, sizeof(yaml), "{directory: %s%s%s}", scratch, *settings ? ", " : "", settings);
    if (otc_rig_create(rig, &otc_file_storage_extension_factory, yaml, &err) != OTC_OK ||
        rig->component->ops->start(rig->component, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    otc_vhost_add_extension(rig->vhost, "file_storage", rig->component);
}

static void
stop(struct otc_rig *rig)
{
    struct otc_error err = OTC_ERROR_INIT;

    assert_int_equal(rig->component->ops->shutdown(rig->component, INT64_MAX, &err), OTC_OK);
    otc_rig_free(rig);
}

static struct otc_storage_queue *
queue_named(struct otc_rig *rig, const char *id, struct found *found)
{
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_storage_queue *queue = NULL;

    *found = (struct found){0};
    if (otc_storage_queue_open(otc_vhost_host(rig->vhost), "file_storage", OTC_EXPORTER, id, "traces",
                               (struct otc_stored_reader){found_record, found}, &queue, &err) != OTC_OK) {
        fail_msg("%s: %s", id, err.text);
    }
    return queue;
}

static struct otc_storage_queue *
queue_of(struct otc_rig *rig, struct found *found)
{
    return queue_named(rig, "otlp_grpc/x", found);
}

static void
put_done(struct otc_storage_put *self, struct otc_stored *record, const struct otc_error *result)
{
    struct put *put = OTC_CONTAINER(self, put, put);

    pthread_mutex_lock(&put->lock);
    put->record = record;
    put->result = *result;
    put->done = true;
    pthread_cond_signal(&put->told);
    pthread_mutex_unlock(&put->lock);
}

/* The record, once it is there; NULL with the error in `*err`. */
static struct otc_stored *
put(struct otc_storage_queue *queue, const char *text, struct otc_error *err)
{
    struct put put = {.put = {OTC_ABI_OF(otc_storage_put), put_done},
                      .lock = PTHREAD_MUTEX_INITIALIZER,
                      .told = PTHREAD_COND_INITIALIZER};
    const struct otc_slice slice = otc_slice_str(text);

    assert_int_equal(queue->put(queue, &slice, 1, &put.put, err), OTC_PENDING);
    pthread_mutex_lock(&put.lock);
    while (!put.done) {
        pthread_cond_wait(&put.told, &put.lock);
    }
    pthread_mutex_unlock(&put.lock);
    *err = put.result;
    return put.record;
}

/* Dead letters with this ending, the last of them in `text`. */
static size_t
letters(const char *ending, char text[64])
{
    DIR *folder = opendir(scratch_path("dead_letters"));
    const struct dirent *entry;
    char path[1024];
    size_t n = 0;

    while (folder && (entry = readdir(folder))) {
        const char *end = strrchr(entry->d_name, '.');

        if (entry->d_name[0] != '.' && strcmp(end, ending) == 0) {
            ssize_t len;
            int fd;

            assert_memory_equal(entry->d_name, "exporter_otlp_grpc__x_traces.1767225600000-", 43);
            (void)snprintf(path, sizeof(path), "%s/dead_letters/%s", scratch, entry->d_name);
            fd = open(path, O_RDONLY);
            len = read(fd, text, 63);
            assert_true(len >= 0);
            text[len] = '\0';
            close(fd);
            n++;
        }
    }
    if (folder) {
        closedir(folder);
    }
    return n;
}

static void
clear_all(void)
{
    DIR *folder = opendir(scratch_path("dead_letters"));
    const struct dirent *entry;
    char path[1024];

    while (folder && (entry = readdir(folder))) {
        (void)snprintf(path, sizeof(path), "%s/dead_letters/%s", scratch, entry->d_name);
        (void)unlink(path);
    }
    if (folder) {
        closedir(folder);
        (void)rmdir(scratch_path("dead_letters"));
    }
    scratch_clear();
}

/* ---- Tests ----------------------------------------------------------------------------------------- */

static void
how_it_is_flushed_is_told(void **state)
{
    static const char *const modes[] = {"group", "interval", "none"};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct otc_error err = OTC_ERROR_INIT;
        struct otc_storage_queue *queue;
        struct found found;
        struct otc_rig rig;
        char settings[64], labels[200];

        clear_all();
        (void)snprintf(settings, sizeof(settings), "sync: %s", modes[i]);
        (void)snprintf(labels, sizeof(labels), LABELS ",sync=%s", modes[i]);
        start(&rig, i == 0 ? "fsync: true" : settings);
        queue = queue_of(&rig, &found);
        assert_int_equal(otc_vhost_metric(rig.vhost, "aimon_storage_queue_sync", labels), 1);
        queue->forget(queue, put(queue, "content1", &err));
        assert_true(otc_vhost_metric(rig.vhost, "aimon_storage_queue_bytes", LABELS) > 0);
        queue->close(queue);
        assert_int_equal(otc_vhost_metric(rig.vhost, "aimon_storage_queue_sync", labels), 0);
        assert_int_equal(otc_vhost_metric(rig.vhost, "aimon_storage_queue_bytes", LABELS), 0);
        queue = queue_of(&rig, &found);
        assert_int_equal(found.n, 1);
        queue->remove(queue, found.records[0]);
        queue->close(queue);
        stop(&rig);
    }
}

static void
contradictions_are_told(void **state)
{
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_rig rig = {0};

    (void)state;
    assert_int_not_equal(otc_rig_create(&rig, &otc_file_storage_extension_factory,
                                        "{directory: /tmp, fsync: true, sync: interval}", &err),
                         OTC_OK);
    assert_non_null(strstr(
        err.text, "fsync: true asks for `sync: group`, and `sync` is interval: leave one of them out"));
    otc_rig_free(&rig);
}

static void
what_is_to_stay_free_is_told(void **state)
{
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_storage_queue *queue;
    struct found found;
    struct otc_rig rig;

    (void)state;
    clear_all();
    start(&rig, "min_free_bytes: 4000000000GiB");
    queue = queue_of(&rig, &found);
    assert_null(put(queue, "content1", &err));
    assert_int_equal(err.status, OTC_RESOURCE_EXHAUSTED);
    assert_non_null(strstr(err.text, "less than min_free_bytes (4294967296000000000) would be free"));
    assert_int_equal(otc_vhost_metric(rig.vhost, "aimon_storage_queue_refused_records", LABELS), 1);
    assert_int_equal(otc_vhost_metric(rig.vhost, "aimon_storage_queue_write_failures", LABELS), 0);
    assert_int_equal(otc_vhost_logged(rig.vhost, "The disk of a queue fails"), 0);
    queue->close(queue);
    stop(&rig);
}

/* Bytes of the folder's files. */
static int64_t
files_bytes(void)
{
    DIR *folder = opendir(scratch);
    const struct dirent *entry;
    struct stat file;
    int64_t bytes = 0;

    while ((entry = readdir(folder))) {
        bytes += stat(scratch_path(entry->d_name), &file) == 0 && S_ISREG(file.st_mode) ? file.st_size : 0;
    }
    closedir(folder);
    return bytes;
}

/* One record stays while thousands pass, of several times the queue's size together. */
static void
what_passed_takes_no_room(void **state)
{
    static const int64_t sizes[] = {1, 16};
    static char text[12001];

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    for (size_t i = 0; i < 2; i++) {
        struct otc_error err = OTC_ERROR_INIT;
        struct otc_storage_queue *queue;
        struct otc_stored *stuck;
        struct found found;
        struct otc_rig rig;
        char settings[100];

        clear_all();
        (void)snprintf(settings, sizeof(settings), "max_queue_size: %lldMiB, min_free_bytes: 0, sync: none",
                       (long long)sizes[i]);
        start(&rig, settings);
        queue = queue_of(&rig, &found);
        stuck = put(queue, text, &err);
        for (int n = 0; n < 3000; n++) {
            queue->remove(queue, put(queue, text, &err));
            if (n % 100 == 0) {
                assert_in_range(files_bytes(), 1,
                                (sizes[i] << 20) / 8 * 11 + (int64_t)12 * OTC_LOG_RECORDS_AT);
            }
        }
        queue->forget(queue, stuck);
        queue->close(queue);
        assert_int_equal(otc_vhost_metric(rig.vhost, "aimon_storage_queue_refused_records", LABELS), 0);
        stop(&rig);
    }
}

static void
what_is_rejected_is_a_file(void **state)
{
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_storage_queue *queue;
    struct otc_stored *record;
    struct found found;
    struct otc_rig rig;
    char text[64];

    (void)state;
    clear_all();
    start(&rig, "");
    queue = queue_of(&rig, &found);
    record = put(queue, "content1", &err);
    assert_true(queue->reserve(queue, record, 3));
    queue->reject(queue, record, 3, "not wanted");
    queue->forget(queue, put(queue, "content2", &err));
    queue->close(queue);
    assert_int_equal(letters(".pb", text), 1);
    assert_string_equal(text, "tent1");
    assert_int_equal(letters(".txt", text), 1);
    assert_string_equal(text, "not wanted\n");
    assert_int_equal(otc_vhost_metric(rig.vhost, "aimon_storage_dead_letter_bytes", LABELS), 5);
    assert_int_equal(otc_vhost_metric(rig.vhost, "aimon_storage_dead_letter_files", LABELS), 1);
    queue = queue_of(&rig, &found);
    assert_int_equal(found.n, 1);
    assert_int_equal(otc_vhost_metric(rig.vhost, "aimon_storage_dead_letter_files", LABELS), 1);
    queue->remove(queue, found.records[0]);
    queue->close(queue);
    stop(&rig);
}

static void
dead_letters_have_a_limit(void **state)
{
    static char big[40001];
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_storage_queue *queue;
    struct otc_stored *first, *second;
    struct found found;
    struct otc_rig rig;
    char text[64];

    (void)state;
    memset(big, 'x', sizeof(big) - 1);
    clear_all();
    start(&rig, "dead_letter: {max_size: 64KiB}");
    queue = queue_of(&rig, &found);
    first = put(queue, big, &err);
    second = put(queue, big, &err);
    assert_true(queue->reserve(queue, first, 0));
    assert_false(queue->reserve(queue, second, 0));
    assert_int_equal(otc_vhost_logged(rig.vhost, "The dead letters of a queue are at their limit"), 1);
    queue->reject(queue, first, 0, "big");
    queue->forget(queue, second);
    queue->close(queue);
    assert_int_equal(letters(".pb", text), 1);
    stop(&rig);
    clear_all();
    start(&rig, "dead_letter: {enabled: false}");
    queue = queue_of(&rig, &found);
    first = put(queue, "content1", &err);
    assert_false(queue->reserve(queue, first, 0));
    queue->remove(queue, first);
    queue->close(queue);
    stop(&rig);
}

/* A file stands where the folder would be: the record stays in the queue. */
static void
a_dead_letter_that_cannot_be_written_stays(void **state)
{
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_storage_queue *queue;
    struct otc_stored *record;
    struct found found;
    struct otc_rig rig;

    (void)state;
    clear_all();
    close(open(scratch_path("dead_letters"), O_CREAT | O_RDWR, 0600));
    start(&rig, "");
    queue = queue_of(&rig, &found);
    record = put(queue, "content1", &err);
    assert_true(queue->reserve(queue, record, 0));
    queue->reject(queue, record, 0, "not wanted");
    assert_int_equal(otc_vhost_metric(rig.vhost, "aimon_storage_dead_letter_failures", LABELS), 1);
    assert_int_equal(otc_vhost_metric(rig.vhost, "aimon_storage_dead_letter_bytes", LABELS), 0);
    assert_int_equal(otc_vhost_logged(rig.vhost, "A dead letter could not be written; it stays in the queue"),
                     1);
    assert_non_null(
        strstr(otc_vhost_log(rig.vhost, otc_vhost_logs(rig.vhost) - 1).fields, scratch_path("dead_letters")));
    queue->close(queue);
    queue = queue_of(&rig, &found);
    assert_int_equal(found.n, 1);
    queue->remove(queue, found.records[0]);
    queue->close(queue);
    stop(&rig);
}

/* Where a file of a dead letter goes. */
static const char *
letter_path(int number, const char *ending)
{
    char name[128];

    (void)snprintf(name, sizeof(name), "dead_letters/exporter_otlp_grpc__x_traces.1767225600000-%d.%s",
                   number, ending);
    return scratch_path(name);
}

/* Somebody looks at the folder when a file is there already that was not reported yet: two are written
 * together, and pipes hold the thread before them and between them. */
static void
a_dead_letter_is_counted_once(void **state)
{
    static const size_t sizes[] = {100000, 120000, 8, 150000};
    static char text[150001], rest[100000];
    struct otc_stored *records[4];
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_storage_queue *queue;
    struct found found;
    struct otc_rig rig;
    int first, third;

    (void)state;
    clear_all();
    start(&rig, "dead_letter: {max_size: 256KiB}");
    queue = queue_of(&rig, &found);
    for (int i = 0; i < 4; i++) {
        memset(text, 'x', sizes[i]);
        text[sizes[i]] = '\0';
        records[i] = put(queue, text, &err);
    }
    assert_int_equal(mkdir(scratch_path("dead_letters"), 0700), 0);
    assert_int_equal(mkfifo(letter_path(1, "pb.part"), 0600), 0);
    assert_int_equal(mkfifo(letter_path(3, "txt"), 0600), 0);
    for (int i = 0; i < 3; i++) {
        assert_true(queue->reserve(queue, records[i], 0));
    }
    queue->reject(queue, records[0], 0, "not wanted");
    first = open(letter_path(1, "pb.part"), O_RDONLY);
    queue->reject(queue, records[1], 0, "not wanted");
    queue->reject(queue, records[2], 0, "not wanted");
    while (read(first, rest, sizeof(rest)) > 0) {
    }
    while (access(letter_path(2, "pb"), F_OK) != 0) {
        (void)sched_yield();
    }
    assert_false(queue->reserve(queue, records[3], 0));
    assert_int_equal(otc_vhost_metric(rig.vhost, "aimon_storage_dead_letter_bytes", LABELS), 120008);
    third = open(letter_path(3, "txt"), O_RDONLY);
    queue->forget(queue, records[3]);
    queue->close(queue);
    assert_int_equal(otc_vhost_metric(rig.vhost, "aimon_storage_dead_letter_bytes", LABELS), 120008);
    assert_int_equal(otc_vhost_metric(rig.vhost, "aimon_storage_dead_letter_files", LABELS), 2);
    close(first);
    close(third);
    stop(&rig);
}

/* A record is damaged; its bytes are copied aside unless something stands where they would go. */
static void
damaged_records_are_told(void **state)
{
    static const char text[] = "Records of a queue are damaged and lost";
    char segment[512], aside[512];

    (void)state;
    (void)snprintf(segment, sizeof(segment), "%s",
                   scratch_path("exporter_otlp_grpc__x_traces.0000000000000001.segment"));
    (void)snprintf(aside, sizeof(aside), "%s",
                   scratch_path("exporter_otlp_grpc__x_traces.0000000000000001.corrupt-1767225600"));
    for (int copied = 0; copied < 2; copied++) {
        struct otc_error err = OTC_ERROR_INIT;
        struct otc_storage_queue *queue;
        struct otc_vhost_log log = {0};
        struct found found;
        struct otc_rig rig;
        int fd;

        clear_all();
        if (!copied) {
            assert_int_equal(mkdir(aside, 0700), 0);
        }
        start(&rig, "");
        queue = queue_of(&rig, &found);
        queue->forget(queue, put(queue, "content1", &err));
        queue->close(queue);
        fd = open(segment, O_WRONLY);
        assert_int_equal(pwrite(fd, "damaged!", 8, OTC_LOG_RECORDS_AT + 40), 8);
        close(fd);
        queue = queue_of(&rig, &found);
        assert_int_equal(found.n, 0);
        for (size_t i = 0; i < otc_vhost_logs(rig.vhost); i++) {
            log = strstr(otc_vhost_log(rig.vhost, i).message, text) ? otc_vhost_log(rig.vhost, i) : log;
        }
        assert_non_null(log.fields);
        assert_non_null(strstr(log.fields, "lost_records=1 damaged_bytes=48"));
        assert_non_null(strstr(log.fields, copied ? "copied_bytes=48" : "copied_bytes=0"));
        queue->close(queue);
        stop(&rig);
        if (!copied) {
            assert_int_equal(rmdir(aside), 0);
        }
    }
}

static void
crashes_are_told_to_the_next_process(void **state)
{
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_storage_queue *queue;
    struct otc_stored *record;
    struct found found;
    struct otc_rig rig;

    (void)state;
    clear_all();
    start(&rig, "");
    queue = queue_of(&rig, &found);
    record = put(queue, "content1", &err);
    assert_int_equal(queue->crashes(queue, record), 0);
    queue->mark(queue, record, true);
    queue->forget(queue, record);
    queue->close(queue);
    queue = queue_of(&rig, &found);
    assert_int_equal(queue->crashes(queue, found.records[0]), 1);
    queue->remove(queue, found.records[0]);
    queue->close(queue);
    stop(&rig);
}

/* "otlp" is a type too, the alias of otlp_grpc. */
static void
each_exporter_has_its_queue(void **state)
{
    static const char *const ids[] = {"otlp/http", "otlp_http", "otlp/http_x", "otlp_http/x", "otlp/_http"};
    struct otc_storage_queue *queues[5];
    struct otc_error err = OTC_ERROR_INIT;
    struct found found[5];
    struct otc_rig rig;

    (void)state;
    start(&rig, "");
    for (int i = 0; i < 5; i++) {
        queues[i] = queue_named(&rig, ids[i], &found[i]);
    }
    for (int i = 0; i < 5; i++) {
        struct otc_stored *record = put(queues[i], "content1", &err);

        assert_non_null(record);
        queues[i]->forget(queues[i], record);
        queues[i]->close(queues[i]);
    }
    stop(&rig);
    start(&rig, "");
    for (int i = 0; i < 5; i++) {
        queues[i] = queue_named(&rig, ids[i], &found[i]);
        assert_int_equal(found[i].n, 1);
        queues[i]->forget(queues[i], found[i].records[0]);
        queues[i]->close(queues[i]);
    }
    stop(&rig);
}

/* The queues of exporters that were renamed are named, and those that nobody opened alone. */
static void
queues_without_an_owner_are_named(void **state)
{
    static const char *const ids[] = {"otlp_grpc/x", "otlp_grpc/former", "otlp_grpc/emptied"};
    struct otc_storage_queue *queues[3];
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_vhost_log log;
    struct found found;
    struct otc_rig rig;

    (void)state;
    clear_all();
    start(&rig, "");
    for (int i = 0; i < 3; i++) {
        struct otc_stored *record;

        queues[i] = queue_named(&rig, ids[i], &found);
        record = put(queues[i], "content1", &err);
        if (i < 2) {
            queues[i]->forget(queues[i], record);
        } else {
            queues[i]->remove(queues[i], record);
        }
        queues[i]->close(queues[i]);
    }
    otc_vhost_advance(rig.vhost, OTC_SECOND);
    assert_int_equal(otc_vhost_logged(rig.vhost, "A queue in the folder belongs to no exporter"), 0);
    stop(&rig);
    start(&rig, "");
    queues[0] = queue_of(&rig, &found);
    assert_int_equal(found.n, 1);
    otc_vhost_advance(rig.vhost, OTC_MINUTE);
    assert_int_equal(otc_vhost_logged(rig.vhost, "A queue in the folder belongs to no exporter"), 1);
    log = otc_vhost_log(rig.vhost, otc_vhost_logs(rig.vhost) - 1);
    assert_non_null(strstr(log.fields, "queue=exporter_otlp_grpc__former_traces bytes="));
    assert_in_range(
        otc_vhost_metric(rig.vhost, "aimon_storage_orphaned_queue_bytes", "extension=file_storage"),
        OTC_LOG_RECORDS_AT, OTC_LOG_RECORDS_AT + 100);
    queues[0]->remove(queues[0], found.records[0]);
    queues[0]->close(queues[0]);
    stop(&rig);
}

static int
end(void **state)
{
    clear_all();
    return scratch_teardown(state);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(how_it_is_flushed_is_told),
        cmocka_unit_test(contradictions_are_told),
        cmocka_unit_test(what_is_to_stay_free_is_told),
        cmocka_unit_test(what_passed_takes_no_room),
        cmocka_unit_test(what_is_rejected_is_a_file),
        cmocka_unit_test(dead_letters_have_a_limit),
        cmocka_unit_test(a_dead_letter_that_cannot_be_written_stays),
        cmocka_unit_test(a_dead_letter_is_counted_once),
        cmocka_unit_test(damaged_records_are_told),
        cmocka_unit_test(crashes_are_told_to_the_next_process),
        cmocka_unit_test(each_exporter_has_its_queue),
        cmocka_unit_test(queues_without_an_owner_are_named),
    };

    return cmocka_run_group_tests_name("extensions/file_storage queues", tests, scratch_setup, end);
}
