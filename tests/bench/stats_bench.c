// SPDX-License-Identifier: Apache-2.0
/*
 * What the statistics cost: nanoseconds for a search among reference points, a KS evaluation, a histogram
 * update. Each figure is the best of several rounds, as other work on the machine only ever adds time.
 *
 *     stats_bench                          the table
 *     stats_bench find|ks|p_value|histogram N   N of them, to count instructions of (counted.h)
 */
#include "common/stats/cells.h"
#include "common/stats/exponential_histogram.h"
#include "common/stats/pvalue.h"
#include "tests/bench/counted.h"

#include <math.h>

#define VALUES 16384
#define ROUNDS 15

static double
seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static uint64_t random_state = 1;

static double
uniform(void)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return ldexp((double)(random_state >> 11) + 0.5, -53);
}

static double
normal(void)
{
    return sqrt(-2 * log(uniform())) * cos(2 * M_PI * uniform());
}

static int
by_value(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;

    return (a > b) - (a < b);
}

/* Keeps the compiler from dropping what is measured. */
static volatile size_t sink;

static struct otc_cells
make_cells(size_t n, double (*draw)(void))
{
    double *points = calloc(n, sizeof(double));
    uint64_t *counts = calloc(2 * n + 1, sizeof(uint64_t));

    if (!points || !counts)
        exit(1);
    for (size_t i = 0; i < n; i++)
        points[i] = draw();
    qsort(points, n, sizeof(double), by_value);
    for (size_t i = 0; i < n; i++)
        counts[i] = 1;
    return (struct otc_cells){.points = points, .eq = counts, .gap = counts + n, .n = n, .total = n};
}

static void
free_cells(struct otc_cells *cells)
{
    free((void *)(uintptr_t)cells->points);
    free((void *)(uintptr_t)cells->eq);
}

static void
bench_find(const char *what, size_t n, double (*draw)(void), const double *values, bool indexed)
{
    struct otc_cells cells = make_cells(n, draw);
    struct otc_cells_index *index = indexed ? otc_cells_index_new(cells.points, n) : NULL;
    double best = INFINITY;

    cells.index = index;
    for (int round = 0; round < ROUNDS; round++) {
        double start = seconds();
        size_t total = 0;

        for (size_t i = 0; i < VALUES; i++)
            total += otc_cells_find(&cells, values[i]);
        sink = total;
        best = fmin(best, (seconds() - start) / VALUES);
    }
    printf("find %-9s %-7s %7zu points %8.1f ns\n", what, indexed ? "indexed" : "plain", n, best * 1e9);
    otc_cells_index_free(index);
    free_cells(&cells);
}

static void
bench_ks(size_t n, const double *values)
{
    struct otc_cells cells = make_cells(n, normal);
    uint64_t *counts = calloc(2 * n + 1, sizeof(uint64_t));
    struct otc_cell_counts cur = {.eq = counts, .gap = counts ? counts + n : NULL, .total = VALUES};
    double best = INFINITY, best_p = INFINITY;

    if (!counts)
        exit(1);
    for (size_t i = 0; i < VALUES; i++) {
        size_t cell = otc_cells_find(&cells, values[i]);

        (cell % 2 ? cur.eq : cur.gap)[cell / 2]++;
    }
    for (int round = 0; round < ROUNDS; round++) {
        double start = seconds();
        struct otc_ks ks = otc_cells_ks(&cells, &cur);
        double middle = seconds();

        sink = (size_t)(ks.d * 1e6 + otc_ks_p_value(ks.d, n, VALUES, OTC_KS_TWO_SIDED, OTC_KS_AUTO));
        best = fmin(best, middle - start);
        best_p = fmin(best_p, seconds() - middle);
    }
    printf("KS evaluation    %9zu points    %8.1f us, p-value %.1f us\n", n, best * 1e6, best_p * 1e6);
    free(counts);
    free_cells(&cells);
}

static void
bench_exact_p(uint64_t n, uint64_t m, double d)
{
    double start = seconds();
    double p = otc_ks_p_value(d, n, m, OTC_KS_TWO_SIDED, OTC_KS_EXACT);

    printf("exact KS p-value %5llu and %5llu     %8.1f us (D %.3g, p %.3g)\n", (unsigned long long)n,
           (unsigned long long)m, (seconds() - start) * 1e6, d, p);
}

static void
bench_histogram(const double *values)
{
    double best = INFINITY;

    for (int round = 0; round < ROUNDS; round++) {
        struct otc_exp_histogram histogram;

        otc_exp_histogram_init(&histogram, 7, 2048);
        for (size_t i = 0; i < VALUES; i++)
            (void)otc_exp_histogram_add(&histogram, values[i]);

        double start = seconds();

        for (size_t i = 0; i < VALUES; i++)
            sink = otc_exp_histogram_add(&histogram, values[i]);
        best = fmin(best, (seconds() - start) / VALUES);
        otc_exp_histogram_release(&histogram);
    }
    printf("histogram update, 2048 buckets      %8.1f ns\n", best * 1e9);
}

/* ---- Counted instructions: a reference of 10,000 points ---------------------------------------------- */

struct counted {
    const double *values;
    size_t next;
    struct otc_cells cells;
    struct otc_cell_counts counts;
    struct otc_exp_histogram histogram;
};

static void
find_one(void *arg)
{
    struct counted *c = arg;

    sink = otc_cells_find(&c->cells, c->values[c->next++ % VALUES]);
}

static void
ks_one(void *arg)
{
    const struct counted *c = arg;

    sink = (size_t)(otc_cells_ks(&c->cells, &c->counts).d * 1e6);
}

static void
p_value_one(void *arg)
{
    const struct counted *c = arg;

    sink = (size_t)(otc_ks_p_value(0.02, c->cells.n, c->counts.total, OTC_KS_TWO_SIDED, OTC_KS_AUTO) * 1e6);
}

static void
histogram_one(void *arg)
{
    struct counted *c = arg;

    sink = otc_exp_histogram_add(&c->histogram, fabs(c->values[c->next++ % VALUES]));
}

static void
count_instructions(const double *values, const char *what, size_t times)
{
    static const struct {
        const char *name;
        void (*fn)(void *);
    } known[] = {{"find", find_one}, {"ks", ks_one}, {"p_value", p_value_one}, {"histogram", histogram_one}};
    struct counted c = {.values = values, .cells = make_cells(10000, normal)};
    uint64_t *counts = calloc(2 * c.cells.n + 1, sizeof(uint64_t));

    if (!counts)
        exit(1);
    c.cells.index = otc_cells_index_new(c.cells.points, c.cells.n);
    c.counts = (struct otc_cell_counts){.eq = counts, .gap = counts + c.cells.n, .total = VALUES};
    otc_exp_histogram_init(&c.histogram, 7, 2048);
    for (size_t i = 0; i < VALUES; i++) {
        size_t cell = otc_cells_find(&c.cells, values[i]);

        (cell % 2 ? c.counts.eq : c.counts.gap)[cell / 2]++;
        histogram_one(&c);
    }
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strcmp(known[i].name, what) == 0)
            bench_counted(known[i].fn, &c, times);
    otc_exp_histogram_release(&c.histogram);
    otc_cells_index_free((struct otc_cells_index *)(uintptr_t)c.cells.index);
    free(counts);
    free_cells(&c.cells);
}

static double
lognormal(void)
{
    return exp(normal());
}

int
main(int argc, char **argv)
{
    static const size_t sizes[] = {10, 100, 1000, 10000, 100000};
    static double normals[VALUES], lognormals[VALUES];

    for (size_t i = 0; i < VALUES; i++) {
        normals[i] = normal();
        lognormals[i] = lognormal();
    }
    if (argc == 3) {
        count_instructions(normals, argv[1], strtoul(argv[2], NULL, 10));
        return 0;
    }
    for (int indexed = 0; indexed < 2; indexed++)
        for (size_t i = 0; i < 5; i++) {
            bench_find("normal", sizes[i], normal, normals, indexed);
            bench_find("lognormal", sizes[i], lognormal, lognormals, indexed);
        }
    bench_ks(1000, normals);
    bench_ks(10000, normals);
    bench_exact_p(10000, 1000, 0.05);
    bench_exact_p(10000, 9999, 0.02);
    bench_histogram(lognormals);
    return 0;
}
