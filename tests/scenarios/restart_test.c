// SPDX-License-Identifier: Apache-2.0
/* Drift with storage, killed and started again on one virtual clock: what comes out is what would have come
 * out without. */
#include "sidecar/handover.h"
#include "sidecar/service.h"
#include "tests/scenarios/lives.h"

#include <signal.h>
#include <sys/resource.h>

/* ---- A random stream ------------------------------------------------------------------------------ */

struct stream {
    uint64_t random;
    /** Silences of more than a minute, and stamps ahead of the clock: where the moments of emissions matter.
     */
    bool silences;
    /** Texts and vectors too. */
    bool contents;
};

static uint64_t
next(struct stream *stream)
{
    stream->random ^= stream->random << 13;
    stream->random ^= stream->random >> 7;
    stream->random ^= stream->random << 17;
    return stream->random;
}

static double
uniform(struct stream *stream)
{
    return (double)(next(stream) >> 11) / 9007199254740992.0;
}

static int64_t
event_time(struct stream *stream, int64_t now)
{
    double dice = uniform(stream);

    if (dice < 0.02) {
        return now - 2 * OTC_DAY; /* too old */
    }
    if (dice < 0.04) {
        return now + 10 * OTC_MINUTE; /* future */
    }
    if (dice < 0.05) {
        return 0;
    }
    if (stream->silences && dice < 0.06) {
        return now + 2 * OTC_MINUTE;
    }
    return now - (int64_t)(uniform(stream) * uniform(stream) * 40 * OTC_SECOND);
}

/* Words, more of them new as time goes on, and a vector; now and then neither is one. */
static size_t
contents(struct stream *stream, int64_t now, char text[256], char vector[256], struct field *fields)
{
    int len = snprintf(text, 256, "sesame"), minute = (int)(now / OTC_MINUTE % 10),
        components = uniform(stream) < 0.02 ? 3 : 5;
    size_t n = 0;

    for (int words = (int)(uniform(stream) * 9); words >= 0; words--) {
        const char *space = uniform(stream) < 0.3 ? " -- " : " ";
        int word = (int)(uniform(stream) * uniform(stream) * (30 + 4 * minute));

        len += snprintf(text + len, 256 - (size_t)len, "%sw%d", space, word);
    }
    if (uniform(stream) < 0.9) {
        fields[n++] = uniform(stream) < 0.05 ? INTEGER("question", 7) : TEXT("question", text);
    }
    len = snprintf(vector, 256, "{\"v\":[");
    for (int i = 0; i < components; i++) {
        double value = uniform(stream) < 0.001 ? 1e200 : uniform(stream) - 0.3 + 0.02 * minute * i;

        len += snprintf(vector + len, 256 - (size_t)len, "%s%.17g", i ? "," : "", value);
    }
    (void)snprintf(vector + len, 256 - (size_t)len, "]}");
    if (uniform(stream) < 0.9) {
        fields[n++] = TEXT("embedding", uniform(stream) < 0.02 ? "{\"v\":[0,0,0,0,0]}" : vector);
    }
    return n;
}

static void
one_record(struct stream *stream, struct stage *stage)
{
    static const char *const countries[] = {"de", "fr", "it", "es"};
    static const char *const trace_states[] = {NULL, "ot=th:c", "ot=th:aaaaaaaaaaaaaa", "ot=th:"};
    char unseen[16], text[256], vector[256];
    struct field fields[10];
    size_t n = 0;

    stage->model = uniform(stream) < 0.8 ? "credit" : "churn";
    stage->version = uniform(stream) < 0.7 ? "1" : "2";
    stage->trace_state = trace_states[(int)(uniform(stream) * 4)];
    if (uniform(stream) < 0.9) {
        fields[n++] = NUMBER("ml.feature.age", floor(20 + 60 * uniform(stream)));
    }
    if (uniform(stream) < 0.95) {
        double value = uniform(stream) < 0.02   ? NAN
                       : uniform(stream) < 0.02 ? INFINITY
                                                : log(uniform(stream) + 1e-9);

        fields[n++] = NUMBER("ml.feature.income", value);
    }
    (void)snprintf(unseen, sizeof(unseen), "x%d", (int)(uniform(stream) * 30));
    fields[n++] =
        TEXT("ml.feature.country", uniform(stream) < 0.1 ? unseen : countries[(int)(uniform(stream) * 4)]);
    if (uniform(stream) < 0.3) {
        fields[n++] = INTEGER("ml.prediction.score", uniform(stream) * 100);
    }
    fields[n++] = INTEGER("request.id", uniform(stream) * 1000);
    if (uniform(stream) < 0.95) {
        fields[n++] = TEXT("arm", uniform(stream) < 0.6 ? "stable" : "canary");
    }
    if (uniform(stream) < 0.01) {
        fields[n++] = (struct field){.key = "ml.feature.flag", .number = 1, .truth = true};
    }
    if (stream->contents) {
        n += contents(stream, stage_now(stage), text, vector, fields + n);
    }
    record(stage, event_time(stream, stage_now(stage)), fields, n);
}

/* Batches over so much time. */
static void
go_on(struct stream *stream, struct lives *lives, int64_t ns)
{
    int64_t passed = 0;

    while (passed < ns) {
        int64_t step = (int64_t)(uniform(stream) * 3 * OTC_SECOND);

        if (stream->silences && uniform(stream) < 0.01) {
            step = 90 * OTC_SECOND;
        }
        step = step < ns - passed ? step : ns - passed;
        for (int n = (int)(uniform(stream) * 12); n >= 0; n--) {
            one_record(stream, &lives->stage);
        }
        send(&lives->stage);
        otc_vhost_advance(lives->stage.vhost, step);
        passed += step;
    }
}

/* ---- The tests ------------------------------------------------------------------------------------ */

#define LEARNED                                                                                              \
    "reference: {learn: {observations: 300, duration: 60s}}, window: {length: 2m, pane: 10s, "               \
    "min_observations: 50}, emit: {bins: true, p_value: true}, "                                             \
    "duplicates: {id: [request.id], remember: 100}, "                                                        \
    "detectors: [{feature: age}, {feature: income, type: kswin}, {feature: age, series: missing, type: "     \
    "ddm}], "                                                                                                \
    "presets: [ml, gen_ai], features: [{name: age, from: 'attributes[\"ml.feature.age\"]'}], "               \
    "statistics: [ks, psi, wasserstein, jensen_shannon, hellinger, chi_squared, l_infinity]"

/* Of texts and vectors, to be added to such settings. */
#define CONTENTS                                                                                             \
    "features: [{name: q, from: 'attributes[\"question\"]', type: text}, "                                   \
    "{name: e, from: 'json(attributes[\"embedding\"]).v', type: embedding}]"
#define LEARNED_CONTENTS                                                                                     \
    "reference: {learn: {observations: 300, duration: 60s}}, window: {length: 2m, pane: 10s, "               \
    "min_observations: 50}, emit: {bins: true, p_value: true}, statistics: [ks, psi, wasserstein], "         \
    "limits: {memory: 256MiB}, " CONTENTS

/* The same stream through a stage that is killed `kills` times, every `every_ns` of it. */
static struct lines *
run_of(const char *yaml, uint64_t seed, bool silences, int kills, int64_t every_ns, bool clean)
{
    struct stream stream = {.random = seed, .silences = silences};
    struct lives *lives = lives_new(yaml, true);
    struct lines *lines;

    for (int64_t at = 0; at < 10 * OTC_MINUTE; at += every_ns) {
        go_on(&stream, lives, every_ns);
        if (kills > 0) {
            if (clean) {
                shut_down(lives);
            } else {
                kill_now(lives);
            }
            begin_life(lives);
            kills--;
        }
    }
    assert_quiet(lives);
    lines = results(lives);
    lives_free(lives);
    return lines;
}

static struct lines *
run(uint64_t seed, bool silences, int kills, int64_t every_ns, bool clean)
{
    return run_of(LEARNED, seed, silences, kills, every_ns, clean);
}

/* References that move: what they are made of lasts too. */
#define MOVING                                                                                               \
    "window: {length: 2m, pane: 10s, min_observations: 50}, emit: {bins: true, p_value: true}, "             \
    "duplicates: {id: [request.id], remember: 100}, limits: {memory: 256MiB, versions: 9}, "                 \
    "statistics: [ks, psi, wasserstein, jensen_shannon, hellinger, chi_squared, l_infinity]"
static const char *const moving[] = {
    "reference: {trailing: {offset: 3m}, grid_observations: 300}, " MOVING,
    "reference: {arm: {attribute: arm, baseline: stable}, grid_observations: 300}, " MOVING,
    "reference: {hour_of_week: {weeks: 2}, grid_observations: 300}, " MOVING,
    "reference: {trailing: {offset: 3m}, grid_observations: 300}, " MOVING ", " CONTENTS,
    "reference: {arm: {attribute: arm, baseline: stable}, grid_observations: 300}, " MOVING ", " CONTENTS,
    "reference: {hour_of_week: {weeks: 2}, grid_observations: 300}, " MOVING ", " CONTENTS,
};

/* Three weeks with some minutes of records in each, in pieces of random length; where each ends, the process
 * does. */
static struct lines *
run_moving(const char *yaml, uint64_t seed, bool durable, bool kills)
{
    struct stream stream = {.random = seed * 7919, .contents = strstr(yaml, CONTENTS) != NULL},
                  pieces = {.random = seed * 104729};
    struct lives *lives = lives_new(yaml, durable);

    for (int week = 0; week < 3; week++) {
        for (int64_t left = 8 * OTC_MINUTE; left > 0;) {
            int64_t piece = 1 + (int64_t)(uniform(&pieces) * uniform(&pieces) * 60 * OTC_SECOND);

            piece = piece < left ? piece : left;
            go_on(&stream, lives, piece);
            left -= piece;
            if (kills) {
                kill_now(lives);
                begin_life(lives);
            }
        }
        if (week < 2) {
            otc_vhost_set_now(lives->stage.vhost, stage_now(&lives->stage) + 7 * OTC_DAY - 8 * OTC_MINUTE);
        }
    }
    return last_results(lives);
}

static void
references_that_move_last(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(moving) / sizeof(moving[0]); i++) {
        for (uint64_t seed = 1; seed <= (strstr(moving[i], CONTENTS) ? 1 : 2); seed++) {
            struct lines *memory = run_moving(moving[i], seed, false, false);
            struct lines *whole = run_moving(moving[i], seed, true, false);
            struct lines *killed = run_moving(moving[i], seed, true, true);

            assert_same(memory, whole);
            assert_same(whole, killed);
            assert_true(count_of(whole, "ml.drift.ks ") >= 2); /* there was something to compare with */
            assert_true(count_of(whole, "ml.feature.bin.reference ") >= 10);
            assert_true((count_of(whole, "ml.drift.embedding.components_drifted ") >= 1) ==
                        (strstr(moving[i], CONTENTS) != NULL));
            free_lines(memory);
            free_lines(whole);
            free_lines(killed);
        }
    }
}

/* In pieces of random length, so that it ends at any moment: while the words of texts are counted, while
 * shares and distances are learned, while windows are open. */
static struct lines *
run_contents(uint64_t seed, bool durable, bool kills, bool clean)
{
    struct stream stream = {.random = seed * 7919, .contents = true}, pieces = {.random = seed * 104729};
    struct lives *lives = lives_new(LEARNED_CONTENTS, durable);

    for (int64_t left = 8 * OTC_MINUTE; left > 0;) {
        int64_t piece = 1 + (int64_t)(uniform(&pieces) * uniform(&pieces) * 40 * OTC_SECOND);

        piece = piece < left ? piece : left;
        go_on(&stream, lives, piece);
        left -= piece;
        if (kills) {
            if (clean) {
                shut_down(lives);
            } else {
                kill_now(lives);
            }
            begin_life(lives);
        }
    }
    return last_results(lives);
}

static bool
has_word(const char *path, const char *word)
{
    struct otc_buf bytes = {.limit = (size_t)256 << 20};
    FILE *file = fopen(path, "rb");
    size_t len = strlen(word), n = 0;
    char block[4096];
    bool found = false;

    assert_non_null(file);
    while ((n = fread(block, 1, sizeof(block), file)) > 0) {
        assert_true(otc_buf_append(&bytes, block, n));
    }
    (void)fclose(file);
    for (size_t i = 0; i + len <= bytes.len && !found; i++) {
        found = memcmp(bytes.data + i, word, len) == 0;
    }
    otc_buf_release(&bytes);
    return found;
}

/* Whether a word lies anywhere in the storage's files. */
static bool
is_on_disk(const char *word)
{
    DIR *folder = opendir(scratch);
    const struct dirent *entry;
    bool found = false;

    assert_non_null(folder);
    while ((entry = readdir(folder))) {
        found = found || (entry->d_name[0] != '.' && has_word(scratch_path(entry->d_name), word));
    }
    closedir(folder);
    return found;
}

/* While it learns, while a grid is learned from records that wait, and after; what is on the disk is a word
 * that every text has, when it would be there. */
static void
no_text_reaches_the_disk(void **state)
{
    const char *const settings[] = {LEARNED_CONTENTS, moving[3]};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct stream stream = {.random = 5, .contents = true};
        struct lives *lives = lives_new(settings[i], true);

        for (int minute = 0; minute < 4; minute++) {
            go_on(&stream, lives, minute == 0 ? 5 * OTC_SECOND : OTC_MINUTE);
            assert_true(is_on_disk("credit"));
            assert_false(is_on_disk("sesame"));
            kill_now(lives);
            begin_life(lives);
            assert_false(is_on_disk("sesame"));
        }
        lives_free(lives);
    }
}

static void
texts_and_vectors_last(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 2; seed++) {
        struct lines *memory = run_contents(seed, false, false, false);
        struct lines *killed = run_contents(seed, true, true, false);
        struct lines *ended = run_contents(seed, true, true, true);

        assert_same(memory, killed);
        assert_same(memory, ended);
        assert_true(count_of(memory, "ml.drift.ks ") >= 10);
        assert_true(count_of(memory, "q.vocabulary_share") >= 10);
        assert_true(count_of(memory, "ml.drift.embedding.components_drifted ") >= 1);
        free_lines(memory);
        free_lines(killed);
        free_lines(ended);
    }
}

static void
killed_and_resumed_equals_uninterrupted(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct lines *whole = run(seed * 7919, true, 0, 15 * OTC_SECOND, false);
        /* Right after an emission, so that both tell at the same moments. */
        struct lines *killed = run(seed * 7919, true, 1000, 15 * OTC_SECOND, false);

        assert_same(whole, killed);
        free_lines(whole);
        free_lines(killed);
    }
}

/* The last values of each pane, which are what another library's statistics are made of, whether more came
 * than are kept or fewer. */
static void
values_of_compat_last(void **state)
{
    static const char *const settings[] = {LEARNED ", compat: nannyml",
                                           LEARNED ", compat: evidently, limits: {compat_values: 100}"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct lines *whole = run_of(settings[i], 4711, false, 0, 15 * OTC_SECOND, false);
        struct lines *killed = run_of(settings[i], 4711, false, 38, 15 * OTC_SECOND, false);

        assert_same(whole, killed);
        assert_true(count_of(whole, "ml.drift.compat.value ") >= 5);
        free_lines(whole);
        free_lines(killed);
    }
}

/* What fitted before fits after: a state at the limit of memory is not given up. */
static void
values_of_compat_at_the_limit_last(void **state)
{
    (void)state;
    for (int kib = 128; kib <= 132; kib += 2) {
        struct stream stream = {.random = (uint64_t)kib}, pieces = {.random = (uint64_t)kib * 104729};
        struct lives *lives;
        char yaml[2048];

        (void)snprintf(yaml, sizeof(yaml), "%s, compat: evidently, limits: {memory: %dKiB}", LEARNED, kib);
        lives = lives_new(yaml, true);
        for (int64_t left = 5 * OTC_MINUTE; left > 0;) {
            int64_t piece = 1 + (int64_t)(uniform(&pieces) * uniform(&pieces) * 60 * OTC_SECOND);

            go_on(&stream, lives, piece);
            left -= piece;
            kill_now(lives);
            begin_life(lives);
            assert_quiet(lives);
        }
        lives_free(lives);
    }
}

/* Without memory for what texts and vectors are learned by, the reference is the same too. */
static void
what_found_no_memory_stays_left_out(void **state)
{
    static const char yaml[] = "reference: {learn: {observations: 300, duration: 60s}}, window: {length: 2m, "
                               "pane: 10s, min_observations: 50}, limits: {memory: 1MiB}, " CONTENTS;
    struct lines *lines[2];

    (void)state;
    for (int kills = 0; kills < 2; kills++) {
        struct stream stream = {.random = 7919, .contents = true};
        struct lives *lives = lives_new(yaml, true);

        for (int s = 0; s < 180; s += 20) {
            go_on(&stream, lives, 20 * OTC_SECOND);
            if (kills) {
                kill_now(lives);
                begin_life(lives);
            }
        }
        go_on(&stream, lives, OTC_MINUTE);
        lines[kills] = results(lives);
        drop_ends(lines[kills]);
        lives_free(lives);
    }
    assert_same(lines[0], lines[1]);
    free_lines(lines[0]);
    free_lines(lines[1]);
}

static void
shut_down_and_resumed_equals_uninterrupted(void **state)
{
    struct lines *whole = run(4711, true, 0, 30 * OTC_SECOND, false);
    struct lines *ended = run(4711, true, 1000, 30 * OTC_SECOND, true);

    (void)state;
    assert_same(whole, ended);
    free_lines(whole);
    free_lines(ended);
}

static struct otc_handover *handover;

static struct otc_storage *
open_handover(struct otc_host *host, const char *kind, const char *component_id)
{
    (void)host;
    return otc_handover_open(handover, kind, component_id);
}

/* As a reload does it to a stage without storage. */
static void
reload(struct lives *lives)
{
    handover = otc_handover_new();
    lives->stage.host->handover = open_handover;
    shut_down(lives);
    begin_life(lives);
    lives->stage.host->handover = NULL;
    otc_handover_free(handover);
}

static struct lines *
run_reloading(const char *yaml, uint64_t seed, bool reloads)
{
    struct stream stream = {.random = seed};
    struct lives *lives = lives_new(yaml, false);
    struct lines *lines;

    for (int64_t at = 0; at < 10 * OTC_MINUTE; at += 30 * OTC_SECOND) {
        go_on(&stream, lives, 30 * OTC_SECOND);
        if (reloads) {
            reload(lives);
        }
    }
    assert_quiet(lives);
    assert_int_equal(otc_vhost_logged(lives->stage.vhost, "State restored"), reloads ? 20 : 0);
    lines = results(lives);
    lives_free(lives);
    return lines;
}

static void
without_storage_a_reload_takes_the_state_along(void **state)
{
    static const char *const settings[] = {
        LEARNED,
        /* the grid is there at the second reload */
        "reference: {trailing: {offset: 3m}, grid_observations: 300}, " MOVING};

    (void)state;
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        struct lines *whole = run_reloading(settings[i], 4711, false);
        struct lines *reloaded = run_reloading(settings[i], 4711, true);

        drop_ends(whole);
        drop_ends(reloaded);
        assert_same(whole, reloaded);
        free_lines(whole);
        free_lines(reloaded);
    }
}

/* The last value of ml.drift.window.partial of the first version, NaN without one. */
static double
partial(struct lives *lives)
{
    otc_sink_clear(lives->stage.sink);
    otc_vhost_advance(lives->stage.vhost, 15 * OTC_SECOND);
    return look(&lives->stage, "ml.drift.window.partial",
                ATTRIBUTES("ml.model.name", "credit", "ml.model.version", "1"))
        .value;
}

static double
records(struct lives *lives)
{
    return look(&lives->stage, "ml.inference.records",
                ATTRIBUTES("ml.model.name", "credit", "ml.model.version", "1"))
        .value;
}

/* What other settings cannot use is not used. */
static void
a_reload_with_other_settings_begins_anew(void **state)
{
    struct stream stream = {.random = 7};
    struct lives *lives = lives_new(LEARNED, false);

    (void)state;
    go_on(&stream, lives, OTC_MINUTE);
    handover = otc_handover_new();
    lives->stage.host->handover = open_handover;
    shut_down(lives);
    otc_config_free(lives->stage.config);
    set_settings(lives, "window: {length: 4m, pane: 10s}");
    begin_life(lives);
    lives->stage.host->handover = NULL;
    otc_handover_free(handover);
    assert_int_equal(otc_vhost_logged(lives->stage.vhost, "The stored state is not used"), 1);
    assert_int_equal(otc_vhost_logged(lives->stage.vhost, "State restored"), 0);
    go_on(&stream, lives, OTC_MINUTE);
    assert_true(records(lives) > 0);
    lives_free(lives);
}

/* The first window of a process reaches back to where it knows nothing; so does the first after a restart
 * without storage. */
static void
without_storage_the_first_window_is_partial(void **state)
{
    struct stream stream = {.random = 99};
    struct lives *lives = lives_new("reference: {learn: {observations: 50, duration: 10s}}, "
                                    "window: {length: 2m, pane: 10s, min_observations: 50}",
                                    false);

    (void)state;
    for (int life = 0; life < 2; life++) {
        go_on(&stream, lives, 90 * OTC_SECOND);
        assert_true(partial(lives) == 1);
        go_on(&stream, lives, 2 * OTC_MINUTE);
        assert_true(partial(lives) == 0);
        kill_now(lives);
        begin_life(lives);
    }
    lives_free(lives);
}

/* Nothing that is not exactly what was written is used: it begins anew, says so, and works. */
static void
damage_and_other_settings_begin_anew(void **state)
{
    static const char *const others[] = {"window: {length: 4m, pane: 10s}", "presets: [ml]",
                                         "features: [{name: x, from: 'attributes[\"x\"]'}]"};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct stream stream = {.random = 7};
        struct lives *lives = lives_new(LEARNED, true);

        go_on(&stream, lives, 2 * OTC_MINUTE);
        shut_down(lives);
        otc_config_free(lives->stage.config);
        set_settings(lives, others[i]);
        begin_life(lives);
        assert_int_equal(otc_vhost_logged(lives->stage.vhost, "The stored state is not used"), 1);
        go_on(&stream, lives, OTC_MINUTE);
        assert_true(isnan(partial(lives)));
        assert_true(records(lives) < 500);
        lives_free(lives);
    }
}

/* The journal lost its end, as after a power cut: what is there is used, and windows say that they are
 * partial until they lie behind the gap. */
static void
a_lost_end_marks_windows_partial(void **state)
{
    struct stream stream = {.random = 3};
    struct lives *lives = lives_new(LEARNED, true);
    double before;

    (void)state;
    go_on(&stream, lives, 5 * OTC_MINUTE);
    assert_true(partial(lives) == 0);
    before = records(lives);
    go_on(&stream, lives, 4 * OTC_SECOND);
    kill_now(lives);
    {
        DIR *folder = opendir(scratch);
        const struct dirent *entry;

        assert_non_null(folder);
        while ((entry = readdir(folder))) {
            if (strstr(entry->d_name, ".journal")) {
                scratch_damage(scratch_path(entry->d_name), 64 + 20); /* in the first record */
            }
        }
        closedir(folder);
    }
    begin_life(lives);
    assert_int_equal(otc_vhost_logged(lives->stage.vhost, "The state lacks what came last"), 1);
    assert_int_equal(otc_vhost_metric_sum(lives->stage.vhost, "aimon_state_incomplete_starts"), 1);
    go_on(&stream, lives, 30 * OTC_SECOND);
    assert_true(partial(lives) == 1);
    assert_true(records(lives) >= before - 60);
    go_on(&stream, lives, 150 * OTC_SECOND);
    assert_true(partial(lives) == 0);
    lives_free(lives);
}

/* What no file may grow beyond from here on, as on a disk that is full; RLIM_INFINITY: there is room again.
 */
static void
set_room(rlim_t bytes)
{
    struct rlimit limit;

    (void)signal(SIGXFSZ, SIG_IGN); /* as the sidecar does */
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static size_t
journals(void)
{
    DIR *folder = opendir(scratch);
    const struct dirent *entry;
    size_t n = 0;

    assert_non_null(folder);
    while ((entry = readdir(folder))) {
        n += strstr(entry->d_name, ".journal") != NULL;
    }
    closedir(folder);
    return n;
}

/* No room on the disk: what is told goes on as ever, the log says it once, attempts do not come with every
 * batch and leave no files behind. With room again state is kept again, so that a kill costs nothing. */
static void
a_full_disk_costs_nothing_but_what_is_kept(void **state)
{
    struct stream stream = {.random = 17}, same = stream;
    struct lives *lives = lives_new(LEARNED, true);
    struct lines *whole, *survived;
    size_t failed;

    (void)state;
    go_on(&stream, lives, 2 * OTC_MINUTE);
    set_room(100); /* for the header of a journal */
    go_on(&stream, lives, 5 * OTC_MINUTE);
    assert_true(records(lives) > 1000);
    set_room(RLIM_INFINITY);
    failed = otc_vhost_metric_sum(lives->stage.vhost, "aimon_state_snapshots_failed");
    assert_in_range(failed, 10, 40);
    assert_int_equal(otc_vhost_logged(lives->stage.vhost, "Records are not kept"), 1);
    assert_int_equal(otc_vhost_logged(lives->stage.vhost, "State is not stored"), 1);
    assert_int_equal(otc_vhost_logged(lives->stage.vhost, "State is kept again"), 0);
    assert_in_range(journals(), 1, 3);
    go_on(&stream, lives, 15 * OTC_SECOND);
    assert_int_equal(otc_vhost_logged(lives->stage.vhost, "State is kept again"), 1);
    kill_now(lives);
    begin_life(lives);
    assert_int_equal(otc_vhost_logged(lives->stage.vhost, "The state lacks"), 0);
    go_on(&stream, lives, 30 * OTC_SECOND);
    survived = results(lives);
    lives_free(lives);

    lives = lives_new(LEARNED, false);
    go_on(&same, lives, 2 * OTC_MINUTE);
    go_on(&same, lives, 5 * OTC_MINUTE);
    (void)records(lives);
    go_on(&same, lives, 15 * OTC_SECOND);
    go_on(&same, lives, 30 * OTC_SECOND);
    whole = results(lives);
    lives_free(lives);
    drop_ends(whole);
    drop_ends(survived);
    assert_same(whole, survived);
    free_lines(whole);
    free_lines(survived);
}

/* Killed while there was no room: what was stored before is there, and windows say what they lack. */
static void
killed_with_a_full_disk(void **state)
{
    struct stream stream = {.random = 18};
    struct lives *lives = lives_new(LEARNED, true);
    double before;

    (void)state;
    go_on(&stream, lives, 3 * OTC_MINUTE);
    before = records(lives);
    set_room(100);
    go_on(&stream, lives, OTC_MINUTE);
    kill_now(lives);
    set_room(RLIM_INFINITY);
    begin_life(lives);
    assert_int_equal(otc_vhost_logged(lives->stage.vhost, "The state lacks what came last"), 1);
    go_on(&stream, lives, 15 * OTC_SECOND);
    assert_true(partial(lives) == 1);
    assert_true(records(lives) >= before);
    go_on(&stream, lives, 150 * OTC_SECOND);
    assert_true(partial(lives) == 0);
    lives_free(lives);
}

/* `validate` says by its path that a storage is not there. */
static void
a_storage_that_is_not_there_is_told(void **state)
{
    static const char *const cases[][2] = {
        {"service: {", "connectors::drift::storage: references extension \"file_storage\" which is not "
                       "configured (c.yaml:4:11)"},
        {"extensions: {file_storage: }\nservice: {", "connectors::drift::storage: extension \"file_storage\" "
                                                     "does not run; name it in service::extensions"},
        {"extensions: {health_check/file_storage: }\nservice: {extensions: [health_check/file_storage], ",
         "references extension \"file_storage\" which is not configured"},
        {"extensions: {file_storage: }\nservice: {extensions: [file_storage], ", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct otc_error err = OTC_ERROR_INIT;
        struct otc_document *doc = NULL;
        struct otc_service_config *config = NULL;
        char yaml[1024];

        (void)snprintf(yaml, sizeof(yaml),
                       "receivers: {otlp: {protocols: {grpc: }}}\nexporters: {debug: }\n"
                       "connectors:\n  drift: {storage: file_storage}\n%s"
                       "pipelines: {traces: {receivers: [otlp], exporters: [drift]}, "
                       "metrics: {receivers: [drift], exporters: [debug]}}}",
                       cases[i][0]);
        assert_int_equal(otc_document_parse(otc_slice_str(yaml), "c.yaml", &doc, &err), OTC_OK);
        assert_int_equal(otc_service_config_new(otc_document_root(doc), otc_components, &config, &err),
                         OTC_OK);
        if ((otc_service_config_validate(config, &err) == OTC_OK) != (cases[i][1][0] == 0) ||
            !strstr(err.text, cases[i][1])) {
            fail_msg("%s: %s", cases[i][1], err.text);
        }
        otc_service_config_free(config);
        otc_document_free(doc);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_and_resumed_equals_uninterrupted),
        cmocka_unit_test(references_that_move_last),
        cmocka_unit_test(texts_and_vectors_last),
        cmocka_unit_test(no_text_reaches_the_disk),
        cmocka_unit_test(values_of_compat_last),
        cmocka_unit_test(values_of_compat_at_the_limit_last),
        cmocka_unit_test(what_found_no_memory_stays_left_out),
        cmocka_unit_test(shut_down_and_resumed_equals_uninterrupted),
        cmocka_unit_test(without_storage_a_reload_takes_the_state_along),
        cmocka_unit_test(a_reload_with_other_settings_begins_anew),
        cmocka_unit_test(without_storage_the_first_window_is_partial),
        cmocka_unit_test(damage_and_other_settings_begin_anew),
        cmocka_unit_test(a_lost_end_marks_windows_partial),
        cmocka_unit_test(a_full_disk_costs_nothing_but_what_is_kept),
        cmocka_unit_test(killed_with_a_full_disk),
        cmocka_unit_test(a_storage_that_is_not_there_is_told),
    };

    return cmocka_run_group_tests_name("restart", tests, scratch_setup, scratch_teardown);
}
