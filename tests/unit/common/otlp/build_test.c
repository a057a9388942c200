// SPDX-License-Identifier: Apache-2.0
#include "common/otlp/build.h"

#include "common/otlp/admit.h"
#include "common/otlp/proto/collector.pb-c.h"
#include "tests/fuzz/oracle/otlp_oracle.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct otc_metric gauge = {
    .name = "g", .unit = "s", .description = "d", .type = OTC_METRIC_GAUGE};
static const struct otc_metric sum = {
    .name = "c", .type = OTC_METRIC_SUM, .monotonic = true, .temporality = OTC_TEMPORALITY_CUMULATIVE};
static const struct otc_metric histogram = {
    .name = "h", .type = OTC_METRIC_HISTOGRAM, .temporality = OTC_TEMPORALITY_DELTA};
static const struct otc_metric exponential = {
    .name = "e", .type = OTC_METRIC_EXPONENTIAL_HISTOGRAM, .temporality = OTC_TEMPORALITY_CUMULATIVE};

static struct otc_metrics_builder *
new_builder(size_t limit)
{
    const struct otc_attribute resource[] = {OTC_ATTR_STR("service.name", "sidecar"),
                                             {OTC_SLICE_LIT("absent"), {.type = OTC_VALUE_ABSENT}}};

    return otc_metrics_builder_new(resource, 2, "drift", "0.1", limit);
}

static void
build_all(struct otc_metrics_builder *builder)
{
    const struct otc_attribute attributes[] = {OTC_ATTR_STR("a", "x"), OTC_ATTR_INT("n", -1),
                                               OTC_ATTR_DOUBLE("d", 0.5), OTC_ATTR_BOOL("b", false)};
    const struct otc_point_head head = {attributes, 4, 10, 20, 0, NULL, 0},
                                bare = {NULL, 0, 0, 30, OTC_POINT_NO_RECORDED_VALUE, NULL, 0};
    static const uint64_t counts[] = {1, 2, 300};
    static const double bounds[] = {0.1, 5};

    assert_true(otc_build_number(builder, &gauge, &head, 0.0));
    assert_true(otc_build_integer(builder, &sum, &head, -7));
    assert_true(otc_build_number(builder, &gauge, &bare, 2.5));
    assert_true(otc_build_histogram(builder, &histogram, &head,
                                    &(struct otc_histogram_value){.count = 303,
                                                                  .has_sum = true,
                                                                  .sum = 9,
                                                                  .has_min = true,
                                                                  .min = 0,
                                                                  .counts = counts,
                                                                  .bounds = bounds,
                                                                  .n_bounds = 2}));
    assert_true(otc_build_exponential(builder, &exponential, &head,
                                      &(struct otc_exponential_value){.count = 304,
                                                                      .scale = -3,
                                                                      .zero_count = 1,
                                                                      .zero_threshold = 1e-9,
                                                                      .positive_offset = -2,
                                                                      .positive = counts,
                                                                      .n_positive = 3,
                                                                      .has_max = true,
                                                                      .max = 8}));
    assert_int_equal(otc_metrics_builder_points(builder), 5);
}

static void
what_is_built_reads_back(void **state)
{
    OTC_AUTO_BUF struct otc_buf out = {.limit = 65536};
    struct otc_metrics_builder *builder = new_builder(65536);
    Otc__Otlp__ExportMetricsServiceRequest *tree;
    const Otc__Otlp__ScopeMetrics *scope;
    struct otc_admitted admitted;
    size_t points;
    char why[256];

    (void)state;
    build_all(builder);
    assert_true(otc_metrics_builder_finish(builder, &out, &points));
    assert_int_equal(points, 5);
    assert_int_equal(otc_admit(OTC_METRICS, otc_buf_slice(&out), NULL, &admitted, NULL), OTC_OK);
    assert_int_equal(admitted.items, 5);
    assert_int_equal(admitted.invalid_points, 0);
    assert_int_equal(otc_oracle_check(OTC_METRICS, otc_buf_slice(&out), NULL, why), OTC_ORACLE_AGREES);
    tree = otc__otlp__export_metrics_service_request__unpack(NULL, out.len, out.data);
    assert_non_null(tree);
    assert_int_equal(tree->resource_metrics[0]->resource->n_attributes, 1);
    scope = tree->resource_metrics[0]->scope_metrics[0];
    assert_memory_equal(scope->scope->name.data, "drift", 5);
    assert_int_equal(scope->n_metrics, 4);
    assert_int_equal(scope->metrics[0]->gauge->n_data_points, 2);
    assert_true(scope->metrics[0]->gauge->data_points[1]->as_double == 2.5);
    assert_int_equal(scope->metrics[0]->gauge->data_points[1]->flags, 1);
    assert_true(scope->metrics[1]->sum->is_monotonic && scope->metrics[1]->sum->aggregation_temporality == 2);
    assert_int_equal(scope->metrics[1]->sum->data_points[0]->as_int, -7);
    assert_int_equal(scope->metrics[1]->sum->data_points[0]->n_attributes, 4);
    assert_int_equal(scope->metrics[2]->histogram->data_points[0]->n_bucket_counts, 3);
    assert_int_equal(scope->metrics[2]->histogram->data_points[0]->optional_max_case, 0);
    assert_int_equal(scope->metrics[3]->exponential_histogram->data_points[0]->positive->offset, -2);
    assert_int_equal(scope->metrics[3]->exponential_histogram->data_points[0]->positive->bucket_counts[2],
                     300);
    assert_null(scope->metrics[3]->exponential_histogram->data_points[0]->negative);
    otc__otlp__export_metrics_service_request__free_unpacked(tree, NULL);
    otc_metrics_builder_free(builder);
}

static void
a_finished_builder_is_empty_and_builds_the_same_again(void **state)
{
    OTC_AUTO_BUF struct otc_buf first = {.limit = 65536};
    OTC_AUTO_BUF struct otc_buf second = {.limit = 65536};
    struct otc_metrics_builder *builder = new_builder(65536);
    size_t points;

    (void)state;
    build_all(builder);
    assert_true(otc_metrics_builder_finish(builder, &first, &points));
    build_all(builder);
    assert_true(otc_metrics_builder_finish(builder, &second, &points));
    assert_true(otc_slice_equal(otc_buf_slice(&first), otc_buf_slice(&second)));
    otc_buf_clear(&first);
    assert_true(otc_metrics_builder_finish(builder, &first, &points));
    assert_int_equal(points, 0);
    assert_int_equal(first.len, 0);
    otc_metrics_builder_free(builder);
    otc_metrics_builder_free(NULL);
}

static void
the_limit_cuts_between_points_and_what_is_there_is_sound(void **state)
{
    (void)state;
    for (size_t limit = 64; limit < 2000; limit += 61) {
        OTC_AUTO_BUF struct otc_buf out = {.limit = limit};
        struct otc_metrics_builder *builder = new_builder(limit);
        const struct otc_point_head head = {NULL, 0, 0, 5, 0, NULL, 0};
        struct otc_admitted admitted;
        size_t points, built = 0;

        assert_non_null(builder);
        while (otc_build_number(builder, built % 2 ? &gauge : &sum, &head, 1)) {
            built++;
        }
        assert_false(otc_build_integer(builder, &sum, &head, 1));
        assert_false(otc_metrics_builder_finish(builder, &out, &points));
        assert_int_equal(points, built);
        assert_true(out.len <= limit && !out.failed);
        assert_int_equal(otc_admit(OTC_METRICS, otc_buf_slice(&out), NULL, &admitted, NULL), OTC_OK);
        assert_int_equal(admitted.items, built);
        assert_true(otc_build_number(builder, &gauge, &head, 1) || limit < 200);
        otc_metrics_builder_free(builder);
    }
    assert_null(new_builder(4));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_built_reads_back),
        cmocka_unit_test(a_finished_builder_is_empty_and_builds_the_same_again),
        cmocka_unit_test(the_limit_cuts_between_points_and_what_is_there_is_sound),
    };

    return cmocka_run_group_tests_name("common/otlp/build", tests, NULL, NULL);
}
