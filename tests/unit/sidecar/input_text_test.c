// SPDX-License-Identifier: Apache-2.0
/* A column of texts offline: the connector's features, the vocabulary of the first half of the rows. */
#include "sidecar/input_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#define ROWS 40

/* Ten words twice in the first half; the second half has two familiar words in four. */
static void
write_rows(char path[64])
{
    FILE *file;
    int fd;

    (void)snprintf(path, 64, "/tmp/otc_text_XXXXXX");
    fd = mkstemp(path);
    file = fd >= 0 ? fdopen(fd, "w") : NULL;
    assert_non_null(file);
    (void)fputs("age,question\n", file);
    for (int i = 0; i < ROWS; i++) {
        if (i == 5) {
            (void)fprintf(file, "%d,\n", i);
        } else if (i < ROWS / 2) {
            (void)fprintf(file, "%d,\"Word%d, again\"\n", i, i % 10);
        } else {
            (void)fprintf(file, "%d,word%d AGAIN new%d other%d\n", i, i % 4, i, i);
        }
    }
    (void)fclose(file);
}

static bool
check_share(void *arg, size_t feature, const struct otc_use *use, int64_t time_ns)
{
    size_t *n = arg;

    (void)time_ns;
    if (feature == OTC_INPUT_TEXT_FEATURES && *n != 5 && *n != 15 /* its word came once */) {
        assert_int_equal(use->use, OTC_USE_NUMBER);
        assert_float_equal(use->number, *n < ROWS / 2 ? 1 : 0.5, 0);
    }
    *n += feature == OTC_INPUT_TEXT_FEATURES;
    return true;
}

static void
a_text_column_makes_the_connectors_features(void **state)
{
    static struct otc_input_options options;
    struct otc_reference_limits limits = OTC_REFERENCE_LIMITS_DEFAULT;
    struct otc_reference *reference = NULL;
    const struct otc_reference_feature *share, *length;
    struct otc_input input;
    struct otc_error err = OTC_ERROR_INIT;
    size_t n = 0;
    char path[64];

    (void)state;
    write_rows(path);
    options.texts.items[0] = otc_slice_str("question");
    options.texts.n = 1;
    options.columns = options.texts;
    options.columns.items[0] = otc_slice_str("age");
    if (otc_input_open(&input, path, &options, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(input.n_features, 1 + OTC_INPUT_TEXT_FEATURES);
    assert_int_equal(otc_input_reference(&input, &limits, "", 0, &reference, &err), OTC_OK);
    length = otc_reference_find(reference, otc_slice_str("question.length"));
    share = otc_reference_find(reference, otc_slice_str("question.vocabulary_share"));
    assert_true(length && share);
    assert_int_equal(length->values, ROWS - 1);
    assert_int_equal(length->missing, 1);
    assert_float_equal(length->min, 12, 0);
    /* The second half alone: two of four words are known. */
    assert_int_equal(share->values, ROWS / 2);
    assert_int_equal(share->missing, 0);
    assert_float_equal(share->min, 0.5, 0);
    assert_float_equal(share->max, 0.5, 0);
    assert_true(share->n_vocabulary >= 10);
    /* Read again, every row has its share. */
    assert_int_equal(otc_table_rewind(input.table, &err), OTC_OK);
    assert_int_equal(otc_input_rows(&input, check_share, &n, &err), OTC_OK);
    assert_int_equal(n, ROWS);
    otc_reference_unref(reference);
    otc_input_close(&input);
    (void)unlink(path);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_column_makes_the_connectors_features),
    };

    return cmocka_run_group_tests_name("sidecar/input_text", tests, NULL, NULL);
}
