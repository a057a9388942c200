// SPDX-License-Identifier: Apache-2.0
/* The receiver of files on a virtual clock: what is read, once, whatever happens to the files. */
#include "common/base/buf.h"
#include "common/net/compress.h"
#include "tests/harness/rig.h"
#include "tests/harness/sink.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

extern const struct otc_factory otc_otlp_json_file_receiver_factory;
static const struct otc_factory *const factory = &otc_otlp_json_file_receiver_factory;

#define POLL (200 * OTC_MILLISECOND)
#define SPAN(name)                                                                                           \
    "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"traceId\":\"5b8efff798038103d269b633813fc60c\","    \
    "\"spanId\":\"eee19b7ec3c1b174\",\"name\":\"" name "\",\"startTimeUnixNano\":\"1\","                     \
    "\"endTimeUnixNano\":\"2\"}]}]}]}"
#define METRIC                                                                                               \
    "\"resourceMetrics\":[{\"scopeMetrics\":[{\"metrics\":[{\"name\":\"m\",\"gauge\":{\"dataPoints\":["      \
    "{\"timeUnixNano\":\"1\",\"asInt\":\"1\"}]}}]}]}]"
#define LOG                                                                                                  \
    "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"timeUnixNano\":\"1\",\"body\":{"                 \
    "\"stringValue\":\"b\"}}]}]}]}"

struct fixture {
    char folder[64];
    struct otc_rig rig;
    struct otc_sink *sinks[OTC_N_SIGNALS];
};

static int
set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    (void)snprintf(fixture->folder, sizeof(fixture->folder), "/tmp/aimon-json-file-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    *state = fixture;
    return 0;
}

static const char *
path_of(const struct fixture *fixture, const char *name)
{
    static char path[2][128];
    static unsigned turn;

    turn ^= 1;
    (void)snprintf(path[turn], sizeof(path[turn]), "%s/%s", fixture->folder, name);
    return path[turn];
}

static int
tear_down(void **state)
{
    struct fixture *fixture = *state;
    static const char *const names[] = {"a.json", "b.json", "c.json", "skip.json", "a.json.gz", "b.json.gz"};

    if (fixture->rig.component) {
        struct otc_error err = OTC_ERROR_INIT;

        (void)fixture->rig.component->ops->shutdown(fixture->rig.component, 0, &err);
    }
    for (int i = 0; i < OTC_N_SIGNALS; i++) {
        otc_sink_free(fixture->sinks[i]); /* batches are charged to the host */
    }
    otc_rig_free(&fixture->rig);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        (void)unlink(path_of(fixture, names[i]));
    }
    (void)rmdir(fixture->folder);
    free(fixture);
    return 0;
}

/* Does not poll yet. */
static void
create_with(struct fixture *fixture, const char *settings)
{
    struct otc_error err = OTC_ERROR_INIT;
    char yaml[512];

    (void)snprintf(yaml, sizeof(yaml), "{include: [\"%s/**/*.{json,json.gz}\"], exclude: [%s/skip*]%s}",
                   fixture->folder, fixture->folder, settings);
    if (otc_rig_create(&fixture->rig, factory, yaml, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    for (int i = 0; i < OTC_N_SIGNALS; i++) {
        fixture->sinks[i] = otc_sink_new();
        assert_int_equal(fixture->rig.component->ops->connect(fixture->rig.component, (enum otc_signal)i,
                                                              otc_sink_consumer(fixture->sinks[i]), &err),
                         OTC_OK);
    }
    assert_int_equal(fixture->rig.component->ops->start(fixture->rig.component, &err), OTC_OK);
}

static void
start_with(struct fixture *fixture, const char *settings)
{
    create_with(fixture, settings);
    otc_vhost_run(fixture->rig.vhost);
}

/* Appends to a file; "w" makes it anew. */
static void
put(const struct fixture *fixture, const char *name, const char *mode, const char *text)
{
    FILE *file = fopen(path_of(fixture, name), mode);

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void
poll_once(struct fixture *fixture)
{
    otc_vhost_advance(fixture->rig.vhost, POLL);
}

static size_t
spans(const struct fixture *fixture)
{
    return otc_sink_items(fixture->sinks[OTC_TRACES]);
}

static void
lines_are_read_once_and_as_they_come(void **state)
{
    struct fixture *fixture = *state;

    put(fixture, "a.json", "w", SPAN("1") "\n" SPAN("2") "\r\n\n" LOG "\n");
    start_with(fixture, ", start_at: beginning");
    assert_int_equal(spans(fixture), 2);
    assert_int_equal(otc_sink_items(fixture->sinks[OTC_LOGS]), 1);
    poll_once(fixture);
    assert_int_equal(spans(fixture), 2);
    put(fixture, "a.json", "a", SPAN("3"));
    poll_once(fixture);
    assert_int_equal(spans(fixture), 2);
    put(fixture, "a.json", "a", "\n");
    poll_once(fixture);
    assert_int_equal(spans(fixture), 3);
    put(fixture, "skip.json", "w", SPAN("no") "\n");
    poll_once(fixture);
    assert_int_equal(spans(fixture), 3);
    assert_int_equal(otc_vhost_metric(fixture->rig.vhost, "otelcol_receiver_accepted_spans",
                                      "receiver=otlp_json_file,transport=file"),
                     3);
}

static void
what_is_there_at_the_start_is_passed_over(void **state)
{
    struct fixture *fixture = *state;

    put(fixture, "a.json", "w", SPAN("old") "\n");
    start_with(fixture, "");
    assert_int_equal(spans(fixture), 0);
    put(fixture, "a.json", "a", SPAN("new") "\n");
    put(fixture, "b.json", "w", SPAN("other file") "\n" SPAN("2") "\n");
    poll_once(fixture);
    assert_int_equal(spans(fixture), 3);
}

static void
renamed_copied_cut_and_replaced_files(void **state)
{
    struct fixture *fixture = *state;

    put(fixture, "a.json", "w", SPAN("1") "\n" SPAN("2") "\n");
    start_with(fixture, ", start_at: beginning");
    assert_int_equal(spans(fixture), 2);
    assert_int_equal(rename(path_of(fixture, "a.json"), path_of(fixture, "b.json")), 0);
    put(fixture, "b.json", "a", SPAN("3") "\n");
    poll_once(fixture); /* goes on under the new name */
    assert_int_equal(spans(fixture), 3);
    put(fixture, "c.json", "w", SPAN("1") "\n" SPAN("2") "\n" SPAN("3") "\n");
    poll_once(fixture); /* a copy */
    assert_int_equal(spans(fixture), 3);
    assert_int_equal(unlink(path_of(fixture, "c.json")), 0);
    assert_int_equal(truncate(path_of(fixture, "b.json"), (off_t)strlen(SPAN("1") "\n")), 0);
    poll_once(fixture); /* cut */
    assert_int_equal(spans(fixture), 4);
    put(fixture, "b.json", "w", SPAN("new contents") "\n");
    poll_once(fixture);
    assert_int_equal(spans(fixture), 5);
}

static void
files_that_begin_alike_are_all_read(void **state)
{
    struct fixture *fixture = *state;

    put(fixture, "a.json", "w", SPAN("1") "\n");
    start_with(fixture, ", start_at: beginning");
    put(fixture, "b.json", "w", SPAN("1") "\n" SPAN("2") "\n");
    poll_once(fixture); /* longer: no copy */
    assert_int_equal(spans(fixture), 3);
    put(fixture, "c.json", "w", SPAN("1") "\n" SPAN("2") "\n");
    poll_once(fixture); /* a copy */
    assert_int_equal(spans(fixture), 3);
    assert_int_equal(unlink(path_of(fixture, "c.json")), 0);
    put(fixture, "a.json", "a", SPAN("3") "\n");
    put(fixture, "b.json", "a", SPAN("4") "\n");
    poll_once(fixture); /* each goes on */
    assert_int_equal(spans(fixture), 5);
}

static void
a_last_line_without_an_end_is_read_after_a_while(void **state)
{
    struct fixture *fixture = *state;

    put(fixture, "a.json", "w", SPAN("1") "\n" SPAN("2"));
    start_with(fixture, ", start_at: beginning");
    assert_int_equal(spans(fixture), 1);
    otc_vhost_advance(fixture->rig.vhost, 400 * OTC_MILLISECOND);
    assert_int_equal(spans(fixture), 1);
    otc_vhost_advance(fixture->rig.vhost, 400 * OTC_MILLISECOND);
    assert_int_equal(spans(fixture), 2);
    put(fixture, "a.json", "a", "\n" SPAN("3") "\n");
    poll_once(fixture);
    assert_int_equal(spans(fixture), 3);
}

static void
a_refused_line_comes_again_and_a_lost_one_is_told(void **state)
{
    struct fixture *fixture = *state;
    struct otc_error later = {.status = OTC_UNAVAILABLE, .retry_after_ms = 1000, .text = "queue is full"};
    struct otc_error never = {.status = OTC_INVALID_ARGUMENT, .permanent = true, .text = "no"};

    start_with(fixture, ", start_at: beginning");
    otc_sink_refuse(fixture->sinks[OTC_TRACES], &later);
    put(fixture, "a.json", "w", SPAN("1") "\n" SPAN("2") "\n");
    poll_once(fixture);
    assert_int_equal(otc_sink_calls(fixture->sinks[OTC_TRACES]), 1);
    otc_sink_answer(fixture->sinks[OTC_TRACES], OTC_OK, NULL);
    poll_once(fixture); /* a second was asked for */
    assert_int_equal(spans(fixture), 0);
    otc_vhost_advance(fixture->rig.vhost, OTC_SECOND);
    assert_int_equal(spans(fixture), 2);
    otc_sink_refuse(fixture->sinks[OTC_TRACES], &never);
    put(fixture, "a.json", "a", SPAN("3") "\n");
    poll_once(fixture);
    assert_int_equal(otc_vhost_logged(fixture->rig.vhost, "Line refused, not repeated"), 1);
    otc_sink_answer(fixture->sinks[OTC_TRACES], OTC_OK, NULL);
    put(fixture, "a.json", "a", SPAN("4") "\n");
    poll_once(fixture);
    assert_int_equal(spans(fixture), 3);
}

static void
a_refused_line_does_not_cost_other_files_lines(void **state)
{
    struct fixture *fixture = *state;

    start_with(fixture, ", start_at: beginning");
    otc_sink_answer(fixture->sinks[OTC_METRICS], OTC_UNAVAILABLE, "queue is full");
    put(fixture, "a.json", "w", "{" METRIC "}\n{" METRIC "}\n");
    put(fixture, "b.json", "w", SPAN("1") "\n" SPAN("2") "\n");
    poll_once(fixture);
    assert_int_equal(spans(fixture), 2);
    put(fixture, "b.json", "a", SPAN("3") "\n");
    put(fixture, "c.json", "w", "{" METRIC ",\"x\":1}\n" SPAN("4") "\n"); /* waits for its first line */
    poll_once(fixture);
    assert_int_equal(spans(fixture), 3);
    assert_int_equal(otc_sink_items(fixture->sinks[OTC_METRICS]), 0);
    otc_sink_answer(fixture->sinks[OTC_METRICS], OTC_OK, NULL);
    poll_once(fixture);
    assert_int_equal(spans(fixture), 4);
    assert_int_equal(otc_sink_items(fixture->sinks[OTC_METRICS]), 3);
}

/* A line of two signals, of which one is refused, beside a file that is read on. */
static void
a_line_that_is_refused_in_part_comes_again_in_part(void **state)
{
    struct fixture *fixture = *state;
    static const char span[] = SPAN("1");
    char line[1024];

    (void)snprintf(line, sizeof(line), "%.*s,%s}\n", (int)sizeof(span) - 2, span, METRIC);
    start_with(fixture, ", start_at: beginning");
    otc_sink_answer(fixture->sinks[OTC_METRICS], OTC_UNAVAILABLE, "queue is full");
    put(fixture, "a.json", "w", line);
    put(fixture, "b.json", "w", SPAN("2") "\n");
    poll_once(fixture);
    assert_int_equal(spans(fixture), 2);
    poll_once(fixture);
    assert_int_equal(spans(fixture), 2);
    otc_sink_answer(fixture->sinks[OTC_METRICS], OTC_OK, NULL);
    put(fixture, "a.json", "a", line); /* nothing is left of the first one's */
    poll_once(fixture);
    assert_int_equal(spans(fixture), 3);
    assert_int_equal(otc_sink_items(fixture->sinks[OTC_METRICS]), 2);
}

/* The refused file alone has all that one turn reads. */
static void
a_refused_file_takes_neither_the_loop_nor_the_turn_of_others(void **state)
{
    struct fixture *fixture = *state;
    FILE *file = fopen(path_of(fixture, "a.json"), "w");

    assert_non_null(file);
    for (int i = 0; i < 50000; i++) {
        assert_true(fprintf(file, "{%s}\n", METRIC) > 0);
    }
    assert_int_equal(fclose(file), 0);
    put(fixture, "b.json", "w", SPAN("1") "\n");
    create_with(fixture, ", start_at: beginning, max_log_size: 4MiB");
    otc_sink_answer(fixture->sinks[OTC_METRICS], OTC_UNAVAILABLE, "queue is full");
    otc_vhost_set_step(fixture->rig.vhost, OTC_MILLISECOND); /* a loop that spins has an end */
    otc_vhost_run(fixture->rig.vhost);
    poll_once(fixture);
    poll_once(fixture);
    assert_in_range(otc_sink_calls(fixture->sinks[OTC_METRICS]), 1, 3);
    assert_int_equal(spans(fixture), 1);
    otc_sink_answer(fixture->sinks[OTC_METRICS], OTC_OK, NULL);
    poll_once(fixture);
    poll_once(fixture);
    assert_int_equal(otc_sink_items(fixture->sinks[OTC_METRICS]), 50000);
}

/* The longest delay that a poll's refusals asked for counts, not the last one. */
static void
the_longest_delay_counts(void **state)
{
    struct fixture *fixture = *state;
    struct otc_error later = {.status = OTC_UNAVAILABLE, .retry_after_ms = 1000, .text = "queue is full"};

    start_with(fixture, ", start_at: beginning");
    otc_sink_refuse(fixture->sinks[OTC_TRACES], &later);
    otc_sink_answer(fixture->sinks[OTC_LOGS], OTC_UNAVAILABLE, "queue is full");
    put(fixture, "a.json", "w", SPAN("1") "\n");
    put(fixture, "b.json", "w", LOG "\n");
    poll_once(fixture);
    otc_vhost_advance(fixture->rig.vhost, 900 * OTC_MILLISECOND);
    assert_int_equal(otc_sink_calls(fixture->sinks[OTC_TRACES]), 1);
    assert_int_equal(otc_sink_calls(fixture->sinks[OTC_LOGS]), 1);
    otc_vhost_advance(fixture->rig.vhost, 100 * OTC_MILLISECOND);
    assert_int_equal(otc_sink_calls(fixture->sinks[OTC_TRACES]), 2);
}

static void
a_bad_line_does_not_stop_the_others(void **state)
{
    struct fixture *fixture = *state;

    put(fixture, "a.json", "w", "{\"resourceSpans\": 7}\nno JSON\n{\"resourceSpans\":[\n" SPAN("1") "\n");
    start_with(fixture, ", start_at: beginning");
    assert_int_equal(spans(fixture), 1);
    assert_int_equal(otc_vhost_logged(fixture->rig.vhost, "Line refused, not repeated"), 2);
    assert_int_equal(otc_vhost_metric(fixture->rig.vhost, "otelcol_receiver_requests",
                                      "receiver=otlp_json_file,transport=file,outcome=failure"),
                     2);
}

static void
a_line_that_is_too_long_is_skipped(void **state)
{
    struct fixture *fixture = *state;
    char *text = malloc((size_t)300 << 10);

    memset(text, 'x', (size_t)200 << 10);
    (void)snprintf(text + ((size_t)200 << 10), (size_t)100 << 10, "\n" SPAN("1") "\n");
    put(fixture, "a.json", "w", text);
    start_with(fixture, ", start_at: beginning, max_log_size: 64KiB");
    otc_vhost_advance(fixture->rig.vhost, OTC_SECOND);
    assert_int_equal(spans(fixture), 1);
    assert_int_equal(otc_vhost_logged(fixture->rig.vhost, "File not read"), 1);
    free(text);
}

static void
many_lines_take_turns(void **state)
{
    struct fixture *fixture = *state;
    FILE *file = fopen(path_of(fixture, "a.json"), "w");

    for (int i = 0; i < 50000; i++) {
        assert_true(fprintf(file, "%s\n", SPAN("1")) > 0);
    }
    assert_int_equal(fclose(file), 0);
    start_with(fixture, ", start_at: beginning");
    otc_vhost_run(fixture->rig.vhost);
    poll_once(fixture);
    assert_int_equal(spans(fixture), 50000);
}

static void
a_replayed_file_is_read_again(void **state)
{
    struct fixture *fixture = *state;

    put(fixture, "a.json", "w", SPAN("1") "\n");
    start_with(fixture, ", start_at: beginning, replay_file: true");
    poll_once(fixture);
    poll_once(fixture);
    assert_int_equal(spans(fixture), 3);
}

static void
without_memory_a_line_waits(void **state)
{
    struct fixture *fixture = *state;

    put(fixture, "a.json", "w", SPAN("1") "\n");
    start_with(fixture, "");
    otc_vhost_set_memory_limit(fixture->rig.vhost, 1);
    put(fixture, "a.json", "a", SPAN("2") "\n");
    poll_once(fixture);
    assert_int_equal(spans(fixture), 0);
    otc_vhost_set_memory_limit(fixture->rig.vhost, SIZE_MAX);
    poll_once(fixture);
    assert_int_equal(spans(fixture), 1);
    otc_sink_clear(fixture->sinks[OTC_TRACES]);
    assert_int_equal(otc_vhost_charged(fixture->rig.vhost), 0);
}

/* ---- Compressed files ------------------------------------------------------------------------------ */

/* Appends a member to a file, `len` bytes of it (SIZE_MAX: all). Returns how many it has. */
static size_t
put_gzip(const struct fixture *fixture, const char *name, const char *mode, const char *text, size_t len)
{
    struct otc_compressor *compressor = NULL;
    OTC_AUTO_BUF struct otc_buf member = {.limit = (size_t)64 << 20};
    struct otc_error err = OTC_ERROR_INIT;
    FILE *file = fopen(path_of(fixture, name), mode);

    assert_non_null(file);
    assert_int_equal(otc_compressor_new(OTC_COMPRESS_GZIP, 0, &compressor, &err), OTC_OK);
    assert_int_equal(otc_compress(compressor, otc_slice_str(text), &member, &err), OTC_OK);
    otc_compressor_free(compressor);
    len = len < member.len ? len : member.len;
    assert_int_equal(fwrite(member.data, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
    return member.len;
}

static void
compressed_files_are_read_as_they_grow(void **state)
{
    struct fixture *fixture = *state;
    size_t len;

    put_gzip(fixture, "a.json.gz", "w", SPAN("1") "\n" SPAN("2") "\n" SPAN("no end"), SIZE_MAX);
    start_with(fixture, ", start_at: beginning, compression: gzip");
    assert_int_equal(spans(fixture), 3);
    poll_once(fixture);
    assert_int_equal(spans(fixture), 3);
    len = put_gzip(fixture, "a.json.gz", "a", SPAN("4") "\n" SPAN("5") "\n", 40);
    poll_once(fixture); /* a part of a member: some of it may come out */
    assert_in_range(spans(fixture), 3, 4);
    assert_int_equal(truncate(path_of(fixture, "a.json.gz"),
                              (off_t)put_gzip(fixture, "b.json.gz", "w",
                                              SPAN("1") "\n" SPAN("2") "\n" SPAN("no end"), SIZE_MAX)),
                     0);
    assert_int_equal(unlink(path_of(fixture, "b.json.gz")), 0);
    assert_int_equal(put_gzip(fixture, "a.json.gz", "a", SPAN("4") "\n" SPAN("5") "\n", SIZE_MAX), len);
    poll_once(fixture);
    poll_once(fixture);
    assert_int_equal(spans(fixture), 5);
    assert_int_equal(otc_vhost_logged(fixture->rig.vhost, "File not read"), 0);
}

static void
a_file_that_is_compressed_goes_on(void **state)
{
    struct fixture *fixture = *state;

    put(fixture, "a.json", "w", SPAN("1") "\n" SPAN("2") "\n");
    start_with(fixture, ", start_at: beginning, compression: auto");
    assert_int_equal(spans(fixture), 2);
    put_gzip(fixture, "b.json.gz", "w", SPAN("1") "\n" SPAN("2") "\n", SIZE_MAX);
    poll_once(fixture); /* beside it: a copy */
    assert_int_equal(spans(fixture), 2);
    assert_int_equal(unlink(path_of(fixture, "a.json")), 0);
    put_gzip(fixture, "b.json.gz", "a", SPAN("3") "\n", SIZE_MAX);
    poll_once(fixture);
    assert_int_equal(spans(fixture), 3);
    put(fixture, "c.json", "w", SPAN("1") "\n" SPAN("2") "\n" SPAN("3") "\n" SPAN("4") "\n");
    assert_int_equal(unlink(path_of(fixture, "b.json.gz")), 0);
    poll_once(fixture); /* one that was decompressed is read anew */
    assert_int_equal(spans(fixture), 7);
}

static void
compressed_files_at_the_start_are_passed_over(void **state)
{
    struct fixture *fixture = *state;

    put_gzip(fixture, "a.json.gz", "w", SPAN("1") "\n" SPAN("2") "\n", SIZE_MAX);
    start_with(fixture, ", compression: auto");
    assert_int_equal(spans(fixture), 0);
    put_gzip(fixture, "a.json.gz", "a", SPAN("3") "\n", SIZE_MAX);
    put_gzip(fixture, "b.json.gz", "w", SPAN("another") "\n", SIZE_MAX);
    poll_once(fixture);
    assert_int_equal(spans(fixture), 2);
}

static void
large_compressed_files_take_turns_and_wait_for_the_pipeline(void **state)
{
    struct fixture *fixture = *state;
    OTC_AUTO_BUF struct otc_buf text = {.limit = (size_t)64 << 20};

    for (int i = 0; i < 50000; i++) {
        (void)otc_buf_append_str(&text, SPAN("1") "\n");
    }
    put_gzip(fixture, "a.json.gz", "w", otc_buf_cstr(&text), SIZE_MAX);
    (void)otc_buf_append_str(&text, SPAN("another") "\n");
    memcpy(strstr(otc_buf_cstr(&text), "5b8e"), "9999", 4); /* another file, by its first line */
    put_gzip(fixture, "b.json.gz", "w", otc_buf_cstr(&text), SIZE_MAX);
    start_with(fixture, ", start_at: beginning, compression: auto");
    otc_vhost_run(fixture->rig.vhost);
    otc_sink_answer(fixture->sinks[OTC_TRACES], OTC_UNAVAILABLE, "queue is full");
    for (int i = 0; i < 20; i++) {
        poll_once(fixture);
    }
    otc_sink_answer(fixture->sinks[OTC_TRACES], OTC_OK, NULL);
    for (int i = 0; i < 40; i++) {
        poll_once(fixture);
    }
    assert_int_equal(spans(fixture), 100001);
}

static void
what_is_no_gzip_is_told_once(void **state)
{
    struct fixture *fixture = *state;

    put(fixture, "a.json", "w", SPAN("plain") "\n");
    put_gzip(fixture, "a.json.gz", "w", SPAN("1") "\n" SPAN("2") "\n", SIZE_MAX);
    put(fixture, "a.json.gz", "a", "garbage behind it");
    put(fixture, "b.json.gz", "w", "\x1f\x8b no gzip either");
    start_with(fixture, ", start_at: beginning, compression: gzip");
    poll_once(fixture);
    poll_once(fixture);
    assert_int_equal(spans(fixture), 2);
    assert_int_equal(otc_vhost_logged(fixture->rig.vhost, "File not read"), 3); /* a file each */
}

/* ---- Files that go, shrink, are old or locked ------------------------------------------------------ */

static bool
exists(const struct fixture *fixture, const char *name)
{
    return access(path_of(fixture, name), F_OK) == 0;
}

static void
files_are_removed_when_they_were_read(void **state)
{
    struct fixture *fixture = *state;

    put(fixture, "a.json", "w", SPAN("1") "\n" SPAN("no end yet"));
    put(fixture, "b.json", "w", SPAN("other") "\n");
    put_gzip(fixture, "a.json.gz", "w", SPAN("packed") "\n", SIZE_MAX);
    put(fixture, "b.json.gz", "w", "\x1f\x8b no gzip");
    start_with(fixture, ", start_at: beginning, compression: auto, delete_after_read: true");
    assert_int_equal(spans(fixture), 3);
    assert_true(exists(fixture, "a.json"));
    assert_false(exists(fixture, "b.json"));
    assert_false(exists(fixture, "a.json.gz"));
    otc_vhost_advance(fixture->rig.vhost, OTC_SECOND);
    assert_int_equal(spans(fixture), 4);
    assert_false(exists(fixture, "a.json"));
    assert_true(exists(fixture, "b.json.gz"));
}

static void
a_compressed_file_is_kept_until_its_member_is_whole(void **state)
{
    struct fixture *fixture = *state;
    size_t len = put_gzip(fixture, "a.json.gz", "w", SPAN("1") "\n", SIZE_MAX);

    put_gzip(fixture, "a.json.gz", "a", SPAN("2") "\n", 20);
    start_with(fixture, ", start_at: beginning, compression: auto, delete_after_read: true");
    assert_int_equal(spans(fixture), 1);
    poll_once(fixture);
    assert_true(exists(fixture, "a.json.gz"));
    assert_int_equal(truncate(path_of(fixture, "a.json.gz"), (off_t)len), 0);
    put_gzip(fixture, "a.json.gz", "a", SPAN("2") "\n", SIZE_MAX); /* the rest */
    poll_once(fixture);
    assert_int_equal(spans(fixture), 2);
    assert_false(exists(fixture, "a.json.gz"));
}

static void
a_refused_line_keeps_its_file(void **state)
{
    struct fixture *fixture = *state;

    start_with(fixture, ", start_at: beginning, delete_after_read: true");
    otc_sink_answer(fixture->sinks[OTC_TRACES], OTC_UNAVAILABLE, "queue is full");
    put(fixture, "a.json", "w", SPAN("1") "\n" SPAN("2") "\n");
    poll_once(fixture);
    assert_true(exists(fixture, "a.json"));
    otc_sink_answer(fixture->sinks[OTC_TRACES], OTC_OK, NULL);
    poll_once(fixture);
    assert_int_equal(spans(fixture), 2);
    assert_false(exists(fixture, "a.json"));
}

/* What is read of a file that is cut to its first line and then gets another one. */
static size_t
spans_after_a_cut(struct fixture *fixture, const char *settings)
{
    put(fixture, "a.json", "w", SPAN("1") "\n" SPAN("2") "\n" SPAN("3") "\n");
    start_with(fixture, settings);
    assert_int_equal(truncate(path_of(fixture, "a.json"), (off_t)strlen(SPAN("1") "\n")), 0);
    poll_once(fixture);
    put(fixture, "a.json", "a", SPAN("4") "\n");
    poll_once(fixture);
    return spans(fixture);
}

static void
cut_files_are_read_from_their_new_end(void **state)
{
    assert_int_equal(
        spans_after_a_cut(*state, ", start_at: beginning, on_truncate: read_new, fingerprint_size: 16"), 4);
}

static void
cut_files_wait_until_they_are_longer(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(
        spans_after_a_cut(fixture, ", start_at: beginning, on_truncate: ignore, fingerprint_size: 16"), 3);
    put(fixture, "a.json", "a", SPAN("5") "\n" SPAN("6") "\n");
    poll_once(fixture);
    assert_int_equal(spans(fixture), 4);
}

static void
old_files_are_not_begun(void **state)
{
    struct fixture *fixture = *state;
    struct timespec times[2] = {{0}};
    int64_t now;

    put(fixture, "a.json", "w", SPAN("1") "\n");
    put(fixture, "b.json", "w", SPAN("younger") "\n");
    start_with(fixture, ", start_at: beginning, exclude_older_than: 1h");
    now = otc_vhost_host(fixture->rig.vhost)->now_ns(otc_vhost_host(fixture->rig.vhost)) / OTC_SECOND;
    put(fixture, "c.json", "w", SPAN("old") "\n");
    times[0].tv_sec = times[1].tv_sec = (time_t)(now - 3700);
    assert_int_equal(utimensat(AT_FDCWD, path_of(fixture, "c.json"), times, 0), 0);
    poll_once(fixture);
    assert_int_equal(spans(fixture), 2);
    assert_int_equal(utimensat(AT_FDCWD, path_of(fixture, "a.json"), times, 0), 0);
    for (int i = 0; i < 10; i++) {
        poll_once(fixture);
    }
    put(fixture, "a.json", "a", SPAN("it grows") "\n"); /* known: it is not read anew */
    times[0].tv_sec = times[1].tv_sec = (time_t)now;
    assert_int_equal(utimensat(AT_FDCWD, path_of(fixture, "c.json"), times, 0), 0);
    poll_once(fixture);
    assert_int_equal(spans(fixture), 4);
}

static void
locked_files_wait(void **state)
{
    struct fixture *fixture = *state;
    int fd;

    put(fixture, "a.json", "w", SPAN("1") "\n");
    fd = open(path_of(fixture, "a.json"), O_RDONLY);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    start_with(fixture, ", start_at: beginning, acquire_fs_lock: true");
    assert_int_equal(spans(fixture), 0);
    assert_int_equal(flock(fd, LOCK_UN), 0);
    poll_once(fixture);
    assert_int_equal(spans(fixture), 1);
    assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0); /* it was let go */
    assert_int_equal(close(fd), 0);
}

/* A loop of links is not found at all; a socket is found, and cannot be opened. */
static void
a_file_that_cannot_be_opened_is_told_once(void **state)
{
    struct fixture *fixture = *state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(symlink(path_of(fixture, "a.json"), path_of(fixture, "a.json")), 0);
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path_of(fixture, "b.json"));
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    put(fixture, "c.json", "w", SPAN("1") "\n");
    start_with(fixture, ", start_at: beginning");
    poll_once(fixture);
    poll_once(fixture);
    assert_int_equal(spans(fixture), 1);
    assert_int_equal(otc_vhost_logged(fixture->rig.vhost, "File not read"), 1);
    assert_int_equal(close(fd), 0);
}

static void
settings_that_are_refused(void **state)
{
    static const struct {
        const char *yaml, *says;
    } cases[] = {
        {"", "include"},
        {"{include: []}", "requires a non-empty \"include\""},
        {"{include: [\"/a/{b,c/*.json\"]}", "include::0: '/a/{b,c/*.json': a { has no }"},
        {"{include: [a], exclude: [b, \"c[a-\"]}", "exclude::1: 'c[a-': a [ has no ]"},
        {"{include: [a], compression: zstd}", "compression"},
        {"{include: [a], on_truncate: cry}", "on_truncate"},
        {"{include: [a], exclude_older_than: -1h}", "exclude_older_than"},
        {"{include: [a], ordering_criteria: {top_n: 1}}", "ordering_criteria"},
        {"{include: [a], multiline: {line_start_pattern: x}}", "multiline"},
        {"{include: [a], header: {pattern: x}}", "header"},
        {"{include: [a], start_at: middle}", "start_at"},
        {"{include: [a], poll: 1s}", "has invalid keys: poll"},
        {"{include: [a], delete_after_read: true}",
         "'delete_after_read' cannot be used with 'start_at: end'"},
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
        TEST(lines_are_read_once_and_as_they_come),
        TEST(what_is_there_at_the_start_is_passed_over),
        TEST(renamed_copied_cut_and_replaced_files),
        TEST(files_that_begin_alike_are_all_read),
        TEST(a_last_line_without_an_end_is_read_after_a_while),
        TEST(a_refused_line_comes_again_and_a_lost_one_is_told),
        TEST(a_refused_line_does_not_cost_other_files_lines),
        TEST(a_line_that_is_refused_in_part_comes_again_in_part),
        TEST(a_refused_file_takes_neither_the_loop_nor_the_turn_of_others),
        TEST(the_longest_delay_counts),
        TEST(a_bad_line_does_not_stop_the_others),
        TEST(a_line_that_is_too_long_is_skipped),
        TEST(many_lines_take_turns),
        TEST(a_replayed_file_is_read_again),
        TEST(without_memory_a_line_waits),
        TEST(compressed_files_are_read_as_they_grow),
        TEST(a_file_that_is_compressed_goes_on),
        TEST(compressed_files_at_the_start_are_passed_over),
        TEST(large_compressed_files_take_turns_and_wait_for_the_pipeline),
        TEST(what_is_no_gzip_is_told_once),
        TEST(files_are_removed_when_they_were_read),
        TEST(a_compressed_file_is_kept_until_its_member_is_whole),
        TEST(a_refused_line_keeps_its_file),
        TEST(cut_files_are_read_from_their_new_end),
        TEST(cut_files_wait_until_they_are_longer),
        TEST(old_files_are_not_begun),
        TEST(locked_files_wait),
        TEST(a_file_that_cannot_be_opened_is_told_once),
        cmocka_unit_test(settings_that_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
