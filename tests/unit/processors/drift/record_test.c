// SPDX-License-Identifier: Apache-2.0
/* What a journal's record holds of texts and vectors: what their features need, and no text. */
#include "processors/drift/record.h"

#include "common/analysis/embedding.h"
#include "common/analysis/vocabulary.h"
#include "processors/drift/points.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct otc_feature_set *
make_set(void)
{
    static char names[3][2] = {"q", "e", "c"};
    static char places[3][16] = {"attributes[\"q\"]", "attributes[\"e\"]", "attributes[\"c\"]"};
    static struct otc_feature_config features[] = {
        {.name = names[0], .from = places[0], .type = {.index = OTC_WATCH_TEXT}},
        {.name = names[1], .from = places[1], .type = {.index = OTC_WATCH_EMBEDDING}},
        {.name = names[2], .from = places[2], .type = {.index = OTC_WATCH_CATEGORICAL}}};
    static const otc_list list = {features, 3};
    const struct otc_feature_settings settings = {.features = &list};
    struct otc_feature_set *set = NULL;
    struct otc_error err = OTC_ERROR_INIT;

    if (otc_feature_set_new(&settings, &set, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    return set;
}

static size_t
index_of(const struct otc_feature_set *set, const char *name)
{
    size_t i = 0;

    while (!otc_slice_equal_str(otc_feature_set_at(set, i)->name, name)) {
        i++;
    }
    return i;
}

static bool
contains(const struct otc_buf *buf, const char *text)
{
    size_t n = strlen(text);

    for (size_t i = 0; i + n <= buf->len; i++) {
        if (memcmp(buf->data + i, text, n) == 0) {
            return true;
        }
    }
    return false;
}

#define N 4
static void
fill(const struct otc_feature_set *set, struct otc_observed observed[N], const double vector[3])
{
    static const char *const names[N] = {"q.vocabulary_share", "e.cosine_distance", "e.norm", "c"};

    for (size_t i = 0; i < N; i++) {
        observed[i] =
            (struct otc_observed){.feature = index_of(set, names[i]), .name = otc_slice_str(names[i])};
    }
    observed[0].value =
        (struct otc_value){.type = OTC_VALUE_STRING, .as.slice = otc_slice_str("secret words, secret plans")};
    observed[1].value = otc_embedding_value(vector, 3);
    observed[2].value = (struct otc_value){.type = OTC_VALUE_DOUBLE, .as.real = 2};
    /* Bytes that came as such are of no use, and not written. */
    observed[3].value = (struct otc_value){.type = OTC_VALUE_BYTES, .as.slice = otc_slice_str("hidden")};
}

static void
test_texts_are_hashes_and_vectors_themselves(void **state)
{
    const double vector[3] = {0.1, -2, 1e300};
    struct otc_feature_set *set = make_set();
    const struct drift_record record = {.key = {.name = otc_slice_str("m")}, .n = N};
    struct otc_observed observed[N], read[N];
    OTC_AUTO_BUF struct otc_buf out = {.limit = 1 << 16}, again = {.limit = 1 << 16},
                                words = {.limit = 1 << 16};
    struct otc_reader in;
    struct drift_record back;

    (void)state;
    fill(set, observed, vector);
    drift_record_write(&out, &record, observed, set);
    assert_false(out.failed || contains(&out, "secret") || contains(&out, "plans") ||
                 contains(&out, "hidden"));
    in = otc_reader_of(otc_buf_slice(&out));
    assert_true(drift_record_read(&in, &back, read, N, otc_feature_set_count(set)));
    assert_true(otc_words_append(observed[0].value.as.slice, &words));
    assert_int_equal(read[0].value.type, OTC_VALUE_BYTES);
    assert_true(otc_slice_equal(read[0].value.as.slice, otc_buf_slice(&words)));
    assert_int_equal(otc_embedding_components(&read[1].value), 3);
    assert_memory_equal(read[1].value.as.slice.data, vector, sizeof(vector));
    assert_int_equal(read[3].value.type, OTC_VALUE_BYTES);
    assert_int_equal(read[3].value.as.slice.len, 0);
    /* What was read is written as it was. */
    drift_record_write(&again, &back, read, set);
    assert_true(otc_slice_equal(otc_buf_slice(&out), otc_buf_slice(&again)));
    otc_feature_set_free(set);
}

static void
test_a_text_without_words_is_missing(void **state)
{
    const double vector[3] = {1, 2, 3};
    struct otc_feature_set *set = make_set();
    const struct drift_record record = {.key = {.name = otc_slice_str("m")}, .n = N};
    struct otc_observed observed[N], read[N];
    OTC_AUTO_BUF struct otc_buf out = {.limit = 1 << 16};
    struct otc_reader in;
    struct drift_record back;

    (void)state;
    fill(set, observed, vector);
    observed[0].value.as.slice = otc_slice_str(" -- ");
    drift_record_write(&out, &record, observed, set);
    in = otc_reader_of(otc_buf_slice(&out));
    assert_true(drift_record_read(&in, &back, read, N, otc_feature_set_count(set)));
    assert_int_equal(read[0].value.type, OTC_VALUE_EMPTY);
    assert_int_equal(otc_embedding_components(&read[1].value), 3);
    otc_feature_set_free(set);
}

/* Whatever is cut off, and lengths that are none. */
static void
test_damage_is_refused(void **state)
{
    const double vector[3] = {1, 2, 3};
    struct otc_feature_set *set = make_set();
    const struct drift_record record = {.key = {.name = otc_slice_str("m")}, .n = N};
    struct otc_observed observed[N], read[N];
    OTC_AUTO_BUF struct otc_buf out = {.limit = 1 << 16}, one = {.limit = 1 << 16};
    struct otc_reader in;
    struct drift_record back;

    (void)state;
    fill(set, observed, vector);
    drift_record_write(&out, &record, observed, set);
    for (size_t n = 1; n < out.len; n++) {
        in = otc_reader_of(otc_slice_of(out.data, n));
        assert_false(drift_record_read(&in, &back, read, N, otc_feature_set_count(set)));
        assert_true(in.failed);
    }
    for (size_t length = 0; length < 20; length++) {
        static const uint8_t zeros[20] = {0};

        for (size_t which = 0; which < 2; which++) {
            const struct drift_record single = {.key = {.name = otc_slice_str("m")}, .n = 1};

            otc_buf_clear(&one);
            observed[which].value =
                (struct otc_value){.type = OTC_VALUE_BYTES, .as.slice = otc_slice_of(zeros, length)};
            drift_record_write(&one, &single, &observed[which], set);
            in = otc_reader_of(otc_buf_slice(&one));
            assert_int_equal(drift_record_read(&in, &back, read, N, otc_feature_set_count(set)),
                             length % (which ? sizeof(double) : sizeof(uint32_t)) == 0);
        }
    }
    otc_feature_set_free(set);
}

/* Points of a former layout, and records of one that is not known. */
static void
test_entries_of_another_layout_are_refused(void **state)
{
    static const enum drift_entry_kind kinds[] = {DRIFT_ENTRY_BATCH, DRIFT_ENTRY_TICK, DRIFT_ENTRY_POINTS,
                                                  DRIFT_ENTRY_TOLD};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        const struct drift_entry entry = {kinds[i], 3, 4, 5};
        const uint8_t layout = kinds[i] == DRIFT_ENTRY_POINTS ? DRIFT_POINTS_LAYOUT : 1;
        OTC_AUTO_BUF struct otc_buf out = {.limit = 1 << 8};

        drift_entry_write(&out, &entry);
        assert_int_equal(out.data[0], layout);
        for (uint8_t other = 0; other < 4; other++) {
            struct drift_entry back;
            struct otc_reader in;

            out.data[0] = other;
            in = otc_reader_of(otc_buf_slice(&out));
            assert_int_equal(drift_entry_read(&in, &back), other == layout);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts_are_hashes_and_vectors_themselves),
        cmocka_unit_test(test_a_text_without_words_is_missing),
        cmocka_unit_test(test_damage_is_refused),
        cmocka_unit_test(test_entries_of_another_layout_are_refused),
    };

    return cmocka_run_group_tests_name("drift/record", tests, NULL, NULL);
}
