// SPDX-License-Identifier: Apache-2.0
/* A reference file that changes, and a process that ends while open windows pass over to it: what comes out
 * is what would have come out without the end. */
#include "common/analysis/reference.h"
#include "tests/scenarios/lives.h"

/* ---- The file ------------------------------------------------------------------------------------- */

static char path[] = "/tmp/otc-restart-reload-XXXXXX";

/* `rows` ages from `first` on, and with `country` a second feature. */
static void
put_reference(int rows, double first, const char *country)
{
    const struct otc_reference_limits limits = OTC_REFERENCE_LIMITS_DEFAULT;
    struct otc_reference_builder *builder = otc_reference_builder_new(&limits, 2);
    struct otc_reference *reference = NULL;
    struct otc_buf text = {.limit = 1 << 20};
    struct otc_error err = OTC_ERROR_INIT;
    FILE *file = fopen(path, "wbe");

    assert_non_null(file);
    (void)otc_reference_builder_feature(builder, otc_slice_str("age"), OTC_NUMERIC, OTC_KIND_INPUT);
    if (country) {
        (void)otc_reference_builder_feature(builder, otc_slice_str("country"), OTC_CATEGORICAL,
                                            OTC_KIND_INPUT);
    }
    for (int i = 0; i < rows; i++) {
        assert_true(otc_reference_builder_number(builder, 0, first + i % 60, INT64_MIN));
        if (country) {
            assert_true(
                otc_reference_builder_text(builder, 1, otc_slice_str(i % 2 ? country : "fr"), INT64_MIN));
        }
    }
    assert_int_equal(otc_reference_builder_finish(builder, OTC_SLICE_NONE, "t", 0, &reference, &err), OTC_OK);
    otc_reference_builder_free(builder);
    assert_int_equal(otc_reference_format(reference, &text, &err), OTC_OK);
    assert_int_equal(fwrite(text.data, 1, text.len, file), text.len);
    assert_int_equal(fclose(file), 0);
    otc_buf_release(&text);
    otc_reference_unref(reference);
}

/* ---- Records -------------------------------------------------------------------------------------- */

struct stream {
    uint64_t random;
};

static double
uniform(struct stream *stream)
{
    stream->random = stream->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(stream->random >> 11) / 9007199254740992.0;
}

static void
go_on(struct stream *stream, struct lives *lives, int64_t ns)
{
    static const char *const countries[] = {"de", "fr", "it", "es"};

    for (int64_t passed = 0; passed < ns; passed += OTC_SECOND) {
        for (int i = 0; i < 6; i++) {
            struct field fields[3];
            size_t n = 0;

            lives->stage.version = uniform(stream) < 0.7 ? "1" : "2";
            fields[n++] = NUMBER("ml.feature.age", floor(20 + 70 * uniform(stream)));
            fields[n++] = TEXT("ml.feature.country", countries[(int)(uniform(stream) * 4)]);
            if (uniform(stream) < 0.2) {
                fields[n++] = TEXT("ml.feature.new", "x");
            }
            record(&lives->stage, stage_now(&lives->stage) - (int64_t)(uniform(stream) * 20 * OTC_SECOND),
                   fields, n);
        }
        send(&lives->stage);
        otc_vhost_advance(lives->stage.vhost, OTC_SECOND);
    }
}

/* ---- Runs ----------------------------------------------------------------------------------------- */

enum end { NO_END, KILLED, SHUT_DOWN };

#define PIECE (15 * OTC_SECOND)

/* The file changes after three minutes, and again while windows pass over; `until` is when the run ends. */
static struct lines *
run(enum end end, bool durable, int64_t until)
{
    struct stream stream = {42};
    struct lives *lives;
    char yaml[512];

    (void)snprintf(yaml, sizeof(yaml),
                   "reference: {file: '%s', reload_interval: 10s}, presets: [ml], emit: {bins: true}, "
                   "window: {length: 2m, pane: 10s, min_observations: 50}",
                   path);
    put_reference(600, 20, NULL);
    lives = lives_new(yaml, durable);
    for (int64_t at = 0; at < until; at += PIECE) {
        if (at == 12 * PIECE) {
            put_reference(900, 25, "de");
        } else if (at == 16 * PIECE) {
            put_reference(1200, 30, "it");
        }
        go_on(&stream, lives, PIECE);
        if (end == KILLED) {
            kill_now(lives);
        } else if (end == SHUT_DOWN) {
            shut_down(lives);
        }
        if (end != NO_END) {
            begin_life(lives);
        }
    }
    return last_results(lives);
}

/* In the first passage, in the second, which takes its place, and after both. */
static void
a_passage_survives(void **state)
{
    static const struct {
        int64_t until;
        size_t references; /* of both versions of the model, and of the model itself */
        double observations;
    } cases[] = {{15 * PIECE, 2, 600}, {18 * PIECE, 2, 600}, {30 * PIECE, 1, 1200}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lines *memory = run(NO_END, false, cases[i].until), *whole = run(NO_END, true, cases[i].until);
        char observations[64];

        (void)snprintf(observations, sizeof(observations), " = %g", cases[i].observations);
        assert_int_equal(count_of(whole, "ml.drift.reference.info "), cases[i].references);
        for (size_t k = 0; k < whole->n; k++) {
            if (strstr(whole->items[k], "ml.drift.reference.observations ") &&
                strstr(whole->items[k], "ml.feature.name=age")) {
                assert_non_null(strstr(whole->items[k], observations));
            }
        }
        assert_same(memory, whole);
        for (enum end end = KILLED; end <= SHUT_DOWN; end++) {
            struct lines *ended = run(end, true, cases[i].until);

            assert_same(whole, ended);
            free_lines(ended);
        }
        free_lines(memory);
        free_lines(whole);
    }
}

static int
setup(void **state)
{
    int file = mkstemp(path);

    if (file >= 0) {
        (void)close(file);
    }
    return file >= 0 ? scratch_setup(state) : -1;
}

static int
teardown(void **state)
{
    (void)unlink(path);
    return scratch_teardown(state);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_passage_survives)};

    return cmocka_run_group_tests_name("restart_reload", tests, setup, teardown);
}
