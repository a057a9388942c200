// SPDX-License-Identifier: Apache-2.0
/* A column of vectors offline: the connector's features, the mean of the first half of the rows, the
 * components of the second. */
#include "sidecar/input_embedding.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#define ROWS 400

/* In the first half (3, 4) and in the second by turns (3, 4) and (4, -3), which is at a right angle to it.
 * Row 5 has none, row 6 a text in it, row 7 a vector of three, row 395 one too; rows 8 and 396 one so long
 * that the squares of two are no number. */
static void
write_rows(char path[64])
{
    FILE *file;
    int fd;

    (void)snprintf(path, 64, "/tmp/otc_embedding_XXXXXX");
    fd = mkstemp(path);
    file = fd >= 0 ? fdopen(fd, "w") : NULL;
    assert_non_null(file);
    for (int i = 0; i < ROWS; i++) {
        const char *vector = i == 5               ? "null"
                             : i == 6             ? "[3,\"4\"]"
                             : i == 7 || i == 395 ? "[3,4,0]"
                             : i == 8 || i == 396 ? "[1e154,4]"
                             : i < ROWS / 2       ? "[3,4]"
                             : i % 2              ? "[3,4]"
                                                  : "[4,-3]";

        (void)fprintf(file, "{\"age\":%d,\"e\":%s}\n", i, vector);
    }
    (void)fclose(file);
}

static void
a_column_of_vectors_makes_the_connectors_features(void **state)
{
    static struct otc_input_options options;
    struct otc_reference_limits limits = OTC_REFERENCE_LIMITS_DEFAULT;
    struct otc_reference *reference = NULL;
    const struct otc_reference_feature *norm, *distance;
    struct otc_input input;
    struct otc_error err = OTC_ERROR_INIT;
    char path[64];

    (void)state;
    write_rows(path);
    options.embeddings.items[0] = otc_slice_str("e");
    options.embeddings.n = 1;
    options.columns = options.embeddings;
    options.columns.items[0] = otc_slice_str("age");
    if (otc_input_open(&input, path, &options, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(input.n_features, 1 + OTC_INPUT_EMBEDDING_FEATURES);
    if (otc_input_reference(&input, &limits, "", 0, &reference, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    norm = otc_reference_find(reference, otc_slice_str("e.norm"));
    distance = otc_reference_find(reference, otc_slice_str("e.cosine_distance"));
    assert_true(norm && distance);
    assert_int_equal(norm->values, ROWS - 4);
    assert_int_equal(norm->missing, 1);
    assert_int_equal(norm->invalid, 3);
    assert_true(norm->min == 5 && norm->max == 5);
    /* The second half alone; half of it at a distance of 1. */
    assert_int_equal(distance->n_center, 2);
    assert_true(fabs(distance->center[0] - 3) < 1e-12 && fabs(distance->center[1] - 4) < 1e-12);
    assert_int_equal(distance->values, ROWS / 2 - 2);
    assert_int_equal(distance->invalid, 2);
    assert_true(distance->min < 1e-12 && fabs(distance->max - 1) < 1e-12);
    assert_non_null(distance->components);
    assert_int_equal(distance->components->vectors, ROWS / 2 - 2);
    otc_reference_unref(reference);
    otc_input_close(&input);
    unlink(path);
}

/* Two components of which the second moved by a standard deviation. */
static void
the_share_counts_components(void **state)
{
    static const double deviations[] = {1, 1};
    static double points[2 * OTC_COMPONENT_POINTS];
    static uint64_t counts[2 * OTC_COMPONENT_CELLS];
    static double sums[2 * OTC_COMPONENT_CELLS], vector[2];
    const struct otc_components reference = {
        .n = 2, .vectors = 2, .deviations = deviations, .points = points, .counts = counts, .sums = sums};
    const struct otc_input input = {.vector = vector, .n_vector = 2};
    struct otc_input_components *components = NULL;

    (void)state;
    for (size_t i = 0; i < 2 * OTC_COMPONENT_POINTS; i++) {
        points[i] = 1000;
    }
    for (size_t i = 0; i < 2; i++) {
        counts[i * OTC_COMPONENT_CELLS] = counts[i * OTC_COMPONENT_CELLS + OTC_COMPONENT_CELLS - 1] = 1;
        sums[i * OTC_COMPONENT_CELLS] = -1;
        sums[i * OTC_COMPONENT_CELLS + OTC_COMPONENT_CELLS - 1] = 1;
    }
    assert_true(otc_input_components_new(&reference, &components));
    assert_true(isnan(otc_input_components_moved(components, 0)));
    for (int i = 0; i < 2; i++) {
        vector[0] = i ? 1001 : 999;
        vector[1] = vector[0] + 1;
        otc_input_components_add(components, &input);
    }
    assert_true(otc_input_components_moved(components, 0) == 0.5);
    otc_input_components_free(components);
    assert_true(otc_input_components_new(NULL, &components) && !components);
    assert_true(isnan(otc_input_components_moved(NULL, 0)));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_column_of_vectors_makes_the_connectors_features),
        cmocka_unit_test(the_share_counts_components),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
