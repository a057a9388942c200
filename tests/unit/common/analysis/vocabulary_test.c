// SPDX-License-Identifier: Apache-2.0
/* Frequent words by their hashes, and what of a text is among them; the reference file keeps them. */
#include "common/analysis/text.h"
#include "common/analysis/vocabulary.h"
#include "common/base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static uint32_t words[OTC_VOCABULARY_WORDS];

static struct otc_value
text(const char *string)
{
    return (struct otc_value){.type = OTC_VALUE_STRING, .as.slice = otc_slice_str(string)};
}

static void
expect_share(const char *string, size_t n, double want)
{
    struct otc_value value = text(string);
    double share = -1;

    assert_int_equal(otc_value_familiar(&value, words, n, &share), OTC_CLASS_VALUE);
    assert_float_equal(share, want, 1e-12);
}

static void
words_that_came_twice_make_the_vocabulary(void **state)
{
    struct otc_vocabulary *vocabulary = otc_vocabulary_new();
    const struct otc_value number = {.type = OTC_VALUE_INT}, none = {.type = OTC_VALUE_ABSENT};
    struct otc_value blank = text(" ... ");
    double share;
    size_t n;

    (void)state;
    otc_vocabulary_add(vocabulary, otc_slice_str("The cat sat. The CAT ran; once"));
    otc_vocabulary_add(vocabulary, otc_slice_str("sat"));
    n = otc_vocabulary_words(vocabulary, words);
    assert_int_equal(n, 3); /* the, cat, sat */
    for (size_t i = 1; i < n; i++) {
        assert_true(words[i - 1] < words[i]);
    }
    expect_share("the cat", n, 1);
    expect_share("THE dog sat down", n, 0.5);
    expect_share("ran once", n, 0);
    assert_int_equal(otc_value_familiar(&blank, words, n, &share), OTC_CLASS_MISSING);
    assert_int_equal(otc_value_familiar(&none, words, n, &share), OTC_CLASS_MISSING);
    assert_int_equal(otc_value_familiar(&number, words, n, &share), OTC_CLASS_INVALID);
    otc_vocabulary_free(vocabulary);
}

/* Many more words than are told apart: the frequent ones stay. */
static void
a_flood_of_words_does_not_wash_out_the_frequent_ones(void **state)
{
    struct otc_vocabulary *vocabulary = otc_vocabulary_new();
    char line[64];
    size_t n;

    (void)state;
    for (int i = 0; i < 200000; i++) {
        (void)snprintf(line, sizeof(line), "id%d common%d", i, i % 5000);
        otc_vocabulary_add(vocabulary, otc_slice_str(line));
    }
    n = otc_vocabulary_words(vocabulary, words);
    assert_int_equal(n, OTC_VOCABULARY_WORDS);
    for (int i = 0, found = 0; i < 5000; i++) {
        struct otc_value value;
        double share = 0;

        (void)snprintf(line, sizeof(line), "common%d", i);
        value = text(line);
        assert_int_equal(otc_value_familiar(&value, words, n, &share), OTC_CLASS_VALUE);
        found += share == 1;
        assert_true(i < 4999 || found >= OTC_VOCABULARY_WORDS - 2); /* but for equal hashes */
    }
    otc_vocabulary_free(vocabulary);
}

/* What a journal holds in the place of a text means the same, and says nothing of the order. */
static void
hashes_stand_for_their_text(void **state)
{
    static const char *const texts[] = {"The cat sat. The CAT ran; once",
                                        "once a cat, THE cat: sat (ran) the", "b b b a", "one"};
    struct otc_vocabulary *of_texts = otc_vocabulary_new(), *of_hashes = otc_vocabulary_new();
    struct otc_buf hashes[4] = {{.limit = 1000}, {.limit = 1000}, {.limit = 1000}, {.limit = 1000}};
    uint32_t other[OTC_VOCABULARY_WORDS];
    size_t n;

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        assert_true(otc_words_append(otc_slice_str(texts[i]), &hashes[i]));
        otc_vocabulary_add(of_texts, otc_slice_str(texts[i]));
        otc_vocabulary_add_words(of_hashes, otc_buf_slice(&hashes[i]));
    }
    assert_int_equal(hashes[0].len, 7 * sizeof(uint32_t));
    n = otc_vocabulary_words(of_texts, words);
    assert_int_equal(otc_vocabulary_words(of_hashes, other), n);
    assert_memory_equal(words, other, n * sizeof(*words));
    for (size_t i = 0; i < 4; i++) {
        struct otc_value whole = text(texts[i]),
                         hashed = {.type = OTC_VALUE_BYTES, .as.slice = otc_buf_slice(&hashes[i])};
        double a = -1, b = -2;

        assert_int_equal(otc_value_familiar(&whole, words, n, &a), OTC_CLASS_VALUE);
        assert_int_equal(otc_value_familiar(&hashed, words, n, &b), OTC_CLASS_VALUE);
        assert_float_equal(a, b, 0);
    }
    otc_buf_clear(&hashes[1]);
    assert_true(otc_words_append(otc_slice_str("sat sat b once"), &hashes[1]));
    otc_buf_clear(&hashes[2]);
    assert_true(otc_words_append(otc_slice_str("b once SAT, sat"), &hashes[2]));
    assert_memory_equal(hashes[1].data, hashes[2].data, 4 * sizeof(uint32_t));
    for (size_t i = 0; i < 4; i++) {
        otc_buf_release(&hashes[i]);
    }
    otc_vocabulary_free(of_texts);
    otc_vocabulary_free(of_hashes);
}

static void
words_of_one_text_have_a_limit(void **state)
{
    OTC_AUTO_BUF struct otc_buf long_text = {.limit = 1 << 20}, hashes = {.limit = 1 << 20};
    struct otc_value value;
    uint32_t known;
    struct otc_slice first = otc_slice_str("w");
    double share = -1;

    (void)state;
    assert_true(otc_text_next_word(&first, &known));
    for (size_t i = 0; i < OTC_VOCABULARY_TEXT_WORDS; i++) {
        (void)otc_buf_append_str(&long_text, i % 2 ? "x " : "w ");
    }
    for (int i = 0; i < 1000; i++) {
        (void)otc_buf_append_str(&long_text, "y ");
    }
    value = (struct otc_value){.type = OTC_VALUE_STRING, .as.slice = otc_buf_slice(&long_text)};
    assert_int_equal(otc_value_familiar(&value, &known, 1, &share), OTC_CLASS_VALUE);
    assert_float_equal(share, 0.5, 0);
    assert_true(otc_words_append(otc_buf_slice(&long_text), &hashes));
    assert_int_equal(hashes.len, OTC_VOCABULARY_TEXT_WORDS * sizeof(uint32_t));
}

/* Stopped and gone on with at several moments; and cut short, or not what was written. */
static void
a_count_goes_on_after_a_restart(void **state)
{
    struct otc_vocabulary *whole = otc_vocabulary_new(), *lives = otc_vocabulary_new();
    OTC_AUTO_BUF struct otc_buf bytes = {.limit = (size_t)4 << 20};
    uint32_t other[OTC_VOCABULARY_WORDS];
    struct otc_reader in;
    size_t n;

    (void)state;
    for (int i = 0; i < 100000; i++) {
        char line[64];

        (void)snprintf(line, sizeof(line), "id%d common%d", i, i % 5000);
        otc_vocabulary_add(whole, otc_slice_str(line));
        otc_vocabulary_add(lives, otc_slice_str(line));
        if (i % 33331 == 1000) {
            otc_buf_clear(&bytes);
            otc_vocabulary_save(lives, &bytes);
            otc_vocabulary_free(lives);
            in = otc_reader_of(otc_buf_slice(&bytes));
            lives = otc_vocabulary_load(&in);
            assert_non_null(lives);
            assert_int_equal(in.rest.len, 0);
        }
    }
    n = otc_vocabulary_words(whole, words);
    assert_int_equal(otc_vocabulary_words(lives, other), n);
    assert_memory_equal(words, other, n * sizeof(*words));
    otc_buf_clear(&bytes);
    otc_vocabulary_save(lives, &bytes);
    in = otc_reader_of(otc_slice_of(bytes.data, bytes.len / 2));
    assert_null(otc_vocabulary_load(&in));
    in = otc_reader_of(otc_slice_of("\0\2\1\1\1\5", 6)); /* the same word twice */
    assert_null(otc_vocabulary_load(&in));
    in = otc_reader_of(otc_slice_of("\0\2\1\1\2\0", 6)); /* a count of none */
    assert_null(otc_vocabulary_load(&in));
    otc_vocabulary_free(whole);
    otc_vocabulary_free(lives);
}

static struct otc_reference *
reference_of(const uint32_t *hashes, size_t n)
{
    struct otc_reference_limits limits = OTC_REFERENCE_LIMITS_DEFAULT;
    struct otc_reference_builder *builder = otc_reference_builder_new(&limits, 4);
    size_t feature = otc_reference_builder_feature(builder, otc_slice_str("q.vocabulary_share"), OTC_NUMERIC,
                                                   OTC_KIND_INPUT);
    struct otc_reference *reference = NULL;
    struct otc_error err = OTC_ERROR_INIT;

    assert_true(otc_reference_builder_vocabulary(builder, feature, hashes, n));
    for (int i = 0; i < 100; i++) {
        assert_true(otc_reference_builder_number(builder, feature, i / 100.0, INT64_MIN));
    }
    assert_int_equal(otc_reference_builder_finish(builder, otc_slice_str("m"), "x", 0, &reference, &err),
                     OTC_OK);
    otc_reference_builder_free(builder);
    return reference;
}

static void
the_file_keeps_it_and_the_hash_knows_it(void **state)
{
    static const uint32_t some[] = {0, 7, UINT32_MAX}, other[] = {0, 8, UINT32_MAX};
    OTC_AUTO_BUF struct otc_buf file = {.limit = 1 << 20};
    struct otc_reference *made = reference_of(some, 3), *different = reference_of(other, 3), *read = NULL;
    struct otc_error err = OTC_ERROR_INIT;
    char *at;

    (void)state;
    assert_string_not_equal(made->hash, different->hash);
    assert_int_equal(otc_reference_format(made, &file, &err), OTC_OK);
    assert_int_equal(otc_reference_parse(otc_buf_slice(&file), "r.json", 0, &read, &err), OTC_OK);
    assert_int_equal(read->features[0].n_vocabulary, 3);
    assert_memory_equal(read->features[0].vocabulary, some, sizeof(some));
    assert_string_equal(read->hash, made->hash);
    /* Out of order. */
    (void)otc_buf_cstr(&file);
    at = strstr((char *)file.data, "\"vocabulary\":");
    assert_non_null(at);
    at = strchr(at, '7');
    *at = '0';
    otc_reference_unref(read);
    assert_int_equal(otc_reference_parse(otc_buf_slice(&file), "r.json", 0, &read, &err),
                     OTC_INVALID_ARGUMENT);
    assert_non_null(strstr(err.text, "vocabulary[1]: expected whole numbers"));
    otc_reference_unref(made);
    otc_reference_unref(different);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_that_came_twice_make_the_vocabulary),
        cmocka_unit_test(a_flood_of_words_does_not_wash_out_the_frequent_ones),
        cmocka_unit_test(hashes_stand_for_their_text),
        cmocka_unit_test(words_of_one_text_have_a_limit),
        cmocka_unit_test(a_count_goes_on_after_a_restart),
        cmocka_unit_test(the_file_keeps_it_and_the_hash_knows_it),
    };

    return cmocka_run_group_tests_name("analysis/vocabulary", tests, NULL, NULL);
}
