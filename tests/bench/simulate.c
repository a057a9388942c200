// SPDX-License-Identifier: Apache-2.0
/*
 * How often verdicts are wrong: the null law of PSI, the size of the tests, false incidents a week and power
 * of the shipped defaults, and where they are blind. `simulate` prints docs/drift-simulations.md, `simulate
 * csv` the same numbers as CSV. Seeds are fixed: every run prints the same.
 */
#include "common/stats/bins.h"
#include "common/stats/pvalue.h"
#include "tests/harness/simulation/simulation.h"

#include <math.h>
#include <stdarg.h>

#define SEED 20240229
#define WEEK 2016 /* panes of five minutes */
#define DAY 288

static bool csv;

static void
need(bool done)
{
    if (!done) {
        (void)fputs("simulate: out of memory\n", stderr);
        exit(1);
    }
}

/* A heading with its text, the columns, and the rule below them; in CSV the columns alone. */
static void
table(const char *title, const char *text, const char *columns)
{
    size_t n = 1;

    if (csv) {
        (void)printf("%s,%s\n", "table", columns);
        return;
    }
    (void)printf("\n## %s\n\n%s\n\n| ", title, text);
    for (const char *c = columns; *c; c++) {
        n += *c == ',';
        (void)(*c == ',' ? printf(" | ") : putchar(*c));
    }
    (void)printf(" |\n|");
    while (n-- > 0) {
        (void)printf("---|");
    }
    (void)putchar('\n');
}

static void row(const char *name, const char *format, ...) OTC_PRINTF(2, 3);

/* Cells separated by commas. */
static void
row(const char *name, const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (csv) {
        (void)printf("%s,%s\n", name, text);
        return;
    }
    (void)printf("| ");
    for (const char *c = text; *c; c++) {
        (void)(*c == ',' ? printf(" | ") : putchar(*c));
    }
    (void)printf(" |\n");
}

/* ---- PSI ------------------------------------------------------------------------------------------ */

struct psi_case {
    size_t n, m, bins;
};

static int
by_value(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;

    return (a > b) - (a < b);
}

/* PSI of m uniform values against the quantile bins of n: their counts in bins of equal counts. */
static double
null_psi(struct sim_random *random, const struct psi_case *c, double *sample, uint64_t *counts)
{
    uint64_t *reference = counts, *current = counts + c->bins;
    double edges[128];

    for (size_t i = 0; i < c->n; i++) {
        sample[i] = sim_uniform(random);
    }
    qsort(sample, c->n, sizeof(double), by_value);
    memset(counts, 0, 2 * c->bins * sizeof(*counts));
    for (size_t b = 0; b < c->bins; b++) {
        size_t from = b * c->n / c->bins, to = (b + 1) * c->n / c->bins;

        reference[b] = to - from;
        edges[b] = to < c->n ? sample[to] : 1;
    }
    for (size_t i = 0; i < c->m; i++) {
        current[otc_bin_of(edges, c->bins - 1, sim_uniform(random))]++;
    }
    return otc_psi(reference, current, c->bins, OTC_EMPTY_LAPLACE, 0.5);
}

static void
psi_law(void)
{
    static const struct psi_case cases[] = {{100, 100, 10},   {1000, 50, 10},    {1000, 100, 10},
                                            {1000, 200, 10},  {10000, 100, 10},  {10000, 200, 10},
                                            {10000, 500, 10}, {10000, 1000, 10}, {10000, 100, 20},
                                            {10000, 100, 30}, {10000, 1000, 30}};
    enum { RUNS = 2000 };
    static double sample[10000], psi[RUNS];
    uint64_t counts[64];
    struct sim_random random;

    table("PSI without drift",
          "`n` reference rows, `m` rows of the window, `B` quantile bins with half an observation added to "
          "each. The "
          "law is (1/n + 1/m) chi-squared(B - 1). Size: how often its p-value is at most 0.05; the connector "
          "gives "
          "no p-value for m < 5 B. 2000 draws each.",
          "n,m,B,mean by the law,mean,95 % by the law,95 %,P(PSI >= 0.1),P(PSI >= 0.2),size at 0.05");
    sim_seed(&random, SEED);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct psi_case *c = &cases[i];
        double unit = 1 / (double)c->n + 1 / (double)c->m, mean = 0, tenth = 0, fifth = 0, size = 0, at = 0;

        for (size_t run = 0; run < RUNS; run++) {
            psi[run] = null_psi(&random, c, sample, counts);
            mean += psi[run] / RUNS;
            tenth += psi[run] >= 0.1;
            fifth += psi[run] >= 0.2;
            size += otc_chi_squared_sf(psi[run] / unit, (double)c->bins - 1) <= 0.05;
        }
        qsort(psi, RUNS, sizeof(double), by_value);
        while (otc_chi_squared_sf(at, (double)c->bins - 1) > 0.05) {
            at += 0.001;
        }
        row("psi_law", "%zu,%zu,%zu,%.4f,%.4f,%.4f,%.4f,%.3f,%.3f,%s%.3f", c->n, c->m, c->bins,
            unit * ((double)c->bins - 1), mean, unit * at, psi[RUNS * 95 / 100], tenth / RUNS, fifth / RUNS,
            c->m < 5 * c->bins && !csv ? "no p; " : "", size / RUNS);
    }
}

/* ---- Verdicts ------------------------------------------------------------------------------------- */

static const char *
rows_name(const struct sim_setup *setup)
{
    switch (setup->dependence) {
    case SIM_INDEPENDENT:
        return "independent";
    case SIM_AR1:
        return "AR(1) 0.5";
    case SIM_SESSIONS:
        return setup->session > 10 ? "sessions of 50" : "sessions of 10";
    }
    return "";
}

static void
add(struct sim_outcome *sum, const struct sim_outcome *one, double weight)
{
    sum->evaluations += one->evaluations;
    sum->feature_evaluations += one->feature_evaluations;
    sum->rejecting_windows += one->rejecting_windows;
    sum->drifted_windows += one->drifted_windows;
    sum->found_windows += one->found_windows;
    sum->design_effect += one->design_effect * weight;
    for (size_t i = 0; i < SIM_RULES_MAX; i++) {
        sum->incidents[i] += one->incidents[i];
    }
    for (size_t t = 0; t < OTC_N_TESTS; t++) {
        sum->plain[t] += one->plain[t];
        sum->decided[t] += one->decided[t];
    }
}

static void
false_alarms(void)
{
    static const struct alarm_case {
        enum sim_rows rows;
        bool unordered;
        size_t m, n, features, weeks;
        double session;
    } cases[] = {
        {SIM_INDEPENDENT, false, 204, 20000, 100, 1, 0}, {SIM_INDEPENDENT, false, 204, 20000, 20, 4, 0},
        {SIM_INDEPENDENT, false, 504, 20000, 100, 1, 0}, {SIM_INDEPENDENT, false, 504, 20000, 20, 4, 0},
        {SIM_INDEPENDENT, false, 2004, 20000, 20, 2, 0}, {SIM_INDEPENDENT, false, 504, 5000, 20, 1, 0},
        {SIM_AR1, false, 204, 20000, 20, 4, 0},          {SIM_AR1, false, 504, 20000, 100, 1, 0},
        {SIM_SESSIONS, false, 204, 20000, 20, 4, 10},    {SIM_SESSIONS, false, 504, 20000, 100, 1, 10},
        {SIM_INDEPENDENT, true, 504, 20000, 100, 1, 0},  {SIM_AR1, true, 204, 20000, 20, 4, 0},
        {SIM_AR1, true, 504, 20000, 100, 1, 0},          {SIM_SESSIONS, true, 204, 20000, 20, 4, 10},
        {SIM_SESSIONS, true, 504, 20000, 100, 1, 10},    {SIM_SESSIONS, false, 504, 20000, 20, 4, 50},
        {SIM_SESSIONS, true, 504, 20000, 20, 4, 50},
    };

    table("False alarms of the defaults",
          "Stable features, hourly windows of 12 panes, an evaluation every five minutes, 2016 a week. The "
          "last columns "
          "count incidents a week (off to on) of all features together under three rules; `4 of 6` is the "
          "default. "
          "\"No times\": a reference whose rows had no order, so that dependence is estimated from the "
          "windows alone, the first ones of the run with little history.",
          "rows,m,reference,features,weeks,size of KS at 0.05,the same as it decides,design effect,windows "
          "that reject,"
          "1 of 1,2 of 3,4 of 6");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct alarm_case *c = &cases[i];
        struct sim_setup setup = sim_default(c->m);
        struct sim_outcome sum = {.evaluations = 0}, one;
        double evaluations, weeks = (double)c->weeks;

        setup.dependence = c->rows;
        setup.r = 0.5;
        setup.session = c->session;
        setup.reference_rows = c->n;
        setup.features = c->features;
        setup.unordered = c->unordered;
        setup.rules[0] = (struct sim_rule){1, 1};
        setup.rules[1] = (struct sim_rule){2, 3};
        setup.rules[2] = (struct sim_rule){4, 6};
        for (size_t week = 0; week < c->weeks; week++) {
            setup.seed = SEED + i * 100 + week;
            need(sim_run(&setup, WEEK, &one));
            add(&sum, &one, 1 / weeks);
        }
        evaluations = (double)sum.feature_evaluations;
        row("false_alarms", "%s%s,%zu,%zu,%zu,%zu,%.3f,%.3f,%.2f,%.4f,%.1f,%.1f,%.1f", rows_name(&setup),
            c->unordered ? "; no times" : "", c->m, c->n, c->features, c->weeks,
            (double)sum.plain[OTC_TEST_KS] / evaluations, (double)sum.decided[OTC_TEST_KS] / evaluations,
            sum.design_effect, (double)sum.rejecting_windows / (double)sum.evaluations,
            (double)sum.incidents[0] / weeks, (double)sum.incidents[1] / weeks,
            (double)sum.incidents[2] / weeks);
    }
}

/* One row: a share of windows found, and of runs detected within two windows after the change. */
static void
power_row(const char *name, struct sim_setup setup, size_t runs, const char *what)
{
    struct sim_outcome sum = {.evaluations = 0}, one;
    double detected = 0, after = 0;
    char panes[32];

    setup.change_pane = setup.panes + setup.warmup;
    for (size_t run = 0; run < runs; run++) {
        setup.seed = SEED + 7919 * (run + 1);
        need(sim_run(&setup, 2 * setup.panes + 1 + setup.ramp_panes, &one));
        add(&sum, &one, 1 / (double)runs);
        if (one.found_after[0] != SIZE_MAX) {
            detected++;
            after += (double)one.found_after[0];
        }
    }
    (void)snprintf(panes, sizeof(panes), detected > 0 ? "%.1f" : "-", after / detected);
    row(name, "%s,%s%s,%zu,%zu,%zu,%zu,%s,%.3f,%.3f,%s", what, rows_name(&setup),
        setup.unordered ? "; no times" : "", setup.rows, setup.reference_rows, setup.features,
        setup.warmup / setup.panes, setup.independent ? "none" : "panes",
        (double)sum.found_windows / (double)sum.drifted_windows, detected / (double)runs, panes);
}

#define POWER_COLUMNS                                                                                        \
    "drift,rows,m,reference,features,hours before,dependence,windows that reject,detected within 2 "         \
    "windows,panes until "                                                                                   \
    "then"

static void
power(void)
{
    static const struct power_case {
        enum sim_rows rows;
        bool unordered, independent;
        double size;
        size_t m, n, features, before;
    } cases[] = {
        {SIM_INDEPENDENT, false, false, 0.3, 504, 20000, 8, DAY},
        {SIM_INDEPENDENT, true, false, 0.3, 504, 20000, 8, DAY},
        {SIM_INDEPENDENT, false, true, 0.3, 504, 20000, 8, DAY},
        {SIM_INDEPENDENT, false, false, 0.3, 504, 20000, 8, 0},
        {SIM_INDEPENDENT, true, false, 0.3, 504, 20000, 8, 0},
        {SIM_INDEPENDENT, true, false, 0.3, 504, 20000, 8, 36},
        {SIM_INDEPENDENT, false, false, 0.3, 504, 5000, 8, DAY},
        {SIM_INDEPENDENT, false, false, 0.3, 204, 20000, 8, DAY},
        {SIM_INDEPENDENT, false, false, 0.25, 504, 20000, 8, DAY},
        {SIM_INDEPENDENT, false, false, 0.25, 1008, 20000, 8, DAY},
        {SIM_INDEPENDENT, false, false, 0.2, 2004, 20000, 8, DAY},
        {SIM_INDEPENDENT, false, false, 0.3, 504, 20000, 100, DAY},
        {SIM_AR1, false, false, 0.3, 504, 20000, 8, DAY},
        {SIM_AR1, true, false, 0.3, 504, 20000, 8, DAY},
        {SIM_SESSIONS, false, false, 0.5, 504, 20000, 8, DAY},
        {SIM_SESSIONS, true, false, 0.5, 504, 20000, 8, DAY},
    };

    table("Power of the defaults",
          "The mean of one feature moves by so many standard deviations. Windows: those that hold drifted "
          "rows alone. "
          "Panes until detection count from the change; a window has 12. Hours before: windows of the stable "
          "feature before it changes, beyond the first, from which its dependence is known.",
          POWER_COLUMNS);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sim_setup setup = sim_default(cases[i].m);
        char what[32];

        setup.size = cases[i].size;
        setup.dependence = cases[i].rows;
        setup.r = 0.5;
        setup.session = 10;
        setup.reference_rows = cases[i].n;
        setup.features = cases[i].features;
        setup.warmup = cases[i].before;
        setup.unordered = cases[i].unordered;
        setup.independent = cases[i].independent;
        (void)snprintf(what, sizeof(what), "shift %g", setup.size);
        power_row("power", setup, cases[i].features > 8 ? 10 : 100, what);
    }
}

/* A drift must not be taken for dependence. */
static void
slow_drift(void)
{
    static const size_t hours[] = {1, 6, 24};

    table(
        "Slow drift",
        "The mean moves by 0.3 standard deviations little by little. Windows: those after it has arrived. If "
        "what moves were taken for dependence, a slower drift would be found less often then.",
        POWER_COLUMNS);
    for (size_t i = 0; i < sizeof(hours) / sizeof(hours[0]); i++) {
        struct sim_setup setup = sim_default(504);
        char what[40];

        setup.features = 8;
        setup.warmup = DAY;
        setup.unordered = true;
        setup.size = 0.3;
        setup.ramp_panes = hours[i] * setup.panes;
        (void)snprintf(what, sizeof(what), "shift 0.3 over %zu h", hours[i]);
        power_row("slow", setup, 50, what);
    }
}

static void
blind_spots(void)
{
    static const struct blind_case {
        const char *what;
        enum sim_change change;
        double size;
        size_t m;
    } cases[] = {
        {"shift 0.15: D 0.06 is below min_effect", SIM_SHIFT, 0.15, 5004},
        {"spread 1.25 times", SIM_SCALE, 0.25, 1008},
        {"spread 1.25 times", SIM_SCALE, 0.25, 5004},
        {"spread 1.5 times", SIM_SCALE, 0.5, 1008},
        {"95 % zeros: the tail doubles", SIM_TAIL, 1, 5004},
        {"95 % zeros: the tail becomes three times", SIM_TAIL, 2, 5004},
        {"4 % become missing", SIM_MISSING, 0.04, 5004},
        {"8 % become missing", SIM_MISSING, 0.08, 1008},
    };

    table(
        "Where the defaults are blind",
        "What is never found, however many rows there are, has an effect below `min_effect`: lower it for a "
        "feature "
        "that matters. A trailing reference moves along: a drift slower than its offset is never seen by it.",
        POWER_COLUMNS);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sim_setup setup = sim_default(cases[i].m);

        setup.features = 8;
        setup.warmup = DAY;
        setup.change = cases[i].change;
        setup.size = cases[i].size;
        power_row("blind", setup, 20, cases[i].what);
    }
}

int
main(int argc, char **argv)
{
    csv = argc > 1 && strcmp(argv[1], "csv") == 0;
    if (!csv) {
        (void)printf("# How often drift verdicts are wrong\n\nMade by `make simulate` "
                     "(tests/bench/simulate.c, seed %d): "
                     "features are drawn, and watched by the connector's own functions with its defaults: "
                     "level 0.01, "
                     "Benjamini-Hochberg, min_effect {ks: 0.08, psi: 0.05}, `4 of 6`, `dependence: panes`.\n",
                     SEED);
        (void)puts("\nWhat was asked of the defaults: at most one false incident a week over 100 stable "
                   "features, also when rows\n"
                   "resemble their neighbours; and a shift of 0.3 standard deviations found in nine of ten "
                   "windows of 500 independent\n"
                   "rows. Both hold, whether the reference's rows have times or not: what is measured of "
                   "dependence is\n"
                   "averaged over the last 24 windows (common/analysis/dependence.h). Of sessions that are "
                   "longer than\n"
                   "a pane the panes tell too little: the last row of the second table. There a reference "
                   "with times,\n"
                   "or longer panes, are needed.");
    }
    psi_law();
    false_alarms();
    power();
    slow_drift();
    blind_spots();
    return fflush(stdout) == 0 ? 0 : 1;
}
