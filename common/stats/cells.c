// SPDX-License-Identifier: Apache-2.0
#include "common/stats/cells.h"

#include "common/stats/shares.h"

#include <math.h>

/* A running comparison of two CDFs: counts so far, and the extremes of F_ref - F_cur with the counts they
 * had. */
struct sweep {
    double inverse_ref;
    double inverse_cur;
    uint64_t ref;
    uint64_t cur;
    double highest;
    double lowest;
    uint64_t highest_at[2];
    uint64_t lowest_at[2];
    size_t highest_point;
    size_t lowest_point;
};

static inline void
sweep_look(struct sweep *sweep, size_t point)
{
    double difference =
        (double)(int64_t)sweep->ref * sweep->inverse_ref - (double)(int64_t)sweep->cur * sweep->inverse_cur;

    if (difference > sweep->highest) {
        sweep->highest = difference;
        sweep->highest_at[0] = sweep->ref;
        sweep->highest_at[1] = sweep->cur;
        sweep->highest_point = point;
    }
    if (difference < sweep->lowest) {
        sweep->lowest = difference;
        sweep->lowest_at[0] = sweep->ref;
        sweep->lowest_at[1] = sweep->cur;
        sweep->lowest_point = point;
    }
}

/*
 * Largest distance that an order of values inside a gap could hide: all of one side before all of the other.
 * `ref` and `cur` are the counts before the gap.
 */
static double
gap_reach(struct sweep before, uint64_t ref_gap, uint64_t cur_gap)
{
    double ref = (double)before.ref * before.inverse_ref;
    double cur = (double)before.cur * before.inverse_cur;
    double ref_first = ref + (double)ref_gap * before.inverse_ref - cur;
    double cur_first = cur + (double)cur_gap * before.inverse_cur - ref;

    return fmax(ref_first, cur_first);
}

struct otc_ks
otc_cells_ks(const struct otc_cells *ref, const struct otc_cell_counts *cur)
{
    if (ref->total == 0 || cur->total == 0 || ref->n == 0) {
        return (struct otc_ks){NAN, NAN, NAN, NAN, NAN};
    }

    struct sweep sweep = {.inverse_ref = 1.0 / (double)ref->total, .inverse_cur = 1.0 / (double)cur->total};
    double reach = 0;

    for (size_t i = 0; i <= ref->n; i++) {
        size_t point = i < ref->n ? i : ref->n - 1;

        if (ref->gap[i] > 0 && cur->gap[i] > 0) {
            reach = fmax(reach, gap_reach(sweep, ref->gap[i], cur->gap[i]));
        }
        sweep.ref += ref->gap[i];
        sweep.cur += cur->gap[i];
        sweep_look(&sweep, point);
        if (i == ref->n) {
            break;
        }
        sweep.ref += ref->eq[i];
        sweep.cur += cur->eq[i];
        sweep_look(&sweep, point);
    }

    double greater = otc_share_difference(sweep.highest_at[0], ref->total, sweep.highest_at[1], cur->total);
    double less = -otc_share_difference(sweep.lowest_at[0], ref->total, sweep.lowest_at[1], cur->total);
    struct otc_ks ks = {.d_greater = greater, .d_less = less > 0 ? less : 0};

    ks.d = fmax(greater, ks.d_less);
    ks.at = ref->points[greater >= ks.d_less ? sweep.highest_point : sweep.lowest_point];
    ks.error = fmax(0, reach - ks.d);
    return ks;
}

/* The part of the Wasserstein integral between two neighbouring points, and what it may miss. */
struct gap_area {
    double area;
    double error;
};

/*
 * Over a width w the difference F_cur - F_ref climbs from `start` to `end` with integral `sum`. Without a
 * sign change |sum| is exact. With one, the most that monotone climb can enclose is a single step placed so
 * that the integral fits.
 */
static struct gap_area
gap_area(double start, double end, double width, double sum)
{
    struct gap_area out = {fabs(sum), 0};

    if (start < 0 && end > 0) {
        double step = (end * width - sum) / (end - start);
        double most = -start * step + end * (width - step);

        out.error = fmax(0, most - out.area);
    }
    return out;
}

/* The area between the CDFs on one side of all points: how far, in sum, the values of each sample reach out
 * there. Exact where one sample has none; else the CDFs may cross, and no more than both areas is enclosed.
 */
static struct gap_area
outer_area(double ref_reach, double cur_reach)
{
    return (struct gap_area){fabs(cur_reach - ref_reach), 2 * fmin(ref_reach, cur_reach)};
}

/* The same of the gap 0 or n. A reference that does not know how far its values reach there, as a private
 * one, is taken to reach as far as the current ones do on average; what that misses is not known. */
static struct gap_area
outer_gap(const struct otc_cells *ref, const struct otc_cell_counts *cur, size_t gap)
{
    double n = (double)ref->total, m = (double)cur->total;
    double ref_count = (double)ref->gap[gap], cur_count = (double)cur->gap[gap];
    double cur_reach = fabs(cur->gap_sum[gap]);
    struct gap_area out;

    if (ref->gap[gap] == 0 || ref->outer_sums) {
        return outer_area(ref->gap[gap] > 0 ? fabs(ref->outer_sums[gap > 0]) / n : 0, cur_reach / m);
    }
    out = outer_area(cur->gap[gap] > 0 ? cur_reach / cur_count * ref_count / n : 0, cur_reach / m);
    out.error = INFINITY;
    return out;
}

double
otc_cells_wasserstein(const struct otc_cells *ref, const struct otc_cell_counts *cur, double *error)
{
    if (error) {
        *error = NAN;
    }
    if (ref->total == 0 || cur->total == 0 || ref->n == 0 || !cur->gap_sum) {
        return NAN;
    }

    double n = (double)ref->total, m = (double)cur->total;
    struct gap_area below = outer_gap(ref, cur, 0), above = outer_gap(ref, cur, ref->n);
    double area = below.area + above.area;
    double missed = below.error + above.error;
    uint64_t ref_below = ref->gap[0], cur_below = cur->gap[0];

    for (size_t i = 1; i < ref->n; i++) {
        ref_below += ref->eq[i - 1];
        cur_below += cur->eq[i - 1];

        double width = ref->points[i] - ref->points[i - 1];
        double start = (double)cur_below / m - (double)ref_below / n;
        double climb = (double)cur->gap[i] / m;
        /* Reference values inside a gap (capped reference) are taken as spread evenly. */
        double ref_climb = (double)ref->gap[i] / n;
        double sum = start * width - ref_climb * width / 2;

        if (cur->gap[i] > 0) {
            sum += ((double)cur->gap[i] * width - cur->gap_sum[i]) / m;
        }

        struct gap_area part = gap_area(start - ref_climb, start + climb, width, sum);

        area += part.area;
        missed += part.error + ref_climb * width / 2;
        ref_below += ref->gap[i];
        cur_below += cur->gap[i];
    }
    /* Values near the largest double: their sums overflow, and no distance is known. */
    if (!isfinite(area)) {
        return NAN;
    }
    if (error) {
        *error = missed;
    }
    return fmax(0, area);
}

/*
 * The sums of Cramer-von-Mises' T, over groups of tied values: of ((F - G)^2 before the group + after it)
 * times how much F and G climb in it, and of a^3 / n - b^3 / m for a and b values of the samples. By parts, T
 * is
 *
 *     n m / (4 (n + m)) * squares + (n - m) ((n + m) * ties - (n - m)) / (12 n m (n + m))
 *
 * which, unlike the sums of squared ranks, does not take large numbers from each other.
 */
struct rank_sums {
    double inverse_n, inverse_m;
    double ref, cur; /* values so far */
    double apart;    /* F - G there */
    double squares, ties;
};

static inline void
add_tied(struct rank_sums *sums, double ref, double cur)
{
    double before = sums->apart, part = ref * sums->inverse_n, climb = cur * sums->inverse_m;

    sums->ref += ref;
    sums->cur += cur;
    sums->apart = sums->ref * sums->inverse_n - sums->cur * sums->inverse_m;
    sums->squares += (before * before + sums->apart * sums->apart) * (part + climb);
    sums->ties += ref * ref * part - cur * cur * climb;
}

/* The same of `cur` groups of one value each. */
static inline void
add_alone(struct rank_sums *sums, double cur)
{
    double before = sums->apart, climb = cur * sums->inverse_m;

    sums->cur += cur;
    sums->apart = sums->ref * sums->inverse_n - sums->cur * sums->inverse_m;
    sums->squares += climb *
                     (2 * (before * before + before * sums->apart + sums->apart * sums->apart) +
                      sums->inverse_m * sums->inverse_m) /
                     3;
    sums->ties -= climb;
}

double
otc_cells_cramer_von_mises(const struct otc_cells *ref, const struct otc_cell_counts *cur)
{
    if (ref->total == 0 || cur->total == 0) {
        return NAN;
    }

    double n = (double)ref->total, m = (double)cur->total, both = n + m;
    struct rank_sums sums = {.inverse_n = 1 / n, .inverse_m = 1 / m};

    for (size_t i = 0; i <= ref->n; i++) {
        if (ref->gap[i] > 0) {
            add_tied(&sums, (double)ref->gap[i], (double)cur->gap[i]);
        } else if (cur->gap[i] > 0) {
            add_alone(&sums, (double)cur->gap[i]);
        }
        if (i < ref->n) {
            add_tied(&sums, (double)ref->eq[i], (double)cur->eq[i]);
        }
    }
    return n * m / (4 * both) * sums.squares + (n - m) * (both * sums.ties - (n - m)) / (12 * n * m * both);
}

void
otc_cells_bin(const struct otc_cells *cells, const uint64_t *eq, const uint64_t *gap, const double *edges,
              size_t n_edges, uint64_t *out)
{
    size_t bin = 0;

    for (size_t i = 0; i <= n_edges; i++) {
        out[i] = 0;
    }
    for (size_t i = 0; i <= cells->n; i++) {
        out[bin] += gap[i];
        if (i == cells->n) {
            break;
        }
        while (bin < n_edges && edges[bin] <= cells->points[i]) {
            bin++;
        }
        out[bin] += eq[i];
    }
}
