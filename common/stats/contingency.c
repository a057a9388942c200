// SPDX-License-Identifier: Apache-2.0
#include "common/stats/contingency.h"
#include "common/stats/pvalue.h"

#include <math.h>
#include <stdbool.h>

/* A 2 x k table whose columns are walked one by one: totals first, then the statistic. */
struct table {
    double ref_total;
    double cur_total;
    size_t columns;
};

static struct table
table_of(const uint64_t *ref, const uint64_t *cur, size_t k)
{
    struct table table = {0, 0, 0};

    for (size_t i = 0; i < k; i++) {
        table.ref_total += (double)ref[i];
        table.cur_total += (double)cur[i];
        table.columns += ref[i] + cur[i] > 0;
    }
    return table;
}

/* (observed - expected)^2 / expected of one column's two entries, both moved towards expectation by
 * `correction`. */
static double
column_statistic(const struct table *table, double ref, double cur, double correction)
{
    double share = (ref + cur) / (table->ref_total + table->cur_total);
    double expected_ref = share * table->ref_total, expected_cur = share * table->cur_total;
    double off_ref = fabs(ref - expected_ref), off_cur = fabs(cur - expected_cur);

    off_ref -= fmin(correction, off_ref);
    off_cur -= fmin(correction, off_cur);
    return off_ref * off_ref / expected_ref + off_cur * off_cur / expected_cur;
}

static struct otc_chi_squared
plain(const uint64_t *ref, const uint64_t *cur, size_t k, bool yates)
{
    struct table table = table_of(ref, cur, k);
    struct otc_chi_squared out = {NAN, NAN, 0};

    if (!(table.ref_total > 0 && table.cur_total > 0)) {
        return out;
    }
    out.statistic = 0;
    out.dof = table.columns - 1;
    for (size_t i = 0; out.dof > 0 && i < k; i++) {
        if (ref[i] + cur[i] > 0) {
            out.statistic +=
                column_statistic(&table, (double)ref[i], (double)cur[i], yates && out.dof == 1 ? 0.5 : 0);
        }
    }
    out.p_value = out.dof == 0 ? 1 : otc_chi_squared_sf(out.statistic, (double)out.dof);
    return out;
}

struct otc_chi_squared
otc_chi_squared_contingency(const uint64_t *ref, const uint64_t *cur, size_t k)
{
    return plain(ref, cur, k, true);
}

struct otc_chi_squared
otc_chi_squared_uncorrected(const uint64_t *ref, const uint64_t *cur, size_t k)
{
    return plain(ref, cur, k, false);
}

/* What pooling decides: which columns stand alone, and the column that all others form together. */
struct pool {
    double ref;
    double cur;
    size_t alone;
    size_t joined; /* an index that the pool takes in beside the small ones; k: none */
};

static struct pool
pool_of(const uint64_t *ref, const uint64_t *cur, size_t k, double limit)
{
    struct pool pool = {0, 0, 0, k};
    double smallest = INFINITY;

    for (size_t i = 0; i < k; i++) {
        double both = (double)ref[i] + (double)cur[i];

        if (both == 0) {
            continue;
        }
        if (both < limit) {
            pool.ref += (double)ref[i];
            pool.cur += (double)cur[i];
            continue;
        }
        pool.alone++;
        if (both < smallest) {
            smallest = both;
            pool.joined = i;
        }
    }
    if (pool.ref + pool.cur > 0 && pool.ref + pool.cur < limit && pool.joined < k) {
        pool.ref += (double)ref[pool.joined];
        pool.cur += (double)cur[pool.joined];
        pool.alone--;
    } else {
        pool.joined = k;
    }
    return pool;
}

struct otc_chi_squared
otc_chi_squared_pooled(const uint64_t *ref, const uint64_t *cur, size_t k, double min_expected,
                       double design_effect)
{
    struct table table = table_of(ref, cur, k);
    struct otc_chi_squared out = {NAN, NAN, 0};
    double effect = fmax(1, design_effect);

    if (!(table.ref_total > 0 && table.cur_total > 0)) {
        return out;
    }

    /* expectation on the current side = both * m / (n + m) / effect */
    double limit = min_expected * effect * (table.ref_total + table.cur_total) / table.cur_total;
    struct pool pool = pool_of(ref, cur, k, limit);
    bool has_pool = pool.ref + pool.cur > 0;
    size_t columns = pool.alone + has_pool;

    if (columns < 2) {
        return out;
    }
    out.dof = columns - 1;
    table.ref_total /= effect;
    table.cur_total /= effect;

    double correction = out.dof == 1 ? 0.5 : 0;

    out.statistic = has_pool ? column_statistic(&table, pool.ref / effect, pool.cur / effect, correction) : 0;
    for (size_t i = 0; i < k; i++) {
        if ((double)ref[i] + (double)cur[i] >= limit && i != pool.joined) {
            out.statistic +=
                column_statistic(&table, (double)ref[i] / effect, (double)cur[i] / effect, correction);
        }
    }
    out.p_value = otc_chi_squared_sf(out.statistic, (double)out.dof);
    return out;
}
