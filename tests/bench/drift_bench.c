// SPDX-License-Identifier: Apache-2.0
/*
 * What drift costs once the values are at hand: nanoseconds of CPU an observation, microseconds an evaluation
 * with every statistic and its verdict, bytes a feature; and the columns of a file of doubles as one window
 * against another, for peers/analysis.py to compare with others.
 *
 *     drift_bench                         the table
 *     drift_bench insert|evaluate|category|adwin|page_hinkley|kswin N
 *                                         N of them, to count instructions of (counted.h); insert: N times 64
 *     drift_bench FILE ROWS COLUMNS       FILE holds 2 * ROWS rows of doubles, column after column: the first
 *                                         ROWS are the reference; prints CPU seconds and the results
 */
#include "common/analysis/evaluate.h"
#include "common/base/map.h"
#include "common/stats/detector.h"
#include "processors/drift/counts.h"
#include "processors/drift/state.h"
#include "tests/bench/counted.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define VALUES 100000
#define ROUNDS 9

static double
cpu_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void
need(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "drift_bench: %s\n", what);
        exit(1);
    }
}

static uint64_t random_state = 1;

static double
normal(void)
{
    double u[2];

    for (int i = 0; i < 2; i++) {
        random_state = random_state * 6364136223846793005u + 1442695040888963407u;
        u[i] = ldexp((double)(random_state >> 11) + 0.5, -53);
    }
    return sqrt(-2 * log(u[0])) * cos(2 * M_PI * u[1]);
}

/* A reference of one numeric feature, exact up to `cells` distinct values. */
static struct otc_reference *
reference_of(const double *values, size_t n, size_t cells)
{
    struct otc_reference_limits limits = OTC_REFERENCE_LIMITS_DEFAULT;
    struct otc_reference_builder *builder;
    struct otc_reference *reference = NULL;
    struct otc_error err = OTC_ERROR_INIT;
    size_t x;

    limits.exact_points = cells;
    builder = otc_reference_builder_new(&limits, 1);
    need(builder != NULL, "out of memory");
    x = otc_reference_builder_feature(builder, otc_slice_str("x"), OTC_NUMERIC, OTC_KIND_INPUT);
    for (size_t i = 0; i < n; i++) {
        need(otc_reference_builder_number(builder, x, values[i], INT64_MIN), "out of memory");
    }
    need(otc_reference_builder_finish(builder, otc_slice_str("m"), "bench", 0, &reference, &err) == OTC_OK,
         err.text);
    otc_reference_builder_free(builder);
    return reference;
}

/* The window of a pane's counts, as the connector makes it. */
struct window {
    uint64_t *cells, *split;
    double *sums;
    struct otc_feature_window window;
};

static struct window
window_of(const struct otc_reference_feature *feature, const struct drift_counts *counts,
          struct drift_shape shape)
{
    struct window w = {.cells = calloc(shape.cells, sizeof(uint64_t)),
                       .split = calloc(shape.cells, sizeof(uint64_t)),
                       .sums = calloc(shape.cells / 2 + 1, sizeof(double))};
    size_t n = feature->cells.n;

    need(w.cells && w.split && w.sums, "out of memory");
    drift_counts_sum(counts, shape, w.cells, w.sums);
    for (size_t c = 0; c < shape.cells; c++) {
        w.split[c % 2 ? c / 2 : n + c / 2] = w.cells[c];
    }
    w.window = (struct otc_feature_window){.reference = feature,
                                           .observations = counts->values,
                                           .cells = {w.split, w.split + n, w.sums, counts->values},
                                           .design_effect = 1,
                                           .without_ranks = true};
    return w;
}

static void
free_window(struct window *w)
{
    free(w->cells);
    free(w->split);
    free(w->sums);
}

/* As the connector counts the numbers of a batch. */
static void
count_all(const struct otc_cells *cells, struct drift_shape shape, const double *values, size_t n,
          struct drift_counts *counts, struct drift_budget *budget)
{
    uint32_t found[DRIFT_WAITING];
    double waiting[DRIFT_WAITING];

    for (size_t at = 0; at < n; at += DRIFT_WAITING) {
        size_t some = n - at < DRIFT_WAITING ? n - at : DRIFT_WAITING;

        memcpy(waiting, values + at, some * sizeof(*values));
        otc_cells_find_all(cells, waiting, some, found);
        need(drift_counts_add_all(counts, shape, found, waiting, some, budget) == some, "no budget");
        counts->values += some;
    }
}

static void
bench_numeric(size_t points, const double *values)
{
    double *drawn = malloc(points * sizeof(*drawn));
    struct otc_reference *reference;
    struct drift_budget budget = {0, SIZE_MAX / 2};
    double best = INFINITY, evaluation = INFINITY;
    size_t bytes = 0;

    need(drawn != NULL, "out of memory");
    for (size_t i = 0; i < points; i++) {
        drawn[i] = normal();
    }
    reference = reference_of(drawn, points, 0);
    for (int round = 0; round < ROUNDS; round++) {
        const struct otc_reference_feature *feature = &reference->features[0];
        const struct drift_shape shape = {(uint32_t)(2 * feature->cells.n + 1), feature->cells.points};
        const struct otc_decision decision = OTC_DECISION_DEFAULT;
        struct drift_counts counts = {0};
        struct otc_feature_result result;
        struct otc_error err = OTC_ERROR_INIT;
        struct window w;
        double start = cpu_seconds();

        count_all(&feature->cells, shape, values, VALUES, &counts, &budget);
        best = fmin(best, (cpu_seconds() - start) / VALUES);
        bytes = budget.used;
        start = cpu_seconds();
        w = window_of(feature, &counts, shape);
        need(otc_evaluate_feature(&w.window, &decision, &result, &err) == OTC_OK, err.text);
        evaluation = fmin(evaluation, cpu_seconds() - start);
        free_window(&w);
        drift_counts_release(&counts, shape, &budget);
    }
    printf("numeric, %6zu reference points: %6.1f ns an observation, %9.1f us an evaluation, %8zu bytes a "
           "pane\n",
           points, best * 1e9, evaluation * 1e6, bytes);
    otc_reference_unref(reference);
    free(drawn);
}

static void
bench_categorical(size_t categories)
{
    struct otc_map *map = otc_map_new(categories);
    char(*names)[24] = calloc(categories, sizeof(*names));
    struct drift_budget budget = {0, SIZE_MAX / 2};
    const struct drift_shape shape = {(uint32_t)categories + 1, NULL};
    double best = INFINITY;
    size_t bytes = 0;

    need(map && names, "out of memory");
    for (size_t i = 0; i < categories; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "category %zu", i);
        need(otc_map_put(map, otc_slice_str(names[i]), (void *)(uintptr_t)(i + 1)), "out of memory");
    }
    for (int round = 0; round < ROUNDS; round++) {
        struct drift_counts counts = {0};
        double start = cpu_seconds();

        for (size_t i = 0; i < VALUES; i++) {
            struct otc_slice text = otc_slice_str(names[i * 7919 % categories]);

            need(
                drift_counts_add(&counts, shape, (uint32_t)(uintptr_t)otc_map_get(map, text) - 1, 0, &budget),
                "no budget");
        }
        best = fmin(best, (cpu_seconds() - start) / VALUES);
        bytes = budget.used;
        drift_counts_release(&counts, shape, &budget);
    }
    printf("categorical, %4zu categories:     %6.1f ns an observation, %8zu bytes a pane\n", categories,
           best * 1e9, bytes);
    otc_map_free(map, NULL);
    free(names);
}

static void
bench_detector(enum otc_detector_type type, const double *values)
{
    double best = INFINITY;
    size_t n = type == OTC_KSWIN ? VALUES / 10 : VALUES;

    for (int round = 0; round < 3; round++) {
        struct otc_detector *detector = otc_detector_new(type, NULL);
        double start = cpu_seconds();

        need(detector != NULL, "out of memory");
        for (size_t i = 0; i < n; i++) {
            (void)otc_detector_add(detector, values[i]);
        }
        best = fmin(best, (cpu_seconds() - start) / (double)n);
        otc_detector_free(detector);
    }
    printf("detector %-12s               %8.1f ns a value, %8zu bytes\n", otc_detector_name(type), best * 1e9,
           otc_detector_bytes(type, NULL));
}

/* ---- Counted instructions ------------------------------------------------------------------------- */

struct counted {
    const double *values;
    size_t next;
    const struct otc_reference_feature *feature;
    struct drift_shape shape;
    struct drift_counts counts;
    struct drift_budget budget;
    struct otc_detector *detector;
};

static void
insert_some(void *arg)
{
    struct counted *c = arg;

    count_all(&c->feature->cells, c->shape, &c->values[c->next++ % (VALUES - DRIFT_WAITING)], DRIFT_WAITING,
              &c->counts, &c->budget);
}

static void
evaluate_one(void *arg)
{
    struct counted *c = arg;
    const struct otc_decision decision = OTC_DECISION_DEFAULT;
    struct otc_feature_result result;
    struct otc_error err = OTC_ERROR_INIT;
    struct window w = window_of(c->feature, &c->counts, c->shape);

    need(otc_evaluate_feature(&w.window, &decision, &result, &err) == OTC_OK, err.text);
    free_window(&w);
}

static void
category_one(void *arg)
{
    struct counted *c = arg;

    need(drift_counts_add(&c->counts, c->shape, (uint32_t)(c->next++ % 100), 0, &c->budget), "no budget");
    c->counts.values++;
}

static void
detect_one(void *arg)
{
    struct counted *c = arg;

    (void)otc_detector_add(c->detector, c->values[c->next++ % VALUES]);
}

/* Against a reference of 10,000 points, where a window has been counted. */
static void
count_numeric(struct counted *c, void (*one)(void *), size_t times)
{
    struct otc_reference *reference = reference_of(c->values, 10000, 0);

    c->feature = &reference->features[0];
    c->shape = (struct drift_shape){(uint32_t)(2 * c->feature->cells.n + 1), c->feature->cells.points};
    count_all(&c->feature->cells, c->shape, c->values, VALUES, &c->counts, &c->budget);
    bench_counted(one, c, times);
    drift_counts_release(&c->counts, c->shape, &c->budget);
    otc_reference_unref(reference);
}

static void
count_detector(struct counted *c, const char *name, size_t times)
{
    enum otc_detector_type type = otc_detector_find(otc_slice_str(name));

    need(type < OTC_N_DETECTORS, "insert, evaluate, category or the name of a detector");
    c->detector = otc_detector_new(type, NULL);
    need(c->detector != NULL, "out of memory");
    for (size_t i = 0; i < 1000; i++) {
        detect_one(c);
    }
    bench_counted(detect_one, c, times);
    otc_detector_free(c->detector);
}

static void
count_instructions(const double *values, const char *what, size_t times)
{
    struct counted c = {.values = values, .budget = {0, SIZE_MAX / 2}};

    if (strcmp(what, "insert") == 0) {
        count_numeric(&c, insert_some, times);
    } else if (strcmp(what, "evaluate") == 0) {
        count_numeric(&c, evaluate_one, times);
    } else if (strcmp(what, "category") == 0) {
        c.shape = (struct drift_shape){101, NULL};
        for (size_t i = 0; i < 100; i++) {
            category_one(&c);
        }
        bench_counted(category_one, &c, times);
        drift_counts_release(&c.counts, c.shape, &c.budget);
    } else {
        count_detector(&c, what, times);
    }
}

/* ---- The same rows as others ---------------------------------------------------------------------- */

static double *
read_file(const char *path, size_t n)
{
    FILE *file = fopen(path, "rbe");
    double *values = malloc(n * sizeof(*values));

    need(file && values, "cannot read the file");
    need(fread(values, sizeof(*values), n, file) == n, "the file is too short");
    (void)fclose(file);
    return values;
}

static void
compare_columns(const double *values, size_t rows, size_t columns)
{
    const struct otc_decision decision = OTC_DECISION_DEFAULT;
    struct otc_feature_result *results = calloc(columns, sizeof(*results));
    struct otc_reference **references = calloc(columns, sizeof(struct otc_reference *));
    struct drift_budget budget = {0, SIZE_MAX / 2};
    struct otc_error err = OTC_ERROR_INIT;
    double start = cpu_seconds(), built;
    size_t bytes = 0;

    need(results && references, "out of memory");
    for (size_t c = 0; c < columns; c++) {
        references[c] = reference_of(values + 2 * rows * c, rows, OTC_REFERENCE_LIMITS_DEFAULT.exact_points);
    }
    built = cpu_seconds();
    for (size_t c = 0; c < columns; c++) {
        const struct otc_reference_feature *feature = &references[c]->features[0];
        const struct drift_shape shape = {(uint32_t)(2 * feature->cells.n + 1), feature->cells.points};
        struct drift_counts counts = {0};
        struct window w;

        count_all(&feature->cells, shape, values + 2 * rows * c + rows, rows, &counts, &budget);
        bytes = budget.used > bytes ? budget.used : bytes;
        w = window_of(feature, &counts, shape);
        need(otc_evaluate_feature(&w.window, &decision, &results[c], &err) == OTC_OK, err.text);
        free_window(&w);
        drift_counts_release(&counts, shape, &budget);
    }
    need(otc_evaluate_family(&decision, results, columns, &err) == OTC_OK, err.text);
    printf("{\"reference_seconds\": %.6f, \"window_seconds\": %.6f, \"bytes_a_feature\": %zu, \"ks\": [",
           built - start, cpu_seconds() - built, bytes);
    for (size_t c = 0; c < columns; c++) {
        printf("%s%.17g", c ? ", " : "", results[c].ks);
        otc_reference_unref(references[c]);
    }
    printf("]}\n");
    free(references);
    free(results);
}

int
main(int argc, char **argv)
{
    static double values[VALUES];

    if (argc == 4) {
        size_t rows = strtoul(argv[2], NULL, 10), columns = strtoul(argv[3], NULL, 10);
        double *all = read_file(argv[1], 2 * rows * columns);

        compare_columns(all, rows, columns);
        free(all);
        return 0;
    }
    for (size_t i = 0; i < VALUES; i++) {
        values[i] = normal();
    }
    if (argc == 3) {
        count_instructions(values, argv[1], strtoul(argv[2], NULL, 10));
        return 0;
    }
    bench_numeric(1000, values);
    bench_numeric(10000, values);
    bench_numeric(100000, values);
    bench_categorical(10);
    bench_categorical(1000);
    for (enum otc_detector_type type = 0; type < OTC_N_DETECTORS; type++) {
        bench_detector(type, values);
    }
    return 0;
}
